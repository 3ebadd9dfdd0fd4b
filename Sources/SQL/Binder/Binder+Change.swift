import Catalog
import Kernels
import Vectors

/// DELETE, UPDATE and TRUNCATE. `BoundChange` says what their queries give out.
extension Binder {
  /// The table a statement changes: all its columns and the name of each row.
  struct ChangeTarget {
    var table: TableDefinition
    /// What the statement calls it.
    var alias: String
    /// The table's schema, unless the statement has an alias.
    var schema: String?
    var plan: LogicalPlan
    /// `$row`
    var row: PlanColumn
    /// The table's columns, in order.
    var columns: [PlanColumn]
    /// Tables of the statement's WITH.
    var commonTables: CommonTables?

    /// The columns under their names.
    var entries: [Scope.Entry] { entries(columns) }

    /// Other columns under the names of the table's, such as those of new rows.
    func entries(_ columns: [PlanColumn]) -> [Scope.Entry] {
      zip(table.columns, columns).map {
        Scope.Entry(table: alias, name: $0.name, column: $1, schema: schema)
      }
    }

    /// A scope of the table's columns and others.
    func scope(with others: [Scope.Entry] = []) -> Scope {
      let scope = Scope(parent: nil, commonTables: commonTables)
      scope.replaceEntries(entries + others)
      return scope
    }
  }

  func changeTarget(
    _ name: QualifiedNameSyntax, _ alias: NameSyntax?
  ) throws(StoaError) -> ChangeTarget {
    let table = try table(named: name)
    let row = numbers.column(SystemColumn.name(of: SystemColumn.row) ?? "", .bigint)
    let columns = table.columns.map { numbers.column($0.name, $0.type) }
    let name = alias?.text ?? table.name
    let get = LogicalGet(
      table: table, alias: name, columns: [row] + columns,
      sources: [SystemColumn.row] + table.columns.map(\.id))
    return ChangeTarget(
      table: table, alias: name,
      schema: alias == nil ? catalog.schemaName(table.schema) : nil, plan: .get(get), row: row,
      columns: columns,
      commonTables: statementTables)
  }

  /// The tables of USING or FROM beside the target.
  private func bindOthers(
    _ references: [TableReferenceSyntax], beside target: ChangeTarget
  ) throws(StoaError) -> (plan: LogicalPlan, entries: [Scope.Entry]) {
    let scope = Scope(parent: nil, commonTables: statementTables)
    let plan = try bindFrom(references, into: scope)
    if scope.hasTable(target.alias) {
      throw duplicate(target.alias, references.first?.position ?? 0..<0)
    }
    return (plan, scope.entries)
  }

  // MARK: the query of a change

  /// RETURNING with the joins its subqueries need.
  struct Returning {
    var items: [(name: String, expression: Expression)] = []
    var pending: [PendingJoin] = []
  }

  func bindReturning(
    _ items: [SelectItemSyntax], over scope: Scope, at position: Range<Int>,
    action: Expression? = nil
  ) throws(StoaError) -> Returning {
    let clause = Clause("RETURNING", scope: scope)
    clause.mergeAction = action
    let bound = try bindReturning(items, clause, at: position)
    return Returning(items: bound, pending: clause.pending)
  }

  /// `$row`, `$action`, new values and RETURNING on top of `input`.
  func changeQuery(
    _ table: TableDefinition, over input: LogicalPlan, row: Expression, action: Expression,
    values: [Expression], _ returning: Returning
  ) throws(StoaError) -> BoundQuery {
    var projection = Projection()
    var columns: [PlanColumn] = []
    func add(_ name: String, _ expression: Expression) {
      var column = projection.add(expression, name: name, numbers: &numbers)
      column.name = name
      columns.append(column)
    }
    add("$row", row)
    add("$action", action)
    for (column, value) in zip(table.columns, values) { add(column.name, value) }
    for item in returning.items { add(item.name, item.expression) }
    let plan = LogicalPlan.project(
      LogicalProject(input: input.attaching(returning.pending), items: projection.items))
    return try finish(BoundRelation(plan: plan, columns: columns))
  }

  /// Computes columns on top of a plan, whose own are passed on.
  func extended(_ plan: LogicalPlan, by items: [NamedExpression]) -> LogicalPlan {
    if items.isEmpty { return plan }
    var passed = Projection()
    for column in plan.columns {
      _ = passed.add(column.reference, name: column.name, numbers: &numbers)
    }
    return .project(LogicalProject(input: plan, items: passed.items + items))
  }

