import Catalog
import Encodings
import TestSupport
import Testing
import Vectors

@testable import Storage

private func verify(_ store: TableStore, isDeep: Bool) throws -> VerifyReport {
  try StoreVerifier.run(try store.snapshot(), isDeep: isDeep)
}

@Suite("Key runs")
struct KeyRunTests {
  /// A table with key columns of the given types, not sorted by them.
  private static func table(_ types: [LogicalType]) -> TableDefinition {
    let columns = types.enumerated().map {
      ColumnDefinition(id: ColumnID($0 + 1), name: "k\($0)", type: $1)
    }
    return TableDefinition(
      id: 1, name: "t", columns: columns,
      keys: [KeyDefinition(columns: columns.map(\.id), isPrimary: false)])
  }

  /// Writes rows, given by columns, into one segment.
  private static func segment(
    _ types: [LogicalType], _ columns: [[Value]], capacity: Int = 3000,
    system: SimulatedFileSystem = SimulatedFileSystem()
  ) throws -> (store: TableStore, reader: SegmentReader) {
    let store = try Fixture.open(system)
    let transaction = try store.beginWrite()
    try transaction.apply(.createTable(table(types)))
    let writer = try transaction.makeTableWriter(1, options: Fixture.options(capacity))
    let rowCount = columns[0].count
    try writer.append(
      Batch(columns: zip(types, columns).map { Vector.make($0, $1) }, rowCount: rowCount))
    try writer.finish()
    try transaction.commit()
    return (store, try #require(try store.snapshot().readers(of: 1).first))
  }

  private static func random(
    _ type: LogicalType, _ random: inout SplitMix64, narrow: Bool
  ) -> Value {
    let bits = random.next()
    if bits % 17 == 0 { return .null }
    switch type.physical {
    case .bool: return .boolean(bits & 32 != 0)
    case .string: return .string("key \(narrow ? bits % 5000 : bits) of a string")
    case .float32: return .double(Double(Float(Int(bits % 9000)) / 8 - 500))
    case .float64: return .double(narrow ? Double(bits % 9) / 3 : Double(Int64(bitPattern: bits)))
    default:
      let wide = Int128(Int64(bitPattern: bits))
      let value = type.physical == .int128 ? wide &* Int128(random.next() >> 1) : wide
      let limit: Int128 =
        if case .decimal(let precision, _) = type {
          (0..<precision).reduce(Int128(1)) { value, _ in value * 10 }
        } else {
          Int128(1) << Int128(type.physical.byteWidth * 8 - 1)
        }
      return .integer(narrow ? value % min(limit, 3000) : value % limit)
    }
  }

  private static let keyTypes: [[LogicalType]] = [
    [.boolean], [.tinyint], [.smallint], [.integer], [.bigint], [.hugeint], [.date], [.timestamp],
    [.decimal(precision: 4, scale: 1)], [.decimal(precision: 18, scale: 2)],
    [.decimal(precision: 38, scale: 3)], [.real], [.double], [.varchar], [.integer, .integer],
    [.bigint, .varchar], [.varchar, .double, .date],
  ]

  @Test("A run has every key with its position, in order, whatever the type", arguments: keyTypes)
  func roundTrip(_ types: [LogicalType]) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("key run seed \(seed)")
    var random = SplitMix64(seed: seed)
    for (rowCount, narrow) in [(1, true), (5, false), (7001, true), (7001, false)] {
      let columns = types.map { type in
        (0..<rowCount).map { _ in KeyRunTests.random(type, &random, narrow: narrow) }
      }
      let (store, reader) = try KeyRunTests.segment(types, columns)
      let run = try #require(reader.keyRun(of: (1...types.count).reversed().map { ColumnID($0) }))
      #expect(run.form == KeyRunForm(types))
      let vectors = zip(types, columns).map { Vector.make($0, $1) }
      let numbers = KeyNumbers(vectors, run.form)
      let expected = zip(numbers.keys, numbers.rows).sorted { $0 < $1 }
      let merge = try KeyRunMerge([run])
      var found: [(UInt64, UInt32)] = []
      while try merge.next(1000) { found += Array(zip(merge.keys, merge.positions)) }
      #expect(found.map(\.0) == expected.map(\.0) && found.map(\.1) == expected.map(\.1))
      #expect(run.entryCount == expected.count)
      let repeats = zip(expected, expected.dropFirst()).count { $0.0 == $1.0 }
      #expect(run.directory.repeatCount == repeats)
      let report = try verify(store, isDeep: true)
      #expect(report.findings.isEmpty, "\(report.findings)")
    }
  }

