import Formats
import Testing
import Vectors

/// Everything a reader made of some text.
struct ReadCSV: Equatable {
  var rows: [[Value]] = []
  var lines: [UInt64] = []
  var rejects: [RejectedRow] = []
}

/// Parses `text`, which has no header unless `adjust` says so.
func readCSV(
  _ text: [UInt8], _ types: [LogicalType], blockByteCount: Int = CSVReader.defaultBlockByteCount,
  _ adjust: (inout CSVDialect) -> Void = { _ in }
) throws(StoaError) -> ReadCSV {
  var dialect = CSVDialect()
  dialect.hasHeader = false
  adjust(&dialect)
  let columns = types.enumerated().map { CSVColumn(name: "c\($0.offset)", type: $0.element) }
  let reader = try CSVReader(
    [.memory(text, name: "test.csv")], dialect: dialect, columns: columns,
    blockByteCount: blockByteCount)
  var result = ReadCSV()
  while let block = try reader.nextBlock() {
    let parsed = try reader.parse(block)
    for row in 0..<parsed.batch.rowCount {
      result.rows.append(parsed.batch.columns.map { $0.value(at: row) })
      result.lines.append(parsed.line(ofRow: row))
    }
    result.rejects += parsed.rejects
  }
  return result
}

func readCSV(
  _ text: String, _ types: [LogicalType], blockByteCount: Int = CSVReader.defaultBlockByteCount,
  _ adjust: (inout CSVDialect) -> Void = { _ in }
) throws(StoaError) -> ReadCSV {
  try readCSV(Array(text.utf8), types, blockByteCount: blockByteCount, adjust)
}

private func strings(_ values: String?...) -> [Value] {
  values.map { $0.map { .string($0) } ?? .null }
}

