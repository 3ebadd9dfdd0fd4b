import Vectors

/// Names one table for ever; never reused. Directories on disk carry this number, not the name.
public typealias TableID = UInt32
/// Names one column within its table for ever; never reused after DROP COLUMN.
public typealias ColumnID = UInt32
/// Names one segment within its table for ever.
public typealias SegmentID = UInt64
/// The number of a commit: 0 is the empty warehouse, each commit adds one.
public typealias CommitNumber = UInt64

/// One column of a table as declared.
public struct ColumnDefinition: Hashable, Sendable {
  /// Its number, which stays when it is renamed.
  public var id: ColumnID
  /// Its name as it was written.
  public var name: String
  /// What it holds.
  public var type: LogicalType
  /// False for NOT NULL columns and primary keys.
  public var isNullable: Bool
  /// Value for rows that do not name the column; `nil` means NULL.
  public var defaultValue: Value?
  /// The encoding asked for by `ENCODING (column NAME)`, in upper case; `nil` lets the picker choose.
  public var forcedEncoding: String?

  /// A column that may hold NULL and has no default, unless said otherwise.
  public init(
    id: ColumnID, name: String, type: LogicalType, isNullable: Bool = true,
    defaultValue: Value? = nil, forcedEncoding: String? = nil
  ) {
    self.id = id
    self.name = name
    self.type = type
    self.isNullable = isNullable
    self.defaultValue = defaultValue
    self.forcedEncoding = forcedEncoding
  }
}

/// PRIMARY KEY or UNIQUE.
public struct KeyDefinition: Hashable, Sendable {
  /// The columns of the key, in order.
  public var columns: [ColumnID]
  /// PRIMARY KEY rather than UNIQUE.
  public var isPrimary: Bool

  /// A key over columns of its table.
  public init(columns: [ColumnID], isPrimary: Bool) {
    self.columns = columns
    self.isPrimary = isPrimary
  }
}

/// FOREIGN KEY (columns) REFERENCES table (referenced columns), validated at every load.
public struct ForeignKeyDefinition: Hashable, Sendable {
  /// The referring columns.
  public var columns: [ColumnID]
  /// The table referred to; in a definition being made 0 for itself.
  public var referencedTable: TableID
  /// Their counterparts there, in the same order: a key of that table.
  public var referencedColumns: [ColumnID]

  /// A reference, column by column.
  public init(columns: [ColumnID], referencedTable: TableID, referencedColumns: [ColumnID]) {
    self.columns = columns
    self.referencedTable = referencedTable
    self.referencedColumns = referencedColumns
  }
}

/// One table as declared: columns in their order, keys, sort key.
public struct TableDefinition: Hashable, Sendable {
  /// Its number, which names its folder.
  public var id: TableID
  /// Its name as it was written.
  public var name: String
  /// Its columns, in the order of `SELECT *`.
  public var columns: [ColumnDefinition]
  /// The primary key, when there is one, and unique keys.
  public var keys: [KeyDefinition]
  /// References to keys of other tables, or of this one.
  public var foreignKeys: [ForeignKeyDefinition]
  /// Columns that rows of every segment are sorted by, ascending, NULLs last; empty for none.
  public var sortKey: [ColumnID]
  /// The id the next added column gets.
  public var nextColumnID: ColumnID

  /// A table; the next column id follows the largest.
  public init(
    id: TableID, name: String, columns: [ColumnDefinition], keys: [KeyDefinition] = [],
    foreignKeys: [ForeignKeyDefinition] = [], sortKey: [ColumnID] = []
  ) {
    self.id = id
    self.name = name
    self.columns = columns
    self.keys = keys
    self.foreignKeys = foreignKeys
    self.sortKey = sortKey
    nextColumnID = (columns.map(\.id).max() ?? 0) + 1
  }

  /// Position of the column with this id among `columns`.
  public func index(of id: ColumnID) -> Int? { columns.firstIndex { $0.id == id } }

  /// Position of the column with this name, compared case-insensitively.
  public func index(ofColumnNamed name: String) -> Int? {
    let key = CatalogState.key(name)
    return columns.firstIndex { CatalogState.key($0.name) == key }
  }

  /// The PRIMARY KEY, if one is declared.
  public var primaryKey: KeyDefinition? { keys.first(where: \.isPrimary) }

  /// Whether these columns (in any order) contain a declared unique key, so that no two rows agree on them.
  public func isUnique(_ columns: Set<ColumnID>) -> Bool {
    keys.contains { $0.columns.allSatisfy(columns.contains) }
  }
}
