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
    if partitions != nil || (isLarge && !node.groups.isEmpty) {
      // Where memory was short before, what is left must not keep it from those who merge.
      let isShort = partitions != nil
      let target = partitionTarget()
      for (state, reservation) in zip(states, reservations) {
        try target.add(state, toFile: isShort, reservation: isShort ? reservation : nil)
      }
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
      return PartitionedResult(partitions, capacity: context.settings.batchCapacity)
    }
    defer { states = [] }
    return AggregateResult(
      states.first, reservations: reservations, capacity: context.settings.batchCapacity)
  }

  private func partitionTarget() -> PartialPartitions {
    monitor.withLock {
      if let partitions { return partitions }
      let made = PartialPartitions(node, level: 0, context: context, profile: profile)
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
      let hasKeptRows = state.keptRowCount > 0
      let isSpillable = !sink.node.groups.isEmpty || hasKeptRows
      let mustSpill =
        sink.context.settings.spillsAlways && isSpillable && (state.groupCount > 1 || hasKeptRows)
      if !mustSpill && reservation.tryResize(to: state.byteCount) { return }
      guard isSpillable else {
        try reservation.resize(to: state.byteCount, for: "aggregation")
        return
      }
      try sink.partitionTarget().add(state, toFile: true, reservation: reservation)
      state = AggregateState(sink.node)
      // An empty state is small, and without it nothing goes on: it may pass the limit, which others then keep.
      reservation.set(to: state.byteCount)
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

extension AggregateState {
  /// How groups were found, for profiles.
  var strategy: String { groupTypes.isEmpty ? "single" : grouping.strategy }
}
