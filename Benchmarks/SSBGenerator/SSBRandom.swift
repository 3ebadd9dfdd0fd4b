/// Random numbers that depend on (seed, table, unit) alone, so that any range of any table can be generated
/// by itself, by any thread. SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014) started at a mixed counter.
struct SSBRandom {
  private var state: UInt64

  @inline(__always)
  init(seed: UInt64, table: UInt64, unit: UInt64) {
    state = SSBRandom.mix(SSBRandom.mix(seed &+ table &* 0x9e37_79b9_7f4a_7c15) ^ unit)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  @inline(__always)
  mutating func next() -> UInt64 {
    defer { state &+= 0x9e37_79b9_7f4a_7c15 }
    return SSBRandom.mix(state)
  }

  /// Uniform in `low...high` (the bias of the multiplication is below 2^-32 for these ranges).
  @inline(__always)
  mutating func uniform(_ low: Int, _ high: Int) -> Int {
    let span = UInt64(high &- low &+ 1)
    return low &+ Int(truncatingIfNeeded: next().multipliedFullWidth(by: span).high)
  }
}
