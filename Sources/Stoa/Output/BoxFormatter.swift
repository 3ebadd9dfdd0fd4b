import Kernels
import Vectors

/// A table in lines for people. Types stand under the names, numbers to the right. Of a long result only the
/// first and last rows are kept, whatever its length. When the terminal is too narrow the widest columns are
/// cut first, then columns in the middle are left out.
public struct BoxFormatter: ResultFormatter {
  /// Longer texts are cut even where no terminal limits the width.
  private static let maximalCellWidth = 200
  /// Columns are not made narrower than this before whole ones go.
  private static let minimalCellWidth = 8

  private let options: OutputOptions
  private var columns: [ResultColumn] = []
  /// Texts of the first rows, row by row.
  private var head: [[String]] = []
  /// The last batches, at least as many rows as are shown at the end.
  private var tail: [Batch] = []
  private var tailRowCount = 0
  private var rowCount = 0

  /// A writer of one result.
  public init(_ options: OutputOptions = OutputOptions()) { self.options = options }

  /// Rows at most in `head`, and shown of `tail` when there are more than both together.
  private var headLimit: Int { options.maximalRowCount.map { max(1, ($0 + 1) / 2) } ?? .max }
  private var tailLimit: Int { options.maximalRowCount.map { max(1, $0 / 2) } ?? 0 }

  /// Keeps the columns; nothing can be drawn before the widths are known.
  public mutating func begin(_ columns: [ResultColumn], to bytes: inout [UInt8]) {
    self.columns = columns
  }

  /// Keeps the rows that will be shown.
  public mutating func append(_ batch: Batch, to bytes: inout [UInt8]) {
    let intoHead = min(batch.rowCount, headLimit - head.count)
    for row in 0..<intoHead { head.append(texts(of: row, in: batch)) }
    rowCount += batch.rowCount
    guard intoHead < batch.rowCount else { return }
    let keptFrom = max(intoHead, batch.rowCount - tailLimit)
    let kept = keptFrom == 0 ? batch : batch.slice(keptFrom..<batch.rowCount)
    tail.append(kept)
    tailRowCount += kept.rowCount
    while let first = tail.first, tailRowCount - first.rowCount >= tailLimit {
      tailRowCount -= first.rowCount
      tail.removeFirst()
    }
  }

  /// Draws the box.
  public mutating func end(footer: String?, to bytes: inout [UInt8]) {
    guard !columns.isEmpty else { return }
    var last: [[String]] = []
    for batch in tail {
      for row in 0..<batch.rowCount { last.append(texts(of: row, in: batch)) }
    }
    let shownOfTail = min(last.count, min(tailLimit, rowCount - head.count))
    last.removeFirst(last.count - shownOfTail)
    let skipped = rowCount - head.count - last.count
    var layout = Layout(columns: columns, head: head, tail: last, skippedCount: skipped)
    layout.fit(options.terminalWidth)
    layout.write(to: &bytes)
    if let footer { writeFooter(footer, layout, skipped: skipped, to: &bytes) }
  }

  private func writeFooter(
    _ footer: String, _ layout: Layout, skipped: Int, to bytes: inout [UInt8]
  ) {
    var text = footer
    if skipped > 0 { text += ", \(rowCount - skipped) shown" }
    if layout.shown.count < columns.count {
      text += ", \(layout.shown.count) of \(columns.count) columns"
    }
    bytes.append(text: text + "\n")
  }

  private func texts(of row: Int, in batch: Batch) -> [String] {
    batch.columns.map { column in
      guard column.isValid(row) else { return options.nullText }
      var bytes: [UInt8] = []
      TextFormatter.append(column, row: row, to: &bytes)
      return DisplayWidth.truncated(
        BoxFormatter.printable(String(decoding: bytes, as: UTF8.self)),
        to: BoxFormatter.maximalCellWidth)
    }
  }

