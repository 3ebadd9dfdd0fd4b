import Catalog
import Kernels
import Vectors

/// The tables of `information_schema`, which describe the catalog as the SQL standard has it (ISO/IEC 9075-11). They are
/// made as rows of constants when a statement is bound.
enum InformationSchema: String, CaseIterable {
  case schemata, tables, columns, views, sequences
  case tableConstraints = "table_constraints", keyColumnUsage = "key_column_usage"
  case referentialConstraints = "referential_constraints", checkConstraints = "check_constraints"

  static let name = "information_schema"
  /// What the columns for the catalog's name have.
  static let catalogName = "stoa"

  /// Names and types of its columns.
  var columns: [(name: String, type: LogicalType)] {
    switch self {
    case .schemata: texts("catalog_name schema_name schema_owner schema_comment")
    case .tables:
      texts("table_catalog table_schema table_name table_type is_insertable_into table_comment")
    case .columns:
      texts("table_catalog table_schema table_name column_name") + [("ordinal_position", .integer)]
        + texts("column_default is_nullable data_type")
        + [
          ("numeric_precision", .integer), ("numeric_precision_radix", .integer),
          ("numeric_scale", .integer), ("datetime_precision", .integer),
        ] + texts("column_comment")
    case .views:
      texts("table_catalog table_schema table_name view_definition check_option is_updatable")
    case .sequences:
      texts("sequence_catalog sequence_schema sequence_name data_type")
        + [
          ("numeric_precision", .integer), ("numeric_precision_radix", .integer),
          ("numeric_scale", .integer),
        ] + texts("start_value minimum_value maximum_value increment cycle_option")
    case .tableConstraints:
      texts(
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name"
          + " constraint_type is_deferrable initially_deferred enforced")
    case .keyColumnUsage:
      texts(
        "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name"
          + " column_name")
        + [("ordinal_position", .integer), ("position_in_unique_constraint", .integer)]
    case .referentialConstraints:
      texts(
        "constraint_catalog constraint_schema constraint_name unique_constraint_catalog"
          + " unique_constraint_schema unique_constraint_name match_option update_rule delete_rule")
    case .checkConstraints:
      texts("constraint_catalog constraint_schema constraint_name check_clause")
    }
  }

  private func texts(_ names: String) -> [(name: String, type: LogicalType)] {
    names.split(separator: " ").map { (String($0), .varchar) }
  }

  /// Its rows.
  /// - Parameter viewColumns: names and types of a view's columns.
  func rows(
    of catalog: CatalogState,
    viewColumns: (ViewDefinition) -> [(name: String, type: LogicalType)]
  ) -> [[Value]] {
    switch self {
    case .schemata: schemataRows(catalog)
    case .tables: tableRows(catalog)
    case .columns: columnRows(catalog, viewColumns)
    case .views:
      catalog.sortedViews.map { view in
        path(view.schema, view.name, catalog)
          + [.string(view.text), .string("NONE"), .string("NO")]
      }
    case .sequences:
      catalog.sortedSequences.map { sequence in
        let (precision, radix, scale) = numbers(of: sequence.type)
        return path(sequence.schema, sequence.name, catalog)
          + [.string(sequence.type.description), precision, radix, scale]
          + [sequence.start, sequence.minimum, sequence.maximum, sequence.increment].map {
            .string(String($0))
          } + [.string(sequence.cycles ? "YES" : "NO")]
      }
    case .tableConstraints: constraints(catalog) { constraintRow($0, $1, $2, catalog) }
    case .keyColumnUsage: constraints(catalog) { usageRows($0, $1, $2, catalog) }
    case .referentialConstraints: constraints(catalog) { referenceRow($0, $1, $2, catalog) }
    case .checkConstraints:
      constraints(catalog) { table, name, constraint in
        guard case .check(let index) = constraint else { return [] }
        return [path(table.schema, name, catalog) + [.string(table.checks[index].text)]]
      }
    }
  }

