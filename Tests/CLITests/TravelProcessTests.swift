import Stoa
import Synchronization
import TestSupport
import Testing

@Suite("Earlier versions beside another process")
struct TravelProcessTests {
  @Test("A reader travels while another process writes, compacts and checkpoints")
  func beside() throws {
    let shell = try Shell()
    var script = "SET retention = '1 hour';\nCREATE TABLE t (k INTEGER, v VARCHAR) ORDER BY (k);\n"
    for round in 0..<60 {
      script += "INSERT INTO t SELECT \(round) * 1000 + i, 'v' || i FROM range(200) r(i);\n"
      script += "DELETE FROM t WHERE k % 7 = \(round % 7);\n"
      if round % 5 == 4 { script += "COMPACT;\n" }
      if round % 7 == 3 { script += "CHECKPOINT;\n" }
    }
    try shell.directory.write("w.sql", script)
    #expect(try shell.run("-c", "CREATE TABLE first (x INTEGER)").exitCode == 0)
    let isOver = Mutex(false)
    let checks = Mutex(0)
    let (program, directory) = (shell.warehouse, shell.directory.path)
    try concurrently(2) { thread in
      if thread == 0 {
        defer { isOver.withLock { $0 = true } }
        let result = try Program.run([Program.stoa, program, "-f", directory + "/w.sql"])
        #expect(result.exitCode == 0, "\(result.errorOutput)")
        return
      }
      var options = WarehouseOptions()
      options.isReadOnly = true
      let warehouse = try Warehouse.open(program, options: options)
      let session = warehouse.makeSession()
      var random = SeededGenerator(seed: 7)
      var isLast = false
      while !isLast {
        isLast = isOver.withLock { $0 }
        // What SHOW VERSIONS counts is what each version holds.
        var expected = 0
        var known: [(version: Int, count: Int)] = []
        let list = try session.execute("SELECT * FROM stoa_versions() ORDER BY version")
        while let row = try list.nextRow() {
          guard let version = row[0].integer, let inserted = row[4].integer,
            let deleted = row[5].integer
          else { continue }
          expected += Int(inserted) - Int(deleted)
          // The versions before have no table t yet.
          if row[2] == .string("insert") || row[2] == .string("delete") {
            known.append((Int(version), expected))
          }
        }
        guard !known.isEmpty else { continue }
        for _ in 0..<8 {
          let chosen = known[Int(random.next() % UInt64(known.count))]
          let result = try session.execute(
            "SELECT count(*), count(DISTINCT k) FROM t AT (VERSION => \(chosen.version))")
          let row = try #require(try result.nextRow())
          #expect(row[0].integer == Int128(chosen.count), "version \(chosen.version)")
          #expect(row[1].integer == Int128(chosen.count), "version \(chosen.version)")
          checks.withLock { $0 += 1 }
        }
      }
      try warehouse.close()
    }
    #expect(checks.withLock { $0 } >= 8)
  }

  @Test(".space lists every byte, why it is there, and who reads what")
  func space() throws {
    let shell = try Shell()
    let result = try shell.run(
      "--csv", "-c",
      """
      SET retention = '2 hours';
      CREATE TABLE t (k INTEGER);
      INSERT INTO t SELECT i FROM range(100000) r(i);
      DROP TABLE t;
      """, "-c", ".space")
    #expect(result.exitCode == 0, "\(result.errorOutput)")
    #expect(result.output.hasPrefix("part,table_name,files,bytes,reason\n"), "\(result.output)")
    #expect(result.output.contains("earlier versions,dropped table 1,"), "\(result.output)")
    #expect(result.output.contains("kept by SET retention for versions before 4, until 2"))
    #expect(result.output.contains("\ntotal,,"))
    #expect(result.errorOutput.contains(" reads version 4, the newest"), "\(result.errorOutput)")
  }
}
