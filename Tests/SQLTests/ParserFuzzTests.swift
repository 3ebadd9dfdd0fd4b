import Testing
import Vectors

@testable import SQL

@Suite("Any text is parsed or refused")
struct ParserFuzzTests {
  private static let seeds = [
    "SELECT a, b + 1 AS c FROM t WHERE x BETWEEN 1 AND 2 GROUP BY ALL ORDER BY 1 DESC LIMIT 3",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r, LATERAL (SELECT 1) x",
    "CREATE TABLE t (a int PRIMARY KEY, b decimal(10,2) DEFAULT 1.5) ORDER BY (a) ENCODING (b BITMAP)",
    "COPY t (a) FROM 'f.csv' (FORMAT csv, DELIMITER '|', HEADER, NULL 'x', FORCE_NULL (a, b))",
    "INSERT INTO t (a, b) VALUES (1, 'it''s'), (2, E'\\u00e9'), (3, $$x$$)",
    "SELECT CASE WHEN a IS NOT NULL THEN extract(year FROM d) ELSE INTERVAL '1 month 2 days' END::text",
    "SELECT sum(a) FILTER (WHERE b) OVER (PARTITION BY c ORDER BY d ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "SELECT * EXCLUDE (a) FROM (t NATURAL LEFT JOIN u) JOIN ((SELECT 1) UNION (SELECT 2)) v USING (k)",
    "EXPLAIN ANALYZE SELECT trim(LEADING 'x' FROM a), position('b' IN c), substring(d FROM 1 FOR 2)",
    "SET memory_limit = '1GB'; /* a /* b */ c */ -- d\n SHOW TABLES",
    "SELECT x IN (SELECT 1), y = ANY (SELECT 2), (1, 2) = (a, b), $1, -9223372036854775808, 1e10, .5",
    "UPDATE t AS x SET a = DEFAULT, (b, c) = (SELECT 1, 2) FROM u WHERE x.k = u.k RETURNING *, a + 1 AS n",
    "DELETE FROM t x USING u, v WHERE x.a = u.a RETURNING x.*; TRUNCATE TABLE a, b; ROLLBACK TO SAVEPOINT s",
    "MERGE INTO t USING (SELECT 1) s ON t.a = s.a WHEN MATCHED AND s.b > 1 THEN UPDATE SET b = 1 WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (a) VALUES (DEFAULT)",
    "INSERT INTO t AS x VALUES (1) ON CONFLICT (a, b) DO UPDATE SET a = excluded.a WHERE x.a > 1 RETURNING a",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS c decimal(9,2) DEFAULT 1 NOT NULL CHECK (c > 0), ALTER a SET DATA TYPE bigint, DROP CONSTRAINT IF EXISTS k",
    "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u NOT VALID; SELECT * FROM t AT (VERSION => 3) x, u AT (TIMESTAMP => now())",
    "SAVEPOINT s; RELEASE SAVEPOINT s; SHOW VERSIONS; COMPACT t; VACUUM; VERIFY TABLE t DEEP; ALTER TABLE t RENAME COLUMN a TO b",
    "SELECT GROUPING(a) FROM t GROUP BY GROUPING SETS ((a), ROLLUP (b, c), CUBE (d), ()) QUALIFY x FETCH FIRST ROW ONLY",
  ]
  private static let pieces: [[UInt8]] = [
    "(", ")", "'", "\"", ",", ";", "$", "$$", "E'", "\\", "/*", "*/", "--", ".", "::", "?", ":",
    "[", "é",
    "SELECT", "FROM", "CASE", "END", "NOT", "IN", "UNION ALL", "INTERVAL", "1e999", "0x",
    "99999999999999999999",
    "JOIN", "ON", "OVER", "WITH", "AS", "VALUES", "BETWEEN", "\0", "\n", "''", "-", "LIKE",
    "ESCAPE", "RETURNING", "SET", "WHEN", "MATCHED", "ON CONFLICT", "DEFAULT", "=>", "AT (",
  ].map { Array($0.utf8) }

