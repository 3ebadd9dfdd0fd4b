import Catalog
import Vectors

/// The commit log: the only commit point. A file `log/NNNNNN.log` is a header and records without gaps; the
/// checkpoint in force says with which file and where to begin. While somebody writes, zeros may follow the last
/// record: they are written ahead, so that a sync need not make a new length durable each time.
///
///   offset  size  field
///        0     8  magic "STOALOG\0"
///        8     4  version
///       12     4  reserved, zero
///       16    16  warehouse id
///       32     8  log number
///       40     8  commit number before the first record
///       48     8  its timestamp, microseconds since 1970
///       56     8  checksum of the 56 bytes before, seeded with kind `log` and the log number
///       64     *  records
struct LogHeader: Hashable {
  static let magic = Array("STOALOG".utf8) + [0]
  static let byteCount = 64
  var id: WarehouseID
  var number: UInt64
  var previousCommit: CommitNumber
  var previousTimestamp: Int64

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(LogHeader.magic)
    writer.u32(formatVersion)
    writer.u32(0)
    writer.append(id.bytes)
    writer.u64(number)
    writer.u64(previousCommit)
    writer.u64(UInt64(bitPattern: previousTimestamp))
    let seed = BlockIdentity(id, .log, file: number).seed
    writer.u64(Checksum.compute(writer.bytes, seed: seed))
    return writer.bytes
  }

  init(
    id: WarehouseID, number: UInt64, previousCommit: CommitNumber, previousTimestamp: Int64 = 0
  ) {
    self.id = id
    self.number = number
    self.previousCommit = previousCommit
    self.previousTimestamp = previousTimestamp
  }

  init(_ bytes: [UInt8], id: WarehouseID, number: UInt64, path: String) throws(StoaError) {
    var reader = try checkedReader(
      bytes, magic: LogHeader.magic, byteCount: LogHeader.byteCount,
      seed: BlockIdentity(id, .log, file: number).seed, path: path)
    self.id = WarehouseID(bytes: try reader.take(16))
    self.number = try reader.u64()
    previousCommit = try reader.number()
    previousTimestamp = Int64(bitPattern: try reader.u64())
  }
}

/// One commit in the log.
///
///   offset  size  field
///        0     4  magic "COMT"
///        4     4  byteCount of the edits
///        8     8  commit number, the previous one plus 1
///       16     8  timestamp, microseconds since 1970
///       24     4  editCount
///       28     4  bits 0…19 what made the commit, `CommitKinds`, for people only; bits 20…31 `unsyncedCount`
///       32     8  checksum of the 32 bytes before and the edits, seeded with kind `log`, the log number and
///                 the offset of the record (a stale record left by another use of the disk never fits)
///       40     *  edits (`LogEdit`), then zeros up to a multiple of 8
struct LogRecord: Hashable, Sendable {
  static let magic: [UInt8] = Array("COMT".utf8)
  static let headerByteCount = 40
  /// Most bytes of inserted rows.
  static let byteLimit = 1 << 30
  var commit: CommitNumber
  var timestamp: Int64
  var edits: [LogEdit]
  var kinds: CommitKinds = []
  /// Of how many commits before this one nobody knew, when it was written, whether the disk had them; `unsyncedLimit`
  /// for that many and more. A power loss may take those and leave this one, which then is no damage.
  var unsyncedCount: UInt32 = 0
  static let unsyncedLimit: UInt32 = 0xFFF

  /// All commits up to this one were durable when it was written, so that one which is missing was damaged.
  var durableCommit: CommitNumber {
    guard unsyncedCount < LogRecord.unsyncedLimit else { return 0 }
    return commit > UInt64(unsyncedCount) ? commit - UInt64(unsyncedCount) - 1 : 0
  }

  /// Bytes of inserted rows, as they are in memory, roughly.
  var inlineByteCount: Int {
    edits.reduce(0) {
      if case .insertRows(_, _, let block) = $1 { $0 &+ block.byteCount } else { $0 }
    }
  }

  /// The bytes of the record at `offset` of log `number`.
  func encoded(_ id: WarehouseID, log number: UInt64, offset: UInt64) -> [UInt8] {
    var body = ByteWriter()
    for edit in edits { edit.encode(to: &body) }
    var writer = ByteWriter()
    writer.append(LogRecord.magic)
    writer.u32(UInt32(clamping: body.count))
    writer.u64(commit)
    writer.u64(UInt64(bitPattern: timestamp))
    writer.u32(UInt32(clamping: edits.count))
    writer.u32(kinds.rawValue & 0xF_FFFF | min(unsyncedCount, LogRecord.unsyncedLimit) << 20)
    let seed = BlockIdentity(id, .log, file: number).at(offset: offset).seed
    writer.u64(
      writer.bytes.withUnsafeBytes { head in
        body.bytes.withUnsafeBytes { Checksum.compute(head: head, tail: $0, seed: seed) }
      })
    writer.append(body.bytes)
    writer.pad(to: 8)
    return writer.bytes
  }
}

/// The readable part of one log file.
struct LogScan {
  /// How the file ends behind the last good record.
  enum Ending: Hashable {
    /// Exactly there.
    case exact
    /// With bytes of a commit that was never acknowledged.
    case torn
    /// With bytes that were acknowledged and can no longer be read.
    case damaged(String)
  }

  var records: [LogRecord] = []
  /// Offset behind the last good record.
  var end: UInt64
  var ending: Ending
  /// Length of the file.
  var fileSize: UInt64

