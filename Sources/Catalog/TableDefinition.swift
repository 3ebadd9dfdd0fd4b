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
  /// Value for inserted rows that do not name the column; `nil` means NULL, or see `defaultText`.
  public var defaultValue: Value?
  /// SQL of a DEFAULT that is not the same always (`now()`, `random()`), bound anew by each statement; then
  /// `defaultValue` is `nil`.
  public var defaultText: String?
  /// SQL of GENERATED ALWAYS AS, over names of the table's other columns; bound anew by each statement that writes rows.
  public var generatedText: String?
  /// Sequences that `defaultText` takes numbers of.
  public var sequences: [ObjectID] = []
  /// What rows have that were stored before the column was added; `nil` means NULL. Stays when DEFAULT changes.
  public var initialValue: Value?
  /// The encoding asked for by `ENCODING (column NAME)`, in upper case; `nil` lets the picker choose.
  public var forcedEncoding: String?
  /// From COMMENT ON COLUMN.
  public var comment: String?

  /// A column that may hold NULL and has no default, unless said otherwise.
  public init(
    id: ColumnID, name: String, type: LogicalType, isNullable: Bool = true,
    defaultValue: Value? = nil, forcedEncoding: String? = nil, defaultText: String? = nil,
    initialValue: Value? = nil
  ) {
    self.id = id
    self.name = name
    self.type = type
    self.isNullable = isNullable
    self.defaultValue = defaultValue
    self.forcedEncoding = forcedEncoding
    self.defaultText = defaultText
    self.initialValue = initialValue
  }

  /// Whether rows that do not name the column get something other than NULL.
  public var hasDefault: Bool {
    defaultValue != nil || defaultText != nil || generatedText != nil
  }
}

/// PRIMARY KEY or UNIQUE.
public struct KeyDefinition: Hashable, Sendable {
  /// The columns of the key, in order.
  public var columns: [ColumnID]
  /// PRIMARY KEY rather than UNIQUE.
  public var isPrimary: Bool
  /// From `CONSTRAINT name`; `nil` when none was given, see `TableDefinition.constraints`.
  public var name: String?

  /// A key over columns of its table.
  public init(columns: [ColumnID], isPrimary: Bool, name: String? = nil) {
    self.columns = columns
    self.isPrimary = isPrimary
    self.name = name
  }
}

/// FOREIGN KEY (columns) REFERENCES table (referenced columns), checked for every row that comes in.
public struct ForeignKeyDefinition: Hashable, Sendable {
  /// The referring columns.
  public var columns: [ColumnID]
  /// The table referred to; in a definition being made 0 for itself.
  public var referencedTable: TableID
  /// Their counterparts there, in the same order: a key of that table.
  public var referencedColumns: [ColumnID]
  /// From `CONSTRAINT name`.
  public var name: String?
  /// False after NOT VALID: rows that were there before were not checked, so nothing may be concluded from the
  /// key. `VALIDATE CONSTRAINT` makes it true.
  public var isValidated: Bool

  /// A reference, column by column.
  public init(
    columns: [ColumnID], referencedTable: TableID, referencedColumns: [ColumnID],
    name: String? = nil, isValidated: Bool = true
  ) {
    self.columns = columns
    self.referencedTable = referencedTable
    self.referencedColumns = referencedColumns
    self.name = name
    self.isValidated = isValidated
  }
}

/// CHECK (condition): a row is refused when the condition is FALSE; NULL passes.
public struct CheckDefinition: Hashable, Sendable {
  /// From `CONSTRAINT name`.
  public var name: String?
  /// The condition as SQL over the table's columns, unqualified; bound anew by each statement.
  public var text: String
  /// As in `ForeignKeyDefinition`.
  public var isValidated: Bool

  /// A condition that rows there are meet, unless said otherwise.
  public init(name: String? = nil, text: String, isValidated: Bool = true) {
    self.name = name
    self.text = text
    self.isValidated = isValidated
  }
}

/// One table as declared: columns in their order, keys, sort key.
public struct TableDefinition: Hashable, Sendable {
  /// Its number, which names its folder.
  public var id: TableID
  /// The schema it is in.
  public var schema = CatalogState.mainSchema
  /// Its name as it was written.
  public var name: String
  /// From COMMENT ON TABLE.
  public var comment: String?
  /// Its columns, in the order of `SELECT *`.
  public var columns: [ColumnDefinition]
  /// The primary key, when there is one, and unique keys.
  public var keys: [KeyDefinition]
  /// References to keys of other tables, or of this one.
  public var foreignKeys: [ForeignKeyDefinition]
  /// CHECK constraints, in the order they were declared.
  public var checks: [CheckDefinition]
  /// Columns that rows of every segment are sorted by, ascending, NULLs last; empty for none.
  public var sortKey: [ColumnID]
  /// The id the next added column gets.
  public var nextColumnID: ColumnID

  /// A table; the next column id follows the largest.
  public init(
    id: TableID, name: String, columns: [ColumnDefinition], keys: [KeyDefinition] = [],
    foreignKeys: [ForeignKeyDefinition] = [], sortKey: [ColumnID] = [],
    checks: [CheckDefinition] = []
  ) {
    self.id = id
    self.name = name
    self.columns = columns
    self.keys = keys
    self.foreignKeys = foreignKeys
    self.sortKey = sortKey
    self.checks = checks
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

  /// Whether rows with the same key stand together in the order of the sort key: its first columns are those of the key.
  public func isSortPrefix(_ key: [ColumnID]) -> Bool {
    key.count <= sortKey.count && Set(sortKey.prefix(key.count)) == Set(key)
  }

  /// Columns of the keys that the order of rows does not find, for which segments have key runs.
  public var runKeys: [[ColumnID]] {
    var seen: Set<Set<ColumnID>> = []
    return keys.map(\.columns).filter {
      !$0.isEmpty && !isSortPrefix($0) && seen.insert(Set($0)).inserted
    }
  }

  /// Whether these columns (in any order) contain a declared unique key, so that no two rows agree on them.
  public func isUnique(_ columns: Set<ColumnID>) -> Bool {
    keys.contains { $0.columns.allSatisfy(columns.contains) }
  }
}
