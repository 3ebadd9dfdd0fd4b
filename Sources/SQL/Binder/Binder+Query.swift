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
    for (table, _) in tables.reversed() {
      guard let shared = table.shared else { continue }
      relation.plan = placed(
        shared, name: table.syntax.name.text, isForced: table.syntax.isMaterialized == true,
        over: relation.plan)
    }
    return relation
  }

  private func bindOrderedBody(
    _ query: QuerySyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    if query.withTies { throw unsupported("FETCH FIRST … WITH TIES", query.position) }
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
    relation.plan = try limited(relation.plan, query, commonTables: commonTables)
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
    _ plan: LogicalPlan, _ query: QuerySyntax, commonTables: CommonTables?
  ) throws(StoaError) -> LogicalPlan {
    if query.limit == nil, query.offset == nil { return plan }
    let limit = try bindCount(query.limit, "LIMIT", commonTables)
    let offset = try bindCount(query.offset, "OFFSET", commonTables)
    return .limit(LogicalLimit(input: plan, limit: limit, offset: offset))
  }

  private func bindCount(
    _ syntax: ExpressionSyntax?, _ name: String, _ commonTables: CommonTables?
  ) throws(StoaError) -> Expression? {
    guard let syntax else { return nil }
    let clause = Clause(name, scope: Scope(parent: nil, commonTables: commonTables))
    let bound = try bindExpression(syntax, clause)
    guard clause.pending.isEmpty else {
      throw unsupported("a subquery in \(name)", syntax.position)
    }
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
    guard clause.pending.isEmpty else {
      throw unsupported("a subquery in ORDER BY of a set operation", orderBy.position)
    }
    return BoundRelation(
      plan: .sort(LogicalSort(input: relation.plan, items: items)), columns: relation.columns)
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
    if with.isRecursive { throw unsupported("WITH RECURSIVE", with.position) }
    var result: [(table: CommonTables.Table, chain: CommonTables)] = []
    var chain = outer
    for syntax in with.tables {
      let table = CommonTables.Table(syntax, environment: chain)
      if result.contains(where: { $0.table.key == table.key }) {
        throw StoaError(
          .binding, "WITH names \"\(syntax.name.text)\" twice", position: syntax.name.position)
      }
      let relation = try bindCommonTable(table, parent: parent)
      // A correlated one cannot be shared between rows of the outer query, so each use binds it anew.
      if syntax.isMaterialized != false, relation.plan.freeColumns.isEmpty {
        table.shared = CommonTables.Shared(
          number: numbers.take(), columns: relation.columns, plan: relation.plan,
          nonNullColumns: relation.plan.nonNullColumns)
      }
      let link = CommonTables(table, outer: chain)
      result.append((table, link))
      chain = link
    }
    return result
  }

  /// Binds the query of a common table, under its column names.
  func bindCommonTable(
    _ table: CommonTables.Table, parent: Scope?
  ) throws(StoaError) -> BoundRelation {
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
  func placed(
    _ shared: CommonTables.Shared, name: String, isForced: Bool, over plan: LogicalPlan
  ) -> LogicalPlan {
    let uses = plan.referenceCount(of: shared.number)
    if uses == 0 { return plan }
    if uses == 1, !isForced { return plan.inlining(shared.plan, number: shared.number) }
    return .materialize(
      LogicalMaterialize(number: shared.number, name: name, shared: shared.plan, input: plan))
  }
}

extension LogicalPlan {
  /// How often the plan refers to the shared plan with this number.
  func referenceCount(of number: Int) -> Int {
    if case .reference(let node) = self { return node.number == number ? 1 : 0 }
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
