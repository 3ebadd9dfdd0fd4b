import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A string of a vector: 16 bytes that hold short strings themselves and point to longer ones.
///
///   offset  size  field
///        0     4  byteCount
///        4    12  the bytes, zero-padded, when byteCount ≤ 12; otherwise
///        4     4  the first four bytes
///        8     8  address of all bytes
///
/// A view owns nothing: the vector that holds it keeps the memory alive (`Vector.owners`).
/// Idea: Neumann and Freitag, "Umbra: A Disk-Based System with In-Memory Performance", CIDR 2020.
@frozen public struct StringView: BitwiseCopyable, Sendable {
  /// byteCount in the low half, the first four bytes in the high half.
  public var head: UInt64
  /// The last eight inline bytes, or the address.
  public var tail: UInt64

  public static let inlineCapacity = 12

  /// The empty string.
  @inlinable public init() {
    head = 0
    tail = 0
  }

  /// A view of `byteCount` bytes at `address`; they are copied when they fit inline, else pointed to.
  @inlinable public init(_ address: UnsafeRawPointer, byteCount: Int) {
    head = UInt64(UInt32(truncatingIfNeeded: byteCount))
    tail = 0
    if byteCount <= StringView.inlineCapacity {
      withUnsafeMutableBytes(of: &self) { bytes in
        bytes.baseAddress!.advanced(by: 4).copyMemory(from: address, byteCount: byteCount)
      }
    } else {
      let prefix = address.loadUnaligned(as: UInt32.self)
      head |= UInt64(prefix) << 32
      tail = UInt64(UInt(bitPattern: address))
    }
  }

  @inlinable public var byteCount: Int { Int(UInt32(truncatingIfNeeded: head)) }
  @inlinable public var isInline: Bool { byteCount <= StringView.inlineCapacity }

  /// Calls `body` with the bytes of the string; the pointer is valid during the call only.
  @inlinable public func withBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    if isInline {
      var copy = self
      let count = byteCount
      return try withUnsafePointer(to: &copy) {
        (pointer: UnsafePointer<StringView>) throws(E) -> R in
        try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer) + 4, count: count))
      }
    }
    return try body(
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: UInt(tail)), count: byteCount))
  }

  /// Byte equality.
  @inlinable public static func == (left: StringView, right: StringView) -> Bool {
    guard left.head == right.head else { return false }
    if left.tail == right.tail { return true }
    guard !left.isInline else { return false }
    return memcmp(
      UnsafeRawPointer(bitPattern: UInt(left.tail))!,
      UnsafeRawPointer(bitPattern: UInt(right.tail))!, left.byteCount) == 0
  }

  /// Byte order: negative, zero or positive as `left` sorts before, with or after `right`.
  @inlinable public static func compare(_ left: StringView, _ right: StringView) -> Int {
    let leftPrefix = UInt32(truncatingIfNeeded: left.head >> 32).byteSwapped
    let rightPrefix = UInt32(truncatingIfNeeded: right.head >> 32).byteSwapped
    if leftPrefix != rightPrefix { return leftPrefix < rightPrefix ? -1 : 1 }
    return left.withBytes { leftBytes in
      right.withBytes { rightBytes in
        let common = min(leftBytes.count, rightBytes.count)
        let order =
          common == 0 ? 0 : memcmp(leftBytes.baseAddress!, rightBytes.baseAddress!, common)
        return order != 0 ? Int(order) : leftBytes.count - rightBytes.count
      }
    }
  }

  /// A Swift string with the same bytes; invalid UTF-8 is repaired.
  public var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}

extension StringView: Equatable {}

/// Grows by chunks and never moves what it holds, so string views into it stay valid while it lives.
/// One owner writes; vectors that hold views keep it alive.
public final class StringHeap: @unchecked Sendable {
  private var chunks: [Buffer] = []
  private var used = 0
  /// Bytes allocated, for the memory budget.
  public private(set) var byteCount = 0

  public init() {}

  /// Copies `bytes` into the heap unless they fit inline, and returns the view.
  public func add(_ bytes: UnsafeRawBufferPointer) -> StringView {
    guard let base = bytes.baseAddress else { return StringView() }
    if bytes.count <= StringView.inlineCapacity { return StringView(base, byteCount: bytes.count) }
    let target = allocate(bytes.count)
    target.copyMemory(from: base, byteCount: bytes.count)
    return StringView(target, byteCount: bytes.count)
  }

  /// Copies the string of `view` into this heap.
  public func add(_ view: StringView) -> StringView {
    view.isInline ? view : view.withBytes { add($0) }
  }

  public func add(_ string: String) -> StringView {
    var copy = string
    return copy.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }

  /// Uninitialised room for `count` bytes.
  public func allocate(_ count: Int) -> UnsafeMutableRawPointer {
    if chunks.isEmpty || used + count > chunks[chunks.count - 1].byteCount {
      let capacity = max(count, min(4096 << min(chunks.count, 8), 1 << 20))
      chunks.append(Buffer(byteCount: capacity))
      byteCount += capacity
      used = 0
    }
    defer { used += count }
    return chunks[chunks.count - 1].pointer + used
  }
}
