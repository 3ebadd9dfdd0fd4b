import Kernels
import Vectors

/// One field of a sampled row: where its text lies, quotes not included.
struct SampledField {
  var start: Int
  var end: Int
  var isQuoted: Bool
}

/// One row of a sample; a malformed one has quotes that make no sense.
struct SampledRow {
  var fields: [SampledField]
  var isMalformed: Bool
}

/// Splits a stretch of sampled text into rows under some dialect. Unlike the reader it never lets one wrong quote swallow
/// what follows: a quoted field must close before a delimiter or newline within some lines, or else
/// its line is malformed and the next line starts afresh.
struct SampleTokenizer {
  let bytes: [UInt8]
  let delimiter: UInt8
  let newline: UInt8
  let quoting: CSVQuoting?

  /// Newlines a quoted field of a sample may hold.
  private static let maximalFieldLines = 200

  init(_ bytes: [UInt8], _ dialect: CSVDialect) {
    self.bytes = bytes
    delimiter = dialect.delimiter
    newline = dialect.newline
    quoting = CSVQuoting(dialect)
  }

  /// The rows that begin in the first `limit` bytes, without blank lines.
  func rows(limit: Int = .max) -> [SampledRow] {
    var rows: [SampledRow] = []
    bytes.withUnsafeBufferPointer { buffer in
      guard let text = buffer.baseAddress else { return }
      var at = 0
      let end = buffer.count
      while at < min(end, limit) {
        let (row, next) = self.row(text, at, end)
        at = next
        let isBlank = row.fields.count == 1 && row.fields[0].start == row.fields[0].end
        if !(isBlank && !row.fields[0].isQuoted) { rows.append(row) }
      }
    }
    return rows
  }

