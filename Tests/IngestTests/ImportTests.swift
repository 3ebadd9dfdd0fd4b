import Catalog
import Formats
import Ingest
import Testing
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct ImportTests {
  @Test("an absent table is made from the file, names and types as they are there")
  func createsTable() throws {
    let warehouse = try TestWarehouse()
    let path = warehouse.write(
      "s.csv", "\u{FEFF}Id,First Name,day,price\r\n2,\"Ann, B\",2024-01-02,1.5\r\n1,NULL,,2\r\n")
    let summary = try warehouse.load([path], "People")
    #expect(summary.rowCount == 2 && summary.segmentCount == 0 && summary.rejectCount == 0)
    #expect(summary.byteCount > 40)
    let table = try #require(try warehouse.definition("people"))
    #expect(table.name == "People")
    #expect(table.columns.map(\.name) == ["Id", "First Name", "day", "price"])
    #expect(table.columns.map(\.type) == [.integer, .varchar, .date, .double])
    #expect(
      try warehouse.rows("People") == [
        [.integer(2), .string("Ann, B"), .integer(19724), .double(1.5)],
        [.integer(1), .null, .null, .double(2)],
      ])
  }

  @Test("NAMES and TYPES of a load into a table must be those of its columns")
  func namesAndTypes() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", [("id", .integer, true), ("a", .varchar, true)])
    let path = warehouse.write("1.csv", "x,1\ny,2\n")
    var options = CSVOptions()
    options.hasHeader = false
    options.columnNames = ["A", "id"]
    options.types = ["2": .integer, "a": .varchar]
    try warehouse.load([path], "t", csv: options)
    #expect(
      try warehouse.rows("t") == [[.integer(1), .string("x")], [.integer(2), .string("y")]])
    options.types = ["id": .bigint]
    let type = failure { try warehouse.load([path], "t", csv: options) }
    #expect(type?.message == "TYPES says BIGINT, but the column is INTEGER" && type?.column == "id")
    options.types = [:]
    let both = failure { try warehouse.load([path], "t", columns: ["a", "id"], csv: options) }
    #expect(both?.kind == .usage)
    options.columnNames = ["a", "b"]
    let name = failure { try warehouse.load([path], "t", csv: options) }
    #expect(name?.message == "NAMES has \"b\", and table \"t\" has no such column")
    options.columnNames = ["a"]
    #expect(failure { try warehouse.load([path], "t", csv: options) } != nil)
    #expect(try warehouse.rows("t").count == 2)
  }

  @Test("lines beyond MAX_LINE_SIZE are found within a block; a long first line is no matter")
  func lineSizes() throws {
    let warehouse = try TestWarehouse()
    var options = CSVOptions()
    options.maximalLineByteCount = 100
    let long = String(repeating: "z", count: 99)
    let path = warehouse.write("1.csv", "a,b\n1,x\n2,\"\(long)\"\n3,y\n")
    let error = failure { try warehouse.load([path], "t", csv: options) }
    #expect(error?.message == "a row is longer than 100 bytes" && error?.line == 3, "\(error!)")
    options.maximalLineByteCount = 103
    try warehouse.load([path], "t", csv: options)
    #expect(try warehouse.rows("t").count == 3)
    let rest = (0..<3000).map { "\($0),v\($0)" }.joined(separator: "\n")
    let wide = String(repeating: "w", count: 9000)
    let other = warehouse.write("2.csv", "7,\(wide)\n\(rest)\n")
    var sampling = CSVOptions()
    sampling.sampleByteCount = 8192
    try warehouse.load([other], "u", csv: sampling)
    #expect(try warehouse.rows("u").count == 3001)
  }

  @Test("columns of several files are matched by the names in their headers")
  func headersOfFiles() throws {
    let warehouse = try TestWarehouse()
    let first = warehouse.write("1.csv", "id,a\n1,x\n2,y\n")
    let second = warehouse.write("2.csv", " A , id\nw,4\n\"v\nv\",5\n")
    let third = warehouse.write("3.csv", "id,b\n6,u\n")
    let fourth = warehouse.write("4.csv", "id,a,b\n6,u,t\n")
    try warehouse.create("t", [("id", .integer, true), ("a", .varchar, true)])
    try warehouse.load([first, second], "t")
    #expect(
      try warehouse.rows("t") == [
        [.integer(1), .string("x")], [.integer(2), .string("y")], [.integer(4), .string("w")],
        [.integer(5), .string("v\nv")],
      ])
    try warehouse.load([second, first], "t")
    #expect(try warehouse.rows("t").count == 8)
    let missing = failure { try warehouse.load([first, third], "t") }
    #expect(
      missing?.message.contains("lacks column \"a\"") == true, "\(String(describing: missing))")
    #expect(missing?.path == third && missing?.line == 1)
    let extra = failure { try warehouse.load([first, fourth], "u") }
    #expect(extra?.message.contains("\"b\"") == true, "\(String(describing: extra))")
    #expect(try warehouse.definition("u") == nil)
    // In another order, bad rows still name the right column.
    let bad = warehouse.write("5.csv", "a,id\nw,oops\n")
    let error = failure { try warehouse.load([first, bad], "t") }
    #expect(error?.column == "id" && error?.line == 2, "\(String(describing: error))")
  }

  @Test("a header that contradicts the order of the columns is refused")
  func contradictingHeader() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", [("a", .integer, true), ("b", .integer, true)])
    let shuffled = warehouse.write("s.csv", "b,c\n1,2\n")
    #expect(failure { try warehouse.load([shuffled], "t") }?.kind == .binding)
    try warehouse.load([shuffled], "t", columns: ["b", "a"])
    #expect(try warehouse.rows("t") == [[.integer(2), .integer(1)]])
    let wide = warehouse.write("w.csv", "a,x,y\n1,2,3\n")
    #expect(failure { try warehouse.load([wide], "t") }?.message.contains("3 fields") == true)
    try warehouse.load([warehouse.write("e.csv", "p,q,\n7,8,\n")], "u")
    // Names that say nothing go by order, unless they are to match.
    let foreign = warehouse.write("f.csv", "x,y\n3,4\n")
    try warehouse.load([foreign], "t")
    var options = CSVOptions()
    options.hasHeader = true
    options.headerMustMatch = true
    let error = failure { try warehouse.load([foreign], "t", csv: options) }
    #expect(error?.message.contains("not \"a\"") == true, "\(String(describing: error))")
    try warehouse.load([warehouse.write("m.csv", "A,B\n5,6\n")], "t", csv: options)
    #expect(try warehouse.rows("t").count == 3)
  }

  @Test("rows are sorted by the sort key, equal ones stay in file order, whatever the threads")
  func sorted() throws {
    var text = "k,n,s\n"
    var expected: [[Value]] = []
    var seed: UInt64 = 3
    for row in 0..<150_000 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let key = Int(seed >> 40) % 1000 - 500
      text += "\(key == 7 ? "" : String(key)),\(row),name \(row % 37)\n"
      expected.append([
        key == 7 ? .null : .integer(Int128(key)), .integer(Int128(row)),
        .string("name \(row % 37)"),
      ])
    }
    // NULLs last; the sort of the model is stable.
    let model = expected.enumerated().sorted {
      ($0.element[0].integer ?? 9999, $0.offset) < ($1.element[0].integer ?? 9999, $1.offset)
    }.map(\.element)
    for (threads, limit) in [(1, nil), (2, nil), (3, nil), (2, 300_000), (1, 100_000)]
      as [(Int, Int?)]
    {
      let warehouse = try TestWarehouse()
      try warehouse.create(
        "t", [("k", .integer, true), ("n", .bigint, true), ("s", .varchar, true)], sortKey: [1])
      let path = warehouse.write("t.csv", text)
      var options = LoadOptions(threads: threads)
      options.sortByteLimit = limit
      let summary = try warehouse.load([path], "t", options)
      #expect(summary.rowCount == 150_000)
      #expect((summary.spilledRunCount > 1) == (limit != nil), "\(summary.spilledRunCount) runs")
      let rows = try warehouse.rows("t")
      #expect(rows.count == model.count)
      #expect(rows == model, "\(threads) threads, limit \(limit ?? 0)")
    }
  }

  @Test("without a sort key rows keep the order of the files, also when they are spilled")
  func unsorted() throws {
    let warehouse = try TestWarehouse()
    var paths: [String] = []
    for file in 0..<3 {
      let lines = (0..<40_000).map { "\(file),\($0),\"some longer text number \($0 &* 7919)\"" }
      paths.append(warehouse.write("part\(file).csv", lines.joined(separator: "\n")))
    }
    for limit in [nil, 200_000] as [Int?] {
      let name = "t\(limit ?? 0)"
      try warehouse.create(
        name, [("f", .tinyint, true), ("n", .integer, true), ("s", .varchar, true)])
      var options = LoadOptions(threads: 2)
      options.sortByteLimit = limit
      try warehouse.load([warehouse.folder + "/part*.csv"], name, options)
      let rows = try warehouse.rows(name)
      #expect(rows.count == 120_000)
      let isInOrder = rows.enumerated().allSatisfy { index, row in
        row[0] == .integer(Int128(index / 40_000)) && row[1] == .integer(Int128(index % 40_000))
          && row[2] == .string("some longer text number \((index % 40_000) &* 7919)")
      }
      #expect(isInOrder)
    }
  }

  @Test("a row that does not fit is an error naming everything, and nothing is committed")
  func firstReject() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", [("a", .integer, false), ("b", .date, true)])
    let path = warehouse.write("t.csv", "1,2024-01-01\n2,2024-01-01\nx,2024-01-01\n,2024-01-01\n")
    let error = try #require(failure { try warehouse.load([path], "t") })
    #expect(error.kind == .input && error.line == 3 && error.column == "a" && error.path == path)
    #expect(error.message == "not a valid INTEGER: 'x'")
    #expect(try warehouse.rows("t").isEmpty)
    #expect(try warehouse.store.snapshot().segments(of: 1).isEmpty)
  }

  @Test("rows are left out up to the limit and written to the reject file in order")
  func rejects() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", [("a", .integer, false), ("b", .varchar, true)])
    var text = ""
    for row in 0..<60_000 {
      switch row {
      case 100: text += ",null key\n"
      case 30_000: text += "x,\"say \"\"hi\"\"\"\n"
      case 59_999: text += "1,2,3\n"
      default: text += "\(row),v\(row)\n"
      }
    }
    let path = warehouse.write("t.csv", text)
    var options = LoadOptions(threads: 2)
    options.maximalRejectCount = 3
    options.rejectPath = warehouse.folder + "/rejects.csv"
    let summary = try warehouse.load([path], "t", options)
    #expect(summary.rejectCount == 3 && summary.rowCount == 59_997)
    #expect(summary.rejectPath == options.rejectPath)
    #expect(
      warehouse.read(options.rejectPath!) == """
        file,line,column,value,reason,raw
        \(path),101,a,"",NULL in a NOT NULL column,",null key"
        \(path),30001,a,x,not a valid INTEGER,"x,""say ""\""hi""\"""\""
        \(path),60000,"","","expected 2 columns, found 3","1,2,3"

        """)
    options.maximalRejectCount = 2
    let error = try #require(failure { try warehouse.load([path], "t", options) })
    #expect(error.message.hasPrefix("more than 2 rows do not fit"))
    #expect(error.line == 60_000)
    options.rejectPath = nil
    options.maximalRejectCount = 10
    let kept = try #require(try warehouse.load([path], "t", options).rejectPath)
    #expect(kept.hasPrefix(warehouse.store.path + "/loads/"))
    #expect(warehouse.read(kept).split(separator: "\n").count == 4)
  }

  @Test("fields go to columns by the header's names, by order, or as told; the rest are NULL")
  func mapping() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create(
      "t", [("a", .integer, true), ("b", .varchar, true), ("c", .double, true)])
    try warehouse.load([warehouse.write("1.csv", "c,A,b\n1.5,1,x\n")], "t")
    try warehouse.load([warehouse.write("2.csv", "2,y,2.5\n")], "t")
    try warehouse.load([warehouse.write("3.csv", "what,ever,names\n3,z,3.5\n")], "t")
    try warehouse.load([warehouse.write("4.csv", "4.5|4\n")], "t", columns: ["c", "a"])
    try warehouse.load([warehouse.write("5.csv", "5|v|5.5|\n6|w|6.5|\n")], "t")
    #expect(
      try warehouse.rows("t") == [
        [.integer(1), .string("x"), .double(1.5)], [.integer(2), .string("y"), .double(2.5)],
        [.integer(3), .string("z"), .double(3.5)], [.integer(4), .null, .double(4.5)],
        [.integer(5), .string("v"), .double(5.5)], [.integer(6), .string("w"), .double(6.5)],
      ])
    let few = failure { try warehouse.load([warehouse.write("6.csv", "1,2\n3,4\n")], "t") }
    #expect(few?.kind == .binding)
    let unknown = failure {
      try warehouse.load([warehouse.write("7.csv", "1\n")], "t", columns: ["zz"])
    }
    #expect(unknown?.kind == .binding)
    #expect(try warehouse.load([warehouse.write("8.csv", "")], "t").rowCount == 0)
    #expect(failure { try warehouse.load([warehouse.folder + "/none.csv"], "t") }?.kind == .io)
  }

  @Test("a first row of text is a header when it has the table's names")
  func textHeader() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", [("a", .varchar, true), ("b", .varchar, true)])
    try warehouse.load([warehouse.write("1.csv", "x,y\nu,v\n")], "t")
    try warehouse.load([warehouse.write("2.csv", "A,b\np,q\n")], "t")
    #expect(
      try warehouse.rows("t")
        == [["x", "y"], ["u", "v"], ["p", "q"]].map { $0.map { .string($0) } })
  }

  @Test("columns of many distinct strings and of few, with NULLs, come back as they were")
  func strings() throws {
    let warehouse = try TestWarehouse()
    var text = "few,many,none\n"
    var expected: [[Value]] = []
    for row in 0..<90_000 {
      let few = row % 11 == 0 ? "" : "value number \(row % 5)"
      text += "\(few),a rather long and unique string \(row),\n"
      expected.append([
        few.isEmpty ? .null : .string(few), .string("a rather long and unique string \(row)"),
        .null,
      ])
    }
    let path = warehouse.write("t.csv", text)
    for limit in [nil, 500_000] as [Int?] {
      let name = "t\(limit ?? 0)"
      try warehouse.create(
        name, [("few", .varchar, true), ("many", .varchar, true), ("none", .varchar, true)])
      var options = LoadOptions(threads: 2)
      options.sortByteLimit = limit
      try warehouse.load([path], name, options)
      #expect(try warehouse.rows(name) == expected)
    }
  }

  @Test("a cancelled load throws and leaves nothing")
  func cancelled() throws {
    let warehouse = try TestWarehouse()
    let path = warehouse.write("t.csv", "a\n1\n2\n")
    var options = LoadOptions()
    options.checkCancellation = { () throws(StoaError) in throw StoaError(.cancelled, "cancelled") }
    #expect(failure { try warehouse.load([path], "t", options) }?.kind == .cancelled)
    #expect(try warehouse.definition("t") == nil)
  }

  /// Real files; skipped where they are absent.
  @Test("all AdventureWorks files load as they are")
  func adventureWorks() throws {
    let folder = "/work/shared/data/adventureworks"
    guard access(folder, R_OK) == 0 else {
      print("skipped: \(folder) is absent")
      return
    }
    let warehouse = try TestWarehouse()
    var counts: [String: Int] = [:]
    for input in try TextInput.resolve(folder + "/*.csv") {
      let name = String(input.name.split(separator: "/").last!.dropLast(4))
      counts[name] = try warehouse.load([input.name], name).rowCount
    }
    #expect(counts["FactInternetSales"] == 58_168)
    #expect(counts["FactFinance"] == 39_409)
    #expect(counts["FactCurrencyRate"] == 14_264)
    #expect(counts["DimCustomer"] == 18_484)
    #expect(counts.count == 15)
  }
}
