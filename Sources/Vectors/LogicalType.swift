/// The type a user sees in SQL. Each maps to one `PhysicalType` that says how its values lie in memory.
public enum LogicalType: Hashable, Sendable {
  case boolean
  case tinyint
  case smallint
  case integer
  case bigint
  case hugeint
  case real
  case double
  /// Exact decimal number of up to `precision` digits (1…38), `scale` of them after the point; the
  /// stored value is the number times 10^scale.
  case decimal(precision: UInt8, scale: UInt8)
  /// UTF-8 text of any length, compared by bytes.
  case varchar
  /// Days since 1970-01-01, proleptic Gregorian.
  case date
  /// Microseconds since 1970-01-01 00:00:00, without a time zone.
  case timestamp
  /// Months, days and microseconds, kept apart.
  /// Packed as months in bits 96…127, days in bits 64…95, microseconds in bits 0…63.
  case interval
  /// Unsigned integers are held by the next wider signed one, checked for their own range.
  case utinyint
  case usmallint
  case uinteger
  case ubigint
  /// Microseconds since midnight, 0 … 86,400,000,000 (24:00:00).
  case time
  /// Microseconds since 1970-01-01 00:00:00 UTC; read and shown in the session's time zone.
  case timestampTZ
  /// 128 bits with the topmost inverted, so that the order of integers is that of the text.
  case uuid
  /// Any bytes, compared as VARCHAR is.
  case blob
  /// One of a list of labels, stored as its number in the list and ordered by it.
  case enumeration(EnumType)
  /// The type of a bare NULL until something gives it one; stored as `boolean`.
  case null

  /// How values of this type lie in memory.
  @inlinable public var physical: PhysicalType {
    switch self {
    case .boolean, .null: .bool
    case .tinyint: .int8
    case .smallint, .utinyint: .int16
    case .integer, .date, .usmallint, .enumeration: .int32
    case .bigint, .timestamp, .uinteger, .time, .timestampTZ: .int64
    case .hugeint, .interval, .ubigint, .uuid: .int128
    case .real: .float32
    case .double: .float64
    case .decimal(let precision, _): LogicalType.decimalStorage(precision: precision)
    case .varchar, .blob: .string
    }
  }

  /// The narrowest integer that holds every decimal of `precision` digits.
  @inlinable public static func decimalStorage(precision: UInt8) -> PhysicalType {
    switch precision {
    case ...4: .int16
    case ...9: .int32
    case ...18: .int64
    default: .int128
    }
  }

  /// Digits after the point; 0 for everything but decimals.
  @inlinable public var scale: Int {
    if case .decimal(_, let scale) = self { Int(scale) } else { 0 }
  }

  /// BOOLEAN excepted, the integer types.
  public var isInteger: Bool {
    switch self {
    case .tinyint, .smallint, .integer, .bigint, .hugeint: true
    default: isUnsigned
    }
  }

  public var isUnsigned: Bool {
    switch self {
    case .utinyint, .usmallint, .uinteger, .ubigint: true
    default: false
    }
  }

  /// Least and greatest value of an integer type; `nil` for the others. Widths of physical types say nothing
  /// about it, because unsigned types are held by wider ones.
  public var integerRange: ClosedRange<Int128>? {
    switch self {
    case .tinyint: Int128(Int8.min)...Int128(Int8.max)
    case .smallint: Int128(Int16.min)...Int128(Int16.max)
    case .integer: Int128(Int32.min)...Int128(Int32.max)
    case .bigint: Int128(Int64.min)...Int128(Int64.max)
    case .hugeint: Int128.min...Int128.max
    case .utinyint: 0...Int128(UInt8.max)
    case .usmallint: 0...Int128(UInt16.max)
    case .uinteger: 0...Int128(UInt32.max)
    case .ubigint: 0...Int128(UInt64.max)
    default: nil
    }
  }

  /// Whether every value of the integer type `other` is one of this integer type.
  public func holdsAll(of other: LogicalType) -> Bool {
    guard let own = integerRange, let range = other.integerRange else { return false }
    return own.lowerBound <= range.lowerBound && range.upperBound <= own.upperBound
  }

