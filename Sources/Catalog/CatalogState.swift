import Vectors

/// Every name and definition of the warehouse at one commit; a plain value.
public struct CatalogState: Hashable, Sendable {
  /// All tables by number.
  public private(set) var tables: [TableID: TableDefinition] = [:]
  /// Lower-cased name to table.
  private var names: [String: TableID] = [:]
  /// The id the next created table gets.
  public private(set) var nextTableID: TableID = 1

  /// No tables.
  public init() {}

  /// Rebuilds a state read from a checkpoint; nil when ids or names clash.
  public init?(tables: [TableDefinition], nextTableID: TableID) {
    for table in tables {
      let key = CatalogState.key(table.name)
      guard names[key] == nil, self.tables[table.id] == nil, table.id < nextTableID else {
        return nil
      }
      names[key] = table.id
      self.tables[table.id] = table
    }
    self.nextTableID = nextTableID
  }

  /// The form under which names are compared: ASCII and Unicode case folded.
  public static func key(_ name: String) -> String { name.lowercased() }

  /// The table of this name, in any case.
  public func table(named name: String) -> TableDefinition? {
    names[CatalogState.key(name)].flatMap { tables[$0] }
  }

  /// The table of this number.
  public func table(_ id: TableID) -> TableDefinition? { tables[id] }

  /// All tables, by name.
  public var sortedTables: [TableDefinition] {
    tables.values.sorted { CatalogState.key($0.name) < CatalogState.key($1.name) }
  }

  /// Applies one edit.
  /// - Throws: `.binding` when the edit contradicts the state (name taken, table unknown, still referenced).
  public mutating func apply(_ edit: CatalogEdit) throws(StoaError) {
    switch edit {
    case .createTable(let table):
      guard names[CatalogState.key(table.name)] == nil else {
        throw StoaError(.binding, "table \"\(table.name)\" already exists")
      }
      guard tables[table.id] == nil else {
        throw StoaError(.inconsistency, "table id \(table.id) is taken")
      }
      names[CatalogState.key(table.name)] = table.id
      tables[table.id] = table
      nextTableID = max(nextTableID, table.id &+ 1)
    case .dropTable(let id):
      guard let table = tables[id] else {
        throw StoaError(.binding, "there is no table with id \(id)")
      }
      if let referrer = tables.values.first(where: { other in
        other.id != id && other.foreignKeys.contains { $0.referencedTable == id }
      }) {
        throw StoaError(
          .binding,
          "table \"\(table.name)\" is referenced by a foreign key of \"\(referrer.name)\"",
          hint: "Drop \"\(referrer.name)\" first")
      }
      names[CatalogState.key(table.name)] = nil
      tables[id] = nil
    case .alterTable(let table):
      let old = try checkedAlteration(table)
      let key = CatalogState.key(table.name)
      guard names[key] == nil || names[key] == table.id else {
        throw StoaError(.binding, "table \"\(table.name)\" already exists")
      }
      names[CatalogState.key(old.name)] = nil
      names[key] = table.id
      tables[table.id] = table
    }
  }
}

/// One change of the catalog, as the commit log records it.
public enum CatalogEdit: Hashable, Sendable {
  case createTable(TableDefinition)
  case dropTable(TableID)
  /// The whole new definition of the table with this id.
  case alterTable(TableDefinition)
}
