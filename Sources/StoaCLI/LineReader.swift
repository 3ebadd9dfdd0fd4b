import Stoa

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What came of asking for a line.
enum ReadLine {
  /// Without its line feed.
  case line([UInt8])
  case end
  /// Ctrl-C instead of a line.
  case interrupted
}

/// Somewhere lines come from: a file, a text, a terminal.
protocol LineReader: AnyObject {
  /// - Parameter prompt: shown where a person types.
  func next(prompt: String) throws(StoaError) -> ReadLine
  /// Called with each whole statement, for the history.
  func remember(_ statement: String)
  /// Whether lines are what the process's standard input gives.
  var isStandardInput: Bool { get }
  /// The file the lines come from, for errors; `nil` for other places.
  var scriptPath: String? { get }
}

extension LineReader {
  var isStandardInput: Bool { false }
  var scriptPath: String? { nil }
  func remember(_ statement: String) {}
}

/// Lines of a text given on the command line.
final class TextLineReader: LineReader {
  private var rest: ArraySlice<UInt8>

  init(_ text: String) { rest = Array(text.utf8)[...] }

  func next(prompt: String) -> ReadLine {
    guard !rest.isEmpty else { return .end }
    let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
    defer { rest = rest[min(end + 1, rest.endIndex)...] }
    return .line(Array(rest[..<end]))
  }
}

/// Lines of a file or of standard input.
final class FileLineReader: LineReader {
  private let descriptor: Int32
  private let path: String?
  private let showsPrompt: Bool
  private var buffer: [UInt8] = []
  private var position = 0
  private var isAtEnd = false

  /// Standard input.
  init(showsPrompt: Bool = false) {
    descriptor = 0
    path = nil
    self.showsPrompt = showsPrompt
  }

  /// - Throws: `.io` when there is no such file.
  init(path: String) throws(StoaError) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    self.path = path
    showsPrompt = false
    guard descriptor >= 0 else {
      throw StoaError(.io, "cannot read: \(String(cString: strerror(errno)))", path: path)
    }
  }

  deinit { if path != nil { close(descriptor) } }

  var isStandardInput: Bool { path == nil }
  var scriptPath: String? { path }

  func next(prompt: String) throws(StoaError) -> ReadLine {
    if showsPrompt {
      OutputFile.standard.bytes.append(contentsOf: prompt.utf8)
      try OutputFile.standard.flush()
    }
    var searched = position
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { position = end + 1 }
        return .line(Array(buffer[position..<end]))
      }
      searched = buffer.count
      if isAtEnd {
        guard position < buffer.count else { return .end }
        defer { position = buffer.count }
        return .line(Array(buffer[position...]))
      }
      let removed = position
      guard try fill() else { return .interrupted }
      searched -= removed
    }
  }

  /// Reads on; false when interrupted, and then what was typed of the line is forgotten.
  private func fill() throws(StoaError) -> Bool {
    buffer.removeSubrange(..<position)
    position = 0
    let old = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: 1 << 16))
    let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + old, 1 << 16) }
    let code = errno
    buffer.removeLast((1 << 16) - max(0, count))
    if count == 0 { isAtEnd = true }
    guard count < 0 else { return true }
    guard code == EINTR else {
      throw StoaError(.io, "cannot read: \(String(cString: strerror(code)))", path: path)
    }
    buffer.removeAll()
    return false
  }
}
