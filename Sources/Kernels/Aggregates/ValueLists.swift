import Vectors

// Aggregates that need all values of a group at once keep them in lists: blocks of one arena that double when they are
// full. A block at the end of the arena grows in place, so a single group is one array. What moved blocks leave behind is
// collected when it is more than half.

/// All values of each group, in memory form, in the order they came.
final class ValueLists {
  let width: Int
  private let starts = GroupArray<Int>(0)
  private let lengths = GroupArray<Int>(0)
  private let capacities = GroupArray<Int>(0)
  private var arena: UnsafeMutableRawPointer
  private var arenaCapacity = 0
  private var used = 0
  private var wasted = 0

  /// - Parameter width: bytes a value.
  init(width: Int) {
    self.width = width
    arena = .allocate(byteCount: 16, alignment: 16)
  }

  deinit { arena.deallocate() }

  var byteCount: Int {
    arenaCapacity * width + starts.byteCount + lengths.byteCount + capacities.byteCount
  }

  func resize(groupCount: Int) {
    starts.resize(to: groupCount)
    lengths.resize(to: groupCount)
    capacities.resize(to: groupCount)
  }

  /// Values of a group.
  func count(_ group: Int) -> Int { lengths.base[group] }

  /// The values of a group; valid until the next addition. They may be put into another order.
  func values<T: BitwiseCopyable>(_ group: Int, as _: T.Type) -> UnsafeMutableBufferPointer<T> {
    UnsafeMutableBufferPointer(
      start: (arena + starts.base[group] * width).assumingMemoryBound(to: T.self),
      count: lengths.base[group])
  }

  /// The bytes of a group's values.
  func bytes(_ group: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: arena + starts.base[group] * width, count: lengths.base[group] * width)
  }

  @inline(__always)
  func append<T: BitwiseCopyable>(_ value: T, _ group: Int) {
    let length = lengths.base[group]
    if length == capacities.base[group] { grow(group, by: 1) }
    (arena + (starts.base[group] + length) * width).assumingMemoryBound(to: T.self).pointee = value
    lengths.base[group] = length + 1
  }

  /// Adds several values.
  func append(bytes: UnsafeRawBufferPointer, _ group: Int) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    let added = bytes.count / width
    let length = lengths.base[group]
    if length + added > capacities.base[group] { grow(group, by: added) }
    (arena + (starts.base[group] + length) * width).copyMemory(from: base, byteCount: added * width)
    lengths.base[group] = length + added
  }

  @inline(never)
  private func grow(_ group: Int, by added: Int) {
    let length = lengths.base[group]
    let old = capacities.base[group]
    let capacity = max(4, old * 2, length + added)
    if old > 0, starts.base[group] + old == used {
      reserve(capacity - old)
      used += capacity - old
    } else {
      if wasted > used / 2, wasted > 4096 { collect() }
      reserve(capacity)
      (arena + used * width).copyMemory(
        from: arena + starts.base[group] * width, byteCount: length * width)
      starts.base[group] = used
      used += capacity
      wasted += old
    }
    capacities.base[group] = capacity
  }

  private func reserve(_ added: Int) {
    guard used + added > arenaCapacity else { return }
    move(to: max(used + added, arenaCapacity * 2, 64)) { target in
      target.copyMemory(from: arena, byteCount: used * width)
    }
  }

  private func move(to capacity: Int, _ copy: (UnsafeMutableRawPointer) -> Void) {
    let target = UnsafeMutableRawPointer.allocate(byteCount: capacity * width, alignment: 16)
    copy(target)
    arena.deallocate()
    arena = target
    arenaCapacity = capacity
  }

  /// Writes all lists anew, without gaps.
  private func collect() {
    var end = 0
    move(to: arenaCapacity) { target in
      for group in 0..<starts.count where capacities.base[group] > 0 {
        (target + end * width).copyMemory(
          from: arena + starts.base[group] * width, byteCount: lengths.base[group] * width)
        starts.base[group] = end
        end += capacities.base[group]
      }
    }
    used = end
    wasted = 0
  }
}

/// Lists of values of one type, strings with their bytes.
final class TypedLists {
  let type: LogicalType
  let lists: ValueLists
  private let heap = StringHeap()

  init(_ type: LogicalType) {
    self.type = type
    lists = ValueLists(width: type.physical.byteWidth)
  }

  var byteCount: Int { lists.byteCount + heap.byteCount }
  /// What keeps strings alive.
  var owners: [AnyObject] { type.physical == .string ? [heap] : [] }

  func resize(groupCount: Int) { lists.resize(groupCount: groupCount) }

