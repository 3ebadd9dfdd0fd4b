import Catalog
import Encodings
import Testing
import Vectors

@testable import Storage

/// Bytes of whole small files. A change here is a change of the format and needs a new version once version 1
/// is frozen. The bytes of column chunks are pinned by the tests of the encodings.
@Suite("Golden files")
struct GoldenTests {
  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private let table = TableDefinition(
    id: 2, name: "t",
    columns: [
      ColumnDefinition(id: 1, name: "k", type: .integer, isNullable: false),
      ColumnDefinition(
        id: 2, name: "v", type: .decimal(precision: 9, scale: 2), defaultValue: .integer(5)),
    ], keys: [KeyDefinition(columns: [1], isPrimary: true)], sortKey: [1])

  private let segment = SegmentDescription(
    table: 2, id: 1, byteCount: 4711, footerChecksum: 0xFEED_F00D, rowCount: 12)

  @Test("A log of two commits")
  func log() {
    var bytes = LogHeader(id: fixedID, number: 3, previousCommit: 6).encoded()
    let records = [
      LogRecord(commit: 7, timestamp: 1000, edits: [.catalog(.createTable(table))]),
      LogRecord(
        commit: 8, timestamp: 1001,
        edits: [.addSegment(segment), .removeSegment(2, 1), .catalog(.dropTable(2))]),
    ]
    for record in records { bytes += record.encoded(fixedID, log: 3, offset: UInt64(bytes.count)) }
    #expect(hex(bytes) == GoldenBytes.log)
  }

  @Test("A log of inserted and deleted rows and reserved ids")
  func rowEdits() throws {
    let batch = Batch(
      columns: [
        Vector.make(.integer, [.integer(7), .integer(-1)]),
        Vector.make(.varchar, [.null, .string("more than twelve bytes")]),
      ], rowCount: 2)
    let record = LogRecord(
      commit: 9, timestamp: 1003,
      edits: [
        .insertRows(2, memtable: 3, RowBlock(columns: [1, 4], batch: batch)),
        .insertRows(2, memtable: 4, .empty),
        .deleteRows(2, 3, DeleteVector(positions: [0, 1, 70_000])), .reserveIDs(68),
      ])
    let bytes = record.encoded(fixedID, log: 3, offset: 64)
    #expect(hex(bytes) == GoldenBytes.rowEdits)
    let read = try LogScan.record(bytes, base: 64, at: 0, id: fixedID, number: 3, path: "x")
    #expect(read.record == record)
  }

  @Test("A record with its kinds and all edits of retention; a log header with a time stamp")
  func retentionEdits() throws {
    let record = LogRecord(
      commit: 9, timestamp: 1003,
      edits: [
        .setProperty(.retention, 86_400_000_000), .keepFrom(8, timestamp: 1001),
        .retire(RetiredSegment(segment: segment, removedBy: 9, removedAt: 1003)),
      ], kinds: [.set, .expire])
    let header = LogHeader(id: fixedID, number: 3, previousCommit: 8, previousTimestamp: 1002)
    let bytes = header.encoded() + record.encoded(fixedID, log: 3, offset: 64)
    #expect(hex(bytes) == GoldenBytes.retentionEdits)
    let read = try LogScan.record(bytes, at: 64, id: fixedID, number: 3, path: "x")
    #expect(read.record == record)
  }

  @Test("A checkpoint of one table and one segment")
  func checkpoint() throws {
    var state = StoreState()
    try state.apply(
      [.catalog(.createTable(table)), .addSegment(segment)], commit: 9, timestamp: 1002)
    let file = CheckpointFile(id: fixedID, number: 2, log: 4, logOffset: 64, state: state)
    #expect(hex(file.encoded()) == GoldenBytes.checkpoint)
  }

