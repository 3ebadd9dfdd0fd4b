import Catalog
import Ingest
import Kernels
import Storage

/// Adds many rows to one table from a program, without SQL. Rows become visible and durable together, at `commit`
/// or `close`; dropping the appender adds nothing of what came since. Inside a transaction of the session
/// they become part of it instead. While an appender has rows, it holds the write lock.
///
///     let appender = try session.makeAppender(for: "sales")
///     for sale in sales { try appender.append([.integer(sale.id), .string(sale.product)]) }
///     try appender.close()
public final class Appender {
  /// Columns of the table, in order, without generated ones.
  public let columns: [ResultColumn]
  private let session: Session
  private let table: String
  private let id: TableID
  /// Generated columns, by position.
  private let generated: [(index: Int, type: LogicalType)]
  private var collector: RowCollector
  private var open: (transaction: WriteTransaction, loader: TableLoader, isOwn: Bool)?
  private var rowCount = 0
  private var isClosed = false

  init(session: Session, table: TableDefinition) {
    self.session = session
    self.table = table.name
    id = table.id
    generated = table.columns.enumerated().compactMap { index, column in
      column.generatedText == nil ? nil : (index, column.type)
    }
    let columns = table.columns.filter { $0.generatedText == nil }.map {
      ResultColumn(name: $0.name, type: $0.type)
    }
    self.columns = columns
    collector = RowCollector(columns: columns, table: table.name)
  }

  deinit { abandon() }

  private func abandon() {
    if let open, open.isOwn { open.transaction.rollback() }
    open = nil
  }

  /// Adds one row, a value per column in the table's order. Texts are cast to the column's type; an integer for
  /// a DECIMAL column counts whole units.
  /// - Throws: `.usage` for a wrong number of values, `.evaluation` for one that does not fit; the appender then goes
  ///   on without that row.
  public func append(_ row: [Value]) throws(StoaError) {
    guard !isClosed else { throw StoaError(.usage, "the appender is closed") }
    guard row.count == columns.count else {
      throw StoaError(
        .usage, "a row of \(row.count) values for \(columns.count) columns", table: table)
    }
    try TimeZone.withCurrent(session.settings.timeZone) { () throws(StoaError) in
      try collector.append(row)
    }
    if collector.rowCount >= Batch.defaultCapacity { try flushRows() }
  }

  /// Adds whole batches: one vector per column, of the column's type or one that can be cast to it.
  public func append(_ batch: Batch) throws(StoaError) {
    guard !isClosed else { throw StoaError(.usage, "the appender is closed") }
    guard batch.columns.count == columns.count else {
      throw StoaError(
        .usage, "a batch of \(batch.columns.count) columns for \(columns.count)", table: table)
    }
    try flushRows()
    try give(batch)
  }

  /// Checks keys and commits the rows added so far; more can follow.
  /// - Returns: rows added since the commit before.
  /// - Throws: `.constraint` for rows that break keys, after which none of them is added and the appender is closed.
  @discardableResult
  public func commit() throws(StoaError) -> Int {
    guard !isClosed else { throw StoaError(.usage, "the appender is closed") }
    do throws(StoaError) {
      try flushRows()
      guard let (transaction, loader, isOwn) = open else { return 0 }
      _ = try loader.finish()
      if isOwn { try transaction.commit() }
      open = nil
      defer { rowCount = 0 }
      return rowCount
    } catch {
      abandon()
      isClosed = true
      throw error
    }
  }

  /// Commits and ends the appender.
  /// - Returns: rows added since the last commit.
  @discardableResult
  public func close() throws(StoaError) -> Int {
    let count = try commit()
    isClosed = true
    return count
  }

  /// The loader takes all columns; what is in generated ones does not matter.
  private func withGenerated(_ batch: Batch) -> Batch {
    guard !generated.isEmpty else { return batch }
    var columns = batch.columns
    for (index, type) in generated {
      columns.insert(Vector(constant: .null, type: type, count: batch.rowCount), at: index)
    }
    return Batch(columns: columns, rowCount: batch.rowCount)
  }

  private func flushRows() throws(StoaError) {
    if collector.rowCount > 0 { try give(collector.take()) }
  }

  private func give(_ batch: Batch) throws(StoaError) {
    do throws(StoaError) {
      if open == nil { open = try session.beginLoad(into: id) }
      try TimeZone.withCurrent(session.settings.timeZone) { () throws(StoaError) in
        try open?.loader.append(withGenerated(batch))
      }
      rowCount += batch.rowCount
    } catch {
      abandon()
      isClosed = true
      throw error
    }
  }
}

extension Session {
  /// An appender for the table, written `table` or `schema.table`.
  /// - Throws: `.binding` when there is no such table.
  public func makeAppender(for table: String) throws(StoaError) -> Appender {
    let catalog = try currentSnapshot().catalog
    guard let definition = catalog.table(written: table, searchPath: settings.searchPath) else {
      throw StoaError(.binding, "there is no table \"\(table)\"")
    }
    return Appender(session: self, table: definition)
  }

  fileprivate func beginLoad(
    into table: TableID
  ) throws(StoaError) -> (transaction: WriteTransaction, loader: TableLoader, isOwn: Bool) {
    cancellation.reset()
    let isOwn = openTransaction == nil
    let transaction: WriteTransaction
    if let openTransaction {
      transaction = openTransaction.changes
    } else {
      transaction = try warehouse.store.beginWrite(
        timeoutMilliseconds: settings.lockTimeoutMilliseconds)
      transaction.isSynchronous = settings.isSynchronous
    }
    do throws(StoaError) {
      guard let definition = transaction.catalog.table(table) else {
        throw StoaError(.binding, "the table was dropped")
      }
      transaction.kinds.formUnion(.load)
      return (transaction, try makeLoader(into: definition, transaction), isOwn)
    } catch {
      if isOwn { transaction.rollback() }
      throw error
    }
  }
}
