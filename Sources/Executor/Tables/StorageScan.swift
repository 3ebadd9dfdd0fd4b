import Catalog
import Encodings
import Kernels
import Storage
import Synchronization
import Vectors

// The hot path. A morsel is a row group. Its filters are put in the order that the row groups before have
// shown to be cheapest (cost per row over the share of rows removed, shared by all workers); the first selects
// among all rows on the encoded chunk, the others refine what is left, and only what survives them all is
// fetched from the columns given out, a batch at a time.
//
// Where a filter wants few values of a column with key runs, row groups that have none of them are left out as well.
//
// Columns with a bitmap index are asked first (see `BitmapSelection`): their filters begin the selection without
// reading the column.
//
// Zone maps are looked at twice: when the scan is prepared, which leaves out row groups for good and tells how
// much work there is, and per row group, where a filter that every row passes is dropped without reading its column.
//
// Deleted rows leave the selection behind the filters, which may look at them, and before predicates that may fail.
//
// A row group that no filter has thinned is offered whole to whoever can use zone maps and chunks (`RowGroupReader`)
// before its columns are fetched.

/// A table at a snapshot, as its segments and memtables hold it.
public final class StorageScan: TableSource, @unchecked Sendable {
  let columns: [ColumnDefinition]
  let context: ExecutionContext
  let profile: OperatorProfile?
  private let contents: TableContents
  private let predicates: [ScanFilter]
  private let runtime: [(column: ColumnDefinition, filter: RuntimeFilter)]
  /// Predicates that filters cannot decide alone: run on the rows they leave.
  let residuals: [ScanResidual]
  /// All filters, once runtime filters are known.
  private(set) var filters: [ScanFilter] = []
  private var rowGroups: [RowGroup] = []
  private var rowCount = 0
  private let joinKeys: [(position: Int, join: HashJoin)]
  /// By column given out: nobody will look at it, so that NULLs will do.
  private(set) var isUnseen: [Bool] = []

  /// One row group of the scan.
  struct RowGroup {
    var source: RowGroupSource
    /// Of its segment; `nil` for rows in memory.
    var bitmaps: BitmapSelection?
  }

  /// - Parameters:
  ///   - request: the node and the runtime filters of its joins.
  ///   - snapshot: what the statement sees.
  public init(
    _ request: ScanRequest, snapshot: Snapshot, context: ExecutionContext
  ) throws(StoaError) {
    let node = request.node
    guard let table = snapshot.catalog.table(node.table) else {
      throw StoaError(
        .binding, "the table \"\(node.tableName)\" does not exist", table: node.tableName)
    }
    func column(_ id: ColumnID) throws(StoaError) -> ColumnDefinition {
      if id == SystemColumn.row {
        return ColumnDefinition(id: id, name: "$row", type: .bigint, isNullable: false)
      }
      guard let index = table.index(of: id) else {
        throw StoaError(.inconsistency, "the table has no column \(id)", table: node.tableName)
      }
      return table.columns[index]
    }
    var columns: [ColumnDefinition] = []
    for id in node.columns { columns.append(try column(id)) }
    var filters: [ScanFilter] = []
    var residuals: [ScanResidual] = []
    for predicate in node.predicates {
      let definition = try column(predicate.column)
      let compiled = PredicateCompiler.compile(predicate.condition)
      filters += compiled.filters.map { ScanFilter(definition, $0) }
      if compiled.needsRows {
        residuals.append(ScanResidual(column: definition, condition: predicate.condition))
      }
    }
    var runtime: [(column: ColumnDefinition, filter: RuntimeFilter)] = []
    for (use, filter) in zip(node.runtimeFilters, request.runtimeFilters) {
      runtime.append((try column(use.column), filter))
    }
    self.columns = columns
    self.context = context
    profile = request.profile
    predicates = filters
    self.residuals = residuals
    self.runtime = runtime
    joinKeys = request.joinKeys
    contents = snapshot.contents(of: node.table)
  }

