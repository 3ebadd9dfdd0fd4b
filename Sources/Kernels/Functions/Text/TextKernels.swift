import CKernels
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Loops that make text. Arguments are flat or constant; rows with a NULL argument are not computed.
enum TextKernels {
  /// The longest text a function makes; `repeat` and its like refuse more.
  static let maximalByteCount = 64 << 20
  /// All texts of one batch together.
  private static let maximalBatchByteCount = 1 << 30

  /// Texts written by `body` into an empty byte array, one call per row.
  static func build(
    _ arguments: [Vector], _ count: Int, validity given: Validity? = nil,
    propagatesNull: Bool = true,
    _ body: (_ row: Int, _ bytes: inout [UInt8]) throws(StoaError) -> Void
  ) throws(StoaError) -> Vector {
    let result = FlatResult<StringView>(count: count)
    let validity = propagatesNull ? VectorForms.commonValidity(arguments) : given
    let heap = StringHeap()
    var bytes: [UInt8] = []
    for row in 0..<count {
      guard validity?.isValid(row) ?? true else {
        result.values[row] = StringView()
        continue
      }
      bytes.removeAll(keepingCapacity: true)
      try body(row, &bytes)
      guard bytes.count <= maximalByteCount, heap.byteCount <= maximalBatchByteCount else {
        throw tooLong(bytes.count)
      }
      result.values[row] = bytes.withUnsafeBytes { heap.add($0) }
    }
    withExtendedLifetime(arguments) {}
    return result.vector(.varchar, count: count, validity: validity, owners: [heap])
  }

  static func tooLong(_ byteCount: Int) -> StoaError {
    StoaError(
      .evaluation, "a text would have more than \(maximalByteCount) bytes",
      hint: "Functions make texts of at most 64 MB")
  }

  /// Pieces of the first argument: `body` gives the byte range of each. Bytes are shared, not copied.
  static func slice(
    _ arguments: [Vector], _ count: Int,
    _ body: (_ row: Int, _ text: UnsafeRawBufferPointer) throws(StoaError) -> Range<Int>
  ) throws(StoaError) -> Vector {
    let result = FlatResult<StringView>(count: count)
    let validity = VectorForms.commonValidity(arguments)
    let source = RowReader<StringView>(arguments[0])
    for row in 0..<count {
      guard validity?.isValid(row) ?? true else {
        result.values[row] = StringView()
        continue
      }
      result.values[row] = try source[row].withBytes {
        (bytes: UnsafeRawBufferPointer) throws(StoaError) -> StringView in
        let range = try body(row, bytes).clamped(to: 0..<bytes.count)
        guard let base = bytes.baseAddress, !range.isEmpty else { return StringView() }
        return StringView(base + range.lowerBound, byteCount: range.count)
      }
    }
    withExtendedLifetime(arguments) {}
    return result.vector(
      .varchar, count: count, validity: validity, owners: arguments[0].stringOwners)
  }

  /// A number or truth value per text.
  static func measure<R: PhysicalValue>(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, zero: R,
    _ body: (UnsafeRawBufferPointer) -> R
  ) throws(StoaError) -> Vector {
    try RowKernels.unary(arguments, count, type, zero: zero) { (view: StringView) in
      view.withBytes { body($0) }
    }
  }

  /// A number or truth value per pair of texts.
  static func relate<R: PhysicalValue>(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType, zero: R,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> R
  ) throws(StoaError) -> Vector {
    try RowKernels.binary(arguments, count, type, zero: zero) {
      (left: StringView, right: StringView) in
      left.withBytes { first in right.withBytes { second in body(first, second) } }
    }
  }
}

/// UTF-8 bytes seen as code points, which is what text functions count. Bytes that are not UTF-8 are counted
/// without harm.
enum UTF8Text {
  /// Whether `byte` starts a code point.
  @inline(__always)
  static func isStart(_ byte: UInt8) -> Bool { byte & 0xC0 != 0x80 }

  static func codePointCount(_ bytes: UnsafeRawBufferPointer) -> Int {
    var count = 0
    for byte in bytes { count &+= isStart(byte) ? 1 : 0 }
    return count
  }

  /// Offset of the byte after `count` code points from `offset` on; at most the end.
  static func offset(after count: Int, from offset: Int, in bytes: UnsafeRawBufferPointer) -> Int {
    var index = offset
    var left = count
    while left > 0, index < bytes.count {
      index += 1
      while index < bytes.count, !isStart(bytes[index]) { index += 1 }
      left -= 1
    }
    return index
  }

  /// Offset of the byte `count` code points before `end`; `nil` when there are fewer.
  static func offset(before end: Int, count: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
    var index = end
    for _ in 0..<count {
      guard index > 0 else { return nil }
      index -= 1
      while index > 0, !isStart(bytes[index]) { index -= 1 }
    }
    return index
  }

  static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var all: UInt8 = 0
    for byte in bytes { all |= byte }
    return all < 0x80
  }

  /// Offset of the first occurrence of `needle` at `start` or later; the empty needle is found at once.
  static func find(
    _ needle: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer, from start: Int = 0
  ) -> Int? {
    guard needle.count > 0 else { return start <= bytes.count ? start : nil }
    guard start >= 0, bytes.count - start >= needle.count, let base = bytes.baseAddress,
      let found = stoa_find(base + start, bytes.count - start, needle.baseAddress!, needle.count)
    else { return nil }
    return found - base
  }

  static func hasPrefix(_ bytes: UnsafeRawBufferPointer, _ prefix: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= prefix.count
      && (prefix.count == 0 || memcmp(bytes.baseAddress!, prefix.baseAddress!, prefix.count) == 0)
  }

  static func hasSuffix(_ bytes: UnsafeRawBufferPointer, _ suffix: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= suffix.count
      && (suffix.count == 0
        || memcmp(
          bytes.baseAddress! + (bytes.count - suffix.count), suffix.baseAddress!, suffix.count) == 0)
  }
}

extension StringView {
  /// One blank.
  static let space: StringView = withUnsafeBytes(of: UInt8(ascii: " ")) {
    StringView($0.baseAddress!, byteCount: 1)
  }
}
