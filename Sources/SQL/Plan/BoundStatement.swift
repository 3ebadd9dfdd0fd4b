import Catalog
import Kernels
import Vectors

/// A statement whose names are looked up and whose expressions have types.
public indirect enum BoundStatement: Sendable {
  case query(BoundQuery)
  case createTable(BoundCreateTable)
  /// Changes of the catalog and of nothing else.
  case define(BoundDefinition)
  case insert(BoundInsert)
  /// DELETE, UPDATE, MERGE and INSERT … ON CONFLICT.
  case change(BoundChange)
  /// Tables to empty, each once, and sequences that begin anew.
  case truncate([TableDefinition], restarting: [SequenceDefinition])
  case alterTable(BoundAlterTable)
  case copyFrom(BoundCopyFrom)
  case copyTo(BoundCopyTo)
  case explain(isAnalyze: Bool, BoundStatement)
  case showTables
  case showVersions
  case describe(BoundDescribe)
  case checkpoint
  /// `values` are as written; more than one for `SET name TO a, b`.
  case set(name: String, values: [String], position: Range<Int>)
  /// `nil` for all.
  case reset(name: String?, position: Range<Int>)
  /// `nil` for all.
  case showSetting(name: String?, position: Range<Int>)
  case begin(isReadOnly: Bool)
  case commit
  case rollback
  /// Names of savepoints are in lower case.
  case savepoint(String)
  case rollbackTo(String)
  case release(String)
  /// `nil` for all tables.
  case compact(TableDefinition?)
  /// `nil` for the whole warehouse.
  case verify(TableDefinition?, isDeep: Bool)
}

/// A query with the names of its result columns (which need not be unique).
public struct BoundQuery: Sendable {
  public var plan: LogicalPlan
  /// Result columns in order: ids among `plan.columns`, names as the user shall see them.
  public var columns: [PlanColumn]
  /// Numbers given out so far; rules go on from here.
  public var numbers: PlanNumbers
  /// Type of each parameter, by index.
  public var parameters: [LogicalType]

  /// A bound query; `numbers` are those after the last one in `plan`.
  public init(
    plan: LogicalPlan, columns: [PlanColumn], numbers: PlanNumbers, parameters: [LogicalType]
  ) {
    self.plan = plan
    self.columns = columns
    self.numbers = numbers
    self.parameters = parameters
  }
}

/// CREATE TABLE: a definition without an id (`table.id` is 0).
public struct BoundCreateTable: Sendable {
  public var table: TableDefinition
  /// Sequences for columns of the table, without ids.
  public var sequences: [SequenceDefinition] = []
  /// False when the table exists and IF NOT EXISTS was said: nothing to do.
  public var isNeeded: Bool
  /// CREATE OR REPLACE: drop this one first.
  public var replaced: TableID?
  /// Rows of CREATE TABLE … AS, of the columns' types.
  public var source: BoundQuery?

  /// A table to be made, by default empty and where there is none.
  public init(
    table: TableDefinition, isNeeded: Bool = true, replaced: TableID? = nil,
    source: BoundQuery? = nil
  ) {
    self.table = table
    self.isNeeded = isNeeded
    self.replaced = replaced
    self.source = source
  }
}

/// What CREATE, DROP, ALTER and COMMENT change in the catalog, in order.
public struct BoundDefinition: Sendable {
  /// What it is about, for the list of versions.
  public enum Kind: Sendable {
    case dropTable, create, drop
  }

  /// What it is about.
  public var kind: Kind
  /// To be applied in this order; none when there is nothing to do.
  public var edits: [CatalogEdit]
  /// Something to tell the user, such as that there was nothing to do.
  public var notice: String?

  /// Edits of the catalog and what to say of them.
  public init(_ kind: Kind, _ edits: [CatalogEdit], notice: String? = nil) {
    self.kind = kind
    self.edits = edits
    self.notice = notice
  }
}

/// Where COPY reads or writes.
public enum CopyPlace: Sendable, Hashable {
  case files([String])
  /// Standard input or output.
  case standard
}

/// One option of COPY: name in lower case; `values` has none for a bare word, several for a list.
public struct CopyOption: Sendable, Hashable {
  public var name: String
  public var values: [String]
  public var position: Range<Int>

  /// An option as written.
  public init(name: String, values: [String], position: Range<Int>) {
    self.name = name
    self.values = values
    self.position = position
  }
}

/// COPY t FROM.
public struct BoundCopyFrom: Sendable {
  public var table: TableDefinition
  /// Positions among `table.columns` of the file's columns, in order, when the statement lists them.
  public var columns: [Int]?
  public var place: CopyPlace
  public var options: [CopyOption]
  public var placePosition: Range<Int>

  /// Rows of files, or of standard input, for a table.
  public init(
    table: TableDefinition, columns: [Int]?, place: CopyPlace, options: [CopyOption],
    placePosition: Range<Int>
  ) {
    self.table = table
    self.columns = columns
    self.place = place
    self.options = options
    self.placePosition = placePosition
  }
}

/// COPY … TO.
public struct BoundCopyTo: Sendable {
  public var source: BoundQuery
  public var place: CopyPlace
  public var options: [CopyOption]
  public var placePosition: Range<Int>

  /// Rows of a query for a file, or standard output.
  public init(
    source: BoundQuery, place: CopyPlace, options: [CopyOption], placePosition: Range<Int>
  ) {
    self.source = source
    self.place = place
    self.options = options
    self.placePosition = placePosition
  }
}

/// DESCRIBE.
public enum BoundDescribe: Sendable {
  case table(TableDefinition)
  case query([PlanColumn])
}
