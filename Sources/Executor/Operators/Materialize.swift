import Vectors

/// Keeps all rows in memory: rows that several references read, the inner side of a nested loop.
final class CollectSink: PipelineSink, @unchecked Sendable {
  private let context: ExecutionContext
  private let purpose: String
  private let monitor = Monitor()
  private let reservation: MemoryReservation

  /// All rows, once the pipeline has run.
  private(set) var batches: [Batch] = []
  var rowCount: Int { batches.reduce(0) { $0 + $1.rowCount } }

  init(context: ExecutionContext, purpose: String) {
    self.context = context
    self.purpose = purpose
    reservation = MemoryReservation(context.budget)
  }

  override func makeWorker() -> SinkWorker { Worker(self) }

  private func reserve(_ byteCount: Int) throws(StoaError) {
    let isReserved = monitor.withLock {
      reservation.tryResize(to: reservation.byteCount + byteCount)
    }
    if !isReserved { try reservation.budget.refuse(byteCount, for: purpose) }
  }

  private func add(_ added: [Batch]) {
    monitor.withLock { batches.append(contentsOf: added) }
  }

  override func complete() {
    profile?.add(rows: rowCount)
  }

  private final class Worker: SinkWorker {
    private let sink: CollectSink
    private var batches: [Batch] = []

    init(_ sink: CollectSink) { self.sink = sink }

    override func consume(_ batch: Batch) throws(StoaError) {
      try sink.reserve(batch.byteCount)
      batches.append(batch)
    }

    override func finish() {
      sink.add(batches)
      batches = []
    }
  }
}

extension Batch {
  /// Bytes of values, codes and masks, without dictionaries and long strings; for the memory budget.
  var byteCount: Int {
    var total = 0
    for column in columns {
      switch column.form {
      case .flat: total += column.count * column.type.physical.byteWidth
      case .constant: total += 16
      case .dictionary: total += column.count * 4
      case .runs: total += (column.child?.count ?? 0) * 20
      }
      if column.validity != nil { total += column.count / 8 }
    }
    return total
  }
}

extension MemoryBudget {
  /// - Throws: always, `.resource`.
  func refuse(_ byteCount: Int, for purpose: String) throws(StoaError) {
    throw StoaError(
      .resource,
      "out of memory: \(purpose) needs \(byteCount) bytes more than the limit of \(limit)",
      hint: "Raise it with SET memory_limit")
  }
}
