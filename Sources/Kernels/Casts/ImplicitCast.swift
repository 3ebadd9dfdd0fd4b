import Vectors

/// Which types change into which without being asked, and the type two operands meet in.
public enum ImplicitCast {
  /// The type both operands of a comparison, branches of CASE or columns of UNION are cast to, or `nil` when
  /// there is none. Symmetric.
  public static func commonType(_ left: LogicalType, _ right: LogicalType) -> LogicalType? {
    if left == right { return left }
    if left == .null { return right }
    if right == .null { return left }
    if left.isNumeric && right.isNumeric { return commonNumber(left, right) }
    switch (left, right) {
    case (.date, .timestamp), (.timestamp, .date): return .timestamp
    case (.date, .timestampTZ), (.timestamp, .timestampTZ), (.timestampTZ, .date),
      (.timestampTZ, .timestamp):
      return .timestampTZ
    case (.enumeration, .varchar), (.varchar, .enumeration), (.enumeration, .enumeration):
      return .varchar
    default: return nil
    }
  }

  /// The same, knowing that an operand is a literal: a text literal takes the other operand's type, an
  /// integer literal the type of an integer or decimal that holds it.
  public static func commonType(
    _ left: LogicalType, literal leftLiteral: Value?, _ right: LogicalType,
    literal rightLiteral: Value?
  ) -> LogicalType? {
    if let type = adopted(leftLiteral, left, other: right, otherIsLiteral: rightLiteral != nil) {
      return type
    }
    if let type = adopted(rightLiteral, right, other: left, otherIsLiteral: leftLiteral != nil) {
      return type
    }
    return commonType(left, right)
  }

  /// The type all of `expressions` are cast to (branches of CASE, arguments of COALESCE, rows of VALUES),
  /// literals giving way; `nil` when there is none or no expression.
  public static func commonType(of expressions: [Expression]) -> LogicalType? {
    guard let first = expressions.first else { return nil }
    var type = first.type
    var literal = first.literal
    for expression in expressions.dropFirst() {
      let other = expression.literal
      guard let common = commonType(type, literal: literal, expression.type, literal: other) else {
        return nil
      }
      type = common
      literal = demanding(literal, other)
    }
    return type
  }

  /// Of two literals the one that is harder to fit; `nil` when one operand is none.
  private static func demanding(_ left: Value?, _ right: Value?) -> Value? {
    guard let left, let right else { return nil }
    if case .integer(let a) = left, case .integer(let b) = right {
      return a.magnitude > b.magnitude ? left : right
    }
    if case .string = left, case .string = right { return left }
    return nil
  }

  private static func adopted(
    _ literal: Value?, _ type: LogicalType, other: LogicalType, otherIsLiteral: Bool
  ) -> LogicalType? {
    switch literal {
    case .string: return type == .varchar && other != .varchar && other != .null ? other : nil
    case .integer(let value):
      guard type.isInteger, !otherIsLiteral else { return nil }
      if other.isInteger { return holds(other, value) ? other : nil }
      if case .decimal(let precision, let scale) = other {
        return PowersOfTen.digitCount(value) <= Int(precision) - Int(scale)
          ? other : commonType(literalType(value), other)
      }
      return nil
    default: return nil
    }
  }

  /// Whether an integer type holds `value`.
  static func holds(_ type: LogicalType, _ value: Int128) -> Bool {
    type.integerRange?.contains(value) ?? false
  }

  /// The decimal without fraction that just holds an integer literal.
  static func literalType(_ value: Int128) -> LogicalType {
    .decimal(precision: UInt8(min(38, PowersOfTen.digitCount(value))), scale: 0)
  }

  private static func commonNumber(_ left: LogicalType, _ right: LogicalType) -> LogicalType? {
    if left.isFloatingPoint || right.isFloatingPoint { return .double }
    if left.isInteger && right.isInteger {
      return commonInteger(left, right)
    }
    guard let a = decimalShape(left), let b = decimalShape(right) else { return nil }
    let scale = max(a.scale, b.scale)
    let integral = max(a.precision - a.scale, b.precision - b.scale)
    return .decimal(precision: UInt8(min(38, integral + scale)), scale: UInt8(scale))
  }

  /// The narrower of the two that holds the other, else the narrowest signed type that holds both.
  static func commonInteger(_ left: LogicalType, _ right: LogicalType) -> LogicalType {
    if left.holdsAll(of: right) { return left }
    if right.holdsAll(of: left) { return right }
    let signed: [LogicalType] = [.smallint, .integer, .bigint]
    return signed.first { $0.holdsAll(of: left) && $0.holdsAll(of: right) } ?? .hugeint
  }

  /// Digits and scale of a decimal or of an integer seen as one.
  static func decimalShape(_ type: LogicalType) -> (precision: Int, scale: Int)? {
    switch type {
    case .decimal(let precision, let scale): (Int(precision), Int(scale))
    case .tinyint: (3, 0)
    case .smallint: (5, 0)
    case .integer: (10, 0)
    case .bigint: (19, 0)
    case .hugeint: (38, 0)
    case .utinyint: (3, 0)
    case .usmallint: (5, 0)
    case .uinteger: (10, 0)
    case .ubigint: (20, 0)
    default: nil
    }
  }

  /// Cost of turning an argument of type `source` into a parameter of type `target`, or `nil` when only an
  /// explicit cast does. 0 is the type itself.
  static func cost(_ source: LogicalType, _ target: LogicalType, literal: Value? = nil) -> Int? {
    if source == target { return 0 }
    if source == .null { return 1 }
    if case .decimal = source, case .decimal = target { return 1 }
    if let integer = literal?.integer, source.isInteger, target.isInteger {
      return holds(target, integer)
        ? 2 + abs(target.physical.byteWidth - source.physical.byteWidth)
          + (target.isUnsigned != source.isUnsigned ? 1 : 0) : nil
    }
    if case .string = literal, source == .varchar { return 50 }
    switch (source, target) {
    case (.date, .timestamp): return 2
    case (.real, .double): return 2
    case (.timestamp, .timestampTZ): return 3
    case (.date, .timestampTZ): return 4
    case (.time, .interval): return 5
    case (.timestampTZ, .timestamp): return 8
    case (.enumeration, .varchar): return 10
    default: break
    }
    if source.isInteger && target.isInteger {
      // Signed targets go before unsigned ones of the same width.
      let growth = target.physical.byteWidth - source.physical.byteWidth
      return target.holdsAll(of: source) ? 1 + max(1, growth) + (target.isUnsigned ? 1 : 0) : nil
    }
    if source.isInteger && target.isDecimal { return 20 }
    if (source.isInteger || source.isDecimal) && target == .double { return 25 }
    if (source.isInteger || source.isDecimal) && target == .real { return 30 }
    return nil
  }
}

extension Expression {
  /// The value of a constant that is not NULL.
  public var literal: Value? {
    if case .constant(let value, _) = self, !value.isNull { value } else { nil }
  }
}
