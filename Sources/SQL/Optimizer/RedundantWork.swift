import Kernels
import Vectors

/// DISTINCT and GROUP BY without aggregates over rows that are distinct already do nothing.
struct DistinctRemoval: OptimizerRule {
  let name = "distinct_removal"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try plan.rewrittenUp { (node) throws(StoaError) in
      guard case .aggregate(let aggregate) = node, aggregate.aggregates.isEmpty,
        !aggregate.groups.isEmpty
      else { return node }
      // Rows with NULLs in a unique key may repeat, so the key must have none.
      let columns = Set(aggregate.groups.compactMap(\.expression.columnID))
      let certain = columns.intersection(aggregate.input.nonNullColumns)
      guard aggregate.input.isUnique(on: certain) else { return node }
      return .project(LogicalProject(input: aggregate.input, items: aggregate.groups))
    }
  }
}

/// Sorting that nothing above can see: below aggregates, joins, other sorts and in single rows.
struct SortRemoval: OptimizerRule {
  let name = "sort_removal"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try SortRemoval.removed(plan, isOrderSeen: true)
  }

  private static func removed(
    _ plan: LogicalPlan, isOrderSeen: Bool
  ) throws(StoaError) -> LogicalPlan {
    switch plan {
    case .sort(let node):
      if !isOrderSeen || node.input.hasExactlyOneRow {
        return try removed(node.input, isOrderSeen: isOrderSeen)
      }
      return try plan.mapInputs { (input) throws(StoaError) in
        try removed(input, isOrderSeen: false)
      }
    case .filter, .project, .limit:
      // LIMIT chooses rows by the order below it.
      let isSeen = if case .limit = plan { true } else { isOrderSeen }
      return try plan.mapInputs { (input) throws(StoaError) in
        try removed(input, isOrderSeen: isSeen)
      }
    case .materialize(var node):
      node.shared = try removed(node.shared, isOrderSeen: true)
      node.input = try removed(node.input, isOrderSeen: isOrderSeen)
      return .materialize(node)
    case .aggregate(let node):
      let isSeen = node.aggregates.contains {
        $0.call.function.dependsOnOrder && $0.call.orderBy.isEmpty
      }
      return try plan.mapInputs { (input) throws(StoaError) in
        try removed(input, isOrderSeen: isSeen)
      }
    case .window(let node):
      // Without ORDER BY the rows are taken as they come.
      let isSeen = node.functions.contains { $0.order.isEmpty }
      return try plan.mapInputs { (input) throws(StoaError) in
        try removed(input, isOrderSeen: isSeen)
      }
    case .repeated, .sample:
      return try plan.mapInputs { (input) throws(StoaError) in
        try removed(input, isOrderSeen: isOrderSeen)
      }
    case .join, .unionAll, .singleRow, .recursion, .groupLimit, .asofJoin:
      return try plan.mapInputs { (input) throws(StoaError) in
        try removed(input, isOrderSeen: false)
      }
    case .get, .values, .tableFunction, .reference: return plan
    }
  }
}

/// Stops early: LIMIT below projections, into the inputs of UNION ALL and the preserved side of left joins.
struct LimitPushdown: OptimizerRule {
  let name = "limit_pushdown"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    guard case .limit(let limit) = plan else {
      return try plan.mapInputs { (input) throws(StoaError) in try rewrite(input, &context) }
    }
    if case .project(var project) = limit.input {
      var below = limit
      below.input = project.input
      project.input = .limit(below)
      project.input = try rewrite(project.input, &context)
      return .project(project)
    }
    var copy = limit
    copy.input = try rewrite(capped(limit), &context)
    return .limit(copy)
  }

  /// The input of a LIMIT with as many rows as can be seen, where that is cheap to say.
  private func capped(_ limit: LogicalLimit) -> LogicalPlan {
    guard limit.isPlain, let count = limit.limit?.constantValue?.integer else { return limit.input }
    let offset = limit.offset.map { $0.constantValue?.integer } ?? 0
    guard let offset, let total = Int64(exactly: count + offset) else { return limit.input }
    func cap(_ plan: LogicalPlan) -> LogicalPlan {
      if case .limit = plan { return plan }
      let bound = Expression.constant(.integer(Int128(total)), .bigint)
      return .limit(LogicalLimit(input: plan, limit: bound, offset: nil))
    }
    switch limit.input {
    case .unionAll(var union):
      union.inputs = union.inputs.map(cap)
      return .unionAll(union)
    case .join(var join) where join.kind == .left || join.kind == .mark || join.kind == .single:
      guard !join.isDependent else { return limit.input }
      join.left = cap(join.left)
      return .join(join)
    default: return limit.input
    }
  }
}
