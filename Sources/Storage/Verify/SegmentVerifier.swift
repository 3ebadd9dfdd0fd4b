import Catalog
import Encodings
import Vectors

/// Checks one segment from its first byte to its last, and goes on past damage.
///
/// Every byte of the file is in one of five places, so none can change unseen: the header (its checksum), a block
/// (the footer's), the padding between blocks (zeros), the footer (the log's), the trailer (field by field). What
/// the footer says of the values is compared with the values.
struct SegmentVerifier {
  let reference: SegmentReference
  let table: TableDefinition
  let deleted: DeleteVector?
  let isDeep: Bool
  /// The file as findings name it.
  let object: String
  let fileSystem: any FileSystem
  let warehouse: WarehouseID
  /// Called between row groups; throws to end the verification.
  let pulse: () throws(StoaError) -> Void
  private(set) var findings: [VerifyFinding] = []

  init(
    _ reference: SegmentReference, _ table: TableDefinition, _ deleted: DeleteVector?,
    isDeep: Bool, store: TableStore, pulse: @escaping () throws(StoaError) -> Void
  ) {
    self.init(
      reference, table, deleted, isDeep: isDeep, source: store.segmentSource, pulse: pulse)
  }

  /// A verifier of a segment, whether or not a warehouse is open.
  init(
    _ reference: SegmentReference, _ table: TableDefinition, _ deleted: DeleteVector?,
    isDeep: Bool, source: SegmentSource, pulse: @escaping () throws(StoaError) -> Void
  ) {
    self.reference = reference
    self.table = table
    self.deleted = deleted
    self.isDeep = isDeep
    object = source.layout.relative(reference.path)
    fileSystem = source.fileSystem
    warehouse = source.id
    self.pulse = pulse
  }

  /// - Throws: only what `pulse` throws.
  mutating func run() throws(StoaError) {
    checkDeletes()
    guard let reader = open() else { return }
    checkFrame(reader)
    for stored in reader.footer.columns { try check(stored, reader) }
    for number in reader.footer.keyRuns.indices { try check(keyRun: number, reader) }
    if isDeep { try checkOrder(reader) }
  }

  /// The segment read anew: what other readers have cached says nothing about the disk.
  private mutating func open() -> SegmentReader? {
    do throws(StoaError) {
      return try SegmentReader.open(
        reference.description, path: reference.path, fileSystem: fileSystem, warehouse: warehouse,
        cache: ChunkCache(budget: MemoryBudget(limit: 0)))
    } catch {
      add(error, affected: "all \(reference.description.rowCount) rows")
      return nil
    }
  }

  /// Every checksum and every byte between, without looking at values; for backups.
  /// - Throws: the first damage.
  static func checkBytes(
    _ reference: SegmentReference, _ table: TableDefinition, store: TableStore,
    pulse: @escaping () throws(StoaError) -> Void
  ) throws(StoaError) {
    var verifier = SegmentVerifier(
      reference, table, nil, isDeep: false, store: store, pulse: pulse)
    if let reader = verifier.open() {
      verifier.checkFrame(reader)
      for stored in reader.footer.columns {
        let column = verifier.definition(of: stored)
        for (rowGroup, chunk) in stored.chunks.enumerated() {
          try pulse()
          verifier.checkBlock(
            chunk.block, number: UInt32(rowGroup), rowGroup: rowGroup, column, reader)
        }
        verifier.checkSharedBlocks(stored, column, reader)
      }
      for number in reader.footer.keyRuns.indices {
        try verifier.check(keyRun: number, reader)
      }
    }
    guard let first = verifier.findings.first else { return }
    throw StoaError(
      .corruption, first.message, path: reference.path, rowGroup: first.rowGroup,
      column: first.column)
  }

  private mutating func checkDeletes() {
    guard let deleted else { return }
    let rowCount = reference.description.rowCount
    if let last = deleted.last, UInt64(last) >= rowCount {
      add("row \(last) is deleted of a segment that has \(rowCount)")
    }
    if deleted.count != deleted.rows.cardinality { add("the count of deleted rows is wrong") }
  }

  // MARK: findings

  mutating func add(_ message: String, rowGroup: Int? = nil, column: String? = nil) {
    findings.append(
      VerifyFinding(
        .error, object, table: table.name, rowGroup: rowGroup, column: column, message))
  }

  mutating func add(
    _ error: StoaError, rowGroup: Int? = nil, column: String? = nil, affected: String
  ) {
    let place = error.offset.map { " (offset \($0))" } ?? ""
    add(
      "\(error.message)\(place); affected: \(affected)", rowGroup: rowGroup ?? error.rowGroup,
      column: column ?? error.column)
  }

