import TestSupport
import Testing

@Suite("stoa verify, backup and restore")
struct VerifyCommandTests {
  private static let script = """
    CREATE TABLE p (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL);
    CREATE TABLE "f x" (a INTEGER, b INTEGER, FOREIGN KEY (b) REFERENCES p (id), CHECK (a >= 0));
    INSERT INTO p SELECT i, 'name ' || i FROM range(20000) r(i);
    INSERT INTO "f x" SELECT i, i % 20000 FROM range(40000) r(i);
    INSERT INTO "f x" VALUES (NULL, NULL);
    CHECKPOINT;
    """

  @Test("A good warehouse passes, also DEEP and by table, on the command line and in SQL")
  func good() throws {
    let shell = try Shell()
    #expect(try shell.run("-c", VerifyCommandTests.script).exitCode == 0)
    for options in [[], ["--deep"], ["f x"], ["--deep", "p"]] {
      let result = try Program.run([Program.stoa, "verify", shell.warehouse] + options)
      #expect(result.exitCode == 0, "\(result.output) \(result.errorOutput)")
      #expect(result.output.contains("rows checked: nothing wrong"), "\(result.output)")
    }
    let rows = try shell.run("--csv", "-c", "VERIFY TABLE \"f x\" DEEP")
    #expect(rows.output.hasPrefix("severity,object,table,row_group,column,message\nok,summary,"))
    #expect(try Program.run([Program.stoa, "verify"]).exitCode == 2)
    #expect(try Program.run([Program.stoa, "verify", shell.warehouse, "none"]).exitCode == 2)
    #expect(try Program.run([Program.stoa, "verify", shell.warehouse, "--dep"]).exitCode == 2)
  }

  @Test("A file that is not there is wrong use: exit code 2, and nothing is made")
  func missing() throws {
    let shell = try Shell()
    let place = shell.directory.path
    for words in [
      ["backup", place + "/none", place + "/b"], ["restore", place + "/none", place + "/r"],
      ["inspect", place + "/none"], ["import", shell.warehouse, place + "/none.csv", "t"],
      ["import", shell.warehouse, place + "/none*.csv", "t"], ["verify", place + "/none"],
    ] {
      let result = try Program.run([Program.stoa] + words)
      #expect(result.exitCode == 2, "\(words): \(result.exitCode) \(result.errorOutput)")
      #expect(result.errorOutput.hasPrefix("Error: "), "\(result.errorOutput)")
    }
    #expect(TemporaryDirectory.files(below: place).isEmpty)
    #expect(
      try shell.run("-c", "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)").exitCode == 0)
    let summed = try Program.run([Program.stoa, "verify", shell.warehouse])
    #expect(summed.output.contains(": 1 table, "), "\(summed.output)")
    #expect(summed.output.contains(", 1 row checked: nothing wrong"), "\(summed.output)")
  }

  @Test("Damage is named and gives exit code 1")
  func damaged() throws {
    let shell = try Shell()
    #expect(try shell.run("-c", VerifyCommandTests.script).exitCode == 0)
    let below = shell.warehouse + "/segments"
    let path = try #require(TemporaryDirectory.files(below: below).sorted().first)
    let file = path.hasPrefix("/") ? path : below + "/" + path
    var bytes = try TemporaryDirectory.bytes(file)
    bytes[100] ^= 4
    try shell.directory.write(String(file.dropFirst(shell.directory.path.count + 1)), bytes)
    for options in [[], ["--deep"]] {
      let result = try Program.run([Program.stoa, "verify", shell.warehouse] + options)
      #expect(result.exitCode == 1, "\(result.output) \(result.errorOutput)")
      #expect(result.output.hasPrefix("error: segments/"), "\(result.output)")
      #expect(result.output.contains("row group 0, column "), "\(result.output)")
      #expect(result.output.contains("\nerror: summary: "), "\(result.output)")
    }
    let refused = try Program.run(
      [Program.stoa, "backup", shell.warehouse, shell.directory.path + "/b"])
    #expect(refused.exitCode == 1)
    let restored = try Program.run(
      [Program.stoa, "restore", shell.directory.path + "/b", shell.directory.path + "/r"])
    #expect(restored.exitCode == 1)
    #expect(restored.errorOutput.contains("no complete backup"), "\(restored.errorOutput)")
  }

  @Test("Backup, change, incremental backup, restore of both")
  func backups() throws {
    let shell = try Shell()
    let place = shell.directory.path
    #expect(try shell.run("-c", VerifyCommandTests.script).exitCode == 0)
    func stoa(_ words: String...) throws -> ProgramResult {
      let result = try Program.run([Program.stoa] + words)
      #expect(result.exitCode == 0, "\(words): \(result.errorOutput)")
      return result
    }
    let first = try stoa("backup", shell.warehouse, place + "/a")
    #expect(first.output.contains("verified; segments: "), "\(first.output)")
    let changes = "INSERT INTO p VALUES (-1, 'x'); DELETE FROM \"f x\" WHERE a < 100"
    #expect(try shell.run("-c", changes).exitCode == 0)
    let second = try stoa(
      "backup", shell.warehouse, place + "/b", "--incremental-to", place + "/a")
    #expect(!second.output.contains(" 0 of the earlier"), "\(second.output)")
    _ = try stoa("verify", place + "/b")
    _ = try stoa("restore", place + "/a", place + "/ra")
    _ = try stoa("restore", place + "/b", place + "/rb")
    _ = try stoa("verify", place + "/rb", "--deep")
    for (name, count) in [("/ra", "20000,40001"), ("/rb", "20001,39901")] {
      let counts = try stoa(
        place + name, "--csv", "--no-header", "-c",
        "SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM \"f x\")")
      #expect(counts.output == count + "\n")
    }
    let again = try Program.run([Program.stoa, "backup", shell.warehouse, place + "/a"])
    #expect(again.exitCode == 2)
    #expect(try Program.run([Program.stoa, "backup", shell.warehouse]).exitCode == 2)
  }
}
