import Catalog
import Vectors

/// Makes a damaged warehouse writable again: `stoa recover`.
///
/// Everything is found out first (`find`), then said, then done (`apply`), so that a dry run says exactly what would be
/// done. What is done becomes valid at one moment, the replacement of CURRENT: before it all files of before are kept
/// aside, a new log and a new checkpoint of the state found are written under numbers and a commit number never used,
/// and everything is synced. A stop anywhere leaves the warehouse as it was, or recovered. Nobody else may have the
/// warehouse open meanwhile.
///
/// Without `salvages` the state is the one that opening gives: the last commit before the damage. With it, commits
/// behind the damage are applied where they fit (`SalvageReplay`), segments lose the row groups that cannot be read,
/// and segments whose commit is lost become tables `lost_and_found_…`.
public struct Recoverer {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let salvages: Bool
  let budget: MemoryBudget
  let now: () -> Int64
  let pulse: () throws(StoaError) -> Void

  var report = RecoverReport()
  var id = WarehouseID(bytes: [])
  /// What becomes the newest state.
  var state = StoreState()
  /// The newest commit that is known to have been.
  var lastCommit: CommitNumber = 0
  /// The newest commit that CURRENT or TIP speaks of: a recovery of that commit or an earlier one was finished. `nil`
  /// when neither can be read.
  var lastPublished: CommitNumber?
  var lastCheckpoint: UInt64 = 0
  var lastLog: UInt64 = 0
  var hasGoodIdentity = true
  /// Tables changed by commits applied behind missing ones.
  var touched: Set<TableID> = []
  /// Tables that lose rows.
  var shortened: Set<TableID> = []
  /// Definitions without promises that may no longer hold.
  var changedDefinitions: [TableDefinition] = []
  /// Damaged segments of the state.
  var surveys: [SegmentSurvey] = []
  /// Segment files that the state does not name.
  var orphans: [OrphanSegment] = []
  /// Whether commits are lost, so that orphans may be rows that were committed.
  var losesCommits = false

  /// Recovers the warehouse in the directory `path`.
  /// - Parameters:
  ///   - salvages: also save what can be read behind the damage.
  ///   - isDryRun: only say what would be done; changes no byte.
  ///   - pulse: called often; throws to give up, which leaves the warehouse as it was.
  /// - Throws: `.busy` when somebody has it open, `.unsupported` when it is of a newer version, and what the disk says.
  public static func run(
    _ path: String, fileSystem: any FileSystem = RealFileSystem.shared, salvages: Bool = false,
    isDryRun: Bool = false, budget: MemoryBudget = MemoryBudget(limit: 1 << 30),
    now: @escaping () -> Int64 = { systemMicroseconds() },
    pulse: @escaping () throws(StoaError) -> Void = { () throws(StoaError) in }
  ) throws(StoaError) -> RecoverReport {
    var recoverer = Recoverer(
      layout: StoreLayout(root: path), fileSystem: fileSystem, salvages: salvages, budget: budget,
      now: now, pulse: pulse)
    let identity = try WarehouseIdentity.find(recoverer.layout, fileSystem)
    let locks = try recoverer.lock(isDryRun: isDryRun)
    defer { withExtendedLifetime(locks) {} }
    try recoverer.find(identity)
    if recoverer.report.isNeeded, !isDryRun { try recoverer.apply() }
    return recoverer.report
  }

  /// Keeps everybody else out: other writers and upkeep; readers must be gone, for files go.
  private func lock(isDryRun: Bool) throws(StoaError) -> [any File] {
    let mode: FileMode = isDryRun ? .update : .updateOrCreate
    if isDryRun, try fileSystem.fileSize(layout.lock) == nil { return [] }
    let lock = try fileSystem.open(layout.lock, mode)
    guard try lock.tryLock(0..<2, .exclusive) else {
      throw StoaError(
        .busy, "another process is writing", hint: "Close it first", path: layout.root)
    }
    guard try fileSystem.fileSize(layout.leases) != nil else { return [lock] }
    let leases = try fileSystem.open(layout.leases, .read)
    let isRead = try leases.isLockedElsewhere(0..<UInt64(Int64.max))
    guard isDryRun || !isRead else {
      throw StoaError(
        .busy, "another process has the warehouse open", hint: "Close it first", path: layout.root)
    }
    return [lock]
  }
}

// What there is.
extension Recoverer {
  private mutating func find(_ identity: WarehouseIdentity) throws(StoaError) {
    id = identity.id
    if let damage = identity.damage {
      hasGoodIdentity = false
      found(damage)
    }
    let tip = try findSmallFiles()
    lastPublished = [tip?.commit, currentFile?.commit].compactMap { $0 }.max()
    var plain: Recovery?
    do throws(StoaError) {
      let recovery = try Recovery(
        layout: layout, fileSystem: fileSystem, stopsAtTip: false, knownID: id)
      plain = recovery
      if let damage = recovery.damage { found(damage) }
    } catch {
      guard error.kind == .corruption || error.kind == .io else { throw error }
      found(error)
    }
    // The logs behind it may have no commit yet; VERIFY says it too.
    if let tip, let plain, plain.damage == nil, tip.log > plain.log {
      found(
        StoaError(
          .corruption, "the file is older than TIP, which names log \(tip.log)",
          path: layout.current))
    }
    let history = try CommitHistory(
      layout, fileSystem, id: id, tornLog: plain?.isTailTorn == true ? plain?.log : nil,
      currentLog: plain?.log, tip: tip,
      base: plain?.state.commit ?? 0, takesNewest: salvages, budget: budget, pulse: pulse)
    for damage in history.damages {
      report.add(
        .damaged, layout.relative(damage.path), "\(damage.message) (offset \(damage.offset))")
      report.isNeeded = true
    }
    lastCheckpoint = history.lastCheckpoint
    lastLog = history.lastLog
    lastCommit = max(history.lastMentioned, plain?.state.commit ?? 0)
    guard lastCommit <= lastCommitWithFollowers else {
      throw StoaError(
        .corruption, "no number is left for a commit behind \(lastCommit)",
        hint: "Restore a backup", path: layout.root)
    }
    guard salvages || plain != nil else {
      throw StoaError(
        .corruption, "no checkpoint can be read",
        hint: "stoa recover --salvage makes one from logs and segments", path: layout.root)
    }
    try chooseState(plain?.state ?? StoreState(), history)
    try findSegments()
    try findOrphans()
    if salvages { try findBrokenPromises() }
    sayWhatIsLeft()
  }

