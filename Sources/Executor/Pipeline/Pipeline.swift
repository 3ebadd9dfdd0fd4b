import SQL
import Vectors

/// One worker's instance of an operator that does not need all its input before it gives output. It takes a
/// batch, then gives batches until it has none left; so it can stop between any two of them, and a full
/// result queue never has to hold more than one batch too many.
class BatchOperator {
  /// Takes the next input. Called only when `next` has returned `nil`.
  func push(_ batch: Batch) throws(StoaError) {}
  /// The next output for the input so far; `nil` when more input is needed.
  func next() throws(StoaError) -> Batch? { nil }
  /// There is no more input (of this phase of the pipeline); `next` is called again until `nil`.
  func finish() throws(StoaError) {}
  /// No further input can change the output: a LIMIT that is reached.
  var isSaturated: Bool { false }
}

/// What the workers' instances of one operator share.
class OperatorFactory: @unchecked Sendable {
  /// Counters for EXPLAIN ANALYZE, when wanted.
  var profile: OperatorProfile?

  /// Called once before any instance is made; what the operator depends on is complete then.
  func prepare() throws(StoaError) {}
  /// An instance for one worker.
  func makeOperator() throws(StoaError) -> BatchOperator { BatchOperator() }
  /// Further input for the operators after this one, once all workers are through with all input: unmatched
  /// rows of an outer join, spilled partitions.
  func continuation() throws(StoaError) -> (any TableSource)? { nil }
  /// Whether `continuation` may give something; then the operator cannot be part of a UNION ALL branch.
  var hasContinuation: Bool { false }
}

/// The end of a pipeline: needs all input before anything can come out.
class PipelineSink: @unchecked Sendable {
  /// Counters for EXPLAIN ANALYZE, when wanted.
  var profile: OperatorProfile?

  /// An instance for one worker.
  func makeWorker() throws(StoaError) -> SinkWorker { SinkWorker() }
  /// Whether workers other than the consumer's should stop for now.
  var isFull: Bool { false }
  /// All workers are through: pieces of work that can be done in parallel before `complete`.
  func merge() throws(StoaError) -> [MergeStep] { [] }
  /// The merge is done.
  func complete() throws(StoaError) {}
}

/// Part of a merge that one worker does.
struct MergeStep {
  let run: () throws(StoaError) -> Void
}

/// One worker's side of a sink.
class SinkWorker {
  func consume(_ batch: Batch) throws(StoaError) {}
  /// Whether row groups whose every row would be consumed should be offered whole first.
  var wantsRowGroups: Bool { false }
  /// Takes all rows of a row group at once; `false` to have them as batches, then nothing has been taken.
  func consume(_ rowGroup: OpenRowGroup) throws(StoaError) -> Bool { false }
  /// No more input for this worker.
  func finish() throws(StoaError) {}
}

/// A source and the operators on the way from it, not yet ended by a sink.
struct Chain {
  var source: any TableSource
  var operators: [OperatorFactory] = []
  /// Counters of the source.
  var sourceProfile: OperatorProfile?
  /// Read by one worker in order.
  var isOrdered = false
}

/// Source · operators · sink. Workers pull morsels from the source and carry the batches through.
final class Pipeline: @unchecked Sendable {
  let chain: Chain
  let sink: PipelineSink
  let workerLimit: Int
  /// By worker; made when the worker first takes part.
  var sinkWorkers: [SinkWorker?]

  init(chain: Chain, sink: PipelineSink, context: ExecutionContext) {
    self.chain = chain
    self.sink = sink
    workerLimit = chain.isOrdered ? 1 : context.workerCount
    sinkWorkers = Array(repeating: nil, count: context.workerCount)
  }
}
