import Kernels

/// One row of a result.
public struct Row: Sendable {
  /// Names and types of the values, in order.
  public let columns: [ResultColumn]
  let batch: Batch
  let row: Int

  /// The value of a column, counted from 0. What it means depends on the column's type: a DATE is an integer
  /// of days since 1970, a DECIMAL the number without its point; `text` and `decode` know.
  public subscript(index: Int) -> Value { batch.columns[index].value(at: row) }

  /// The value of the first column of this name, in any case; NULL when there is none.
  public subscript(name: String) -> Value {
    guard let index = index(of: name) else { return .null }
    return self[index]
  }

  /// All values, boxed, in the order of the columns.
  public var values: [Value] { columns.indices.map { self[$0] } }

  /// Whether the value is NULL.
  public func isNull(_ index: Int) -> Bool { !batch.columns[index].isValid(row) }

  /// The value as every output mode prints it; `nil` for NULL.
  public func text(_ index: Int) -> String? {
    guard !isNull(index) else { return nil }
    var bytes: [UInt8] = []
    TimeZone.withCurrent(columns[index].timeZone) {
      TextFormatter.append(batch.columns[index], row: row, to: &bytes)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The value of a column as a Swift type.
  /// - Throws: `.usage` when the column is NULL (and `T` not optional), or of another kind or range.
  public func decode<T: ColumnDecodable>(_ index: Int, as type: T.Type = T.self) throws(StoaError)
    -> T
  {
    guard columns.indices.contains(index) else {
      throw StoaError(.usage, "there is no column \(index) among \(columns.count)")
    }
    if let value = T.decoded(from: self, index) { return value }
    throw StoaError(
      .usage,
      "\(isNull(index) ? "NULL" : columns[index].type.description) cannot be read as \(T.self)",
      column: columns[index].name)
  }

  /// The value of the first column with that name, in any case, as `T`.
  /// - Throws: `.binding` when there is no such column, else as by index.
  public func decode<T: ColumnDecodable>(_ name: String, as type: T.Type = T.self) throws(StoaError)
    -> T
  {
    guard let index = index(of: name) else {
      throw StoaError(.usage, "the result has no column \"\(name)\"")
    }
    return try decode(index, as: type)
  }

  private func index(of name: String) -> Int? {
    let key = name.lowercased()
    return columns.firstIndex { $0.name.lowercased() == key }
  }
}

/// A Swift type that the value of a column can be read as.
public protocol ColumnDecodable {
  /// `nil` when the value is NULL, of another kind, or out of range.
  static func decoded(from row: Row, _ index: Int) -> Self?
}

extension ColumnDecodable where Self: FixedWidthInteger {
  /// Integer types as they are; DATE as days, TIME and TIMESTAMP as microseconds since midnight or 1970, UUID as its
  /// 128 bits, ENUM as the number of the label from 0. No decimals.
  public static func decoded(from row: Row, _ index: Int) -> Self? {
    let type = row.columns[index].type
    guard !type.isDecimal, type != .interval, let integer = row[index].integer else { return nil }
    if type == .uuid { return Self(exactly: UUIDBits.bits(integer)) }
    return Self(exactly: integer)
  }
}

extension Int: ColumnDecodable {}
extension Int8: ColumnDecodable {}
extension Int16: ColumnDecodable {}
extension Int32: ColumnDecodable {}
extension Int64: ColumnDecodable {}
extension Int128: ColumnDecodable {}
extension UInt: ColumnDecodable {}
extension UInt8: ColumnDecodable {}
extension UInt16: ColumnDecodable {}
extension UInt32: ColumnDecodable {}
extension UInt64: ColumnDecodable {}
extension UInt128: ColumnDecodable {}

extension Double: ColumnDecodable {
  /// Any number, decimals rounded to the nearest double.
  public static func decoded(from row: Row, _ index: Int) -> Double? {
    switch row[index] {
    case .double(let value): value
    case .integer(let value) where row.columns[index].type.isInteger: Double(value)
    case .integer where row.columns[index].type.isDecimal: row.text(index).flatMap { Double($0) }
    default: nil
    }
  }
}

extension Float: ColumnDecodable {
  /// Any number, rounded to the nearest float.
  public static func decoded(from row: Row, _ index: Int) -> Float? {
    Double.decoded(from: row, index).map { Float($0) }
  }
}

extension Bool: ColumnDecodable {
  /// Only BOOLEAN.
  public static func decoded(from row: Row, _ index: Int) -> Bool? {
    if case .boolean(let value) = row[index] { value } else { nil }
  }
}

extension String: ColumnDecodable {
  /// Any value, as output modes print it.
  public static func decoded(from row: Row, _ index: Int) -> String? { row.text(index) }
}

extension Array: ColumnDecodable where Element == UInt8 {
  /// BLOB, or the UTF-8 of a text.
  public static func decoded(from row: Row, _ index: Int) -> [UInt8]? { row[index].bytes }
}

extension Interval: ColumnDecodable {
  /// INTERVAL, or TIME as one.
  public static func decoded(from row: Row, _ index: Int) -> Interval? {
    guard let integer = row[index].integer else { return nil }
    switch row.columns[index].type {
    case .interval: return Interval(packed: integer)
    case .time: return Interval(microseconds: Int64(truncatingIfNeeded: integer))
    default: return nil
    }
  }
}

extension Optional: ColumnDecodable where Wrapped: ColumnDecodable {
  /// NULL becomes `nil`; anything else is decoded as the type wrapped.
  public static func decoded(from row: Row, _ index: Int) -> Wrapped?? {
    row.isNull(index) ? .some(nil) : Wrapped.decoded(from: row, index).map { .some($0) }
  }
}
