import Testing
import Vectors

@testable import Formats

/// Delimiters of more than one byte: characters beyond ASCII and sequences.
@Suite struct LongDelimiterTests {
  private func load(
    _ text: String, _ delimiter: String, _ change: (inout CSVOptions) throws -> Void = { _ in }
  ) throws -> (detected: DetectedCSV, rows: [[Value]], rejects: [RejectedRow]) {
    var options = CSVOptions()
    try options.setDelimiter(delimiter)
    try change(&options)
    let bytes = Array(text.utf8)
    let detected = try CSVDialectDetector.detect([.memory(bytes)], options: options)
    // Small blocks, so that delimiters lie across their borders.
    let reader = try CSVReader(
      [.memory(bytes)], dialect: detected.dialect, columns: detected.columns, blockByteCount: 16)
    var rows: [[Value]] = []
    var rejects: [RejectedRow] = []
    while let block = try reader.nextBlock() {
      let parsed = try reader.parse(block)
      rejects += parsed.rejects
      for row in 0..<parsed.batch.rowCount {
        rows.append(parsed.batch.columns.map { $0.value(at: row) })
      }
    }
    return (detected, rows, rejects)
  }

  @Test(
    "Any character, and several, delimit fields",
    arguments: ["§", "¦", "→", "😀", "||", "~|~", "aab"])
  func delimiters(_ d: String) throws {
    let text =
      "id\(d)name\(d)note\n" + (0..<50).map { "\($0)\(d)n\($0 % 7)\(d)\"x \(d) y\"\n" }.joined()
    let got = try load(text, d)
    #expect(got.detected.columns.map(\.name) == ["id", "name", "note"])
    #expect(got.detected.columns.map(\.type) == [.integer, .varchar, .varchar])
    #expect(got.rows.count == 50 && got.rejects.isEmpty)
    for row in 0..<min(50, got.rows.count) {
      #expect(
        got.rows[row] == [.integer(Int128(row)), .string("n\(row % 7)"), .string("x \(d) y")])
    }
    #expect("\(got.detected)".hasPrefix("delimiter '\(d)'"))
  }

  @Test("Doubled quotes, newlines in quotes, a byte-order mark, CRLF, no newline at the end")
  func quoting() throws {
    let text = "\u{FEFF}\"a§\"§b\r\n\"say \"\"§\"\"\"§1\r\n\"two\nlines§\"§2\r\nplain\"§3"
    let got = try load(text, "§") { $0.hasHeader = true }
    #expect(got.detected.columns.map(\.name) == ["a§", "b"])
    #expect(
      got.rows == [
        [.string("say \"§\""), .integer(1)], [.string("two\nlines§"), .integer(2)],
        [.string("plain\""), .integer(3)],
      ])
  }

  @Test("Rows that do not fit show the delimiter of the file")
  func rejects() throws {
    let rows = (0..<300).map { "\($0)||\($0 * 2)" } + ["7||x", "1||2||3"]
    let got = try load(rows.joined(separator: "\n") + "\n", "||")
    #expect(got.rows.count == 300)
    #expect(got.rejects.map { String(decoding: $0.raw, as: UTF8.self) } == ["7||x", "1||2||3"])
    #expect(got.rejects.map(\.line) == [301, 302] && got.rejects.first?.value == "x")
  }

  @Test("What cannot delimit is refused, and so are bytes that are not UTF-8")
  func refused() throws {
    for wrong in ["", "a\n", "\r\n", "\0\0", String(repeating: "x", count: 17)] {
      var options = CSVOptions()
      #expect(throws: StoaError.self, "\(wrong)") { try options.setDelimiter(wrong) }
    }
    #expect(throws: StoaError.self) { try load("a\"|b\n1\"|2\n", "\"|") }
    var options = CSVOptions()
    try options.setDelimiter("§")
    let bytes: [UInt8] = Array("1§2\n".utf8) + [0x31, 0xFF, 0x32, 10]
    let error = #expect(throws: StoaError.self) {
      try CSVDialectDetector.detect([.memory(bytes)], options: options)
    }
    #expect(error?.message.contains("0xFF") == true && error?.offset == 6)
  }
}
