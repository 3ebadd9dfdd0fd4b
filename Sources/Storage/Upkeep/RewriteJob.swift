import Catalog
import Encodings
import Vectors

/// One flush or merge from its first row group to its commit.
///
/// Files are read and written without the write lock, of a snapshot whose lease keeps them. The commit takes the lock
/// for a moment: out go the old segments or memtables, in come the new ones, with what was deleted meanwhile carried
/// over to the new positions. Transactions that are open meanwhile find their rows by the same map when they commit. A
/// stop before the commit leaves files that nobody names, which the next writer removes.
final class RewriteJob {
  let plan: UpkeepPlan
  let transaction: WriteTransaction
  /// Ids of the memtables or segments that go.
  let inputs: [SegmentID]
  private let rows: any MovedRows
  private let writer: TableWriter
  private let rowGroupCapacity: Int
  /// Set when all rows are in files and only the commit is left.
  private(set) var isWritten = false

  var table: TableID { plan.table }
  /// New segments, once the job is written.
  var segments: [SegmentDescription] { writer.segments }

  /// - Throws: `.busy` when what was planned is no longer there.
  init(
    _ plan: UpkeepPlan, _ transaction: WriteTransaction, options: UpkeepOptions
  ) throws(StoaError) {
    self.plan = plan
    self.transaction = transaction
    let snapshot = transaction.snapshot
    guard let definition = snapshot.catalog.table(plan.table) else {
      throw StoaError(.busy, "the table was dropped meanwhile")
    }
    let contents = snapshot.contents(of: plan.table)
    var segmentOptions = options.segments
    switch plan.work {
    case .flush(let byteLimit):
      let memtables = RewriteJob.oldest(contents.memtables, byteLimit: byteLimit)
      inputs = memtables.map(\.id)
      rows = try FlushedRows(definition, memtables, deletes: contents.deletes)
    case .merge(let runs):
      let known = Dictionary(
        contents.segments.map { ($0.description.id, $0) }, uniquingKeysWith: { first, _ in first })
      inputs = runs.flatMap { $0 }
      let members = inputs.compactMap { known[$0] }
      guard members.count == inputs.count else {
        throw StoaError(.busy, "segments to be merged are gone")
      }
      segmentOptions.commit = members.map(\.description.commit).max() ?? 0
      let loads = Set(members.map(\.description.load))
      segmentOptions.load = loads.count == 1 ? loads.first ?? 0 : 0
      let groups = try RewriteJob.pieces(contents, Set(inputs))
      rows = try MergedRows(
        definition, runs: runs.map { $0.flatMap { groups[$0] ?? [] } },
        budget: transaction.store.budget, windowRowCount: options.windowRowCount)
    }
    // Segments of one length rather than full ones and a short one.
    let capacity = segmentOptions.rowGroupCapacity
    let groupCount = max(1, (plan.rowCount + capacity - 1) / capacity)
    let segmentCount =
      (groupCount + segmentOptions.rowGroupLimit - 1) / segmentOptions.rowGroupLimit
    segmentOptions.rowGroupLimit = (groupCount + segmentCount - 1) / segmentCount
    rowGroupCapacity = capacity
    writer = try transaction.makeTableWriter(plan.table, options: segmentOptions)
  }

  /// The memtables that are flushed together; the last one is being filled, unless all before it are empty.
  private static func oldest(_ memtables: [Memtable], byteLimit: Int) -> [Memtable] {
    var chosen: [Memtable] = []
    var byteCount = 0
    for memtable in memtables.dropLast() {
      if !chosen.isEmpty, byteCount + memtable.byteCount > byteLimit { break }
      chosen.append(memtable)
      byteCount += memtable.byteCount
    }
    return chosen
  }

  private static func pieces(
    _ contents: TableContents, _ ids: Set<SegmentID>
  ) throws(StoaError) -> [SegmentID: [RunPiece]] {
    let chosen = contents.segments.filter { ids.contains($0.description.id) }
    let groups = try TableContents(
      segments: chosen, memtables: [], deletes: contents.deletes
    ).rowGroups()
    var pieces: [SegmentID: [RunPiece]] = [:]
    for group in groups {
      guard let segment = group.segment?.reader.description.id else { continue }
      pieces[segment, default: []].append(
        RunPiece(segment: segment, start: Int(group.firstRow & 0xFFFF_FFFF), rows: group))
    }
    return pieces
  }

  /// Writes one row group, or finishes the files.
  func write() throws(StoaError) {
    guard !isWritten else { return }
    if let batch = try rows.nextGroup(capacity: rowGroupCapacity) {
      try writer.append(batch)
    } else {
      try writer.finish()
      isWritten = true
    }
  }

  /// Makes the new segments take the place of the old.
  /// - Throws: `.busy` when the write lock is not free, in which case this may be called again unless the transaction
  ///   is finished; or when the old ones are gone.
  func commit() throws(StoaError) {
    try transaction.beginChanges()
    for id in inputs { try transaction.remove(id, from: table) }
    let base = transaction.snapshot.state
    let (table, inputs, map) = (table, inputs, rows.positions)
    let outputs = segments.map { (id: $0.id, rowCount: Int(clamping: $0.rowCount)) }
    transaction.relocation = { (newest: StoreState) throws(StoaError) -> [LogEdit] in
      let late = try RewriteJob.lateDeletes(table, inputs, base: base, newest: newest)
      let places = RowMove.places(map.newPositions(of: late), outputs)
      return places.keys.sorted().compactMap { id in
        places[id].map { .deleteRows(table, id, $0) }
      }
    }
    let budget = transaction.store.budget
    transaction.makeMove = { commit in
      RowMove(
        commit: commit, table: table, inputs: RewriteJob.moveInputs(table, inputs, base),
        outputs: outputs, map: map, reservation: MemoryReservation(budget))
    }
    try transaction.commit()
  }

  /// What was deleted of the inputs since the job began.
  /// - Throws: `.busy` when one of them is gone or got more rows.
  private static func lateDeletes(
    _ table: TableID, _ inputs: [SegmentID], base: StoreState, newest: StoreState
  ) throws(StoaError) -> [SegmentID: DeleteVector] {
    var late: [SegmentID: DeleteVector] = [:]
    for id in inputs {
      guard let now = newest.rowCount(of: id, in: table), now == base.rowCount(of: id, in: table)
      else { throw StoaError(.busy, "segment \(id) changed while it was written anew") }
      guard let deleted = newest.deletes[table]?[id] else { continue }
      let before = base.deletes[table]?[id] ?? DeleteVector()
      guard deleted.count != before.count else { continue }
      late[id] = DeleteVector(deleted.rows.subtracting(before.rows))
    }
    return late
  }

  /// The inputs as they were when the job began.
  private static func moveInputs(
    _ table: TableID, _ inputs: [SegmentID], _ base: StoreState
  ) -> [SegmentID: RowMove.Input] {
    var result: [SegmentID: RowMove.Input] = [:]
    for id in inputs {
      result[id] = RowMove.Input(
        rowCount: base.rowCount(of: id, in: table) ?? 0,
        deleted: base.deletes[table]?[id] ?? DeleteVector())
    }
    return result
  }
}
