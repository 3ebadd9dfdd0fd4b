import Stoa
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Statements put together from pieces of others: rows or an error, never a trap or a hang.
@Suite("Any statement gives rows or an error")
struct SessionFuzzTests {
  private static let seeds = [
    "SELECT a, b, count(*), sum(c), avg(d), min(s), max(day) FROM t GROUP BY a, b HAVING count(*) > 1 ORDER BY 1 DESC NULLS LAST LIMIT 5",
    "SELECT t.a, u.name FROM t LEFT JOIN u ON t.a = u.k AND u.name LIKE 'n%' WHERE t.c BETWEEN 1 AND 5 OR t.s IS NULL",
    "WITH x AS (SELECT a, sum(c) AS total FROM t GROUP BY a) SELECT * FROM x JOIN u ON x.a = u.k WHERE total > (SELECT avg(c) FROM t)",
    "SELECT CASE WHEN a > 2 THEN upper(s) WHEN a IS NULL THEN 'none' ELSE substring(s, 1, 2) END, coalesce(c, 0) FROM t",
    "SELECT DISTINCT day + INTERVAL '1 month', extract(year FROM day), date_trunc('month', at) FROM t WHERE day > DATE '2024-01-15'",
    "SELECT a // 2, a % 3, c / 4, d ^ 2, -a, a::varchar || 'x', CAST(s AS VARCHAR), round(c, 1), abs(d) FROM t",
    "SELECT * FROM t WHERE a IN (SELECT k FROM u WHERE name <> 'n3') AND EXISTS (SELECT 1 FROM u WHERE u.k = t.b)",
    "SELECT a FROM t UNION ALL SELECT k FROM u UNION SELECT 7 ORDER BY 1 OFFSET 2",
    "SELECT x.n, y.n FROM (VALUES (1, 'p'), (2, 'q'), (NULL, 'r')) x (n, m) FULL JOIN (SELECT range AS n FROM range(4)) y USING (n)",
    "SELECT count(DISTINCT a), stddev(d), variance(c), count(*) FILTER (WHERE a > 1) FROM t, u WHERE t.a = u.k",
    "INSERT INTO copy SELECT a, b, c, d, s, day, at, ok FROM t WHERE a < 5",
    "INSERT INTO copy (a, s) VALUES (1, 'x'), (NULL, DEFAULT), (2 + 3, 'it''s')",
    "CREATE TABLE made AS SELECT a, s, c * 2 AS double FROM t WHERE ok",
    "CREATE TABLE made (a INTEGER PRIMARY KEY, b DECIMAL(5,2) DEFAULT 1.5 NOT NULL, k INTEGER REFERENCES u) ORDER BY (b)",
    "DROP TABLE IF EXISTS made",
    "EXPLAIN ANALYZE SELECT a, sum(c) FROM t WHERE ok GROUP BY a ORDER BY 2 LIMIT 3",
    "SELECT length(s), replace(s, 'a', 'bb'), strpos(s, 'l'), lower(trim(s)), left(s, 2), repeat(s, 3), concat(s, a) FROM t",
    "SELECT TRY_CAST(s AS INTEGER), nullif(a, 2), greatest(a, b, 3), least(c, d), a BETWEEN b AND 9, s LIKE '%_e%' FROM t",
    "SELECT a, (SELECT max(name) FROM u WHERE u.k = t.a), a NOT IN (1, 2, NULL), ok IS NOT TRUE, a IS DISTINCT FROM b FROM t",
    "SELECT sum(c) OVER (PARTITION BY a ORDER BY day ROWS 2 PRECEDING) FROM t QUALIFY a > 1",
    "SHOW TABLES", "DESCRIBE t",
    "EXPLAIN UPDATE t AS x SET a = DEFAULT, (b, s) = (SELECT k, name FROM u WHERE k = x.a), c = c + 1 WHERE d > 2 OR s IN (SELECT name FROM u)",
    "EXPLAIN UPDATE t SET s = u.name FROM u WHERE t.a = u.k AND u.name IS NOT NULL RETURNING t.a + 1, u.*, t.s",
    "EXPLAIN DELETE FROM t USING u AS w WHERE t.a = w.k AND w.name <> (SELECT max(s) FROM copy WHERE copy.a = t.b) RETURNING *",
    "EXPLAIN MERGE INTO u USING (SELECT a, max(s) AS s FROM t GROUP BY a) x ON u.k = x.a WHEN MATCHED AND x.s IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = x.s WHEN NOT MATCHED THEN INSERT VALUES (x.a, DEFAULT) WHEN NOT MATCHED BY SOURCE THEN UPDATE SET name = 'gone' RETURNING merge_action(), u.name",
    "EXPLAIN INSERT INTO u (k, name) SELECT a, s FROM t ON CONFLICT (k) DO UPDATE SET name = excluded.name || u.name WHERE u.name <> 'x' RETURNING *",
    "EXPLAIN INSERT INTO u VALUES (1, DEFAULT), (2, 'y') ON CONFLICT DO NOTHING RETURNING k, upper(name)",
    "UPDATE t SET a = a + 1, s = upper(s), c = DEFAULT WHERE b % 3 = 0 RETURNING a, s",
    "DELETE FROM copy USING u WHERE copy.a = u.k AND u.name <> 'n3' RETURNING *",
    "MERGE INTO u USING (SELECT a, max(s) AS s FROM t GROUP BY a) x ON u.k = x.a WHEN MATCHED AND x.s IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = x.s WHEN NOT MATCHED AND x.a > 0 THEN INSERT VALUES (x.a, DEFAULT)",
    "INSERT INTO u (k, name) SELECT a, s FROM copy WHERE a IS NOT NULL ON CONFLICT (k) DO NOTHING",
    "INSERT INTO u VALUES (1, 'p'), (20, 'q') ON CONFLICT (k) DO UPDATE SET name = excluded.name || u.name RETURNING *",
    "ALTER TABLE t ADD COLUMN z DECIMAL(9,2) DEFAULT 1.5 NOT NULL CHECK (z > 0), ALTER a TYPE BIGINT, DROP COLUMN d, ADD UNIQUE (a, s)",
    "ALTER TABLE copy ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (k) NOT VALID, ALTER s SET DEFAULT now()::varchar, ALTER b SET NOT NULL",
    "EXPLAIN WITH x (k, n) AS (SELECT a, count(*) FROM t GROUP BY a), y AS (SELECT max(n) AS m FROM x) UPDATE u SET name = x.n FROM x, y WHERE u.k = x.k AND n < m",
    "TRUNCATE TABLE u, t", "BEGIN READ ONLY", "SAVEPOINT s", "ROLLBACK TO SAVEPOINT s",
    "VERIFY TABLE t DEEP", "COMPACT u",
    "SELECT * FROM t AT (VERSION => 3) x JOIN u AT (TIMESTAMP => now() - INTERVAL '1 hour') ON x.a = u.k",
    "SELECT 170141183460469231731687303715884105727 + a, 1e308 * 10, 99999999999999999999.99 * 99999999999999999999.99 FROM t",
  ]

