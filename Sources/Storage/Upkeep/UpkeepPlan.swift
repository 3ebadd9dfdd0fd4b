import Catalog
import Vectors

/// One job: memtables to be flushed, or segments to be written anew.
struct UpkeepPlan {
  enum Work {
    /// All memtables of the table at the time the job begins, the oldest first, up to about `byteLimit` bytes.
    case flush(byteLimit: Int)
    /// Segments by id, as runs, older runs first.
    case merge([[SegmentID]])
  }

  let table: TableID
  let work: Work
  /// Rows to be read.
  let rowCount: Int

  var isFlush: Bool { if case .flush = work { true } else { false } }
}

/// Decides what is to be done next. It looks at states only, so the same states give the same decisions.
struct UpkeepPlanner {
  let options: UpkeepOptions
  var memtableByteLimit: Int
  var totalMemtableByteLimit: Int
  /// Known bounds; `bounds(of:)` reads the others.
  private var known: [SegmentID: SegmentBounds] = [:]
  private var definitions: [TableID: TableDefinition] = [:]
  /// Tables as they were when nothing was to be done.
  private var settled: [TableID: Layout] = [:]
  /// Segments that did not become fewer when they were joined.
  var incompressible: Set<SegmentID> = []

  /// What decisions depend on.
  struct Layout: Equatable {
    let definition: TableDefinition
    let segments: [SegmentID]
    let deletedCounts: [SegmentID: Int]

    init?(_ table: TableID, _ state: StoreState) {
      guard let definition = state.catalog.table(table) else { return nil }
      self.definition = definition
      segments = (state.segments[table] ?? []).map(\.id)
      deletedCounts = (state.deletes[table] ?? [:]).mapValues(\.count)
    }
  }

  init(options: UpkeepOptions, memtableByteLimit: Int) {
    self.options = options
    self.memtableByteLimit = memtableByteLimit
    totalMemtableByteLimit = options.totalMemtableByteLimit
  }

  // MARK: Flush

  /// The table to flush, when some memtables or the log are too long.
  func flush(_ state: StoreState, logByteCount: UInt64) -> UpkeepPlan? {
    let sizes = state.memtables.mapValues {
      $0.reduce(0) { $0 + ($1.rowCount > 0 ? $1.byteCount : 0) }
    }
    let total = sizes.values.reduce(0, +)
    guard let largest = sizes.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
      largest.value > 0
    else { return nil }
    let isLogLong = logByteCount > options.logByteLimit && UInt64(total) >= logByteCount / 4
    guard
      largest.value >= memtableByteLimit || total > totalMemtableByteLimit || isLogLong
    else { return nil }
    return flush(largest.key, state)
  }

  /// A flush of the table's memtables; `nil` when they are empty.
  func flush(_ table: TableID, _ state: StoreState) -> UpkeepPlan? {
    let rowCount = (state.memtables[table] ?? []).reduce(0) { $0 + $1.rowCount }
    guard rowCount > 0 else { return nil }
    return UpkeepPlan(
      table: table, work: .flush(byteLimit: 2 * memtableByteLimit), rowCount: rowCount)
  }

  // MARK: Merge

  /// The next merge; `nil` when all tables are as they should be.
  mutating func merge(_ snapshot: Snapshot) throws(StoaError) -> UpkeepPlan? {
    for table in snapshot.state.segments.keys.sorted() {
      guard let layout = Layout(table, snapshot.state), settled[table] != layout else { continue }
      // A table with a damaged segment stays as it is; the next call goes on with the others.
      settled[table] = layout
      guard let plan = try merge(layout, snapshot) else { continue }
      settled[table] = nil
      return plan
    }
    return nil
  }

  /// Leaves a table alone until it changes: its files cannot be read.
  mutating func setAside(_ table: TableID, _ state: StoreState) {
    if let layout = Layout(table, state) { settled[table] = layout }
  }

  private mutating func merge(
    _ layout: Layout, _ snapshot: Snapshot
  ) throws(StoaError) -> UpkeepPlan? {
    let segments = try mergeable(layout, snapshot)
    if let plan = emptied(layout, segments) { return plan }
    if !layout.definition.sortKey.isEmpty, segments.count >= options.fanIn {
      let bounds = try bounds(of: segments, layout.definition)
      if let chosen = RunTiers(bounds, options).merge() {
        return plan(layout, runs: SegmentRuns(chosen))
      }
      for run in SegmentRuns(bounds).runs {
        if let window = window(run.map(\.description)) { return plan(layout, [window]) }
      }
    } else if let window = window(segments.map(\.description)) {
      return plan(layout, [window])
    }
    return nil
  }

  /// Segments in their order that are sorted as the table is.
  private func mergeable(
    _ layout: Layout, _ snapshot: Snapshot
  ) throws(StoaError) -> [SegmentReference] {
    let segments = snapshot.segments(of: layout.definition.id)
    let isShort = segments.count < options.fanIn && layout.deletedCounts.isEmpty
    if isShort || layout.definition.sortKey.isEmpty { return segments }
    var result: [SegmentReference] = []
    for segment in segments
    where try segment.reader().footer.sortKey == layout.definition.sortKey {
      result.append(segment)
    }
    return result
  }

