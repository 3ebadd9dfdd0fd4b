import CZstd
import Vectors

/// The plain bytes of a Zstandard stream, any number of frames one after the other.
final class ZstdSource: ByteSource {
  let name: String
  private let compressed: any ByteSource
  private let stream: OpaquePointer
  private let input: Buffer
  private var inputCount = 0
  private var inputOffset = 0
  /// Whether a frame is open, so that the end of the input is a truncation.
  private var isInsideFrame = false

  init(_ compressed: any ByteSource) throws(StoaError) {
    name = compressed.name
    self.compressed = compressed
    guard let stream = ZSTD_createDStream() else {
      throw StoaError(.resource, "no memory for zstd", path: compressed.name)
    }
    self.stream = stream
    input = Buffer(byteCount: max(1 << 16, ZSTD_DStreamInSize()))
    // Frames that need a window beyond 128 MB are refused rather than let a small file eat all memory.
    _ = ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27)
  }

  deinit { ZSTD_freeDStream(stream) }

  var consumedByteCount: Int { compressed.consumedByteCount }

  func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
    guard count > 0 else { return 0 }
    var output = ZSTD_outBuffer(dst: target, size: count, pos: 0)
    while output.pos == 0 {
      if inputOffset == inputCount {
        inputCount = try compressed.read(into: input.pointer, count: input.byteCount)
        inputOffset = 0
        if inputCount == 0 {
          guard !isInsideFrame else { throw failure("the compressed file ends too early") }
          return 0
        }
      }
      var bytes = ZSTD_inBuffer(src: input.pointer, size: inputCount, pos: inputOffset)
      let rest = ZSTD_decompressStream(stream, &output, &bytes)
      inputOffset = bytes.pos
      guard ZSTD_isError(rest) == 0 else {
        throw failure("cannot decompress: \(String(cString: ZSTD_getErrorName(rest)))")
      }
      isInsideFrame = rest != 0
    }
    return output.pos
  }

  private func failure(_ message: String) -> StoaError {
    StoaError(.input, message, path: name, offset: UInt64(compressed.consumedByteCount))
  }
}
