import Catalog
import Synchronization
import Vectors

/// Changes that become visible and durable together, or not at all.
///
/// A transaction works on a copy of the state of its snapshot: rows it adds go to a memtable of its own, rows it
/// deletes to delete vectors, segments it writes are in files nobody else names. `view` is that copy, what its own
/// statements see; a savepoint is a copy of the copy. `commit` finds out what differs from the snapshot, checks
/// that nobody else changed the same since, and writes the difference as one record.
///
/// The warehouse's write lock is held from the first change on, shared by all transactions of the process.
/// Going out of scope rolls back. One thread at a time, segment writers excepted.
public final class WriteTransaction: @unchecked Sendable {
  public let store: TableStore
  /// The state the changes start from.
  public let snapshot: Snapshot
  /// How long a first change waits for writers of other processes.
  public var lockTimeoutMilliseconds: Int?
  /// False when `commit` may return before the disk has the changes.
  public var isSynchronous = true
  private var changes: Changes
  /// Id of the memtable that holds this transaction's own rows, per table.
  private var ownMemtables: [TableID: SegmentID] = [:]
  /// Files written, for removal; and directories whose entries must be durable before the commit.
  private let written = Mutex<Written>(Written())
  /// Asked before a commit onto another state than `snapshot`, with that state but without the rows this
  /// transaction deletes; throw to refuse.
  private var validators: [(Snapshot) throws(StoaError) -> Void] = []
  /// Set by flush and compaction, which move rows: given the state at the commit, returns the edits that carry over
  /// what was deleted of the rows meanwhile; replaces the check for conflicts.
  var relocation: ((StoreState) throws(StoaError) -> [LogEdit])?
  private var phase = Phase.reading
  /// Flush and compaction: files are written without the write lock, under ids reserved before.
  private let isUpkeep: Bool
  /// Begun before its first change, perhaps long before; upkeep is patient with it.
  private let isInteractive: Bool
  /// Tables whose rows keep their places until this transaction ends.
  private var held: Set<TableID> = []

  private enum Phase { case reading, writing, finished }

  private struct Written {
    var paths: [String] = []
    var directories: Set<String> = []
    var segments: [SegmentDescription] = []
  }

  /// What savepoints keep.
  struct Changes {
    var state: StoreState
    var catalogEdits: [CatalogEdit] = []
    var touched: Set<TableID> = []
    var references: [SegmentID: SegmentReference] = [:]
    var hasChanges = false
  }

  init(
    store: TableStore, snapshot: Snapshot, isWriting: Bool, isUpkeep: Bool = false,
    isInteractive: Bool = false
  ) {
    self.store = store
    self.isUpkeep = isUpkeep
    self.isInteractive = isInteractive
    if isInteractive { store.inner.withLock { $0.interactiveCount += 1 } }
    self.snapshot = snapshot
    changes = Changes(state: snapshot.state)
    phase = isWriting ? .writing : .reading
  }

  deinit { rollback() }

  /// The catalog with the edits so far.
  public var catalog: CatalogState { changes.state.catalog }

  /// Whether `commit` failed because others had changed the same; run again on the newer state, it may succeed.
  public private(set) var isConflict = false

  /// Whether `commit` or `rollback` was called.
  public var isFinished: Bool { phase == .finished }

  /// The snapshot with the changes so far: what statements of this transaction see.
  public var view: Snapshot {
    absorbSegments()
    guard changes.hasChanges else { return snapshot }
    return Snapshot(
      state: changes.state,
      references: snapshot.references.merging(changes.references) { _, own in own },
      lease: snapshot.lease, store: store)
  }

  /// Takes the write lock now rather than with the first change.
  public func beginChanges() throws(StoaError) {
    switch phase {
    case .finished: throw StoaError(.usage, "the transaction is already finished")
    case .writing: return
    case .reading:
      try store.acquireWriting(timeoutMilliseconds: lockTimeoutMilliseconds)
      phase = .writing
    }
  }

  /// Adds a catalog change.
  /// - Throws: when it contradicts the catalog; the transaction then goes on without it.
  public func apply(_ edit: CatalogEdit) throws(StoaError) {
    // Definitions cannot be merged: two transactions that alter one table contradict each other.
    let altered: TableID? = if case .alterTable(let table) = edit { table.id } else { nil }
    try change(altered, [.catalog(edit)])
    changes.catalogEdits.append(edit)
  }

  /// Takes a segment or memtable out of its table.
  public func remove(_ id: SegmentID, from table: TableID) throws(StoaError) {
    if snapshot.state.rowCount(of: id, in: table) != nil { try hold(table) }
    try change(table, [.removeSegment(table, id)])
  }

  /// Takes a committed segment out of its table.
  public func removeSegment(_ segment: SegmentDescription) throws(StoaError) {
    try remove(segment.id, from: segment.table)
  }

