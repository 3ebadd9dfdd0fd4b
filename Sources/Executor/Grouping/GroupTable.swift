import CKernels
import Kernels
import Vectors

// A hash table from keys to group numbers 0, 1, 2, … in order of first appearance. Linear probing over 8-byte
// slots that hold the upper half of the hash and the group number, so that most mismatches are seen
// without touching the key. Keys lie apart, as rows of words (`KeyLayout`), with their hashes.

/// Numbers the distinct keys of rows. One owner writes.
final class GroupTable {
  let layout: KeyLayout
  /// Groups so far.
  private(set) var count = 0
  /// Key of each group, `layout.stride` bytes.
  private var rows = GrowingBytes()
  /// Hash of each group.
  private var hashes = GrowingBytes()
  private let heap = StringHeap()
  private var slots: UnsafeMutablePointer<UInt64>
  private var slotCount: Int
  private var scratchRows = GrowingBytes()
  private var scratchHashes = GrowingBytes()

  /// More groups than this do not fit one table.
  static let groupLimit = Int(UInt32.max) - 1

  init(types: [LogicalType]) {
    layout = KeyLayout(types: types, storesNulls: true)
    slotCount = 64
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: 0, count: slotCount)
  }

  deinit { slots.deallocate() }

  /// Bytes held, for the memory budget.
  var byteCount: Int {
    rows.capacity + hashes.capacity + slotCount * 8 + heap.byteCount + scratchRows.capacity
      + scratchHashes.capacity
  }

  /// Hash of each group; valid until the next change.
  var groupHashes: UnsafePointer<UInt64> {
    UnsafePointer(hashes.pointer.assumingMemoryBound(to: UInt64.self))
  }

  /// Key rows of all groups; valid until the next change.
  var groupRows: UnsafeRawPointer { UnsafeRawPointer(rows.pointer) }

  /// Writes the group of each of `count` rows to `groups`, making new groups as needed.
  func assign(
    _ keys: [Vector], count: Int, into groups: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    guard count > 0 else { return }
    scratchRows.reserve(count * layout.stride, used: 0)
    scratchHashes.reserve(count * 8, used: 0)
    layout.encode(keys, count: count, into: scratchRows.pointer)
    let target = scratchHashes.pointer.assumingMemoryBound(to: UInt64.self)
    Hashing.hash(rows: keys, count: count, into: target)
    try assign(
      rows: UnsafeRawPointer(scratchRows.pointer), hashes: UnsafePointer(target), count: count,
      into: groups)
    withExtendedLifetime(keys) {}
  }

  /// The same for keys that are rows already, with their hashes; long strings are copied.
  func assign(
    rows source: UnsafeRawPointer, hashes sourceHashes: UnsafePointer<UInt64>, count added: Int,
    into groups: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    guard count + added <= GroupTable.groupLimit else {
      throw StoaError(.resource, "more than \(GroupTable.groupLimit) groups")
    }
    reserve(added)
    if layout.wordCount == 1 {
      assignWords(source.assumingMemoryBound(to: UInt64.self), sourceHashes, added, groups)
    } else {
      assignRows(source, sourceHashes, added, groups)
    }
  }

  /// Keys of one word. Everything is in locals: there is room for `added` groups, so nothing moves.
  private func assignWords(
    _ source: UnsafePointer<UInt64>, _ sourceHashes: UnsafePointer<UInt64>, _ added: Int,
    _ groups: UnsafeMutablePointer<UInt32>
  ) {
    let mask = slotCount - 1
    let slots = slots
    let keys = rows.pointer.assumingMemoryBound(to: UInt64.self)
    let keyHashes = hashes.pointer.assumingMemoryBound(to: UInt64.self)
    var groupCount = count
    for row in 0..<added {
      if row &+ 8 < added {
        stoa_prefetch(slots + (Int(truncatingIfNeeded: sourceHashes[row &+ 8]) & mask))
      }
      let hash = sourceHashes[row]
      let key = source[row]
      var slot = Int(truncatingIfNeeded: hash) & mask
      while true {
        let entry = slots[slot]
        if entry == 0 {
          keys[groupCount] = key
          keyHashes[groupCount] = hash
          groups[row] = UInt32(truncatingIfNeeded: groupCount)
          groupCount &+= 1
          slots[slot] = GroupTable.entry(hash, groupCount)
          break
        }
        let group = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1
        if (entry ^ hash) >> 32 == 0 && keys[group] == key {
          groups[row] = UInt32(truncatingIfNeeded: group)
          break
        }
        slot = (slot &+ 1) & mask
      }
    }
    count = groupCount
  }

  private func assignRows(
    _ source: UnsafeRawPointer, _ sourceHashes: UnsafePointer<UInt64>, _ added: Int,
    _ groups: UnsafeMutablePointer<UInt32>
  ) {
    let mask = slotCount - 1
    let slots = slots
    let layout = layout
    let stride = layout.stride
    let hasStrings = !layout.stringWords.isEmpty
    let keys = rows.pointer
    let keyHashes = hashes.pointer.assumingMemoryBound(to: UInt64.self)
    var groupCount = count
    for row in 0..<added {
      if row &+ 8 < added {
        stoa_prefetch(slots + (Int(truncatingIfNeeded: sourceHashes[row &+ 8]) & mask))
      }
      let hash = sourceHashes[row]
      let key = source + row &* stride
      var slot = Int(truncatingIfNeeded: hash) & mask
      while true {
        let entry = slots[slot]
        if entry == 0 {
          let target = keys + groupCount &* stride
          target.copyMemory(from: key, byteCount: stride)
          if hasStrings { keepStrings(target) }
          keyHashes[groupCount] = hash
          groups[row] = UInt32(truncatingIfNeeded: groupCount)
          groupCount &+= 1
          slots[slot] = GroupTable.entry(hash, groupCount)
          break
        }
        let group = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1
        if (entry ^ hash) >> 32 == 0
          && layout.areEqual(UnsafeRawPointer(keys) + group &* stride, key)
        {
          groups[row] = UInt32(truncatingIfNeeded: group)
          break
        }
        slot = (slot &+ 1) & mask
      }
    }
    count = groupCount
  }

  /// A slot for the group before `groupCount`.
  @inline(__always)
  private static func entry(_ hash: UInt64, _ groupCount: Int) -> UInt64 {
    (hash & 0xFFFF_FFFF_0000_0000) | UInt64(truncatingIfNeeded: groupCount)
  }

  /// Copies the long strings of a new key, whose bytes belong to a batch, to the table's own memory.
  private func keepStrings(_ target: UnsafeMutableRawPointer) {
    for word in layout.stringWords {
      let view = (target + word * 8).load(as: StringView.self)
      if !view.isInline { (target + word * 8).storeBytes(of: heap.add(view), as: StringView.self) }
    }
  }

  /// Room for `added` groups more, with at most half of the slots used.
  private func reserve(_ added: Int) {
    rows.reserve((count + added) * layout.stride, used: count * layout.stride)
    hashes.reserve((count + added) * 8, used: count * 8)
    guard (count + added) * 2 > slotCount else { return }
    while (count + added) * 2 > slotCount { slotCount *= 2 }
    slots.deallocate()
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: 0, count: slotCount)
    let mask = slotCount - 1
    let hashes = groupHashes
    for group in 0..<count {
      var slot = Int(truncatingIfNeeded: hashes[group]) & mask
      while slots[slot] != 0 { slot = (slot &+ 1) & mask }
      slots[slot] = (hashes[group] & 0xFFFF_FFFF_0000_0000) | UInt64(group + 1)
    }
  }

  /// Key column `index` of the groups of `range`.
  func keyVector(_ index: Int, _ range: Range<Int>) -> Vector {
    layout.decode(
      index, groupRows + range.lowerBound * layout.stride, count: range.count, owners: [heap])
  }

  /// All key columns of the groups of `range`.
  func keyVectors(_ range: Range<Int>) -> [Vector] {
    layout.types.indices.map { keyVector($0, range) }
  }
}
