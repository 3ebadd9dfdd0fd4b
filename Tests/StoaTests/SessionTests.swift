import Stoa
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A warehouse in a folder that goes away with it.
final class Shop {
  let directory: TemporaryDirectory
  let warehouse: Warehouse
  let session: Session

  init(_ statements: String...) throws {
    directory = try TemporaryDirectory()
    warehouse = try Warehouse.open(directory.path + "/shop.stoa")
    session = warehouse.makeSession()
    for statement in statements { try session.execute(statement) }
  }

  /// Rows as texts, `NULL` for NULL.
  func rows(_ sql: String, _ parameters: [Value] = []) throws -> [[String]] {
    try session.execute(sql, parameters: parameters).allRows().map { row in
      row.columns.indices.map { row.text($0) ?? "NULL" }
    }
  }
}

@Suite("Sessions")
struct SessionTests {
  @Test("a program embeds a warehouse")
  func embedding() throws {
    let directory = try TemporaryDirectory()

    // Open, define, load.
    let warehouse = try Warehouse.open(directory.path + "/shop.stoa")
    let session = warehouse.makeSession()
    try session.execute(
      "CREATE TABLE sales (day DATE NOT NULL, product VARCHAR, amount DECIMAL(10,2))")
    let appender = try session.makeAppender(for: "sales")
    for (day, product, amount) in [
      ("2024-05-01", "tea", "3.50"), ("2024-05-01", "milk", "1.20"), ("2024-05-02", "tea", "7.00"),
    ] {
      try appender.append([.string(day), .string(product), .string(amount)])
    }
    #expect(try appender.close() == 3)

    // Ask, with a parameter, row by row.
    let query = try session.prepare(
      "SELECT product, sum(amount) AS total, count(*) FROM sales WHERE day >= ? GROUP BY product ORDER BY product"
    )
    let result = try query.execute(["2024-05-01"])
    var totals: [String: Double] = [:]
    while let row = try result.nextRow() {
      totals[try row.decode("product")] = try row.decode("total")
    }
    #expect(totals == ["milk": 1.2, "tea": 10.5])

    // Ask again with another value, batch by batch.
    let later = try query.execute(["2024-05-02"])
    let batch = try #require(try later.next())
    #expect(batch.rowCount == 1)
    #expect(batch.columns[0].value(at: 0) == "tea")
    #expect(try later.next() == nil)
    try warehouse.close()

    // Everything is there the next time, also for readers.
    var options = WarehouseOptions()
    options.isReadOnly = true
    let again = try Warehouse.open(directory.path + "/shop.stoa", options: options)
    let count = try again.makeSession().execute("SELECT count(*) FROM sales").nextRow()
    #expect(try count?.decode(0, as: Int.self) == 3)
    #expect(throws: StoaError.self) { try again.makeSession().execute("DROP TABLE sales") }
    try again.close()
  }