  // MARK: tables and columns

  private func schemataRows(_ catalog: CatalogState) -> [[Value]] {
    let own: [(String, String?)] =
      [(CatalogState.mainSchemaName, nil), (InformationSchema.name, nil)]
      + catalog.sortedSchemas.map { ($0.name, $0.comment) }
    return own.map { name, comment in
      [.string(InformationSchema.catalogName), .string(name), .null, text(comment)]
    }
  }

  private func tableRows(_ catalog: CatalogState) -> [[Value]] {
    catalog.sortedTables.map { table in
      path(table.schema, table.name, catalog)
        + [.string("BASE TABLE"), .string("YES"), text(table.comment)]
    }
      + catalog.sortedViews.map { view in
        path(view.schema, view.name, catalog)
          + [.string("VIEW"), .string("NO"), text(view.comment)]
      }
  }

  private func columnRows(
    _ catalog: CatalogState,
    _ viewColumns: (ViewDefinition) -> [(name: String, type: LogicalType)]
  ) -> [[Value]] {
    let ofTables = catalog.sortedTables.flatMap { table in
      table.columns.enumerated().map { index, column in
        path(table.schema, table.name, catalog)
          + columnFields(
            index, column.name, column.type, standard: column.defaultSQL,
            isNullable: column.isNullable, comment: column.comment)
      }
    }
    let ofViews = catalog.sortedViews.flatMap { view in
      viewColumns(view).enumerated().map { index, column in
        path(view.schema, view.name, catalog)
          + columnFields(
            index, column.name, column.type, standard: nil, isNullable: true, comment: nil)
      }
    }
    return ofTables + ofViews
  }

  private func columnFields(
    _ index: Int, _ name: String, _ type: LogicalType, standard: String?, isNullable: Bool,
    comment: String?
  ) -> [Value] {
    let (precision, radix, scale) = numbers(of: type)
    return [
      .string(name), .integer(Int128(index + 1)), text(standard),
      .string(isNullable ? "YES" : "NO"), .string(type.shownName), precision, radix, scale,
      type == .timestamp ? .integer(6) : type == .date ? .integer(0) : .null, text(comment),
    ]
  }

  private func numbers(of type: LogicalType) -> (Value, Value, Value) {
    if case .decimal(let precision, let scale) = type {
      return (.integer(Int128(precision)), .integer(10), .integer(Int128(scale)))
    }
    switch type {
    case .real: return (.integer(24), .integer(2), .null)
    case .double: return (.integer(53), .integer(2), .null)
    default:
      guard type.isInteger else { return (.null, .null, .null) }
      return (.integer(Int128(type.physical.byteWidth * 8)), .integer(2), .integer(0))
    }
  }

  // MARK: constraints

  private func constraints(
    _ catalog: CatalogState, _ rows: (TableDefinition, String, TableConstraint) -> [[Value]]
  ) -> [[Value]] {
    catalog.sortedTables.flatMap { table in
      table.constraints.flatMap { rows(table, $0.name, $0.constraint) }
    }
  }

  private func constraintRow(
    _ table: TableDefinition, _ name: String, _ constraint: TableConstraint,
    _ catalog: CatalogState
  ) -> [[Value]] {
    let kind: String
    switch constraint {
    case .key(let index): kind = table.keys[index].isPrimary ? "PRIMARY KEY" : "UNIQUE"
    case .foreignKey: kind = "FOREIGN KEY"
    case .check: kind = "CHECK"
    }
    return [
      path(table.schema, name, catalog) + path(table.schema, table.name, catalog)
        + [.string(kind), .string("NO"), .string("NO"), .string("YES")]
    ]
  }

