import Catalog
import Vectors

/// Whether what others committed since a transaction began contradicts what it did: the first to commit wins. Rows that
/// flush or compaction moved meanwhile contradict nothing: their deletes are carried over to where they are now.
struct CommitConflicts {
  let base: Snapshot
  let own: StoreState
  let newest: Snapshot
  let moves: RowMoves

  /// What the transaction takes out of the newest state, table by table, with rows at the places they have there.
  /// - Throws: `.busy` naming the table.
  func resolve(_ tables: Set<TableID>) throws(StoaError) -> [TableID: RemovedRows] {
    var resolved: [TableID: RemovedRows] = [:]
    for table in tables.sorted() {
      guard let before = base.state.catalog.table(table) else { continue }
      guard newest.state.catalog.table(table) == before else {
        throw CommitConflicts.conflict("the definition of", before)
      }
      let difference = CommitDifference(base: base.state, own: own, ownMemtables: [:])
      let removed = difference.removedRows(table)
      if removed.isEmpty { continue }
      try requireNoNewReferences(to: before)
      resolved[table] = RemovedRows(
        sources: try sources(removed.sources, before), rows: try places(of: removed.rows, before))
    }
    return resolved
  }

  /// Who takes rows away looked for others that refer to them through the foreign keys of its own catalog.
  private func requireNoNewReferences(to table: TableDefinition) throws(StoaError) {
    for other in newest.state.catalog.sortedTables {
      let known = base.state.catalog.table(other.id)?.foreignKeys ?? []
      for key in other.foreignKeys where key.referencedTable == table.id {
        let isKnown = known.contains {
          $0.columns == key.columns && $0.referencedTable == key.referencedTable
            && $0.referencedColumns == key.referencedColumns
        }
        if !isKnown { throw CommitConflicts.conflict("what refers to rows of", table) }
      }
    }
  }

  /// Whole segments and memtables: nobody may have changed any row of the table since.
  private func sources(
    _ removed: [SegmentID], _ table: TableDefinition
  ) throws(StoaError) -> [SegmentID] {
    guard !removed.isEmpty else { return [] }
    let fate = moves.fate(of: table.id, base: base.state, newest: newest.state)
    let isGone = removed.contains { newest.state.rowCount(of: $0, in: table.id) == nil }
    guard fate.isUnchanged else { throw CommitConflicts.conflict("rows of", table) }
    guard isGone else { return removed }
    // Moved ones stand for themselves only when all go.
    let left = Set(base.state.sources(of: table.id).map(\.id)).subtracting(removed)
    guard left.isEmpty else { throw CommitConflicts.conflict("the place of rows of", table) }
    return (newest.state.segments[table.id] ?? []).map(\.id)
      + (newest.state.memtables[table.id] ?? []).map(\.id)
  }

  private func places(
    of rows: [SegmentID: DeleteVector], _ table: TableDefinition
  ) throws(StoaError) -> [SegmentID: DeleteVector] {
    var there: [SegmentID: DeleteVector] = [:]
    var moved: [SegmentID: DeleteVector] = [:]
    for (id, deleted) in rows {
      if newest.state.rowCount(of: id, in: table.id) == nil {
        moved[id] = deleted
      } else {
        there[id] = deleted
      }
    }
    let before = base.state.deletes[table.id] ?? [:]
    let now = newest.state.deletes[table.id] ?? [:]
    for (id, deleted) in there {
      guard let gone = now[id], gone.count != before[id]?.count ?? 0 else { continue }
      if gone.intersects(deleted) { throw CommitConflicts.conflict("the same rows of", table) }
    }
    if moved.isEmpty { return there }
    let found = try places(ofMoved: moved, table)
    for (id, deleted) in found where now[id]?.intersects(deleted) == true {
      throw CommitConflicts.conflict("the same rows of", table)
    }
    guard found.rowCount == moved.rowCount else {
      throw CommitConflicts.conflict("the same rows of", table)
    }
    return there.merging(found) { $0.union($1) }
  }

  /// By the maps of the jobs that moved them; by their values when another process did, or the maps are gone.
  private func places(
    ofMoved rows: [SegmentID: DeleteVector], _ table: TableDefinition
  ) throws(StoaError) -> [SegmentID: DeleteVector] {
    if let places = moves.places(
      of: rows, in: table.id, base: base.state, newest: newest.state)
    {
      return places
    }
    return try MovedRowFinder(table, base: base, newest: newest).find(rows)
  }

  static func conflict(_ what: String, _ table: TableDefinition) -> StoaError {
    StoaError(
      .busy, "another transaction changed \(what) \"\(table.name)\" and committed first",
      hint: "Nothing of this transaction was committed; run it again", table: table.name)
  }
}

/// What a transaction takes out of one table.
struct RemovedRows {
  /// Whole segments and memtables.
  var sources: [SegmentID] = []
  var rows: [SegmentID: DeleteVector] = [:]

  var isEmpty: Bool { sources.isEmpty && rows.isEmpty }
}

extension [SegmentID: DeleteVector] {
  /// Rows of all of them.
  var rowCount: Int { values.reduce(0) { $0 + $1.count } }
}
