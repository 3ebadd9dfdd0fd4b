// Exact sums of doubles: a fixed-point number wide enough for every double, so that addition never rounds and
// the order of additions cannot matter. Neal, "Fast exact summation using small and large
// superaccumulators", 2015 (the small one).
//
// Invariants:
// - the sum is Σ chunks[i] × 2^(32 i − 1074); chunks are signed and overlap by their upper halves;
// - an addition changes a chunk by less than 2^53, so 512 of them stay below 2^62 + 2^32.

/// One exact sum of finite doubles, 568 bytes.
final class Superaccumulator {
  /// 2,098 bits of doubles and more than 100 bits of room for counts.
  static let chunkCount = 70
  /// Weight of the lowest bit.
  static let lowestExponent = -1074

  let chunks: UnsafeMutablePointer<Int64>
  private var pendingCount = 0

  init() {
    chunks = .allocate(capacity: Superaccumulator.chunkCount)
    chunks.update(repeating: 0, count: Superaccumulator.chunkCount)
  }

  deinit { chunks.deallocate() }

  /// Adds one finite value.
  @inline(__always)
  func add(_ value: Double) {
    if pendingCount >= 512 { propagate() }
    pendingCount &+= 1
    Superaccumulator.add(value, to: chunks)
  }

  @inline(__always)
  private static func add(_ value: Double, to chunks: UnsafeMutablePointer<Int64>) {
    let bits = value.bitPattern
    let field = Int(truncatingIfNeeded: (bits >> 52) & 0x7ff)
    let fraction = bits & 0x000f_ffff_ffff_ffff
    let significand = field == 0 ? fraction : fraction | 1 << 52
    let position = max(field, 1) &- 1
    let offset = UInt64(truncatingIfNeeded: position & 31)
    let low = Int64(truncatingIfNeeded: (significand &<< offset) & 0xffff_ffff)
    let high = Int64(truncatingIfNeeded: significand &>> (32 &- offset))
    // All ones for negative values: x ^ sign − sign is −x.
    let sign = Int64(bitPattern: bits) >> 63
    let chunk = chunks + (position >> 5)
    chunk[0] &+= (low ^ sign) &- sign
    chunk[1] &+= (high ^ sign) &- sign
  }

  /// Adds ± magnitude × 2^exponent, exponent ≥ −1074 and the value below 2^1150.
  func add(_ magnitude: UInt128, exponent: Int, isNegative: Bool) {
    if pendingCount >= 508 { propagate() }
    pendingCount += 4
    var position = exponent - Superaccumulator.lowestExponent
    var rest = magnitude
    while rest != 0 {
      let piece = UInt64(truncatingIfNeeded: rest) & 0xffff_ffff
      let shifted = piece << UInt64(position & 31)
      let low = Int64(truncatingIfNeeded: shifted & 0xffff_ffff)
      let high = Int64(truncatingIfNeeded: shifted >> 32)
      chunks[position >> 5] &+= isNegative ? -low : low
      chunks[(position >> 5) + 1] &+= isNegative ? -high : high
      rest >>= 32
      position += 32
    }
  }

  /// Adds another sum.
  func add(_ other: Superaccumulator) {
    other.propagate()
    add(chunks: other.chunks)
  }

  /// Adds propagated chunks.
  func add(chunks other: UnsafePointer<Int64>) {
    propagate()
    for index in 0..<Superaccumulator.chunkCount { chunks[index] &+= other[index] }
    pendingCount = 1
  }

  /// Brings every chunk but the highest into 0..<2^32.
  func propagate() {
    var carry: Int64 = 0
    for index in 0..<(Superaccumulator.chunkCount - 1) {
      let value = chunks[index] &+ carry
      chunks[index] = value & 0xffff_ffff
      carry = value >> 32
    }
    chunks[Superaccumulator.chunkCount - 1] &+= carry
    pendingCount = 0
  }

  /// The exact sum.
  var value: WideInteger {
    propagate()
    let count = Superaccumulator.chunkCount
    let isNegative = chunks[count - 1] < 0
    var digits = [UInt32](repeating: 0, count: count + 1)
    var carry: Int64 = 0
    for index in 0..<count {
      let chunk = (isNegative ? 0 &- chunks[index] : chunks[index]) &+ carry
      digits[index] = UInt32(truncatingIfNeeded: chunk)
      carry = chunk >> 32
    }
    digits[count] = UInt32(truncatingIfNeeded: carry)
    return WideInteger(
      digits: digits, exponent: Superaccumulator.lowestExponent, isNegative: isNegative)
  }
}
