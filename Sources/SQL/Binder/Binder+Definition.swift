import Catalog
import Kernels
import Vectors

extension Binder {
  func bindCreateTable(_ create: CreateTableSyntax) throws(StoaError) -> BoundCreateTable {
    if create.isTemporary { throw unsupported("a temporary table", create.position) }
    let name = try newTableName(create.name)
    var table = TableDefinition(id: 0, name: name, columns: [])
    table.schema = try newSchema(create.name)
    try requireNoView(create.name, in: table.schema)
    let existing = catalog.table(named: name, in: table.schema)
    if existing != nil, !create.ifNotExists, !create.orReplace {
      throw StoaError(
        .binding, "table \"\(name)\" already exists",
        hint: "CREATE TABLE IF NOT EXISTS leaves it alone", position: create.name.position)
    }
    var source: BoundQuery?
    if let query = create.query {
      source = try bindTableSource(query, create, &table)
    } else {
      try addColumns(create, &table)
    }
    // Foreign keys come last: one to the table itself needs its keys.
    let constraints = create.constraints + create.columns.flatMap(\.constraints)
    for constraint in constraints where !constraint.isForeignKey {
      _ = try add(constraint, to: &table)
    }
    for constraint in constraints where constraint.isForeignKey {
      _ = try add(constraint, to: &table)
    }
    try addSortKey(create, &table)
    for item in create.encodings {
      table.columns[try columnIndex(item.column, in: table)].forcedEncoding =
        item.encoding.text.uppercased()
    }
    var bound = BoundCreateTable(
      table: table, isNeeded: existing == nil || !create.ifNotExists,
      replaced: create.orReplace ? existing?.id : nil, source: create.withData ? source : nil)
    for syntax in create.columns {
      guard let options = syntax.identity, let index = table.index(ofColumnNamed: syntax.name.text)
      else { continue }
      guard syntax.defaultValue == nil else {
        throw StoaError(
          .binding, "an IDENTITY column has no other DEFAULT", position: syntax.position)
      }
      let column = table.columns[index]
      guard [.smallint, .integer, .bigint].contains(column.type) else {
        throw StoaError(
          .binding, "an IDENTITY column is SMALLINT, INTEGER or BIGINT", position: syntax.position)
      }
      bound.sequences.append(try columnSequence(options, for: column, of: table))
    }
    return bound
  }

  func newTableName(_ name: QualifiedNameSyntax) throws(StoaError) -> String {
    if name.name.text.isEmpty {
      throw StoaError(.binding, "a table name must not be empty", position: name.position)
    }
    return name.name.text
  }

  private func addColumns(
    _ create: CreateTableSyntax, _ table: inout TableDefinition
  ) throws(StoaError) {
    for column in create.columns { try addColumn(column, to: &table) }
    // Those that others are computed from are told apart first.
    for (index, column) in create.columns.enumerated() where column.generated != nil {
      table.columns[index].generatedText = ""
    }
    for (index, column) in create.columns.enumerated() {
      guard let generated = column.generated else { continue }
      guard column.defaultValue == nil, column.identity == nil else {
        throw StoaError(
          .binding, "a generated column has no DEFAULT", position: column.position)
      }
      try setGenerated(generated, of: index, in: &table)
    }
  }

  /// Appends a column with its DEFAULT and NOT NULL; its other constraints are for the caller.
  func addColumn(
    _ column: ColumnDefinitionSyntax, to table: inout TableDefinition
  ) throws(StoaError) {
    try checkNew(column.name, in: table)
    let type = try resolved(column.type)
    try checkStorable(type, column.type.position)
    let id = table.nextColumnID
    var definition = ColumnDefinition(
      id: id, name: column.name.text, type: type, isNullable: !column.isNotNull)
    if let syntax = column.defaultValue { try setDefault(syntax, of: &definition) }
    table.columns.append(definition)
    table.nextColumnID = id + 1
  }

  func checkNew(_ name: NameSyntax, in table: TableDefinition) throws(StoaError) {
    if table.index(ofColumnNamed: name.text) != nil {
      throw StoaError(
        .binding, "column \"\(name.text)\" is defined twice", position: name.position)
    }
    if name.text.isEmpty {
      throw StoaError(.binding, "a column name must not be empty", position: name.position)
    }
  }

  func checkStorable(_ type: LogicalType, _ position: Range<Int>) throws(StoaError) {
    if type == .null {
      throw unsupported("a column of type \(type)", position)
    }
  }

  /// Columns and rows of CREATE TABLE … AS.
  private func bindTableSource(
    _ query: QuerySyntax, _ create: CreateTableSyntax, _ table: inout TableDefinition
  ) throws(StoaError) -> BoundQuery {
    var relation = try bindQuery(query, parent: nil, commonTables: nil)
    try rename(&relation.columns, create.queryColumns, create.name.name)
    for column in relation.columns {
      let name = NameSyntax(column.name, position: create.position)
      try checkNew(name, in: table)
      try checkStorable(column.type, create.position)
      table.columns.append(
        ColumnDefinition(id: table.nextColumnID, name: column.name, type: column.type))
      table.nextColumnID += 1
    }
    return try finish(try cast(relation, to: relation.columns.map(\.type), at: create.position))
  }

  // MARK: constraints

