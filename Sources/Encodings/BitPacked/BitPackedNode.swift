import CKernels
import Vectors

/// Values of a fixed number of bits above a reference, in transposed blocks of 1,024 (see `BitPacking`).
///
///   offset  size  field
///        0     8  node header (5, bitWidth 0…64, count)
///        8     8  reference, added (wrapping) to every value
///       16     4  offset of the blocks, a multiple of 64
///       20     4  byteCount of the blocks
///
/// Every whole block has bitWidth × 128 bytes, the last one as many rows of 128 bytes as its values need. Lanes
/// are the narrowest that hold bitWidth. Invariant: when reference + 2^bitWidth - 1 fits 64 bits no value exceeds
/// it; otherwise values wrap.
final class BitPackedNode: IntegerNode {
  let bitWidth: Int
  let reference: UInt64
  /// Lanes of the packed values; narrower than `lane` when the reference pushes values out of them.
  private let packedLane: LaneWidth
  private let blocks: UnsafeRawPointer

  init(_ header: NodeHeader, _ bytes: ChunkBytes) throws(StoaError) {
    bitWidth = header.parameter
    guard bitWidth <= 64 else { throw bytes.damaged("bit width \(bitWidth)", at: header.offset) }
    reference = try bytes.uint64(header.offset + 8)
    let highest: UInt64 = bitWidth == 64 ? .max : (1 << UInt64(bitWidth)) &- 1
    packedLane = LaneWidth(holding: highest)
    let byteCount = try bytes.uint32(header.offset + 20)
    let start = try bytes.uint32(header.offset + 16)
    guard start % 64 == 0,
      byteCount == BitPacking.totalByteCount(header.count, bitWidth: bitWidth, lane: packedLane)
    else {
      throw bytes.damaged("packed blocks of \(byteCount) bytes at \(start)", at: header.offset)
    }
    blocks = try bytes.piece(start, byteCount, "packed blocks")
    let (sum, overflow) = reference.addingReportingOverflow(highest)
    super.init(count: header.count, maximum: overflow ? .max : sum)
  }

  override var encoding: EncodingID { .bitPacked }
  override var summary: String { "BITPACKED(\(bitWidth))" }
  override var sparseLimit: Int { 16 }

  override func unpack(
    _ range: Range<Int>, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    if reference == 0 {
      for block in range {
        unpackBlock(block, target + (block - range.lowerBound) * 1024 * lane.byteCount)
      }
      return
    }
    let scratch = packedLane == lane ? nil : Buffer(byteCount: 1024 * packedLane.byteCount)
    for block in range {
      let to = target + (block - range.lowerBound) * 1024 * lane.byteCount
      let packed = scratch?.pointer ?? to
      unpackBlock(block, packed)
      add(packed, 1024, to)
    }
  }

  override func fetch(
    _ positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutableRawPointer
  ) throws(StoaError) {
    if reference == 0 {
      switch packedLane {
      case .bits8: fetch(positions, count, target.assumingMemoryBound(to: UInt8.self))
      case .bits16: fetch(positions, count, target.assumingMemoryBound(to: UInt16.self))
      case .bits32: fetch(positions, count, target.assumingMemoryBound(to: UInt32.self))
      case .bits64: fetch(positions, count, target.assumingMemoryBound(to: UInt64.self))
      }
      return
    }
    let scratch = Buffer(byteCount: count * packedLane.byteCount)
    switch packedLane {
    case .bits8: fetch(positions, count, scratch.typed(UInt8.self))
    case .bits16: fetch(positions, count, scratch.typed(UInt16.self))
    case .bits32: fetch(positions, count, scratch.typed(UInt32.self))
    case .bits64: fetch(positions, count, scratch.typed(UInt64.self))
    }
    add(scratch.pointer, count, target)
  }

