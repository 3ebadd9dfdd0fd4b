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
