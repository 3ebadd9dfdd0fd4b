import Vectors

// Exact sums of doubles for many groups, lean in memory: most groups see values of similar size, whose sum fits a
// 128-bit fixed-point window with an exponent of its own (19 bytes a group). A group whose values do not fit
// is promoted to a superaccumulator. Either holds the exact sum, so the rounded result does not depend on
// order, threads or on which one was used.
//
// Infinities and NaN are remembered as flags: NaN, or both infinities, give NaN.

/// Exact sums by group, and how they become results and partial states.
final class ExactSums {
  /// Bits of a group's flags.
  enum Flag {
    /// Some value that is not NULL was added.
    static let seen: UInt8 = 1
    static let plusInfinity: UInt8 = 2
    static let minusInfinity: UInt8 = 4
    static let nan: UInt8 = 8
    /// The window has an exponent.
    static let window: UInt8 = 16
    /// The sum lives in a superaccumulator.
    static let promoted: UInt8 = 32
    static let special = plusInfinity | minusInfinity | nan
  }

  /// Free bits below the first value of a window, and above which a window is not filled by shifting.
  private static let slack = 30
  private static let fullBits = 118

  private let sums = GroupArray<Int128>(0)
  private let exponents = GroupArray<Int16>(0)
  private let flags = GroupArray<UInt8>(0)
  /// Index into `accumulators` of promoted groups; empty until the first promotion.
  private let promotions = GroupArray<Int32>(-1)
  private var accumulators: [Superaccumulator] = []

  func resize(groupCount: Int) {
    sums.resize(to: groupCount)
    exponents.resize(to: groupCount)
    flags.resize(to: groupCount)
    if !promotions.isEmpty { promotions.resize(to: groupCount) }
  }

  var byteCount: Int {
    sums.byteCount + exponents.byteCount + flags.byteCount + promotions.byteCount
      + accumulators.count * (Superaccumulator.chunkCount * 8 + 48)
  }

  /// Raw arrays for the loop over a batch; invalid after `resize`.
  struct Window {
    let sums: UnsafeMutablePointer<Int128>
    let exponents: UnsafeMutablePointer<Int16>
    let flags: UnsafeMutablePointer<UInt8>

    /// Adds a value that fits the group's window; false leaves everything as it was.
    @inline(__always)
    func add(_ value: Double, _ group: Int) -> Bool {
      let bits = value.bitPattern
      let field = Int(truncatingIfNeeded: (bits >> 52) & 0x7ff)
      let shift = field &- 1075 &- Int(exponents[group])
      guard
        flags[group] & (Flag.window | Flag.promoted) == Flag.window,
        UInt(bitPattern: shift) <= 68, UInt(bitPattern: field &- 1) < 0x7fe
      else { return false }
      let significand = Int128(truncatingIfNeeded: (bits & 0x000f_ffff_ffff_ffff) | 1 << 52)
      let sign = Int128(truncatingIfNeeded: Int64(bitPattern: bits) >> 63)
      let term = ((significand &<< Int128(truncatingIfNeeded: shift)) ^ sign) &- sign
      let (sum, overflow) = sums[group].addingReportingOverflow(term)
      if overflow { return false }
      sums[group] = sum
      return true
    }
  }

  var window: Window {
    Window(sums: sums.base, exponents: exponents.base, flags: flags.base)
  }

  /// Adds a value, whatever it is.
  @inline(never)
  func addAny(_ value: Double, _ group: Int) {
    let flag = flags.base + group
    flag.pointee |= Flag.seen
    if value.isNaN {
      flag.pointee |= Flag.nan
    } else if value.isInfinite {
      flag.pointee |= value < 0 ? Flag.minusInfinity : Flag.plusInfinity
    } else if flag.pointee & Flag.promoted != 0 {
      accumulators[Int(promotions.base[group])].add(value)
    } else if value != 0 {
      let bits = value.bitPattern
      let field = Int((bits >> 52) & 0x7ff)
      let fraction = bits & 0x000f_ffff_ffff_ffff
      add(
        UInt128(field == 0 ? fraction : fraction | 1 << 52), exponent: max(field, 1) - 1075,
        isNegative: value < 0, group)
    }
  }

