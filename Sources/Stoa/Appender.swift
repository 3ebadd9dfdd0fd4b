import Catalog
import Ingest
import Storage

/// Adds many rows to one table from a program, without SQL. Rows become visible together, at `close`; dropping
/// the appender without it adds nothing. While it has rows, it holds the write lock.
///
///     let appender = try session.makeAppender(for: "sales")
///     for sale in sales { try appender.append([.integer(sale.id), .string(sale.product)]) }
///     try appender.close()
public final class Appender {
  /// Columns of the table, in order.
  public let columns: [ResultColumn]
  private let session: Session
  private let table: String
  private var builders: [[Value]] = []
  private var open: (transaction: WriteTransaction, loader: TableLoader)?
  private var rowCount = 0
  private var isClosed = false

  init(session: Session, table: TableDefinition) {
    self.session = session
    self.table = table.name
    columns = table.columns.map { ResultColumn(name: $0.name, type: $0.type) }
  }

  deinit { open?.transaction.rollback() }

  /// Adds one row, a value per column in the table's order. Texts are cast to the column's type; an integer for
  /// a DECIMAL column counts whole units.
  /// - Throws: `.usage` for a wrong number of values, `.evaluation` for one that does not fit.
  public func append(_ row: [Value]) throws(StoaError) {
    guard !isClosed else { throw StoaError(.usage, "the appender is closed") }
    guard row.count == columns.count else {
      throw StoaError(
        .usage, "a row of \(row.count) values for \(columns.count) columns", table: table)
    }
    builders.append(row)
    if builders.count >= Batch.defaultCapacity { try flushRows() }
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

  /// Checks keys, writes everything and commits. The appender is spent.
  /// - Returns: rows added.
  @discardableResult
  public func close() throws(StoaError) -> Int {
    guard !isClosed else { throw StoaError(.usage, "the appender is closed") }
    try flushRows()
    isClosed = true
    guard let (transaction, loader) = open else { return 0 }
    open = nil
    do throws(StoaError) {
      _ = try loader.finish()
      try transaction.commit()
      return rowCount
    } catch {
      transaction.rollback()
      throw error
    }
  }

  private func flushRows() throws(StoaError) {
    guard !builders.isEmpty else { return }
    let rows = builders
    builders.removeAll(keepingCapacity: true)
    var vectors: [Vector] = []
    for (index, column) in columns.enumerated() {
      vectors.append(try Appender.vector(rows, index, column, table: table))
    }
    try give(Batch(columns: vectors, rowCount: rows.count))
  }

  private func give(_ batch: Batch) throws(StoaError) {
    do throws(StoaError) {
      if open == nil { open = try session.beginLoad(into: table) }
      try open?.loader.append(batch)
      rowCount += batch.rowCount
    } catch {
      open?.transaction.rollback()
      open = nil
      isClosed = true
      throw error
    }
  }

  /// The values of one column; each is cast when its own type is another than the column's.
  private static func vector(
    _ rows: [[Value]], _ index: Int, _ column: ResultColumn, table: String
  ) throws(StoaError) -> Vector {
    var builder = VectorBuilder(type: column.type, capacity: rows.count)
    for row in rows {
      do throws(StoaError) {
        builder.append(try ValueConversion.fit(row[index], to: column.type))
      } catch {
        var named = error
        named.column = column.name
        named.table = table
        throw named
      }
    }
    return builder.finish()
  }
}

extension Session {
  /// An appender for the table.
  /// - Throws: `.binding` when there is no such table.
  public func makeAppender(for table: String) throws(StoaError) -> Appender {
    let catalog = try warehouse.store.snapshot().catalog
    guard let definition = catalog.table(named: table) else {
      throw StoaError(.binding, "there is no table \"\(table)\"")
    }
    return Appender(session: self, table: definition)
  }

  fileprivate func beginLoad(
    into table: String
  ) throws(StoaError) -> (transaction: WriteTransaction, loader: TableLoader) {
    cancellation.reset()
    let transaction = try warehouse.store.beginWrite(
      timeoutMilliseconds: settings.lockTimeoutMilliseconds)
    guard let definition = transaction.catalog.table(named: table) else {
      transaction.rollback()
      throw StoaError(.binding, "table \"\(table)\" was dropped")
    }
    do throws(StoaError) {
      return (transaction, try makeLoader(into: definition, transaction))
    } catch {
      transaction.rollback()
      throw error
    }
  }
}
