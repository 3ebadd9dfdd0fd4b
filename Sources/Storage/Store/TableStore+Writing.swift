import Catalog
import Vectors

// The write lock and the commit. At most one transaction is open per warehouse, in all processes.
extension TableStore {
  /// Takes the write lock and brings the state up to the end of the log.
  /// - Parameter timeoutMilliseconds: how long to wait for another writer; the option's value when `nil`.
  /// - Throws: `.readOnly`, or `.busy` naming the process that holds the lock.
  public func beginWrite(timeoutMilliseconds: Int? = nil) throws(StoaError) -> WriteTransaction {
    if let refusal { throw refusal }
    let wait = timeoutMilliseconds ?? options.lockTimeoutMilliseconds
    let deadline = monotonicMilliseconds() &+ Int64(wait)
    try takeGate(until: deadline, wait)
    do throws(StoaError) {
      let file = try takeLock(until: deadline, wait)
      do throws(StoaError) {
        let snapshot = try prepareToWrite()
        return WriteTransaction(store: self, snapshot: snapshot)
      } catch {
        try? file.unlock(0..<1)
        throw error
      }
    } catch {
      inner.withLock { $0.isWriting = false }
      throw error
    }
  }

  private func takeGate(until deadline: Int64, _ wait: Int) throws(StoaError) {
    while true {
      let (isMine, isClosed) = inner.withLock { inner -> (Bool, Bool) in
        if inner.isClosed { return (false, true) }
        if inner.isWriting { return (false, false) }
        inner.isWriting = true
        return (true, false)
      }
      if isMine { return }
      if isClosed { throw StoaError(.usage, "the warehouse is closed", path: path) }
      guard monotonicMilliseconds() < deadline else {
        throw StoaError(
          .busy, "another transaction of this process has been writing for \(wait) ms",
          hint: "Commit or roll it back first", path: path)
      }
      pauseMilliseconds(2)
    }
  }

  private func takeLock(until deadline: Int64, _ wait: Int) throws(StoaError) -> any File {
    let file = try lockFile()
    while try !file.tryLock(0..<1, .exclusive) {
      guard monotonicMilliseconds() < deadline else {
        throw StoaError(
          .busy, "another process (\(holder(file))) has been writing for \(wait) ms", path: path)
      }
      pauseMilliseconds(2)
    }
    // The number is for messages only; the lock is what counts.
    try? file.write(Array("\(currentProcessID())          ".utf8), at: 0)
    return file
  }

  private func lockFile() throws(StoaError) -> any File {
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

  private func holder(_ file: any File) -> String {
    let buffer = Buffer(byteCount: 32)
    let target = UnsafeMutableRawBufferPointer(start: buffer.pointer, count: 32)
    let count = (try? file.read(into: target, at: 0)) ?? 0
    let digits = buffer.bytes.prefix(count).prefix { $0 >= 48 && $0 <= 57 }
    return digits.isEmpty ? "unknown" : "process id " + String(decoding: digits, as: UTF8.self)
  }

  /// Under the lock: catches up with the log, repairs its tail after a writer that died, and marks the
  /// warehouse as being written.
  private func prepareToWrite() throws(StoaError) -> Snapshot {
    try inner.withLock { inner throws(StoaError) -> Snapshot in
      let tip = Recovery.readTip(layout, fileSystem, id: id)
      let size = try fileSystem.fileSize(layout.log(inner.log))
      let isCurrent =
        tip?.log == inner.log && tip?.offset == inner.logEnd && size == inner.logEnd
        && inner.hasWritten
      if !isCurrent {
        let found = try reload(&inner, stopsAtTip: false)
        if let refusal = inner.refusal { throw refusal }
        try repairTail(found, &inner)
      }
      if inner.logFile == nil {
        inner.logFile = try fileSystem.open(layout.log(inner.log), .update)
      }
      if !inner.hasWritten || tip?.isClosed != false { try writeTip(&inner, isClosed: false) }
      if !inner.hasWritten {
        inner.hasWritten = true
        collectOrphans(inner)
      }
      return try makeSnapshot(inner)
    }
  }

  /// Cuts a torn tail off and makes durable what a dead writer wrote but may not have synced.
  private func repairTail(_ found: Recovery, _ inner: inout Inner) throws(StoaError) {
    let isPastTip = found.tip?.log != found.log || found.tip?.offset != found.logEnd
    guard found.logFileSize != found.logEnd || isPastTip else { return }
    let file = try fileSystem.open(layout.log(found.log), .update)
    if found.logFileSize != found.logEnd { try file.truncate(to: found.logEnd) }
    try syncOrRefuse(&inner, file, isLog: true)
    inner.logFile = file
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
      id: id, isClosed: isClosed, log: inner.log, offset: inner.logEnd, commit: inner.state.commit)
    let file = try fileSystem.open(layout.tip, .updateOrCreate)
    try file.write(tip.encoded(), at: 0)
    if isClosed { try file.sync() }
  }

