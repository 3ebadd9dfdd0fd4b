import Catalog
import Encodings
import Vectors

/// Settings of a segment writer.
public struct SegmentWriterOptions: Sendable {
  /// Rows per row group; tests use fewer.
  public var rowGroupCapacity = SegmentFooter.rowGroupCapacity
  /// Row groups per segment.
  public var rowGroupLimit = SegmentFooter.rowGroupLimit
  /// Distinct strings in a segment's dictionary; a column with more is written without.
  public var dictionaryEntryLimit = 1 << 18
  /// The load that writes; 0 for none.
  public var load: UInt64 = 0
  /// The commit of the rows, for those written anew; 0 for the one that adds the segment.
  public var commit: CommitNumber = 0

  public init() {}
}

/// Writes one segment file: row groups as they come, dictionary columns and the footer at the end.
///
/// Two ways in: `append` takes batches and encodes on the calling thread; or other threads call
/// `encoder.encode` and one thread passes the results to `write` in row order. Rows must already be sorted by
/// the table's sort key and satisfy its NOT NULL columns.
///
/// Strings of dictionary columns stay in memory as 16-bit local codes until `finish`, because the codes
/// on disk follow the order of all values of the segment. That memory is taken from the budget; when it runs
/// out, `isFull` turns true early.
public final class SegmentWriter {
  public let definition: TableDefinition
  public let id: SegmentID
  /// Encodes row groups for `write`; usable by many threads.
  public let encoder: RowGroupEncoder
  let options: SegmentWriterOptions
  private let file: any File
  let warehouse: WarehouseID
  private let transaction: WriteTransaction?
  private let reservation: MemoryReservation
  private var pending: PendingRows
  private var columns: [ColumnState]
  private(set) var rowGroups: [Int] = []
  /// The sorted keys of each row group, for each of the table's `runKeys`.
  var keyParts: [[KeyRunPart]]
  /// Where the next byte of the file goes.
  private(set) var end = UInt64(SegmentHeader.byteCount)
  private var isShortOfMemory = false
  private var isFinished = false

  init(
    file: any File, definition: TableDefinition, id: SegmentID, warehouse: WarehouseID,
    budget: MemoryBudget, options: SegmentWriterOptions, transaction: WriteTransaction?
  ) throws(StoaError) {
    self.file = file
    self.definition = definition
    self.id = id
    self.warehouse = warehouse
    self.options = options
    self.transaction = transaction
    encoder = RowGroupEncoder(definition)
    reservation = MemoryReservation(budget)
    pending = PendingRows(definition)
    columns = definition.columns.map { _ in ColumnState() }
    keyParts = definition.runKeys.map { _ in [] }
    let header = SegmentHeader(id: warehouse, table: definition.id, segment: id)
    try file.write(header.encoded(), at: 0)
  }

  /// Rows given so far.
  public var rowCount: Int { rowGroups.reduce(0, +) + pending.rowCount }

  /// True when the segment takes no further row group.
  public var isFull: Bool { rowGroups.count >= options.rowGroupLimit || isShortOfMemory }

  /// Rows that `append` still takes.
  public var room: Int {
    isFull
      ? 0 : (options.rowGroupLimit - rowGroups.count) * options.rowGroupCapacity - pending.rowCount
  }

  /// Adds rows, one vector per column of the table in its order. The caller watches `room`; a
  /// `TableWriter` does.
  public func append(_ batch: Batch) throws(StoaError) {
    guard batch.rowCount <= room else {
      throw StoaError(.inconsistency, "the segment has no room for \(batch.rowCount) rows")
    }
    var offset = 0
    while offset < batch.rowCount {
      let count = min(batch.rowCount - offset, options.rowGroupCapacity - pending.rowCount)
      pending.append(batch, offset..<(offset + count))
      offset += count
      if pending.rowCount == options.rowGroupCapacity { try flush() }
    }
  }

  private func flush() throws(StoaError) {
    guard pending.rowCount > 0 else { return }
    let (vectors, count) = pending.take()
    try write(try encoder.encode(vectors, rowCount: count))
  }

