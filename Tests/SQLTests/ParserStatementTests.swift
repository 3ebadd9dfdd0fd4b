import Testing
import Vectors

@testable import SQL

@Suite("Parsing statements")
struct ParserStatementTests {
  private func select(_ text: String) throws -> SelectSyntax {
    guard case .query(let query) = try Parser.parse(text).kind,
      case .select(let select) = query.body
    else {
      throw StoaError(.usage, "no plain SELECT: \(text)")
    }
    return select
  }

  @Test("a SELECT with every clause")
  func everyClause() throws {
    let text = """
      WITH RECURSIVE a (x) AS NOT MATERIALIZED (SELECT 1), b AS (SELECT 2)
      SELECT DISTINCT ON (q) t.*, x AS "X", sum(y) total, FROM t AS u (x, y), LATERAL (SELECT 1) v
        LEFT OUTER JOIN w USING (k) CROSS JOIN z
      WHERE x > 1 GROUP BY x, (y, z), ROLLUP (a, (b, c)), CUBE (d), GROUPING SETS ((a), (), ROLLUP (b))
      HAVING count(*) > 1 WINDOW w1 AS (PARTITION BY x), w2 AS (w1 ORDER BY y)
      QUALIFY row_number() OVER w1 = 1
      ORDER BY x DESC NULLS FIRST, 2, LIMIT 10 OFFSET 5
      """
    guard case .query(let query) = try Parser.parse(text).kind,
      case .select(let select) = query.body
    else {
      Issue.record("no select")
      return
    }
    #expect(query.with?.tables.count == 2)
    #expect(query.with?.isRecursive == true)
    #expect(query.with?.tables[0].isMaterialized == false)
    #expect(select.items.count == 3)
    #expect(select.from.count == 2)
    #expect(select.from[1].isLateral == false)
    #expect(select.groupBy?.elements.count == 6)
    #expect(select.windows.count == 2)
    #expect(select.qualify != nil)
    #expect(query.orderBy?.keys.count == 2)
    #expect(query.orderBy?.keys[0].putsNullsFirst == true)
    #expect(query.limit?.text == "10")
    #expect(query.offset?.text == "5")
  }

  @Test("FROM first, stars with modifiers, GROUP BY ALL, ORDER BY ALL")
  func friendlySyntax() throws {
    #expect(try select("FROM t WHERE a").items.count == 1)
    #expect(try select("FROM t SELECT a, b WHERE c").items.count == 2)
    guard
      case .star(let star) = try select(
        "SELECT t.* EXCLUDE (a, b) REPLACE (c + 1 AS c) RENAME (d AS e) FROM t"
      ).items[0]
    else {
      Issue.record("no star")
      return
    }
    #expect(star.qualifier?.text == "t")
    #expect(star.excluded.map(\.text) == ["a", "b"])
    #expect(star.replaced.count == 1)
    #expect(star.renamed[0].name.text == "e")
    #expect(try select("SELECT a, sum(b) FROM t GROUP BY ALL").groupBy?.isAll == true)
    guard case .query(let query) = try Parser.parse("FROM t ORDER BY ALL DESC").kind else { return }
    #expect(query.orderBy?.isAll == true)
    #expect(query.orderBy?.keys[0].isDescending == true)
  }

  @Test("parentheses in FROM hold joins or queries")
  func parenthesesInFrom() throws {
    func kind(_ text: String) throws -> String {
      switch try select("SELECT * FROM " + text).from[0].kind {
      case .table: "table"
      case .file: "file"
      case .subquery: "query"
      case .function: "function"
      case .describe: "describe"
      case .join(let join): "join " + join.kind.rawValue
      }
    }
    #expect(try kind("(a JOIN b ON x) JOIN c USING (y)") == "join INNER")
    #expect(try kind("((SELECT 1) UNION ALL (SELECT 2)) u") == "query")
    #expect(try kind("((SELECT 1) a JOIN (SELECT 2) b ON true)") == "join INNER")
    #expect(try kind("(((SELECT 1))) t") == "query")
    #expect(try kind("(VALUES (1), (2)) v (n)") == "query")
    #expect(try kind("a SEMI JOIN b USING (x)") == "join SEMI")
    #expect(try kind("a NATURAL FULL OUTER JOIN b") == "join FULL")
    #expect(try kind("a JOIN b JOIN c ON x ON y") == "join INNER")
    #expect(try kind("generate_series(1, 10) g (n)") == "function")
    #expect(try kind("'file.csv'") == "file")
  }

