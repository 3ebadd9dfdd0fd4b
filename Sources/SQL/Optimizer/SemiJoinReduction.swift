import Kernels
import Vectors

/// An inner join that only filters becomes a semi join: the other side has at most one match for each row
/// and gives nothing but its keys, which equal the columns they are compared with. The executor then needs
/// to keep the keys alone, and often lets the join vanish into an exact runtime filter.
struct SemiJoinReduction: OptimizerRule {
  let name = "semi_join_reduction"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try SemiJoinReduction.reduced(plan, wanted: Set(context.resultColumns.map(\.id)))
  }

  private static func reduced(
    _ plan: LogicalPlan, wanted: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    if case .join(let node) = plan, let semi = reduced(node, wanted) {
      return try reduced(semi, wanted: wanted)
    }
    var required = plan.requiredOfInputs(wanted)[...]
    return try plan.mapInputs { (input) throws(StoaError) in
      try reduced(input, wanted: required.popFirst() ?? input.columnIDs)
    }
  }

  private static func reduced(_ node: LogicalJoin, _ wanted: Set<Int>) -> LogicalPlan? {
    guard node.kind == .inner, !node.isDependent else { return nil }
    if let result = semi(node, wanted) { return result }
    var swapped = node
    (swapped.left, swapped.right) = (node.right, node.left)
    return semi(swapped, wanted)
  }

  /// The semi join with `node.right` as the side that only filters.
  private static func semi(_ node: LogicalJoin, _ wanted: Set<Int>) -> LogicalPlan? {
    let right = node.right.columnIDs
    let keys = JoinKeys(node)
    guard !keys.pairs.isEmpty, keys.others.isEmpty else { return nil }
    var partner: [Int: Expression] = [:]
    for pair in keys.pairs {
      guard !pair.isNullSafe, let own = pair.right.columnID else { return nil }
      partner[own] = pair.left
    }
    let read = wanted.intersection(right)
    guard
      read.allSatisfy({ id in
        partner[id].map { $0.columnID != nil && $0.type.equalMeansIdentical } ?? false
      }),
      node.right.isUnique(on: Set(partner.keys))
    else { return nil }
    var copy = node
    copy.kind = .semi
    if read.isEmpty { return .join(copy) }
    let renamed = node.right.columns.compactMap { column in
      read.contains(column.id) ? partner[column.id].map { NamedExpression(column, $0) } : nil
    }
    let passed = node.left.columns.map { NamedExpression(passing: $0) }
    return .project(LogicalProject(input: .join(copy), items: passed + renamed))
  }
}
