import Catalog
import Vectors

// Flush, compaction and checkpoints, a step at a time. Nothing here has a clock or a thread: whoever has time, or
// has to make room, calls `step`.
extension TableStore {
  /// Does one piece of work, of about a row group: begins a flush or a merge, writes a row group of it, commits it,
  /// or writes a checkpoint. Only one process at a time works on a warehouse; any thread may call.
  /// - Parameter waitMilliseconds: how long a finished job may wait for transactions that hold its table; new ones
  ///   wait behind it.
  /// - Throws: what the disk said, or what is damaged; the job is then given up, and a later step begins anew.
  @discardableResult
  public func step(waitMilliseconds: Int = 0) throws(StoaError) -> UpkeepResult {
    try upkeep.gate.withLock { () throws(StoaError) -> UpkeepResult in
      try guarded { () throws(StoaError) in try stepAlone(waitMilliseconds) }
    }
  }

  /// Flushes what is in memory and merges segments until nothing overlaps, nothing deleted is left in files and
  /// small neighbours are one; then writes a checkpoint.
  /// - Parameter table: all tables when `nil`.
  /// - Throws: `.busy` when another process or a transaction was in the way all the time of `timeoutMilliseconds`
  ///   (the lock time-out when `nil`).
  public func compact(
    table: TableID? = nil, timeoutMilliseconds: Int? = nil
  ) throws(StoaError) {
    if let refusal { throw refusal }
    try upkeep.gate.withLock { () throws(StoaError) in
      try guarded { () throws(StoaError) in
        let limit = timeoutMilliseconds ?? options.lockTimeoutMilliseconds
        while upkeep.job != nil { try patiently(limit) { () throws(StoaError) in try advance() } }
        for id in try tables(table) {
          // Rows that come while this goes on are for the next time.
          let last = try snapshot().state.memtables[id]?.last?.id
          while let last, let state = try? snapshot().state,
            (state.memtables[id] ?? []).contains(where: { $0.id <= last && $0.rowCount > 0 }),
            let plan = planner.flush(id, state)
          {
            try run(plan, limit)
          }
          for plan in try withPlanner({ (planner) throws(StoaError) in
            try planner.completeMerges(id, try snapshot())
          }) { try run(plan, limit) }
        }
      }
    }
    try checkpoint(timeoutMilliseconds: timeoutMilliseconds)
  }

  private func tables(_ table: TableID?) throws(StoaError) -> [TableID] {
    let catalog = try snapshot().catalog
    return table.map { catalog.table($0) == nil ? [] : [$0] } ?? catalog.tables.keys.sorted()
  }

  /// Runs one job to its end.
  private func run(_ plan: UpkeepPlan, _ timeoutMilliseconds: Int) throws(StoaError) {
    try patiently(timeoutMilliseconds) { () throws(StoaError) in try begin(plan) }
    while upkeep.job != nil {
      try patiently(timeoutMilliseconds) { () throws(StoaError) in try advance() }
    }
  }

  private func patiently(
    _ timeoutMilliseconds: Int, _ body: () throws(StoaError) -> UpkeepResult
  ) throws(StoaError) {
    let deadline = monotonicMilliseconds() &+ Int64(timeoutMilliseconds)
    while try body() == .blocked {
      guard monotonicMilliseconds() < deadline else {
        throw StoaError(
          .busy, "another process or transaction kept the rows from moving",
          hint: "Try again when it is finished", path: path)
      }
      pauseMilliseconds(2)
    }
  }

  // MARK: Steps, under the gate

  private var planner: UpkeepPlanner {
    upkeep.planner
      ?? UpkeepPlanner(options: options.upkeep, memtableByteLimit: options.memtableByteLimit)
  }

  private func withPlanner<R>(
    _ body: (inout UpkeepPlanner) throws(StoaError) -> R
  ) throws(StoaError) -> R {
    var planner = planner
    // One owner, so that changes copy nothing.
    upkeep.planner = nil
    defer { upkeep.planner = planner }
    return try body(&planner)
  }

  /// Gives the job up when `body` fails.
  private func guarded<R>(_ body: () throws(StoaError) -> R) throws(StoaError) -> R {
    do throws(StoaError) {
      return try body()
    } catch {
      if error.kind == .corruption, let table = upkeep.job?.table, let now = try? snapshot().state {
        upkeep.planner?.setAside(table, now)
      }
      endJob()
      upkeep.pauseAfterFailure()
      throw error
    }
  }

