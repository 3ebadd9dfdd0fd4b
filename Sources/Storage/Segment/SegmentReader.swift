import Catalog
import Encodings
import Synchronization
import Vectors

/// One committed segment: its directory in memory, its chunks read when asked for.
///
/// Nothing from the file is believed before its checksum was verified: the footer against the commit log, every
/// chunk and dictionary against the footer, on first read. Damage is a `.corruption` error naming file,
/// offset, row group and column. Safe for any number of threads.
public final class SegmentReader: Sendable {
  public let description: SegmentDescription
  public let path: String
  public let footer: SegmentFooter
  public let cache: ChunkCache
  let fileSystem: any FileSystem
  let warehouse: WarehouseID
  private let positions: [ColumnID: Int]
  /// Dictionaries in use, so that every chunk of a column has the same object whatever the cache evicts.
  private let dictionaries: Mutex<[ColumnID: WeakVector]>

  private struct WeakVector: @unchecked Sendable { weak var vector: Vector? }

  private init(
    _ description: SegmentDescription, _ path: String, _ footer: SegmentFooter,
    _ fileSystem: any FileSystem, _ warehouse: WarehouseID, _ cache: ChunkCache
  ) {
    self.description = description
    self.path = path
    self.footer = footer
    self.fileSystem = fileSystem
    self.warehouse = warehouse
    self.cache = cache
    positions = Dictionary(
      footer.columns.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    dictionaries = Mutex([:])
  }

  /// The same segment as if it had no key runs, and no bitmap indexes for these columns.
  func leavingOutIndexes(of columns: Set<ColumnID>) -> SegmentReader {
    var footer = footer
    footer.keyRuns = []
    for index in footer.columns.indices where columns.contains(footer.columns[index].id) {
      footer.columns[index].bitmapBlocks = []
    }
    return SegmentReader(description, path, footer, fileSystem, warehouse, cache)
  }

  /// Reads and verifies the footer.
  /// - Throws: `.corruption` when the file is not the one the log describes.
  static func open(
    _ description: SegmentDescription, path: String, fileSystem: any FileSystem,
    warehouse: WarehouseID, cache: ChunkCache
  ) throws(StoaError) -> SegmentReader {
    let file = try fileSystem.open(path, .read)
    let size = try file.size()
    guard size == description.byteCount else {
      throw StoaError(
        .corruption, "the segment has \(size) bytes instead of \(description.byteCount)",
        path: path,
        offset: min(size, description.byteCount))
    }
    let footer = try readFooter(file, size: size, path: path) { bytes in
      let identity = BlockIdentity(
        warehouse, .segment, table: description.table, file: description.id)
      return Checksum.compute(bytes, seed: identity.seed) == description.footerChecksum
    }
    guard UInt64(footer.rowCount) == description.rowCount else {
      throw StoaError(.corruption, "the segment has another number of rows", path: path)
    }
    return SegmentReader(description, path, footer, fileSystem, warehouse, cache)
  }

  /// Finds the footer by the trailer.
  static func readFooter(
    _ file: any File, size: UInt64, path: String, isVerified: ([UInt8]) -> Bool
  ) throws(StoaError) -> SegmentFooter {
    let trailerBytes = UInt64(SegmentFooter.trailerByteCount)
    guard size >= trailerBytes + UInt64(SegmentHeader.byteCount) else {
      throw StoaError(.corruption, "the file is too short for a segment", path: path, offset: 0)
    }
    let start = size - trailerBytes
    let raw = try file.readBuffer(at: start, byteCount: SegmentFooter.trailerByteCount)
    var trailer = ByteReader([UInt8](raw.bytes), path: path, baseOffset: start)
    let byteCount = try trailer.u64()
    try trailer.skip(8)
    let version = try trailer.u32()
    try trailer.skip(4)
    guard try trailer.take(8) == SegmentFooter.endMagic,
      byteCount <= start - UInt64(SegmentHeader.byteCount)
    else { throw StoaError(.corruption, "the segment has no footer", path: path, offset: start) }
    if version != formatVersion { try refuse(version, file, offset: start + 16) }
    let footerStart = start - byteCount
    let buffer = try file.readBuffer(at: footerStart, byteCount: Int(byteCount))
    let bytes = [UInt8](buffer.bytes)
    guard isVerified(bytes) else {
      throw StoaError(
        .corruption, "the footer is not the one that was committed", path: path, offset: footerStart
      )
    }
    var reader = ByteReader(bytes, path: path, baseOffset: footerStart)
    return try SegmentFooter(from: &reader)
  }

  /// A version is believed when both ends of the file state it.
  private static func refuse(
    _ version: UInt32, _ file: any File, offset: UInt64
  ) throws(StoaError) {
    let head = try file.readBuffer(at: 0, byteCount: SegmentHeader.byteCount)
    var reader = ByteReader([UInt8](head.bytes), path: file.path)
    if try reader.take(8) == SegmentHeader.magic, try reader.u32() == version {
      try requireKnownVersion(version, file.path)
    }
    throw StoaError(
      .corruption, "the trailer of the segment is damaged", path: file.path, offset: offset)
  }

  public var rowCount: Int { footer.rowCount }

  /// Names the file's contents: a segment that was rolled back leaves chunks in the cache, and another process may
  /// have given its id to another.
  var cacheKey: UInt64 { description.footerChecksum }

  public var rowGroupCount: Int { footer.rowGroups.count }
  public func rowCount(ofRowGroup rowGroup: Int) -> Int { footer.rowGroups[rowGroup] }

  /// The column's directory, or `nil` when it was added after the segment was written.
  public func column(_ id: ColumnID) -> SegmentColumn? { positions[id].map { footer.columns[$0] } }

  /// What is known of a chunk without reading it; `nil` for a column added later.
  public func zoneMap(rowGroup: Int, column: ColumnID) -> ZoneMap? {
    positions[column].map { footer.columns[$0].chunks[rowGroup].zone }
  }

  /// Bytes of a column in the file: its chunks and its dictionary; 0 for a column added later.
  public func byteCount(ofColumn column: ColumnID) -> Int {
    guard let stored = self.column(column) else { return 0 }
    let blocks = stored.chunks.map(\.block) + stored.dictionaryBlocks + stored.bitmapBlocks
    return blocks.reduce(0) { $0 + Int($1.byteCount) }
  }

  /// Bytes of a chunk in the file; 0 for a column added later.
  public func byteCount(rowGroup: Int, column: ColumnID) -> Int {
    positions[column].map { Int(footer.columns[$0].chunks[rowGroup].block.byteCount) } ?? 0
  }
}

extension SegmentReader {
  /// The chunk of a column, from the cache or the file. A column added after the segment was written is
  /// its initial value (or NULL) in every row.
  /// - Throws: `.corruption` naming file, offset, row group and column.
  public func columnChunk(
    rowGroup: Int, column: ColumnDefinition
  ) throws(StoaError) -> ColumnChunk {
    // What the segment does not have is no property of the segment: after a rollback another column gets the id.
    guard positions[column.id] != nil else { return try readChunk(rowGroup, column) }
    let key = ChunkCache.Key(
      segment: cacheKey, rowGroup: UInt32(truncatingIfNeeded: rowGroup), column: column.id)
    if case .chunk(let chunk)? = cache.find(key) { return chunk }
    let chunk = try readChunk(rowGroup, column)
    let cost = chunk.byteCount + SegmentReader.chunkOverhead
    guard case .chunk(let kept) = cache.insert(key, .chunk(chunk), byteCount: cost) else {
      return chunk
    }
    return kept
  }

