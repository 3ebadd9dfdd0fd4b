import Stoa
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// The write lock between processes: this one, and shells beside it.
@Suite("Write lock between processes")
struct WriteLockTests {
  private let directory: TemporaryDirectory
  private let warehouse: Warehouse
  private let session: Session
  private var path: String { directory.path + "/w" }

  init() throws {
    directory = try TemporaryDirectory()
    warehouse = try Warehouse.open(directory.path + "/w")
    session = warehouse.makeSession()
    try session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)")
    try session.execute("INSERT INTO t SELECT i, 0 FROM range(1000) r(i)")
  }

  private func shell(_ statements: String...) throws -> ProgramResult {
    try Program.run(
      [Program.stoa, path, "--mode", "csv", "--no-header"] + statements.flatMap { ["-c", $0] })
  }

  private func count(_ condition: String) throws -> String? {
    try session.execute("SELECT count(*) FROM t WHERE \(condition)").nextRow()?.text(0)
  }

  @Test("An open transaction that has written keeps others waiting, by name; an idle one nobody")
  func waiting() throws {
    try session.execute("BEGIN")
    #expect(try count("v = 0") == "1000")
    #expect(try shell("INSERT INTO t VALUES (5000, 0)").exitCode == 0)
    try session.execute("UPDATE t SET v = 1 WHERE id < 10")
    let refused = try shell("SET lock_timeout = 100", "INSERT INTO t VALUES (5001, 0)")
    #expect(refused.exitCode == 1)
    #expect(refused.errorOutput.contains("process id \(getpid())"), "\(refused.errorOutput)")
    #expect(try shell("SELECT count(*) FROM t WHERE v = 0").output == "1001\n")
    try session.execute("COMMIT")
    // The session stays open and idle.
    let after = try shell(
      "SET lock_timeout = 0", "INSERT INTO t VALUES (5001, 0)", "SELECT count(*) FROM t WHERE v = 1"
    )
    #expect(after.exitCode == 0 && after.output == "10\n", "\(after.errorOutput)")
    #expect(try count("id >= 5000") == "2")
  }

  @Test(
    "Rows that another process compacts between BEGIN and the first change are changed all the same"
  )
  func moved() throws {
    try session.execute("DELETE FROM t WHERE id >= 900")
    try warehouse.close()
    let again = try Warehouse.open(path)
    let session = again.makeSession()
    try session.execute("BEGIN")
    #expect(try shell("DELETE FROM t WHERE id = 500", "COMPACT").exitCode == 0)
    try session.execute("UPDATE t SET v = 7 WHERE id BETWEEN 100 AND 109")
    try session.execute("COMMIT")
    #expect(
      try shell("SELECT count(*), sum(v) FROM t").output == "899,70\n")
    try session.execute("BEGIN")
    #expect(try shell("DELETE FROM t WHERE id = 501", "COMPACT").exitCode == 0)
    try session.execute("UPDATE t SET v = 8 WHERE id = 501")
    #expect { try session.execute("COMMIT") } throws: { ($0 as? StoaError)?.kind == .busy }
    try again.close()
  }

  @Test("A killed writer leaves no lock and no half of its transaction")
  func killed() throws {
    let run = try Program.run(
      [
        Program.stoa, path, "-c", "BEGIN", "-c", "DELETE FROM t", "-c",
        "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(1000000) b(i)",
      ], killAfterMicroseconds: 1_500_000)
    #expect(run.exitCode == 128 + SIGKILL, "\(run.errorOutput)")
    let after = try shell("SET lock_timeout = 0", "INSERT INTO t VALUES (5001, 0)")
    #expect(after.exitCode == 0, "\(after.errorOutput)")
    #expect(try count("true") == "1001")
  }
}