  private func stepAlone(_ waitMilliseconds: Int) throws(StoaError) -> UpkeepResult {
    let isOff = mode == .readOnly || inner.withLock { $0.isClosed || $0.refusal != nil }
    if isOff {
      endJob()
      return .idle
    }
    if upkeep.job != nil { return try advance(waitMilliseconds) }
    if inner.withLock({ $0.hasWritten && $0.writerCount > 0 && needsCheckpoint($0) }) {
      return try checkpointStep()
    }
    guard let plan = try nextPlan(isForced: false) else { return .idle }
    return try begin(plan)
  }

  /// Ends a log that grows because there is always somebody writing; else the last to write does it.
  private func checkpointStep() throws(StoaError) -> UpkeepResult {
    do throws(StoaError) {
      try checkpoint(timeoutMilliseconds: UpkeepTiming.lockMilliseconds(options))
      return .worked
    } catch {
      if error.kind == .busy { return .blocked }
      throw error
    }
  }

  /// - Parameter isForced: whether a flush is due however small the memtables are.
  private func nextPlan(isForced: Bool) throws(StoaError) -> UpkeepPlan? {
    let snapshot = try snapshot()
    let logByteCount = inner.withLock { $0.tailEnd }
    if let plan = planner.flush(snapshot.state, logByteCount: logByteCount) { return plan }
    if isForced {
      for table in snapshot.state.memtables.keys.sorted() {
        if let plan = planner.flush(table, snapshot.state) { return plan }
      }
    }
    return try withPlanner { (planner) throws(StoaError) in try planner.merge(snapshot) }
  }

  /// Locks out upkeep of other processes, gives the table a new memtable if its rows are to be flushed, and takes the
  /// snapshot the job works on.
  func begin(_ plan: UpkeepPlan) throws(StoaError) -> UpkeepResult {
    guard try lockFile().tryLock(upkeepLockRange, .exclusive) else { return .blocked }
    upkeep.isLocked = true
    do throws(StoaError) {
      try prepare(plan)
      let transaction = WriteTransaction(
        store: self, snapshot: try snapshot(), isWriting: false, isUpkeep: true)
      transaction.lockTimeoutMilliseconds = UpkeepTiming.lockMilliseconds(options)
      upkeep.job = try RewriteJob(plan, transaction, options: options.upkeep)
      return .worked
    } catch {
      endJob()
      if error.kind == .busy { return .blocked }
      throw error
    }
  }

  /// Whoever collects orphans under the write lock is either done before this or sees the lock on upkeep.
  private func prepare(_ plan: UpkeepPlan) throws(StoaError) {
    try acquireWriting(timeoutMilliseconds: UpkeepTiming.lockMilliseconds(options))
    defer { releaseWriting() }
    upkeep.isWritingFiles = true
    let idCount = 16 + 2 * plan.rowCount / max(1, options.upkeep.segmentRowLimit)
    try commitUpkeep { inner in
      var edits: [LogEdit] = []
      let isFilling = (inner.tail.memtables[plan.table]?.last?.rowCount ?? 0) > 0
      if plan.isFlush, isFilling, inner.tail.catalog.table(plan.table) != nil {
        edits.append(.insertRows(plan.table, memtable: inner.nextSegmentID, .empty))
        inner.nextSegmentID &+= 1
      }
      if inner.reservedIDs.count < idCount { edits.append(reserve(max(64, idCount), &inner)) }
      return edits
    }
  }

  /// Commits edits that contradict nothing. The write lock is held.
  private func commitUpkeep(_ makeEdits: (inout Inner) -> [LogEdit]) throws(StoaError) {
    let number = try commits.withLock { () throws(StoaError) in
      try inner.withLock { inner throws(StoaError) -> CommitNumber? in
        let edits = makeEdits(&inner)
        var isWritten = false
        return edits.isEmpty ? nil : try write(edits, &inner, &isWritten)
      }
    }
    if let number { try waitUntilSynced(number) }
  }

