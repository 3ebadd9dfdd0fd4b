import SQL
import Vectors

/// Runs physical plans.
public enum QueryExecution {
  /// Prepares `plan` and returns its result, which computes while it is read: nothing runs before the first
  /// `next`.
  /// - Throws: when the plan cannot be set up (an unknown table function, a missing table).
  public static func execute(
    plan: PhysicalPlan, context: ExecutionContext
  ) throws(StoaError) -> ResultStream {
    var builder = PipelineBuilder(context: context)
    return try stream(plan, &builder, context)
  }

  /// The same with a builder that may know rows `plan` refers to.
  static func stream(
    _ plan: PhysicalPlan, _ builder: inout PipelineBuilder, _ context: ExecutionContext
  ) throws(StoaError) -> ResultStream {
    let chain = try builder.chain(for: plan)
    let sink = ResultSink()
    builder.finish(chain, into: sink)
    let run = QueryRun(
      stages: builder.pipelines.map {
        PipelineStage(pipeline: $0, source: $0.chain.source, first: 0, context: context)
      }, context: context)
    sink.run = run
    return ResultStream(run: run, columns: plan.facts.columns)
  }
}

/// The batches of a result, pulled by one consumer. Dropping it ends the query.
public final class ResultStream {
  /// Names and types of the columns.
  public let columns: [OutputColumn]
  private let run: QueryRun
  private var startTime: UInt64?

  init(run: QueryRun, columns: [OutputColumn]) {
    self.run = run
    self.columns = columns
  }

  deinit { run.abandon() }

  /// The next batch, never empty; `nil` at the end. The calling thread does part of the work.
  public func next() throws(StoaError) -> Batch? {
    if startTime == nil { startTime = monotonicNanoseconds() }
    let batch = try run.nextBatch()
    if batch == nil, let profile = run.context.profile, let startTime {
      profile.wallNanoseconds = monotonicNanoseconds() &- startTime
    }
    return batch
  }

  /// All remaining batches; for small results and tests.
  public func collect() throws(StoaError) -> [Batch] {
    var batches: [Batch] = []
    while let batch = try next() { batches.append(batch) }
    return batches
  }

  /// Stops the work without reading the rest.
  public func cancel() { run.abandon() }
}

/// Hands batches to the consumer.
private final class ResultSink: PipelineSink, @unchecked Sendable {
  /// Set before the first stage runs; the run owns the stages, hence this sink.
  unowned(unsafe) var run: QueryRun!

  override var isFull: Bool { run.isOutputFull }
  override func makeWorker() -> SinkWorker { Worker(run) }

  private final class Worker: SinkWorker {
    private unowned let run: QueryRun
    init(_ run: QueryRun) { self.run = run }
    override func consume(_ batch: Batch) { run.emit(batch) }
  }
}