  @Test("10,000 mutated statements", arguments: [1 as UInt64, 2, 3, 4, 5])
  func mutations(seed: UInt64) {
    var random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15)
    var accepted = 0
    for round in 0..<2_000 {
      var bytes = Array(Self.seeds[random.next(Self.seeds.count)].utf8)
      for _ in 0...random.next(6) { mutate(&bytes, &random) }
      let text = String(decoding: bytes, as: UTF8.self)
      do throws(StoaError) {
        let statements = try Parser.parseAll(text)
        accepted += statements.isEmpty ? 0 : 1
        for statement in statements {
          #expect(
            statement.position.upperBound <= text.utf8.count, "seed \(seed) round \(round): \(text)"
          )
        }
      } catch {
        #expect(error.position != nil, "seed \(seed) round \(round): \(text)")
        #expect(
          error.position!.upperBound <= text.utf8.count, "seed \(seed) round \(round): \(text)")
      }
      var splitter = StatementSplitter()
      splitter.append(text)
      while splitter.next() != nil {}
      _ = splitter.finish()
    }
    #expect(accepted > 0)
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
    let position = random.next(bytes.count + 1)
    switch random.next(5) {
    case 0: if position < bytes.count { bytes.remove(at: position) }
    case 1: bytes.insert(contentsOf: Self.pieces[random.next(Self.pieces.count)], at: position)
    case 2:
      let end = min(bytes.count, position + random.next(12))
      bytes.removeSubrange(min(position, end)..<end)
    case 3:
      if position < bytes.count { bytes[position] = UInt8(truncatingIfNeeded: random.next(256)) }
    default:
      let other = Array(Self.seeds[random.next(Self.seeds.count)].utf8)
      let start = random.next(other.count)
      let end = min(other.count, start + 1 + random.next(20))
      bytes.insert(contentsOf: other[start..<end], at: position)
    }
  }
}

@Suite("Splitting scripts")
struct ParserSplitterTests {
  @Test("statements end at semicolons outside quotes and comments")
  func split() {
    let script = """
      SELECT 1; -- a; b
      SELECT ';', "x;y", E'\\';' /* ; /* ; */ ; */ ;
      ;; SELECT $$a;b$$, $t$;$$;$t$;
      SELECT 4
      """
    let expected = [
      "SELECT 1;", "-- a; b\nSELECT ';', \"x;y\", E'\\';' /* ; /* ; */ ; */ ;",
      "SELECT $$a;b$$, $t$;$$;$t$;", "SELECT 4",
    ]
    for chunk in [1, 2, 3, 7, 1000] {
      var splitter = StatementSplitter()
      var pieces: [StatementSplitter.Piece] = []
      let bytes = Array(script.utf8)
      var offset = 0
      while offset < bytes.count {
        splitter.append(bytes: bytes[offset..<min(bytes.count, offset + chunk)])
        offset += chunk
        while let piece = splitter.next() { pieces.append(piece) }
      }
      if let piece = splitter.finish() { pieces.append(piece) }
      #expect(pieces.map(\.text) == expected, "chunks of \(chunk)")
      #expect(pieces.map(\.line) == [1, 1, 3, 4], "chunks of \(chunk)")
      for piece in pieces {
        #expect(
          Array(bytes[piece.offset...].prefix(piece.text.utf8.count)) == Array(piece.text.utf8))
      }
    }
  }

  @Test("says whether a statement is in progress")
  func progress() {
    var splitter = StatementSplitter()
    #expect(splitter.isBetweenStatements)
    splitter.append("SELECT 1")
    #expect(splitter.next() == nil)
    #expect(!splitter.isBetweenStatements)
    splitter.append("; -- done\n")
    #expect(splitter.next()?.text == "SELECT 1;")
    #expect(splitter.isBetweenStatements)
    splitter.append("/* open")
    #expect(splitter.next() == nil)
    #expect(!splitter.isBetweenStatements)
    splitter.reset()
    #expect(splitter.isBetweenStatements)
    #expect(splitter.finish() == nil)
  }
}
