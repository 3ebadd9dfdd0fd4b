import Vectors

/// A byte per key of a dense range of integers: nonzero passes. Join builds fill it with small group codes or
/// ones; scans look keys up while they are still encoded. Fill it before sharing it, never after.
public final class KeyTable: @unchecked Sendable {
  /// The key of the first byte.
  public let minimum: Int64
  /// Keys covered.
  public let count: Int
  /// One byte per key, zero at first.
  public let bytes: UnsafeMutablePointer<UInt8>
  /// Zero bytes after the last key let packed values, which reach the next power of two, go unchecked.
  let capacity: Int

  /// Keys `minimum ..< minimum + count`, none of which passes yet; `count` is at most 2^32.
  public init(minimum: Int64, count: Int) {
    precondition(count >= 0 && count <= 1 << 32, "key range too large")
    self.minimum = minimum
    self.count = count
    let power = count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
    capacity = count + power + 64
    bytes = .allocate(capacity: capacity)
    bytes.initialize(repeating: 0, count: capacity)
  }

  deinit { bytes.deallocate() }

  /// Whether `key` passes.
  @inlinable public func contains(_ key: Int64) -> Bool {
    let (index, overflow) = key.subtractingReportingOverflow(minimum)
    return !overflow && index >= 0 && index < Int64(count) && bytes[Int(index)] != 0
  }

  /// Lets `key` pass; it must lie in the range.
  @inlinable public func insert(_ key: Int64) {
    let index = Int(key &- minimum)
    precondition(index >= 0 && index < count, "key outside the range")
    bytes[index] = 1
  }
}
