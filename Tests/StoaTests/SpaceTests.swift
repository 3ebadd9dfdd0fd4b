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

  @Test("Key runs and indexes are counted apart from the rows, and all files together once")
  func parts() throws {
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    try session.execute(
      "CREATE TABLE t (id BIGINT PRIMARY KEY, g INTEGER, s VARCHAR) ORDER BY (s)")
    try session.execute(
      "INSERT INTO t SELECT (range * 7919) % 200000, CASE WHEN range % 97 = 0 THEN range % 5 ELSE 1 END,"
        + " 'name ' || (range % 1000) FROM range(200000)")
    try session.execute("COMPACT")
    var bytes: [String: Int] = [:]
    for row in try session.space().allRows() {
      guard case .string(let part) = row[0], case .integer(let count) = row[3] else { continue }
      bytes[part, default: 0] += Int(count)
    }
    let file = try TemporaryDirectory.files(below: directory.path + "/w")
      .filter { $0.hasSuffix(".seg") }
      .map { $0.hasPrefix("/") ? $0 : directory.path + "/w/" + $0 }
      .reduce(0) { try $0 + TemporaryDirectory.bytes($1).count }
    let found = ["segments", "key runs", "indexes"].map { bytes[$0] ?? 0 }
    #expect(found.reduce(0, +) == file, "\(bytes)")
    #expect(found[1] > 200_000 && found[2] > 0 && found[0] > 0, "\(bytes)")
    #expect(bytes["total"] == bytes.filter { $0.key != "total" }.values.reduce(0, +))
    try warehouse.close()
  }
}
