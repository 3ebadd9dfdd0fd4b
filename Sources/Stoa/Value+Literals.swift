import Kernels
import Vectors

// Parameters and tests read better with plain literals: `execute(sql, parameters: [1, "a", nil])`.
extension Value: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  /// `7` as `.integer`.
  public init(integerLiteral value: Int) { self = .integer(Int128(value)) }
  /// `7.5` as `.double`.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// `"seven"` as `.string`.
  public init(stringLiteral value: String) { self = .string(value) }
  /// `true` as `.boolean`.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// `nil` as `.null`.
  public init(nilLiteral: ()) { self = .null }
}

// Values of types that Swift has no literals for, for `Appender`; parameters of statements take their texts.
extension Value {
  /// For an INTERVAL; it must be `isStorable`.
  public static func interval(_ interval: Interval) -> Value { .integer(interval.packed) }

  /// For a UUID, given by its 128 bits, the most significant first.
  public static func uuid(_ bits: UInt128) -> Value { .integer(UUIDBits.value(bits)) }
}
