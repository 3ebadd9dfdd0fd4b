import Catalog
import Vectors

// Flush, compaction and checkpoints, a step at a time. Nothing here has a clock or a thread: whoever has time, or
// has to make room, calls `step`. A flush and a merge may be under way at once; the flush goes first, so that a long
// merge does not make rows pile up in memory.
extension TableStore {
  /// Does one piece of work, of about a row group: begins a flush or a merge, writes a row group of it, commits it,
  /// or writes a checkpoint. Only one process at a time works on a warehouse; any thread may call.
  /// - Throws: what the disk said, or what is damaged; the job is then given up, and a later step begins anew.
  @discardableResult
  public func step() throws(StoaError) -> UpkeepResult {
    try upkeep.gate.withLock { () throws(StoaError) -> UpkeepResult in
      if mode == .readOnly || inner.withLock({ $0.isClosed || $0.refusal != nil }) {
        endJobs()
        return .idle
      }
      return try stepAlone()
    }
  }

  /// A step that makes memory or log shorter, or none.
  func stepOfFlush() throws(StoaError) -> UpkeepResult {
    try upkeep.gate.withLock { () throws(StoaError) -> UpkeepResult in
      if inner.withLock({ $0.isClosed || $0.refusal != nil }) { return .idle }
      return try flushStep()
    }
  }

  /// Flushes what is in memory and merges segments until nothing overlaps, nothing deleted is left in files and
  /// small neighbours are one; then writes a checkpoint. Others go on meanwhile, steps of other threads as well.
  /// - Parameter table: all tables when `nil`.
  /// - Throws: `.busy` when another process or a transaction was in the way all the time of `timeoutMilliseconds`
  ///   (the lock time-out when `nil`).
  public func compact(
    table: TableID? = nil, timeoutMilliseconds: Int? = nil
  ) throws(StoaError) {
    if let refusal { throw refusal }
    let limit = timeoutMilliseconds ?? options.lockTimeoutMilliseconds
    upkeep.gate.withLock { upkeep.compactingCount += 1 }
    defer { upkeep.gate.withLock { upkeep.compactingCount -= 1 } }
    for id in try tables(table) {
      // Rows that come while this goes on are for the next time.
      let last = try snapshot().state.memtables[id]?.last?.id
      while let last, let plan = try flushPlan(of: id, upTo: last) { try run(plan, limit) }
      let plans = try upkeep.gate.withLock { () throws(StoaError) in
        try withPlanner { (planner) throws(StoaError) in
          try planner.completeMerges(id, try snapshot())
        }
      }
      for plan in plans { try run(plan, limit) }
    }
    try expire(isExact: true, timeoutMilliseconds: limit)
    try checkpoint(timeoutMilliseconds: timeoutMilliseconds)
  }

  private func tables(_ table: TableID?) throws(StoaError) -> [TableID] {
    let catalog = try snapshot().catalog
    return table.map { catalog.table($0) == nil ? [] : [$0] } ?? catalog.tables.keys.sorted()
  }

  private func flushPlan(
    of table: TableID, upTo last: SegmentID
  ) throws(StoaError) -> UpkeepPlan? {
    let state = try snapshot().state
    let isLeft = (state.memtables[table] ?? []).contains { $0.id <= last && $0.rowCount > 0 }
    return isLeft ? upkeep.gate.withLock { planner.flush(table, state) } : nil
  }

  /// Runs one job to its end, behind the one of its kind that is under way.
  private func run(_ plan: UpkeepPlan, _ timeoutMilliseconds: Int) throws(StoaError) {
    var mine: RewriteJob?
    var deadline = monotonicMilliseconds() &+ Int64(timeoutMilliseconds)
    while true {
      let result = try upkeep.gate.withLock { () throws(StoaError) -> UpkeepResult in
        if let refusal { throw refusal }
        let slot = plan.isFlush ? upkeep.flushJob : upkeep.mergeJob
        if let mine, slot !== mine { return .idle }
        if let slot { return try advance(slot) }
        let result = try begin(plan)
        mine = plan.isFlush ? upkeep.flushJob : upkeep.mergeJob
        return result == .worked && mine == nil ? .idle : result
      }
      switch result {
      case .idle: return
      case .worked: deadline = monotonicMilliseconds() &+ Int64(timeoutMilliseconds)
      case .blocked:
        guard monotonicMilliseconds() < deadline else {
          throw StoaError(
            .busy, "another process or transaction kept the rows from moving",
            hint: "Try again when it is finished", path: path)
        }
        pauseMilliseconds(2)
      }
    }
  }

