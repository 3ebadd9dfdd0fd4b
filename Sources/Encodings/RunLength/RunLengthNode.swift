import Vectors

/// Stretches of equal values: a value and a length for each.
///
///   offset  size  field
///        0     8  node header (2, 0, count)
///        8     4  runCount
///       12     4  offset of the run values, a node
///       16     4  offset of the run lengths minus one, a node
///       20     4  zero
///
/// The reader turns lengths into run ends once, when the chunk is opened, and checks that they add up to count; a bit
/// per run start then finds the run of any row by counting bits, so any block decodes alone.
final class RunLengthNode: IntegerNode {
  let runCount: Int
  let values: IntegerNode
  private let map: RunMap

  init(_ header: NodeHeader, _ bytes: ChunkBytes, _ depth: Int) throws(StoaError) {
    let offset = header.offset
    let runs = try bytes.uint32(offset + 8)
    guard runs <= header.count, runs > 0 || header.count == 0 else {
      throw bytes.damaged("\(runs) runs in \(header.count) rows", at: offset)
    }
    values = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 12, after: offset), count: runs, depth: depth + 1)
    let lengths = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 16, after: offset), count: runs, depth: depth + 1)
    guard lengths.maximum <= UInt64(UInt32.max) else {
      throw bytes.damaged("run lengths", at: offset)
    }
    guard let map = RunMap(try lengths.allCodes(), runs, rowCount: header.count) else {
      throw bytes.damaged("runs do not add up to \(header.count) rows", at: offset)
    }
    self.map = map
    runCount = runs
    super.init(count: header.count, maximum: values.maximum, lane: values.lane)
  }

  override var encoding: EncodingID { .runLength }
  override var summary: String { "RLE(\(runCount) runs, \(values.summary))" }

  /// Lanes of the values of runs `first … last`, beginning at the block that holds `first`.
  private func runLanes(_ first: Int, _ last: Int) throws(StoaError) -> (lanes: Buffer, start: Int)
  {
    let blocks = first / blockCapacity..<last / blockCapacity + 1
    let unit = values.blocksPerUnit
    let aligned = blocks.lowerBound / unit * unit..<blocks.upperBound
    let scratch = Buffer(byteCount: aligned.count * blockCapacity * lane.byteCount)
    try values.unpack(aligned, into: scratch.pointer)
    return (scratch, aligned.lowerBound * blockCapacity)
  }

  override func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    switch lane {
    case .bits8: try expand(blocks, target.assumingMemoryBound(to: UInt8.self))
    case .bits16: try expand(blocks, target.assumingMemoryBound(to: UInt16.self))
    case .bits32: try expand(blocks, target.assumingMemoryBound(to: UInt32.self))
    case .bits64: try expand(blocks, target.assumingMemoryBound(to: UInt64.self))
    }
  }

  private func expand<L: Lane>(
    _ blocks: Range<Int>, _ target: UnsafeMutablePointer<L>
  ) throws(StoaError) {
    let start = blocks.lowerBound * blockCapacity
    let end = min(blocks.upperBound * blockCapacity, count)
    guard start < end else { return }
    let first = map.run(of: start)
    let last = map.run(of: end - 1)
    let (scratch, origin) = try runLanes(first, last)
    let lanes = UnsafePointer(scratch.typed(L.self)) - origin
    let lasts = map.lasts
    // Runs are written in steps of eight lanes, past their end, which the next run overwrites: short runs of varying
    // length then take no unpredictable branch. Near the end of the target each lane is written alone.
    let room = blocks.count * blockCapacity - 8
    var row = 0
    for run in first...last {
      let until = min(Int(lasts[run]) &+ 1, end) &- start
      let value = lanes[run]
      let eight = SIMD8<L>(repeating: value)
      while row < until && row <= room {
        UnsafeMutableRawPointer(target + row).storeBytes(of: eight, as: SIMD8<L>.self)
        row &+= 8
      }
      while row < until {
        target[row] = value
        row &+= 1
      }
      row = until
    }
    withExtendedLifetime(scratch) {}
  }

  override var gathersItself: Bool { true }

  override func gather(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    guard count > 0 else { return }
    let runs = Buffer(byteCount: count * 2)
    let codes = runs.typed(UInt16.self)
    map.locate(positions, count, codes)
    try values.gather(codes, count, into: target)
  }

  /// The numbers of the passing runs among `runs`, which begins on a unit of the values.
  private func passing(
    _ filter: IntegerFilter, _ runs: Range<Int>
  ) throws(StoaError) -> (runs: Buffer, count: Int) {
    let buffer = Buffer(of: UInt16.self, count: runs.count + 64)
    return (buffer, try values.select(filter, runs, into: buffer.typed(UInt16.self)))
  }

  /// Long runs are so few that asking them all costs less than any other filter.
  override func verdict(_ filter: IntegerFilter) throws(StoaError) -> FilterVerdict {
    guard runCount * 64 <= count else { return .some }
    let passed = try passing(filter, 0..<runCount).count
    return passed == 0 ? .none : passed == runCount ? .all : .some
  }

  /// Decides once per run, then writes the rows of the runs that pass.
  override func select(
    _ filter: IntegerFilter, _ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>
  ) throws(StoaError) -> Int {
    let first = map.run(of: rows.lowerBound)
    let last = map.run(of: rows.upperBound - 1)
    let step = values.blocksPerUnit * blockCapacity
    let passing = try passing(filter, first / step * step..<last + 1)
    let passingRuns = passing.runs.typed(UInt16.self)
    let lasts = map.lasts
    let step8 = SIMD8<UInt16>(0, 1, 2, 3, 4, 5, 6, 7)
    var passed = 0
    for index in 0..<passing.count {
      let run = Int(passingRuns[index])
      if run < first { continue }
      let start = max(run == 0 ? 0 : Int(lasts[run &- 1]) &+ 1, rows.lowerBound)
      let length = min(Int(lasts[run]) &+ 1, rows.upperBound) &- start
      // Eight positions at a time; those past the run are overwritten by the next.
      var written = 0
      while written < length {
        let eight = step8 &+ UInt16(truncatingIfNeeded: start &+ written)
        UnsafeMutableRawPointer(out + (passed &+ written)).storeBytes(
          of: eight, as: SIMD8<UInt16>.self)
        written &+= 8
      }
      passed &+= length
    }
    withExtendedLifetime(passing.runs) {}
    return passed
  }

  override func refine(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Int {
    guard count * 2 >= runCount else { return try super.refine(filter, positions, count) }
    let passing = try passing(filter, 0..<runCount)
    if passing.count == 0 { return 0 }
    if passing.count == runCount { return count }
    let flags = Buffer(byteCount: runCount, zeroed: true)
    let passes = flags.typed(UInt8.self)
    let runs = passing.runs.typed(UInt16.self)
    for index in 0..<passing.count { passes[Int(runs[index])] = 1 }
    withExtendedLifetime(passing.runs) {}
    return map.keep(positions, count, passes)
  }

  override func sum() throws(StoaError) -> Int128 {
    let lasts = map.lasts
    var total: Int128 = 0
    var start = 0
    for (run, value) in try values.allValues().enumerated() {
      let end = Int(lasts[run]) &+ 1
      total &+= Int128(value) &* Int128(end &- start)
      start = end
    }
    return total
  }

  override func minMax() throws(StoaError) -> (min: UInt64, max: UInt64) { try values.minMax() }

  /// The runs of `rows` as a run-length vector.
  func vector(
    _ rows: Range<Int>, type: LogicalType, reference: Int128
  ) throws(StoaError) -> Vector {
    let first = map.run(of: rows.lowerBound)
    let last = map.run(of: rows.upperBound - 1)
    let (scratch, origin) = try runLanes(first, last)
    let runs = last - first + 1
    let target = Buffer(byteCount: runs * type.physical.byteWidth)
    Lanes.widen(
      scratch.pointer + (first - origin) * lane.byteCount, lane, runs, adding: reference,
      into: target.pointer, as: type.physical)
    let clipped = Buffer(byteCount: runs * 4)
    for run in 0..<runs {
      clipped.typed(UInt32.self)[run] = UInt32(
        min(Int(map.lasts[first + run]) + 1, rows.upperBound) - rows.lowerBound)
    }
    return Vector(
      runEnds: clipped, values: Vector(flat: target, type: type, count: runs), count: rows.count)
  }
}
