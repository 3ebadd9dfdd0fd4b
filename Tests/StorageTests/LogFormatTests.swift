import Catalog
import Testing
import Vectors

@testable import Storage

/// A warehouse id for golden bytes.
let fixedID = WarehouseID(bytes: Array(1...16))

/// A table with every type and every kind of key.
func everyTypeTable(id: TableID = 7) -> TableDefinition {
  let types: [LogicalType] = [
    .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double,
    .decimal(precision: 9, scale: 2), .decimal(precision: 30, scale: 4), .varchar, .date,
    .timestamp,
  ]
  var columns = types.enumerated().map { index, type in
    ColumnDefinition(id: ColumnID(index + 1), name: "c\(index)", type: type)
  }
  columns[3].isNullable = false
  columns[4].defaultValue = .integer(-5)
  columns[10].defaultValue = .string("héllo")
  columns[10].forcedEncoding = "BITMAP"
  columns[11].defaultText = "current_date"
  columns[8].initialValue = .integer(700)
  return TableDefinition(
    id: id, name: "Every \"type\"", columns: columns,
    keys: [
      KeyDefinition(columns: [4], isPrimary: true),
      KeyDefinition(columns: [5, 4], isPrimary: false, name: "k"),
    ],
    foreignKeys: [
      ForeignKeyDefinition(columns: [3], referencedTable: 2, referencedColumns: [1]),
      ForeignKeyDefinition(
        columns: [2], referencedTable: 3, referencedColumns: [1], name: "f", isValidated: false),
    ],
    sortKey: [12, 4],
    checks: [
      CheckDefinition(text: "c3 > 0"),
      CheckDefinition(name: "n", text: "c4 <> 1", isValidated: false),
    ])
}

@Suite("Log and checkpoint formats")
struct LogFormatTests {
  private let segment = SegmentDescription(
    table: 7, id: 3, byteCount: 4711, footerChecksum: 0xFEED_F00D, rowCount: 12, commit: 2)

  private let view = ViewDefinition(
    id: 6, schema: 5, name: "v", text: "SELECT a FROM t", searchPath: ["s", "main"], sources: ["a"],
    columns: ["b"], dependencies: [1, 4], comment: "c")

  private func extendedTable() -> TableDefinition {
    var table = everyTypeTable()
    table.schema = 5
    table.comment = "about it"
    table.columns[2].comment = "about a column"
    return table
  }

  @Test("A checkpoint brings schemas and views back, in whatever order they depend on each other")
  func objectsInCheckpoint() throws {
    var state = StoreState()
    var first = view
    first.dependencies = [7]
    var second = view
    (second.id, second.name, second.dependencies) = (7, "w", [])
    for edit: CatalogEdit in [
      .createObject(.schema(SchemaDefinition(id: 5, name: "s"))), .createObject(.view(second)),
      .createObject(.view(first)),
    ] { try state.catalog.apply(edit) }
    var rebuilt = StoreState()
    try rebuilt.apply(state.edits, commit: 0, timestamp: 0)
    #expect(rebuilt.catalog == state.catalog)
    let id = WarehouseID(bytes: Array(repeating: 7, count: 16))
    let file = CheckpointFile(id: id, number: 3, log: 3, logOffset: 64, state: state)
    let read = try CheckpointFile(file.encoded(), id: id, number: 3, path: "x")
    #expect(read.state.catalog == state.catalog)
  }

  private var sequence: SequenceDefinition {
    var sequence = SequenceDefinition(
      id: 8, schema: 5, name: "q", type: .smallint, start: 7, increment: -2, minimum: -9,
      maximum: 9, cycles: true, cache: 5)
    (sequence.owner, sequence.ownerColumn, sequence.comment) = (3, 2, "why")
    return sequence.restarted(at: SequencePosition(last: 3, isCalled: true))
  }

