import Catalog
import Kernels
import Vectors

extension Binder {
  /// The rows of an INSERT of nothing but literals, unless its plan is wanted.
  private func literalRows(
    _ insert: InsertSyntax, _ table: TableDefinition
  ) throws(StoaError) -> Batch? {
    guard !isExplaining, insert.with == nil, insert.conflict == nil, insert.returning.isEmpty,
      let query = insert.query,
      case .values(let values) = query.body, query.with == nil, query.orderBy == nil,
      query.limit == nil, query.offset == nil
    else { return nil }
    let targets = try insertTargets(insert.columns, table)
    return try literalRows(
      values, fitted(targets, insert, to: values.literals?.width ?? 0), table)
  }

  func bindInsert(_ insert: InsertSyntax) throws(StoaError) -> BoundStatement {
    let table = try table(named: insert.table)
    if let batch = try literalRows(insert, table) {
      let columns = table.columns.map { numbers.column($0.name, $0.type) }
      let none = BoundRelation(
        plan: .values(LogicalValues(columns: columns, rows: [])), columns: columns)
      return .insert(BoundInsert(table: table, source: try finish(none), literals: batch))
    }
    var relation = try bindInsertedRows(insert, table)
    if insert.conflict != nil || !insert.returning.isEmpty {
      (relation.plan, relation.columns) = try withGenerated(
        relation.plan, relation.columns, of: table)
    }
    if let conflict = insert.conflict {
      return .change(try bindConflict(conflict, insert, relation, table))
    }
    if insert.returning.isEmpty {
      return .insert(BoundInsert(table: table, source: try finish(relation)))
    }
    let returning = try bindReturning(
      insert.returning, over: insertedScope(insert, table, relation.columns), at: insert.position)
    var projection = Projection()
    var columns: [PlanColumn] = []
    func add(_ name: String, _ expression: Expression) {
      var column = projection.add(expression, name: name, numbers: &numbers)
      column.name = name
      columns.append(column)
    }
    for column in relation.columns { add(column.name, column.reference) }
    for item in returning.items { add(item.name, item.expression) }
    let plan = LogicalPlan.project(
      LogicalProject(
        input: relation.plan.attaching(returning.pending), items: projection.items))
    return .insert(
      BoundInsert(
        table: table, source: try finish(BoundRelation(plan: plan, columns: columns))))
  }

  /// The rows to insert: all columns of the table in order, each a column of its own.
  private func bindInsertedRows(
    _ insert: InsertSyntax, _ table: TableDefinition
  ) throws(StoaError) -> BoundRelation {
    let targets = try insertTargets(insert.columns, table)
    guard let query = insert.query else {
      let columns = table.columns.map { numbers.column($0.name, $0.type) }
      return BoundRelation(
        plan: .values(LogicalValues(columns: columns, rows: [try defaults(table)])),
        columns: columns)
    }
    if case .values(let values) = query.body, query.with == nil, query.orderBy == nil,
      query.limit == nil, query.offset == nil
    {
      return try bindInsertedValues(values, targets, insert, table)
    }
    return try bindInsertedQuery(query, targets, insert, table)
  }

  /// Positions among the table's columns that the source's columns go to; all when no names are given.
  func insertTargets(
    _ names: [NameSyntax], _ table: TableDefinition, writes: Bool = true
  ) throws(StoaError) -> [Int] {
    if names.isEmpty {
      return table.columns.indices.filter { table.columns[$0].generatedText == nil }
    }
    var targets: [Int] = []
    for name in names {
      let index = try columnIndex(name, in: table)
      if writes { try refuseGenerated(index, in: table, at: name.position) }
      if targets.contains(index) {
        throw StoaError(
          .binding, "column \"\(name.text)\" is named twice", position: name.position)
      }
      targets.append(index)
    }
    return targets
  }

  private func bindInsertedValues(
    _ values: ValuesSyntax, _ targets: [Int], _ insert: InsertSyntax, _ table: TableDefinition
  ) throws(StoaError) -> BoundRelation {
    let clause = Clause("VALUES", scope: Scope(parent: nil, commonTables: statementTables))
    var rows: [[Expression]] = []
    let syntax = try values.rows()
    rows.reserveCapacity(syntax.count)
    let targets = fitted(targets, insert, to: syntax.first?.count ?? 0)
    let empty = try defaults(table)
    for row in syntax {
      try checkCount(row.count, targets, table, row.first?.position ?? values.position)
      var bound = empty
      for (item, target) in zip(row, targets) {
        if case .defaultValue = item.kind { continue }
        let value = try bindExpression(item, clause)
        bound[target] = try folded(
          try assigned(value, to: table.columns[target].type, at: item.position),
          at: item.position)
      }
      rows.append(bound)
    }
    guard clause.pending.isEmpty else { throw unsupported("a subquery in VALUES", values.position) }
    let columns = table.columns.map { numbers.column($0.name, $0.type) }
    return BoundRelation(
      plan: .values(LogicalValues(columns: columns, rows: rows)), columns: columns)
  }

