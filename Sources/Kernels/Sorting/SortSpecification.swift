import Vectors

/// Direction of one ORDER BY item or sort key column.
public struct SortSpecification: Hashable, Sendable {
  public var isDescending: Bool
  public var nullsFirst: Bool

  /// NULLs come last ascending and first descending unless `nullsFirst` says otherwise.
  public init(isDescending: Bool = false, nullsFirst: Bool? = nil) {
    self.isDescending = isDescending
    self.nullsFirst = nullsFirst ?? isDescending
  }
}

/// A value with a 64-bit stand-in that sorts as SQL sorts it: NaN above all, −0 with 0.
protocol SortOrdinal: BitwiseCopyable {
  var sortOrdinal: UInt64 { get }
  /// Bits of the widest ordinal.
  static var ordinalBits: Int { get }
}

extension SortOrdinal where Self: FixedWidthInteger {
  @inline(__always) var sortOrdinal: UInt64 {
    UInt64(
      truncatingIfNeeded: Int64(truncatingIfNeeded: self) &- Int64(truncatingIfNeeded: Self.min))
  }
  static var ordinalBits: Int { bitWidth }
}

extension UInt8: SortOrdinal {}
extension Int8: SortOrdinal {}
extension Int16: SortOrdinal {}
extension Int32: SortOrdinal {}
extension Int64: SortOrdinal {}

extension Float: SortOrdinal {
  @inline(__always) var sortOrdinal: UInt64 {
    let bits = isNaN ? Float.nan.bitPattern : self == 0 ? 0 : bitPattern
    let flip = UInt32(bitPattern: Int32(bitPattern: bits) >> 31) | 0x8000_0000
    return UInt64(bits ^ flip)
  }
  static var ordinalBits: Int { 32 }
}

extension Double: SortOrdinal {
  @inline(__always) var sortOrdinal: UInt64 {
    let bits = isNaN ? Double.nan.bitPattern : self == 0 ? 0 : bitPattern
    let flip = UInt64(bitPattern: Int64(bitPattern: bits) >> 63) | 1 << 63
    return bits ^ flip
  }
  static var ordinalBits: Int { 64 }
}
