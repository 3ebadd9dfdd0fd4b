import CKernels
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Some whole rows of a delimited file: what one worker parses at a time. About 512 KB.
public struct CSVBlock: @unchecked Sendable {
  /// Position in the order in which the blocks were cut, over all files.
  public let index: Int
  /// The file the rows come from.
  public let file: String
  /// One-based line of the first row.
  public let firstLine: UInt64
  /// The text, ending with a newline; views of parsed strings point into it.
  let text: Buffer
  let byteCount: Int
  /// Newlines in the text, inside quotes or not: at least the number of rows.
  let newlineCount: Int
  let hasQuotes: Bool
  /// Whether a byte above 127 occurs.
  let hasHighBytes: Bool
  /// Per field of a row the column it is; `nil` when fields stand in the order of the columns.
  let fieldOrder: [Int]?

  /// Bytes of text.
  public var textByteCount: Int { byteCount }
}

/// Where rows end, quotes considered. Shared by the block cutter and the row scanner so that both agree: a quote opens a
/// quoted field only as the first byte of the field; everywhere else it is an ordinary character.
struct CSVQuoting {
  let delimiter: UInt8
  let quote: UInt8
  let escape: UInt8
  let newline: UInt8

  init?(_ dialect: CSVDialect) {
    guard let quote = dialect.quote else { return nil }
    self.quote = quote
    delimiter = dialect.delimiter
    escape = dialect.escape ?? quote
    newline = dialect.newline
  }

  /// The offset after the quote that closes the field opened just before `start`; `nil` when there is none.
  @inline(__always)
  func closing(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int? {
    var at = start
    while at < end {
      let byte = text[at]
      if byte == escape && at + 1 < end && (text[at + 1] == quote || text[at + 1] == escape) {
        at += 2
      } else if byte == quote {
        return at + 1
      } else {
        at += 1
      }
    }
    return nil
  }

  /// The end of the last whole row in `text[0..<count]`, which begins at a row start, or 0; and where a quoted
  /// field opens that does not close, if one does.
  func lastRowEnd(_ text: UnsafePointer<UInt8>, count: Int) -> (end: Int, openQuote: Int?) {
    var lastEnd = 0
    var regionStart = 0
    var at = 0
    while at < count {
      guard let found = memchr(text + at, Int32(quote), count - at) else { break }
      let position = text.distance(to: UnsafePointer(found.assumingMemoryBound(to: UInt8.self)))
      let isOpening =
        position == 0 || text[position - 1] == delimiter || text[position - 1] == newline
      guard isOpening else {
        at = position + 1
        continue
      }
      lastEnd = lastNewline(text, regionStart, position) ?? lastEnd
      guard let next = closing(text, from: position + 1, to: count) else {
        return (lastEnd, position)
      }
      at = next
      regionStart = next
    }
    return (lastNewline(text, regionStart, count) ?? lastEnd, nil)
  }

  /// The offset after the last newline in `text[start..<end]`.
  private func lastNewline(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int? {
    var at = end
    while at > start {
      at -= 1
      if text[at] == newline { return at + 1 }
    }
    return nil
  }
}
