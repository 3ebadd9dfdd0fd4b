import Kernels
import Vectors

/// Compares columns in their own type: `CAST(day AS TIMESTAMP) < TIMESTAMP '1995-01-01 00:00:00'` is
/// `day < DATE '1995-01-01'`. Only for casts that keep order and lose nothing, so that zone maps, codes and
/// packed values can be used without changing any answer.
struct CastSimplification: OptimizerRule {
  let name = "cast_simplification"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try plan.mapAllExpressions { (expression) throws(StoaError) in
      expression.rewrittenUp(CastSimplification.simplified)
    }
  }

  private static func simplified(_ expression: Expression) -> Expression {
    switch expression {
    case .comparison(let op, .cast(let operand, let type, false, _), .constant(let value, _)):
      return comparison(op, operand, type, value) ?? expression
    case .comparison(let op, .constant(let value, _), .cast(let operand, let type, false, _)):
      return comparison(op.mirrored, operand, type, value) ?? expression
    case .inSet(.cast(let operand, let type, false, _), let values, let hasNull):
      return membership(operand, type, values, hasNull) ?? expression
    default: return expression
    }
  }

  private static func comparison(
    _ op: ComparisonOperator, _ operand: Expression, _ type: LogicalType, _ value: Value
  ) -> Expression? {
    guard case .integer(let number) = value,
      let (below, isExact) = floor(number, of: type, in: operand.type),
      let range = range(of: operand.type), range.contains(below), range.contains(below + 1)
    else { return nil }
    func compare(_ op: ComparisonOperator, _ number: Int128) -> Expression {
      .comparison(op, operand, .constant(.integer(number), operand.type))
    }
    if isExact { return compare(op, below) }
    // The constant lies between `below` and the next value.
    switch op {
    case .less, .lessOrEqual: return compare(.lessOrEqual, below)
    case .greater, .greaterOrEqual: return compare(.greater, below)
    case .equal, .notEqual: return nil
    }
  }

  private static func membership(
    _ operand: Expression, _ type: LogicalType, _ values: [Value], _ hasNull: Bool
  ) -> Expression? {
    guard let range = range(of: operand.type) else { return nil }
    var kept: [Value] = []
    for value in values {
      guard case .integer(let number) = value,
        let (below, isExact) = floor(number, of: type, in: operand.type)
      else { return nil }
      // Values the operand's type cannot hold match nothing.
      if isExact, range.contains(below) { kept.append(.integer(below)) }
    }
    if kept.isEmpty { return nil }
    return .inSet(operand, values: kept, hasNull: hasNull)
  }

  private static func range(of type: LogicalType) -> ClosedRange<Int128>? {
    switch type {
    case .date: Int128(Int32.min)...Int128(Int32.max)
    default: ExactConversion.range(of: type)
    }
  }

  /// The greatest value of `source`, in its units, not above `number` of `target`; `nil` when the cast from
  /// `source` to `target` is not lossless.
  private static func floor(
    _ number: Int128, of target: LogicalType, in source: LogicalType
  ) -> (value: Int128, isExact: Bool)? {
    let unit: Int128
    switch (source, target) {
    case (.date, .timestamp): unit = 86_400_000_000
    default:
      let isExact = source.isInteger || source.isDecimal
      guard isExact, target.isInteger || target.isDecimal,
        Expression.isSafeCast(source, target), target.scale >= source.scale
      else { return nil }
      var power: Int128 = 1
      for _ in 0..<(target.scale - source.scale) { power *= 10 }
      unit = power
    }
    let (quotient, remainder) = number.quotientAndRemainder(dividingBy: unit)
    if remainder == 0 { return (quotient, true) }
    return (remainder < 0 ? quotient - 1 : quotient, false)
  }
}
