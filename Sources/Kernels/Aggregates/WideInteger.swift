// Exact arithmetic for the end of an aggregate: numbers of any width, divided once and rounded once to the
// nearest DOUBLE (ties to even). Runs once per group, never per row.

/// The number ± digits × 2^exponent, with digits in base 2^32, lowest first. `hasFraction` says that a
/// division dropped something between 0 and 1 units of the lowest digit.
struct WideInteger {
  var digits: [UInt32]
  var exponent: Int
  var isNegative: Bool
  var hasFraction = false
  private var isExtended = false

  init(digits: [UInt32], exponent: Int, isNegative: Bool) {
    self.digits = digits
    self.exponent = exponent
    self.isNegative = isNegative
    trim()
  }

  init(_ magnitude: UInt128, high: UInt64 = 0, exponent: Int = 0, isNegative: Bool = false) {
    var digits: [UInt32] = []
    var rest = magnitude
    for _ in 0..<4 {
      digits.append(UInt32(truncatingIfNeeded: rest))
      rest >>= 32
    }
    digits.append(UInt32(truncatingIfNeeded: high))
    digits.append(UInt32(truncatingIfNeeded: high >> 32))
    self.init(digits: digits, exponent: exponent, isNegative: isNegative)
  }

  init(_ value: Int128) { self.init(value.magnitude, isNegative: value < 0) }

  var isZero: Bool { digits.isEmpty }

  /// Zero digits at both ends say nothing.
  private mutating func trim() {
    while digits.last == 0 { digits.removeLast() }
    let zeros = digits.prefix { $0 == 0 }.count
    if zeros > 0 {
      digits.removeFirst(zeros)
      exponent += 32 * zeros
    }
  }

  /// The exact product.
  func times(_ other: WideInteger) -> WideInteger {
    var product = [UInt32](repeating: 0, count: digits.count + other.digits.count + 1)
    for (index, digit) in digits.enumerated() {
      var carry: UInt64 = 0
      for (place, factor) in other.digits.enumerated() {
        let sum = UInt64(digit) * UInt64(factor) + UInt64(product[index + place]) + carry
        product[index + place] = UInt32(truncatingIfNeeded: sum)
        carry = sum >> 32
      }
      product[index + other.digits.count] = UInt32(truncatingIfNeeded: carry)
    }
    return WideInteger(
      digits: product, exponent: exponent + other.exponent,
      isNegative: isNegative != other.isNegative)
  }

  /// `self - other` for numbers that are not negative; nil when the difference would be.
  func minus(_ other: WideInteger) -> WideInteger? {
    let low = min(isZero ? other.exponent : exponent, other.isZero ? exponent : other.exponent)
    var left = aligned(to: low)
    let right = other.aligned(to: low)
    if left.count < right.count { left += [UInt32](repeating: 0, count: right.count - left.count) }
    var borrow: Int64 = 0
    for index in left.indices {
      let take = index < right.count ? Int64(right[index]) : 0
      let difference = Int64(left[index]) - take - borrow
      left[index] = UInt32(truncatingIfNeeded: difference)
      borrow = difference < 0 ? 1 : 0
    }
    if borrow != 0 { return nil }
    return WideInteger(digits: left, exponent: low, isNegative: false)
  }

  /// `self + other` for numbers that are not negative.
  func plus(_ other: WideInteger) -> WideInteger {
    let low = min(isZero ? other.exponent : exponent, other.isZero ? exponent : other.exponent)
    let left = aligned(to: low)
    let right = other.aligned(to: low)
    var sum: [UInt32] = []
    var carry: UInt64 = 0
    for index in 0..<max(left.count, right.count) {
      let a = index < left.count ? UInt64(left[index]) : 0
      let b = index < right.count ? UInt64(right[index]) : 0
      let total = a + b + carry
      sum.append(UInt32(truncatingIfNeeded: total))
      carry = total >> 32
    }
    sum.append(UInt32(truncatingIfNeeded: carry))
    return WideInteger(digits: sum, exponent: low, isNegative: false)
  }

  /// Digits of the same number with a lowest exponent of `low`, at most `exponent`.
  private func aligned(to low: Int) -> [UInt32] {
    guard !isZero else { return [] }
    let shift = exponent - low
    var result = [UInt32](repeating: 0, count: shift / 32)
    let bits = UInt64(shift % 32)
    var carry: UInt64 = 0
    for digit in digits {
      let shifted = UInt64(digit) << bits | carry
      result.append(UInt32(truncatingIfNeeded: shifted))
      carry = shifted >> 32
    }
    result.append(UInt32(truncatingIfNeeded: carry))
    return result
  }

