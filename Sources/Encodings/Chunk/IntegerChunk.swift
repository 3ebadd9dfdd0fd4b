import Vectors

/// A chunk of integers or booleans: a reference and a tree of offsets from it (`ChunkLayout.integers`). Filters,
/// sums and bounds run on the offsets.
final class IntegerChunk: ColumnChunk, @unchecked Sendable {
  private let tree: IntegerNode
  private let reference: Int128

  init(_ header: ChunkHeader, _ tree: IntegerNode) throws(StoaError) {
    let physical = header.type.physical
    guard physical.isInteger || physical == .bool else {
      throw header.bytes.damaged("integers in a column of type \(header.type)", at: 2)
    }
    self.tree = tree
    reference = header.reference
    super.init(header: header)
  }

  override var summary: String { tree.summary }
  override var integers: IntegerNode? { tree }

  /// Runs shorter than this on average are expanded: most kernels are faster on flat values then.
  private static let runVectorLength = 16

  override func decodeRows(_ rows: Range<Int>) throws(StoaError) -> Vector {
    if let runs = tree as? RunLengthNode, validity == nil,
      runs.runCount * IntegerChunk.runVectorLength <= rowCount
    {
      return try runs.vector(rows, type: type, reference: reference)
    }
    let width = type.physical.byteWidth
    let blocks =
      rows.lowerBound / blockCapacity..<(rows.upperBound + blockCapacity - 1) / blockCapacity
    let target = Buffer(byteCount: blocks.count * blockCapacity * width)
    if tree.lane.byteCount == width {
      try tree.unpack(blocks, into: target.pointer)
      if reference != 0 || type.physical == .bool {
        widen(target.pointer, rows.count, target.pointer)
      }
    } else {
      let step = tree.stepCount / blockCapacity
      let scratch = Buffer(byteCount: tree.stepCount * tree.lane.byteCount)
      var block = blocks.lowerBound
      while block < blocks.upperBound {
        let end = min((block / step + 1) * step, blocks.upperBound)
        try tree.unpack(block..<end, into: scratch.pointer)
        let done = (block - blocks.lowerBound) * blockCapacity
        widen(
          scratch.pointer, min((end - block) * blockCapacity, rows.count - done),
          target.pointer + done * width)
        block = end
      }
    }
    return Vector(flat: target, type: type, count: rows.count, validity: validity?.slice(rows))
  }

