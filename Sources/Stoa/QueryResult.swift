import Executor

/// What a statement gave: rows that are computed while they are read, or the count of rows it changed.
/// Belongs to one thread. Dropping it ends the query.
public final class QueryResult {
  /// What a statement can give.
  public enum Kind: Sendable {
    /// Rows of a query.
    case rows
    /// Lines of EXPLAIN, one text per row.
    case plan
    /// No rows: a definition, a load, a setting.
    case none
  }

  /// What this statement gave.
  public let kind: Kind
  /// Empty when the statement gives no rows.
  public let columns: [ResultColumn]
  /// Rows inserted, changed, deleted or written; `nil` for statements that change none.
  public let rowsChanged: Int?
  /// What the user should know, a line each; never part of the rows.
  public let notices: [String]
  /// What a COPY … FROM did; `nil` for other statements.
  public let loadSummary: LoadSummary?

  private let stream: ResultStream?
  /// What fails with the query.
  private let transaction: OpenTransaction?
  private var batches: ArraySlice<Batch>
  private var current: (batch: Batch, row: Int)?

  init(
    _ stream: ResultStream, columns: [ResultColumn], notices: [String] = [],
    in transaction: OpenTransaction? = nil
  ) {
    kind = .rows
    self.transaction = transaction
    self.columns = columns
    self.stream = stream
    rowsChanged = nil
    self.notices = notices
    loadSummary = nil
    batches = []
  }

  init(
    kind: Kind = .rows, columns: [ResultColumn], batches: [Batch], rowsChanged: Int? = nil
  ) {
    self.kind = kind
    self.columns = columns
    stream = nil
    transaction = nil
    self.rowsChanged = rowsChanged
    notices = []
    loadSummary = nil
    self.batches = batches[...]
  }

  /// The rows of `other`, which nobody has begun to read, with something to say about them.
  init(_ other: QueryResult, notices: [String]) {
    kind = other.kind
    columns = other.columns
    stream = other.stream
    transaction = other.transaction
    rowsChanged = other.rowsChanged
    self.notices = other.notices + notices
    loadSummary = other.loadSummary
    batches = other.batches
  }

  /// A statement without rows.
  init(rowsChanged: Int? = nil, notices: [String] = [], loadSummary: LoadSummary? = nil) {
    self.loadSummary = loadSummary
    kind = .none
    columns = []
    stream = nil
    transaction = nil
    self.rowsChanged = rowsChanged
    self.notices = notices
    batches = []
  }

  /// The next rows as one vector per column, never empty; `nil` at the end.
  /// - Throws: what the query runs into, and `.cancelled` after `Session.cancel`.
  public func next() throws(StoaError) -> Batch? {
    guard let stream else { return batches.popFirst() }
    do throws(StoaError) {
      return try stream.next()
    } catch {
      transaction?.failure = error
      throw error
    }
  }

  /// The next row; `nil` at the end. Not to be mixed with `next`.
  public func nextRow() throws(StoaError) -> Row? {
    while true {
      if let (batch, row) = current, row < batch.rowCount {
        current = (batch, row + 1)
        return Row(columns: columns, batch: batch, row: row)
      }
      guard let batch = try next() else {
        current = nil
        return nil
      }
      current = (batch, 0)
    }
  }

  /// All remaining rows; for small results.
  public func allRows() throws(StoaError) -> [Row] {
    var rows: [Row] = []
    while let row = try nextRow() { rows.append(row) }
    return rows
  }

  /// Reads to the end, for what reading brings about (an error, a time).
  public func drain() throws(StoaError) {
    while try next() != nil {}
  }
}
