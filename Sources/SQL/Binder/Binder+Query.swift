import Catalog
import Kernels
import Vectors

extension Binder {
  /// WITH, body, ORDER BY, LIMIT.
  func bindQuery(
    _ query: QuerySyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    guard let with = query.with else {
      return try bindOrderedBody(query, parent: parent, commonTables: commonTables)
    }
    let tables = try bindCommonTables(with, parent: parent, outer: commonTables)
    var relation = try bindOrderedBody(
      query, parent: parent, commonTables: tables.last.map { $0.chain } ?? commonTables)
    for (table, _) in tables.reversed() { relation.plan = placed(table, over: relation.plan) }
    return relation
  }

  private func bindOrderedBody(
    _ query: QuerySyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    var relation: BoundRelation
    switch query.body {
    case .select(let select):
      relation = try bindSelect(
        select, orderBy: query.orderBy, parent: parent, commonTables: commonTables)
    case .values(let values):
      relation = try bindValues(values, parent: parent, commonTables: commonTables)
      relation = try ordered(
        relation, by: query.orderBy, parent: parent, commonTables: commonTables)
    case .setOperation(let operation):
      relation = try bindSetOperation(operation, parent: parent, commonTables: commonTables)
      relation = try ordered(
        relation, by: query.orderBy, parent: parent, commonTables: commonTables)
    case .nested(let inner):
      relation = try bindQuery(inner, parent: parent, commonTables: commonTables)
      relation = try ordered(
        relation, by: query.orderBy, parent: parent, commonTables: commonTables)
    }
    relation.plan = try limited(relation.plan, query, parent: parent, commonTables: commonTables)
    return relation
  }

  func bindBody(
    _ body: QueryBodySyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    switch body {
    case .select(let select):
      return try bindSelect(select, orderBy: nil, parent: parent, commonTables: commonTables)
    case .values(let values):
      return try bindValues(values, parent: parent, commonTables: commonTables)
    case .setOperation(let operation):
      return try bindSetOperation(operation, parent: parent, commonTables: commonTables)
    case .nested(let query):
      return try bindQuery(query, parent: parent, commonTables: commonTables)
    }
  }

  // MARK: LIMIT

