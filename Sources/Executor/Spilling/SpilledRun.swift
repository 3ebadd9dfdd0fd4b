import Vectors

/// A sorted run in a temporary file, in blocks of some thousand rows.
final class SpilledRun: @unchecked Sendable {
  private let blocks: [SpilledBatch]
  private let keyCount: Int
  let rowCount: Int

  /// Rows per block: one block of each run is in memory during a merge.
  private static let blockRowCount = 4096

  /// Writes `run`.
  init(_ run: SortedRun, context: ExecutionContext) throws(StoaError) {
    let file = try SpillFile(directory: context.settings.temporaryDirectory)
    let reader = MemoryRunReader(run, capacity: SpilledRun.blockRowCount)
    var blocks: [SpilledBatch] = []
    while let block = reader.nextBlock() {
      try context.cancellation.check()
      blocks.append(
        try file.write(Batch(columns: block.keys + block.columns, rowCount: block.rowCount)))
    }
    self.blocks = blocks
    keyCount = run.keys.count
    rowCount = run.order.count
  }

  var byteCount: Int { blocks.reduce(0) { $0 + $1.byteCount } }

  func makeReader() -> any RunReader { Reader(blocks, keyCount) }

  private final class Reader: RunReader {
    private let blocks: [SpilledBatch]
    private let keyCount: Int
    private var next = 0

    init(_ blocks: [SpilledBatch], _ keyCount: Int) {
      self.blocks = blocks
      self.keyCount = keyCount
    }

    func nextBlock() throws(StoaError) -> SortedBlock? {
      guard next < blocks.count else { return nil }
      let batch = try blocks[next].read()
      next += 1
      return SortedBlock(
        keys: Array(batch.columns[..<keyCount]), columns: Array(batch.columns[keyCount...]),
        rowCount: batch.rowCount)
    }
  }
}
