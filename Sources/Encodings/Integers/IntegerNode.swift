import Vectors

/// A sequence of unsigned integers in one encoding, as it lies in a chunk: offsets from the chunk's reference,
/// dictionary codes, run lengths. Nodes nest (cascading encodings); each knows the narrowest lane that holds its
/// values, and everything that is not worth doing on encoded values runs on unpacked lanes.
///
/// Immutable after opening, so workers share nodes. Pointers into the chunk are kept alive by its `ColumnChunk`.
class IntegerNode {
  /// Values, at most 65,536.
  let count: Int
  /// No value exceeds this (from bit widths, not from a claim in the file).
  let maximum: UInt64
  /// The lanes that `unpack` writes.
  let lane: LaneWidth

  init(count: Int, maximum: UInt64, lane: LaneWidth? = nil) {
    self.count = count
    self.maximum = maximum
    self.lane = lane ?? LaneWidth(holding: maximum)
  }

  var encoding: EncodingID { preconditionFailure("abstract") }

  /// The encoding tree on one line, for `inspect`.
  var summary: String { encoding.name }

  /// Blocks that have to be decoded together, a power of two.
  var blocksPerUnit: Int { 1 }

  /// Up to this many positions of a unit are fetched one by one rather than by unpacking it.
  var sparseLimit: Int { 0 }

  /// `gather` finds values in other ways than unpacking the units they are in; filters then gather too.
  var gathersItself: Bool { false }

  /// Writes all 1,024 lanes of each of `blocks`; what lies past `count` is undefined. `target` is aligned to 64.
  func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) { preconditionFailure("abstract") }

  /// Writes one lane per position without unpacking; called with at most `sparseLimit` positions per unit on average.
  func fetch(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) { preconditionFailure("abstract") }

  /// Writes one lane per ascending position (all below `self.count`).
  func gather(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    switch lane {
    case .bits8: try gatherLanes(positions, count, target.assumingMemoryBound(to: UInt8.self))
    case .bits16: try gatherLanes(positions, count, target.assumingMemoryBound(to: UInt16.self))
    case .bits32: try gatherLanes(positions, count, target.assumingMemoryBound(to: UInt32.self))
    case .bits64: try gatherLanes(positions, count, target.assumingMemoryBound(to: UInt64.self))
    }
  }

  /// Whether all rows or none pass, where that can be told at next to no cost.
  func verdict(_ filter: IntegerFilter) throws(StoaError) -> FilterVerdict { .some }

  /// Appends the rows of `rows` (starting on a block) that pass; returns how many.
  func select(
    _ filter: IntegerFilter, _ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>
  ) throws(StoaError) -> Int {
    switch lane {
    case .bits8: try selectLanes(filter, rows, out, UInt8.self)
    case .bits16: try selectLanes(filter, rows, out, UInt16.self)
    case .bits32: try selectLanes(filter, rows, out, UInt32.self)
    case .bits64: try selectLanes(filter, rows, out, UInt64.self)
    }
  }

  /// Keeps the ascending positions whose value passes, in place; returns how many.
  func refine(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Int {
    switch lane {
    case .bits8: try refineLanes(filter, positions, count, UInt8.self)
    case .bits16: try refineLanes(filter, positions, count, UInt16.self)
    case .bits32: try refineLanes(filter, positions, count, UInt32.self)
    case .bits64: try refineLanes(filter, positions, count, UInt64.self)
    }
  }

  /// The sum of all values.
  func sum() throws(StoaError) -> Int128 {
    var total: Int128 = 0
    let scratch = Buffer(byteCount: stepCount * lane.byteCount)
    var row = 0
    while row < count {
      let end = min(row + stepCount, count)
      try unpack(
        row / blockCapacity..<(end + blockCapacity - 1) / blockCapacity, into: scratch.pointer)
      total &+= Lanes.sum(scratch.pointer, end - row, lane)
      row = end
    }
    return total
  }

  /// The least and greatest value; `count` is not 0.
  func minMax() throws(StoaError) -> (min: UInt64, max: UInt64) {
    let scratch = Buffer(byteCount: stepCount * lane.byteCount)
    var result = (min: UInt64.max, max: UInt64.min)
    var row = 0
    while row < count {
      let end = min(row + stepCount, count)
      try unpack(
        row / blockCapacity..<(end + blockCapacity - 1) / blockCapacity, into: scratch.pointer)
      let part = Lanes.minMax(scratch.pointer, end - row, lane)
      result = (Swift.min(result.min, part.min), Swift.max(result.max, part.max))
      row = end
    }
    return result
  }

  /// One value; for single look-ups.
  final func value(at row: Int) throws(StoaError) -> UInt64 {
    let scratch = Buffer(byteCount: 8, zeroed: true)
    var position = UInt16(truncatingIfNeeded: row)
    try gather(&position, 1, into: scratch.pointer)
    return Lanes.value(scratch.pointer, 0, lane)
  }

  /// All values as UInt32, which they must fit.
  final func allCodes() throws(StoaError) -> Buffer {
    let target = Buffer(byteCount: max(1, blockCount * blockCapacity * 4))
    if count > 0 { try unpackCodes(0..<count, into: target.typed(UInt32.self)) }
    return target
  }

  /// All values widened; for small nodes (dictionary entries, run lengths).
  final func allValues() throws(StoaError) -> [UInt64] {
    let scratch = Buffer(byteCount: max(1, blockCount * blockCapacity * lane.byteCount))
    try unpack(0..<blockCount, into: scratch.pointer)
    let wide = Buffer(byteCount: max(1, count * 8))
    Lanes.widen(scratch.pointer, lane, count, adding: 0, into: wide.pointer, as: .int64)
    return Array(UnsafeBufferPointer(start: wide.typed(UInt64.self), count: count))
  }
}