  /// Adds one encoded row group behind those before.
  public func write(_ group: EncodedRowGroup) throws(StoaError) {
    guard rowGroups.count < options.rowGroupLimit, group.columns.count == columns.count,
      group.keys.count == keyParts.count
    else {
      throw StoaError(.inconsistency, "the segment has no room for another row group")
    }
    let number = rowGroups.count
    rowGroups.append(group.rowCount)
    var blocks: [(column: Int, block: EncodedChunk)] = []
    for (index, column) in group.columns.enumerated() {
      switch column {
      case .chunk(let block, let sketch):
        columns[index].sketch.merge(sketch)
        addRows(group.rows[index], index, entryNumbers: nil)
        blocks.append((index, block))
      case .codes(let codes):
        let rows = group.rows[index]
        if let block = try keep(codes, rows, index, rowGroup: number) {
          blocks.append((index, block))
        }
      }
    }
    for (index, part) in group.keys.enumerated() { keyParts[index].append(part) }
    try write(blocks, rowGroup: number)
    let memory = columns.reduce(keyRunByteCount) { $0 + $1.byteCount }
    if !reservation.tryResize(to: memory) { isShortOfMemory = true }
  }

  /// Puts codes aside for `finish`; or, in a column that has no dictionary any more, encodes their values.
  private func keep(
    _ codes: LocalCodes, _ rows: ColumnRows?, _ index: Int, rowGroup: Int
  ) throws(StoaError) -> EncodedChunk? {
    if columns[index].hasGivenUp { return try encodeValues(codes, index) }
    let numbers = columns[index].keep(codes, rowGroup: rowGroup)
    addRows(rows, index, entryNumbers: numbers)
    guard columns[index].dictionary.count > options.dictionaryEntryLimit else { return nil }
    encoder.giveUpDictionary(index)
    let kept = columns[index].giveUp(definition.columns[index].type)
    for (number, codes) in kept {
      try write([(index, try encodeValues(codes, index))], rowGroup: number)
    }
    return nil
  }

  /// Collects for a bitmap index; a column that turns out to have none is not looked at any more, in later segments
  /// neither.
  private func addRows(_ rows: ColumnRows?, _ index: Int, entryNumbers: [UInt32]?) {
    guard !columns[index].bitmaps.hasGivenUp else { return }
    columns[index].bitmaps.add(rows, entryNumbers: entryNumbers)
    if columns[index].bitmaps.hasGivenUp { encoder.giveUpBitmaps(index) }
  }

  private func encodeValues(_ codes: LocalCodes, _ index: Int) throws(StoaError) -> EncodedChunk {
    guard case .chunk(let block, let sketch) = try encoder.chunk(codes.values(), index) else {
      throw StoaError(.inconsistency, "a chunk was expected")
    }
    columns[index].sketch.merge(sketch)
    return block
  }

  /// Writes blocks of one row group with a single call and enters them into the directory.
  private func write(
    _ blocks: [(column: Int, block: EncodedChunk)], rowGroup: Int
  ) throws(StoaError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(blocks.reduce(0) { $0 + $1.block.byteCount + 63 })
    for (column, block) in blocks {
      let location = place(block.bytes, rowGroup: UInt32(rowGroup), column: column, in: &bytes)
      columns[column].chunks[rowGroup] = ChunkEntry(
        block: location, encoding: block.encoding, zone: block.zone)
    }
    try flush(bytes)
  }

  /// Appends a block to `bytes`, which will be written at `end`, with the padding before the next one.
  private func place(
    _ block: Buffer, rowGroup: UInt32, column: Int, in bytes: inout [UInt8]
  ) -> BlockLocation {
    let identity = BlockIdentity(
      warehouse, .segment, table: definition.id, file: id, rowGroup: rowGroup,
      column: definition.columns[column].id)
    let location = BlockLocation(
      offset: end &+ UInt64(bytes.count), byteCount: UInt32(clamping: block.byteCount),
      checksum: Checksum.compute(block.bytes, seed: identity.seed))
    bytes.append(contentsOf: block.bytes)
    withExtendedLifetime(block) {}
    while bytes.count % Buffer.alignment != 0 { bytes.append(0) }
    return location
  }

  func flush(_ bytes: [UInt8]) throws(StoaError) {
    guard !bytes.isEmpty else { return }
    try file.write(bytes, at: end)
    end &+= UInt64(bytes.count)
  }

  /// Writes what is left, syncs the file and adds the segment to its transaction.
  /// - Returns: `nil` when no row was given; the file is then left to the rollback or the next collection.
  @discardableResult
  public func finish() throws(StoaError) -> SegmentDescription? {
    guard !isFinished else { throw StoaError(.usage, "the segment is already finished") }
    try flush()
    isFinished = true
    guard !rowGroups.isEmpty else {
      try transaction?.discard(id, definition.id)
      return nil
    }
    var directory: [SegmentColumn] = []
    for index in columns.indices { directory.append(try finishColumn(index)) }
    try writeBitmapIndexes(&directory)
    let keyRuns = try writeKeyRuns()
    let footer = SegmentFooter(
      role: .rows, load: options.load, sortKey: definition.sortKey, rowGroups: rowGroups,
      columns: directory, keyRuns: keyRuns)
    let description = try write(footer)
    _ = reservation.tryResize(to: 0)
    transaction?.add(description)
    return description
  }

