import Catalog
import Encodings
import Kernels
import Vectors

// A segment from its header to its trailer, with the encoding tree of every chunk.
extension Inspector {
  /// What checksums of one segment are seeded with, read from its header.
  private struct Identity {
    var warehouse: WarehouseID
    var table: TableID
    var segment: SegmentID

    func block(_ rowGroup: UInt32, _ column: ColumnID) -> BlockIdentity {
      BlockIdentity(
        warehouse, .segment, table: table, file: segment, rowGroup: rowGroup, column: column)
    }
  }

  func segment(_ file: any File, size: UInt64) throws(StoaError) {
    output("segment file \(file.path), \(size) bytes")
    let identity = try segmentHeader(file, size: size)
    attempt { () throws(StoaError) in
      var isGood = false
      let footer = try SegmentReader.readFooter(file, size: size, path: file.path) { bytes in
        isGood = isFooterGood(bytes, identity, file, size: size)
        return true
      }
      describe(footer, isGood)
      for column in footer.columns { describe(column, footer, identity, file) }
      for (number, run) in footer.keyRuns.enumerated() {
        attempt { () throws(StoaError) in try describe(run, number, footer, identity, file) }
      }
    }
  }

  private func segmentHeader(_ file: any File, size: UInt64) throws(StoaError) -> Identity {
    let count = Int(min(UInt64(SegmentHeader.byteCount), size))
    let raw = try file.readBuffer(at: 0, byteCount: count)
    var reader = ByteReader([UInt8](raw.bytes), path: file.path)
    var identity = Identity(warehouse: WarehouseID(bytes: []), table: 0, segment: 0)
    attempt { () throws(StoaError) in
      guard try reader.take(8) == SegmentHeader.magic else {
        throw StoaError(.corruption, "the magic is wrong", path: file.path, offset: 0)
      }
      output("  version \(try reader.u32())")
      identity.table = try reader.u32()
      identity.warehouse = WarehouseID(bytes: try reader.take(16))
      identity.segment = try reader.u64()
      output("  table id \(identity.table)")
      output("  warehouse id \(identity.warehouse)")
      output("  segment id \(identity.segment)")
      try reader.skip(16)
      let seed = identity.block(BlockIdentity.wholeSegment, BlockIdentity.noColumn).seed
      let computed = Checksum.compute(Array(reader.bytes.prefix(56)), seed: seed)
      output("  checksum \(Inspector.verdict(try reader.u64() == computed))")
    }
    return identity
  }

  private func isFooterGood(
    _ bytes: [UInt8], _ identity: Identity, _ file: any File, size: UInt64
  ) -> Bool {
    let seed = identity.block(BlockIdentity.wholeSegment, BlockIdentity.noColumn).seed
    guard let trailer = try? file.readBuffer(at: size - 24, byteCount: 8) else { return false }
    var reader = ByteReader([UInt8](trailer.bytes), path: file.path)
    return (try? reader.u64()) == Checksum.compute(bytes, seed: seed)
  }

  private func describe(_ footer: SegmentFooter, _ isGood: Bool) {
    output("footer, checksum \(Inspector.verdict(isGood))")
    output("  role \(footer.role)")
    output("  rowCount \(footer.rowCount)")
    output("  load \(footer.load)")
    output("  sort key \(footer.sortKey)")
    output("  rowGroupCount \(footer.rowGroups.count), rows \(footer.rowGroups)")
    output("  columnCount \(footer.columns.count)")
  }

