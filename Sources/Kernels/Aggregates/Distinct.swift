import Vectors

// DISTINCT inside an aggregate: a set of (group, value) pairs, deduplicated as rows come in. Only when results
// are asked for does the aggregate itself see the values, each once per group; partial states are not needed
// from it. An open-addressing table of entry numbers, linear probing, at most half full.

/// Any aggregate of one argument over the different values of each group.
final class DistinctAccumulator: AggregateAccumulator {
  private let function: BoundAggregate
  private let type: LogicalType
  private let width: Int
  private var groupCount = 0
  private var entryCount = 0
  private let entryGroups = GroupArray<UInt32>(0)
  private let entryHashes = GroupArray<UInt64>(0)
  /// `width` bytes per entry.
  private let entryValues = GroupArray<UInt8>(0)
  /// Entry number + 1, 0 for free; a power of two of them.
  private var slots = GroupArray<UInt32>(0)
  private let heap = StringHeap()

  init(_ function: BoundAggregate) {
    self.function = function
    type = function.argumentTypes[0]
    width = type.physical.byteWidth
    slots.resize(to: 64)
  }

  var byteCount: Int {
    entryGroups.byteCount + entryHashes.byteCount + entryValues.byteCount + slots.byteCount
      + heap.byteCount
  }

  func resize(groupCount: Int) { self.groupCount = max(self.groupCount, groupCount) }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    insert(arguments[0], count) { groups[$0] }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    let group = UInt32(truncatingIfNeeded: group)
    let vector = arguments[0]
    switch vector.form {
    case .runs: insert(vector.child!, vector.child!.count) { _ in group }
    case .constant where count > 0: insert(vector.resizedConstant(count: 1), 1) { _ in group }
    case .flat, .constant, .dictionary: insert(vector, count) { _ in group }
    }
  }

  @inline(__always)
  private func insert(_ vector: Vector, _ count: Int, _ group: (Int) -> UInt32) {
    guard count > 0 else { return }
    reserve(count)
    let flat = vector.flattened()
    let scratch = Buffer(of: UInt64.self, count: count)
    let hashes = scratch.typed(UInt64.self)
    Hashing.hash(flat, into: hashes, combining: false)
    switch type.physical.byteWidth {
    case 1: insert(flat, UInt8.self, hashes, group) { $0 == $1 }
    case 2: insert(flat, UInt16.self, hashes, group) { $0 == $1 }
    case 4 where type.physical == .float32:
      insert(flat, Float.self, hashes, group) { $0 == $1 || ($0.isNaN && $1.isNaN) }
    case 4: insert(flat, UInt32.self, hashes, group) { $0 == $1 }
    case 8 where type.physical == .float64:
      insert(flat, Double.self, hashes, group) { $0 == $1 || ($0.isNaN && $1.isNaN) }
    case 8: insert(flat, UInt64.self, hashes, group) { $0 == $1 }
    case _ where type.physical == .string:
      insert(flat, StringView.self, hashes, group) { $0 == $1 }
    case _ where type == .interval:
      insert(flat, Int128.self, hashes, group) {
        $0 >> Interval.lengthShift == $1 >> Interval.lengthShift
      }
    default: insert(flat, Int128.self, hashes, group) { $0 == $1 }
    }
    withExtendedLifetime(scratch) {}
  }

  @inline(__always)
  private func insert<T: BitwiseCopyable>(
    _ flat: Vector, _: T.Type, _ hashes: UnsafePointer<UInt64>, _ group: (Int) -> UInt32,
    _ equal: (T, T) -> Bool
  ) {
    let values = UnsafeMutableRawPointer(entryValues.base).assumingMemoryBound(to: T.self)
    let table = slots.base
    let mask = slots.count - 1
    ValidRows.forEach(flat, as: T.self) { row, value in
      let group = group(row)
      let hash = Hashing.combine(hashes[row], UInt64(group))
      var slot = Int(truncatingIfNeeded: hash) & mask
      while true {
        let entry = Int(table[slot]) - 1
        if entry < 0 { break }
        if entryHashes.base[entry] == hash, entryGroups.base[entry] == group,
          equal(values[entry], value)
        {
          return
        }
        slot = (slot + 1) & mask
      }
      entryHashes.base[entryCount] = hash
      entryGroups.base[entryCount] = group
      if let view = value as? StringView, let kept = heap.add(view) as? T {
        values[entryCount] = kept
      } else {
        values[entryCount] = value
      }
      entryCount += 1
      table[slot] = UInt32(truncatingIfNeeded: entryCount)
    }
  }

  /// Room for `added` more entries, so that arrays stay put during a batch.
  private func reserve(_ added: Int) {
    let needed = entryCount + added
    entryGroups.resize(to: needed)
    entryHashes.resize(to: needed)
    entryValues.resize(to: needed * width)
    guard needed * 2 > slots.count else { return }
    var size = slots.count
    while size < needed * 2 { size *= 2 }
    let grown = GroupArray<UInt32>(0)
    grown.resize(to: size)
    for entry in 0..<entryCount {
      var slot = Int(truncatingIfNeeded: entryHashes.base[entry]) & (size - 1)
      while grown.base[slot] != 0 { slot = (slot + 1) & (size - 1) }
      grown.base[slot] = UInt32(truncatingIfNeeded: entry + 1)
    }
    slots = grown
  }

  /// All values as a vector; shares the heap.
  private func values(_ range: Range<Int>) -> Vector {
    let buffer = Buffer(byteCount: max(1, range.count * width))
    buffer.pointer.copyMemory(
      from: entryValues.base + range.lowerBound * width, byteCount: range.count * width)
    return Vector(
      flat: buffer, type: type, count: range.count,
      owners: type.physical == .string ? [heap] : [])
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? DistinctAccumulator else { throw AggregateErrors.otherClass }
    let step = 1 << 16
    for start in stride(from: 0, to: other.entryCount, by: step) {
      let range = start..<min(start + step, other.entryCount)
      insert(other.values(range), range.count) {
        groups[Int(other.entryGroups.base[start + $0])]
      }
    }
  }

  /// One string per group: its values one after the other, fixed-width ones as they lie in memory, strings
  /// with a 32-bit byte count in front.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    var states = [[UInt8]](repeating: [], count: range.count)
    let views = UnsafeRawPointer(entryValues.base).assumingMemoryBound(to: StringView.self)
    for entry in 0..<entryCount where range.contains(Int(entryGroups.base[entry])) {
      let index = Int(entryGroups.base[entry]) - range.lowerBound
      if type.physical == .string {
        withUnsafeBytes(of: UInt32(views[entry].byteCount).littleEndian) {
          states[index].append(contentsOf: $0)
        }
        views[entry].withBytes { states[index].append(contentsOf: $0) }
      } else {
        states[index].append(
          contentsOf: UnsafeBufferPointer(start: entryValues.base + entry * width, count: width))
      }
    }
    var builder = VectorBuilder(type: .varchar, capacity: range.count)
    for state in states { state.withUnsafeBytes { builder.append(bytes: $0) } }
    return [builder.finish()]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.string], count)
    let flat = partials[0].flattened()
    let views = flat.base.assumingMemoryBound(to: StringView.self)
    for index in 0..<count where flat.isValid(index) {
      let group = groups[index]
      guard let vector = views[index].withBytes({ decode($0) }) else {
        throw StoaError(.corruption, "a partial state of a DISTINCT aggregate is damaged")
      }
      insert(vector, vector.count) { _ in group }
    }
    withExtendedLifetime(flat) {}
  }

  private func decode(_ bytes: UnsafeRawBufferPointer) -> Vector? {
    guard type.physical == .string else {
      guard bytes.count % width == 0 else { return nil }
      return Vector(
        flat: Buffer(copying: bytes), type: type, count: bytes.count / width)
    }
    var builder = VectorBuilder(type: type)
    var offset = 0
    while offset < bytes.count {
      guard offset + 4 <= bytes.count else { return nil }
      let length = Int(
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
      offset += 4
      guard length <= bytes.count - offset else { return nil }
      builder.append(bytes: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)]))
      offset += length
    }
    return builder.finish()
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let inner = function.makeAccumulator()
    try inner.resize(groupCount: groupCount)
    let step = 1 << 16
    for start in stride(from: 0, to: entryCount, by: step) {
      let rows = start..<min(start + step, entryCount)
      try inner.update([values(rows)], groups: entryGroups.base + start, count: rows.count)
    }
    return try inner.finish(range)
  }
}