  /// Takes over runtime filters and leaves out row groups that zone maps exclude.
  public func prepare() throws(StoaError) {
    filters = predicates
    rowGroups = []
    rowCount = 0
    for (column, filter) in runtime {
      guard let content = filter.published else { continue }
      filters.append(ScanFilter(column, content.columnFilter))
      filter.markApplied()
    }
    isUnseen = columns.indices.map { column in
      joinKeys.contains { $0.position == column && $0.join.isDone }
    }
    var skipped = 0
    var bitmaps: (reader: SegmentReader, selection: BitmapSelection)?
    let keys = KeyRunSelection(filters)
    for source in try contents.rowGroups() where source.liveRowCount > 0 {
      if isExcluded(source) {
        skipped += 1
        continue
      }
      if let keys, let (reader, rowGroup) = source.segment,
        try !keys.mayHold(rowGroup, of: reader)
      {
        skipped += 1
        continue
      }
      if let reader = source.segment?.reader, bitmaps?.reader !== reader {
        bitmaps = (reader, try BitmapSelection(filters, reader))
      }
      rowGroups.append(
        RowGroup(source: source, bitmaps: source.segment == nil ? nil : bitmaps?.selection))
      rowCount += source.liveRowCount
    }
    profile?.addScan(read: 0, skipped: skipped, bytes: 0)
  }

  /// Whether zone maps say that no row passes.
  private func isExcluded(_ source: RowGroupSource) -> Bool {
    filters.contains { filter in
      guard let zone = source.zoneMap(filter.column.id) else { return false }
      return filter.filter.verdict(zone) == .none
    }
  }

  public var morselCount: Int { rowGroups.count }
  public var estimatedRowCount: Int { rowCount }
  /// A reader for one worker.
  public func makeReader() -> any TableReader { StorageScanReader(self) }

  func rowGroup(_ morsel: Int) -> RowGroup { rowGroups[morsel] }
}

extension ExecutionContext {
  /// A context whose scans read `snapshot`.
  public convenience init(
    snapshot: Snapshot, settings: ExecutionSettings = ExecutionSettings(), pool: WorkerPool,
    budget: MemoryBudget = MemoryBudget(limit: .max),
    cancellation: CancellationFlag = CancellationFlag(), profile: QueryProfile? = nil,
    tableFunctions: [String: TableFunctionFactory] = [:]
  ) {
    self.init(
      settings: settings, pool: pool, budget: budget, cancellation: cancellation, profile: profile,
      tableFunctions: tableFunctions,
      scanFactory: { (request: ScanRequest, context: ExecutionContext) throws(StoaError) in
        try StorageScan(request, snapshot: snapshot, context: context)
      })
  }
}

/// A filter of a scan and what it has cost and removed so far, over all workers.
///
/// What it costs is known from row groups where it ran first: later it costs more per row, the fewer are left. So
/// each filter that removes anything has its turn at going first, once.
final class ScanFilter: Sendable {
  let column: ColumnDefinition
  let filter: ColumnFilter
  private let rowsIn = Atomic<Int>(0)
  private let rowsOut = Atomic<Int>(0)
  private let nanoseconds = Atomic<Int>(0)
  /// Picoseconds per row of the fastest run over a whole row group: the slowest were interrupted.
  private let wholeCost = Atomic<Int>(.max)

  init(_ column: ColumnDefinition, _ filter: ColumnFilter) {
    self.column = column
    self.filter = filter
  }

  /// - Parameter isWhole: it ran over all rows of a row group.
  func record(rowsIn: Int, rowsOut: Int, nanoseconds: UInt64, isWhole: Bool) {
    let time = Int(truncatingIfNeeded: nanoseconds)
    self.rowsIn.add(rowsIn, ordering: .relaxed)
    self.rowsOut.add(rowsOut, ordering: .relaxed)
    self.nanoseconds.add(time, ordering: .relaxed)
    if isWhole && rowsIn > 0 { wholeCost.min(time &* 1000 / rowsIn, ordering: .relaxed) }
  }

  /// Cost per row over the share of rows removed: the smaller, the earlier.
  var rank: Double {
    let seen = rowsIn.load(ordering: .relaxed)
    let passed = seen > 0 ? Double(rowsOut.load(ordering: .relaxed)) / Double(seen) : 0.5
    let removed = max(1 - passed, 1e-6)
    let whole = wholeCost.load(ordering: .relaxed)
    if whole < .max { return Double(whole) / 1000 / removed }
    // A predicate on decoded values goes first only when nothing else can.
    if isOpaque {
      return seen > 0 ? Double(nanoseconds.load(ordering: .relaxed)) / Double(seen) / removed : 100
    }
    return removed < 0.1 ? 10 / removed : 0
  }

