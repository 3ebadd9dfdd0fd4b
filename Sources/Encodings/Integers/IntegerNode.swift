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

  /// Up to this many positions of a block are fetched one by one rather than by unpacking it.
  var sparseLimit: Int { 0 }

  /// Writes all 1,024 lanes of each of `blocks`; what lies past `count` is undefined. `target` is aligned to 64.
  func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) { preconditionFailure("abstract") }

  /// Writes one lane per position without unpacking; called with at most `sparseLimit` positions.
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
    var passed = 0
    var row = rows.lowerBound
    while row < rows.upperBound {
      let end = min((row / step + 1) * step, rows.upperBound)
      try unpack(
        row / blockCapacity..<(end + blockCapacity - 1) / blockCapacity, into: scratch.pointer)
      passed &+= filter.select(
        lanes, end - row, first: row, maximum: maximum, mask: mask, into: out + passed)
      row = end
    }
    return passed
  }

  private func refineLanes<L: Lane>(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int, _: L.Type
  ) throws(StoaError) -> Int {
    let step = min(count, 8192)
    let scratch = Buffer(byteCount: max(1, step) * L.bitWidth / 8)
    let lanes = scratch.typed(L.self)
    var passed = 0
    var start = 0
    while start < count {
      let taken = min(step, count - start)
      try gather(positions + start, taken, into: scratch.pointer)
      passed &+= filter.refine(
        lanes, positions + start, taken, maximum: maximum, into: positions + passed)
      start += taken
    }
    return passed
  }

  private func gatherLanes<L: Lane>(
    _ positions: UnsafePointer<UInt16>, _ count: Int, _ target: UnsafeMutablePointer<L>
  ) throws(StoaError) {
    let unit = blocksPerUnit * blockCapacity
    let sparse = sparseLimit
    var scratch: Buffer?
    var index = 0
    while index < count {
      let first = Int(positions[index]) / unit * unit
      let end = Positions.firstIndex(positions, from: index, count, notBelow: first + unit)
      // A selection that is not ascending must not loop for ever.
      let taken = max(1, end - index)
      if taken <= sparse {
        try fetch(positions + index, taken, into: UnsafeMutableRawPointer(target + index))
      } else {
        if scratch == nil { scratch = Buffer(byteCount: unit * L.bitWidth / 8) }
        let block = first / blockCapacity
        try unpack(block..<min(block + blocksPerUnit, blockCount), into: scratch!.pointer)
        Lanes.pick(
          UnsafePointer(scratch!.typed(L.self)), unit: unit, positions + index, taken,
          target + index)
      }
      index += taken
    }
  }
}