  /// Adds every value that is not NULL.
  @inline(__always)
  func add(_ vector: Vector, _ group: (Int) -> Int) {
    switch type.physical {
    case .bool, .int8: ValidRows.forEach(vector, as: UInt8.self) { lists.append($1, group($0)) }
    case .int16: ValidRows.forEach(vector, as: UInt16.self) { lists.append($1, group($0)) }
    case .int32, .float32:
      ValidRows.forEach(vector, as: UInt32.self) { lists.append($1, group($0)) }
    case .int64, .float64:
      ValidRows.forEach(vector, as: UInt64.self) { lists.append($1, group($0)) }
    case .int128: ValidRows.forEach(vector, as: Int128.self) { lists.append($1, group($0)) }
    case .string:
      ValidRows.forEach(vector, as: StringView.self) { lists.append(heap.add($1), group($0)) }
    }
  }

  /// Adds a string.
  func append(_ view: StringView, _ group: Int) { lists.append(heap.add(view), group) }

  /// One string per group: its values one after the other, fixed-width ones as they lie in memory, strings
  /// with a 32-bit byte count in front.
  /// - Throws: `.resource` when the values of one group take 2 GB or more.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> Vector {
    var builder = VectorBuilder(type: .varchar, capacity: range.count)
    for group in range {
      guard type.physical == .string else {
        try ValueLists.checkStateSize(lists.bytes(group).count)
        builder.append(bytes: lists.bytes(group))
        continue
      }
      let views = lists.values(group, as: StringView.self)
      try ValueLists.checkStateSize(views.reduce(0) { $0 + $1.byteCount + 4 })
      var bytes: [UInt8] = []
      for view in views {
        withUnsafeBytes(of: UInt32(view.byteCount).littleEndian) { bytes.append(contentsOf: $0) }
        view.withBytes { bytes.append(contentsOf: $0) }
      }
      bytes.withUnsafeBytes { builder.append(bytes: $0) }
    }
    return builder.finish()
  }

  /// Adds states written by `partialStates`; row `i` goes to group `groups[i]`.
  func combine(_ partial: Vector, groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    let flat = partial.flattened()
    let views = flat.base.assumingMemoryBound(to: StringView.self)
    var isDamaged = false
    for row in 0..<count where flat.isValid(row) {
      views[row].withBytes { if !combine($0, Int(groups[row])) { isDamaged = true } }
    }
    withExtendedLifetime(flat) {}
    if isDamaged {
      throw StoaError(.corruption, "a partial state of an aggregate is damaged")
    }
  }

  private func combine(_ bytes: UnsafeRawBufferPointer, _ group: Int) -> Bool {
    guard type.physical == .string else {
      guard bytes.count % lists.width == 0 else { return false }
      lists.append(bytes: bytes, group)
      return true
    }
    var offset = 0
    while offset < bytes.count {
      guard offset + 4 <= bytes.count else { return false }
      let length = Int(
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
      offset += 4
      guard length <= bytes.count - offset else { return false }
      let text = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
      lists.append(heap.add(text), group)
      offset += length
    }
    return true
  }
}

extension ValueLists {
  /// - Throws: `.resource` when one group's state does not fit a string.
  static func checkStateSize(_ byteCount: Int) throws(StoaError) {
    guard byteCount < 1 << 31 else {
      throw StoaError(
        .resource, "an aggregate needs all values of a group at once, and they take 2 GB or more")
    }
  }
}

/// The k-th value without sorting all (Hoare's quickselect with the median of three; when partitions stay
/// lopsided, the rest is sorted).
enum ValueSelection {
  /// Puts the value that sorting would put at `index` there, none greater before it, none less after.
  @inline(__always)
  static func select<T: OrderedValue>(_ values: UnsafeMutableBufferPointer<T>, _ index: Int) {
    var low = 0
    var high = values.count - 1
    var rounds = 0
    while low < high {
      rounds += 1
      if rounds > 64 || high - low < 16 {
        var rest = UnsafeMutableBufferPointer(rebasing: values[low...high])
        return rest.sort { T.isLess($0, $1) }
      }
      let pivot = median(values[low], values[(low + high) / 2], values[high])
      var left = low
      var right = high
      while left <= right {
        while T.isLess(values[left], pivot) { left += 1 }
        while T.isLess(pivot, values[right]) { right -= 1 }
        if left <= right {
          values.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if index <= right { high = right } else if index >= left { low = left } else { return }
    }
  }

  @inline(__always)
  private static func median<T: OrderedValue>(_ a: T, _ b: T, _ c: T) -> T {
    if T.isLess(a, b) {
      if T.isLess(b, c) { return b }
      return T.isLess(a, c) ? c : a
    }
    if T.isLess(a, c) { return a }
    return T.isLess(b, c) ? c : b
  }

  /// The least value from `index` on.
  @inline(__always)
  static func least<T: OrderedValue>(
    _ values: UnsafeMutableBufferPointer<T>, from index: Int
  ) -> T {
    var least = values[index]
    for position in index..<values.count where T.isLess(values[position], least) {
      least = values[position]
    }
    return least
  }
}
