import Catalog
import Vectors

// How long earlier versions are kept, and their end. Nothing here runs by itself: steps of upkeep, COMPACT and closing
// look at the clock, and a commit that names the oldest version left makes the rest of it known to every process.
extension TableStore {
  var historyFiles: HistoryFiles { inner.withLock { historyFiles($0) } }

  func historyFiles(_ inner: borrowing Inner) -> HistoryFiles {
    HistoryFiles(
      layout: layout, fileSystem: fileSystem, id: id, lastCheckpoint: inner.checkpoint,
      lastLog: inner.log)
  }

  /// Sets how long earlier versions can be read, for every process from now on; 0 keeps none.
  /// - Throws: `.readOnly`, or `.busy` naming the process that holds the write lock.
  public func setRetention(
    microseconds: Int64, timeoutMilliseconds: Int? = nil
  ) throws(StoaError) {
    try acquireWriting(timeoutMilliseconds: timeoutMilliseconds)
    defer { releaseWriting() }
    let value = max(0, microseconds)
    try commitUpkeep(.set) { inner in
      inner.tail.retention.microseconds == value ? [] : [.setProperty(.retention, value)]
    }
    leases.removeUnused()
    // Versions that a shorter time does not cover; failing leaves them to the next step.
    _ = try? expireIfDue()
  }

  /// Microseconds until versions may go, by the clock; `nil` when none will.
  public var microsecondsToExpiry: Int64? {
    inner.withLock { $0.nextExpiry }.map { max(0, $0 &- options.clock()) }
  }

  /// Forgets versions whose time is over, if files or logs go with them.
  /// - Returns: false when there are none, or another process is writing.
  func expireIfDue() throws(StoaError) -> Bool {
    guard let due = inner.withLock({ $0.nextExpiry }), due <= options.clock() else { return false }
    do throws(StoaError) {
      return try expire(
        isExact: false, timeoutMilliseconds: UpkeepTiming.lockMilliseconds(options))
    } catch {
      if error.kind == .busy { return false }
      throw error
    }
  }

  /// Forgets versions whose time is over.
  /// - Parameter isExact: also those that end only just.
  @discardableResult
  func expire(isExact: Bool, timeoutMilliseconds: Int) throws(StoaError) -> Bool {
    guard try snapshot().state.retention.isOn else { return false }
    try acquireWriting(timeoutMilliseconds: timeoutMilliseconds)
    defer { releaseWriting() }
    var isMoved = false
    try commitUpkeep(.expire) { inner in
      guard let edit = oldestToKeep(inner, isExact: isExact) else { return [] }
      isMoved = true
      return [edit]
    }
    if isMoved {
      commits.withLock { inner.withLock { removeOldGenerations(&$0) } }
      leases.removeUnused()
    }
    return isMoved
  }

  /// The newest version that was there long enough ago and lets files or logs go.
  private func oldestToKeep(_ inner: borrowing Inner, isExact: Bool) -> LogEdit? {
    let retention = inner.tail.retention
    let limit = options.clock() &- retention.microseconds
    var best = (commit: retention.oldest, timestamp: retention.oldestTimestamp)
    for retired in retention.segments.values.joined()
    where retired.removedAt <= limit && retired.removedBy > best.commit {
      best = (retired.removedBy, retired.removedAt)
    }
    if isExact || (inner.secondLogTimestamp ?? .max) <= limit {
      let files = historyFiles(inner)
      if let log = files.last(ofLogs: files.logs(), notAfterTime: limit, .tooNew),
        log.previousCommit > best.commit, log.previousCommit <= inner.tail.commit
      {
        best = (log.previousCommit, log.previousTimestamp)
      }
    }
    guard best.commit > retention.oldest else { return nil }
    return .keepFrom(best.commit, timestamp: best.timestamp)
  }
}

extension TableStore.Inner {
  /// When a version ends whose files or log then may go, by the clock; a little late, so that several end at once.
  var nextExpiry: Int64? {
    let retention = state.retention
    guard retention.isOn, hasWritten, refusal == nil else { return nil }
    let segments = retention.segments.values.compactMap { $0.first?.removedAt }.min()
    guard let first = [segments, secondLogTimestamp].compactMap({ $0 }).min() else { return nil }
    let delay = min(retention.microseconds / 16, 60_000_000)
    let (length, isTooLong) = retention.microseconds.addingReportingOverflow(delay)
    let (due, isNever) = first.addingReportingOverflow(length)
    return isTooLong || isNever ? nil : due
  }
}
