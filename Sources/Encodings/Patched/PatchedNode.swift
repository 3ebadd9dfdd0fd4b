import Vectors

/// A packing that is narrow because a few values are left out, and a list of those.
///
///   offset  size  field
///        0     8  node header (7, bytes per lane of the values, count)
///        8     4  exceptionCount
///       12     4  offset of the packed values, a node of count values (anything at exceptions)
///       16     4  offset of the exceptions' rows: 2 bytes each, ascending
///       20     4  offset of the exceptions' values, a node
final class PatchedNode: IntegerNode {
  private let packed: IntegerNode
  private let exceptions: [UInt64]
  private let rows: UnsafePointer<UInt16>
  private let rowsOwner: Buffer

  init(_ header: NodeHeader, _ bytes: ChunkBytes, _ depth: Int) throws(StoaError) {
    let lane = try header.lane(bytes)
    let offset = header.offset
    let exceptionCount = try bytes.uint32(offset + 8)
    guard exceptionCount <= header.count else {
      throw bytes.damaged("\(exceptionCount) exceptions in \(header.count) rows", at: offset)
    }
    packed = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 12, after: offset), count: header.count,
      depth: depth + 1)
    let raw = try bytes.piece(
      try bytes.childOffset(offset + 16, after: offset), exceptionCount * 2, "exceptions")
    rowsOwner = Buffer(copying: UnsafeRawBufferPointer(start: raw, count: exceptionCount * 2))
    rows = UnsafePointer(rowsOwner.typed(UInt16.self))
    var last = -1
    for index in 0..<exceptionCount {
      guard Int(rows[index]) > last, Int(rows[index]) < header.count else {
        throw bytes.damaged("exceptions do not ascend", at: offset)
      }
      last = Int(rows[index])
    }
    exceptions = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 20, after: offset), count: exceptionCount,
      depth: depth + 1
    ).allValues()
    guard packed.lane.byteCount <= lane.byteCount else {
      throw bytes.damaged("packed values wider than the patched", at: offset)
    }
    super.init(
      count: header.count,
      maximum: min(lane.maximum, max(packed.maximum, exceptions.max() ?? 0)), lane: lane)
  }

  override var encoding: EncodingID { .patched }
  override var summary: String { "PATCHED(\(exceptions.count) exceptions, \(packed.summary))" }
  override var blocksPerUnit: Int { packed.blocksPerUnit }

  override func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    if packed.lane == lane {
      try packed.unpack(blocks, into: target)
    } else {
      let scratch = Buffer(byteCount: blocks.count * blockCapacity * packed.lane.byteCount)
      try packed.unpack(blocks, into: scratch.pointer)
      Lanes.widen(
        scratch.pointer, packed.lane, blocks.count * blockCapacity, adding: 0, into: target,
        as: lane.signedType)
    }
    switch lane {
    case .bits8: patch(blocks, target.assumingMemoryBound(to: UInt8.self))
    case .bits16: patch(blocks, target.assumingMemoryBound(to: UInt16.self))
    case .bits32: patch(blocks, target.assumingMemoryBound(to: UInt32.self))
    case .bits64: patch(blocks, target.assumingMemoryBound(to: UInt64.self))
    }
  }

  private func patch<L: Lane>(_ blocks: Range<Int>, _ target: UnsafeMutablePointer<L>) {
    let first = blocks.lowerBound * blockCapacity
    let end = blocks.upperBound * blockCapacity
    var low = 0
    var high = exceptions.count
    while low < high {
      let middle = (low + high) / 2
      if Int(rows[middle]) < first { low = middle + 1 } else { high = middle }
    }
    while low < exceptions.count && Int(rows[low]) < end {
      target[Int(rows[low]) - first] = L(truncatingIfNeeded: exceptions[low])
      low += 1
    }
  }
}

extension LaneWidth {
  /// The signed integer type of this width, whose bits are the lane's.
  var signedType: PhysicalType {
    switch self {
    case .bits8: .int8
    case .bits16: .int16
    case .bits32: .int32
    case .bits64: .int64
    }
  }
}
