/// Bytes per value of an unpacked block: the smallest unsigned integer that holds every value of a node.
/// Predicates, sums and gathers run on lanes of this width; fewer bytes, faster loops.
enum LaneWidth: UInt8 {
  case bits8 = 1
  case bits16 = 2
  case bits32 = 4
  case bits64 = 8

  /// The narrowest lane that holds `maximum`.
  init(holding maximum: UInt64) {
    self =
      maximum <= 0xFF
      ? .bits8 : maximum <= 0xFFFF ? .bits16 : maximum <= 0xFFFF_FFFF ? .bits32 : .bits64
  }

  var byteCount: Int { Int(rawValue) }
  var bitCount: Int { Int(rawValue) * 8 }
  var maximum: UInt64 { self == .bits64 ? .max : (1 << UInt64(bitCount)) &- 1 }
}

/// Values per block; every encoding can decode an aligned block alone.
let blockCapacity = 1024

/// 1 for true, without a branch (a ternary in `+=` would become one).
@inline(__always) func b2i(_ bool: Bool) -> Int {
  Int(truncatingIfNeeded: unsafeBitCast(bool, to: UInt8.self))
}

/// What every kernel over lanes is generic over.
typealias Lane = FixedWidthInteger & UnsignedInteger & BitwiseCopyable & SIMDScalar