  private func usageRows(
    _ table: TableDefinition, _ name: String, _ constraint: TableConstraint,
    _ catalog: CatalogState
  ) -> [[Value]] {
    let columns: [ColumnID]
    var places: [Value]
    switch constraint {
    case .key(let index):
      columns = table.keys[index].columns
      places = columns.map { _ in .null }
    case .foreignKey(let index):
      let key = table.foreignKeys[index]
      columns = key.columns
      let target = unique(key, catalog)
      places = key.referencedColumns.map { id in
        target?.columns.firstIndex(of: id).map { .integer(Int128($0 + 1)) } ?? .null
      }
    case .check: return []
    }
    return columns.enumerated().map { position, id in
      path(table.schema, name, catalog) + path(table.schema, table.name, catalog)
        + [
          text(table.columns.first { $0.id == id }?.name), .integer(Int128(position + 1)),
          places[position],
        ]
    }
  }

  private func referenceRow(
    _ table: TableDefinition, _ name: String, _ constraint: TableConstraint,
    _ catalog: CatalogState
  ) -> [[Value]] {
    guard case .foreignKey(let index) = constraint else { return [] }
    let key = table.foreignKeys[index]
    let target = catalog.table(key.referencedTable)
    let unique = target?.constraints.first { candidate in
      guard case .key(let number) = candidate.constraint, let target else { return false }
      return Set(target.keys[number].columns) == Set(key.referencedColumns)
    }
    let path = path(table.schema, name, catalog)
    let targetPath = self.path(
      target?.schema ?? CatalogState.mainSchema, unique?.name ?? "", catalog)
    return [
      path + targetPath + [.string("NONE"), .string("NO ACTION"), .string("NO ACTION")]
    ]
  }

  private func unique(_ key: ForeignKeyDefinition, _ catalog: CatalogState) -> KeyDefinition? {
    catalog.table(key.referencedTable)?.keys.first {
      Set($0.columns) == Set(key.referencedColumns)
    }
  }

  private func path(_ schema: SchemaID, _ name: String, _ catalog: CatalogState) -> [Value] {
    [
      .string(InformationSchema.catalogName), .string(catalog.schemaName(schema)), .string(name),
    ]
  }

  private func text(_ text: String?) -> Value { text.map { .string($0) } ?? .null }
}

extension Binder {
  func isInformationSchema(_ name: NameSyntax) -> Bool {
    CatalogState.key(name.text) == InformationSchema.name
  }

  /// A table of `information_schema`; `nil` for other names.
  func informationTable(
    _ name: QualifiedNameSyntax, _ reference: TableReferenceSyntax
  ) throws(StoaError) -> FromPart? {
    guard name.parts.count == 2, isInformationSchema(name.parts[0]) else { return nil }
    guard let table = InformationSchema(rawValue: CatalogState.key(name.name.text)) else {
      throw StoaError(
        .binding, "there is no table \"\(name.text)\"",
        hint: Suggestion.hint(
          for: name.name.text, among: InformationSchema.allCases.map(\.rawValue))
          ?? "It has " + InformationSchema.allCases.map(\.rawValue).joined(separator: ", "),
        position: name.position)
    }
    let columns = table.columns.map { numbers.column($0.name, $0.type) }
    let rows = table.rows(of: catalog) { self.columns(of: $0) }.map { row in
      zip(row, columns).map { Expression.constant($0, $1.type) }
    }
    return try named(
      BoundRelation(plan: .values(LogicalValues(columns: columns, rows: rows)), columns: columns),
      reference, defaultName: table.rawValue, schema: InformationSchema.name)
  }

  /// Names and types of a view's columns; none when it cannot be bound any more.
  private func columns(of view: ViewDefinition) -> [(name: String, type: LogicalType)] {
    let inner = Binder(
      catalog: catalog, text: "", tableFunctions: Array(tableFunctions.values), history: history,
      searchPath: searchPath, showsPlaces: false)
    inner.sequences = sequences
    let name = QualifiedNameSyntax([NameSyntax(view.name, position: 0..<0)])
    let part = try? inner.bindView(
      view, name, TableReferenceSyntax(.table(name), position: 0..<0))
    return part?.entries.map { ($0.name, $0.column.type) } ?? []
  }
}