  override func gatherRows(
    _ positions: UnsafePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Vector {
    let width = type.physical.byteWidth
    let target = Buffer(byteCount: count * width)
    if tree.lane.byteCount == width {
      try tree.gather(positions, count, into: target.pointer)
      widen(target.pointer, count, target.pointer)
    } else {
      let scratch = Buffer(byteCount: count * tree.lane.byteCount)
      try tree.gather(positions, count, into: scratch.pointer)
      widen(scratch.pointer, count, target.pointer)
    }
    return Vector(
      flat: target, type: type, count: count, validity: validity?.gather(positions, count: count))
  }

  private func widen(_ lanes: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer) {
    Lanes.widen(lanes, tree.lane, count, adding: reference, into: target, as: type.physical)
  }

  override func form(
    _ test: ValueTest, _ filter: ColumnFilter
  ) throws(StoaError) -> CompiledFilter.Form {
    try test.moved(reference: reference, maximum: tree.maximum, type: type) ?? .decoded
  }

  override func sumRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> Int128? {
    let offsets: Int128
    if let positions {
      let scratch = Buffer(byteCount: count * tree.lane.byteCount)
      try tree.gather(positions, count, into: scratch.pointer)
      offsets = Lanes.sum(scratch.pointer, count, tree.lane)
    } else {
      offsets = try tree.sum()
    }
    let (product, overflow) = reference.multipliedReportingOverflow(by: Int128(count))
    let (sum, overflow2) = product.addingReportingOverflow(offsets)
    return overflow || overflow2 ? nil : sum
  }

  override func minMaxRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> (min: Value, max: Value) {
    var bounds: (min: UInt64, max: UInt64)
    if let positions {
      let scratch = Buffer(byteCount: count * tree.lane.byteCount)
      try tree.gather(positions, count, into: scratch.pointer)
      bounds = Lanes.minMax(scratch.pointer, count, tree.lane)
    } else {
      bounds = try tree.minMax()
    }
    return (value(bounds.min), value(bounds.max))
  }

  /// The value at `offset` from the reference, as the column's type has it.
  private func value(_ offset: UInt64) -> Value {
    let integer = reference &+ Int128(offset)
    return type.physical == .bool ? .boolean(integer & 1 != 0) : .integer(integer)
  }

  /// The greatest code a value of the type can have; only damaged bytes exceed it.
  private var greatestCode: Int {
    let highest: Int128 =
      switch type.physical {
      case .bool: 1
      case .int8: Int128(Int8.max)
      case .int16: Int128(Int16.max)
      case .int32: Int128(Int32.max)
      case .int64: Int128(Int64.max)
      default: Int128.max
      }
    let (room, overflow) = highest.subtractingReportingOverflow(reference)
    let limit = overflow ? Int128(tree.maximum) : min(room, Int128(tree.maximum))
    return Int(clamping: limit)
  }

  override func domain(limit: Int) throws(StoaError) -> Vector? {
    let greatest = greatestCode
    guard greatest >= 0, greatest < limit, tree.maximum < UInt64(UInt32.max) else { return nil }
    let count = greatest + 1
    let offsets = Buffer(byteCount: count * 8)
    for index in 0..<count { offsets.typed(UInt64.self)[index] = UInt64(index) }
    let keys = Buffer(byteCount: count * type.physical.byteWidth)
    Lanes.widen(
      offsets.pointer, .bits64, count, adding: reference, into: keys.pointer, as: type.physical)
    return Vector(flat: keys, type: type, count: count)
  }

  override func codes(
    of rows: Range<Int>, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    try tree.unpackCodes(rows, into: target)
    try check(target, rows.count)
  }

  override func codes(
    at positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    try tree.gatherCodes(positions, count, into: target)
    try check(target, count)
  }

  private func check(_ codes: UnsafePointer<UInt32>, _ count: Int) throws(StoaError) {
    let greatest = greatestCode
    if UInt64(greatest) >= tree.maximum { return }
    guard Lanes.minMax(codes, count, .bits32).max <= UInt64(greatest) else {
      throw location.damaged("a value beyond the range of \(type)")
    }
  }
}

extension IntegerNode {
  /// The values of `rows` (beginning on a block) as UInt32, whole blocks; all values must fit.
  func unpackCodes(
    _ rows: Range<Int>, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    let blocks =
      rows.lowerBound / blockCapacity..<(rows.upperBound + blockCapacity - 1) / blockCapacity
    if lane == .bits32 && UInt(bitPattern: target) % 64 == 0 {
      try unpack(blocks, into: UnsafeMutableRawPointer(target))
      return
    }
    let step = stepCount / blockCapacity
    let scratch = Buffer(byteCount: stepCount * lane.byteCount)
    var block = blocks.lowerBound
    while block < blocks.upperBound {
      let end = min((block / step + 1) * step, blocks.upperBound)
      try unpack(block..<end, into: scratch.pointer)
      let done = (block - blocks.lowerBound) * blockCapacity
      Lanes.widen(
        scratch.pointer, lane, min((end - block) * blockCapacity, rows.count - done), adding: 0,
        into: target + done, as: .int32)
      block = end
    }
  }

  /// The values at ascending positions as UInt32.
  func gatherCodes(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    if lane == .bits32 {
      try gather(positions, count, into: UnsafeMutableRawPointer(target))
      return
    }
    let scratch = Buffer(byteCount: count * lane.byteCount)
    try gather(positions, count, into: scratch.pointer)
    Lanes.widen(scratch.pointer, lane, count, adding: 0, into: target, as: .int32)
  }
}