@Suite struct CSVReaderTests {
  @Test("plain rows become typed values")
  func plainRows() throws {
    let text = "1,abc,2.50,2024-02-29\n-7,a longer string than twelve,0.25,1969-12-31\n"
    let got = try readCSV(text, [.integer, .varchar, .decimal(precision: 9, scale: 2), .date])
    #expect(
      got.rows == [
        [.integer(1), .string("abc"), .integer(250), .integer(19782)],
        [.integer(-7), .string("a longer string than twelve"), .integer(25), .integer(-1)],
      ])
    #expect(got.lines == [1, 2])
    #expect(got.rejects.isEmpty)
  }

  @Test("integers are read exactly to the bounds of their types and refused past them")
  func integerBounds() throws {
    let cases: [(LogicalType, String, String)] = [
      (.tinyint, "-128", "127"), (.smallint, "-32768", "32767"),
      (.integer, "-2147483648", "2147483647"),
      (.bigint, "-9223372036854775808", "9223372036854775807"),
      (
        .hugeint, "-170141183460469231731687303715884105728",
        "170141183460469231731687303715884105727"
      ),
    ]
    for (type, low, high) in cases {
      let got = try readCSV("\(low)\n\(high)\n+5\n 6 \n007\n", [type])
      #expect(
        got.rows == [
          [.integer(Int128(low)!)], [.integer(Int128(high)!)], [.integer(5)], [.integer(6)],
          [.integer(7)],
        ], "\(type)")
      for beyond in [String(high.dropLast()) + "9", String(low.dropLast()) + "9", high + "0"] {
        let refused = try readCSV("\(beyond)\n", [type])
        #expect(refused.rejects.map(\.reason) == ["out of range for \(type)"], "\(type) \(beyond)")
      }
    }
    for wrong in ["1x", "x", "1.5", "-", "+", "1 2", "--1", "0x10", "1e3", " "] {
      let got = try readCSV("\(wrong)\n", [.bigint])
      #expect(got.rejects.map(\.reason) == ["not a valid BIGINT"], "\(wrong)")
      #expect(got.rejects.map(\.value) == [wrong])
    }
  }

  @Test("integers of every length equal what Swift reads")
  func integerLengths() throws {
    var seed: UInt64 = 11
    for length in 1...18 {
      for _ in 0..<50 {
        var digits = ""
        for _ in 0..<length {
          seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          digits += String((seed >> 33) % 10)
        }
        let text = (seed >> 40) & 1 == 0 ? digits : "-" + digits
        let got = try readCSV("\(text)\n", [.bigint])
        #expect(got.rows == [[.integer(Int128(text)!)]], "seed 11, \(text)")
      }
    }
  }

  @Test("decimals are exact, rounded half away from zero past their scale")
  func decimals() throws {
    let type = LogicalType.decimal(precision: 9, scale: 3)
    let cases: [(String, Int128)] = [
      ("1.234", 1234), ("-1.234", -1234), ("1", 1000), ("1.", 1000), (".5", 500), ("1.2345", 1235),
      ("1.2344", 1234), ("-1.2345", -1235), ("0.0004", 0), ("0.0005", 1), ("1e3", 1_000_000),
      ("1234.5e-3", 1235), ("999999.999", 999_999_999), ("000001.500", 1500), ("+2.5", 2500),
      ("-0.001", -1), ("0.00000000000000000000000000000000000000000005", 0), (" 7.125 ", 7125),
    ]
    for (text, value) in cases {
      #expect(try readCSV("\(text)\n", [type]).rows == [[.integer(value)]], "\(text)")
    }
    for text in ["1000000", "999999.9995", "1e30", "-1000000.000"] {
      #expect(
        try readCSV("\(text)\n", [type]).rejects.map(\.reason) == ["out of range for \(type)"],
        "\(text)")
    }
    for text in ["1.2.3", ".", "-", "1,5", "e5", "1e", "12a.000", "1.23a"] {
      let got = try readCSV("\(text)|\n", [type]) { $0.delimiter = UInt8(ascii: "|") }
      #expect(got.rejects.map(\.reason) == ["not a valid \(type)"], "\(text)")
    }
    let wide = try readCSV(
      "12345678901234567890123456789012345678\n", [.decimal(precision: 38, scale: 0)])
    #expect(wide.rows == [[.integer(12_345_678_901_234_567_890_123_456_789_012_345_678)]])
  }

  @Test("doubles are correctly rounded")
  func doubles() throws {
    var seed: UInt64 = 5
    var texts = [
      "0", "-0.0", "1", "0.1", "0.99980003999200195", "1.00090081072966", "4.4e-05", "1e22", "1e23",
      "9007199254740993", "2.2250738585072014e-308", "5e-324", "1.7976931348623157e308",
      "123456789012345678901234567890", ".5", "5.", "1E+5", "179769313486231570000000000000000000",
      "0.000000000000000000000000000000000001",
    ]
    for _ in 0..<2000 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let bits = Double(bitPattern: seed)
      if bits.isFinite { texts.append("\(bits)") }
      texts.append("\(Double(seed >> 40) / 1000)")
    }
    let got = try readCSV(texts.joined(separator: "\n") + "\n", [.double])
    #expect(got.rejects.isEmpty)
    for (row, text) in texts.enumerated() {
      guard case .double(let value) = got.rows[row][0] else {
        Issue.record("no double for \(text)")
        continue
      }
      #expect(value.bitPattern == Double(text)!.bitPattern, "seed 5, \(text)")
    }
    let special = try readCSV("inf\n-Infinity\nnan\n", [.double]).rows
    #expect(special == [[.double(.infinity)], [.double(-.infinity)], [.double(.nan)]])
    let bad = try readCSV("1e999\n0x1p3\nnan(1)\n1d5\n", [.double]).rejects
    #expect(
      bad.map(\.reason) == [
        "out of range for DOUBLE", "not a valid DOUBLE", "not a valid DOUBLE", "not a valid DOUBLE",
      ])
    #expect(
      try readCSV("16777217\n0.1\n3.4028235e38\n", [.real]).rows == [
        [.double(Double(Float("16777217")!))], [.double(Double(Float(0.1)))],
        [.double(Double(Float.greatestFiniteMagnitude))],
      ])
  }

  @Test("dates, timestamps and truth values")
  func temporal() throws {
    let days = try readCSV(
      "1970-01-01\n2000-02-29\n1600-03-01\n9999-12-31\n2024/1/5\n2010-12-29 00:00:00.000\n", [.date]
    )
    #expect(
      days.rows == [0, 11016, -135_080, 2_932_896, 19727, 14972].map { [.integer(Int128($0))] })
    for wrong in [
      "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "24-1", "2024-01-01x", "x",
    ] {
      #expect(try readCSV("\(wrong)\n", [.date]).rejects.count == 1, "\(wrong)")
    }
    let times = try readCSV(
      """
      1970-01-01 00:00:01
      1969-12-31 23:59:59.999999
      2010-12-29 00:00:00.000
      2024-02-29T12:34:56.5Z
      2024-02-29
      2024-02-29 01:02

      """, [.timestamp])
    #expect(
      times.rows
        == [
          1_000_000, -1, 1_293_580_800_000_000, 1_709_210_096_500_000, 1_709_164_800_000_000,
          1_709_168_520_000_000,
        ].map { [.integer($0)] })
    for wrong in ["2024-02-29 12:60:00", "2024-02-29 1:2:3:4", "2024-02-30 00:00:00"] {
      #expect(try readCSV("\(wrong)\n", [.timestamp]).rejects.count == 1, "\(wrong)")
    }
    let truths = try readCSV("true\nFALSE\nt\n0\nYes\nmaybe\n", [.boolean])
    #expect(truths.rows == [true, false, true, false, true].map { [.boolean($0)] })
    #expect(truths.rejects.map(\.line) == [6])
  }

  @Test("quotes, doubled quotes, newlines inside them, CRLF: as Python's csv module reads them")
  func oddQuotes() throws {
    let text =
      "a,\"b \"\"q\"\" c\",d\r\n\"multi\nline\",,\"\"\r\n\"x,y\",5\" pipe,'z'\r\n,,\r\n\" s \", t ,\"\r\n\"\r\n\"\"\"\",a\"\"b,\"q\"\n"
    let got = try readCSV(text, [.varchar, .varchar, .varchar])
    #expect(
      got.rows == [
        strings("a", "b \"q\" c", "d"), strings("multi\nline", nil, ""),
        strings("x,y", "5\" pipe", "'z'"), strings(nil, nil, nil), strings(" s ", " t ", "\r\n"),
        strings("\"", "a\"\"b", "q"),
      ])
    #expect(got.lines == [1, 2, 4, 5, 6, 8])
    #expect(got.rejects.isEmpty)
  }

  @Test("a backslash may escape quotes, and quotes may be single or none")
  func otherQuotes() throws {
    let escaped = try readCSV("\"a\\\"b\\\\\",\"c\\d\"\n", [.varchar, .varchar]) {
      $0.escape = UInt8(ascii: "\\")
    }
    #expect(escaped.rows == [strings("a\"b\\", "c\\d")])
    let single = try readCSV("'it''s',\"x\n", [.varchar, .varchar]) {
      $0.quote = UInt8(ascii: "'")
      $0.escape = UInt8(ascii: "'")
    }
    #expect(single.rows == [strings("it's", "\"x")])
    let none = try readCSV("\"a,b\"\n", [.varchar, .varchar]) { $0.quote = nil }
    #expect(none.rows == [strings("\"a", "b\"")])
  }

  @Test("NULL tokens mean NULL only outside quotes, except that numbers have no other text")
  func nullTokens() throws {
    let got = try readCSV(
      "NULL,\"NULL\",NULL\n,\"\",\"\"\nnull,N,1\n", [.varchar, .varchar, .integer]
    ) {
      $0.nullTokens = ["", "NULL"]
    }
    #expect(
      got.rows == [
        [.null, .string("NULL"), .null], [.null, .string(""), .null],
        [.string("null"), .string("N"), .integer(1)],
      ])
    let words = try readCSV(",x\n", [.varchar, .varchar]) { $0.nullTokens = ["x"] }
    #expect(words.rows == [strings("", nil)])
  }

  @Test("rows come out the same whatever the block size, with CRLF and quotes across block borders")
  func blockBorders() throws {
    var text = "\u{FEFF}id,te\r\nname\",x\r\n".replacingNewlineInHeader()
    for row in 0..<25 {
      text +=
        "\(row),\"line one\r\nline \"\"two\"\" of \(row), end\",\(row % 3 == 0 ? "" : "ünï\(row)")\r\n"
      if row % 7 == 0 { text += "\r\n" }
    }
    text += "99,last,\"without newline\""
    let types: [LogicalType] = [.integer, .varchar, .varchar]
    let whole = try readCSV(text, types) { $0.hasHeader = true }
    #expect(whole.rows.count == 26)
    #expect(
      whole.rows[1] == [
        .integer(1), .string("line one\r\nline \"two\" of 1, end"), .string("ünï1"),
      ])
    #expect(whole.lines[1] == 6)
    for size in 16...400 {
      let got = try readCSV(text, types, blockByteCount: size) { $0.hasHeader = true }
      #expect(got == whole, "block of \(size) bytes")
    }
  }

  @Test("a delimiter at the end of each line is no column")
  func trailingDelimiter() throws {
    let text = "1|a|\n2|b|\n3|c\n4|d|x\n5|e|\r\n"
    let got = try readCSV(text, [.integer, .varchar]) { $0.delimiter = UInt8(ascii: "|") }
    #expect(got.rows.map { $0[0] } == [.integer(1), .integer(2), .integer(3), .integer(5)])
    #expect(got.rejects.map(\.reason) == ["expected 2 columns, found 3"])
    #expect(got.rejects.map(\.line) == [4])
  }

  @Test("a rejected row names file, line, column, value, reason and raw text; the others go on")
  func rejects() throws {
    let text = "1,2024-01-01\n2,\"xyz\",\n\nfoo,2024-99-01\n3,2024-01-03\n4\n5,\"a\"b\n"
    let got = try readCSV(text, [.integer, .date])
    #expect(got.rows.map { $0[0] } == [.integer(1), .integer(3)])
    #expect(got.lines == [1, 5])
    #expect(
      got.rejects == [
        RejectedRow(
          file: "test.csv", line: 2, column: "c1", value: "xyz", reason: "not a valid DATE",
          raw: Array("2,\"xyz\",".utf8)),
        RejectedRow(
          file: "test.csv", line: 4, column: "c0", value: "foo", reason: "not a valid INTEGER",
          raw: Array("foo,2024-99-01".utf8)),
        RejectedRow(
          file: "test.csv", line: 6, column: "", value: "", reason: "expected 2 columns, found 1",
          raw: Array("4".utf8)),
        RejectedRow(
          file: "test.csv", line: 7, column: "c1", value: "\"a\"b",
          reason: "text after the closing quote", raw: Array("5,\"a\"b".utf8)),
      ])
    #expect(
      got.rejects[1].error.description
        == "not a valid INTEGER: 'foo' (file test.csv, line 4, column c0)")
  }

  @Test("columns that are not read are not looked at")
  func skippedColumns() throws {
    let reader = try CSVReader(
      [.memory(Array("a,b,c\n1,x,3\n4,y,6\n".utf8))], dialect: CSVDialect(),
      columns: [
        CSVColumn(name: "a", type: .integer), CSVColumn(name: "b", type: .integer, isRead: false),
        CSVColumn(name: "c", type: .integer),
      ])
    let block = try #require(try reader.nextBlock())
    let parsed = try reader.parse(block)
    #expect(parsed.batch.columns.count == 2)
    #expect(parsed.batch.columns[1].value(at: 1) == .integer(6))
    #expect(parsed.rejects.isEmpty)
  }

  @Test("one column: an empty line is a NULL; an empty file and a lone header have no rows")
  func singleColumn() throws {
    #expect(try readCSV("1\n\n3\n", [.integer]).rows == [[.integer(1)], [.null], [.integer(3)]])
    #expect(try readCSV("", [.integer]).rows.isEmpty)
    #expect(try readCSV("a,b", [.integer, .integer]) { $0.hasHeader = true }.rows.isEmpty)
    #expect(try readCSV("a,b\r\n", [.integer, .integer]) { $0.hasHeader = true }.rows.isEmpty)
  }

  @Test("rows may end with CR alone")
  func carriageReturns() throws {
    let got = try readCSV("1,a\r2,b\r", [.integer, .varchar]) { $0.newline = 13 }
    #expect(got.rows == [[.integer(1), .string("a")], [.integer(2), .string("b")]])
  }

  @Test("many very short rows are cut into batches of at most 65,536")
  func shortRows() throws {
    let text = Array(String(repeating: "7\n", count: 200_000).utf8)
    let reader = try CSVReader(
      [.memory(text)], dialect: CSVOptions.headerless,
      columns: [CSVColumn(name: "a", type: .tinyint)])
    var rows = 0
    while let block = try reader.nextBlock() {
      let parsed = try reader.parse(block)
      #expect(parsed.batch.rowCount <= Batch.maximalCapacity)
      #expect(parsed.firstLine == UInt64(rows + 1))
      rows += parsed.batch.rowCount
    }
    #expect(rows == 200_000)
  }
}

extension CSVOptions {
  static var headerless: CSVDialect {
    var options = CSVOptions()
    options.hasHeader = false
    return options.dialect
  }
}

extension String {
  /// Opens the quote that a header with a newline in a name needs.
  fileprivate func replacingNewlineInHeader() -> String {
    var text = self
    if let range = text.firstIndex(of: "t") { text.insert("\"", at: range) }
    return text
  }
}