  @Test("Equal values have equal numbers, different ones different, over all widths of a type")
  func numbers() {
    func key(_ type: LogicalType, _ value: Value, _ form: KeyRunForm) -> [UInt64] {
      KeyNumbers([Vector.make(type, [value])], form).keys
    }
    for value in [-128, -1, 0, 1, 127] as [Int128] {
      let types: [LogicalType] = [.tinyint, .smallint, .integer, .bigint, .hugeint]
      for form in [KeyRunForm.values, .hashes] {
        #expect(Set(types.map { key($0, .integer(value), form) }).count == 1)
      }
    }
    #expect(key(.hugeint, .integer(1 << 64), .values).isEmpty)
    #expect(key(.double, .double(-0.0), .values) == key(.real, .double(0), .values))
    #expect(key(.double, .double(-0.0), .hashes) == key(.real, .double(0), .hashes))
    #expect(key(.double, .double(.nan), .values) == key(.double, .double(-.nan), .values))
    let ordered: [Double] = [-.infinity, -2.5, -1, 0, 1e-300, 1, .infinity, .nan]
    let keys = ordered.flatMap { key(.double, .double($0), .values) }
    #expect(keys == keys.sorted() && Set(keys).count == ordered.count)
    // These are on disk.
    #expect(key(.integer, .integer(-2), .values) == [0x7FFF_FFFF_FFFF_FFFE])
    #expect(key(.double, .double(1), .values) == [0xBFF0_0000_0000_0000])
    #expect(key(.varchar, .string("abc"), .hashes) == [KeyRunTests.hashOfABC])
    #expect(key(.hugeint, .integer(-2), .hashes) == [KeyRunTests.hashOfMinusTwo])
  }

  private static let hashOfABC: UInt64 = 0x44_BC2C_F5AD
  private static let hashOfMinusTwo: UInt64 = 0xc2e4aa14d7

