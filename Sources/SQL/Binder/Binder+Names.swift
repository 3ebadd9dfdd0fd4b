import Catalog
import Kernels
import Vectors

/// Looking up tables, views and schemas: a bare name in the schemas of the search path, `schema.name` in that one.
extension Binder {
  /// The table of this name.
  /// - Throws: `.binding` when there is none, or it is a view.
  func table(named name: QualifiedNameSyntax) throws(StoaError) -> TableDefinition {
    if let table = findTable(name) { return table }
    if let view = findView(name) {
      throw StoaError(
        .binding, "\"\(view.name)\" is a view, not a table",
        hint: "Change the tables that it reads", position: name.position)
    }
    throw unknownTable(name)
  }

  func findTable(_ name: QualifiedNameSyntax) -> TableDefinition? { findTable(name, in: catalog) }

  func findTable(_ name: QualifiedNameSyntax, in catalog: CatalogState) -> TableDefinition? {
    for schema in schemas(of: name, in: catalog) {
      if let table = catalog.table(named: name.name.text, in: schema) { return table }
      if catalog.view(named: name.name.text, in: schema) != nil { return nil }
    }
    return nil
  }

  func findView(_ name: QualifiedNameSyntax) -> ViewDefinition? {
    for schema in schemas(of: name, in: catalog) {
      if let view = catalog.view(named: name.name.text, in: schema) { return view }
      if catalog.table(named: name.name.text, in: schema) != nil { return nil }
    }
    return nil
  }

  /// Where a name may be found, in order; none when it has a schema that is not there.
  func schemas(
    of name: QualifiedNameSyntax, in catalog: CatalogState
  ) -> [SchemaID] {
    switch name.parts.count {
    case 1: searchPath.compactMap { catalog.schema(named: $0) }
    case 2: catalog.schema(named: name.parts[0].text).map { [$0] } ?? []
    default: []
    }
  }

  func unknownTable(_ name: QualifiedNameSyntax, also names: [String] = []) -> StoaError {
    if name.parts.count == 2, catalog.schema(named: name.parts[0].text) == nil {
      return unknownSchema(name.parts[0])
    }
    let known =
      name.parts.count == 1
      ? catalog.relationNames(visibleFrom: searchPath) + names
      : catalog.relationNames(in: catalog.schema(named: name.parts[0].text))
    return StoaError(
      .binding, "there is no table \"\(name.text)\"",
      hint: name.parts.count > 2
        ? "Tables are written table or schema.table"
        : Suggestion.hint(for: name.name.text, among: known),
      position: name.position)
  }

  func schema(_ name: NameSyntax) throws(StoaError) -> SchemaID {
    if let schema = catalog.schema(named: name.text) { return schema }
    throw unknownSchema(name)
  }

  func unknownSchema(_ name: NameSyntax) -> StoaError {
    StoaError(
      .binding, "there is no schema \"\(name.text)\"",
      hint: Suggestion.hint(
        for: name.text, among: [CatalogState.mainSchemaName] + catalog.sortedSchemas.map(\.name)),
      position: name.position)
  }

  /// Where a new table or view of this name goes.
  func newSchema(_ name: QualifiedNameSyntax) throws(StoaError) -> SchemaID {
    switch name.parts.count {
    case 1:
      if let first = searchPath.lazy.compactMap({ self.catalog.schema(named: $0) }).first {
        return first
      }
      throw StoaError(
        .binding, "no schema of the search path is there",
        hint: "SET search_path = main, or write schema.name", position: name.position)
    case 2:
      if isInformationSchema(name.parts[0]) {
        throw StoaError(
          .binding, "nothing can be made in \(name.parts[0].text)", position: name.position)
      }
      return try schema(name.parts[0])
    default:
      throw StoaError(
        .binding, "\"\(name.text)\" has too many parts",
        hint: "Tables are written table or schema.table", position: name.position)
    }
  }

  /// Places of expressions, for errors at run time.
  func place(_ position: Range<Int>) -> SourcePlace {
    showsPlaces ? SourcePlace(position) : .unknown
  }
}

extension CatalogState {
  /// Names of tables and views, sorted: bare where the search path finds them, else with their schema.
  public func relationNames(visibleFrom path: [String]) -> [String] {
    let schemas = path.compactMap { schema(named: $0) }
    var bare: [String: SchemaID] = [:]
    let all = sortedTables.map { ($0.name, $0.schema) } + sortedViews.map { ($0.name, $0.schema) }
    for schema in schemas.reversed() {
      for (name, own) in all where own == schema { bare[CatalogState.key(name)] = schema }
    }
    let names = all.map { name, schema in
      bare[CatalogState.key(name)] == schema ? name : "\(schemaName(schema)).\(name)"
    }
    return names.sorted { CatalogState.key($0) < CatalogState.key($1) }
  }

  /// Names of the tables and views of one schema.
  func relationNames(in schema: SchemaID?) -> [String] {
    guard let schema else { return [] }
    return sortedTables.filter { $0.schema == schema }.map(\.name)
      + sortedViews.filter { $0.schema == schema }.map(\.name)
  }
}

extension CatalogState {
  /// The table that a program means by `table` or `schema.table`, without quotes.
  public func table(written text: String, searchPath: [String]) -> TableDefinition? {
    relation(written: text, searchPath) { name, schema in
      if let table = self.table(named: name, in: schema) { return .some(table) }
      return view(named: name, in: schema) == nil ? nil : .some(nil)
    }
  }

  /// The same for views.
  public func view(written text: String, searchPath: [String]) -> ViewDefinition? {
    relation(written: text, searchPath) { name, schema in
      if let view = self.view(named: name, in: schema) { return .some(view) }
      return table(named: name, in: schema) == nil ? nil : .some(nil)
    }
  }

  /// - Parameter find: the outer `nil` to go on looking.
  private func relation<Found>(
    written text: String, _ path: [String], _ find: (String, SchemaID) -> Found??
  ) -> Found? {
    for schema in path.compactMap({ self.schema(named: $0) }) {
      if let found = find(text, schema) { return found }
    }
    guard let dot = text.firstIndex(of: "."),
      let schema = self.schema(named: String(text[..<dot])),
      let found = find(String(text[text.index(after: dot)...]), schema)
    else { return nil }
    return found
  }
}
