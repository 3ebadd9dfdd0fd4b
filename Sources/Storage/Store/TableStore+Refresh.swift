import Catalog
import Vectors

// Following the commits of other processes: TIP says how far the log may be read.
extension TableStore {
  /// Brings the state up to TIP. Damage leaves the state as it is and adds a warning, as it does when a damaged
  /// warehouse is opened; what cannot be read now is tried again and then thrown, since an older state would pass for
  /// the newest.
  func refresh(_ inner: inout Inner) throws(StoaError) {
    for attempt in 1...3 {
      do throws(StoaError) {
        return try followTip(&inner, isFirst: attempt == 1)
      } catch {
        // Checkpoints and logs are replaced and removed while they are read.
        if attempt < 3 { continue }
        guard error.kind == .corruption else { throw error }
        warn(error.description, &inner)
      }
    }
  }

  private func followTip(_ inner: inout Inner, isFirst: Bool) throws(StoaError) {
    guard let tip = try readTip(&inner) else { return }
    if tip.log == inner.log && tip.offset <= inner.tailEnd { return }
    if tip.log < inner.log { return }
    if tip.log == inner.log, isFirst {
      try follow(tip, &inner)
    } else {
      try reload(&inner, stopsAtTip: true)
    }
  }

  func warn(_ text: String, _ inner: inout Inner) {
    if !inner.warnings.contains(text) { inner.warnings.append(text) }
  }

  /// TIP through a descriptor kept open (it is overwritten in place, never replaced); `nil` before the first commit.
  /// Its bytes may be read while they are written. When they stay wrong, a TIP made of what the log has stands in,
  /// unless somebody writes: nobody else knows then how far the log is durable.
  private func readTip(_ inner: inout Inner) throws(StoaError) -> TipFile? {
    if inner.tipFile == nil {
      guard try fileSystem.fileSize(layout.tip) != nil else { return nil }
      inner.tipFile = try fileSystem.open(layout.tip, .read)
    }
    guard let file = inner.tipFile else { return nil }
    var attempt = 0
    while true {
      do throws(StoaError) {
        let buffer = try file.readBuffer(at: 0, byteCount: TipFile.byteCount)
        return try TipFile([UInt8](buffer.bytes), id: id, path: layout.tip)
      } catch {
        guard error.kind == .corruption else { throw error }
        // A writer died before its first words.
        if try file.size() == 0 { return nil }
        attempt += 1
        guard attempt > 4 else {
          pauseMilliseconds(attempt > 1 ? 1 : 0)
          continue
        }
        guard try !fileSystem.open(layout.lock, .read).isLockedElsewhere(0..<1) else {
          throw StoaError(
            .io, "what others committed cannot be seen: \(error.message)",
            hint: "Try again; the next commit writes the file anew", path: layout.tip)
        }
        warn(error.description, &inner)
        if try isBehind(inner) { try reload(&inner, stopsAtTip: false) }
        return nil
      }
    }
  }

  /// Applies the records between the known end and TIP.
  private func follow(_ tip: TipFile, _ inner: inout Inner) throws(StoaError) {
    let path = layout.log(inner.log)
    let file = try fileSystem.open(path, .read)
    let start = inner.tailEnd
    guard tip.offset <= (try file.size()) else {
      throw StoaError(
        .corruption, "the log ends before offset \(tip.offset), which TIP speaks of", path: path)
    }
    let buffer = try file.readBuffer(at: start, byteCount: Int(clamping: tip.offset &- start))
    let scan = try LogScan(
      [UInt8](buffer.bytes), base: start, id: id, number: inner.log, from: start,
      after: inner.state.commit, syncedEnd: tip.offset, path: path)
    var state = inner.state
    for record in scan.records {
      try state.apply(record.edits, commit: record.commit, timestamp: record.timestamp)
    }
    if case .damaged(let message) = scan.ending {
      throw StoaError(.corruption, message, path: path, offset: scan.end)
    }
    adopt(state, logEnd: scan.end, &inner)
  }

  /// Reads everything again; after another process began a new log, or to be sure before writing.
  @discardableResult
  func reload(_ inner: inout Inner, stopsAtTip: Bool) throws(StoaError) -> Recovery {
    let found = try Recovery(layout: layout, fileSystem: fileSystem, stopsAtTip: stopsAtTip)
    guard found.id == id else {
      throw StoaError(
        .corruption, "another warehouse took this one's place", path: layout.warehouse)
    }
    for warning in found.warnings { warn(warning, &inner) }
    if found.state.commit < inner.state.commit {
      throw StoaError(
        .corruption, "commit \(inner.state.commit) is no longer in the log",
        path: layout.log(found.log))
    }
    inner.log = found.log
    inner.checkpoint = found.checkpoint
    inner.logCommit = found.checkpointCommit
    inner.logFile = nil
    adopt(found.state, logEnd: found.logEnd, &inner)
    if let damage = found.damage, inner.refusal == nil {
      inner.refusal = TableStore.refusal(after: damage)
    }
    return found
  }

  /// Makes `state`, which others committed and the log has up to `logEnd`, the newest one.
  func adopt(_ state: StoreState, logEnd: UInt64, _ inner: inout Inner) {
    inner.logEnd = logEnd
    inner.tailEnd = logEnd
    inner.tipEnd = logEnd
    inner.syncedCommit = state.commit
    inner.tail = state
    inner.memtables.set(to: state.memtableByteCount)
    install(state, &inner)
  }

  /// Gives `state` to new snapshots and moves the store's own lease to it. A lease that cannot be taken leaves
  /// the older one in place, which keeps more files than needed.
  func install(_ state: StoreState, _ inner: inout Inner) {
    guard state.commit != inner.state.commit else { return }
    let hasSegments = state.segments != inner.state.segments
    inner.state = state
    inner.nextSegmentID = max(inner.nextSegmentID, state.nextSegmentID)
    if hasSegments { rebuildReferences(&inner) }
    guard (try? leases.take(state.commit)) != nil else { return }
    leases.release(inner.leasedCommit)
    inner.leasedCommit = state.commit
  }

  var segmentSource: SegmentSource {
    SegmentSource(layout: layout, fileSystem: fileSystem, id: id, cache: cache)
  }

  /// One reference per segment of the states; those known already stay, with their open readers.
  func rebuildReferences(_ inner: inout Inner) {
    let source = segmentSource
    var references: [SegmentID: SegmentReference] = [:]
    for state in [inner.state, inner.tail] {
      for description in state.segments.values.joined() where references[description.id] == nil {
        let known = inner.references[description.id]
        references[description.id] =
          known?.description == description ? known : SegmentReference(description, source: source)
      }
    }
    inner.references = references
    inner.statistics = inner.statistics.filter { inner.state.catalog.table($0.key) != nil }
  }
}