  /// Adds rows, which stay in memory and the log until they are flushed.
  /// - Parameter block: of all columns of the table.
  public func insert(_ block: RowBlock, into table: TableID) throws(StoaError) {
    guard block.rowCount > 0 else { return }
    let id = ownMemtables[table] ?? store.takeSegmentID()
    try change(table, [.insertRows(table, memtable: id, block)])
    ownMemtables[table] = id
  }

  /// Deletes rows that `view` has, by position in their segment or memtable.
  public func delete(
    _ rows: [SegmentID: DeleteVector], from table: TableID
  ) throws(StoaError) {
    if rows.keys.contains(where: { snapshot.state.rowCount(of: $0, in: table) != nil }) {
      try hold(table)
    }
    try change(
      table, rows.keys.sorted().compactMap { id in rows[id].map { .deleteRows(table, id, $0) } })
  }

  /// Keeps committed rows of the table at their places until this transaction ends, so that flush and compaction do not
  /// make its deletes void. The first delete does it too, but a statement that looks long for its rows calls this
  /// before, and begins anew with another transaction when it fails.
  /// - Throws: `.busy` when rows of the snapshot have moved already.
  public func hold(_ table: TableID) throws(StoaError) {
    guard !isUpkeep, !held.contains(table) else { return }
    try beginChanges()
    do throws(StoaError) {
      try store.takeHold(table, snapshot.state)
    } catch {
      isConflict = true
      throw error
    }
    held.insert(table)
  }

  /// Called once, at the end.
  private func releaseHolds() {
    if isInteractive { store.inner.withLock { $0.interactiveCount -= 1 } }
    guard !held.isEmpty else { return }
    store.releaseHolds(held)
    held = []
  }

  /// Adds a check that `commit` makes when others have committed since `snapshot`; it is given their state.
  public func addValidator(_ validator: @escaping (Snapshot) throws(StoaError) -> Void) {
    validators.append(validator)
  }

  private func change(_ table: TableID?, _ edits: [LogEdit]) throws(StoaError) {
    try beginChanges()
    absorbSegments()
    // A copy, so that an edit that fails leaves everything as it was.
    var next = changes.state
    for edit in edits { try next.apply(edit, commit: snapshot.commit) }
    changes.state = next
    changes.hasChanges = true
    if let table { changes.touched.insert(table) }
  }

  // MARK: Savepoints

  /// A point to come back to.
  public struct Savepoint {
    fileprivate let changes: Changes
    fileprivate let validatorCount: Int
  }

  public func savepoint() -> Savepoint {
    absorbSegments()
    return Savepoint(changes: changes, validatorCount: validators.count)
  }

  /// Forgets the changes since the savepoint. Files written since are removed with the transaction's end.
  public func rollback(to savepoint: Savepoint) {
    absorbSegments()
    changes = savepoint.changes
    validators.removeLast(validators.count - savepoint.validatorCount)
  }

  // MARK: Segments

  /// A writer for one new segment of the table; its rows belong to the transaction once it is finished.
  /// - Throws: `.binding` when there is no such table.
  public func makeSegmentWriter(
    _ table: TableID, options: SegmentWriterOptions = SegmentWriterOptions()
  ) throws(StoaError) -> SegmentWriter {
    if !isUpkeep { try beginChanges() }
    guard let definition = catalog.table(table) else {
      throw StoaError(.binding, "there is no table with id \(table)")
    }
    let id = isUpkeep ? try store.takeReservedID() : store.takeSegmentID()
    let layout = store.layout
    let directory = layout.tableDirectory(table)
    if try store.fileSystem.fileSize(directory) == nil {
      try store.fileSystem.makeDirectory(layout.segmentsDirectory)
      try store.fileSystem.makeDirectory(directory)
    }
    // A transaction that was rolled back may have made the directory, without making it durable.
    if !store.inner.withLock({ $0.durableDirectories.contains(table) }) {
      written.withLock { _ = $0.directories.insert(layout.segmentsDirectory) }
    }
    let path = layout.segment(table, id)
    written.withLock {
      $0.paths.append(path)
      $0.directories.insert(directory)
    }
    return try SegmentWriter(
      file: try store.fileSystem.open(path, .create), definition: definition, id: id,
      warehouse: store.id, budget: store.budget, options: options, transaction: self)
  }

  /// A writer that begins a new segment whenever one is full.
  public func makeTableWriter(
    _ table: TableID, options: SegmentWriterOptions = SegmentWriterOptions()
  ) throws(StoaError) -> TableWriter {
    TableWriter(transaction: self, table: table, options: options)
  }

  /// Called by a segment writer that is finished; thread-safe.
  func add(_ segment: SegmentDescription) { written.withLock { $0.segments.append(segment) } }

  /// Removes the file of a segment that got no rows.
  func discard(_ id: SegmentID, _ table: TableID) throws(StoaError) {
    let path = store.layout.segment(table, id)
    written.withLock { $0.paths.removeAll { $0 == path } }
    try store.fileSystem.unlink(path)
  }

