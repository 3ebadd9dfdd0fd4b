import Catalog
import Vectors

/// What a commit looks at when others have committed since its transaction began.
public struct CommitView: Sendable {
  /// The newest state, without the rows that the transaction takes out of it.
  public let newest: Snapshot
  /// The rows that the transaction adds, and nothing else.
  public let added: Snapshot
  let base: StoreState
  /// The newest state as it is.
  let committed: StoreState
  let moves: RowMoves

  /// How many rows each segment and memtable of the table had when the transaction began: the first of those that have
  /// the same id now.
  public func knownRows(of table: TableID) -> [SegmentID: Int] {
    var counts: [SegmentID: Int] = [:]
    for segment in base.segments[table] ?? [] {
      counts[segment.id] = Int(clamping: segment.rowCount)
    }
    for memtable in base.memtables[table] ?? [] { counts[memtable.id] = memtable.rowCount }
    return counts
  }

  /// Whether every row that the table had when the transaction began is known to be there still, though perhaps at
  /// another place. False does not say that one is gone.
  public func keepsRows(of table: TableID) -> Bool {
    moves.fate(of: table, base: base, newest: committed).keepsRows
  }

  /// Whether the table is known to have exactly the rows that it had when the transaction began.
  public func isUnchanged(_ table: TableID) -> Bool {
    moves.fate(of: table, base: base, newest: committed).isUnchanged
  }
}
