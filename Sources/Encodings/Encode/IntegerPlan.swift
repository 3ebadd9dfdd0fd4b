import Vectors

/// An encoding tree that has been decided but not written: what `IntegerPicker` compares.
indirect enum IntegerPlan {
  case constant(UInt64, count: Int)
  case bitPacked([UInt64], reference: UInt64, bitWidth: Int)
  /// Plain or zstd.
  case lanes([UInt64], LaneWidth, EncodingID)
  case runLength(count: Int, runCount: Int, values: IntegerPlan, lengths: IntegerPlan)
  case dictionary(count: Int, entryCount: Int, entries: IntegerPlan, codes: IntegerPlan)
  /// The container of the value number `implied` is empty.
  case bitmap(count: Int, values: IntegerPlan, containers: [RowContainer], implied: Int)
  case delta(count: Int, LaneWidth, bases: [UInt64], differences: IntegerPlan)
  case patched(
    count: Int, LaneWidth, packed: IntegerPlan, rows: [UInt16], exceptions: IntegerPlan)

  var encoding: EncodingID {
    switch self {
    case .constant: .constant
    case .bitPacked: .bitPacked
    case .lanes(_, _, let id): id
    case .runLength: .runLength
    case .dictionary: .dictionary
    case .bitmap: .bitmap
    case .delta: .delta
    case .patched: .patched
    }
  }

  /// Bytes when written, but for alignment and zstd's success.
  var byteCount: Int {
    switch self {
    case .constant: return 16
    case .bitPacked(let values, _, let bitWidth):
      let lane = LaneWidth(holding: bitWidth == 64 ? .max : (1 << UInt64(bitWidth)) &- 1)
      // Half a line is lost to alignment on average.
      return 24 + 32 + BitPacking.totalByteCount(values.count, bitWidth: bitWidth, lane: lane)
    case .lanes(let values, let lane, _): return 40 + 32 + values.count * lane.byteCount
    case .runLength(_, _, let values, let lengths): return 24 + values.byteCount + lengths.byteCount
    case .dictionary(_, _, let entries, let codes): return 24 + entries.byteCount + codes.byteCount
    case .bitmap(_, let values, let containers, _):
      return 24 + values.byteCount + containers.reduce(0) { $0 + 4 + ($1.byteCount + 7) / 8 * 8 }
    case .delta(_, _, let bases, let differences):
      return 24 + bases.count * 8 + differences.byteCount
    case .patched(_, _, let packed, let rows, let exceptions):
      return 24 + packed.byteCount + rows.count * 2 + exceptions.byteCount
    }
  }

  /// Appends the tree, parents before children, and returns the root's offset.
  func write(to writer: inout ChunkWriter) throws(StoaError) -> Int {
    switch self {
    case .constant(let value, let count):
      return ConstantNode.write(value, count: count, to: &writer)
    case .bitPacked(let values, let reference, let bitWidth):
      return BitPackedNode.write(values, reference: reference, bitWidth: bitWidth, to: &writer)
    case .lanes(let values, let lane, let encoding):
      return try LaneBytesNode.write(values, lane: lane, encoding: encoding, to: &writer)
    case .runLength(let count, let runCount, let values, let lengths):
      let offset = NodeHeader.write(.runLength, parameter: 0, count: count, to: &writer)
      writer.append(UInt32(runCount))
      let fields = writer.reserve(12)
      writer.setOffset(try values.write(to: &writer), at: fields)
      writer.setOffset(try lengths.write(to: &writer), at: fields + 4)
      return offset
    case .dictionary(let count, let entryCount, let entries, let codes):
      let offset = NodeHeader.write(.dictionary, parameter: 0, count: count, to: &writer)
      writer.append(UInt32(entryCount))
      let fields = writer.reserve(12)
      writer.setOffset(try entries.write(to: &writer), at: fields)
      writer.setOffset(try codes.write(to: &writer), at: fields + 4)
      return offset
    case .bitmap(let count, let values, let containers, let implied):
      let offset = NodeHeader.write(.bitmap, parameter: 0, count: count, to: &writer)
      writer.append(UInt32(containers.count))
      let fields = writer.reserve(12)
      writer.setOffset(try values.write(to: &writer), at: fields)
      writer.align(8)
      let table = writer.reserve(containers.count * 4)
      writer.setOffset(table, at: fields + 4)
      writer.setOffset(implied + 1, at: fields + 8)
      for (index, container) in containers.enumerated() where index != implied {
        writer.setOffset(container.write(to: &writer), at: table + index * 4)
      }
      return offset
    case .delta(let count, let lane, let bases, let differences):
      let offset = NodeHeader.write(.delta, parameter: lane.byteCount, count: count, to: &writer)
      let fields = writer.reserve(16)
      writer.setOffset(writer.count, at: fields)
      writer.append(array: bases)
      writer.setOffset(try differences.write(to: &writer), at: fields + 4)
      return offset
    case .patched(let count, let lane, let packed, let rows, let exceptions):
      let offset = NodeHeader.write(.patched, parameter: lane.byteCount, count: count, to: &writer)
      writer.append(UInt32(rows.count))
      let fields = writer.reserve(12)
      writer.setOffset(try packed.write(to: &writer), at: fields)
      writer.align(8)
      writer.setOffset(writer.count, at: fields + 4)
      writer.append(array: rows)
      writer.setOffset(try exceptions.write(to: &writer), at: fields + 8)
      return offset
    }
  }
}
