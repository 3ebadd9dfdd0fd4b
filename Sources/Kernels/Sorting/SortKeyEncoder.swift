import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// Sort keys of fixed width whose bytes compare as the rows do, the same for every batch: for merging sorted runs,
// spilled ones too, where `RowOrder` (whose keys depend on the value ranges at hand) cannot be used.
//
// Key of a column, most significant byte first; descending inverts the value bytes:
//   NULL mark   0 or 1 byte (only for columns that may be NULL), so that NULLs come first or last
//   value       integers with the sign bit flipped; floats as ordered bits; strings: their first bytes,
//               zero-padded
//
// A string prefix may tie where the strings differ, so the first string column ends the key: `isExact` is then false,
// different keys order their rows rightly, and equal keys need `RowComparator`.

/// Encodes rows into memory-comparable keys.
public struct SortKeyEncoder: Sendable {
  public let types: [LogicalType]
  public let specifications: [SortSpecification]
  /// Bytes of one key.
  public let byteWidth: Int
  /// Whether equal keys mean equal rows.
  public let isExact: Bool
  private let isNullable: [Bool]
  private let stringPrefixByteCount: Int
  /// Columns in the key: up to the first string.
  private let encodedCount: Int

  /// `isNullable` false is a promise that saves a byte.
  public init(
    types: [LogicalType], specifications: [SortSpecification], isNullable: [Bool]? = nil,
    stringPrefixByteCount: Int = 12
  ) {
    precondition(types.count == specifications.count, "one specification per column")
    self.types = types
    self.specifications = specifications
    self.isNullable = isNullable ?? types.map { _ in true }
    self.stringPrefixByteCount = stringPrefixByteCount
    var width = 0
    var isExact = true
    encodedCount = types.firstIndex { $0.physical == .string }.map { $0 + 1 } ?? types.count
    for (index, type) in types.prefix(encodedCount).enumerated() {
      if self.isNullable[index] { width += 1 }
      if type.physical == .string {
        width += stringPrefixByteCount
        isExact = false
      } else {
        width += type.physical.byteWidth
      }
    }
    byteWidth = width
    self.isExact = isExact
  }

  /// Writes `byteWidth` bytes per row to `target`.
  public func encode(_ columns: [Vector], into target: UnsafeMutableRawPointer) {
    precondition(columns.count == types.count, "one vector per column")
    var offset = 0
    for index in 0..<encodedCount {
      let column = columns[index].flattened()
      let specification = specifications[index]
      if isNullable[index] {
        writeNullMarks(column, specification, target + offset)
        offset += 1
      }
      writeValues(column, specification, target + offset)
      offset +=
        column.type.physical == .string
        ? stringPrefixByteCount : column.type.physical.byteWidth
    }
  }

  /// Keys of at most 8 bytes as integers that compare as the keys do.
  public func encodeIntegers(_ columns: [Vector], into target: UnsafeMutablePointer<UInt64>) {
    precondition(byteWidth <= 8, "keys wider than 8 bytes")
    let count = columns.first?.count ?? 0
    let bytes = Buffer(byteCount: max(1, count * byteWidth))
    encode(columns, into: bytes.pointer)
    for row in 0..<count {
      var key: UInt64 = 0
      for index in 0..<byteWidth {
        let byte = bytes.pointer.load(fromByteOffset: row * byteWidth + index, as: UInt8.self)
        key = key << 8 | UInt64(byte)
      }
      target[row] = key
    }
  }

  /// Negative, zero or positive as the key at `left` sorts before, with or after that at `right`.
  @inline(__always)
  public func compare(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Int {
    Int(memcmp(left, right, byteWidth))
  }

  private func writeNullMarks(
    _ column: Vector, _ specification: SortSpecification, _ target: UnsafeMutableRawPointer
  ) {
    let value: UInt8 = specification.nullsFirst ? 1 : 0
    for row in 0..<column.count {
      let mark = column.isValid(row) ? value : 1 - value
      target.storeBytes(of: mark, toByteOffset: row * byteWidth, as: UInt8.self)
    }
  }

  private func writeValues(
    _ column: Vector, _ specification: SortSpecification, _ target: UnsafeMutableRawPointer
  ) {
    let base = column.base
    func ordinals<T: SortOrdinal>(_: T.Type) {
      let values = base.assumingMemoryBound(to: T.self)
      let byteCount = T.ordinalBits / 8
      let flip: UInt64 = specification.isDescending ? .max : 0
      for row in 0..<column.count {
        let ordinal = column.isValid(row) ? values[row].sortOrdinal ^ flip : 0
        put(ordinal, byteCount, target + row * byteWidth)
      }
    }
    switch column.type.physical {
    case .bool: ordinals(UInt8.self)
    case .int8: ordinals(Int8.self)
    case .int16: ordinals(Int16.self)
    case .int32: ordinals(Int32.self)
    case .int64: ordinals(Int64.self)
    case .float32: ordinals(Float.self)
    case .float64: ordinals(Double.self)
    case .int128: writeWide(column, specification, target)
    case .string: writeStrings(column, specification, target)
    }
    withExtendedLifetime(column) {}
  }

  @inline(__always)
  private func put(_ ordinal: UInt64, _ byteCount: Int, _ target: UnsafeMutableRawPointer) {
    for index in 0..<byteCount {
      let byte = UInt8(truncatingIfNeeded: ordinal >> UInt64(8 * (byteCount - 1 - index)))
      target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
  }

  private func writeWide(
    _ column: Vector, _ specification: SortSpecification, _ target: UnsafeMutableRawPointer
  ) {
    let values = column.base.assumingMemoryBound(to: Int128.self)
    let shift = column.type == .interval ? Interval.lengthShift : 0
    let flip: UInt64 = specification.isDescending ? .max : 0
    for row in 0..<column.count {
      let value = column.isValid(row) ? values[row] >> shift : 0
      put(Int64(truncatingIfNeeded: value >> 64).sortOrdinal ^ flip, 8, target + row * byteWidth)
      put(UInt64(truncatingIfNeeded: value) ^ flip, 8, target + row * byteWidth + 8)
    }
  }

  private func writeStrings(
    _ column: Vector, _ specification: SortSpecification, _ target: UnsafeMutableRawPointer
  ) {
    let views = column.base.assumingMemoryBound(to: StringView.self)
    let flip: UInt8 = specification.isDescending ? .max : 0
    for row in 0..<column.count {
      let key = target + row * byteWidth
      guard column.isValid(row) else {
        key.initializeMemory(as: UInt8.self, repeating: 0, count: stringPrefixByteCount)
        continue
      }
      views[row].withBytes { bytes in
        for index in 0..<stringPrefixByteCount {
          let byte = index < bytes.count ? bytes[index] : 0
          key.storeBytes(of: byte ^ flip, toByteOffset: index, as: UInt8.self)
        }
      }
    }
  }
}
