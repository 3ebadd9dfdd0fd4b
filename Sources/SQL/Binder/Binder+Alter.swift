import Catalog
import Kernels
import Vectors

/// ALTER TABLE: the definition as it shall be, and queries that find what in the rows is against it.
extension Binder {
  func bindAlterTable(_ alter: AlterTableSyntax) throws(StoaError) -> BoundAlterTable {
    if alter.ifExists, findTable(alter.table) == nil {
      let absent = TableDefinition(id: 0, name: alter.table.name.text, columns: [])
      return BoundAlterTable(table: absent, isNeeded: false)
    }
    let old = try table(named: alter.table)
    var change = BoundAlterTable(table: old)
    for (action, position) in alter.actions {
      do throws(StoaError) {
        try apply(action, &change)
        var changed = catalog
        try changed.apply(.alterTable(change.table))
      } catch {
        throw error.at(position)
      }
    }
    _ = try bindChecks(of: change.table)
    try requireViews(after: change.table)
    change.isNeeded = change.table != old || !change.requirements.isEmpty
    return change
  }

  private func apply(
    _ action: AlterTableSyntax.Action, _ change: inout BoundAlterTable
  ) throws(StoaError) {
    switch action {
    case .addColumn(let column, let ifNotExists):
      if ifNotExists, change.table.index(ofColumnNamed: column.name.text) != nil { return }
      try addColumn(column, &change)
    case .dropColumn(let name, let ifExists):
      if ifExists, change.table.index(ofColumnNamed: name.text) == nil { return }
      try dropColumn(name, &change.table)
    case .renameColumn(let name, let new): try renameColumn(name, new, &change.table)
    case .renameTable(let new): change.table.name = try newTableName(QualifiedNameSyntax([new]))
    case .setSchema(let schema): change.table.schema = try self.schema(schema)
    case .setType(let name, let type): try setType(name, type, &change.table)
    case .setDefault(let name, let value):
      let index = try columnIndex(name, in: change.table)
      try refuseGenerated(index, in: change.table, at: name.position)
      try setDefault(value, of: &change.table.columns[index])
    case .dropDefault(let name):
      let index = try columnIndex(name, in: change.table)
      change.table.columns[index].defaultValue = nil
      change.table.columns[index].defaultText = nil
      change.table.columns[index].sequences = []
    case .setNotNull(let name):
      try setNotNull(try columnIndex(name, in: change.table), &change)
    case .dropNotNull(let name): try dropNotNull(name, &change.table)
    case .addConstraint(let constraint): try addConstraint(constraint, &change)
    case .validateConstraint(let name): try validate(name, &change)
    case .dropConstraint(let name, let ifExists):
      if ifExists, change.table.constraint(named: name.text) == nil { return }
      try dropConstraint(name, &change.table)
    case .renameConstraint(let name, let new): try renameConstraint(name, new, &change.table)
    }
  }

  // MARK: columns

  private func addColumn(
    _ syntax: ColumnDefinitionSyntax, _ change: inout BoundAlterTable
  ) throws(StoaError) {
    if syntax.generated != nil || syntax.identity != nil {
      throw unsupported(
        "adding a \(syntax.generated != nil ? "generated" : "n IDENTITY") column to a table",
        syntax.position)
    }
    try addColumn(syntax, to: &change.table)
    let index = change.table.columns.count - 1
    if let value = syntax.defaultValue {
      let column = change.table.columns[index]
      guard let initial = try defaultExpression(of: column).constantValue else {
        throw StoaError(
          .binding, "a DEFAULT that differs from row to row cannot fill the rows there are",
          hint: "Add the column without it, then ALTER … SET DEFAULT and UPDATE",
          position: value.position)
      }
      change.table.columns[index].initialValue = initial.isNull ? nil : initial
    }
    if syntax.isNotNull { try requireFilled(index, syntax, &change) }
    for constraint in syntax.constraints { try addConstraint(constraint, &change) }
  }

