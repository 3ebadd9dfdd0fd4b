import Catalog
import Synchronization
import Vectors

/// The whole warehouse at one commit, or at one with the changes of an open transaction on top. A value; while
/// it lives, the files it needs stay, in every process.
public struct Snapshot: Sendable {
  let state: StoreState
  let references: [SegmentID: SegmentReference]
  let lease: SnapshotLease
  let store: TableStore

  public var commit: CommitNumber { state.commit }
  /// Microseconds since 1970 of that commit.
  public var timestamp: Int64 { state.timestamp }
  public var catalog: CatalogState { state.catalog }
  /// What is kept of earlier versions.
  public var retention: Retention { state.retention }

  /// What the memory that is needed to look at it counts in.
  public var budget: MemoryBudget { store.budget }

  /// The rows of a table: segments, memtables, and what is deleted of both.
  public func contents(of table: TableID) -> TableContents {
    TableContents(
      segments: (state.segments[table] ?? []).compactMap { references[$0.id] },
      memtables: state.memtables[table] ?? [], deletes: state.deletes[table] ?? [:])
  }

  /// Segments of the table, oldest first.
  public func segments(of table: TableID) -> [SegmentReference] {
    (state.segments[table] ?? []).compactMap { references[$0.id] }
  }

  /// Readers of all segments of the table, oldest first. They know nothing of deleted rows and memtables.
  /// - Throws: `.corruption` naming the first damaged file.
  public func readers(of table: TableID) throws(StoaError) -> [SegmentReader] {
    var readers: [SegmentReader] = []
    for reference in segments(of: table) { readers.append(try reference.reader()) }
    return readers
  }

  /// Rows of the table.
  public func rowCount(of table: TableID) -> Int { contents(of: table).rowCount }

  /// What the planner may know about the table, merged over its segments; kept until they change.
  public func statistics(of table: TableID) throws(StoaError) -> TableStatistics {
    try store.statistics(of: table, in: self)
  }
}

/// One table's rows at a snapshot. Sources are numbered through, segments first: the system column `$row` is
/// source number << 32 | position.
public struct TableContents: Sendable {
  public let segments: [SegmentReference]
  public let memtables: [Memtable]
  /// By id of segment or memtable; no entry where nothing is deleted.
  public let deletes: [SegmentID: DeleteVector]

  public var sourceCount: Int { segments.count + memtables.count }

  /// Id of the segment or memtable with that number.
  public func id(ofSource source: Int) -> SegmentID {
    source < segments.count
      ? segments[source].description.id : memtables[source - segments.count].id
  }

  /// Rows that are not deleted.
  public var rowCount: Int {
    let inSegments = segments.reduce(0) { $0 &+ Int(clamping: $1.description.rowCount) }
    let inMemory = memtables.reduce(0) { $0 &+ $1.rowCount }
    return inSegments &+ inMemory &- deletes.values.reduce(0) { $0 &+ $1.count }
  }

  public var isEmpty: Bool { rowCount == 0 }
}

/// Keeps the files of one commit; ends when the last copy of its snapshot goes.
final class SnapshotLease: Sendable {
  private let leases: LeaseTable
  private let commit: CommitNumber
  private let memory = Mutex<MemoryReservation?>(nil)

  init(_ leases: LeaseTable, commit: CommitNumber) {
    self.leases = leases
    self.commit = commit
  }

  /// Counts memory of the snapshot as long as the lease.
  func keep(_ reservation: MemoryReservation) { memory.withLock { $0 = reservation } }

  deinit { leases.release(commit) }
}
