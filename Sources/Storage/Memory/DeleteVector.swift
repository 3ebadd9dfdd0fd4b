import Encodings
import Vectors

/// Rows of one segment or memtable that are deleted, by position. A value, kept beside the immutable segment
/// until compaction writes the rest of it anew.
public struct DeleteVector: Hashable, Sendable {
  public private(set) var rows: CompressedBitmap
  /// How many there are.
  public private(set) var count: Int

  public init() { self.init(CompressedBitmap()) }

  public init(_ rows: CompressedBitmap) {
    self.rows = rows
    count = rows.cardinality
  }

  /// - Parameter positions: ascending.
  public init(positions: some Sequence<Int>) { self.init(CompressedBitmap(rows: positions)) }

  public var isEmpty: Bool { count == 0 }
  public func contains(_ position: Int) -> Bool { rows.contains(position) }
  public func union(_ other: DeleteVector) -> DeleteVector {
    isEmpty ? other : DeleteVector(rows.union(other.rows))
  }

  /// Whether some row is in both.
  public func intersects(_ other: DeleteVector) -> Bool { !rows.intersection(other.rows).isEmpty }

  /// The last position; `nil` when empty.
  var last: Int? {
    guard let group = rows.rowGroups.last else { return nil }
    var last = 0
    rows[rowGroup: group].forEach { last = $0 }
    return group << 16 | last
  }

  public static func == (left: DeleteVector, right: DeleteVector) -> Bool {
    left.count == right.count && left.rows == right.rows
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(count) }
}