  @Test("Packed blocks: equal, dense, sparse, extreme keys and positions")
  func blocks() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("key block seed \(seed)")
    var random = SplitMix64(seed: seed)
    let counts = [1, 2, 63, 64, 65, 1023, 1024]
    for count in counts {
      let samples: [[UInt64]] = [
        [UInt64](repeating: 7, count: count), [UInt64](repeating: .max, count: count),
        (0..<count).map { UInt64($0) }, (0..<count).map { UInt64($0) * 1_000_003 + 5 },
        (0..<count).map { $0 == count - 1 ? .max : 0 },
        (0..<count).map { $0 < count / 2 ? UInt64($0) : .max - UInt64(count - $0) },
        (0..<count).map { _ in random.next() }.sorted(),
        (0..<count).map { _ in random.next() % 100 }.sorted(),
        (0..<count).map { _ in random.next() >> 24 }.sorted(),
      ]
      let places: [[UInt32]] = [
        (0..<count).map { UInt32($0) }, (0..<count).map { .max - UInt32($0) },
        (0..<count).map { _ in UInt32(random.next() % 4_194_304) },
        (0..<count).map { $0 % 2 == 0 ? 0 : .max }, [UInt32](repeating: 9, count: count),
      ]
      for keys in samples {
        for positions in places {
          var bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
          KeyRunBlock.append(keys: keys, positions: positions, count: count, to: &bytes)
          #expect(bytes.count % 8 == 0)
          let decoded = decode(Array(bytes[8...]), keys[0], count)
          #expect(decoded?.keys == keys && decoded?.positions == positions)
          #expect(decode(Array(bytes[8...]), keys[0], count + 1) == nil)
          #expect(decode(Array(bytes[8...].dropLast(8)), keys[0], count) == nil)
          // Damage below the checksum: any answer, no trap.
          bytes[8 + Int(random.next() % UInt64(bytes.count - 8))] ^= UInt8(1 + random.next() % 255)
          _ = decode(Array(bytes[8...]), keys[0], count)
        }
      }
    }
  }

  private func decode(
    _ bytes: [UInt8], _ first: UInt64, _ count: Int
  ) -> (keys: [UInt64], positions: [UInt32])? {
    var keys = [UInt64](repeating: 0, count: count)
    var positions = [UInt32](repeating: 0, count: count)
    let isGood = bytes.withUnsafeBytes { raw in
      KeyRunBlock.decode(
        raw, firstKey: first, count: count, positionLimit: 1 << 32, keys: &keys,
        positions: &positions)
    }
    return isGood ? (keys, positions) : nil
  }

  @Test("Golden bytes of a block, fences and their directory")
  func golden() {
    func hex(_ bytes: [UInt8]) -> String {
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    var bytes: [UInt8] = []
    KeyRunBlock.append(
      keys: [5, 8, 20, 20], positions: [70, 64, 65, 90], count: 4, to: &bytes)
    #expect(hex(bytes) == GoldenBytes.keyRunBlock)
    let fences = KeyRunFences(
      firstKeys: [5, 1 << 63], checksums: [0xABCD, 0x1234], offsets: [0, 32], byteCount: 64)
    #expect(hex(fences.encoded()) == GoldenBytes.keyRunFences)
    var writer = ByteWriter()
    let run = SegmentKeyRun(
      columns: [3, 1], form: .hashes, entryCount: 1028, repeatCount: 2, offset: 128, byteCount: 64,
      fences: BlockLocation(offset: 192, byteCount: 40, checksum: 0xFEED))
    run.encode(to: &writer)
    #expect(hex(writer.bytes) == GoldenBytes.segmentKeyRun)
  }

  @Test("Probes find what a dictionary has, few keys and many, repeated ones over blocks")
  func probes() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("key probe seed \(seed)")
    var random = SplitMix64(seed: seed)
    for range in [3, 40, 20_000, 1 << 40] as [UInt64] {
      let rows = (0..<6000).map { _ in Value.integer(Int128(random.next() % range)) }
      let (_, reader) = try KeyRunTests.segment([.bigint], [rows])
      let run = try #require(reader.keyRun(of: [1]))
      var positions: [Int128: [Int]] = [:]
      for (position, row) in rows.enumerated() {
        if case .integer(let value) = row { positions[value, default: []].append(position) }
      }
      for keyCount in [1, 7, 5000] {
        var wanted = (0..<keyCount).map { _ in Int64(random.next() % (range + 2)) - 1 }
        if let known = positions.keys.randomElement(using: &random) { wanted.append(Int64(known)) }
        wanted.sort()
        let keys = wanted.map { KeyNumbers.number($0) }
        let probe = try KeyRunProbe(run, keyCount: keyCount)
        var found = [[Int]](repeating: [], count: keys.count)
        // In two calls.
        let middle = keys.count / 2
        for part in [0..<middle, middle..<keys.count] {
          try keys.withUnsafeBufferPointer { all in
            try probe.find(UnsafeBufferPointer(rebasing: all[part])) { index, position in
              found[part.lowerBound + index].append(position)
            }
          }
        }
        #expect(found == wanted.map { positions[Int128($0)] ?? [] })
      }
    }
  }

  @Test("Every flipped byte of a run is a typed error and a finding")
  func damage() throws {
    let system = SimulatedFileSystem()
    let rows = (0..<3000).map { Value.integer(Int128($0 * 7919 % 3001)) }
    let (store, reader) = try KeyRunTests.segment([.integer], [rows], system: system)
    let directory = try #require(reader.footer.keyRuns.first)
    let path = reader.path
    let start = Int(directory.offset)
    let end = Int(directory.fences.offset) + Int(directory.fences.byteCount)
    let file = try system.open(path, .update)
    let original = try system.readAll(path)
    for place in stride(from: start, to: end, by: 13) {
      try file.write([original[place] ^ 0x10], at: UInt64(place))
      let report = try verify(store, isDeep: false)
      #expect(!report.findings.isEmpty, "offset \(place)")
      let cold = try SegmentReader.open(
        reader.description, path: path, fileSystem: system, warehouse: fixedID,
        cache: ChunkCache(budget: MemoryBudget(limit: 0)))
      let run = try #require(cold.keyRun(of: [1]))
      let isPadding =
        place >= start + Int(directory.byteCount) && place < Int(directory.fences.offset)
      if !isPadding {
        #expect(throws: StoaError.self) {
          let merge = try KeyRunMerge([run])
          while try merge.next(4096) {}
        }
      }
      try file.write([original[place]], at: UInt64(place))
    }
    #expect(try verify(store, isDeep: true).findings.isEmpty)
  }

  @Test("Tables have runs for the keys their order does not find")
  func whichKeys() {
    var table = KeyRunTests.table([.integer, .integer, .integer])
    table.keys = [
      KeyDefinition(columns: [1], isPrimary: true),
      KeyDefinition(columns: [3, 2], isPrimary: false),
      KeyDefinition(columns: [2, 3], isPrimary: false),
    ]
    #expect(table.runKeys == [[1], [3, 2]])
    table.sortKey = [1]
    #expect(table.runKeys == [[3, 2]])
    table.sortKey = [2, 3, 1]
    #expect(table.runKeys == [[1]])
    table.sortKey = [2, 1]
    #expect(table.runKeys == [[1], [3, 2]])
  }
}
