import Kernels
import SQL
import Vectors

/// What the build and probe sides of one hash join share. The form of the look-up structure is chosen when the
/// build side is complete: `DenseJoinTable` for unique integer keys close together, else `HashJoinTable`.
final class HashJoin: @unchecked Sendable {
  let node: HashJoinNode
  let context: ExecutionContext
  let probeColumnCount: Int
  let buildColumnCount: Int
  /// Build columns that the output or the residual needs, ascending.
  let payload: [Int]
  /// By key.
  let filters: [RuntimeFilter?]
  /// The only key's filter is applied by the scan every probe row comes from.
  let isFiltered: Bool
  let layout: KeyLayout
  /// Set when the build is complete.
  var table: JoinTable = .pending
  /// Memory of the build rows; given back with the join.
  var reservations: [MemoryReservation] = []

  init(
    _ node: HashJoinNode, filters: [RuntimeFilter?], isFiltered: Bool, context: ExecutionContext
  ) {
    self.node = node
    self.context = context
    self.filters = filters
    self.isFiltered = isFiltered
    probeColumnCount = node.probe.facts.columns.count
    buildColumnCount = node.build.facts.columns.count
    var needed = Set<Int>()
    node.residual?.collectColumns(into: &needed)
    needed.formUnion(node.output)
    let (first, end) = (probeColumnCount, probeColumnCount + buildColumnCount)
    payload = needed.filter { $0 >= first && $0 < end }.map { $0 - first }.sorted()
    layout = KeyLayout(types: node.buildKeys.map(\.type), storesNulls: false)
  }

  /// The only key is an integer of at most 64 bits (dates and timestamps too).
  var hasIntegerKey: Bool {
    guard node.buildKeys.count == 1 else { return false }
    switch node.buildKeys[0].type.physical {
    case .int8, .int16, .int32, .int64: return true
    case .bool, .int128, .float32, .float64, .string: return false
    }
  }

  /// Every row of the probe side passes as it is: its scan has applied the keys exactly, and no column of the build
  /// side is asked for. Known once the build is done and the scan prepared.
  var isDone: Bool {
    guard node.kind == .inner || node.kind == .semi, isFiltered, case .dense(let table) = table
    else { return false }
    return table.columns.isEmpty && filters[0]?.isAppliedExactly ?? false
  }

  /// Build rows with or without a match come out at the end.
  var keepsBuildRows: Bool { node.kind == .right || node.kind == .full || node.givesBuildRows }

  /// What `matched` says of the build rows that come out at the end.
  var wantedMatch: UInt8 { node.givesBuildRows && node.kind == .semi ? 1 : 0 }

  /// Whether another probe side can use the table as well.
  var isReusable: Bool {
    switch table {
    case .dense, .hash: !keepsBuildRows
    case .pending, .spilled: false
    }
  }

  /// Types of the build columns.
  var buildTypes: [LogicalType] { node.build.facts.columns.map(\.type) }
}

/// The look-up structure of a join.
enum JoinTable {
  /// The build has not run.
  case pending
  case dense(DenseJoinTable)
  case hash(HashJoinTable)
  /// Memory did not suffice: the join happens after both sides are on disk.
  case spilled(SpilledJoin)
}

/// Some build rows: their keys and the columns that the join needs.
struct JoinBlock {
  var keys: [Vector]
  var payload: [Vector]
  var rowCount: Int
  /// 0 for rows with a NULL among the keys; `nil` when there are none.
  var validity: Validity?
  /// The key of integer joins, one per row (anything in NULL rows).
  var integers: Buffer?
}

/// The end of the build side's pipeline.
final class HashJoinBuildSink: PipelineSink, @unchecked Sendable {
  private let join: HashJoin
  private let monitor = Monitor()
  private var blocks: [JoinBlock] = []
  private var reservations: [MemoryReservation] = []
  /// Set when memory ran out: all build rows go to disk.
  private var spilled: SpilledJoin?

  init(_ join: HashJoin) { self.join = join }

  override func makeWorker() -> SinkWorker { Worker(self) }

  fileprivate func add(_ added: [JoinBlock], _ reservation: MemoryReservation) {
    monitor.withLock {
      blocks.append(contentsOf: added)
      reservations.append(reservation)
    }
  }

  fileprivate var isSpilling: Bool { monitor.withLock { spilled != nil } }

  fileprivate func spill(_ blocks: [JoinBlock]) throws(StoaError) {
    var target = monitor.withLock { spilled }
    if target == nil {
      let made = try SpilledJoin(join, profile: profile)
      target = monitor.withLock {
        if spilled == nil { spilled = made }
        return spilled
      }
    }
    guard let target else { return }
    for block in blocks {
      try target.add(block)
      monitor.withLock {
        target.buildRowCount += block.rowCount
        if (block.validity?.nullCount ?? 0) > 0 { target.hasNullKey = true }
      }
    }
  }

