import Formats
import Testing
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

private func detect(
  _ text: String, _ adjust: (inout CSVOptions) -> Void = { _ in }
) throws(StoaError) -> DetectedCSV {
  var options = CSVOptions()
  adjust(&options)
  return try CSVDialectDetector.detect([.memory(Array(text.utf8))], options: options)
}

@Suite struct CSVDetectionTests {
  @Test("delimiter, header and types of ordinary files")
  func ordinary() throws {
    let found = try detect(
      """
      id;name;price;sold;at;big;huge;ok
      1;Anna;1.5;2024-01-01;2024-01-01 10:00:00;3000000000;99999999999999999999;true
      2;Bert;2;2024-01-02;2024-01-02 10:00:00.5;1;1;false

      """)
    #expect(found.dialect.delimiter == UInt8(ascii: ";"))
    #expect(found.dialect.hasHeader)
    #expect(
      found.columns.map(\.name) == ["id", "name", "price", "sold", "at", "big", "huge", "ok"])
    #expect(
      found.columns.map(\.type) == [
        .integer, .varchar, .double, .date, .timestamp, .bigint, .hugeint, .boolean,
      ])
    #expect(found.sampledRowCount == 2 && found.isWholeInput)
    #expect(
      found.description.hasPrefix(
        "delimiter ';', quote '\"', header yes, NULL '', lines end with LF\ncolumns id INTEGER, name VARCHAR"
      ))
    for delimiter in ["|", "\t", ",", "^", "~"] {
      let other = try detect("a\(delimiter)b\n1\(delimiter)x\n2\(delimiter)y\n")
      #expect(other.dialect.delimiter == delimiter.utf8.first)
      #expect(other.columns.map(\.name) == ["a", "b"])
    }
    let single = try detect("amount\n12\n13\n")
    #expect(single.columns == [CSVColumn(name: "amount", type: .integer)])
  }

  @Test("digits behind a zero are text, blanks around numbers and names do not count")
  func paddedAndBlank() throws {
    let padded = try detect("zip,n\n01234,0\n12345,10\n")
    #expect(padded.columns.map(\.type) == [.varchar, .integer])
    let rows = (0..<5000).map { $0 == 77 ? "007" : "\($0)" }
    #expect(try detect((["n"] + rows).joined(separator: "\n")).columns[0].type == .integer)
    let bare = try detect("01234,x\n00456,y\n")
    #expect(!bare.dialect.hasHeader && bare.columns[0].type == .varchar)
    let blank = try detect("id, name , v\n1, a , 3\n2, b , 4.5\n")
    #expect(blank.columns.map(\.name) == ["id", "name", "v"])
    #expect(blank.columns.map(\.type) == [.integer, .varchar, .double])
    #expect(
      try detect("First Name,1st,b\"c\n1,2,3\n").description.contains(
        "columns \"First Name\" INTEGER, \"1st\" INTEGER, \"b\"\"c\" INTEGER\n"))
  }

  @Test("a sample that begins within a quoted field does not find odd rows")
  func quotedAtBorders() throws {
    var text = "id,name\n"
    for row in 0..<20_000 { text += "\(row),\"n\(row)\nx\"\n" }
    let path = "/tmp/stoa-quoted-\(getpid()).csv"
    defer { unlink(path) }
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
    var options = CSVOptions()
    options.sampleByteCount = 64 << 10
    let found = try CSVDialectDetector.detect([.file(path)], options: options)
    #expect(!found.isWholeInput && found.oddRowCount == 0, "\(found)")
  }

  @Test("the header of several files of text is found although it recurs")
  func headersOfText() throws {
    let files = ["name,city\nBob,Rome\n", "name,city\nAnn,Oslo\n"].map {
      TextInput.memory(Array($0.utf8))
    }
    let found = try CSVDialectDetector.detect(files)
    #expect(found.dialect.hasHeader && found.columns.map(\.name) == ["name", "city"])
  }

  @Test("comments in front of the header are left out, a header with # is not")
  func comments() throws {
    let text = "# made by hand, 2024\n#\nid,a\n1,x\n# 2,y\n"
    let found = try detect(text)
    #expect(found.dialect.skipsLeadingComments && found.dialect.hasHeader)
    #expect(found.columns.map(\.name) == ["id", "a"])
    for blockByteCount in [1, 16, 1000] {
      let inputs = [TextInput.memory(Array(text.utf8)), .memory(Array("id,a\n7,z".utf8))]
      let reader = try CSVReader(
        inputs, dialect: found.dialect,
        columns: [CSVColumn(name: "id", type: .varchar), CSVColumn(name: "a", type: .varchar)],
        blockByteCount: blockByteCount)
      var rows: [String] = []
      var lines: [UInt64] = []
      while let block = try reader.nextBlock() {
        let parsed = try reader.parse(block)
        for row in 0..<parsed.batch.rowCount {
          rows.append("\(parsed.batch.columns[0].value(at: row))")
          lines.append(parsed.line(ofRow: row))
        }
      }
      #expect(rows.count == 3 && lines == [4, 5, 2], "\(rows) \(lines)")
    }
    let header = try detect("#id,name\n1,x\n2,y\n")
    #expect(!header.dialect.skipsLeadingComments && header.columns[0].name == "#id")
    #expect(try detect("# one\n1\n2\n").columns.map(\.type) == [.integer])
    #expect(try !detect("#1,x\n#2,y\n").dialect.skipsLeadingComments)
  }

  @Test("UTF-16 is named as such")
  func utf16() throws {
    let bytes: [UInt8] = [0xFF, 0xFE] + "id,a\n1,x\n".utf8.flatMap { [$0, 0] }
    #expect {
      try CSVDialectDetector.detect([.memory(bytes)])
    } throws: {
      "\($0)".contains("UTF-16")
    }
  }

  @Test("one bad line changes neither delimiter, nor quote, nor header, nor types")
  func oneBadLine() throws {
    let rows = (0..<200).map { "\($0),name \($0),\(Double($0) / 4),2024-01-\(10 + $0 % 20)" }
    let good = try detect((["id,name,price,day"] + rows).joined(separator: "\n"))
    for bad in [
      "oops", "a|b|c|d|e|f", "\"never closed, 1, 2, 3", "x,y,z,w", "1,2,3,4,5,6,7,8,9", ";;;;;;;;;",
      "'a','b','c','d'", "\"a\"b,1,2,3",
    ] {
      for at in [1, 50, 200] {
        var lines = ["id,name,price,day"] + rows
        lines.insert(bad, at: at)
        let found = try detect(lines.joined(separator: "\n"))
        #expect(found.dialect == good.dialect, "\(bad) at \(at)")
        #expect(found.columns == good.columns, "\(bad) at \(at)")
      }
    }
  }

  @Test("a header is told from rows by types, and by names when all is text")
  func header() throws {
    #expect(!(try detect("1|Actual\n2|Budget\n3|Forecast\n")).dialect.hasHeader)
    #expect((try detect("code|name\nx|Actual\ny|Budget\n")).dialect.hasHeader)
    #expect(!(try detect("x|Actual\ny|Budget\nx|Forecast\n")).dialect.hasHeader)
    #expect(!(try detect("a||b\nc|d|e\n")).dialect.hasHeader)
    #expect((try detect("id,name\n")).dialect.hasHeader)
    #expect(!(try detect("1,2\n")).dialect.hasHeader)
    let wide = try detect((0..<12).map(String.init).joined(separator: ",") + "\n")
    #expect(wide.columns[3].name == "column03")
    let twice = try detect("a,A,,a\n1,2,3,4\n")
    #expect(twice.columns.map(\.name) == ["a", "A_1", "column2", "a_2"])
    let given = try detect("1,2\n") { $0.columnNames = ["x", "y"] }
    #expect(given.columns.map(\.name) == ["x", "y"])
  }

  @Test("NULL words are found; NA stays text in columns of text")
  func nullWords() throws {
    #expect((try detect("a,b\n1,NULL\n2,x\n")).dialect.nullTokens == ["", "NULL"])
    #expect((try detect("a,b\n1,\\N\n2,x\n")).dialect.nullTokens == ["", "\\N"])
    let numeric = try detect("a,b\n1,N/A\n2,7\n3,8\n")
    #expect(numeric.dialect.nullTokens == ["", "N/A"])
    #expect(numeric.columns.map(\.type) == [.integer, .integer])
    #expect((try detect("a,b\n1,NA\n2,x\n")).dialect.nullTokens == [""])
  }

  @Test("quotes: double, with backslashes, single, none")
  func quotes() throws {
    #expect((try detect("a,b\n1,\"x, y\"\n2,\"z\"\"\"\n")).dialect.escape == UInt8(ascii: "\""))
    let lines = (0..<30).map { "\($0),\"he said \\\"no\\\", twice\"" }
    #expect((try detect(lines.joined(separator: "\n"))).dialect.escape == UInt8(ascii: "\\"))
    #expect((try detect("'a','b'\n'1','x, y'\n'2','z'\n")).dialect.quote == UInt8(ascii: "'"))
    let inches = (0..<30).map { "\($0),\"\($0) wide,x" }
    #expect((try detect(inches.joined(separator: "\n"))).dialect.quote == nil)
  }

  @Test("what the user says wins, and errors name what is wrong")
  func given() throws {
    let found = try detect("a,b\n1,x\n") {
      $0.types = ["a": .varchar, "2": .smallint]
      $0.hasHeader = false
      $0.nullTokens = ["-"]
      $0.columnNames = ["a", "b"]
    }
    #expect(found.columns.map(\.type) == [.varchar, .smallint])
    #expect(!found.dialect.hasHeader && found.dialect.nullTokens == ["-"])
    #expect(throws: StoaError.self) { try detect("a,b\n1,x\n") { $0.types = ["zz": .integer] } }
    #expect(throws: StoaError.self) { try detect("") }
    #expect(throws: StoaError.self) { try detect("a\u{0}b\n") }
  }

  @Test("the sample of a large file reaches its end")
  func largeFile() throws {
    let folder = TemporaryFolder()
    var text = "n,v\n"
    for row in 0..<100_000 { text += "\(row),\(row < 60_000 ? "7" : "7.5")\n" }
    let path = folder.write("large.csv", Array(text.utf8))
    var options = CSVOptions()
    options.sampleByteCount = 32 << 10
    let found = try CSVDialectDetector.detect([.file(path)], options: options)
    #expect(!found.isWholeInput)
    #expect(found.columns.map(\.type) == [.integer, .double])
  }

  @Test("a line without end is an error, and a very long first row no header")
  func longLines() throws {
    let long = String(repeating: "a", count: 5000)
    #expect(throws: StoaError.self) {
      try detect(long) {
        $0.sampleByteCount = 4096
        $0.maximalLineByteCount = 2000
      }
    }
    #expect(try detect(long) { $0.sampleByteCount = 4096 }.columns.count == 1)
    #expect(!(try detect("\(long),b\nx,y\n")).dialect.hasHeader)
  }

  @Test("columns of text that cannot be opened up as something else stay text")
  func text() throws {
    let found = try detect("a,b,c,d\n1-2,10:30,1.2.3,0x1F\n3-4,11:45,4.5.6,0x2A\n")
    #expect(found.columns.allSatisfy { $0.type == .varchar })
  }

  /// Dialects and types of real files; skipped where they are absent.
  @Test("the AdventureWorks files are recognised")
  func adventureWorks() throws {
    let folder = "/work/shared/data/adventureworks"
    guard access(folder, R_OK) == 0 else {
      print("skipped: \(folder) is absent")
      return
    }
    let expected: [(String, String, Bool, String)] = [
      ("DimAccount", "|", false, "iiiivvvvvv"), ("DimCurrency", "|", false, "ivv"),
      ("DimCustomer", ",", true, "ivvvvDv"), ("DimDate", ",", true, "iDvivviii"),
      ("DimDateFinance", "|", false, "iDivvviiivvviiiiiii"),
      ("DimDepartmentGroup", "|", false, "iiv"), ("DimGeography", "|", false, "ivvvvvvvviv"),
      ("DimOrganization", "|", false, "iidvi"), ("DimProduct", ",", true, "ivvvvvvvv"),
      ("DimProductCategory", "|", false, "iivvv"), ("DimProductSubcategory", "|", false, "iivvvi"),
      ("DimScenario", "|", false, "iv"), ("FactCurrencyRate", "|", false, "iiddT"),
      ("FactFinance", "|", false, "iiiiiidT"), ("FactInternetSales", ",", true, "iiiiivd"),
    ]
    for (name, delimiter, hasHeader, types) in expected {
      let found = try CSVDialectDetector.detect([.file("\(folder)/\(name).csv")])
      #expect(found.dialect.delimiter == delimiter.utf8.first, "\(name)")
      #expect(found.dialect.hasHeader == hasHeader, "\(name)")
      #expect(found.hasCarriageReturns == hasHeader, "\(name)")
      #expect(found.dialect.nullTokens == (name == "DimProduct" ? ["", "NULL"] : [""]), "\(name)")
      let letters = found.columns.map { column in
        switch column.type {
        case .integer: "i"
        case .double: "d"
        case .date: "D"
        case .timestamp: "T"
        default: "v"
        }
      }
      #expect(letters.joined() == types, "\(name)")
      let reader = try CSVReader(
        [.file("\(folder)/\(name).csv")], dialect: found.dialect, columns: found.columns)
      while let block = try reader.nextBlock() { #expect(try reader.parse(block).rejects.isEmpty) }
    }
  }
}
