import Vectors

/// Differences between neighbours, for values that climb.
///
///   offset  size  field
///        0     8  node header (6, bytes per lane of the values, count)
///        8     4  offset of the bases: 8 bytes per block of 1,024
///       12     4  offset of the differences, a node of count values
///       16     8  zero
///
/// The value before a block is its base, so blocks decode alone: value[i] = value[i - 1] + difference[i], wrapping at
/// 64 bits (negative differences are large ones).
final class DeltaNode: IntegerNode {
  private let bases: UnsafeRawPointer
  private let differences: IntegerNode

  init(_ header: NodeHeader, _ bytes: ChunkBytes, _ depth: Int) throws(StoaError) {
    let lane = try header.lane(bytes)
    let offset = header.offset
    let blocks = (header.count + blockCapacity - 1) / blockCapacity
    bases = try bytes.piece(
      try bytes.childOffset(offset + 8, after: offset), blocks * 8, "bases of blocks")
    differences = try IntegerNode.open(
      bytes, at: try bytes.childOffset(offset + 12, after: offset), count: header.count,
      depth: depth + 1)
    super.init(count: header.count, maximum: lane.maximum, lane: lane)
  }

  override var encoding: EncodingID { .delta }
  override var summary: String { "DELTA(\(differences.summary))" }
  override var blocksPerUnit: Int { differences.blocksPerUnit }

  override func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    let scratch = Buffer(byteCount: blocks.count * blockCapacity * differences.lane.byteCount)
    try differences.unpack(blocks, into: scratch.pointer)
    for block in blocks {
      let index = block - blocks.lowerBound
      let from = scratch.pointer + index * blockCapacity * differences.lane.byteCount
      let to = target + index * blockCapacity * lane.byteCount
      let base = UInt64(
        littleEndian: bases.loadUnaligned(fromByteOffset: block * 8, as: UInt64.self))
      switch lane {
      case .bits8: add(from, base, to.assumingMemoryBound(to: UInt8.self))
      case .bits16: add(from, base, to.assumingMemoryBound(to: UInt16.self))
      case .bits32: add(from, base, to.assumingMemoryBound(to: UInt32.self))
      case .bits64: add(from, base, to.assumingMemoryBound(to: UInt64.self))
      }
    }
  }

  private func add<L: Lane>(
    _ from: UnsafeRawPointer, _ base: UInt64, _ target: UnsafeMutablePointer<L>
  ) {
    let first = L(truncatingIfNeeded: base)
    switch differences.lane {
    case .bits8: DeltaNode.sum(from.assumingMemoryBound(to: UInt8.self), first, target)
    case .bits16: DeltaNode.sum(from.assumingMemoryBound(to: UInt16.self), first, target)
    case .bits32: DeltaNode.sum(from.assumingMemoryBound(to: UInt32.self), first, target)
    case .bits64: DeltaNode.sum(from.assumingMemoryBound(to: UInt64.self), first, target)
    }
  }

  @inline(__always)
  private static func sum<D: Lane, L: Lane>(
    _ differences: UnsafePointer<D>, _ base: L, _ target: UnsafeMutablePointer<L>
  ) {
    var value = base
    for index in 0..<blockCapacity {
      value &+= L(truncatingIfNeeded: differences[index])
      target[index] = value
    }
  }
}