  /// Adds a constraint to the definition.
  /// - Returns: where it went; `nil` when the same key was there already.
  func add(
    _ constraint: TableConstraintSyntax, to table: inout TableDefinition
  ) throws(StoaError) -> TableConstraint? {
    if let name = constraint.name, table.constraint(named: name.text) != nil {
      throw StoaError(
        .binding, "table \"\(table.name)\" has a constraint \"\(name.text)\" already",
        position: name.position)
    }
    let name = constraint.name?.text
    switch constraint.kind {
    case .primaryKey(let names):
      try refuseNotValid(constraint)
      if table.primaryKey != nil {
        throw StoaError(
          .binding, "a table can have only one primary key", position: constraint.position)
      }
      let columns = try keyColumns(names, table)
      for id in columns {
        if let index = table.index(of: id) { table.columns[index].isNullable = false }
      }
      table.keys.insert(KeyDefinition(columns: columns, isPrimary: true, name: name), at: 0)
      return .key(0)
    case .unique(let names):
      try refuseNotValid(constraint)
      let key = KeyDefinition(columns: try keyColumns(names, table), isPrimary: false, name: name)
      if table.keys.contains(where: { $0.columns == key.columns }) { return nil }
      table.keys.append(key)
      return .key(table.keys.count - 1)
    case .foreignKey(let names, let target, let referenced):
      var key = try foreignKey(names, target, referenced, constraint, table)
      key.name = name
      key.isValidated = !constraint.isNotValid
      table.foreignKeys.append(key)
      return .foreignKey(table.foreignKeys.count - 1)
    case .check(let syntax):
      _ = try bindCheck(syntax, of: table)
      table.checks.append(
        CheckDefinition(
          name: name, text: checkText(syntax), isValidated: !constraint.isNotValid))
      return .check(table.checks.count - 1)
    }
  }

  private func refuseNotValid(_ constraint: TableConstraintSyntax) throws(StoaError) {
    guard constraint.isNotValid else { return }
    throw StoaError(
      .binding, "only FOREIGN KEY and CHECK can be NOT VALID",
      hint: "PRIMARY KEY and UNIQUE hold for all rows", position: constraint.position)
  }

  private func keyColumns(
    _ names: [NameSyntax], _ table: TableDefinition
  ) throws(StoaError) -> [ColumnID] {
    var ids: [ColumnID] = []
    for name in names {
      let id = table.columns[try columnIndex(name, in: table)].id
      if ids.contains(id) {
        throw StoaError(
          .binding, "column \"\(name.text)\" stands in the key twice", position: name.position)
      }
      ids.append(id)
    }
    return ids
  }

  private func foreignKey(
    _ names: [NameSyntax], _ target: QualifiedNameSyntax, _ referenced: [NameSyntax],
    _ constraint: TableConstraintSyntax, _ table: TableDefinition
  ) throws(StoaError) -> ForeignKeyDefinition {
    let columns = try keyColumns(names, table)
    // A table that refers to itself has no number yet: 0, replaced when it is made.
    let isOwn =
      CatalogState.key(target.name.text) == CatalogState.key(table.name)
      && (target.parts.count == 1
        || target.parts.count == 2
          && catalog.schema(named: target.parts[0].text) == table.schema)
    let other = isOwn ? table : try self.table(named: target)
    var referencedIDs: [ColumnID] = []
    if referenced.isEmpty {
      guard let primary = other.primaryKey else {
        throw StoaError(
          .binding, "table \"\(other.name)\" has no primary key to refer to",
          hint: "Name the referenced columns, which must be UNIQUE", position: target.position)
      }
      referencedIDs = primary.columns
    } else {
      referencedIDs = try keyColumns(referenced, other)
    }
    try check(columns, in: table, against: referencedIDs, in: other, constraint.position)
    return ForeignKeyDefinition(
      columns: columns, referencedTable: other.id, referencedColumns: referencedIDs)
  }

  private func check(
    _ columns: [ColumnID], in table: TableDefinition, against referenced: [ColumnID],
    in other: TableDefinition, _ position: Range<Int>
  ) throws(StoaError) {
    guard columns.count == referenced.count else {
      throw StoaError(
        .binding,
        "the foreign key has \(columns.count) columns, but the referenced key \(referenced.count)",
        position: position)
    }
    guard other.keys.contains(where: { Set($0.columns) == Set(referenced) }) else {
      throw StoaError(
        .binding, "the referenced columns are no PRIMARY KEY or UNIQUE key of \"\(other.name)\"",
        position: position)
    }
    for (column, target) in zip(columns, referenced) {
      guard let a = table.index(of: column), let b = other.index(of: target) else { continue }
      if table.columns[a].type != other.columns[b].type {
        throw StoaError(
          .binding,
          "\"\(table.columns[a].name)\" is \(table.columns[a].type), but the referenced "
            + "\"\(other.columns[b].name)\" is \(other.columns[b].type)",
          hint: "Foreign key and key must have the same type", position: position)
      }
    }
  }

  private func addSortKey(
    _ create: CreateTableSyntax, _ table: inout TableDefinition
  ) throws(StoaError) {
    table.sortKey = try keyColumns(create.sortKey, table)
  }
}

extension TableConstraintSyntax {
  fileprivate var isForeignKey: Bool { if case .foreignKey = kind { true } else { false } }
}
