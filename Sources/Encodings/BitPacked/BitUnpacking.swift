/// Packing and unpacking of one block of 1,024 values in the transposed layout.
///
/// With lanes of T bits (8, 16, 32 or 64) a block has 1024 / T lanes side by side and T rows; value `i` sits in row
/// `i / lanes`, lane `i % lanes`. Each lane packs its T values of K bits into K words of T bits, and word `j` of all
/// lanes lie together, so a row of any lane width is 128 bytes and neighbours in memory are neighbours in value
/// order. A row is then two shifts and masks of 16 words of 64 bits: lanes narrower than 64 bits are shifted
/// together and the bits that cross a lane are masked off.
///
/// Layout after Afroozeh and Boncz, "The FastLanes Compression Layout", VLDB 2023 (without its value reordering).
enum BitPacking {
  /// Bytes of one row of lanes, for all lane widths.
  static let rowByteCount = 128

  /// Bytes of a block of `count` values (at most 1,024): whole rows of words up to the last one used.
  @inline(__always)
  static func byteCount(_ count: Int, bitWidth: Int, lane: LaneWidth) -> Int {
    let lanes = 1024 / lane.bitCount
    let rows = (count + lanes - 1) / lanes
    return (rows * bitWidth + lane.bitCount - 1) / lane.bitCount * rowByteCount
  }

  /// Bytes of `count` values in as many blocks as needed.
  static func totalByteCount(_ count: Int, bitWidth: Int, lane: LaneWidth) -> Int {
    (count / 1024) * bitWidth * rowByteCount
      + byteCount(count % 1024, bitWidth: bitWidth, lane: lane)
  }

  /// The low `bits` of every lane of `lane` bits set.
  @inline(__always)
  static func mask(_ bits: Int, lane: Int) -> UInt64 {
    let one: UInt64 = bits >= 64 ? .max : (1 &<< UInt64(truncatingIfNeeded: bits)) &- 1
    switch lane {
    case 8: return one &* 0x0101_0101_0101_0101
    case 16: return one &* 0x0001_0001_0001_0001
    case 32: return one &* 0x0000_0001_0000_0001
    default: return one
    }
  }

  typealias Words = SIMD8<UInt64>

  /// One row: 128 bytes of values of `bits` bits, from the words at `source`.
  @inline(__always)
  static func unpackRow(
    _ row: Int, bits: Int, lane: Int, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
  ) {
    let bit = row &* bits
    let word = bit / lane
    let shift = bit % lane
    let from = source + word &* 128
    let to = target + row &* 128
    let right = Words(repeating: UInt64(truncatingIfNeeded: shift))
    if shift &+ bits <= lane {
      let keep = Words(repeating: mask(bits, lane: lane))
      let a = from.load(as: Words.self)
      let b = (from + 64).load(as: Words.self)
      to.storeBytes(of: (a &>> right) & keep, as: Words.self)
      (to + 64).storeBytes(of: (b &>> right) & keep, as: Words.self)
    } else {
      let low = Words(repeating: mask(lane &- shift, lane: lane))
      let high = Words(repeating: mask(bits, lane: lane) ^ mask(lane &- shift, lane: lane))
      let left = Words(repeating: UInt64(truncatingIfNeeded: lane &- shift))
      let a = from.load(as: Words.self)
      let b = (from + 64).load(as: Words.self)
      let c = (from + 128).load(as: Words.self)
      let d = (from + 192).load(as: Words.self)
      to.storeBytes(of: ((a &>> right) & low) | ((c &<< left) & high), as: Words.self)
      (to + 64).storeBytes(of: ((b &>> right) & low) | ((d &<< left) & high), as: Words.self)
    }
  }

