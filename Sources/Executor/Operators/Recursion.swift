import Kernels
import SQL
import Vectors

// WITH RECURSIVE as a source of rows. The initial query and each step run as queries of their own, pulled by whoever
// reads the recursion; the rows a step gives out go on at once and are kept for the step after it. So a LIMIT
// above ends a recursion that has no end of its own, and no rows older than one step are kept.
//
// UNION (without ALL) keeps every row ever given out, in a hash table or in files, to drop those that come again.
//
// What a step only reads (hash tables over tables of the warehouse) is made once: see `PipelineBuilder.keptJoins`.

/// Rows of a recursion.
final class RecursionSource: TableSource, @unchecked Sendable {
  fileprivate let node: RecursionNode
  /// As it was at the recursion: knows the rows shared by the queries around it.
  fileprivate let builder: PipelineBuilder
  fileprivate let context: ExecutionContext
  /// Counters of initial query and step, in EXPLAIN's order.
  fileprivate let profiles: [OperatorProfile]

  init(
    _ node: RecursionNode, builder: PipelineBuilder, context: ExecutionContext,
    profiles: [OperatorProfile]
  ) {
    self.node = node
    self.builder = builder
    self.context = context
    self.profiles = profiles
  }

  var morselCount: Int { 1 }
  var estimatedRowCount: Int { 0 }
  var isOrdered: Bool { true }
  func makeReader() -> any TableReader { RecursionReader(self) }
}

private final class RecursionReader: TableReader {
  private let source: RecursionSource
  private let context: ExecutionContext
  private var stream: ResultStream?
  private var streamProfile: QueryProfile?
  private var firstProfile = 0
  /// Rows of the step before, which the step that runs reads.
  private var working: CollectSink
  /// Rows for the step to come.
  private var added: CollectSink
  private var addedWorker: SinkWorker
  private var addedCount = 0
  private var seen: SeenRows?
  private var stepCount = 0
  private var isDone = false
  /// Joins whose tables later steps use again, by place in the plan.
  private var keptJoins: [Int: HashJoin] = [:]
  /// Small batches that wait to go on together.
  private var pending: [Batch] = []
  private var pendingRows = 0
  private var failure: StoaError?

  init(_ source: RecursionSource) {
    self.source = source
    context = source.context
    working = RecursionReader.makeSink(source)
    added = working
    addedWorker = added.makeWorker()
  }

  deinit { endStream() }

  private static func makeSink(_ source: RecursionSource) -> CollectSink {
    CollectSink(context: source.context, purpose: "rows of a recursion")
  }

  func open(morsel: Int) throws(StoaError) {
    isDone = false
    stepCount = 0
    failure = nil
    if source.node.isDistinct { seen = SeenRows(source.node.facts.columns.map(\.type), context) }
    begin()
    try start(source.node.initial, firstProfile: 0)
  }

  /// Rows go on at once at first; in long recursions of small steps some are put together.
  func next() throws(StoaError) -> Batch? {
    if let failure { throw failure }
    do throws(StoaError) {
      while let batch = try nextBatch() {
        if pending.isEmpty, batch.rowCount * 8 >= context.settings.batchCapacity || stepCount < 64 {
          return batch
        }
        pending.append(batch)
        pendingRows += batch.rowCount
        if pending.count * 64 >= stepCount || pendingRows >= context.settings.batchCapacity / 2 {
          return takePending()
        }
      }
    } catch {
      // What came before the error goes on first: it may be all that is wanted.
      failure = error
      guard let rest = takePending() else { throw error }
      return rest
    }
    return takePending()
  }

  private func takePending() -> Batch? {
    guard !pending.isEmpty else { return nil }
    defer {
      pending = []
      pendingRows = 0
    }
    return pending.count == 1 ? pending[0] : Batch.concatenated(pending)
  }

  private func nextBatch() throws(StoaError) -> Batch? {
    while !isDone {
      try context.cancellation.check()
      if let batch = try stream?.next() {
        let new: Batch
        if let seen {
          guard let added = try seen.add(batch) else { continue }
          new = added
        } else {
          new = batch
        }
        try addedWorker.consume(new)
        addedCount += new.rowCount
        return new
      }
      endStream()
      if let new = try seen?.drain() {
        try addedWorker.consume(new)
        addedCount += new.rowCount
        return new
      }
      if addedCount == 0 {
        isDone = true
        break
      }
      try addedWorker.finish()
      working = added
      begin()
      stepCount += 1
      try start(source.node.step, firstProfile: source.node.initial.operatorCount)
    }
    return nil
  }

  /// Makes room for the rows of the next step.
  private func begin() {
    added = RecursionReader.makeSink(source)
    addedWorker = added.makeWorker()
    addedCount = 0
  }

