import Kernels
import Vectors

/// Moves semi joins below the inner and left joins of their left side, to the one input whose columns they
/// test: there they filter early, and the join order can treat that input as one relation. Those that are
/// unlikely to drop much, because their other side is large or the join is an anti join, stay above, where
/// fewer rows probe them.
struct SemiJoinPushdown: OptimizerRule {
  let name = "semi_join_pushdown"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    var estimator = CardinalityEstimator(catalog: context.catalog)
    return try plan.rewrittenUp { (node) throws(StoaError) in
      guard case .join(let join) = node, join.kind == .semi, !join.isDependent,
        !join.conditions.isEmpty
      else { return node }
      let moved = SemiJoinPushdown.pushed(join)
      if case .join(let same) = moved, same.kind == .semi { return node }
      let before = estimator.estimate(.join(join))
      let left = estimator.estimate(join.left)
      return before.rows < left.rows * 0.5 ? moved : node
    }
  }

  private static func pushed(_ join: LogicalJoin) -> LogicalPlan {
    let right = join.right.columnIDs
    let used = Set<Int>().addingColumns(of: join.conditions).subtracting(right)
    func on(_ input: LogicalPlan) -> LogicalPlan {
      var copy = join
      copy.left = input
      return pushed(copy)
    }
    switch join.left {
    case .join(var inner) where !inner.isDependent:
      if used.isSubset(of: inner.left.columnIDs), inner.kind != .right, inner.kind != .full {
        inner.left = on(inner.left)
        return .join(inner)
      }
      if used.isSubset(of: inner.right.columnIDs), inner.kind == .inner {
        inner.right = on(inner.right)
        return .join(inner)
      }
      return .join(join)
    case .filter(var filter) where JoinTree.isPart(filter.input):
      filter.input = on(filter.input)
      return .filter(filter)
    default: return .join(join)
    }
  }
}
