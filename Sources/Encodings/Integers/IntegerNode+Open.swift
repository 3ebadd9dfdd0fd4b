import Vectors

/// Every node begins with these 16 bytes; what follows is described above each reader.
///
///   offset  size  field
///        0     1  encoding id
///        1     1  parameter: bit width or bytes per lane
///        2     2  zero
///        4     4  count
///        8     8  first field of the encoding
struct NodeHeader {
  let offset: Int
  let encoding: EncodingID
  let parameter: Int
  let count: Int

  static let byteCount = 16

  init(_ bytes: ChunkBytes, at offset: Int) throws(StoaError) {
    _ = try bytes.piece(offset, NodeHeader.byteCount, "node")
    guard let encoding = EncodingID(rawValue: try bytes.uint8(offset)) else {
      throw bytes.damaged("unknown encoding \(try bytes.uint8(offset))", at: offset)
    }
    self.offset = offset
    self.encoding = encoding
    parameter = Int(try bytes.uint8(offset + 1))
    count = try bytes.uint32(offset + 4)
    guard count <= 65_536 else { throw bytes.damaged("\(count) values in one node", at: offset) }
  }

  /// The parameter as a lane width.
  func lane(_ bytes: ChunkBytes) throws(StoaError) -> LaneWidth {
    guard let lane = LaneWidth(rawValue: UInt8(truncatingIfNeeded: parameter)) else {
      throw bytes.damaged("lanes of \(parameter) bytes", at: offset)
    }
    return lane
  }

  /// Starts the 16 bytes of a node and returns its offset; the first field follows.
  static func write(
    _ encoding: EncodingID, parameter: Int, count: Int, to writer: inout ChunkWriter
  ) -> Int {
    writer.align(8)
    let offset = writer.count
    writer.append(encoding.rawValue)
    writer.append(UInt8(truncatingIfNeeded: parameter))
    writer.append(UInt16(0))
    writer.append(UInt32(truncatingIfNeeded: count))
    return offset
  }
}

extension IntegerNode {
  /// Reads the node at `offset`, checking everything that could lead outside the chunk. `depth` counts from 0.
  static func open(
    _ bytes: ChunkBytes, at offset: Int, count: Int?, depth: Int = 0
  ) throws(StoaError) -> IntegerNode {
    guard depth < ChunkBytes.depthLimit else {
      throw bytes.damaged("encodings nest too deep", at: offset)
    }
    let header = try NodeHeader(bytes, at: offset)
    if let count, header.count != count {
      throw bytes.damaged("\(header.count) values where \(count) are expected", at: offset)
    }
    switch header.encoding {
    case .constant: return try ConstantNode(header, bytes)
    case .runLength: return try RunLengthNode(header, bytes, depth)
    case .dictionary: return try DictionaryNode(header, bytes, depth)
    case .bitmap: return try BitmapNode(header, bytes, depth)
    case .bitPacked: return try BitPackedNode(header, bytes)
    case .delta: return try DeltaNode(header, bytes, depth)
    case .patched: return try PatchedNode(header, bytes, depth)
    case .plain, .zstd: return try LaneBytesNode(header, bytes)
    }
  }
}