  /// A NOT NULL column without DEFAULT can only be added to a table without rows.
  private func requireFilled(
    _ index: Int, _ syntax: ColumnDefinitionSyntax, _ change: inout BoundAlterTable
  ) throws(StoaError) {
    let column = change.table.columns[index]
    guard column.initialValue == nil else { return }
    change.requirements.append(
      try requirement(
        .init(
          .constraint, "the rows there are would have NULL in a NOT NULL column",
          hint: "Give it a DEFAULT", position: syntax.position, column: column.name,
          table: change.table.name), change.table, showing: [0]
      ) { plan, _ in plan })
  }

  private func dropColumn(_ name: NameSyntax, _ table: inout TableDefinition) throws(StoaError) {
    let index = try columnIndex(name, in: table)
    let id = table.columns[index].id
    try requireNoGenerated(from: name, in: table)
    if table.sortKey.contains(id) {
      throw StoaError(
        .binding, "column \"\(name.text)\" is part of the sort key", position: name.position)
    }
    for (constraintName, constraint) in table.constraints
    where try uses(constraint, column: index, of: table) {
      throw StoaError(
        .binding, "column \"\(name.text)\" is part of the constraint \"\(constraintName)\"",
        hint:
          "ALTER TABLE \(SQLWord.quotedIfNeeded(table.name)) DROP CONSTRAINT "
          + "\(SQLWord.quotedIfNeeded(constraintName)) first",
        position: name.position)
    }
    table.columns.remove(at: index)
  }

  private func uses(
    _ constraint: TableConstraint, column index: Int, of table: TableDefinition
  ) throws(StoaError) -> Bool {
    let id = table.columns[index].id
    switch constraint {
    case .key(let number): return table.keys[number].columns.contains(id)
    case .foreignKey(let number): return table.foreignKeys[number].columns.contains(id)
    case .check(let number):
      let key = CatalogState.key(table.columns[index].name)
      let text = table.checks[number].text
      return try onFittingStack(text) { () throws(StoaError) in
        try Parser.parseExpression(text).columnNames.contains {
          CatalogState.key($0.name.text) == key
        }
      }
    }
  }

  private func renameColumn(
    _ name: NameSyntax, _ new: NameSyntax, _ table: inout TableDefinition
  ) throws(StoaError) {
    let index = try columnIndex(name, in: table)
    let old = CatalogState.key(table.columns[index].name)
    if CatalogState.key(new.text) != old { try checkNew(new, in: table) }
    table.columns[index].name = new.text
    for number in table.columns.indices {
      guard let text = table.columns[number].generatedText else { continue }
      table.columns[number].generatedText = try onFittingStack(text) { () throws(StoaError) in
        try Parser.parseExpression(text).sourceText(Array(text.utf8)) {
          CatalogState.key($0.name.text) == old ? SQLWord.quotedIfNeeded(new.text) : nil
        }
      }
    }
    for number in table.checks.indices {
      let text = table.checks[number].text
      table.checks[number].text = try onFittingStack(text) { () throws(StoaError) in
        try Parser.parseExpression(text).sourceText(Array(text.utf8)) {
          CatalogState.key($0.name.text) == old ? SQLWord.quotedIfNeeded(new.text) : nil
        }
      }
    }
  }

  private func setType(
    _ name: NameSyntax, _ syntax: TypeSyntax, _ table: inout TableDefinition
  ) throws(StoaError) {
    let index = try columnIndex(name, in: table)
    let type = try resolved(syntax)
    let old = table.columns[index].type
    if type == old { return }
    try refuseGenerated(index, in: table, at: name.position)
    try requireNoGenerated(from: name, in: table)
    guard old.canWiden(to: type) else {
      throw StoaError(
        .binding, "column \"\(name.text)\" is \(old) and cannot become \(type)",
        hint: LogicalType.wideningHint, position: syntax.position)
    }
    func widened(_ value: Value?) throws(StoaError) -> Value? {
      guard let value else { return nil }
      return try Cast.apply(value, from: old, to: type)
    }
    table.columns[index].type = type
    table.columns[index].defaultValue = try widened(table.columns[index].defaultValue)
    table.columns[index].initialValue = try widened(table.columns[index].initialValue)
  }

