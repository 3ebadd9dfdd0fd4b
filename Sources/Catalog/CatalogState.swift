import Vectors

/// Every name and definition of the warehouse at one commit; a plain value.
public struct CatalogState: Hashable, Sendable {
  /// The schema that is always there and has no definition.
  public static let mainSchema: SchemaID = 0
  /// Its name.
  public static let mainSchemaName = "main"

  /// All tables by number.
  public private(set) var tables: [TableID: TableDefinition] = [:]
  /// Schemas and views by number.
  public private(set) var objects: [ObjectID: CatalogObject] = [:]
  private var names: [CatalogName: ObjectID] = [:]
  /// The id the next created table or object gets.
  public private(set) var nextTableID: TableID = 1

  /// No tables.
  public init() {}

  /// Rebuilds a state read from a checkpoint; nil when ids or names clash.
  public init?(
    tables: [TableDefinition], objects: [CatalogObject] = [], nextTableID: TableID
  ) {
    for object in objects {
      guard self.objects[object.id] == nil, object.id < nextTableID,
        take(CatalogName(object), for: object.id)
      else { return nil }
      self.objects[object.id] = object
    }
    for table in tables {
      guard self.tables[table.id] == nil, self.objects[table.id] == nil, table.id < nextTableID,
        take(CatalogName(table.name, in: table.schema), for: table.id)
      else { return nil }
      self.tables[table.id] = table
    }
    self.nextTableID = nextTableID
    let schemas = tables.map(\.schema) + objects.map(\.schema)
    guard schemas.allSatisfy({ hasSchema($0) }) else { return nil }
  }

  private mutating func take(_ name: CatalogName, for id: ObjectID) -> Bool {
    guard names[name] == nil else { return false }
    names[name] = id
    return true
  }

  /// The form under which names are compared: ASCII and Unicode case folded.
  public static func key(_ name: String) -> String { name.lowercased() }

  /// The table of this name, in any case.
  public func table(named name: String, in schema: SchemaID = mainSchema) -> TableDefinition? {
    names[CatalogName(name, in: schema)].flatMap { tables[$0] }
  }

  /// The table of this number.
  public func table(_ id: TableID) -> TableDefinition? { tables[id] }

  /// The view of this name, in any case.
  public func view(named name: String, in schema: SchemaID = mainSchema) -> ViewDefinition? {
    guard let id = names[CatalogName(name, in: schema)], case .view(let view) = objects[id] else {
      return nil
    }
    return view
  }

  /// The number of the table, view or sequence of this name.
  public func object(named name: String, in schema: SchemaID) -> ObjectID? {
    object(named: name, in: schema, .relations)
  }

  func object(named name: String, in schema: SchemaID, _ space: CatalogName.Space) -> ObjectID? {
    names[CatalogName(name, in: schema, space)]
  }

  /// The schema of this name, in any case.
  public func schema(named name: String) -> SchemaID? {
    if CatalogState.key(name) == CatalogState.mainSchemaName { return CatalogState.mainSchema }
    return names[CatalogName(name, in: CatalogState.mainSchema, .schemas)]
  }

  /// The name of a schema.
  public func schemaName(_ id: SchemaID) -> String {
    id == CatalogState.mainSchema ? CatalogState.mainSchemaName : objects[id]?.name ?? "?"
  }

  func hasSchema(_ id: SchemaID) -> Bool {
    if case .schema = objects[id] { return true }
    return id == CatalogState.mainSchema
  }

  /// All tables, those of `main` first, by name.
  public var sortedTables: [TableDefinition] {
    tables.values.sorted {
      ($0.schema == CatalogState.mainSchema ? "" : schemaName($0.schema), CatalogState.key($0.name))
        < (
          $1.schema == CatalogState.mainSchema ? "" : schemaName($1.schema),
          CatalogState.key($1.name)
        )
    }
  }

  /// All schemas but `main`, by name.
  public var sortedSchemas: [SchemaDefinition] {
    objects.values.compactMap { if case .schema(let schema) = $0 { schema } else { nil } }
      .sorted { CatalogState.key($0.name) < CatalogState.key($1.name) }
  }

