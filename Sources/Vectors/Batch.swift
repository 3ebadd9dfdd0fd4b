/// Some thousand rows: one vector per column, all of the same length. What operators hand each other.
public struct Batch: Sendable {
  /// Default rows per batch; a session can set 1…65,536. Measured for SSB at scale 1: 1,024 rows 42.7 ms,
  /// 2,048 38.5, 4,096 35.8, 8,192 33.3.
  public static let defaultCapacity = 4096
  public static let maximalCapacity = 65_536

  public var columns: [Vector]
  public var rowCount: Int

  /// `rowCount` must be given for batches without columns (`SELECT count(*)`).
  public init(columns: [Vector], rowCount: Int) {
    assert(columns.allSatisfy { $0.count == rowCount })
    self.columns = columns
    self.rowCount = rowCount
  }

  /// The rows at `positions` of every column.
  public func gather(_ positions: UnsafePointer<UInt32>, count: Int) -> Batch {
    Batch(columns: columns.map { $0.gather(positions, count: count) }, rowCount: count)
  }

  public func slice(_ range: Range<Int>) -> Batch {
    Batch(columns: columns.map { $0.slice(range) }, rowCount: range.count)
  }
}
