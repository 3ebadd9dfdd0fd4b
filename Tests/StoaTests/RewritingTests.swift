import SQL
import Stoa
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Random queries compared with themselves: no other engine is needed to see that a predicate, its negation and its
/// being NULL make up the whole, or that neither rules nor threads nor spilling change an answer.
@Suite("Queries agree with their own rewritings")
struct RewritingTests {
  private static var rounds: Int {
    getenv("STOA_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 60
  }

  @Test(
    "WHERE p, WHERE NOT p and WHERE p IS NULL add up to the whole", arguments: [1 as UInt64, 2])
  func partition(seed: UInt64) throws {
    var queries = try RandomRewritings(seed: seed)
    let measures =
      "count(*), count(a.x), sum(a.x), sum(a.d), sum(length(a.s)), sum(a.day - DATE '2024-01-01')"
    for _ in 0..<Self.rounds {
      let source = queries.source()
      let condition = queries.condition(joined: source.contains("JOIN"), depth: 2)
      let whole = try queries.rows("SELECT \(measures) FROM \(source)")
      let parts = try queries.rows(
        """
        SELECT sum(c0), sum(c1), sum(c2), sum(c3), sum(c4), sum(c5) FROM (
          SELECT \(measures) FROM \(source) WHERE \(condition)
          UNION ALL SELECT \(measures) FROM \(source) WHERE NOT (\(condition))
          UNION ALL SELECT \(measures) FROM \(source) WHERE (\(condition)) IS NULL) p (c0, c1, c2, c3, c4, c5)
        """)
      #expect(whole == parts, "seed \(seed): FROM \(source) WHERE \(condition)")
    }
    try queries.warehouse.close()
  }

  @Test(
    "HAVING p, HAVING NOT p and HAVING p IS NULL add up to all groups", arguments: [3 as UInt64])
  func groups(seed: UInt64) throws {
    var queries = try RandomRewritings(seed: seed)
    for _ in 0..<Self.rounds {
      let source = queries.source()
      let condition = queries.groupCondition()
      let grouping = queries.pick(["a.k", "a.s", "a.k, a.s", "ROLLUP (a.k, a.s)"])
      let groups = "SELECT count(*) AS n FROM \(source) GROUP BY \(grouping)"
      let whole = try queries.rows("SELECT count(*), sum(n) FROM (\(groups)) g")
      let parts = try queries.rows(
        """
        SELECT count(*), sum(n) FROM (\(groups) HAVING \(condition) UNION ALL \(groups) HAVING NOT (\(condition))
          UNION ALL \(groups) HAVING (\(condition)) IS NULL) g
        """)
      #expect(whole == parts, "seed \(seed): \(groups) HAVING \(condition)")
    }
    try queries.warehouse.close()
  }

  @Test(
    "rules, threads, batches and spilling leave answers as they are", arguments: [4 as UInt64, 5])
  func settings(seed: UInt64) throws {
    var queries = try RandomRewritings(seed: seed)
    let ways =
      [
        "optimizer = false", "threads = 1", "threads = 2", "batch_size = 3", "spill_always = true",
      ] + Optimizer.ruleNames.map { "disabled_rules = '\($0)'" }
    for _ in 0..<Self.rounds {
      let query = queries.query()
      let expected = try queries.rows(query)
      for way in ways {
        try queries.session.execute("SET \(way)")
        let found = Result { try queries.rows(query) }
        #expect((try? found.get()) == expected, "seed \(seed): SET \(way); \(query)")
        try queries.session.execute("RESET ALL")
      }
    }
    try queries.warehouse.close()
  }
}

/// Two tables with many NULLs and queries over them; every order has no ties that matter.
private struct RandomRewritings {
  let directory: TemporaryDirectory
  let warehouse: Warehouse
  let session: Session
  private var random: SeededGenerator

  init(seed: UInt64) throws {
    directory = try TemporaryDirectory()
    warehouse = try Warehouse.open(directory.path + "/w")
    session = warehouse.makeSession()
    random = SeededGenerator(seed: seed)
    for sql in [
      "CREATE TABLE a (id INTEGER PRIMARY KEY, k INTEGER, x INTEGER, d DECIMAL(9,2), s VARCHAR, day DATE) ORDER BY (k)",
      "CREATE TABLE b (id INTEGER PRIMARY KEY, k INTEGER, y INTEGER, s VARCHAR)",
      """
      INSERT INTO a SELECT range, nullif(range * 7 % 31, 5), nullif(range % 11 - 4, 3), range % 100 / 4 - 7.25,
        nullif('v' || range % 13, 'v4'), nullif(DATE '2024-01-01' + CAST(range % 50 AS INTEGER), DATE '2024-01-08') FROM range(400)
      """,
      "COMPACT a",
      "INSERT INTO a SELECT 1000 + range, range % 3, NULL, 0.5, 'v1', NULL FROM range(9)",
      "INSERT INTO b SELECT range, nullif(range * 3 % 37, 6), nullif(range % 9 - 3, 2), nullif('v' || range % 17, 'v3') FROM range(45)",
    ] { try session.execute(sql) }
  }