  @Test("10,000 statements made of pieces of others", arguments: [1 as UInt64, 2, 3, 4])
  func pieces(seed: UInt64) throws {
    let rounds = getenv("STOA_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 2500
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    try SessionFuzzTests.fill(session)
    try session.execute("SET statement_timeout = 300")
    if seed % 2 == 0 { try session.execute("SET batch_size = 3") }
    var random = SeededGenerator(seed: seed)
    let seeds = Self.seeds.map { Self.words($0) }
    var answers = 0
    for _ in 0..<rounds {
      var words = seeds[Int(random.next() % UInt64(seeds.count))]
      // Half of them in one place only, so that many get past the parser.
      for _ in 0...max(0, Int(random.next() % 4) - 1) { Self.mutate(&words, seeds, &random) }
      let sql = words.joined(separator: " ")
      do {
        let result = try session.execute(sql)
        var rowCount = 0
        while let batch = try result.next(), rowCount < 10_000 { rowCount += batch.rowCount }
        answers += 1
      } catch {
        #expect(error.kind != .inconsistency, "seed \(seed): \(sql)\n\(error)")
        #expect(error.kind != .corruption, "seed \(seed): \(sql)\n\(error)")
      }
      if session.isInTransaction { try session.execute("ROLLBACK") }
      let changesTables = ["ALTER", "TRUNCATE"].contains(words.first?.uppercased() ?? "")
      if changesTables {
        try SessionFuzzTests.refill(session)
      } else if try !Set(session.tables().map { $0.lowercased() }).isSuperset(of: [
        "t", "u", "copy",
      ]) {
        try SessionFuzzTests.refill(session)
      }
    }
    #expect(answers > rounds / 20)
    try warehouse.close()
  }

  /// After a DROP TABLE all tables are made anew.
  private static func refill(_ session: Session) throws {
    for _ in 0..<3 {
      for name in try session.tables() { _ = try? session.execute("DROP TABLE \"\(name)\"") }
    }
    try fill(session)
  }

  private static func fill(_ session: Session) throws {
    try session.execute(
      "CREATE TABLE u (k INTEGER PRIMARY KEY, name VARCHAR)")
    try session.execute("INSERT INTO u SELECT range, 'n' || range FROM range(6)")
    for name in ["t", "copy"] {
      try session.execute(
        """
        CREATE TABLE \(name) (a INTEGER, b BIGINT, c DECIMAL(10,2), d DOUBLE, s VARCHAR DEFAULT 'dflt', day DATE,
          at TIMESTAMP, ok BOOLEAN) ORDER BY (day)
        """)
    }
    try session.execute(
      """
      INSERT INTO t SELECT nullif(range % 7, 6), range, range / 4 + 0.25, range * 0.5, 'text ' || range % 5,
        DATE '2024-01-01' + CAST(range AS INTEGER), TIMESTAMP '2024-01-01 10:00:00', range % 3 = 0 FROM range(50)
      """)
  }

  /// Words and marks; texts in quotes stay whole.
  private static func words(_ sql: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    for character in sql {
      if character == "'" { isQuoted.toggle() }
      if isQuoted || character == "'" || character.isLetter || character.isNumber
        || character == "_" || character == "."
      {
        word.append(character)
      } else {
        if !word.isEmpty { words.append(word) }
        word = ""
        if "<>=|:/!".contains(character), let last = words.last,
          last.allSatisfy({ "<>=|:/!".contains($0) })
        {
          words[words.count - 1] = last + String(character)
        } else if character != " " {
          words.append(String(character))
        }
      }
    }
    return word.isEmpty ? words : words + [word]
  }

  private static let spices = [
    "NULL", "0", "-1", "1.5", "''", "'x'", "DATE '2024-02-30'", "9223372036854775807", "1e300", "(",
    ")", "NOT",
    "a", "s", "day", "*", "DISTINCT", "(SELECT a FROM t)", "(SELECT 1)", "count(*)", "sum(a)",
    "TRUE", "INTERVAL '1 day'",
  ]

  private static let operators = [
    "+", "-", "*", "/", "//", "%", "||", "=", "<>", "<", "<=", ">", ">=", "AND", "OR", "LIKE",
    "IS DISTINCT FROM", "^",
  ]
  private static let operands = [
    "a", "b", "c", "d", "s", "day", "at", "ok", "k", "name", "0", "1", "-7", "2.50", "1e10", "NULL",
    "''", "'2024-03-01'",
    "'abc'", "TRUE", "9223372036854775807", "DATE '2024-01-31'", "(SELECT max(a) FROM t)",
    "count(*)", "sum(c)",
    "length", "upper", "round", "abs", "coalesce", "sqrt", "substring", "max", "avg", "count",
    "year", "t", "u",
    "(SELECT name FROM u WHERE k = a)", "CAST(a AS VARCHAR)", "nullif(a, 3)",
    "99999999999999999999999999999.999",
  ]

  private static func mutate(
    _ words: inout [String], _ seeds: [[String]], _ random: inout SeededGenerator
  ) {
    func pick(_ bound: Int) -> Int { Int(random.next() % UInt64(max(1, bound))) }
    let position = pick(words.count)
    // Mostly one operand or operator for another, so that the statement still parses.
    if pick(5) > 0 {
      if operators.contains(words[position]) {
        words[position] = operators[pick(operators.count)]
      } else if words[position].first.map({ $0.isLowercase || $0.isNumber || $0 == "'" }) ?? false {
        words[position] = operands[pick(operands.count)]
      }
      return
    }
    switch pick(5) {
    case 0: words.remove(at: position)
    case 1: words[position] = spices[pick(spices.count)]
    case 2: words.insert(spices[pick(spices.count)], at: position)
    case 3: words.swapAt(position, pick(words.count))
    default:
      let other = seeds[pick(seeds.count)]
      let start = pick(other.count)
      let piece = other[start..<min(other.count, start + 1 + pick(8))]
      words.replaceSubrange(position..<min(words.count, position + pick(4)), with: piece)
    }
    if words.isEmpty { words = ["SELECT"] }
  }
}
