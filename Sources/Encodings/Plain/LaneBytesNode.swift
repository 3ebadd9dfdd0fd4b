import Vectors

/// Values as little-endian lanes of a byte stream: plain, or in zstd frames.
///
///   offset  size  field
///        0     8  node header (8 or 9, bytes per lane 1, 2, 4, 8, count)
///        8     4  offset of the byte stream (see `ByteSource`)
///       12     4  zero
final class LaneBytesNode: IntegerNode {
  private let source: ByteSource

  init(_ header: NodeHeader, _ bytes: ChunkBytes) throws(StoaError) {
    let lane = try header.lane(bytes)
    source = try ByteSource(
      bytes, at: try bytes.childOffset(header.offset + 8, after: header.offset))
    guard source.byteCount == header.count * lane.byteCount, source.encoding == header.encoding
    else {
      throw bytes.damaged("\(source.byteCount) bytes for \(header.count) values", at: header.offset)
    }
    super.init(count: header.count, maximum: lane.maximum, lane: lane)
  }

  override var encoding: EncodingID { source.encoding }
  override var summary: String { "\(encoding.name)(\(lane.bitCount))" }

  override var blocksPerUnit: Int {
    encoding == .zstd ? ByteSource.frameCapacity / (blockCapacity * lane.byteCount) : 1
  }

  override var sparseLimit: Int { encoding == .plain ? 64 : 0 }

  override func unpack(
    _ blocks: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    let width = lane.byteCount * blockCapacity
    let range = blocks.lowerBound * width..<min(blocks.upperBound * width, source.byteCount)
    guard !range.isEmpty else { return }
    let (from, owner) = try source.read(range)
    target.copyMemory(from: from, byteCount: range.count)
    withExtendedLifetime(owner) {}
  }

  override func fetch(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    let (from, owner) = try source.read(0..<source.byteCount)
    let width = lane.byteCount
    for index in 0..<count {
      let row = min(Int(positions[index]), self.count - 1)
      (target + index * width).copyMemory(from: from + row * width, byteCount: width)
    }
    withExtendedLifetime(owner) {}
  }

  static func write(
    _ values: [UInt64], lane: LaneWidth, encoding: EncodingID, to writer: inout ChunkWriter
  ) throws(StoaError) -> Int {
    let offset = NodeHeader.write(
      encoding, parameter: lane.byteCount, count: values.count, to: &writer)
    let fields = writer.reserve(8)
    var lanes: [UInt8] = []
    lanes.reserveCapacity(values.count * lane.byteCount)
    for value in values {
      withUnsafeBytes(of: value.littleEndian) {
        lanes.append(contentsOf: $0.prefix(lane.byteCount))
      }
    }
    let buffer = Buffer(copying: lanes.withUnsafeBytes { UnsafeRawBufferPointer($0) })
    let child =
      encoding == .zstd
      ? try ByteSource.writeZstd(buffer.bytes, to: &writer)
      : ByteSource.writePlain(buffer.bytes, to: &writer)
    writer.setOffset(child, at: fields)
    return offset
  }
}
