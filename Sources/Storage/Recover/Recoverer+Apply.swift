import Catalog
import Vectors

// What is done about it.
extension Recoverer {
  mutating func apply() throws(StoaError) {
    state.nextSegmentID = max(
      state.nextSegmentID, (orphans.map(\.id).max() ?? 0) + 1,
      (state.segments.values.joined().map(\.id).max() ?? 0) + 1)
    var kept = try KeptAside(layout, fileSystem)
    report.keptAside = kept.name
    let replaced = try keepFiles(&kept)
    if salvages {
      try rewriteDamaged()
      try saveOrphans()
      try giveUpPromises()
    }
    state.commit = lastCommit + 1
    state.timestamp = max(state.timestamp &+ 1, now())
    state.retention.keep(from: state.commit, timestamp: state.timestamp)
    report.commit = state.commit
    try kept.finish(report.text)
    try publish()
    // All of these have a second name now.
    for path in replaced { try? fileSystem.unlink(path) }
    for directory in [layout.logDirectory, layout.checkpointDirectory] {
      try? fileSystem.syncDirectory(directory)
    }
    report.isDone = true
  }

  /// Keeps everything aside that the recovered warehouse does not name.
  /// - Returns: paths of files that are then to go.
  private func keepFiles(_ kept: inout KeptAside) throws(StoaError) -> [String] {
    for path in [layout.warehouse, layout.current, layout.tip] {
      // A file that cannot be read at all is lost anyway.
      do throws(StoaError) { try kept.keep(path, asCopy: true) } catch {
        guard error.kind == .io || error.kind == .corruption else { throw error }
      }
    }
    var paths: [String] = []
    for name in try fileSystem.list(layout.logDirectory) ?? [] {
      paths.append("\(layout.logDirectory)/\(name)")
    }
    for name in try fileSystem.list(layout.checkpointDirectory) ?? [] {
      paths.append("\(layout.checkpointDirectory)/\(name)")
    }
    paths += orphans.map(\.path)
    if salvages { paths += surveys.map { layout.segment($0.segment.table, $0.segment.id) } }
    for path in paths {
      try pulse()
      try kept.keep(path)
    }
    return paths
  }

  /// Two generations of log and checkpoint, so that damage to the newer one leaves a way back; then CURRENT. A number of
  /// a log is left out: the new ones do not go on where an old one ends.
  private func publish() throws(StoaError) {
    for path in [layout.logDirectory, layout.checkpointDirectory, layout.segmentsDirectory] {
      try fileSystem.makeDirectory(path)
    }
    _ = try fileSystem.open(layout.leases, .updateOrCreate)
    let start = UInt64(LogHeader.byteCount)
    for step in 1...2 as ClosedRange<UInt64> {
      let log = lastLog + 1 + step
      let header = LogHeader(
        id: id, number: log, previousCommit: state.commit, previousTimestamp: state.timestamp)
      try Creation.write(header.encoded(), layout.log(log), fileSystem)
      let number = lastCheckpoint + step
      let file = CheckpointFile(id: id, number: number, log: log, logOffset: start, state: state)
      try Creation.write(file.encoded(), layout.checkpoint(number), fileSystem)
    }
    try fileSystem.syncDirectory(layout.logDirectory)
    try fileSystem.syncDirectory(layout.checkpointDirectory)
    try fileSystem.syncDirectory(layout.root)
    if !hasGoodIdentity {
      try fileSystem.replace(
        WarehouseFile.name, in: layout.root,
        with: WarehouseFile(id: id, created: state.timestamp).encoded())
    }
    let current = CurrentFile(id: id, checkpoint: lastCheckpoint + 2, commit: state.commit)
    try fileSystem.replace(CurrentFile.name, in: layout.root, with: current.encoded())
    let tip = try fileSystem.open(layout.tip, .updateOrCreate)
    if try tip.size() > UInt64(TipFile.byteCount) {
      try tip.truncate(to: UInt64(TipFile.byteCount))
    }
    try tip.write(
      TipFile(id: id, isClosed: true, log: lastLog + 3, offset: start, commit: state.commit)
        .encoded(), at: 0)
    try tip.sync()
    try fileSystem.syncDirectory(layout.root)
  }
}
