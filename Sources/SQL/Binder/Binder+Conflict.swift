import Catalog
import Kernels
import Vectors

/// INSERT … ON CONFLICT. DO NOTHING keeps the new rows without a partner in the table: an anti join for each
/// key. DO UPDATE joins each new row with the row it conflicts with, if any:
///
///     new rows ⟕ target → $action → values → RETURNING
extension Binder {
  /// - Parameter relation: the new rows, all columns of the table in order.
  func bindConflict(
    _ conflict: ConflictSyntax, _ insert: InsertSyntax, _ relation: BoundRelation,
    _ table: TableDefinition
  ) throws(StoaError) -> BoundChange {
    let keys = try conflictKeys(conflict, table)
    switch conflict.action {
    case .nothing: return try keepingFirst(insert, relation, keys, table)
    case .update(let assignments, let filter):
      guard let key = keys.first else {
        throw StoaError(
          .binding, "ON CONFLICT DO UPDATE needs the columns of a key",
          hint: keyHint(table) ?? "Write ON CONFLICT (a, b) DO UPDATE",
          position: conflict.position)
      }
      return try updating(insert, relation, key, table, assignments, filter)
    }
  }

  /// Positions among the table's columns of each key that counts.
  private func conflictKeys(
    _ conflict: ConflictSyntax, _ table: TableDefinition
  ) throws(StoaError) -> [[Int]] {
    let all = table.keys.map { key in key.columns.compactMap { table.index(of: $0) } }
    if conflict.columns.isEmpty {
      if case .update = conflict.action { return [] }
      return all
    }
    let wanted = try insertTargets(conflict.columns, table, writes: false)
    if let key = all.first(where: { Set($0) == Set(wanted) }) { return [key] }
    throw StoaError(
      .binding,
      "(\(conflict.columns.map(\.text).joined(separator: ", "))) is no PRIMARY KEY or UNIQUE key of "
        + "\"\(table.name)\"",
      hint: keyHint(table), position: conflict.columns.first?.position)
  }

  private func keyHint(_ table: TableDefinition) -> String? {
    if table.keys.isEmpty { return "The table has no keys" }
    let keys = table.keys.map { key in
      let names = key.columns.compactMap { id in table.index(of: id).map { table.columns[$0].name }
      }
      return "(" + names.joined(separator: ", ") + ")"
    }
    return "Keys of the table: " + keys.joined(separator: ", ")
  }

  /// Conditions under which a new row and a row of the table agree on a key.
  private func agreement(
    _ key: [Int], _ new: [PlanColumn], _ old: [PlanColumn]
  ) -> [Expression] {
    key.map { .comparison(.equal, new[$0].reference, old[$0].reference) }
  }

  private func keepingFirst(
    _ insert: InsertSyntax, _ relation: BoundRelation, _ keys: [[Int]], _ table: TableDefinition
  ) throws(StoaError) -> BoundChange {
    var plan = relation.plan
    for key in keys {
      let columns = table.columns.map { numbers.column($0.name, $0.type) }
      let get = LogicalPlan.get(
        LogicalGet(
          table: table, alias: table.name, columns: columns, sources: table.columns.map(\.id)))
      plan = .join(
        LogicalJoin(
          kind: .anti, left: plan, right: get,
          conditions: agreement(key, relation.columns, columns)))
    }
    let returning = try bindReturning(
      insert.returning, over: insertedScope(insert, table, relation.columns), at: insert.position)
    let source = try changeQuery(
      table, over: plan, row: .constant(.null, .bigint), action: Binder.action(.insert),
      values: relation.columns.map(\.reference), returning)
    return BoundChange(
      table: table, kind: .upsert, source: source, hasValues: true, mayRepeatRows: false,
      conflict: BoundConflict(keys: keys, keepsFirst: true))
  }

  private func updating(
    _ insert: InsertSyntax, _ relation: BoundRelation, _ key: [Int], _ table: TableDefinition,
    _ assignments: [AssignmentSyntax], _ filter: ExpressionSyntax?
  ) throws(StoaError) -> BoundChange {
    let target = try changeTarget(insert.table, insert.alias)
    var plan = LogicalPlan.join(
      LogicalJoin(
        kind: .left, left: relation.plan, right: target.plan,
        conditions: agreement(key, relation.columns, target.columns)))
    let scope = target.scope(with: excludedEntries(table, relation.columns))
    let clause = Clause("DO UPDATE", scope: scope)
    var isWanted: Expression?
    if let filter { isWanted = try bindCondition(filter, clause) }
    var updated = target.columns.map(\.reference)
    for (index, value) in try bindAssignments(assignments, table, clause) { updated[index] = value }
    plan = plan.attaching(clause.pending)

    let action = numbers.column("$action", .tinyint)
    let isNew = Expression.isNull(target.row.reference, isNegated: false)
    var branches = [ConditionalBranch(condition: isNew, result: Binder.action(.insert))]
    if let isWanted {
      branches.append(ConditionalBranch(condition: isWanted, result: Binder.action(.replace)))
    }
    let otherwise = isWanted == nil ? Binder.action(.replace) : Binder.action(.nothing)
    plan = extended(
      plan,
      by: [
        NamedExpression(action, .conditional(branches, otherwise: otherwise, type: .tinyint))
      ])
    var values: [Expression] = []
    for (index, column) in table.columns.enumerated() {
      let new = ConditionalBranch(
        condition: .comparison(.equal, action.reference, Binder.action(.insert)),
        result: relation.columns[index].reference)
      let changed = ConditionalBranch(
        condition: .comparison(.equal, action.reference, Binder.action(.replace)),
        result: updated[index])
      values.append(.conditional([new, changed], otherwise: nil, type: column.type))
    }
    var returning = Returning()
    if !insert.returning.isEmpty {
      let computed = newColumns(table, values)
      let whole = try withGenerated(
        extended(plan, by: computed.items), computed.columns, of: table,
        where: .comparison(.notEqual, action.reference, Binder.action(.nothing)))
      plan = whole.plan
      values = whole.columns.map(\.reference)
      returning = try bindReturning(
        insert.returning, over: insertedScope(insert, table, whole.columns), at: insert.position)
    }
    let source = try changeQuery(
      table, over: plan, row: target.row.reference, action: action.reference, values: values,
      returning)
    return BoundChange(
      table: table, kind: .upsert, source: source, hasValues: true, mayRepeatRows: true,
      conflict: BoundConflict(keys: [key], keepsFirst: false))
  }

  /// The row that could not be inserted: only as `excluded.column`.
  private func excludedEntries(_ table: TableDefinition, _ columns: [PlanColumn]) -> [Scope.Entry] {
    zip(table.columns, columns).map { column, new in
      var entry = Scope.Entry(table: "excluded", name: column.name, column: new)
      entry.isHidden = true
      return entry
    }
  }

  /// What RETURNING of an INSERT sees: the rows as they are stored.
  func insertedScope(
    _ insert: InsertSyntax, _ table: TableDefinition, _ columns: [PlanColumn]
  ) -> Scope {
    let scope = Scope(parent: nil, commonTables: statementTables)
    scope.replaceEntries(
      zip(table.columns, columns).map {
        Scope.Entry(
          table: insert.alias?.text ?? table.name, name: $0.name, column: $1,
          schema: insert.alias == nil ? catalog.schemaName(table.schema) : nil)
      })
    return scope
  }
}