  /// Bytes a cached chunk takes besides its encoded form, roughly.
  private static let chunkOverhead = 512

  /// The chunk as it is in the file now, whatever is cached.
  func readChunk(
    _ rowGroup: Int, _ column: ColumnDefinition
  ) throws(StoaError) -> ColumnChunk {
    let rows = footer.rowGroups[rowGroup]
    guard let position = positions[column.id] else {
      return try ChunkCoding.constant(absentValue(column), type: column.type, rowCount: rows)
    }
    let stored = footer.columns[position]
    guard stored.type == column.type else {
      throw StoaError(
        .corruption, "the segment stores \(stored.type) where the table has \(column.type)",
        path: path, column: column.name)
    }
    let block = stored.chunks[rowGroup].block
    let location = ChunkLocation(
      path: path, offsetInFile: block.offset, rowGroup: rowGroup, column: column.name)
    let buffer = try read(block, rowGroup: UInt32(rowGroup), column.id, location)
    let dictionary = stored.dictionaryEntryCount > 0 ? try dictionary(of: column) : nil
    return try ColumnChunk.open(
      bytes: buffer.bytes, owner: buffer, type: column.type, rowCount: rows, dictionary: dictionary,
      location: location)
  }

  private func absentValue(_ column: ColumnDefinition) -> Value {
    switch column.id {
    case SystemColumn.commit: .integer(Int128(description.commit))
    case SystemColumn.load: .integer(Int128(description.load))
    default: column.initialValue ?? .null
    }
  }

