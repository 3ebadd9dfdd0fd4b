import Catalog
import Vectors

/// What the log knows about one segment file; enough to notice when the file is not the one committed.
public struct SegmentDescription: Hashable, Sendable {
  public var table: TableID
  public var id: SegmentID
  /// Length of the file.
  public var byteCount: UInt64
  /// Checksum of its footer, which in turn holds the checksums of everything else.
  public var footerChecksum: UInt64
  public var rowCount: UInt64
  /// The commit that added it; the system column `$commit` of its rows.
  public var commit: CommitNumber
  /// The load that wrote it; the system column `$load`. 0 until the load ledger exists.
  public var load: UInt64

  public init(
    table: TableID, id: SegmentID, byteCount: UInt64, footerChecksum: UInt64, rowCount: UInt64,
    commit: CommitNumber = 0, load: UInt64 = 0
  ) {
    self.table = table
    self.id = id
    self.byteCount = byteCount
    self.footerChecksum = footerChecksum
    self.rowCount = rowCount
    self.commit = commit
    self.load = load
  }
}

/// One change of a commit, as log and checkpoint record it.
///
///   offset  size  field
///        0     1  kind
///        1     3  reserved, zero
///        4     4  byteCount of what follows
///        8     *  body, see `LogEdit+Coding.swift`
///
/// Kinds: 1 create table, 2 drop table, 3 add segment, 4 remove segment or memtable, 5 delete rows, 6 insert
/// rows, 9 alter table, 10 reserve ids, 11 set property, 12 keep from, 13 retired segment,
/// 14 create table and 15 alter table with more than a name and columns, 16 create object, 17 alter object, 18 drop object,
/// 19 numbers of a sequence. Reserved for later: 7 load-ledger entry, 8 aggregate block. A kind this
/// version does not know makes it refuse to open, since it cannot skip what a newer version committed.
public enum LogEdit: Hashable, Sendable {
  case catalog(CatalogEdit)
  case addSegment(SegmentDescription)
  /// Takes a segment or a memtable out of its table, with what was deleted of it.
  case removeSegment(TableID, SegmentID)
  /// Rows of a segment or memtable that are no more.
  case deleteRows(TableID, SegmentID, DeleteVector)
  /// Rows of a memtable, which the first of them makes. No rows make an empty one behind the others, which then
  /// take no more rows, in any process.
  case insertRows(TableID, memtable: SegmentID, RowBlock)
  /// Ids below this one are given away: to files that are written without the write lock.
  case reserveIDs(SegmentID)
  /// Something set for the whole warehouse.
  case setProperty(StoreProperty, Int64)
  /// The oldest version that can still be read, and its time stamp; segments only older ones have may go.
  case keepFrom(CommitNumber, timestamp: Int64)
  /// A segment kept for earlier versions; in checkpoints only, as the log has the commit that removed it.
  case retire(RetiredSegment)
  /// Numbers of a sequence up to this position are given away; of its generation `generation`.
  case advanceSequence(ObjectID, generation: UInt32, SequencePosition)

  /// The byte that names the kind on disk.
  public enum Kind: UInt8, Sendable {
    case createTable = 1
    case dropTable = 2
    case addSegment = 3
    case removeSegment = 4
    case deleteRows = 5
    case insertRows = 6
    case alterTable = 9
    case reserveIDs = 10
    case setProperty = 11
    case keepFrom = 12
    case retire = 13
    case createExtendedTable = 14
    case alterExtendedTable = 15
    case createObject = 16
    case alterObject = 17
    case dropObject = 18
    case advanceSequence = 19
  }

  /// Whether the edit may change which segment files there are.
  var changesSegments: Bool {
    switch self {
    case .catalog, .addSegment, .removeSegment: true
    case .deleteRows, .insertRows, .reserveIDs, .setProperty, .keepFrom, .retire,
      .advanceSequence:
      false
    }
  }

  public var kind: Kind {
    switch self {
    case .catalog(.createTable(let table)):
      table.isExtended ? .createExtendedTable : .createTable
    case .catalog(.dropTable): .dropTable
    case .catalog(.alterTable(let table)): table.isExtended ? .alterExtendedTable : .alterTable
    case .catalog(.createObject): .createObject
    case .catalog(.alterObject): .alterObject
    case .catalog(.dropObject): .dropObject
    case .addSegment: .addSegment
    case .removeSegment: .removeSegment
    case .deleteRows: .deleteRows
    case .insertRows: .insertRows
    case .reserveIDs: .reserveIDs
    case .setProperty: .setProperty
    case .keepFrom: .keepFrom
    case .retire: .retire
    case .advanceSequence: .advanceSequence
    }
  }
}