  /// Adds all values of a batch to one group.
  func addAll(_ vector: Vector, group: Int) {
    if vector.count >= 64, flags.base[group] & Flag.promoted == 0 { promote(group) }
    guard flags.base[group] & Flag.promoted != 0 else {
      ExactSums.forEach(vector) { addAny($1, group) }
      return
    }
    let accumulator = accumulators[Int(promotions.base[group])]
    ExactSums.forEach(vector) { _, value in
      if value.isFinite { accumulator.add(value) } else { addAny(value, group) }
    }
    if ValidRows.count(vector) > 0 { flags.base[group] |= Flag.seen }
  }

  /// Calls `body` with row and value of every REAL or DOUBLE that is not NULL.
  @inline(__always)
  static func forEach(_ vector: Vector, _ body: (Int, Double) -> Void) {
    if vector.type.physical == .float32 {
      ValidRows.forEach(vector, as: Float.self) { body($0, Double($1)) }
    } else if vector.type.physical == .float64 {
      ValidRows.forEach(vector, as: Double.self, body)
    }
  }

  /// Adds ± magnitude × 2^exponent, not zero.
  func add(_ magnitude: UInt128, exponent: Int, isNegative: Bool, _ group: Int) {
    let flag = flags.base + group
    flag.pointee |= Flag.seen
    if flag.pointee & Flag.promoted == 0 {
      if addToWindow(magnitude, exponent, isNegative, group) { return }
      promote(group)
    }
    accumulators[Int(promotions.base[group])].add(
      magnitude, exponent: exponent, isNegative: isNegative)
  }

  /// Moves the window as far as its contents allow; false when they do not.
  private func addToWindow(
    _ magnitude: UInt128, _ exponent: Int, _ isNegative: Bool, _ group: Int
  ) -> Bool {
    let bitCount = 128 - magnitude.leadingZeroBitCount
    if flags.base[group] & Flag.window == 0 {
      let low = max(exponent - ExactSums.slack, Superaccumulator.lowestExponent)
      guard bitCount + exponent - low <= ExactSums.fullBits else { return false }
      exponents.base[group] = Int16(truncatingIfNeeded: low)
      sums.base[group] = 0
      flags.base[group] |= Flag.window
    }
    var low = Int(exponents.base[group])
    if exponent < low {
      let present = 128 - sums.base[group].magnitude.leadingZeroBitCount
      guard present + low - exponent <= ExactSums.fullBits else { return false }
      sums.base[group] <<= Int128(low - exponent)
      low = exponent
      exponents.base[group] = Int16(truncatingIfNeeded: low)
    }
    guard bitCount + exponent - low <= 126 else { return false }
    let term = Int128(truncatingIfNeeded: magnitude << UInt128(exponent - low))
    let (sum, overflow) = sums.base[group].addingReportingOverflow(isNegative ? -term : term)
    if overflow { return false }
    sums.base[group] = sum
    return true
  }

  /// Gives the group a superaccumulator.
  private func promote(_ group: Int) {
    guard flags.base[group] & Flag.promoted == 0 else { return }
    if promotions.isEmpty { promotions.resize(to: flags.count) }
    let accumulator = Superaccumulator()
    let sum = sums.base[group]
    if sum != 0 {
      accumulator.add(
        sum.magnitude, exponent: Int(exponents.base[group]), isNegative: sum < 0)
    }
    promotions.base[group] = Int32(truncatingIfNeeded: accumulators.count)
    accumulators.append(accumulator)
    flags.base[group] |= Flag.promoted
  }

  func isSeen(_ group: Int) -> Bool { flags.base[group] & Flag.seen != 0 }

  /// NaN or an infinity when one was added, which then is the sum.
  func special(_ group: Int) -> Double? {
    let flag = flags.base[group]
    switch flag & Flag.special {
    case 0: return nil
    case Flag.plusInfinity: return .infinity
    case Flag.minusInfinity: return -.infinity
    default: return .nan
    }
  }

  /// The exact sum of a group's finite values.
  func value(_ group: Int) -> WideInteger {
    if flags.base[group] & Flag.promoted != 0 {
      return accumulators[Int(promotions.base[group])].value
    }
    let sum = sums.base[group]
    return WideInteger(
      sum.magnitude, exponent: Int(exponents.base[group]), isNegative: sum < 0)
  }

  /// The sum rounded to a double.
  func rounded(_ group: Int) -> Double {
    if let special = special(group) { return special }
    if flags.base[group] & Flag.promoted != 0 { return value(group).rounded() }
    let sum = sums.base[group]
    return WideInteger.round(
      sum.magnitude, exponent: Int(exponents.base[group]), isNegative: sum < 0)
  }
}

