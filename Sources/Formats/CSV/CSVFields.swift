import CKernels
import Vectors

/// Some rows of a block with the same number of fields, located: field `c` of row `r` ends before offset
/// `ends[r * stride + c]` and begins one byte after the end before it (`ends[-1]` is the byte before the first row).
struct CSVFields {
  let text: UnsafePointer<UInt8>
  let ends: UnsafePointer<UInt32>
  let rowCount: Int
  let stride: Int

  /// Offset of the first byte of `row`.
  @inline(__always) func rowStart(_ row: Int) -> UInt32 { ends[row &* stride &- 1] &+ 1 }
}

/// Finds the fields of a block, some thousand at a time, and sorts out rows with a wrong number of them.
struct CSVRowScanner {
  /// Rows located at a time, so that text, offsets and values stay in the second-level cache.
  static let rowsAtATime = 1024

  let text: UnsafePointer<UInt8>
  let byteCount: Int
  let delimiter: UInt8
  let newline: UInt8
  let quoting: CSVQuoting?
  let columnCount: Int
  /// Slot 0 is the end before the first field.
  private let ends: Buffer
  private let capacity: Int

  init(_ block: CSVBlock, dialect: CSVDialect, columnCount: Int) {
    text = UnsafePointer(block.text.typed(UInt8.self))
    byteCount = block.byteCount
    delimiter = dialect.delimiter
    newline = dialect.newline
    quoting = block.hasQuotes ? CSVQuoting(dialect) : nil
    self.columnCount = columnCount
    let rows = min(CSVRowScanner.rowsAtATime, block.newlineCount + 1)
    capacity = rows * (columnCount + 1) + 128
    ends = Buffer(of: UInt32.self, count: capacity + 1)
  }

  /// Calls `accept` with all well-formed rows in order and `refuse` with the others: offset of the row and its number
  /// of fields. Blank lines are no rows unless there is only one column.
  func scan(accept: (CSVFields) -> Void, refuse: (_ rowStart: Int, _ fieldCount: Int) -> Void) {
    var at = 0
    while at < byteCount {
      let slots = ends.typed(UInt32.self)
      slots[0] = UInt32(truncatingIfNeeded: at &- 1)
      let first = slots + 1
      var newlines = 0
      let found = locate(first, from: at, &newlines)
      if let stride = uniformStride(first, found, newlines) {
        let rows = newlines
        accept(CSVFields(text: text, ends: first, rowCount: rows, stride: stride))
        at = Int(first[rows * stride - 1]) + 1
      } else if newlines > 0 {
        at = sortOut(first, found, accept, refuse)
      } else {
        let end = rowEnd(from: at)
        refuse(at, found)
        at = end
      }
    }
  }

  private func locate(
    _ target: UnsafeMutablePointer<UInt32>, from start: Int, _ newlines: inout Int
  ) -> Int {
    guard let quoting else {
      return stoa_find_field_ends(
        text, start, byteCount, delimiter, newline, target, capacity, &newlines)
    }
    var at = start
    var found = 0
    while at < byteCount && found < capacity {
      at = fieldEnd(from: at, quoting)
      target[found] = UInt32(truncatingIfNeeded: at)
      found &+= 1
      if text[at] == newline { newlines &+= 1 }
      at &+= 1
    }
    return found
  }

  /// Offset of the delimiter or newline that ends the field at `start`. The block ends with a newline outside
  /// quotes, which bounds the search.
  @inline(__always)
  private func fieldEnd(from start: Int, _ quoting: CSVQuoting?) -> Int {
    var at = start
    if let quoting, text[at] == quoting.quote {
      at = quoting.closing(text, from: at &+ 1, to: byteCount) ?? byteCount &- 1
    }
    while at < byteCount &- 1 {
      let byte = text[at]
      if byte == delimiter || byte == newline { break }
      at &+= 1
    }
    return at
  }

  /// Offset after the newline that ends the row at `start`.
  func rowEnd(from start: Int) -> Int {
    var at = start
    while true {
      at = fieldEnd(from: at, quoting)
      if text[at] == newline || at >= byteCount &- 1 { return at + 1 }
      at += 1
    }
  }

  /// The fields per row when all rows have equally many and as many as there are columns, or one more that is
  /// empty (a delimiter at the end of each line).
  private func uniformStride(
    _ ends: UnsafePointer<UInt32>, _ found: Int, _ newlines: Int
  ) -> Int? {
    guard found >= columnCount else { return nil }
    var stride = columnCount
    if text[Int(ends[columnCount - 1])] != newline {
      stride += 1
      guard found >= stride else { return nil }
    }
    let rows = found / stride
    guard rows == newlines else { return nil }
    // A blank line in a file of one column and a row of one column with a delimiter behind look alike here.
    for row in 0..<rows {
      let last = row &* stride &+ stride &- 1
      guard text[Int(ends[last])] == newline else { return nil }
      if stride > columnCount && !isEmpty(ends, last) { return nil }
    }
    return stride
  }

  /// Whether field `index` has no bytes but perhaps the CR of a CRLF.
  @inline(__always)
  private func isEmpty(_ ends: UnsafePointer<UInt32>, _ index: Int) -> Bool {
    let start = Int(ends[index &- 1] &+ 1)
    let end = Int(ends[index])
    return start == end || (start &+ 1 == end && text[start] == 13 && newline == 10)
  }

  /// Walks located fields row by row; returns where scanning goes on.
  private func sortOut(
    _ ends: UnsafePointer<UInt32>, _ found: Int, _ accept: (CSVFields) -> Void,
    _ refuse: (Int, Int) -> Void
  ) -> Int {
    var rowIndex = 0
    var stretch = (index: 0, rows: 0, stride: 0)
    func flush() {
      guard stretch.rows > 0 else { return }
      accept(
        CSVFields(
          text: text, ends: ends + stretch.index, rowCount: stretch.rows, stride: stretch.stride))
      stretch.rows = 0
    }
    var index = 0
    while index < found {
      guard text[Int(ends[index])] == newline else {
        index += 1
        continue
      }
      let count = index - rowIndex + 1
      let isBlank = count == 1 && columnCount > 1 && isEmpty(ends, index)
      let isGood =
        count == columnCount || (count == columnCount + 1 && isEmpty(ends, index))
      if !isGood || stretch.stride != count { flush() }
      if isGood {
        if stretch.rows == 0 { stretch = (rowIndex, 0, count) }
        stretch.rows += 1
      } else if !isBlank {
        refuse(Int(ends[rowIndex - 1] &+ 1), count)
      }
      index += 1
      rowIndex = index
    }
    flush()
    return Int(ends[rowIndex - 1] &+ 1)
  }
}
