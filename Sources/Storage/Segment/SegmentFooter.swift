import Catalog
import Encodings
import Vectors

/// What the rows of a segment are; other roles are reserved.
public enum SegmentRole: UInt8, Sendable {
  /// Rows of a table. Reserved: 1 materialized aggregate, 2 projection, 3 delete vectors.
  case rows = 0
}

/// A stretch of a segment file with its checksum.
///
///   offset  size  field
///        0     8  offset in the file, a multiple of 64
///        8     4  byteCount
///       12     4  reserved, zero
///       16     8  checksum, seeded with warehouse, table, segment, row group and column id
public struct BlockLocation: Hashable, Sendable {
  public var offset: UInt64
  public var byteCount: UInt32
  public var checksum: UInt64
}

/// One column chunk in the directory of a segment.
///
///   offset  size  field
///        0    24  block (`BlockLocation`)
///       24     1  encoding id of the root
///       25     1  flags: 1 sorted, 2 minimum exact, 4 maximum exact
///       26     2  reserved, zero
///       28     4  nullCount
///       32     4  distinctEstimate
///       36     *  minimum and maximum (`Value`)
public struct ChunkEntry: Sendable {
  public var block: BlockLocation
  public var encoding: EncodingID
  public var zone: ZoneMap
}

/// One column in the directory of a segment.
///
///   offset  size  field
///        0     4  column id
///        4     3  type
///        7     1  flags: 1 sorted throughout, 2 minimum exact, 4 maximum exact
///        8     8  nullCount
///       16     *  minimum and maximum (`Value`), then the distinct sketch
///        *     4  dictionaryEntryCount, 0 without a dictionary
///        *     4  count of dictionary blocks, then those: chunks of up to 65,536 entries each
///        *     4  count of bitmap index blocks (0 or 1), then those
///        *     *  one `ChunkEntry` per row group
public struct SegmentColumn: Sendable {
  public var id: ColumnID
  public var type: LogicalType
  /// All rows ascend, over row groups too, and none is NULL.
  public var isSorted: Bool
  public var nullCount: UInt64
  /// Bounds over all row groups; `.null` when every row is NULL.
  public var minimum: Value
  public var maximum: Value
  public var minimumIsExact: Bool
  public var maximumIsExact: Bool
  public var sketch: DistinctSketch
  public var dictionaryEntryCount: Int
  public var dictionaryBlocks: [BlockLocation]
  public var bitmapBlocks: [BlockLocation]
  public var chunks: [ChunkEntry]
}

/// Schema, directory and statistics of a segment, at its end.
///
///   offset  size  field
///        0     1  role
///        1     1  reserved, zero
///        2     2  rowGroupCount, at most 64
///        4     4  columnCount
///        8     8  rowCount
///       16     8  load
///       24     *  sort key: u32 count and column ids
///        *     *  rows per row group, u32 each
///        *     *  columns (`SegmentColumn`)
///        *     4  count of key runs, then those (`SegmentKeyRun`)
///
/// Behind it the trailer, the last 32 bytes of the file:
///
///   offset  size  field
///        0     8  byteCount of the footer
///        8     8  checksum of the footer, seeded with warehouse, table and segment
///       16     4  version
///       20     4  reserved, zero
///       24     8  magic "STOASEGE"
public struct SegmentFooter: Sendable {
  public static let rowGroupLimit = 64
  public static let rowGroupCapacity = 65_536
  static let trailerByteCount = 32
  static let endMagic = Array("STOASEGE".utf8)

  public var role: SegmentRole
  public var load: UInt64
  public var sortKey: [ColumnID]
  public var rowGroups: [Int]
  public var columns: [SegmentColumn]
  public var keyRuns: [SegmentKeyRun] = []

  public var rowCount: Int { rowGroups.reduce(0, +) }
}

