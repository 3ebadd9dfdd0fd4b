import Kernels
import SQL
import Vectors

// A nested loop whose build side does not fit into memory: probe rows are written to a temporary file; then, for as many
// build rows at a time as fit, all probe rows are read again. What is known of a probe row so far (a match, a condition
// that was NULL) is two bits, kept in memory from one pass to the next.

/// Keeps probe rows for the passes to come.
final class BlockProbeWriter: BatchOperator {
  private let worker: SinkWorker

  init(_ rows: CollectSink) { worker = rows.makeWorker() }

  override func push(_ batch: Batch) throws(StoaError) { try worker.consume(batch) }
  override func finish() throws(StoaError) { try worker.finish() }
}

/// The join, pass by pass.
final class BlockJoinSource: TableSource, @unchecked Sendable {
  fileprivate let node: NestedLoopJoinNode
  fileprivate let probe: CollectSink
  fileprivate let build: CollectSink
  fileprivate let output: JoinOutput
  fileprivate let payloadColumns: [Int]
  fileprivate let context: ExecutionContext

  init(
    _ node: NestedLoopJoinNode, probe: CollectSink, build: CollectSink, output: JoinOutput,
    payloadColumns: [Int], context: ExecutionContext
  ) {
    self.node = node
    self.probe = probe
    self.build = build
    self.output = output
    self.payloadColumns = payloadColumns
    self.context = context
  }

  var morselCount: Int { 1 }
  var estimatedRowCount: Int { 0 }
  var isOrdered: Bool { true }
  func makeReader() throws(StoaError) -> any TableReader { BlockJoinReader(self) }
}

private final class BlockJoinReader: TableReader {
  private let source: BlockJoinSource
  private let reservation: MemoryReservation
  private let flagMemory: MemoryReservation
  /// Per probe batch and row: 1 for a match, 2 for a condition that was NULL.
  private var flags: [[UInt8]?] = []
  private var buildBatches: Rows
  private var probeBatches: Rows
  private var pass: NestedLoopProbe?
  private var matched: Buffer?
  private var payload: [Vector] = []
  private var blockRowCount = 0
  private var probeIndex = 0
  private var batchRowCount = 0
  private var isInBatch = false
  private var unmatched: (any TableReader)?
  private var unmatchedMorsels: [Int] = []
  private var phase = Phase.nextBlock

  private enum Phase { case nextBlock, pairs, unmatchedBuild, endings, done }

  init(_ source: BlockJoinSource) {
    self.source = source
    reservation = MemoryReservation(source.context.budget)
    flagMemory = MemoryReservation(source.context.budget)
    buildBatches = Rows(source.build)
    probeBatches = Rows(source.probe)
    flags = Array(repeating: nil, count: probeBatches.count)
  }

  func open(morsel: Int) {}

  func next() throws(StoaError) -> Batch? {
    while true {
      try source.context.cancellation.check()
      switch phase {
      case .nextBlock:
        if try readBlock() {
          probeIndex = 0
          phase = .pairs
        } else {
          probeIndex = 0
          pass = try makePass([], 0)
          phase = .endings
        }
      case .pairs: if let batch = try nextPairs() { return batch }
      case .unmatchedBuild: if let batch = try nextUnmatched() { return batch }
      case .endings: if let batch = try nextEnding() { return batch }
      case .done: return nil
      }
    }
  }

  /// As many build rows as fit, at least one batch.
  private func readBlock() throws(StoaError) -> Bool {
    var batches: [Batch] = []
    payload = []
    _ = reservation.tryResize(to: 0)
    let mustSpill = source.context.settings.spillsAlways
    while !buildBatches.isAtEnd {
      let size = 2 * buildBatches.nextByteCount
      if !batches.isEmpty {
        if mustSpill && batches.count >= 2 { break }
        guard reservation.tryResize(to: reservation.byteCount + size) else { break }
      } else {
        try reservation.resize(to: size, for: "a block of the inner side of a join")
      }
      guard let batch = try buildBatches.next() else { break }
      batches.append(batch)
    }
    blockRowCount = batches.reduce(0) { $0 + $1.rowCount }
    guard blockRowCount > 0 else { return false }
    payload = source.payloadColumns.map { column in
      Vector.concatenated(batches.map { $0.columns[column] }, count: blockRowCount)
    }
    if source.node.kind == .right || source.node.kind == .full {
      matched = Buffer(byteCount: max(1, blockRowCount), zeroed: true)
    }
    pass = try makePass(payload, blockRowCount)
    return true
  }

