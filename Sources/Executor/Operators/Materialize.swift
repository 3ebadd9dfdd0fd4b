import Vectors

/// Keeps all rows: those that several references read, a UNION ALL branch, the inner side of a nested loop. What
/// memory does not hold goes to a temporary file, where the reader can do with rows a batch at a time.
final class CollectSink: PipelineSink, @unchecked Sendable {
  private let context: ExecutionContext
  private let purpose: String
  private let canSpill: Bool
  private let keepsOrder: Bool
  private let monitor = Monitor()
  private let reservation: MemoryReservation
  private var file: SpillFile?
  private var spilled: [SpilledBatch] = []

  /// The rows in memory, once the pipeline has run; all of them when the sink cannot spill.
  private(set) var batches: [Batch] = []

  /// - Parameter keepsOrder: what one worker brings is given out in that order.
  init(
    context: ExecutionContext, purpose: String, canSpill: Bool = true, keepsOrder: Bool = false
  ) {
    self.context = context
    self.purpose = purpose
    self.canSpill = canSpill
    self.keepsOrder = keepsOrder
    reservation = MemoryReservation(context.budget)
  }

  var rowCount: Int {
    batches.reduce(0) { $0 + $1.rowCount } + spilled.reduce(0) { $0 + $1.rowCount }
  }

  /// All rows, to be read any number of times.
  var source: any TableSource {
    spilled.isEmpty ? BatchSource(batches) : CollectedSource(batches, spilled, owner: self)
  }

  /// Rows on disk, after those in memory.
  var spilledBatches: [SpilledBatch] { spilled }

  /// The row there is exactly one of.
  func onlyRow() throws(StoaError) -> Batch {
    var read = batches.first
    if read == nil { read = try spilled.first?.read() }
    guard let read, rowCount == 1 else {
      throw StoaError(.inconsistency, "\(purpose) has \(rowCount) rows instead of one")
    }
    return read
  }

  override func makeWorker() -> SinkWorker { Worker(self) }

  /// Whether there is memory for `byteCount` more.
  private func reserve(_ byteCount: Int) -> Bool {
    monitor.withLock {
      if keepsOrder, !spilled.isEmpty { return false }
      let mustSpill = context.settings.spillsAlways && canSpill && reservation.byteCount > 0
      return !mustSpill && reservation.tryResize(to: reservation.byteCount + byteCount)
    }
  }

  private func spill(_ batch: Batch) throws(StoaError) {
    var target = monitor.withLock { file }
    if target == nil {
      let made = try SpillFile(directory: context.settings.temporaryDirectory)
      target = monitor.withLock {
        if file == nil { file = made }
        return file
      }
    }
    guard let written = try target?.write(batch) else { return }
    profile?.addSpill(bytes: written.byteCount)
    monitor.withLock { spilled.append(written) }
  }

  private func add(_ added: [Batch]) {
    monitor.withLock { batches.append(contentsOf: added) }
  }

  override func complete() { profile?.add(rows: rowCount) }

  private final class Worker: SinkWorker {
    private let sink: CollectSink
    private var batches: [Batch] = []

    init(_ sink: CollectSink) { self.sink = sink }

    override func consume(_ batch: Batch) throws(StoaError) {
      if sink.reserve(batch.byteCount) {
        batches.append(batch)
      } else if sink.canSpill {
        try sink.spill(batch)
      } else {
        try sink.reservation.budget.refuse(batch.byteCount, for: sink.purpose)
      }
    }

    override func finish() {
      sink.add(batches)
      batches = []
    }
  }
}

/// Collected rows, some of them in a file; each batch is a morsel.
private final class CollectedSource: TableSource, @unchecked Sendable {
  private let batches: [Batch]
  private let spilled: [SpilledBatch]
  private let owner: CollectSink

  init(_ batches: [Batch], _ spilled: [SpilledBatch], owner: CollectSink) {
    self.batches = batches
    self.spilled = spilled
    self.owner = owner
  }

  var morselCount: Int { batches.count + spilled.count }
  var estimatedRowCount: Int { owner.rowCount }
  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: CollectedSource
    private var current: Batch?

    init(_ source: CollectedSource) { self.source = source }

    func open(morsel: Int) throws(StoaError) {
      let inMemory = source.batches.count
      current =
        morsel < inMemory
        ? source.batches[morsel] : try source.spilled[morsel - inMemory].read()
    }

    func next() -> Batch? {
      defer { current = nil }
      return current
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
