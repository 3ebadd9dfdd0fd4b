import Storage
import TestSupport
import Testing

@testable import Stoa

@Suite("Space that returns")
struct SpaceTests {
  @Test("COMPACT leaves one file of a table, whatever the session did before")
  func compact() throws {
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    try session.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v INTEGER)")
    for round in 0..<4 {
      for sql in [
        "INSERT INTO t SELECT range + \(round * 100), 1 FROM range(40)",
        "INSERT INTO t VALUES (\(round * 100 + 50), 2)", "COMPACT",
        "UPDATE t SET v = v + 1 WHERE id % 2 = 0", "DELETE FROM t WHERE v > 3",
        "MERGE INTO t USING (VALUES (1, 2)) n (id, v) ON t.id = n.id"
          + " WHEN MATCHED THEN UPDATE SET v = n.v WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.v)",
        "INSERT INTO t VALUES (1, 1) ON CONFLICT DO NOTHING", "BEGIN", "DELETE FROM t WHERE id = 7",
        "ROLLBACK", "COMPACT",
      ] { try session.execute(sql) }
      let appender = try session.makeAppender(for: "t")
      try appender.append([.integer(Int128(round * 100 + 60)), .null])
      try appender.close()
      #expect(throws: StoaError.self) { try session.execute("INSERT INTO t VALUES (1, 1)") }
    }
    try session.execute("COMPACT")
    let names = TemporaryDirectory.names(directory.path + "/w/segments/1")
    #expect(names.count == 1, "\(names)")
    try warehouse.close()
  }

  @Test("Two sessions create tables side by side: ids do not collide")
  func creation() throws {
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    try concurrently(4) { index in
      let session = warehouse.makeSession()
      for number in 0..<10 {
        try session.execute("CREATE TABLE t\(index)_\(number) (id INTEGER)")
        _ = try? session.execute("CREATE TABLE same\(number) (id INTEGER)")
      }
    }
    #expect(try warehouse.makeSession().tables().count == 50)
    let (first, second) = (warehouse.makeSession(), warehouse.makeSession())
    try first.execute("BEGIN")
    try first.execute("CREATE TABLE other (id INTEGER)")
    try second.execute("CREATE TABLE another (id INTEGER)")
    #expect {
      try first.execute("COMMIT")
    } throws: { ($0 as? StoaError)?.kind == .busy }
    try warehouse.close()
  }
}
