import Catalog
import Vectors

/// The whole state at one commit, in `checkpoint/NNNNNN`, so that old log files can go.
///
///   offset  size  field
///        0     8  magic "STOACHKP"
///        8     4  version
///       12     4  editCount
///       16    16  warehouse id
///       32     8  checkpoint number
///       40     8  commit number
///       48     8  byteCount of the body
///       56     8  checksum of the 56 bytes before, seeded with kind `checkpoint` and the number
///       64     8  timestamp of the commit                                            ┐
///       72     8  log number: records after the commit are in this file and later ones │
///       80     8  log offset of the first of them                                    │ body
///       88     8  nextSegmentID                                                      │
///       96     4  nextTableID, then 4 reserved                                       │
///      104     *  edits (`LogEdit`) that make the state from nothing                 ┘
///        *     8  checksum of the body, same seed
struct CheckpointFile: Hashable {
  static let magic = Array("STOACHKP".utf8)
  static let headerByteCount = 64
  var id: WarehouseID
  var number: UInt64
  var log: UInt64
  var logOffset: UInt64
  var state: StoreState

  func encoded() -> [UInt8] {
    let edits = state.edits
    var body = ByteWriter()
    body.u64(UInt64(bitPattern: state.timestamp))
    body.u64(log)
    body.u64(logOffset)
    body.u64(state.nextSegmentID)
    body.u32(state.catalog.nextTableID)
    body.u32(0)
    for edit in edits { edit.encode(to: &body) }
    let seed = BlockIdentity(id, .checkpoint, file: number).seed
    var writer = ByteWriter()
    writer.append(CheckpointFile.magic)
    writer.u32(formatVersion)
    writer.u32(UInt32(clamping: edits.count))
    writer.append(id.bytes)
    writer.u64(number)
    writer.u64(state.commit)
    writer.u64(UInt64(body.count))
    writer.u64(Checksum.compute(writer.bytes, seed: seed))
    writer.append(body.bytes)
    writer.u64(Checksum.compute(body.bytes, seed: seed))
    return writer.bytes
  }

  init(id: WarehouseID, number: UInt64, log: UInt64, logOffset: UInt64, state: StoreState) {
    self.id = id
    self.number = number
    self.log = log
    self.logOffset = logOffset
    self.state = state
  }

  init(_ bytes: [UInt8], id: WarehouseID, number: UInt64, path: String) throws(StoaError) {
    let seed = BlockIdentity(id, .checkpoint, file: number).seed
    var reader = try checkedReader(
      bytes, magic: CheckpointFile.magic, byteCount: CheckpointFile.headerByteCount, seed: seed,
      path: path)
    self.id = WarehouseID(bytes: try reader.take(16))
    self.number = try reader.u64()
    let commit = try reader.number()
    let byteCount = try reader.u64()
    guard bytes.count >= CheckpointFile.headerByteCount + 8,
      byteCount == UInt64(bytes.count - CheckpointFile.headerByteCount - 8)
    else {
      throw reader.damage("the file has another length than it should")
    }
    let body = CheckpointFile.headerByteCount..<(bytes.count - 8)
    var tail = ByteReader(bytes, in: body.upperBound..<bytes.count, path: path)
    let computed = bytes.withUnsafeBytes {
      Checksum.compute(UnsafeRawBufferPointer(rebasing: $0[body]), seed: seed)
    }
    guard try tail.u64() == computed else {
      throw reader.damage("the checksum of the body does not fit")
    }
    var bodyReader = ByteReader(bytes, in: body, path: path)
    var editCount = ByteReader(bytes, in: 12..<16, path: path)
    let timestamp = Int64(bitPattern: try bodyReader.u64())
    log = try bodyReader.number()
    logOffset = try bodyReader.number()
    state = try CheckpointFile.state(
      &bodyReader, editCount: Int(try editCount.u32()), commit: commit, timestamp: timestamp)
  }

  /// The commit that the checkpoint with this header is of.
  static func commit(
    of header: [UInt8], id: WarehouseID, number: UInt64, path: String
  ) throws(StoaError) -> CommitNumber {
    var reader = try checkedReader(
      header, magic: CheckpointFile.magic, byteCount: CheckpointFile.headerByteCount,
      seed: BlockIdentity(id, .checkpoint, file: number).seed, path: path)
    try reader.skip(24)
    return try reader.number()
  }

  private static func state(
    _ reader: inout ByteReader, editCount: Int, commit: CommitNumber, timestamp: Int64
  ) throws(StoaError) -> StoreState {
    let nextSegmentID = try reader.number()
    let nextTableID = try reader.u32()
    try reader.skip(4)
    var edits: [LogEdit] = []
    for _ in 0..<editCount { edits.append(try LogEdit.decode(from: &reader)) }
    guard reader.isAtEnd else { throw reader.damage("the checkpoint holds more than its edits") }
    var tables: [TableDefinition] = []
    for case .catalog(.createTable(let table)) in edits { tables.append(table) }
    var objects: [CatalogObject] = []
    for case .catalog(.createObject(let object)) in edits { objects.append(object) }
    guard
      let catalog = CatalogState(tables: tables, objects: objects, nextTableID: nextTableID)
    else {
      throw reader.damage("names or ids of tables clash")
    }
    var state = StoreState()
    state.catalog = catalog
    state.nextSegmentID = nextSegmentID
    let others = edits.filter { if case .catalog = $0 { false } else { true } }
    do throws(StoaError) {
      try state.apply(others, commit: commit, timestamp: timestamp)
    } catch {
      throw reader.damage(error.message)
    }
    return state
  }
}
