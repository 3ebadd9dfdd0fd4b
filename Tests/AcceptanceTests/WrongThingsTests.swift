import Glibc
import TestSupport
import Testing

/// Wrong things a person does: each must end with a clear message on standard error, the right exit code,
/// no trap, and the warehouse as it was.
@Suite struct WrongThingsTests {
  let scratch: TemporaryDirectory
  let warehouse: String

  init() throws {
    scratch = try TemporaryDirectory()
    warehouse = scratch.path + "/w.stoa"
    let made = try Program.run(
      [
        Program.stoa, warehouse, "-c",
        """
        CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR, amount DECIMAL(8,2));
        INSERT INTO t VALUES (1, 'one', 1.00), (2, 'two', 2.00)
        """,
      ])
    try #require(made.exitCode == 0, "\(made.errorOutput)")
  }

  private func expectUnchanged(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let run = try Program.run(
      [Program.stoa, warehouse, "--mode", "csv", "-c", "SELECT count(*), sum(id) FROM t"])
    #expect(AnswerTable(csv: run.output).rows == [["2", "3"]], sourceLocation: sourceLocation)
  }

  @Test(
    "Wrong SQL is exit code 1 and an error that names the culprit",
    arguments: [
      ("SELECT nme FROM t", "name"), ("SELECT * FROM tt", "t"), ("SELECT 1 / 0", "zero"),
      ("SELECT a.id FROM t a, t b WHERE id = 1", "ambiguous"), ("SELEC 1", "SELEC"),
      ("CREATE TABLE t (x INTEGER)", "exists"), ("SELECT 'abc", "string"),
      ("INSERT INTO t VALUES ('x', 'y', 1)", "x"), ("INSERT INTO t VALUES (1, 'dup', 1)", "1"),
      ("SELECT amount + 'pear' FROM t", "pear"), ("COPY t FROM '/nowhere/at/all.csv'", "/nowhere"),
      ("COPY t FROM '/tmp'", "directory"),
    ])
  func wrongSQL(sql: String, culprit: String) throws {
    let run = try Program.run([Program.stoa, warehouse, "-c", sql])
    #expect(run.exitCode == 1)
    #expect(run.errorOutput.hasPrefix("Error: "), "\(run.errorOutput)")
    #expect(run.errorOutput.contains(culprit), "\(run.errorOutput)")
    #expect(run.output == "")
    try expectUnchanged()
  }

  @Test("A position is shown with a caret under it")
  func caret() throws {
    let run = try Program.run([Program.stoa, warehouse, "-c", "SELECT id,\n  nme FROM t"])
    let lines = run.errorOutput.split(separator: "\n")
    let source = lines.firstIndex { $0.contains("nme FROM t") }
    let index = try #require(source)
    let column = try #require(lines[index].firstRange(of: "nme")).lowerBound
    let distance = lines[index].distance(from: lines[index].startIndex, to: column)
    #expect(lines[index + 1].dropFirst(distance).first == "^", "\(run.errorOutput)")
  }

