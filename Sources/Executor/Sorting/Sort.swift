import Kernels
import SQL
import Vectors

extension [SortItem] {
  /// Directions, as the kernels want them.
  var specifications: [SortSpecification] {
    map { SortSpecification(isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
  }
}

/// Rows of one worker in sorted order: sort keys, and rows as they came, by position.
struct SortedRun {
  var keys: [Vector]
  var columns: [Vector]
  var order: [UInt32]
}

/// ORDER BY. Workers collect rows; at the end each worker's rows are sorted as one run and the runs are merged
/// while the result is read.
final class SortSink: PipelineSink, @unchecked Sendable {
  private let items: [SortItem]
  private let types: [LogicalType]
  private let context: ExecutionContext
  private let monitor = Monitor()
  private var inputs: [(keys: [Batch], rows: [Batch])] = []
  private var runs: [SortedRun?] = []
  private var spilledRuns: [SpilledRun] = []
  private var reservations: [MemoryReservation] = []

  init(_ items: [SortItem], types: [LogicalType], context: ExecutionContext) {
    self.items = items
    self.types = types
    self.context = context
  }

  override func makeWorker() -> SinkWorker { Worker(self) }

  override func merge() -> [MergeStep] {
    runs = Array(repeating: nil, count: inputs.count)
    return inputs.indices.map { index in
      MergeStep { [self] () throws(StoaError) in
        let input = monitor.withLock {
          defer { inputs[index] = ([], []) }
          return inputs[index]
        }
        let run = SortSink.sorted(keys: input.keys, rows: input.rows, items)
        monitor.withLock { runs[index] = run }
      }
    }
  }

  /// One run of all `rows`.
  private static func sorted(keys: [Batch], rows: [Batch], _ items: [SortItem]) -> SortedRun {
    let keyBatch = keys.count == 1 ? keys[0] : Batch.concatenated(keys)
    let rowBatch = rows.count == 1 ? rows[0] : Batch.concatenated(rows)
    let order = RowOrder.sort(columns: keyBatch.columns, specifications: items.specifications)
    return SortedRun(keys: keyBatch.columns, columns: rowBatch.columns, order: order)
  }

  /// The sorted rows.
  func result() throws(StoaError) -> any TableSource {
    let runs = runs.compactMap { $0 }
    self.runs = []
    if spilledRuns.isEmpty && runs.count <= 1 {
      return SortedRunSource(
        runs.first, reservations: reservations, capacity: context.settings.batchCapacity)
    }
    var inputs: [any RunReader] = runs.map {
      MemoryRunReader($0, capacity: context.settings.batchCapacity)
    }
    for run in spilledRuns { inputs.append(run.makeReader()) }
    return MergeSource(
      inputs,
      rowCount: runs.reduce(0) { $0 + $1.order.count }
        + spilledRuns.reduce(0) { $0 + $1.rowCount },
      comparator: RowComparator(items.specifications), reservations: reservations,
      capacity: context.settings.batchCapacity)
  }

  private func add(_ keys: [Batch], _ rows: [Batch], _ reservation: MemoryReservation) {
    monitor.withLock {
      inputs.append((keys, rows))
      reservations.append(reservation)
    }
  }

  private func add(_ run: SpilledRun) {
    monitor.withLock { spilledRuns.append(run) }
    profile?.addSpill(bytes: run.byteCount)
  }

  private final class Worker: SinkWorker {
    private let sink: SortSink
    private let evaluators: [ExpressionEvaluator]
    private let reservation: MemoryReservation
    private var keys: [Batch] = []
    private var rows: [Batch] = []

    init(_ sink: SortSink) {
      self.sink = sink
      evaluators = sink.items.map { ExpressionEvaluator($0.expression) }
      reservation = MemoryReservation(sink.context.budget)
    }

    override func consume(_ batch: Batch) throws(StoaError) {
      let key = try evaluators.evaluate(batch)
      // Rows, keys, and an order of 4 bytes plus a sort's own 12.
      let added = batch.byteCount + key.byteCount + 16 * batch.rowCount
      let mustSpill = sink.context.settings.spillsAlways && rows.count >= 2
      if mustSpill || !reservation.tryResize(to: reservation.byteCount + added) {
        try spill()
        // The batch in hand is in memory anyway: others keep the limit it may pass.
        reservation.set(to: added)
      }
      keys.append(key)
      rows.append(batch)
    }

    /// Sorts what there is and writes it out.
    private func spill() throws(StoaError) {
      guard !rows.isEmpty else { return }
      let run = SortSink.sorted(keys: keys, rows: rows, sink.items)
      keys = []
      rows = []
      sink.add(try SpilledRun(run, context: sink.context))
      _ = reservation.tryResize(to: 0)
    }

    override func finish() {
      guard !rows.isEmpty else { return }
      sink.add(keys, rows, reservation)
      keys = []
      rows = []
    }
  }
}

/// The rows of one run in order.
final class SortedRunSource: TableSource, @unchecked Sendable {
  private let run: SortedRun?
  private let reservations: [MemoryReservation]
  private let capacity: Int

  /// - Parameter reservations: memory of the run, given back with the source.
  init(_ run: SortedRun?, reservations: [MemoryReservation] = [], capacity: Int) {
    self.run = run
    self.reservations = reservations
    self.capacity = capacity
  }

  var morselCount: Int { run == nil ? 0 : 1 }
  var estimatedRowCount: Int { run?.order.count ?? 0 }
  var isOrdered: Bool { true }
  func makeReader() -> any TableReader { Reader(run, capacity) }

  private final class Reader: TableReader {
    private let run: SortedRun?
    private let capacity: Int
    private var row = 0

    init(_ run: SortedRun?, _ capacity: Int) {
      self.run = run
      self.capacity = capacity
    }

    func open(morsel: Int) { row = 0 }

    func next() -> Batch? {
      guard let run, row < run.order.count else { return nil }
      let count = min(capacity, run.order.count - row)
      let columns = run.order.withUnsafeBufferPointer { order -> [Vector] in
        guard let base = order.baseAddress else { return [] }
        return run.columns.map { $0.gather(base + row, count: count) }
      }
      row += count
      return Batch(columns: columns, rowCount: count)
    }
  }
}
