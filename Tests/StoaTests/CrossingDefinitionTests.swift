import Stoa
import TestSupport
import Testing

@Suite("Definitions that cross changes of rows")
struct CrossingDefinitionTests {
  /// What two sessions do that cannot both be: the second to commit is refused, whichever it is.
  struct Crossing: Sendable, CustomTestStringConvertible {
    let committed: [String]
    let refused: [String]

    init(_ committed: String..., refused: String...) {
      self.committed = committed
      self.refused = refused
    }

    var testDescription: String { "\(refused[0]) beside \(committed[0])" }
  }

  static let crossings = [
    Crossing(
      "CREATE TABLE c2 (x INTEGER REFERENCES p (id))", "INSERT INTO c2 VALUES (1)",
      refused: "DELETE FROM p WHERE id = 1"),
    Crossing(
      "ALTER TABLE c3 ADD FOREIGN KEY (x) REFERENCES p (id)",
      refused: "UPDATE p SET id = 9 WHERE id = 1"),
    Crossing(
      "ALTER TABLE c3 ADD FOREIGN KEY (x) REFERENCES p (id)", refused: "DELETE FROM p WHERE id = 1"),
    Crossing(
      "DELETE FROM p WHERE id = 1", refused: "ALTER TABLE c3 ADD FOREIGN KEY (x) REFERENCES p (id)"),
    Crossing(
      "DELETE FROM p WHERE id = 1",
      refused: "CREATE TABLE c2 (x INTEGER REFERENCES p (id))", "INSERT INTO c2 VALUES (1)"),
    Crossing("INSERT INTO c VALUES (1, 1)", refused: "TRUNCATE p, c"),
    Crossing(
      "DROP TABLE c", "DROP TABLE p", refused: "CREATE TABLE c2 (x INTEGER REFERENCES p (id))"),
    Crossing("ALTER TABLE p DROP COLUMN v", refused: "CREATE VIEW w AS SELECT v FROM p"),
    Crossing(
      "CREATE OR REPLACE VIEW seen AS SELECT id, v + 1 AS v FROM p",
      refused: "CREATE VIEW w AS SELECT v FROM seen"),
  ]

  @Test("A definition and rows that contradict it are not both committed", arguments: crossings)
  func contradictions(_ crossing: Crossing) throws {
    let shop = try Shop("CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER)")
    for statement in [
      "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id))",
      "CREATE TABLE c3 (x INTEGER)", "INSERT INTO p VALUES (1, 1), (2, 2), (3, 3)",
      "INSERT INTO c3 VALUES (1)", "CREATE VIEW seen AS SELECT id, v FROM p",
    ] where !(crossing.committed[0].contains("DROP") && statement.contains("VIEW")) {
      try shop.session.execute(statement)
    }
    let other = shop.warehouse.makeSession()
    try shop.session.execute("BEGIN")
    _ = try lines(shop, "SELECT count(*) FROM p")
    for statement in crossing.committed { try other.execute(statement) }
    #expect {
      for statement in crossing.refused { try shop.session.execute(statement) }
      try shop.session.execute("COMMIT")
    } throws: {
      ($0 as? StoaError)?.kind == .busy || ($0 as? StoaError)?.kind == .constraint
    }
    if shop.session.isInTransaction { try shop.session.execute("ROLLBACK") }
    #expect(try shop.session.execute("VERIFY DEEP").allRows().allSatisfy { $0.text(0) != "error" })
  }

  @Test("What one does to rows and another to definitions that do not touch them is both committed")
  func compatible() throws {
    let shop = try Shop("CREATE TABLE p (id INTEGER PRIMARY KEY, v INTEGER)")
    try shop.session.execute("CREATE TABLE c (p INTEGER REFERENCES p (id))")
    try shop.session.execute("INSERT INTO p VALUES (1, 1), (2, 2)")
    let other = shop.warehouse.makeSession()
    try shop.session.execute("BEGIN")
    try shop.session.execute("DELETE FROM p WHERE id = 2")
    try other.execute("CREATE TABLE q (x INTEGER)")
    try other.execute("INSERT INTO c VALUES (1)")
    try shop.session.execute("COMMIT")
    try shop.session.execute("BEGIN")
    try shop.session.execute("CREATE VIEW w AS SELECT id FROM p")
    try other.execute("INSERT INTO p VALUES (5, 5)")
    try shop.session.execute("COMMIT")
    #expect(try lines(shop, "SELECT id FROM w ORDER BY id") == ["1", "5"])
  }

  @Test(
    "The default of a column that was rolled back is in no later column",
    arguments: ["ROLLBACK", "ROLLBACK TO s"])
  func defaults(_ undo: String) throws {
    let shop = try Shop("CREATE TABLE t (id INTEGER, v INTEGER)")
    try shop.session.execute("INSERT INTO t SELECT i, i FROM range(20000) r(i)")
    try shop.session.execute("BEGIN")
    try shop.session.execute("SAVEPOINT s")
    try shop.session.execute("ALTER TABLE t ADD COLUMN e TINYINT DEFAULT 87")
    #expect(try lines(shop, "SELECT sum(e) FROM t") == ["1740000"])
    try shop.session.execute(undo)
    try shop.session.execute("ALTER TABLE t ADD COLUMN f VARCHAR DEFAULT 'text'")
    if shop.session.isInTransaction { try shop.session.execute("COMMIT") }
    #expect(
      try lines(shop, "SELECT f, count(*) FROM t WHERE f = 'text' GROUP BY f") == ["text 20000"])
  }

  @Test("Intervals of one length are one key, however they are written", arguments: [2, 30000])
  func intervals(_ count: Int) throws {
    let shop = try Shop("CREATE TABLE k (a INTERVAL PRIMARY KEY, v INTEGER)")
    try shop.session.execute(
      "INSERT INTO k SELECT to_seconds(i), i FROM range(\(count)) r(i)")
    try shop.session.execute("INSERT INTO k VALUES (INTERVAL '1 month', -1)")
    #expect { try shop.session.execute("INSERT INTO k VALUES (INTERVAL '30 days', 2)") } throws: {
      ($0 as? StoaError)?.kind == .constraint
    }
    try shop.session.execute("COMPACT k")
    #expect { try shop.session.execute("INSERT INTO k VALUES (INTERVAL '720 hours', 2)") } throws: {
      ($0 as? StoaError)?.kind == .constraint
    }
    try shop.session.execute(
      "INSERT INTO k VALUES (INTERVAL '30 days', 7) ON CONFLICT (a) DO UPDATE SET v = excluded.v")
    #expect(try lines(shop, "SELECT v FROM k WHERE a = INTERVAL '1 month'") == ["7"])
  }

  /// Rows of the answer as texts.
  private func lines(_ shop: Shop, _ query: String) throws -> [String] {
    try shop.session.execute(query).allRows().map { row in
      row.values.indices.map { row.text($0) ?? "NULL" }.joined(separator: " ")
    }
  }
}
