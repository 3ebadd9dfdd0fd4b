import Kernels
import SQL
import Synchronization
import Vectors

/// LIMIT and OFFSET: rows are numbered as they arrive, over all workers, and those of one range pass. Once it
/// is full, nothing more is read.
final class LimitFactory: OperatorFactory, @unchecked Sendable {
  private var offset: Int
  private var end: Int
  private var dynamic: (bounds: DynamicLimit, counts: CollectSink?, rows: CollectSink?)?
  private let arrived = Atomic<Int>(0)

  init(limit: Int?, offset: Int) {
    self.offset = max(0, offset)
    let (end, overflow) = self.offset.addingReportingOverflow(max(0, limit ?? .max))
    self.end = overflow ? .max : end
  }

  /// A limit that is known only when the query runs.
  /// - Parameters:
  ///   - counts: the row whose columns the bounds are over.
  ///   - rows: all rows, of which a limit in percent is a part.
  convenience init(
    _ bounds: DynamicLimit, limit: Int?, offset: Int, _ counts: CollectSink?, _ rows: CollectSink?
  ) {
    self.init(limit: limit, offset: offset)
    dynamic = (bounds, counts, rows)
  }

  override func prepare() throws(StoaError) {
    guard let (bounds, counts, rows) = dynamic else { return }
    let row = try counts?.onlyRow() ?? Batch(columns: [], rowCount: 1)
    if let limit = bounds.limit { end = try LimitFactory.count(limit, row, "LIMIT") ?? .max }
    if let percent = bounds.percent {
      end = try LimitFactory.part(percent, row).map { LimitFactory.rows($0, of: rows) } ?? .max
    }
    if let skipped = bounds.offset { offset = try LimitFactory.count(skipped, row, "OFFSET") ?? 0 }
    if bounds.limit != nil || bounds.percent != nil || end == .max {
      let (sum, overflow) = offset.addingReportingOverflow(end)
      end = overflow ? .max : sum
    }
  }

  private static func count(
    _ expression: Expression, _ row: Batch, _ name: String
  ) throws(StoaError) -> Int? {
    guard let value = try ExpressionEvaluator(expression).evaluate(row).value(at: 0).integer else {
      return nil
    }
    if value < 0 { throw StoaError(.evaluation, "\(name) must not be negative") }
    return Int(clamping: value)
  }

  private static func part(
    _ expression: Expression, _ row: Batch
  ) throws(StoaError) -> Double? {
    guard case .double(let percent) = try ExpressionEvaluator(expression).evaluate(row).value(at: 0)
    else { return nil }
    guard percent >= 0, percent <= 100 else {
      throw StoaError(.evaluation, "LIMIT in percent must be between 0 and 100, not \(percent)")
    }
    return percent
  }

  private static func rows(_ percent: Double, of sink: CollectSink?) -> Int {
    Int(Double(sink?.rowCount ?? 0) * percent / 100)
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