  @Test("set operations of one kind make one flat node, INTERSECT binds tighter")
  func setOperations() throws {
    guard
      case .query(let query) = try Parser.parse(
        "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 INTERSECT SELECT 4 EXCEPT SELECT 5 ORDER BY 1"
      ).kind, case .setOperation(let except) = query.body,
      case .setOperation(let union) = except.operands[0],
      case .setOperation(let intersect) = union.operands[2]
    else {
      Issue.record("another shape")
      return
    }
    #expect(except.kind == .except)
    #expect(union.operands.count == 3)
    #expect(union.isAll)
    #expect(intersect.kind == .intersect)
    #expect(query.orderBy != nil)
  }

  @Test("CREATE TABLE with keys, sort key and encodings")
  func createTable() throws {
    let text = """
      CREATE TABLE IF NOT EXISTS s."Sales" (
        id bigint PRIMARY KEY, day date NOT NULL REFERENCES days, amount decimal(12,2) DEFAULT 0.00 NOT NULL,
        store int CONSTRAINT fk REFERENCES stores (id), note text UNIQUE,
        UNIQUE (day, store), CONSTRAINT k FOREIGN KEY (day, store) REFERENCES visits (day, store),
      ) ORDER BY (day, store) ENCODING (store BITMAP, note ZSTD)
      """
    guard case .createTable(let table) = try Parser.parse(text).kind else { return }
    #expect(table.ifNotExists)
    #expect(table.name.text == "s.Sales")
    #expect(table.columns.map(\.name.text) == ["id", "day", "amount", "store", "note"])
    #expect(table.columns.map(\.isNotNull) == [false, true, true, false, false])
    #expect(table.columns[2].defaultValue?.text == "0.00")
    #expect(table.constraints.count == 2)
    #expect(table.sortKey.map(\.text) == ["day", "store"])
    #expect(table.encodings.map(\.encoding.text) == ["BITMAP", "ZSTD"])
    guard case .foreignKey(_, let target, let columns) = table.columns[3].constraints[0].kind else {
      return
    }
    #expect(target.text == "stores")
    #expect(columns.map(\.text) == ["id"])
  }

  @Test("CREATE TABLE AS, with names and sort key")
  func createTableAs() throws {
    guard case .createTable(let plain) = try Parser.parse("CREATE TABLE t AS SELECT 1 AS a").kind,
      case .createTable(let named) = try Parser.parse(
        "CREATE OR REPLACE TABLE t (a, b) ORDER BY (a) AS SELECT 1, 2 WITH NO DATA"
      ).kind
    else {
      Issue.record("not CREATE TABLE")
      return
    }
    #expect(plain.query != nil && plain.withData)
    #expect(named.queryColumns.count == 2 && named.orReplace && !named.withData)
    #expect(named.sortKey.map(\.text) == ["a"])
  }