  override func merge() throws(StoaError) -> [MergeStep] {
    if isSpilling { return try spillRest() }
    join.reservations = reservations
    if let dense = DenseJoinTable(join, blocks) {
      publishFilters()
      profile?.note(strategy: "dense")
      join.table = .dense(dense)
      blocks = []
      return []
    }
    let reservation = MemoryReservation(join.context.budget)
    guard reservation.tryResize(to: HashJoinTable.byteCount(join, rowCount: blocks.rowCount)) else {
      return try spillRest()
    }
    publishFilters()
    profile?.note(strategy: "hash")
    let table = try HashJoinTable(join, blocks, reservation: reservation)
    join.table = .hash(table)
    blocks = []
    return table.steps
  }

  private func spillRest() throws(StoaError) -> [MergeStep] {
    try spill(blocks)
    blocks = []
    reservations = []
    join.reservations = []
    profile?.note(strategy: "spilled hash")
    if let spilled { join.table = .spilled(spilled) }
    return []
  }

  private func publishFilters() {
    for (index, filter) in join.filters.enumerated() {
      guard let filter else { continue }
      if let content = content(ofKey: index) { filter.publish(content) }
    }
  }

  /// Key values of column `index`; `nil` when they are not integers.
  private func content(ofKey index: Int) -> RuntimeFilter.Content? {
    var kept: [Buffer] = []
    var spans: [UnsafeBufferPointer<Int64>] = []
    for block in blocks {
      guard let widened = block.integers ?? IntegerKeys.widen(block.keys[index]) else { return nil }
      let count: Int
      let buffer: Buffer
      if let validity = block.validity {
        (buffer, count) = IntegerKeys.valid(widened, validity)
      } else {
        (buffer, count) = (widened, block.rowCount)
      }
      kept.append(buffer)
      spans.append(
        UnsafeBufferPointer(start: UnsafePointer(buffer.typed(Int64.self)), count: count))
    }
    defer { withExtendedLifetime(kept) {} }
    return RuntimeFilter.Content.make(spans)
  }

  private final class Worker: SinkWorker {
    private let sink: HashJoinBuildSink
    private let join: HashJoin
    private let keys: [ExpressionEvaluator]
    private var blocks: [JoinBlock] = []
    private let reservation: MemoryReservation

    init(_ sink: HashJoinBuildSink) {
      self.sink = sink
      reservation = MemoryReservation(sink.join.context.budget)
      join = sink.join
      keys = sink.join.node.buildKeys.map(ExpressionEvaluator.init)
    }

    override func consume(_ batch: Batch) throws(StoaError) {
      let keys = try keys.evaluate(batch).columns
      var block = JoinBlock(
        keys: keys, payload: join.payload.map { batch.columns[$0] }, rowCount: batch.rowCount)
      for key in keys where key.mayHaveNulls {
        let flat = key.form == .dictionary ? key : key.flattened()
        block.validity = Validity.intersection(block.validity, flat.validity)
      }
      if join.hasIntegerKey {
        block.integers = IntegerKeys.widen(keys[0])
        block.keys = []
      }
      let keyBytes = join.hasIntegerKey ? 8 * batch.rowCount : 0
      let added =
        keyBytes
        + Batch(columns: block.keys + block.payload, rowCount: batch.rowCount).byteCount
      blocks.append(block)
      let mustSpill = join.context.settings.spillsAlways && blocks.count > 2
      if mustSpill || sink.isSpilling
        || !reservation.tryResize(to: reservation.byteCount + added)
      {
        try sink.spill(blocks)
        blocks = []
        _ = reservation.tryResize(to: 0)
      }
    }

    override func finish() {
      sink.add(blocks, reservation)
      blocks = []
    }
  }
}

/// Integer columns as 64-bit keys.
enum IntegerKeys {
  /// One Int64 per row; `nil` for other types. Slots of NULL rows hold anything.
  static func widen(_ vector: Vector) -> Buffer? {
    switch vector.type.physical {
    case .int8: return widen(vector, Int8.self)
    case .int16: return widen(vector, Int16.self)
    case .int32: return widen(vector, Int32.self)
    case .int64: return widen(vector, Int64.self)
    case .bool, .int128, .float32, .float64, .string: return nil
    }
  }

  @inline(__always)
  private static func widen<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type
  ) -> Buffer {
    let flat = vector.flattened()
    let buffer = Buffer(of: Int64.self, count: max(1, flat.count))
    let target = buffer.typed(Int64.self)
    let values = flat.base.assumingMemoryBound(to: T.self)
    for row in 0..<flat.count { target[row] = Int64(truncatingIfNeeded: values[row]) }
    withExtendedLifetime(flat) {}
    return buffer
  }

  /// The keys of the rows that `validity` has, and their number.
  static func valid(_ keys: Buffer, _ validity: Validity) -> (Buffer, Int) {
    let buffer = Buffer(of: Int64.self, count: max(1, validity.count))
    let target = buffer.typed(Int64.self)
    let source = keys.typed(Int64.self)
    var count = 0
    for row in 0..<validity.count where validity.isValid(row) {
      target[count] = source[row]
      count += 1
    }
    return (buffer, count)
  }
}
