import Vectors

@testable import Encodings

/// A small deterministic generator, so that failures can be repeated from the printed seed.
struct Random: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed &* 2 &+ 1 }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    var value = state
    value ^= value >> 33
    value = value &* 0xFF51_AFD7_ED55_8CCD
    value ^= value >> 33
    return value
  }

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

/// One column of values for the conformance suite.
struct Sample {
  let name: String
  let type: LogicalType
  let values: [Value]

  var vector: Vector { Vector.make(type, values) }
}

enum Samples {
  static let types: [LogicalType] = [
    .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double, .varchar,
  ]

  /// Value number `rank` of a type: equal ranks are equal values, greater ranks greater values.
  static func value(_ type: LogicalType, _ rank: Int) -> Value {
    switch type.physical {
    case .bool: return .boolean(rank % 2 != 0)
    case .int8: return .integer(Int128(rank % 120))
    case .int16: return .integer(Int128(rank % 30_000) - 300)
    case .int32: return .integer(Int128(rank) * 3 - 70_000)
    case .int64: return .integer(Int128(rank) * 1_000_003 - 5_000_000_000)
    case .int128: return .integer(Int128(rank) << 70)
    case .float32: return .double(Double(Float(rank) * 0.5 - 10))
    case .float64: return .double(Double(rank) * 0.01 - 3)
    case .string:
      let digits = String(rank)
      let padded = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
      return .string(rank % 3 == 0 ? padded : padded + " and a longer tail")
    }
  }

  static func extremes(_ type: LogicalType) -> [Value] {
    switch type.physical {
    case .bool: [.boolean(false), .boolean(true)]
    case .int8: [.integer(-128), .integer(127), .integer(0)]
    case .int16: [.integer(Int128(Int16.min)), .integer(Int128(Int16.max)), .integer(-1)]
    case .int32: [.integer(Int128(Int32.min)), .integer(Int128(Int32.max)), .integer(0)]
    case .int64: [.integer(Int128(Int64.min)), .integer(Int128(Int64.max)), .integer(1)]
    case .int128: [.integer(.min), .integer(.max), .integer(0)]
    case .float32:
      [.double(-.infinity), .double(.infinity), .double(.nan), .double(0), .double(-0.0)]
    case .float64:
      [
        .double(-.infinity), .double(.infinity), .double(.nan), .double(0), .double(-0.0),
        .double(.leastNonzeroMagnitude),
      ]
    case .string:
      [
        .string(""), .string(String(repeating: "ÿ", count: 300)), .string("exactly twelve"),
        .string("a"),
      ]
    }
  }

  /// The shapes of issue and design: every edge once.
  static func all(_ type: LogicalType, rows full: Int) -> [Sample] {
    var random = Random(seed: 7)
    func make(_ name: String, _ count: Int, _ body: (Int) -> Value) -> Sample {
      Sample(name: name, type: type, values: (0..<count).map(body))
    }
    let extremes = extremes(type)
    return [
      make("empty", 0) { _ in .null },
      make("one", 1) { _ in value(type, 5) },
      make("one NULL", 1) { _ in .null },
      make("all NULL", 1500) { _ in .null },
      make("all equal", 1300) { _ in value(type, 41) },
      make("equal with NULLs", 1300) { $0 % 7 == 0 ? .null : value(type, 41) },
      make("extremes", 2050) { extremes[$0 % extremes.count] },
      make("extremes and NULLs", 1030) { $0 % 5 == 1 ? .null : extremes[$0 % extremes.count] },
      make("block - 1", 1023) { _ in value(type, random.below(90)) },
      make("block", 1024) { _ in value(type, random.below(90)) },
      make("block + 1", 1025) { _ in value(type, random.below(90)) },
      make("NULLs at both ends", 3000) {
        $0 < 1100 || $0 > 2900 ? .null : value(type, random.below(50))
      },
      make("sorted", full) { value(type, $0 / 2) },
      make("runs", full) { value(type, $0 / 100 % 37) },
      make("outliers", 4000) {
        $0 % 500 == 3 ? extremes[$0 % extremes.count] : value(type, $0 % 4)
      },
      make("random", full) { _ in value(type, random.below(20_000)) },
      make("random NULLs", full) { _ in
        random.below(3) == 0 ? .null : value(type, random.below(300))
      },
    ]
  }
}

/// Opens what was encoded.
func open(
  _ chunk: EncodedChunk, _ type: LogicalType, _ rows: Int, dictionary: Vector? = nil
) throws -> ColumnChunk {
  try ColumnChunk.open(
    bytes: chunk.bytes.bytes, owner: chunk.bytes, type: type, rowCount: rows,
    dictionary: dictionary, location: ChunkLocation(path: "test", column: "c"))
}