  private func write(_ footer: SegmentFooter) throws(StoaError) -> SegmentDescription {
    let bytes = footer.encoded()
    let identity = BlockIdentity(warehouse, .segment, table: definition.id, file: id)
    let checksum = Checksum.compute(bytes, seed: identity.seed)
    try file.write(
      bytes + SegmentFooter.trailer(footerByteCount: bytes.count, checksum: checksum), at: end)
    do throws(StoaError) {
      try file.sync()
    } catch {
      transaction?.syncFailed(error)
      throw error
    }
    let trailer = UInt64(SegmentFooter.trailerByteCount)
    return SegmentDescription(
      table: definition.id, id: id, byteCount: end &+ UInt64(bytes.count) &+ trailer,
      footerChecksum: checksum, rowCount: UInt64(footer.rowCount), commit: options.commit,
      load: options.load)
  }

  /// Writes dictionary and codes of a column, if it has a dictionary, and describes it.
  private func finishColumn(_ index: Int) throws(StoaError) -> SegmentColumn {
    let definition = definition.columns[index]
    var blocks: [BlockLocation] = []
    var entryCount = 0
    if !columns[index].kept.isEmpty {
      let (entries, ranks) = columns[index].sorted(type: definition.type)
      entryCount = entries.count
      try writeCodes(index, entries, ranks)
      blocks = try writeDictionary(index, entries)
      columns[index].ranks = ranks
      columns[index].sketch.add(entries)
    }
    let chunks = rowGroups.indices.compactMap { columns[index].chunks[$0] }
    guard chunks.count == rowGroups.count else {
      throw StoaError(.inconsistency, "a chunk was not written", column: definition.name)
    }
    return SegmentColumn(
      definition, chunks, columns[index].sketch, dictionaryEntryCount: entryCount, blocks)
  }

  /// Writes the chunks of a dictionary column.
  private func writeCodes(
    _ index: Int, _ entries: Vector, _ ranks: [UInt32]
  ) throws(StoaError) {
    let kept = columns[index].kept
    columns[index].kept = []
    let forced = definition.columns[index].forcedEncoding
    for group in kept {
      let codes = group.codes(ranks: ranks)
      let block = try ChunkCoding.encodeCodes(
        codes, count: group.rowCount, dictionary: entries, validity: group.validity, forced: forced)
      try write([(index, block)], rowGroup: group.rowGroup)
    }
  }

  /// Writes the bitmap indexes that are worth their bytes, the smallest first, as long as there is room for them.
  private func writeBitmapIndexes(_ directory: inout [SegmentColumn]) throws(StoaError) {
    let dataByteCount = Int(clamping: end)
    let limit = dataByteCount / 100 * BitmapIndexRule.share
    var left = dataByteCount / 100 * BitmapIndexRule.totalShare
    let candidates = columns.indices
      .filter { columns[$0].bitmaps.isWorthwhile(directory[$0].chunks) }
      .sorted { columns[$0].bitmaps.byteCount < columns[$1].bitmaps.byteCount }
    for index in candidates where columns[index].bitmaps.byteCount <= min(limit, left) {
      let column = columns[index]
      let type = definition.columns[index].type
      guard let block = try column.bitmaps.finish(ranks: column.ranks, type: type),
        block.byteCount <= min(limit, left)
      else { continue }
      left -= block.byteCount
      var bytes: [UInt8] = []
      directory[index].bitmapBlocks = [
        place(block, rowGroup: BlockIdentity.bitmapIndex, column: index, in: &bytes)
      ]
      try flush(bytes)
    }
  }

  private func writeDictionary(_ index: Int, _ entries: Vector) throws(StoaError) -> [BlockLocation]
  {
    var bytes: [UInt8] = []
    var blocks: [BlockLocation] = []
    for start in stride(from: 0, to: entries.count, by: SegmentFooter.rowGroupCapacity) {
      let part = entries.slice(start..<min(start + SegmentFooter.rowGroupCapacity, entries.count))
      let block = try ChunkCoding.encode(part, forced: nil)
      blocks.append(
        place(
          block.bytes, rowGroup: BlockIdentity.dictionary(blocks.count), column: index, in: &bytes))
    }
    try flush(bytes)
    return blocks
  }
}

extension BlockIdentity {
  /// Stands for the row group in the identity of dictionary block `number`.
  static func dictionary(_ number: Int) -> UInt32 { wholeSegment &- 2 &- UInt32(number) }

  /// Stands for the row group in the identity of a bitmap index.
  static let bitmapIndex = wholeSegment &- 1
}