  @Test("parameters by number and by name, cast to what their place needs")
  func parameters() throws {
    let shop = try Shop("CREATE TABLE t (a BIGINT, d DATE, s VARCHAR)")
    try shop.session.execute(
      "INSERT INTO t VALUES ($1, $2, $3)", parameters: [1, "2024-02-29", "x"])
    try shop.session.execute(
      "INSERT INTO t VALUES (:a, :d, :s)", parameters: ["a": 2, "D": nil, "s": "it's"])
    #expect(
      try shop.rows("SELECT * FROM t ORDER BY a") == [
        ["1", "2024-02-29", "x"], ["2", "NULL", "it's"],
      ])
    #expect(try shop.rows("SELECT a FROM t WHERE d = ?", ["2024-02-29"]) == [["1"]])
    #expect(try shop.rows("SELECT a FROM t WHERE a > ? AND s <> ?", [1, "x"]) == [["2"]])
    #expect(try shop.rows("SELECT ? + 1", [41]) == [["42"]])
    #expect(try shop.rows("SELECT a FROM t WHERE a > ? ORDER BY a", [1.5]) == [["2"]])
    #expect(throws: StoaError.self) { try shop.session.execute("SELECT ?", parameters: []) }
    #expect(throws: StoaError.self) { try shop.session.execute("SELECT :a", parameters: ["b": 1]) }
    #expect(throws: StoaError.self) {
      try shop.session.execute("SELECT a FROM t WHERE d = ?", parameters: ["soon"])
    }
  }

  @Test("rows are read as Swift types")
  func decoding() throws {
    let shop = try Shop()
    let row = try #require(
      try shop.session.execute(
        "SELECT 1 AS i, 2.50 AS d, 1e3 AS f, 'x' AS s, true AS b, NULL AS n, DATE '1970-01-11' AS day, 10000000000000000000 AS h"
      ).nextRow())
    #expect(try row.decode("i", as: Int32.self) == 1)
    #expect(try row.decode("i", as: UInt8.self) == 1)
    #expect(try row.decode("d", as: Float.self) == 2.5)
    #expect(try row.decode("d", as: Double.self) == 2.5)
    #expect(try row.decode("d", as: String.self) == "2.50")
    #expect(try row.decode("F", as: Double.self) == 1000)
    #expect(try row.decode("b", as: Bool.self))
    #expect(try row.decode("n", as: Int?.self) == nil)
    #expect(try row.decode("i", as: Int?.self) == 1)
    #expect(try row.decode("day", as: Int.self) == 10)
    #expect(try row.decode("day", as: String.self) == "1970-01-11")
    #expect(row["s"] == "x")
    #expect(throws: StoaError.self) { try row.decode("n", as: Int.self) }
    #expect(throws: StoaError.self) { try row.decode("s", as: Int.self) }
    #expect(throws: StoaError.self) { try row.decode("d", as: Int.self) }
    #expect(throws: StoaError.self) { try row.decode("h", as: Int.self) }
    #expect(throws: StoaError.self) { try row.decode("nothing", as: Int.self) }
    #expect(throws: StoaError.self) { try row.decode(99, as: Int.self) }
  }

  @Test("COPY tells what it detected and did; SHOW of a table describes it")
  func copyReports() throws {
    let shop = try Shop("CREATE TABLE t (a INTEGER, b VARCHAR)")
    let path = shop.directory.path + "/t.csv"
    try shop.directory.write("t.csv", "a;b\n1;x\n2;y\n")
    let told = Mutex<[String]>([])
    shop.session.loadObserver = { event in
      told.withLock {
        switch event {
        case .detected(let text): $0.append(text)
        case .progress: break
        case .ended: $0.append("ended")
        }
      }
    }
    let result = try shop.session.execute("COPY t FROM '\(path)'")
    #expect(result.loadSummary?.rowCount == 2 && result.loadSummary?.segmentCount == 0)
    #expect(told.withLock { $0.count } == 2)
    #expect(told.withLock { $0[0].hasPrefix("delimiter ';'") && $0[1] == "ended" })
    #expect(throws: StoaError.self) { try shop.session.execute("COPY t (a) FROM '\(path)'") }
    #expect(told.withLock { $0.filter { $0 == "ended" }.count } <= 2)
    #expect(try shop.session.execute("INSERT INTO t VALUES (3, 'z')").loadSummary == nil)
    #expect(try shop.rows("SHOW t") == shop.rows("DESCRIBE t"))
  }

  @Test("a failed statement changes nothing")
  func failure() throws {
    let shop = try Shop(
      "CREATE TABLE d (k INTEGER PRIMARY KEY)", "INSERT INTO d VALUES (1), (2)",
      "CREATE TABLE f (k INTEGER REFERENCES d, n INTEGER NOT NULL)")
    for sql in [
      "INSERT INTO d VALUES (3), (1)", "INSERT INTO f VALUES (9, 1)",
      "INSERT INTO f VALUES (1, NULL)",
      "CREATE TABLE d (x INTEGER)", "DROP TABLE d", "INSERT INTO d SELECT k / 0 FROM d",
      "CREATE TABLE x AS SELECT k / 0 AS k FROM d",
    ] {
      #expect(throws: StoaError.self, "\(sql)") { try shop.session.execute(sql) }
    }
    #expect(try shop.rows("SELECT count(*) FROM d") == [["2"]])
    #expect(try shop.rows("SELECT count(*) FROM f") == [["0"]])
    #expect(try shop.session.tables() == ["d", "f"])
    // The write lock was given back each time.
    try shop.session.execute("INSERT INTO f VALUES (1, 1)")
  }

  @Test("the appender adds all rows or none")
  func appender() throws {
    let shop = try Shop("CREATE TABLE t (a INTEGER PRIMARY KEY, b DECIMAL(5,2))")
    let appender = try shop.session.makeAppender(for: "T")
    for number in 0..<10_000 {
      try appender.append([.integer(Int128(number)), .integer(Int128(number % 100))])
    }
    #expect(try shop.rows("SELECT count(*) FROM t") == [["0"]])
    try appender.close()
    #expect(try shop.rows("SELECT count(*), sum(b) FROM t") == [["10000", "495000.00"]])
    let double = try shop.session.makeAppender(for: "t")
    try double.append([20_000, 1])
    try double.append([5, 1])
    #expect(throws: StoaError.self) { try double.close() }
    #expect(throws: StoaError.self) { try shop.session.makeAppender(for: "t").append([1]) }
    #expect(throws: StoaError.self) { try shop.session.makeAppender(for: "missing") }
    do {
      let dropped = try shop.session.makeAppender(for: "t")
      try dropped.append([30_000, nil])
    }
    #expect(try shop.rows("SELECT count(*) FROM t") == [["10000"]])
  }

  @Test("another thread cancels a query")
  func cancellation() throws {
    let shop = try Shop()
    let session = shop.session
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(session).toOpaque()
    pthread_create(
      &thread, nil,
      { argument in
        let session = Unmanaged<Session>.fromOpaque(argument!).takeRetainedValue()
        usleep(50_000)
        session.cancel()
        return nil
      }, argument)
    do {
      try session.execute(
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1"
      ).drain()
      Issue.record("not cancelled")
    } catch {
      #expect(error.kind == .cancelled)
    }
    pthread_join(thread, nil)
    #expect(try shop.rows("SELECT 1") == [["1"]])
    try session.execute("SET statement_timeout = 30")
    do {
      try session.execute(
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1"
      ).drain()
      Issue.record("no time limit")
    } catch {
      #expect(error.kind == .cancelled)
    }
  }

  @Test("settings are set, shown and reset")
  func settings() throws {
    let shop = try Shop("SET threads = 3", "SET batch_size TO 10", "SET memory_limit = '100 MiB'")
    #expect(try shop.rows("SHOW threads") == [["3"]])
    #expect(try shop.session.setting("memory_limit") == "100MiB")
    #expect(try shop.rows("SHOW ALL").contains { $0[0] == "batch_size" && $0[1] == "10" })
    try shop.session.execute("RESET batch_size")
    #expect(try shop.rows("SHOW batch_size") == [["4096"]])
    try shop.session.execute("RESET ALL")
    for sql in [
      "SET thread = 1", "SET threads = 0", "SET threads = many", "SET disabled_rules = 'nonsense'",
      "SHOW nothing",
    ] {
      #expect(throws: StoaError.self, "\(sql)") { try shop.session.execute(sql) }
    }
    do {
      try shop.session.execute("SET thread = 1")
    } catch {
      #expect("\(error)".contains("threads"))
    }
  }

  @Test("the definition of a table makes it again")
  func definitions() throws {
    let shop = try Shop(
      "CREATE TABLE \"Odd name\" (id INTEGER PRIMARY KEY, \"select\" VARCHAR DEFAULT 'it''s' NOT NULL, UNIQUE (\"select\", id))",
      """
      CREATE TABLE f (a INTEGER REFERENCES "Odd name", day DATE DEFAULT DATE '2024-01-01', x DECIMAL(12,2) DEFAULT 1.50,
        b VARCHAR DEFAULT upper('x') || random(), s INTEGER, t TIMESTAMP DEFAULT now(), CONSTRAINT "k 1" UNIQUE (b),
        FOREIGN KEY (s) REFERENCES "Odd name" (id), CONSTRAINT v FOREIGN KEY (a) REFERENCES "Odd name" NOT VALID) ORDER BY (day, a) ENCODING (b DICTIONARY)
      """)
    let first = try ["Odd name", "f"].map { try shop.session.definition(ofTable: $0) }
    try shop.session.execute("DROP TABLE f")
    try shop.session.execute("DROP TABLE \"odd NAME\"")
    for text in first { try shop.session.execute(text) }
    #expect(try ["odd name", "F"].map { try shop.session.definition(ofTable: $0) } == first)
  }

  @Test("EXPLAIN shows operators, EXPLAIN ANALYZE what they did")
  func explain() throws {
    let shop = try Shop("CREATE TABLE t (a INTEGER)", "INSERT INTO t SELECT range FROM range(100)")
    let plan = try shop.rows("EXPLAIN SELECT a, count(*) FROM t WHERE a > 5 GROUP BY a").map {
      $0[0]
    }
    #expect(plan.contains { $0.contains("SCAN t") })
    let analyzed = try shop.rows("EXPLAIN ANALYZE SELECT a, count(*) FROM t WHERE a > 5 GROUP BY a")
      .map { $0[0] }
    #expect(analyzed.contains { $0.contains("SCAN t") && $0.contains("rows=94") })
    #expect(analyzed.last?.contains("ms") == true)
    #expect(try shop.rows("SELECT count(*) FROM t") == [["100"]])
  }

  @Test("COPY computes the DEFAULT of columns that files leave out, row by row")
  func copyDefaults() throws {
    let shop = try Shop(
      """
      CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR NOT NULL DEFAULT upper('ab') || 'c',
        d DATE DEFAULT current_date, n INTEGER DEFAULT 5, z INTEGER)
      """)
    let path = shop.directory.path + "/t.csv"
    try shop.directory.write("t.csv", Array("1\n2\n3\n".utf8))
    #expect(
      try shop.session.execute("COPY t (id) FROM '\(path)' (HEADER false)").rowsChanged == 3)
    #expect(
      try shop.rows("SELECT id, s, d = current_date, n, z FROM t ORDER BY id")
        == (1...3).map { ["\($0)", "ABc", "true", "5", "NULL"] })
  }

  @Test(
    "COPY writes files that COPY reads back, in every machine format",
    arguments: ["csv", "csv, NULL 'NA', DELIMITER ';', HEADER false"])
  func copy(options: String) throws {
    let shop = try Shop(
      "CREATE TABLE t (i BIGINT, s VARCHAR, d DECIMAL(20,3), f DOUBLE, day DATE, at TIMESTAMP, b BOOLEAN)",
      """
      INSERT INTO t VALUES (1, 'a,b;"c"', 1.5, 0.1, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:34:56.789', true),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL), (-9223372036854775808, '', -0.001, 1e300, DATE '0001-01-01',
        TIMESTAMP '1969-12-31 23:59:59', false), (3, 'NA', 4, -0.0, DATE '9999-12-31', TIMESTAMP '2000-01-01', NULL),
        (4, 'zwei' || chr(10) || 'Zeilen', 0, 3.14, NULL, NULL, true)
      """)
    let path = shop.directory.path + "/t.csv"
    #expect(try shop.session.execute("COPY t TO '\(path)' (FORMAT \(options))").rowsChanged == 5)
    try shop.session.execute("CREATE TABLE u AS SELECT * FROM t WITH NO DATA")
    try shop.session.execute("COPY u FROM '\(path)' (FORMAT \(options))")
    #expect(
      try shop.rows("SELECT * FROM u ORDER BY i, s") == shop.rows("SELECT * FROM t ORDER BY i, s"))
    #expect(TemporaryDirectory.names(shop.directory.path) == ["shop.stoa", "t.csv"])
    #expect(throws: StoaError.self) {
      try shop.session.execute("COPY (SELECT 1 / 0) TO '\(path).2'")
    }
    #expect(throws: StoaError.self) { try shop.session.execute("COPY t TO '/nowhere/x.csv'") }
    #expect(throws: StoaError.self) { try shop.session.execute("COPY t TO '\(path)' (COLOUR red)") }
    #expect(TemporaryDirectory.names(shop.directory.path) == ["shop.stoa", "t.csv"])
  }

  @Test("import makes the table, counts rejects, reports progress")
  func importing() throws {
    let shop = try Shop()
    try shop.directory.write("a.csv", "id|name|price\n1|tea|1.50\n2|milk|oops\n3|bread|2.25\n")
    var request = ImportRequest(files: [shop.directory.path + "/a.csv"], table: "products")
    try request.options.set("types", to: ["price:DECIMAL(6,2)"])
    #expect(throws: StoaError.self) { try shop.session.importFiles(request) }
    #expect(try shop.session.tables() == [])
    try request.options.set("max_rejects", to: ["1"])
    var detected = ""
    let summary = try shop.session.importFiles(request) { detected = $0 }
    #expect(summary.rowCount == 2)
    #expect(summary.rejectCount == 1)
    #expect(detected.contains("|"))
    #expect(
      try shop.rows("SELECT * FROM products ORDER BY id") == [
        ["1", "tea", "1.50"], ["3", "bread", "2.25"],
      ])
  }

  @Test("many statements, deep ones included, give answers or errors")
  func deepStatements() throws {
    let shop = try Shop("CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1), (2)")
    let count = 10_000
    func answer(_ sql: String) -> String {
      do { return try shop.rows(sql).first?.first ?? "none" } catch {
        return "error: \((error as? StoaError)?.kind.rawValue ?? "?")"
      }
    }
    #expect(
      answer(
        "SELECT " + String(repeating: "(", count: count) + "1"
          + String(repeating: ")", count: count)) == "error: syntax")
    #expect(
      answer(
        "SELECT " + String(repeating: "(", count: 400) + "1" + String(repeating: ")", count: 400))
        == "1")
    #expect(answer("SELECT 0" + String(repeating: " + 1", count: 900)) == "900")
    #expect(
      answer("SELECT count(*) FROM t WHERE a = 0" + String(repeating: " OR a = 1", count: count))
        == "1")
    #expect(
      answer("SELECT count(*) FROM t WHERE a > 0" + String(repeating: " AND a > 0", count: count))
        == "2")
    #expect(
      answer("SELECT count(*) FROM t WHERE a IN (0" + String(repeating: ", 1", count: count) + ")")
        == "1")
    #expect(
      answer(
        "SELECT count(*) FROM (SELECT 1" + String(repeating: " UNION ALL SELECT 1", count: 1000)
          + ")") == "1001")
    let nested =
      String(repeating: "SELECT * FROM (", count: 100) + "SELECT a FROM t"
      + String(repeating: ")", count: 100)
    #expect(answer("SELECT count(*) FROM (\(nested))") == "2")
    let calls = String(repeating: "abs(", count: 400) + "a" + String(repeating: ")", count: 400)
    #expect(answer("SELECT \(calls) FROM t ORDER BY 1") == "1")
    let cases =
      String(repeating: "CASE WHEN a = 1 THEN 0 ELSE ", count: 200) + "a"
      + String(repeating: " END", count: 200)
    #expect(answer("SELECT \(cases) FROM t ORDER BY a DESC") == "2")
  }
}
