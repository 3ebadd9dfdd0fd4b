import Vectors

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Random vectors of every type and form, rich in edges.
enum RandomVectors {
  static let types: [LogicalType] = [
    .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double,
    .decimal(precision: 4, scale: 2), .decimal(precision: 9, scale: 3),
    .decimal(precision: 18, scale: 4), .decimal(precision: 38, scale: 10), .varchar, .date,
    .timestamp,
  ]

  static func value(_ type: LogicalType, _ random: inout SeededRandom, distinct: Int) -> Value {
    let pick = Int128(random.next() % UInt64(distinct))
    let isWide = random.next() % 8 == 0
    switch type.physical {
    case .bool: return .boolean(pick % 2 == 0)
    case .int8: return .integer(isWide ? Int128(Int8.min) + pick % 2 * 255 : pick % 100 - 50)
    case .int16: return .integer(isWide ? Int128(Int16.min) + pick % 2 * 65_535 : pick % 5000 - 9)
    case .int32:
      return .integer(isWide ? Int128(Int32.min) + pick % 2 * 0xffff_ffff : pick - 20)
    case .int64:
      return .integer(
        isWide ? (pick % 2 == 0 ? Int128(Int64.min) : Int128(Int64.max)) : pick * 7 - 99)
    case .int128: return .integer(isWide ? pick << 80 : pick - 1000)
    case .float32: return .double(Double(Float(special(pick, isWide))))
    case .float64: return .double(special(pick, isWide))
    case .string:
      let short = "k\(pick)"
      return .string(isWide ? "a longer common prefix é \(pick)" : pick % 5 == 0 ? "" : short)
    }
  }

  private static func special(_ pick: Int128, _ isWide: Bool) -> Double {
    guard isWide else { return Double(pick) * 0.1 - 3 }
    let edges: [Double] = [0, -0.0, 1e30, -1e-30, .leastNonzeroMagnitude, 1.5, -2.25, 1e15]
    return edges[Int(pick % 8)]
  }

  /// A vector of a random form with about one NULL in `nullEvery` rows (0: none).
  static func vector(
    _ type: LogicalType, count: Int, distinct: Int, nullEvery: UInt64,
    _ random: inout SeededRandom
  ) -> Vector {
    func pick(_ random: inout SeededRandom) -> Value {
      if nullEvery > 0, random.next() % nullEvery == 0 { return .null }
      return value(type, &random, distinct: distinct)
    }
    switch random.next() % 4 {
    case 0:
      return Vector(constant: pick(&random), type: type, count: count)
    case 1:
      var entries: [Value] = []
      for _ in 0..<max(1, distinct) { entries.append(value(type, &random, distinct: distinct)) }
      let codes = Buffer(byteCount: max(1, count * 4))
      var isValid: [Bool] = []
      for row in 0..<count {
        codes.typed(UInt32.self)[row] = UInt32(random.next() % UInt64(entries.count))
        isValid.append(nullEvery == 0 || random.next() % nullEvery != 0)
      }
      return Vector(
        codes: codes, count: count, dictionary: .make(type, entries),
        validity: .make(count: count) { isValid[$0] })
    case 2 where count > 0:
      var ends: [UInt32] = []
      var values: [Value] = []
      while Int(ends.last ?? 0) < count {
        ends.append(UInt32(min(count, Int(ends.last ?? 0) + 1 + Int(random.next() % 9))))
        values.append(pick(&random))
      }
      let buffer = Buffer(byteCount: ends.count * 4)
      for (index, end) in ends.enumerated() { buffer.typed(UInt32.self)[index] = end }
      return Vector(runEnds: buffer, values: .make(type, values), count: count)
    default:
      var values: [Value] = []
      for _ in 0..<count { values.append(pick(&random)) }
      return .make(type, values)
    }
  }
}