  @Test("Header, footer and trailer of a segment")
  func segmentParts() {
    let header = SegmentHeader(id: fixedID, table: 2, segment: 1).encoded()
    var sketch = DistinctSketch()
    sketch.add(hash: DistinctSketch.mix(1))
    sketch.add(hash: DistinctSketch.mix(2))
    let zone = ZoneMap(
      rowCount: 3, nullCount: 1, min: .string("a"), max: .string("b"), maxIsExact: false,
      distinctEstimate: 2, isSorted: false)
    let block = BlockLocation(offset: 64, byteCount: 100, checksum: 0xABCD)
    let column = SegmentColumn(
      id: 4, type: .varchar, isSorted: false, nullCount: 1, minimum: .string("a"),
      maximum: .string("b"), minimumIsExact: true, maximumIsExact: false, sketch: sketch,
      dictionaryEntryCount: 2,
      dictionaryBlocks: [BlockLocation(offset: 192, byteCount: 60, checksum: 1)], bitmapBlocks: [],
      chunks: [ChunkEntry(block: block, encoding: .dictionary, zone: zone)])
    let footer = SegmentFooter(
      role: .rows, load: 6, sortKey: [4], rowGroups: [3], columns: [column])
    #expect(hex(header) == GoldenBytes.segmentHeader)
    #expect(hex(footer.encoded()) == GoldenBytes.segmentFooter)
    #expect(
      hex(SegmentFooter.trailer(footerByteCount: 10, checksum: 11))
        == "0a000000000000000b00000000000000" + "01000000" + "00000000" + "53544f4153454745")
  }
}

/// Decoders below the checksums: bytes that were changed before their checksum was computed.
@Suite("Decoders")
struct DecoderFuzzTests {
  @Test("Mutated log edits, checkpoints and footers give values or errors")
  func mutated() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("decoder seed \(seed)")
    var random = SplitMix64(seed: seed)
    var writer = ByteWriter()
    LogEdit.catalog(.createTable(everyTypeTable())).encode(to: &writer)
    let batch = Fixture.batch(0..<5)
    let rows: [LogEdit] = [
      .insertRows(1, memtable: 2, RowBlock(columns: [1, 2, 3, 4], batch: batch)),
      .deleteRows(1, 2, DeleteVector(positions: [1, 3, 90_000])), .reserveIDs(9),
      .setProperty(.retention, 5), .keepFrom(3, timestamp: 4),
      .retire(RetiredSegment(segment: Fixture.description, removedBy: 3, removedAt: 4)),
    ]
    let edits =
      [writer.bytes]
      + rows.map { edit in
        var writer = ByteWriter()
        edit.encode(to: &writer)
        return writer.bytes
      }
    let footer = try makeFooter()
    for round in 0..<6000 {
      var reader = ByteReader(mutate(edits[round % edits.count], &random), path: "x")
      check { () throws(StoaError) in _ = try LogEdit.decode(from: &reader) }
      var footerReader = ByteReader(mutate(footer, &random), path: "x", baseOffset: 1 << 20)
      check { () throws(StoaError) in _ = try SegmentFooter(from: &footerReader) }
    }
  }

  private func check(_ body: () throws(StoaError) -> Void) {
    do throws(StoaError) {
      try body()
    } catch {
      #expect(error.kind == .corruption || error.kind == .unsupported, "\(error)")
    }
  }

  private func makeFooter() throws -> [UInt8] {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<40, into: "t", in: store)
    return try store.snapshot().readers(of: 1)[0].footer.encoded()
  }

  private func mutate(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0...Int(random.next() % 3) {
      let place = Int(random.next() % UInt64(bytes.count))
      switch random.next() % 4 {
      case 0: bytes[place] ^= 1 << UInt8(random.next() % 8)
      case 1: bytes[place] = 255
      case 2: bytes.remove(at: place)
      default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
      }
      if bytes.isEmpty { return bytes }
    }
    return bytes
  }
}

@Suite("Concurrency")
struct ConcurrencyTests {
  @Test("Readers see whole commits while a writer commits, loads roll back and tables are dropped")
  func readersAndWriter() async throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system, budget: MemoryBudget(limit: 300_000))
    let other = try Fixture.open(system, .readOnly)
    try Fixture.create("t", in: store)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for round in 0..<30 {
          try Fixture.load((round * 20)..<(round * 20 + 20), into: "t", in: store)
          try Fixture.create("extra", in: store)
          try Fixture.load(0..<5, into: "extra", in: store)
          let abandoned = try store.beginWrite()
          try Fixture.load(0..<9, into: "t", abandoned)
          abandoned.rollback()
          try Fixture.drop("extra", in: store)
          if round % 10 == 9 { try store.checkpoint() }
        }
      }
      for reader in [store, store, other] {
        tasks.addTask {
          var last = 0
          while last < 600 {
            let contents = try Fixture.contents(reader)
            let rows = contents["t"] ?? []
            #expect(rows.count >= last && rows.count % 20 == 0)
            #expect(rows == Fixture.expected([0..<rows.count]))
            #expect([nil, 0, 5].contains(contents["extra"]?.count))
            last = rows.count
          }
        }
      }
      try await tasks.waitForAll()
    }
    #expect(store.refusal == nil && other.warnings.isEmpty)
  }
}
