import Vectors

/// Text whose delimiter has more than one byte, with one byte in its place wherever it ends a field, so that everything
/// behind finds fields by single bytes. The stand-in never occurs in UTF-8; text that has it is refused.
///
/// Delimiters inside quoted fields stay as they are. What is quoted is decided as by `CSVQuoting`: a quote opens a field only as
/// its first byte, and the escape makes a quote or an escape ordinary.
final class DelimiterSource: ByteSource {
  private let plain: any ByteSource
  private var rewriter: DelimiterRewriter
  private let input: Buffer
  /// Bytes at the beginning of `input` that need those behind them.
  private var heldCount = 0
  private var output: [UInt8] = []
  private var outputOffset = 0
  private var hasEnded = false

  init(_ plain: any ByteSource, _ dialect: CSVDialect, _ delimiter: [UInt8]) {
    self.plain = plain
    rewriter = DelimiterRewriter(dialect, delimiter)
    input = Buffer(byteCount: 64 << 10)
  }

  var name: String { plain.name }
  var consumedByteCount: Int { plain.consumedByteCount }

  func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
    while outputOffset == output.count && !hasEnded { try refill() }
    let got = min(count, output.count - outputOffset)
    output.withUnsafeBytes {
      guard let base = $0.baseAddress else { return }
      target.copyMemory(from: base + outputOffset, byteCount: got)
    }
    outputOffset += got
    return got
  }

  private func refill() throws(StoaError) {
    let got = try plain.read(
      into: input.pointer + heldCount, count: input.byteCount - heldCount)
    hasEnded = got == 0
    output.removeAll(keepingCapacity: true)
    outputOffset = 0
    let count = heldCount + got
    let bytes = UnsafeBufferPointer(
      start: UnsafePointer(input.typed(UInt8.self)), count: count)
    let used = try rewriter.rewrite(bytes, isLast: hasEnded, to: &output, path: name)
    heldCount = count - used
    input.pointer.copyMemory(from: input.pointer + used, byteCount: heldCount)
  }
}

/// The state of rewriting delimiters from one piece of text to the next.
struct DelimiterRewriter {
  /// Stands for a delimiter of several bytes: no byte of UTF-8.
  static let standIn: UInt8 = 0xFF

  private let delimiter: [UInt8]
  private let quote: UInt8?
  private let escape: UInt8?
  private let newline: UInt8
  /// Lines still to come that are left out, whatever quotes they have.
  private var plainLineCount: Int
  private var isFieldStart = true
  private var isQuoted = false
  private var offset: UInt64 = 0

  init(_ dialect: CSVDialect, _ delimiter: [UInt8]) {
    self.delimiter = delimiter
    quote = dialect.quote
    escape = dialect.escape ?? dialect.quote
    newline = dialect.newline
    plainLineCount = dialect.skippedLineCount
  }

  /// Appends `text` with its delimiters replaced; returns how many bytes were used: all but fewer than a delimiter has,
  /// unless it is the last piece.
  mutating func rewrite(
    _ text: UnsafeBufferPointer<UInt8>, isLast: Bool, to target: inout [UInt8], path: String
  ) throws(StoaError) -> Int {
    let safe = isLast ? text.count : text.count - max(delimiter.count, 2) + 1
    target.reserveCapacity(target.count + text.count)
    var at = 0
    while at < safe {
      let byte = text[at]
      guard byte != DelimiterRewriter.standIn else { throw refused(text, at, path) }
      let unit = step(text, at, byte)
      if unit.isDelimiter {
        target.append(DelimiterRewriter.standIn)
      } else {
        target.append(contentsOf: text[at..<(at + unit.count)])
      }
      at += unit.count
    }
    offset += UInt64(at)
    return at
  }

  /// All of a text.
  mutating func rewriteAll(_ text: [UInt8], path: String) throws(StoaError) -> [UInt8] {
    var result: [UInt8] = []
    let buffer = Buffer(byteCount: max(1, text.count))
    text.withUnsafeBytes { source in
      if let base = source.baseAddress {
        buffer.pointer.copyMemory(from: base, byteCount: text.count)
      }
    }
    let bytes = UnsafeBufferPointer(
      start: UnsafePointer(buffer.typed(UInt8.self)), count: text.count)
    _ = try rewrite(bytes, isLast: true, to: &result, path: path)
    return result
  }

  /// How many bytes belong together at `at`, and whether they end a field.
  private mutating func step(
    _ text: UnsafeBufferPointer<UInt8>, _ at: Int, _ byte: UInt8
  ) -> (count: Int, isDelimiter: Bool) {
    if isQuoted {
      if byte == escape, at + 1 < text.count, text[at + 1] == quote || text[at + 1] == escape {
        return (2, false)
      }
      if byte == quote { isQuoted = false }
      return (1, false)
    }
    if byte == newline {
      plainLineCount = max(0, plainLineCount - 1)
      isFieldStart = true
      return (1, false)
    }
    if byte == delimiter[0], startsWithDelimiter(text, at) {
      isFieldStart = true
      return (delimiter.count, true)
    }
    if isFieldStart, byte == quote, plainLineCount == 0 {
      isQuoted = true
      isFieldStart = false
      return (1, false)
    }
    // A quote behind the byte-order mark opens a field.
    let place = offset + UInt64(at)
    let isMark = place < 3 && byte == [0xEF, 0xBB, 0xBF][Int(place)]
    if !isMark { isFieldStart = false }
    return (1, false)
  }

  private func startsWithDelimiter(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Bool {
    guard at + delimiter.count <= text.count else { return false }
    for index in delimiter.indices where text[at + index] != delimiter[index] { return false }
    return true
  }

  private func refused(
    _ text: UnsafeBufferPointer<UInt8>, _ at: Int, _ path: String
  ) -> StoaError {
    if offset == 0, TextSample.isUTF16(Array(text.prefix(2))) { return TextSample.utf16Error(path) }
    return StoaError(
      .input, "the byte 0xFF is not text in UTF-8", path: path, offset: offset + UInt64(at))
  }
}
