import Catalog
import Kernels
import Vectors

/// Views: their queries are kept as text and bound where they are used.
extension Binder {
  /// Views within views.
  private static let maximalViewDepth = 100

  // MARK: using

  func bindView(
    _ view: ViewDefinition, _ name: QualifiedNameSyntax, _ reference: TableReferenceSyntax
  ) throws(StoaError) -> FromPart {
    guard viewDepth < Binder.maximalViewDepth else {
      throw StoaError(
        .binding, "views stand more than \(Binder.maximalViewDepth) deep within each other",
        position: name.position)
    }
    let inner = Binder(
      catalog: catalog, text: view.text, tableFunctions: Array(tableFunctions.values),
      history: history, searchPath: view.searchPath, showsPlaces: false)
    inner.numbers = numbers
    inner.context = context
    inner.sequences = sequences
    inner.takenSequences = takenSequences
    inner.viewDepth = viewDepth + 1
    let query: BoundQuery
    do throws(StoaError) {
      query = try onFittingStack(view.text) { () throws(StoaError) in
        try inner.bindViewText(view.text)
      }
    } catch {
      throw StoaError(
        error.kind, "view \"\(view.name)\": \(error.message)", hint: error.hint,
        position: name.position)
    }
    guard inner.dependencies == Set(view.dependencies) else {
      throw StoaError(
        .binding, "view \"\(view.name)\": its names mean other tables now than when it was made",
        hint: "CREATE OR REPLACE VIEW makes it anew", position: name.position)
    }
    numbers = query.numbers
    dependencies.insert(view.id)
    untypedColumns.merge(inner.untypedColumns) { own, _ in own }
    let columns = try shown(query.columns, of: view, at: name.position)
    return try named(
      BoundRelation(plan: query.plan, columns: columns), reference, defaultName: view.name,
      schema: catalog.schemaName(view.schema))
  }

  private func bindViewText(_ text: String) throws(StoaError) -> BoundQuery {
    guard case .query(let query) = try Parser.parse(text).kind else {
      throw StoaError(.inconsistency, "its text is no query")
    }
    return try bindWholeQuery(query)
  }

  /// The query's columns that the view had when it was made, under the view's names. Columns added since to tables it
  /// reads with `*` stay out.
  private func shown(
    _ columns: [PlanColumn], of view: ViewDefinition, at position: Range<Int>
  ) throws(StoaError) -> [PlanColumn] {
    var left = columns.indices.map { $0 }
    var result: [PlanColumn] = []
    for (source, name) in zip(view.sources, view.columns) {
      let key = CatalogState.key(source)
      guard let index = left.firstIndex(where: { CatalogState.key(columns[$0].name) == key })
      else {
        throw StoaError(
          .binding, "view \"\(view.name)\": its query has no column \"\(source)\" any more",
          hint: "CREATE OR REPLACE VIEW makes it anew", position: position)
      }
      var column = columns[left.remove(at: index)]
      column.name = name
      result.append(column)
    }
    return result
  }

  // MARK: making

  func bindCreateView(_ create: CreateViewSyntax) throws(StoaError) -> BoundDefinition {
    let name = try newTableName(create.name)
    let schema = try newSchema(create.name)
    if let table = catalog.table(named: name, in: schema) {
      throw StoaError(
        .binding, "\"\(table.name)\" is a table already", position: create.name.position)
    }
    let existing = catalog.view(named: name, in: schema)
    if let existing {
      if create.ifNotExists {
        return BoundDefinition(.create, [], notice: "View \(existing.name) exists already")
      }
      guard create.orReplace else {
        throw StoaError(
          .binding, "view \"\(existing.name)\" already exists",
          hint: "CREATE OR REPLACE VIEW takes its place", position: create.name.position)
      }
    }
    let query = try bindWholeQuery(create.query)
    guard query.parameters.isEmpty else {
      throw StoaError(
        .binding, "a view cannot have parameters", position: create.query.position)
    }
    let view = ViewDefinition(
      id: existing?.id ?? catalog.nextTableID, schema: schema, name: name,
      text: queryText(create.query), searchPath: searchPath,
      sources: query.columns.map(\.name), columns: try viewColumns(create, query),
      dependencies: dependencies.sorted(), comment: existing?.comment)
    let edit = existing == nil ? CatalogEdit.createObject(.view(view)) : .alterObject(.view(view))
    var changed = catalog
    do throws(StoaError) {
      try changed.apply(edit)
      try requireViews(readingFrom: view.id, in: changed, after: "view \"\(view.name)\"")
    } catch {
      throw error.at(create.name.position)
    }
    return BoundDefinition(.create, [edit])
  }

  private func queryText(_ query: QuerySyntax) -> String {
    guard query.position.lowerBound >= 0, query.position.upperBound <= text.count else { return "" }
    return String(decoding: text[query.position], as: UTF8.self)
  }

  private func viewColumns(
    _ create: CreateViewSyntax, _ query: BoundQuery
  ) throws(StoaError) -> [String] {
    guard !query.columns.isEmpty else {
      throw StoaError(.binding, "the query has no columns", position: create.query.position)
    }
    var columns = query.columns
    try rename(&columns, create.columns, create.name.name)
    var seen: Set<String> = []
    for column in columns where !seen.insert(CatalogState.key(column.name)).inserted {
      throw StoaError(
        .binding, "the view would have two columns \"\(column.name)\"",
        hint: "Give one of them another name with AS", position: create.query.position)
    }
    return columns.map(\.name)
  }

  // MARK: what others need

  /// - Throws: when a view could not be read any more with this definition of a table.
  func requireViews(after table: TableDefinition) throws(StoaError) {
    guard !catalog.objects.isEmpty else { return }
    var changed = catalog
    try changed.apply(.alterTable(table))
    try requireViews(readingFrom: table.id, in: changed, after: "table \"\(table.name)\"")
  }

  /// Views that read it, directly or through others, must still bind.
  func requireViews(
    readingFrom id: ObjectID, in changed: CatalogState, after what: String
  ) throws(StoaError) {
    var left = changed.dependents(of: id)
    var seen = Set(left.map(\.id))
    while let view = left.popLast() {
      let inner = Binder(
        catalog: changed, text: "", tableFunctions: Array(tableFunctions.values), history: history,
        searchPath: searchPath, showsPlaces: false)
      inner.sequences = sequences
      let name = QualifiedNameSyntax([NameSyntax(view.name, position: 0..<0)])
      let reference = TableReferenceSyntax(.table(name), position: 0..<0)
      do throws(StoaError) {
        _ = try inner.bindView(view, name, reference)
      } catch {
        throw StoaError(
          .binding, "\(what) is read by a view that would not work any more: \(error.message)",
          hint: "Drop view \"\(view.name)\" first, and make it again afterwards")
      }
      left += changed.dependents(of: view.id).filter { seen.insert($0.id).inserted }
    }
  }
}
