/// Answers of different engines: rows in any order, numbers that may differ in how they are written and in the last
/// digits of floating-point ones.
struct Answer {
  private let rows: [[Cell]]

  private enum Cell: Comparable {
    case number(Double)
    case text(String)

    static func < (left: Cell, right: Cell) -> Bool {
      switch (left, right) {
      // Far apart enough not to be the same number; others are ordered by later columns.
      case (.number(let a), .number(let b)): a < b && !Cell.isClose(a, b)
      case (.text(let a), .text(let b)): a < b
      case (.number, .text): true
      case (.text, .number): false
      }
    }

    static func isClose(_ a: Double, _ b: Double) -> Bool {
      abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))
    }

    func agrees(with other: Cell) -> Bool {
      switch (self, other) {
      case (.number(let a), .number(let b)): Cell.isClose(a, b)
      case (.text(let a), .text(let b)): a == b
      default: false
      }
    }
  }

  init(_ value: JSONValue?) {
    let rows = (value?.array ?? []).map { row in (row.array ?? []).map(Answer.cell) }
    self.rows = rows.sorted { left, right in
      for (a, b) in zip(left, right) {
        if a < b { return true }
        if b < a { return false }
      }
      return false
    }
  }

  private static func cell(_ value: JSONValue) -> Cell {
    if let number = value.number { return .number(number) }
    guard let text = value.string else { return .text("NULL") }
    return Double(text).map(Cell.number) ?? .text(text == "None" ? "NULL" : text)
  }

  var rowCount: Int { rows.count }

  /// The first row that differs, of both; `nil` when the answers agree.
  func difference(from other: Answer) -> String? {
    guard rowCount == other.rowCount else { return "\(rowCount) rows, \(other.rowCount) rows" }
    for (left, right) in zip(rows, other.rows) {
      if left.count != right.count || !zip(left, right).allSatisfy({ $0.agrees(with: $1) }) {
        return "\(left), \(right)"
      }
    }
    return nil
  }
}