  @Test("COPY with options in parentheses and without")
  func copy() throws {
    guard
      case .copy(let copy) = try Parser.parse(
        "COPY t (a, b) FROM 'x.csv', 'y.csv' (FORMAT csv, DELIMITER '|', HEADER false, NULL 'NULL', HEADER)"
      ).kind,
      case .copy(let old) = try Parser.parse("COPY t FROM STDIN WITH CSV HEADER DELIMITER ';'").kind,
      case .copy(let out) = try Parser.parse("COPY (SELECT 1) TO '/tmp/x' (FORMAT json)").kind
    else {
      Issue.record("not COPY")
      return
    }
    #expect(
      copy.options.map { $0.name.text.uppercased() } == [
        "FORMAT", "DELIMITER", "HEADER", "NULL", "HEADER",
      ])
    #expect(copy.options[2].value?.kind == .boolean(false))
    #expect(copy.options[4].value == nil)
    guard case .files(let files) = copy.place else { return }
    #expect(files == ["x.csv", "y.csv"])
    #expect(old.options.count == 3)
    #expect(!out.isFrom)
    #expect(throws: StoaError.self) { try Parser.parse("COPY (SELECT 1) FROM 'x'") }
  }

  @Test(
    "every kind of statement is accepted",
    arguments: [
      "DROP TABLE IF EXISTS a, b", "INSERT INTO t VALUES (1, DEFAULT), (2, 'x')",
      "INSERT INTO t (a, b) SELECT 1, 2", "INSERT INTO t (SELECT 1)",
      "INSERT INTO t DEFAULT VALUES",
      "EXPLAIN ANALYZE SELECT 1", "EXPLAIN INSERT INTO t VALUES (1)", "SHOW TABLES", "SHOW threads",
      "SHOW ALL", "DESCRIBE t", "DESCRIBE SELECT 1", "SUMMARIZE t", "CHECKPOINT", "SET threads = 4",
      "SET memory_limit TO '1GB'", "SET disabled_rules = 'a,b'", "RESET threads", "RESET ALL",
      "BEGIN",
      "BEGIN TRANSACTION READ ONLY", "START TRANSACTION", "COMMIT", "ROLLBACK", "ABORT",
      "DELETE FROM t WHERE a = 1", "UPDATE t SET a = 1, b = DEFAULT FROM u WHERE t.x = u.x",
      "TABLE t", "VALUES (1, 2), (3, 4), ORDER BY 1", "(SELECT 1) LIMIT 1",
      "SELECT 1 FETCH FIRST 3 ROWS WITH TIES", "SELECT * FROM t TABLESAMPLE reservoir (10 ROWS)",
      "SELECT * FROM t TABLESAMPLE 10%", "SELECT 1;;",
      "SELECT year, month, name, value, date FROM t",
      "SELECT a AS select FROM t", "SELECT values FROM t", "SELECT (values) FROM t",
      "SELECT t.from FROM t",
      "SELECT a FROM t ASOF LEFT JOIN u ON t.x >= u.x", "SELECT interval, row FROM t",
    ])
  func accepted(text: String) throws { _ = try Parser.parse(text) }

  @Test("parameters are counted, named ones once each, kinds not mixed")
  func parameters() throws {
    #expect(try Parser.parse("SELECT ?, ? + ?").parameters.count == 3)
    #expect(try Parser.parse("SELECT $3, $1").parameters.count == 3)
    #expect(try Parser.parse("SELECT :a, :b, :A").parameters.names == ["a", "b"])
    #expect(throws: StoaError.self) { try Parser.parse("SELECT ?, $1") }
  }

  @Test("many statements in one text")
  func several() throws {
    #expect(try Parser.parseAll("; SELECT 1; ;SELECT ';' -- end ;\n; /* ; */").count == 2)
    #expect(try Parser.parseAll("").isEmpty)
    #expect(throws: StoaError.self) { try Parser.parse("SELECT 1 SELECT 2") }
  }
}

