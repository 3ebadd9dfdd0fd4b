#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Bytes of a generated file: grows, is written out, is used again.
public final class TextBuffer {
  /// Bytes written so far.
  public internal(set) var count: Int {
    @inlinable get { length }
    set { length = newValue }
  }
  @usableFromInline var length = 0
  @usableFromInline var capacity: Int
  @usableFromInline var base: UnsafeMutablePointer<UInt8>

  public init(capacity: Int = 1 << 20) {
    self.capacity = capacity
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  /// What was written.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Begins anew, keeping the room.
  public func removeAll() { length = 0 }

  /// Room for `added` bytes, and the place to write them. Follow with `advance(to:)`.
  @inlinable @inline(__always)
  public func place(_ added: Int) -> UnsafeMutablePointer<UInt8> {
    if length + added > capacity { grow(added) }
    return base + length
  }

  /// Bytes up to `end` are written.
  @inlinable @inline(__always)
  public func advance(to end: UnsafeMutablePointer<UInt8>) { length = end - base }

  @usableFromInline
  func grow(_ added: Int) {
    capacity = max(length + added, capacity * 2)
    let target = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    target.update(from: base, count: length)
    base.deallocate()
    base = target
  }
}

/// Writes fields through a moving pointer; the caller has made room.
public struct FieldWriter {
  /// Where the next byte goes.
  public var target: UnsafeMutablePointer<UInt8>

  /// Writes from `target` on.
  @inlinable @inline(__always)
  public init(_ target: UnsafeMutablePointer<UInt8>) { self.target = target }

  /// One byte.
  @inlinable @inline(__always)
  public mutating func byte(_ value: UInt8) {
    target[0] = value
    target += 1
  }

  /// Between two fields.
  @inlinable @inline(__always)
  public mutating func separator() { byte(UInt8(ascii: "|")) }

  /// After a row.
  @inlinable @inline(__always)
  public mutating func newline() { byte(UInt8(ascii: "\n")) }

  /// A word of the program.
  @inlinable @inline(__always)
  public mutating func text(_ value: StaticString) {
    target.update(from: value.utf8Start, count: value.utf8CodeUnitCount)
    target += value.utf8CodeUnitCount
  }

  /// Any text.
  public mutating func text(_ value: String) {
    for byte in value.utf8 { self.byte(byte) }
  }

  /// A number that is not negative, without leading zeros.
  @inlinable @inline(__always)
  public mutating func number(_ value: Int) {
    var digits = 1
    var bound = 10
    while value >= bound {
      digits &+= 1
      bound &*= 10
    }
    number(value, digits: digits)
  }

  /// The last `digits` digits, with leading zeros.
  @inlinable @inline(__always)
  public mutating func number(_ value: Int, digits: Int) {
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
