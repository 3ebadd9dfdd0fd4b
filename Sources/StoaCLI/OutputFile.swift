import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where results go: standard output or a file, written in large pieces.
final class OutputFile {
  private static let pieceByteCount = 1 << 16

  private let descriptor: Int32
  private let path: String?
  var bytes: [UInt8] = []

  // Only the main thread writes results.
  nonisolated(unsafe) static let standard = OutputFile(descriptor: 1, path: nil)

  private init(descriptor: Int32, path: String?) {
    self.descriptor = descriptor
    self.path = path
  }

  /// - Throws: `.io` when the file cannot be made.
  static func create(_ path: String) throws(StoaError) -> OutputFile {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw StoaError(.io, "cannot write: \(String(cString: strerror(errno)))", path: path)
    }
    return OutputFile(descriptor: descriptor, path: path)
  }

  deinit { if path != nil { close(descriptor) } }

  func print(_ line: String) throws(StoaError) {
    bytes.append(contentsOf: line.utf8)
    bytes.append(0x0A)
    try flushIfLarge()
  }

  func flushIfLarge() throws(StoaError) {
    if bytes.count >= OutputFile.pieceByteCount { try flush() }
  }

  /// - Throws: `.io`; with `BrokenPipe.message` when the reader has gone.
  func flush() throws(StoaError) {
    defer { bytes.removeAll(keepingCapacity: true) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress! + written, $0.count - written)
      }
      if count > 0 {
        written += count
      } else if errno == EPIPE {
        throw BrokenPipe.error
      } else if errno != EINTR {
        throw StoaError(
          .io, "cannot write the output: \(String(cString: strerror(errno)))", path: path)
      }
    }
  }
}

/// The reader of standard output ended first (`stoa … | head`): stop quietly.
enum BrokenPipe {
  static let error = StoaError(.io, "nobody reads the output any more")
  /// As a shell reports a program that SIGPIPE ended.
  static let exitCode: Int32 = 141
}

/// Messages for people go to standard error, in one write each.
func printError(_ text: String) {
  let bytes = Array(text.utf8)
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes { write(2, $0.baseAddress! + written, $0.count - written) }
    if count <= 0, errno != EINTR { return }
    written += max(0, count)
  }
}