  private mutating func found(_ error: StoaError) {
    let place = error.offset.map { " (offset \($0))" } ?? ""
    report.add(
      .damaged, error.path.map { layout.relative($0) } ?? ".", "\(error.message)\(place)")
    report.isNeeded = true
  }

  /// TIP and LEASES; without them little is lost, but VERIFY would go on to complain.
  private mutating func findSmallFiles() throws(StoaError) -> TipFile? {
    if try fileSystem.fileSize(layout.leases) == nil {
      found(StoaError(.corruption, "the file is missing", path: layout.leases))
    }
    guard let size = try fileSystem.fileSize(layout.tip) else { return nil }
    do throws(StoaError) {
      let tip = try TipFile(
        try fileSystem.readAll(layout.tip, limit: 4096), id: id, path: layout.tip)
      guard size == UInt64(TipFile.byteCount) else {
        throw StoaError(.corruption, "the file has \(size) bytes", path: layout.tip)
      }
      return tip
    } catch {
      if error.kind == .unsupported { throw error }
      found(error)
      return nil
    }
  }

  private var currentFile: CurrentFile? {
    guard let bytes = try? fileSystem.readAll(layout.current, limit: 4096),
      let current = try? CurrentFile(bytes, path: layout.current), current.id == id
    else { return nil }
    return current
  }

  private mutating func chooseState(
    _ plain: StoreState, _ history: CommitHistory
  ) throws(StoaError) {
    var base = plain
    if let newest = history.newest, newest.state.commit > base.commit {
      if salvages {
        base = newest.state
      } else {
        report.add(
          .note, "commit \(newest.state.commit)",
          "a checkpoint of it can be read, --salvage goes on from there")
      }
    }
    let later = history.records.filter { $0.commit > base.commit }
    guard salvages else {
      state = base
      lost(commits: base.commit, later)
      return
    }
    let replay = SalvageReplay(base, later, last: lastCommit)
    state = replay.state
    touched = replay.touched
    losesCommits = !replay.missing.isEmpty || !replay.skipped.isEmpty || base.catalog.tables.isEmpty
    if replay.appliedCount > 0 {
      report.add(
        .saved, "commits after \(base.commit)", "\(replay.appliedCount) of them could be applied")
    }
    for range in replay.missing {
      report.add(.lost, Recoverer.text(range), "cannot be read")
    }
    for (record, reason) in replay.skipped {
      report.add(.lost, "commit \(record.commit)", "left out: \(reason)")
    }
    tally(replay.skipped.map(\.record))
  }

  /// Commits that recovery without salvage gives up.
  private mutating func lost(commits base: CommitNumber, _ later: [LogRecord]) {
    guard lastCommit > base else { return }
    losesCommits = true
    report.add(
      .lost, Recoverer.text((base + 1)...lastCommit),
      later.isEmpty
        ? "cannot be read"
        : "\(later.count) of \(lastCommit - base) can be read, --salvage tries to apply them")
    tally(later)
  }

  private mutating func tally(_ records: [LogRecord]) {
    for (table, text) in CommitTally(records, state.catalog).sentences {
      report.add(.lost, table, text)
    }
  }

  private static func text(_ range: ClosedRange<CommitNumber>) -> String {
    range.count == 1
      ? "commit \(range.lowerBound)" : "commits \(range.lowerBound) to \(range.upperBound)"
  }

  private mutating func sayWhatIsLeft() {
    report.commit = report.isNeeded ? lastCommit + 1 : state.commit
    if !report.isNeeded, !state.retention.segments.isEmpty {
      report.add(
        .note, "earlier versions", "segments that only they have were not read; stoa verify does")
    }
    if !salvages, surveys.isEmpty, !state.segments.isEmpty {
      report.add(
        .note, "segments",
        "only their ends were read; stoa verify reads all rows, --salvage saves what can be read of"
          + " damaged ones")
    }
    for table in state.catalog.sortedTables where report.isNeeded {
      let all = TableContents(
        segments: [], memtables: state.memtables[table.id] ?? [],
        deletes: state.deletes[table.id] ?? [:])
      let inSegments = (state.segments[table.id] ?? []).reduce(UInt64(0)) { $0 &+ $1.rowCount }
      let lost = surveys.reduce(UInt64(0)) {
        $0 + ($1.segment.table == table.id ? $1.lostRowCount : 0)
      }
      let rows = Int(clamping: inSegments) + all.rowCount - Int(clamping: lost)
      report.add(
        .note, table.name,
        salvages || lost == 0 ? "\(rows) rows" : "\(rows) rows that can be read")
    }
  }
}