  /// Unpacks a whole block: `source` has `bitWidth` × 128 bytes, `target` room for 1,024 lanes; both are
  /// aligned to 64 bytes.
  static func unpack(
    bitWidth: Int, lane: LaneWidth, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
  ) {
    switch bitWidth {
    case 0: target.initializeMemory(as: UInt8.self, repeating: 0, count: 1024 * lane.byteCount)
    case 1: FL8<1>.unpack(source, target)
    case 2: FL8<2>.unpack(source, target)
    case 3: FL8<3>.unpack(source, target)
    case 4: FL8<4>.unpack(source, target)
    case 5: FL8<5>.unpack(source, target)
    case 6: FL8<6>.unpack(source, target)
    case 7: FL8<7>.unpack(source, target)
    case 9: FL16<9>.unpack(source, target)
    case 10: FL16<10>.unpack(source, target)
    case 11: FL16<11>.unpack(source, target)
    case 12: FL16<12>.unpack(source, target)
    case 13: FL16<13>.unpack(source, target)
    case 14: FL16<14>.unpack(source, target)
    case 15: FL16<15>.unpack(source, target)
    case 17: FL32<17>.unpack(source, target)
    case 18: FL32<18>.unpack(source, target)
    case 19: FL32<19>.unpack(source, target)
    case 20: FL32<20>.unpack(source, target)
    case 21: FL32<21>.unpack(source, target)
    case 22: FL32<22>.unpack(source, target)
    case 23: FL32<23>.unpack(source, target)
    case 24: FL32<24>.unpack(source, target)
    case 25: FL32<25>.unpack(source, target)
    case 26: FL32<26>.unpack(source, target)
    case 27: FL32<27>.unpack(source, target)
    case 28: FL32<28>.unpack(source, target)
    case 29: FL32<29>.unpack(source, target)
    case 30: FL32<30>.unpack(source, target)
    case 31: FL32<31>.unpack(source, target)
    case 8, 16, 32, 64: target.copyMemory(from: source, byteCount: bitWidth * 128)
    default:
      // 33 to 63 bits are rare; unrolling them would be most of the code.
      for row in 0..<64 { unpackRow(row, bits: bitWidth, lane: 64, source, target) }
    }
  }

  /// Packs one block: `source` has 1,024 lanes, all below 2^bitWidth; `target` gets `bitWidth` × 128 bytes.
  static func pack(
    bitWidth: Int, lane: LaneWidth, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
  ) {
    let lane = lane.bitCount
    target.initializeMemory(as: UInt8.self, repeating: 0, count: bitWidth * 128)
    guard bitWidth > 0 else { return }
    for row in 0..<lane {
      let bit = row * bitWidth
      let word = bit / lane
      let shift = bit % lane
      let spills = shift + bitWidth > lane
      let keep = mask(min(bitWidth, lane - shift), lane: lane)
      let rest = spills ? mask(bitWidth - (lane - shift), lane: lane) : 0
      let from = (source + row * 128).assumingMemoryBound(to: UInt64.self)
      let to = (target + word * 128).assumingMemoryBound(to: UInt64.self)
      for index in 0..<16 { to[index] |= (from[index] & keep) &<< UInt64(shift) }
      guard spills else { continue }
      for index in 0..<16 { to[index + 16] |= (from[index] &>> UInt64(lane - shift)) & rest }
    }
  }

  /// Value `index` of a block, without unpacking its neighbours. Without a branch: whether a value crosses a word is
  /// as good as random, and many look-ups in flight hide the way to memory.
  @inline(__always)
  static func value<L: Lane>(
    _ index: Int, bitWidth: Int, _ source: UnsafeRawPointer, _: L.Type
  ) -> L {
    let lanes = 1024 / L.bitWidth
    let words = source.assumingMemoryBound(to: L.self)
    let bit = (index / lanes) &* bitWidth
    let word = bit / L.bitWidth
    let shift = bit % L.bitWidth
    let at = word &* lanes &+ index % lanes
    let keep: L = bitWidth >= L.bitWidth ? L.max : (1 &<< L(truncatingIfNeeded: bitWidth)) &- 1
    // A value within one word takes that word twice; the shift moves the second to bits that are not kept.
    let next = at &+ (lanes & (0 &- b2i(shift &+ bitWidth > L.bitWidth)))
    let low = words[at] &>> L(truncatingIfNeeded: shift)
    let high = words[next] &<< L(truncatingIfNeeded: L.bitWidth &- shift)
    return (low | high) & keep
  }
}

