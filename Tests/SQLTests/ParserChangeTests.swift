import Testing
import Vectors

@testable import SQL

@Suite("Parsing changes of rows, tables and transactions")
struct ParserChangeTests {
  private func kind(_ text: String) throws -> StatementSyntax.Kind { try Parser.parse(text).kind }

  @Test(
    "Every form is accepted",
    arguments: [
      "DELETE FROM t", "DELETE FROM t RETURNING *",
      "DELETE FROM s.t AS x USING u, v WHERE x.a = u.a",
      "DELETE FROM t x WHERE a = 1 RETURNING a, b AS c,",
      "UPDATE t SET a = 1",
      "UPDATE t AS x SET a = DEFAULT, b = x.b + 1 FROM u JOIN v USING (k) WHERE true",
      "UPDATE t SET (a, b) = (1, DEFAULT), (c) = (SELECT 1) RETURNING a", "UPDATE t SET set = 1",
      "INSERT INTO t VALUES (1) RETURNING *",
      "INSERT INTO t AS x (a) VALUES (1) ON CONFLICT DO NOTHING",
      "INSERT INTO t SELECT a FROM u ON CONFLICT (a, b) DO NOTHING RETURNING a",
      "INSERT INTO t SELECT * FROM u WHERE a = 1 ON CONFLICT (a) DO UPDATE SET b = excluded.b, (c, d) = (1, 2) WHERE t.b > 1",
      "INSERT INTO t DEFAULT VALUES ON CONFLICT DO NOTHING",
      "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
      "MERGE INTO t AS x USING (SELECT 1 AS a) s ON x.a = s.a WHEN MATCHED AND s.a > 1 THEN UPDATE SET a = 1 WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED BY TARGET THEN INSERT DEFAULT VALUES WHEN NOT MATCHED BY SOURCE AND x.a = 1 THEN DELETE RETURNING merge_action(), x.*",
      "MERGE INTO t USING a JOIN b ON a.k = b.k ON t.k = a.k WHEN NOT MATCHED THEN INSERT (a, b) VALUES (1, DEFAULT)",
      "WITH x AS (SELECT 1), y AS (SELECT 2) DELETE FROM t USING x WHERE t.a = ?",
      "WITH x (a) AS (SELECT ?) UPDATE t SET a = x.a FROM x",
      "WITH x AS (SELECT 1) INSERT INTO t FROM x",
      "WITH x AS (SELECT 1) MERGE INTO t USING x ON true WHEN MATCHED THEN DELETE",
      "TRUNCATE t", "TRUNCATE TABLE a, main.b",
      "BEGIN READ ONLY", "START TRANSACTION READ WRITE", "END TRANSACTION", "ABORT WORK",
      "SAVEPOINT s", "ROLLBACK TO s", "ROLLBACK WORK TO SAVEPOINT s", "RELEASE s",
      "RELEASE SAVEPOINT s", "ROLLBACK TO savepoint", "RELEASE SAVEPOINT savepoint",
      "ALTER TABLE t ADD c int",
      "ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS c int DEFAULT 1 NOT NULL UNIQUE",
      "ALTER TABLE t DROP c, DROP COLUMN IF EXISTS d", "ALTER TABLE t RENAME a TO b",
      "ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE t RENAME TO u",
      "ALTER TABLE t RENAME CONSTRAINT a TO b",
      "ALTER TABLE t ALTER a TYPE bigint, ALTER COLUMN b SET DATA TYPE decimal(10,2)",
      "ALTER TABLE t ALTER a SET DEFAULT 1, ALTER a DROP DEFAULT, ALTER a SET NOT NULL, ALTER a DROP NOT NULL",
      "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u NOT VALID, ADD CHECK (a > 1), ADD UNIQUE (b), ADD PRIMARY KEY (a)",
      "ALTER TABLE t VALIDATE CONSTRAINT f", "ALTER TABLE t DROP CONSTRAINT IF EXISTS f",
      "CREATE TABLE t (a int REFERENCES u NOT VALID NOT NULL, CHECK (a > 1) NOT VALID)",
      "SELECT * FROM t AT (VERSION => 5)",
      "SELECT * FROM t AT (TIMESTAMP => now() - INTERVAL '1 hour') x JOIN u AT (VERSION => 1) AS y (a) ON true",
      "SELECT * FROM t at", "SELECT * FROM t at (a, b)", "SELECT * FROM t AT (a)",
      "SHOW VERSIONS", "SHOW versions", "COMPACT", "COMPACT t", "COMPACT TABLE t", "VACUUM main.t",
      "VERIFY",
      "VERIFY DEEP", "VERIFY TABLE t", "VERIFY TABLE t DEEP", "EXPLAIN UPDATE t SET a = 1",
      "SELECT merge, matched, source, nothing, verify, version, savepoint, conflict FROM t",
    ])
  func accepted(text: String) throws { _ = try Parser.parse(text) }

