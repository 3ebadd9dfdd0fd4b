import Kernels
import Vectors

/// Kept rows of one spilled partition on their way to the aggregates: sorted in runs as large as memory allows, merged, and
/// of DISTINCT each once.
final class AggregateRowSorter {
  private let rows: AggregateRows
  private let context: ExecutionContext
  private let profile: OperatorProfile?
  private let reservation: MemoryReservation
  private var batches: [Batch] = []
  private var runs: [SpilledRun] = []
  /// Bytes it may take: other workers merge other partitions meanwhile.
  private let share: Int

  init(_ rows: AggregateRows, context: ExecutionContext, profile: OperatorProfile?) {
    self.rows = rows
    self.context = context
    self.profile = profile
    reservation = MemoryReservation(context.budget)
    share = context.budget.limit / (4 * max(1, context.workerCount))
  }

  /// Takes rows whose first column is the group.
  func add(_ batch: Batch) throws(StoaError) {
    // Rows, an order of 4 bytes and a sort's own 12.
    let added = batch.byteCount + 16 * batch.rowCount
    let mustSpill = context.settings.spillsAlways && batches.count >= 2
    let isFull = reservation.byteCount + added > share
    if mustSpill || isFull || !reservation.tryResize(to: reservation.byteCount + added) {
      try spill()
      // One batch must be possible, whoever else has the memory.
      reservation.set(to: added)
    }
    batches.append(batch)
  }

  private func spill() throws(StoaError) {
    guard !batches.isEmpty else { return }
    let run = try SpilledRun(rows.sorted(Batch.concatenated(batches)), context: context)
    profile?.addSpill(bytes: run.byteCount)
    runs.append(run)
    batches = []
    _ = reservation.tryResize(to: 0)
  }

  /// Gives all rows to the aggregates.
  func feed() throws(StoaError) {
    var readers: [any RunReader] = runs.map { $0.makeReader() }
    if !batches.isEmpty {
      let run = rows.sorted(Batch.concatenated(batches))
      readers.append(MemoryRunReader(run, capacity: AggregateRows.stepRowCount))
    }
    let source = MergeSource(
      readers, rowCount: 0, comparator: RowComparator(rows.orderSpecifications), reservations: [],
      capacity: AggregateRows.stepRowCount)
    let reader = source.makeReader()
    try reader.open(morsel: 0)
    var last: Batch?
    while let batch = try reader.next() {
      try context.cancellation.check()
      guard rows.isDistinct else {
        try rows.feed(batch)
        continue
      }
      let flat = Batch(columns: batch.columns.map { $0.flattened() }, rowCount: batch.rowCount)
      try rows.feed(distinct(flat, after: last))
      last = flat.slice(flat.rowCount - 1..<flat.rowCount)
    }
  }

  /// The rows that differ from the one before.
  private func distinct(_ batch: Batch, after last: Batch?) -> Batch {
    let columns = rows.orderColumns
    let comparator = RowComparator(rows.orderSpecifications)
    let current = columns.map { batch.columns[$0] }
    var positions: [UInt32] = []
    for row in 0..<batch.rowCount {
      let isRepeated =
        if row > 0 {
          comparator.compare(current, row - 1, current, row) == 0
        } else if let last {
          comparator.compare(columns.map { last.columns[$0] }, 0, current, 0) == 0
        } else {
          false
        }
      if !isRepeated { positions.append(UInt32(truncatingIfNeeded: row)) }
    }
    return batch.gather(positions, count: positions.count)
  }
}
