import Catalog
import Formats
import Ingest
import Testing
import Vectors

@Suite("JSON objects, one to a line")
struct JSONLinesTests {
  private static let columns: [(String, LogicalType, isNullable: Bool)] = [
    ("id", .integer, false), ("name", .varchar, true), ("x", .double, true),
    ("is", .boolean, true), ("d", .date, true),
  ]

  private func warehouse() throws -> TestWarehouse {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", JSONLinesTests.columns)
    return warehouse
  }

  private func options() -> CSVOptions {
    var options = CSVOptions()
    options.isJSONLines = true
    return options
  }

  @Test("keys go to the columns of their names, in any order and case; missing ones are NULL")
  func names() throws {
    let warehouse = try warehouse()
    let text = """
      {"id":1,"name":"a","x":1.5e1,"is":true,"d":"2024-01-02"}
      \u{20}\t{ "D" : null , "ID" : 2 , "Is" : false }\r

      {"name":"","id":3}
      """
    let summary = try warehouse.load([warehouse.write("a.jsonl", "\u{FEFF}" + text)], "t")
    #expect(summary.rowCount == 3 && summary.rejectCount == 0)
    #expect(
      try warehouse.rows("t") == [
        [.integer(1), .string("a"), .double(15), .boolean(true), .integer(19724)],
        [.integer(2), .null, .null, .boolean(false), .null],
        [.integer(3), .string(""), .null, .null, .null],
      ])
  }

  @Test("texts may hold anything that JSON can escape, and newlines do not move line numbers")
  func texts() throws {
    let warehouse = try warehouse()
    let text =
      #"{"id":1,"name":"a \"b\", \\ \/ \b\f\n\r\t \u00e4\u20AC\ud83d\ude00 ö"}"# + "\n"
      + #"{"id":2,"name":"null"}"# + "\n" + #"{"id":3,"n\u0061me":",\u001f\u0001"}"# + "\n"
      + #"{"id":"x","name":"y"}"#
    let error = try #require(
      failure { try warehouse.load([warehouse.write("a", text)], "t", csv: options()) })
    #expect(error.line == 4 && error.column == "id", "\(error)")
    var loading = LoadOptions()
    loading.maximalRejectCount = 1
    loading.rejectPath = warehouse.folder + "/rejects.csv"
    let summary = try warehouse.load(
      [warehouse.write("a", text)], "t", csv: options(), loading)
    #expect(summary.rowCount == 3 && summary.rejectCount == 1)
    #expect(
      try warehouse.rows("t").map { $0[1] } == [
        .string("a \"b\", \\ / \u{8}\u{c}\n\r\t ä€😀 ö"), .string("null"),
        .string(",\u{1f}\u{1}"),
      ])
  }

  @Test(
    "what is wrong is said with file and line",
    arguments: [
      ("[1]", "a line holds no JSON object"),
      ("{\"id\":1}{", "more than one value is on the line"),
      ("{\"id\":1", "the object does not end on its line"),
      ("{\"id\":1,", "the object is not valid JSON: a key in quotes is missing"),
      ("{\"id\" 1}", "the object is not valid JSON: a colon is missing"),
      ("{\"id\":01}", "the value is no JSON: 01"),
      ("{\"id\":nul}", "the value is no JSON: nul"),
      ("{\"id\":1 \"x\":2}", "the object is not valid JSON: a comma is missing"),
      (
        "{\"id\":{\"a\":1}}",
        "the value is an object or array of its own; only flat objects can be loaded"
      ),
      ("{\"id\":1,\"other\":2}", "the object has a key that is no column of the table"),
      ("{\"id\":null,\"ID\":2}", "a key stands twice in the object"),
      ("{\"name\":\"a\\q\"}", "a text has an escape that JSON does not know"),
      ("{\"name\":\"\\ud800\"}", "a text has half a surrogate pair in it"),
      ("{\"name\":\"\\u00\"}", "\\u wants four hexadecimal digits"),
      ("{\"name\":\"\\u0000\"}", "a text has a zero byte in it (\\u0000), which cannot be stored"),
      ("{\"name\":\"abc", "a text does not end on its line"),
      ("{\"name\":\"x\"}", "NULL in a NOT NULL column"),
    ])
  func errors(_ line: String, _ message: String) throws {
    let warehouse = try warehouse()
    let path = warehouse.write("a.ndjson", "{\"id\":1}\n\n" + line + "\n{\"id\":2}\n")
    let error = try #require(failure { try warehouse.load([path], "t") })
    #expect(error.message.contains(message), "\(error)")
    #expect(error.path == path && error.line == 3 && error.kind == .input, "\(error)")
    #expect(try warehouse.rows("t").isEmpty)
  }

  @Test("with columns named, other keys are left out and other columns get their default")
  func chosen() throws {
    let warehouse = try warehouse()
    let path = warehouse.write("a.jsonl", "{\"x\":1,\"id\":1,\"u\":[\n")
    let bad = failure { try warehouse.load([path], "t", columns: ["id"]) }
    #expect(bad?.line == 1)
    let good = warehouse.write("a.jsonl", "\n{\"x\":1,\"id\":1,\"u\":7}\n{\"id\":2}\n\n")
    try warehouse.load([good], "t", columns: ["id"])
    try warehouse.load([good], "t", columns: ["x", "id"])
    let none = failure { try warehouse.load([good], "t", columns: ["x"]) }
    #expect(none?.kind == .constraint)
    #expect(
      try warehouse.rows("t").map { [$0[0], $0[2]] } == [
        [.integer(1), .null], [.integer(2), .null], [.integer(1), .double(1)],
        [.integer(2), .null],
      ])
    var options = options()
    options.hasHeader = true
    #expect(failure { try warehouse.load([good], "t", csv: options) }?.kind == .usage)
    #expect(failure { try warehouse.load([good], "u") }?.kind == .unsupported)
  }

  @Test(
    "many rows by several threads, in lines longer than a piece is read and no longer than allowed")
  func many() throws {
    let warehouse = try warehouse()
    let long = String(repeating: "n", count: 300_000)
    let lines = (0..<40_000).map { index in
      "{\"id\":\(index),\"name\":\"\(index % 9999 == 5 ? long : "name \(index % 77)")\"}"
    }
    let path = warehouse.write("a.jsonl", lines.joined(separator: "\n"))
    let summary = try warehouse.load([path, path], "t", LoadOptions(threads: 2))
    #expect(summary.rowCount == 80_000)
    var options = options()
    options.maximalLineByteCount = 200_000
    let error = failure { try warehouse.load([path], "t", csv: options) }
    #expect(error?.message == "a line is longer than 200000 bytes" && error?.line == 6)
  }
}
