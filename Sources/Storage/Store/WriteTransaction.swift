import Catalog
import Synchronization
import Vectors

/// Changes that become visible and durable together, or not at all.
///
/// A transaction works on a copy of the state of its snapshot: rows it adds go to a memtable of its own, rows it
/// deletes to delete vectors, segments it writes are in files nobody else names. `view` is that copy, what its own
/// statements see; a savepoint is a copy of the copy. `commit` finds out what differs from the snapshot, checks
/// that nobody else changed the same since, and writes the difference as one record. Rows that flush and compaction
/// moved in the meantime are found again (`RowMoves`), so neither waits for the other.
///
/// Its own rows count in the memory budget. When they are many they become segments, which also keeps the record short.
///
/// The warehouse's write lock is held from the first change on, shared by all transactions of the process.
/// Going out of scope rolls back. One thread at a time, segment writers excepted.
public final class WriteTransaction: @unchecked Sendable {
  public let store: TableStore
  /// The state the changes start from.
  public let snapshot: Snapshot
  /// How long a first change waits for writers of other processes.
  public var lockTimeoutMilliseconds: Int?
  /// What the list of versions says of the commit.
  public var kinds: CommitKinds {
    get { changes.kinds }
    set { changes.kinds = newValue }
  }
  /// False when `commit` may return before the disk has the changes.
  public var isSynchronous = true
  private var changes: Changes
  /// What the transaction's own rows take.
  private let reservation: MemoryReservation
  /// Files written, for removal; and directories whose entries must be durable before the commit.
  private let written = Mutex<Written>(Written())
  /// How far own sequences have given their numbers; not undone by going back to a savepoint.
  private let numbers = Mutex<[ObjectID: OwnNumbers]>([:])
  /// Asked before a commit onto another state than `snapshot`; throw to refuse.
  private var validators: [(name: String?, check: Validator)] = []
  /// Set by flush and compaction, which move rows: given the state at the commit, returns the edits that carry over
  /// what was deleted of the rows meanwhile; replaces the check for conflicts.
  var relocation: ((StoreState) throws(StoaError) -> [LogEdit])?
  /// Set by flush and compaction: what the commit with that number moved.
  var makeMove: ((CommitNumber) -> RowMove)?
  private var phase = Phase.reading
  /// Flush and compaction: files are written without the write lock, under ids reserved before.
  private let isUpkeep: Bool

  private enum Phase { case reading, writing, finished }

  private struct OwnNumbers {
    var generation: UInt32
    var position: SequencePosition

    static func position(
      of sequence: SequenceDefinition, in numbers: [ObjectID: OwnNumbers]
    ) -> SequencePosition {
      guard let own = numbers[sequence.id], own.generation == sequence.generation else {
        return sequence.origin
      }
      return own.position
    }
  }

  private struct Written {
    var paths: [String] = []
    var directories: Set<String> = []
    var segments: [SegmentDescription] = []
  }

  /// What savepoints keep.
  struct Changes {
    var state: StoreState
    /// Id of the memtable that holds this transaction's own rows, per table.
    var ownMemtables: [TableID: SegmentID] = [:]
    var catalogEdits: [CatalogEdit] = []
    var touched: Set<TableID> = []
    var references: [SegmentID: SegmentReference] = [:]
    var hasChanges = false
    var kinds: CommitKinds = []
  }

  init(
    store: TableStore, snapshot: Snapshot, isWriting: Bool, isUpkeep: Bool = false
  ) {
    self.store = store
    self.isUpkeep = isUpkeep
    self.snapshot = snapshot
    reservation = MemoryReservation(store.budget)
    store.inner.withLock { $0.openCommits[snapshot.commit, default: 0] += 1 }
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
    try change(table, [.removeSegment(table, id)])
    if changes.ownMemtables[table] == id { changes.ownMemtables[table] = nil }
    countOwnRows()
  }

  /// Takes a committed segment out of its table.
  public func removeSegment(_ segment: SegmentDescription) throws(StoaError) {
    try remove(segment.id, from: segment.table)
  }

  /// Adds rows, which stay in memory and the log until they are flushed.
  /// - Parameter block: of all columns of the table.
  public func insert(_ block: RowBlock, into table: TableID) throws(StoaError) {
    guard block.rowCount > 0 else { return }
    let id = changes.ownMemtables[table] ?? store.takeSegmentID()
    try change(table, [.insertRows(table, memtable: id, block)])
    changes.ownMemtables[table] = id
    try boundOwnRows(table)
  }

