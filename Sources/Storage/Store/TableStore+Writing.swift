import Catalog
import Vectors

// The commit. One process at a time writes, with as many transactions as it likes.
extension TableStore {
  /// A transaction that holds the write lock from the beginning and starts from the newest state.
  /// - Parameter timeoutMilliseconds: how long to wait for another writer; the option's value when `nil`.
  /// - Throws: `.readOnly`, or `.busy` naming the process that holds the lock.
  public func beginWrite(timeoutMilliseconds: Int? = nil) throws(StoaError) -> WriteTransaction {
    try acquireWriting(timeoutMilliseconds: timeoutMilliseconds)
    do throws(StoaError) {
      let snapshot = try inner.withLock { inner throws(StoaError) in try makeSnapshot(inner) }
      return WriteTransaction(store: self, snapshot: snapshot, isWriting: true)
    } catch {
      releaseWriting()
      throw error
    }
  }

  /// A transaction on the state of this moment; it takes the write lock with its first change.
  public func begin() throws(StoaError) -> WriteTransaction {
    WriteTransaction(store: self, snapshot: try snapshot(), isWriting: false)
  }

  /// Syncs; after a failure nothing is written any more, since nobody knows what the disk holds.
  func syncOrRefuse(_ inner: inout Inner, _ file: any File, isLog: Bool) throws(StoaError) {
    do throws(StoaError) {
      try file.syncContents()
    } catch {
      refuseWriting(&inner, after: error)
      throw error
    }
  }

  func refuseWriting(_ inner: inout Inner, after error: StoaError) {
    guard inner.refusal == nil else { return }
    inner.refusal = StoaError(
      .readOnly, "writing stopped after a failed sync: \(error.message)",
      hint: "Check the disk, then open the warehouse again", path: error.path)
  }

  /// TIP is a hint and not synced here; it must never be ahead of what is.
  func writeTip(_ inner: inout Inner, isClosed: Bool) throws(StoaError) {
    let tip = TipFile(
      id: id, isClosed: isClosed, log: inner.log, offset: inner.logEnd, commit: inner.syncedCommit
    ).encoded()
    inner.writtenTip = nil
    let file: any File
    if let open = inner.writableTip {
      file = open
    } else {
      file = try fileSystem.open(layout.tip, .updateOrCreate)
      inner.writableTip = file
    }
    try file.write(tip, at: 0)
    if isClosed { try file.sync() }
    inner.writtenTip = tip
  }

  /// Writes one commit, waits until the disk has it, and makes it the newest state. Transactions of several threads
  /// are put in order by `commits`; one sync serves all that were written before it began.
  /// - Throws: on failure before the sync nothing was committed; after a failed sync nobody knows until the
  ///   warehouse is opened again, and `mayBeCommitted` is set.
  func commit(
    _ transaction: WriteTransaction, mayBeCommitted: inout Bool
  ) throws(StoaError) -> CommitNumber {
    var isWritten = false
    let number: CommitNumber
    do throws(StoaError) {
      number = try commits.withLock { () throws(StoaError) in
        let newest = try inner.withLock { inner throws(StoaError) in try makeTailSnapshot(inner) }
        let edits = try transaction.edits(on: newest) { activeMemtable($0, newest.state) }
        return try inner.withLock { inner throws(StoaError) in
          let number = try write(edits, kinds: transaction.kinds, &inner, &isWritten)
          if let move = transaction.makeMove?(number) { keep(move, &inner) }
          return number
        }
      }
    } catch {
      mayBeCommitted = isWritten
      throw error
    }
    mayBeCommitted = true
    if transaction.isSynchronous {
      try waitUntilSynced(number)
    } else {
      inner.withLock { publish($0.tail, logEnd: $0.tailEnd, isSynced: false, &$0) }
    }
    return number
  }

  /// The memtable that takes new rows of the table, or the id of one to begin.
  private func activeMemtable(_ table: TableID, _ state: StoreState) -> SegmentID {
    inner.withLock { inner in
      if let last = state.memtables[table]?.last, last.byteCount < memtableByteLimit {
        return last.id
      }
      defer { inner.nextSegmentID &+= 1 }
      return inner.nextSegmentID
    }
  }