  // MARK: Steps, under the gate

  private var planner: UpkeepPlanner {
    var planner =
      upkeep.planner ?? UpkeepPlanner(options: options.upkeep, memtableByteLimit: memtableByteLimit)
    planner.memtableByteLimit = memtableByteLimit
    planner.totalMemtableByteLimit = totalMemtableByteLimit
    return planner
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

  private func stepAlone() throws(StoaError) -> UpkeepResult {
    if try expireIfDue() { return .worked }
    let first = try flushStep()
    if first == .worked { return first }
    if let job = upkeep.mergeJob { return try advance(job) }
    guard upkeep.compactingCount == 0, let plan = try mergePlan() else { return first }
    return try begin(plan)
  }

  /// What keeps memory and log short.
  private func flushStep() throws(StoaError) -> UpkeepResult {
    if let job = upkeep.flushJob { return try advance(job) }
    if inner.withLock({ $0.hasWritten && $0.writerCount > 0 && needsCheckpoint($0) }) {
      return try checkpointStep()
    }
    let state = try snapshot().state
    guard let plan = planner.flush(state, logByteCount: inner.withLock { $0.tailEnd }) else {
      return .idle
    }
    return try begin(plan)
  }

  private func mergePlan() throws(StoaError) -> UpkeepPlan? {
    let snapshot = try snapshot()
    return try withPlanner { (planner) throws(StoaError) in try planner.merge(snapshot) }
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

  /// Locks out upkeep of other processes, gives the table a new memtable if its rows are to be flushed, and takes the
  /// snapshot the job works on. Without a job afterwards, what was planned is no longer there.
  func begin(_ plan: UpkeepPlan) throws(StoaError) -> UpkeepResult {
    do throws(StoaError) {
      guard try lockUpkeep() else { return .blocked }
      do throws(StoaError) {
        try prepare(plan)
      } catch {
        guard error.kind == .busy else { throw error }
        unlockUpkeep()
        return .blocked
      }
      let transaction = WriteTransaction(
        store: self, snapshot: try snapshot(), isWriting: false, isUpkeep: true)
      transaction.kinds = plan.isFlush ? .flush : .compact
      transaction.lockTimeoutMilliseconds = UpkeepTiming.lockMilliseconds(options)
      let job = try RewriteJob(plan, transaction, options: options.upkeep)
      if plan.isFlush { upkeep.flushJob = job } else { upkeep.mergeJob = job }
      return .worked
    } catch {
      unlockUpkeep()
      if error.kind == .busy { return .worked }
      failed(plan.table, error)
      throw error
    }
  }

  /// Whoever collects orphans under the write lock is either done before this or sees the lock on upkeep.
  private func prepare(_ plan: UpkeepPlan) throws(StoaError) {
    try acquireWriting(timeoutMilliseconds: UpkeepTiming.lockMilliseconds(options))
    defer { releaseWriting() }
    upkeep.isWritingFiles = true
    let idCount = 16 + 2 * plan.rowCount / max(1, options.upkeep.segmentRowLimit)
    try commitUpkeep(plan.isFlush ? [.flush, .reserve] : .reserve) { inner in
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
  func commitUpkeep(
    _ kinds: CommitKinds, _ makeEdits: (inout Inner) -> [LogEdit]
  ) throws(StoaError) {
    let start = inner.withLock { $0.reservedIDs }
    do throws(StoaError) {
      let number = try commits.withLock { () throws(StoaError) in
        try inner.withLock { inner throws(StoaError) -> CommitNumber? in
          let edits = makeEdits(&inner)
          var isWritten = false
          return edits.isEmpty ? nil : try write(edits, kinds: kinds, &inner, &isWritten)
        }
      }
      if let number { try waitUntilSynced(number) }
    } catch {
      // Ids that no commit reserves may be given out by another process too.
      inner.withLock { $0.reservedIDs = start }
      throw error
    }
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
      try commitUpkeep(.reserve) { [reserve(64, &$0)] }
    }
    return inner.withLock { inner in
      let id = inner.reservedIDs.lowerBound
      inner.reservedIDs = (id &+ 1)..<inner.reservedIDs.upperBound
      return id
    }
  }

  /// Writes a row group of a job, or commits it.
  private func advance(_ job: RewriteJob) throws(StoaError) -> UpkeepResult {
    do throws(StoaError) {
      guard job.isWritten else {
        try job.write()
        return .worked
      }
      try job.commit()
    } catch {
      // The write lock was not free.
      if error.kind == .busy, !job.transaction.isFinished { return .blocked }
      end(job)
      // What was read has changed: the work is void.
      if error.kind == .busy { return .worked }
      failed(job.table, error)
      throw error
    }
    finished(job)
    return .worked
  }

  private func finished(_ job: RewriteJob) {
    let fits = job.plan.rowCount <= options.upkeep.segmentRowLimit && job.inputs.count > 1
    if fits, !job.plan.isFlush, job.segments.count >= job.inputs.count {
      upkeep.planner?.incompressible.formUnion(job.segments.map(\.id))
    }
    end(job)
    guard let snapshot = try? snapshot() else { return }
    let overlap = try? withPlanner { (planner) throws(StoaError) in
      planner.forget(allBut: snapshot.state)
      return try planner.overlap(job.table, snapshot)
    }
    inner.withLock { $0.overlaps[job.table] = overlap }
  }

  /// A table with a damaged segment is left alone; after any failure commits leave debt alone for a while.
  private func failed(_ table: TableID, _ error: StoaError) {
    if error.kind == .corruption, let now = try? snapshot().state {
      upkeep.planner?.setAside(table, now)
    }
    upkeep.pauseAfterFailure()
  }

  // MARK: The lock on upkeep

  private func lockUpkeep() throws(StoaError) -> Bool {
    if upkeep.isLocked { return true }
    upkeep.isLocked = try lockFile().tryLock(upkeepLockRange, .exclusive)
    return upkeep.isLocked
  }

  /// Lets other processes work, unless a job is under way.
  private func unlockUpkeep() {
    guard upkeep.flushJob == nil, upkeep.mergeJob == nil else { return }
    upkeep.isWritingFiles = false
    guard upkeep.isLocked, let file = inner.withLock({ $0.lockFile }) else { return }
    // Should that fail, the next job's end tries again.
    upkeep.isLocked = (try? file.unlock(upkeepLockRange)) == nil
  }

  /// Ends a job, removing its files if it was not committed.
  private func end(_ job: RewriteJob) {
    job.transaction.rollback()
    if upkeep.flushJob === job { upkeep.flushJob = nil }
    if upkeep.mergeJob === job { upkeep.mergeJob = nil }
    unlockUpkeep()
  }

  private func endJobs() {
    for job in [upkeep.flushJob, upkeep.mergeJob] { if let job { end(job) } }
    unlockUpkeep()
  }

  // MARK: Closing

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
      if isWriter {
        do throws(StoaError) {
          _ = try expireIfDue()
          try flushBeforeClosing(isLong: isLong)
          try mergeBeforeClosing()
        } catch {
          inner.withLock { warn("upkeep before closing: \(error)", &$0) }
        }
      }
      endJobs()
    }
  }

  private func flushBeforeClosing(isLong: Bool) throws(StoaError) {
    while let job = upkeep.flushJob { guard try advance(job) == .worked else { return } }
    guard isLong else { return }
    let tables = try snapshot().state.memtables.keys.sorted()
    for table in tables {
      while let plan = planner.flush(table, try snapshot().state) {
        guard try begin(plan) == .worked else { return }
        while let job = upkeep.flushJob { guard try advance(job) == .worked else { return } }
      }
    }
  }

  private func mergeBeforeClosing() throws(StoaError) {
    var left = options.upkeep.closingRowGroupLimit
    let capacity = max(1, options.upkeep.segments.rowGroupCapacity)
    while true {
      if upkeep.mergeJob == nil {
        guard let plan = try mergePlan(), plan.rowCount / capacity < left,
          try begin(plan) == .worked
        else { return }
      }
      while let job = upkeep.mergeJob {
        left -= 1
        guard left >= 0, try advance(job) == .worked else { return }
      }
    }
  }
}

/// How long upkeep waits for the write lock: not long, since it can come back.
enum UpkeepTiming {
  static func lockMilliseconds(_ options: StoreOptions) -> Int {
    min(20, options.lockTimeoutMilliseconds)
  }
}
