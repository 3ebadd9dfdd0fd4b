import Catalog
import Kernels
import Synchronization
import Vectors

// Earlier versions: the newest checkpoint that is not later, and the log from there up to the commit asked for.
//
// Who reads a version takes a lease on its commit and only then looks, as TIP has it, whether it is still kept. Who lets
// a version go says so in TIP and only then looks for leases. So one of the two sees the other, and no file goes
// that a version in use needs. Logs and checkpoints are needed only while the version is rebuilt; should they go
// meanwhile, its time is over.
extension TableStore {
  /// The state at commit `commit`, as long as it is kept; `newest` itself when it is of that commit.
  /// - Parameter newest: what the statement sees; versions behind it are not there yet.
  /// - Throws: `.binding` when the version is not there yet or any more, naming the oldest that is.
  public func snapshot(
    at commit: CommitNumber, before newest: Snapshot
  ) throws(StoaError) -> Snapshot {
    if commit == newest.commit { return newest }
    guard commit < newest.commit else {
      throw StoaError(
        .binding, "there is no version \(commit) yet; the newest is \(newest.commit)")
    }
    try leases.take(commit)
    let lease = SnapshotLease(leases, commit: commit)
    try requireKept(commit)
    do throws(StoaError) {
      let version = try rebuiltVersion(commit)
      lease.keep(version.memory)
      return Snapshot(
        state: version.state, references: version.references, lease: lease, store: self)
    } catch {
      try requireKept(commit)
      throw error
    }
  }

  /// The last commit at or before a time, in microseconds since 1970.
  /// - Throws: `.binding` for times to come and for versions that are not kept any more.
  public func commit(
    atTime timestamp: Int64, before newest: Snapshot
  ) throws(StoaError) -> CommitNumber {
    if timestamp >= newest.timestamp {
      guard timestamp <= max(options.clock(), newest.timestamp) else {
        throw StoaError(.binding, "the time is still to come")
      }
      return newest.commit
    }
    let retention = try keptHistory()
    guard retention.isOn, timestamp >= retention.oldestTimestamp else {
      throw TableStore.notKept("what was there at that time is", retention, newest)
    }
    let files = historyFiles
    var found = retention.oldest
    // The log after it begins later, so that the commit looked for is here, and behind it one that is too late.
    let logs = files.logs()
    guard let begun = files.last(ofLogs: logs, notAfterTime: timestamp, .missing) else {
      guard let first = logs.first, files.logHeader(first) == nil else { return found }
      throw StoaError(
        .corruption, "the log cannot be read behind commit \(found)", path: layout.log(first))
    }
    found = max(found, begun.previousCommit)
    let log = try HistoryLog(files, number: begun.number)
    for header in log.headers {
      let record = try log.record(at: header.offset)
      guard record.timestamp <= timestamp else { return found }
      found = max(found, record.commit)
      // No other commit has this time, whatever follows.
      if record.timestamp == timestamp { return found }
    }
    throw StoaError(
      .corruption, "the log cannot be read behind commit \(found)", path: log.path)
  }

  /// - Throws: `.binding` when the version is not kept any more.
  private func requireKept(_ commit: CommitNumber) throws(StoaError) {
    let (retention, newest) = try inner.withLock { inner throws(StoaError) in
      if inner.writerCount == 0 { try refresh(&inner) }
      return (inner.state.retention, try makeSnapshot(inner))
    }
    let oldest = retention.isOn ? retention.oldest : newest.commit
    guard commit < oldest else { return }
    throw TableStore.notKept("version \(commit) is", retention, newest)
  }

  func keptHistory() throws(StoaError) -> Retention {
    try inner.withLock { inner throws(StoaError) in
      if inner.writerCount == 0 { try refresh(&inner) }
      return inner.state.retention
    }
  }

