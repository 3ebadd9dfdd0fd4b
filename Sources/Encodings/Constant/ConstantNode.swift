import Vectors

/// The same value for every row.
///
///   offset  size  field
///        0     8  node header (1, 0, count)
///        8     8  value
final class ConstantNode: IntegerNode {
  let value: UInt64

  init(value: UInt64, count: Int) {
    self.value = value
    super.init(count: count, maximum: value)
  }

  convenience init(_ header: NodeHeader, _ bytes: ChunkBytes) throws(StoaError) {
    self.init(value: try bytes.uint64(header.offset + 8), count: header.count)
  }

  static func write(_ value: UInt64, count: Int, to writer: inout ChunkWriter) -> Int {
    let offset = NodeHeader.write(.constant, parameter: 0, count: count, to: &writer)
    writer.append(value)
    return offset
  }

  override var encoding: EncodingID { .constant }

  override func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    fill(target, blocks.count * blockCapacity)
  }

  override var gathersItself: Bool { true }

  override func gather(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) { fill(target, count) }

  override func select(
    _ filter: IntegerFilter, _ rows: Range<Int>, into out: UnsafeMutablePointer<UInt16>
  ) throws(StoaError) -> Int {
    guard filter.contains(value) else { return 0 }
    Positions.fill(rows, into: out)
    return rows.count
  }

  override func refine(
    _ filter: IntegerFilter, _ positions: UnsafeMutablePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Int { filter.contains(value) ? count : 0 }

  override func sum() throws(StoaError) -> Int128 { Int128(value) &* Int128(count) }

  override func minMax() throws(StoaError) -> (min: UInt64, max: UInt64) { (value, value) }

  private func fill(_ target: UnsafeMutableRawPointer, _ count: Int) {
    switch lane {
    case .bits8: fill(target, count, UInt8(truncatingIfNeeded: value))
    case .bits16: fill(target, count, UInt16(truncatingIfNeeded: value))
    case .bits32: fill(target, count, UInt32(truncatingIfNeeded: value))
    case .bits64: fill(target, count, value)
    }
  }

  @inline(__always)
  private func fill<L: Lane>(_ target: UnsafeMutableRawPointer, _ count: Int, _ lane: L) {
    target.assumingMemoryBound(to: L.self).update(repeating: lane, count: count)
  }
}