  /// Rows of a row group as text, counted in the segment.
  static func rows(_ rowGroup: Int, _ footer: SegmentFooter) -> String {
    let first = footer.rowGroups.prefix(rowGroup).reduce(0, +)
    return "rows \(first) to \(first + footer.rowGroups[rowGroup] - 1)"
  }

  /// The column as the segment has it: by the stored type, also when the table has dropped it.
  func definition(of stored: SegmentColumn) -> ColumnDefinition {
    var column =
      table.columns.first { $0.id == stored.id }
      ?? ColumnDefinition(id: stored.id, name: "dropped column \(stored.id)", type: stored.type)
    column.type = stored.type
    return column
  }
}

// The bytes.
extension SegmentVerifier {
  /// Header, padding and trailer.
  private mutating func checkFrame(_ reader: SegmentReader) {
    do throws(StoaError) {
      let file = try fileSystem.open(reference.path, .read)
      let size = try file.size()
      let head = try file.readBuffer(at: 0, byteCount: SegmentHeader.byteCount)
      let headerBytes = [UInt8](head.bytes)
      let identity = BlockIdentity(
        warehouse, .segment, table: reference.description.table, file: reference.description.id)
      _ = try checkedReader(
        headerBytes, magic: SegmentHeader.magic, byteCount: SegmentHeader.byteCount,
        seed: identity.seed, path: reference.path)
      let start = size - UInt64(SegmentFooter.trailerByteCount)
      let raw = try file.readBuffer(at: start, byteCount: SegmentFooter.trailerByteCount)
      var trailer = ByteReader([UInt8](raw.bytes), path: reference.path, baseOffset: start)
      let footerByteCount = try trailer.u64()
      let checksum = try trailer.u64()
      let versions = try trailer.take(8)
      guard checksum == reference.description.footerChecksum,
        versions == Array(headerBytes[8..<12]) + [0, 0, 0, 0]
      else { throw trailer.damage("the trailer is damaged") }
      try checkPadding(reader.footer, file, end: start - footerByteCount)
    } catch {
      add(error, affected: "nothing that queries read")
    }
  }

  /// What lies between blocks must be zero, and no two blocks may overlap.
  private func checkPadding(
    _ footer: SegmentFooter, _ file: any File, end: UInt64
  ) throws(StoaError) {
    var blocks = footer.columns.flatMap {
      $0.chunks.map(\.block) + $0.dictionaryBlocks + $0.bitmapBlocks
    }
    for run in footer.keyRuns {
      blocks.append(BlockLocation(offset: run.offset, byteCount: run.byteCount, checksum: 0))
      blocks.append(run.fences)
    }
    blocks.sort { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
    var position = UInt64(SegmentHeader.byteCount)
    for next in blocks.map({ ($0.offset, $0.offset + UInt64($0.byteCount)) }) + [(end, end)] {
      guard next.0 >= position else {
        throw StoaError(.corruption, "two blocks overlap", path: file.path, offset: next.0)
      }
      let gap = try file.readBuffer(at: position, byteCount: Int(next.0 - position))
      let index = withExtendedLifetime(gap) { $0.bytes.firstIndex { $0 != 0 } }
      if let index {
        throw StoaError(
          .corruption, "a byte between two blocks is not zero", path: file.path,
          offset: position + UInt64(index))
      }
      position = next.1
    }
  }

  /// The checksum of one block.
  /// - Returns: whether it fits.
  @discardableResult
  mutating func checkBlock(
    _ block: BlockLocation, number: UInt32, rowGroup: Int?, _ column: ColumnDefinition,
    _ reader: SegmentReader
  ) -> Bool {
    let location = ChunkLocation(
      path: reference.path, offsetInFile: block.offset, rowGroup: rowGroup, column: column.name)
    do throws(StoaError) {
      _ = try reader.read(block, rowGroup: number, column.id, location)
      return true
    } catch {
      add(
        error, rowGroup: rowGroup, column: column.name,
        affected: rowGroup.map { SegmentVerifier.rows($0, reader.footer) } ?? "all rows")
      return false
    }
  }

  /// Checksums of the column's dictionary and bitmap index.
  /// - Returns: whether all fit.
  @discardableResult
  mutating func checkSharedBlocks(
    _ stored: SegmentColumn, _ column: ColumnDefinition, _ reader: SegmentReader
  ) -> Bool {
    var isGood = true
    for (number, block) in stored.dictionaryBlocks.enumerated() {
      let identity = BlockIdentity.dictionary(number)
      if !checkBlock(block, number: identity, rowGroup: nil, column, reader) { isGood = false }
    }
    for block in stored.bitmapBlocks {
      let identity = BlockIdentity.bitmapIndex
      if !checkBlock(block, number: identity, rowGroup: nil, column, reader) { isGood = false }
    }
    return isGood
  }
}
