import Catalog
import Executor
import Ingest
import SQL
import Storage

/// INSERT, UPDATE, DELETE, MERGE, TRUNCATE, ALTER TABLE inside a transaction.
extension Session {
  /// INSERT, and the rows of CREATE TABLE … AS.
  func insert(
    _ insert: BoundInsert, _ transaction: WriteTransaction, _ parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    let loader = try makeLoader(into: insert.table, transaction)
    if let literals = insert.literals {
      try loader.append(literals)
      return QueryResult(rowsChanged: try loader.finish().rowCount)
    }
    let stream = try stream(insert.source, snapshot: transaction.view, parameters: parameters)
    var returned: [Batch] = []
    while let batch = try stream.next() {
      let values = Batch(
        columns: insert.values.map { batch.columns[$0] }, rowCount: batch.rowCount)
      try loader.append(values)
      if !insert.returning.isEmpty {
        returned.append(
          Batch(columns: insert.returning.map { batch.columns[$0] }, rowCount: batch.rowCount))
      }
    }
    let summary = try loader.finish()
    return Session.changes(
      summary.rowCount, returned, insert.returning.map { insert.source.columns[$0] })
  }

  /// UPDATE, DELETE, MERGE, INSERT … ON CONFLICT.
  func apply(
    _ change: BoundChange, _ transaction: WriteTransaction, _ parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    let view = transaction.view
    let stream = try stream(change.source, snapshot: view, parameters: parameters)
    let changer = try TableChanger(
      change, view: view, transaction: transaction, options: loadOptions)
    var returned: [Batch] = []
    while let batch = try stream.next() {
      let kept = try changer.append(batch)
      guard !change.returning.isEmpty, !kept.isEmpty else { continue }
      let columns = Batch(
        columns: change.returning.map { batch.columns[$0] }, rowCount: batch.rowCount)
      returned.append(
        kept.withUnsafeBufferPointer { rows in
          rows.baseAddress.map { columns.gather($0, count: rows.count) } ?? columns.slice(0..<0)
        })
    }
    try changer.finish()
    return Session.changes(
      changer.changedCount, returned, change.returning.map { change.source.columns[$0] })
  }

  private static func changes(
    _ count: Int, _ returned: [Batch], _ columns: [PlanColumn]
  ) -> QueryResult {
    guard !columns.isEmpty else { return QueryResult(rowsChanged: count) }
    return QueryResult(
      columns: columns.map { ResultColumn(name: $0.name, type: $0.type) },
      batches: returned.filter { $0.rowCount > 0 }, rowsChanged: count)
  }

  /// TRUNCATE: the tables lose all segments and memtables.
  func truncate(
    _ tables: [TableDefinition], _ transaction: WriteTransaction
  ) throws(StoaError) -> QueryResult {
    let emptied = Set(tables.map(\.id))
    let view = transaction.view
    for table in tables {
      for other in transaction.catalog.sortedTables
      where !emptied.contains(other.id)
        && other.foreignKeys.contains(where: { $0.referencedTable == table.id })
        && !view.contents(of: other.id).isEmpty
      {
        throw StoaError(
          .constraint, "rows of \"\(other.name)\" refer to \"\(table.name)\"",
          hint: "TRUNCATE both in one statement, or delete those rows first", table: table.name)
      }
    }
    requireNoReferrers(of: emptied, transaction)
    var count = 0
    for table in tables {
      let contents = view.contents(of: table.id)
      count += contents.rowCount
      for source in 0..<contents.sourceCount {
        try transaction.remove(contents.id(ofSource: source), from: table.id)
      }
    }
    return QueryResult(rowsChanged: count)
  }

  /// Rows that others add meanwhile may refer to what TRUNCATE took away.
  private func requireNoReferrers(of emptied: Set<TableID>, _ transaction: WriteTransaction) {
    transaction.addValidator { (view: CommitView) throws(StoaError) in
      for other in view.newest.catalog.sortedTables {
        let refers = other.foreignKeys.contains { emptied.contains($0.referencedTable) }
        guard refers, !view.newest.contents(of: other.id).isEmpty else { continue }
        throw StoaError(
          .busy,
          "another transaction added rows to \"\(other.name)\", which refers to a truncated table",
          hint: "Nothing of this transaction was committed; run it again", table: other.name)
      }
    }
  }

  /// Rows found to have what new foreign keys refer to may lose it as long as this is not committed.
  private func requireTargets(
    of table: TableDefinition, known: [ForeignKeyDefinition], _ transaction: WriteTransaction
  ) {
    let targets = Set(table.foreignKeys.filter { !known.contains($0) }.map(\.referencedTable))
    guard !targets.isEmpty else { return }
    transaction.addValidator { (view: CommitView) throws(StoaError) in
      guard !targets.allSatisfy(view.keepsRows) else { return }
      throw StoaError(
        .busy,
        "another transaction changed rows that \"\(table.name)\" may refer to during ALTER TABLE",
        hint: "Nothing of this transaction was committed; run it again", table: table.name)
    }
  }

  /// What was looked for in the rows holds only as long as nobody else changes them.
  private func requireUnchanged(_ table: TableDefinition, _ transaction: WriteTransaction) {
    transaction.addValidator { (view: CommitView) throws(StoaError) in
      guard !view.isUnchanged(table.id) else { return }
      throw StoaError(
        .busy, "another transaction changed rows of \"\(table.name)\" during ALTER TABLE",
        hint: "Nothing of this transaction was committed; run it again", table: table.name)
    }
  }

  /// ALTER TABLE: the definition changes, and what the new one requires is looked for in the rows.
  func alter(
    _ change: BoundAlterTable, _ transaction: WriteTransaction, _ parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    guard change.isNeeded else { return QueryResult() }
    let known = transaction.catalog.table(change.table.id)?.foreignKeys ?? []
    try transaction.apply(.alterTable(change.table))
    requireTargets(of: change.table, known: known, transaction)
    if !change.requirements.isEmpty { requireUnchanged(change.table, transaction) }
    for requirement in change.requirements {
      let stream = try stream(
        requirement.query, snapshot: transaction.view, parameters: parameters)
      while let batch = try stream.next() {
        guard batch.rowCount > 0 else { continue }
        let values = zip(requirement.query.columns, batch.columns).map { column, vector in
          "\(column.name) = \(LiteralText.text(vector.value(at: 0), column.type))"
        }
        var failure = requirement.failure
        failure.message += ", for one where " + values.joined(separator: ", ")
        throw failure
      }
    }
    return QueryResult()
  }
}
