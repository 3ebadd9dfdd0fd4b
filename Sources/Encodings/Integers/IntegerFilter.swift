import CKernels
import Vectors

/// A byte per value of a small domain: nonzero passes. Memory after `count` bytes is zero up to `capacity`.
struct FilterTable {
  let owner: AnyObject
  let bytes: UnsafePointer<UInt8>
  let count: UInt64
  let capacity: UInt64

  /// A table that owns its memory, one byte per flag.
  init(_ flags: UnsafePointer<UInt8>, count: Int) {
    // Packed codes reach the next power of two; with that much padding no index needs a check.
    let capacity = max(256, count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount))
    let buffer = Buffer(byteCount: capacity, zeroed: true)
    buffer.pointer.copyMemory(from: flags, byteCount: count)
    owner = buffer
    bytes = UnsafePointer(buffer.typed(UInt8.self))
    self.count = UInt64(count)
    self.capacity = UInt64(capacity)
  }

  init(_ table: KeyTable) {
    owner = table
    bytes = UnsafePointer(table.bytes)
    count = UInt64(table.count)
    capacity = UInt64(table.capacity)
  }
}

/// A predicate on the unsigned values of an `IntegerNode`, already moved into their space: offsets from a
/// chunk's reference, or codes.
enum IntegerFilter {
  case none
  case all
  /// Both bounds included.
  case range(lower: UInt64, upper: UInt64)
  /// Everything but that range.
  case outside(lower: UInt64, upper: UInt64)
  /// `table[value &+ shift]`; indexes past the table fail.
  case table(FilterTable, shift: UInt64)
  /// Membership of `value &+ reference`.
  case set(KeySet, reference: Int64)

  /// Whether one value passes.
  func contains(_ value: UInt64) -> Bool {
    switch self {
    case .none: return false
    case .all: return true
    case .range(let lower, let upper): return value >= lower && value <= upper
    case .outside(let lower, let upper): return value < lower || value > upper
    case .table(let table, let shift):
      let index = value &+ shift
      defer { withExtendedLifetime(table.owner) {} }
      return index < table.count && table.bytes[Int(truncatingIfNeeded: index)] != 0
    case .set(let set, let reference):
      return set.contains(Int64(truncatingIfNeeded: value) &+ reference)
    }
  }

  /// The same filter knowing that no value exceeds `maximum`: decided when all or none of them pass.
  func simplified(maximum: UInt64) -> IntegerFilter {
    switch self {
    case .range(let lower, let upper):
      if lower > upper || lower > maximum { return .none }
      return lower == 0 && upper >= maximum ? .all : self
    case .outside(let lower, let upper):
      if lower > upper || lower > maximum { return .all }
      return lower == 0 && upper >= maximum ? .none : self
    case .none, .all, .table, .set: return self
    }
  }
}

/// The loops: lanes in, positions out. Generic over the lane width, called with concrete ones only.
extension IntegerFilter {
  /// Appends `first + i` for every passing lane `i` below `count`; returns how many. `mask` is scratch of
  /// `count` bytes (rounded up to 64). `maximum` bounds the lanes' values.
  func select<L: Lane>(
    _ lanes: UnsafePointer<L>, _ count: Int, first: Int, maximum: UInt64,
    mask: UnsafeMutablePointer<UInt8>, into out: UnsafeMutablePointer<UInt16>
  ) -> Int {
    switch self {
    case .none: return 0
    case .all:
      for index in 0..<count { out[index] = UInt16(truncatingIfNeeded: first &+ index) }
      return count
    case .range(let lower, let upper):
      guard let range = LaneRange<L>(lower, upper) else { return 0 }
      range.mark(lanes, count, into: mask)
      return Positions.emit(mask, count, first: first, into: out)
    case .outside(let lower, let upper):
      guard let range = LaneRange<L>(lower, upper) else {
        return IntegerFilter.all.select(
          lanes, count, first: first, maximum: maximum, mask: mask, into: out)
      }
      guard let outside = range.complement else { return 0 }
      outside.mark(lanes, count, into: mask)
      return Positions.emit(mask, count, first: first, into: out)
    case .table(let table, let shift):
      var passed = 0
      if stoa_can_select() != 0 {
        // Flags first: look-ups then wait for nothing but memory.
        table.mark(lanes, count, maximum: maximum, shift: shift, into: mask)
        passed = Positions.emit(mask, count, first: first, into: out)
      } else if table.covers(maximum, shift: shift) {
        let bytes = table.bytes + Int(truncatingIfNeeded: shift)
        for index in 0..<count {
          out[passed] = UInt16(truncatingIfNeeded: first &+ index)
          passed &+= b2i(bytes[Int(truncatingIfNeeded: lanes[index])] != 0)
        }
      } else {
        for index in 0..<count {
          out[passed] = UInt16(truncatingIfNeeded: first &+ index)
          passed &+= b2i(table.checked(UInt64(truncatingIfNeeded: lanes[index]) &+ shift) != 0)
        }
      }
      withExtendedLifetime(table.owner) {}
      return passed
    case .set(let set, let reference):
      var passed = 0
      for index in 0..<count {
        out[passed] = UInt16(truncatingIfNeeded: first &+ index)
        passed &+= b2i(set.contains(Int64(truncatingIfNeeded: lanes[index]) &+ reference))
      }
      return passed
    }
  }