  private func reserve(_ count: Int, _ inner: inout Inner) -> LogEdit {
    let next = inner.nextSegmentID &+ SegmentID(count)
    inner.reservedIDs = inner.nextSegmentID..<next
    inner.nextSegmentID = next
    return .reserveIDs(next)
  }

  /// An id for a file that is written without the write lock.
  func takeReservedID() throws(StoaError) -> SegmentID {
    if inner.withLock({ $0.reservedIDs.isEmpty }) {
      try acquireWriting()
      defer { releaseWriting() }
      try commitUpkeep { [reserve(64, &$0)] }
    }
    return inner.withLock { inner in
      let id = inner.reservedIDs.lowerBound
      inner.reservedIDs = (id &+ 1)..<inner.reservedIDs.upperBound
      return id
    }
  }

  private func advance(_ waitMilliseconds: Int = 0) throws(StoaError) -> UpkeepResult {
    guard let job = upkeep.job else { return .idle }
    guard job.isWritten else {
      try job.write()
      return .worked
    }
    if job.delayCount < options.upkeep.patience, inner.withLock({ $0.interactiveCount > 0 }) {
      job.delayCount += 1
      return .blocked
    }
    guard beginRelocation(of: job.table, waitMilliseconds) else { return .blocked }
    defer { endRelocation(of: job.table) }
    do throws(StoaError) {
      try job.commit()
    } catch {
      guard error.kind == .busy else { throw error }
      // The write lock was not free, or what was read has changed: then the work is void.
      if !job.transaction.isFinished { return .blocked }
      endJob()
      return .worked
    }
    finished(job)
    return .worked
  }

  private func finished(_ job: RewriteJob) {
    let fits = job.plan.rowCount <= options.upkeep.segmentRowLimit && job.inputs.count > 1
    if fits, !job.plan.isFlush, job.segments.count >= job.inputs.count {
      upkeep.planner?.incompressible.formUnion(job.segments.map(\.id))
    }
    endJob()
    guard let snapshot = try? snapshot() else { return }
    let overlap = try? withPlanner { (planner) throws(StoaError) in
      planner.forget(allBut: snapshot.state)
      return try planner.overlap(job.table, snapshot)
    }
    inner.withLock { $0.overlaps[job.table] = overlap }
  }

  /// Gives the job up, if there is one, and lets other processes work.
  private func endJob() {
    upkeep.job?.transaction.rollback()
    upkeep.job = nil
    upkeep.isWritingFiles = false
    guard upkeep.isLocked else { return }
    upkeep.isLocked = false
    unlock(upkeepLockRange)
  }

  // MARK: Holds

  /// Counts a transaction that names rows of the table by their place.
  /// - Throws: `.busy` when rows of `state` have moved already.
  func takeHold(_ table: TableID, _ state: StoreState) throws(StoaError) {
    try commits.withLock { () throws(StoaError) in
      while inner.withLock({ $0.relocating.contains(table) }) { commits.wait(milliseconds: 10) }
      try inner.withLock { inner throws(StoaError) in
        let old = (state.segments[table] ?? []).map(\.id) + (state.memtables[table] ?? []).map(\.id)
        guard old.allSatisfy({ inner.tail.rowCount(of: $0, in: table) != nil }) else {
          let name = state.catalog.table(table)?.name ?? "\(table)"
          throw StoaError(
            .busy, "the place of rows of \"\(name)\" changed since the transaction began",
            hint: "Nothing of this transaction was committed; run it again", table: name)
        }
        inner.holds[table, default: 0] += 1
      }
    }
  }

  func releaseHolds(_ tables: Set<TableID>) {
    commits.withLock {
      inner.withLock { inner in
        for table in tables {
          let count = (inner.holds[table] ?? 1) - 1
          inner.holds[table] = count > 0 ? count : nil
        }
      }
      commits.signalAll()
    }
  }

  /// Keeps new holds waiting for the commit to come, and waits for those there are; false when they last longer.
  private func beginRelocation(of table: TableID, _ waitMilliseconds: Int) -> Bool {
    let deadline = monotonicMilliseconds() &+ Int64(waitMilliseconds)
    return commits.withLock {
      _ = inner.withLock { $0.relocating.insert(table) }
      while inner.withLock({ $0.holds[table] != nil }) {
        guard monotonicMilliseconds() < deadline else {
          _ = inner.withLock { $0.relocating.remove(table) }
          commits.signalAll()
          return false
        }
        commits.wait(milliseconds: 5)
      }
      return true
    }
  }

