import Executor
import Vectors

// Sorted runs of a load that did not fit into memory lie in a `SpillFile`. A run is a sequence of frames of up to
// 16,384 rows; only this process reads them, in this form:
//
//   offset  size  field
//        0     8  rowCount
//        8  24×n  per column: byteCount of values, of the validity mask (0 for none), of strings
//        …     *  per column: values (lengths as UInt32 for strings), mask words, string bytes one after the other
//
// Every piece is padded to 8 bytes.

/// Where the rows of a frame lie in a spill file, and how they become bytes and rows again.
struct SpillFrame {
  static let rowsPerFrame = 16_384

  var offset: Int
  var byteCount: Int

  /// Appends a frame's `bytes` to `file`.
  init(writing bytes: Buffer, to file: SpillFile) throws(StoaError) {
    offset = try file.append(bytes.bytes)
    byteCount = bytes.byteCount
    withExtendedLifetime(bytes) {}
  }

  /// The frame's rows.
  func read(from file: SpillFile, types: [LogicalType]) throws(StoaError) -> StagedChunk {
    try SpillFrame.decode(try file.read(at: offset, byteCount: byteCount), types: types)
  }
}

extension SpillFrame {
  /// The bytes of a frame of the given columns, all of `rowCount` rows.
  static func encode(_ columns: [Vector], rowCount: Int) -> Buffer {
    let flat = columns.map { $0.flattened() }
    var sizes: [(values: Int, mask: Int, strings: Int)] = []
    var total = 8 + flat.count * 24
    for column in flat {
      let isString = column.type.physical == .string
      let size = (
        values: rowCount * (isString ? 4 : column.type.physical.byteWidth),
        mask: column.validity == nil ? 0 : Validity.wordCount(rowCount) * 8,
        strings: isString ? stringByteCount(column) : 0
      )
      sizes.append(size)
      total += padded(size.values) + padded(size.mask) + padded(size.strings)
    }
    let buffer = Buffer(byteCount: total, zeroed: true)
    let header = buffer.typed(Int64.self)
    header[0] = Int64(rowCount)
    var offset = 8 + flat.count * 24
    for (index, column) in flat.enumerated() {
      let size = sizes[index]
      header[1 + index * 3] = Int64(size.values)
      header[2 + index * 3] = Int64(size.mask)
      header[3 + index * 3] = Int64(size.strings)
      let target = buffer.pointer + offset
      if column.type.physical == .string {
        writeStrings(
          column, lengths: target, bytes: target + padded(size.values) + padded(size.mask))
      } else {
        target.copyMemory(from: column.base, byteCount: size.values)
      }
      if let validity = column.validity {
        (target + padded(size.values)).copyMemory(from: validity.words, byteCount: size.mask)
      }
      offset += padded(size.values) + padded(size.mask) + padded(size.strings)
    }
    withExtendedLifetime(flat) {}
    return buffer
  }

  /// The rows of a frame; strings point into `buffer`.
  static func decode(_ buffer: Buffer, types: [LogicalType]) throws(StoaError) -> StagedChunk {
    let header = buffer.typed(Int64.self)
    let rowCount = Int(header[0])
    var offset = 8 + types.count * 24
    var columns: [StagedColumn] = []
    for (index, type) in types.enumerated() {
      let (values, mask, strings) = (
        Int(header[1 + index * 3]), Int(header[2 + index * 3]), Int(header[3 + index * 3])
      )
      let source = buffer.pointer + offset
      offset += padded(values) + padded(mask) + padded(strings)
      guard values >= 0, mask >= 0, strings >= 0, offset <= buffer.byteCount else {
        throw StoaError(.corruption, "a temporary file of the load was changed while it was read")
      }
      let validity =
        mask == 0
        ? nil
        : Buffer(copying: UnsafeRawBufferPointer(start: source + padded(values), count: mask))
      let bytes = source + padded(values) + padded(mask)
      let target =
        type.physical == .string
        ? readStrings(source, bytes, rowCount)
        : Buffer(copying: UnsafeRawBufferPointer(start: source, count: values))
      columns.append(
        StagedColumn(
          type: type, values: target, validity: validity, owners: [buffer], count: rowCount))
    }
    return StagedChunk(columns: columns, count: rowCount)
  }

  private static func padded(_ count: Int) -> Int { (count + 7) & ~7 }

  private static func stringByteCount(_ column: Vector) -> Int {
    column.withValues(as: StringView.self) { views in
      var sum = 0
      for row in 0..<column.count where column.isValid(row) { sum += views[row].byteCount }
      return sum
    }
  }

  private static func writeStrings(
    _ column: Vector, lengths: UnsafeMutableRawPointer, bytes: UnsafeMutableRawPointer
  ) {
    let counts = lengths.assumingMemoryBound(to: UInt32.self)
    column.withValues(as: StringView.self) { views in
      var offset = 0
      for row in 0..<column.count where column.isValid(row) {
        counts[row] = UInt32(truncatingIfNeeded: views[row].byteCount)
        views[row].withBytes { source in
          if let base = source.baseAddress {
            (bytes + offset).copyMemory(from: base, byteCount: source.count)
          }
          offset += source.count
        }
      }
    }
  }

  private static func readStrings(
    _ lengths: UnsafeMutableRawPointer, _ bytes: UnsafeMutableRawPointer, _ count: Int
  ) -> Buffer {
    let counts = lengths.assumingMemoryBound(to: UInt32.self)
    let target = Buffer(of: StringView.self, count: max(1, count))
    let views = target.typed(StringView.self)
    var offset = 0
    for row in 0..<count {
      views[row] = StringView(bytes + offset, byteCount: Int(counts[row]))
      offset += Int(counts[row])
    }
    return target
  }
}
