import Catalog
import Vectors

/// CREATE SCHEMA, DROP, ALTER VIEW and SCHEMA, COMMENT.
extension Binder {
  func bindCreateSchema(
    _ name: NameSyntax, ifNotExists: Bool
  ) throws(StoaError) -> BoundDefinition {
    if catalog.schema(named: name.text) != nil || isInformationSchema(name) {
      if ifNotExists {
        return BoundDefinition(.create, [], notice: "Schema \(name.text) exists already")
      }
      throw StoaError(
        .binding, "schema \"\(name.text)\" already exists", position: name.position)
    }
    guard !name.text.isEmpty else {
      throw StoaError(.binding, "a schema name must not be empty", position: name.position)
    }
    let schema = SchemaDefinition(id: catalog.nextTableID, name: name.text)
    return BoundDefinition(.create, [.createObject(.schema(schema))])
  }

  func requireNoView(_ name: QualifiedNameSyntax, in schema: SchemaID) throws(StoaError) {
    guard let view = catalog.view(named: name.name.text, in: schema) else { return }
    throw StoaError(.binding, "\"\(view.name)\" is a view already", position: name.position)
  }

  // MARK: DROP

  func bindDrop(_ drop: DropSyntax) throws(StoaError) -> BoundDefinition {
    var dropping = Dropping(catalog: catalog, isCascading: drop.isCascading)
    for name in drop.names {
      guard let id = try dropped(name, drop) else { continue }
      dropping.add(id)
    }
    do throws(StoaError) {
      let edits = try dropping.edits()
      try requireBindable(after: edits)
      return BoundDefinition(drop.kind == .table ? .dropTable : .drop, edits)
    } catch {
      throw error.at(drop.position)
    }
  }

  /// What the name means; `nil` when there is nothing and that is all right.
  private func dropped(
    _ name: QualifiedNameSyntax, _ drop: DropSyntax
  ) throws(StoaError) -> ObjectID? {
    switch drop.kind {
    case .view:
      if let view = findView(name) { return view.id }
      if findTable(name) != nil {
        throw StoaError(
          .binding, "\"\(name.text)\" is a table, not a view", hint: "DROP TABLE drops it",
          position: name.position)
      }
      if drop.ifExists { return nil }
      throw StoaError(
        .binding, "there is no view \"\(name.text)\"",
        hint: Suggestion.hint(for: name.name.text, among: catalog.sortedViews.map(\.name)),
        position: name.position)
    case .type:
      if drop.ifExists, findType(name) == nil { return nil }
      return try type(named: name).id
    case .sequence:
      if drop.ifExists, findSequence(name) == nil { return nil }
      return try sequence(named: name).id
    case .schema:
      guard name.parts.count == 1, let id = catalog.schema(named: name.name.text) else {
        if drop.ifExists { return nil }
        throw unknownSchema(name.name)
      }
      guard id != CatalogState.mainSchema else {
        throw StoaError(
          .binding, "schema \"main\" is always there", position: name.position)
      }
      return id
    case .table, .column:
      if drop.ifExists, findTable(name) == nil, findView(name) == nil { return nil }
      if findView(name) != nil {
        throw StoaError(
          .binding, "\"\(name.text)\" is a view, not a table", hint: "DROP VIEW drops it",
          position: name.position)
      }
      return try table(named: name).id
    }
  }

  // MARK: ALTER

  func bindAlterObject(_ alter: AlterObjectSyntax) throws(StoaError) -> BoundDefinition {
    if alter.kind == .sequence, case .setNumbers(let options) = alter.action {
      return try bindAlterSequence(alter.name, options, ifExists: alter.ifExists)
    }
    var object: CatalogObject
    if alter.kind == .sequence {
      if alter.ifExists, findSequence(alter.name) == nil { return BoundDefinition(.create, []) }
      let sequence = try sequence(named: alter.name)
      if let table = catalog.tables(drawingFrom: sequence.id).first {
        throw StoaError(
          .binding,
          "sequence \"\(sequence.name)\" gives a column of table \"\(table.name)\" its DEFAULT",
          hint: "The DEFAULT names it: change that first", position: alter.name.position)
      }
      object = .sequence(sequence)
    } else if alter.kind == .schema {
      guard let id = catalog.schema(named: alter.name.name.text), alter.name.parts.count == 1
      else {
        if alter.ifExists { return BoundDefinition(.create, []) }
        throw unknownSchema(alter.name.name)
      }
      guard let found = catalog.objects[id] else {
        throw StoaError(
          .binding, "schema \"main\" keeps its name", position: alter.name.position)
      }
      object = found
    } else {
      guard let view = findView(alter.name) else {
        if alter.ifExists { return BoundDefinition(.create, []) }
        throw StoaError(
          .binding, "there is no view \"\(alter.name.text)\"",
          hint: Suggestion.hint(
            for: alter.name.name.text, among: catalog.sortedViews.map(\.name)),
          position: alter.name.position)
      }
      object = .view(view)
    }
    let old = object
    switch alter.action {
    case .rename(let name): object = object.renamed(try newTableName(QualifiedNameSyntax([name])))
    case .setSchema(let name): object = object.moved(to: try schema(name))
    case .setNumbers: break
    }
    guard object != old else { return BoundDefinition(.create, []) }
    let edit = CatalogEdit.alterObject(object)
    do throws(StoaError) {
      var changed = catalog
      try changed.apply(edit)
      for view in readers(of: old) {
        try requireViews(
          readingFrom: view, in: changed, after: "\(old.word) \"\(old.name)\"")
      }
    } catch {
      throw error.at(alter.name.position)
    }
    return BoundDefinition(.create, [edit])
  }

