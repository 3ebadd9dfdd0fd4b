import Catalog
import Vectors

// Checkpoints, clean closing, and files that nothing names any more. All of it runs under the write lock.
extension TableStore {
  /// Writes the state aside and begins a new log file.
  /// - Throws: `.readOnly`, `.busy`, or what the disk said; the old log and checkpoint then stay in force.
  public func checkpoint(timeoutMilliseconds: Int? = nil) throws(StoaError) {
    let transaction = try beginWrite(timeoutMilliseconds: timeoutMilliseconds)
    defer { transaction.rollback() }
    try writeCheckpoint()
  }

  /// Order: new log file, checkpoint that names it, CURRENT that names the checkpoint. Each is durable before
  /// the next, so a stop anywhere leaves a CURRENT whose files are complete.
  func writeCheckpoint() throws(StoaError) {
    try commits.withLock { () throws(StoaError) in
      try waitUntilSynced(inner.withLock { $0.tail.commit })
      try inner.withLock { inner throws(StoaError) in try writeCheckpoint(&inner) }
    }
  }

  /// Nothing is written meanwhile and everything written is synced.
  private func writeCheckpoint(_ inner: inout Inner) throws(StoaError) {
    if let refusal = inner.refusal { throw refusal }
    let start = UInt64(LogHeader.byteCount)
    if inner.tailEnd == start { return }
    inner.lastCheckpointFailed = true
    let log = inner.log &+ 1
    let number = inner.checkpoint &+ 1
    let header = LogHeader(
      id: id, number: log, previousCommit: inner.tail.commit,
      previousTimestamp: inner.tail.timestamp)
    try Creation.write(header.encoded(), layout.log(log), fileSystem)
    try fileSystem.syncDirectory(layout.logDirectory)
    let file = CheckpointFile(id: id, number: number, log: log, logOffset: start, state: inner.tail)
    try Creation.write(file.encoded(), layout.checkpoint(number), fileSystem)
    try fileSystem.syncDirectory(layout.checkpointDirectory)
    try publish(checkpoint: number, &inner)
    inner.log = log
    inner.logEnd = start
    inner.tailEnd = start
    inner.logSize = start
    inner.tipEnd = 0
    inner.checkpoint = number
    inner.logCommit = inner.tail.commit
    inner.logFile = nil
    inner.lastCheckpointFailed = false
    publishTip(&inner)
    inner.logFile = try fileSystem.open(layout.log(log), .update)
    removeOldGenerations(&inner)
  }

  /// Replaces CURRENT. Once the rename was tried, either file may be in force after a failure, and commits
  /// to the wrong log would be lost: so a failure from there on ends writing.
  private func publish(checkpoint number: UInt64, _ inner: inout Inner) throws(StoaError) {
    let current = CurrentFile(id: id, checkpoint: number, commit: inner.tail.commit)
    let aside = layout.current + ".tmp"
    try Creation.write(current.encoded(), aside, fileSystem)
    do throws(StoaError) {
      try fileSystem.rename(aside, to: layout.current)
      try fileSystem.syncDirectory(layout.root)
    } catch {
      refuseWriting(&inner, after: error)
      throw error
    }
  }

  /// Keeps the checkpoint in force, the one before it and the logs since, as a way back from damage; and what
  /// earlier versions are rebuilt from.
  func removeOldGenerations(_ inner: inout Inner) {
    let files = historyFiles(inner)
    let retention = inner.tail.retention
    let oldest = retention.isOn ? retention.oldest : nil
    let checkpoints = files.checkpoints()
    let first = oldest.map { files.last(of: checkpoints, notAfter: $0, .tooNew) ?? 0 }
    let keptCheckpoint = min(max(1, inner.checkpoint) - 1, first ?? .max)
    for number in files.allCheckpoints()
    where number < keptCheckpoint || number > inner.checkpoint {
      try? fileSystem.unlink(layout.checkpoint(number))
    }
    let logs = files.logs()
    let firstLog = oldest.map { files.last(ofLogs: logs, notAfter: $0, .tooNew)?.number ?? 0 }
    let keptLog = min(max(1, inner.log) - 1, firstLog ?? .max)
    for number in files.allLogs() where number < keptLog || number > inner.log {
      try? fileSystem.unlink(layout.log(number))
    }
    let kept = logs.filter { $0 >= keptLog }
    inner.secondLogTimestamp =
      retention.isOn && kept.count > 2 ? files.logHeader(kept[1])?.previousTimestamp : nil
  }

  /// Records durably where the log ends. Does nothing when this process wrote nothing.
  func closeCleanly() throws(StoaError) {
    let (hasWritten, file) = inner.withLock {
      ($0.hasWritten && $0.refusal == nil && $0.writerCount == 0, $0.lockFile)
    }
    guard hasWritten, let file, try file.tryLock(0..<1, .exclusive) else { return }
    defer { try? file.unlock(0..<1) }
    _ = try markLock(file)
    // Another process may have written since; then closing cleanly is its business. TIP does not say so of commits that
    // did not wait for the disk.
    let isNewest = inner.withLock { inner -> Bool in
      let tip = Recovery.readTip(layout, fileSystem, id: id)
      return tip?.log == inner.log && tip?.offset == inner.logEnd
        && (try? isBehind(inner)) == false
    }
    guard isNewest else { return }
    try waitUntilSynced(inner.withLock { $0.tail.commit })
    if inner.withLock({ $0.logEnd > options.closingLogByteLimit }) { try writeCheckpoint() }
    try inner.withLock { inner throws(StoaError) in
      if inner.logSize > inner.logEnd, let log = inner.logFile {
        try log.truncate(to: inner.logEnd)
        inner.logSize = inner.logEnd
        try syncOrRefuse(&inner, log, isLog: true)
      }
      try writeTip(&inner, isClosed: true)
      try fileSystem.syncDirectory(layout.root)
    }
  }

  /// After a writer died: takes the lock if it is free, cuts the log's torn tail, removes orphans.
  func tidyAfterUncleanStop() {
    guard let transaction = try? beginWrite(timeoutMilliseconds: 0) else { return }
    transaction.rollback()
  }

  /// Removes segment files that no commit names: loads that never committed, tables dropped while somebody
  /// still read them. Files that this process or another may still read, or is writing without the write lock, stay until
  /// a later collection.
  func collectOrphans(_ inner: inout Inner) {
    let commit = inner.state.commit
    if upkeep.isWritingFiles || leases.isReadHere(before: commit)
      || leases.isReadElsewhere(before: commit)
    {
      return
    }
    guard let lock = inner.lockFile, (try? lock.isLockedElsewhere(upkeepLockRange)) == false
    else { return }
    inner.collectedLog = inner.log
    let names = (try? fileSystem.list(layout.segmentsDirectory)) ?? []
    for name in names {
      guard let table = TableID(name) else { continue }
      let directory = layout.tableDirectory(table)
      let known = Set(inner.state.files(of: table).map { layout.segment(table, $0.id) })
      let files = (try? fileSystem.list(directory)) ?? []
      for file in files {
        let path = "\(directory)/\(file)"
        guard StoreLayout.number(file, suffix: ".seg") != nil, !known.contains(path) else {
          continue
        }
        if !leases.isWaiting(path) { try? fileSystem.unlink(path) }
      }
      if inner.state.catalog.table(table) == nil { try? fileSystem.removeDirectory(directory) }
    }
  }
}