  private func setNotNull(_ index: Int, _ change: inout BoundAlterTable) throws(StoaError) {
    guard change.table.columns[index].isNullable else { return }
    change.table.columns[index].isNullable = false
    try requireNotNull(index, &change)
  }

  private func requireNotNull(_ index: Int, _ change: inout BoundAlterTable) throws(StoaError) {
    let name = change.table.columns[index].name
    let failure = StoaError(
      .constraint, "column \"\(name)\" holds NULLs", hint: "UPDATE them first", column: name,
      table: change.table.name)
    change.requirements.append(
      try requirement(failure, change.table, showing: [index]) { plan, columns in
        .filter(
          LogicalFilter(
            input: plan, conditions: [.isNull(columns[index].reference, isNegated: false)]))
      })
  }

  private func dropNotNull(_ name: NameSyntax, _ table: inout TableDefinition) throws(StoaError) {
    let index = try columnIndex(name, in: table)
    if table.primaryKey?.columns.contains(table.columns[index].id) == true {
      throw StoaError(
        .binding, "column \"\(name.text)\" is part of the primary key", position: name.position)
    }
    table.columns[index].isNullable = true
  }

  // MARK: constraints

  private func addConstraint(
    _ syntax: TableConstraintSyntax, _ change: inout BoundAlterTable
  ) throws(StoaError) {
    let before = change.table
    guard let constraint = try add(syntax, to: &change.table) else { return }
    for index in before.columns.indices
    where before.columns[index].isNullable && !change.table.columns[index].isNullable {
      try requireNotNull(index, &change)
    }
    if !syntax.isNotValid { try require(constraint, &change) }
  }

  private func constraint(
    _ name: NameSyntax, _ table: TableDefinition
  ) throws(StoaError) -> TableConstraint {
    if let constraint = table.constraint(named: name.text) { return constraint }
    throw StoaError(
      .binding, "table \"\(table.name)\" has no constraint \"\(name.text)\"",
      hint: Suggestion.hint(for: name.text, among: table.constraints.map(\.name)),
      position: name.position)
  }

  private func validate(_ name: NameSyntax, _ change: inout BoundAlterTable) throws(StoaError) {
    let constraint = try constraint(name, change.table)
    switch constraint {
    case .key: return
    case .foreignKey(let index):
      if change.table.foreignKeys[index].isValidated { return }
      change.table.foreignKeys[index].isValidated = true
    case .check(let index):
      if change.table.checks[index].isValidated { return }
      change.table.checks[index].isValidated = true
    }
    try require(constraint, &change)
  }

  private func dropConstraint(
    _ name: NameSyntax, _ table: inout TableDefinition
  ) throws(StoaError) {
    switch try constraint(name, table) {
    case .key(let index): table.keys.remove(at: index)
    case .foreignKey(let index): table.foreignKeys.remove(at: index)
    case .check(let index): table.checks.remove(at: index)
    }
  }

  private func renameConstraint(
    _ name: NameSyntax, _ new: NameSyntax, _ table: inout TableDefinition
  ) throws(StoaError) {
    let constraint = try constraint(name, table)
    if let other = table.constraint(named: new.text), other != constraint {
      throw StoaError(
        .binding, "table \"\(table.name)\" has a constraint \"\(new.text)\" already",
        position: new.position)
    }
    switch constraint {
    case .key(let index): table.keys[index].name = new.text
    case .foreignKey(let index): table.foreignKeys[index].name = new.text
    case .check(let index): table.checks[index].name = new.text
    }
  }

  // MARK: requirements

