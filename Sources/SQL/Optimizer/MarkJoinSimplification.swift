import Kernels
import Vectors

/// A mark join whose mark only filters becomes a semi or anti join: `NOT IN` of columns that are never NULL,
/// and marks that must be true.
struct MarkJoinSimplification: OptimizerRule {
  let name = "mark_join_simplification"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    let wanted = Set(context.resultColumns.map(\.id))
    return try MarkJoinSimplification.simplified(plan, wanted: wanted)
  }

  private static func simplified(
    _ plan: LogicalPlan, wanted: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    var plan = plan
    while let next = step(plan, wanted) { plan = next }
    var required = plan.requiredOfInputs(wanted)[...]
    return try plan.mapInputs { (input) throws(StoaError) in
      try simplified(input, wanted: required.popFirst() ?? input.columnIDs)
    }
  }

  /// Turns one mark join right below a filter.
  private static func step(_ plan: LogicalPlan, _ wanted: Set<Int>) -> LogicalPlan? {
    guard case .filter(var filter) = plan, case .join(var join) = filter.input, join.kind == .mark,
      let mark = join.mark, !wanted.contains(mark.id)
    else { return nil }
    let uses = filter.conditions.filter { $0.columnIDs.contains(mark.id) }
    guard uses.count == 1, let kind = kind(of: uses[0], mark.id, join) else { return nil }
    filter.conditions.removeAll { $0 == uses[0] }
    join.kind = kind
    join.mark = nil
    filter.input = .join(join)
    return filter.conditions.isEmpty ? filter.input : .filter(filter)
  }

  private static func kind(
    of condition: Expression, _ mark: Int, _ join: LogicalJoin
  ) -> JoinKind? {
    switch condition {
    case .column(mark, _): return .semi
    case .isDistinct(.column(mark, _), .constant(.boolean(true), _), isNegated: true): return .semi
    case .isDistinct(.column(mark, _), .constant(.boolean(true), _), isNegated: false): return .anti
    case .not(.column(mark, _)):
      // With NULL on either side a missing match is unknown, not false.
      let present = join.left.nonNullColumns.union(join.right.nonNullColumns)
      return join.conditions.allSatisfy { $0.isNeverNull(given: present) } ? .anti : nil
    case .not(.isDistinct(.column(mark, _), .constant(.boolean(true), _), isNegated: true)):
      return .anti
    default: return nil
    }
  }
}