  private var isOpaque: Bool { if case .entries = filter.kind { true } else { false } }
}

/// A predicate over one column that is run on the rows that survive everything else.
struct ScanResidual: Sendable {
  let column: ColumnDefinition
  let condition: Expression
}

/// One worker's side of a scan.
private final class StorageScanReader: RowGroupReader {
  private let scan: StorageScan
  private let capacity: Int
  private let selection = SelectionVector()
  private let bitmapRows = BitmapRows()
  private let residuals: [ExpressionEvaluator]
  private var compactor: BatchCompactor
  /// The segment whose rows the compactor holds: rows of different segments have different dictionaries. `nil` for
  /// rows in memory.
  private var compacted: SegmentReader?

  private var group: OpenRowGroup?
  /// Columns given out, fetched with the first batch; `nil` among them for one that nobody will look at.
  private var chunks: [ColumnChunk?]?
  /// Rows to give out: all of the row group, or those of `selection`.
  private var isWhole = false
  private var rowCount = 0
  /// Rows given out.
  private var position = 0

  init(_ scan: StorageScan) {
    self.scan = scan
    capacity = scan.context.settings.batchCapacity
    residuals = scan.residuals.map { ExpressionEvaluator($0.condition) }
    compactor = BatchCompactor(capacity: capacity)
  }

  func open(morsel: Int) throws(StoaError) {
    let group = OpenRowGroup(scan.rowGroup(morsel), columns: scan.columns)
    self.group = group
    position = 0
    chunks = nil
    isWhole = true
    rowCount = group.rowCount
    for filter in try filtersLeft(by: group) {
      if rowCount == 0 { break }
      try apply(filter, try group.chunk(of: filter.column))
    }
    if rowCount > 0, let deleted = group.source.deleted { leaveOut(deleted, group.rowCount) }
    for (index, residual) in residuals.enumerated() where rowCount > 0 {
      try apply(residual, try group.chunk(of: scan.residuals[index].column))
    }
    if rowCount == 0 { count(group) }
    let reader = group.source.segment?.reader
    if compacted !== reader {
      compactor.flush()
      compacted = reader
    }
  }

  private func leaveOut(_ deleted: RowContainer, _ all: Int) {
    if isWhole {
      deleted.selectOthers(rowCount: all, into: selection)
      isWhole = false
    } else {
      deleted.remove(from: selection)
    }
    rowCount = selection.count
  }

  /// Counts a row group as read, or as skipped when nothing of it was.
  private func count(_ group: OpenRowGroup) {
    let isRead = rowCount > 0 || group.byteCount > 0
    scan.profile?.addScan(
      read: isRead ? 1 : 0, skipped: isRead ? 0 : 1, bytes: group.byteCount)
  }

  /// The filters that zone maps and bitmap indexes do not decide, cheapest first. Bitmap indexes begin the selection.
  private func filtersLeft(by group: OpenRowGroup) throws(StoaError) -> [ScanFilter] {
    var open: [Int] = []
    for (index, filter) in scan.filters.enumerated() {
      switch group.zone(of: filter.column).map(filter.filter.verdict) ?? .some {
      case .all: continue
      case .some: open.append(index)
      case .none:
        rowCount = 0
        return []
      }
    }
    if open.isEmpty { return [] }
    if let bitmaps = group.bitmaps, let (reader, index) = group.source.segment,
      let decided = try bitmapRows.select(bitmaps, rowGroup: index, of: reader, into: selection)
    {
      open.removeAll { decided.contains($0) }
      isWhole = selection.count == rowCount
      rowCount = selection.count
    }
    return open.map { scan.filters[$0] }.sorted { $0.rank < $1.rank }
  }

