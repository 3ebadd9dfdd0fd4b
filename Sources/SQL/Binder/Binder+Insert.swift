import Catalog
import Kernels
import Vectors

extension Binder {
  func bindInsert(_ insert: InsertSyntax) throws(StoaError) -> BoundInsert {
    let table = try table(named: insert.table)
    let targets = try insertTargets(insert, table)
    guard let query = insert.query else {
      let row = defaults(table)
      let columns = table.columns.map { numbers.column($0.name, $0.type) }
      return BoundInsert(table: table, source: try finish(valuesRelation(columns, [row])))
    }
    let relation: BoundRelation
    if case .values(let values) = query.body, query.with == nil, query.orderBy == nil,
      query.limit == nil, query.offset == nil
    {
      relation = try bindInsertedValues(values, targets, table)
    } else {
      relation = try bindInsertedQuery(query, targets, table)
    }
    return BoundInsert(table: table, source: try finish(relation))
  }

  /// Positions among the table's columns that the source's columns go to.
  private func insertTargets(
    _ insert: InsertSyntax, _ table: TableDefinition
  ) throws(StoaError) -> [Int] {
    if insert.columns.isEmpty { return Array(table.columns.indices) }
    var targets: [Int] = []
    for name in insert.columns {
      let index = try columnIndex(name, in: table)
      if targets.contains(index) {
        throw StoaError(
          .binding, "column \"\(name.text)\" is named twice", position: name.position)
      }
      targets.append(index)
    }
    return targets
  }

  private func defaults(_ table: TableDefinition) -> [Expression] {
    table.columns.map { .constant($0.defaultValue ?? .null, $0.type) }
  }

  private func bindInsertedValues(
    _ values: ValuesSyntax, _ targets: [Int], _ table: TableDefinition
  ) throws(StoaError) -> BoundRelation {
    let clause = Clause("VALUES", scope: Scope(parent: nil, commonTables: nil))
    var rows: [[Expression]] = []
    rows.reserveCapacity(values.rows.count)
    let empty = defaults(table)
    for row in values.rows {
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
    _ query: QuerySyntax, _ targets: [Int], _ table: TableDefinition
  ) throws(StoaError) -> BoundRelation {
    let relation = try bindQuery(query, parent: nil, commonTables: nil)
    try checkCount(relation.columns.count, targets, table, query.position)
    var expressions = defaults(table)
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

  private func checkCount(
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
      source = try bindQuery(query, parent: nil, commonTables: nil)
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
    if describe.isSummary { throw unsupported("SUMMARIZE", describe.position) }
    switch describe.subject {
    case .table(let name): return .table(try table(named: name))
    case .query(let query):
      return .query(try bindQuery(query, parent: nil, commonTables: nil).columns)
    }
  }
}
