import TestSupport
import Testing

@testable import Stoa

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Files as tables")
struct FileFunctionTests {
  /// A directory with files, and what queries over them give, a line per row.
  private struct Fixture {
    let directory: TemporaryDirectory
    let warehouse: Warehouse

    init() throws {
      directory = try TemporaryDirectory()
      warehouse = try Warehouse.open(directory.path + "/w")
    }

    func write(_ name: String, _ text: String) throws {
      let file = fopen(directory.path + "/" + name, "w")
      try #require(file != nil)
      fputs(text, file)
      fclose(file)
    }

    func rows(_ sql: String) throws -> [String] {
      let text = sql.replacing("$", with: directory.path)
      let result = try warehouse.makeSession().execute(text)
      var rows: [String] = []
      while let batch = try result.next() {
        for row in 0..<batch.rowCount {
          rows.append(batch.columns.map { shown($0.value(at: row)) }.joined(separator: "|"))
        }
      }
      return rows
    }

    private func shown(_ value: Value) -> String {
      switch value {
      case .null: "NULL"
      case .boolean(let flag): flag ? "true" : "false"
      case .integer(let number): String(number)
      case .double(let number): String(number)
      case .string(let text): text
      case .bytes(let bytes): String(describing: bytes)
      }
    }
  }

  @Test("CSV files are read with options, globs and only the columns wanted")
  func csv() throws {
    let fixture = try Fixture()
    try fixture.write("a.csv", "id,name,x\n1,one,0.5\n2,two,\n3,\"a,b\",1.5\n")
    try fixture.write("b.csv", "id,name,x\n4,four,2.5\n")
    try fixture.write("semi.txt", "7;8\n9;10\n")
    #expect(
      try fixture.rows("SELECT id, name FROM '$/a.csv' ORDER BY id") == ["1|one", "2|two", "3|a,b"])
    #expect(try fixture.rows("FROM read_csv('$/*.csv') SELECT count(*), sum(id)") == ["4|10"])
    #expect(try fixture.rows("SELECT x FROM read_csv_auto('$/a.csv') WHERE id = 3") == ["1.5"])
    #expect(try fixture.rows("SELECT count(*) FROM '$/a.csv'") == ["3"])
    #expect(
      try fixture.rows("SELECT a.id FROM '$/a.csv' a JOIN '$/b.csv' b ON a.id + 1 = b.id") == ["3"])
    #expect(
      try fixture.rows("SELECT * FROM read_csv('$/semi.txt', delim := ';', header := false)")
        == ["7|8", "9|10"])
    #expect(
      try fixture.rows("SELECT file LIKE '%/b.csv' FROM glob('$/b*')") == ["true"])
    #expect(try fixture.rows("SELECT count(*) FROM glob('$/nothing*')") == ["0"])
    #expect(try fixture.rows("DESCRIBE FROM '$/a.csv'").count == 3)
    #expect(throws: StoaError.self) { try fixture.rows("FROM '$/none.csv'") }
    #expect(throws: StoaError.self) { try fixture.rows("FROM read_csv('$/a.csv', nonsense := 1)") }
    #expect(throws: StoaError.self) { try fixture.rows("FROM '$/a.parquet'") }
  }

  @Test("JSON files are read by lines and from an array, with types found in them")
  func json() throws {
    let fixture = try Fixture()
    try fixture.write(
      "l.jsonl",
      """
      {"i": 1, "s": "a\\u00e9\\n", "d": "2024-02-03", "t": true, "x": 1, "n": {"k": [1, "}"]}}

      {"s": null, "i": 2, "x": 2.5, "extra": "é"} {"i": 3, "d": "2024-03-04", "x": -1e2}
      """)
    try fixture.write("a.json", "[{\"i\": 4}, {\"i\": 5, \"s\": \"q\"}]\n")
    try fixture.write("bad.json", "[{\"i\": 4}, {\"i\": }]")
    try fixture.write("open.json", "[{\"i\": 4}, {\"i\": 1")
    #expect(
      try fixture.rows("SELECT i, x FROM '$/l.jsonl' ORDER BY i") == ["1|1.0", "2|2.5", "3|-100.0"])
    #expect(
      try fixture.rows("SELECT s, n, t, extra FROM read_json('$/l.jsonl') ORDER BY i LIMIT 2")
        == ["aé\n|{\"k\": [1, \"}\"]}|true|NULL", "NULL|NULL|NULL|é"])
    #expect(
      try fixture.rows("SELECT typeof(d), typeof(i), typeof(t) FROM '$/l.jsonl' LIMIT 1") == [
        "DATE|BIGINT|BOOLEAN"
      ])
    #expect(try fixture.rows("SELECT sum(i), count(s) FROM '$/a.json'") == ["9|1"])
    #expect(try fixture.rows("SELECT count(*) FROM read_json('$/a.json')") == ["2"])
    #expect(throws: StoaError.self) { try fixture.rows("FROM '$/bad.json'") }
    #expect(throws: StoaError.self) { try fixture.rows("FROM '$/open.json'") }
  }

  @Test(
    "A recursion without end can be limited and cancelled by a time limit; one past memory goes to files"
  )
  func runaway() throws {
    let fixture = try Fixture()
    let endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n % 1000 + 1 FROM t)"
    #expect(try fixture.rows(endless + " SELECT n FROM t LIMIT 2") == ["1", "2"])
    let session = fixture.warehouse.makeSession()
    try session.execute("SET statement_timeout = 200")
    #expect {
      let result = try session.execute(endless + " SELECT count(*) FROM t")
      while try result.next() != nil {}
    } throws: { ($0 as? StoaError)?.kind == .cancelled }
    // Rows seen by UNION go to temporary files.
    let other = fixture.warehouse.makeSession()
    try other.execute("SET memory_limit = '8MB'")
    let result = try other.execute(
      "WITH RECURSIVE t(n) AS (SELECT i FROM range(50000) r(i) UNION SELECT (n + 50000) % 400000"
        + " FROM t) SELECT count(*), sum(n) FROM t")
    let batch = try #require(try result.next())
    #expect(batch.columns.map { $0.value(at: 0) } == [.integer(400_000), .integer(79_999_800_000)])
  }
}