  private func apply(_ filter: ScanFilter, _ chunk: ColumnChunk) throws(StoaError) {
    let compiled = try chunk.compile(filter.filter)
    switch compiled.verdict {
    case .all: return
    case .none:
      rowCount = 0
      return
    case .some: break
    }
    let start = monotonicNanoseconds()
    let before = rowCount
    let wasWhole = isWhole
    if isWhole {
      try chunk.select(compiled, rows: 0..<chunk.rowCount, into: selection)
      isWhole = false
    } else {
      try chunk.refine(compiled, selection)
    }
    rowCount = selection.count
    filter.record(
      rowsIn: before, rowsOut: rowCount, nanoseconds: monotonicNanoseconds() &- start,
      isWhole: wasWhole)
    if rowCount == chunk.rowCount { isWhole = true }
  }

  /// Keeps the rows for which a predicate that may fail is TRUE.
  private func apply(_ residual: ExpressionEvaluator, _ chunk: ColumnChunk) throws(StoaError) {
    if isWhole {
      selection.fill(0..<rowCount)
      isWhole = false
    }
    let positions = selection.positions
    var kept = 0
    var start = 0
    while start < rowCount {
      let count = min(capacity, rowCount - start)
      let values = try chunk.gather(UnsafePointer(positions + start), count: count)
      let passed = try residual.filter(Batch(columns: [values], rowCount: count))
      for index in 0..<passed.count {
        positions[kept] = positions[start + Int(passed.pointer[index])]
        kept += 1
      }
      start += count
    }
    selection.count = kept
    rowCount = kept
  }

  func offer(
    _ take: (OpenRowGroup) throws(StoaError) -> Bool
  ) throws(StoaError) -> Bool {
    guard let group, isWhole, rowCount > 0, position == 0 else { return false }
    guard try take(group) else { return false }
    if group.byteCount == 0 && !group.isExpanded {
      scan.profile?.addAnswered(fromMetadata: 1)
    } else {
      count(group)
      if !group.isExpanded { scan.profile?.addAnswered(encoded: 1) }
    }
    position = rowCount
    return true
  }

  func next() throws(StoaError) -> Batch? {
    while true {
      if let ready = compactor.next() { return ready }
      guard position < rowCount else { return nil }
      let chunks = try fetchedChunks()
      if chunks.isEmpty {
        defer { position = rowCount }
        return Batch(columns: [], rowCount: rowCount - position)
      }
      compactor.add(isWhole ? try wholeBatch(chunks) : try selectedBatch(chunks))
    }
  }

  /// The chunks of the columns given out.
  private func fetchedChunks() throws(StoaError) -> [ColumnChunk?] {
    if let chunks { return chunks }
    guard let group else { return [] }
    var fetched: [ColumnChunk?] = []
    for (column, isUnseen) in zip(scan.columns, scan.isUnseen) {
      fetched.append(isUnseen ? nil : try group.chunk(of: column))
    }
    chunks = fetched
    count(group)
    return fetched
  }

  /// The next rows when all are wanted; chunks decode from block to block.
  private func wholeBatch(_ chunks: [ColumnChunk?]) throws(StoaError) -> Batch {
    let block = 1024
    let first = position / block * block
    let span = (capacity + block - 1) / block * block
    let end = min(first + span, rowCount)
    let upper = min(position + capacity, end)
    var columns: [Vector] = []
    columns.reserveCapacity(chunks.count)
    for (index, chunk) in chunks.enumerated() {
      guard let chunk else {
        columns.append(unseen(index, upper - position))
        continue
      }
      let vector = try chunk.decode(rows: first..<end)
      columns.append(
        position == first && upper == end ? vector : vector.slice(position - first..<upper - first))
    }
    defer { position = upper }
    return Batch(columns: columns, rowCount: upper - position)
  }

  private func selectedBatch(_ chunks: [ColumnChunk?]) throws(StoaError) -> Batch {
    let count = min(capacity, rowCount - position)
    let positions = UnsafePointer(selection.positions + position)
    var columns: [Vector] = []
    columns.reserveCapacity(chunks.count)
    for (index, chunk) in chunks.enumerated() {
      columns.append(try chunk?.gather(positions, count: count) ?? unseen(index, count))
    }
    position += count
    return Batch(columns: columns, rowCount: count)
  }

  /// What stands in for a column that nobody will look at.
  private func unseen(_ index: Int, _ count: Int) -> Vector {
    Vector(constant: .null, type: scan.columns[index].type, count: count)
  }

  func finish() -> Batch? {
    compactor.flush()
    return compactor.next()
  }
}
