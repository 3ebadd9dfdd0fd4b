import Vectors

/// Distinct values of one column in the order they came, found by an open-addressing hash table. Strings are copied
/// to a heap of its own; other types are keyed by their bits, so 0 and -0 (and differing NaN) stay apart.
struct EntryTable {
  let physical: PhysicalType
  /// Strings, or bits in the low end of `head` (and `tail` for 128-bit values).
  private(set) var entries: [StringView] = []
  private(set) var heap = StringHeap()
  private var slots: [Int32]
  private var hashes: [UInt32] = []

  init(_ physical: PhysicalType) {
    self.physical = physical
    slots = [Int32](repeating: -1, count: 1024)
  }

  /// Appends the provisional code of every row of a flat vector to `codes`; NULL rows get that of the row before (or
  /// 0). Returns false, leaving `codes` unusable, when there would be more than `limit` entries.
  mutating func add(_ vector: Vector, limit: Int, codes: inout [UInt32]) -> Bool {
    let count = vector.count
    let base = vector.base
    codes.reserveCapacity(codes.count + count)
    var last: UInt32 = 0
    defer { withExtendedLifetime(vector) {} }
    for row in 0..<count {
      if let validity = vector.validity, !validity.isValid(row) {
        codes.append(last)
        continue
      }
      let key = load(base, row)
      // Repeats are common in sorted columns.
      if Int(last) < entries.count, isEqual(entries[Int(last)], key) {
        codes.append(last)
        continue
      }
      guard let code = find(key, limit: limit) else { return false }
      last = code
      codes.append(code)
    }
    return true
  }

  @inline(__always)
  private func load(_ base: UnsafeRawPointer, _ row: Int) -> StringView {
    var view = StringView()
    switch physical {
    case .string: return base.assumingMemoryBound(to: StringView.self)[row]
    case .bool, .int8: view.tail = UInt64(base.assumingMemoryBound(to: UInt8.self)[row])
    case .int16: view.tail = UInt64(base.assumingMemoryBound(to: UInt16.self)[row])
    case .int32, .float32: view.tail = UInt64(base.assumingMemoryBound(to: UInt32.self)[row])
    case .int64, .float64: view.tail = base.assumingMemoryBound(to: UInt64.self)[row]
    case .int128:
      let wide = base.assumingMemoryBound(to: UInt128.self)[row]
      view.tail = UInt64(truncatingIfNeeded: wide)
      view.head = UInt64(truncatingIfNeeded: wide >> 64)
    }
    return view
  }

  @inline(__always)
  private func isEqual(_ left: StringView, _ right: StringView) -> Bool {
    physical == .string ? left == right : left.head == right.head && left.tail == right.tail
  }

  private func hash(_ key: StringView) -> UInt32 {
    let hash = physical == .string ? EntryTable.hash(key) : EntryTable.mix(key)
    return UInt32(truncatingIfNeeded: hash)
  }

  private static func mix(_ key: StringView) -> UInt64 {
    var hash = (key.head ^ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 32) ^ key.tail) &* 0x94D0_49BB_1331_11EB
    return hash ^ (hash >> 32)
  }

  /// A hash of a string's bytes.
  static func hash(_ key: StringView) -> UInt64 {
    if key.isInline { return mix(key) }
    var hash = key.head
    key.withBytes { bytes in
      var at = 0
      while at + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
        at += 8
      }
      while at < bytes.count {
        hash = (hash ^ UInt64(bytes[at])) &* 0x9E37_79B9_7F4A_7C15
        at += 1
      }
    }
    return hash ^ (hash >> 32)
  }

  private mutating func find(_ key: StringView, limit: Int) -> UInt32? {
    let hash = hash(key)
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if hashes[index] == hash && isEqual(entries[index], key) { return UInt32(index) }
      slot = (slot + 1) & mask
    }
    guard entries.count < limit else { return nil }
    slots[slot] = Int32(entries.count)
    entries.append(physical == .string ? heap.add(key) : key)
    hashes.append(hash)
    if entries.count * 2 > slots.count { grow() }
    return UInt32(entries.count - 1)
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: slots.count * 4)
    let mask = slots.count - 1
    for (index, hash) in hashes.enumerated() {
      var slot = Int(hash) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(index)
    }
  }

  /// The entries as a flat vector in SQL's order, and each entry's place in it.
  func sorted(_ type: LogicalType) -> (dictionary: Vector, remap: [UInt32]) {
    let order = sortedOrder()
    var remap = [UInt32](repeating: 0, count: order.count)
    for (place, index) in order.enumerated() { remap[index] = UInt32(place) }
    let width = physical.byteWidth
    let buffer = Buffer(byteCount: max(1, order.count * width))
    for (place, index) in order.enumerated() {
      let entry = entries[index]
      switch physical {
      case .string: buffer.typed(StringView.self)[place] = entry
      case .int128:
        buffer.typed(UInt128.self)[place] = UInt128(entry.head) << 64 | UInt128(entry.tail)
      default:
        withUnsafeBytes(of: entry.tail.littleEndian) {
          (buffer.pointer + place * width).copyMemory(from: $0.baseAddress!, byteCount: width)
        }
      }
    }
    let owners: [AnyObject] = physical == .string ? [heap] : []
    return (Vector(flat: buffer, type: type, count: order.count, owners: owners), remap)
  }

  private func sortedOrder() -> [Int] {
    let list = entries
    switch physical {
    case .string: return list.indices.sorted { StringView.compare(list[$0], list[$1]) < 0 }
    case .bool: return list.indices.sorted { list[$0].tail < list[$1].tail }
    case .int8: return by { Int8(truncatingIfNeeded: $0.tail) }
    case .int16: return by { Int16(truncatingIfNeeded: $0.tail) }
    case .int32: return by { Int32(truncatingIfNeeded: $0.tail) }
    case .int64: return by { Int64(truncatingIfNeeded: $0.tail) }
    case .int128:
      return by { Int128(truncatingIfNeeded: $0.head) << 64 | Int128(truncatingIfNeeded: $0.tail) }
    case .float32:
      return ordered { Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0.tail))) }
    case .float64: return ordered { Double(bitPattern: $0.tail) }
    }
  }

  private func by<K: Comparable>(_ key: (StringView) -> K) -> [Int] {
    let keys = entries.map(key)
    return keys.indices.sorted { keys[$0] < keys[$1] }
  }

  /// By SQL's order, equal values by their bits.
  private func ordered(_ value: (StringView) -> Double) -> [Int] {
    let keys = entries.map { (ValueTest.orderedKey(value($0)), $0.tail) }
    return keys.indices.sorted { keys[$0] < keys[$1] }
  }
}