extension IntegerNode {
  final var blockCount: Int { (count + blockCapacity - 1) / blockCapacity }

  /// Rows decoded per step by the loops that need scratch: several blocks, so that the fixed cost of a step
  /// is small and scratch stays in the first-level cache; a multiple of the unit.
  final var stepCount: Int { max(4, blocksPerUnit) * blockCapacity }

  private func selectLanes<L: Lane>(
    _ filter: IntegerFilter, _ rows: Range<Int>, _ out: UnsafeMutablePointer<UInt16>, _: L.Type
  ) throws(StoaError) -> Int {
    let step = stepCount
    let scratch = Buffer(byteCount: step * L.bitWidth / 8 + step)
    let lanes = scratch.typed(L.self)
    let mask = (scratch.pointer + step * L.bitWidth / 8).assumingMemoryBound(to: UInt8.self)
    let set = L.bitWidth <= 16 ? RegisterSet(filter, maximum: maximum) : nil
    var passed = 0
    var row = rows.lowerBound
    while row < rows.upperBound {
      let end = min((row / step + 1) * step, rows.upperBound)
      try unpack(
        row / blockCapacity..<(end + blockCapacity - 1) / blockCapacity, into: scratch.pointer)
      if let set {
        passed &+= set.select(lanes, end - row, first: row, into: out + passed)
      } else {
        passed &+= filter.select(
          lanes, end - row, first: row, maximum: maximum, mask: mask, into: out + passed)
      }
      row = end
    }
    return passed
  }

  private func refineLanes<L: Lane>(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int, _: L.Type
  ) throws(StoaError) -> Int {
    if gathersItself || isSparse(positions, count) {
      return try refineGathered(filter, positions, count, L.self)
    }
    let unit = blocksPerUnit * blockCapacity
    let sparse = sparseLimit
    let scratch = Buffer(byteCount: max(unit, sparse) * L.bitWidth / 8)
    let lanes = UnsafePointer(scratch.typed(L.self))
    var passed = 0
    var index = 0
    while index < count {
      let (taken, blocks) = unitPart(positions, from: index, count, unit)
      if taken <= sparse {
        try fetch(positions + index, taken, into: scratch.pointer)
        passed &+= filter.refine(
          lanes, positions + index, taken, maximum: maximum, into: positions + passed)
      } else {
        try unpack(blocks, into: scratch.pointer)
        passed &+= filter.refine(
          unit: lanes, mask: unit - 1, positions + index, taken, maximum: maximum,
          into: positions + passed)
      }
      index += taken
    }
    return passed
  }

  private func refineGathered<L: Lane>(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int, _: L.Type
  ) throws(StoaError) -> Int {
    let step = min(count, 8192)
    let scratch = Buffer(byteCount: max(1, step) * L.bitWidth / 8)
    var passed = 0
    var start = 0
    while start < count {
      let taken = min(step, count - start)
      try gather(positions + start, taken, into: scratch.pointer)
      passed &+= filter.refine(
        UnsafePointer(scratch.typed(L.self)), positions + start, taken, maximum: maximum,
        into: positions + passed)
      start += taken
    }
    return passed
  }

  /// Whether positions are so few on average that the units they are in are not worth unpacking.
  private func isSparse(_ positions: UnsafePointer<UInt16>, _ count: Int) -> Bool {
    guard count > 0 else { return true }
    let (first, last) = (Int(positions[0]), Int(positions[count - 1]))
    let units = (last - first) / (blocksPerUnit * blockCapacity) + 1
    return last >= first && count <= units * sparseLimit
  }

  /// The positions from `from` on that lie in the same unit, and the unit's blocks.
  @inline(__always)
  private func unitPart(
    _ positions: UnsafePointer<UInt16>, from: Int, _ count: Int, _ unit: Int
  ) -> (taken: Int, blocks: Range<Int>) {
    let first = Int(positions[from]) / unit * unit
    let end = Positions.firstIndex(positions, from: from, count, notBelow: first + unit)
    let block = first / blockCapacity
    // A selection that is not ascending must not loop for ever.
    return (max(1, end - from), block..<min(block + blocksPerUnit, blockCount))
  }

  private func gatherLanes<L: Lane>(
    _ positions: UnsafePointer<UInt16>, _ count: Int, _ target: UnsafeMutablePointer<L>
  ) throws(StoaError) {
    // All at once: look-ups in different blocks then wait for memory together.
    if isSparse(positions, count) {
      return try fetch(positions, count, into: UnsafeMutableRawPointer(target))
    }
    let unit = blocksPerUnit * blockCapacity
    let sparse = sparseLimit
    var scratch: Buffer?
    var index = 0
    while index < count {
      let (taken, blocks) = unitPart(positions, from: index, count, unit)
      if taken <= sparse {
        try fetch(positions + index, taken, into: UnsafeMutableRawPointer(target + index))
      } else {
        if scratch == nil { scratch = Buffer(byteCount: unit * L.bitWidth / 8) }
        try unpack(blocks, into: scratch!.pointer)
        Lanes.pick(
          UnsafePointer(scratch!.typed(L.self)), unit: unit, positions + index, taken,
          target + index)
      }
      index += taken
    }
  }
}