/// Blocks of K bits in lanes of 8, rows unrolled by hand (loops with computed shifts are 2.3 times slower).
private enum FL8<let K: Int> {
  @inline(never)
  static func unpack(_ s: UnsafeRawPointer, _ t: UnsafeMutableRawPointer) {
    rows(0, s, t)
  }

  @inline(__always)
  static func rows(_ r: Int, _ s: UnsafeRawPointer, _ t: UnsafeMutableRawPointer) {
    BitPacking.unpackRow(r, bits: K, lane: 8, s, t)
    BitPacking.unpackRow(r &+ 1, bits: K, lane: 8, s, t)
    BitPacking.unpackRow(r &+ 2, bits: K, lane: 8, s, t)
    BitPacking.unpackRow(r &+ 3, bits: K, lane: 8, s, t)
    BitPacking.unpackRow(r &+ 4, bits: K, lane: 8, s, t)
    BitPacking.unpackRow(r &+ 5, bits: K, lane: 8, s, t)
    BitPacking.unpackRow(r &+ 6, bits: K, lane: 8, s, t)
    BitPacking.unpackRow(r &+ 7, bits: K, lane: 8, s, t)
  }
}

/// The same for lanes of 16 bits.
private enum FL16<let K: Int> {
  @inline(never)
  static func unpack(_ s: UnsafeRawPointer, _ t: UnsafeMutableRawPointer) {
    rows(0, s, t)
    rows(8, s, t)
  }

  @inline(__always)
  static func rows(_ r: Int, _ s: UnsafeRawPointer, _ t: UnsafeMutableRawPointer) {
    BitPacking.unpackRow(r, bits: K, lane: 16, s, t)
    BitPacking.unpackRow(r &+ 1, bits: K, lane: 16, s, t)
    BitPacking.unpackRow(r &+ 2, bits: K, lane: 16, s, t)
    BitPacking.unpackRow(r &+ 3, bits: K, lane: 16, s, t)
    BitPacking.unpackRow(r &+ 4, bits: K, lane: 16, s, t)
    BitPacking.unpackRow(r &+ 5, bits: K, lane: 16, s, t)
    BitPacking.unpackRow(r &+ 6, bits: K, lane: 16, s, t)
    BitPacking.unpackRow(r &+ 7, bits: K, lane: 16, s, t)
  }
}

/// The same for lanes of 32 bits.
private enum FL32<let K: Int> {
  @inline(never)
  static func unpack(_ s: UnsafeRawPointer, _ t: UnsafeMutableRawPointer) {
    rows(0, s, t)
    rows(8, s, t)
    rows(16, s, t)
    rows(24, s, t)
  }

  @inline(__always)
  static func rows(_ r: Int, _ s: UnsafeRawPointer, _ t: UnsafeMutableRawPointer) {
    BitPacking.unpackRow(r, bits: K, lane: 32, s, t)
    BitPacking.unpackRow(r &+ 1, bits: K, lane: 32, s, t)
    BitPacking.unpackRow(r &+ 2, bits: K, lane: 32, s, t)
    BitPacking.unpackRow(r &+ 3, bits: K, lane: 32, s, t)
    BitPacking.unpackRow(r &+ 4, bits: K, lane: 32, s, t)
    BitPacking.unpackRow(r &+ 5, bits: K, lane: 32, s, t)
    BitPacking.unpackRow(r &+ 6, bits: K, lane: 32, s, t)
    BitPacking.unpackRow(r &+ 7, bits: K, lane: 32, s, t)
  }
}