  /// Control characters as escapes, so that a value cannot move the cursor.
  static func printable(_ text: String) -> String {
    guard
      text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
    else {
      return text
    }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0A: result += "\\n"
      case 0x0D: result += "\\r"
      case 0x09: result += "\\t"
      case 0..<0x20, 0x7F...0x9F:
        result += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension BoxFormatter {
  /// What is shown of a result, and how wide.
  private struct Layout {
    let columns: [ResultColumn]
    let head: [[String]]
    let tail: [[String]]
    let skippedCount: Int
    var widths: [Int]
    /// Indexes of the columns shown; the gap of those left out comes after `shown[gap - 1]`.
    var shown: [Int]
    var gap: Int?

    init(columns: [ResultColumn], head: [[String]], tail: [[String]], skippedCount: Int) {
      self.columns = columns
      self.head = head
      self.tail = tail
      self.skippedCount = skippedCount
      shown = Array(columns.indices)
      widths = columns.map { column in
        max(
          DisplayWidth.of(BoxFormatter.printable(column.name)), column.type.description.utf8.count)
      }
      for row in head + tail {
        for (index, text) in row.enumerated() {
          widths[index] = max(widths[index], DisplayWidth.of(text))
        }
      }
    }

    private var lineWidth: Int {
      shown.reduce(1) { $0 + widths[$1] + 3 } + (gap == nil ? 0 : 4)
    }

    /// Makes lines fit into `width` columns as far as that is possible.
    mutating func fit(_ width: Int?) {
      guard let width else { return }
      while lineWidth > width, let widest = shown.max(by: { widths[$0] < widths[$1] }),
        widths[widest] > BoxFormatter.minimalCellWidth
      {
        let second = shown.filter { $0 != widest }.map { widths[$0] }.max() ?? 0
        let surplus = lineWidth - width
        let target = max(
          BoxFormatter.minimalCellWidth, widths[widest] - surplus, min(second, widths[widest] - 1))
        widths[widest] = min(target, widths[widest] - 1)
      }
      while lineWidth > width, shown.count > 2 {
        let middle = shown.count / 2
        shown.remove(at: middle)
        gap = min(middle, shown.count - 1)
      }
    }

    func write(to bytes: inout [UInt8]) {
      writeRule("┌", "┬", "┐", to: &bytes)
      writeLine(to: &bytes) { (BoxFormatter.printable(columns[$0].name), .center) }
      writeLine(to: &bytes) { (columns[$0].type.description.lowercased(), .center) }
      writeRule("├", "┼", "┤", to: &bytes)
      for row in head { writeRow(row, to: &bytes) }
      if skippedCount > 0 {
        for _ in 0..<3 { writeLine(to: &bytes) { _ in ("·", .center) } }
      }
      for row in tail { writeRow(row, to: &bytes) }
      writeRule("└", "┴", "┘", to: &bytes)
    }

    private enum Alignment { case left, right, center }

    private func writeRow(_ row: [String], to bytes: inout [UInt8]) {
      writeLine(to: &bytes) { (row[$0], columns[$0].type.isNumeric ? .right : .left) }
    }

    private func writeLine(to bytes: inout [UInt8], _ cell: (Int) -> (String, Alignment)) {
      for (place, index) in shown.enumerated() {
        if place == gap { bytes.append(text: "│ … ") }
        let (text, alignment) = cell(index)
        bytes.append(text: "│ ")
        append(text, width: widths[index], alignment, to: &bytes)
        bytes.append(0x20)
      }
      bytes.append(text: "│\n")
    }

    private func append(
      _ text: String, width: Int, _ alignment: Alignment, to bytes: inout [UInt8]
    ) {
      let cut = DisplayWidth.truncated(text, to: width)
      let space = width - DisplayWidth.of(cut)
      let before = alignment == .left ? 0 : alignment == .right ? space : space / 2
      bytes.append(before, times: 0x20)
      bytes.append(text: cut)
      bytes.append(space - before, times: 0x20)
    }

    private func writeRule(
      _ left: String, _ middle: String, _ right: String, to bytes: inout [UInt8]
    ) {
      bytes.append(text: left)
      for (place, index) in shown.enumerated() {
        if place > 0 { bytes.append(text: middle) }
        if place == gap { bytes.append(text: "───" + middle) }
        bytes.append(text: String(repeating: "─", count: widths[index] + 2))
      }
      bytes.append(text: right + "\n")
    }
  }
}
