import Catalog
import Vectors

// Rows in the log and in checkpoints. Column after column, so that reading them back is copying.
//
//   offset  size  field
//        0     4  rowCount
//        4     4  columnCount
//        8     *  columns:
//                   id u32, type 3 bytes, hasNulls u8
//                   (rowCount + 63) / 64 words of 8 bytes when hasNulls, bit set where there is a value
//                   fixed width: rowCount values of the physical type, little-endian
//                   strings: u32 byteCount of all, rowCount u32 lengths, the bytes
extension RowBlock {
  /// Most rows that one block of a record may have.
  static let maximalRowCount = 1 << 24

  func encode(to writer: inout ByteWriter) {
    writer.u32(UInt32(clamping: rowCount))
    writer.u32(UInt32(clamping: columns.count))
    for (id, vector) in zip(columns, batch.columns) {
      writer.u32(id)
      vector.type.encode(to: &writer)
      writer.u8(vector.validity == nil ? 0 : 1)
      if let validity = vector.validity {
        writer.append(
          UnsafeRawBufferPointer(
            start: validity.words, count: Validity.wordCount(rowCount) * 8))
      }
      if vector.type.physical == .string {
        RowBlock.encodeStrings(vector, to: &writer)
      } else {
        writer.append(
          UnsafeRawBufferPointer(
            start: vector.base, count: rowCount * vector.type.physical.byteWidth))
      }
    }
    withExtendedLifetime(batch) {}
  }

  private static func encodeStrings(_ vector: Vector, to writer: inout ByteWriter) {
    vector.withValues(as: StringView.self) { views in
      var total = 0
      let lengths = (0..<vector.count).map { row -> UInt32 in
        guard vector.isValid(row) else { return 0 }
        total += views[row].byteCount
        return UInt32(truncatingIfNeeded: views[row].byteCount)
      }
      writer.u32(UInt32(clamping: total))
      lengths.withUnsafeBytes { writer.append($0) }
      for row in 0..<vector.count where lengths[row] > 0 {
        views[row].withBytes { writer.append($0) }
      }
    }
  }

  /// - Throws: `.corruption` for bytes that no version wrote.
  init(from reader: inout ByteReader) throws(StoaError) {
    let rowCount = Int(try reader.u32())
    guard rowCount <= RowBlock.maximalRowCount else {
      throw reader.damage("\(rowCount) rows in one block")
    }
    let columnCount = try reader.count(ofWidth: 8)
    var ids: [ColumnID] = []
    var vectors: [Vector] = []
    for _ in 0..<columnCount {
      ids.append(try reader.u32())
      let type = try LogicalType(from: &reader)
      let validity = try RowBlock.validity(rowCount, from: &reader)
      vectors.append(try RowBlock.vector(type, rowCount, validity, from: &reader))
    }
    guard Set(ids).count == ids.count else { throw reader.damage("a block names a column twice") }
    self.init(columns: ids, batch: Batch(columns: vectors, rowCount: rowCount))
  }

  private static func validity(
    _ rowCount: Int, from reader: inout ByteReader
  ) throws(StoaError) -> Validity? {
    guard try reader.flag() else { return nil }
    let words = try reader.buffer(Validity.wordCount(rowCount) * 8)
    return rowCount == 0 ? nil : Validity(adopting: words, count: rowCount)
  }

  private static func vector(
    _ type: LogicalType, _ rowCount: Int, _ validity: Validity?, from reader: inout ByteReader
  ) throws(StoaError) -> Vector {
    guard type.physical == .string else {
      let values = try reader.buffer(rowCount * type.physical.byteWidth)
      if type.physical == .bool {
        let flags = values.typed(UInt8.self)
        for row in 0..<rowCount { flags[row] &= 1 }
      }
      return Vector(flat: values, type: type, count: rowCount, validity: validity)
    }
    let total = Int(try reader.u32())
    let lengths = try reader.buffer(rowCount * 4)
    let bytes = try reader.buffer(total)
    let views = Buffer(byteCount: rowCount * MemoryLayout<StringView>.stride)
    let counts = lengths.typed(UInt32.self)
    var offset = 0
    for row in 0..<rowCount {
      let count = Int(counts[row])
      guard count <= total - offset else { throw reader.damage("a string lies past its block") }
      views.typed(StringView.self)[row] = StringView(bytes.pointer + offset, byteCount: count)
      offset += count
    }
    guard offset == total else { throw reader.damage("a block has more bytes than its strings") }
    return Vector(flat: views, type: type, count: rowCount, validity: validity, owners: [bytes])
  }
}
