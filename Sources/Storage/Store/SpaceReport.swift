import Catalog
import Vectors

/// Where the bytes of a warehouse are, and why they are still there.
public struct SpaceReport: Sendable {
  /// Files of one kind that are there for one reason.
  public struct Entry: Hashable, Sendable {
    public var part: String
    public var table: String?
    public var fileCount = 0
    public var byteCount: UInt64 = 0
    public var reason: String
  }

  public var entries: [Entry] = []
  /// Who reads which version now, a sentence each.
  public var readers: [String] = []

  public var fileCount: Int { entries.reduce(0) { $0 + $1.fileCount } }
  public var byteCount: UInt64 { entries.reduce(0) { $0 + $1.byteCount } }
}

extension TableStore {
  /// Looks at every file of the warehouse. Others may write meanwhile; files that go are left out.
  public func space() throws(StoaError) -> SpaceReport {
    var survey = SpaceSurvey(try snapshot(), self)
    try survey.run()
    return survey.report
  }

  /// Paths of files that this process removes once nobody reads them.
  var waitingPaths: Set<String> {
    let leaving = inner.withLock { $0.leaving.map(\.path) }
    return leases.waitingPaths.union(leaving)
  }
}

/// Makes the report, folder by folder.
private struct SpaceSurvey {
  let snapshot: Snapshot
  let store: TableStore
  let layout: StoreLayout
  let fileSystem: any FileSystem
  var report = SpaceReport()

  init(_ snapshot: Snapshot, _ store: TableStore) {
    self.snapshot = snapshot
    self.store = store
    layout = store.layout
    fileSystem = store.fileSystem
  }

  mutating func run() throws(StoaError) {
    let holders = LeaseHolder.all(path: layout.leases)
    report.readers = holders.map { holder in
      let isNewest = holder.commits.upperBound > snapshot.commit
      return "process \(holder.processID) reads version \(holder.commits.lowerBound)"
        + (isNewest ? ", the newest" : "")
    }
    for table in snapshot.catalog.sortedTables { addSegments(of: table) }
    addRetired()
    try addStrangers(holders)
    addLogs()
    addCheckpoints()
    try addRest()
  }

  private func size(_ path: String) -> UInt64? { (try? fileSystem.fileSize(path)).flatMap { $0 } }

  /// Sizes of the files of a directory and of those in it.
  private func sizes(below directory: String, _ names: [String]) -> [UInt64] {
    names.flatMap { name -> [UInt64] in
      let path = "\(directory)/\(name)"
      if let inner = (try? fileSystem.list(path)).flatMap({ $0 }) {
        return sizes(below: path, inner)
      }
      return size(path).map { [$0] } ?? []
    }
  }

  private mutating func add(
    _ part: String, _ table: String? = nil, _ sizes: [UInt64], _ reason: String
  ) {
    guard !sizes.isEmpty else { return }
    report.entries.append(
      SpaceReport.Entry(
        part: part, table: table, fileCount: sizes.count, byteCount: sizes.reduce(0, &+),
        reason: reason))
  }

  private mutating func addSegments(of table: TableDefinition) {
    let segments = snapshot.state.segments[table.id] ?? []
    let deletes = snapshot.state.deletes[table.id] ?? [:]
    var deletedCount = 0
    var deletedBytes = 0.0
    for segment in segments {
      let count = deletes[segment.id]?.count ?? 0
      deletedCount += count
      deletedBytes += Double(segment.byteCount) * Double(count) / Double(max(1, segment.rowCount))
    }
    let rowCount = segments.reduce(0) { $0 &+ Int(clamping: $1.rowCount) }
    var reason = "\(rowCount) rows"
    if deletedCount > 0 {
      reason +=
        ", \(deletedCount) of them deleted (about \(Int(deletedBytes)) bytes): a segment is written"
        + " anew when \(store.options.upkeep.deletedPercent) % of it are deleted, all by COMPACT"
    }
    let sizes = segments.compactMap { size(layout.segment(table.id, $0.id)) }
    guard !sizes.isEmpty else { return }
    let parts = searchParts(of: segments)
    let total = sizes.reduce(0, &+)
    let searched = parts.keyRuns &+ parts.indexes
    report.entries.append(
      SpaceReport.Entry(
        part: "segments", table: table.name, fileCount: sizes.count,
        byteCount: total >= searched ? total - searched : total, reason: reason))
    guard total >= searched else { return }
    addPart(
      "key runs", table.name, parts.keyRuns,
      "in those files: sorted keys of PRIMARY KEY and UNIQUE that the sort key does not order")
    addPart(
      "indexes", table.name, parts.indexes, "in those files: bitmaps of columns with few values")
  }

  /// Bytes of segments that are there to find rows, not to hold them; of segments that can be read.
  private func searchParts(
    of segments: [SegmentDescription]
  ) -> (keyRuns: UInt64, indexes: UInt64) {
    var (keyRuns, indexes): (UInt64, UInt64) = (0, 0)
    for segment in segments {
      guard let footer = try? snapshot.references[segment.id]?.reader().footer else { continue }
      for run in footer.keyRuns {
        keyRuns &+= UInt64(run.byteCount) &+ UInt64(run.fences.byteCount)
      }
      for block in footer.columns.flatMap(\.bitmapBlocks) { indexes &+= UInt64(block.byteCount) }
    }
    return (keyRuns, indexes)
  }

  /// A part of files that are counted already.
  private mutating func addPart(
    _ part: String, _ table: String, _ byteCount: UInt64, _ reason: String
  ) {
    guard byteCount > 0 else { return }
    report.entries.append(
      SpaceReport.Entry(part: part, table: table, byteCount: byteCount, reason: reason))
  }