  static func action(_ action: RowAction) -> Expression {
    .constant(.integer(Int128(action.rawValue)), .tinyint)
  }

  // MARK: DELETE

  func bindDelete(_ delete: DeleteSyntax) throws(StoaError) -> BoundChange {
    let target = try changeTarget(delete.table, delete.alias)
    let plan: LogicalPlan
    let returning: Returning
    var mayRepeat = false
    if delete.using.isEmpty {
      let scope = target.scope()
      returning = try bindReturning(delete.returning, over: scope, at: delete.position)
      plan =
        try delete.filter.map { filter throws(StoaError) in
          try filtered(target.plan, filter, scope, [:])
        } ?? target.plan
    } else {
      let others = try bindOthers(delete.using, beside: target)
      let scope = target.scope(with: others.entries)
      returning = try bindReturning(delete.returning, over: scope, at: delete.position)
      let needed = Set(others.entries.map(\.column.id))
      if returning.mentions(needed) {
        mayRepeat = true
        plan = try joined(target, others.plan, delete.filter, scope)
      } else if let semi = try semiJoined(target, others.plan, delete.filter, scope) {
        plan = semi
      } else {
        mayRepeat = true
        plan = try joined(target, others.plan, delete.filter, scope)
      }
    }
    let source = try changeQuery(
      target.table, over: plan, row: target.row.reference, action: Binder.action(.delete),
      values: [], returning)
    return BoundChange(
      table: target.table, kind: .delete, source: source, hasValues: false,
      mayRepeatRows: mayRepeat)
  }

  /// Every pair of a target row and a row of the others that the filter keeps.
  private func joined(
    _ target: ChangeTarget, _ others: LogicalPlan, _ filter: ExpressionSyntax?, _ scope: Scope
  ) throws(StoaError) -> LogicalPlan {
    let plan = crossJoin(target.plan, others)
    guard let filter else { return plan }
    return try filtered(plan, filter, scope, [:])
  }

  /// Each target row once that some row of the others matches; `nil` when a subquery of the filter looks at
  /// both sides.
  private func semiJoined(
    _ target: ChangeTarget, _ others: LogicalPlan, _ filter: ExpressionSyntax?, _ scope: Scope
  ) throws(StoaError) -> LogicalPlan? {
    var left = target.plan
    var right = others
    var conditions: [Expression] = []
    if let filter {
      let clause = Clause("WHERE", scope: scope)
      conditions = try bindConditions(filter, clause)
      for join in clause.pending {
        let used = join.usedColumns
        let usesRight = !used.isDisjoint(with: right.columnIDs)
        if usesRight, !used.isDisjoint(with: left.columnIDs) { return nil }
        if usesRight { right = join.attached(to: right) } else { left = join.attached(to: left) }
      }
    }
    return .join(LogicalJoin(kind: .semi, left: left, right: right, conditions: conditions))
  }

  // MARK: UPDATE

  func bindUpdate(_ update: UpdateSyntax) throws(StoaError) -> BoundChange {
    let target = try changeTarget(update.table, update.alias)
    var plan = target.plan
    var others: [Scope.Entry] = []
    if !update.from.isEmpty {
      let bound = try bindOthers(update.from, beside: target)
      plan = crossJoin(plan, bound.plan)
      others = bound.entries
    }
    let scope = target.scope(with: others)
    if let filter = update.filter { plan = try filtered(plan, filter, scope, [:]) }
    let clause = Clause("SET", scope: scope)
    let assigned = try bindAssignments(update.assignments, target.table, clause)
    plan = plan.attaching(clause.pending)
    var values = target.columns.map(\.reference)
    for (index, value) in assigned { values[index] = value }
    var returning = Returning()
    if !update.returning.isEmpty {
      // RETURNING sees the new values, so they are columns first.
      let computed = newColumns(target.table, values)
      let whole = try withGenerated(
        extended(plan, by: computed.items), computed.columns, of: target.table)
      plan = whole.plan
      values = whole.columns.map(\.reference)
      let scope = Scope(parent: nil, commonTables: statementTables)
      scope.replaceEntries(target.entries(whole.columns) + others)
      returning = try bindReturning(update.returning, over: scope, at: update.position)
    }
    let source = try changeQuery(
      target.table, over: plan, row: target.row.reference, action: Binder.action(.replace),
      values: values, returning)
    return BoundChange(
      table: target.table, kind: .update, source: source, hasValues: true,
      mayRepeatRows: !update.from.isEmpty)
  }

