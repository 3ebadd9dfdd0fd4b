import Stoa
import Testing

@Suite("Output modes")
struct OutputTests {
  private static let columns = [
    ResultColumn(name: "n", type: .integer), ResultColumn(name: "text", type: .varchar),
    ResultColumn(name: "amount", type: .decimal(precision: 38, scale: 2)),
    ResultColumn(name: "d", type: .double), ResultColumn(name: "day", type: .date),
    ResultColumn(name: "ok", type: .boolean),
  ]
  private static let rows: [[Value]] = [
    [1, "a,b", .integer(12_345_678_901_234_567_890_123_456_789), 0.1, .integer(0), true],
    [nil, "", .integer(-5), 1e300, nil, false],
    [-3, nil, nil, .double(.nan), .integer(19_782), nil],
    [4, "say \"hi\"\n|x", .integer(0), .double(-.infinity), .integer(-1), true],
  ]

  private func write(
    _ mode: OutputMode, _ options: OutputOptions = OutputOptions(),
    _ columns: [ResultColumn] = Self.columns, _ rows: [[Value]] = Self.rows, footer: String? = nil
  ) -> String {
    var formatter = mode.makeFormatter(options)
    var bytes: [UInt8] = []
    formatter.begin(columns, to: &bytes)
    var start = 0
    while start < rows.count {
      let part = Array(rows[start..<min(start + 3, rows.count)])
      let vectors = columns.indices.map { index in
        Vector.make(columns[index].type, part.map { $0[index] })
      }
      formatter.append(Batch(columns: vectors, rowCount: part.count), to: &bytes)
      start += 3
    }
    formatter.end(footer: footer, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("csv tells NULL from the empty text and keeps all digits")
  func csv() {
    #expect(
      write(.csv) == """
        n,text,amount,d,day,ok
        1,"a,b",123456789012345678901234567.89,0.1,1970-01-01,true
        ,"",-0.05,1e+300,,false
        -3,,,nan,2024-02-29,
        4,"say ""hi""
        |x",0.00,-inf,1969-12-31,true

        """)
  }

  @Test("csv with a NULL token quotes texts that look like it")
  func csvToken() {
    var options = OutputOptions()
    options.nullToken = "NULL"
    options.delimiter = "|"
    options.hasHeader = false
    let columns = [
      ResultColumn(name: "a", type: .varchar), ResultColumn(name: "b", type: .integer),
    ]
    #expect(
      write(.csv, options, columns, [["NULL", nil], [nil, 1], ["", 2]])
        == "\"NULL\"|NULL\nNULL|1\n|2\n")
  }

