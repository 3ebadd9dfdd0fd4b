/// Positions of the rows of one row group that passed the filters so far: ascending, each below 65,536, so
/// 16 bits suffice. A reusable scratch area owned by one worker.
public final class SelectionVector {
  /// Rows in a full row group, the most positions there can be.
  public static let capacity = 65_536

  /// Room for `capacity` positions (and 64 more, so that branch-free writers may overrun).
  public let positions: UnsafeMutablePointer<UInt16>
  /// Positions in use.
  public var count = 0

  public init() { positions = .allocate(capacity: SelectionVector.capacity + 64) }
  deinit { positions.deallocate() }

  /// Every row of `range`.
  public func fill(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= SelectionVector.capacity)
    for (index, row) in range.enumerated() { positions[index] = UInt16(truncatingIfNeeded: row) }
    count = range.count
  }

  /// The positions as an array, for tests.
  public var array: [Int] { (0..<count).map { Int(positions[$0]) } }
}