  /// Deletes rows that `view` has, by position in their segment or memtable.
  public func delete(
    _ rows: [SegmentID: DeleteVector], from table: TableID
  ) throws(StoaError) {
    try change(
      table, rows.keys.sorted().compactMap { id in rows[id].map { .deleteRows(table, id, $0) } })
  }

  /// What a validator is asked with; it throws to refuse the commit.
  public typealias Validator = (CommitView) throws(StoaError) -> Void

  /// Adds a check that `commit` makes when others have committed since `snapshot`.
  /// - Parameter name: of the check, when one of that name is enough for the whole transaction.
  public func addValidator(named name: String? = nil, _ validator: @escaping Validator) {
    if let name, validators.contains(where: { $0.name == name }) { return }
    validators.append((name, validator))
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
    let catalog = changes.state.catalog
    numbers.withLock { numbers in
      // Another sequence may get the same number.
      numbers = numbers.filter { catalog.sequence($0)?.generation == $1.generation }
    }
    validators.removeLast(validators.count - savepoint.validatorCount)
    countOwnRows()
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
      leave()
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
    var difference = CommitDifference(
      base: snapshot.state, own: changes.state, ownMemtables: changes.ownMemtables)
    var carried: [LogEdit] = []
    if newest.commit != snapshot.commit {
      isConflict = true
      let moves = RowMoves(moves: store.inner.withLock { $0.moves })
      if let relocation {
        carried = try relocation(newest.state)
      } else {
        difference.resolved = try CommitConflicts(
          base: snapshot, own: changes.state, newest: newest, moves: moves
        ).resolve(changes.touched)
        try requireApplicable(newest.catalog)
      }
      if !validators.isEmpty {
        let view = try commitView(difference, newest, moves)
        for validator in validators { try validator.check(view) }
      }
      isConflict = false
    }
    return difference.edits(
      catalog: changes.catalogEdits, tables: changes.touched, active: active) + carried
      + numberEdits()
  }

  // MARK: Numbers of own sequences

  /// Up to `count` numbers of a sequence of which `ownsNumbers` is true; thread-safe as long as no statement changes
  /// the sequence.
  public func takeOwnNumbers(
    of sequence: SequenceDefinition, count: Int
  ) throws(StoaError) -> SequenceRange {
    try numbers.withLock { numbers throws(StoaError) in
      let range = try sequence.take(count, after: OwnNumbers.position(of: sequence, in: numbers))
      numbers[sequence.id] = OwnNumbers(generation: sequence.generation, position: range.end)
      return range
    }
  }

  /// How far they are given.
  public func ownPosition(of sequence: SequenceDefinition) -> SequencePosition {
    numbers.withLock { OwnNumbers.position(of: sequence, in: $0) }
  }

  /// `setval` of such a sequence.
  public func setOwnNumbers(of sequence: SequenceDefinition, to position: SequencePosition) {
    numbers.withLock {
      $0[sequence.id] = OwnNumbers(generation: sequence.generation, position: position)
    }
  }

  private func numberEdits() -> [LogEdit] {
    let catalog = changes.state.catalog
    return numbers.withLock { numbers in
      numbers.keys.sorted().compactMap { id in
        guard let own = numbers[id], catalog.sequence(id)?.generation == own.generation,
          ownsNumbers(of: id)
        else { return nil }
        return .advanceSequence(id, generation: own.generation, own.position)
      }
    }
  }

  /// Tables that others created meanwhile may have taken the ids and names of new ones.
  private func requireApplicable(_ newest: CatalogState) throws(StoaError) {
    var catalog = newest
    for case .alterObject(.sequence(let sequence)) in changes.catalogEdits {
      guard let before = snapshot.catalog.sequence(sequence.id),
        newest.sequence(sequence.id) != before
      else { continue }
      throw StoaError(
        .busy, "another transaction changed the sequence \"\(before.name)\" and committed first",
        hint: "Nothing of this transaction was committed; run it again")
    }
    do throws(StoaError) {
      for edit in changes.catalogEdits { try catalog.apply(edit) }
      try catalog.requireReferenceTargets()
      try requireSameBelowViews(newest)
    } catch {
      throw StoaError(
        .busy, "another transaction committed first: \(error.message)",
        hint: "Nothing of this transaction was committed; run it again", table: error.table)
    }
  }

