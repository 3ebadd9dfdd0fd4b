import Kernels
import Vectors

/// Turns dependent joins into plain ones (T. Neumann and A. Kemper, "Unnesting Arbitrary Queries", BTW 2015).
///
/// A dependent join means its right side anew for every row of the left. Innermost first, each is replaced:
/// - When the right side refers to the left only in filters, those become conditions of the join.
/// - Otherwise the right side is computed for all values of the outer columns at once: the *domain*, their
///   distinct combinations, is joined in where the outer columns are used, every aggregate on the way up
///   groups by the domain's columns too, and the join compares outer columns with them, NULL equal to NULL.
///   Where a filter equates every outer column with a column of its own, those columns are the domain, and
///   nothing needs to be joined in.
///
/// Where equal values of an outer column need not be identical (1 month and 30 days) and the right side can tell them
/// apart, the rows of the left are numbered, and the number is one more outer column: no row gets the answer of another.
///
/// Needed for correctness: runs with the optimizer off as well.
struct Decorrelator {
  var numbers: PlanNumbers

  static func decorrelated(
    _ plan: LogicalPlan, numbers: inout PlanNumbers
  ) throws(StoaError) -> LogicalPlan {
    guard plan.hasDependentJoin else { return plan }
    var decorrelator = Decorrelator(numbers: numbers)
    let result = try decorrelator.walk(plan)
    numbers = decorrelator.numbers
    return result
  }

  private mutating func walk(_ plan: LogicalPlan) throws(StoaError) -> LogicalPlan {
    var parts: [LogicalPlan] = []
    for input in plan.inputs { parts.append(try walk(input)) }
    var rest = parts[...]
    let below = try plan.mapInputs { (input) throws(StoaError) in rest.popFirst() ?? input }
    guard case .join(let join) = below, join.isDependent else { return below }
    return try unnested(join)
  }

  private mutating func unnested(_ join: LogicalJoin) throws(StoaError) -> LogicalPlan {
    let outer = join.right.freeColumns.intersection(join.left.columnIDs)
    if outer.isEmpty {
      var plain = join
      plain.isDependent = false
      return .join(plain)
    }
    if let simple = ConditionPull(outer: outer, kind: join.kind).pulled(join) { return simple }
    if join.kind == .single, case .project(let project) = join.right.mergingTopProjects,
      case .aggregate(let aggregate) = project.input, aggregate.groups.isEmpty
    {
      return try overAggregate(join, project, aggregate, outer)
    }
    return try throughDomain(join, outer)
  }

  /// `L ⋈ project(aggregate)`: the projection moves above the join, where a missing group becomes what the
  /// aggregate gives for no rows.
  private mutating func overAggregate(
    _ join: LogicalJoin, _ project: LogicalProject, _ aggregate: LogicalAggregate, _ outer: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    var grouped = join
    grouped.right = .aggregate(aggregate)
    let joined = try throughDomain(grouped, outer, isMissingGroupHandled: true)
    let emptyValues = Decorrelator.valuesOfNoRows(aggregate)
    let items = project.items.map {
      NamedExpression($0.column, $0.expression.replacingColumns(emptyValues))
    }
    let passed = join.left.columns.map { NamedExpression(passing: $0) }
    return .project(LogicalProject(input: joined, items: passed + items))
  }

  /// For aggregates that are not NULL over no rows, the column with NULL replaced by that value.
  static func valuesOfNoRows(_ aggregate: LogicalAggregate) -> [Int: Expression] {
    var result: [Int: Expression] = [:]
    for item in aggregate.aggregates where item.call.function.isCount {
      let column = item.column.reference
      result[item.column.id] = .conditional(
        [ConditionalBranch(condition: .isNull(column, isNegated: true), result: column)],
        otherwise: .constant(.integer(0), item.column.type), type: item.column.type)
    }
    return result
  }

  /// - Parameter isMissingGroupHandled: the right side is an aggregate without groups, and NULLs for values
  ///   of the domain without rows are what the caller expects.
  private mutating func throughDomain(
    _ join: LogicalJoin, _ outer: Set<Int>, isMissingGroupHandled: Bool = false
  ) throws(StoaError) -> LogicalPlan {
    let (join, outer, isNumbered) = numbered(join, outer)
    let outerColumns = join.left.columns.filter { outer.contains($0.id) }
    var push = DomainPush(
      outer: outerColumns, nonNull: join.left.nonNullColumns, leftNumber: numbers.take(),
      domainNumber: numbers.take(), isNumbered: isNumbered, numbers: numbers)
    let pushed: DomainPush.Pushed
    if isMissingGroupHandled, case .aggregate(let aggregate) = join.right {
      pushed = try push.grouped(aggregate)
    } else {
      pushed = try push.push(join.right)
    }
    var result = join
    result.isDependent = false
    result.right = pushed.plan
    for column in outerColumns {
      guard let domain = pushed.columns[column.id] else { continue }
      result.conditions.append(
        .isDistinct(column.reference, domain.reference, isNegated: true))
    }
    let domainIDs = Set(pushed.columns.values.map(\.id))
    if result.kind == .single, pushed.plan.isUnique(on: domainIDs) { result.kind = .left }
    let whole = push.wrapped(result, left: join.left)
    numbers = push.numbers
    return whole
  }