  private func makePass(_ payload: [Vector], _ count: Int) throws(StoaError) -> NestedLoopProbe {
    let empty = payload.isEmpty && !source.payloadColumns.isEmpty
    let columns =
      empty
      ? source.payloadColumns.map {
        Vector.nulls(type: source.node.build.facts.columns[$0].type, count: 0)
      } : payload
    let pass = NestedLoopProbe(
      kind: source.node.kind, output: source.output, residual: source.node.condition,
      payload: columns, matched: matched?.typed(UInt8.self), buildCount: count,
      capacity: source.context.settings.batchCapacity)
    pass.isPartial = true
    return pass
  }

  private var keepsFlags: Bool {
    switch source.node.kind {
    case .inner, .right: false
    case .left, .full, .semi, .anti, .mark, .single: true
    }
  }

  /// Pairs of the block with one probe batch after the other.
  private func nextPairs() throws(StoaError) -> Batch? {
    guard let pass else { return nil }
    if !isInBatch {
      guard let batch = try probeBatches.batch(probeIndex) else {
        phase = .unmatchedBuild
        startUnmatched()
        return nil
      }
      pass.push(batch)
      batchRowCount = batch.rowCount
      if let known = flags[probeIndex] { pass.restore(known) }
      isInBatch = true
    }
    if let batch = try pass.next() { return batch.rowCount > 0 ? batch : nil }
    if keepsFlags {
      let known = pass.knownFlags(batchRowCount)
      if flags[probeIndex] == nil { flagMemory.set(to: flagMemory.byteCount + known.count) }
      flags[probeIndex] = known
    }
    isInBatch = false
    probeIndex += 1
    return nil
  }

  private func startUnmatched() {
    guard let matched else { return }
    let rest = UnmatchedRows(
      payload: payload, rowCount: blockRowCount, matched: matched.typed(UInt8.self),
      owner: matched, output: source.output, capacity: source.context.settings.batchCapacity)
    unmatchedMorsels = Array((0..<rest.morselCount).reversed())
    unmatched = rest.makeReader()
  }

  private func nextUnmatched() throws(StoaError) -> Batch? {
    while let unmatched {
      if let batch = try unmatched.next() { return batch }
      guard let morsel = unmatchedMorsels.popLast() else {
        self.unmatched = nil
        break
      }
      try unmatched.open(morsel: morsel)
    }
    phase = .nextBlock
    return nil
  }

  /// What comes out of probe rows once all their pairs are known.
  private func nextEnding() throws(StoaError) -> Batch? {
    guard keepsFlags, let pass, let batch = try probeBatches.batch(probeIndex) else {
      phase = .done
      return nil
    }
    pass.push(batch)
    if let known = flags[probeIndex] { pass.restore(known) }
    flags[probeIndex] = nil
    probeIndex += 1
    return pass.end()
  }

  /// Batches of a sink, in memory or on disk.
  private struct Rows {
    private let inMemory: [Batch]
    private let spilled: [SpilledBatch]
    private var index = 0

    init(_ sink: CollectSink) {
      inMemory = sink.batches
      spilled = sink.spilledBatches
    }

    var count: Int { inMemory.count + spilled.count }
    var isAtEnd: Bool { index >= count }

    var nextByteCount: Int {
      index < inMemory.count
        ? inMemory[index].byteCount : spilled[index - inMemory.count].byteCount
    }

    mutating func next() throws(StoaError) -> Batch? {
      defer { index += 1 }
      return try batch(index)
    }

    func batch(_ index: Int) throws(StoaError) -> Batch? {
      if index < inMemory.count { return inMemory[index] }
      guard index < count else { return nil }
      return try spilled[index - inMemory.count].read()
    }
  }
}
