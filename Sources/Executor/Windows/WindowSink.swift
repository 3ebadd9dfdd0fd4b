import Kernels
import SQL
import Vectors

/// Window functions. Workers collect rows. In memory, rows are divided by the hash of their partition keys, so that
/// workers sort and evaluate divisions side by side while the result is read; one worker's rows, or rows
/// without PARTITION BY, are one division. What does not fit becomes sorted runs in temporary files, merged while
/// they are read, and partitions are evaluated as they come by.
final class WindowSink: PipelineSink, @unchecked Sendable {
  private let program: WindowProgram
  private let context: ExecutionContext
  private let monitor = Monitor()
  private var inputs: [[Batch]] = []
  private var spilledRuns: [SpilledRun] = []
  private var reservations: [MemoryReservation] = []
  private var wholes: [Batch] = []
  private var hashes: [Buffer?] = []
  private var sorted: [SortedRun?] = []
  /// Of workers whose functions need no order, with the rows of `inputs`.
  private var groups: [(groups: WindowGroups, numbers: [RowNumbers])] = []
  private var grouped: (rows: [GroupedRows], results: [Vector])?

  /// Fewer rows than this are not worth dividing.
  private static let divisionRowCount = 32_768

  init(_ node: WindowNode, context: ExecutionContext) {
    program = WindowProgram(node)
    self.context = context
  }

  override func makeWorker() -> SinkWorker { Worker(self) }

  private var divides: Bool {
    program.sharedCount > 0 && inputs.count > 1 && spilledRuns.isEmpty
      && inputs.reduce(0) { $0 + $1.reduce(0) { $0 + $1.rowCount } } > WindowSink.divisionRowCount
  }

  /// Brings the partitions of all workers together.
  private func mergeGroups() throws(StoaError) {
    let merged = groups.max { $0.groups.count < $1.groups.count }?.groups
    var rows: [GroupedRows] = []
    for ((own, numbers), batches) in zip(groups, inputs) {
      let map: [UInt32]? = own === merged ? nil : try merged?.merge(own)
      for (batch, number) in zip(batches, numbers) {
        rows.append(GroupedRows(batch: batch, numbers: number, map: map))
      }
    }
    grouped = (rows, try merged?.results() ?? [])
    (inputs, groups) = ([], [])
  }

  override func merge() throws(StoaError) -> [MergeStep] {
    if spilledRuns.isEmpty, !inputs.isEmpty, groups.count == inputs.count {
      try mergeGroups()
      return []
    }
    groups = []
    if spilledRuns.isEmpty, !divides { inputs = inputs.isEmpty ? [] : [Array(inputs.joined())] }
    let isDividing = divides
    let mustSpill = !spilledRuns.isEmpty
    wholes = Array(repeating: Batch(columns: [], rowCount: 0), count: inputs.count)
    hashes = Array(repeating: nil, count: inputs.count)
    sorted = Array(repeating: nil, count: inputs.count)
    return inputs.indices.map { index in
      MergeStep { [self] () throws(StoaError) in
        let batches = monitor.withLock {
          defer { inputs[index] = [] }
          return inputs[index]
        }
        let whole = batches.count == 1 ? batches[0] : Batch.concatenated(batches)
        if isDividing {
          let hash = Buffer(of: UInt64.self, count: max(1, whole.rowCount))
          Hashing.hash(
            rows: program.keys.prefix(program.sharedCount).map { whole.columns[$0] },
            count: whole.rowCount, into: hash.typed(UInt64.self))
          monitor.withLock { (wholes[index], hashes[index]) = (whole, hash) }
        } else {
          let order = program.order(whole.columns, count: whole.rowCount)
          let run = SortedRun(keys: [], columns: whole.columns, order: order)
          if mustSpill {
            // Memory is for the partitions now.
            add(try SpilledRun(run, context: context))
          } else {
            monitor.withLock { sorted[index] = run }
          }
        }
      }
    }
  }

  /// The rows with the functions' columns.
  func result() throws(StoaError) -> any TableSource {
    defer { (wholes, hashes, sorted) = ([], [], []) }
    if !spilledRuns.isEmpty { reservations = [] }
    if let grouped {
      self.grouped = nil
      return GroupedWindowSource(program, grouped.rows, results: grouped.results, reservations)
    }
    let runs = sorted.compactMap { $0 }
    if !hashes.isEmpty, hashes.allSatisfy({ $0 != nil }) {
      let divisions = WindowDivisions(
        wholes, hashes.compactMap { $0 }, count: 4 * context.workerCount)
      return WindowSource(
        program, context, .divided(divisions), rowCount: divisions.rowCount, reservations)
    }
    let rowCount =
      runs.reduce(0) { $0 + $1.order.count } + spilledRuns.reduce(0) { $0 + $1.rowCount }
    if spilledRuns.isEmpty, runs.count <= 1 {
      return WindowSource(program, context, .sorted(runs.first), rowCount: rowCount, reservations)
    }
    let capacity = context.settings.batchCapacity
    var readers: [any RunReader] = runs.map { MemoryRunReader($0, capacity: capacity) }
    for run in spilledRuns { readers.append(run.makeReader()) }
    let merged = MergeSource(
      readers.map { KeyedRunReader($0, keys: program.keys) }, rowCount: rowCount,
      comparator: RowComparator(program.specifications), reservations: [], capacity: capacity)
    return WindowSource(program, context, .merged(merged), rowCount: rowCount, reservations)
  }

