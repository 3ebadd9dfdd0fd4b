import Catalog
import Encodings
import Testing
import Vectors

@testable import Storage

@Suite("Segments")
struct SegmentTests {
  private static let types: [LogicalType] = [
    .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double,
    .decimal(precision: 4, scale: 1), .decimal(precision: 18, scale: 2),
    .decimal(precision: 38, scale: 5), .varchar, .date, .timestamp,
  ]

  private enum Shape: CaseIterable { case random, narrow, runs, constant, ascending, distinct }

  /// A value of `type`, drawn as `shape` says.
  private func value(
    _ type: LogicalType, _ shape: Shape, row: Int, _ random: inout SplitMix64
  ) -> Value {
    let wide = Int64(bitPattern: random.next())
    let number: Int64 =
      switch shape {
      case .random: wide
      case .narrow: wide & 7
      case .runs: Int64(row / 37)
      case .constant: 5
      case .ascending: Int64(row * 3)
      case .distinct: Int64(row * 7919 % 100_003)
      }
    switch type.physical {
    case .bool: return .boolean(number & 1 == 1)
    case .int8: return .integer(Int128(Int8(truncatingIfNeeded: number)))
    case .int16: return .integer(Int128(Int16(truncatingIfNeeded: number)))
    case .int32: return .integer(Int128(Int32(truncatingIfNeeded: number)))
    case .int64: return .integer(Int128(number))
    case .int128: return .integer(Int128(number) * (shape == .random ? 1 << 40 : 1))
    case .float32: return .double(Double(Float(number)))
    case .float64:
      return .double(shape == .random && number % 9 == 0 ? -.infinity : Double(number) / 3)
    case .string:
      let suffix = shape == .random ? String(repeating: "é", count: Int(random.next() % 20)) : ""
      return .string(shape == .narrow && number == 0 ? "" : "value \(number)\(suffix)")
    }
  }

  private func column(
    _ type: LogicalType, _ shape: Shape, rows: Range<Int>, nullsEvery: Int,
    _ random: inout SplitMix64
  ) -> [Value] {
    rows.map { row in
      let value = value(type, shape, row: row, &random)
      return nullsEvery > 0 && Int(random.next() % UInt64(nullsEvery)) == 0 ? .null : value
    }
  }

  private func roundTrip(
    _ definition: TableDefinition, _ batches: [Batch], capacity: Int, limit: Int = 64,
    _ place: String, dictionaryLimit: Int = 1 << 18
  ) throws -> [SegmentReader] {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    let transaction = try store.beginWrite()
    try transaction.apply(.createTable(definition))
    var options = Fixture.options(capacity)
    options.rowGroupLimit = limit
    options.dictionaryEntryLimit = dictionaryLimit
    let writer = try transaction.makeTableWriter(definition.id, options: options)
    for batch in batches { try writer.append(batch) }
    #expect(writer.rowCount == batches.reduce(0) { $0 + $1.rowCount })
    try writer.finish()
    try transaction.commit()
    try store.close()
    let again = try Fixture.open(system, .readOnly)
    let readers = try again.snapshot().readers(of: definition.id)
    let rows = try Fixture.rows(definition, readers)
    let expected = batches.flatMap { batch -> [[Value]] in
      let columns = batch.columns.map(\.allValues)
      return (0..<batch.rowCount).map { row in columns.map { $0[row] } }
    }
    #expect(rows == expected, "\(place)")
    for reader in readers { try reader.verify(definition) }
    return readers
  }