  /// Sorted, since most queries give no order.
  func rows(_ sql: String) throws -> [String] {
    let result = try session.execute(sql)
    var rows: [String] = []
    while let row = try result.nextRow() {
      rows.append(result.columns.indices.map { row.text($0) ?? "NULL" }.joined(separator: "|"))
    }
    return rows.sorted()
  }

  mutating func pick(_ texts: [String]) -> String { texts.randomElement(using: &random)! }

  mutating func source() -> String {
    pick([
      "a", "a", "a JOIN b ON a.k = b.k", "a LEFT JOIN b ON a.k = b.k",
      "a FULL JOIN b ON a.k = b.k AND a.x > b.y",
      "a RIGHT JOIN b ON a.s = b.s AND a.x = b.y", "a LEFT JOIN b ON a.x < b.y AND a.k = b.id",
      "a JOIN b ON a.x BETWEEN b.y AND b.y + 1 AND a.s = b.s",
      "a JOIN b USING (k) JOIN b AS c ON b.y = c.id",
      "a LEFT JOIN b ON a.k = b.id LEFT JOIN b AS c ON b.k = c.id AND c.y > 0",
    ])
  }

  mutating func condition(joined: Bool, depth: Int) -> String {
    if depth > 0, Int.random(in: 0...2, using: &random) > 0 {
      let left = condition(joined: joined, depth: depth - 1)
      let right = condition(joined: joined, depth: depth - 1)
      return pick(["(\(left) AND \(right))", "(\(left) OR \(right))", "(NOT \(left))"])
    }
    let number = pick(["-2", "0", "1", "3", "5", "NULL"])
    var choices = [
      "a.x > \(number)", "a.k = \(number)", "a.x + a.k < 9", "a.d BETWEEN -2.5 AND 3.75",
      "a.s LIKE 'v1%'", "a.x IS NULL",
      "a.k IN (1, 2, \(number))", "a.s NOT IN ('v1', 'v2')", "a.day >= DATE '2024-01-20'",
      "a.x IS DISTINCT FROM \(number)",
      "a.k IN (SELECT k FROM b WHERE y > \(number))",
      "a.x NOT IN (SELECT y FROM b WHERE b.s = a.s)",
      "EXISTS (SELECT 1 FROM b AS e WHERE e.k = a.k AND e.y <> a.x)",
      "a.x > (SELECT min(y) FROM b AS e WHERE e.s = a.s)",
      "a.x >= ALL (SELECT y FROM b AS e WHERE e.id = a.k)",
      "CASE WHEN a.x > 0 THEN a.k > 9 ELSE a.s < 'v5' END",
      "coalesce(a.x, a.k) > \(number)",
    ]
    if joined {
      choices += ["b.y > \(number)", "a.x = b.y", "b.s IS NULL", "b.s > a.s", "b.k <> a.x"]
    }
    return pick(choices)
  }

  mutating func groupCondition() -> String {
    let atoms = [
      "count(*) > 3", "sum(a.x) > 0", "max(a.s) LIKE 'v1%'", "min(a.d) < avg(a.d) - 5",
      "count(DISTINCT a.x) IN (1, 4)",
      "bool_or(a.x > 4)", "sum(a.x) FILTER (WHERE a.d > 0) IS NULL", "max(a.x) = min(a.x)",
    ]
    let (left, right) = (pick(atoms), pick(atoms))
    return pick([left, "\(left) AND \(right)", "\(left) OR NOT \(right)"])
  }

  mutating func query() -> String {
    let source = source()
    let condition = condition(joined: source.contains("JOIN"), depth: 2)
    let from = "FROM \(source) WHERE \(condition)"
    return pick([
      "SELECT a.id, a.x, a.s \(from)",
      "SELECT a.k, count(*), sum(a.x), min(a.s), count(DISTINCT a.d) \(from) GROUP BY a.k",
      "SELECT a.s, a.k, sum(a.d), GROUPING(a.k) \(from) GROUP BY CUBE (a.s, a.k) HAVING \(groupCondition())",
      "SELECT DISTINCT a.s, a.x \(from)",
      "SELECT a.id, a.d \(from) ORDER BY a.d DESC, a.id LIMIT 7",
      "SELECT * FROM (SELECT a.id, a.k, row_number() OVER (PARTITION BY a.k ORDER BY a.d, a.id) AS r \(from)) w WHERE r <= 2 AND k > 1",
      "SELECT a.id, sum(a.x) OVER (PARTITION BY a.s), max(a.d) OVER (ORDER BY a.id ROWS 3 PRECEDING) \(from)",
      "SELECT a.s FROM a EXCEPT SELECT a.s \(from)",
      "SELECT a.k \(from) INTERSECT ALL SELECT k FROM b",
      "SELECT a.s, (SELECT max(e.y) FROM b AS e WHERE e.k = a.k) \(from)",
      "SELECT count(*), avg(a.x), sum(a.x * a.k) \(from)",
    ])
  }
}
