import Glibc
import TestSupport
import Testing

/// `kill -9` at random moments of an import. STOA_SOAK=1 makes it 200 moments instead of a few.
@Suite struct KillTests {
  @Test("A killed import leaves the old or the new state, and the load can be repeated")
  func killedImports() throws {
    let rounds = getenv("STOA_SOAK") == nil ? 8 : 200
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    let scratch = try TemporaryDirectory()
    let warehouse = scratch.path + "/w.stoa"
    let rowCount = 60_000
    var text = "id,day,amount,name\n"
    for row in 0..<rowCount {
      text +=
        "\(row),2024-0\(row % 9 + 1)-1\(row % 9),\(row % 977).\(row % 90 + 10),name \(row % 501)\n"
    }
    try scratch.write("rows.csv", text)
    let create =
      "CREATE TABLE t (id INTEGER, day DATE, amount DECIMAL(9,2), name VARCHAR) ORDER BY (day)"
    #expect(try Program.run([Program.stoa, warehouse, "-c", create]).exitCode == 0)
    let load = [Program.stoa, "import", warehouse, scratch.path + "/rows.csv", "t"]

    let clock = ContinuousClock()
    let start = clock.now
    #expect(try Program.run(load).exitCode == 0)
    let whole = Int((clock.now - start) / .microseconds(1))
    var committed = rowCount
    var killed = 0
    for round in 0..<rounds {
      let moment = Int(generator.next() % UInt64(whole + whole / 4))
      let run = try Program.run(load, killAfterMicroseconds: moment)
      #expect(run.exitCode == 0 || run.exitCode == 128 + SIGKILL, "\(run.errorOutput)")
      if run.exitCode != 0 { killed += 1 }
      let count = try Program.run(
        [
          Program.stoa, warehouse, "--mode", "csv", "-c",
          "SELECT count(*), count(DISTINCT id) FROM t",
        ])
      #expect(count.exitCode == 0, "seed \(seed), round \(round): \(count.errorOutput)")
      let row = AnswerTable(csv: count.output).rows.first ?? []
      let now = row.first.flatMap { Int($0) } ?? -1
      let expected = run.exitCode == 0 ? [committed + rowCount] : [committed, committed + rowCount]
      #expect(expected.contains(now), "seed \(seed), round \(round), killed after \(moment) µs")
      #expect(row.last == "\(rowCount)")
      committed = max(now, 0)
      if committed > 12 * rowCount {
        let again = "DROP TABLE t; \(create)"
        #expect(try Program.run([Program.stoa, warehouse, "-c", again]).exitCode == 0)
        #expect(try Program.run(load).exitCode == 0)
        committed = rowCount
      }
    }
    #expect(killed > 0 || rounds < 5)
    print("kill -9: \(rounds) imports, \(killed) killed, seed \(seed)")
  }
}
