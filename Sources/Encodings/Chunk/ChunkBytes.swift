import Vectors

/// The bytes of one chunk while it is being opened: every read is checked against the end. Whoever keeps
/// pointers from here keeps the owner of the bytes alive too.
struct ChunkBytes {
  let base: UnsafeRawPointer
  let count: Int
  let location: ChunkLocation

  /// Nodes nest this deep at most; deeper trees are damage.
  static let depthLimit = 8

  func damaged(_ what: String, at offset: Int = 0) -> StoaError {
    location.damaged(what, at: offset)
  }

  /// The address of `byteCount` bytes at `offset`.
  func piece(_ offset: Int, _ byteCount: Int, _ what: String) throws(StoaError) -> UnsafeRawPointer
  {
    guard offset >= 0, byteCount >= 0, offset <= count, byteCount <= count - offset else {
      throw damaged(
        "\(what) of \(byteCount) bytes at \(offset) passes the end at \(count)", at: offset)
    }
    return base + offset
  }

  func uint8(_ offset: Int) throws(StoaError) -> UInt8 {
    try piece(offset, 1, "field").load(as: UInt8.self)
  }

  func uint32(_ offset: Int) throws(StoaError) -> Int {
    Int(UInt32(littleEndian: try piece(offset, 4, "field").loadUnaligned(as: UInt32.self)))
  }

  func uint64(_ offset: Int) throws(StoaError) -> UInt64 {
    UInt64(littleEndian: try piece(offset, 8, "field").loadUnaligned(as: UInt64.self))
  }

  func int128(_ offset: Int) throws(StoaError) -> Int128 {
    let low = try uint64(offset)
    let high = try uint64(offset + 8)
    return Int128(truncatingIfNeeded: high) &<< 64 | Int128(truncatingIfNeeded: low)
  }

  /// An offset field that must point behind its own node, so that trees have no cycles.
  func childOffset(_ field: Int, after node: Int) throws(StoaError) -> Int {
    let offset = try uint32(field)
    guard offset > node, offset % 8 == 0 else {
      throw damaged("child at \(offset) before its parent", at: field)
    }
    return offset
  }
}

/// Collects the bytes of one chunk.
struct ChunkWriter {
  private(set) var bytes: [UInt8] = []

  var count: Int { bytes.count }

  mutating func align(_ alignment: Int) {
    let rest = bytes.count % alignment
    if rest != 0 { bytes.append(contentsOf: repeatElement(0, count: alignment - rest)) }
  }

  /// Zeros to be filled later; returns their offset.
  mutating func reserve(_ byteCount: Int) -> Int {
    let offset = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: byteCount))
    return offset
  }

  mutating func append(_ raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }

  mutating func append<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append<T: BitwiseCopyable>(array: [T]) {
    array.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  /// Fills `byteCount` bytes from the end by `body`; returns their offset.
  mutating func appendRaw(
    _ byteCount: Int, _ body: (UnsafeMutableRawPointer) -> Void
  ) -> Int {
    let offset = reserve(byteCount)
    bytes.withUnsafeMutableBytes { if byteCount > 0 { body($0.baseAddress! + offset) } }
    return offset
  }

  mutating func set<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { source in
      for (index, byte) in source.enumerated() { bytes[offset + index] = byte }
    }
  }

  mutating func setOffset(_ value: Int, at offset: Int) {
    set(UInt32(truncatingIfNeeded: value), at: offset)
  }
}