  /// Divides. The first division appends 512 bits below, enough for divisors of 448 bits altogether: later ones
  /// then divide whole units, and ⌊⌊x / a⌋ / b⌋ = ⌊x / ab⌋ keeps the quotient exact up to `hasFraction`.
  func divided(by divisor: UInt64) -> WideInteger {
    guard divisor > 1, !isZero else { return self }
    var result = self
    if !isExtended {
      result.digits = [UInt32](repeating: 0, count: 16) + digits
      result.exponent -= 512
      result.isExtended = true
    }
    var remainder: UInt64 = 0
    for index in result.digits.indices.reversed() {
      let part = UInt128(remainder) << 32 | UInt128(result.digits[index])
      let (quotient, rest) = part.quotientAndRemainder(dividingBy: UInt128(divisor))
      result.digits[index] = UInt32(truncatingIfNeeded: quotient)
      remainder = UInt64(truncatingIfNeeded: rest)
    }
    while result.digits.last == 0 { result.digits.removeLast() }
    result.hasFraction = hasFraction || remainder != 0
    return result
  }

  /// ± magnitude × 2^exponent ÷ divisor, rounded once.
  static func quotient(
    _ magnitude: UInt128, exponent: Int, by divisor: UInt64, isNegative: Bool
  ) -> Double {
    guard magnitude != 0 else { return 0 }
    let shift = magnitude.leadingZeroBitCount
    // At least 64 bits of quotient remain.
    let (quotient, remainder) = (magnitude << UInt128(shift))
      .quotientAndRemainder(dividingBy: UInt128(divisor))
    return round(
      quotient, exponent: exponent - shift, hasFraction: remainder != 0, isNegative: isNegative)
  }

  /// Divides by 10^power.
  func dividedByPowerOfTen(_ power: Int) -> WideInteger {
    var result = self
    var left = power
    while left > 0 {
      let step = min(left, 18)
      result = result.divided(by: (0..<step).reduce(1) { value, _ in value * 10 })
      left -= step
    }
    return result
  }

  /// The nearest DOUBLE, infinite past the largest.
  func rounded() -> Double {
    guard !isZero else { return 0 }
    let top = digits.suffix(4)
    var magnitude: UInt128 = 0
    for digit in top.reversed() { magnitude = magnitude << 32 | UInt128(digit) }
    let dropped = digits.count - top.count
    let isInexact = hasFraction || digits.prefix(dropped).contains { $0 != 0 }
    return WideInteger.round(
      magnitude, exponent: exponent + 32 * dropped, hasFraction: isInexact, isNegative: isNegative)
  }

  /// The DOUBLE nearest to ± magnitude × 2^exponent, where `hasFraction` adds less than one unit; then the
  /// magnitude must have at least 55 bits.
  static func round(
    _ magnitude: UInt128, exponent: Int, hasFraction: Bool = false, isNegative: Bool
  ) -> Double {
    guard magnitude != 0 else { return 0 }
    let bits = 128 - magnitude.leadingZeroBitCount
    let lowest = max(bits - 53 + exponent, -1074)
    let dropped = lowest - exponent
    var significand: UInt64
    if dropped <= 0 {
      significand = UInt64(truncatingIfNeeded: magnitude << UInt128(-dropped))
    } else {
      significand = UInt64(truncatingIfNeeded: magnitude >> UInt128(dropped))
      let isHalf = (magnitude >> UInt128(dropped - 1)) & 1 == 1
      let below: UInt128 = dropped > 128 ? .max : ((1 as UInt128) << UInt128(dropped - 1)) &- 1
      if isHalf && (magnitude & below != 0 || hasFraction || significand & 1 == 1) {
        significand += 1
      }
    }
    let result = Double(
      sign: .plus, exponent: lowest, significand: Double(significand))
    return isNegative ? -result : result
  }

  /// sum ÷ (count × 10^scale), rounded once.
  static func average(_ sum: Int128, count: Int64, scale: Int) -> Double {
    if sum.magnitude < 1 << 53, count < 1 << 53, scale <= 15 {
      let power = powersOfTen[scale]
      let (divisor, overflow) = power.multipliedReportingOverflow(by: count)
      // Both sides are exact doubles here, so one division rounds once.
      if !overflow && divisor < 1 << 53 {
        return Double(Int64(truncatingIfNeeded: sum)) / Double(divisor)
      }
    }
    if scale <= 15 {
      let power = UInt64(powersOfTen[scale])
      let (divisor, overflow) = power.multipliedReportingOverflow(by: UInt64(count))
      if !overflow {
        return quotient(sum.magnitude, exponent: 0, by: divisor, isNegative: sum < 0)
      }
    }
    return WideInteger(sum).divided(by: UInt64(count)).dividedByPowerOfTen(scale).rounded()
  }

  private static let powersOfTen: [Int64] = (0...15).map { power in
    (0..<power).reduce(1) { value, _ in value * 10 }
  }
}
