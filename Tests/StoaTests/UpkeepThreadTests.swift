import Storage
import TestSupport
import Testing
import Vectors

@testable import Stoa

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Upkeep")
struct UpkeepThreadTests {
  private func opened(_ root: String, _ isInBackground: Bool) throws -> Warehouse {
    var storeOptions = StoreOptions()
    storeOptions.memtableByteLimit = 64 << 10
    storeOptions.upkeep.segments.rowGroupCapacity = 1024
    let budget = MemoryBudget(limit: 256 << 20)
    let store = try TableStore.open(
      path: root, mode: .readWrite, budget: budget, options: storeOptions)
    var options = WarehouseOptions()
    options.hasBackgroundUpkeep = isInBackground
    return Warehouse(store: store, budget: budget, options: options)
  }

  private func withDirectory(_ body: (String) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    try withExtendedLifetime(directory) { try body(directory.path) }
  }

  private func fill(_ session: Session) throws {
    try session.execute("CREATE TABLE t (k INTEGER, s VARCHAR) ORDER BY (k)")
    for part in 0..<40 {
      let rows = (0..<100).map { "(\(($0 * 7919 + part * 31) % 100_003), 'text \($0)')" }
      try session.execute("INSERT INTO t VALUES " + rows.joined(separator: ","))
    }
  }

  @Test("Rows get into segments while the warehouse is open, and close ends the thread")
  func background() throws {
    try withDirectory { root in
      let warehouse = try opened("\(root)/w", true)
      let session = warehouse.makeSession()
      try fill(session)
      var segmentCount = 0
      for _ in 0..<2000 where segmentCount == 0 {
        usleep(5000)
        segmentCount = try warehouse.store.snapshot().segments(of: 1).count
      }
      #expect(segmentCount > 0)
      for round in 0..<20 {
        try session.execute("UPDATE t SET s = 'round \(round)' WHERE k % 20 = \(round)")
      }
      let result = try session.execute("SELECT count(*), count(DISTINCT s) FROM t")
      let row = try #require(try result.nextRow())
      #expect("\(row[0])" == "\(Value.integer(4000))" && "\(row[1])" == "\(Value.integer(20))")
      try warehouse.close()
      #expect(warehouse.warnings.isEmpty)
    }
  }

  @Test("COMPACT leaves sorted segments and nothing in memory; it is not for inside a transaction")
  func compact() throws {
    try withDirectory { root in
      let warehouse = try opened("\(root)/w", false)
      let session = warehouse.makeSession()
      try fill(session)
      try session.execute("DELETE FROM t WHERE k < 5000")
      let before = try session.execute("SELECT sum(k), count(*) FROM t").nextRow()
      try session.execute("COMPACT t")
      let snapshot = try warehouse.store.snapshot()
      #expect(snapshot.contents(of: 1).memtables.allSatisfy { $0.rowCount == 0 })
      #expect(snapshot.contents(of: 1).deletes.isEmpty)
      #expect(snapshot.segments(of: 1).count == 1)
      let after = try session.execute("SELECT sum(k), count(*) FROM t").nextRow()
      #expect("\(String(describing: before))" == "\(String(describing: after))")
      try session.execute("BEGIN")
      #expect(throws: StoaError.self) { try session.execute("COMPACT") }
      try session.execute("ROLLBACK")
      try warehouse.close()
    }
  }

  @Test(
    "Commits that do not wait for the disk are durable, and seen by other processes, soon after")
  func unsynced() throws {
    try withDirectory { root in
      let warehouse = try opened("\(root)/w", true)
      let reader = try TableStore.open(
        path: "\(root)/w", mode: .readOnly, budget: MemoryBudget(limit: 64 << 20))
      let session = warehouse.makeSession()
      try session.execute("CREATE TABLE t (k INTEGER)")
      try session.execute("SET synchronous = off")
      for round in 0..<2 {
        try session.execute("INSERT INTO t VALUES (\(round))")
        #expect(warehouse.store.hasUnsyncedCommits)
        for _ in 0..<2000 where warehouse.store.hasUnsyncedCommits { usleep(5000) }
        #expect(!warehouse.store.hasUnsyncedCommits)
        #expect(try reader.snapshot().commit == warehouse.commit)
      }
      try reader.close()
      try warehouse.close()
    }
  }
}