extension ExactSums {
  /// The sum divided by `count`, rounded once.
  func average(_ group: Int, count: Int64) -> Double {
    if let special = special(group) { return special }
    if flags.base[group] & Flag.promoted != 0 {
      return value(group).divided(by: UInt64(count)).rounded()
    }
    let sum = sums.base[group]
    return WideInteger.quotient(
      sum.magnitude, exponent: Int(exponents.base[group]), by: UInt64(count), isNegative: sum < 0)
  }
}

// Partial state of one group, as bytes of a VARCHAR:
//
//   offset  size  field
//        0     1  flags (without `promoted` a window follows, with it chunks)
//        1     2  exponent of the window          1   index of the first chunk that is not zero
//        3    16  sum, two's complement           2   8 bytes per chunk up to the last that is not zero
extension ExactSums {
  /// States of `groups`, one string each.
  func partialStates(_ groups: Range<Int>) -> Vector {
    var builder = VectorBuilder(type: .varchar, capacity: groups.count)
    for group in groups {
      var bytes: [UInt8] = [flags.base[group]]
      if flags.base[group] & Flag.promoted != 0 {
        appendChunks(accumulators[Int(promotions.base[group])], to: &bytes)
      } else {
        withUnsafeBytes(of: exponents.base[group].littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: sums.base[group].littleEndian) { bytes.append(contentsOf: $0) }
      }
      bytes.withUnsafeBytes { builder.append(bytes: $0) }
    }
    return builder.finish()
  }

  private func appendChunks(_ accumulator: Superaccumulator, to bytes: inout [UInt8]) {
    accumulator.propagate()
    let chunks = UnsafeBufferPointer(
      start: accumulator.chunks, count: Superaccumulator.chunkCount)
    guard let first = chunks.firstIndex(where: { $0 != 0 }),
      let last = chunks.lastIndex(where: { $0 != 0 })
    else { return }
    bytes.append(UInt8(truncatingIfNeeded: first))
    for chunk in chunks[first...last] {
      withUnsafeBytes(of: chunk.littleEndian) { bytes.append(contentsOf: $0) }
    }
  }

  /// Adds states written by `partialStates`; row `i` goes to group `groups[i]`.
  func combine(_ partial: Vector, groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    guard partial.type.physical == .string, partial.count >= count else {
      throw ExactSums.damaged
    }
    let flat = partial.flattened()
    var isDamaged = false
    let views = flat.base.assumingMemoryBound(to: StringView.self)
    for row in 0..<count where flat.isValid(row) {
      let group = Int(groups[row])
      views[row].withBytes { if !combine(state: $0, into: group) { isDamaged = true } }
    }
    withExtendedLifetime(flat) {}
    if isDamaged { throw ExactSums.damaged }
  }

  private static let damaged = StoaError(.corruption, "a partial state of a float sum is damaged")

  private func combine(state bytes: UnsafeRawBufferPointer, into group: Int) -> Bool {
    guard let flag = bytes.first else { return false }
    flags.base[group] |= flag & (Flag.seen | Flag.special)
    if flag & Flag.promoted != 0 {
      if bytes.count == 1 { return true }
      let first = Int(bytes[1])
      let chunkCount = (bytes.count - 2) / 8
      guard first + chunkCount <= Superaccumulator.chunkCount, bytes.count == 2 + 8 * chunkCount
      else { return false }
      promote(group)
      var chunks = [Int64](repeating: 0, count: Superaccumulator.chunkCount)
      for index in 0..<chunkCount {
        let value = Int64(
          littleEndian: bytes.loadUnaligned(fromByteOffset: 2 + 8 * index, as: Int64.self))
        let isHighest = first + index == Superaccumulator.chunkCount - 1
        guard isHighest ? value.magnitude < 1 << 40 : (0..<(1 << 32)).contains(value) else {
          return false
        }
        chunks[first + index] = value
      }
      accumulators[Int(promotions.base[group])].add(chunks: chunks)
      return true
    }
    guard flag & Flag.window != 0 else { return true }
    guard bytes.count == 19 else { return false }
    let exponent = Int(
      Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: 1, as: Int16.self)))
    let sum = Int128(littleEndian: bytes.loadUnaligned(fromByteOffset: 3, as: Int128.self))
    guard (-1074...1000).contains(exponent) else { return false }
    if sum != 0 { add(sum.magnitude, exponent: exponent, isNegative: sum < 0, group) }
    return true
  }
}
