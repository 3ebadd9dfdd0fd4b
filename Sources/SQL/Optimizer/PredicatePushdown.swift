import Kernels
import Vectors

/// Moves conditions towards the tables they speak about, and makes join conditions out of those that speak
/// about both sides of an inner join, so that a comma list with WHERE becomes joins.
struct PredicatePushdown: OptimizerRule {
  let name = "predicate_pushdown"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try PredicatePushdown.push([], into: plan)
  }

  /// The plan with `conditions` applied to its result, as deep as they go.
  private static func push(
    _ conditions: [Expression], into plan: LogicalPlan
  ) throws(StoaError) -> LogicalPlan {
    switch plan {
    case .filter(let node):
      return try push(node.conditions.flatMap(\.conjuncts) + conditions, into: node.input)
    case .project(var node):
      let (below, above) = throughProject(conditions, node)
      node.input = try push(below, into: node.input)
      return filter(.project(node), above)
    case .join(let node):
      return try pushIntoJoin(conditions, node)
    case .aggregate(var node):
      let (below, above) = throughGroups(conditions, node)
      node.input = try push(below, into: node.input)
      return filter(.aggregate(node), above)
    case .sort(var node):
      node.input = try push(conditions, into: node.input)
      return .sort(node)
    case .window(var node):
      let partition = node.commonPartition
      let (below, above) = split(conditions) {
        $0.isDeterministic && !$0.columnIDs.isEmpty && $0.refersOnly(to: partition)
          && !$0.tellsEqualApart()
      }
      node.input = try push(below, into: node.input)
      return filter(.window(node), above)
    case .unionAll(var node):
      let (below, above) = split(conditions) { $0.isDeterministic && !$0.columnIDs.isEmpty }
      for index in node.inputs.indices {
        let mapping = Dictionary(
          zip(node.columns.map(\.id), node.inputColumns[index]),
          uniquingKeysWith: { first, _ in first })
        node.inputs[index] = try push(
          below.map { $0.mapColumns { mapping[$0] ?? $0 } }, into: node.inputs[index])
      }
      return filter(.unionAll(node), above)
    case .materialize(var node):
      node.shared = try push([], into: node.shared)
      node.input = try push(conditions, into: node.input)
      return .materialize(node)
    case .repeated(var node):
      let given = node.input.columnIDs
      let (below, above) = split(conditions) { $0.isDeterministic && $0.refersOnly(to: given) }
      node.input = try push(below, into: node.input)
      return filter(.repeated(node), above)
    case .asofJoin(var node):
      let left = node.left.columnIDs
      let (below, above) = split(conditions) { $0.isDeterministic && $0.refersOnly(to: left) }
      node.left = try push(below, into: node.left)
      node.right = try push([], into: node.right)
      return filter(.asofJoin(node), above)
    case .limit, .singleRow, .recursion, .groupLimit, .sample:
      let below = try plan.mapInputs { (input) throws(StoaError) in try push([], into: input) }
      return filter(below, conditions)
    case .get, .values, .tableFunction, .reference:
      return filter(plan, conditions)
    }
  }

  private static func filter(_ plan: LogicalPlan, _ conditions: [Expression]) -> LogicalPlan {
    let conjuncts = BooleanSimplification.conjuncts(conditions)
    return conjuncts.isEmpty ? plan : .filter(LogicalFilter(input: plan, conditions: conjuncts))
  }

  private static func split(
    _ conditions: [Expression], _ goesDown: (Expression) -> Bool
  ) -> (below: [Expression], above: [Expression]) {
    var below: [Expression] = []
    var above: [Expression] = []
    for condition in conditions {
      if goesDown(condition) { below.append(condition) } else { above.append(condition) }
    }
    return (below, above)
  }

  /// Conditions over computed columns take the computation with them.
  private static func throughProject(
    _ conditions: [Expression], _ node: LogicalProject
  ) -> (below: [Expression], above: [Expression]) {
    let sources = Dictionary(
      node.items.map { ($0.column.id, $0.expression) }, uniquingKeysWith: { first, _ in first })
    let (below, above) = split(conditions) { condition in
      condition.isDeterministic
        && condition.columnIDs.allSatisfy { sources[$0]?.isDeterministic ?? false }
    }
    return (below.map { $0.replacingColumns(sources) }, above)
  }

  /// Conditions over group keys hold for whole groups, unless they tell equal keys apart.
  private static func throughGroups(
    _ conditions: [Expression], _ node: LogicalAggregate
  ) -> (below: [Expression], above: [Expression]) {
    if node.groups.isEmpty { return ([], conditions) }
    let sources = Dictionary(
      node.groups.map { ($0.column.id, $0.expression) }, uniquingKeysWith: { first, _ in first })
    let (below, above) = split(conditions) { condition in
      condition.isDeterministic && condition.columnIDs.allSatisfy { sources[$0] != nil }
        && !condition.tellsEqualApart()
    }
    return (below.map { $0.replacingColumns(sources) }, above)
  }

  // MARK: joins

  private static func pushIntoJoin(
    _ conditions: [Expression], _ node: LogicalJoin
  ) throws(StoaError) -> LogicalPlan {
    var node = node
    let left = node.left.columnIDs
    let right = node.right.columnIDs
    var toLeft: [Expression] = []
    var toRight: [Expression] = []
    var above: [Expression] = []
    var on = node.conditions.flatMap(\.conjuncts)
    let canSink = { (condition: Expression) in condition.isDeterministic && !node.isDependent }
    switch node.kind {
    case .inner:
      let all = on + conditions
      on = []
      for condition in all {
        if !canSink(condition) {
          above.append(condition)
        } else if condition.refersOnly(to: left) {
          toLeft.append(condition)
        } else if condition.refersOnly(to: right) {
          toRight.append(condition)
        } else {
          on.append(condition)
        }
      }
    case .left, .single:
      (toLeft, above) = split(conditions) { canSink($0) && $0.refersOnly(to: left) }
      (toRight, on) = split(on) { canSink($0) && $0.refersOnly(to: right) && !$0.columnIDs.isEmpty }
    case .right:
      (toRight, above) = split(conditions) { canSink($0) && $0.refersOnly(to: right) }
      (toLeft, on) = split(on) { canSink($0) && $0.refersOnly(to: left) && !$0.columnIDs.isEmpty }
    case .full: above = conditions
    case .semi:
      let all = on
      (toLeft, above) = split(conditions, canSink)
      on = []
      for condition in all {
        if !canSink(condition) {
          on.append(condition)
        } else if condition.refersOnly(to: right) {
          toRight.append(condition)
        } else if condition.refersOnly(to: left) {
          toLeft.append(condition)
        } else {
          on.append(condition)
        }
      }
    case .anti:
      (toLeft, above) = split(conditions, canSink)
      (toRight, on) = split(on) { canSink($0) && $0.refersOnly(to: right) }
    case .mark:
      (toLeft, above) = split(conditions) { canSink($0) && $0.refersOnly(to: left) }
    }
    node.conditions = BooleanSimplification.conjuncts(on)
    node.left = try push(toLeft, into: node.left)
    node.right = try push(toRight, into: node.right)
    return filter(.join(node), above)
  }
}