  /// The sorted dictionary of a column, the same object while anybody uses it; `nil` when it has none.
  public func dictionary(of column: ColumnDefinition) throws(StoaError) -> Vector? {
    guard let stored = self.column(column.id), stored.dictionaryEntryCount > 0 else { return nil }
    if let vector = dictionaries.withLock({ $0[column.id]?.vector }) { return vector }
    let read = try readDictionary(column, stored)
    return dictionaries.withLock { known in
      if let other = known[column.id]?.vector { return other }
      known[column.id] = WeakVector(vector: read)
      let key = ChunkCache.Key(
        segment: cacheKey, rowGroup: BlockIdentity.dictionary(0), column: column.id)
      let byteCount = read.count * 16 + stored.dictionaryBlocks.reduce(0) { $0 + Int($1.byteCount) }
      _ = cache.insert(key, .vector(read), byteCount: byteCount)
      return read
    }
  }

  /// Which rows have which code, of the column's dictionary or the index's own entries; `nil` when the segment has no
  /// index for the column.
  public func bitmapIndex(of column: ColumnDefinition) throws(StoaError) -> BitmapIndex? {
    guard let stored = self.column(column.id), let block = stored.bitmapBlocks.first else {
      return nil
    }
    let number = BlockIdentity.bitmapIndex
    let key = ChunkCache.Key(segment: cacheKey, rowGroup: number, column: column.id)
    if case .bitmaps(let index)? = cache.find(key) { return index }
    let location = ChunkLocation(path: path, offsetInFile: block.offset, column: column.name)
    let buffer = try read(block, rowGroup: number, column.id, location)
    let index = try BitmapIndex(
      bytes: buffer.bytes, owner: buffer, type: column.type, location: location)
    let hasEntries = index.entries != nil || index.entryCount == stored.dictionaryEntryCount
    guard hasEntries, index.rowGroupCount == rowGroupCount, stored.type == column.type
    else { throw location.damaged("a bitmap index of another column") }
    let cached = cache.insert(key, .bitmaps(index), byteCount: Int(block.byteCount))
    if case .bitmaps(let kept) = cached { return kept }
    return index
  }

  /// The value of each code of `index`: its own or the column's dictionary.
  public func entries(
    of index: BitmapIndex, _ column: ColumnDefinition
  ) throws(StoaError) -> Vector? {
    if let own = index.entries { return own }
    return try dictionary(of: column)
  }

  private func readDictionary(
    _ column: ColumnDefinition, _ stored: SegmentColumn
  ) throws(StoaError) -> Vector {
    var builder = VectorBuilder(type: column.type, capacity: stored.dictionaryEntryCount)
    var left = stored.dictionaryEntryCount
    for (number, block) in stored.dictionaryBlocks.enumerated() {
      let location = ChunkLocation(path: path, offsetInFile: block.offset, column: column.name)
      let identity = BlockIdentity.dictionary(number)
      let buffer = try read(block, rowGroup: identity, column.id, location)
      let rows = min(left, SegmentFooter.rowGroupCapacity)
      let chunk = try ColumnChunk.open(
        bytes: buffer.bytes, owner: buffer, type: column.type, rowCount: rows, location: location)
      guard chunk.nullCount == 0 else { throw location.damaged("a NULL in a dictionary") }
      builder.append(try chunk.decode(rows: 0..<rows))
      left -= rows
    }
    let entries = builder.finish()
    try checkOrder(entries, column)
    return entries
  }