  private func endRelocation(of table: TableID) {
    commits.withLock {
      _ = inner.withLock { $0.relocating.remove(table) }
      commits.signalAll()
    }
  }

  // MARK: Whoever drives the steps

  /// Calls `observer` after each commit that leaves something to do; from any thread, which it must not keep.
  public func observeDebt(_ observer: (@Sendable () -> Void)?) {
    upkeep.observer.withLock { $0 = observer }
  }

  /// Adds a failure of upkeep to the warnings.
  public func noteUpkeepFailure(_ error: StoaError) {
    inner.withLock { warn("upkeep: \(error)", &$0) }
  }

  /// Whether the tables' memtables or the log have grown long, or segments or deletes may have changed.
  private func hasDebt(_ tables: Set<TableID>, _ changesSegments: Bool) -> Bool {
    if changesSegments { return true }
    return inner.withLock { inner in
      if inner.tailEnd > options.logByteLimit { return true }
      return tables.contains { table in
        (inner.tail.memtables[table] ?? []).reduce(0) { $0 + $1.byteCount }
          >= options.memtableByteLimit
      }
    }
  }

  // MARK: Debt

  /// Called by a commit that changed `tables`: with too many rows in memory or too many overlapping runs, it works
  /// before it returns, so that debt cannot grow for ever. Failures are left to the next who tries.
  func payDebt(of tables: Set<TableID>, changesSegments: Bool) {
    if let observer = upkeep.observer.withLock({ $0 }), hasDebt(tables, changesSegments) {
      observer()
    }
    let debt: Debt = tables.map { self.debt(of: $0) }.max() ?? .none
    guard debt != .none, !upkeep.isPausing() else { return }
    var stepCount = 0
    while stepCount < (debt == .urgent ? 4096 : 2) {
      stepCount += 1
      guard let result = try? step(), result == .worked else { return }
      if stepCount > 2, (tables.map { self.debt(of: $0) }.max() ?? .none) != .urgent { return }
    }
  }

  private enum Debt: Comparable { case none, high, urgent }

  private func debt(of table: TableID) -> Debt {
    inner.withLock { inner in
      let inMemory = (inner.tail.memtables[table] ?? []).reduce(0) { $0 + $1.byteCount }
      let limit = options.memtableByteLimit
      if inMemory > limit * 4 { return .urgent }
      let overlap = inner.overlaps[table] ?? 0
      return inMemory > limit * 2 || overlap > options.upkeep.overlapLimit ? .high : .none
    }
  }

  /// What closing pays: rows of a long log are flushed, and merges are made that fit into a bounded number of row
  /// groups. What fails is said as a warning; nothing is lost by it.
  func upkeepBeforeClosing() {
    upkeep.gate.withLock {
      let (isWriter, isLong) = inner.withLock { inner in
        (
          inner.hasWritten && inner.refusal == nil && inner.writerCount == 0 && !inner.isClosed,
          inner.tailEnd > options.upkeep.closingLogByteLimit
        )
      }
      guard isWriter else { return endJob() }
      do throws(StoaError) {
        try guarded { () throws(StoaError) in try payBeforeClosing(isLong: isLong) }
      } catch {
        inner.withLock { warn("upkeep before closing: \(error)", &$0) }
      }
      endJob()
    }
  }

  private func payBeforeClosing(isLong: Bool) throws(StoaError) {
    var left = options.upkeep.closingRowGroupLimit
    let capacity = max(1, options.upkeep.segments.rowGroupCapacity)
    while true {
      if upkeep.job == nil {
        guard let plan = try nextPlan(isForced: isLong) else { return }
        guard plan.isFlush || plan.rowCount / capacity < left else { return }
        guard try begin(plan) == .worked else { return }
      }
      if upkeep.job?.plan.isFlush == false { left -= 1 }
      guard left >= 0, try advance() == .worked else { return }
    }
  }
}

/// How long upkeep waits for the write lock: not long, since it can come back.
enum UpkeepTiming {
  static func lockMilliseconds(_ options: StoreOptions) -> Int {
    min(20, options.lockTimeoutMilliseconds)
  }
}