  private func limited(
    _ plan: LogicalPlan, _ query: QuerySyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> LogicalPlan {
    if query.limit == nil, query.offset == nil { return plan }
    let clause = Clause("LIMIT", scope: Scope(parent: nil, commonTables: commonTables))
    var limit: Expression?
    var percent: Expression?
    if query.isPercent, let syntax = query.limit {
      percent = try bindPercent(syntax, clause)
    } else {
      limit = try bindCount(query.limit, "LIMIT", clause)
    }
    let offset = try bindCount(query.offset, "OFFSET", clause)
    let counts = clause.pending.isEmpty ? nil : LogicalPlan.oneRow.attaching(clause.pending)
    if !query.withTies {
      return .limit(
        LogicalLimit(input: plan, limit: limit, offset: offset, percent: percent, counts: counts))
    }
    guard counts == nil, percent == nil else {
      throw unsupported("WITH TIES after a subquery or a part in percent", query.position)
    }
    return try withTies(plan, limit, offset, query)
  }

  /// The limit below the projection that drops sort keys, where the keys are.
  private func withTies(
    _ plan: LogicalPlan, _ limit: Expression?, _ offset: Expression?, _ query: QuerySyntax
  ) throws(StoaError) -> LogicalPlan {
    switch plan {
    case .project(var project):
      guard case .sort = project.input else { break }
      project.input = try withTies(project.input, limit, offset, query)
      return .project(project)
    case .sort(let sort):
      return .groupLimit(
        LogicalGroupLimit(
          input: sort.input, partition: [], items: sort.items, limit: limit, offset: offset,
          withTies: true))
    default: break
    }
    throw StoaError(.binding, "WITH TIES needs an ORDER BY clause", position: query.position)
  }

  private func bindPercent(
    _ syntax: ExpressionSyntax, _ clause: Clause
  ) throws(StoaError) -> Expression {
    let bound = try coerced(try bindExpression(syntax, clause), to: .double, at: syntax.position)
    let part = clause.pending.isEmpty ? try folded(bound, at: syntax.position) : bound
    if case .double(let value)? = part.constantValue, !(value >= 0 && value <= 100) {
      throw StoaError(
        .binding, "LIMIT in percent must be between 0 and 100", position: syntax.position)
    }
    return part
  }

  private func bindCount(
    _ syntax: ExpressionSyntax?, _ name: String, _ clause: Clause
  ) throws(StoaError) -> Expression? {
    guard let syntax else { return nil }
    let bound = try bindExpression(syntax, clause)
    let count = try coerced(bound, to: .bigint, at: syntax.position)
    if let value = count.constantValue?.integer, value < 0 {
      throw StoaError(.binding, "\(name) must not be negative", position: syntax.position)
    }
    return count
  }

  // MARK: ORDER BY over a finished relation

  /// ORDER BY after a set operation or VALUES: names, ordinals and expressions over the result's columns.
  private func ordered(
    _ relation: BoundRelation, by orderBy: OrderBySyntax?, parent: Scope?,
    commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    guard let orderBy else { return relation }
    let scope = Scope(parent: parent, commonTables: commonTables)
    for column in relation.columns {
      scope.add(Scope.Entry(table: "", name: column.name, column: column))
    }
    let clause = Clause("ORDER BY", scope: scope)
    var items: [SortItem] = []
    if orderBy.isAll {
      items = sortItemsOfAll(relation.columns, orderBy)
    } else {
      for key in orderBy.keys {
        let expression: Expression
        if let index = try ordinal(key.expression, count: relation.columns.count, "ORDER BY") {
          expression = relation.columns[index].reference
        } else {
          expression = try bindExpression(key.expression, clause)
        }
        items.append(sortItem(try known(expression, at: key.expression.position), key))
      }
    }
    let input = relation.plan.attaching(clause.pending)
    var plan = LogicalPlan.sort(LogicalSort(input: input, items: items))
    if !clause.pending.isEmpty {
      let kept = relation.plan.columns.map { NamedExpression(passing: $0) }
      plan = .project(LogicalProject(input: plan, items: kept))
    }
    return BoundRelation(plan: plan, columns: relation.columns)
  }

  func sortItem(_ expression: Expression, _ key: SortKeySyntax) -> SortItem {
    SortItem(
      expression: expression, isDescending: key.isDescending, nullsFirst: key.putsNullsFirst)
  }

  func sortItemsOfAll(_ columns: [PlanColumn], _ orderBy: OrderBySyntax) -> [SortItem] {
    let isDescending = orderBy.keys.first?.isDescending ?? false
    let nullsFirst = orderBy.keys.first?.putsNullsFirst ?? false
    return columns.map {
      SortItem(expression: $0.reference, isDescending: isDescending, nullsFirst: nullsFirst)
    }
  }

  /// The index meant by an integer literal in ORDER BY or GROUP BY; `nil` for other expressions.
  func ordinal(
    _ syntax: ExpressionSyntax, count: Int, _ clause: String
  ) throws(StoaError) -> Int? {
    guard case .literal(.integer(let number)) = syntax.kind else { return nil }
    guard number >= 1, number <= Int128(count) else {
      throw StoaError(
        .binding, "\(clause) position \(number) is not in the select list",
        hint: "It has \(count) column\(count == 1 ? "" : "s"), counted from 1",
        position: syntax.position)
    }
    return Int(number) - 1
  }

  // MARK: WITH

  func bindCommonTables(
    _ with: WithSyntax, parent: Scope?, outer: CommonTables?
  ) throws(StoaError) -> [(table: CommonTables.Table, chain: CommonTables)] {
    if with.isRecursive { return try bindRecursiveTables(with, parent: parent, outer: outer) }
    var result: [(table: CommonTables.Table, chain: CommonTables)] = []
    var chain = outer
    for syntax in with.tables {
      let table = CommonTables.Table(syntax, environment: chain)
      if result.contains(where: { $0.table.key == table.key }) {
        throw namedTwice(syntax)
      }
      share(table, try bindCommonTable(table, parent: parent))
      let link = CommonTables(table, outer: chain)
      result.append((table, link))
      chain = link
    }
    return result
  }

  /// Decides whether uses of the table share its rows.
  func share(_ table: CommonTables.Table, _ relation: BoundRelation) {
    table.state = .bound
    // A correlated one cannot be shared between rows of the outer query, so each use binds it anew.
    guard table.syntax.isMaterialized != false, relation.plan.freeColumns.isEmpty else { return }
    table.shared = CommonTables.Shared(
      number: numbers.take(), columns: relation.columns, plan: relation.plan,
      nonNullColumns: relation.plan.nonNullColumns)
  }

  /// Binds the query of a common table, under its column names.
  func bindCommonTable(
    _ table: CommonTables.Table, parent: Scope?
  ) throws(StoaError) -> BoundRelation {
    if table.group != nil { return try bindRecursiveQuery(table, parent: parent) }
    var relation = try bindQuery(
      table.syntax.query, parent: parent, commonTables: table.environment)
    try rename(&relation.columns, table.syntax.columns, table.syntax.name)
    return relation
  }

  /// Gives columns the names of an alias list, which may be shorter.
  func rename(
    _ columns: inout [PlanColumn], _ names: [NameSyntax], _ table: NameSyntax
  ) throws(StoaError) {
    guard names.count <= columns.count else {
      throw StoaError(
        .binding,
        "\"\(table.text)\" has \(columns.count) columns, but \(names.count) names are given",
        position: names[columns.count].position)
    }
    for (index, name) in names.enumerated() { columns[index].name = name.text }
  }

  /// Puts a shared plan above its users: nowhere when unused, in place when used once.
  func placed(_ table: CommonTables.Table, over plan: LogicalPlan) -> LogicalPlan {
    guard let shared = table.shared else { return plan }
    let uses = plan.referenceCount(of: shared.number)
    if uses == 0 { return plan }
    if uses == 1, table.syntax.isMaterialized != true {
      return plan.inlining(shared.plan, number: shared.number)
    }
    return .materialize(
      LogicalMaterialize(
        number: shared.number, name: table.syntax.name.text, shared: shared.plan, input: plan))
  }
}

extension LogicalPlan {
  /// How often the plan refers to the shared plan with this number; the step of a recursion runs more than once.
  func referenceCount(of number: Int) -> Int {
    switch self {
    case .reference(let node): return node.number == number ? 1 : 0
    case .recursion(let node):
      return node.initial.referenceCount(of: number) + 2 * node.step.referenceCount(of: number)
    default: break
    }
    return inputs.reduce(0) { $0 + $1.referenceCount(of: number) }
  }

  /// Replaces the only reference by the plan itself.
  func inlining(_ shared: LogicalPlan, number: Int) -> LogicalPlan {
    if case .reference(let node) = self, node.number == number {
      let columns = Dictionary(shared.columns.map { ($0.id, $0) }) { first, _ in first }
      let items = zip(node.columns, node.sources).map { column, source in
        NamedExpression(column, columns[source]?.reference ?? .column(source, column.type))
      }
      return .project(LogicalProject(input: shared, items: items))
    }
    // Inlining itself cannot fail.
    return (try? mapInputs { (input) throws(StoaError) in input.inlining(shared, number: number) })
      ?? self
  }
}
