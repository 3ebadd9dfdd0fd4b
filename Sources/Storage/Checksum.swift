import Vectors

/// 64-bit checksums of everything on disk.
///
/// The function is XXH64 (Yann Collet, "xxHash fast digest algorithm", specification 0.1.1, 2018): four
/// independent multiply-rotate lanes over 32-byte stripes, about 10 GB/s here. It finds accidents, not
/// attacks. Every checksum starts from an identity (warehouse, file, row group, column), so that bytes that
/// are right but in the wrong place are damage too.
public enum Checksum {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  /// XXH64 of `bytes`.
  public static func compute(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    guard let base = bytes.baseAddress else { return finish(seed &+ prime5, nil, 0) }
    var hash = seed &+ prime5
    var offset = 0
    if bytes.count >= 32 {
      hash = stripes(base, bytes.count & ~31, seed)
      offset = bytes.count & ~31
    }
    hash &+= UInt64(bytes.count)
    return finish(hash, base + offset, bytes.count - offset)
  }

  /// XXH64 of an array.
  public static func compute(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
    bytes.withUnsafeBytes { compute($0, seed: seed) }
  }

  /// XXH64 of `head` and `tail` as if they stood one behind the other.
  /// - Parameter head: a multiple of 32 bytes, at least one.
  static func compute(
    head: UnsafeRawBufferPointer, tail: UnsafeRawBufferPointer, seed: UInt64
  ) -> UInt64 {
    precondition(head.count > 0 && head.count % 32 == 0)
    guard let first = head.baseAddress else { return 0 }
    guard let second = tail.baseAddress else { return compute(head, seed: seed) }
    var lanes = Lanes(seed: seed)
    lanes.add(first, head.count)
    lanes.add(second, tail.count & ~31)
    let whole = tail.count & ~31
    return finish(
      lanes.merged() &+ UInt64(head.count + tail.count), second + whole, tail.count - whole)
  }

  @inline(__always)
  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    (value &<< count) | (value &>> (64 &- count))
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
    rotate(lane &+ input &* prime2, 31) &* prime1
  }

  private static func stripes(_ base: UnsafeRawPointer, _ count: Int, _ seed: UInt64) -> UInt64 {
    var lanes = Lanes(seed: seed)
    lanes.add(base, count)
    return lanes.merged()
  }

  /// The four independent lanes over stripes of 32 bytes.
  private struct Lanes {
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    private var v4: UInt64

    init(seed: UInt64) {
      v1 = seed &+ prime1 &+ prime2
      v2 = seed &+ prime2
      v3 = seed
      v4 = seed &- prime1
    }

    /// - Parameter count: a multiple of 32.
    @inline(__always)
    mutating func add(_ base: UnsafeRawPointer, _ count: Int) {
      var (a, b, c, d) = (v1, v2, v3, v4)
      var at = base
      let end = base + count
      while at < end {
        a = round(a, at.loadUnaligned(as: UInt64.self))
        b = round(b, at.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        c = round(c, at.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        d = round(d, at.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        at += 32
      }
      (v1, v2, v3, v4) = (a, b, c, d)
    }

    func merged() -> UInt64 {
      var hash = rotate(v1, 1) &+ rotate(v2, 7) &+ rotate(v3, 12) &+ rotate(v4, 18)
      for lane in [v1, v2, v3, v4] { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
      return hash
    }
  }

  private static func finish(
    _ start: UInt64, _ base: UnsafeRawPointer?, _ count: Int
  ) -> UInt64 {
    var hash = start
    var offset = 0
    if let base {
      while offset + 8 <= count {
        hash ^= round(0, base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        hash = rotate(hash, 27) &* prime1 &+ prime4
        offset += 8
      }
      if offset + 4 <= count {
        hash ^= UInt64(base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) &* prime1
        hash = rotate(hash, 23) &* prime2 &+ prime3
        offset += 4
      }
      while offset < count {
        hash ^= UInt64(base.load(fromByteOffset: offset, as: UInt8.self)) &* prime5
        hash = rotate(hash, 11) &* prime1
        offset += 1
      }
    }
    hash ^= hash >> 33
    hash = hash &* prime2
    hash ^= hash >> 29
    hash = hash &* prime3
    return hash ^ (hash >> 32)
  }
}

/// What a block of bytes is; its hash is the seed of the block's checksum.
public struct BlockIdentity: Sendable {
  /// Kinds of files, so that a log never passes for a segment.
  public enum FileKind: UInt32, Sendable {
    case warehouse = 1
    case current = 2
    case log = 3
    case checkpoint = 4
    case segment = 5
    case tip = 6
  }

  /// Row group number of blocks that belong to the whole segment.
  public static let wholeSegment: UInt32 = .max
  /// Column id of blocks that belong to no column.
  public static let noColumn: UInt32 = .max

  public var warehouse: WarehouseID
  public var kind: FileKind
  /// Table of a segment, else 0.
  public var table: UInt32 = 0
  /// Number of the file.
  public var file: UInt64
  /// Row group of a column chunk.
  public var rowGroup: UInt32 = wholeSegment
  /// Column id of a column chunk; for log records the offset takes the place of both.
  public var column: UInt32 = noColumn

  public init(
    _ warehouse: WarehouseID, _ kind: FileKind, table: UInt32 = 0, file: UInt64,
    rowGroup: UInt32 = wholeSegment, column: UInt32 = noColumn
  ) {
    self.warehouse = warehouse
    self.kind = kind
    self.table = table
    self.file = file
    self.rowGroup = rowGroup
    self.column = column
  }

  /// The seed for checksums of this block.
  public var seed: UInt64 {
    var writer = ByteWriter()
    writer.append(warehouse.bytes)
    writer.u32(kind.rawValue)
    writer.u32(table)
    writer.u64(file)
    writer.u32(rowGroup)
    writer.u32(column)
    return Checksum.compute(writer.bytes, seed: 0)
  }

  /// The same block at a byte offset (log records).
  public func at(offset: UInt64) -> BlockIdentity {
    var copy = self
    copy.rowGroup = UInt32(truncatingIfNeeded: offset >> 32)
    copy.column = UInt32(truncatingIfNeeded: offset)
    return copy
  }
}

/// 128 random bits that name one warehouse for ever.
public struct WarehouseID: Hashable, Sendable {
  /// Sixteen bytes.
  public let bytes: [UInt8]

  /// - Parameter bytes: cut or filled with zeros to sixteen.
  public init(bytes: [UInt8]) {
    self.bytes = Array((bytes + [UInt8](repeating: 0, count: 16)).prefix(16))
  }

  /// A new random one.
  public static func random() -> WarehouseID {
    var generator = SystemRandomNumberGenerator()
    return WarehouseID(bytes: (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }
}

extension WarehouseID: CustomStringConvertible {
  /// 8-4-4-4-12 hexadecimal digits.
  public var description: String {
    let digits = bytes.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16]
    return groups.map { digits[$0].joined() }.joined(separator: "-")
  }
}