  /// The join with its left rows numbered when the right side tells equal outer values apart, and the outer columns.
  private mutating func numbered(
    _ join: LogicalJoin, _ outer: Set<Int>
  ) -> (join: LogicalJoin, outer: Set<Int>, isNumbered: Bool) {
    let inexact = Set(
      join.left.columns.lazy.filter { outer.contains($0.id) && !$0.type.equalMeansIdentical }
        .map(\.id))
    guard !inexact.isEmpty, join.right.tellsEqualApart(inexact) else {
      return (join, outer, false)
    }
    let number = NamedWindow(
      column: numbers.column("row", .bigint),
      call: WindowCall(function: .rowNumber, arguments: [], resultType: .bigint), partition: [],
      order: [])
    var copy = join
    copy.left = .window(LogicalWindow(input: join.left, functions: [number]))
    return (copy, outer.union([number.column.id]), true)
  }
}

extension LogicalPlan {
  /// Whether an expression anywhere in it can differ for values of `columns` that are equal but not identical.
  func tellsEqualApart(_ columns: Set<Int>) -> Bool {
    expressions.contains { $0.tellsEqualApart(columns) }
      || inputs.contains { $0.tellsEqualApart(columns) }
  }

  /// Whether a dependent join is left anywhere.
  var hasDependentJoin: Bool {
    if case .join(let node) = self, node.isDependent { return true }
    return inputs.contains(where: \.hasDependentJoin)
  }
}

/// The simple case: outer columns occur only in filters of the right side, which become join conditions.
struct ConditionPull {
  let outer: Set<Int>
  let kind: JoinKind

  /// A plan without outer columns, the conditions taken out of it, and what to put in place of columns that
  /// were computed from outer ones.
  private struct Pulled {
    var plan: LogicalPlan
    var conditions: [Expression] = []
    var replacements: [Int: Expression] = [:]
  }

  /// Only existence counts: duplicates and computed columns of the right side do not matter.
  private var isExistential: Bool { kind == .semi || kind == .anti || kind == .mark }

  func pulled(_ join: LogicalJoin) -> LogicalPlan? {
    guard let part = pull(join.right) else { return nil }
    var result = join
    result.isDependent = false
    result.right = part.plan
    result.conditions =
      join.conditions.map { $0.replacingColumns(part.replacements) } + part.conditions
    return .join(result)
  }

  private func isFree(_ plan: LogicalPlan) -> Bool { plan.freeColumns.isDisjoint(with: outer) }

  private func isFree(_ expression: Expression) -> Bool {
    expression.columnIDs.isDisjoint(with: outer)
  }

  private func pull(_ plan: LogicalPlan) -> Pulled? {
    if isFree(plan) { return Pulled(plan: plan) }
    switch plan {
    case .filter(var node):
      guard var part = pull(node.input) else { return nil }
      let all = node.conditions.flatMap(\.conjuncts).map { $0.replacingColumns(part.replacements) }
      part.conditions += all.filter { !isFree($0) }
      node.input = part.plan
      node.conditions = all.filter(isFree)
      part.plan = node.conditions.isEmpty ? part.plan : .filter(node)
      return part
    case .project(let node): return project(node)
    case .sort(let node): return pull(node.input)
    case .limit(let node):
      guard isExistential, node.isPlain, node.offset == nil,
        let count = node.limit?.constantValue?.integer,
        count > 0
      else { return nil }
      return pull(node.input)
    case .aggregate(let node):
      guard isExistential, node.aggregates.isEmpty, !node.groups.isEmpty else { return nil }
      return pull(.project(LogicalProject(input: node.input, items: node.groups)))
    case .join(let node): return join(node)
    case .get, .values, .tableFunction, .unionAll, .singleRow, .materialize, .reference, .repeated,
      .window, .recursion, .groupLimit, .sample, .asofJoin:
      return nil
    }
  }

  private func project(_ node: LogicalProject) -> Pulled? {
    guard var part = pull(node.input) else { return nil }
    var items: [NamedExpression] = []
    var replacements: [Int: Expression] = [:]
    for item in node.items {
      let expression = item.expression.replacingColumns(part.replacements)
      if isFree(expression) {
        items.append(NamedExpression(item.column, expression))
      } else {
        guard isExistential else { return nil }
        replacements[item.column.id] = expression
      }
    }
    // The conditions moving up still need their columns.
    let given = Set(items.map(\.column.id))
    let needed = Set<Int>().addingColumns(of: part.conditions + Array(replacements.values))
    for column in part.plan.columns where needed.contains(column.id) && !given.contains(column.id) {
      items.append(NamedExpression(passing: column))
    }
    part.plan = .project(LogicalProject(input: part.plan, items: items))
    part.replacements = replacements
    return part
  }

  private func join(_ node: LogicalJoin) -> Pulled? {
    guard !node.isDependent, let left = pull(node.left), left.replacements.isEmpty else {
      return nil
    }
    var copy = node
    copy.left = left.plan
    switch node.kind {
    case .inner:
      guard let right = pull(node.right), right.replacements.isEmpty else { return nil }
      copy.right = right.plan
      let free = node.conditions.flatMap(\.conjuncts)
      copy.conditions = free.filter(isFree)
      return Pulled(
        plan: .join(copy),
        conditions: left.conditions + right.conditions + free.filter { !isFree($0) })
    case .left, .semi, .anti, .mark, .single:
      guard isFree(node.right), node.conditions.allSatisfy(isFree) else { return nil }
      return Pulled(plan: .join(copy), conditions: left.conditions)
    case .right, .full: return nil
    }
  }
}
