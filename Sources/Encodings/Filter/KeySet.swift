import Vectors

/// A set of integers with open addressing, for keys too far apart for a `KeyTable`. At most half full.
public final class KeySet: @unchecked Sendable {
  /// Distinct keys.
  public let count: Int
  /// The least and greatest key; meaningless when empty.
  public let minimum: Int64
  public let maximum: Int64
  private let slots: UnsafeMutablePointer<Int64>
  private let shift: UInt64
  private let slotMask: Int
  private let slotCount: Int
  /// Marks a free slot; whether the key of that value is a member is kept apart.
  private static let free = Int64.min
  private let containsFree: Bool

  /// The set of `keys`, repeats allowed.
  public init(_ keys: UnsafeBufferPointer<Int64>) {
    let power = max(4, Int.bitWidth - max(1, keys.count * 2 - 1).leadingZeroBitCount)
    slotCount = 1 << power
    slotMask = slotCount - 1
    shift = UInt64(64 - power)
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: KeySet.free, count: slotCount)
    var hasFree = false
    var distinct = 0
    var low = Int64.max
    var high = Int64.min
    for key in keys {
      low = min(low, key)
      high = max(high, key)
      if key == KeySet.free {
        if !hasFree { distinct += 1 }
        hasFree = true
        continue
      }
      var slot = KeySet.hash(key, shift)
      while slots[slot] != KeySet.free && slots[slot] != key { slot = (slot + 1) & slotMask }
      if slots[slot] == KeySet.free { distinct += 1 }
      slots[slot] = key
    }
    containsFree = hasFree
    count = distinct
    minimum = low
    maximum = high
  }

  /// The same from an array.
  public convenience init(_ keys: [Int64]) {
    let buffer = UnsafeMutableBufferPointer<Int64>.allocate(capacity: keys.count)
    _ = buffer.initialize(from: keys)
    self.init(UnsafeBufferPointer(buffer))
    buffer.deallocate()
  }

  deinit { slots.deallocate() }

  /// Whether `key` is a member.
  @inline(__always)
  public final func contains(_ key: Int64) -> Bool {
    if key == KeySet.free { return containsFree }
    var slot = KeySet.hash(key, shift)
    while true {
      let found = slots[slot]
      if found == key { return true }
      if found == KeySet.free { return false }
      slot = (slot &+ 1) & slotMask
    }
  }

  @inline(__always)
  private static func hash(_ key: Int64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: (UInt64(bitPattern: key) &* 0x9E37_79B9_7F4A_7C15) &>> shift)
  }
}