  /// Ids whose readers may miss the object under its old name.
  private func readers(of object: CatalogObject) -> [ObjectID] {
    guard case .schema(let schema) = object else { return [object.id] }
    return catalog.sortedTables.filter { $0.schema == schema.id }.map(\.id)
      + catalog.sortedViews.filter { $0.schema == schema.id }.map(\.id)
  }

  // MARK: COMMENT

  func bindComment(_ comment: CommentSyntax) throws(StoaError) -> BoundDefinition {
    let text = comment.text.flatMap { $0.isEmpty ? nil : $0 }
    switch comment.kind {
    case .table:
      var table = try table(named: comment.name)
      table.comment = text
      return BoundDefinition(.create, [.alterTable(table)])
    case .column:
      guard comment.name.parts.count > 1 else {
        throw StoaError(
          .binding, "write the column as table.column", position: comment.name.position)
      }
      let name = QualifiedNameSyntax(Array(comment.name.qualifiers))
      var table = try table(named: name)
      table.columns[try columnIndex(comment.name.name, in: table)].comment = text
      return BoundDefinition(.create, [.alterTable(table)])
    case .view:
      guard var view = findView(comment.name) else {
        throw StoaError(
          .binding, "there is no view \"\(comment.name.text)\"", position: comment.name.position)
      }
      view.comment = text
      return BoundDefinition(.create, [.alterObject(.view(view))])
    case .type: throw unsupported("a comment on a type", comment.name.position)
    case .sequence:
      var sequence = try sequence(named: comment.name)
      sequence.comment = text
      return BoundDefinition(.create, [.alterObject(.sequence(sequence))])
    case .schema:
      let id = try schema(comment.name.name)
      guard case .schema(var schema) = catalog.objects[id] else {
        throw StoaError(
          .binding, "schema \"main\" has no comment", position: comment.name.position)
      }
      schema.comment = text
      return BoundDefinition(.create, [.alterObject(.schema(schema))])
    }
  }
}

extension CatalogObject {
  fileprivate func renamed(_ name: String) -> CatalogObject {
    switch self {
    case .schema(var schema):
      schema.name = name
      return .schema(schema)
    case .view(var view):
      view.name = name
      return .view(view)
    case .type: return self
    case .sequence(var sequence):
      sequence.name = name
      return .sequence(sequence)
    }
  }

  fileprivate func moved(to schema: SchemaID) -> CatalogObject {
    switch self {
    case .schema, .type: return self
    case .view(var view):
      view.schema = schema
      return .view(view)
    case .sequence(var sequence):
      sequence.schema = schema
      return .sequence(sequence)
    }
  }
}

/// What goes with DROP, in an order in which nothing is missed by what is still there.
struct Dropping {
  let catalog: CatalogState
  let isCascading: Bool
  private var ids: [ObjectID] = []

  init(catalog: CatalogState, isCascading: Bool) {
    self.catalog = catalog
    self.isCascading = isCascading
  }

  /// Also adds, with CASCADE, what cannot be without it.
  mutating func add(_ id: ObjectID) {
    var left = [id]
    while let id = left.popLast() {
      guard !ids.contains(id) else { continue }
      ids.append(id)
      left += catalog.sortedSequences.filter { $0.owner == id && catalog.table(id) != nil }.map(
        \.id)
      guard isCascading else { continue }
      left += catalog.dependents(of: id).map(\.id)
      if case .schema = catalog.objects[id] {
        left += catalog.sortedTables.filter { $0.schema == id }.map(\.id)
        left += catalog.sortedViews.filter { $0.schema == id }.map(\.id)
        left += catalog.sortedSequences.filter { $0.schema == id }.map(\.id)
        left += catalog.sortedTypes.filter { $0.schema == id }.map(\.id)
      }
    }
  }

  /// - Throws: when something else needs what goes.
  func edits() throws(StoaError) -> [CatalogEdit] {
    let going = Set(ids)
    var edits: [CatalogEdit] = []
    // Views from the outermost in, references between tables that stay or go, tables, schemas.
    for object in catalog.objectsInOrder.reversed() where going.contains(object.id) {
      if case .view = object { edits.append(.dropObject(object.id)) }
    }
    for var table in catalog.sortedTables {
      let isGoing = going.contains(table.id)
      let kept = table.foreignKeys.filter {
        !going.contains($0.referencedTable) || $0.referencedTable == table.id
          || (!isGoing && !isCascading)
      }
      let losing = table.columns.indices.filter {
        isCascading && !isGoing && !going.isDisjoint(with: table.columns[$0].sequences)
      }
      guard kept.count < table.foreignKeys.count || !losing.isEmpty else { continue }
      table.foreignKeys = kept
      for index in losing {
        table.columns[index].defaultText = nil
        table.columns[index].sequences = []
      }
      edits.append(.alterTable(table))
    }
    edits += catalog.tables.keys.sorted().filter(going.contains).map { .dropTable($0) }
    for sequence in catalog.sortedSequences where going.contains(sequence.id) {
      edits.append(.dropObject(sequence.id))
    }
    for type in catalog.sortedTypes where going.contains(type.id) {
      edits.append(.dropObject(type.id))
    }
    for schema in catalog.sortedSchemas where going.contains(schema.id) {
      edits.append(.dropObject(schema.id))
    }
    var changed = catalog
    for edit in edits { try changed.apply(edit) }
    return edits
  }
}
