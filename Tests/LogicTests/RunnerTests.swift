import TestSupport
import Testing
import Vectors

/// Answers every statement with its own words, so that the runner itself can be tested.
private struct Echo: LogicTestConnection {
  struct Refusal: Error, CustomStringConvertible { var description: String }

  func execute(_ sql: String) throws -> LogicTestResult {
    if sql.hasPrefix("fail") { throw Refusal(description: "Refused: \(sql.dropFirst(5))") }
    let rows = sql.split(separator: "\n").map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map { word -> String? in
        word == "-" ? nil : String(word)
      }
    }
    return LogicTestResult(types: rows.first?.map { _ in .integer } ?? [], rows: rows)
  }
}

@Suite struct RunnerTests {
  private func failures(_ text: String, names: Set<String> = ["stoa"]) throws -> [String] {
    var parser = LogicTestParser(text)
    var runner = LogicTestRunner(Echo(), names: names)
    runner.run(try parser.parse())
    return runner.failures
  }

  @Test("Right expectations pass: errors, NULL, empty, sorts, loops, labels, hashes, conditions")
  func passing() throws {
    let text = """
      # a comment
      statement ok
      anything

      statement error refused: this
      fail this

      query II
      2,-
      1,
      ----
      2\tNULL
      1\t(empty)

      query I rowsort x
      3
      2
      ----
      2
      3

      query I rowsort x
      2
      3

      loop i 0 2
      query I
      ${i}
      ----
      ${i}

      endloop

      skipif stoa
      query I
      1
      ----
      2

      onlyif other
      statement ok
      fail

      hash-threshold 2

      query I
      a
      b
      c
      ----
      3 values hashing to 40c53c58fdafacc83cfff6ee3d2f6d69

      halt

      statement ok
      fail
      """
    #expect(try failures(text) == [])
  }

  @Test(
    "Wrong expectations are reported",
    arguments: [
      "statement ok\nfail", "statement error\nfine", "statement error other\nfail x",
      "query I\n1\n----\n2", "query T\n1\n----\n1", "query II\n1\n----\n1",
      "query I nosort x\n1\n\nquery I nosort x\n2", "query I\n1\n2\n----\n1",
    ])
  func failing(text: String) throws {
    #expect(try failures(text).count == 1)
  }

  @Test(
    "A malformed test file is refused",
    arguments: [
      "nonsense", "statement maybe\nx", "query I\n1", "loop i 0 3\n", "endloop", "query X\n1",
    ])
  func malformed(text: String) {
    #expect(throws: LogicTestSyntaxError.self) { _ = try failures(text) }
  }
}
