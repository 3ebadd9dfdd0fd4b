import TestSupport
import Testing

@testable import Stoa

#if canImport(Glibc)
  import Glibc
#endif

/// Transactions of sessions beside COMPACT, which moves everything they have seen.
@Suite("Transactions beside compaction")
struct TransactionUpkeepTests {
  private func shop() throws -> Shop {
    let shop = try Shop("CREATE TABLE d (id INTEGER PRIMARY KEY, name VARCHAR)")
    try shop.session.execute(
      "CREATE TABLE f (id INTEGER PRIMARY KEY, d INTEGER REFERENCES d (id), v INTEGER) ORDER BY (v)"
    )
    try shop.session.execute(
      "INSERT INTO d SELECT i, 'name ' || i FROM range(50) r(i)")
    try shop.session.execute(
      "INSERT INTO f SELECT i, i % 50, (i * 7919) % 1000 FROM range(1000) r(i)")
    return shop
  }

  @Test("Statements that are done keep neither memory nor files")
  func released() throws {
    let shop = try Shop("CREATE TABLE t (k INTEGER PRIMARY KEY, s VARCHAR)")
    try shop.session.execute("INSERT INTO t VALUES (0, 'first')")
    try shop.session.execute("COMPACT")
    let path = try #require(try shop.warehouse.store.snapshot().segments(of: 1).first?.path)
    #expect(access(path, F_OK) == 0)
    for row in 1...20 {
      try shop.session.execute("INSERT INTO t SELECT \(row), 'row'")
      try shop.session.execute("UPDATE t SET s = 'x' WHERE k = \(row)")
    }
    try shop.session.execute("COMPACT")
    // The file goes when nobody reads a commit that has it.
    #expect(access(path, F_OK) != 0)
  }

  @Test("UPDATE, DELETE and MERGE of rows that were moved meanwhile commit")
  func changes() throws {
    let shop = try shop()
    let other = shop.warehouse.makeSession()
    try shop.session.execute("BEGIN")
    try shop.session.execute("UPDATE f SET v = v + 1 WHERE id < 10")
    try other.execute("COMPACT")
    try shop.session.execute("DELETE FROM f WHERE id BETWEEN 500 AND 509")
    try other.execute("DELETE FROM f WHERE id = 900")
    try other.execute("COMPACT")
    try shop.session.execute(
      """
      MERGE INTO f USING (SELECT 20 AS id UNION ALL SELECT 2000) s ON f.id = s.id
      WHEN MATCHED THEN UPDATE SET v = -1 WHEN NOT MATCHED THEN INSERT VALUES (s.id, 1, -2)
      """)
    try shop.session.execute("COMMIT")
    let counts = try shop.rows(
      "SELECT count(*), min(v), sum(CASE WHEN id < 10 THEN v - (id * 7919) % 1000 END) FROM f")
    #expect(counts == [["990", "-2", "10"]])
    try other.execute("COMPACT")
    #expect(try other.execute("VERIFY DEEP").allRows().isEmpty == false)
    #expect(try shop.rows("SELECT count(*) FROM f WHERE id = 900") == [["0"]])
  }

  @Test("Rows that refer to moved rows commit; those whose row was deleted do not")
  func references() throws {
    let shop = try shop()
    let other = shop.warehouse.makeSession()
    try shop.session.execute("BEGIN")
    try shop.session.execute("INSERT INTO d VALUES (100, 'new')")
    try shop.session.execute("INSERT INTO f VALUES (5000, 7, 0), (5001, 100, 0), (5002, NULL, 0)")
    try other.execute("COMPACT")
    // Other rows of the referenced table go, which only a look at the keys can tell from those needed.
    try other.execute("INSERT INTO d VALUES (200, 'other')")
    try other.execute("DELETE FROM d WHERE id = 200")
    try shop.session.execute("COMMIT")
    #expect(try shop.rows("SELECT count(*) FROM f WHERE id >= 5000") == [["3"]])

    try other.execute("INSERT INTO d VALUES (300, 'to go')")
    try shop.session.execute("BEGIN")
    try shop.session.execute("INSERT INTO f VALUES (6000, 300, 0)")
    try other.execute("COMPACT")
    try other.execute("DELETE FROM d WHERE id = 300")
    #expect { try shop.session.execute("COMMIT") } throws: { error in
      let error = error as? StoaError
      return error?.kind == .constraint && error?.message.contains("d = 300") == true
    }
    #expect(try shop.rows("SELECT count(*) FROM f WHERE id >= 6000") == [["0"]])
  }

  @Test("Keys that others inserted are found at the commit, whatever was moved")
  func keys() throws {
    let shop = try shop()
    let other = shop.warehouse.makeSession()
    for key in [7000, 7001] {
      try shop.session.execute("BEGIN")
      for number in 0..<20 {
        try shop.session.execute("INSERT INTO f VALUES (\(key * 10 + number), 1, 1)")
      }
      try other.execute("INSERT INTO f VALUES (\(key == 7000 ? 70013 : 90000), 1, 1)")
      try other.execute("COMPACT")
      if key == 7000 {
        #expect { try shop.session.execute("COMMIT") } throws: { error in
          let error = error as? StoaError
          return error?.kind == .constraint && error?.message.contains("70013") == true
        }
        try other.execute("DELETE FROM f WHERE id = 70013")
      } else {
        try shop.session.execute("COMMIT")
      }
    }
    #expect(try shop.rows("SELECT count(*) FROM f WHERE id >= 7000") == [["21"]])
  }

  @Test("ALTER TABLE whose rows were moved commits, after others changed them it does not")
  func altered() throws {
    let shop = try shop()
    let other = shop.warehouse.makeSession()
    for isChanged in [false, true] {
      try shop.session.execute("BEGIN")
      try shop.session.execute("ALTER TABLE f ADD CONSTRAINT c\(isChanged) CHECK (v >= 0)")
      if isChanged { try other.execute("INSERT INTO f VALUES (8000, 1, 5)") }
      try other.execute("COMPACT")
      if isChanged {
        #expect { try shop.session.execute("COMMIT") } throws: {
          ($0 as? StoaError)?.kind == .busy
        }
      } else {
        try shop.session.execute("COMMIT")
      }
    }
    #expect(throws: StoaError.self) { try other.execute("INSERT INTO f VALUES (8001, 1, -5)") }
  }

  @Test("Many statements of one transaction with little memory: their rows become segments")
  func large() throws {
    let shop = try Shop("CREATE TABLE t (k INTEGER PRIMARY KEY, s VARCHAR)")
    try shop.session.execute("SET memory_limit = '24MB'")
    try shop.session.execute("BEGIN")
    for start in stride(from: 0, to: 60_000, by: 3000) {
      try shop.session.execute(
        "INSERT INTO t SELECT \(start) + i, 'a text of more than twelve bytes, number ' || i"
          + " FROM range(3000) r(i)")
    }
    try shop.session.execute("UPDATE t SET s = 'x' WHERE k % 2 = 0")
    #expect(try shop.rows("SELECT count(*), count(DISTINCT s) FROM t") == [["60000", "1501"]])
    #expect(shop.warehouse.budget.usedBytes < 24 << 20)
    try shop.session.execute("COMMIT")
    #expect(try shop.rows("SELECT count(*), count(DISTINCT s) FROM t") == [["60000", "1501"]])
  }
}