  private static func notKept(
    _ what: String, _ retention: Retention, _ newest: Snapshot
  ) -> StoaError {
    guard retention.isOn else {
      return StoaError(
        .binding,
        "\(what) not kept; version \(newest.commit), the newest, is the only one"
          + " because retention is 0",
        hint: "SET retention = '1 day' keeps versions from then on")
    }
    return StoaError(
      .binding,
      "\(what) not kept any more; the oldest version is \(retention.oldest) of"
        + " \(timestampText(retention.oldestTimestamp))",
      hint: "SET retention says how long versions are kept; SHOW VERSIONS lists them")
  }

  /// The version; where memory is short, at the price of those that are kept for the next query.
  private func rebuiltVersion(_ commit: CommitNumber) throws(StoaError) -> HistoricVersion {
    let limit = min(HistoryCache.byteLimit, budget.limit / 16)
    do throws(StoaError) {
      return try history.version(commit, byteLimit: limit) { (known) throws(StoaError) in
        try rebuild(commit, from: known)
      }
    } catch {
      guard error.kind == .resource else { throw error }
      history.removeAll()
      return try history.version(commit, byteLimit: limit) { (_) throws(StoaError) in
        try rebuild(commit, from: nil)
      }
    }
  }

  /// Replays the log up to `commit`, from a version known already when no checkpoint is nearer.
  private func rebuild(
    _ commit: CommitNumber, from known: HistoricVersion?
  ) throws(StoaError) -> HistoricVersion {
    let memory = MemoryReservation(budget)
    var replay = HistoryReplay(historyFiles, memory: memory)
    try replay.begin(at: commit, known: known?.state)
    try replay.run(to: commit)
    let current = inner.withLock { $0.references }
    var references: [SegmentID: SegmentReference] = [:]
    let source = segmentSource
    for segment in replay.state.segments.values.joined() {
      let shared = [
        current[segment.id], known?.references[segment.id], history.reference(segment.id),
      ]
      references[segment.id] =
        shared.compactMap { $0 }.first { $0.description == segment }
        ?? SegmentReference(segment, source: source)
    }
    return HistoricVersion(state: replay.state, references: references, memory: memory)
  }
}

/// Microseconds since 1970 as SQL writes a TIMESTAMP.
func timestampText(_ microseconds: Int64) -> String {
  let text = try? Cast.apply(.integer(Int128(microseconds)), from: .timestamp, to: .varchar)
  if case .string(let text) = text { return text }
  return "\(microseconds) µs"
}

/// The state of one earlier commit, with readers of its segments.
struct HistoricVersion: Sendable {
  let state: StoreState
  let references: [SegmentID: SegmentReference]
  /// Counts the rows of its memtables in the budget; snapshots of the version keep it too.
  let memory: MemoryReservation
}

/// The versions that were read last, so that the next query of one does not replay the log again.
final class HistoryCache: Sendable {
  private static let countLimit = 4
  static let byteLimit = 64 << 20

  private let versions = Mutex<[HistoricVersion]>([])

  /// The version, rebuilt if need be from the nearest earlier one that is known.
  func version(
    _ commit: CommitNumber, byteLimit: Int,
    rebuild: (HistoricVersion?) throws(StoaError) -> HistoricVersion
  ) throws(StoaError) -> HistoricVersion {
    let known = versions.withLock { $0 }
    let found: HistoricVersion
    if let same = known.first(where: { $0.state.commit == commit }) {
      found = same
    } else {
      let nearest = known.filter { $0.state.commit < commit }.max {
        $0.state.commit < $1.state.commit
      }
      found = try rebuild(nearest)
    }
    versions.withLock { versions in
      versions.removeAll { $0.state.commit == commit }
      versions.append(found)
      while versions.count > 1,
        versions.count > HistoryCache.countLimit
          || versions.reduce(0, { $0 &+ $1.state.memtableByteCount }) > byteLimit
      {
        versions.removeFirst()
      }
    }
    return found
  }

  /// A reference to the segment in one of the versions.
  func reference(_ id: SegmentID) -> SegmentReference? {
    versions.withLock { $0.lazy.compactMap { $0.references[id] }.first }
  }

  func removeAll() { versions.withLock { $0 = [] } }
}
