import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// JSON objects, one to a line, as the delimited text that `CSVReader` reads: so they are cut into blocks, parsed by
/// all threads, typed, rejected and counted like any other rows.
///
/// A line becomes one row whose fields are the values of `keys` in their order: texts in quotes with their escapes
/// resolved, numbers and booleans as they stand, `nullToken` for null and for keys the object does not have. Rows end
/// with `rowEnd` rather than with a newline, which texts may hold; so each line is one row and lines keep their numbers.
final class JSONLinesSource: ByteSource {
  /// Ends rows; in JSON it can only occur as an escape.
  static let rowEnd: UInt8 = 0x1E
  /// No number, no boolean, and no text either as those stand in quotes.
  static let nullToken = "\u{1}"
  private static let pieceByteCount = 256 << 10

  private let base: any ByteSource
  private let limit: Int
  private var converter: JSONLineConverter
  /// Text read but not converted: part of a line.
  private var pending: [UInt8] = []
  private var output: [UInt8] = []
  private var outputOffset = 0
  private var hasEnded = false
  private var isAtStart = true

  /// - Parameters:
  ///   - keys: of the fields, in order; in any case.
  ///   - skipsOthers: whether objects may have more keys, which are left out.
  ///   - limit: bytes a line may have.
  init(_ base: any ByteSource, keys: [String], skipsOthers: Bool, limit: Int) {
    self.base = base
    self.limit = limit
    converter = JSONLineConverter(keys: keys, skipsOthers: skipsOthers, path: base.name)
  }

  var name: String { base.name }
  var consumedByteCount: Int { base.consumedByteCount }

  func read(into target: UnsafeMutableRawPointer, count: Int) throws(StoaError) -> Int {
    while outputOffset == output.count {
      guard !hasEnded else { return 0 }
      output.removeAll(keepingCapacity: true)
      outputOffset = 0
      try convertPiece()
    }
    let got = min(count, output.count - outputOffset)
    output.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      target.copyMemory(from: start + outputOffset, byteCount: got)
    }
    outputOffset += got
    return got
  }

  /// Reads on and converts the lines that are whole then.
  private func convertPiece() throws(StoaError) {
    let piece = Buffer(byteCount: JSONLinesSource.pieceByteCount)
    let got = try base.read(into: piece.pointer, count: JSONLinesSource.pieceByteCount)
    hasEnded = got == 0
    pending.append(contentsOf: UnsafeRawBufferPointer(start: piece.pointer, count: got))
    if isAtStart, pending.count >= 3 || hasEnded {
      isAtStart = false
      if TextSample.isUTF16(Array(pending.prefix(2))) { throw TextSample.utf16Error(name) }
      if pending.starts(with: [0xEF, 0xBB, 0xBF]) { pending.removeFirst(3) }
    }
    if isAtStart { return }
    let result = pending.withUnsafeBufferPointer { text -> Result<Int, StoaError> in
      Result { () throws(StoaError) in try convertLines(text) }
    }
    pending.removeFirst(try result.get())
    guard pending.count <= limit else {
      throw converter.error(
        "a line is longer than \(limit) bytes", hint: "Raise MAX_LINE_SIZE if that is right")
    }
  }

  /// - Returns: how many bytes were whole lines; at the end of the text its last line counts as whole.
  private func convertLines(_ text: UnsafeBufferPointer<UInt8>) throws(StoaError) -> Int {
    guard let start = text.baseAddress else { return 0 }
    var at = 0
    while at < text.count {
      let found = memchr(start + at, 10, text.count - at)
      guard found != nil || hasEnded else { break }
      let end =
        found.map { UnsafeRawPointer(start).distance(to: UnsafeRawPointer($0)) } ?? text.count
      guard end - at <= limit else {
        throw converter.error(
          "a line is longer than \(limit) bytes", hint: "Raise MAX_LINE_SIZE if that is right")
      }
      try converter.convert(
        UnsafeBufferPointer(start: start + at, count: end - at), to: &output)
      at = min(end + 1, text.count)
    }
    return at
  }
}
