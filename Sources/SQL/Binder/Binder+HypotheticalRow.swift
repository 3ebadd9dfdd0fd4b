import Kernels
import Vectors

/// `rank(v, …) WITHIN GROUP (ORDER BY k, …)` and its like: where a row with these values would stand among those of the
/// group. All of them follow from counts of the rows before it and of its peers.
enum HypotheticalRow {
  static let names: Set<String> = ["rank", "dense_rank", "percent_rank", "cume_dist"]

  /// Whether a row of the group sorts before one with `values`; `orEqual` also for peers.
  static func precedes(_ keys: [SortItem], _ values: [Expression], orEqual: Bool) -> Expression {
    var result: Expression?
    for (key, value) in zip(keys, values).reversed() {
      let equal = Expression.isDistinct(key.expression, value, isNegated: true)
      let before = precedes(key, value)
      if let rest = result {
        result = .or([before, .and([equal, rest])])
      } else {
        result = orEqual ? .or([before, equal]) : before
      }
    }
    return result ?? .constant(.boolean(orEqual), .boolean)
  }

  private static func precedes(_ key: SortItem, _ value: Expression) -> Expression {
    let strict = Expression.comparison(key.isDescending ? .greater : .less, key.expression, value)
    let nulls = Expression.and([
      .isNull(key.expression, isNegated: !key.nullsFirst),
      .isNull(value, isNegated: key.nullsFirst),
    ])
    return .or([strict, nulls])
  }
}

extension Binder {
  func bindHypotheticalRow(
    _ name: String, _ call: FunctionCallSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let collector = try aggregateCollector(name, clause, position)
    guard call.arguments.count == call.withinGroup.count, !call.isStar, !call.isDistinct else {
      throw StoaError(
        .binding, "\(name) takes as many values as WITHIN GROUP has keys", position: position)
    }
    let inner = innerClause(of: clause)
    var keys: [SortItem] = []
    var values: [Expression] = []
    for (argument, key) in zip(call.arguments, call.withinGroup) {
      let value = try known(try bindExpression(argument.value, inner), at: position)
      let expression = try known(
        try bindExpression(key.expression, inner), at: key.expression.position)
      guard value.columnIDs.isEmpty else {
        throw StoaError(
          .binding, "the values of \(name) must be constants", position: argument.value.position)
      }
      guard let type = commonType(expression.type, value.type) else {
        throw StoaError(
          .binding, "\(value.type) cannot be compared with \(expression.type)",
          position: argument.value.position)
      }
      keys.append(
        sortItem(try explicitCast(expression, to: type, isTry: false, at: position), key))
      values.append(try coerced(value, to: type, at: position))
    }
    let filter: Expression?
    if let syntax = call.filter { filter = try bindCondition(syntax, inner) } else { filter = nil }
    collector.pending += inner.pending
    func count(
      _ conditions: [Expression], distinct: Expression? = nil
    ) throws(StoaError) -> Expression {
      let all = conditions + (filter.map { [$0] } ?? [])
      let counted = try aggregateCall(
        "count", distinct.map { [$0] } ?? [], distinct != nil,
        all.isEmpty ? nil : Expression.all(of: all), position)
      return collector.column(for: counted, name: sourceText(position), numbers: &numbers).reference
    }
    let one = Expression.constant(.integer(1), .bigint)
    let before = HypotheticalRow.precedes(keys, values, orEqual: false)
    switch name {
    case "rank": return try self.call("+", [try count([before]), one], at: position)
    case "dense_rank":
      guard keys.count == 1 else {
        throw StoaError(
          .unsupported, "dense_rank takes one key in WITHIN GROUP", position: position)
      }
      // DISTINCT leaves NULL out, which is one more when it sorts first.
      let nulls = Expression.isNull(keys[0].expression, isNegated: false)
      let distinct = try self.call(
        "+", [try count([before], distinct: keys[0].expression), one], at: position)
      let more = try self.call(
        "least", [try count([before, nulls]), one], at: position)
      return try self.call("+", [distinct, more], at: position)
    case "cume_dist":
      let upTo = HypotheticalRow.precedes(keys, values, orEqual: true)
      return try quotient(
        try self.call("+", [try count([upTo]), one], at: position),
        try self.call("+", [try count([]), one], at: position), position)
    default:
      let rows = try count([])
      let share = try quotient(try count([before]), rows, position)
      let isEmpty = Expression.comparison(.equal, rows, .constant(.integer(0), .bigint))
      return .conditional(
        [ConditionalBranch(condition: isEmpty, result: .constant(.double(0), .double))],
        otherwise: share, type: .double)
    }
  }

  private func quotient(
    _ left: Expression, _ right: Expression, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let doubles = [left, right].map { Expression.cast($0, to: .double, isTry: false) }
    return try self.call("/", doubles, at: position)
  }
}