  @Test("A checkpoint brings positions of sequences back; ones that began anew have none")
  func sequencesInCheckpoint() throws {
    var state = StoreState()
    var own = sequence
    own.schema = CatalogState.mainSchema
    let edits: [LogEdit] = [
      .catalog(.createObject(.sequence(own))),
      .advanceSequence(8, generation: 1, SequencePosition(last: 1, isCalled: true)),
    ]
    try state.apply(edits, commit: 0, timestamp: 0)
    var rebuilt = StoreState()
    try rebuilt.apply(state.edits, commit: 0, timestamp: 0)
    #expect(rebuilt == state)
    #expect(state.position(of: own).last == 1)
    var continued = own.restarted(at: own.origin)
    (continued.continues, continued.increment) = (true, -1)
    try state.apply(.catalog(.alterObject(.sequence(continued))), commit: 0)
    #expect(state.position(of: continued).last == 1)
    let anew = continued.restarted(at: SequencePosition(last: 9, isCalled: false))
    try state.apply(.catalog(.alterObject(.sequence(anew))), commit: 0)
    #expect(state.position(of: anew) == SequencePosition(last: 9, isCalled: false))
    #expect(throws: StoaError.self) {
      try state.apply(
        .advanceSequence(8, generation: 1, SequencePosition(last: 1, isCalled: true)), commit: 0)
    }
  }

  @Test("Every edit survives a round trip")
  func edits() throws {
    let edits: [LogEdit] = [
      .catalog(.createTable(everyTypeTable())), .catalog(.dropTable(9)), .addSegment(segment),
      .removeSegment(7, 3), .catalog(.alterTable(everyTypeTable(id: 8))),
      .setProperty(.retention, 86_400_000_000), .keepFrom(12, timestamp: -3),
      .retire(RetiredSegment(segment: segment, removedBy: 13, removedAt: 1 << 50)),
      .catalog(.createTable(extendedTable())), .catalog(.alterTable(extendedTable())),
      .catalog(.createObject(.schema(SchemaDefinition(id: 5, name: "s")))),
      .catalog(.alterObject(.schema(SchemaDefinition(id: 5, name: "s", comment: "why")))),
      .catalog(.createObject(.view(view))), .catalog(.dropObject(6)),
      .catalog(.createObject(.sequence(sequence))),
      .advanceSequence(8, generation: 3, SequencePosition(last: -4, isCalled: true)),
    ]
    for edit in edits {
      var writer = ByteWriter()
      edit.encode(to: &writer)
      var reader = ByteReader(writer.bytes, path: "x")
      #expect(try LogEdit.decode(from: &reader) == edit)
      #expect(reader.isAtEnd)
    }
  }

  @Test("A checkpoint gives back the state")
  func checkpoint() throws {
    var state = StoreState()
    var table = everyTypeTable()
    table.foreignKeys = []
    try state.apply(
      [
        .catalog(.createTable(table)), .addSegment(segment), .setProperty(.retention, 1000),
        .retire(RetiredSegment(segment: Fixture.description, removedBy: 2, removedAt: 99)),
      ], commit: 2, timestamp: 99)
    state.nextSegmentID = 77
    let file = CheckpointFile(id: fixedID, number: 4, log: 5, logOffset: 64, state: state)
    let bytes = file.encoded()
    #expect(try CheckpointFile(bytes, id: fixedID, number: 4, path: "x") == file)
    #expect(throws: StoaError.self) { try CheckpointFile(bytes, id: fixedID, number: 5, path: "x") }
    for offset in bytes.indices {
      var broken = bytes
      broken[offset] ^= 0x10
      #expect(throws: StoaError.self) {
        try CheckpointFile(broken, id: fixedID, number: 4, path: "x")
      }
    }
  }

  private func log(_ records: [LogRecord]) -> [UInt8] {
    var bytes = LogHeader(id: fixedID, number: 1, previousCommit: 0).encoded()
    for record in records {
      bytes += record.encoded(fixedID, log: 1, offset: UInt64(bytes.count))
    }
    return bytes
  }

  private func scan(_ bytes: [UInt8], synced: Int = 0) throws -> LogScan {
    try LogScan(
      bytes, id: fixedID, number: 1, from: 64, after: 0, syncedEnd: UInt64(synced), path: "x")
  }

  private let records = (1...3).map {
    LogRecord(commit: UInt64($0), timestamp: Int64($0), edits: [.removeSegment(1, UInt64($0))])
  }

  @Test("A log ends exactly, torn or damaged")
  func endings() throws {
    let bytes = log(records)
    let two = log(Array(records.prefix(2))).count
    #expect(try scan(bytes).records == records)
    #expect(try scan(bytes).ending == .exact)
    let torn = try scan(Array(bytes.dropLast(5)))
    #expect(torn.records.count == 2 && torn.ending == .torn && torn.end == UInt64(two))
    guard case .damaged = try scan(Array(bytes.dropLast(5)), synced: bytes.count).ending else {
      Issue.record("a synced record was taken for a torn tail")
      return
    }
    guard case .damaged = try scan(Array(bytes.prefix(two)), synced: bytes.count).ending else {
      Issue.record("a missing synced record was not noticed")
      return
    }
    var broken = bytes
    broken[70] ^= 1
    let damaged = try scan(broken)
    #expect(damaged.records.isEmpty && damaged.end == 64)
    guard case .damaged = damaged.ending else {
      Issue.record("damage before good records was taken for a torn tail")
      return
    }
  }

  @Test("No flipped bit of a log changes a record")
  func flips() throws {
    let bytes = log(records)
    for offset in 64..<bytes.count {
      var broken = bytes
      broken[offset] ^= 0x40
      let found = try scan(broken)
      #expect(found.records.elementsEqual(records.prefix(found.records.count)))
      #expect(found.records.count < 3 || offset >= bytes.count - 4, "offset \(offset)")
    }
  }

  @Test("Unknown edits and newer versions are refused, not skipped")
  func newer() throws {
    var writer = ByteWriter()
    writer.u8(200)
    writer.zeros(3)
    writer.u32(0)
    var reader = ByteReader(writer.bytes, path: "x")
    #expect { try LogEdit.decode(from: &reader) } throws: {
      ($0 as? StoaError)?.kind == .unsupported
    }
    var file = WarehouseFile(id: fixedID, created: 1).encoded()
    file[8] = 9
    #expect { try WarehouseFile(file, path: "x") } throws: {
      ($0 as? StoaError)?.kind == .corruption
    }
    let checksum = Checksum.compute(Array(file.prefix(56)), seed: 0)
    var fixed = ByteWriter()
    fixed.append(Array(file.prefix(56)))
    fixed.u64(checksum)
    #expect { try WarehouseFile(fixed.bytes, path: "x") } throws: {
      ($0 as? StoaError)?.kind == .unsupported
    }
  }

  @Test("Golden bytes of the small files and a log record")
  func golden() {
    func hex(_ bytes: [UInt8]) -> String {
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    let identity = hex(Array(1...16))
    #expect(
      hex(WarehouseFile(id: fixedID, created: 5).encoded()).hasPrefix(
        "53544f4157485345" + "01000000" + "00000000" + identity + "0500000000000000"))
    #expect(
      hex(CurrentFile(id: fixedID, checkpoint: 3, commit: 8).encoded()).hasPrefix(
        "53544f4143555252" + "01000000" + "00000000" + identity + "0300000000000000"
          + "0800000000000000"))
    let record = LogRecord(commit: 2, timestamp: 3, edits: [.removeSegment(4, 5)])
    let bytes = record.encoded(fixedID, log: 1, offset: 64)
    #expect(
      hex(Array(bytes.prefix(32))) == "434f4d54" + "18000000" + "0200000000000000"
        + "0300000000000000" + "01000000" + "00000000")
    #expect(
      hex(Array(bytes.dropFirst(40))) == "04000000" + "10000000" + "04000000" + "00000000"
        + "0500000000000000")
  }
}
