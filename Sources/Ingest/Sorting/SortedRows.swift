import Executor
import Kernels
import Vectors

/// Rows of one row group to be: where they are staged, in their final order.
struct GroupPlan: @unchecked Sendable {
  let table: RowTable
  let rows: UnsafePointer<UInt32>
  let count: Int
  /// Keeps `rows` alive.
  let owner: AnyObject
}

/// Hands out the rows of a load in final order, a row group at a time. One thread at a time.
protocol SortedRows: AnyObject {
  /// The next `capacity` rows or what is left; `nil` at the end.
  func nextGroup(capacity: Int) throws(StoaError) -> GroupPlan?
}

/// Rows that arrived together: `count` of them from `offset` of a chunk on, at `position` in the input.
struct StagedPiece {
  var position: Int
  var chunk: Int
  var offset: Int
  var count: Int
}

/// All rows are in memory: one stable sort of row names.
final class MemorySortedRows: SortedRows {
  private let table: RowTable
  private let order: Buffer
  private let count: Int
  private var next = 0

  /// - Parameters:
  ///   - pieces: in any order; equal keys keep the order of their positions, and so do rows without sort key.
  ///   - sortColumns: positions of the columns to sort by, ascending, NULLs last.
  init(_ table: RowTable, pieces: [StagedPiece], sortColumns: [Int]) {
    self.table = table
    let input = MemorySortedRows.inputOrder(pieces)
    count = pieces.reduce(0) { $0 + $1.count }
    order = MemorySortedRows.sorted(table, input, count, sortColumns)
  }

  private static func inputOrder(_ pieces: [StagedPiece]) -> Buffer {
    let total = pieces.reduce(0) { $0 + $1.count }
    let order = Buffer(of: UInt32.self, count: max(1, total))
    var target = order.typed(UInt32.self)
    for piece in pieces.sorted(by: {
      ($0.position, $0.chunk, $0.offset) < ($1.position, $1.chunk, $1.offset)
    }) {
      let first = UInt32(truncatingIfNeeded: piece.chunk << 16 | piece.offset)
      for row in 0..<piece.count { target[row] = first &+ UInt32(truncatingIfNeeded: row) }
      target += piece.count
    }
    return order
  }

  private static func sorted(
    _ table: RowTable, _ input: Buffer, _ count: Int, _ sortColumns: [Int]
  ) -> Buffer {
    guard !sortColumns.isEmpty, count > 1 else { return input }
    let source = UnsafePointer(input.typed(UInt32.self))
    let keys = sortColumns.map { table.gather($0, source, count: count) }
    let permutation = RowOrder.sort(
      columns: keys, specifications: keys.map { _ in SortSpecification() })
    let order = Buffer(of: UInt32.self, count: count)
    let target = order.typed(UInt32.self)
    permutation.withUnsafeBufferPointer { rows in
      for row in 0..<count { target[row] = source[Int(rows[row])] }
    }
    withExtendedLifetime(input) {}
    return order
  }

  func nextGroup(capacity: Int) throws(StoaError) -> GroupPlan? {
    guard next < count else { return nil }
    let size = min(capacity, count - next)
    defer { next += size }
    return GroupPlan(
      table: table, rows: UnsafePointer(order.typed(UInt32.self) + next), count: size, owner: order)
  }
}

/// Rows lie in sorted runs in a temporary file: a merge that holds one frame of each run.
final class MergedRows: SortedRows {
  /// One run being read.
  private final class Cursor {
    let frames: [SpillFrame]
    var nextFrame = 0
    var chunk: StagedChunk?
    var keys: [Vector] = []
    /// Fixed-width keys of the rows of the frame.
    var encoded = Buffer(byteCount: 1)
    var row = 0
    /// Number of the frame among the chunks of the group being made; −1 when it is not there yet.
    var chunkNumber = -1

    init(_ frames: [SpillFrame]) { self.frames = frames }
  }

  private let file: SpillFile
  private let types: [LogicalType]
  private let sortColumns: [Int]
  private let encoder: SortKeyEncoder
  private let comparator: RowComparator
  private let cursors: [Cursor]
  private var tree: LoserTree

  /// Runs in the order in which their rows arrived, which decides between equal keys.
  init(
    _ file: SpillFile, runs: [[SpillFrame]], types: [LogicalType], sortColumns: [Int]
  ) throws(StoaError) {
    self.file = file
    self.types = types
    self.sortColumns = sortColumns
    let specifications = sortColumns.map { _ in SortSpecification() }
    encoder = SortKeyEncoder(types: sortColumns.map { types[$0] }, specifications: specifications)
    comparator = RowComparator(specifications)
    cursors = runs.map { Cursor($0) }
    tree = LoserTree(runCount: 0) { _, _ in false }
    for cursor in cursors { try advanceFrame(cursor) }
    tree = makeTree()
  }

  private func makeTree() -> LoserTree {
    LoserTree(runCount: cursors.count) { precedes($0, $1) }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let (a, b) = (cursors[left], cursors[right])
    guard a.chunk != nil else { return false }
    guard b.chunk != nil else { return true }
    let width = encoder.byteWidth
    let order = encoder.compare(
      a.encoded.pointer + a.row * width, b.encoded.pointer + b.row * width)
    if order != 0 || encoder.isExact { return order < 0 }
    return comparator.compare(a.keys, a.row, b.keys, b.row) < 0
  }

  private func advanceFrame(_ cursor: Cursor) throws(StoaError) {
    cursor.row = 0
    cursor.chunkNumber = -1
    cursor.chunk = nil
    cursor.keys = []
    guard cursor.nextFrame < cursor.frames.count else { return }
    let chunk = try cursor.frames[cursor.nextFrame].read(from: file, types: types)
    cursor.nextFrame += 1
    let table = RowTable(types: types, chunks: [chunk])
    let all = (0..<UInt32(chunk.count)).map { $0 }
    cursor.keys = all.withUnsafeBufferPointer { rows in
      guard let base = rows.baseAddress else { return [] }
      return sortColumns.map { table.gather($0, base, count: chunk.count) }
    }
    cursor.encoded = Buffer(byteCount: max(1, encoder.byteWidth * chunk.count))
    if !cursor.keys.isEmpty { encoder.encode(cursor.keys, into: cursor.encoded.pointer) }
    cursor.chunk = chunk
  }

  func nextGroup(capacity: Int) throws(StoaError) -> GroupPlan? {
    var chunks: [StagedChunk] = []
    for cursor in cursors { cursor.chunkNumber = -1 }
    let rows = Buffer(of: UInt32.self, count: max(1, capacity))
    let target = rows.typed(UInt32.self)
    var count = 0
    while count < capacity, tree.winner >= 0 {
      let cursor = cursors[tree.winner]
      guard let chunk = cursor.chunk else { break }
      if cursor.chunkNumber < 0 {
        cursor.chunkNumber = chunks.count
        chunks.append(chunk)
      }
      target[count] = UInt32(truncatingIfNeeded: cursor.chunkNumber << 16 | cursor.row)
      count += 1
      cursor.row += 1
      if cursor.row == chunk.count { try advanceFrame(cursor) }
      tree.replay { precedes($0, $1) }
    }
    guard count > 0 else { return nil }
    return GroupPlan(
      table: RowTable(types: types, chunks: chunks), rows: UnsafePointer(target), count: count,
      owner: rows)
  }
}
