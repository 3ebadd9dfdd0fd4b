import Storage
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Stoa

#if canImport(Glibc)
  import Glibc
#endif

/// `AT`, `SHOW VERSIONS`, retention and space through SQL.
@Suite("Time travel")
struct TimeTravelTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.path + "/w" }

  init() throws { directory = try TemporaryDirectory() }

  private func rows(_ session: Session, _ sql: String) throws -> [[Value]] {
    try session.execute(sql).allRows().map { row in row.columns.indices.map { row[$0] } }
  }

  private func number(_ session: Session, _ sql: String) throws -> Int {
    guard case .integer(let number) = try rows(session, sql).first?.first else { return -1 }
    return Int(number)
  }

  private func byteCount() -> Int {
    TemporaryDirectory.files(below: path).reduce(0) { total, name in
      let file = name.hasPrefix("/") ? name : path + "/" + name
      return total + ((try? TemporaryDirectory.bytes(file).count) ?? 0)
    }
  }

  @Test(
    "Every version answers as it did when it was the newest, whatever was altered, moved or dropped"
  )
  func model() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("time travel seed \(seed)")
    var random = SplitMix64(seed: seed)
    func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
    var options = WarehouseOptions()
    options.hasBackgroundUpkeep = false
    var warehouse = try Warehouse.open(path, options: options)
    var session = warehouse.makeSession()
    try session.execute("SET retention = '1 hour'")
    let other = try Warehouse.open(
      path,
      options: {
        var o = options; o.isReadOnly = true; return o
      }())
    let reader = other.makeSession()
    /// By version and table: the answer, or none where the table was not there.
    var past: [UInt64: [String: [[Value]]]] = [:]
    var columnCount = 0
    for round in 0..<70 {
      let table = ["a", "b"][below(2)]
      let exists = try session.tables().contains(table)
      do throws(StoaError) {
        switch below(12) {
        case 0 where exists: try session.execute("DROP TABLE \(table)")
        case 1 where exists: try session.execute("TRUNCATE \(table)")
        case 2 where exists:
          columnCount += 1
          try session.execute(
            "ALTER TABLE \(table) ADD COLUMN c\(columnCount) INTEGER DEFAULT \(round)")
        case 3 where exists:
          try session.execute("UPDATE \(table) SET v = v + 1 WHERE k % 3 = \(below(3))")
        case 4 where exists: try session.execute("DELETE FROM \(table) WHERE k % 5 = \(below(5))")
        case 5: try session.execute("COMPACT")
        case 6: try session.execute("CHECKPOINT")
        case 7:
          try warehouse.close()
          warehouse = try Warehouse.open(path, options: options)
          session = warehouse.makeSession()
        default:
          if !exists { try session.execute("CREATE TABLE \(table) (k INTEGER, v INTEGER)") }
          let count = below(4) == 0 ? 3000 : 1 + below(20)
          try session.execute(
            "INSERT INTO \(table) (k, v) SELECT \(round * 10_000) + i, i FROM range(\(count)) r(i)")
        }
      } catch {
        Issue.record("seed \(seed), round \(round): \(error)")
      }
      var now: [String: [[Value]]] = [:]
      for name in try session.tables() {
        now[name] = try rows(session, "SELECT * FROM \(name) ORDER BY k")
      }
      past[warehouse.commit] = now
      let versions = past.keys.sorted()
      let chosen = versions[below(versions.count)]
      for (place, session) in [("writer", session), ("reader", reader)] {
        for name in ["a", "b"] {
          let found = try? rows(
            session, "SELECT * FROM \(name) AT (VERSION => \(chosen)) ORDER BY k")
          #expect(
            found == past[chosen]?[name],
            "seed \(seed), round \(round), \(place), \(name) at \(chosen)")
        }
      }
    }
    // Counts of SHOW VERSIONS add up to the rows there are.
    let listed = try rows(
      session, "SELECT sum(rows_inserted) - sum(rows_deleted) FROM stoa_versions()")
    var total = 0
    for name in try session.tables() {
      total += try number(session, "SELECT count(*) FROM \(name)")
    }
    #expect(listed == [[.integer(Int128(total))]], "seed \(seed)")
    #expect(try rows(session, "VERIFY DEEP").allSatisfy { $0[0] == .string("ok") })
    try other.close()
    try warehouse.close()
  }

  @Test("Space returns after DELETE with COMPACT, TRUNCATE and DROP; with retention after its time")
  func space() throws {
    var options = WarehouseOptions()
    options.hasBackgroundUpkeep = false
    let warehouse = try Warehouse.open(path, options: options)
    let session = warehouse.makeSession()
    func fill(_ name: String) throws {
      try session.execute("CREATE TABLE \(name) (k INTEGER, h VARCHAR) ORDER BY (k)")
      try session.execute(
        "INSERT INTO \(name) SELECT i, hash(i) || ' ' || hash(i + 7) FROM range(150000) r(i)")
    }
    try fill("d")
    let one = byteCount()
    #expect(one > 1_500_000)
    try session.execute("DELETE FROM d WHERE k >= 1000")
    let dead = try rows(session, "SELECT reason FROM stoa_space() WHERE part = 'segments'")
    #expect("\(dead)".contains("150000 rows, 149000 of them deleted (about "))
    try session.execute("COMPACT")
    #expect(byteCount() < one / 8)
    try fill("t")
    try session.execute("TRUNCATE t")
    #expect(byteCount() < one / 8)
    try fill("u")
    try session.execute("DROP TABLE u")
    #expect(byteCount() < one / 8)
    // A day is longer than this test; a moment is not.
    try session.execute("SET retention = '1 day'")
    try fill("v")
    try session.execute("DROP TABLE v")
    #expect(byteCount() > one * 9 / 10)
    let kept = try rows(
      session, "SELECT part, table_name, files, reason FROM stoa_space() WHERE bytes > 1000000")
    #expect(kept.count == 1 && "\(kept)".contains("kept by SET retention for versions before "))
    let total = try number(session, "SELECT sum(bytes) FROM stoa_space()")
    #expect(abs(total - byteCount()) < 1000)
    try session.execute("SET retention = '1 millisecond'")
    try session.execute("COMPACT")
    #expect(byteCount() < one / 8)
    try warehouse.close()
  }

  @Test("The thread for upkeep lets versions go when their time is over")
  func thread() throws {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute("SET retention = '400 milliseconds'")
    try session.execute("CREATE TABLE t (k INTEGER)")
    try session.execute("INSERT INTO t SELECT i FROM range(100000) r(i)")
    let loaded = warehouse.commit
    try session.execute("DROP TABLE t")
    var rounds = 0
    while (try? rows(session, "SELECT count(*) FROM t AT (VERSION => \(loaded))")) != nil {
      rounds += 1
      guard rounds < 2000 else { break }
      usleep(10_000)
    }
    #expect(rounds > 0 && rounds < 2000)
    #expect(TemporaryDirectory.files(below: path + "/segments").isEmpty)
    try warehouse.close()
  }

  @Test("skip_damaged reads around damage in earlier versions, too")
  func damaged() throws {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute("SET retention = '1 day'")
    try session.execute("CREATE TABLE t (k INTEGER, s VARCHAR) ORDER BY (k)")
    try session.execute("INSERT INTO t SELECT i, 'x' || hash(i) FROM range(200000) r(i)")
    let loaded = warehouse.commit
    let segment = try #require(try warehouse.store.snapshot().segments(of: 1).first)
    let offset = try segment.reader().footer.columns[1].chunks[1].block.offset
    try session.execute("TRUNCATE t")
    try warehouse.close()
    var bytes = try TemporaryDirectory.bytes(segment.path)
    bytes[Int(offset)] ^= 8
    try directory.write(String(segment.path.dropFirst(directory.path.count + 1)), bytes)
    let again = try Warehouse.open(path)
    let reading = again.makeSession()
    let sql = "SELECT count(*) FROM t AT (VERSION => \(loaded)) WHERE s LIKE 'x%9%' OR s LIKE 'x%'"
    #expect(throws: StoaError.self) { try rows(reading, sql) }
    try reading.execute("SET skip_damaged = on")
    let result = try reading.execute(sql)
    let left = try #require(try result.nextRow())
    #expect(left[0] == .integer(134_464))
    #expect(result.notices.count == 1 && result.notices[0].contains("as of version \(loaded)"))
    #expect(try number(reading, "SELECT count(*) FROM t") == 0)
    try again.close()
  }

  @Test("A result that is being read keeps the files of its version")
  func openResult() throws {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute("SET retention = '1 day'")
    try session.execute("CREATE TABLE t (k INTEGER)")
    try session.execute("INSERT INTO t SELECT i FROM range(300000) r(i)")
    let loaded = warehouse.commit
    try session.execute("DROP TABLE t")
    let second = warehouse.makeSession()
    let result = try second.execute("SELECT k FROM t AT (VERSION => \(loaded))")
    _ = try result.next()
    try session.execute("SET retention = 0")
    try session.execute("CREATE TABLE u (k INTEGER)")
    #expect(!TemporaryDirectory.files(below: path + "/segments").isEmpty)
    var count = 0
    while let batch = try result.next() { count += batch.rowCount }
    #expect(count > 200_000)
    #expect(throws: StoaError.self) {
      try second.execute("SELECT k FROM t AT (VERSION => \(loaded))")
    }
    try warehouse.close()
  }

  @Test("Lengths of time are read as they are written")
  func durations() {
    let texts = [
      "0", "1 day", "2 days 3 hours", "1 minute 30 seconds", "250 milliseconds", "1 microsecond",
      "36500 days",
    ]
    for text in texts { #expect(DurationText.text(DurationText.parse(text) ?? -1) == text) }
    let hours: Int64 = 7 * 24 + 2
    #expect(DurationText.parse("1w2h") == hours * 3_600_000_000)
    #expect(DurationText.parse("OFF") == 0)
    for text in ["", " ", "5", "day", "-1 day", "1.5 days", "1 fortnight", "99999999999999 days"] {
      #expect(DurationText.parse(text) == nil, "\(text)")
    }
  }

  @Test("AT takes parameters and whatever has one value in the statement")
  func expressions() throws {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute("SET retention = '1 day'")
    try session.execute("CREATE TABLE t (a INTEGER)")
    for number in 0..<3 { try session.execute("INSERT INTO t VALUES (\(number))") }
    let newest = Int128(warehouse.commit)
    let query = "SELECT count(*) FROM t AT (VERSION => $1)"
    #expect(
      try session.execute(query, parameters: [.integer(newest - 1)]).nextRow()?[0] == .integer(2))
    let prepared = try session.prepare(
      "SELECT count(*), $2::VARCHAR FROM t AT (VERSION => $1 - $3)")
    for back in 0..<3 as Range<Int128> {
      let row = try prepared.execute([.integer(newest), .string("x"), .integer(back)]).nextRow()
      #expect(row?.values == [.integer(3 - back), .string("x")])
    }
    let times = try rows(
      session, "SELECT committed::VARCHAR FROM stoa_versions() ORDER BY version DESC LIMIT 2")
    #expect(
      try session.execute("SELECT count(*) FROM t AT (TIMESTAMP => $1)", parameters: times[1])
        .nextRow()?[0] == .integer(2))
    #expect(
      try number(session, "SELECT count(*) FROM t AT (TIMESTAMP => now() - INTERVAL '0 seconds')")
        == 3)
    #expect(
      try session.execute(
        "INSERT INTO t SELECT a + 10 FROM t AT (VERSION => :v)",
        parameters: ["v": .integer(newest - 2)]
      ).rowsChanged == 1)
    for (value, word) in [(Value.null, "NULL"), (.string("x"), "x"), (.integer(-1), "negative")] {
      let error = #expect(throws: StoaError.self) {
        try session.execute(query, parameters: [value])
      }
      #expect(error?.description.contains(word) == true && error?.position != nil)
    }
    try warehouse.close()
  }
}