  @Test("A missing file, a folder and a binary file are refused by import")
  func wrongFiles() throws {
    try scratch.write("binary.csv", (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 37 >> 3) })
    for (name, code) in [("/none.csv", 2), ("", 1), ("/binary.csv", 1)] {
      let file = scratch.path + name
      let run = try Program.run([Program.stoa, "import", warehouse, file, "t"])
      #expect(run.exitCode == code, "\(file): \(run.output) \(run.errorOutput)")
      #expect(run.errorOutput.contains(file), "\(run.errorOutput)")
    }
    try expectUnchanged()
  }

  @Test("A row that does not fit names file, line, column, value; nothing is committed")
  func wrongRow() throws {
    var text = "id,name,amount\n"
    for row in 10..<3000 { text += "\(row),n\(row),\(row == 2500 ? "pear" : "1.25")\n" }
    try scratch.write("rows.csv", text)
    let file = scratch.path + "/rows.csv"
    let run = try Program.run([Program.stoa, "import", warehouse, file, "t"])
    #expect(run.exitCode == 1)
    for fact in [file, "2492", "amount", "pear"] {
      #expect(run.errorOutput.contains(fact), "\(fact) in \(run.errorOutput)")
    }
    try expectUnchanged()

    let rejects = try Program.run(
      [Program.stoa, "import", warehouse, file, "t", "--max-rejects", "5"])
    #expect(rejects.exitCode == 0, "\(rejects.errorOutput)")
    let count = try Program.run(
      [Program.stoa, warehouse, "--mode", "csv", "-c", "SELECT count(*) FROM t"])
    #expect(AnswerTable(csv: count.output).rows == [["2991"]])
  }

  @Test("A line without end is refused instead of filling the memory")
  func endlessLine() throws {
    let chunk = String(repeating: "x", count: 1 << 20)
    try scratch.write("long.csv", "id,name,amount\n3,\"" + String(repeating: chunk, count: 40))
    let run = try Program.run(
      [Program.stoa, "import", warehouse, scratch.path + "/long.csv", "t"])
    #expect(run.exitCode == 1)
    #expect(run.errorOutput.contains("line"), "\(run.errorOutput)")
    try expectUnchanged()
  }

  @Test("A missing warehouse opened read-only, a plain file and bad options are exit code 2")
  func usage() throws {
    try scratch.write("plain", "not a warehouse")
    for arguments in [
      [scratch.path + "/absent.stoa", "--readonly", "-c", "SELECT 1"],
      [scratch.path + "/plain", "-c", "SELECT 1"], [warehouse, "--no-such-option"],
      [warehouse, "--mode", "nonsense", "-c", "SELECT 1"], [warehouse, "-f", "/no/such/file.sql"],
    ] {
      let run = try Program.run([Program.stoa] + arguments)
      #expect(run.exitCode == 2, "\(arguments): \(run.exitCode) \(run.errorOutput)")
      #expect(!run.errorOutput.isEmpty)
    }
    #expect(access(scratch.path + "/absent.stoa", F_OK) != 0)
  }

  @Test("A read-only warehouse answers questions and refuses changes")
  func readOnly() throws {
    let read = try Program.run(
      [Program.stoa, warehouse, "--readonly", "--mode", "csv", "-c", "SELECT count(*) FROM t"])
    #expect(AnswerTable(csv: read.output).rows == [["2"]])
    let write = try Program.run(
      [Program.stoa, warehouse, "--readonly", "-c", "INSERT INTO t VALUES (3, 'three', 3)"])
    #expect(write.exitCode == 1)
    #expect(write.errorOutput.lowercased().contains("read-only"), "\(write.errorOutput)")
    try expectUnchanged()
  }

  @Test("Scripts stop at the first error unless told otherwise")
  func bail() throws {
    let script = "SELECT 1 AS a;\nSELECT nope;\nSELECT 2 AS a;\n"
    let stopped = try Program.run([Program.stoa, warehouse, "--mode", "csv"], input: script)
    #expect(stopped.exitCode == 1)
    #expect(stopped.output == "a\n1\n")
    let went = try Program.run(
      [Program.stoa, warehouse, "--mode", "csv", "--no-bail"], input: script)
    #expect(went.exitCode == 1)
    #expect(went.output == "a\n1\na\n2\n")
  }

  @Test("A full disk fails the load with a message; reading goes on, and writing works again after")
  func fullDisk() throws {
    let mount = scratch.path + "/small"
    mkdir(mount, 0o700)
    guard
      try Program.run(["/bin/mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mount]).exitCode == 0
    else {
      print("full disk: skipped, this user may not mount a tmpfs")
      return
    }
    defer { _ = try? Program.run(["/bin/umount", "-l", mount]) }
    let small = mount + "/w.stoa"
    let create = "CREATE TABLE t (id INTEGER, h DOUBLE); INSERT INTO t VALUES (1, 0.5)"
    #expect(try Program.run([Program.stoa, small, "-c", create]).exitCode == 0)
    let fill = "INSERT INTO t SELECT i, sqrt(i) * pi() FROM range(2000000) r(i)"
    let full = try Program.run([Program.stoa, small, "-c", fill])
    #expect(full.exitCode == 1)
    #expect(full.errorOutput.lowercased().contains("space"), "\(full.errorOutput)")
    let count = [Program.stoa, small, "--mode", "csv", "-c", "SELECT count(*) FROM t"]
    #expect(AnswerTable(csv: try Program.run(count).output).rows == [["1"]])
    let again = try Program.run([Program.stoa, small, "-c", "INSERT INTO t VALUES (2, 1.5)"])
    #expect(again.exitCode == 0, "\(again.errorOutput)")
    #expect(AnswerTable(csv: try Program.run(count).output).rows == [["2"]])
  }

  @Test("Ctrl-C during a load ends it with 130 and leaves the old state")
  func interrupt() throws {
    var text = "id,name,amount\n"
    for row in 10..<400_000 { text += "\(row),name number \(row),1.25\n" }
    try scratch.write("rows.csv", text)
    let run = try Program.run(
      [Program.stoa, "import", warehouse, scratch.path + "/rows.csv", "t"],
      signalAfter: (SIGINT, 60_000))
    #expect(run.exitCode == 130 || run.exitCode == 0, "\(run.exitCode) \(run.errorOutput)")
    if run.exitCode == 130 { try expectUnchanged() }
  }
}
