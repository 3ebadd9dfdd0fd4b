#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The 128 bits of a UUID and the integer they are stored as: the topmost bit is inverted, so that signed order
/// is the order of the bits and of the text.
public enum UUIDBits {
  @inline(__always)
  public static func bits(_ value: Int128) -> UInt128 {
    UInt128(bitPattern: value) ^ (1 << 127)
  }

  @inline(__always)
  public static func value(_ bits: UInt128) -> Int128 { Int128(bitPattern: bits ^ (1 << 127)) }

  /// A random UUID of version 4 (RFC 9562) from 128 random bits.
  public static func random(_ bits: UInt128) -> Int128 {
    var bits = bits & ~(0xF << 76) & ~(0x3 << 62)
    bits |= 0x4 << 76 | 0x2 << 62
    return value(bits)
  }
}