/// First 64 bytes of a segment file.
///
///   offset  size  field
///        0     8  magic "STOASEGM"
///        8     4  version
///       12     4  table id
///       16    16  warehouse id
///       32     8  segment id
///       40    16  reserved, zero
///       56     8  checksum of the 56 bytes before, seeded with kind `segment`, table and segment
///       64     *  column chunks, each aligned to 64; then dictionaries, bitmap indexes, key runs, footer, trailer
struct SegmentHeader: Hashable {
  static let magic = Array("STOASEGM".utf8)
  static let byteCount = 64
  var id: WarehouseID
  var table: TableID
  var segment: SegmentID

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(SegmentHeader.magic)
    writer.u32(formatVersion)
    writer.u32(table)
    writer.append(id.bytes)
    writer.u64(segment)
    writer.zeros(16)
    let seed = BlockIdentity(id, .segment, table: table, file: segment).seed
    writer.u64(Checksum.compute(writer.bytes, seed: seed))
    return writer.bytes
  }
}

extension BlockLocation {
  func encode(to writer: inout ByteWriter) {
    writer.u64(offset)
    writer.u32(byteCount)
    writer.u32(0)
    writer.u64(checksum)
  }

  /// - Parameter end: where the footer begins; blocks lie before.
  init(from reader: inout ByteReader, end: UInt64) throws(StoaError) {
    offset = try reader.u64()
    byteCount = try reader.u32()
    try reader.skip(4)
    checksum = try reader.u64()
    guard offset % 64 == 0, offset >= UInt64(SegmentHeader.byteCount), offset <= end,
      UInt64(byteCount) <= end - offset
    else { throw reader.damage("a block lies outside of its file") }
  }
}

/// Three flags in one byte.
private func flags(_ first: Bool, _ second: Bool, _ third: Bool) -> UInt8 {
  (first ? 1 : 0) | (second ? 2 : 0) | (third ? 4 : 0)
}

extension ChunkEntry {
  func encode(to writer: inout ByteWriter) {
    block.encode(to: &writer)
    writer.u8(encoding.rawValue)
    writer.u8(flags(zone.isSorted, zone.minIsExact, zone.maxIsExact))
    writer.u16(0)
    writer.u32(UInt32(clamping: zone.nullCount))
    writer.u32(UInt32(clamping: zone.distinctEstimate))
    zone.min.encode(to: &writer)
    zone.max.encode(to: &writer)
  }

  init(
    from reader: inout ByteReader, type: LogicalType, rowCount: Int, end: UInt64
  ) throws(StoaError) {
    block = try BlockLocation(from: &reader, end: end)
    guard let known = EncodingID(rawValue: try reader.u8()) else {
      throw reader.damage("a chunk has an unknown encoding")
    }
    encoding = known
    let flags = try reader.u8()
    try reader.skip(2)
    let nullCount = Int(try reader.u32())
    guard flags <= 7, nullCount <= rowCount else { throw reader.damage("a zone map cannot be") }
    let distinct = Int(try reader.u32())
    zone = ZoneMap(
      rowCount: rowCount, nullCount: nullCount, min: try Value(from: &reader, for: type),
      max: try Value(from: &reader, for: type), minIsExact: flags & 2 != 0,
      maxIsExact: flags & 4 != 0, distinctEstimate: distinct, isSorted: flags & 1 != 0)
  }
}

extension SegmentColumn {
  func encode(to writer: inout ByteWriter) {
    writer.u32(id)
    type.encode(to: &writer)
    writer.u8(flags(isSorted, minimumIsExact, maximumIsExact))
    writer.u64(nullCount)
    minimum.encode(to: &writer)
    maximum.encode(to: &writer)
    sketch.encode(to: &writer)
    writer.u32(UInt32(clamping: dictionaryEntryCount))
    for blocks in [dictionaryBlocks, bitmapBlocks] {
      writer.u32(UInt32(clamping: blocks.count))
      for block in blocks { block.encode(to: &writer) }
    }
    for chunk in chunks { chunk.encode(to: &writer) }
  }

