import Encodings
import Vectors

// The few calls that storage makes to the encoder.
enum ChunkCoding {
  /// A chunk that needs nothing but itself.
  /// - Parameter forced: the name after ENCODING in the table's definition; unknown names are ignored, since
  ///   a newer version may have known them.
  static func encode(_ vector: Vector, forced: String?) throws(StoaError) -> EncodedChunk {
    try ChunkEncoder.encode(vector, forced: forced.flatMap { EncodingID(name: $0) })
  }

  /// A chunk of codes into the segment's sorted `dictionary`.
  static func encodeCodes(
    _ codes: Buffer, count: Int, dictionary: Vector, validity: Validity?, forced: String?
  ) throws(StoaError) -> EncodedChunk {
    defer { withExtendedLifetime(codes) {} }
    return try ChunkEncoder.encode(
      codes: UnsafePointer(codes.typed(UInt32.self)), count: count, validity: validity,
      dictionary: dictionary, forced: forced.flatMap { EncodingID(name: $0) })
  }

  /// A chunk with the same value in every row.
  static func constant(
    _ value: Value, type: LogicalType, rowCount: Int
  ) throws(StoaError) -> ColumnChunk {
    let encoded = try ChunkEncoder.encode(Vector(constant: value, type: type, count: rowCount))
    return try ColumnChunk.open(
      bytes: encoded.bytes.bytes, owner: encoded.bytes, type: type, rowCount: rowCount)
  }
}
