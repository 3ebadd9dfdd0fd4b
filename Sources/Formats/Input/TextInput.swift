import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A text file to read, or standard input, possibly compressed: can be sampled first (also when it is a pipe) and
/// then opened once. Not thread-safe.
public final class TextInput {
  private enum Origin {
    case file(String)
    case standardInput
    case memory([UInt8])
  }

  /// The path, or `<stdin>`.
  public let name: String
  private let origin: Origin
  /// A pipe that was sampled: what was read from it, and the rest.
  private var sampled: ReplayedSource?

  private init(_ origin: Origin, name: String) {
    self.origin = origin
    self.name = name
  }

  /// The file at a path, plain or zstd.
  public static func file(_ path: String) -> TextInput { TextInput(.file(path), name: path) }
  /// Standard input, which can be read once.
  public static func standardInput() -> TextInput { TextInput(.standardInput, name: "<stdin>") }
  /// Bytes at hand.
  public static func memory(_ bytes: [UInt8], name: String = "<memory>") -> TextInput {
    TextInput(.memory(bytes), name: name)
  }

  /// The inputs that `pattern` names, in order of name: a path, a glob (`*`, `?`, `[…]`), or `-` for
  /// standard input. A file whose name has such characters wins over the glob.
  /// - Throws: `.io` when nothing matches.
  public static func resolve(_ pattern: String) throws(StoaError) -> [TextInput] {
    if pattern == "-" || pattern == "/dev/stdin" { return [.standardInput()] }
    var status = stat()
    if stat(pattern, &status) == 0 { return [.file(pattern)] }
    let failure = errno
    guard pattern.utf8.contains(where: { [0x2A, 0x3F, 0x5B].contains($0) }) else {
      throw StoaError(.io, "cannot open the file: \(FileSource.reason(failure))", path: pattern)
    }
    var matches = glob_t()
    defer { globfree(&matches) }
    guard glob(pattern, 0, nil, &matches) == 0, matches.gl_pathc > 0 else {
      throw StoaError(.io, "no file matches the pattern", path: pattern)
    }
    return (0..<Int(matches.gl_pathc)).compactMap { index in
      matches.gl_pathv[index].map { .file(String(cString: $0)) }
    }
  }

  /// Paths that a pattern matches, in order; none when nothing does.
  public static func matching(_ pattern: String) -> [String] {
    var status = stat()
    if stat(pattern, &status) == 0 { return [pattern] }
    var matches = glob_t()
    defer { globfree(&matches) }
    guard glob(pattern, 0, nil, &matches) == 0 else { return [] }
    return (0..<Int(matches.gl_pathc)).compactMap { index in
      matches.gl_pathv[index].map { String(cString: $0) }
    }
  }

  /// Bytes to read, compressed ones where there is compression; `nil` for pipes.
  public var byteCount: Int? {
    switch origin {
    case .memory(let bytes): return bytes.count
    case .standardInput: return nil
    case .file(let path):
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return Int(status.st_size)
    }
  }

  /// The plain text from its beginning. Standard input and pipes can be opened once.
  /// - Throws: `.io` when it cannot be opened, `.input` when it is compressed in a way not known here.
  public func open() throws(StoaError) -> any ByteSource {
    if let source = sampled {
      sampled = nil
      return source
    }
    switch origin {
    case .file(let path): return try TextInput.decoded(try FileSource(path: path))
    case .standardInput: return try TextInput.decoded(try FileSource.standardInput())
    case .memory(let bytes): return try TextInput.decoded(MemorySource(bytes, name: name))
    }
  }

  /// Looks at the first bytes rather than at the name, so that pipes work too.
  private static func decoded(_ source: any ByteSource) throws(StoaError) -> any ByteSource {
    let head = try source.readPrefix(4)
    let whole = ReplayedSource(head, then: source)
    if head == [0x28, 0xB5, 0x2F, 0xFD] { return try ZstdSource(whole) }
    if head.starts(with: [0x1F, 0x8B]) {
      throw StoaError(
        .unsupported, "gzip files cannot be read",
        hint: "Decompress it first: gunzip -c FILE | … -",
        path: source.name)
    }
    return whole
  }
}

/// Stretches of a text input that stand for all of it.
struct TextSample {
  struct Stretch {
    var bytes: [UInt8]
    /// Whether it begins at the beginning of the text (else anywhere, likely within a line).
    var isStart: Bool
    /// Whether it reaches the end of the text.
    var isEnd: Bool
  }
  var stretches: [Stretch]
  /// Whether the stretches are the whole text.
  var isComplete: Bool

  /// Whether text begins with the byte-order mark of UTF-16.
  static func isUTF16(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
  }

  /// What to say of such text.
  static func utf16Error(_ path: String?) -> StoaError {
    StoaError(
      .input, "the file is UTF-16, not UTF-8",
      hint: "Convert it first: iconv -f UTF-16 -t UTF-8", path: path)
  }
}

extension TextInput {
  /// The whole text when it has at most `limit` bytes, else a first part of half of that and pieces spread to
  /// the very end; of what cannot be rewound or is compressed, the first `limit` bytes.
  func sample(limit: Int) throws(StoaError) -> TextSample {
    if case .file(let path) = origin {
      let file = try FileSource(path: path)
      if let size = file.byteCount, size > limit {
        let magic = try TextInput.bytes(of: file, at: 0, count: 4)
        if magic != [0x28, 0xB5, 0x2F, 0xFD] && !magic.starts(with: [0x1F, 0x8B]) {
          return try TextInput.spreadSample(of: file, size: size, limit: limit)
        }
      }
    }
    let source = try open()
    let head = try source.readPrefix(limit + 1)
    let isRewindable =
      switch origin {
      case .file: byteCount != nil
      case .memory: true
      case .standardInput: false
      }
    if !isRewindable { sampled = ReplayedSource(head, then: source) }
    let isComplete = head.count <= limit
    return TextSample(
      stretches: [.init(bytes: head, isStart: true, isEnd: isComplete)], isComplete: isComplete)
  }

  private static func spreadSample(
    of file: FileSource, size: Int, limit: Int
  ) throws(StoaError) -> TextSample {
    var stretches = [
      TextSample.Stretch(
        bytes: try bytes(of: file, at: 0, count: limit / 2), isStart: true, isEnd: false)
    ]
    let pieceCount = 8
    let pieceSize = limit / 2 / pieceCount
    for piece in 1...pieceCount {
      // The last piece ends with the file.
      let offset = max(limit / 2, (size - pieceSize) / pieceCount * piece)
      let start = piece == pieceCount ? size - pieceSize : offset
      stretches.append(
        .init(
          bytes: try bytes(of: file, at: start, count: pieceSize), isStart: false,
          isEnd: piece == pieceCount))
    }
    return TextSample(stretches: stretches, isComplete: false)
  }

  private static func bytes(of file: FileSource, at offset: Int, count: Int) throws(StoaError)
    -> [UInt8]
  {
    let buffer = Buffer(byteCount: count)
    let got = try file.read(at: offset, into: buffer.pointer, count: count)
    return Array(UnsafeRawBufferPointer(start: buffer.pointer, count: got))
  }
}