  init(from reader: inout ByteReader, rowGroups: [Int], end: UInt64) throws(StoaError) {
    id = try reader.u32()
    type = try LogicalType(from: &reader)
    let flags = try reader.u8()
    isSorted = flags & 1 != 0
    minimumIsExact = flags & 2 != 0
    maximumIsExact = flags & 4 != 0
    nullCount = try reader.u64()
    minimum = try Value(from: &reader, for: type)
    maximum = try Value(from: &reader, for: type)
    sketch = try DistinctSketch(from: &reader)
    dictionaryEntryCount = Int(try reader.u32())
    dictionaryBlocks = try SegmentColumn.blocks(&reader, end)
    bitmapBlocks = try SegmentColumn.blocks(&reader, end)
    let capacity = SegmentFooter.rowGroupCapacity
    guard flags <= 7, nullCount <= UInt64(rowGroups.reduce(0, +)),
      dictionaryBlocks.count == (dictionaryEntryCount + capacity - 1) / capacity,
      bitmapBlocks.count <= 1
    else { throw reader.damage("the description of column \(id) cannot be") }
    chunks = []
    for rowCount in rowGroups {
      chunks.append(try ChunkEntry(from: &reader, type: type, rowCount: rowCount, end: end))
    }
  }

  private static func blocks(
    _ reader: inout ByteReader, _ end: UInt64
  ) throws(StoaError) -> [BlockLocation] {
    var blocks: [BlockLocation] = []
    for _ in 0..<(try reader.count(ofWidth: 24)) {
      blocks.append(try BlockLocation(from: &reader, end: end))
    }
    return blocks
  }
}

extension SegmentFooter {
  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.u8(role.rawValue)
    writer.u8(0)
    writer.u16(UInt16(clamping: rowGroups.count))
    writer.u32(UInt32(clamping: columns.count))
    writer.u64(UInt64(rowCount))
    writer.u64(load)
    writer.list(sortKey)
    for rows in rowGroups { writer.u32(UInt32(clamping: rows)) }
    for column in columns { column.encode(to: &writer) }
    writer.u32(UInt32(clamping: keyRuns.count))
    for run in keyRuns { run.encode(to: &writer) }
    return writer.bytes
  }

  /// - Parameter reader: at the footer's first byte, `baseOffset` being its offset in the file.
  init(from reader: inout ByteReader) throws(StoaError) {
    guard let role = SegmentRole(rawValue: try reader.u8()) else {
      throw reader.damage("the segment has an unknown role")
    }
    self.role = role
    try reader.skip(1)
    let rowGroupCount = Int(try reader.u16())
    let columnCount = Int(try reader.u32())
    let expected = try reader.u64()
    load = try reader.u64()
    sortKey = try reader.list()
    guard rowGroupCount <= SegmentFooter.rowGroupLimit, columnCount <= reader.remaining / 24 else {
      throw reader.damage("the footer has too many row groups or columns")
    }
    rowGroups = []
    for _ in 0..<rowGroupCount {
      let rows = Int(try reader.u32())
      guard rows > 0, rows <= SegmentFooter.rowGroupCapacity else {
        throw reader.damage("a row group has \(rows) rows")
      }
      rowGroups.append(rows)
    }
    columns = []
    for _ in 0..<columnCount {
      columns.append(
        try SegmentColumn(from: &reader, rowGroups: rowGroups, end: reader.baseOffset))
    }
    let rows = rowCount
    for _ in 0..<(try reader.count(ofWidth: 56)) {
      keyRuns.append(
        try SegmentKeyRun(from: &reader, rowCount: rows, end: reader.baseOffset))
    }
    guard reader.isAtEnd, UInt64(rowCount) == expected,
      Set(columns.map(\.id)).count == columns.count
    else { throw reader.damage("the footer contradicts itself") }
  }

  /// The last bytes of the file.
  static func trailer(footerByteCount: Int, checksum: UInt64) -> [UInt8] {
    var writer = ByteWriter()
    writer.u64(UInt64(footerByteCount))
    writer.u64(checksum)
    writer.u32(formatVersion)
    writer.u32(0)
    writer.append(endMagic)
    return writer.bytes
  }
}
