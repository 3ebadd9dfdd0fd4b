import Kernels
import Vectors

/// Aggregates that are all DISTINCT over the same arguments become two groupings: one by keys and arguments, whose rows
/// are the different values, and one by the keys over them. The first merges in parallel and spills as every grouping does,
/// and takes few values of a dictionary by array.
struct DistinctAggregation: OptimizerRule {
  let name = "distinct_aggregation"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    var numbers = context.numbers
    defer { context.numbers = numbers }
    return try plan.rewrittenUp { (node) throws(StoaError) in
      guard case .aggregate(let aggregate) = node else { return node }
      return DistinctAggregation.divided(aggregate, &numbers).map { .aggregate($0) } ?? node
    }
  }

  private static func divided(
    _ node: LogicalAggregate, _ numbers: inout PlanNumbers
  ) -> LogicalAggregate? {
    guard let first = node.aggregates.first?.call else { return nil }
    let isAlone = node.aggregates.allSatisfy { item in
      item.call.isDistinct && item.call.arguments == first.arguments && item.call.filter == nil
        && item.call.orderBy.isEmpty
    }
    guard isAlone, !first.arguments.isEmpty else { return nil }
    var values = LogicalAggregate(input: node.input, groups: node.groups, aggregates: [])
    var arguments: [Expression] = []
    for argument in first.arguments {
      if let known = values.groups.first(where: { $0.expression == argument }) {
        arguments.append(known.column.reference)
        continue
      }
      let column: PlanColumn
      if let id = argument.columnID, let source = node.input.columns.first(where: { $0.id == id }) {
        column = source
      } else {
        column = numbers.column("value", argument.type)
      }
      values.groups.append(NamedExpression(column, argument))
      arguments.append(column.reference)
    }
    return LogicalAggregate(
      input: .aggregate(values),
      groups: node.groups.map { NamedExpression(passing: $0.column) },
      aggregates: node.aggregates.map { item in
        NamedAggregate(
          item.column, AggregateCall(function: item.call.function, arguments: arguments))
      })
  }
}
