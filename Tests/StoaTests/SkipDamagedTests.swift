import Storage
import TestSupport
import Testing
import Vectors

@testable import Stoa

@Suite("SET skip_damaged")
struct SkipDamagedTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.path + "/w" }

  /// Two tables of 200,000 rows in four row groups; `k` of `u` has a bitmap index.
  init() throws {
    directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    try session.execute("CREATE TABLE t (id INTEGER, k INTEGER, s VARCHAR) ORDER BY (id)")
    try session.execute(
      "INSERT INTO t SELECT i, i * 7919 % 13, 'name ' || i FROM range(200000) r(i)")
    try session.execute("CREATE TABLE u (id INTEGER, k INTEGER, s VARCHAR) ORDER BY (id)")
    try session.execute(
      "INSERT INTO u SELECT i, CASE WHEN i * 7919 % 500 = 0 THEN 1 ELSE 0 END,"
        + " 'name ' || hash(i) || hash(i + 1) FROM range(200000) r(i)")
    try warehouse.close()
  }

  /// Flips a byte where `place` says, or one of the footer when it says nothing.
  private func damage(table: UInt32 = 1, _ place: (SegmentFooter) -> UInt64?) throws {
    let warehouse = try Warehouse.open(path)
    let segment = try #require(try warehouse.store.snapshot().segments(of: table).first)
    let offset = place(try segment.reader().footer)
    try warehouse.close()
    var bytes = try TemporaryDirectory.bytes(segment.path)
    bytes[offset.map { Int($0) } ?? bytes.count - 40] ^= 8
    try directory.write(String(segment.path.dropFirst(directory.path.count + 1)), bytes)
  }

  private func ask(_ sql: String, skipping: Bool = true) throws -> (rows: [[Value]], [String]) {
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    if skipping { try session.execute("SET skip_damaged = on") }
    let result = try session.execute(sql)
    let rows = try result.allRows().map { row in row.columns.indices.map { row[$0] } }
    try warehouse.close()
    return (rows, result.notices)
  }

  @Test("A damaged row group is an error, or left out by every query alike and counted")
  func rowGroup() throws {
    try damage { $0.columns[2].chunks[1].block.offset }
    #expect(throws: StoaError.self) {
      try ask("SELECT count(*) FROM t WHERE s LIKE '%9'", skipping: false)
    }
    for sql in [
      "SELECT count(*) FROM t", "SELECT count(id) FROM t", "SELECT count(*) FROM t WHERE id >= 0",
      "SELECT count(s) FROM t WHERE s LIKE 'name%'", "SELECT count(*) FROM t WHERE k < 13",
    ] {
      let (rows, notices) = try ask(sql)
      #expect(rows == [[.integer(134_464)]], "\(sql)")
      #expect(notices.count == 1, "\(sql)")
      #expect(
        notices.first?.hasPrefix("Warning: 65536 of 200000 rows of table t are damaged") == true,
        "\(notices)")
    }
    let (bounds, _) = try ask("SELECT min(id), max(id), count(*) FROM t WHERE id < 131072")
    #expect(bounds == [[.integer(0), .integer(65_535), .integer(65_536)]])
    let (other, silent) = try ask("SELECT 1")
    #expect(other == [[.integer(1)]] && silent.isEmpty)
  }

  @Test("Changes never go around damaged rows, and say so; those that need none of them work")
  func changes() throws {
    try damage { $0.columns[1].chunks[1].block.offset }
    for sql in [
      "UPDATE t SET k = k + 1", "DELETE FROM t WHERE k = 3", "INSERT INTO u SELECT * FROM t",
      "CREATE TABLE v AS SELECT sum(k) AS k FROM t",
      "MERGE INTO t USING u ON t.id = u.id AND t.k = 3 WHEN MATCHED THEN DELETE",
    ] {
      var failure: StoaError?
      do { _ = try ask(sql) } catch { failure = error as? StoaError }
      #expect(failure?.kind == .corruption, "\(sql)")
      #expect(failure?.hint?.contains("skip_damaged does not apply") == true, "\(sql)")
    }
    _ = try ask("DELETE FROM t WHERE id < 10")
    _ = try ask("INSERT INTO t VALUES (-1, -1, 'new')")
    let file = directory.path + "/saved.csv"
    let (_, notices) = try ask("COPY (SELECT * FROM t) TO '\(file)'")
    #expect(notices.first?.hasPrefix("Warning: 65536 of") == true)
    _ = try ask("CREATE TABLE v (id INTEGER, k INTEGER, s VARCHAR)")
    _ = try ask("COPY v FROM '\(file)'")
    let (count, _) = try ask("SELECT count(*) FROM v")
    #expect(count == [[.integer(200_000 - 65_536 - 10 + 1)]])
  }

  @Test("A damaged bitmap index costs no rows, a damaged footer those of its segment")
  func indexAndFooter() throws {
    try damage(table: 2) { $0.columns[1].bitmapBlocks.first?.offset }
    let sql = "SELECT count(*) FROM u WHERE k = 1"
    #expect(throws: StoaError.self) { try ask(sql, skipping: false) }
    let (rows, notices) = try ask(sql)
    #expect(rows == [[.integer(400)]] && notices.isEmpty, "\(rows) \(notices)")
    try damage(table: 2) { _ in nil }
    #expect(throws: StoaError.self) { try ask(sql, skipping: false) }
    let (none, all) = try ask("SELECT count(*) FROM u")
    #expect(none == [[.integer(0)]])
    #expect(all.first?.hasPrefix("Warning: 200000 of 200000 rows") == true, "\(all)")
  }
}
