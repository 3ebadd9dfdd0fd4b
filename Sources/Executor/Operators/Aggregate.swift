import CKernels
import Kernels
import SQL
import Vectors

/// GROUP BY. Each worker aggregates what it sees; at the end the states are merged: one into the other when they
/// are few, else by partitions of the keys' hashes, which workers merge while the result is read. States that do
/// not fit into memory are written to a temporary file, by partition.
final class AggregateSink: PipelineSink, @unchecked Sendable {
  private let node: AggregateNode
  private let context: ExecutionContext
  private let monitor = Monitor()
  private var states: [AggregateState] = []
  private var reservations: [MemoryReservation] = []
  private var partitions: PartialPartitions?

  /// More groups than this over all workers are merged by partition.
  private static let partitionLimit = 100_000

  init(_ node: AggregateNode, context: ExecutionContext) {
    self.node = node
    self.context = context
  }

  override func makeWorker() -> SinkWorker { Worker(self) }

  override func merge() throws(StoaError) -> [MergeStep] {
    if let first = states.first { profile?.note(strategy: first.strategy) }
    let groupCount = states.reduce(0) { $0 + $1.groupCount }
    let isLarge = states.count > 1 && groupCount > AggregateSink.partitionLimit
    let hasDistinct = states.contains { $0.hasDistinct }
    if partitions != nil || (isLarge && !hasDistinct && !node.groups.isEmpty) {
      let target = partitionTarget()
      for state in states { try target.add(state, toFile: false, reservation: nil) }
      states = []
      return []
    }
    let merged = states.max { $0.groupCount < $1.groupCount } ?? AggregateState(node)
    for state in states where state !== merged { try merged.merge(state) }
    try merged.complete()
    states = [merged]
    return []
  }

  /// The groups with their results.
  func result() throws(StoaError) -> any TableSource {
    if let partitions {
      return PartitionedResult(node, partitions, capacity: context.settings.batchCapacity)
    }
    defer { states = [] }
    return AggregateResult(
      states.first, reservations: reservations, capacity: context.settings.batchCapacity)
  }

  private func partitionTarget() -> PartialPartitions {
    monitor.withLock {
      if let partitions { return partitions }
      let made = PartialPartitions(context: context, profile: profile)
      partitions = made
      return made
    }
  }

  private final class Worker: SinkWorker {
    private let sink: AggregateSink
    private var state: AggregateState
    private let reservation: MemoryReservation

    init(_ sink: AggregateSink) {
      self.sink = sink
      state = AggregateState(sink.node)
      reservation = MemoryReservation(sink.context.budget)
    }

    override var wantsRowGroups: Bool { sink.node.readsChunks }

    override func consume(_ rowGroup: OpenRowGroup) throws(StoaError) -> Bool {
      guard try state.add(rowGroup) else { return false }
      try keepWithinBudget()
      return true
    }

    override func consume(_ batch: Batch) throws(StoaError) {
      try state.add(batch)
      try keepWithinBudget()
    }

    private func keepWithinBudget() throws(StoaError) {
      let isSpillable = !sink.node.groups.isEmpty && !state.hasDistinct
      let mustSpill = sink.context.settings.spillsAlways && isSpillable && state.groupCount > 1
      if !mustSpill && reservation.tryResize(to: state.byteCount) { return }
      guard isSpillable else {
        try reservation.resize(to: state.byteCount, for: "aggregation")
        return
      }
      try sink.partitionTarget().add(state, toFile: true, reservation: reservation)
      state = AggregateState(sink.node)
      try reservation.resize(to: state.byteCount, for: "aggregation")
    }

    override func finish() {
      guard state.groupCount > 0 else { return }
      sink.monitor.withLock {
        sink.states.append(state)
        sink.reservations.append(reservation)
      }
      state = AggregateState(sink.node)
    }
  }
}

/// Merged groups, read in ranges.
private final class AggregateResult: TableSource, @unchecked Sendable {
  private let state: AggregateState?
  private let reservations: [MemoryReservation]
  private let capacity: Int

  init(_ state: AggregateState?, reservations: [MemoryReservation], capacity: Int) {
    self.state = state
    self.reservations = reservations
    self.capacity = capacity
  }

  var estimatedRowCount: Int { state?.groupCount ?? 0 }
  var morselCount: Int { (estimatedRowCount + capacity - 1) / capacity }
  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: AggregateResult
    private var range = 0..<0