  /// Starts a query that may refer to `working`.
  private func start(_ plan: PhysicalPlan, firstProfile: Int) throws(StoaError) {
    let profile = source.profiles.isEmpty ? nil : QueryProfile()
    var builder = source.builder.forStep(profile: profile)
    let fixedNumbers = builder.sharedNumbers
    builder.share(working, as: source.node.number)
    if stepCount > 0 {
      builder.fixedNumbers = fixedNumbers
      builder.keptJoins = keptJoins.filter { $0.value.isReusable }
    }
    stream = try QueryExecution.stream(plan, &builder, context)
    keptJoins = builder.keptJoins
    streamProfile = profile
    self.firstProfile = firstProfile
  }

  /// Adds what a query counted to the counters of the whole.
  private func endStream() {
    stream = nil
    guard let profile = streamProfile else { return }
    streamProfile = nil
    for (index, counted) in profile.operators.enumerated()
    where firstProfile + index < source.profiles.count {
      source.profiles[firstProfile + index].add(counted)
    }
  }
}

/// Rows that came before, for UNION. What memory does not hold is divided by hash and written to temporary files; then the
/// rows of a whole step are divided too, and each part is compared with the rows seen before in the same part.
private final class SeenRows {
  private let types: [LogicalType]
  private let context: ExecutionContext
  private let reservation: MemoryReservation
  private var table: GroupTable
  private var groups = GrowingBytes()
  /// All rows seen, once they do not fit into memory.
  private var seen: PartitionedRows?
  /// Rows of the step that runs, in that case.
  private var candidates: PartitionedRows?
  private var part = 0
  private var batches: [SpilledBatch]?
  private var nextBatch = 0

  init(_ types: [LogicalType], _ context: ExecutionContext) {
    self.types = types
    self.context = context
    table = GroupTable(types: types)
    reservation = MemoryReservation(context.budget)
  }

  /// Rows of `batch` that were not there before, each once; `nil` for none, or when that shows only after the step.
  func add(_ batch: Batch) throws(StoaError) -> Batch? {
    if seen != nil {
      if candidates == nil { candidates = try makeParts() }
      try candidates?.add(batch, keys: batch.columns)
      return nil
    }
    let new = try newRows(batch)
    if context.settings.spillsAlways || !reservation.tryResize(to: table.byteCount) {
      try spill()
    }
    return new
  }

  /// After a step: more rows that were not there before; `nil` when there are no more.
  func drain() throws(StoaError) -> Batch? {
    guard let seen, let candidates else { return nil }
    while part < PartitionedRows.count {
      try context.cancellation.check()
      if batches == nil { try open(part, seen, candidates) }
      guard let open = batches, nextBatch < open.count else {
        batches = nil
        part += 1
        continue
      }
      nextBatch += 1
      if let new = try newRows(try open[nextBatch - 1].read()) {
        try seen.add(new, keys: new.columns)
        return new
      }
    }
    part = 0
    self.candidates = nil
    table = GroupTable(types: types)
    return nil
  }

  private func makeParts() throws(StoaError) -> PartitionedRows {
    try PartitionedRows(context: context, profile: nil, level: 0)
  }

  private func spill() throws(StoaError) {
    let parts = try makeParts()
    var start = 0
    while start < table.count {
      let end = min(table.count, start + Batch.defaultCapacity)
      let columns = table.keyVectors(start..<end)
      try parts.add(Batch(columns: columns, rowCount: end - start), keys: columns)
      start = end
    }
    seen = parts
    table = GroupTable(types: types)
    _ = reservation.tryResize(to: 0)
  }

  /// Reads the rows of a part that were seen before.
  private func open(
    _ part: Int, _ seen: PartitionedRows, _ candidates: PartitionedRows
  ) throws(StoaError) {
    let added = candidates.partition(part)
    batches = added
    nextBatch = 0
    guard !added.isEmpty else { return }
    table = GroupTable(types: types)
    for stored in seen.partition(part) {
      _ = try newRows(try stored.read())
      try reservation.resize(
        to: table.byteCount, for: "rows seen by a recursion with UNION (without ALL)")
    }
  }

  /// Rows that `table` does not have; it has them afterwards.
  private func newRows(_ batch: Batch) throws(StoaError) -> Batch? {
    let count = batch.rowCount
    guard count > 0 else { return nil }
    groups.reserve(count * 4, used: 0)
    let numbers = groups.pointer.assumingMemoryBound(to: UInt32.self)
    var next = table.count
    try table.assign(batch.columns, count: count, into: numbers)
    let positions = Buffer(of: UInt32.self, count: count)
    let target = positions.typed(UInt32.self)
    var found = 0
    // New groups are numbered in the order of their first rows.
    for row in 0..<count where Int(numbers[row]) == next {
      target[found] = UInt32(truncatingIfNeeded: row)
      found += 1
      next += 1
    }
    if found == 0 { return nil }
    return found == count ? batch : batch.gather(target, count: found)
  }
}
