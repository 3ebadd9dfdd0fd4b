import Kernels
import Vectors

// Keys of several columns as rows of whole 64-bit words, for hash tables: comparing two keys is comparing
// words, whatever the column types. Widest columns first, so that nothing is misaligned:
//
//   16-byte values (HUGEINT, string views) · 8 · 4 · 2 · 1 · one byte per column for NULL (grouping only) · zeros
//
// Rows are multiples of 8 bytes, so 16-byte values are copied as pairs of words (`StringView`), never as one.
//
// Laws: equal keys have equal words, except for strings longer than 12 bytes, which are compared by their
// bytes; −0 is stored as 0 and every NaN as one; the slot of a NULL is zero.

/// Where the columns of a key lie in its row.
struct KeyLayout: Sendable {
  let types: [LogicalType]
  /// Byte offset of each column.
  let offsets: [Int]
  /// Bytes of a row, a multiple of 8.
  let stride: Int
  /// First of the bytes that are 1 for NULL; `nil` when NULLs cannot be stored.
  let nullOffset: Int?
  /// Word numbers of string columns.
  let stringWords: [Int]
  /// The lower words of intervals, which compare by the bits of their length alone.
  let intervalWords: [Int]
  /// Whether keys with different words may be equal.
  let comparesMore: Bool

  init(types: [LogicalType], storesNulls: Bool) {
    self.types = types
    var offsets = [Int](repeating: 0, count: types.count)
    var next = 0
    for width in [16, 8, 4, 2, 1] {
      for (index, type) in types.enumerated() where type.physical.byteWidth == width {
        offsets[index] = next
        next += width
      }
    }
    self.offsets = offsets
    nullOffset = storesNulls ? next : nil
    if storesNulls { next += types.count }
    stride = max(8, (next + 7) & ~7)
    stringWords = types.indices.filter { types[$0].physical == .string }.map { offsets[$0] / 8 }
    intervalWords = types.indices.filter { types[$0] == .interval }.map { offsets[$0] / 8 }
    comparesMore = !stringWords.isEmpty || !intervalWords.isEmpty
  }

  var wordCount: Int { stride / 8 }

  /// Writes `count` rows of `stride` bytes to `rows`.
  func encode(_ columns: [Vector], count: Int, into rows: UnsafeMutableRawPointer) {
    rows.initializeMemory(as: UInt8.self, repeating: 0, count: count * stride)
    for (index, column) in columns.enumerated() {
      let flat = column.flattened()
      write(flat, count, rows + offsets[index])
      if let validity = flat.validity {
        let mark = nullOffset.map { rows + $0 + index }
        let width = flat.type.physical.byteWidth
        for row in 0..<count where !validity.isValid(row) {
          (rows + offsets[index] + row * stride).initializeMemory(
            as: UInt8.self, repeating: 0, count: width)
          mark?.storeBytes(of: 1, toByteOffset: row * stride, as: UInt8.self)
        }
      }
    }
  }

  private func write(_ flat: Vector, _ count: Int, _ target: UnsafeMutableRawPointer) {
    switch flat.type.physical {
    case .bool, .int8: copy(flat, count, target, UInt8.self)
    case .int16: copy(flat, count, target, UInt16.self)
    case .int32: copy(flat, count, target, UInt32.self)
    case .int64: copy(flat, count, target, UInt64.self)
    case .int128, .string: copy(flat, count, target, StringView.self)
    case .float32:
      let values = flat.base.assumingMemoryBound(to: Float.self)
      for row in 0..<count {
        let value = values[row]
        let bits = value.isNaN ? Float.nan.bitPattern : value == 0 ? 0 : value.bitPattern
        target.storeBytes(of: bits, toByteOffset: row &* stride, as: UInt32.self)
      }
    case .float64:
      let values = flat.base.assumingMemoryBound(to: Double.self)
      for row in 0..<count {
        let value = values[row]
        let bits = value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern
        target.storeBytes(of: bits, toByteOffset: row &* stride, as: UInt64.self)
      }
    }
    withExtendedLifetime(flat) {}
  }

  @inline(__always)
  private func copy<T: BitwiseCopyable>(
    _ flat: Vector, _ count: Int, _ target: UnsafeMutableRawPointer, _: T.Type
  ) {
    let values = flat.base.assumingMemoryBound(to: T.self)
    let stride = stride
    for row in 0..<count {
      (target + row &* stride).assumingMemoryBound(to: T.self).pointee = values[row]
    }
  }

  /// Whether the rows at `left` and `right` are the same key.
  @inline(__always)
  func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    let a = left.assumingMemoryBound(to: UInt64.self)
    let b = right.assumingMemoryBound(to: UInt64.self)
    var difference: UInt64 = 0
    for word in 0..<wordCount { difference |= a[word] ^ b[word] }
    return difference == 0 || (comparesMore && areEqualByBytes(a, b))
  }

  /// The same when words differ: only the addresses of long strings and parts of intervals may.
  @inline(never)
  private func areEqualByBytes(_ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>) -> Bool {
    var word = 0
    while word < wordCount {
      if stringWords.contains(word) {
        let left = UnsafeRawPointer(a + word).load(as: StringView.self)
        let right = UnsafeRawPointer(b + word).load(as: StringView.self)
        if !(left == right) { return false }
        word += 2
      } else if intervalWords.contains(word) {
        if (a[word] ^ b[word]) >> UInt64(Interval.lengthShift) != 0 { return false }
        word += 1
      } else {
        if a[word] != b[word] { return false }
        word += 1
      }
    }
    return true
  }

  /// Column `index` of `count` rows as a vector. Long strings belong to `owners`.
  func decode(
    _ index: Int, _ rows: UnsafeRawPointer, count: Int, owners: [AnyObject]
  ) -> Vector {
    let type = types[index]
    let width = type.physical.byteWidth
    let buffer = Buffer(byteCount: max(1, count * width))
    let source = rows + offsets[index]
    switch width {
    case 1: collect(source, count, buffer, UInt8.self)
    case 2: collect(source, count, buffer, UInt16.self)
    case 4: collect(source, count, buffer, UInt32.self)
    case 8: collect(source, count, buffer, UInt64.self)
    default: collect(source, count, buffer, StringView.self)
    }
    var validity: Validity?
    if let nullOffset {
      let marks = rows + nullOffset + index
      validity = Validity.make(count: count) {
        marks.load(fromByteOffset: $0 * stride, as: UInt8.self) == 0
      }
    }
    return Vector(
      flat: buffer, type: type, count: count, validity: validity,
      owners: type.physical == .string ? owners : [])
  }

  @inline(__always)
  private func collect<T: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ count: Int, _ buffer: Buffer, _: T.Type
  ) {
    let target = buffer.typed(T.self)
    for row in 0..<count {
      target[row] = (source + row &* stride).assumingMemoryBound(to: T.self).pointee
    }
  }
}

/// Memory that grows by copying, for rows of hash tables.
struct GrowingBytes {
  private(set) var buffer = Buffer(byteCount: 0)
  private(set) var capacity = 0

  var pointer: UnsafeMutableRawPointer { buffer.pointer }

  /// Room for `byteCount` bytes; what is there (`used` bytes) stays.
  mutating func reserve(_ byteCount: Int, used: Int) {
    guard byteCount > capacity else { return }
    let grown = max(byteCount, capacity * 2, 1024)
    let target = Buffer(byteCount: grown)
    target.pointer.copyMemory(from: buffer.pointer, byteCount: used)
    buffer = target
    capacity = grown
  }
}