  /// Columns for new values; those that are columns already stay what they are.
  func newColumns(
    _ table: TableDefinition, _ values: [Expression]
  ) -> (columns: [PlanColumn], items: [NamedExpression]) {
    var columns: [PlanColumn] = []
    var items: [NamedExpression] = []
    for (column, value) in zip(table.columns, values) {
      if case .column(let id, let type) = value {
        columns.append(PlanColumn(id: id, name: column.name, type: type))
      } else {
        let new = numbers.column(column.name, column.type)
        columns.append(new)
        items.append(NamedExpression(new, value))
      }
    }
    return (columns, items)
  }

  // MARK: SET

  /// New values by position of the column, cast to its type.
  func bindAssignments(
    _ assignments: [AssignmentSyntax], _ table: TableDefinition, _ clause: Clause
  ) throws(StoaError) -> [Int: Expression] {
    var result: [Int: Expression] = [:]
    for assignment in assignments {
      var targets: [Int] = []
      for name in assignment.columns {
        let index = try columnIndex(name, in: table)
        try refuseGenerated(index, in: table, at: name.position)
        if result[index] != nil || targets.contains(index) {
          throw StoaError(
            .binding, "column \"\(name.text)\" is set twice", position: name.position)
        }
        targets.append(index)
      }
      let values = try bindAssigned(assignment, targets, table, clause)
      for (index, value) in zip(targets, values) { result[index] = value }
    }
    return result
  }

  private func bindAssigned(
    _ assignment: AssignmentSyntax, _ targets: [Int], _ table: TableDefinition, _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    let value = assignment.value
    var parts = [value]
    if assignment.isList {
      switch value.kind {
      case .row(let fields): parts = fields
      case .subquery(let query):
        let columns = try bindRowSubquery(query, clause)
        try checkCount(columns.count, targets, table, value.position)
        var result: [Expression] = []
        for (column, target) in zip(columns, targets) {
          result.append(
            try assigned(column.reference, to: table.columns[target].type, at: value.position))
        }
        return result
      default: break
      }
    }
    try checkCount(parts.count, targets, table, value.position)
    var result: [Expression] = []
    for (part, target) in zip(parts, targets) {
      result.append(try bindNewValue(part, for: table.columns[target], clause))
    }
    return result
  }

  /// A value, or DEFAULT, for a column.
  func bindNewValue(
    _ syntax: ExpressionSyntax, for column: ColumnDefinition, _ clause: Clause
  ) throws(StoaError) -> Expression {
    if case .defaultValue = syntax.kind { return try defaultExpression(of: column) }
    let value = try bindExpression(syntax, clause)
    return try folded(
      try assigned(value, to: column.type, at: syntax.position), at: syntax.position)
  }

  // MARK: TRUNCATE

  func bindTruncate(_ names: [QualifiedNameSyntax]) throws(StoaError) -> [TableDefinition] {
    var tables: [TableDefinition] = []
    for name in names {
      let table = try table(named: name)
      if !tables.contains(where: { $0.id == table.id }) { tables.append(table) }
    }
    let ids = Set(tables.map(\.id))
    for (name, table) in zip(names, tables) {
      let referrer = catalog.sortedTables.first { other in
        !ids.contains(other.id) && other.foreignKeys.contains { $0.referencedTable == table.id }
      }
      guard let referrer else { continue }
      throw StoaError(
        .binding, "table \"\(table.name)\" is referenced by a foreign key of \"\(referrer.name)\"",
        hint: "Truncate both: TRUNCATE \(table.name), \(referrer.name)", position: name.position)
    }
    return tables
  }
}

extension Binder.Returning {
  /// Whether any of the columns is needed.
  func mentions(_ columns: Set<Int>) -> Bool {
    items.contains { !$0.expression.columnIDs.isDisjoint(with: columns) }
      || pending.contains { !$0.usedColumns.isDisjoint(with: columns) }
  }
}

extension PendingJoin {
  /// Columns it needs, its own among them.
  var usedColumns: Set<Int> { right.freeColumns.addingColumns(of: conditions) }
}
