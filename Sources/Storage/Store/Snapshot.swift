import Catalog
import Vectors

/// The whole warehouse at one commit. A value; while it lives, the files it needs stay, in every process.
public struct Snapshot: Sendable {
  public let commit: CommitNumber
  /// Microseconds since 1970 of that commit.
  public let timestamp: Int64
  public let catalog: CatalogState
  let references: [TableID: [SegmentReference]]
  let lease: SnapshotLease
  let store: TableStore

  /// Segments of the table, oldest first.
  public func segments(of table: TableID) -> [SegmentReference] { references[table] ?? [] }

  /// Readers of all segments of the table, oldest first.
  /// - Throws: `.corruption` naming the first damaged file.
  public func readers(of table: TableID) throws(StoaError) -> [SegmentReader] {
    var readers: [SegmentReader] = []
    for reference in segments(of: table) { readers.append(try reference.reader()) }
    return readers
  }

  /// Rows of the table.
  public func rowCount(of table: TableID) -> Int {
    segments(of: table).reduce(0) { $0 &+ Int(clamping: $1.description.rowCount) }
  }

  /// What the planner may know about the table, merged over its segments; kept until the table changes.
  public func statistics(of table: TableID) throws(StoaError) -> TableStatistics {
    try store.statistics(of: table, in: self)
  }
}

/// Keeps the files of one commit; ends when the last copy of its snapshot goes.
final class SnapshotLease: Sendable {
  private let leases: LeaseTable
  private let commit: CommitNumber

  init(_ leases: LeaseTable, commit: CommitNumber) {
    self.leases = leases
    self.commit = commit
  }

  deinit { leases.release(commit) }
}