  private func describe(
    _ column: SegmentColumn, _ footer: SegmentFooter, _ identity: Identity, _ file: any File
  ) {
    let chunkBytes = column.chunks.reduce(0) { $0 + Int($1.block.byteCount) }
    let dictionaryBytes = column.dictionaryBlocks.reduce(0) { $0 + Int($1.byteCount) }
    let perRow = Double(chunkBytes + dictionaryBytes) / Double(max(1, footer.rowCount))
    output("column id \(column.id) \(column.type)")
    output("  bytes \(chunkBytes + dictionaryBytes), \(Inspector.rounded(perRow)) per row")
    output(
      "  nullCount \(column.nullCount), distinct about \(Int(column.sketch.estimate.rounded()))"
        + (column.isSorted ? ", sorted" : ""))
    output(
      "  minimum \(Inspector.text(column.minimum, column.type)), maximum"
        + " \(Inspector.text(column.maximum, column.type))")
    var dictionary: Vector?
    if column.dictionaryEntryCount > 0 {
      attempt { () throws(StoaError) in
        dictionary = try readDictionary(column, identity, file)
      }
      output(
        "  dictionaryEntryCount \(column.dictionaryEntryCount), \(dictionaryBytes) bytes in"
          + " \(column.dictionaryBlocks.count) blocks")
    }
    for block in column.bitmapBlocks {
      attempt { () throws(StoaError) in try describeIndex(block, column, identity, file) }
    }
    for (rowGroup, chunk) in column.chunks.enumerated() {
      attempt { () throws(StoaError) in
        try describe(chunk, rowGroup, column, dictionary, identity, file)
      }
    }
  }

  private func describe(
    _ entry: ChunkEntry, _ rowGroup: Int, _ column: SegmentColumn, _ dictionary: Vector?,
    _ identity: Identity, _ file: any File
  ) throws(StoaError) {
    let zone = entry.zone
    let location = ChunkLocation(
      path: file.path, offsetInFile: entry.block.offset, rowGroup: rowGroup, column: "\(column.id)")
    let line =
      "  row group \(rowGroup): offset \(entry.block.offset), byteCount \(entry.block.byteCount),"
      + " rows \(zone.rowCount), nullCount \(zone.nullCount), minimum"
      + " \(Inspector.text(zone.min, column.type)), maximum \(Inspector.text(zone.max, column.type))"
    let buffer = try file.readBuffer(at: entry.block.offset, byteCount: Int(entry.block.byteCount))
    let seed = identity.block(UInt32(rowGroup), column.id).seed
    let isGood = Checksum.compute(buffer.bytes, seed: seed) == entry.block.checksum
    guard isGood else {
      output("\(line), encoding \(entry.encoding.name), checksum damaged")
      throw location.damaged("the checksum does not fit")
    }
    let chunk = try ColumnChunk.open(
      bytes: buffer.bytes, owner: buffer, type: column.type, rowCount: zone.rowCount,
      dictionary: dictionary, location: location)
    output("\(line), encoding \(chunk.summary), checksum good")
  }

  private func describeIndex(
    _ block: BlockLocation, _ column: SegmentColumn, _ identity: Identity, _ file: any File
  ) throws(StoaError) {
    let line = "  bitmap index: offset \(block.offset), byteCount \(block.byteCount)"
    let location = ChunkLocation(
      path: file.path, offsetInFile: block.offset, column: "\(column.id)")
    let buffer = try file.readBuffer(at: block.offset, byteCount: Int(block.byteCount))
    let seed = identity.block(BlockIdentity.bitmapIndex, column.id).seed
    guard Checksum.compute(buffer.bytes, seed: seed) == block.checksum else {
      output("\(line), checksum damaged")
      throw location.damaged("the checksum of a bitmap index does not fit")
    }
    let index = try BitmapIndex(
      bytes: buffer.bytes, owner: buffer, type: column.type, location: location)
    let origin = index.entries == nil ? "dictionary" : "own"
    output("\(line), entries \(index.entryCount) (\(origin)), checksum good")
  }

