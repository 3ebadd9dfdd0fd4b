import Catalog
import Encodings
import Kernels
import Vectors

// Merging sorted runs with little memory: of each run a window of some thousand rows is decoded, a loser tree over
// their keys says whose row comes next. A new row group is a list of names of window rows, which one gather per
// column turns into vectors.
//
// Which run each new row came from is remembered, a byte a row, nothing for a row group from a single run. With
// that (`MergedPositions`), deletes that arrive during the merge find their rows.

/// The next row of a run, kept where the inner loop finds it without counting references.
private struct RunHead {
  /// Its key; `nil` at the end of the run.
  var key: UnsafeRawPointer?
  /// The first row of the window that is not taken yet.
  var row = 0
  var rowCount = 0
  /// Number of the window in the group being made; −1 when it has none yet.
  var windowNumber = -1

  @inline(__always)
  mutating func skip(_ count: Int, width: Int) {
    row += count
    key = key.map { $0 + count * width }
  }
}

/// Rows of segments that are merged or put one behind the other.
final class MergedRows: MovedRows {
  /// Most runs of one merge.
  static let runLimit = 255

  private let definition: TableDefinition
  private let cursors: [RunCursor]
  private let encoder: SortKeyEncoder
  private let comparator: RowComparator
  private let reservation: MemoryReservation
  private let windowByteCount: Int
  private let heads: UnsafeMutablePointer<RunHead>
  private var tree: LoserTree
  private var hasTree = false
  private var origins: [MergedPositions.Group] = []
  private var originByteCount = 0

  /// - Parameter runs: row groups of each run in the order of its keys, older runs first. Without a sort key one run.
  init(
    _ definition: TableDefinition, runs: [[RunPiece]], budget: MemoryBudget, windowRowCount: Int
  ) throws(StoaError) {
    self.definition = definition
    var sortColumns: [Int] = []
    for id in definition.sortKey {
      guard let index = definition.index(of: id) else {
        throw StoaError(.inconsistency, "the sort key has no column \(id)")
      }
      sortColumns.append(index)
    }
    guard runs.count <= (sortColumns.isEmpty ? 1 : MergedRows.runLimit) else {
      throw StoaError(.inconsistency, "\(runs.count) runs in one merge")
    }
    let specifications = SortedKeys.specifications(sortColumns.count)
    encoder = SortKeyEncoder(
      types: sortColumns.map { definition.columns[$0].type }, specifications: specifications)
    comparator = RowComparator(specifications)
    reservation = MemoryReservation(budget)
    let rowByteCount = definition.columns.reduce(encoder.byteWidth) {
      $0 + $1.type.physical.byteWidth * 2
    }
    // A run has the window it reads and the one before, whose rows may still wait for the gather.
    var rows = max(1024, windowRowCount & ~1023)
    while rows > 1024, !reservation.tryResize(to: rows * rowByteCount * runs.count * 2) {
      rows /= 2
    }
    rows &= ~1023
    windowByteCount = rows * rowByteCount * runs.count * 2
    try reservation.resize(to: windowByteCount, for: "merging segments")
    let keyColumns = runs.count > 1 ? sortColumns : []
    cursors = runs.map {
      RunCursor($0, definition, keyColumns: keyColumns, windowRowCount: rows)
    }
    heads = .allocate(capacity: max(1, runs.count))
    heads.initialize(repeating: RunHead(), count: max(1, runs.count))
    tree = LoserTree(runCount: 0) { _, _ in false }
  }

  deinit { heads.deallocate() }

  func nextGroup(capacity: Int) throws(StoaError) -> Batch? {
    if !hasTree {
      for run in cursors.indices { try advance(run) }
      tree = LoserTree(runCount: cursors.count) { precedes($0, $1) }
      hasTree = true
    }
    for run in cursors.indices { heads[run].windowNumber = -1 }
    var windows: [RunWindow] = []
    var names: [UInt32] = []
    names.reserveCapacity(capacity)
    var taken: [UInt8] = []
    taken.reserveCapacity(capacity)
    while names.count < capacity, tree.winner >= 0, heads[tree.winner].key != nil {
      let run = tree.winner
      if heads[run].windowNumber < 0, let window = cursors[run].window {
        heads[run].windowNumber = windows.count
        windows.append(window)
      }
      let (first, number) = (heads[run].row, heads[run].windowNumber)
      // At the beginning of a window its last row may come before all others: then all of it is next.
      let isWhole = first == 0 && isFirst(run)
      let count = isWhole ? min(heads[run].rowCount, capacity - names.count) : 1
      for row in first..<(first + count) {
        names.append(RowGathering.name(source: number, row: row))
        taken.append(UInt8(truncatingIfNeeded: run))
      }
      heads[run].skip(count, width: encoder.byteWidth)
      if heads[run].row == heads[run].rowCount { try advance(run) }
      tree.replay { precedes($0, $1) }
    }
    guard !names.isEmpty else { return nil }
    try remember(taken)
    let columns = definition.columns.indices.map { column in
      names.withUnsafeBufferPointer {
        RowGathering.gather(
          windows.map { $0.columns[column] }, type: definition.columns[column].type, $0)
      }
    }
    return Batch(columns: columns, rowCount: names.count)
  }

  /// Goes to the next window of a run.
  private func advance(_ run: Int) throws(StoaError) {
    heads[run] = RunHead()
    try cursors[run].advance(encoder)
    guard let window = cursors[run].window else { return }
    // Safe because the cursor keeps the window, and with it the keys, until it advances again.
    heads[run].key = UnsafeRawPointer(window.keys.pointer)
    heads[run].rowCount = window.rowCount
  }

  private func remember(_ taken: [UInt8]) throws(StoaError) {
    if taken.allSatisfy({ $0 == taken[0] }) {
      origins.append(.run(Int(taken[0]), rowCount: taken.count))
      return
    }
    originByteCount += taken.count
    try reservation.resize(
      to: windowByteCount + originByteCount, for: "the position map of a merge")
    origins.append(.runs(taken))
  }

  /// Whether the head of run `left` comes before that of `right`; ends of runs come last.
  @inline(__always)
  private func precedes(_ left: Int, _ right: Int) -> Bool {
    guard let first = heads[left].key else { return false }
    guard let second = heads[right].key else { return true }
    let order = encoder.compare(first, second)
    if order != 0 || encoder.isExact { return order < 0 }
    return compareValues(left, heads[left].row, right, heads[right].row) < 0
  }

  /// For rows whose keys of fixed width are the same.
  private func compareValues(_ left: Int, _ row: Int, _ right: Int, _ other: Int) -> Int {
    guard let first = cursors[left].window, let second = cursors[right].window else { return 0 }
    return comparator.compare(first.keyColumns, row, second.keyColumns, other)
  }

  /// Whether all of the window that a run has just begun comes before the heads of the others.
  private func isFirst(_ run: Int) -> Bool {
    guard let key = heads[run].key else { return false }
    let row = heads[run].rowCount - 1
    let last = key + row * encoder.byteWidth
    for other in cursors.indices where other != run {
      guard let head = heads[other].key else { continue }
      var order = encoder.compare(last, head)
      if order == 0, !encoder.isExact {
        order = compareValues(run, row, other, heads[other].row)
      }
      if order > 0 || (order == 0 && other < run) { return false }
    }
    return true
  }

  var positions: any PositionMap {
    MergedPositions(runs: cursors.map(\.positions), groups: origins)
  }
}
