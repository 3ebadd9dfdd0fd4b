import Kernels
import Vectors

/// Values of several fields: `(a, b)`, `ROW(a, b)`, and beside one of those a subquery of as many columns.
extension Binder {
  func isRow(_ syntax: ExpressionSyntax) -> Bool {
    if case .row = syntax.kind { true } else { false }
  }

  /// The fields of an operand that stands beside a row.
  func bindRow(
    _ syntax: ExpressionSyntax, _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    switch syntax.kind {
    case .row(let fields):
      var bound: [Expression] = []
      for field in fields { bound.append(try bindExpression(field, clause)) }
      return bound
    case .subquery(let query):
      return try bindRowSubquery(query, clause).map(\.reference)
    default:
      throw StoaError(.binding, "a row can only be compared with rows", position: syntax.position)
    }
  }

  /// Pairs of fields of the same types.
  private func rowSides(
    _ left: [Expression], _ right: [Expression], at position: Range<Int>, operation: String
  ) throws(StoaError) -> [(left: Expression, right: Expression)] {
    guard left.count == right.count, !left.isEmpty else {
      throw StoaError(
        .binding, "rows of \(left.count) and \(right.count) fields cannot be compared",
        position: position)
    }
    var sides: [(left: Expression, right: Expression)] = []
    for (a, b) in zip(left, right) {
      sides.append(try comparable(a, b, at: position, operation: operation))
    }
    return sides
  }

  func rowComparison(
    _ op: ComparisonOperator, _ left: [Expression], _ right: [Expression], at position: Range<Int>
  ) throws(StoaError) -> Expression {
    let sides = try rowSides(left, right, at: position, operation: op.symbol)
    switch op {
    case .equal, .notEqual:
      let equal = Expression.all(of: sides.map { .comparison(.equal, $0.left, $0.right) })
      return op == .equal ? equal : .not(equal)
    case .less, .lessOrEqual, .greater, .greaterOrEqual: return ordered(op, sides[...])
    }
  }

  /// (a, b) < (c, d) is a < c OR (a = c AND b < d): the first fields that differ decide.
  private func ordered(
    _ op: ComparisonOperator, _ sides: ArraySlice<(left: Expression, right: Expression)>
  ) -> Expression {
    var result: Expression?
    for side in sides.reversed() {
      guard let rest = result else {
        result = .comparison(op, side.left, side.right)
        continue
      }
      let strict: ComparisonOperator = op == .less || op == .lessOrEqual ? .less : .greater
      result = .or([
        .comparison(strict, side.left, side.right),
        .and([.comparison(.equal, side.left, side.right), rest]),
      ])
    }
    return result ?? .true_
  }

  /// IS [NOT] DISTINCT FROM, field by field.
  func bindRowDistinction(
    _ left: ExpressionSyntax, _ right: ExpressionSyntax, isNegated: Bool, _ clause: Clause,
    _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let sides = try rowSides(
      try bindRow(left, clause), try bindRow(right, clause), at: position,
      operation: "IS DISTINCT FROM")
    let fields = sides.map { Expression.isDistinct($0.left, $0.right, isNegated: isNegated) }
    return isNegated ? .all(of: fields) : .any(of: fields)
  }

  func bindRowBetween(
    _ operand: ExpressionSyntax, _ lower: ExpressionSyntax, _ upper: ExpressionSyntax,
    _ isSymmetric: Bool, _ negated: Bool, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let value = try bindRow(operand, clause)
    let low = try bindRow(lower, clause)
    let high = try bindRow(upper, clause)
    func isWithin(_ low: [Expression], _ high: [Expression]) throws(StoaError) -> Expression {
      .and([
        try rowComparison(.greaterOrEqual, value, low, at: position),
        try rowComparison(.lessOrEqual, value, high, at: position),
      ])
    }
    var result = try isWithin(low, high)
    if isSymmetric { result = .or([result, try isWithin(high, low)]) }
    return negated ? .not(result) : result
  }
}
