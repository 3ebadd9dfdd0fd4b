import Catalog
import Encodings
import Kernels
import Vectors

// Merging sorted runs with little memory: of each run a window of some thousand rows is decoded, a loser tree over
// their keys says whose row comes next. A new row group is a list of names of window rows, which one gather per
// column turns into vectors.
//
// Which run each new row came from is remembered, a byte a row, nothing for a row group from a single run. With
// that, deletes that arrive during the merge find their rows: the n-th row left of a run went to where that run was
// chosen for the n-th time.

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
  private var tree: LoserTree
  private var hasTree = false
  private var origins: [GroupOrigin] = []
  private var originByteCount = 0

  /// Which runs the rows of one new row group came from.
  private enum GroupOrigin {
    case run(Int, rowCount: Int)
    case runs([UInt8])
  }

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
    tree = LoserTree(runCount: 0) { _, _ in false }
  }

  func nextGroup(capacity: Int) throws(StoaError) -> Batch? {
    if !hasTree {
      for cursor in cursors { try cursor.start(encoder) }
      tree = LoserTree(runCount: cursors.count) { precedes($0, $1) }
      hasTree = true
    }
    for cursor in cursors { cursor.windowNumber = -1 }
    var windows: [RunWindow] = []
    var names: [UInt32] = []
    names.reserveCapacity(capacity)
    var taken: [UInt8] = []
    taken.reserveCapacity(capacity)
    while names.count < capacity, tree.winner >= 0, let window = cursors[tree.winner].window {
      let run = tree.winner
      let cursor = cursors[run]
      if cursor.windowNumber < 0 {
        cursor.windowNumber = windows.count
        windows.append(window)
      }
      // At the beginning of a window its last row may come before all others: then all of it is next.
      let count =
        cursor.row == 0 && isFirst(run, lastRowOf: window)
        ? min(window.rowCount, capacity - names.count) : 1
      for row in cursor.row..<(cursor.row + count) {
        names.append(RowGathering.name(source: cursor.windowNumber, row: row))
        taken.append(UInt8(truncatingIfNeeded: run))
      }
      cursor.row += count
      if cursor.row == window.rowCount { try cursor.advance(encoder) }
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
  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let (a, b) = (cursors[left], cursors[right])
    guard let first = a.window else { return false }
    guard let second = b.window else { return true }
    return compare(first, a.row, second, b.row) < 0
  }

  private func compare(_ left: RunWindow, _ a: Int, _ right: RunWindow, _ b: Int) -> Int {
    let width = encoder.byteWidth
    let order = encoder.compare(left.keys.pointer + a * width, right.keys.pointer + b * width)
    if order != 0 || encoder.isExact { return order }
    return comparator.compare(left.keyColumns, a, right.keyColumns, b)
  }

  private func isFirst(_ run: Int, lastRowOf window: RunWindow) -> Bool {
    for (other, cursor) in cursors.enumerated() where other != run {
      guard let head = cursor.window else { continue }
      let order = compare(window, window.rowCount - 1, head, cursor.row)
      if order > 0 || (order == 0 && other < run) { return false }
    }
    return true
  }

  func newPositions(of rows: [SegmentID: DeleteVector]) -> [Int] {
    var late = cursors.map { $0.ranks(of: rows)[...] }
    guard late.contains(where: { !$0.isEmpty }) else { return [] }
    var counts = [Int](repeating: 0, count: cursors.count)
    var positions: [Int] = []
    var start = 0
    func take(_ run: Int, _ position: Int) {
      if late[run].first == counts[run] {
        positions.append(position)
        late[run].removeFirst()
      }
      counts[run] += 1
    }
    for origin in origins {
      switch origin {
      case .run(let run, let rowCount):
        while let rank = late[run].first, rank < counts[run] + rowCount {
          positions.append(start + rank - counts[run])
          late[run].removeFirst()
        }
        counts[run] += rowCount
        start += rowCount
      case .runs(let runs):
        for (index, run) in runs.enumerated() { take(Int(run), start + index) }
        start += runs.count
      }
    }
    return positions
  }
}
