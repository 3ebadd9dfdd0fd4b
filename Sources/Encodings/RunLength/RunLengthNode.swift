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
/// The reader turns lengths into run ends once, when the chunk is opened, and checks that they add up to count; any
/// row is then found by binary search and any block decodes alone.
final class RunLengthNode: IntegerNode {
  let runCount: Int
  let values: IntegerNode
  /// Ascending; the last one is `count`.
  private let ends: Buffer

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
    ends = try RunLengthNode.ends(lengths, header.count, bytes, offset)
    runCount = runs
    super.init(count: header.count, maximum: values.maximum, lane: values.lane)
  }

  private static func ends(
    _ lengths: IntegerNode, _ count: Int, _ bytes: ChunkBytes, _ offset: Int
  ) throws(StoaError) -> Buffer {
    let runs = lengths.count
    let blocks = lengths.blockCount
    let buffer = Buffer(byteCount: max(1, blocks * blockCapacity * 4))
    let ends = buffer.typed(UInt32.self)
    guard lengths.maximum <= UInt64(UInt32.max) else { throw bytes.damaged("run lengths", at: offset) }
    if runs > 0 { try lengths.unpackCodes(0..<runs, into: ends) }
    var end = 0
    for run in 0..<runs {
      end &+= Int(ends[run]) &+ 1
      if end > count { break }
      ends[run] = UInt32(truncatingIfNeeded: end)
    }
    guard end == count else { throw bytes.damaged("runs do not add up to \(count) rows", at: offset) }
    return buffer
  }

  override var encoding: EncodingID { .runLength }
  override var summary: String { "RLE(\(runCount) runs, \(values.summary))" }

  private var runEnds: UnsafePointer<UInt32> { UnsafePointer(ends.typed(UInt32.self)) }

  /// The run that covers `row`, at or after `low`.
  private func run(of row: Int, from low: Int = 0) -> Int {
    let ends = runEnds
    var low = low
    var high = runCount - 1
    while low < high {
      let middle = (low &+ high) >> 1
      if Int(ends[middle]) > row { high = middle } else { low = middle &+ 1 }
    }
    return low
  }

  /// Lanes of the values of runs `first … last`, beginning at the block that holds `first`.
  private func runLanes(_ first: Int, _ last: Int) throws(StoaError) -> (lanes: Buffer, start: Int) {
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
    let first = run(of: start)
    let last = run(of: end - 1, from: first)
    let (scratch, origin) = try runLanes(first, last)
    let lanes = UnsafePointer(scratch.typed(L.self)) - origin
    let ends = runEnds
    var row = start
    for run in first...last {
      let until = min(Int(ends[run]), end)
      let value = lanes[run]
      while row < until {
        target[row &- start] = value
        row &+= 1
      }
    }
    withExtendedLifetime(scratch) {}
  }

  override func gather(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    guard count > 0 else { return }
    let runs = Buffer(byteCount: count * 2)
    let codes = runs.typed(UInt16.self)
    locate(positions, count, codes)
    try values.gather(codes, count, into: target)
  }

  /// The run of each ascending position.
  private func locate(
    _ positions: UnsafePointer<UInt16>, _ count: Int, _ runs: UnsafeMutablePointer<UInt16>
  ) {
    let ends = runEnds
    let last = runCount - 1
    var run = self.run(of: Int(positions[0]))
    let isSparse = count &* 8 < self.run(of: Int(positions[count - 1])) &- run
    for index in 0..<count {
      let row = Int(positions[index])
      if isSparse {
        run = self.run(of: row, from: run)
      } else {
        while run < last && Int(ends[run]) <= row { run &+= 1 }
      }
      runs[index] = UInt16(truncatingIfNeeded: run)
    }
  }

  /// Decides once per run, then writes the rows of the runs that pass.
  override func select(
    _ filter: IntegerFilter, _ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>
  ) throws(StoaError) -> Int {
    let passing = SelectionVector()
    let first = run(of: rows.lowerBound)
    let last = run(of: rows.upperBound - 1, from: first)
    let step = values.blocksPerUnit * blockCapacity
    passing.count = try values.select(filter, first / step * step..<last + 1, into: passing.positions)
    let ends = runEnds
    var passed = 0
    for index in 0..<passing.count {
      let run = Int(passing.positions[index])
      if run < first { continue }
      var row = max(run == 0 ? 0 : Int(ends[run &- 1]), rows.lowerBound)
      let until = min(Int(ends[run]), rows.upperBound)
      while row < until {
        out[passed] = UInt16(truncatingIfNeeded: row)
        passed &+= 1
        row &+= 1
      }
    }
    return passed
  }

  override func refine(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Int {
    guard count * 2 >= runCount else { return try super.refine(filter, positions, count) }
    let passing = SelectionVector()
    passing.count = try values.select(filter, 0..<runCount, into: passing.positions)
    if passing.count == 0 { return 0 }
    if passing.count == runCount { return count }
    let flags = Buffer(byteCount: runCount, zeroed: true)
    let passes = flags.typed(UInt8.self)
    for index in 0..<passing.count { passes[Int(passing.positions[index])] = 1 }
    let ends = runEnds
    let last = runCount - 1
    var run = self.run(of: Int(positions[0]))
    var kept = 0
    for index in 0..<count {
      let row = Int(positions[index])
      while run < last && Int(ends[run]) <= row { run &+= 1 }
      positions[kept] = positions[index]
      kept &+= Int(passes[run])
    }
    withExtendedLifetime(flags) {}
    return kept
  }

  override func sum() throws(StoaError) -> Int128 {
    var total: Int128 = 0
    var start: UInt32 = 0
    let ends = runEnds
    for (run, value) in try values.allValues().enumerated() {
      total &+= Int128(value) &* Int128(ends[run] &- start)
      start = ends[run]
    }
    return total
  }

  override func minMax() throws(StoaError) -> (min: UInt64, max: UInt64) { try values.minMax() }

  /// The runs of `rows` as a run-length vector.
  func vector(
    _ rows: Range<Int>, type: LogicalType, reference: Int128
  ) throws(StoaError) -> Vector {
    let first = run(of: rows.lowerBound)
    let last = run(of: rows.upperBound - 1, from: first)
    let (scratch, origin) = try runLanes(first, last)
    let runs = last - first + 1
    let target = Buffer(byteCount: runs * type.physical.byteWidth)
    Lanes.widen(
      scratch.pointer + (first - origin) * lane.byteCount, lane, runs, adding: reference,
      into: target.pointer, as: type.physical)
    let clipped = Buffer(byteCount: runs * 4)
    let ends = runEnds
    for run in 0..<runs {
      clipped.typed(UInt32.self)[run] = UInt32(
        min(Int(ends[first + run]), rows.upperBound) - rows.lowerBound)
    }
    return Vector(
      runEnds: clipped, values: Vector(flat: target, type: type, count: runs), count: rows.count)
  }
}