  /// Codes are compared instead of values, so an order that is wrong would give wrong answers.
  private func checkOrder(_ entries: Vector, _ column: ColumnDefinition) throws(StoaError) {
    let isAscending = entries.withValues(as: StringView.self) { views in
      (1..<max(1, entries.count)).allSatisfy { StringView.compare(views[$0 - 1], views[$0]) < 0 }
    }
    guard isAscending else {
      throw StoaError(
        .corruption, "a dictionary is not in order", path: path, column: column.name)
    }
  }

  /// Reads and verifies one block.
  func read(
    _ block: BlockLocation, rowGroup: UInt32, _ column: ColumnID, _ location: ChunkLocation
  ) throws(StoaError) -> Buffer {
    let file = try fileSystem.open(path, .read)
    let buffer = try file.readBuffer(at: block.offset, byteCount: Int(block.byteCount))
    let identity = BlockIdentity(
      warehouse, .segment, table: description.table, file: description.id, rowGroup: rowGroup,
      column: column)
    guard Checksum.compute(buffer.bytes, seed: identity.seed) == block.checksum else {
      throw location.damaged("the checksum does not fit")
    }
    return buffer
  }

  /// Reads everything, compares every checksum, and every zone map with the values; for VERIFY.
  public func verify(_ table: TableDefinition) throws(StoaError) {
    for column in table.columns {
      guard let stored = self.column(column.id) else { continue }
      for (rowGroup, entry) in stored.chunks.enumerated() {
        let chunk = try readChunk(rowGroup, column)
        _ = try chunk.decode(rows: 0..<chunk.rowCount)
        try compare(chunk, entry, rowGroup, column)
      }
      try verifyBitmapIndex(column)
    }
  }

  /// Every row must be in the bitmap of its value.
  func verifyBitmapIndex(_ column: ColumnDefinition) throws(StoaError) {
    guard let index = try bitmapIndex(of: column) else { return }
    guard let entries = try entries(of: index, column) else { return }
    for rowGroup in footer.rowGroups.indices {
      let chunk = try readChunk(rowGroup, column)
      let values = try chunk.decode(rows: 0..<chunk.rowCount).flattened()
      var listed = 0
      for code in 0...entries.count {
        let value = code < entries.count ? entries.value(at: code) : Value.null
        let rows = try index.rows(code: code, rowGroup: rowGroup)
        listed += rows.cardinality
        guard rows.rows.allSatisfy({ $0 < values.count && values.value(at: $0) == value }) else {
          throw StoaError(
            .corruption, "the bitmap index does not fit the values", path: path,
            rowGroup: rowGroup, column: column.name)
        }
      }
      guard listed == chunk.rowCount else {
        throw StoaError(
          .corruption, "the bitmap index lacks rows", path: path, rowGroup: rowGroup,
          column: column.name)
      }
    }
  }

  private func compare(
    _ chunk: ColumnChunk, _ entry: ChunkEntry, _ rowGroup: Int, _ column: ColumnDefinition
  ) throws(StoaError) {
    let zone = entry.zone
    var isRight = chunk.nullCount == zone.nullCount
    if let bounds = try chunk.minMax() {
      let isBelow = zone.maxIsExact ? bounds.max == zone.max : !(bounds.max < zone.max)
      let isAbove = zone.minIsExact ? bounds.min == zone.min : !(bounds.min < zone.min)
      isRight = isRight && isBelow && isAbove
    }
    guard isRight else {
      throw StoaError(
        .corruption, "the zone map does not fit the values", path: path, offset: entry.block.offset,
        rowGroup: rowGroup, column: column.name)
    }
  }
}