  /// All views, those of `main` first, by name.
  public var sortedViews: [ViewDefinition] {
    views.sorted {
      ($0.schema, CatalogState.key($0.name)) < ($1.schema, CatalogState.key($1.name))
    }
  }

  private var views: some Sequence<ViewDefinition> {
    objects.values.lazy.compactMap { if case .view(let view) = $0 { view } else { nil } }
  }

  /// The schema or view with this id.
  public func object(_ id: ObjectID) -> CatalogObject? { objects[id] }

  /// Views that read this table or view themselves.
  public func dependents(of id: ObjectID) -> [ViewDefinition] {
    objects.isEmpty ? [] : sortedViews.filter { $0.dependencies.contains(id) }
  }

  /// Objects in an order in which each comes after those it reads.
  public var objectsInOrder: [CatalogObject] {
    var left = objects.values.sorted { $0.id < $1.id }
    var done = Set(tables.keys)
    var ordered: [CatalogObject] = []
    while !left.isEmpty {
      let count = ordered.count
      left.removeAll { object in
        if case .view(let view) = object,
          !view.dependencies.allSatisfy({ done.contains($0) || objects[$0] == nil })
        {
          return false
        }
        done.insert(object.id)
        ordered.append(object)
        return true
      }
      if ordered.count == count { return ordered + left }
    }
    return ordered
  }

  /// Applies one edit.
  /// - Throws: `.binding` when the edit contradicts the state (name taken, table unknown, still referenced).
  public mutating func apply(_ edit: CatalogEdit) throws(StoaError) {
    switch edit {
    case .createTable(let table): try create(table)
    case .dropTable(let id): try dropTable(id)
    case .alterTable(let table):
      let old = try checkedAlteration(table)
      try rename(
        table.id, from: CatalogName(old.name, in: old.schema),
        to: CatalogName(table.name, in: table.schema))
      tables[table.id] = table
    case .createObject(let object): try create(object)
    case .alterObject(let object): try alter(object)
    case .dropObject(let id): try dropObject(id)
    }
  }
}

/// Single edits.
extension CatalogState {
  private mutating func create(_ table: TableDefinition) throws(StoaError) {
    let name = CatalogName(table.name, in: table.schema)
    try requireFree(name)
    guard tables[table.id] == nil, objects[table.id] == nil else {
      throw StoaError(.inconsistency, "table id \(table.id) is taken")
    }
    names[name] = table.id
    tables[table.id] = table
    nextTableID = max(nextTableID, table.id &+ 1)
  }

  private mutating func dropTable(_ id: TableID) throws(StoaError) {
    guard let table = tables[id] else {
      throw StoaError(.binding, "there is no table with id \(id)")
    }
    if let referrer = sortedTables.first(where: { other in
      other.id != id && other.foreignKeys.contains { $0.referencedTable == id }
    }) {
      throw StoaError(
        .binding,
        "table \"\(table.name)\" is referenced by a foreign key of \"\(referrer.name)\"",
        hint: "Drop \"\(referrer.name)\" first, or DROP … CASCADE")
    }
    try requireUnread(id, "table \"\(table.name)\"")
    names[CatalogName(table.name, in: table.schema)] = nil
    tables[id] = nil
  }

  private mutating func create(_ object: CatalogObject) throws(StoaError) {
    try requireFree(CatalogName(object))
    guard tables[object.id] == nil, objects[object.id] == nil,
      object.id != CatalogState.mainSchema
    else { throw StoaError(.inconsistency, "object id \(object.id) is taken") }
    try requireDependencies(of: object)
    names[CatalogName(object)] = object.id
    objects[object.id] = object
    nextTableID = max(nextTableID, object.id &+ 1)
  }

  private mutating func alter(_ object: CatalogObject) throws(StoaError) {
    guard let old = objects[object.id], old.word == object.word else {
      throw StoaError(.binding, "there is no \(object.word) with id \(object.id)")
    }
    try requireDependencies(of: object)
    try rename(object.id, from: CatalogName(old), to: CatalogName(object))
    objects[object.id] = object
  }

