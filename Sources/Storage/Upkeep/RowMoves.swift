import Catalog
import Vectors

/// Follows rows from the state that a transaction began with to the newest one, through the moves of flush and
/// compaction in between. Moves of other processes are not known here; then nothing is claimed.
struct RowMoves: Sendable {
  /// In the order of their commits, as far as they are still kept.
  let moves: [RowMove]

  /// What became of a table's rows.
  struct Fate {
    /// Every row is known to be there still, perhaps elsewhere.
    var keepsRows = true
    /// There may be rows that were not there before.
    var hasMore = false

    /// Whether the table has exactly the rows it had.
    var isUnchanged: Bool { keepsRows && !hasMore }
  }

  private func moves(of table: TableID, after base: StoreState) -> [RowMove] {
    moves.filter { $0.table == table && $0.commit > base.commit }
  }

  // MARK: Rows by their places

  /// Where rows of `base` are that are not where they were.
  /// - Returns: `nil` when their way is not known; otherwise fewer rows than given when some were deleted on it.
  func places(
    of rows: [SegmentID: DeleteVector], in table: TableID, base: StoreState, newest: StoreState
  ) -> [SegmentID: DeleteVector]? {
    var left = rows
    for move in moves(of: table, after: base) {
      var moved: [SegmentID: DeleteVector] = [:]
      for id in move.inputs.keys { moved[id] = left.removeValue(forKey: id) }
      guard !moved.isEmpty else { continue }
      left.merge(move.newPlaces(of: moved)) { $0.union($1) }
    }
    return left.keys.allSatisfy { newest.rowCount(of: $0, in: table) != nil } ? left : nil
  }

  // MARK: Whole tables

  private struct Tracked {
    let rowCount: Int
    let deleted: DeleteVector
  }

  /// What became of the rows that `base` has in a table.
  func fate(of table: TableID, base: StoreState, newest: StoreState) -> Fate {
    var fate = Fate()
    var tracked: [SegmentID: Tracked] = [:]
    let deletes = base.deletes[table] ?? [:]
    for (id, rowCount) in base.sources(of: table) {
      tracked[id] = Tracked(rowCount: rowCount, deleted: deletes[id] ?? DeleteVector())
    }
    for move in moves(of: table, after: base) { follow(move, &tracked, &fate) }
    let now = newest.deletes[table] ?? [:]
    for (id, rowCount) in newest.sources(of: table) {
      guard let known = tracked.removeValue(forKey: id) else {
        if rowCount > now[id]?.count ?? 0 { fate.hasMore = true }
        continue
      }
      if rowCount > known.rowCount { fate.hasMore = true }
      if lost(now[id], known) != nil { fate.keepsRows = false }
    }
    // What is gone and not known to have moved.
    if tracked.values.contains(where: { $0.rowCount > $0.deleted.count }) { fate.keepsRows = false }
    return fate
  }

  private func follow(
    _ move: RowMove, _ tracked: inout [SegmentID: Tracked], _ fate: inout Fate
  ) {
    var late: [SegmentID: DeleteVector] = [:]
    for (id, input) in move.inputs {
      guard let known = tracked.removeValue(forKey: id) else {
        if input.rowCount > input.deleted.count { fate.hasMore = true }
        continue
      }
      if input.rowCount > known.rowCount { fate.hasMore = true }
      if lost(input.deleted, known) != nil { fate.keepsRows = false }
      // Deleted after the job had begun, and before the transaction did.
      let carried = DeleteVector(known.deleted.rows.subtracting(input.deleted.rows))
      if !carried.isEmpty { late[id] = carried }
    }
    let places = move.newPlaces(of: late)
    for output in move.outputs {
      tracked[output.id] = Tracked(
        rowCount: output.rowCount, deleted: places[output.id] ?? DeleteVector())
    }
  }

  /// Known rows that are deleted in `now` and were not; `nil` when there are none.
  private func lost(_ now: DeleteVector?, _ known: Tracked) -> DeleteVector? {
    guard let now else { return nil }
    var gone = now.rows.subtracting(known.deleted.rows)
    if (now.last ?? -1) >= known.rowCount {
      var before: [Int] = []
      gone.forEach { if $0 < known.rowCount { before.append($0) } }
      gone = DeleteVector(positions: before).rows
    }
    return gone.isEmpty ? nil : DeleteVector(gone)
  }
}

extension StoreState {
  /// Segments and memtables of a table that have rows, deleted ones included.
  func sources(of table: TableID) -> [(id: SegmentID, rowCount: Int)] {
    let inSegments = (segments[table] ?? []).map { ($0.id, Int(clamping: $0.rowCount)) }
    let inMemory = (memtables[table] ?? []).map { ($0.id, $0.rowCount) }
    return (inSegments + inMemory).filter { $0.1 > 0 }
  }
}

// Moves are kept while somebody may ask for them.
extension TableStore {
  /// Keeps a move for transactions that began before it; without room in the budget it is forgotten, and rows are
  /// looked for by their values.
  func keep(_ move: RowMove, _ inner: inout Inner) {
    let limit = budget.limit / 16
    var byteCount = inner.moves.reduce(move.map.byteCount) { $0 + $1.reservation.byteCount }
    while byteCount > limit, let oldest = inner.moves.first {
      byteCount -= oldest.reservation.byteCount
      inner.moves.removeFirst()
    }
    guard byteCount <= limit, move.reservation.tryResize(to: move.map.byteCount) else { return }
    inner.moves.append(move)
  }

  /// Forgets moves that no transaction, open or to come, began before.
  func dropMoves(_ inner: inout Inner) {
    guard !inner.moves.isEmpty else { return }
    let oldest = min(inner.state.commit, inner.openCommits.keys.min() ?? .max)
    inner.moves.removeAll { $0.commit <= oldest }
  }
}
