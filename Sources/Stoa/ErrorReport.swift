import Vectors

/// An error as the shell prints it: the message, then the line of SQL it is about with a caret under the place.
public enum ErrorReport {
  /// Columns of source text shown around the place.
  private static let windowWidth = 100

  /// - Parameters:
  ///   - source: the text that positions of `error` refer to.
  ///   - firstLine: number of the line on which `source` begins.
  ///   - script: the file that holds `source`.
  public static func text(
    _ error: StoaError, source: String? = nil, firstLine: Int = 1, script: String? = nil
  ) -> String {
    var text = "Error: \(error)\n"
    guard let source, let position = error.position else { return text }
    if let script { text += "\(script), " }
    text += excerpt(source, position, firstLine: firstLine)
    return text
  }

  /// The line of `position`, and carets under it.
  private static func excerpt(_ source: String, _ position: Range<Int>, firstLine: Int) -> String {
    let bytes = Array(source.utf8)
    var start = min(max(0, position.lowerBound), bytes.count)
    // What is missing at the end is shown after the last word, not on an empty line.
    if start == bytes.count {
      while start > 0, bytes[start - 1] == 0x20 || (0x09...0x0D).contains(bytes[start - 1]) {
        start -= 1
      }
    }
    var lineStart = start
    while lineStart > 0, bytes[lineStart - 1] != 0x0A { lineStart -= 1 }
    var lineEnd = start
    while lineEnd < bytes.count, bytes[lineEnd] != 0x0A { lineEnd += 1 }
    let line = firstLine + bytes[..<lineStart].reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
    let end = min(max(position.upperBound, start), lineEnd)

    let before = visible(bytes[lineStart..<start])
    let marked = visible(bytes[start..<max(start, end)])
    let after = visible(bytes[max(start, end)..<lineEnd])
    let column = before.count + 1
    let shown = window(before, marked, after)
    let indent = DisplayWidth.of(shown.before)
    let carets = max(1, DisplayWidth.of(shown.marked))
    return """
      line \(line), column \(column):
        \(shown.before + shown.marked + shown.after)
        \(String(repeating: " ", count: indent))\(String(repeating: "^", count: carets))

      """
  }

  private static func visible(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
  }

  /// Cuts a long line to the part around the mark.
  private static func window(
    _ before: String, _ marked: String, _ after: String
  ) -> (before: String, marked: String, after: String) {
    guard before.count + marked.count + after.count > windowWidth else {
      return (before, marked, after)
    }
    let shownMark = marked.count > 60 ? String(marked.prefix(59)) + "…" : marked
    let beforeRoom = 35
    let shownBefore = before.count > beforeRoom ? "…" + before.suffix(beforeRoom - 1) : before
    let room = max(0, windowWidth - shownBefore.count - shownMark.count)
    let shownAfter = after.count > room ? String(after.prefix(max(0, room - 1))) + "…" : after
    return (shownBefore, shownMark, shownAfter)
  }
}