  /// Segments that only earlier versions have.
  private mutating func addRetired() {
    let retention = snapshot.retention
    for (table, retired) in retention.segments.sorted(by: { $0.key < $1.key }) {
      let name = snapshot.catalog.table(table)?.name ?? "dropped table \(table)"
      let sizes = retired.compactMap { size(layout.segment(table, $0.segment.id)) }
      let ends = retired.map { $0.removedAt.addingReportingOverflow(retention.microseconds) }
        .map { $0.overflow ? .max : $0.partialValue }
      let last = ends.max() ?? 0
      let until =
        last <= store.options.clock()
        ? "their time is over; they go with the next upkeep of a process that writes"
        : "until " + timestampText(last)
      add(
        "earlier versions", name, sizes,
        "kept by SET retention for versions before \(retired.map(\.removedBy).max() ?? 0), \(until)"
      )
    }
  }

  /// Segment files that no commit names.
  private mutating func addStrangers(_ holders: [LeaseHolder]) throws(StoaError) {
    let waitingPaths = store.waitingPaths
    let isWriting = isLocked(0..<1) || isLocked(upkeepLockRange) || store.upkeep.isWritingFiles
    let old = holders.filter { $0.commits.lowerBound < snapshot.commit }
    let readers = Set(old.map { "process \($0.processID)" }).sorted().joined(separator: ", ")
    for directory in try fileSystem.list(layout.segmentsDirectory) ?? [] {
      let id = TableID(directory)
      let named = id.map { snapshot.state.files(of: $0) } ?? []
      let known = Set(named.map { layout.segment($0.table, $0.id) })
      var (waiting, others): ([UInt64], [UInt64]) = ([], [])
      let folder = "\(layout.segmentsDirectory)/\(directory)"
      for file in (try? fileSystem.list(folder)).flatMap({ $0 }) ?? [] {
        let path = "\(folder)/\(file)"
        guard !known.contains(path), let size = size(path) else { continue }
        if waitingPaths.contains(path) || (!readers.isEmpty && !isWriting) {
          waiting.append(size)
        } else {
          others.append(size)
        }
      }
      let name = id.flatMap { snapshot.catalog.table($0)?.name } ?? "dropped table \(directory)"
      add(
        "earlier versions", name, waiting,
        "in use: " + (readers.isEmpty ? "a query or transaction of this process" : readers)
          + " still reads an earlier version")
      add(
        "unnamed", name, others,
        isWriting
          ? "no commit names them yet: a load or merge is under way"
          : "left by a load or merge that was stopped; the next process that writes removes them")
    }
  }

  private func isLocked(_ range: Range<UInt64>) -> Bool {
    guard let lock = try? fileSystem.open(layout.lock, .read) else { return false }
    return (try? lock.isLockedElsewhere(range)) ?? false
  }

  private mutating func addLogs() {
    let current = store.inner.withLock { ($0.log, $0.tailEnd) }
    var (kept, way): ([UInt64], [UInt64]) = ([], [])
    for number in store.historyFiles.allLogs() {
      guard let size = size(layout.log(number)) else { continue }
      if number == current.0 {
        let memory = snapshot.state.memtableByteCount
        let ahead = size > current.1 ? size - current.1 : 0
        add(
          "log", nil, [size],
          "commits since the last checkpoint"
            + (memory > 0 ? ", rows of memtables (\(memory) bytes in memory) among them" : "")
            + (ahead > 0 ? "; \(ahead) bytes are written ahead" : ""))
      } else if number &+ 1 == current.0 {
        way.append(size)
      } else {
        kept.append(size)
      }
    }
    add("log", nil, way, "the way back should the newest checkpoint be damaged")
    add("log", nil, kept, keptReason)
  }

  private var keptReason: String {
    let retention = snapshot.retention
    return retention.isOn
      ? "kept by SET retention for versions from \(retention.oldest) on"
      : "left by a process that was stopped; the next checkpoint removes them"
  }

  private mutating func addCheckpoints() {
    let current = store.inner.withLock { $0.checkpoint }
    var (newest, way, kept): ([UInt64], [UInt64], [UInt64]) = ([], [], [])
    for number in store.historyFiles.allCheckpoints() {
      guard let size = size(layout.checkpoint(number)) else { continue }
      if number == current {
        newest.append(size)
      } else if number &+ 1 == current {
        way.append(size)
      } else {
        kept.append(size)
      }
    }
    add("checkpoint", nil, newest, "the state that the log goes on from")
    add("checkpoint", nil, way, "the way back should the newest checkpoint be damaged")
    add("checkpoint", nil, kept, keptReason)
  }

  private mutating func addRest() throws(StoaError) {
    var own: [UInt64] = []
    for name in try fileSystem.list(layout.root) ?? [] {
      let path = "\(layout.root)/\(name)"
      if ["log", "checkpoint", "segments"].contains(name) { continue }
      if let files = (try? fileSystem.list(path)).flatMap({ $0 }) {
        let reason =
          switch name {
          case "loads": "rejects and reports of loads"
          case KeptAside.directoryName: "put aside by stoa recover; yours to look at and remove"
          default: "the directory is no part of the warehouse"
          }
        add(name, nil, sizes(below: path, files), reason)
      } else if let size = size(path) {
        if StoreLayout.ownNames.contains(name) {
          own.append(size)
        } else {
          add(name, nil, [size], "the file is no part of the warehouse")
        }
      }
    }
    add("warehouse", nil, own, "identity, locks, the end of the log")
  }
}
