import Kernels
import Vectors

/// Computes a plan with outer columns for all values of the domain at once.
struct DomainPush {
  /// A plan without outer columns that gives out, beside its own columns, one column of the domain for each
  /// outer column, by the outer column's id.
  struct Pushed {
    var plan: LogicalPlan
    var columns: [Int: PlanColumn]
  }

  private let outer: [PlanColumn]
  private let outerIDs: Set<Int>
  private let leftNumber: Int
  private let domainNumber: Int
  /// One of the outer columns numbers the rows: no other needs to be grouped by.
  private let isNumbered: Bool
  /// Columns of the shared left side and of the shared domain.
  private var domainColumns: [PlanColumn] = []
  private var isDomainUsed = false
  /// Columns of the left side that are never NULL.
  private let nonNull: Set<Int>
  /// Shared plans that got columns of the domain: by number, the column for each outer column.
  private var extended: [Int: [Int: PlanColumn]] = [:]
  var numbers: PlanNumbers

  init(
    outer: [PlanColumn], nonNull: Set<Int>, leftNumber: Int, domainNumber: Int, isNumbered: Bool,
    numbers: PlanNumbers
  ) {
    self.isNumbered = isNumbered
    self.outer = outer
    self.nonNull = nonNull
    outerIDs = Set(outer.map(\.id))
    self.leftNumber = leftNumber
    self.domainNumber = domainNumber
    self.numbers = numbers
  }

  // MARK: the domain

  /// The domain, under new column ids.
  private mutating func domain() -> Pushed {
    if !isDomainUsed {
      isDomainUsed = true
      domainColumns = outer.map { numbers.column($0.name, $0.type) }
    }
    let columns = outer.map { numbers.column($0.name, $0.type) }
    return Pushed(
      plan: .reference(
        LogicalReference(
          number: domainNumber, name: "outer values", columns: columns,
          sources: domainColumns.map(\.id),
          nonNullSources: Set(
            zip(outer, domainColumns).lazy.filter { [nonNull] in nonNull.contains($0.0.id) }
              .map(\.1.id)),
          uniqueSources: Set(domainColumns.map(\.id)))),
      columns: Dictionary(
        zip(outer.map(\.id), columns), uniquingKeysWith: { first, _ in first }))
  }

  /// The finished join; when the domain was used, below what computes left side and domain once.
  mutating func wrapped(_ join: LogicalJoin, left: LogicalPlan) -> LogicalPlan {
    guard isDomainUsed else { return .join(join) }
    let leftColumns = left.columns
    func leftRows(_ wanted: [PlanColumn], _ names: [PlanColumn]) -> LogicalPlan {
      let columns = wanted.map { numbers.column($0.name, $0.type) }
      let reference = LogicalPlan.reference(
        LogicalReference(
          number: leftNumber, name: "outer rows", columns: columns, sources: wanted.map(\.id),
          nonNullSources: nonNull))
      let items = zip(names, columns).map { NamedExpression($0, $1.reference) }
      return .project(LogicalProject(input: reference, items: items))
    }
    var copy = join
    copy.left = leftRows(leftColumns, leftColumns)
    var values = leftRows(outer, domainColumns)
    if !isNumbered {
      values = .aggregate(
        LogicalAggregate(
          input: values, groups: domainColumns.map { NamedExpression(passing: $0) }, aggregates: [])
      )
    }
    return .materialize(
      LogicalMaterialize(
        number: leftNumber, name: "outer rows", shared: left,
        input: .materialize(
          LogicalMaterialize(
            number: domainNumber, name: "outer values", shared: values, input: .join(copy)))))
  }

  // MARK: pushing

  /// Whether the plan needs the domain.
  private func depends(_ plan: LogicalPlan) -> Bool {
    !plan.freeColumns.isDisjoint(with: outerIDs)
      || extended.keys.contains { plan.referenceCount(of: $0) > 0 }
  }

  private func replaced(_ expression: Expression, _ columns: [Int: PlanColumn]) -> Expression {
    expression.replacingColumns(columns.mapValues(\.reference))
  }

  private func passing(_ columns: [Int: PlanColumn]) -> [NamedExpression] {
    outer.compactMap { columns[$0.id].map { NamedExpression(passing: $0) } }
  }

