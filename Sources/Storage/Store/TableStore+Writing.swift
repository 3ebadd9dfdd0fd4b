import Catalog
import Vectors

// The write lock and the commit. One process at a time writes, with as many transactions as it likes.
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

  /// Enters this process, or one more transaction of it, as the writer. The first takes the lock of the warehouse
  /// and brings the state up to the end of the log; the last to leave gives it back.
  func acquireWriting(timeoutMilliseconds: Int? = nil) throws(StoaError) {
    if let refusal { throw refusal }
    let wait = timeoutMilliseconds ?? options.lockTimeoutMilliseconds
    let deadline = monotonicMilliseconds() &+ Int64(wait)
    if try enterWriters(until: deadline, wait) { return }
    do throws(StoaError) {
      let file = try takeLock(until: deadline, wait)
      do throws(StoaError) {
        try prepareToWrite()
      } catch {
        try? file.unlock(0..<1)
        throw error
      }
    } catch {
      leaveAcquiring(isWriter: false)
      throw error
    }
    leaveAcquiring(isWriter: true)
  }

  /// Counts one more writer when this process has the lock; false when the caller is to take it.
  private func enterWriters(until deadline: Int64, _ wait: Int) throws(StoaError) -> Bool {
    // A thread of this process that takes the lock or gives it back is not in anybody's way for long.
    let deadline = max(deadline, monotonicMilliseconds() &+ 2000)
    return try writers.withLock { () throws(StoaError) in
      while true {
        let state = inner.withLock { inner -> (isClosed: Bool, isAcquiring: Bool, count: Int) in
          (inner.isClosed, inner.isAcquiring, inner.writerCount)
        }
        if state.isClosed { throw StoaError(.usage, "the warehouse is closed", path: path) }
        if !state.isAcquiring {
          inner.withLock {
            if state.count > 0 { $0.writerCount += 1 } else { $0.isAcquiring = true }
          }
          return state.count > 0
        }
        guard monotonicMilliseconds() < deadline else {
          throw StoaError(
            .busy, "another process is writing; waited \(wait) ms for it", path: path)
        }
        writers.wait(until: CommitGate.moment(after: 10))
      }
    }
  }

  private func leaveAcquiring(isWriter: Bool) {
    writers.withLock {
      inner.withLock {
        $0.isAcquiring = false
        if isWriter { $0.writerCount += 1 }
      }
      writers.signalAll()
    }
  }

  private func takeLock(until deadline: Int64, _ wait: Int) throws(StoaError) -> any File {
    let file = try lockFile()
    while try !file.tryLock(0..<1, .exclusive) {
      guard monotonicMilliseconds() < deadline else {
        throw StoaError(
          .busy, "another process (\(holder(file))) is writing; waited \(wait) ms for it",
          path: path)
      }
      pauseMilliseconds(2)
    }
    // The number is for messages only; the lock is what counts.
    try? file.write(Array("\(currentProcessID())          ".utf8), at: 0)
    return file
  }

  func lockFile() throws(StoaError) -> any File {
    if let file = inner.withLock({ $0.lockFile }) { return file }
    let file: any File
    do throws(StoaError) {
      file = try fileSystem.open(layout.lock, .updateOrCreate)
    } catch {
      var refused = error
      refused.kind = .readOnly
      refused.message = "the warehouse cannot be written: \(error.message)"
      throw refused
    }
    inner.withLock { $0.lockFile = file }
    return file
  }

  /// Gives the write lock back. Should that fail, the file is closed, which gives it back for certain.
  private func unlockWriting() {
    guard let file = inner.withLock({ $0.lockFile }) else { return }
    guard (try? file.unlock(0..<1)) == nil, !upkeep.isWritingFiles else { return }
    inner.withLock { $0.lockFile = nil }
  }

  private func holder(_ file: any File) -> String {
    let buffer = Buffer(byteCount: 32)
    let target = UnsafeMutableRawBufferPointer(start: buffer.pointer, count: 32)
    let count = (try? file.read(into: target, at: 0)) ?? 0
    let digits = buffer.bytes.prefix(count).prefix { $0 >= 48 && $0 <= 57 }
    return digits.isEmpty ? "unknown" : "process id " + String(decoding: digits, as: UTF8.self)
  }

  /// Under the lock: catches up with the log, repairs its tail after a writer that died, and marks the
  /// warehouse as being written.
  private func prepareToWrite() throws(StoaError) {
    try inner.withLock { inner throws(StoaError) in
      let tip = Recovery.readTip(layout, fileSystem, id: id)
      let size = try fileSystem.fileSize(layout.log(inner.log))
      let isCurrent =
        tip?.log == inner.log && tip?.offset == inner.logEnd && size == inner.logSize
        && inner.hasWritten && (try? isBehind(inner)) == false
      if !isCurrent {
        let found = try reload(&inner, stopsAtTip: false)
        if let refusal = inner.refusal { throw refusal }
        try repairTail(found, &inner)
        if tip?.log != inner.log || tip?.offset != inner.logEnd { inner.tipEnd = 0 }
      }
      if inner.logFile == nil {
        inner.logFile = try fileSystem.open(layout.log(inner.log), .update)
        inner.logSize = try inner.logFile?.size() ?? 0
      }
      if !inner.hasWritten || tip?.isClosed != false || inner.tipEnd == 0 {
        try writeTip(&inner, isClosed: false)
        inner.tipEnd = inner.logEnd
      }
      if !inner.hasWritten {
        inner.hasWritten = true
      }
      if !inner.hasCollectedOrphans { collectOrphans(&inner) }
    }
  }

  /// Whether something was written that TIP does not say, by a writer that died or could not write TIP: a newer log, or
  /// a record behind the last one known. The log's length does not tell, as zeros are written ahead of it.
  func isBehind(_ inner: borrowing Inner) throws(StoaError) -> Bool {
    if try fileSystem.fileSize(layout.log(inner.log &+ 1)) != nil { return true }
    let file: any File
    if let open = inner.logFile {
      file = open
    } else {
      file = try fileSystem.open(layout.log(inner.log), .read)
    }
    let buffer = Buffer(byteCount: LogRecord.headerByteCount)
    let target = UnsafeMutableRawBufferPointer(
      start: buffer.pointer, count: LogRecord.headerByteCount)
    let count = try file.read(into: target, at: inner.tailEnd)
    return buffer.bytes.prefix(count).contains { $0 != 0 }
  }

  /// Cuts a torn tail off and makes durable what a dead writer wrote but may not have synced.
  private func repairTail(_ found: Recovery, _ inner: inout Inner) throws(StoaError) {
    let isPastTip = found.tip?.log != found.log || found.tip?.offset != found.logEnd
    guard found.logFileSize != found.logEnd || isPastTip else { return }
    let file = try fileSystem.open(layout.log(found.log), .update)
    if found.logFileSize != found.logEnd { try file.truncate(to: found.logEnd) }
    try syncOrRefuse(&inner, file, isLog: true)
    inner.logFile = file
    inner.logSize = found.logEnd
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
      id: id, isClosed: isClosed, log: inner.log, offset: inner.logEnd, commit: inner.syncedCommit)
    let file = try fileSystem.open(layout.tip, .updateOrCreate)
    try file.write(tip.encoded(), at: 0)
    if isClosed { try file.sync() }
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
    let record = LogRecord(
      commit: inner.tail.commit &+ 1,
      timestamp: max(inner.tail.timestamp &+ 1, options.clock()), edits: edits, kinds: kinds)
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
    let target = (end &+ step) & ~7
    try file.write([UInt8](repeating: 0, count: Int(target &- inner.logSize)), at: inner.logSize)
    inner.logSize = target
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