  @Test("json keeps digits, escapes text and makes keys distinct")
  func json() {
    let columns = [
      ResultColumn(name: "a", type: .hugeint), ResultColumn(name: "a", type: .varchar),
      ResultColumn(name: "é\"", type: .double),
    ]
    let rows: [[Value]] = [
      [.integer(Int128.max), "x\u{1}\n\"\\", 0.5], [nil, nil, .double(.infinity)],
    ]
    #expect(
      write(.json, OutputOptions(), columns, rows) == """
        [{"a":170141183460469231731687303715884105727,"a:1":"x\\u0001\\n\\"\\\\","é\\"":0.5},
        {"a":null,"a:1":null,"é\\"":"inf"}]

        """)
    #expect(write(.json, OutputOptions(), columns, []) == "[]\n")
    #expect(
      write(.jsonlines, OutputOptions(), [columns[0]], [[1], [2]]) == "{\"a\":1}\n{\"a\":2}\n")
  }

  @Test("markdown escapes what would break the table")
  func markdown() {
    let columns = Array(Self.columns[0...1])
    #expect(
      write(.markdown, OutputOptions(), columns, [[1, "a|b\nc"], [nil, nil]]) == """
        | n | text |
        |---:|---|
        | 1 | a\\|b<br>c |
        | NULL | NULL |

        """)
  }

  @Test("line mode aligns names")
  func line() {
    let columns = Array(Self.columns[0...1])
    #expect(
      write(.line, OutputOptions(), columns, [[1, "x"], [2, nil]])
        == "   n = 1\ntext = x\n\n   n = 2\ntext = NULL\n")
  }

  @Test("a box has types under names and numbers to the right")
  func box() {
    let columns = Array(Self.columns[0...1])
    #expect(
      write(
        .box, OutputOptions(), columns, [[1, "日本"], [-23, "a\tb"], [nil, "e\u{301}"]],
        footer: "3 rows") == """
          ┌─────────┬─────────┐
          │    n    │  text   │
          │ integer │ varchar │
          ├─────────┼─────────┤
          │       1 │ 日本    │
          │     -23 │ a\\tb    │
          │    NULL │ e\u{301}       │
          └─────────┴─────────┘
          3 rows

          """)
  }

  @Test("a long result shows head and tail")
  func longBox() {
    var options = OutputOptions()
    options.maximalRowCount = 4
    let columns = [ResultColumn(name: "n", type: .bigint)]
    let text = write(
      .box, options, columns, (0..<100).map { [.integer(Int128($0))] }, footer: "100 rows")
    let numbers = text.split(separator: "\n").compactMap { line in
      Int(line.filter { $0.isNumber })
    }
    #expect(numbers.prefix(4) == [0, 1, 98, 99])
    #expect(text.hasSuffix("100 rows, 4 shown\n"))
    options.maximalRowCount = nil
    #expect(
      write(.box, options, columns, (0..<100).map { [.integer(Int128($0))] }).contains(" 57 "))
    options.maximalRowCount = 4
    for count in 0...7 {
      let text = write(.box, options, columns, (0..<count).map { [.integer(Int128($0))] })
      #expect(text.contains("·") == (count > 4), "\(count) rows")
    }
  }

  @Test(
    "a box fits the terminal: wide cells are cut, then columns left out",
    arguments: [30, 40, 60, 79, 200])
  func narrowBox(width: Int) {
    var options = OutputOptions()
    options.terminalWidth = width
    let columns = (0..<8).map { ResultColumn(name: "column_\($0)", type: .varchar) }
    let row: [Value] = (0..<8).map { .string(String(repeating: "x", count: $0 * 7)) }
    let text = write(.box, options, columns, [row, row])
    for line in text.split(separator: "\n") {
      #expect(DisplayWidth.of(String(line)) <= width, "\(line)")
    }
  }

  @Test("display width counts what a terminal shows")
  func displayWidth() {
    #expect(DisplayWidth.of("abc") == 3)
    #expect(DisplayWidth.of("日本語") == 6)
    #expect(DisplayWidth.of("e\u{301}") == 1)
    #expect(DisplayWidth.of("👩‍👩‍👧") == 2)
    #expect(DisplayWidth.of("Ａ") == 2)
    #expect(DisplayWidth.truncated("日本語", to: 4) == "日…")
    #expect(DisplayWidth.truncated("abc", to: 3) == "abc")
    #expect(DisplayWidth.truncated("abcd", to: 3) == "ab…")
  }

  @Test("errors show line, column and a caret under the place")
  func errorReport() {
    let source = "SELECT a,\n  日本 + nme\nFROM t"
    let start = Array(source.utf8).firstIndex(of: UInt8(ascii: "m"))! - 1
    let error = StoaError(
      .binding, "there is no column nme", hint: "Did you mean name?", position: start..<start + 3)
    #expect(
      ErrorReport.text(error, source: source, firstLine: 5) == """
        Error: there is no column nme. Did you mean name?
        line 6, column 8:
            日本 + nme
                   ^^^

        """)
    #expect(
      ErrorReport.text(StoaError(.io, "gone", path: "/x"), source: source)
        == "Error: gone (file /x)\n")
    let end = StoaError(.syntax, "expected more", position: 9..<9)
    #expect(ErrorReport.text(end, source: "SELECT 1\n").contains("          ^"))
    let long = String(repeating: "x, ", count: 500) + "BAD" + String(repeating: ", y", count: 500)
    let report = ErrorReport.text(StoaError(.binding, "no", position: 1500..<1503), source: long)
    let lines = report.split(separator: "\n")
    #expect(lines[2].contains("BAD") && lines[2].count < 110)
    #expect(
      lines[3].firstIndex(of: "^").map { lines[3].distance(from: lines[3].startIndex, to: $0) }
        == Array(lines[2]).firstIndex(of: "B"))
  }
}
