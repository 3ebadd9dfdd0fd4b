import Vectors

/// Appends little-endian fields to bytes.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  var count: Int { bytes.count }

  mutating func u8(_ value: UInt8) { bytes.append(value) }
  mutating func u16(_ value: UInt16) { integer(value) }
  mutating func u32(_ value: UInt32) { integer(value) }
  mutating func u64(_ value: UInt64) { integer(value) }
  mutating func i128(_ value: Int128) { integer(value) }
  mutating func f64(_ value: Double) { integer(value.bitPattern) }

  private mutating func integer<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ added: [UInt8]) { bytes += added }
  mutating func append(_ added: UnsafeRawBufferPointer) { bytes.append(contentsOf: added) }

  /// A byte count and that many bytes of UTF-8.
  mutating func string(_ text: String) {
    let utf8 = Array(text.utf8)
    u32(UInt32(clamping: utf8.count))
    bytes += utf8
  }

  /// A count and that many numbers.
  mutating func list(_ values: [UInt32]) {
    u32(UInt32(clamping: values.count))
    for value in values { u32(value) }
  }

  /// Zeros up to a multiple of `alignment`.
  mutating func pad(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  mutating func zeros(_ count: Int) { bytes += [UInt8](repeating: 0, count: count) }

  /// Overwrites four bytes written before.
  mutating func setU32(_ value: UInt32, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) {
      bytes.replaceSubrange(offset..<(offset + 4), with: $0)
    }
  }
}

/// Reads little-endian fields from bytes that may be damaged: nothing read past the end, every count
/// checked against what is left.
struct ByteReader {
  let bytes: [UInt8]
  private(set) var offset: Int
  let end: Int
  /// Names the file in errors.
  let path: String
  /// Offset of `bytes[0]` in that file.
  let baseOffset: UInt64

  init(_ bytes: [UInt8], path: String, baseOffset: UInt64 = 0) {
    self.bytes = bytes
    offset = 0
    end = bytes.count
    self.path = path
    self.baseOffset = baseOffset
  }

  /// Reads a part of `bytes` without copying it; `baseOffset` stays that of `bytes[0]`.
  init(_ bytes: [UInt8], in range: Range<Int>, path: String, baseOffset: UInt64 = 0) {
    self.bytes = bytes
    offset = range.lowerBound
    end = range.upperBound
    self.path = path
    self.baseOffset = baseOffset
  }

  var remaining: Int { end - offset }
  var isAtEnd: Bool { offset >= end }

  /// An error at the current place.
  func damage(_ message: String) -> StoaError {
    StoaError(.corruption, message, path: path, offset: baseOffset &+ UInt64(offset))
  }

  private mutating func integer<T: FixedWidthInteger>(_: T.Type) throws(StoaError) -> T {
    let width = MemoryLayout<T>.size
    guard remaining >= width else { throw damage("a field lies past the end") }
    var value: T = 0
    withUnsafeMutableBytes(of: &value) { target in
      bytes.withUnsafeBytes { source in
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<(offset + width)]))
      }
    }
    offset += width
    return T(littleEndian: value)
  }

  mutating func u8() throws(StoaError) -> UInt8 { try integer(UInt8.self) }
  mutating func u16() throws(StoaError) -> UInt16 { try integer(UInt16.self) }
  mutating func u32() throws(StoaError) -> UInt32 { try integer(UInt32.self) }
  mutating func u64() throws(StoaError) -> UInt64 { try integer(UInt64.self) }

  /// A number of a commit or file: nobody counts so far that one more would not be a number any longer.
  mutating func number() throws(StoaError) -> UInt64 {
    let number = try u64()
    guard number < numberLimit else { throw damage("the number \(number) is too large") }
    return number
  }

  mutating func i128() throws(StoaError) -> Int128 { try integer(Int128.self) }
  mutating func f64() throws(StoaError) -> Double { Double(bitPattern: try u64()) }

  /// A 0 or 1.
  mutating func flag() throws(StoaError) -> Bool {
    let byte = try u8()
    guard byte <= 1 else { throw damage("a flag is \(byte)") }
    return byte == 1
  }

  mutating func take(_ count: Int) throws(StoaError) -> [UInt8] {
    guard count >= 0, remaining >= count else { throw damage("\(count) bytes lie past the end") }
    defer { offset += count }
    return Array(bytes[offset..<(offset + count)])
  }

  /// The next bytes in memory of their own, aligned for vectors.
  mutating func buffer(_ count: Int) throws(StoaError) -> Buffer {
    guard count >= 0, remaining >= count else { throw damage("\(count) bytes lie past the end") }
    defer { offset += count }
    return bytes.withUnsafeBytes {
      Buffer(copying: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + count)]))
    }
  }

  mutating func skip(_ count: Int) throws(StoaError) {
    guard count >= 0, remaining >= count else { throw damage("\(count) bytes lie past the end") }
    offset += count
  }

  mutating func string() throws(StoaError) -> String {
    let count = Int(try u32())
    return String(decoding: try take(count), as: UTF8.self)
  }

  /// A count of elements of at least `width` bytes each, checked against the bytes left.
  mutating func count(ofWidth width: Int) throws(StoaError) -> Int {
    let count = Int(try u32())
    guard count <= remaining / max(1, width) else {
      throw damage("a count of \(count) is too large")
    }
    return count
  }

  mutating func list() throws(StoaError) -> [UInt32] {
    let count = try count(ofWidth: 4)
    var values: [UInt32] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try u32()) }
    return values
  }
}

/// All numbers of commits, files and segments are below. They are bytes of `LEASES` too, where a lock has to fit.
let numberLimit: UInt64 = 1 << 62

/// The last commit that another may follow: far enough from `numberLimit` for every commit there will be, so that what
/// writes them need not look.
let lastCommitWithFollowers: UInt64 = numberLimit - (1 << 48)

/// `number` with at least six digits, as file names carry it.
func fileNumber(_ number: UInt64) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
}
