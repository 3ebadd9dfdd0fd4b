import Kernels
import SQL
import Vectors

/// ORDER BY with LIMIT. Each worker keeps the best rows it has seen: it collects some multiple of the limit,
/// then cuts back to the limit, and drops rows that cannot win before they are stored.
final class TopNSink: PipelineSink, @unchecked Sendable {
  private let items: [SortItem]
  private let limit: Int
  private let offset: Int
  private let types: [LogicalType]
  private let context: ExecutionContext
  private let monitor = Monitor()
  private var kept: [(keys: Batch, rows: Batch)] = []
  private let keptCount: Int

  init(
    _ items: [SortItem], limit: Int, offset: Int, types: [LogicalType], context: ExecutionContext
  ) {
    self.items = items
    self.limit = max(0, limit)
    self.offset = max(0, offset)
    self.types = types
    self.context = context
    let (sum, overflow) = self.limit.addingReportingOverflow(self.offset)
    keptCount = overflow ? .max : sum
  }

  override func makeWorker() -> SinkWorker { Worker(self) }

  /// The rows from `offset` on, sorted.
  func result() -> any TableSource {
    guard limit > 0, !kept.isEmpty else { return BatchSource([]) }
    let keys = Batch.concatenated(kept.map(\.keys))
    let rows = Batch.concatenated(kept.map(\.rows))
    kept = []
    let order = RowOrder.first(
      min(keptCount, rows.rowCount), columns: keys.columns, specifications: items.specifications)
    let run = SortedRun(
      keys: [], columns: rows.columns, order: Array(order.dropFirst(offset).prefix(limit)))
    return SortedRunSource(run, capacity: context.settings.batchCapacity)
  }

  private final class Worker: SinkWorker {
    private let sink: TopNSink
    private let evaluators: [ExpressionEvaluator]
    private let specifications: [SortSpecification]
    private let reservation: MemoryReservation
    private var keys: [Batch] = []
    private var rows: [Batch] = []
    private var rowCount = 0
    /// Rows sorting after this one (the last kept by the latest cut) cannot be among the first.
    private var worst: [Vector]?

    init(_ sink: TopNSink) {
      self.sink = sink
      evaluators = sink.items.map { ExpressionEvaluator($0.expression) }
      specifications = sink.items.specifications
      reservation = MemoryReservation(sink.context.budget)
    }

    override func consume(_ batch: Batch) throws(StoaError) {
      guard sink.keptCount > 0 else { return }
      var key = try evaluators.evaluate(batch)
      var batch = batch
      if let worst {
        let (positions, count) = better(key, than: worst)
        guard count > 0 else { return }
        if count < batch.rowCount {
          let target = positions.typed(UInt32.self)
          batch = batch.gather(target, count: count)
          key = key.gather(target, count: count)
        }
      }
      try reservation.resize(
        to: reservation.byteCount + batch.byteCount + key.byteCount, for: "the first rows of a sort"
      )
      keys.append(key)
      rows.append(batch)
      rowCount += batch.rowCount
      if rowCount / 2 >= max(sink.keptCount, 2048) { cut() }
    }

    private func better(_ key: Batch, than worst: [Vector]) -> (Buffer, Int) {
      let comparator = RowComparator(specifications)
      let columns = key.columns.map(\.mergeable)
      let (buffer, candidates) = candidates(columns[0], key.rowCount, worst[0])
      let target = buffer.typed(UInt32.self)
      var count = 0
      for index in 0..<candidates
      where comparator.compare(columns, Int(target[index]), worst, 0) < 0 {
        target[count] = target[index]
        count += 1
      }
      return (buffer, count)
    }

    /// Rows whose first key may be good enough: without looking at the others, and for most rows of a large table
    /// all there is to do.
    private func candidates(_ key: Vector, _ count: Int, _ worst: Vector) -> (Buffer, Int) {
      let buffer = Buffer(of: UInt32.self, count: count + 1)
      let target = buffer.typed(UInt32.self)
      if key.form == .flat, key.validity == nil, worst.isValid(0), key.type != .interval {
        switch key.type.physical {
        case .int16: return (buffer, candidates(key, count, worst, Int16.self, target))
        case .int32: return (buffer, candidates(key, count, worst, Int32.self, target))
        case .int64: return (buffer, candidates(key, count, worst, Int64.self, target))
        case .int128: return (buffer, candidates(key, count, worst, Int128.self, target))
        case .bool, .int8, .float32, .float64, .string: break
        }
      }
      for row in 0..<count { target[row] = UInt32(truncatingIfNeeded: row) }
      return (buffer, count)
    }

    @inline(__always)
    private func candidates<T: FixedWidthInteger & BitwiseCopyable>(
      _ key: Vector, _ count: Int, _ worst: Vector, _: T.Type,
      _ target: UnsafeMutablePointer<UInt32>
    ) -> Int {
      let values = key.base.assumingMemoryBound(to: T.self)
      let bound = worst.base.assumingMemoryBound(to: T.self)[0]
      let isDescending = specifications[0].isDescending
      var found = 0
      for row in 0..<count {
        target[found] = UInt32(truncatingIfNeeded: row)
        let isCandidate: UInt8 =
          (isDescending ? values[row] >= bound : values[row] <= bound) ? 1 : 0
        found &+= Int(isCandidate)
      }
      withExtendedLifetime((key, worst)) {}
      return found
    }

    /// Keeps the best rows only.
    private func cut() {
      guard rowCount > 0 else { return }
      let allKeys = Batch.concatenated(keys)
      let allRows = Batch.concatenated(rows)
      let order = RowOrder.first(
        min(sink.keptCount, rowCount), columns: allKeys.columns, specifications: specifications)
      order.withUnsafeBufferPointer { order in
        guard let base = order.baseAddress else { return }
        keys = [allKeys.gather(base, count: order.count)]
        rows = [allRows.gather(base, count: order.count)]
        rowCount = order.count
        if order.count == sink.keptCount {
          worst = keys[0].columns.map { $0.slice(order.count - 1..<order.count).flattened() }
        }
      }
      _ = reservation.tryResize(to: keys[0].byteCount + rows[0].byteCount)
    }

    override func finish() {
      guard rowCount > 0 else { return }
      cut()
      let (keys, rows) = (keys[0], rows[0])
      sink.monitor.withLock { sink.kept.append((keys, rows)) }
      self.keys = []
      self.rows = []
    }
  }
}
