import Kernels
import Vectors

/// Puts the side of each join that shall be hashed on the right: the smaller one, where the kind allows it.
/// One pass from the leaves up, with the estimates it needs made on the way.
struct JoinOrientation {
  private var estimator: CardinalityEstimator

  init(catalog: any PlannerCatalog) { estimator = CardinalityEstimator(catalog: catalog) }

  /// The same plan with the sides of joins in order.
  static func oriented(
    _ plan: LogicalPlan, catalog: any PlannerCatalog
  ) throws(StoaError) -> LogicalPlan {
    var orientation = JoinOrientation(catalog: catalog)
    return try orientation.walk(plan).plan
  }

  private mutating func walk(
    _ plan: LogicalPlan
  ) throws(StoaError) -> (plan: LogicalPlan, estimate: RelationEstimate) {
    var inputs: [LogicalPlan] = []
    var estimates: [RelationEstimate] = []
    for input in plan.inputs {
      let (oriented, estimate) = try walk(input)
      inputs.append(oriented)
      estimates.append(estimate)
      // References further on want to know what they refer to.
      if case .materialize(let node) = plan, inputs.count == 1 {
        estimator.shared[node.number] = estimate
      }
      if case .recursion(let node) = plan, inputs.count == 1 {
        estimator.shared[node.number] = node.renamed(estimate)
      }
    }
    var rest = inputs[...]
    var result = try plan.mapInputs { (input) throws(StoaError) in rest.popFirst() ?? input }
    let estimate = estimator.estimate(result, over: estimates)
    if case .join(let node) = result {
      result = .join(oriented(node, left: estimates[0].rows, right: estimates[1].rows))
    }
    return (result, estimate)
  }

  private func oriented(_ node: LogicalJoin, left: Double, right: Double) -> LogicalJoin {
    var swapped = node
    (swapped.left, swapped.right) = (node.right, node.left)
    switch node.kind {
    case .inner, .full:
      return left * preference(node, left: left, right: right) < right ? swapped : node
    case .left:
      // Building on the preserved side pays when it is much smaller: the other side streams past it.
      guard left * 4 < right, !JoinKeys(node).pairs.isEmpty else { return node }
      swapped.kind = .right
      return swapped
    case .semi, .anti:
      // The preserved side is hashed when the other one is much larger, which then needs no more than pass a filter.
      guard left * 4 < right, right > 10_000, !JoinKeys(node).pairs.isEmpty else { return node }
      var turned = node
      turned.hashesLeft = true
      return turned
    case .right, .mark, .single: return node
    }
  }

  /// How much larger the right side may be than the left and still be the one to hash: a unique key makes a
  /// dense table of columns that is cheap to build and to probe, worth it for small dimensions anyway.
  private func preference(_ node: LogicalJoin, left: Double, right: Double) -> Double {
    if node.kind == .full { return 1 }
    let keys = JoinKeys(node)
    if keys.pairs.isEmpty { return 1 }
    let isRightUnique = node.right.isUnique(on: Set(keys.pairs.compactMap(\.right.columnID)))
    let isLeftUnique = node.left.isUnique(on: Set(keys.pairs.compactMap(\.left.columnID)))
    if isRightUnique == isLeftUnique { return 1 }
    let favour = (isRightUnique ? right : left) <= 10_000 ? 1_000.0 : 4
    return isRightUnique ? favour : 1 / favour
  }
}
