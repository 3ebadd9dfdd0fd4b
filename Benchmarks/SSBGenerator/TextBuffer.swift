#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Bytes of a generated file: grows, is written out, is used again.
public final class TextBuffer {
  public private(set) var count = 0
  private var capacity: Int
  private var base: UnsafeMutablePointer<UInt8>

  public init(capacity: Int = 1 << 20) {
    self.capacity = capacity
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  public func removeAll() { count = 0 }

  /// Room for `added` bytes, and the place to write them. Follow with `advance(to:)`.
  @inline(__always)
  func place(_ added: Int) -> UnsafeMutablePointer<UInt8> {
    if count + added > capacity { grow(added) }
    return base + count
  }

  /// Bytes up to `end` are written.
  @inline(__always)
  func advance(to end: UnsafeMutablePointer<UInt8>) { count = end - base }

  private func grow(_ added: Int) {
    capacity = max(count + added, capacity * 2)
    let target = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    target.update(from: base, count: count)
    base.deallocate()
    base = target
  }
}

/// Writes fields through a moving pointer; the caller has made room.
struct FieldWriter {
  var target: UnsafeMutablePointer<UInt8>

  @inline(__always)
  init(_ target: UnsafeMutablePointer<UInt8>) { self.target = target }

  @inline(__always)
  mutating func byte(_ value: UInt8) {
    target[0] = value
    target += 1
  }

  @inline(__always)
  mutating func separator() { byte(UInt8(ascii: "|")) }

  @inline(__always)
  mutating func newline() { byte(UInt8(ascii: "\n")) }

  @inline(__always)
  mutating func text(_ value: StaticString) {
    target.update(from: value.utf8Start, count: value.utf8CodeUnitCount)
    target += value.utf8CodeUnitCount
  }

  mutating func text(_ value: String) {
    for byte in value.utf8 { self.byte(byte) }
  }

  /// A number that is not negative, without leading zeros.
  @inline(__always)
  mutating func number(_ value: Int) {
    var digits = 1
    var bound = 10
    while value >= bound {
      digits &+= 1
      bound &*= 10
    }
    number(value, digits: digits)
  }

  /// The last `digits` digits, with leading zeros.
  @inline(__always)
  mutating func number(_ value: Int, digits: Int) {
    var rest = UInt64(truncatingIfNeeded: value)
    var place = digits
    while place > 0 {
      place &-= 1
      target[place] = UInt8(truncatingIfNeeded: rest % 10) &+ 48
      rest /= 10
    }
    target += digits
  }
}