  /// Appends one record to the log, unsynced.
  func write(
    _ edits: [LogEdit], kinds: CommitKinds, _ inner: inout Inner, _ isWritten: inout Bool
  ) throws(StoaError) -> CommitNumber {
    if let refusal = inner.refusal { throw refusal }
    guard let file = inner.logFile else {
      throw StoaError(.inconsistency, "no log is open for writing", path: path)
    }
    var record = LogRecord(
      commit: inner.tail.commit &+ 1,
      timestamp: max(inner.tail.timestamp &+ 1, options.clock()), edits: edits, kinds: kinds)
    record.unsyncedCount = UInt32(clamping: inner.tail.commit &- inner.syncedCommit)
    var next = inner.tail
    try next.apply(edits, commit: record.commit, timestamp: record.timestamp)
    // The length of a record is a 32-bit number; a transaction this large should have been a load.
    guard record.inlineByteCount < LogRecord.byteLimit else {
      throw StoaError(
        .resource, "a transaction of more than 1 GB of rows in the log",
        hint: "Commit in smaller parts, or load the rows with one COPY", path: path)
    }
    let bytes = record.encoded(id, log: inner.log, offset: inner.tailEnd)
    try append(bytes, to: file, &inner, &isWritten)
    inner.tail = next
    inner.memtables.set(to: next.memtableByteCount)
    inner.tailEnd &+= UInt64(bytes.count)
    inner.nextSegmentID = max(inner.nextSegmentID, next.nextSegmentID)
    if edits.contains(where: \.changesSegments) { rebuildReferences(&inner) }
    return record.commit
  }

  private func append(
    _ bytes: [UInt8], to file: any File, _ inner: inout Inner, _ isWritten: inout Bool
  ) throws(StoaError) {
    let end = inner.tailEnd &+ UInt64(bytes.count)
    do throws(StoaError) {
      if end > inner.logSize { try extendLog(to: end, file, &inner) }
      try file.write(bytes, at: inner.tailEnd)
    } catch {
      // The bytes must be known to be gone before the segments they name are removed.
      isWritten = true
      do throws(StoaError) {
        try file.truncate(to: inner.tailEnd)
        try file.syncContents()
        inner.logSize = inner.tailEnd
        isWritten = false
      } catch let second {
        refuseWriting(&inner, after: second)
      }
      throw error
    }
    isWritten = true
  }

  /// Writes zeros ahead, so that most syncs have no change of the file's length to make durable.
  private func extendLog(
    to end: UInt64, _ file: any File, _ inner: inout Inner
  ) throws(StoaError) {
    let step = min(max(options.logExtension, inner.logSize), options.maximalLogExtension)
    guard options.logExtension > 0, inner.hasCommitted else {
      inner.hasCommitted = true
      inner.logSize = end
      return
    }
    var ahead = step
    while ahead > 0 {
      let target = (end &+ ahead) & ~7
      do throws(StoaError) {
        let count = Int(target &- inner.logSize)
        try file.write([UInt8](repeating: 0, count: count), at: inner.logSize)
        inner.logSize = target
        return
      } catch {
        guard error.kind == .resource else { throw error }
        // Zeros must not be what fills the disk: with less room fewer, in the end the record alone.
        try file.truncate(to: inner.logSize)
        ahead = ahead > options.logExtension ? options.logExtension : 0
      }
    }
    inner.logSize = end
  }

  /// Returns when everything committed so far, by any thread of this process, is durable and visible.
  public func waitForNewest() throws(StoaError) {
    try waitUntilSynced(inner.withLock { $0.tail.commit })
  }

  /// Returns when the disk has everything up to commit `number`. One thread syncs, the others wait for it.
  func waitUntilSynced(_ number: CommitNumber) throws(StoaError) {
    while true {
      let isMine = try syncs.withLock { () throws(StoaError) -> Bool? in
        let (known, refusal, isSyncing) = inner.withLock {
          ($0.syncedCommit >= number, $0.refusal, $0.isSyncing)
        }
        if known { return nil }
        if let refusal, !isSyncing { throw refusal }
        guard isSyncing else {
          inner.withLock { $0.isSyncing = true }
          return true
        }
        syncs.wait(until: CommitGate.moment(after: 100))
        return false
      }
      guard let isMine else { return }
      if isMine { try syncNow() }
    }
  }

  /// Syncs what was written so far and publishes it. `isSyncing` is set.
  private func syncNow() throws(StoaError) {
    let (file, state, end) = inner.withLock { ($0.logFile, $0.tail, $0.tailEnd) }
    defer {
      syncs.withLock {
        inner.withLock { $0.isSyncing = false }
        syncs.signalAll()
      }
    }
    guard let file else {
      throw StoaError(.inconsistency, "no log is open for writing", path: path)
    }
    do throws(StoaError) {
      try file.syncContents()
    } catch {
      inner.withLock { refuseWriting(&$0, after: error) }
      throw error
    }
    inner.withLock { publish(state, logEnd: end, isSynced: true, &$0) }
    leases.removeUnused()
  }

