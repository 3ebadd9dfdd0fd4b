import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Runs the shell on a warehouse of its own.
struct Shell {
  let directory: TemporaryDirectory
  var warehouse: String { directory.path + "/w" }

  init() throws { directory = try TemporaryDirectory() }

  func run(_ arguments: String..., input: String = "") throws -> ProgramResult {
    try Program.run([Program.stoa, warehouse] + arguments, input: input)
  }
}

@Suite("The shell")
struct ShellTests {
  @Test("-c and -f run in order; machine modes print rows alone")
  func scripts() throws {
    let shell = try Shell()
    try shell.directory.write(
      "a.sql", "INSERT INTO t VALUES (1, 'x'), (2, NULL);\nINSERT INTO t VALUES (3, '')\n")
    let result = try shell.run(
      "--mode", "csv", "-c", "CREATE TABLE t (a INTEGER, b VARCHAR)", "-f",
      shell.directory.path + "/a.sql", "-c",
      "SELECT * FROM t ORDER BY a; .print done", "--timer-unknown")
    #expect(result.exitCode == 2)
    let good = try shell.run(
      "--mode", "csv", "-c", "CREATE TABLE t (a INTEGER, b VARCHAR)", "-f",
      shell.directory.path + "/a.sql", "-c",
      "SELECT * FROM t ORDER BY a")
    #expect(good.exitCode == 0, "\(good.errorOutput)")
    #expect(good.output == "a,b\n1,x\n2,\n3,\"\"\n")
    #expect(good.errorOutput == "")
    let token = try shell.run(
      "--csv", "--null-value", "NULL", "--no-header", "-c", "SELECT * FROM t ORDER BY a")
    #expect(token.output == "1,x\n2,NULL\n3,\n")
    let json = try shell.run("--mode=jsonlines", "-c", "SELECT * FROM t WHERE a > 1 ORDER BY a")
    #expect(json.output == "{\"a\":2,\"b\":null}\n{\"a\":3,\"b\":\"\"}\n")
  }

  @Test("standard input is a script; the box shows types and a footer")
  func standardInput() throws {
    let result = try Shell().run(input: "SELECT 1 AS n, 'a;b' AS t\n;\n-- end\nSELECT 2 AS m")
    #expect(result.exitCode == 0)
    #expect(result.output.contains("│    n    │    t    │\n│ integer │ varchar │"))
    #expect(result.output.contains("1 row ("))
    #expect(result.output.contains("│       2 │"))
  }

