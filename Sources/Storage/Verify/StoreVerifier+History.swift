import Catalog
import Vectors

// Earlier versions: that checkpoints and logs lead from the oldest one kept to the newest, and the segments that only
// earlier versions have, each by the definition its table had.
extension StoreVerifier {
  mutating func checkHistory() throws(StoaError) {
    let retention = snapshot.retention
    guard retention.isOn else { return }
    var left: Set<SegmentID> = []
    for retired in retention.segments.values.joined() { left.insert(retired.segment.id) }
    var failure: StoaError?
    var replay = HistoryReplay(
      store.historyFiles, memory: MemoryReservation(store.budget))
    do throws(StoaError) {
      try replay.begin(at: retention.oldest)
      try replay.walk(to: snapshot.commit) { (_, before, after) throws(StoaError) in
        try pulse()
        for (table, segments) in before.segments where segments != after.segments[table] {
          let kept = Set((after.segments[table] ?? []).map(\.id))
          guard let definition = before.catalog.table(table) else { continue }
          for segment in segments where !kept.contains(segment.id) {
            guard left.remove(segment.id) != nil else { continue }
            try checkRetired(segment, definition)
          }
        }
      }
    } catch {
      if error.kind == .cancelled || error.kind == .resource { throw error }
      failure = error
    }
    // The time of the oldest version may have ended while its files were read.
    let isMoved = (try? store.snapshot().retention.oldest) != retention.oldest
    guard !isMoved, let error = failure ?? missing(left) else { return }
    let object = error.path.map { store.layout.relative($0) } ?? "log"
    add(
      VerifyFinding(
        .error, object,
        "\(error.message); affected: versions from \(replay.state.commit) on, but not the newest"))
  }

  private func missing(_ left: Set<SegmentID>) -> StoaError? {
    guard let id = left.min() else { return nil }
    return StoaError(.corruption, "segment \(id) is kept, but no version that is kept has it")
  }

  private mutating func checkRetired(
    _ segment: SegmentDescription, _ table: TableDefinition
  ) throws(StoaError) {
    var verifier = SegmentVerifier(
      SegmentReference(segment, source: store.segmentSource), table, nil, isDeep: isDeep,
      store: store, pulse: pulse)
    try verifier.run()
    report.findings += verifier.findings
    report.fileCount += 1
    report.byteCount += segment.byteCount
  }
}
