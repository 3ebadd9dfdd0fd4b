import Kernels
import Vectors

/// Sums of the values before each row, in units of a power of two. NULLs add nothing.
struct PrefixSums {
  /// What a unit is worth; 1 for integers.
  let unit: Double
  private let narrow: UnsafeMutablePointer<Int64>?
  private let wide: UnsafeMutablePointer<Int128>
  private let buffer: Buffer

  /// `nil` when sums might not fit.
  init?(_ argument: Vector) {
    let flat = argument.flattened()
    let count = flat.count
    switch flat.type.physical {
    case .int8: self.init(flat, Int8.self)
    case .int16: self.init(flat, Int16.self)
    case .int32: self.init(flat, Int32.self)
    case .int64: self.init(flat, Int64.self)
    case .int128: self.init(wide: flat)
    case .float32:
      let values = flat.base.assumingMemoryBound(to: Float.self)
      self.init(real: count) { flat.isValid($0) ? Double(values[$0]) : 0 }
    case .float64:
      let values = flat.base.assumingMemoryBound(to: Double.self)
      self.init(real: count) { flat.isValid($0) ? values[$0] : 0 }
    case .bool, .string: return nil
    }
    withExtendedLifetime(flat) {}
  }

  /// The sum of rows `lower` to before `upper`.
  @inline(__always)
  func sum(_ lower: Int, _ upper: Int) -> Int128 {
    if let narrow { return Int128(narrow[upper] &- narrow[lower]) }
    return wide[upper] &- wide[lower]
  }

  /// Up to 64 bits a value: 2^32 rows cannot leave 128 bits.
  private init<T: FixedWidthInteger & BitwiseCopyable>(_ flat: Vector, _: T.Type) {
    let count = flat.count
    let values = flat.base.assumingMemoryBound(to: T.self)
    var low: T = 0
    var high: T = 0
    for row in 0..<count {
      low = min(low, values[row])
      high = max(high, values[row])
    }
    let largest = max(Int64(low).magnitude, Int64(high).magnitude)
    unit = 1
    if largest.multipliedReportingOverflow(by: UInt64(count + 1)).overflow
      || largest &* UInt64(count + 1) >= 1 << 62
    {
      buffer = Buffer(of: Int128.self, count: count + 1)
      narrow = nil
      wide = buffer.typed(Int128.self)
      PrefixSums.fill(wide, flat, values) { Int128($0) }
    } else {
      buffer = Buffer(of: Int64.self, count: count + 1)
      let sums = buffer.typed(Int64.self)
      narrow = sums
      wide = buffer.typed(Int128.self)
      PrefixSums.fill(sums, flat, values) { Int64($0) }
    }
  }

  /// 128-bit values that are small enough for their number.
  private init?(wide flat: Vector) {
    guard flat.type != .interval else { return nil }
    let values = flat.base.assumingMemoryBound(to: Int128.self)
    var largest: UInt128 = 0
    for row in 0..<flat.count where flat.isValid(row) {
      largest = max(largest, values[row].magnitude)
    }
    guard largest < (1 << 120) / UInt128(flat.count + 1) else { return nil }
    unit = 1
    buffer = Buffer(of: Int128.self, count: flat.count + 1)
    narrow = nil
    wide = buffer.typed(Int128.self)
    PrefixSums.fill(wide, flat, values) { $0 }
  }

  @inline(__always)
  private static func fill<T: BitwiseCopyable, S: FixedWidthInteger>(
    _ sums: UnsafeMutablePointer<S>, _ flat: Vector, _ values: UnsafePointer<T>,
    _ number: (T) -> S
  ) {
    var total: S = 0
    sums[0] = 0
    if let validity = flat.validity {
      for row in 0..<flat.count {
        if validity.isValid(row) { total &+= number(values[row]) }
        sums[row + 1] = total
      }
    } else {
      for row in 0..<flat.count {
        total &+= number(values[row])
        sums[row + 1] = total
      }
    }
  }

  /// Floating-point values as multiples of the lowest bit that any of them has.
  @inline(__always)
  private init?(real count: Int, _ value: (Int) -> Double) {
    var lowest = Int.max
    var highest = Int.min
    for row in 0..<count {
      let bits = value(row).bitPattern & ~(1 << 63)
      if bits == 0 { continue }
      let field = Int(truncatingIfNeeded: bits >> 52)
      // Far from the ends of the range, where results could not be rounded once only.
      guard field > 100, field < 1_900 else { return nil }
      let fraction = bits | 1 << 52
      lowest = min(lowest, field - 1_075 + fraction.trailingZeroBitCount)
      highest = max(highest, field - 1_022)
    }
    if lowest > highest { (lowest, highest) = (0, 0) }
    let rowBits = Int.bitWidth - (count + 1).leadingZeroBitCount
    guard highest - lowest + rowBits <= 124 else { return nil }
    unit = Double(sign: .plus, exponent: lowest, significand: 1)
    buffer = Buffer(of: Int128.self, count: count + 1)
    narrow = nil
    wide = buffer.typed(Int128.self)
    var total: Int128 = 0
    wide[0] = 0
    for row in 0..<count {
      let bits = value(row).bitPattern
      let field = Int(truncatingIfNeeded: (bits >> 52) & 0x7ff)
      if field != 0 {
        let significand = Int128(truncatingIfNeeded: (bits & 0x000f_ffff_ffff_ffff) | 1 << 52)
        let shift = field - 1_075 - lowest
        let term =
          shift >= 0
          ? significand &<< Int128(truncatingIfNeeded: shift)
          : significand &>> Int128(truncatingIfNeeded: -shift)
        total &+= bits >> 63 == 0 ? term : 0 &- term
      }
      wide[row + 1] = total
    }
  }

  /// The nearest DOUBLE, ties to even.
  @inline(__always)
  static func double(_ value: Int128) -> Double {
    if let small = Int64(exactly: value) { return Double(small) }
    let magnitude = value.magnitude
    // The upper 64 bits, the lowest of them set when anything below is.
    let shift = 64 - magnitude.leadingZeroBitCount
    let upper = UInt64(truncatingIfNeeded: magnitude >> UInt128(shift))
    let rest = magnitude & ((1 << UInt128(shift)) - 1)
    let rounded = Double(upper | (rest != 0 ? 1 : 0))
    let result = rounded * Double(sign: .plus, exponent: shift, significand: 1)
    return value < 0 ? -result : result
  }
}

/// Sums of the squares of the values before each row, in units of the square of that of `PrefixSums`.
struct PrefixSquares {
  private let sums: UnsafeMutablePointer<Int128>
  private let buffer: Buffer

  /// `nil` when `n Σx²` might not fit 128 bits.
  init?(_ values: PrefixSums, count: Int) {
    var largest: UInt128 = 0
    for row in 0..<count { largest = max(largest, values.sum(row, row + 1).magnitude) }
    let bits = 128 - largest.leadingZeroBitCount
    let rowBits = Int.bitWidth - (count + 1).leadingZeroBitCount
    guard 2 * bits + 2 * rowBits <= 124 else { return nil }
    buffer = Buffer(of: Int128.self, count: count + 1)
    sums = buffer.typed(Int128.self)
    var total: Int128 = 0
    sums[0] = 0
    for row in 0..<count {
      let value = Int64(truncatingIfNeeded: values.sum(row, row + 1))
      let square = value.multipliedFullWidth(by: value)
      total &+= Int128(square.high) << 64 | Int128(square.low)
      sums[row + 1] = total
    }
  }

  @inline(__always)
  func sum(_ lower: Int, _ upper: Int) -> Int128 { sums[upper] &- sums[lower] }
}