  @Test("errors go to standard error with a caret; scripts stop unless told otherwise")
  func errors() throws {
    let shell = try Shell()
    let script = "SELECT 1 AS a;\nSELECT\n  nme FROM (SELECT 1 AS name);\nSELECT 3 AS c;\n"
    let stopped = try shell.run("--csv", input: script)
    #expect(stopped.exitCode == 1)
    #expect(stopped.output == "a\n1\n")
    #expect(stopped.errorOutput.hasPrefix("Error: "))
    #expect(stopped.errorOutput.contains("Did you mean"))
    #expect(
      stopped.errorOutput.contains(
        "line 3, column 3:\n    nme FROM (SELECT 1 AS name);\n    ^^^\n"), "\(stopped.errorOutput)")
    let went = try shell.run("--csv", "--no-bail", input: script)
    #expect(went.exitCode == 1)
    #expect(went.output == "a\n1\nc\n3\n")
  }

  @Test("errors while a query runs show the place, and print nothing before the first rows")
  func runtimeErrors() throws {
    let shell = try Shell()
    let divided = try shell.run("--csv", "-c", "SELECT 1,\n  10 / (n - 2) FROM range(3) t(n)")
    #expect(divided.exitCode == 1)
    #expect(divided.output == "")
    #expect(
      divided.errorOutput == """
        Error: division by zero
        line 2, column 3:
            10 / (n - 2) FROM range(3) t(n)
            ^^^^^^^^^^^^

        """, "\(divided.errorOutput)")
    let cast = try shell.run(
      "--mode", "json", "-c", "SELECT CAST(s AS INTEGER) FROM (VALUES ('1'), ('x')) t(s)")
    #expect(cast.output == "")
    #expect(cast.errorOutput.contains("line 1, column 8:"), "\(cast.errorOutput)")
    try shell.directory.write("late.sql", "SELECT 1;\n\nSELECT nme;\n")
    let file = try shell.run("--csv", "-f", shell.directory.path + "/late.sql")
    #expect(
      file.errorOutput.contains("\(shell.directory.path)/late.sql, line 3, column 8:\n"),
      "\(file.errorOutput)")
  }

  @Test("options and modes that are nearly right are suggested")
  func suggestions() throws {
    let shell = try Shell()
    #expect(try shell.run("--redonly").errorOutput.contains("Did you mean --readonly?"))
    #expect(try shell.run("--mode", "jsonline").errorOutput.contains("Did you mean jsonlines?"))
    #expect(try shell.run("--threads", "0").errorOutput.contains("whole number from 1"))
    let threads = try shell.run("-c", "SET threads = 0")
    #expect(threads.errorOutput.contains("1 to 1024"), "\(threads.errorOutput)")
  }

  @Test("csv out and in again is the same rows, whatever the texts")
  func roundTrip() throws {
    let shell = try Shell()
    let columns = """
      (i INTEGER, s VARCHAR, d DECIMAL(38,10), f DOUBLE, r REAL, b BOOLEAN, day DATE,
       moment TIMESTAMP, h HUGEINT)
      """
    let made = try shell.run(
      input: """
        CREATE TABLE t \(columns);
        CREATE TABLE back \(columns);
        INSERT INTO t VALUES
          (1, 'NULL', 1.5, 0.1, 0.1, TRUE, '0001-01-01', '1969-12-31 23:59:59.5', 0),
          (2, '', -1234567890123456789012345678.0123456789, 5e-324, 3.4e38, FALSE, '9999-12-31',
            '9999-12-31 23:59:59.999999', -170141183460469231731687303715884105728),
          (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          (4, 'a"b,c;d|e' || chr(9) || 'f' || chr(10) || 'g' || chr(13) || chr(10), 0,
            1.7976931348623157e308, 1e-45, TRUE, '2024-02-29', '2024-02-29 00:00:00.000001', 1),
          (5, '日本 🎉 e' || chr(769), 0.0000000001, 'nan', '-inf', TRUE, '1970-01-01',
            '1970-01-01 00:00:00', 2),
          (6, '\\N', 1, 'inf', 1, TRUE, '1970-01-01', '1970-01-01 00:00:00', 3),
          (7, ' lead and trail ', 1, -123456789.12345679, 16777216, TRUE, '1970-01-01', NULL, 4),
          (8, '''quoted''', 1, 1e22, 1, TRUE, '1970-01-01', '1970-01-01 00:00:00', 5);
        """)
    #expect(made.exitCode == 0, "\(made.errorOutput)")
    let path = shell.directory.path + "/t.csv"
    for token in [[], ["--null-value", "\\N"], ["--null-value", "NULL"]] {
      let written = try Program.run(
        [Program.stoa, shell.warehouse, "--csv", "-c", "SELECT * FROM t"] + token)
      try shell.directory.write("t.csv", written.output)
      let null = token.isEmpty ? "" : ", NULL '\(token[1])'"
      let read = try shell.run(
        "--csv", "--no-header", "-c", "COPY back FROM '\(path)' (HEADER true\(null))", "-c",
        """
        SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM back) a;
        SELECT count(*) FROM (SELECT * FROM back EXCEPT SELECT * FROM t) a;
        SELECT count(*) FROM back;
        """, "-c", "DROP TABLE back", "-c", "CREATE TABLE back \(columns)")
      #expect(read.output == "0\n0\n8\n", "\(token) \(read.errorOutput) \(written.output)")
    }
  }

  @Test("exit code 2 for wrong usage and what cannot be opened")
  func usage() throws {
    let shell = try Shell()
    #expect(try Program.run([Program.stoa]).exitCode == 2)
    #expect(try shell.run("more", "words").exitCode == 2)
    #expect(try shell.run("--mode", "fancy").exitCode == 2)
    #expect(try shell.run("--threads", "none").exitCode == 2)
    #expect(try shell.run("-c").exitCode == 2)
    #expect(try shell.run("-f", "/nowhere.sql").exitCode == 2)
    #expect(TemporaryDirectory.names(shell.directory.path) == [])
    #expect(try shell.run("--readonly", "-c", "SELECT 1").exitCode == 2)
    #expect(try Program.run([Program.stoa, "/dev/null/x", "-c", "SELECT 1"]).exitCode == 2)
    let help = try Program.run([Program.stoa, "--help"])
    #expect(help.exitCode == 0 && help.output.contains("--null-value"))
    #expect(try Program.run([Program.stoa, "--version"]).output.hasPrefix("stoa "))
  }

  @Test("a read-only warehouse answers and refuses to change")
  func readOnly() throws {
    let shell = try Shell()
    #expect(
      try shell.run("-c", "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (7)").exitCode == 0)
    #expect(try shell.run("--readonly", "--csv", "-c", "SELECT a FROM t").output == "a\n7\n")
    let refused = try shell.run("--readonly", "-c", "INSERT INTO t VALUES (8)")
    #expect(refused.exitCode == 1)
    #expect(refused.errorOutput.contains("read-only"))
  }

  @Test("dot commands")
  func dotCommands() throws {
    let shell = try Shell()
    try shell.directory.write("inner.sql", "SELECT 5 AS five;\n.print from inner\n")
    try shell.directory.write("data.csv", "x,y\n1,a\n2,b\n")
    let target = shell.directory.path + "/out.csv"
    let result = try shell.run(
      input: """
        CREATE TABLE "t" (a INTEGER PRIMARY KEY);
        .tables
        .schema t
        .mode csv
        .read '\(shell.directory.path)/inner.sql'
        .output \(target)
        SELECT 1 AS written;
        .output
        .nullvalue NIL
        SELECT NULL AS n;
        .header off
        SELECT 9;
        .import \(shell.directory.path)/data.csv loaded
        SELECT count(*), sum(x) FROM loaded;
        .mode
        .quit
        SELECT 'not reached';
        """)
    #expect(result.exitCode == 0, "\(result.errorOutput)")
    #expect(
      result.output == """
        t
        CREATE TABLE t (
          a INTEGER PRIMARY KEY
        );
        five
        5
        from inner
        n
        NIL
        9
        2,3
        csv

        """)
    #expect(try shell.directory.read("out.csv") == "written\n1\n")
    let wrong = try shell.run("-c", ".tabels")
    #expect(wrong.exitCode == 1)
    #expect(
      wrong.errorOutput == "Error: there is no command .tabels. Did you mean .tables?\n",
      "\(wrong.errorOutput)")
    #expect(try shell.run("-c", ".help").output.contains(".schema"))
  }

  @Test(".help shows a function, a command, what a word is part of, or what was meant")
  func help() throws {
    let shell = try Shell()
    #expect(
      try shell.run("-c", ".help left").output == """
        left(VARCHAR, BIGINT) → VARCHAR
          The first characters; with a negative number all but the last
          as in: left('warehouse', 4) → ware

        """)
    #expect(try shell.run("-c", ".help .tables").output.hasPrefix(".tables "))
    #expect(try shell.run("-c", ".help grapheme").output.contains("length_grapheme("))
    let slip = try shell.run("-c", ".help lenght")
    #expect(slip.exitCode == 1)
    #expect(slip.errorOutput.contains("Did you mean length?"), "\(slip.errorOutput)")
  }

  @Test("import loads files and says what it found")
  func importCommand() throws {
    let shell = try Shell()
    try shell.directory.write("a.csv", "id;name;price\n1;tea;1.50\n2;milk;0.99\n")
    try shell.directory.write("b.csv", "id;name;price\n3;bread;x\n")
    let files = shell.directory.path
    let first = try Program.run([
      Program.stoa, "import", shell.warehouse, files + "/a.csv", "products",
    ])
    #expect(first.exitCode == 0, "\(first.errorOutput)")
    #expect(first.output.contains("2 rows into products"))
    let bad = try Program.run([
      Program.stoa, "import", shell.warehouse, files + "/b.csv", "products",
    ])
    #expect(bad.exitCode == 1)
    #expect(
      bad.errorOutput.contains("b.csv") && bad.errorOutput.contains("line 2"), "\(bad.errorOutput)")
    let rejecting = try Program.run([
      Program.stoa, "import", shell.warehouse, files + "/b.csv", "products", "--max-rejects", "5",
      "--rejects",
      files + "/rejects.csv",
    ])
    #expect(rejecting.exitCode == 0, "\(rejecting.errorOutput)")
    #expect(try shell.directory.read("rejects.csv").contains("bread"))
    #expect(
      try shell.run("--csv", "-c", "SELECT count(*) AS n, sum(price) AS p FROM products").output
        == "n,p\n2,2.49\n")
    let piped = try Program.run(
      [
        Program.stoa, "import", shell.warehouse, "-", "products", "--no-header", "--delimiter", "|",
        "--quiet",
      ],
      input: "4|jam|3\n")
    #expect(piped.exitCode == 0 && piped.output == "", "\(piped.errorOutput)")
    #expect(try Program.run([Program.stoa, "import", shell.warehouse, "x"]).exitCode == 2)
    #expect(
      try Program.run([Program.stoa, "import", shell.warehouse, "/nowhere.csv", "t"]).exitCode == 2)
    #expect(try Program.run([Program.stoa, "import", "--help"]).output.contains("--max-rejects"))
    // Few rows stay in the log; these are enough for a segment.
    _ = try shell.run("-c", "CREATE TABLE many AS SELECT range AS n FROM range(20000)")
    let segment = try #require(
      TemporaryDirectory.files(below: shell.warehouse).first { $0.hasSuffix(".seg") })
    let inspected = try Program.run([Program.stoa, "inspect", segment])
    #expect(inspected.exitCode == 0 && inspected.output.contains("segment"))
    #expect(try Program.run([Program.stoa, "inspect", files + "/a.csv"]).exitCode == 1)
    #expect(try Program.run([Program.stoa, "inspect"]).exitCode == 2)
  }

  @Test("COPY FROM STDIN takes what the shell is given")
  func copyFromStandardInput() throws {
    let shell = try Shell()
    let result = try shell.run(
      "--csv", "-c", "CREATE TABLE t (a INTEGER, b VARCHAR)", "-c",
      "COPY t FROM STDIN (HEADER false)", "-c",
      "SELECT * FROM t ORDER BY a", input: "1,x\n2,\"y,z\"\n")
    #expect(result.exitCode == 0, "\(result.errorOutput)")
    #expect(result.output == "a,b\n1,x\n2,\"y,z\"\n")
    let inScript = try shell.run(
      "--csv",
      input: "COPY t FROM STDIN (HEADER false);\n3,inline\n4,;\n\\.\nSELECT max(a) AS m FROM t;\n")
    #expect(inScript.output == "m\n4\n", "\(inScript.errorOutput)")
    #expect(
      try shell.run(
        "-c", "DROP TABLE t; CREATE TABLE t AS SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y,z'"
      ).exitCode == 0)
    let out = try shell.run("-c", "COPY t TO STDOUT (FORMAT jsonlines)")
    #expect(out.output == "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y,z\"}\n")
  }

  @Test("Ctrl-C ends a script with 130")
  func interrupt() throws {
    let shell = try Shell()
    let start =
      "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1"
    let result = try Program.run(
      [Program.stoa, shell.warehouse, "-c", start], timeoutSeconds: 20,
      signalAfter: (SIGINT, 400_000))
    #expect(result.exitCode == 130)
    #expect(result.errorOutput.contains("cancelled"))
    #expect(!result.timedOut)
  }

  @Test("Ctrl-C ends a load that waits for standard input")
  func interruptedWaiting() throws {
    let shell = try Shell()
    let pipe = shell.directory.path + "/pipe"
    let command =
      "mkfifo '\(pipe)'; exec 3<>'\(pipe)'; exec '\(Program.stoa)' import '\(shell.warehouse)' - t <&3"
    let result = try Program.run(
      ["/bin/sh", "-c", command], timeoutSeconds: 30, signalAfter: (SIGINT, 1_500_000))
    #expect(result.exitCode == 130, "\(result.errorOutput)")
    #expect(!result.timedOut)
  }

  @Test("SQL that is not UTF-8 is refused, not repaired")
  func invalidText() throws {
    let shell = try Shell()
    let path = shell.directory.path + "/latin1.sql"
    let command =
      "printf 'SELECT 1 AS a;\\nSELECT \\047caf\\351\\047;\\nSELECT 2 AS b;\\n' > '\(path)'; exec '\(Program.stoa)' '\(shell.warehouse)' --csv -f '\(path)'"
    let result = try Program.run(["/bin/sh", "-c", command])
    #expect(result.exitCode == 1)
    #expect(result.output == "a\n1\n")
    #expect(result.errorOutput.contains("not UTF-8"), "\(result.errorOutput)")
  }

  @Test("a reader that goes away ends the output quietly")
  func brokenPipe() throws {
    let shell = try Shell()
    let result = try Program.run([
      "/bin/sh", "-c",
      "'\(Program.stoa)' '\(shell.warehouse)' --csv -c 'SELECT * FROM range(3000000)' | head -2",
    ])
    // Without ORDER BY any row may come first.
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 2 && lines.first == "range" && Int(lines.last ?? "") != nil)
    #expect(result.errorOutput == "")
  }
}