  private func add(_ run: SpilledRun) {
    monitor.withLock { spilledRuns.append(run) }
    profile?.addSpill(bytes: run.byteCount)
  }

  private final class Worker: SinkWorker {
    private let sink: WindowSink
    private let evaluators: [ExpressionEvaluator]
    private let reservation: MemoryReservation
    private var rows: [Batch] = []
    private var rowCount = 0
    /// As long as no order is needed, and the partition of each of `rows`.
    private var groups: WindowGroups?
    private var numbers: [RowNumbers] = []
    private var groupByteCount = 0
    /// With a limit, rows beyond it are forgotten when there are so many.
    private var pruneCount = WindowSink.divisionRowCount

    init(_ sink: WindowSink) {
      self.sink = sink
      evaluators = sink.program.stored.map { ExpressionEvaluator($0) }
      reservation = MemoryReservation(sink.context.budget)
      groups = WindowGroups.serves(sink.program) ? WindowGroups(sink.program) : nil
    }

    override func consume(_ batch: Batch) throws(StoaError) {
      var stored = try evaluators.evaluate(batch)
      stored.rowCount = batch.rowCount
      // Rows, and an order of 4 bytes plus a sort's own 12.
      var added = stored.byteCount + 16 * batch.rowCount
      // What the partitions have grown by since the last batch.
      let groupBytes = groups?.byteCount ?? 0
      added += max(0, groupBytes - groupByteCount)
      groupByteCount = groupBytes
      let mustSpill = sink.context.settings.spillsAlways && rows.count >= 2
      if mustSpill || !reservation.tryResize(to: reservation.byteCount + added) {
        try spill()
        // The batch in hand is in memory anyway: others keep the limit it may pass.
        reservation.set(to: added)
      }
      if let groups {
        numbers.append(try groups.add(stored, sink.context))
      }
      rows.append(stored)
      rowCount += stored.rowCount
      if sink.program.node.limit != nil, rowCount >= pruneCount { try prune() }
    }

    private func prune() throws(StoaError) {
      let whole = rows.count == 1 ? rows[0] : Batch.concatenated(rows)
      let kept = try sink.program.pruned(whole, sink.context.cancellation)
      rows = kept.rowCount > 0 ? [kept] : []
      rowCount = kept.rowCount
      pruneCount = max(WindowSink.divisionRowCount, 2 * rowCount)
      _ = reservation.tryResize(to: kept.byteCount + 16 * rowCount)
    }

    private func spill() throws(StoaError) {
      (groups, numbers) = (nil, [])
      if sink.program.node.limit != nil, !rows.isEmpty { try prune() }
      guard !rows.isEmpty else { return }
      let whole = rows.count == 1 ? rows[0] : Batch.concatenated(rows)
      (rows, rowCount) = ([], 0)
      let order = sink.program.order(whole.columns, count: whole.rowCount)
      sink.add(
        try SpilledRun(
          SortedRun(keys: [], columns: whole.columns, order: order), context: sink.context))
      _ = reservation.tryResize(to: 0)
    }

    override func finish() {
      guard !rows.isEmpty else { return }
      sink.monitor.withLock {
        sink.inputs.append(rows)
        if let groups { sink.groups.append((groups, numbers)) }
        sink.reservations.append(reservation)
      }
      rows = []
    }
  }
}

/// A run whose sort keys are among its columns.
private final class KeyedRunReader: RunReader {
  private let run: any RunReader
  private let keys: [Int]

  init(_ run: any RunReader, keys: [Int]) {
    self.run = run
    self.keys = keys
  }

  func nextBlock() throws(StoaError) -> SortedBlock? {
    guard var block = try run.nextBlock() else { return nil }
    block.keys = keys.map { block.columns[$0].mergeable }
    return block
  }
}

/// Rows of several workers divided by the hash of their partition keys.
final class WindowDivisions: @unchecked Sendable {
  private let wholes: [Batch]
  private let hashes: [Buffer]
  let count: Int
  let rowCount: Int

  init(_ wholes: [Batch], _ hashes: [Buffer], count: Int) {
    self.wholes = wholes
    self.hashes = hashes
    self.count = max(1, count)
    rowCount = wholes.reduce(0) { $0 + $1.rowCount }
  }

  /// All rows of division `index`, sorted.
  func run(_ index: Int, _ program: WindowProgram) -> SortedRun {
    var parts: [Batch] = []
    for (whole, hash) in zip(wholes, hashes) {
      let values = hash.typed(UInt64.self)
      let positions = [UInt32](unsafeUninitializedCapacity: whole.rowCount) { rows, found in
        for row in 0..<whole.rowCount where division(values[row]) == index {
          rows[found] = UInt32(truncatingIfNeeded: row)
          found += 1
        }
      }
      if !positions.isEmpty { parts.append(whole.gather(positions, count: positions.count)) }
    }
    withExtendedLifetime(hashes) {}
    guard !parts.isEmpty else { return SortedRun(keys: [], columns: [], order: []) }
    let all = parts.count == 1 ? parts[0] : Batch.concatenated(parts)
    return SortedRun(
      keys: [], columns: all.columns, order: program.order(all.columns, count: all.rowCount))
  }

  /// The high half times the number of divisions: no bias and no division.
  @inline(__always)
  private func division(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: (hash >> 32) &* UInt64(truncatingIfNeeded: count) >> 32)
  }
}
