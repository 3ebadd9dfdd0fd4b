import Catalog
import Vectors

// The three small files at the top of a warehouse. All have 64 bytes, one disk sector, so that a write of
// them is not torn.

/// Version of every format of this release: WAREHOUSE, CURRENT, TIP, logs, checkpoints, segments and the manifest of
/// backups state it. `Tests/FormatFixtures` holds files of it that must open for ever; what changes how bytes are read
/// needs a new number. 0 was never released.
public let formatVersion: UInt32 = 1

/// - Throws: `.unsupported`, naming the file, when it is of a version that this program does not know.
func requireKnownVersion(_ version: UInt32, _ path: String) throws(StoaError) {
  guard version != formatVersion else { return }
  throw StoaError(
    .unsupported,
    "the file has format version \(version), this program knows version \(formatVersion)",
    hint: version > formatVersion
      ? newerVersionHint : "Version 0 was never released; load the rows again",
    path: path)
}

/// The file WAREHOUSE: written last when a warehouse is made, never changed.
///
///   offset  size  field
///        0     8  magic "STOAWHSE"
///        8     4  version
///       12     4  reserved, zero
///       16    16  warehouse id
///       32     8  created, microseconds since 1970
///       40    16  reserved, zero
///       56     8  checksum of the 56 bytes before, seed 0 (the id is not known before it is read)
struct WarehouseFile: Hashable {
  static let magic = Array("STOAWHSE".utf8)
  static let name = "WAREHOUSE"
  static let byteCount = 64
  var id: WarehouseID
  var created: Int64

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(WarehouseFile.magic)
    writer.u32(formatVersion)
    writer.u32(0)
    writer.append(id.bytes)
    writer.u64(UInt64(bitPattern: created))
    writer.zeros(16)
    writer.u64(Checksum.compute(writer.bytes, seed: 0))
    return writer.bytes
  }

  init(id: WarehouseID, created: Int64) {
    self.id = id
    self.created = created
  }

  init(_ bytes: [UInt8], path: String) throws(StoaError) {
    var reader = try checkedReader(
      bytes, magic: WarehouseFile.magic, byteCount: WarehouseFile.byteCount, seed: 0, path: path)
    id = WarehouseID(bytes: try reader.take(16))
    created = Int64(bitPattern: try reader.u64())
  }
}

/// The file CURRENT: names the checkpoint in force; replaced by rename.
///
///   offset  size  field
///        0     8  magic "STOACURR"
///        8     4  version
///       12     4  reserved, zero
///       16    16  warehouse id
///       32     8  checkpoint number
///       40     8  commit number of that checkpoint
///       48     8  reserved, zero
///       56     8  checksum of the 56 bytes before, seed 0 (so that it can stand in for a damaged WAREHOUSE)
struct CurrentFile: Hashable {
  static let magic = Array("STOACURR".utf8)
  static let name = "CURRENT"
  static let byteCount = 64
  var id: WarehouseID
  var checkpoint: UInt64
  var commit: CommitNumber

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(CurrentFile.magic)
    writer.u32(formatVersion)
    writer.u32(0)
    writer.append(id.bytes)
    writer.u64(checkpoint)
    writer.u64(commit)
    writer.zeros(8)
    writer.u64(Checksum.compute(writer.bytes, seed: 0))
    return writer.bytes
  }

  init(id: WarehouseID, checkpoint: UInt64, commit: CommitNumber) {
    self.id = id
    self.checkpoint = checkpoint
    self.commit = commit
  }

  init(_ bytes: [UInt8], path: String) throws(StoaError) {
    var reader = try checkedReader(
      bytes, magic: CurrentFile.magic, byteCount: CurrentFile.byteCount, seed: 0, path: path)
    id = WarehouseID(bytes: try reader.take(16))
    checkpoint = try reader.number()
    commit = try reader.number()
  }
}

/// The file TIP: how far the log is synced, for readers in other processes and for telling a torn tail from
/// damage. Overwritten in place after each sync of the log, itself synced only by a clean close: it may be
/// old or missing after a power loss, but never ahead of the log.
///
///   offset  size  field
///        0     8  magic "STOATIP\0"
///        8     4  version
///       12     4  flags: 1 closed cleanly
///       16    16  warehouse id
///       32     8  log number
///       40     8  offset of the end of the last synced record
///       48     8  commit number of that record
///       56     8  checksum of the 56 bytes before, seeded with kind `tip`
struct TipFile: Hashable {
  static let magic = Array("STOATIP".utf8) + [0]
  static let name = "TIP"
  static let byteCount = 64
  var id: WarehouseID
  var isClosed: Bool
  var log: UInt64
  var offset: UInt64
  var commit: CommitNumber

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(TipFile.magic)
    writer.u32(formatVersion)
    writer.u32(isClosed ? 1 : 0)
    writer.append(id.bytes)
    writer.u64(log)
    writer.u64(offset)
    writer.u64(commit)
    writer.u64(Checksum.compute(writer.bytes, seed: BlockIdentity(id, .tip, file: 0).seed))
    return writer.bytes
  }

  init(id: WarehouseID, isClosed: Bool, log: UInt64, offset: UInt64, commit: CommitNumber) {
    self.id = id
    self.isClosed = isClosed
    self.log = log
    self.offset = offset
    self.commit = commit
  }

  init(_ bytes: [UInt8], id: WarehouseID, path: String) throws(StoaError) {
    _ = try checkedReader(
      bytes, magic: TipFile.magic, byteCount: TipFile.byteCount,
      seed: BlockIdentity(id, .tip, file: 0).seed, path: path)
    var reader = ByteReader(bytes, path: path)
    try reader.skip(12)
    isClosed = try reader.u32() & 1 != 0
    self.id = WarehouseID(bytes: try reader.take(16))
    log = try reader.number()
    offset = try reader.number()
    commit = try reader.number()
  }
}

/// A reader behind magic, version and four more bytes, after checking length, checksum and version. Magic,
/// version and checksum keep their places in the first 64 bytes of every file in all versions to come, so a
/// damaged version number is told from a newer one.
func checkedReader(
  _ bytes: [UInt8], magic: [UInt8], byteCount: Int, seed: UInt64, path: String
) throws(StoaError) -> ByteReader {
  var reader = ByteReader(bytes, path: path)
  guard bytes.count >= byteCount, Array(bytes[0..<8]) == magic else {
    throw reader.damage(
      bytes.count < byteCount ? "the file is too short" : "the file does not begin as it should")
  }
  var tail = ByteReader(Array(bytes[(byteCount - 8)..<byteCount]), path: path)
  let computed = Checksum.compute(Array(bytes[0..<(byteCount - 8)]), seed: seed)
  guard try tail.u64() == computed else { throw reader.damage("the checksum does not fit") }
  try reader.skip(8)
  let version = try reader.u32()
  try requireKnownVersion(version, path)
  try reader.skip(4)
  return reader
}
