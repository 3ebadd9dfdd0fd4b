import Kernels
import Vectors

/// Outer joins whose added NULL rows cannot survive become inner ones: a condition above that is never true
/// for NULLs of the padded side drops exactly those rows.
struct OuterJoinSimplification: OptimizerRule {
  let name = "outer_join_simplification"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try OuterJoinSimplification.simplified(plan, rejecting: [])
  }

  /// - Parameter rejecting: columns for which rows with NULL do not survive above.
  private static func simplified(
    _ plan: LogicalPlan, rejecting: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    switch plan {
    case .filter(var node):
      var all = rejecting
      for condition in node.conditions { all.formUnion(condition.columnsRejectingNull) }
      node.input = try simplified(node.input, rejecting: all)
      return .filter(node)
    case .project(var node):
      var below: Set<Int> = []
      for item in node.items where rejecting.contains(item.column.id) {
        below.formUnion(item.expression.strictColumns)
      }
      node.input = try simplified(node.input, rejecting: below)
      return .project(node)
    case .window(var node):
      node.input = try simplified(
        node.input, rejecting: rejecting.intersection(node.commonPartition))
      return .window(node)
    case .sort(var node):
      node.input = try simplified(node.input, rejecting: rejecting)
      return .sort(node)
    case .aggregate(var node):
      var below: Set<Int> = []
      for group in node.groups where rejecting.contains(group.column.id) {
        below.formUnion(group.expression.strictColumns)
      }
      node.input = try simplified(node.input, rejecting: below)
      return .aggregate(node)
    case .materialize(var node):
      node.shared = try simplified(node.shared, rejecting: [])
      node.input = try simplified(node.input, rejecting: rejecting)
      return .materialize(node)
    case .join(let node): return try join(node, rejecting)
    case .get, .values, .tableFunction, .reference, .limit, .singleRow, .unionAll, .repeated,
      .recursion, .groupLimit, .sample, .asofJoin:
      return try plan.mapInputs { (input) throws(StoaError) in
        try simplified(input, rejecting: [])
      }
    }
  }

  private static func join(
    _ node: LogicalJoin, _ rejecting: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    var node = node
    let rejectsLeft = !rejecting.isDisjoint(with: node.left.columnIDs)
    let rejectsRight = !rejecting.isDisjoint(with: node.right.columnIDs)
    switch node.kind {
    case .left where rejectsRight: node.kind = .inner
    case .right where rejectsLeft: node.kind = .inner
    case .full:
      if rejectsLeft && rejectsRight {
        node.kind = .inner
      } else if rejectsLeft {
        node.kind = .left
      } else if rejectsRight {
        node.kind = .left
        (node.left, node.right) = (node.right, node.left)
      }
    default: break
    }
    var own: Set<Int> = []
    for condition in node.conditions { own.formUnion(condition.columnsRejectingNull) }
    switch node.kind {
    case .inner:
      node.left = try simplified(node.left, rejecting: rejecting.union(own))
      node.right = try simplified(node.right, rejecting: rejecting.union(own))
    case .semi:
      node.left = try simplified(node.left, rejecting: rejecting.union(own))
      node.right = try simplified(node.right, rejecting: own)
    case .left, .single:
      node.left = try simplified(node.left, rejecting: rejecting)
      node.right = try simplified(node.right, rejecting: own)
    case .anti:
      node.left = try simplified(node.left, rejecting: rejecting)
      node.right = try simplified(node.right, rejecting: own)
    case .mark:
      node.left = try simplified(node.left, rejecting: rejecting)
      node.right = try simplified(node.right, rejecting: [])
    case .right, .full:
      node.left = try simplified(node.left, rejecting: [])
      node.right = try simplified(node.right, rejecting: [])
    }
    return .join(node)
  }
}
