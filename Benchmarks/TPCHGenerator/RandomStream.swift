/// One of the streams of random numbers of TPC-H's data generator: each column has its own, and each row uses the same
/// share of it, so that any row can be made by itself.
///
/// x' = 16807 x mod (2^31 − 1): Park and Miller, "Random number generators: good ones are hard to find", Communications
/// of the ACM, 1988.
struct RandomStream {
  private static let multiplier: Int64 = 16_807
  private static let modulus: Int64 = 2_147_483_647
  /// Steps to skip after most rows: `skips[k]` is the multiplier to the power of k.
  private static let skips: [Int64] = {
    var powers: [Int64] = [1]
    for _ in 0..<128 { powers.append(powers[powers.count - 1] * multiplier % modulus) }
    return powers
  }()

  private var state: Int64
  private let usesPerRow: Int
  private var uses = 0

  /// The stream at the row of number `row`, counted from 0.
  init(seed: Int64, usesPerRow: Int = 1, row: Int = 0) {
    state = seed
    self.usesPerRow = usesPerRow
    var count = usesPerRow * row
    var power = RandomStream.multiplier
    while count > 0 {
      if count & 1 != 0 { state = state * power % RandomStream.modulus }
      power = power * power % RandomStream.modulus
      count >>= 1
    }
  }

  @inline(__always)
  private mutating func step() {
    state = state * RandomStream.multiplier % RandomStream.modulus
    uses &+= 1
  }

  /// Uniform in `low...high`, as the generator rounds.
  @inline(__always)
  mutating func next(_ low: Int, _ high: Int) -> Int {
    step()
    let share = Double(state) / Double(RandomStream.modulus)
    return low &+ Int(share * Double(high &- low &+ 1))
  }

  /// Random bits for five letters, of six bits each from the lowest on. The published generator asks for 0…2^31 − 1,
  /// whose count overflows 32 bits and turns the number negative.
  @inline(__always)
  mutating func nextBits(_ variant: TPCHVariant) -> Int {
    step()
    let bits = Int(Double(state) / Double(RandomStream.modulus) * 2_147_483_648.0)
    return variant == .published ? -bits : bits
  }

  /// Goes on to the next row.
  @inline(__always)
  mutating func endRow() {
    let rest = usesPerRow &- uses
    uses = 0
    if rest == 0 { return }
    state = state * RandomStream.skips[rest] % RandomStream.modulus
  }
}