  mutating func push(_ plan: LogicalPlan) throws(StoaError) -> Pushed {
    guard depends(plan) else {
      var result = domain()
      result.plan = .join(
        LogicalJoin(kind: .inner, left: result.plan, right: plan, conditions: []))
      return result
    }
    switch plan {
    case .filter(let node): return try filter(node)
    case .project(var node):
      let input = try push(node.input)
      node.input = input.plan
      for index in node.items.indices {
        node.items[index].expression = replaced(node.items[index].expression, input.columns)
      }
      let given = Set(node.items.map(\.column.id))
      node.items += passing(input.columns).filter { !given.contains($0.column.id) }
      return Pushed(plan: .project(node), columns: input.columns)
    case .aggregate(let node):
      return node.groups.isEmpty ? try groupedWithEmpty(node) : try grouped(node)
    case .sort(let node): return try push(node.input)
    case .window(let node): return try window(node)
    case .join(let node): return try join(node)
    case .unionAll(let node): return try union(node)
    case .materialize(let node): return try materialize(node)
    case .reference(let node): return reference(node)
    case .limit(let node): return try limit(node)
    case .groupLimit(let node): return try groupLimit(node)
    case .repeated(var node):
      let input = try push(node.input)
      node.input = input.plan
      node.count = replaced(node.count, input.columns)
      return Pushed(plan: .repeated(node), columns: input.columns)
    case .recursion(let node): return try recursion(node)
    case .asofJoin(var node) where !depends(node.right):
      let left = try push(node.left)
      node.left = left.plan
      try node.mapExpressions { (expression) throws(StoaError) in
        replaced(expression, left.columns)
      }
      return Pushed(plan: .asofJoin(node), columns: left.columns)
    case .singleRow, .get, .values, .tableFunction, .sample, .asofJoin:
      throw StoaError(.unsupported, "this kind of correlated subquery is not supported yet")
    }
  }

  private mutating func filter(_ node: LogicalFilter) throws(StoaError) -> Pushed {
    let conditions = node.conditions.flatMap(\.conjuncts)
    if !depends(node.input), let own = substituted(conditions, node.input) { return own }
    let input = try push(node.input)
    return Pushed(
      plan: .filter(
        LogicalFilter(
          input: input.plan, conditions: conditions.map { replaced($0, input.columns) })),
      columns: input.columns)
  }

  /// A filter that equates every outer column with something of its input: that is the domain then.
  private mutating func substituted(
    _ conditions: [Expression], _ input: LogicalPlan
  ) -> Pushed? {
    var sources: [Int: Expression] = [:]
    var rest: [Expression] = []
    for condition in conditions {
      if let (id, source) = equality(condition), sources[id] == nil {
        sources[id] = source
      } else {
        rest.append(condition)
      }
    }
    guard sources.count == outer.count else { return nil }
    var columns: [Int: PlanColumn] = [:]
    var items = input.columns.map { NamedExpression(passing: $0) }
    var present: [Expression] = []
    let nonNull = input.nonNullColumns
    for column in outer {
      guard let source = sources[column.id] else { return nil }
      let named = numbers.column(column.name, column.type)
      columns[column.id] = named
      items.append(NamedExpression(named, source))
      // The equality was never true for NULL.
      if !source.isNeverNull(given: nonNull) { present.append(.isNull(source, isNegated: true)) }
    }
    let kept =
      present.isEmpty
      ? input : LogicalPlan.filter(LogicalFilter(input: input, conditions: present))
    let project = LogicalPlan.project(LogicalProject(input: kept, items: items))
    if rest.isEmpty { return Pushed(plan: project, columns: columns) }
    return Pushed(
      plan: .filter(
        LogicalFilter(input: project, conditions: rest.map { replaced($0, columns) })),
      columns: columns)
  }

  /// `outer = source` where the source has no outer columns.
  private func equality(_ condition: Expression) -> (Int, Expression)? {
    guard case .comparison(.equal, let left, let right) = condition else { return nil }
    if let id = left.columnID, outerIDs.contains(id), right.columnIDs.isDisjoint(with: outerIDs),
      right.isDeterministic, !right.columnIDs.isEmpty
    {
      return (id, right)
    }
    if let id = right.columnID, outerIDs.contains(id), left.columnIDs.isDisjoint(with: outerIDs),
      left.isDeterministic, !left.columnIDs.isEmpty
    {
      return (id, left)
    }
    return nil
  }

  // MARK: aggregates

