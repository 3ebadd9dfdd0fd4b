import Vectors

/// A column chunk ready to be written, and what is known of it.
public struct EncodedChunk: Sendable {
  /// The bytes, to be placed on a multiple of 64 in the file.
  public let bytes: Buffer
  public let zone: ZoneMap
  /// The outermost encoding.
  public let encoding: EncodingID

  /// Bytes of the chunk.
  public var byteCount: Int { bytes.byteCount }
}
