import Testing
import Vectors

@testable import Encodings

/// Damaged bytes must end in an error or in some values, never in a trap, a hang or a read outside the chunk.
@Suite struct FuzzTests {
  /// Runs every kind of operation on a chunk that may be damaged.
  static func exercise(_ chunk: ColumnChunk) throws {
    let count = chunk.rowCount
    let vector = try chunk.decode(rows: 0..<count)
    _ = vector.flattened()
    for row in stride(from: 0, to: count, by: 97) { _ = vector.value(at: row) }
    let sparse = ConformanceTests.selection(Array(stride(from: 3, to: count, by: 301)))
    _ = try chunk.gather(sparse).allValues
    let dense = ConformanceTests.selection(Array(stride(from: 0, to: count, by: 2)))
    _ = try chunk.gather(dense)
    let selection = SelectionVector()
    var kinds: [ColumnFilter.Kind] = [
      .isNull, .entries { v throws(StoaError) in (0..<v.count).map { $0 % 2 == 0 } },
    ]
    switch chunk.type.physical {
    case .string:
      kinds += [.comparison(.less, .string("m")), .oneOf([.string("a"), .string("b")])]
    case .float32, .float64:
      kinds += [.comparison(.greater, .double(1)), .oneOf([.double(0), .double(2)])]
    default:
      let table = KeyTable(minimum: -100, count: 300)
      table.insert(5)
      kinds += [
        .comparison(.less, .integer(10)), .comparison(.notEqual, .integer(3)),
        .keySet(KeySet([1, 5, 1 << 40])),
      ]
      if chunk.type.physical != .bool { kinds.append(.keyTable(table)) }
    }
    for kind in kinds {
      let filter = ColumnFilter(kind)
      try chunk.select(filter, rows: 0..<count, into: selection)
      for index in 0..<selection.count where Int(selection.positions[index]) >= count {
        Issue.record("row \(selection.positions[index]) of \(count)")
      }
      ConformanceTests.fill(selection, sparse.array)
      try chunk.refine(filter, selection)
    }
    _ = try chunk.sum()
    _ = try chunk.minMax()
    if let domain = try chunk.groupDomain(limit: 70_000) {
      let target = Buffer(byteCount: (count + 1024) * 4)
      try chunk.groupCodes(domain, rows: 0..<count, into: target.typed(UInt32.self))
      for row in 0..<count where target.typed(UInt32.self)[row] >= UInt32(domain.count) {
        Issue.record("a group code outside its domain")
      }
    }
  }

  /// Changes `bytes` at random: flipped bits, bytes set to extremes, whole fields, copies of other places.
  static func damage(_ bytes: Buffer, _ random: inout Random) -> Buffer {
    let copy = Buffer(copying: bytes.bytes)
    let raw = copy.typed(UInt8.self)
    for _ in 0...random.below(3) {
      // Headers are where damage hurts, so half of it goes there.
      let at =
        random.below(2) == 0
        ? random.below(bytes.byteCount) : random.below(min(160, bytes.byteCount))
      switch random.below(5) {
      case 0: raw[at] ^= UInt8(1 << random.below(8))
      case 1: raw[at] = [0, 0xFF, 0x7F, 0x80][random.below(4)]
      case 2: raw[at] = UInt8(truncatingIfNeeded: random.next())
      case 3: for index in at..<min(at + 4, bytes.byteCount) { raw[index] = 0xFF }
      default:
        let from = random.below(bytes.byteCount)
        for index in 0..<min(8, bytes.byteCount - max(at, from)) {
          raw[at + index] = raw[from + index]
        }
      }
    }
    return copy
  }

  @Test("damaged chunks of every encoding and type are errors or values", arguments: Samples.types)
  func chunks(type: LogicalType) throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("fuzz seed \(seed) for \(type)")
    var random = Random(seed: seed)
    for sample in Samples.all(type, rows: 2300) where sample.values.count != 1023 {
      for forced in [nil] + EncodingID.allCases.map(Optional.some) {
        let encoded = try ChunkEncoder.encode(sample.vector, forced: forced)
        for round in 0..<12 {
          let bytes = Self.damage(encoded.bytes, &random)
          let length = round % 4 == 3 ? random.below(bytes.byteCount) : bytes.byteCount
          do {
            let chunk = try ColumnChunk.open(
              bytes: UnsafeRawBufferPointer(rebasing: bytes.bytes[..<length]), owner: bytes,
              type: type, rowCount: sample.values.count)
            try Self.exercise(chunk)
          } catch let error as StoaError {
            #expect(error.kind == .corruption, "seed \(seed): \(error)")
          }
        }
      }
    }
  }

  @Test("damaged bitmaps and indexes are errors or values")
  func blobs() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("fuzz seed \(seed)")
    var random = Random(seed: seed)
    let codes = (0..<5000).map { UInt16($0 / 100 % 4) }
    var builder = BitmapIndexBuilder()
    let rows = try #require(
      ValueRows(
        codes: codes, count: codes.count, codeCount: 4, validity: nil, byteLimit: .max))
    builder.append(rows, numbers: [0, 1, 2, 3])
    let index = try builder.finish(
      codes: [3, 1, 0, 2], entries: Vector.make(.integer, (0..<4).map { .integer($0 * 9) }))
    let bits = RowBits()
    let bitmap = CompressedBitmap(rows: stride(from: 0, to: 100_000, by: 7)).serialized()
    for _ in 0..<400 {
      let damagedIndex = Self.damage(index, &random)
      do {
        let opened = try BitmapIndex(
          bytes: damagedIndex.bytes, owner: damagedIndex, type: .integer)
        for code in 0...min(4, opened.entryCount) where opened.rowGroupCount > 0 {
          _ = try opened.rows(code: code, rowGroup: 0)
          _ = try opened.cost([code], rowGroup: 0)
          try opened.insert([code], rowGroup: 0, into: bits)
        }
        if let entries = opened.entries {
          _ = try opened.verdict(ColumnFilter(.equal, .integer(9)), entries: entries)
        }
      } catch { #expect(error.kind == .corruption, "seed \(seed): \(error)") }
      do {
        let opened = try CompressedBitmap.open(
          Self.damage(bitmap, &random).bytes, rowCounts: [65_536, 34_464])
        opened.forEach { if $0 >= 100_000 { Issue.record("row \($0) of 100,000") } }
      } catch { #expect(error.kind == .corruption, "seed \(seed): \(error)") }
    }
  }
}
