import Catalog
import Kernels
import Vectors

/// INSERT without ON CONFLICT: all columns of the table in order, defaults filled in, cast to the columns' types.
public struct BoundInsert: Sendable {
  public var table: TableDefinition
  /// Columns: the table's, in order, then those of RETURNING.
  public var source: BoundQuery
  /// The rows, when they are literals; `source` then has none and need not be run.
  public var literals: Batch?

  /// The rows of a query, or of `literals`, for `table`.
  public init(table: TableDefinition, source: BoundQuery, literals: Batch? = nil) {
    self.table = table
    self.source = source
    self.literals = literals
  }

  /// Positions of the table's columns among `source.columns`.
  public var values: Range<Int> { 0..<min(table.columns.count, source.columns.count) }
  /// Positions of the columns that RETURNING gives out; empty without it.
  public var returning: Range<Int> { values.upperBound..<source.columns.count }
}

/// What happens to one row of a change; the values of the column `$action`, TINYINT.
public enum RowAction: Int8, Sendable, CaseIterable {
  /// Nothing; RETURNING leaves the row out.
  case nothing = 0
  /// Remove the row that `$row` names.
  case delete = 1
  /// Add a row of the new values; `$row` is NULL.
  case insert = 2
  /// Both: the new values take the place of the row that `$row` names.
  case replace = 3
}

/// DELETE, UPDATE, MERGE and INSERT … ON CONFLICT as one query of row changes against the statement's snapshot.
/// All of them are computed from the state before the statement.
///
/// Columns of `source`, in order:
///
///     $row      BIGINT   which row goes, as `SystemColumn.row` of the same snapshot; NULL when none does
///     $action   TINYINT  a `RowAction`
///     values             the new row: all columns of the table, in order, cast to their types; absent for
///                        changes that only delete. NULLs, or the old values, where the action is no insert
///     RETURNING          as the user named them
///
/// What is left to whoever applies it:
/// - `mayRepeatRows`: the same `$row` may come more than once. DELETE and UPDATE count the first and leave out
///   the others, from RETURNING too (PostgreSQL takes any one); MERGE and DO UPDATE fail on the second row whose
///   action is not `nothing`.
/// - `conflict`: new rows that agree with one another on a key.
/// - NOT NULL, CHECK, keys and foreign keys of the new rows, foreign keys to the rows that go.
public struct BoundChange: Sendable {
  /// Which statement it is.
  public enum Kind: Sendable, Hashable {
    case update, delete, merge, upsert
  }

  public var table: TableDefinition
  public var kind: Kind
  public var source: BoundQuery
  /// Whether `source` has the columns of new rows; false for DELETE and for MERGE that only deletes.
  public var hasValues: Bool
  public var mayRepeatRows: Bool
  /// For `.upsert`.
  public var conflict: BoundConflict?

  /// All parts; see the properties.
  public init(
    table: TableDefinition, kind: Kind, source: BoundQuery, hasValues: Bool, mayRepeatRows: Bool,
    conflict: BoundConflict? = nil
  ) {
    self.table = table
    self.kind = kind
    self.source = source
    self.hasValues = hasValues
    self.mayRepeatRows = mayRepeatRows
    self.conflict = conflict
  }

  /// Position of `$row` among `source.columns`.
  public static let row = 0
  /// Position of `$action`.
  public static let action = 1

  /// Positions of the new values, one for each column of the table; empty without `hasValues`.
  public var values: Range<Int> { 2..<2 + (hasValues ? table.columns.count : 0) }
  /// Positions of the columns that RETURNING gives out; empty without it.
  public var returning: Range<Int> { values.upperBound..<source.columns.count }
}

/// What INSERT … ON CONFLICT does with new rows that agree with each other; those that agree with rows of the
/// table have been dealt with in the query.
public struct BoundConflict: Sendable, Hashable {
  /// Positions among the table's columns of each key that counts. A NULL in a key never conflicts.
  public var keys: [[Int]]
  /// DO NOTHING: of rows that agree on one of `keys`, the first stays. Otherwise, DO UPDATE: a second row with
  /// the same key is an error, as a second change of the same old row is.
  public var keepsFirst: Bool

  /// The keys that rows may meet.
  public init(keys: [[Int]], keepsFirst: Bool) {
    self.keys = keys
    self.keepsFirst = keepsFirst
  }
}

/// ALTER TABLE: the whole new definition, of the same id, for `CatalogEdit.alterTable`.
public struct BoundAlterTable: Sendable {
  public var table: TableDefinition
  /// False when there is nothing to do: IF EXISTS without the table, IF NOT EXISTS with the column.
  public var isNeeded: Bool
  /// What must hold of the rows there; to be looked at in the transaction, after the catalog has changed.
  public var requirements: [BoundRequirement]

  /// The new definition, and what must hold for it.
  public init(
    table: TableDefinition, isNeeded: Bool = true, requirements: [BoundRequirement] = []
  ) {
    self.table = table
    self.isNeeded = isNeeded
    self.requirements = requirements
  }
}

/// A query that must have no rows; it stops at the first.
public struct BoundRequirement: Sendable {
  public var query: BoundQuery
  /// What to throw when it has a row; the columns of that row tell which values are in the way.
  public var failure: StoaError

  /// A query that must give no rows, and what is wrong when it does.
  public init(query: BoundQuery, failure: StoaError) {
    self.query = query
    self.failure = failure
  }
}