  /// Keeps those of `positions` whose lane passes, lane `i` being the one of position `i`; writes them to `out`
  /// (which may be `positions`).
  func refine<L: Lane>(
    _ lanes: UnsafePointer<L>, _ positions: UnsafePointer<UInt16>, _ count: Int, maximum: UInt64,
    into out: UnsafeMutablePointer<UInt16>
  ) -> Int {
    refine(positions, count, maximum: maximum, into: out) { lanes[$0] }
  }

  /// The same with the lanes of a whole unit of rows, a power of two; `mask` is one less.
  func refine<L: Lane>(
    unit lanes: UnsafePointer<L>, mask: Int, _ positions: UnsafePointer<UInt16>, _ count: Int,
    maximum: UInt64, into out: UnsafeMutablePointer<UInt16>
  ) -> Int {
    refine(positions, count, maximum: maximum, into: out) { lanes[Int(positions[$0]) & mask] }
  }

  @inline(__always)
  private func refine<L: Lane>(
    _ positions: UnsafePointer<UInt16>, _ count: Int, maximum: UInt64,
    into out: UnsafeMutablePointer<UInt16>, _ lane: (Int) -> L
  ) -> Int {
    var passed = 0
    switch self {
    case .none: return 0
    case .all:
      for index in 0..<count { out[index] = positions[index] }
      return count
    case .range(let lower, let upper):
      guard let range = LaneRange<L>(lower, upper) else { return 0 }
      return range.refine(positions, count, into: out, lane)
    case .outside(let lower, let upper):
      guard let range = LaneRange<L>(lower, upper) else {
        for index in 0..<count { out[index] = positions[index] }
        return count
      }
      guard let outside = range.complement else { return 0 }
      return outside.refine(positions, count, into: out, lane)
    case .table(let table, let shift):
      if table.covers(maximum, shift: shift) {
        let bytes = table.bytes + Int(truncatingIfNeeded: shift)
        for index in 0..<count {
          let position = positions[index]
          let isIn = bytes[Int(truncatingIfNeeded: lane(index))] != 0
          out[passed] = position
          passed &+= b2i(isIn)
        }
      } else {
        for index in 0..<count {
          let position = positions[index]
          let isIn = table.checked(UInt64(truncatingIfNeeded: lane(index)) &+ shift) != 0
          out[passed] = position
          passed &+= b2i(isIn)
        }
      }
      withExtendedLifetime(table.owner) {}
      return passed
    case .set(let set, let reference):
      for index in 0..<count {
        let position = positions[index]
        let isIn = set.contains(Int64(truncatingIfNeeded: lane(index)) &+ reference)
        out[passed] = position
        passed &+= b2i(isIn)
      }
      return passed
    }
  }
}

extension FilterTable {
  /// Whether every index `shift … shift + maximum` can be read without a check.
  @inline(__always)
  func covers(_ maximum: UInt64, shift: UInt64) -> Bool {
    let (last, overflow) = maximum.addingReportingOverflow(shift)
    return !overflow && last < capacity
  }

  /// Copies the byte of each lane.
  @inline(__always)
  func mark<L: Lane>(
    _ lanes: UnsafePointer<L>, _ count: Int, maximum: UInt64, shift: UInt64,
    into flags: UnsafeMutablePointer<UInt8>
  ) {
    if covers(maximum, shift: shift) {
      let bytes = bytes + Int(truncatingIfNeeded: shift)
      for index in 0..<count { flags[index] = bytes[Int(truncatingIfNeeded: lanes[index])] }
    } else {
      for index in 0..<count {
        flags[index] = checked(UInt64(truncatingIfNeeded: lanes[index]) &+ shift)
      }
    }
  }

  /// The byte at `index`, 0 past the end (where one zero byte always follows).
  @inline(__always)
  func checked(_ index: UInt64) -> UInt8 {
    let inside = index < count ? index : count
    return bytes[Int(truncatingIfNeeded: inside)]
  }
}

/// An interval of lane values as one unsigned comparison: `(value &- lower) <= span`.
struct LaneRange<L: Lane> {
  let lower: L
  let span: L

  /// `nil` when no lane value lies between the bounds.
  @inline(__always)
  init?(_ lower: UInt64, _ upper: UInt64) {
    guard lower <= upper, lower <= UInt64(L.max) else { return nil }
    self.lower = L(lower)
    span = L(min(upper, UInt64(L.max))) &- self.lower
  }

  @inline(__always)
  private init(lower: L, span: L) {
    self.lower = lower
    self.span = span
  }

  /// All other values: an interval too, when lanes are taken to wrap around.
  @inline(__always)
  var complement: LaneRange? {
    span == L.max ? nil : LaneRange(lower: lower &+ span &+ 1, span: L.max &- span &- 1)
  }

  /// One byte per lane: 1 inside.
  @inline(__always)
  func mark(_ lanes: UnsafePointer<L>, _ count: Int, into mask: UnsafeMutablePointer<UInt8>) {
    let lower = lower
    let span = span
    for index in 0..<count { mask[index] = (lanes[index] &- lower) <= span ? 1 : 0 }
  }

  /// Keeps the positions whose lane is inside.
  @inline(__always)
  func refine(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into out: UnsafeMutablePointer<UInt16>,
    _ lane: (Int) -> L
  ) -> Int {
    let lower = lower
    let span = span
    var passed = 0
    for index in 0..<count {
      let position = positions[index]
      let isIn = (lane(index) &- lower) <= span
      out[passed] = position
      passed &+= b2i(isIn)
    }
    return passed
  }
}
