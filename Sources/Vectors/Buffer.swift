/// A piece of memory with one owner, aligned to a cache line and padded so that a kernel may read (never
/// write) up to 64 bytes past the end.
public final class Buffer: @unchecked Sendable {
  public static let alignment = 64
  /// First byte; valid as long as the buffer lives.
  public let pointer: UnsafeMutableRawPointer
  /// Usable bytes, padding not counted.
  public let byteCount: Int

  /// Memory of `byteCount` bytes; contents undefined unless `zeroed`.
  public init(byteCount: Int, zeroed: Bool = false) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    let capacity = byteCount + Buffer.alignment
    pointer = .allocate(byteCount: capacity, alignment: Buffer.alignment)
    if zeroed {
      pointer.initializeMemory(as: UInt8.self, repeating: 0, count: capacity)
    } else {
      (pointer + byteCount).initializeMemory(as: UInt8.self, repeating: 0, count: Buffer.alignment)
    }
  }

  /// Room for `count` values of type `T`.
  @inlinable public convenience init<T: BitwiseCopyable>(of type: T.Type, count: Int) {
    self.init(byteCount: count * MemoryLayout<T>.stride)
  }

  /// A copy of `bytes`.
  public convenience init(copying bytes: UnsafeRawBufferPointer) {
    self.init(byteCount: bytes.count)
    if let base = bytes.baseAddress { pointer.copyMemory(from: base, byteCount: bytes.count) }
  }

  deinit { pointer.deallocate() }

  /// The memory seen as values of type `T`. The caller keeps the buffer alive while it uses the pointer.
  @inlinable public func typed<T: BitwiseCopyable>(_ type: T.Type) -> UnsafeMutablePointer<T> {
    pointer.assumingMemoryBound(to: T.self)
  }

  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: pointer, count: byteCount)
  }
}