  /// A view was bound to the tables and views of the transaction's own catalog.
  private func requireSameBelowViews(_ newest: CatalogState) throws(StoaError) {
    let before = snapshot.catalog
    for view in changes.catalogEdits.compactMap(\.view) {
      for id in view.dependencies {
        let isSame =
          before.table(id).map { $0 == newest.table(id) }
          ?? before.object(id).map { $0 == newest.object(id) } ?? true
        guard !isSame else { continue }
        throw StoaError(.binding, "what view \"\(view.name)\" reads was changed")
      }
    }
  }

  private func commitView(
    _ difference: CommitDifference, _ newest: Snapshot, _ moves: RowMoves
  ) throws(StoaError) -> CommitView {
    var state = newest.state
    for edit in difference.removals(changes.touched) {
      try state.apply(edit, commit: newest.commit)
    }
    return CommitView(
      newest: Snapshot(
        state: state, references: newest.references, lease: newest.lease, store: store),
      added: Snapshot(
        state: addedRows(), references: changes.references, lease: snapshot.lease, store: store),
      base: snapshot.state, committed: newest.state, moves: moves)
  }

  /// The transaction's own rows and nothing else.
  private func addedRows() -> StoreState {
    var state = changes.state
    for (table, segments) in state.segments {
      let known = Set((snapshot.state.segments[table] ?? []).map(\.id))
      state.segments[table] = segments.filter { !known.contains($0.id) }
    }
    for (table, memtables) in state.memtables {
      state.memtables[table] = memtables.filter { changes.ownMemtables[table] == $0.id }
    }
    for (table, deletes) in state.deletes {
      state.deletes[table] = deletes.filter { state.rowCount(of: $0.key, in: table) != nil }
    }
    return state
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

  /// Called once, at the end.
  private func leave() {
    // They may refer to this transaction, which would then keep its snapshot, and all files of that, for ever.
    validators = []
    relocation = nil
    makeMove = nil
    reservation.set(to: 0)
    store.inner.withLock { inner in
      let count = (inner.openCommits[snapshot.commit] ?? 1) - 1
      inner.openCommits[snapshot.commit] = count > 0 ? count : nil
      store.dropMoves(&inner)
    }
  }

  /// Forgets the changes, removes the files written, gives the lock back. Harmless when already done.
  public func rollback() {
    let wasWriting = phase == .writing
    guard phase != .finished else { return }
    phase = .finished
    leave()
    for path in written.withLock({ $0.paths }) { try? store.fileSystem.unlink(path) }
    if wasWriting { store.releaseWriting() }
  }

  // MARK: Own rows

  private func ownByteCount(_ table: TableID) -> Int {
    guard let id = changes.ownMemtables[table] else { return 0 }
    return changes.state.memtables[table]?.first { $0.id == id }?.byteCount ?? 0
  }

  private var ownByteCount: Int { changes.ownMemtables.keys.reduce(0) { $0 + ownByteCount($1) } }

  /// Counts own rows that are there already, whatever the budget has left.
  private func countOwnRows() { reservation.set(to: ownByteCount) }

  /// Own rows become segments when they are many, or when the budget has no room for them in memory.
  /// - Throws: `.resource` when it has none for writing them either; the rows then are part of the changes still, and
  ///   the caller goes back to a savepoint or rolls back.
  private func boundOwnRows(_ table: TableID) throws(StoaError) {
    let limit = min(store.options.transactionByteLimit, max(1 << 16, store.budget.limit / 16))
    if ownByteCount(table) > limit { try writeOwnRows(of: table) }
    if reservation.tryResize(to: ownByteCount) && reservation.byteCount <= limit * 4 { return }
    for table in changes.ownMemtables.keys.sorted() { try writeOwnRows(of: table) }
    countOwnRows()
  }

  private func writeOwnRows(of table: TableID) throws(StoaError) {
    guard let id = changes.ownMemtables[table], let definition = catalog.table(table),
      let memtable = changes.state.memtables[table]?.first(where: { $0.id == id })
    else { return }
    let options = store.options.upkeep.segments
    let rows = try FlushedRows(
      definition, [memtable], deletes: changes.state.deletes[table] ?? [:])
    let writer = try makeTableWriter(table, options: options)
    while let batch = try rows.nextGroup(capacity: options.rowGroupCapacity) {
      try writer.append(batch)
    }
    try writer.finish()
    try change(table, [.removeSegment(table, id)])
    changes.ownMemtables[table] = nil
  }
}