  /// A query for rows against a constraint of the new definition.
  private func require(
    _ constraint: TableConstraint, _ change: inout BoundAlterTable
  ) throws(StoaError) {
    let table = change.table
    let name = table.constraints.first { $0.constraint == constraint }?.name ?? "?"
    var failure = StoaError(
      .constraint, "rows there are break the constraint \"\(name)\"", table: table.name)
    switch constraint {
    case .key(let number):
      failure.message = "rows there are agree on the key \"\(name)\""
      let key = table.keys[number].columns.compactMap { table.index(of: $0) }
      change.requirements.append(try uniqueness(of: key, table, failure))
    case .check(let number):
      let condition = try bindStoredCheck(table.checks[number].text, of: table)
      change.requirements.append(
        try requirement(failure, table, showing: condition.columnIDs.sorted()) { plan, columns in
          let check = condition.mapColumns { columns[$0].id }
          return .filter(
            LogicalFilter(
              input: plan, conditions: [.isDistinct(check, .false_, isNegated: true)]))
        })
    case .foreignKey(let number):
      change.requirements.append(try reference(table.foreignKeys[number], table, failure))
    }
  }

  private func uniqueness(
    of key: [Int], _ table: TableDefinition, _ failure: StoaError
  ) throws(StoaError) -> BoundRequirement {
    let count = NamedAggregate(
      numbers.column("count", .bigint),
      AggregateCall(function: try aggregate("count", []), arguments: []))
    return try requirement(failure, table, showing: key) { plan, columns in
      let groups = key.map { columns[$0] }
      let present = LogicalPlan.filter(
        LogicalFilter(
          input: plan, conditions: groups.map { .isNull($0.reference, isNegated: true) }))
      return .filter(
        LogicalFilter(
          input: .aggregate(
            LogicalAggregate(
              input: present, groups: groups.map { NamedExpression(passing: $0) },
              aggregates: [count])),
          conditions: [
            .comparison(.greater, count.column.reference, .constant(.integer(1), .bigint))
          ]))
    }
  }

  private func reference(
    _ key: ForeignKeyDefinition, _ table: TableDefinition, _ failure: StoaError
  ) throws(StoaError) -> BoundRequirement {
    let isOwn = key.referencedTable == table.id
    guard var target = isOwn ? table : catalog.table(key.referencedTable) else {
      throw StoaError(.binding, "a foreign key of \"\(table.name)\" refers to no table")
    }
    if isOwn { target.keys = [] }
    let own = key.columns.compactMap { table.index(of: $0) }
    let others = target.columns.map { numbers.column($0.name, $0.type) }
    let get = LogicalPlan.get(
      LogicalGet(
        table: target, alias: target.name, columns: others, sources: target.columns.map(\.id)))
    let pairs = zip(own, key.referencedColumns.compactMap { target.index(of: $0) })
    return try requirement(failure, table, showing: own) { plan, columns in
      let present = LogicalPlan.filter(
        LogicalFilter(
          input: plan, conditions: own.map { .isNull(columns[$0].reference, isNegated: true) }))
      return .join(
        LogicalJoin(
          kind: .anti, left: present, right: get,
          conditions: pairs.map { .comparison(.equal, columns[$0].reference, others[$1].reference) }
        ))
    }
  }

  /// A query over the table's rows of which nothing may be believed yet: no key, no NOT NULL, no foreign key.
  /// - Parameter showing: positions of the columns that the query gives out.
  private func requirement(
    _ failure: StoaError, _ table: TableDefinition, showing: [Int],
    _ offenders: (_ rows: LogicalPlan, _ columns: [PlanColumn]) -> LogicalPlan
  ) throws(StoaError) -> BoundRequirement {
    var bare = table
    bare.keys = []
    bare.foreignKeys = []
    bare.checks = []
    for index in bare.columns.indices { bare.columns[index].isNullable = true }
    let columns = bare.columns.map { numbers.column($0.name, $0.type) }
    let get = LogicalPlan.get(
      LogicalGet(
        table: bare, alias: bare.name, columns: columns, sources: bare.columns.map(\.id)))
    let limited = LogicalPlan.limit(
      LogicalLimit(
        input: offenders(get, columns), limit: .constant(.integer(1), .bigint), offset: nil))
    let shown = showing.isEmpty ? columns : showing.map { columns[$0] }
    return BoundRequirement(
      query: try finish(BoundRelation(plan: limited, columns: shown)), failure: failure)
  }
}
