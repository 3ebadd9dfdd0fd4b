import Synchronization
import Vectors

/// How far a worker got in one step of a stage.
enum StageProgress {
  case again
  /// The sink is full.
  case full
  /// No work is left to take.
  case exhausted
}

/// A part of a query during which workers share one supply of work; stages run one after the other.
protocol Stage: AnyObject {
  /// Called by one worker before the others come.
  func open() throws(StoaError)
  /// Workers that can be of use; known after `open`.
  var workerLimit: Int { get }
  /// Does some work as worker `slot`.
  func advance(slot: Int) throws(StoaError) -> StageProgress
  /// Worker `slot` found the work exhausted; called once per worker that advanced.
  func leave(slot: Int) throws(StoaError)
  /// All workers have left; returns stages that must run before those already planned.
  func close() throws(StoaError) -> [any Stage]
}

/// Carries all morsels of one source through the operators of a pipeline from position `first` on.
final class PipelineStage: Stage {
  /// Batches of one step; some tenths of a millisecond.
  private static let batchesPerStep = 8
  /// Fewer rows than this per worker are not worth waking one.
  private static let rowsPerWorker = 16_384

  private let pipeline: Pipeline
  private let source: any TableSource
  private let first: Int
  private let context: ExecutionContext
  private let cursor = Atomic<Int>(0)
  private var morselCount = 0
  private(set) var workerLimit = 1
  private var workers: [PipelineWorker?]

  init(pipeline: Pipeline, source: any TableSource, first: Int, context: ExecutionContext) {
    self.pipeline = pipeline
    self.source = source
    self.first = first
    self.context = context
    workers = Array(repeating: nil, count: context.workerCount)
  }

  func open() throws(StoaError) {
    if first == 0 {
      for factory in pipeline.chain.operators { try factory.prepare() }
    }
    try source.prepare()
    morselCount = source.morselCount
    let useful = 1 + source.estimatedRowCount / PipelineStage.rowsPerWorker
    workerLimit = source.isOrdered ? 1 : max(1, min(pipeline.workerLimit, morselCount, useful))
  }

  func advance(slot: Int) throws(StoaError) -> StageProgress {
    let worker = try worker(slot)
    for _ in 0..<PipelineStage.batchesPerStep {
      if slot != 0 && pipeline.sink.isFull { return .full }
      try context.cancellation.check()
      guard let batch = try worker.pull() else { return .exhausted }
      try worker.consume(batch)
      if slot == 0 && pipeline.sink.isFull { return .full }
    }
    return .again
  }

  private func worker(_ slot: Int) throws(StoaError) -> PipelineWorker {
    if let worker = workers[slot] { return worker }
    let sinkWorker: SinkWorker
    if let made = pipeline.sinkWorkers[slot] {
      sinkWorker = made
    } else {
      sinkWorker = try pipeline.sink.makeWorker()
      pipeline.sinkWorkers[slot] = sinkWorker
    }
    var operators: [BatchOperator] = []
    for factory in pipeline.chain.operators[first...] {
      operators.append(try factory.makeOperator())
    }
    let profiles = pipeline.chain.operators[first...].map(\.profile)
    let worker = PipelineWorker(
      reader: try source.makeReader(), operators: operators, sink: sinkWorker,
      takeMorsel: { [unowned self] in takeMorsel() }, cancellation: context.cancellation,
      sourceProfile: first == 0 ? pipeline.chain.sourceProfile : nil, operatorProfiles: profiles,
      sinkProfile: pipeline.sink.profile)
    workers[slot] = worker
    return worker
  }

  /// The next morsel nobody has taken; `nil` when there is none.
  private func takeMorsel() -> Int? {
    guard cursor.load(ordering: .relaxed) < morselCount else { return nil }
    let morsel = cursor.add(1, ordering: .relaxed).oldValue
    return morsel < morselCount ? morsel : nil
  }

  func leave(slot: Int) throws(StoaError) {
    workers[slot]?.flushProfile()
    workers[slot] = nil
  }

  func close() throws(StoaError) -> [any Stage] {
    guard first == 0 else { return [] }
    var stages: [any Stage] = []
    for (index, factory) in pipeline.chain.operators.enumerated() where factory.hasContinuation {
      stages.append(
        ContinuationStage(pipeline: pipeline, factory: factory, first: index + 1, context: context))
    }
    stages.append(MergeStage(pipeline: pipeline, context: context))
    return stages
  }
}

/// Asks an operator, after all input has passed it, for rows it has kept back.
final class ContinuationStage: Stage {
  private let pipeline: Pipeline
  private let factory: OperatorFactory
  private let first: Int
  private let context: ExecutionContext
  private var source: (any TableSource)?

  init(pipeline: Pipeline, factory: OperatorFactory, first: Int, context: ExecutionContext) {
    self.pipeline = pipeline
    self.factory = factory
    self.first = first
    self.context = context
  }

  var workerLimit: Int { 1 }
  func open() throws(StoaError) { source = try factory.continuation() }
  func advance(slot: Int) throws(StoaError) -> StageProgress { .exhausted }
  func leave(slot: Int) throws(StoaError) {}

  func close() throws(StoaError) -> [any Stage] {
    guard let source else { return [] }
    return [PipelineStage(pipeline: pipeline, source: source, first: first, context: context)]
  }
}

/// Ends the workers' sides of a sink and merges them, in parallel where the sink can.
final class MergeStage: Stage {
  private let pipeline: Pipeline
  private let context: ExecutionContext
  private var steps: [MergeStep] = []
  private let cursor = Atomic<Int>(0)

  init(pipeline: Pipeline, context: ExecutionContext) {
    self.pipeline = pipeline
    self.context = context
  }

  var workerLimit: Int { max(1, min(context.workerCount, steps.count)) }

  func open() throws(StoaError) {
    let start = monotonicNanoseconds()
    for worker in pipeline.sinkWorkers { try worker?.finish() }
    steps = try pipeline.sink.merge()
    pipeline.sink.profile?.add(nanoseconds: monotonicNanoseconds() &- start)
  }

  func advance(slot: Int) throws(StoaError) -> StageProgress {
    try context.cancellation.check()
    let index = cursor.add(1, ordering: .relaxed).oldValue
    guard index < steps.count else { return .exhausted }
    let start = monotonicNanoseconds()
    try steps[index].run()
    pipeline.sink.profile?.add(nanoseconds: monotonicNanoseconds() &- start)
    return .again
  }

  func leave(slot: Int) throws(StoaError) {}

  func close() throws(StoaError) -> [any Stage] {
    try pipeline.sink.complete()
    for slot in pipeline.sinkWorkers.indices { pipeline.sinkWorkers[slot] = nil }
    return []
  }
}
