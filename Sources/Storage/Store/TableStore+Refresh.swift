import Catalog
import Vectors

// Following the commits of other processes: TIP says how far the log may be read.
extension TableStore {
  /// Brings the state up to TIP. What cannot be read leaves the state as it is and adds a warning.
  func refresh(_ inner: inout Inner) {
    guard let tip = readTip(&inner) else { return }
    if tip.log == inner.log && tip.offset <= inner.tailEnd { return }
    if tip.log < inner.log { return }
    do throws(StoaError) {
      if tip.log == inner.log {
        try follow(tip, &inner)
      } else {
        try reload(&inner, stopsAtTip: true)
      }
    } catch {
      warn(error.description, &inner)
    }
  }

  func warn(_ text: String, _ inner: inout Inner) {
    if !inner.warnings.contains(text) { inner.warnings.append(text) }
  }

  /// TIP through a descriptor kept open (it is overwritten in place, never replaced).
  private func readTip(_ inner: inout Inner) -> TipFile? {
    if inner.tipFile == nil { inner.tipFile = try? fileSystem.open(layout.tip, .read) }
    guard let file = inner.tipFile else { return nil }
    for _ in 0..<3 {
      let buffer = Buffer(byteCount: TipFile.byteCount)
      let target = UnsafeMutableRawBufferPointer(start: buffer.pointer, count: TipFile.byteCount)
      guard (try? file.read(into: target, at: 0)) == TipFile.byteCount else { return nil }
      if let tip = try? TipFile([UInt8](buffer.bytes), id: id, path: layout.tip) { return tip }
    }
    return nil
  }

  /// Applies the records between the known end and TIP.
  private func follow(_ tip: TipFile, _ inner: inout Inner) throws(StoaError) {
    let path = layout.log(inner.log)
    let file = try fileSystem.open(path, .read)
    let start = inner.tailEnd
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