    init(_ source: AggregateResult) { self.source = source }

    func open(morsel: Int) {
      let first = morsel * source.capacity
      range = first..<min(first + source.capacity, source.estimatedRowCount)
    }

    func next() throws(StoaError) -> Batch? {
      guard !range.isEmpty else { return nil }
      defer { range = 0..<0 }
      return try source.state?.result(range)
    }
  }
}

/// Partial states divided by the hash of their keys, in memory and in a file.
final class PartialPartitions: @unchecked Sendable {
  static let count = 32
  private let context: ExecutionContext
  private let profile: OperatorProfile?
  private let monitor = Monitor()
  private var parts: [[Part]] = Array(repeating: [], count: PartialPartitions.count)
  private var file: SpillFile?
  private(set) var rowCount = 0

  private enum Part {
    case memory(Batch)
    case file(SpilledBatch)
  }

  init(context: ExecutionContext, profile: OperatorProfile?) {
    self.context = context
    self.profile = profile
  }

  /// Takes the groups of `state` over.
  func add(
    _ state: AggregateState, toFile: Bool, reservation: MemoryReservation?
  ) throws(StoaError) {
    var first = 0
    while first < state.groupCount {
      let range = first..<min(first + 65_536, state.groupCount)
      try add(state.partials(range), keyCount: state.groupTypes.count, toFile: toFile)
      first = range.upperBound
    }
    _ = reservation?.tryResize(to: 0)
  }

  private func add(_ batch: Batch, keyCount: Int, toFile: Bool) throws(StoaError) {
    let count = batch.rowCount
    let hashes = Buffer(of: UInt64.self, count: count)
    let hash = hashes.typed(UInt64.self)
    Hashing.hash(rows: Array(batch.columns[..<keyCount]), count: count, into: hash)
    var positions: [[UInt32]] = Array(repeating: [], count: PartialPartitions.count)
    for row in 0..<count { positions[Int(hash[row] >> 59)].append(UInt32(row)) }
    for (index, rows) in positions.enumerated() where !rows.isEmpty {
      let part = batch.gather(rows, count: rows.count)
      let stored: Part
      if toFile {
        let written = try spillFile().write(part)
        profile?.addSpill(bytes: written.byteCount)
        stored = .file(written)
      } else {
        stored = .memory(part)
      }
      monitor.withLock {
        parts[index].append(stored)
        rowCount += rows.count
      }
    }
  }

  private func spillFile() throws(StoaError) -> SpillFile {
    if let file = monitor.withLock({ file }) { return file }
    let made = try SpillFile(directory: context.settings.temporaryDirectory)
    return monitor.withLock {
      if file == nil { file = made }
      return file ?? made
    }
  }

  /// The merged groups of partition `index`.
  func merged(_ index: Int, _ node: AggregateNode) throws(StoaError) -> AggregateState {
    let state = AggregateState(node)
    let reservation = MemoryReservation(context.budget)
    for part in monitor.withLock({ parts[index] }) {
      switch part {
      case .memory(let batch): try state.add(partials: batch)
      case .file(let written): try state.add(partials: try written.read())
      }
      try reservation.resize(to: state.byteCount, for: "merging groups")
    }
    try state.complete()
    return state
  }
}

/// Groups merged partition by partition while they are read.
private final class PartitionedResult: TableSource, @unchecked Sendable {
  private let node: AggregateNode
  private let partitions: PartialPartitions
  private let capacity: Int

  init(_ node: AggregateNode, _ partitions: PartialPartitions, capacity: Int) {
    self.node = node
    self.partitions = partitions
    self.capacity = capacity
  }

  var morselCount: Int { PartialPartitions.count }
  var estimatedRowCount: Int { partitions.rowCount }
  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: PartitionedResult
    private var state: AggregateState?
    private var first = 0

    init(_ source: PartitionedResult) { self.source = source }

    func open(morsel: Int) throws(StoaError) {
      state = try source.partitions.merged(morsel, source.node)
      first = 0
    }

    func next() throws(StoaError) -> Batch? {
      guard let state, first < state.groupCount else {
        state = nil
        return nil
      }
      let range = first..<min(first + source.capacity, state.groupCount)
      first = range.upperBound
      return try state.result(range)
    }
  }
}

extension AggregateState {
  /// How groups were found, for profiles.
  var strategy: String { groupTypes.isEmpty ? "single" : grouping.strategy }
}