  /// Reads the records of log `number` from `start`, the first of which must follow `commit`.
  /// - Parameters:
  ///   - bytes: the file from `base` on.
  ///   - syncedEnd: what TIP says was acknowledged of this file, or 0.
  /// - Throws: `.unsupported` for a record of a newer version.
  init(
    _ bytes: [UInt8], base: UInt64 = 0, id: WarehouseID, number: UInt64, from start: UInt64,
    after commit: CommitNumber, syncedEnd: UInt64, path: String
  ) throws(StoaError) {
    fileSize = base &+ UInt64(bytes.count)
    end = start
    ending = .exact
    guard start >= base, start <= fileSize else {
      end = fileSize
      ending = .damaged("the log ends before offset \(start)")
      return
    }
    var next = commit
    while end < fileSize {
      if LogScan.isZero(bytes, from: Int(end - base)) { break }
      let found: (record: LogRecord, byteCount: Int)
      do throws(StoaError) {
        found = try LogScan.record(
          bytes, base: base, at: Int(end - base), id: id, number: number, path: path)
      } catch {
        if error.kind == .unsupported { throw error }
        ending = LogScan.judge(
          error.message, bytes, base: base, badOffset: Int(end - base), after: next, id: id,
          number: number, syncedEnd: syncedEnd, path: path)
        return
      }
      guard found.record.commit == next &+ 1 else {
        ending = .damaged("commit \(found.record.commit) follows commit \(next)")
        return
      }
      next &+= 1
      records.append(found.record)
      end &+= UInt64(found.byteCount)
    }
    if end < syncedEnd { ending = .damaged("the log was synced up to offset \(syncedEnd)") }
  }

  /// Whether nothing was written from `offset` on.
  static func isZero(_ bytes: [UInt8], from offset: Int) -> Bool {
    // Records begin with a magic number, so one look decides but at the very end.
    guard offset < bytes.count, bytes[offset] == 0 else { return false }
    return bytes.withUnsafeBytes { raw in
      var at = offset
      while at + 8 <= raw.count {
        if raw.loadUnaligned(fromByteOffset: at, as: UInt64.self) != 0 { return false }
        at += 8
      }
      while at < raw.count {
        if raw[at] != 0 { return false }
        at += 1
      }
      return true
    }
  }

  /// A bad record is a torn tail when nothing says it was ever acknowledged: TIP does not reach past it, and no good
  /// record follows that was written when the bad one was durable.
  /// - Parameter commit: the last good one before.
  private static func judge(
    _ message: String, _ bytes: [UInt8], base: UInt64, badOffset: Int, after commit: CommitNumber,
    id: WarehouseID, number: UInt64, syncedEnd: UInt64, path: String
  ) -> Ending {
    if base &+ UInt64(badOffset) < syncedEnd { return .damaged(message) }
    var offset = (badOffset + 8) & ~7
    while offset + LogRecord.headerByteCount <= bytes.count {
      if bytes[offset] == LogRecord.magic[0],
        let later = try? record(
          bytes, base: base, at: offset, id: id, number: number, path: path
        ).record, later.durableCommit > commit
      {
        return .damaged(message)
      }
      offset += 8
    }
    return .torn
  }

  /// The record at index `offset` of `bytes`, which begin at `base` of the file, and its length on disk.
  static func record(
    _ bytes: [UInt8], base: UInt64 = 0, at offset: Int, id: WarehouseID, number: UInt64,
    path: String
  ) throws(StoaError) -> (record: LogRecord, byteCount: Int) {
    let available = bytes.count - offset
    guard available >= LogRecord.headerByteCount else {
      throw StoaError(
        .corruption, "a record is cut off", path: path, offset: base &+ UInt64(offset))
    }
    let bodyStart = offset + LogRecord.headerByteCount
    var reader = ByteReader(bytes, in: offset..<bodyStart, path: path, baseOffset: base)
    guard try reader.take(4) == LogRecord.magic else {
      throw reader.damage("no record begins here")
    }
    let byteCount = Int(try reader.u32())
    let commit = try reader.number()
    let timestamp = Int64(bitPattern: try reader.u64())
    let editCount = try reader.u32()
    let bits = try reader.u32()
    let checksum = try reader.u64()
    let padded = (LogRecord.headerByteCount + byteCount + 7) & ~7
    guard padded <= available else { throw reader.damage("a record is cut off") }
    let body = bodyStart..<(bodyStart + byteCount)
    let seed = BlockIdentity(id, .log, file: number).at(offset: base &+ UInt64(offset)).seed
    let computed = bytes.withUnsafeBytes { raw in
      Checksum.compute(
        head: UnsafeRawBufferPointer(rebasing: raw[offset..<(offset + 32)]),
        tail: UnsafeRawBufferPointer(rebasing: raw[body]), seed: seed)
    }
    guard computed == checksum else {
      throw reader.damage("the checksum of a record does not fit")
    }
    var edits: [LogEdit] = []
    var bodyReader = ByteReader(bytes, in: body, path: path, baseOffset: base)
    for _ in 0..<editCount { edits.append(try LogEdit.decode(from: &bodyReader)) }
    guard bodyReader.isAtEnd else { throw bodyReader.damage("a record holds more than its edits") }
    let found = LogRecord(
      commit: commit, timestamp: timestamp, edits: edits,
      kinds: CommitKinds(rawValue: bits & 0xF_FFFF), unsyncedCount: bits >> 20)
    return (found, padded)
  }
}
