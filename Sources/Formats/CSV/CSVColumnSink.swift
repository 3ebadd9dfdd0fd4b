import Vectors

/// Collects the values of one column of a block. The typed loops over located fields are in extensions, one file per
/// family of types; what they do not recognise at once goes through `slow…`, which knows quotes, NULL
/// tokens, blanks and errors.
final class CSVColumnSink {
  /// Why a field was refused.
  enum Failure {
    case invalid
    case outOfRange
    case invalidUTF8
    case afterQuote
    case isNull
  }

  struct FailedField {
    var row: Int
    var column: Int
    var start: Int
    var end: Int
    var failure: Failure
  }

  let column: Int
  let type: LogicalType
  let isNullable: Bool
  let context: CSVParseContext
  let values: Buffer
  private let capacity: Int
  private var validity: Buffer?
  /// Bytes of strings that are not in the block as they are (doubled quotes).
  private var heap: StringHeap?
  /// Whether views point into the block.
  var pointsIntoBlock = false
  private(set) var failures: [FailedField] = []

  init(column: Int, _ declared: CSVColumn, capacity: Int, context: CSVParseContext) {
    self.column = column
    type = declared.type
    isNullable = declared.isNullable
    self.capacity = capacity
    self.context = context
    values = Buffer(byteCount: max(1, capacity * type.physical.byteWidth))
  }

  /// Parses the column's fields of `fields` into the rows from `firstRow` on.
  func parse(_ fields: CSVFields, firstRow: Int) {
    switch type {
    case .boolean, .null: booleans(fields, firstRow)
    case .tinyint: integers(fields, firstRow, Int8.self)
    case .smallint: integers(fields, firstRow, Int16.self)
    case .integer: integers(fields, firstRow, Int32.self)
    case .bigint: integers(fields, firstRow, Int64.self)
    case .hugeint: integers(fields, firstRow, Int128.self)
    case .real: reals(fields, firstRow)
    case .double: doubles(fields, firstRow)
    case .decimal(let precision, let scale):
      switch type.physical {
      case .int16: decimals(fields, firstRow, Int(precision), Int(scale), Int16.self)
      case .int32: decimals(fields, firstRow, Int(precision), Int(scale), Int32.self)
      case .int64: decimals(fields, firstRow, Int(precision), Int(scale), Int64.self)
      default: decimals(fields, firstRow, Int(precision), Int(scale), Int128.self)
      }
    case .varchar: strings(fields, firstRow)
    case .date: dates(fields, firstRow)
    case .timestamp: timestamps(fields, firstRow)
    case .utinyint, .usmallint, .uinteger, .ubigint, .time, .timestampTZ, .interval, .uuid, .blob,
      .enumeration:
      others(fields, firstRow)
    }
  }

  /// The vector of the first `count` rows.
  func finish(count: Int, block: Buffer) -> Vector {
    var owners: [AnyObject] = []
    if pointsIntoBlock { owners.append(block) }
    if let heap { owners.append(heap) }
    return Vector(
      flat: values, type: type, count: count,
      validity: validity.map { Validity(adopting: $0, count: count) }, owners: owners)
  }

  func setNull(_ row: Int, _ start: Int, _ end: Int) {
    guard isNullable else { return fail(row, start, end, .isNull) }
    if validity == nil {
      let count = Validity.wordCount(max(1, capacity))
      let words = Buffer(of: UInt64.self, count: count)
      words.typed(UInt64.self).update(repeating: .max, count: count)
      validity = words
    }
    validity!.typed(UInt64.self)[row >> 6] &= ~(1 << UInt64(row & 63))
  }

  func fail(_ row: Int, _ start: Int, _ end: Int, _ failure: Failure) {
    failures.append(
      FailedField(row: row, column: column, start: start, end: end, failure: failure))
  }

  /// A field that is no plain value: NULL, quoted, padded, or wrong. `convert` gets the text between the quotes.
  func slow<T>(
    _ row: Int, _ start: Int, _ end: Int, _ placeholder: T,
    _ convert: (UnsafeBufferPointer<UInt8>) -> TextOutcome<T>
  ) -> T {
    let raw = UnsafeBufferPointer(start: context.text + start, count: end - start)
    var text = raw
    var unescaped: [UInt8] = []
    if context.isQuoted(start, end) {
      guard let inside = context.inside(start, end) else {
        fail(row, start, end, .afterQuote)
        return placeholder
      }
      if inside.hasEscapes { unescaped = context.unescaped(inside.start, inside.end) }
      text = UnsafeBufferPointer(
        start: context.text + inside.start, count: inside.end - inside.start)
    }
    if context.isNullToken(text) {
      setNull(row, start, end)
      return placeholder
    }
    let outcome =
      unescaped.isEmpty ? convert(text) : unescaped.withUnsafeBufferPointer { convert($0) }
    switch outcome {
    case .value(let value): return value
    case .outOfRange: fail(row, start, end, .outOfRange)
    case .invalid: fail(row, start, end, .invalid)
    }
    return placeholder
  }

  /// Copies unescaped text into the column's heap.
  func heapView(_ bytes: [UInt8]) -> StringView {
    if heap == nil { heap = StringHeap() }
    return bytes.withUnsafeBytes { heap!.add($0) }
  }
}

/// What all columns of a block share while it is parsed.
struct CSVParseContext {
  let text: UnsafePointer<UInt8>
  let quoting: CSVQuoting?
  let dropsCarriageReturn: Bool
  let hasHighBytes: Bool
  let nullTokens: [[UInt8]]
  let longestNullToken: Int

  init(_ block: CSVBlock, _ dialect: CSVDialect) {
    text = UnsafePointer(block.text.typed(UInt8.self))
    quoting = block.hasQuotes ? CSVQuoting(dialect) : nil
    dropsCarriageReturn = dialect.newline == 10
    hasHighBytes = block.hasHighBytes
    nullTokens = dialect.nullTokens.map { Array($0.utf8) }
    longestNullToken = nullTokens.map(\.count).max() ?? -1
  }

  func isNullToken(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard text.count <= longestNullToken else { return false }
    for token in nullTokens where token.count == text.count && token.elementsEqual(text) {
      return true
    }
    return false
  }

  @inline(__always) func isQuoted(_ start: Int, _ end: Int) -> Bool {
    guard let quoting else { return false }
    return end > start && text[start] == quoting.quote
  }

  /// The range between the quotes of a quoted field; `nil` when something follows the closing quote.
  func inside(_ start: Int, _ end: Int) -> (start: Int, end: Int, hasEscapes: Bool)? {
    guard let quoting, let after = quoting.closing(text, from: start + 1, to: end), after == end
    else { return nil }
    let inner = start + 1..<end - 1
    return (inner.lowerBound, inner.upperBound, inner.contains { text[$0] == quoting.escape })
  }

  func unescaped(_ start: Int, _ end: Int) -> [UInt8] {
    guard let quoting else { return [] }
    var bytes: [UInt8] = []
    var at = start
    while at < end {
      if text[at] == quoting.escape, at + 1 < end,
        text[at + 1] == quoting.quote || text[at + 1] == quoting.escape
      {
        at += 1
      }
      bytes.append(text[at])
      at += 1
    }
    return bytes
  }
}