  /// A key run: fences, then every block against its checksum.
  private func describe(
    _ run: SegmentKeyRun, _ number: Int, _ footer: SegmentFooter, _ identity: Identity,
    _ file: any File
  ) throws(StoaError) {
    let byteCount = Int(run.byteCount) + Int(run.fences.byteCount)
    let perRow = Double(byteCount) / Double(max(1, run.entryCount))
    output(
      "key run of columns \(run.columns), \(run.form), entryCount \(run.entryCount), repeatCount"
        + " \(run.repeatCount)")
    output(
      "  offset \(run.offset), byteCount \(run.byteCount) in \(run.blockCount) blocks, fences at"
        + " \(run.fences.offset), \(Inspector.rounded(perRow)) bytes per entry")
    let buffer = try file.readBuffer(at: run.fences.offset, byteCount: Int(run.fences.byteCount))
    let seed = identity.block(BlockIdentity.keyRunFences(number), BlockIdentity.noColumn).seed
    guard Checksum.compute(buffer.bytes, seed: seed) == run.fences.checksum else {
      throw StoaError(
        .corruption, "the checksum of a key run's fences does not fit", path: file.path,
        offset: run.fences.offset)
    }
    var reader = ByteReader(
      [UInt8](buffer.bytes), path: file.path, baseOffset: run.fences.offset)
    let fences = try KeyRunFences(
      from: &reader, blockCount: run.blockCount, byteCount: run.byteCount)
    var damaged = 0
    for block in 0..<run.blockCount {
      let range = fences.range(block)
      let bytes = try file.readBuffer(
        at: run.offset + UInt64(range.lowerBound), byteCount: range.count)
      let seed = identity.block(
        BlockIdentity.keyRunBlock(number, block), BlockIdentity.noColumn
      ).seed
      if Checksum.compute(bytes.bytes, seed: seed) != fences.checksums[block] { damaged += 1 }
    }
    output("  checksums \(damaged == 0 ? "good" : "of \(damaged) blocks damaged")")
  }

  private func readDictionary(
    _ column: SegmentColumn, _ identity: Identity, _ file: any File
  ) throws(StoaError) -> Vector {
    var builder = VectorBuilder(type: column.type)
    var left = column.dictionaryEntryCount
    for (number, block) in column.dictionaryBlocks.enumerated() {
      let buffer = try file.readBuffer(at: block.offset, byteCount: Int(block.byteCount))
      let location = ChunkLocation(
        path: file.path, offsetInFile: block.offset, column: "\(column.id)")
      let seed = identity.block(BlockIdentity.dictionary(number), column.id).seed
      guard Checksum.compute(buffer.bytes, seed: seed) == block.checksum else {
        throw location.damaged("the checksum of a dictionary does not fit")
      }
      let rows = min(left, SegmentFooter.rowGroupCapacity)
      let chunk = try ColumnChunk.open(
        bytes: buffer.bytes, owner: buffer, type: column.type, rowCount: rows, location: location)
      guard chunk.nullCount == 0 else { throw location.damaged("a NULL in a dictionary") }
      builder.append(try chunk.decode(rows: 0..<rows))
      left -= rows
    }
    return builder.finish()
  }

  private static func rounded(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    let fraction = String(thousandths % 1000 + 1000).dropFirst()
    return "\(thousandths / 1000).\(fraction)"
  }

  /// As the shell prints it, text in quotes. Values of damaged files need not fit their type.
  private static func text(_ value: Value, _ type: LogicalType) -> String {
    switch (value, type) {
    case (.null, _): "NULL"
    case (.string(let value), _): "'\(value)'"
    case (.integer(let value), .date) where Int32(exactly: value) == nil: "\(value)"
    case (.integer(let value), .timestamp) where Int64(exactly: value) == nil: "\(value)"
    case (.integer(let value), .timestampTZ) where Int64(exactly: value) == nil: "\(value)"
    case (.integer, _) where type.isExactOrTime: TextFormatter.string(value, type)
    case (.integer(let value), _): "\(value)"
    case (.double(let value), _): "\(value)"
    case (.bytes, _): "'\(TextFormatter.string(value, type))'"
    case (.boolean(let value), _): value ? "true" : "false"
    }
  }
}

extension LogicalType {
  /// Whether integers of this type are shown as something else.
  fileprivate var isExactOrTime: Bool {
    isDecimal || self == .date || self == .timestamp || self == .time || self == .timestampTZ
      || self == .interval || self == .uuid || labels != nil
  }
}
