import CKernels
import Vectors

/// A table filter over values below 4,096 as a set that the processor keeps in its vector registers: a look-up then
/// touches no memory. Small dimensions and codes of dictionaries are tested so.
struct RegisterSet {
  private let bits: Buffer
  private let bitCount: Int

  /// `nil` when the filter is no table, values can be too large, or the processor lacks the instructions.
  init?(_ filter: IntegerFilter, maximum: UInt64) {
    guard case .table(let table, let shift) = filter, maximum < UInt64(STOA_SET_BITS),
      stoa_can_select() != 0
    else { return nil }
    bitCount = maximum < 1024 ? 1024 : maximum < 2048 ? 2048 : 4096
    bits = Buffer(byteCount: Int(STOA_SET_BITS) / 8, zeroed: true)
    let flags = Buffer(byteCount: Int(STOA_SET_BITS), zeroed: true)
    table.copy(shift: shift, count: Int(maximum) + 1, to: flags.typed(UInt8.self))
    stoa_pack_flags(flags.typed(UInt8.self), bitCount, bits.typed(UInt64.self))
  }

  /// Appends `first + i` for every passing lane `i` below `count`; returns how many.
  @inline(__always)
  func select<L: Lane>(
    _ lanes: UnsafePointer<L>, _ count: Int, first: Int, into out: UnsafeMutablePointer<UInt16>
  ) -> Int {
    let raw = UnsafeRawPointer(lanes)
    let from = UInt16(truncatingIfNeeded: first)
    defer { withExtendedLifetime(bits) {} }
    if L.bitWidth == 8 {
      return stoa_select_set8(
        raw.assumingMemoryBound(to: UInt8.self), count, bits.typed(UInt64.self), from, out)
    }
    return stoa_select_set16(
      raw.assumingMemoryBound(to: UInt16.self), count, bits.typed(UInt64.self), bitCount, from, out)
  }
}

extension FilterTable {
  /// Copies the flags of `shift ..< shift + count` (wrapping) as far as the table has them.
  fileprivate func copy(shift: UInt64, count: Int, to target: UnsafeMutablePointer<UInt8>) {
    defer { withExtendedLifetime(owner) {} }
    // A shift beyond the table is a negative one, or leads nowhere.
    let skipped = shift < self.count ? 0 : 0 &- shift
    guard skipped < UInt64(count) else { return }
    let start = shift &+ skipped
    let length = min(UInt64(count) - skipped, self.count - start)
    (target + Int(skipped)).update(from: bytes + Int(start), count: Int(length))
  }
}