  @Test(
    "Errors say what was expected and where",
    arguments: [
      ("DELETE t", "expected FROM", "t"), ("DELETE FROM t WHERE", "expected an expression", ""),
      ("UPDATE t SET a", "expected =", ""), ("UPDATE t a = 1", "expected SET", "="),
      ("UPDATE t SET t.a = 1", "column's name alone", "t"),
      ("UPDATE t SET a = 1, WHERE b", "expected a column name", "WHERE"),
      ("INSERT INTO t VALUES (1) ON CONFLICT", "expected ( or DO", ""),
      ("INSERT INTO t VALUES (1) ON CONFLICT (a) UPDATE", "expected DO", "UPDATE"),
      ("INSERT INTO t VALUES (1) ON CONFLICT DO", "expected NOTHING or UPDATE", ""),
      ("INSERT INTO t VALUES (1) ON CONFLICT ON CONSTRAINT k DO NOTHING", "not supported", "ON"),
      ("MERGE INTO t USING u ON true", "expected WHEN", ""),
      ("MERGE INTO t USING u WHEN MATCHED THEN DELETE", "expected ON", "WHEN"),
      ("MERGE INTO t USING u ON true WHEN FOUND THEN DELETE", "expected [NOT] MATCHED", "FOUND"),
      (
        "MERGE INTO t USING u ON true WHEN MATCHED THEN INSERT VALUES (1)",
        "expected UPDATE, DELETE", "INSERT"
      ),
      (
        "MERGE INTO t USING u ON true WHEN NOT MATCHED THEN DELETE", "expected INSERT or DO",
        "DELETE"
      ),
      (
        "MERGE INTO t USING u ON true WHEN NOT MATCHED BY u THEN DELETE",
        "expected SOURCE or TARGET", "u"
      ),
      ("MERGE INTO t USING u ON true WHEN MATCHED DELETE", "expected AND or THEN", "DELETE"),
      ("TRUNCATE", "expected a table name", ""),
      ("SAVEPOINT", "name of a savepoint", ""), ("ROLLBACK TO", "name of a savepoint", ""),
      ("ALTER VIEW v", "expected RENAME or SET SCHEMA", ""),
      ("ALTER TABLE t", "expected ADD, DROP", ""),
      ("ALTER TABLE t ADD a int, RENAME a TO b", "stands alone", "RENAME"),
      ("ALTER TABLE t ALTER a SET", "expected DEFAULT, NOT NULL", ""),
      ("ALTER TABLE t ALTER a DROP NULL", "expected DEFAULT or NOT NULL", "NULL"),
      ("ALTER TABLE t ADD UNIQUE (a) NOT NULL", "expected VALID", "NULL"),
      ("SELECT * FROM t AT (VERSION 5)", "expected =>", "5"),
      ("SELECT * FROM t AT (YEAR => 5)", "expected VERSION or TIMESTAMP", "YEAR"),
      ("VERIFY t", "expected TABLE, DEEP", "t"), ("DELET FROM t", "Did you mean DELETE", "DELET"),
      ("TRUNCAT t", "Did you mean TRUNCATE", "TRUNCAT"),
    ])
  func message(text: String, part: String, place: String) {
    do {
      _ = try Parser.parse(text)
      Issue.record("accepted: \(text)")
    } catch {
      #expect(error.description.contains(part), "\(text): \(error)")
      let found = error.position.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
      #expect(found == place, "\(text)")
    }
  }

