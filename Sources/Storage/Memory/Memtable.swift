import Catalog
import Vectors

/// Rows of small commits that no segment holds yet: in the log on disk, here in memory, in every process that
/// follows the log. Rows are named by the memtable's id, drawn from the same numbers as segment ids, and their
/// position in order of arrival, so that deletes name rows of memtables and segments alike.
///
/// A value: a snapshot keeps the one it saw. Appending joins small blocks into larger ones of up to
/// `blockCapacity` rows, eight of a size at a time, so a row is copied about five times at most and a scan
/// meets few blocks, however small the commits are.
public struct Memtable: Hashable, Sendable {
  /// Rows of the largest blocks: those of a row group, so that a scan treats them alike.
  public static let blockCapacity = 65_536
  private static let fanOut = 8

  public let id: SegmentID
  public private(set) var blocks: [RowBlock] = []
  /// Position of the first row of each block.
  public private(set) var starts: [Int] = []
  public private(set) var rowCount = 0
  /// Bytes in memory, roughly.
  public private(set) var byteCount = 0

  public init(id: SegmentID) { self.id = id }

  /// Adds the rows of `block` behind those there.
  mutating func append(_ block: RowBlock) {
    guard block.rowCount > 0 else { return }
    if block.rowCount > Memtable.blockCapacity {
      var start = 0
      while start < block.rowCount {
        let end = min(start + Memtable.blockCapacity, block.rowCount)
        append(RowBlock(columns: block.columns, batch: block.batch.slice(start..<end)))
        start = end
      }
      return
    }
    starts.append(rowCount)
    blocks.append(block)
    rowCount += block.rowCount
    byteCount += block.byteCount
    joinSmallBlocks()
  }

  /// Joins the last blocks when there are eight of them no larger than the last one's size class.
  private mutating func joinSmallBlocks() {
    while let last = blocks.last {
      let limit = Memtable.sizeClass(last.rowCount)
      var first = blocks.count
      var joinedCount = 0
      while first > 0, Memtable.sizeClass(blocks[first - 1].rowCount) <= limit,
        joinedCount + blocks[first - 1].rowCount <= Memtable.blockCapacity,
        blocks[first - 1].hasSameColumns(as: last)
      {
        first -= 1
        joinedCount += blocks[first].rowCount
      }
      guard blocks.count - first >= Memtable.fanOut else { return }
      let joined = RowBlock.joined(Array(blocks[first...]))
      byteCount += joined.byteCount - blocks[first...].reduce(0) { $0 + $1.byteCount }
      blocks.removeSubrange(first...)
      starts.removeSubrange(first...)
      starts.append(rowCount - joinedCount)
      blocks.append(joined)
    }
  }

  private static func sizeClass(_ rowCount: Int) -> Int {
    (Int.bitWidth - 1 - max(1, rowCount).leadingZeroBitCount) / 3
  }

  /// Equal rows in equal order, however they are cut into blocks.
  public static func == (left: Memtable, right: Memtable) -> Bool {
    guard left.id == right.id, left.rowCount == right.rowCount else { return false }
    return left.blocks == right.blocks || left.joinedBlocks == right.joinedBlocks
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(id)
    hasher.combine(rowCount)
  }

  /// All rows, neighbours with the same columns in one block.
  var joinedBlocks: [RowBlock] {
    var result: [RowBlock] = []
    var run: [RowBlock] = []
    for block in blocks {
      if let first = run.first, !first.hasSameColumns(as: block) {
        result.append(RowBlock.joined(run))
        run = []
      }
      run.append(block)
    }
    return run.isEmpty ? result : result + [RowBlock.joined(run)]
  }
}
