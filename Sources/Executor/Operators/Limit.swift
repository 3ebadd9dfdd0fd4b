import Synchronization
import Vectors

/// LIMIT and OFFSET: rows are numbered as they arrive, over all workers, and those of one range pass. Once it
/// is full, nothing more is read.
final class LimitFactory: OperatorFactory, @unchecked Sendable {
  private let offset: Int
  private let end: Int
  private let arrived = Atomic<Int>(0)

  init(limit: Int?, offset: Int) {
    self.offset = max(0, offset)
    let (end, overflow) = self.offset.addingReportingOverflow(max(0, limit ?? .max))
    self.end = overflow ? .max : end
  }

  override func makeOperator() -> BatchOperator { Limit(self) }

  private final class Limit: BatchOperator {
    private let factory: LimitFactory
    private var output: Batch?

    init(_ factory: LimitFactory) { self.factory = factory }

    override var isSaturated: Bool { factory.arrived.load(ordering: .relaxed) >= factory.end }

    override func push(_ batch: Batch) {
      let first = factory.arrived.add(batch.rowCount, ordering: .relaxed).oldValue
      let lower = max(0, min(batch.rowCount, factory.offset - first))
      let upper = max(lower, min(batch.rowCount, factory.end - first))
      guard upper > lower else { return }
      output = upper - lower == batch.rowCount ? batch : batch.slice(lower..<upper)
    }

    override func next() -> Batch? {
      defer { output = nil }
      return output
    }
  }
}

/// A scalar subquery: one row passes, with none a row of NULLs is made, a second is an error.
final class SingleRowFactory: OperatorFactory, @unchecked Sendable {
  private let types: [LogicalType]
  private let arrived = Atomic<Int>(0)

  init(types: [LogicalType]) { self.types = types }

  override func makeOperator() -> BatchOperator { SingleRow(self) }
  override var hasContinuation: Bool { true }

  override func continuation() -> (any TableSource)? {
    guard arrived.load(ordering: .relaxed) == 0 else { return nil }
    let columns = types.map { Vector(constant: .null, type: $0, count: 1) }
    return BatchSource([Batch(columns: columns, rowCount: 1)])
  }

  private final class SingleRow: BatchOperator {
    private let factory: SingleRowFactory
    private var output: Batch?

    init(_ factory: SingleRowFactory) { self.factory = factory }

    override func push(_ batch: Batch) throws(StoaError) {
      let count = factory.arrived.add(batch.rowCount, ordering: .relaxed).newValue
      guard count <= 1 else {
        throw StoaError(
          .evaluation, "more than one row returned by a subquery used as an expression")
      }
      output = batch
    }

    override func next() -> Batch? {
      defer { output = nil }
      return output
    }
  }
}
