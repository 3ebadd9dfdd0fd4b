import Vectors

/// A column chunk whose rows all have one value or are NULL; see `ChunkLayout.constant`.
final class ConstantChunk: ColumnChunk, @unchecked Sendable {
  /// The value as a flat vector of one row, and as a constant.
  private let value: Vector
  private let constant: Vector

  init(_ header: ChunkHeader) throws(StoaError) {
    value = try ConstantChunk.read(header)
    constant = Vector(constant: value.value(at: 0), type: header.type, count: 1)
    super.init(header: header)
  }

  private static func read(_ header: ChunkHeader) throws(StoaError) -> Vector {
    let type = header.type
    if header.nullCount == header.rowCount { return Vector.nulls(type: type, count: 1) }
    let buffer = Buffer(byteCount: 16, zeroed: true)
    var owners: [AnyObject] = []
    let bits = header.reference
    switch type.physical {
    case .bool: buffer.typed(UInt8.self)[0] = UInt8(truncatingIfNeeded: bits) & 1
    case .int8: buffer.typed(Int8.self)[0] = Int8(truncatingIfNeeded: bits)
    case .int16: buffer.typed(Int16.self)[0] = Int16(truncatingIfNeeded: bits)
    case .int32: buffer.typed(Int32.self)[0] = Int32(truncatingIfNeeded: bits)
    case .int64: buffer.typed(Int64.self)[0] = Int64(truncatingIfNeeded: bits)
    case .int128: buffer.typed(Int128.self)[0] = bits
    case .float32: buffer.typed(UInt32.self)[0] = UInt32(truncatingIfNeeded: bits)
    case .float64: buffer.typed(UInt64.self)[0] = UInt64(truncatingIfNeeded: bits)
    case .string:
      let text = try header.bytes.piece(header.first, header.second, "constant")
      let heap = StringHeap()
      buffer.typed(StringView.self)[0] = heap.add(
        UnsafeRawBufferPointer(start: text, count: header.second))
      owners = [heap]
    }
    return Vector(flat: buffer, type: type, count: 1, owners: owners)
  }

  override func decodeRows(_ rows: Range<Int>) throws(StoaError) -> Vector {
    repeated(rows.count, validity?.slice(rows))
  }

  override func gatherRows(
    _ positions: UnsafePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Vector {
    repeated(count, validity?.gather(positions, count: count))
  }

  override func form(
    _ test: ValueTest, _ filter: ColumnFilter
  ) throws(StoaError) -> CompiledFilter.Form {
    switch test {
    case .nulls: return .nulls
    case .everything: return .valid
    default: return try test.flags(value)[0] == 1 ? .valid : .none
    }
  }

  override func sumRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> Int128? {
    guard let integer = value.value(at: 0).integer else { return nil }
    let (product, overflow) = integer.multipliedReportingOverflow(by: Int128(count))
    return overflow ? nil : product
  }

  override func minMaxRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> (min: Value, max: Value) { (value.value(at: 0), value.value(at: 0)) }

  override func domain(limit: Int) throws(StoaError) -> Vector? { limit < 1 ? nil : value }

  override func codes(
    of rows: Range<Int>, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) { target.update(repeating: 0, count: rows.count) }

  override func codes(
    at positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) { target.update(repeating: 0, count: count) }

  /// The value for `count` rows; a dictionary of one entry where some of them are NULL.
  private func repeated(_ count: Int, _ validity: Validity?) -> Vector {
    if let validity {
      let codes = Buffer(byteCount: max(1, count * 4), zeroed: true)
      return Vector(codes: codes, count: count, dictionary: value, validity: validity)
    }
    return constant.resizedConstant(count: count)
  }
}
