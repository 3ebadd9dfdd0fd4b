import Kernels
import Vectors

/// Drops columns nobody reads: from scans, projections, aggregates, unions and shared plans.
struct ColumnPruning: OptimizerRule {
  let name = "column_pruning"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try ColumnPruning.pruned(plan, wanted: Set(context.resultColumns.map(\.id)))
  }

  private static func pruned(
    _ plan: LogicalPlan, wanted: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    var required = plan.requiredOfInputs(wanted)[...]
    let below = try plan.mapInputs { (input) throws(StoaError) in
      try pruned(input, wanted: required.popFirst() ?? input.columnIDs)
    }
    switch below {
    case .get(var node):
      let kept = node.columns.indices.filter { wanted.contains(node.columns[$0].id) }
      node.sources = kept.map { node.sources[$0] }
      node.columns = kept.map { node.columns[$0] }
      return .get(node)
    case .reference(var node):
      let kept = node.columns.indices.filter { wanted.contains(node.columns[$0].id) }
      node.sources = kept.map { node.sources[$0] }
      node.columns = kept.map { node.columns[$0] }
      return .reference(node)
    case .project(var node):
      node.items.removeAll { !wanted.contains($0.column.id) }
      return .project(node)
    case .aggregate(var node):
      node.aggregates.removeAll { !wanted.contains($0.column.id) }
      return .aggregate(node)
    case .window(var node):
      node.functions.removeAll { !wanted.contains($0.column.id) }
      return node.functions.isEmpty ? node.input : .window(node)
    case .unionAll(var node):
      let kept = node.columns.indices.filter { wanted.contains(node.columns[$0].id) }
      node.columns = kept.map { node.columns[$0] }
      node.inputColumns = node.inputColumns.map { ids in kept.map { ids[$0] } }
      return .unionAll(node)
    case .values, .tableFunction, .filter, .join, .sort, .limit, .singleRow, .materialize,
      .repeated, .recursion, .groupLimit, .sample, .asofJoin:
      return below
    }
  }
}
