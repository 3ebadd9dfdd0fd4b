import Catalog
import Vectors

/// What a transaction changed: the state it made against the state it began with.
struct CommitDifference {
  let base: StoreState
  let own: StoreState
  let ownMemtables: [TableID: SegmentID]
  /// Set when others committed since: what goes, at the places where it is now.
  var resolved: [TableID: RemovedRows] = [:]

  /// - Parameter active: the memtable that new rows of a table go to.
  func edits(
    catalog: [CatalogEdit], tables: Set<TableID>, active: (TableID) -> SegmentID
  ) -> [LogEdit] {
    var edits = catalog.map { LogEdit.catalog($0) }
    for table in tables.sorted() where own.catalog.table(table) != nil {
      let removed = resolved[table] ?? removedRows(table)
      edits += removed.sources.map { .removeSegment(table, $0) }
      edits += added(table).map { .addSegment($0) }
      edits += (removed.rows.map { ($0, $1) } + deletedOfOwn(table)).sorted { $0.0 < $1.0 }.map {
        .deleteRows(table, $0, $1)
      }
      let blocks = inserted(table)
      if !blocks.isEmpty {
        let memtable = active(table)
        edits += blocks.map { .insertRows(table, memtable: memtable, $0) }
      }
    }
    return edits
  }

  /// The edits that take rows of others out of a state.
  func removals(_ tables: Set<TableID>) -> [LogEdit] {
    tables.sorted().flatMap { table -> [LogEdit] in
      guard own.catalog.table(table) != nil else { return [] }
      let removed = resolved[table] ?? removedRows(table)
      return removed.sources.map { .removeSegment(table, $0) }
        + removed.rows.keys.sorted().compactMap { id in
          removed.rows[id].map { .deleteRows(table, id, $0) }
        }
    }
  }

  /// What the transaction takes out of a table, by the places that the base has.
  func removedRows(_ table: TableID) -> RemovedRows {
    let left = Set(ids(own, table))
    let committed = ids(base, table)
    var removed = RemovedRows(sources: committed.filter { !left.contains($0) })
    let now = own.deletes[table] ?? [:]
    guard !now.isEmpty else { return removed }
    let known = Set(committed)
    for id in now.keys where known.contains(id) { removed.rows[id] = new(table, id) }
    return removed
  }

  private func ids(_ state: StoreState, _ table: TableID) -> [SegmentID] {
    (state.segments[table] ?? []).map(\.id) + (state.memtables[table] ?? []).map(\.id)
  }

  private func added(_ table: TableID) -> [SegmentDescription] {
    let known = Set((base.segments[table] ?? []).map(\.id))
    return (own.segments[table] ?? []).filter { !known.contains($0.id) }
  }

  /// Rows deleted of segments that are the transaction's own.
  private func deletedOfOwn(_ table: TableID) -> [(SegmentID, DeleteVector)] {
    let now = own.deletes[table] ?? [:]
    guard !now.isEmpty else { return [] }
    return added(table).compactMap { segment in now[segment.id].map { (segment.id, $0) } }
  }

  /// What this transaction deleted of one segment or memtable; `nil` when nothing.
  private func new(_ table: TableID, _ id: SegmentID) -> DeleteVector? {
    guard let now = own.deletes[table]?[id] else { return nil }
    guard let before = base.deletes[table]?[id] else { return now }
    guard before.count != now.count else { return nil }
    return DeleteVector(now.rows.subtracting(before.rows))
  }

  /// Rows of the transaction's own memtable that it has not deleted again, in blocks of its size.
  private func inserted(_ table: TableID) -> [RowBlock] {
    guard let id = ownMemtables[table],
      let memtable = own.memtables[table]?.first(where: { $0.id == id })
    else { return [] }
    var blocks = memtable.blocks
    if let deleted = own.deletes[table]?[id] {
      blocks = zip(blocks, memtable.starts).map { block, start in
        block.gather((0..<block.rowCount).filter { !deleted.contains(start + $0) }.map(UInt32.init))
      }
    }
    return blocks.filter { $0.rowCount > 0 }
  }
}