  private func bindInsertedQuery(
    _ query: QuerySyntax, _ targets: [Int], _ insert: InsertSyntax, _ table: TableDefinition
  ) throws(StoaError) -> BoundRelation {
    let relation = try bindQuery(query, parent: nil, commonTables: statementTables)
    let targets = fitted(targets, insert, to: relation.columns.count)
    try checkCount(relation.columns.count, targets, table, query.position)
    var expressions = try defaults(table)
    for (column, target) in zip(relation.columns, targets) {
      expressions[target] = try assigned(
        untypedColumns[column.id] ?? column.reference, to: table.columns[target].type,
        at: query.position)
    }
    let items = zip(table.columns, expressions).map {
      NamedExpression(numbers.column($0.name, $0.type), $1)
    }
    let plan = LogicalPlan.project(LogicalProject(input: relation.plan, items: items))
    return BoundRelation(plan: plan, columns: items.map(\.column))
  }

  /// As in PostgreSQL, fewer values than the table has columns go to the first ones, and the others get their DEFAULT;
  /// but where columns are named, each needs a value.
  private func fitted(_ targets: [Int], _ insert: InsertSyntax, to count: Int) -> [Int] {
    insert.columns.isEmpty && count < targets.count ? Array(targets.prefix(count)) : targets
  }

  func checkCount(
    _ count: Int, _ targets: [Int], _ table: TableDefinition, _ position: Range<Int>
  ) throws(StoaError) {
    guard count != targets.count else { return }
    throw StoaError(
      .binding, "\(targets.count) values are needed for \"\(table.name)\", but there are \(count)",
      position: position)
  }

  // MARK: COPY

  func bindCopy(_ copy: CopySyntax) throws(StoaError) -> BoundStatement {
    let place: CopyPlace =
      switch copy.place {
      case .files(let files): .files(files)
      case .standard: .standard
      }
    let options = copy.options.map { option in
      let values: [String] =
        switch option.value?.kind {
        case nil: []
        case .list(let values): values
        default: [option.value?.text ?? ""]
        }
      return CopyOption(
        name: CatalogState.key(option.name.text), values: values, position: option.position)
    }
    if copy.isFrom { return try bindCopyFrom(copy, place, options) }
    let source: BoundRelation
    switch copy.subject {
    case .query(let query):
      source = try bindQuery(query, parent: nil, commonTables: statementTables)
    case .table(let name, let names):
      source = try wholeTable(name, names)
    }
    return .copyTo(
      BoundCopyTo(
        source: try finish(source), place: place, options: options,
        placePosition: copy.placePosition))
  }

  private func bindCopyFrom(
    _ copy: CopySyntax, _ place: CopyPlace, _ options: [CopyOption]
  ) throws(StoaError) -> BoundStatement {
    guard case .table(let name, let names) = copy.subject else {
      throw StoaError(.binding, "COPY FROM needs a table", position: copy.position)
    }
    let table = try table(named: name)
    var columns: [Int] = []
    for name in names {
      let index = try columnIndex(name, in: table)
      try refuseGenerated(index, in: table, at: name.position)
      if columns.contains(index) {
        throw StoaError(
          .binding, "column \"\(name.text)\" is named twice", position: name.position)
      }
      columns.append(index)
    }
    return .copyFrom(
      BoundCopyFrom(
        table: table, columns: columns.isEmpty ? nil : columns, place: place, options: options,
        placePosition: copy.placePosition))
  }

  private func wholeTable(
    _ name: QualifiedNameSyntax, _ names: [NameSyntax]
  ) throws(StoaError) -> BoundRelation {
    let table = try table(named: name)
    let columns = table.columns.map { numbers.column($0.name, $0.type) }
    var chosen: [PlanColumn] = []
    for name in names { chosen.append(columns[try columnIndex(name, in: table)]) }
    return BoundRelation(
      plan: .get(
        LogicalGet(
          table: table, alias: table.name, columns: columns, sources: table.columns.map(\.id))),
      columns: chosen.isEmpty ? columns : chosen)
  }

  // MARK: DESCRIBE

  func bindDescribe(_ describe: DescribeSyntax) throws(StoaError) -> BoundDescribe {
    switch describe.subject {
    case .table(let name):
      guard let view = findView(name) else { return .table(try table(named: name)) }
      let part = try bindView(
        view, name, TableReferenceSyntax(.table(name), position: name.position))
      return .query(
        part.entries.map { PlanColumn(id: $0.column.id, name: $0.name, type: $0.column.type) })
    case .query(let query):
      return .query(try bindQuery(query, parent: nil, commonTables: statementTables).columns)
    }
  }
}