  /// The types of calendar and clock: DATE, TIME, TIMESTAMP, TIMESTAMP WITH TIME ZONE, INTERVAL.
  public var isTemporal: Bool {
    switch self {
    case .date, .time, .timestamp, .timestampTZ, .interval: true
    default: false
    }
  }

  /// The list of labels, for ENUM.
  public var labels: EnumType? { if case .enumeration(let type) = self { type } else { nil } }

  public var isDecimal: Bool { if case .decimal = self { true } else { false } }
  public var isFloatingPoint: Bool { self == .real || self == .double }
  /// Whether values that compare as equal are the same in every way. Not so for INTERVAL, where 1 month equals 30
  /// days, and floating point with its two zeros: one of them must not stand for the other.
  public var equalMeansIdentical: Bool { self != .interval && !isFloatingPoint }
  public var isNumeric: Bool { isInteger || isDecimal || isFloatingPoint }
}

extension LogicalType: CustomStringConvertible {
  /// The SQL name, as DESCRIBE prints it and CREATE TABLE reads it.
  public var description: String {
    switch self {
    case .boolean: "BOOLEAN"
    case .tinyint: "TINYINT"
    case .smallint: "SMALLINT"
    case .integer: "INTEGER"
    case .bigint: "BIGINT"
    case .hugeint: "HUGEINT"
    case .real: "REAL"
    case .double: "DOUBLE"
    case .decimal(let precision, let scale): "DECIMAL(\(precision),\(scale))"
    case .varchar: "VARCHAR"
    case .date: "DATE"
    case .timestamp: "TIMESTAMP"
    case .interval: "INTERVAL"
    case .utinyint: "UTINYINT"
    case .usmallint: "USMALLINT"
    case .uinteger: "UINTEGER"
    case .ubigint: "UBIGINT"
    case .time: "TIME"
    case .timestampTZ: "TIMESTAMP WITH TIME ZONE"
    case .uuid: "UUID"
    case .blob: "BLOB"
    case .enumeration(let type): type.description
    case .null: "NULL"
    }
  }
}

/// How one value lies in memory. Kernels are specialised over these, never over logical types.
public enum PhysicalType: UInt8, Sendable, CaseIterable {
  /// One byte, 0 or 1.
  case bool = 1
  case int8 = 2
  case int16 = 3
  case int32 = 4
  case int64 = 5
  case int128 = 6
  case float32 = 7
  case float64 = 8
  /// A `StringView` of 16 bytes.
  case string = 9

  /// Bytes per value in a flat vector.
  @inlinable public var byteWidth: Int {
    switch self {
    case .bool, .int8: 1
    case .int16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    case .int128, .string: 16
    }
  }

  @inlinable public var isInteger: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .int128: true
    default: false
    }
  }
}

/// A Swift type that is the in-memory form of one `PhysicalType`. BOOLEAN is `UInt8`, because a byte
/// from disk may be neither 0 nor 1 and a Swift `Bool` must not see it.
public protocol PhysicalValue: BitwiseCopyable, Sendable {
  static var physicalType: PhysicalType { get }
}

extension UInt8: PhysicalValue { public static var physicalType: PhysicalType { .bool } }
extension Int8: PhysicalValue { public static var physicalType: PhysicalType { .int8 } }
extension Int16: PhysicalValue { public static var physicalType: PhysicalType { .int16 } }
extension Int32: PhysicalValue { public static var physicalType: PhysicalType { .int32 } }
extension Int64: PhysicalValue { public static var physicalType: PhysicalType { .int64 } }
extension Int128: PhysicalValue { public static var physicalType: PhysicalType { .int128 } }
extension Float: PhysicalValue { public static var physicalType: PhysicalType { .float32 } }
extension Double: PhysicalValue { public static var physicalType: PhysicalType { .float64 } }
extension StringView: PhysicalValue { public static var physicalType: PhysicalType { .string } }
