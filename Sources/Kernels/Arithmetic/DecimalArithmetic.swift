import Vectors

/// Arithmetic on decimals. Sums bring both operands to the result's type first; products multiply the
/// stored integers into the result's width, where they fit because the precisions add up, unless the sum was
/// cut to 38 digits: then the range is checked.
enum DecimalArithmetic {
  /// The result of `left op right`; throws when a product has more than 38 digits after the point.
  static func resultType(
    _ op: ArithmeticOperator, _ left: (precision: Int, scale: Int),
    _ right: (precision: Int, scale: Int)
  ) throws(StoaError) -> LogicalType {
    let scale = max(left.scale, right.scale)
    let integral = max(left.precision - left.scale, right.precision - right.scale)
    switch op {
    case .add, .subtract: return decimal(integral + scale + 1, scale)
    case .modulo: return decimal(integral + scale, scale)
    case .integerDivide: return decimal(integral + scale, 0)
    case .multiply:
      guard left.scale + right.scale <= 38 else {
        throw StoaError(
          .binding,
          "DECIMAL(\(left.precision),\(left.scale)) * DECIMAL(\(right.precision),\(right.scale)) "
            + "needs \(left.scale + right.scale) digits after the point, more than 38",
          hint: "Cast an operand to a smaller scale or to DOUBLE")
      }
      return decimal(left.precision + right.precision, left.scale + right.scale)
    case .divide: return .double
    }
  }

  private static func decimal(_ precision: Int, _ scale: Int) -> LogicalType {
    .decimal(precision: UInt8(min(38, max(1, precision))), scale: UInt8(scale))
  }

  /// +, − and % of operands that have the type of the result; // of operands of one type.
  static func apply(
    _ op: ArithmeticOperator, _ arguments: [Vector], _ count: Int, _ type: LogicalType
  ) throws(StoaError) -> Vector {
    let operandType = arguments[0].type
    let result = try IntegerArithmetic.apply(op, arguments, count, operandType)
    try checkRange(result, type)
    guard operandType.physical == type.physical else { return try Cast.widened(result, to: type) }
    return result.retyped(type)
  }

  /// The product of operands of one physical type, not wider than that of `type`.
  static func multiply(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType
  ) throws(StoaError) -> Vector {
    let operand = arguments[0].type.physical
    if operand == type.physical {
      let product = try IntegerArithmetic.apply(.multiply, arguments, count, type)
      try checkRange(product, type)
      return product
    }
    let result =
      switch (operand, type.physical) {
      case (.int16, .int32): wide(arguments, count, type, Int16.self, Int32.self)
      case (.int16, .int64): wide(arguments, count, type, Int16.self, Int64.self)
      case (.int32, .int64): wide(arguments, count, type, Int32.self, Int64.self)
      case (.int32, .int128): wide(arguments, count, type, Int32.self, Int128.self)
      case (.int64, .int128): wide(arguments, count, type, Int64.self, Int128.self)
      default: throw StoaError(.inconsistency, "decimal product of \(operand) into \(type)")
      }
    return result
  }

  private static func wide<S: FlaggingInteger, T: FlaggingInteger>(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, _: S.Type, _: T.Type
  ) -> Vector {
    let result = FlatResult<T>(count: count)
    let (left, right) = (RowReader<S>(arguments[0]), RowReader<S>(arguments[1]))
    for row in 0..<count {
      // Twice the bits of the operands: the product cannot overflow.
      result.values[row] =
        T(truncatingIfNeeded: left[row]) &* T(truncatingIfNeeded: right[row])
    }
    withExtendedLifetime(arguments) {}
    return result.vector(type, count: count, validity: VectorForms.commonValidity(arguments))
  }

  /// Precision 38 may stand for more digits than there are: |value| must stay below 10^38.
  private static func checkRange(_ vector: Vector, _ type: LogicalType) throws(StoaError) {
    guard case .decimal(38, _) = type, vector.type.physical == .int128 else { return }
    let limit = PowersOfTen.integer(38)
    var isOutside = false
    vector.withValues(as: Int128.self) { values in
      for row in 0..<vector.count
      where (values[row] >= limit || values[row] <= -limit) && vector.isValid(row) {
        isOutside = true
      }
    }
    if isOutside {
      throw StoaError(
        .evaluation, "overflow: a result has more than the 38 digits of \(type)",
        hint: "Cast an operand to DOUBLE or to a smaller precision")
    }
  }
}