  /// The aggregate with the domain's columns among its groups.
  mutating func grouped(_ node: LogicalAggregate) throws(StoaError) -> Pushed {
    let input = try push(node.input)
    var copy = node
    copy.input = input.plan
    for index in copy.groups.indices {
      copy.groups[index].expression = replaced(copy.groups[index].expression, input.columns)
    }
    for index in copy.aggregates.indices {
      copy.aggregates[index].call = copy.aggregates[index].call.mapExpressions {
        replaced($0, input.columns)
      }
    }
    let given = Set(copy.groups.map(\.column.id))
    for item in passing(input.columns) where !given.contains(item.column.id) {
      // A key comes back as any value equal to it.
      if isNumbered, !item.column.type.equalMeansIdentical,
        let first = AggregateRegistry.find("first")
      {
        let function = try first.resolve(argumentTypes: [item.column.type])
        copy.aggregates.append(
          NamedAggregate(
            item.column, AggregateCall(function: function, arguments: [item.expression])))
      } else {
        copy.groups.append(item)
      }
    }
    return Pushed(plan: .aggregate(copy), columns: input.columns)
  }

  /// An aggregate without groups has a row for every value of the domain, also for those without input.
  private mutating func groupedWithEmpty(_ node: LogicalAggregate) throws(StoaError) -> Pushed {
    let groups = try grouped(node)
    let domain = domain()
    var conditions: [Expression] = []
    for column in outer {
      guard let a = domain.columns[column.id], let b = groups.columns[column.id] else { continue }
      conditions.append(.isDistinct(a.reference, b.reference, isNegated: true))
    }
    let joined = LogicalPlan.join(
      LogicalJoin(kind: .left, left: domain.plan, right: groups.plan, conditions: conditions))
    let emptyValues = Decorrelator.valuesOfNoRows(node)
    if emptyValues.isEmpty { return Pushed(plan: joined, columns: domain.columns) }
    // The corrected columns take the place of the aggregate's own, under the same ids.
    let items = node.aggregates.map { item in
      NamedExpression(item.column, emptyValues[item.column.id] ?? item.column.reference)
    }
    return Pushed(
      plan: .project(LogicalProject(input: joined, items: items + passing(domain.columns))),
      columns: domain.columns)
  }

  // MARK: windows

  /// Every value of the domain has partitions of its own.
  private mutating func window(_ node: LogicalWindow) throws(StoaError) -> Pushed {
    let input = try push(node.input)
    var copy = node
    copy.input = input.plan
    for index in copy.functions.indices {
      var function = try copy.functions[index].mapExpressions { (expression) throws(StoaError) in
        replaced(expression, input.columns)
      }
      let given = Set(function.partition)
      function.partition += outer.compactMap { input.columns[$0.id]?.reference }
        .filter { !given.contains($0) }
      copy.functions[index] = function
    }
    return Pushed(plan: .window(copy), columns: input.columns)
  }

  // MARK: joins

  private mutating func join(_ node: LogicalJoin) throws(StoaError) -> Pushed {
    switch node.kind {
    case .inner: return try innerJoin(node)
    case .left, .semi, .anti, .mark, .single:
      let left = try push(node.left)
      return try joined(node, left)
    case .right:
      var swapped = node
      (swapped.kind, swapped.left, swapped.right) = (.left, node.right, node.left)
      return try joined(swapped, try push(swapped.left))
    case .full: return try fullJoin(node)
    }
  }

  /// Both sides get the domain; a row without a match has it on one side only.
  private mutating func fullJoin(_ node: LogicalJoin) throws(StoaError) -> Pushed {
    let left = try push(node.left)
    let right = try push(node.right)
    var copy = node
    copy.left = left.plan
    copy.right = right.plan
    copy.conditions = node.conditions.map { replaced($0, left.columns) }
    var items = node.columns.map { NamedExpression(passing: $0) }
    var columns: [Int: PlanColumn] = [:]
    for column in outer {
      guard let a = left.columns[column.id], let b = right.columns[column.id] else { continue }
      copy.conditions.append(.isDistinct(a.reference, b.reference, isNegated: true))
      let either = numbers.column(column.name, column.type)
      columns[column.id] = either
      items.append(
        NamedExpression(
          either,
          .conditional(
            [
              ConditionalBranch(
                condition: .isNull(a.reference, isNegated: true), result: a.reference)
            ], otherwise: b.reference, type: column.type)))
    }
    return Pushed(
      plan: .project(LogicalProject(input: .join(copy), items: items)), columns: columns)
  }

  private mutating func innerJoin(_ node: LogicalJoin) throws(StoaError) -> Pushed {
    let outerConditions = node.conditions.filter { !$0.columnIDs.isDisjoint(with: outerIDs) }
    if !outerConditions.isEmpty {
      // As a filter above, where equalities can stand for the domain.
      var copy = node
      copy.conditions.removeAll { outerConditions.contains($0) }
      return try filter(LogicalFilter(input: .join(copy), conditions: outerConditions))
    }
    if depends(node.left) { return try joined(node, try push(node.left)) }
    var swapped = node
    (swapped.left, swapped.right) = (node.right, node.left)
    return try joined(swapped, try push(swapped.left))
  }