  @Test("All types, shapes and NULL shares come back, in several row groups")
  func allTypes() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("segment seed \(seed)")
    var random = SplitMix64(seed: seed)
    for shape in Shape.allCases {
      for nullsEvery in [0, 1, 3] {
        let columns = SegmentTests.types.enumerated().map { index, type in
          ColumnDefinition(id: ColumnID(index + 1), name: "c\(index)", type: type)
        }
        let definition = TableDefinition(id: 1, name: "t", columns: columns)
        let batches = [0..<700, 700..<701, 701..<2100].map { rows in
          Batch(
            columns: SegmentTests.types.map { type in
              Vector.make(
                type, column(type, shape, rows: rows, nullsEvery: nullsEvery, &random))
            }, rowCount: rows.count)
        }
        let readers = try roundTrip(
          definition, batches, capacity: 1024, "seed \(seed), \(shape), NULL every \(nullsEvery)")
        try checkZones(readers, definition)
      }
    }
  }

  /// Zone maps bound their chunks and column statistics bound the segment.
  private func checkZones(_ readers: [SegmentReader], _ definition: TableDefinition) throws {
    for reader in readers {
      for column in definition.columns {
        let stored = try #require(reader.column(column.id))
        for group in 0..<reader.rowGroupCount {
          let zone = try #require(reader.zoneMap(rowGroup: group, column: column.id))
          let chunk = try reader.columnChunk(rowGroup: group, column: column)
          let values = try chunk.decode(rows: 0..<chunk.rowCount).allValues
          let present = values.filter { !$0.isNull }
          #expect(zone.nullCount == values.count - present.count && zone.rowCount == values.count)
          guard let least = present.min(), let greatest = present.max() else { continue }
          #expect(!(least < zone.min) && (zone.minIsExact ? least == zone.min : true))
          #expect(zone.maxIsExact ? greatest == zone.max : !(greatest < zone.max))
          #expect(!(least < stored.minimum))
          #expect(!stored.maximumIsExact || !(stored.maximum < greatest))
          if stored.isSorted {
            #expect(zip(values, values.dropFirst()).allSatisfy { !($1 < $0) })
          }
        }
      }
    }
  }

  @Test("Forced encodings are used and read back")
  func forced() throws {
    for name in [
      "CONSTANT", "RLE", "DICTIONARY", "BITMAP", "BITPACKED", "DELTA", "PATCHED", "PLAIN", "ZSTD",
      "LATER",
    ] {
      let columns = [
        ColumnDefinition(id: 1, name: "number", type: .integer, forcedEncoding: name),
        ColumnDefinition(id: 2, name: "text", type: .varchar, forcedEncoding: name),
      ]
      let definition = TableDefinition(id: 1, name: "t", columns: columns)
      let numbers = (0..<300).map { Value.integer(Int128($0 / 40)) }
      let texts = (0..<300).map { Value.string("text \($0 % 6)") }
      let batch = Batch(
        columns: [Vector.make(.integer, numbers), Vector.make(.varchar, texts)], rowCount: 300)
      _ = try roundTrip(definition, [batch], capacity: 128, "forced \(name)")
    }
  }

  @Test("Chunks of one segment share one sorted dictionary")
  func dictionary() throws {
    let definition = Fixture.table("t", id: 1)
    let readers = try roundTrip(definition, [Fixture.batch(0..<200)], capacity: 64, "dictionary")
    let reader = try #require(readers.first)
    let column = definition.columns[1]
    let dictionary = try #require(try reader.dictionary(of: column))
    #expect(dictionary.allValues == (0..<7).map { .string("name \($0) of the rows") })
    for group in 0..<reader.rowGroupCount {
      let chunk = try reader.columnChunk(rowGroup: group, column: column)
      #expect(try chunk.decode(rows: 0..<chunk.rowCount).child === dictionary)
      #expect(try reader.columnChunk(rowGroup: group, column: column) === chunk)
    }
  }

  @Test("A dictionary that grows too large is given up, rows already taken included")
  func givingUp() throws {
    let definition = TableDefinition(
      id: 1, name: "t", columns: [ColumnDefinition(id: 1, name: "c", type: .varchar)])
    // Every value twice in a row group, so that each looks worth a dictionary.
    let values = (0..<900).map { row in
      row % 50 == 7 ? Value.null : Value.string("a rather long value \(row / 100 * 50 + row % 50)")
    }
    let batch = Batch(columns: [Vector.make(.varchar, values)], rowCount: values.count)
    let readers = try roundTrip(
      definition, [batch], capacity: 100, "giving up", dictionaryLimit: 120)
    #expect(readers.first?.column(1)?.dictionaryEntryCount == 0)
    let kept = try roundTrip(definition, [batch], capacity: 100, "kept", dictionaryLimit: 500)
    #expect(kept.first?.column(1)?.dictionaryEntryCount == 441)
  }

  @Test("A dictionary of more entries than a chunk has rows")
  func largeDictionary() throws {
    let definition = TableDefinition(
      id: 1, name: "t", columns: [ColumnDefinition(id: 1, name: "c", type: .varchar)])
    var batches: [Batch] = []
    for group in 0..<3 {
      let values = (0..<65_536).map { Value.string("key \(group * 32_000 + $0 / 2)") }
      batches.append(Batch(columns: [Vector.make(.varchar, values)], rowCount: values.count))
    }
    let readers = try roundTrip(definition, batches, capacity: 65_536, "large dictionary")
    #expect(readers.first?.column(1)?.dictionaryEntryCount == 96_768)
    #expect(readers.first?.column(1)?.dictionaryBlocks.count == 2)
  }

  @Test(
    "A full segment is followed by another one; dictionary, constant and run vectors are taken as they are"
  )
  func rollOver() throws {
    let definition = TableDefinition(
      id: 1, name: "t",
      columns: [
        ColumnDefinition(id: 1, name: "a", type: .varchar),
        ColumnDefinition(id: 2, name: "b", type: .bigint),
        ColumnDefinition(id: 3, name: "c", type: .integer),
      ])
    let codes = Buffer(of: UInt32.self, count: 90)
    for row in 0..<90 { codes.typed(UInt32.self)[row] = UInt32(row % 3) }
    let entries = Vector.make(.varchar, [.string("z"), .string("a"), .string("m")])
    let validity = Validity.make(count: 90) { $0 % 4 != 1 }
    let ends = Buffer(of: UInt32.self, count: 2)
    ends.typed(UInt32.self)[0] = 30
    ends.typed(UInt32.self)[1] = 90
    let batch = Batch(
      columns: [
        Vector(codes: codes, count: 90, dictionary: entries, validity: validity),
        Vector(constant: .integer(7), type: .bigint, count: 90),
        Vector(runEnds: ends, values: Vector.make(.integer, [.null, .integer(2)]), count: 90),
      ], rowCount: 90)
    let readers = try roundTrip(definition, [batch, batch], capacity: 16, limit: 3, "roll over")
    #expect(readers.map(\.rowCount) == [48, 48, 48, 36])
  }

  @Test("Columns of few values get a bitmap index whatever their type, others do not")
  func bitmapIndexTypes() throws {
    let few: [LogicalType] = [
      .boolean, .smallint, .date, .decimal(precision: 12, scale: 2), .hugeint, .double, .real,
      .timestamp,
    ]
    var columns = few.enumerated().map {
      ColumnDefinition(id: ColumnID($0), name: "few \($1)", type: $1)
    }
    for (name, type) in [
      ("sorted", LogicalType.integer), ("scattered", .integer), ("long runs", .integer),
      ("constant", .bigint), ("wide", .double), ("wide too", .double), ("and this", .double),
    ] {
      columns.append(ColumnDefinition(id: ColumnID(columns.count), name: name, type: type))
    }
    let definition = TableDefinition(id: 1, name: "t", columns: columns)
    var random = SplitMix64(seed: 8)
    let batches = (0..<4).map { (group: Int) -> Batch in
      var values = [[Value]](repeating: [], count: columns.count)
      for row in (group * 4096)..<((group + 1) * 4096) {
        // One row of 30 differs from the others, here and there one is NULL.
        let rank = row % 30 == 0 ? row / 30 % 3 : 3
        for column in few.indices {
          let value: Value =
            switch few[column].physical {
            case .bool: .boolean(rank > 0)
            case .float32, .float64: .double([-0.5, .nan, 0, 7][rank])
            default: .integer(Int128(rank) * 1000 - 500)
            }
          values[column].append(row % 111 == column ? .null : value)
        }
        let others: [Value] = [
          .integer(Int128(row / 900)), .integer(Int128(random.next() % 50)),
          .integer(Int128((row / 3000) % 2)), .integer(4),
        ]
        for (index, value) in others.enumerated() { values[few.count + index].append(value) }
        for index in 0..<3 {
          values[few.count + 4 + index].append(.double(Double(random.next() >> 12)))
        }
      }
      return Batch(
        columns: zip(columns, values).map { Vector.make($0.type, $1) }, rowCount: 4096)
    }
    let readers = try roundTrip(definition, batches, capacity: 4096, "bitmap index types")
    let reader = try #require(readers.first)
    var indexBytes = 0
    for (number, column) in columns.enumerated() {
      let index = try reader.bitmapIndex(of: column)
      #expect((index != nil) == (number < few.count), "\(column.name)")
      guard let index, let entries = index.entries else { continue }
      #expect(index.entryCount == (column.type == .boolean ? 2 : 4))
      for block in reader.column(column.id)?.bitmapBlocks ?? [] {
        #expect(Int(block.byteCount) * 100 <= Int(reader.description.byteCount) * 3)
        indexBytes += Int(block.byteCount)
      }
      let nulls = try index.rows(code: entries.count, rowGroup: 1).rows
      #expect(nulls == (0..<4096).filter { ($0 + 4096) % 111 == number })
    }
    #expect(indexBytes * 10 <= Int(reader.description.byteCount))
  }

  @Test("A clustered column gets a bitmap index, a scattered one does not")
  func bitmapIndex() throws {
    let definition = TableDefinition(
      id: 1, name: "t",
      columns: [
        ColumnDefinition(id: 1, name: "clustered", type: .varchar),
        ColumnDefinition(id: 2, name: "scattered", type: .varchar),
        ColumnDefinition(id: 3, name: "filler", type: .double),
      ])
    var random = SplitMix64(seed: 3)
    let batches = (0..<4).map { (group: Int) -> Batch in
      var clustered: [Value] = []
      var scattered: [Value] = []
      var filler: [Value] = []
      for row in (group * 2048)..<((group + 1) * 2048) {
        clustered.append(group == 2 || row % 2048 > 2000 ? .null : .string("\(row / 1500)"))
        scattered.append(.string("\(random.next() % 9)"))
        filler.append(.double(Double(random.next() >> 12)))
      }
      let columns = [
        Vector.make(.varchar, clustered), Vector.make(.varchar, scattered),
        Vector.make(.double, filler),
      ]
      return Batch(columns: columns, rowCount: 2048)
    }
    let readers = try roundTrip(definition, batches, capacity: 2048, "bitmap index")
    let reader = try #require(readers.first)
    #expect(try reader.bitmapIndex(of: definition.columns[1]) == nil)
    let column = definition.columns[0]
    let index = try #require(try reader.bitmapIndex(of: column))
    let entries = try #require(try reader.dictionary(of: column)).allValues
    for group in 0..<reader.rowGroupCount {
      let chunk = try reader.columnChunk(rowGroup: group, column: column)
      let values = try chunk.decode(rows: 0..<chunk.rowCount).allValues
      for code in 0...entries.count {
        let wanted = code < entries.count ? entries[code] : Value.null
        let rows = try index.rows(code: code, rowGroup: group).rows
        #expect(rows == values.indices.filter { values[$0] == wanted })
      }
    }
  }

  @Test("Row groups encoded by several threads are written in order by one")
  func parallel() async throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    let transaction = try store.beginWrite()
    let writer = try transaction.makeTableWriter(1)
    let encoder = try writer.encoder()
    let groups = try await withThrowingTaskGroup(of: (Int, EncodedRowGroup).self) { tasks in
      for number in 0..<6 {
        tasks.addTask {
          let batch = Fixture.batch((number * 100)..<(number * 100 + 100))
          return (number, try encoder.encode(batch.columns, rowCount: 100))
        }
      }
      return try await tasks.reduce(into: [(Int, EncodedRowGroup)]()) { $0.append($1) }
    }
    for (_, group) in groups.sorted(by: { $0.0 < $1.0 }) { try writer.write(group) }
    try writer.finish()
    try transaction.commit()
    #expect(try Fixture.contents(store)["t"] == Fixture.expected([0..<600]))
  }

  @Test("Wrong columns and NULL in NOT NULL columns are refused")
  func refused() throws {
    let store = try Fixture.open(SimulatedFileSystem())
    try Fixture.create("t", in: store)
    let transaction = try store.beginWrite()
    let encoder = try transaction.makeTableWriter(1).encoder()
    let good = Fixture.batch(0..<3)
    #expect(throws: StoaError.self) {
      try encoder.encode(Array(good.columns.dropLast()), rowCount: 3)
    }
    #expect(throws: StoaError.self) { try encoder.encode(good.columns, rowCount: 4) }
    var columns = good.columns
    columns[0] = Vector.make(.integer, [.integer(1), .null, .integer(2)])
    #expect { try encoder.encode(columns, rowCount: 3) } throws: {
      ($0 as? StoaError)?.kind == .constraint
    }
  }

  @Test("A writer short of memory ends its segment early instead of failing")
  func shortOfMemory() throws {
    let system = SimulatedFileSystem()
    let budget = MemoryBudget(limit: 30_000)
    let store = try Fixture.open(system, budget: budget)
    try Fixture.create("t", in: store)
    let transaction = try store.beginWrite()
    let writer = try transaction.makeTableWriter(1, options: Fixture.options(1024))
    for start in stride(from: 0, to: 20_480, by: 1024) {
      try writer.append(Fixture.batch(start..<(start + 1024)))
      #expect(budget.usedBytes <= 30_000)
    }
    let segments = try writer.finish()
    try transaction.commit()
    #expect(segments.count > 1)
    #expect(try Fixture.contents(store)["t"]?.count == 20_480)
  }
}

@Suite("Distinct sketches")
struct DistinctSketchTests {
  @Test("Estimates are within a few percent and merging equals adding")
  func estimates() throws {
    for count in [0, 1, 10, 500, 5000, 100_000] {
      var whole = DistinctSketch()
      var left = DistinctSketch()
      var right = DistinctSketch()
      for value in 0..<count {
        let hash = DistinctSketch.mix(UInt64(value))
        whole.add(hash: hash)
        if value % 2 == 0 { left.add(hash: hash) } else { right.add(hash: hash) }
      }
      left.merge(right)
      #expect(left == whole)
      #expect(abs(whole.estimate - Double(count)) <= Double(count) * 0.12 + 0.5)
      var writer = ByteWriter()
      whole.encode(to: &writer)
      var reader = ByteReader(writer.bytes, path: "x")
      #expect(try DistinctSketch(from: &reader) == whole)
    }
  }
}
