import Kernels
import Vectors

/// Distinct strings of one column as one worker met them, each with a number. Bounded: past `entryLimit` it takes no
/// new ones, and the column is staged as plain strings from there on.
final class TextInterner {
  static let entryLimit = 1 << 16

  private let heap = StringHeap()
  private(set) var entries: [StringView] = []
  /// Numbers plus one by hash; a power of two, at most half full.
  private var slots: [UInt32] = Array(repeating: 0, count: 1024)
  private let limit: Int
  /// The last string asked for, since equal ones often follow each other.
  private var lastView = StringView()
  private var lastNumber: UInt32 = .max

  init(limit: Int = TextInterner.entryLimit) { self.limit = limit }

  var byteCount: Int { heap.byteCount + entries.count * 16 + slots.count * 4 }

  /// What keeps the bytes of `entries` alive.
  var owner: AnyObject { heap }

  /// The number of the string; `nil` when it is new and there is no room for it.
  @inline(__always)
  func number(of view: StringView) -> UInt32? {
    if lastNumber != .max && view == lastView { return lastNumber }
    return lookUp(view)
  }

  private func lookUp(_ view: StringView) -> UInt32? {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: Hashing.hash(view) >> 20) & mask
    while slots[slot] != 0 {
      let number = slots[slot] - 1
      if entries[Int(number)] == view {
        lastView = entries[Int(number)]
        lastNumber = number
        return number
      }
      slot = (slot + 1) & mask
    }
    guard entries.count < limit else { return nil }
    entries.append(heap.add(view))
    slots[slot] = UInt32(entries.count)
    if entries.count * 2 > slots.count { grow() }
    lastView = entries[entries.count - 1]
    lastNumber = UInt32(entries.count - 1)
    return lastNumber
  }

  /// The number of the string when it is known.
  func existingNumber(of view: StringView) -> UInt32? {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: Hashing.hash(view) >> 20) & mask
    while slots[slot] != 0 {
      if entries[Int(slots[slot] - 1)] == view { return slots[slot] - 1 }
      slot = (slot + 1) & mask
    }
    return nil
  }

  private func grow() {
    slots = Array(repeating: 0, count: slots.count * 4)
    let mask = slots.count - 1
    for (number, view) in entries.enumerated() {
      var slot = Int(truncatingIfNeeded: Hashing.hash(view) >> 20) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(number + 1)
    }
  }

  /// The entries as a vector that shares their bytes.
  func vector(_ type: LogicalType) -> Vector {
    let buffer = Buffer(of: StringView.self, count: max(1, entries.count))
    let target = buffer.typed(StringView.self)
    for (number, view) in entries.enumerated() { target[number] = view }
    return Vector(flat: buffer, type: type, count: entries.count, owners: [heap])
  }
}