  /// The join over a left side that has the domain's columns; the right side gets them when it needs them.
  private mutating func joined(
    _ node: LogicalJoin, _ left: Pushed
  ) throws(StoaError) -> Pushed {
    var copy = node
    copy.left = left.plan
    copy.conditions = node.conditions.map { replaced($0, left.columns) }
    if depends(node.right) {
      let right = try push(node.right)
      copy.right = right.plan
      for column in outer {
        guard let a = left.columns[column.id], let b = right.columns[column.id] else { continue }
        copy.conditions.append(.isDistinct(a.reference, b.reference, isNegated: true))
      }
    }
    return Pushed(plan: .join(copy), columns: left.columns)
  }

  // MARK: limits and recursion

  /// A LIMIT for every value of the domain.
  private mutating func limit(_ node: LogicalLimit) throws(StoaError) -> Pushed {
    // Columns that only ORDER BY needs are dropped between the two.
    if case .project(var project) = node.input {
      var below = node
      below.input = project.input
      project.input = .limit(below)
      return try push(.project(project))
    }
    guard node.isPlain else {
      throw StoaError(
        .unsupported, "LIMIT in percent or by a subquery is not supported in a correlated subquery")
    }
    var grouped = LogicalGroupLimit(
      input: node.input, partition: [], items: [], limit: node.limit, offset: node.offset)
    if case .sort(let sort) = node.input {
      grouped.input = sort.input
      grouped.items = sort.items
    }
    return try groupLimit(grouped)
  }

  private mutating func groupLimit(_ node: LogicalGroupLimit) throws(StoaError) -> Pushed {
    let input = try push(node.input)
    var copy = node
    copy.input = input.plan
    try copy.mapExpressions { (expression) throws(StoaError) in
      replaced(expression, input.columns)
    }
    copy.partition += outer.compactMap { input.columns[$0.id]?.reference }
    return Pushed(plan: .groupLimit(copy), columns: input.columns)
  }

  /// Every row of the recursion knows the values of the domain it belongs to.
  private mutating func recursion(_ node: LogicalRecursion) throws(StoaError) -> Pushed {
    var copy = node
    let columns = outer.map { numbers.column($0.name, $0.type) }
    copy.columns += columns
    let initial = try push(node.initial)
    copy.initial = initial.plan
    copy.initialColumns += outer.compactMap { initial.columns[$0.id]?.id }
    let known = Dictionary(
      zip(outer.map(\.id), columns), uniquingKeysWith: { first, _ in first })
    extended[node.number] = known
    let step = try push(node.step)
    copy.step = step.plan
    copy.stepColumns += outer.compactMap { step.columns[$0.id]?.id }
    return Pushed(plan: .recursion(copy), columns: known)
  }

  // MARK: unions and shared plans

  private mutating func union(_ node: LogicalUnion) throws(StoaError) -> Pushed {
    var copy = node
    let columns = outer.map { numbers.column($0.name, $0.type) }
    copy.columns += columns
    for index in copy.inputs.indices {
      let input = try push(copy.inputs[index])
      copy.inputs[index] = input.plan
      copy.inputColumns[index] += outer.compactMap { input.columns[$0.id]?.id }
    }
    return Pushed(
      plan: .unionAll(copy),
      columns: Dictionary(
        zip(outer.map(\.id), columns), uniquingKeysWith: { first, _ in first }))
  }

  private mutating func materialize(_ node: LogicalMaterialize) throws(StoaError) -> Pushed {
    var copy = node
    if depends(node.shared) {
      let shared = try push(node.shared)
      copy.shared = shared.plan
      extended[node.number] = shared.columns
    }
    let input = try push(node.input)
    copy.input = input.plan
    return Pushed(plan: .materialize(copy), columns: input.columns)
  }

  private mutating func reference(_ node: LogicalReference) -> Pushed {
    var copy = node
    var columns: [Int: PlanColumn] = [:]
    for column in outer {
      guard let source = extended[node.number]?[column.id] else { continue }
      let named = numbers.column(column.name, column.type)
      copy.columns.append(named)
      copy.sources.append(source.id)
      // What was unique is so for each value of the domain.
      copy.uniqueSources?.insert(source.id)
      columns[column.id] = named
    }
    return Pushed(plan: .reference(copy), columns: columns)
  }
}