  /// A segment of which too many rows are deleted.
  private func emptied(_ layout: Layout, _ segments: [SegmentReference]) -> UpkeepPlan? {
    for segment in segments {
      let deleted = layout.deletedCounts[segment.description.id] ?? 0
      let rowCount = Int(clamping: segment.description.rowCount)
      if deleted > 0, deleted &* 100 > rowCount &* options.deletedPercent {
        return plan(layout, [[segment.description]])
      }
    }
    return nil
  }

  /// Neighbours that are small and of about one size; or very many small ones.
  private func window(_ segments: [SegmentDescription]) -> [SegmentDescription]? {
    let fanIn = options.fanIn
    let limit = UInt64(options.segmentRowLimit)
    func rows(_ segment: SegmentDescription) -> UInt64 {
      max(segment.rowCount, UInt64(options.smallestRowCount))
    }
    var small: [SegmentDescription] = []
    var total: UInt64 = 0
    for segment in segments {
      let isSmall =
        segment.rowCount <= limit / UInt64(fanIn) && !incompressible.contains(segment.id)
      guard isSmall, total &+ segment.rowCount <= limit else {
        small = []
        total = 0
        continue
      }
      small.append(segment)
      total &+= segment.rowCount
      if small.count >= fanIn {
        let last = small.suffix(fanIn)
        let sizes = last.map(rows)
        if sizes.max() ?? 0 <= sizes.reduce(0, &+) / UInt64(fanIn) &* 2 { return Array(last) }
      }
      if small.count >= fanIn * 4 { return small }
    }
    return nil
  }

  /// Everything of one table that a complete compaction writes anew, some segments at a time.
  mutating func completeMerges(_ table: TableID, _ snapshot: Snapshot) throws(StoaError)
    -> [UpkeepPlan]
  {
    guard let layout = Layout(table, snapshot.state) else { return [] }
    let segments = try mergeable(layout, snapshot)
    let isSorted = !layout.definition.sortKey.isEmpty
    var units: [[SegmentDescription]] = segments.map { [$0.description] }
    var known: [SegmentID: SegmentBounds] = [:]
    if isSorted {
      let bounds = try bounds(of: segments, layout.definition)
      for segment in bounds { known[segment.id] = segment }
      units = SegmentRuns.components(bounds).map { $0.map(\.description) }
    }
    var plans: [UpkeepPlan] = []
    for group in joined(units, layout) {
      let members = group.flatMap { $0 }
      let isNeeded = members.count > 1 || layout.deletedCounts[members[0].id] != nil
      guard isNeeded else { continue }
      plans.append(
        isSorted
          ? plan(layout, runs: SegmentRuns(members.compactMap { known[$0.id] }))
          : plan(layout, [members]))
    }
    return plans
  }

  /// Puts neighbours together that fit into one segment.
  private func joined(_ units: [[SegmentDescription]], _ layout: Layout) -> [[[SegmentDescription]]]
  {
    let limit = options.segmentRowLimit
    var groups: [[[SegmentDescription]]] = []
    var rowCount = 0
    for unit in units {
      let rows = unit.reduce(0) {
        $0 + Int(clamping: $1.rowCount) - (layout.deletedCounts[$1.id] ?? 0)
      }
      if groups.isEmpty || rowCount + rows > limit {
        groups.append([])
        rowCount = 0
      }
      groups[groups.count - 1].append(unit)
      rowCount += rows
    }
    return groups
  }

  /// How many segments of the table overlap at the worst place.
  mutating func overlap(_ table: TableID, _ snapshot: Snapshot) throws(StoaError) -> Int {
    guard let definition = snapshot.catalog.table(table), !definition.sortKey.isEmpty else {
      return 0
    }
    let segments = snapshot.segments(of: table)
    guard segments.count > options.overlapLimit else { return segments.count }
    return SegmentRuns.depth(try bounds(of: segments, definition))
  }

  private mutating func bounds(
    of segments: [SegmentReference], _ definition: TableDefinition
  ) throws(StoaError) -> [SegmentBounds] {
    let columns = definition.sortKey.compactMap { id in
      definition.index(of: id).map { definition.columns[$0] }
    }
    if definitions[definition.id] != definition {
      for segment in segments { known[segment.description.id] = nil }
      definitions[definition.id] = definition
    }
    var result: [SegmentBounds] = []
    for segment in segments {
      var bounds = known[segment.description.id]
      if bounds == nil { bounds = try SegmentBounds(segment, columns) }
      known[segment.description.id] = bounds
      if let bounds { result.append(bounds) }
    }
    return result
  }

  /// Forgets what is known of segments that are gone.
  mutating func forget(allBut state: StoreState) {
    let ids = Set(state.segments.values.joined().map(\.id))
    known = known.filter { ids.contains($0.key) }
    incompressible.formIntersection(ids)
  }

  private func plan(_ layout: Layout, runs: SegmentRuns) -> UpkeepPlan {
    plan(layout, runs.oldestFirst.prefix(MergedRows.runLimit).map { $0.map(\.description) })
  }

  private func plan(_ layout: Layout, _ runs: [[SegmentDescription]]) -> UpkeepPlan {
    UpkeepPlan(
      table: layout.definition.id, work: .merge(runs.map { $0.map(\.id) }),
      rowCount: runs.joined().reduce(0) { $0 + Int(clamping: $1.rowCount) })
  }
}