@Suite("Messages of the parser")
struct ParserMessageTests {
  @Test(
    "errors say what was expected and where",
    arguments: [
      ("SELCT 1", 0..<5, "Did you mean SELECT"),
      ("SELECT 1 +", 10..<10, "expected an expression, found the end of the text"),
      ("SELECT 1 FORM t", 14..<15, "Did you mean"),
      ("SELECT * FROM t WERE a = 1", 21..<22, "expected the end of the statement"),
      ("SELECT (1 + 2", 13..<13, "found the end"),
      ("SELECT 'abc", 7..<8, "not closed"),
      ("SELECT \"abc", 7..<8, "not closed"),
      ("SELECT 1 /* x", 9..<11, "not closed"),
      ("SELECT a FROM t WHERE", 21..<21, "expected an expression"),
      ("SELECT 12abc", 7..<12, "letters follow a number"),
      ("SELECT a FROM t JOIN u", 22..<22, "ON or USING"),
      ("CREATE TABLE t (select int)", 16..<22, "reserved word"),
      ("VALUES (1), (1, 2)", 12..<18, "differ in length"),
      ("SELECT 1 ORDER BY 1 NULLS MAYBE", 26..<31, "FIRST or LAST"),
      ("SELECT [1]", 7..<8, "not supported"),
      ("SELECT a ! b", 9..<10, "unexpected character"),
      ("DROP TABLE", 10..<10, "a table name"),
      ("", 0..<0, "no statement"),
      ("SELECT CASE WHEN 1 THEN 2", 25..<25, "END"),
    ])
  func message(text: String, position: Range<Int>, part: String) {
    do {
      _ = try Parser.parse(text)
      Issue.record("accepted: \(text)")
    } catch {
      #expect(error.position == position, "\(text): \(error)")
      #expect(error.description.contains(part), "\(error)")
    }
  }

  @Test("deep nesting is refused, never a crash")
  func deepNesting() {
    let depth = 10_000
    func refused(_ text: String) {
      #expect(throws: StoaError.self) { try Parser.parse(text) }
    }
    refused(
      "SELECT " + String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth))
    refused("SELECT " + String(repeating: "NOT ", count: depth) + "a")
    refused("SELECT " + String(repeating: "- ", count: depth) + "a")
    refused(
      "SELECT " + String(repeating: "f(", count: depth) + String(repeating: ")", count: depth))
    refused("SELECT " + String(repeating: "CASE WHEN a THEN ", count: depth) + "1")
    refused(
      String(repeating: "SELECT * FROM (", count: depth) + "SELECT 1"
        + String(repeating: ")", count: depth))
    refused(
      String(repeating: "(", count: depth) + "SELECT 1" + String(repeating: ")", count: depth))
    refused(
      "SELECT * FROM " + String(repeating: "(", count: depth) + "t"
        + String(repeating: ")", count: depth))
    refused("SELECT 1" + String(repeating: " + 1", count: depth))
    refused("SELECT a" + String(repeating: "::int", count: depth))
    refused(String(repeating: "EXPLAIN ", count: depth) + "SELECT 1")
    refused("SELECT * FROM t" + String(repeating: " JOIN t USING (a)", count: depth))
    refused("SELECT 1" + String(repeating: " UNION SELECT 1 EXCEPT SELECT 1", count: depth))
    refused("SELECT a" + String(repeating: " IN (SELECT a", count: depth))
  }

  @Test("the deepest accepted nesting parses")
  func acceptedNesting() throws {
    let depth = 100
    for (open, close) in [
      ("(", ")"), ("f(", ")"), ("(SELECT ", ")"), ("CASE WHEN a THEN ", " END"),
    ] {
      _ = try Parser.parse(
        "SELECT " + String(repeating: open, count: depth) + "1"
          + String(repeating: close, count: depth))
    }
  }

  @Test("long chains are flat")
  func longChains() throws {
    let count = 20_000
    let and = try Parser.parseExpression("a" + String(repeating: " AND a", count: count))
    #expect(and.height == 2)
    let or = try Parser.parseExpression(
      "a = 1" + String(repeating: " OR a = 1 AND b", count: count))
    #expect(or.height <= 4)
    let union = try Parser.parse(
      "SELECT 1" + String(repeating: " UNION ALL SELECT 1", count: count))
    guard case .query(let query) = union.kind, case .setOperation(let operation) = query.body else {
      Issue.record("no set operation")
      return
    }
    #expect(operation.operands.count == count + 1)
    let list = try Parser.parseExpression("a IN (1" + String(repeating: ", 1", count: count) + ")")
    #expect(list.height == 2)
  }
}