  @Test("Clauses end up where they belong")
  func shapes() throws {
    guard
      case .insert(let insert) = try kind(
        "INSERT INTO t AS x (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET (b, c) = (1, 2) WHERE d RETURNING e, f"
      ), case .update(let assignments, let filter)? = insert.conflict?.action
    else { throw StoaError(.usage, "no INSERT") }
    #expect(insert.alias?.text == "x" && insert.columns.map(\.text) == ["a"])
    #expect(assignments.count == 1 && assignments[0].columns.count == 2 && assignments[0].isList)
    #expect(filter?.text == "d" && insert.returning.count == 2)
    guard
      case .merge(let merge) = try kind(
        "MERGE INTO t USING u ON a WHEN NOT MATCHED BY SOURCE THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT VALUES (1, 2) WHEN MATCHED AND x THEN DO NOTHING"
      )
    else { throw StoaError(.usage, "no MERGE") }
    #expect(merge.clauses.map(\.match) == [.notMatchedBySource, .notMatched, .matched])
    #expect(merge.clauses.map { $0.condition != nil } == [false, false, true])
    guard case .rollbackTo(let name) = try kind("ROLLBACK TO SAVEPOINT Sp") else {
      throw StoaError(.usage, "no ROLLBACK TO")
    }
    #expect(name.text == "Sp")
    guard case .verify(let table?, true) = try kind("VERIFY TABLE t DEEP") else {
      throw StoaError(.usage, "no VERIFY")
    }
    #expect(table.text == "t")
  }

  @Test("Parameters count across WITH")
  func parameters() throws {
    let statement = try Parser.parse("WITH x AS (SELECT ?) DELETE FROM t WHERE a = ? RETURNING ?")
    #expect(statement.parameters.count == 3)
    #expect(try Parser.parse("WITH x AS (SELECT ?) SELECT ?").parameters.count == 2)
  }

  @Test("Depth is limited in the new places too")
  func depth() {
    let deep = String(repeating: "(", count: 10_000) + "1" + String(repeating: ")", count: 10_000)
    for text in [
      "UPDATE t SET a = \(deep)", "DELETE FROM t RETURNING \(deep)",
      "MERGE INTO t USING u ON \(deep) WHEN MATCHED THEN DELETE",
      "MERGE INTO t USING u ON true WHEN NOT MATCHED THEN INSERT VALUES (\(deep))",
      "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = \(deep)",
      "ALTER TABLE t ADD CHECK (\(deep))", "ALTER TABLE t ALTER a SET DEFAULT \(deep)",
      "SELECT * FROM t AT (VERSION => \(deep))",
    ] {
      #expect(throws: StoaError.self) { try Parser.parse(text) }
    }
  }

  @Test(
    "An expression's text is as written, other names for its columns",
    arguments: [
      ("a > 1", "b > 1"), ("(a + t.a)*2 > x AND a IS NULL", "(b + b)*2 > x AND b IS NULL"),
      ("'a  a' = \"a\" OR a IN (1, a)", "'a  a' = b OR b IN (1, b)"),
      ("coalesce(a, 1) > -a -- a\n + 1", "coalesce(b, 1) > -b -- a\n + 1"),
      (
        "CASE WHEN a THEN a ELSE extract(year FROM a) END",
        "CASE WHEN b THEN b ELSE extract(year FROM b) END"
      ),
    ])
  func renaming(text: String, expected: String) throws {
    let syntax = try Parser.parseExpression(text)
    let source = Array(text.utf8)
    #expect(syntax.sourceText(source) == text)
    let renamed = syntax.sourceText(source) { $0.name.text == "a" ? "b" : nil }
    #expect(renamed == expected)
    _ = try Parser.parseExpression(renamed)
  }
}