  private func fetch<L: Lane>(
    _ positions: UnsafePointer<UInt16>, _ count: Int, _ target: UnsafeMutablePointer<L>
  ) {
    guard bitWidth > 0 else { return target.update(repeating: 0, count: count) }
    let last = self.count &- 1
    let bitWidth = bitWidth
    let blocks = blocks
    let lanes = 1024 / L.bitWidth
    for index in 0..<count {
      let ahead = min(Int(positions[min(index &+ 24, count &- 1)]), last)
      let word = ((ahead & 1023) / lanes) &* bitWidth / L.bitWidth
      let lane = (ahead % lanes) &* (L.bitWidth / 8)
      stoa_prefetch(blocks + ((ahead >> 10) &* bitWidth &+ word) &* 128 + lane)
      let row = min(Int(positions[index]), last)
      target[index] = BitPacking.value(
        row & 1023, bitWidth: bitWidth, blocks + (row >> 10) &* bitWidth &* 128, L.self)
    }
  }

  private func unpackBlock(_ block: Int, _ target: UnsafeMutableRawPointer) {
    let source = blocks + block * bitWidth * BitPacking.rowByteCount
    let left = count - block * 1024
    if left >= 1024 {
      if left >= 3072 { prefetch(source + 2 * bitWidth * BitPacking.rowByteCount) }
      BitPacking.unpack(bitWidth: bitWidth, lane: packedLane, source, target)
      return
    }
    // The last block is cut after the last row of words in use.
    let padded = Buffer(byteCount: bitWidth * BitPacking.rowByteCount, zeroed: true)
    padded.pointer.copyMemory(
      from: source,
      byteCount: BitPacking.byteCount(left, bitWidth: bitWidth, lane: packedLane))
    BitPacking.unpack(bitWidth: bitWidth, lane: packedLane, padded.pointer, target)
  }

  /// Asks for a block that will be unpacked soon: what the processor fetches by itself ends at the next page.
  @inline(__always)
  private func prefetch(_ block: UnsafeRawPointer) {
    var offset = 0
    while offset < bitWidth &* BitPacking.rowByteCount {
      stoa_prefetch(block + offset)
      offset &+= 64
    }
  }

  /// `target[i] = reference &+ packed[i]`, from packed lanes to lanes; in place when they are the same.
  private func add(
    _ packed: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer
  ) {
    Lanes.widen(
      packed, packedLane, count, adding: Int128(reference), into: target, as: lane.signedType)
  }
}

extension BitPackedNode {
  /// Writes `values`, each in `reference … reference + 2^bitWidth - 1` (wrapping).
  static func write(
    _ values: [UInt64], reference: UInt64, bitWidth: Int, to writer: inout ChunkWriter
  ) -> Int {
    let lane = LaneWidth(holding: bitWidth == 64 ? .max : (1 << UInt64(bitWidth)) &- 1)
    let offset = NodeHeader.write(.bitPacked, parameter: bitWidth, count: values.count, to: &writer)
    writer.append(reference)
    let fields = writer.reserve(8)
    writer.align(64)
    let byteCount = BitPacking.totalByteCount(values.count, bitWidth: bitWidth, lane: lane)
    writer.setOffset(writer.count, at: fields)
    writer.setOffset(byteCount, at: fields + 4)
    let lanes = Buffer(byteCount: 1024 * lane.byteCount)
    let packed = Buffer(byteCount: max(1, bitWidth * BitPacking.rowByteCount))
    for start in stride(from: 0, to: values.count, by: 1024) {
      let count = min(1024, values.count - start)
      values.withUnsafeBufferPointer {
        narrow($0.baseAddress! + start, count, reference, lane, lanes.pointer)
      }
      BitPacking.pack(bitWidth: bitWidth, lane: lane, lanes.pointer, packed.pointer)
      writer.append(
        UnsafeRawBufferPointer(
          start: packed.pointer,
          count: BitPacking.byteCount(count, bitWidth: bitWidth, lane: lane)))
    }
    return offset
  }

  /// One block of lanes, zero past `count`.
  private static func narrow(
    _ values: UnsafePointer<UInt64>, _ count: Int, _ reference: UInt64, _ lane: LaneWidth,
    _ target: UnsafeMutableRawPointer
  ) {
    func fill<L: Lane>(_: L.Type) {
      let lanes = target.assumingMemoryBound(to: L.self)
      for index in 0..<count { lanes[index] = L(truncatingIfNeeded: values[index] &- reference) }
      for index in count..<1024 { lanes[index] = 0 }
    }
    switch lane {
    case .bits8: fill(UInt8.self)
    case .bits16: fill(UInt16.self)
    case .bits32: fill(UInt32.self)
    case .bits64: fill(UInt64.self)
    }
  }
}
