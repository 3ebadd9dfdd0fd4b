/// Decimals as binary floating point, rounded once. One division is enough while both numbers are exact as DOUBLE
/// (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990); the others are divided bit by bit.
public struct DecimalQuotient: Sendable {
  @usableFromInline let scale: Int
  private let power: UInt128
  @usableFromInline let powerAsDouble: Double

  /// - Parameter scale: digits behind the point, 0…38.
  public init(scale: Int) {
    self.scale = scale
    power = UInt128(PowersOfTen.integer(scale))
    powerAsDouble = PowersOfTen.double(scale)
  }

  /// The number nearest to `value` / 10^scale, ties to even.
  @inlinable @inline(__always)
  public func double(_ value: Int64) -> Double {
    scale <= 22 && value.magnitude <= 1 << 53
      ? Double(value) / powerAsDouble : double(Int128(value))
  }

  /// The number nearest to `value` / 10^scale, ties to even.
  public func double(_ value: Int128) -> Double {
    if scale <= 22, value.magnitude <= 1 << 53 { return Double(Int64(value)) / powerAsDouble }
    let (bits, exponent) = divided(value.magnitude)
    let result = Double(sign: .plus, exponent: exponent, significand: Double(bits))
    return value < 0 ? -result : result
  }

  /// The REAL nearest to `value` / 10^scale, ties to even.
  public func real(_ value: Int128) -> Float {
    if scale <= 22, value.magnitude <= 1 << 53 {
      let quotient = Double(Int64(value)) / powerAsDouble
      // Rounding twice differs from once only halfway between two neighbours.
      if quotient.bitPattern & 0x1FFF_FFFF != 0x1000_0000 { return Float(quotient) }
    }
    let (bits, exponent) = divided(value.magnitude)
    let result = Float(sign: .plus, exponent: exponent, significand: Float(bits))
    return value < 0 ? -result : result
  }

  /// The first bits of the quotient, at least 56 unless it is zero; the last one is set when bits behind it are cut off, so
  /// that rounding it to fewer bits rounds the quotient. Times 2^exponent.
  @inline(never)
  private func divided(_ value: UInt128) -> (bits: UInt64, exponent: Int) {
    guard value > 0 else { return (0, 0) }
    var (quotient, rest) = value.quotientAndRemainder(dividingBy: power)
    var exponent = 0
    // The rest is below 10^38 and can be doubled.
    while quotient < 1 << 56 && (rest > 0 || quotient == 0) {
      quotient <<= 1
      rest <<= 1
      exponent -= 1
      if rest >= power {
        rest -= power
        quotient |= 1
      }
    }
    var isCut = rest > 0
    let excess = max(0, 128 - quotient.leadingZeroBitCount - 62)
    if excess > 0 {
      isCut = isCut || quotient & ((1 << UInt128(excess)) - 1) != 0
      quotient >>= UInt128(excess)
      exponent += excess
    }
    return (UInt64(truncatingIfNeeded: quotient) | (isCut ? 1 : 0), exponent)
  }
}
