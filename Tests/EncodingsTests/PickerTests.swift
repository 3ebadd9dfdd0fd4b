import Testing
import Vectors

@testable import Encodings

/// What the picker chooses, by the shape of the values.
@Suite struct PickerTests {
  static let rows = 65_536

  static func picked(_ values: [Value], _ type: LogicalType) throws -> EncodedChunk {
    let vector = Vector.make(type, values)
    let encoded = try ChunkEncoder.encode(vector)
    let chunk = try open(encoded, type, values.count)
    #expect(try chunk.decode(rows: 0..<values.count).flattened().allValues == values)
    return encoded
  }

  @Test("few rows that differ from the others become bitmaps, no larger than any other encoding")
  func sparse() throws {
    var random = Random(seed: 21)
    let shapes: [(String, LogicalType, (Int) -> Value)] = [
      ("rare flag", .boolean, { _ in .boolean(random.below(50) == 0) }),
      (
        "rare states", .integer,
        { _ in .integer(random.below(40) == 0 ? Int128(random.below(9)) * 1000 : 77) }
      ),
      (
        "rare amounts", .decimal(precision: 15, scale: 2),
        { _ in .integer(random.below(100) == 0 ? Int128(random.below(30)) << 33 : 0) }
      ),
      (
        "rare and NULL", .bigint,
        { row in
          row % 7 == 3 ? .null : .integer(random.below(60) == 0 ? Int128(random.below(5)) : 5)
        }
      ),
    ]
    for (name, type, value) in shapes {
      let values = (0..<Self.rows).map(value)
      let encoded = try Self.picked(values, type)
      #expect(encoded.encoding == .bitmap, "\(name): \(encoded.encoding)")
      let vector = Vector.make(type, values)
      for other in EncodingID.allCases where ![.bitmap, .constant, .zstd].contains(other) {
        let forced = try ChunkEncoder.encode(vector, forced: other)
        // A single exceptional value is patched as small, but cannot be filtered without decoding.
        #expect(encoded.byteCount <= forced.byteCount * 51 / 50, "\(name): \(other)")
      }
    }
  }

  @Test("values that bitmaps would make larger or slower to read never become bitmaps")
  func others() throws {
    var random = Random(seed: 22)
    let shapes: [(String, (Int) -> Int)] = [
      ("two values at random", { _ in random.below(2) }),
      ("one of five differs", { _ in random.below(5) == 0 ? 1 : 0 }),
      ("five values in turn", { $0 % 5 }),
      ("long runs", { $0 / 3000 % 4 }),
      ("sorted", { $0 / 100 }),
      ("random", { _ in random.below(100_000) }),
      ("half of the rows in stretches", { $0 / 50 % 2 == 0 ? 0 : $0 / 50 % 9 }),
      ("few rows of many values", { _ in random.below(50) == 0 ? random.below(1 << 40) : 0 }),
    ]
    for (name, value) in shapes {
      let values = (0..<Self.rows).map { Value.integer(Int128(value($0))) }
      #expect(try Self.picked(values, .bigint).encoding != .bitmap, "\(name)")
    }
  }

  @Test("codes of a dictionary become bitmaps too where one entry has most rows")
  func codes() throws {
    let entries = Vector.make(.varchar, ["a", "b", "c"].map { .string($0) })
    var random = Random(seed: 24)
    let codes = (0..<Self.rows).map { _ -> UInt32 in
      random.below(41) == 0 ? UInt32(random.below(2)) * 2 : 1
    }
    let encoded = try ChunkEncoder.encode(
      codes: codes, count: codes.count, validity: nil, dictionary: entries)
    let chunk = try open(encoded, .varchar, codes.count, dictionary: entries)
    #expect(chunk.summary.contains("BITMAP"), "\(chunk.summary)")
    let selection = SelectionVector()
    try chunk.select(ColumnFilter(.equal, .string("c")), rows: 0..<codes.count, into: selection)
    #expect(selection.array == codes.indices.filter { codes[$0] == 2 })
    try chunk.select(ColumnFilter(.notEqual, .string("c")), rows: 0..<codes.count, into: selection)
    #expect(selection.array == codes.indices.filter { codes[$0] != 2 })
  }

  @Test(
    "every encoding is picked for some column, and used when it is forced",
    arguments: EncodingID.allCases)
  func all(id: EncodingID) throws {
    var random = Random(seed: 23)
    var at = 0
    let values: [Value] = (0..<20_000).map { row in
      switch id {
      case .constant: .integer(7)
      case .runLength: .integer(Int128(row / 200 % 60))
      case .dictionary: .integer(Int128(random.below(6)) * 1_000_000_007)
      case .bitmap: .integer(random.below(50) == 0 ? Int128(random.below(5)) : 9)
      case .bitPacked: .integer(Int128(random.below(1000)))
      case .delta:
        .integer(Int128(walk(&at, &random)))
      case .patched:
        .integer(random.below(100) == 0 ? Int128(random.next() >> 20) : Int128(random.below(16)))
      case .plain, .zstd: .string(text(row, id, &random))
      }
    }
    let type: LogicalType = id == .plain || id == .zstd ? .varchar : .bigint
    #expect(try Self.picked(values, type).encoding == id)
    let forced = try ChunkEncoder.encode(Vector.make(type, values), forced: id)
    #expect(forced.encoding == id)
  }

  private func walk(_ at: inout Int, _ random: inout Random) -> Int {
    at += random.below(4)
    return at
  }

  private func text(_ row: Int, _ id: EncodingID, _ random: inout Random) -> String {
    id == .plain
      ? String((0..<12).map { _ in Character(UnicodeScalar(UInt8(33 + random.below(90)))) })
      : "https://example.org/articles/2024/the same words again and again/\(row)"
  }
}