  private func row(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> (
    SampledRow, next: Int
  ) {
    var row = SampledRow(fields: [], isMalformed: false)
    var at = start
    while true {
      var field = SampledField(start: at, end: at, isQuoted: false)
      if let quoting, at < end, text[at] == quoting.quote {
        guard let close = close(text, at, end, quoting) else {
          return malformed(text, start, end)
        }
        field = SampledField(start: at + 1, end: close - 1, isQuoted: true)
        at = close
        if at < end, text[at] == 13, newline == 10 { at += 1 }
      } else {
        while at < end, text[at] != delimiter, text[at] != newline { at += 1 }
        field.end = at
        if at > field.start, text[at - 1] == 13, newline == 10, at == end || text[at] == newline {
          field.end = at - 1
        }
      }
      row.fields.append(field)
      guard at < end else { return (row, end) }
      at += 1
      if text[at - 1] == newline { return (row, at) }
    }
  }

  /// The offset after the closing quote, when what follows may follow.
  private func close(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ quoting: CSVQuoting
  ) -> Int? {
    let horizon = min(end, start + (64 << 10))
    guard let close = quoting.closing(text, from: start + 1, to: horizon) else { return nil }
    if close < end {
      let next = text[close]
      let isCRLF = next == 13 && close + 1 < end && text[close + 1] == newline
      guard next == delimiter || next == newline || isCRLF else { return nil }
    }
    var lines = 0
    for at in start..<close where text[at] == newline { lines += 1 }
    return lines <= SampleTokenizer.maximalFieldLines ? close : nil
  }

  private func malformed(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> (
    SampledRow, next: Int
  ) {
    var at = start
    while at < end, text[at] != newline { at += 1 }
    return (SampledRow(fields: [], isMalformed: true), min(at + 1, end))
  }
}

/// What a piece of text would be by itself: the narrowest class it fits.
enum CellClass: Int, CaseIterable {
  case boolean, integer, bigint, hugeint, double
  /// Digits behind a zero, such as 01234: a code or the like, which as a number would lose its zeros.
  case padded
  /// `nan`, `inf`: a number only among numbers.
  case floatWord
  case date, timestamp, time, text

  init(_ text: UnsafeBufferPointer<UInt8>) {
    self = .text
    guard let first = text.first, let last = text.last, text.count <= 64 else { return }
    if first == 0x20 || last == 0x20 {
      // Numbers may stand in blanks; anything else that does is text.
      let inner = NumberText.trimmed(text)
      if inner.count > 0, NumberText.isDecimalNumber(inner) { self = CellClass(inner) }
      return
    }
    if first &- 0x30 <= 9 || first == 0x2D || first == 0x2B || first == 0x2E {
      self = CellClass.numeric(text)
      return
    }
    switch text.count {
    case 3...9: self = CellClass.word(text)
    default: return
    }
  }

  private static func numeric(_ text: UnsafeBufferPointer<UInt8>) -> CellClass {
    switch NumberText.integer(text) {
    case .value(let value):
      if text[0] == 0x30 && text.count > 1 { return .padded }
      if Int32(exactly: value) != nil { return .integer }
      return Int64(exactly: value) != nil ? .bigint : .hugeint
    case .outOfRange: return .double
    case .invalid: break
    }
    if NumberText.isDecimalNumber(text) {
      if case .value = NumberText.double(text) { return .double }
      return .text
    }
    if let day = DateText.day(text) {
      if day.length == text.count { return text.count >= 8 ? .date : .text }
      if DateText.timestamp(text) != nil { return .timestamp }
    }
    if case .value = NumberText.double(text) { return .floatWord }
    if isClock(text) { return .time }
    return .text
  }

  /// `hh:mm:ss` with a fraction or none.
  private static func isClock(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.count >= 8 && text[2] == 0x3A && text[5] == 0x3A
      && TextParser.parseTime(UnsafeRawBufferPointer(text)) != nil
  }

  private static func word(_ text: UnsafeBufferPointer<UInt8>) -> CellClass {
    switch String(decoding: text, as: UTF8.self).lowercased() {
    case "true", "false": .boolean
    case "nan", "inf", "infinity": .floatWord
    default: .text
    }
  }
}

/// The classes of the cells of one column, counted, and the type they add up to.
struct ColumnClasses {
  var counts = [Int](repeating: 0, count: CellClass.allCases.count)
  /// Largest magnitude among 32-bit integers, for the decision between INTEGER and BIGINT.
  var hasLargeIntegers = false

  func count(_ classes: CellClass...) -> Int { classes.reduce(0) { $0 + counts[$1.rawValue] } }

  var valueCount: Int { counts.reduce(0, +) }

  /// The narrowest type that holds all cells but a few: up to one in twenty (and up to one among ten to twenty)
  /// may be wrong, since one bad line must not turn a number column into text. Among numbers the widest wins.
  func type(isWholeFile: Bool) -> LogicalType {
    let values = valueCount
    guard values > 0 else { return .varchar }
    let tolerated = values >= 10 ? max(1, values / 20) : 0
    // Of padded numbers fewer are tolerated, since they would not be reported but lose their zeros.
    if count(.padded) > (values >= 10 ? max(1, values / 1000) : 0) { return .varchar }
    var numbers = count(.integer, .bigint, .hugeint, .double, .padded)
    if numbers > 0 { numbers += count(.floatWord) }
    if numbers > 0 && numbers >= values - tolerated {
      if count(.double, .floatWord) > 0 { return .double }
      if count(.hugeint) > 0 { return .hugeint }
      return count(.bigint) > 0 || (hasLargeIntegers && !isWholeFile) ? .bigint : .integer
    }
    if count(.time) > 0 && count(.time) >= values - tolerated { return .time }
    let times = count(.date, .timestamp)
    if times > 0 && times >= values - tolerated {
      return count(.timestamp) > 0 ? .timestamp : .date
    }
    if count(.boolean) > 0 && count(.boolean) >= values - tolerated { return .boolean }
    return .varchar
  }

  /// Whether a cell of class `cell` can be read as `type`.
  static func fits(_ cell: CellClass, _ type: LogicalType) -> Bool {
    switch type {
    case .boolean: cell == .boolean
    case .integer: cell == .integer || cell == .padded
    case .bigint: [.integer, .bigint, .padded].contains(cell)
    case .hugeint: [.integer, .bigint, .hugeint, .padded].contains(cell)
    case .double: [.integer, .bigint, .hugeint, .double, .floatWord, .padded].contains(cell)
    case .date: cell == .date
    case .timestamp: cell == .date || cell == .timestamp
    case .time: cell == .time
    default: true
    }
  }
}