  private mutating func dropObject(_ id: ObjectID) throws(StoaError) {
    guard let object = objects[id] else {
      throw StoaError(.binding, "there is no object with id \(id)")
    }
    if case .schema(let schema) = object {
      let inside =
        tables.values.filter { $0.schema == id }.map(\.name)
        + objects.values.filter { $0.schema == id }.map(\.name)
      if let first = inside.min() {
        throw StoaError(
          .binding, "schema \"\(schema.name)\" is not empty: it has \"\(first)\"",
          hint: "DROP SCHEMA … CASCADE drops what is in it too")
      }
    }
    try requireUnread(id, "\(object.word) \"\(object.name)\"")
    names[CatalogName(object)] = nil
    objects[id] = nil
  }

  private mutating func rename(
    _ id: ObjectID, from old: CatalogName, to new: CatalogName
  ) throws(StoaError) {
    guard old != new else { return }
    try requireFree(new)
    names[old] = nil
    names[new] = id
  }

  private func requireFree(_ name: CatalogName) throws(StoaError) {
    guard hasSchema(name.schema) else {
      throw StoaError(.binding, "there is no schema with id \(name.schema)")
    }
    guard let id = names[name] else { return }
    if let table = tables[id] {
      throw StoaError(.binding, "table \"\(table.name)\" already exists")
    }
    let word = objects[id]?.word ?? "object"
    throw StoaError(.binding, "\(word) \"\(objects[id]?.name ?? name.key)\" already exists")
  }

  private func requireDependencies(of object: CatalogObject) throws(StoaError) {
    guard case .view(let view) = object else { return }
    var left = view.dependencies
    var seen = Set(left)
    while let id = left.popLast() {
      guard id != view.id else {
        throw StoaError(.binding, "view \"\(view.name)\" would read itself")
      }
      guard tables[id] != nil || objects[id] != nil else {
        throw StoaError(.binding, "view \"\(view.name)\" reads a table that is not there any more")
      }
      guard case .view(let inner) = objects[id] else { continue }
      left += inner.dependencies.filter { seen.insert($0).inserted }
    }
  }

  private func requireUnread(_ id: ObjectID, _ what: String) throws(StoaError) {
    if objects[id] != nil, let table = tables(drawingFrom: id).first,
      let column = table.columns.first(where: { $0.sequences.contains(id) })
    {
      throw StoaError(
        .binding,
        "\(what) gives column \"\(column.name)\" of table \"\(table.name)\" its DEFAULT",
        hint: "Change the DEFAULT first, or DROP … CASCADE")
    }
    if let type = type(id), let table = tables(of: type).first {
      throw StoaError(
        .binding, "\(what) is the type of a column of table \"\(table.name)\"",
        hint: "Drop the column first")
    }
    guard let view = dependents(of: id).first else { return }
    throw StoaError(
      .binding, "\(what) is read by view \"\(view.name)\"",
      hint: "Drop the view first, or DROP … CASCADE")
  }
}

/// One change of the catalog, as the commit log records it.
public enum CatalogEdit: Hashable, Sendable {
  case createTable(TableDefinition)
  case dropTable(TableID)
  /// The whole new definition of the table with this id.
  case alterTable(TableDefinition)
  case createObject(CatalogObject)
  /// The whole new definition of the object with this id, of the same kind.
  case alterObject(CatalogObject)
  case dropObject(ObjectID)

  /// The view that it makes or changes.
  public var view: ViewDefinition? {
    switch self {
    case .createObject(.view(let view)), .alterObject(.view(let view)): view
    default: nil
    }
  }
}

extension CatalogState {
  /// Edits that rebuild the state from nothing: schemas, tables, views.
  public var edits: [CatalogEdit] {
    let objects = objectsInOrder
    let schemas = objects.filter { $0.space == .schemas }
    let types = objects.filter { $0.space == .types }
    return (schemas + types).map { .createObject($0) }
      + tables.keys.sorted().compactMap { tables[$0] }.map { .createTable($0) }
      + objects.filter { $0.space == .relations }.map { .createObject($0) }
  }
}
