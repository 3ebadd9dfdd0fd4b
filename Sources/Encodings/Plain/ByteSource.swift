import CZstd
import Vectors

/// A stream of bytes within a chunk, as it is (plain) or compressed in frames (zstd). Each frame holds 65,536 bytes
/// of the stream (the last one the rest) and decodes alone.
///
///   offset  size  field
///        0     1  encoding id (8 plain, 9 zstd)
///        1     3  zero
///        4     4  frameCount, 0 for plain
///        8     8  byteCount of the stream
///       16     4  offset of the payload, a multiple of 16
///       20     4  byteCount of the payload
///       24     *  zstd: frameCount + 1 offsets of 4 bytes into the payload, ascending; the last is its byteCount
final class ByteSource {
  let encoding: EncodingID
  /// Bytes of the stream.
  let byteCount: Int
  private let payload: UnsafeRawPointer
  private let frames: UnsafeRawPointer
  private let frameCount: Int
  private let location: ChunkLocation

  static let frameCapacity = 65_536
  static let headerByteCount = 24
  /// The longest stream of one chunk.
  static let byteLimit = 1 << 31

  init(_ bytes: ChunkBytes, at offset: Int) throws(StoaError) {
    location = bytes.location
    _ = try bytes.piece(offset, ByteSource.headerByteCount, "byte stream")
    guard let id = EncodingID(rawValue: try bytes.uint8(offset)), id == .plain || id == .zstd else {
      throw bytes.damaged("unknown byte stream \(try bytes.uint8(offset))", at: offset)
    }
    encoding = id
    frameCount = try bytes.uint32(offset + 4)
    let length = try bytes.uint64(offset + 8)
    let start = try bytes.uint32(offset + 16)
    let payloadCount = try bytes.uint32(offset + 20)
    payload = try bytes.piece(start, payloadCount, "byte stream")
    guard length <= UInt64(ByteSource.byteLimit), start % 16 == 0 else {
      throw bytes.damaged("byte stream of \(length) bytes at \(start)", at: offset)
    }
    byteCount = Int(length)
    if id == .plain {
      guard payloadCount == byteCount, frameCount == 0 else {
        throw bytes.damaged("plain bytes: \(payloadCount) instead of \(byteCount)", at: offset)
      }
      frames = payload
      return
    }
    guard frameCount == (byteCount + ByteSource.frameCapacity - 1) / ByteSource.frameCapacity else {
      throw bytes.damaged("\(frameCount) frames for \(byteCount) bytes", at: offset)
    }
    frames = try bytes.piece(offset + 24, (frameCount + 1) * 4, "frame offsets")
    var last = 0
    for frame in 0...frameCount {
      let at = frameOffset(frame)
      guard at >= last, at <= payloadCount, frame > 0 || at == 0 else {
        throw bytes.damaged("frame \(frame) at \(at)", at: offset + 24 + frame * 4)
      }
      last = at
    }
    guard last == payloadCount else { throw bytes.damaged("frames end at \(last)", at: offset) }
  }

  private func frameOffset(_ frame: Int) -> Int {
    Int(UInt32(littleEndian: frames.loadUnaligned(fromByteOffset: frame * 4, as: UInt32.self)))
  }

  /// Bytes `range` of the stream and what keeps them alive beyond the chunk's own bytes.
  func read(_ range: Range<Int>) throws(StoaError) -> (bytes: UnsafeRawPointer, owner: Buffer?) {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else {
      throw location.damaged("bytes \(range) of a stream of \(byteCount)")
    }
    if encoding == .plain || range.isEmpty {
      return (payload + (encoding == .plain ? range.lowerBound : 0), nil)
    }
    let first = range.lowerBound / ByteSource.frameCapacity
    let last = (range.upperBound - 1) / ByteSource.frameCapacity
    let start = first * ByteSource.frameCapacity
    let buffer = Buffer(byteCount: min((last + 1) * ByteSource.frameCapacity, byteCount) - start)
    for frame in first...last {
      let at = frame * ByteSource.frameCapacity - start
      let expected = min(ByteSource.frameCapacity, buffer.byteCount - at)
      let from = frameOffset(frame)
      let got = ZSTD_decompress(
        buffer.pointer + at, expected, payload + from, frameOffset(frame + 1) - from)
      guard ZSTD_isError(got) == 0, got == expected else {
        throw location.damaged("zstd frame \(frame) does not decompress to \(expected) bytes")
      }
    }
    return (UnsafeRawPointer(buffer.pointer + (range.lowerBound - start)), buffer)
  }
}

extension ByteSource {
  /// Writes `raw` as it is.
  static func writePlain(_ raw: UnsafeRawBufferPointer, to writer: inout ChunkWriter) -> Int {
    let (offset, fields) = writeHeader(.plain, frameCount: 0, byteCount: raw.count, to: &writer)
    writer.align(16)
    writer.setOffset(writer.count, at: fields)
    writer.setOffset(raw.count, at: fields + 4)
    writer.append(raw)
    return offset
  }

  /// Writes `raw` in compressed frames.
  static func writeZstd(
    _ raw: UnsafeRawBufferPointer, level: Int32 = 3, to writer: inout ChunkWriter
  ) throws(StoaError) -> Int {
    let frameCount = (raw.count + frameCapacity - 1) / frameCapacity
    let (offset, fields) = writeHeader(
      .zstd, frameCount: frameCount, byteCount: raw.count, to: &writer)
    let table = writer.reserve((frameCount + 1) * 4)
    writer.align(16)
    let start = writer.count
    writer.setOffset(start, at: fields)
    let target = Buffer(byteCount: ZSTD_compressBound(frameCapacity))
    for frame in 0..<frameCount {
      let at = frame * frameCapacity
      let written = ZSTD_compress(
        target.pointer, target.byteCount, raw.baseAddress! + at,
        min(frameCapacity, raw.count - at), level)
      guard ZSTD_isError(written) == 0 else {
        throw StoaError(.inconsistency, "zstd could not compress a frame")
      }
      writer.append(UnsafeRawBufferPointer(start: target.pointer, count: written))
      writer.setOffset(writer.count - start, at: table + (frame + 1) * 4)
    }
    writer.setOffset(writer.count - start, at: fields + 4)
    return offset
  }

  /// Compressed size of up to 64 KB from the middle of `raw`, scaled to all of it.
  static func estimatedZstdByteCount(_ raw: UnsafeRawBufferPointer, level: Int32 = 3) -> Int {
    guard raw.count > 0 else { return 0 }
    let sample = min(raw.count, frameCapacity)
    let target = Buffer(byteCount: ZSTD_compressBound(sample))
    let written = ZSTD_compress(
      target.pointer, target.byteCount, raw.baseAddress! + (raw.count - sample) / 2, sample, level)
    guard ZSTD_isError(written) == 0 else { return raw.count }
    return written * raw.count / sample
  }

  private static func writeHeader(
    _ encoding: EncodingID, frameCount: Int, byteCount: Int, to writer: inout ChunkWriter
  ) -> (offset: Int, fields: Int) {
    writer.align(8)
    let offset = writer.count
    writer.append(UInt32(encoding.rawValue))
    writer.append(UInt32(truncatingIfNeeded: frameCount))
    writer.append(UInt64(byteCount))
    return (offset, writer.reserve(8))
  }
}
