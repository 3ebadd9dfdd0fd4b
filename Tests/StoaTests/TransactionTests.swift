import Stoa
import TestSupport
import Testing

@Suite("Transactions of sessions")
struct TransactionTests {
  @Test("Threads that count up the same row lose nothing; statements that meet are run again")
  func counting() throws {
    let shop = try Shop("CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)")
    try shop.session.execute("INSERT INTO t VALUES (1, 0)")
    let warehouse = shop.warehouse
    try concurrently(6) { _ in
      let session = warehouse.makeSession()
      for _ in 0..<15 { try session.execute("UPDATE t SET v = v + 1 WHERE k = 1") }
    }
    #expect(try shop.lines("SELECT v FROM t") == ["90"])
  }

  @Test("Threads that insert the same keys: one of them wins each, the others change its row")
  func upserting() throws {
    let shop = try Shop("CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)")
    let warehouse = shop.warehouse
    try concurrently(6) { _ in
      let session = warehouse.makeSession()
      for key in 0..<10 {
        try session.execute(
          "INSERT INTO t VALUES (\(key), 1) ON CONFLICT (k) DO UPDATE SET v = t.v + 1")
      }
    }
    #expect(try shop.lines("SELECT count(*), sum(v), min(v), max(v) FROM t") == ["10 60 6 6"])
  }

  @Test("Two sessions that change the same row: the first to commit wins, the other is told")
  func conflict() throws {
    let shop = try Shop("CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)")
    try shop.session.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    let other = shop.warehouse.makeSession()
    try shop.session.execute("BEGIN")
    try other.execute("BEGIN")
    try shop.session.execute("UPDATE t SET v = 10 WHERE k = 1")
    try other.execute("UPDATE t SET v = 20 WHERE k = 1")
    #expect(try shop.lines("SELECT v FROM t WHERE k = 1") == ["10"])
    try shop.session.execute("COMMIT")
    #expect { try other.execute("COMMIT") } throws: { ($0 as? StoaError)?.kind == .busy }
    #expect(!other.isInTransaction)
    #expect(try shop.lines("SELECT v FROM t ORDER BY k") == ["10", "2"])
    try other.execute("UPDATE t SET v = 20 WHERE k = 1")
    #expect(try shop.lines("SELECT v FROM t ORDER BY k") == ["20", "2"])
  }

  @Test("A transaction reads the state at BEGIN, whatever others commit")
  func snapshot() throws {
    let shop = try Shop("CREATE TABLE t (k INTEGER)")
    try shop.session.execute("INSERT INTO t VALUES (1)")
    let other = shop.warehouse.makeSession()
    try other.execute("BEGIN")
    try shop.session.execute("INSERT INTO t VALUES (2)")
    try shop.session.execute("DELETE FROM t WHERE k = 1")
    #expect(try other.execute("SELECT * FROM t").allRows().count == 1)
    try other.execute("INSERT INTO t VALUES (3)")
    #expect(try other.execute("SELECT * FROM t").allRows().count == 2)
    try other.execute("COMMIT")
    #expect(try shop.lines("SELECT k FROM t ORDER BY k") == ["2", "3"])
  }

  @Test("Keys and references hold across transactions that know nothing of each other")
  func constraints() throws {
    let shop = try Shop("CREATE TABLE d (id INTEGER PRIMARY KEY)")
    try shop.session.execute("CREATE TABLE f (d INTEGER REFERENCES d (id))")
    try shop.session.execute("INSERT INTO d VALUES (1), (2)")
    let other = shop.warehouse.makeSession()
    // The same new key twice.
    try shop.session.execute("BEGIN")
    try other.execute("BEGIN")
    try shop.session.execute("INSERT INTO d VALUES (7)")
    try other.execute("INSERT INTO d VALUES (7)")
    try other.execute("COMMIT")
    #expect { try shop.session.execute("COMMIT") } throws: {
      ($0 as? StoaError)?.kind == .constraint
    }
    // A reference to a row that goes.
    for isDeletingFirst in [true, false] {
      try shop.session.execute("BEGIN")
      try other.execute("BEGIN")
      try shop.session.execute("DELETE FROM d WHERE id = 2")
      try other.execute("INSERT INTO f VALUES (2)")
      if isDeletingFirst {
        try shop.session.execute("COMMIT")
        #expect(throws: StoaError.self) { try other.execute("COMMIT") }
        try shop.session.execute("INSERT INTO d VALUES (2)")
      } else {
        try other.execute("COMMIT")
        #expect { try shop.session.execute("COMMIT") } throws: {
          ($0 as? StoaError)?.kind == .constraint
        }
      }
    }
    #expect(try shop.lines("SELECT count(*) FROM f JOIN d ON f.d = d.id") == ["1"])
    #expect(try shop.lines("SELECT id FROM d ORDER BY id") == ["1", "2", "7"])
  }

  @Test("An appender commits as often as it likes, and joins a transaction that is open")
  func appender() throws {
    let shop = try Shop("CREATE TABLE t (k BIGINT PRIMARY KEY, s VARCHAR)")
    let appender = try shop.session.makeAppender(for: "t")
    for row in 0..<250 {
      try appender.append([.integer(Int128(row)), .string("row \(row)")])
      if row % 100 == 99 { #expect(try appender.commit() == 100) }
    }
    #expect(try shop.lines("SELECT count(*) FROM t") == ["200"])
    #expect(try appender.close() == 50)
    try shop.session.execute("BEGIN")
    let inside = try shop.session.makeAppender(for: "t")
    try inside.append([.integer(1000), .null])
    try inside.close()
    #expect(try shop.lines("SELECT count(*) FROM t") == ["251"])
    try shop.session.execute("ROLLBACK")
    #expect(try shop.lines("SELECT count(*), max(k) FROM t") == ["250 249"])
    let broken = try shop.session.makeAppender(for: "t")
    try broken.append([.integer(3), .null])
    #expect { try broken.close() } throws: { ($0 as? StoaError)?.kind == .constraint }
  }
}

extension Shop {
  /// Rows as texts with blanks between.
  fileprivate func lines(_ sql: String) throws -> [String] {
    try rows(sql).map { $0.joined(separator: " ") }
  }
}
