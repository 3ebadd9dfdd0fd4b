import Vectors

/// From an operator and the types of its operands to the kernel that computes it.
enum ArithmeticResolution {
  /// `nil` when the operator does not exist for these types. A literal that is an integer counts as a
  /// decimal of just its digits next to a decimal.
  static func binary(
    _ op: ArithmeticOperator, _ left: LogicalType, _ right: LogicalType, literals: [Value?] = []
  ) throws(StoaError) -> BoundFunction? {
    var (left, right) = (left, right)
    if left == .null { left = right == .null ? .integer : stand(for: right, op, isLeft: true) }
    if right == .null { right = stand(for: left, op, isLeft: false) }
    if let temporal = TemporalArithmetic.resolve(op, left, right) { return temporal }
    guard left.isNumeric, right.isNumeric else { return nil }
    if left.isInteger && right.isInteger { return integers(op, left, right) }
    if left.isFloatingPoint || right.isFloatingPoint {
      return floats(op, left == .double || right == .double ? .double : .real)
    }
    if op == .divide { return floats(op, .double) }
    let literal = { (number: Int) -> Int128? in
      number < literals.count ? literals[number]?.integer : nil
    }
    if left.isInteger, let value = literal(0) { left = ImplicitCast.literalType(value) }
    if right.isInteger, let value = literal(1) { right = ImplicitCast.literalType(value) }
    guard let a = ImplicitCast.decimalShape(left), let b = ImplicitCast.decimalShape(right) else {
      return nil
    }
    return try decimals(op, a, b)
  }

  /// What a bare NULL counts as beside `other`.
  private static func stand(
    for other: LogicalType, _ op: ArithmeticOperator, isLeft: Bool
  ) -> LogicalType {
    switch (other, op) {
    case (.date, .add): .integer
    case (.timestamp, .add), (.timestampTZ, .add), (.time, .add): .interval
    case (.interval, .multiply), (.interval, .divide): .double
    default: other
    }
  }

  private static func integers(
    _ op: ArithmeticOperator, _ left: LogicalType, _ right: LogicalType
  ) -> BoundFunction {
    let type = ImplicitCast.commonInteger(left, right)
    return .make(op.rawValue, [type, type], type) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let result = try IntegerArithmetic.apply(op, arguments, count, type)
      if type.isUnsigned { try UnsignedRange.check(result, op, arguments) }
      return result
    }
  }

  private static func floats(_ op: ArithmeticOperator, _ type: LogicalType) -> BoundFunction {
    .make(op.rawValue, [type, type], type) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try FloatArithmetic.apply(op, arguments, count, type)
    }
  }

  private static func decimals(
    _ op: ArithmeticOperator, _ left: (precision: Int, scale: Int),
    _ right: (precision: Int, scale: Int)
  ) throws(StoaError) -> BoundFunction {
    let type = try DecimalArithmetic.resultType(op, left, right)
    if op == .multiply {
      let precision = UInt8(max(left.precision, right.precision))
      let types: [LogicalType] = [
        .decimal(precision: precision, scale: UInt8(left.scale)),
        .decimal(precision: precision, scale: UInt8(right.scale)),
      ]
      return .make(op.rawValue, types, type) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try DecimalArithmetic.multiply(arguments, count, type)
      }
    }
    let scale = max(left.scale, right.scale)
    let integral = max(left.precision - left.scale, right.precision - right.scale)
    let common = LogicalType.decimal(
      precision: UInt8(min(38, integral + scale)), scale: UInt8(scale))
    let operand = op == .integerDivide ? common : type
    return .make(op.rawValue, [operand, operand], type) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try DecimalArithmetic.apply(op, arguments, count, type)
    }
  }

  /// Unary minus, or `abs` when `isAbsolute`.
  static func negation(_ type: LogicalType, isAbsolute: Bool) -> BoundFunction? {
    let name = isAbsolute ? "abs" : "-"
    let given = type == .null ? .integer : type
    let type = given.isUnsigned && !isAbsolute ? UnsignedRange.signed(for: given) : given
    if type == .interval, !isAbsolute { return TemporalArithmetic.negation }
    guard type.isNumeric else { return nil }
    return .make(name, [type], type) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      if type.isFloatingPoint {
        return FloatArithmetic.negate(arguments, count, type, isAbsolute: isAbsolute)
      }
      return try IntegerArithmetic.negate(arguments, count, type, isAbsolute: isAbsolute)
    }
  }
}
