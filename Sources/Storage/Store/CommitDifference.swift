import Catalog
import Vectors

/// What a transaction changed: the state it made against the state it began with.
struct CommitDifference {
  let base: StoreState
  let own: StoreState
  let ownMemtables: [TableID: SegmentID]

  /// - Parameter active: the memtable that new rows of a table go to.
  func edits(
    catalog: [CatalogEdit], tables: Set<TableID>, active: (TableID) -> SegmentID
  ) -> [LogEdit] {
    var edits = catalog.map { LogEdit.catalog($0) }
    for table in tables.sorted() where own.catalog.table(table) != nil {
      edits += removed(table).map { .removeSegment(table, $0) }
      edits += added(table).map { .addSegment($0) }
      edits += deleted(table)
      let blocks = inserted(table)
      if !blocks.isEmpty {
        let memtable = active(table)
        edits += blocks.map { .insertRows(table, memtable: memtable, $0) }
      }
    }
    return edits
  }

  private func ids(_ state: StoreState, _ table: TableID) -> [SegmentID] {
    (state.segments[table] ?? []).map(\.id) + (state.memtables[table] ?? []).map(\.id)
  }

  /// Segments and memtables of the base that are gone.
  func removed(_ table: TableID) -> [SegmentID] {
    let left = Set(ids(own, table))
    return ids(base, table).filter { !left.contains($0) }
  }

  private func added(_ table: TableID) -> [SegmentDescription] {
    let known = Set((base.segments[table] ?? []).map(\.id))
    return (own.segments[table] ?? []).filter { !known.contains($0.id) }
  }

  private func deleted(_ table: TableID) -> [LogEdit] {
    let now = own.deletes[table] ?? [:]
    return now.keys.sorted().compactMap { id in
      guard id != ownMemtables[table], let deleted = new(table, id) else { return nil }
      return .deleteRows(table, id, deleted)
    }
  }

  /// What this transaction deleted of one segment or memtable; `nil` when nothing.
  func new(_ table: TableID, _ id: SegmentID) -> DeleteVector? {
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

/// Whether what others committed since a transaction began contradicts what it did. The first to commit wins.
struct CommitConflicts {
  let base: StoreState
  let own: StoreState
  let newest: StoreState

  /// - Throws: `.busy` naming the table.
  func check(_ tables: Set<TableID>) throws(StoaError) {
    for table in tables.sorted() {
      guard let before = base.catalog.table(table) else { continue }
      guard newest.catalog.table(table) == before else {
        throw conflict("the definition of", before)
      }
      let difference = CommitDifference(base: base, own: own, ownMemtables: [:])
      if !difference.removed(table).isEmpty, !isUntouched(table) {
        throw conflict("rows of", before)
      }
      for id in (base.deletes[table] ?? [:]).keys.union(own.deletes[table] ?? [:]) {
        guard base.rowCount(of: id, in: table) != nil, let deleted = difference.new(table, id)
        else { continue }
        guard newest.rowCount(of: id, in: table) != nil else {
          throw conflict("the place of rows of", before)
        }
        let since = (newest.deletes[table]?[id]).map { now in
          base.deletes[table]?[id].map { DeleteVector(now.rows.subtracting($0.rows)) } ?? now
        }
        if let since, since.intersects(deleted) { throw conflict("the same rows of", before) }
      }
    }
  }

  /// Whether nobody changed any row of the table since.
  private func isUntouched(_ table: TableID) -> Bool {
    base.segments[table] == newest.segments[table]
      && base.deletes[table] == newest.deletes[table]
      && (base.memtables[table] ?? []).map(\.rowCount)
        == (newest.memtables[table] ?? []).map(\.rowCount)
      && (base.memtables[table] ?? []).map(\.id) == (newest.memtables[table] ?? []).map(\.id)
  }

  private func conflict(_ what: String, _ table: TableDefinition) -> StoaError {
    StoaError(
      .busy, "another transaction changed \(what) \"\(table.name)\" and committed first",
      hint: "Nothing of this transaction was committed; run it again", table: table.name)
  }
}

extension Dictionary<SegmentID, DeleteVector>.Keys {
  fileprivate func union(_ other: [SegmentID: DeleteVector]) -> [SegmentID] {
    Set(self).union(other.keys).sorted()
  }
}
