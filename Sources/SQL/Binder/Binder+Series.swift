import Catalog
import Kernels
import Vectors

/// `range` and `generate_series` over columns of tables to their left: one row per row of those and number.
extension Binder {
  func bindLateralSeries(
    _ call: FunctionCallSyntax, _ name: String, _ clause: Clause,
    _ reference: TableReferenceSyntax
  ) throws(StoaError) -> FromPart {
    guard (1...3).contains(call.arguments.count) else {
      throw StoaError(
        .binding, "\(name) takes one to three arguments, not \(call.arguments.count)",
        position: call.position)
    }
    clause.pending = []
    var arguments: [Expression] = []
    for argument in call.arguments {
      let bound = try bindExpression(argument.value, clause)
      if bound.type == .date || bound.type == .timestamp {
        throw unsupported("\(name) of dates that differ from row to row", argument.value.position)
      }
      arguments.append(try coerced(bound, to: .bigint, at: argument.value.position))
    }
    let zero = Expression.constant(.integer(0), .bigint)
    let one = Expression.constant(.integer(1), .bigint)
    let start = arguments.count == 1 ? zero : arguments[0]
    let stop = arguments.count == 1 ? arguments[0] : arguments[1]
    let step = arguments.count == 3 ? arguments[2] : one
    let includesEnd = name == "generate_series"
    let position = call.position
    /// How many steps of `width` fit from `low` to `high`.
    func count(
      _ low: Expression, _ high: Expression, _ width: Expression
    ) throws(StoaError) -> ConditionalBranch {
      var distance = try self.call("-", [high, low], at: position)
      if !includesEnd { distance = try self.call("-", [distance, one], at: position) }
      let steps = try self.call("//", [distance, width], at: position)
      let comparison: ComparisonOperator = includesEnd ? .lessOrEqual : .less
      return ConditionalBranch(
        condition: .comparison(comparison, low, high),
        result: try explicitCast(
          try self.call("+", [steps, one], at: position), to: .bigint, isTry: false, at: position))
    }
    func either(_ branch: ConditionalBranch) -> Expression {
      .conditional([branch], otherwise: zero, type: .bigint)
    }
    let up = either(try count(start, stop, step))
    let down = either(try count(stop, start, try self.call("-", [step], at: position)))
    let rows = Expression.conditional(
      [
        ConditionalBranch(condition: .comparison(.greater, step, zero), result: up),
        ConditionalBranch(condition: .comparison(.less, step, zero), result: down),
      ], otherwise: zero, type: .bigint)
    let ordinal = numbers.column("ordinal", .bigint)
    let repeated = LogicalPlan.repeated(
      LogicalRepeat(
        input: LogicalPlan.oneRow.attaching(clause.pending), count: rows, ordinal: ordinal))
    let offset = try self.call("*", [ordinal.reference, step], at: position)
    let value = try explicitCast(
      try self.call("+", [start, offset], at: position), to: .bigint, isTry: false, at: position)
    let column = numbers.column(name, .bigint)
    let plan = LogicalPlan.project(
      LogicalProject(input: repeated, items: [NamedExpression(column, value)]))
    return try named(
      BoundRelation(plan: plan, columns: [column]), reference, defaultName: name)
  }
}