  /// Writes one commit and makes it the newest state.
  /// - Throws: on failure before the sync nothing was committed; after a failed sync nobody knows until the
  ///   warehouse is opened again, and `mayBeCommitted` is set.
  func commit(
    _ edits: [LogEdit], mayBeCommitted: inout Bool
  ) throws(StoaError) -> CommitNumber {
    let hasRetired = try inner.withLock { inner throws(StoaError) -> Bool in
      if let refusal = inner.refusal { throw refusal }
      guard let file = inner.logFile else {
        throw StoaError(.inconsistency, "no log is open for writing", path: path)
      }
      let record = LogRecord(
        commit: inner.state.commit &+ 1,
        timestamp: max(inner.state.timestamp &+ 1, options.clock()), edits: edits)
      var next = inner.state
      try next.apply(edits, commit: record.commit, timestamp: record.timestamp)
      let bytes = record.encoded(id, log: inner.log, offset: inner.logEnd)
      try append(bytes, to: file, &inner, &mayBeCommitted)
      let gone = removedPaths(from: inner.state, to: next)
      adopt(next, logEnd: inner.logEnd &+ UInt64(bytes.count), &inner)
      // A reader that misses this commit sees it with the next one.
      try? writeTip(&inner, isClosed: false)
      leases.retire(gone, removedBy: record.commit)
      return !gone.isEmpty
    }
    if hasRetired { leases.removeUnused() }
    return inner.withLock { $0.state.commit }
  }

  private func append(
    _ bytes: [UInt8], to file: any File, _ inner: inout Inner, _ mayBeCommitted: inout Bool
  ) throws(StoaError) {
    do throws(StoaError) {
      try file.write(bytes, at: inner.logEnd)
    } catch {
      // The bytes must be known to be gone before the segments they name are removed.
      mayBeCommitted = true
      do throws(StoaError) {
        try file.truncate(to: inner.logEnd)
        try file.syncContents()
        mayBeCommitted = false
      } catch let second {
        refuseWriting(&inner, after: second)
      }
      throw error
    }
    mayBeCommitted = true
    try syncOrRefuse(&inner, file, isLog: true)
  }

  /// Segment files of `old` that `new` no longer has.
  private func removedPaths(from old: StoreState, to new: StoreState) -> [String] {
    var paths: [String] = []
    for (table, segments) in old.segments where new.segments[table] != segments {
      let kept = Set((new.segments[table] ?? []).map(\.id))
      paths += segments.filter { !kept.contains($0.id) }.map { layout.segment(table, $0.id) }
    }
    return paths
  }

  /// Gives the write lock back; checkpoints first when the log has grown long.
  func endWrite() {
    let needsCheckpoint = inner.withLock {
      $0.refusal == nil && $0.logEnd > options.logByteLimit
        && !($0.lastCheckpointFailed && $0.logEnd < options.logByteLimit &* 2)
    }
    if needsCheckpoint { try? writeCheckpoint() }
    let file = inner.withLock { inner -> (any File)? in
      inner.isWriting = false
      return inner.lockFile
    }
    if let file { try? file.unlock(0..<1) }
  }

  /// A number for a new segment file of this process.
  func takeSegmentID() -> SegmentID {
    inner.withLock { inner in
      defer { inner.nextSegmentID &+= 1 }
      return inner.nextSegmentID
    }
  }
}
