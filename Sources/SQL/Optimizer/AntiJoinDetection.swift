import Kernels
import Vectors

/// A left join of which only the rows without a match are kept (`WHERE key IS NULL` on a column that every match has) and
/// nothing of whose right side is read is an anti join: it keeps no columns of the right side, and estimates know it.
struct AntiJoinDetection: OptimizerRule {
  let name = "anti_join_detection"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try AntiJoinDetection.rewritten(plan, wanted: Set(context.resultColumns.map(\.id)))
  }

  private static func rewritten(
    _ plan: LogicalPlan, wanted: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    var required = plan.requiredOfInputs(wanted)[...]
    let plan = try plan.mapInputs { (input) throws(StoaError) in
      try rewritten(input, wanted: required.popFirst() ?? input.columnIDs)
    }
    guard case .filter(var filter) = plan, case .join(var join) = filter.input, join.kind == .left,
      !join.isDependent
    else { return plan }
    var present = join.right.nonNullColumns
    for condition in join.conditions { present.formUnion(condition.columnsRejectingNull) }
    present.formIntersection(join.right.columnIDs)
    let others = filter.conditions.filter { condition in
      guard case .isNull(let operand, false) = condition, let id = operand.columnID
      else { return true }
      return !present.contains(id)
    }
    guard others.count < filter.conditions.count,
      wanted.addingColumns(of: others).isDisjoint(with: join.right.columnIDs)
    else { return plan }
    join.kind = .anti
    if others.isEmpty { return .join(join) }
    filter.conditions = others
    filter.input = .join(join)
    return .filter(filter)
  }
}
