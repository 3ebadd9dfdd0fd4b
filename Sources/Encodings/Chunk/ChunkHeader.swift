import Vectors

/// What stands behind a chunk's header, and what its two offsets and third field mean.
enum ChunkLayout: UInt8 {
  /// First: the integer tree; values are reference + tree. Integer types and BOOLEAN.
  case integers = 1
  /// First: the tree of codes; second: the entries, a chunk of their own, aligned to 64; third: their count.
  case localDictionary = 2
  /// First: the tree of codes into the segment's dictionary; third: entries it had when the chunk was written.
  case segmentDictionary = 3
  /// First: a `ByteSource` of fixed-width values. Floating point, and integers too far apart for a tree.
  case fixedWidth = 4
  /// First: the tree of byte counts; second: the `ByteSource` of all bytes; third: offset of a table of 8-byte
  /// offsets into it, one per block of 1,024 strings and one for the end.
  case strings = 5
  /// The value is the reference; for strings first is the offset of its bytes and second their count. NULL when
  /// nullCount is rowCount.
  case constant = 6
}

/// A chunk's header once read and checked.
struct ChunkHeader {
  let bytes: ChunkBytes
  let owner: AnyObject?
  let type: LogicalType
  let layout: ChunkLayout
  let encoding: EncodingID
  let rowCount: Int
  let nullCount: Int
  let validity: Validity?
  let first: Int
  let second: Int
  let third: Int
  let byteCount: Int
  let reference: Int128

  static let byteCount = 48

  init(
    _ given: ChunkBytes, owner: AnyObject?, type: LogicalType, rowCount expected: Int
  ) throws(StoaError) {
    _ = try given.piece(0, ChunkHeader.byteCount, "chunk header")
    let total = try given.uint32(24)
    guard try given.uint8(0) == 0 else {
      throw given.damaged("format \(try given.uint8(0)) is not known")
    }
    guard total >= ChunkHeader.byteCount, total <= given.count else {
      throw given.damaged("\(total) bytes long, \(given.count) are there", at: 24)
    }
    let bytes = ChunkBytes(base: given.base, count: total, location: given.location)
    guard PhysicalType(rawValue: try bytes.uint8(1)) == type.physical else {
      throw bytes.damaged("physical type \(try bytes.uint8(1)) in a column of type \(type)", at: 1)
    }
    guard let layout = ChunkLayout(rawValue: try bytes.uint8(2)),
      let encoding = EncodingID(rawValue: try bytes.uint8(3))
    else { throw bytes.damaged("unknown layout or encoding", at: 2) }
    rowCount = try bytes.uint32(4)
    nullCount = try bytes.uint32(8)
    guard rowCount == expected, rowCount <= 65_536, nullCount <= rowCount else {
      throw bytes.damaged(
        "\(rowCount) rows with \(nullCount) NULLs where \(expected) are expected", at: 4)
    }
    let nulls = try bytes.uint32(12)
    guard (nulls == 0) == (nullCount == 0 || nullCount == rowCount) else {
      throw bytes.damaged("NULL rows at \(nulls)", at: 12)
    }
    if nullCount == 0 {
      validity = nil
    } else if nullCount == rowCount {
      validity = .allNull(count: rowCount)
    } else {
      let container = try RowContainer(bytes, at: nulls, rowCount: rowCount)
      guard container.cardinality == nullCount else {
        throw bytes.damaged("\(container.cardinality) NULLs, \(nullCount) expected", at: nulls)
      }
      validity = container.validityOfOthers(rowCount: rowCount)
    }
    self.bytes = bytes
    self.owner = owner
    self.type = type
    self.layout = layout
    self.encoding = encoding
    first = try bytes.uint32(16)
    second = try bytes.uint32(20)
    byteCount = total
    third = try bytes.uint32(28)
    reference = try bytes.int128(32)
  }
}

extension ColumnChunk {
  /// Reads a chunk, trusting nothing: damage is a `.corruption` error naming `location`, whatever the bytes are.
  ///
  /// - Parameters:
  ///   - bytes: the chunk (longer is fine), kept alive by `owner`; copied when not aligned to 64 bytes.
  ///   - type: the column's type, from the catalog.
  ///   - rowCount: the rows of the row group.
  ///   - dictionary: the segment's dictionary of the column, flat, sorted, without NULLs, if it has one.
  public static func open(
    bytes: UnsafeRawBufferPointer, owner: AnyObject, type: LogicalType, rowCount: Int,
    dictionary: Vector? = nil, location: ChunkLocation = ChunkLocation()
  ) throws(StoaError) -> ColumnChunk {
    guard let base = bytes.baseAddress else { throw location.damaged("no bytes") }
    if UInt(bitPattern: base) % UInt(Buffer.alignment) != 0 {
      let copy = Buffer(copying: bytes)
      return try open(
        bytes: copy.bytes, owner: copy, type: type, rowCount: rowCount, dictionary: dictionary,
        location: location)
    }
    let header = try ChunkHeader(
      ChunkBytes(base: base, count: bytes.count, location: location), owner: owner, type: type,
      rowCount: rowCount)
    return try open(header, dictionary: dictionary)
  }

  static func open(
    _ header: ChunkHeader, dictionary: Vector?, isNested: Bool = false
  ) throws(StoaError) -> ColumnChunk {
    switch header.layout {
    case .integers:
      let tree = try IntegerNode.open(header.bytes, at: header.first, count: header.rowCount)
      if let tree = tree as? DictionaryNode, header.rowCount > 0 {
        return try DictionaryChunk(header, tree: tree)
      }
      return try IntegerChunk(header, tree)
    case .localDictionary:
      guard !isNested else { throw header.bytes.damaged("a dictionary within a dictionary") }
      return try DictionaryChunk(local: header)
    case .segmentDictionary:
      guard let dictionary, !isNested else {
        throw header.bytes.damaged("the segment has no dictionary for this column")
      }
      return try DictionaryChunk(header, over: dictionary)
    case .fixedWidth: return try FixedWidthChunk(header)
    case .strings: return try StringChunk(header)
    case .constant: return try ConstantChunk(header)
    }
  }
}