  /// Makes a written state the one that new snapshots get.
  private func publish(_ state: StoreState, logEnd: UInt64, isSynced: Bool, _ inner: inout Inner) {
    if isSynced { inner.syncedCommit = max(inner.syncedCommit, state.commit) }
    if state.commit > inner.state.commit {
      inner.leaving += filesLeaving(from: inner.state, to: state)
      install(state, &inner)
      dropMoves(&inner)
    }
    guard isSynced, logEnd > inner.tipEnd else { return }
    inner.logEnd = logEnd
    publishTip(&inner)
  }

  /// Tells other processes how far the log is synced. What fails is tried again with the next commit and when the lock
  /// is given back. The write lock is held.
  func publishTip(_ inner: inout Inner) {
    guard inner.logEnd > inner.tipEnd, inner.hasWritten, inner.refusal == nil else { return }
    guard (try? writeTip(&inner, isClosed: false)) != nil else { return }
    inner.tipEnd = inner.logEnd
    // Only now: a commit that is not durable may be gone after a power loss, and then its files are needed; and
    // whoever takes a lease on an earlier version looks afterwards, by TIP, whether it is still kept.
    for file in inner.leaving where file.commit <= inner.syncedCommit {
      leases.retire([file.path], removedBy: file.removedBy)
    }
    inner.leaving.removeAll { $0.commit <= inner.syncedCommit }
  }

  /// Segment files of `old` that `new` no longer has, nor keeps for earlier versions.
  private func filesLeaving(from old: StoreState, to new: StoreState) -> [LeavingFile] {
    var files: [LeavingFile] = []
    for (table, segments) in old.segments where new.segments[table] != segments {
      let kept = Set(new.files(of: table).map(\.id))
      files += segments.filter { !kept.contains($0.id) }.map {
        LeavingFile(
          commit: new.commit, removedBy: new.commit, path: layout.segment(table, $0.id))
      }
    }
    guard old.retention.segments != new.retention.segments else { return files }
    for (table, retired) in old.retention.segments {
      let kept = Set((new.retention.segments[table] ?? []).map(\.segment.id))
      files += retired.filter { !kept.contains($0.segment.id) }.map {
        LeavingFile(
          commit: new.commit, removedBy: $0.removedBy,
          path: layout.segment(table, $0.segment.id))
      }
    }
    return files
  }

  /// One writer less; the last gives the lock back, after a checkpoint when the log has grown long.
  func releaseWriting() {
    let isLast = writers.withLock {
      inner.withLock { inner -> Bool in
        guard inner.writerCount == 1 else {
          inner.writerCount -= 1
          return false
        }
        inner.isAcquiring = true
        inner.writerCount = 0
        return true
      }
    }
    guard isLast else { return }
    if inner.withLock({ needsCheckpoint($0) }) { try? writeCheckpoint() }
    inner.withLock { publishTip(&$0) }
    unlockWriting()
    leaveAcquiring(isWriter: false)
  }

  /// A long log that is not mostly rows of memtables, which a checkpoint would write once more; or one that would take
  /// long to be read again.
  func needsCheckpoint(_ inner: borrowing Inner) -> Bool {
    let commitCount = inner.tail.commit &- inner.logCommit
    let patience: UInt64 = inner.lastCheckpointFailed ? 2 : 1
    let isLong = inner.tailEnd > options.logByteLimit &* patience
    let hasManyCommits = commitCount > options.logCommitLimit &* patience
    guard inner.refusal == nil, isLong || hasManyCommits else { return false }
    let inMemory = UInt64(inner.tail.memtableByteCount)
    return hasManyCommits || inMemory < inner.tailEnd / 4
      || inner.tailEnd > options.longestLogByteCount
  }

  /// A memtable of this many bytes takes no more rows: less than the option says when memory is scarce.
  var memtableByteLimit: Int { min(options.memtableByteLimit, max(1 << 16, budget.limit / 16)) }

  /// Memtables of all tables together may have this many bytes before the largest is flushed.
  var totalMemtableByteLimit: Int {
    min(options.upkeep.totalMemtableByteLimit, max(3 << 16, budget.limit / 16 * 3))
  }

  /// A number for a new segment file of this process.
  func takeSegmentID() -> SegmentID {
    inner.withLock { inner in
      defer { inner.nextSegmentID &+= 1 }
      return inner.nextSegmentID
    }
  }
}
