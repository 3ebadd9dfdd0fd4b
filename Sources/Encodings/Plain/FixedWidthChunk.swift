import Vectors

/// Floating point and wide integers as they lie in memory, plain or in zstd frames (`ChunkLayout.fixedWidth`).
final class FixedWidthChunk: ColumnChunk, @unchecked Sendable {
  private let source: ByteSource
  private let width: Int

  init(_ header: ChunkHeader) throws(StoaError) {
    let physical = header.type.physical
    guard physical == .float32 || physical == .float64 || physical == .int128 else {
      throw header.bytes.damaged("fixed-width values in a column of type \(header.type)", at: 2)
    }
    source = try ByteSource(header.bytes, at: header.first)
    width = physical.byteWidth
    guard source.byteCount == header.rowCount * width else {
      throw header.bytes.damaged(
        "\(source.byteCount) bytes for \(header.rowCount) values", at: header.first)
    }
    super.init(header: header)
  }

  override var summary: String { source.encoding.name }

  override func decodeRows(_ rows: Range<Int>) throws(StoaError) -> Vector {
    let (from, owner) = try source.read(rows.lowerBound * width..<rows.upperBound * width)
    let target = Buffer(copying: UnsafeRawBufferPointer(start: from, count: rows.count * width))
    withExtendedLifetime(owner) {}
    return Vector(flat: target, type: type, count: rows.count, validity: validity?.slice(rows))
  }

  override func gatherRows(
    _ positions: UnsafePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Vector {
    let target = Buffer(byteCount: count * width)
    let unit = source.encoding == .zstd ? ByteSource.frameCapacity / width : 65_536
    var index = 0
    while index < count {
      let first = Int(positions[index]) / unit * unit
      let end = max(
        index + 1, Positions.firstIndex(positions, from: index, count, notBelow: first + unit))
      let (from, owner) = try source.read(first * width..<min(first + unit, rowCount) * width)
      let rows = min(first + unit, rowCount) - first
      switch width {
      case 4: pick(from, positions + index, end - index, first, rows, target, index, UInt32.self)
      case 8: pick(from, positions + index, end - index, first, rows, target, index, UInt64.self)
      default: pick(from, positions + index, end - index, first, rows, target, index, Int128.self)
      }
      withExtendedLifetime(owner) {}
      index = end
    }
    return Vector(
      flat: target, type: type, count: count, validity: validity?.gather(positions, count: count))
  }

  @inline(__always)
  private func pick<T: BitwiseCopyable>(
    _ from: UnsafeRawPointer, _ positions: UnsafePointer<UInt16>, _ count: Int, _ first: Int,
    _ rows: Int, _ target: Buffer, _ offset: Int, _: T.Type
  ) {
    let source = from.assumingMemoryBound(to: T.self)
    let out = target.typed(T.self) + offset
    // The bound holds for ascending positions; it keeps others within the frame.
    for index in 0..<count {
      out[index] = source[max(0, min(Int(positions[index]) &- first, rows &- 1))]
    }
  }

  override func sumRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> Int128? {
    guard type.physical == .int128 else { return nil }
    let vector: Vector
    if let positions {
      vector = try gatherRows(positions, count)
    } else {
      vector = try decodeRows(0..<count)
    }
    return vector.withValues(as: Int128.self) { values in
      var total: Int128 = 0
      for index in 0..<count {
        let (sum, overflow) = total.addingReportingOverflow(values[index])
        if overflow { return nil }
        total = sum
      }
      return total
    }
  }
}