  /// Makes finished segments part of the changes, in the order of their ids.
  private func absorbSegments() {
    let finished = written.withLock { written in
      defer { written.segments = [] }
      return written.segments.sorted { $0.id < $1.id }
    }
    for segment in finished {
      // Their table may have been dropped by this transaction in the meantime; then they are as well.
      guard (try? changes.state.apply(.addSegment(segment), commit: 0)) != nil else { continue }
      changes.references[segment.id] = SegmentReference(segment, source: store.segmentSource)
      changes.touched.insert(segment.table)
      changes.hasChanges = true
    }
  }

  // MARK: The end

  /// Makes everything durable and visible. With no changes it only ends the transaction.
  /// - Returns: the number of the commit, or of the snapshot when nothing changed.
  /// - Throws: when nothing was committed, `.busy` when another transaction changed the same rows or tables; the
  ///   transaction is then rolled back. After a failed sync of the log the outcome is unknown until the
  ///   warehouse is opened again.
  @discardableResult
  public func commit() throws(StoaError) -> CommitNumber {
    guard phase != .finished else {
      throw StoaError(.usage, "the transaction is already finished")
    }
    absorbSegments()
    guard changes.hasChanges, phase == .writing else {
      rollback()
      return snapshot.commit
    }
    var mayBeCommitted = false
    do throws(StoaError) {
      for directory in written.withLock({ $0.directories.sorted() }) {
        try syncDirectory(directory)
      }
      let before = snapshot.state
      let changesSegments =
        changes.state.segments != before.segments || changes.state.deletes != before.deletes
      let directories = written.withLock { $0.directories }
      let tables = changes.touched.filter { directories.contains(store.layout.tableDirectory($0)) }
      store.inner.withLock { $0.durableDirectories.formUnion(tables) }
      let number = try store.commit(self, mayBeCommitted: &mayBeCommitted)
      removeUnusedFiles()
      phase = .finished
      releaseHolds()
      store.releaseWriting()
      if !isUpkeep {
        store.payDebt(of: changes.touched, changesSegments: changesSegments)
      }
      return number
    } catch {
      // Files that the log may name stay; if it does not, the next writer collects them.
      if mayBeCommitted { written.withLock { $0.paths = [] } }
      rollback()
      throw error
    }
  }

  /// The edits of this transaction's commit onto `newest`.
  /// - Throws: `.busy` when that state has changes that contradict these.
  func edits(on newest: Snapshot, active: (TableID) -> SegmentID) throws(StoaError) -> [LogEdit] {
    let difference = CommitDifference(
      base: snapshot.state, own: changes.state, ownMemtables: ownMemtables)
    var carried: [LogEdit] = []
    if newest.commit != snapshot.commit {
      isConflict = true
      if let relocation {
        carried = try relocation(newest.state)
      } else {
        try CommitConflicts(base: snapshot.state, own: changes.state, newest: newest.state)
          .check(changes.touched)
      }
      if !validators.isEmpty {
        let changed = try withoutDeleted(difference, newest)
        for validator in validators { try validator(changed) }
      }
      isConflict = false
    }
    return difference.edits(
      catalog: changes.catalogEdits, tables: changes.touched, active: active) + carried
  }

  /// `newest` without the rows that this transaction takes out of it.
  private func withoutDeleted(
    _ difference: CommitDifference, _ newest: Snapshot
  ) throws(StoaError) -> Snapshot {
    var state = newest.state
    for edit in difference.edits(catalog: [], tables: changes.touched, active: { _ in 0 }) {
      switch edit {
      case .removeSegment: try state.apply(edit, commit: newest.commit)
      case .deleteRows(_, let id, _):
        // Rows of segments that are this transaction's own are not in there.
        guard changes.references[id] == nil else { continue }
        try state.apply(edit, commit: newest.commit)
      default: continue
      }
    }
    return Snapshot(
      state: state, references: newest.references, lease: newest.lease, store: store)
  }

  /// Files of segments that the transaction wrote and took back.
  private func removeUnusedFiles() {
    let kept = Set(
      changes.state.segments.values.flatMap { $0.map { store.layout.segment($0.table, $0.id) } })
    for path in written.withLock({ $0.paths }) where !kept.contains(path) {
      try? store.fileSystem.unlink(path)
    }
  }

  private func syncDirectory(_ path: String) throws(StoaError) {
    do throws(StoaError) {
      try store.fileSystem.syncDirectory(path)
    } catch {
      syncFailed(error)
      throw error
    }
  }

  /// Nothing is written after a failed sync. A full disk may say so only when syncing; that is no failure of
  /// what was acknowledged.
  func syncFailed(_ error: StoaError) {
    guard error.kind != .resource else { return }
    store.inner.withLock { store.refuseWriting(&$0, after: error) }
  }

  /// Forgets the changes, removes the files written, gives the lock back. Harmless when already done.
  public func rollback() {
    let wasWriting = phase == .writing
    guard phase != .finished else { return }
    phase = .finished
    releaseHolds()
    for path in written.withLock({ $0.paths }) { try? store.fileSystem.unlink(path) }
    if wasWriting { store.releaseWriting() }
  }
}
