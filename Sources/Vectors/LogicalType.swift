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
  /// Months, days and microseconds, kept apart; exists in expressions, not in tables yet.
  /// Packed as months in bits 96…127, days in bits 64…95, microseconds in bits 0…63.
  case interval
  /// The type of a bare NULL until something gives it one; stored as `boolean`.
  case null

  /// How values of this type lie in memory.
  @inlinable public var physical: PhysicalType {
    switch self {
    case .boolean, .null: .bool
    case .tinyint: .int8
    case .smallint: .int16
    case .integer, .date: .int32
    case .bigint, .timestamp: .int64
    case .hugeint, .interval: .int128
    case .real: .float32
    case .double: .float64
    case .decimal(let precision, _): LogicalType.decimalStorage(precision: precision)
    case .varchar: .string
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
    default: false
    }
  }

  public var isDecimal: Bool { if case .decimal = self { true } else { false } }
  public var isFloatingPoint: Bool { self == .real || self == .double }
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
