import Catalog
import Vectors

/// One key run in the directory of a segment: all keys of its rows in order, with their positions. Tables have one for
/// each primary or unique key that is no prefix of the sort key (`TableDefinition.runKeys`); rows where some column of
/// the key is NULL are not in it.
///
///   offset  size  field
///        0     *  columns of the key: u32 count and column ids
///        *     1  form (`KeyRunForm`)
///        *     3  reserved, zero
///        *     4  entryCount
///        *     4  repeatCount: entries with the key of the entry before
///        *     8  offset of the blocks in the file, a multiple of 64
///        *     4  byteCount of the blocks
///        *    24  fences (`BlockLocation`)
///
/// The blocks (`KeyRunBlock`) have 1,024 entries, the last one the rest, and lie one behind the other. Fences, for n
/// blocks:
///
///   offset  size  field
///        0    8n  first key of each block, ascending
///       8n    8n  checksum of each block, seeded with warehouse, table, segment, run and block number
///      16n    4n  offset of each block from the first
///
/// So a key is found by a search among the fences, which stay in memory, and one read of some 4 KB.
public struct SegmentKeyRun: Hashable, Sendable {
  public var columns: [ColumnID]
  public var form: KeyRunForm
  public var entryCount: Int
  public var repeatCount: Int
  public var offset: UInt64
  public var byteCount: UInt32
  public var fences: BlockLocation

  public var blockCount: Int {
    (entryCount + KeyRunBlock.capacity - 1) / KeyRunBlock.capacity
  }
}

extension SegmentKeyRun {
  /// Bytes of the fences of one block.
  static let fenceByteCount = 20

  func encode(to writer: inout ByteWriter) {
    writer.list(columns)
    writer.u8(form.rawValue)
    writer.zeros(3)
    writer.u32(UInt32(clamping: entryCount))
    writer.u32(UInt32(clamping: repeatCount))
    writer.u64(offset)
    writer.u32(byteCount)
    fences.encode(to: &writer)
  }

  /// - Parameter end: where the footer begins.
  init(from reader: inout ByteReader, rowCount: Int, end: UInt64) throws(StoaError) {
    columns = try reader.list()
    guard let form = KeyRunForm(rawValue: try reader.u8()) else {
      throw reader.damage("a key run has an unknown form")
    }
    self.form = form
    try reader.skip(3)
    entryCount = Int(try reader.u32())
    repeatCount = Int(try reader.u32())
    offset = try reader.u64()
    byteCount = try reader.u32()
    fences = try BlockLocation(from: &reader, end: end)
    guard entryCount <= rowCount, repeatCount <= entryCount, !columns.isEmpty,
      Int(fences.byteCount) == blockCount * SegmentKeyRun.fenceByteCount,
      Int(byteCount) >= blockCount * KeyRunBlock.headerByteCount,
      offset % 64 == 0, offset >= UInt64(SegmentHeader.byteCount), offset <= end,
      UInt64(byteCount) <= end - offset
    else { throw reader.damage("the description of a key run cannot be") }
  }
}

extension BlockIdentity {
  /// Stands for the row group in the identity of block `block` of key run `run`; those of row groups, dictionaries and
  /// bitmap indexes are far from here.
  static func keyRunBlock(_ run: Int, _ block: Int) -> UInt32 {
    1 << 31 | UInt32(truncatingIfNeeded: run & 0x3FFF) << 16
      | UInt32(truncatingIfNeeded: block & 0xFFFF)
  }

  /// Stands for the row group in the identity of the fences of key run `run`; a run has at most 4,096 blocks.
  static func keyRunFences(_ run: Int) -> UInt32 { keyRunBlock(run, 0xFFFF) }
}

/// First keys, checksums and places of the blocks of one run.
public final class KeyRunFences: Sendable {
  let firstKeys: [UInt64]
  let checksums: [UInt64]
  let offsets: [UInt32]
  let byteCount: UInt32

  init(firstKeys: [UInt64], checksums: [UInt64], offsets: [UInt32], byteCount: UInt32) {
    self.firstKeys = firstKeys
    self.checksums = checksums
    self.offsets = offsets
    self.byteCount = byteCount
  }

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    for key in firstKeys { writer.u64(key) }
    for checksum in checksums { writer.u64(checksum) }
    for offset in offsets { writer.u32(offset) }
    return writer.bytes
  }

  /// - Parameter byteCount: of the blocks.
  init(
    from reader: inout ByteReader, blockCount: Int, byteCount: UInt32
  ) throws(StoaError) {
    var keys: [UInt64] = []
    var checksums: [UInt64] = []
    var offsets: [UInt32] = []
    for _ in 0..<blockCount { keys.append(try reader.u64()) }
    for _ in 0..<blockCount { checksums.append(try reader.u64()) }
    for _ in 0..<blockCount { offsets.append(try reader.u32()) }
    let areKeysAscending = zip(keys, keys.dropFirst()).allSatisfy { $0 <= $1 }
    let header = UInt64(KeyRunBlock.headerByteCount)
    let areBlocksApart = zip(offsets, offsets.dropFirst() + [byteCount]).allSatisfy {
      UInt64($0) + header <= UInt64($1)
    }
    guard areKeysAscending, areBlocksApart, (offsets.first ?? 0) == 0, reader.isAtEnd else {
      throw reader.damage("the fences of a key run are out of order")
    }
    firstKeys = keys
    self.checksums = checksums
    self.offsets = offsets
    self.byteCount = byteCount
  }

  /// Where block `number` lies behind the first.
  func range(_ number: Int) -> Range<Int> {
    let end = number + 1 < offsets.count ? offsets[number + 1] : byteCount
    return Int(offsets[number])..<Int(end)
  }

  /// The first block that may hold `key`, from `start` on: the last one that begins below it.
  func firstBlock(holding key: UInt64, from start: Int) -> Int {
    var low = start
    var high = firstKeys.count
    while low < high {
      let middle = (low + high) / 2
      if firstKeys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return max(start, low - 1)
  }
}
