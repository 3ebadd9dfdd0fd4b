import Kernels
import Vectors

/// A sorted run read a block at a time.
protocol RunReader: AnyObject {
  /// The next rows of the run in order, keys and columns; `nil` at the end.
  func nextBlock() throws(StoaError) -> SortedBlock?
}

/// Some rows of a run, in order.
struct SortedBlock {
  var keys: [Vector]
  var columns: [Vector]
  var rowCount: Int
}

/// A run in memory.
final class MemoryRunReader: RunReader {
  private let run: SortedRun
  private let capacity: Int
  private var row = 0

  init(_ run: SortedRun, capacity: Int) {
    self.run = run
    self.capacity = capacity
  }

  func nextBlock() -> SortedBlock? {
    let count = min(capacity, run.order.count - row)
    guard count > 0 else { return nil }
    defer { row += count }
    return run.order.withUnsafeBufferPointer { order in
      guard let base = order.baseAddress else { return nil }
      return SortedBlock(
        keys: run.keys.map { $0.gather(base + row, count: count).mergeable },
        columns: run.columns.map { $0.gather(base + row, count: count) }, rowCount: count)
    }
  }
}

extension Vector {
  /// Run-length vectors need a search per comparison; every other form is fine.
  var mergeable: Vector { form == .runs ? flattened() : self }
}

/// Merges sorted runs while they are read; one reader only.
final class MergeSource: TableSource, @unchecked Sendable {
  private let inputs: [any RunReader]
  private let rowCount: Int
  private let comparator: RowComparator
  private let reservations: [MemoryReservation]
  private let capacity: Int

  /// - Parameter reservations: memory of the runs, given back with the source.
  init(
    _ inputs: [any RunReader], rowCount: Int, comparator: RowComparator,
    reservations: [MemoryReservation], capacity: Int
  ) {
    self.inputs = inputs
    self.rowCount = rowCount
    self.comparator = comparator
    self.reservations = reservations
    self.capacity = capacity
  }

  var morselCount: Int { 1 }
  var estimatedRowCount: Int { rowCount }
  var isOrdered: Bool { true }
  func makeReader() -> any TableReader {
    Reader(inputs, comparator: comparator, capacity: capacity)
  }

  private final class Reader: TableReader {
    private let inputs: [any RunReader]
    private let comparator: RowComparator
    private let capacity: Int
    /// Current block and row of each run; no block at its end.
    private var blocks: [SortedBlock?] = []
    private var rows: [Int] = []
    private var tree: LoserTree?

    init(_ inputs: [any RunReader], comparator: RowComparator, capacity: Int) {
      self.inputs = inputs
      self.comparator = comparator
      self.capacity = capacity
    }

    func open(morsel: Int) throws(StoaError) {
      blocks = []
      for input in inputs { blocks.append(try input.nextBlock()) }
      rows = Array(repeating: 0, count: inputs.count)
      tree = LoserTree(runCount: inputs.count, precedes: precedes)
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
      guard let a = blocks[left] else { return false }
      guard let b = blocks[right] else { return true }
      return comparator.compare(a.keys, rows[left], b.keys, rows[right]) < 0
    }

    /// Rows are taken in stretches: as long as one run wins, and never past the end of its block.
    func next() throws(StoaError) -> Batch? {
      var parts: [Batch] = []
      var count = 0
      while count < capacity {
        guard let winner = tree?.winner, winner >= 0, let block = blocks[winner] else { break }
        let start = rows[winner]
        while count < capacity, rows[winner] < block.rowCount {
          rows[winner] += 1
          count += 1
          if rows[winner] == block.rowCount { break }
          tree?.replay(precedes: precedes)
          if tree?.winner != winner { break }
        }
        parts.append(
          Batch(columns: block.columns, rowCount: block.rowCount).slice(start..<rows[winner]))
        if rows[winner] == block.rowCount {
          blocks[winner] = try inputs[winner].nextBlock()
          rows[winner] = 0
          tree?.replay(precedes: precedes)
        }
      }
      return parts.isEmpty ? nil : Batch.concatenated(parts)
    }
  }
}
