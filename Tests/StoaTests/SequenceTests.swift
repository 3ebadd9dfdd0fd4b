import Stoa
import Synchronization
import TestSupport
import Testing

@Suite("Sequences")
struct SequenceTests {
  private func numbers(_ session: Session, _ sql: String) throws -> [Int] {
    let result = try session.execute(sql)
    var numbers: [Int] = []
    while let row = try result.nextRow() {
      if case .integer(let number) = row[0] { numbers.append(Int(number)) }
    }
    return numbers
  }

  @Test("Sessions on threads of two openings of one warehouse get no number twice")
  func concurrent() throws {
    let directory = try TemporaryDirectory()
    let first = try Warehouse.open(directory.path + "/w")
    let second = try Warehouse.open(directory.path + "/w")
    try first.makeSession().execute("CREATE SEQUENCE s")
    let all = Collected()
    try concurrently(4) { worker in
      let session = (worker % 2 == 0 ? first : second).makeSession()
      session.settings.lockTimeoutMilliseconds = 60_000
      for round in 0..<30 {
        let sql = round % 3 == 0 ? "SELECT nextval('s') FROM range(50)" : "SELECT nextval('s')"
        all.add(try numbers(session, sql))
      }
    }
    let given = all.numbers
    #expect(given.count == 4 * (10 * 50 + 20))
    #expect(Set(given).count == given.count)
    try second.close()
    try first.close()
  }

  @Test("Numbers left at close come next; those of a process that did not close are never repeated")
  func reopened() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/w"
    do {
      let warehouse = try Warehouse.open(path)
      let session = warehouse.makeSession()
      try session.execute("CREATE SEQUENCE s")
      #expect(try numbers(session, "SELECT nextval('s')") == [1])
      try warehouse.close()
    }
    let abandoned = try Warehouse.open(path)
    #expect(try numbers(abandoned.makeSession(), "SELECT nextval('s')") == [2])
    let other = try Warehouse.open(path)
    let session = other.makeSession()
    #expect(try numbers(session, "SELECT nextval('s')") == [34])
    try session.execute("CHECKPOINT")
    #expect(try numbers(session, "SELECT nextval('s')") == [35])
    try session.execute("CREATE SEQUENCE one CACHE 1")
    #expect(try numbers(session, "SELECT nextval('one')") == [1])
    let third = try Warehouse.open(path)
    #expect(try numbers(third.makeSession(), "SELECT nextval('one')") == [2])
    #expect(try numbers(session, "SELECT nextval('one')") == [3])
    // 2 to 33 were the first one's, which may not give back what others went past.
    try abandoned.close()
    try third.close()
    try other.close()
    let last = try Warehouse.open(path)
    #expect(try numbers(last.makeSession(), "SELECT nextval('s')") == [36])
    try last.close()
  }

  @Test("A warehouse opened to be read only and a READ ONLY transaction give no numbers")
  func readOnly() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/w"
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute("CREATE SEQUENCE s")
    try session.execute("BEGIN READ ONLY")
    #expect { try numbers(session, "SELECT nextval('s')") } throws: {
      ($0 as? StoaError)?.kind == .readOnly
    }
    try session.execute("ROLLBACK")
    try warehouse.close()
    var options = WarehouseOptions()
    options.isReadOnly = true
    let reading = try Warehouse.open(path, options: options)
    #expect { try numbers(reading.makeSession(), "SELECT nextval('s')") } throws: {
      ($0 as? StoaError)?.kind == .readOnly
    }
    #expect { try numbers(reading.makeSession(), "SELECT setval('s', 3)") } throws: {
      ($0 as? StoaError)?.kind == .readOnly
    }
    try reading.close()
  }

  @Test(
    "RESTART in a transaction is undone with it, and meets one of another transaction as a conflict"
  )
  func restarts() throws {
    let shop = try Shop("CREATE SEQUENCE s")
    #expect(try numbers(shop.session, "SELECT nextval('s') FROM range(3)").count == 3)
    let other = shop.warehouse.makeSession()
    try shop.session.execute("BEGIN")
    try shop.session.execute("ALTER SEQUENCE s RESTART")
    #expect(try numbers(shop.session, "SELECT nextval('s')") == [1])
    #expect(try numbers(other, "SELECT nextval('s')") == [4])
    try other.execute("BEGIN")
    try other.execute("ALTER SEQUENCE s RESTART WITH 100")
    #expect(try numbers(other, "SELECT nextval('s')") == [100])
    try shop.session.execute("COMMIT")
    #expect { try other.execute("COMMIT") } throws: { ($0 as? StoaError)?.kind == .busy }
    #expect(try numbers(other, "SELECT nextval('s')") == [2])
    try other.execute("BEGIN")
    try other.execute("SAVEPOINT a")
    try other.execute("CREATE SEQUENCE x")
    #expect(try numbers(other, "SELECT nextval('x')") == [1])
    try other.execute("ROLLBACK TO a")
    try other.execute("CREATE SEQUENCE y START 7")
    #expect(try numbers(other, "SELECT nextval('y')") == [7])
    try other.execute("ALTER SEQUENCE y INCREMENT 10")
    #expect(try numbers(other, "SELECT nextval('y')") == [17])
    try other.execute("COMMIT")
    #expect(try numbers(other, "SELECT nextval('y')") == [27])
  }

  @Test("Statements that make everything again have sequences before tables")
  func definitions() throws {
    let shop = try Shop(
      "CREATE SEQUENCE s AS INTEGER INCREMENT 5 MAXVALUE 1000 START 3 CACHE 2 CYCLE")
    try shop.session.execute("CREATE TABLE t (a BIGINT DEFAULT nextval('s'))")
    try shop.session.execute("CREATE TABLE u (a BIGINT GENERATED BY DEFAULT AS IDENTITY (START 4))")
    let definitions = try shop.session.definitions()
    #expect(
      definitions == [
        "CREATE SEQUENCE s AS INTEGER INCREMENT BY 5 MAXVALUE 1000 START WITH 3 CACHE 2 CYCLE;",
        "CREATE TABLE t (\n  a BIGINT DEFAULT nextval('s')\n);",
        "CREATE TABLE u (\n  a BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY (START WITH 4)\n);",
      ])
    let copy = try Shop(definitions[0])
    for definition in definitions.dropFirst() { try copy.session.execute(definition) }
    #expect(try copy.session.definitions() == definitions)
  }

  @Test("COPY fills a column with numbers, a row each")
  func copy() throws {
    let shop = try Shop("CREATE SEQUENCE s")
    try shop.session.execute("CREATE TABLE t (a BIGINT DEFAULT nextval('s'), b INTEGER)")
    shop.session.standardInput = Array("b\n5\n6\n7\n".utf8)
    try shop.session.execute("COPY t (b) FROM STDIN")
    #expect(
      try shop.rows("SELECT count(*), min(a), max(a), count(DISTINCT a) FROM t")
        == [["3", "1", "3", "3"]])
  }
}

private final class Collected: Sendable {
  private let collected = Mutex<[Int]>([])

  func add(_ numbers: [Int]) { collected.withLock { $0 += numbers } }
  var numbers: [Int] { collected.withLock { $0 } }
}
