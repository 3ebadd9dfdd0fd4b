/// One step of a logic test, in the sqllogictest dialect of SQLite with DuckDB's tab-separated rows.
///
///     statement ok                       the SQL below must succeed
///     statement error TEXT               … must fail with a message that contains TEXT (any, when absent)
///     query TYPES [SORT] [LABEL]         … must give the rows after `----`
///     halt                               stop reading the file
///     hash-threshold N                   more than N values are written as `N values hashing to MD5`
///     skipif NAME / onlyif NAME          the next step is for all but / only NAME: an engine (`stoa`) or
///                                        a configuration (`optimizer_off`, `tiny_batches`, …)
///     loop VAR FROM TO … endloop         ${VAR} counts from FROM up to, not including, TO
///     foreach VAR a b c … endloop        ${VAR} takes each word
///
/// TYPES has one letter per column: I whole numbers, R other numbers, T text, B truth values, D dates and
/// times. SORT is `nosort` (default), `rowsort` or `valuesort`. NULL is written `NULL`, an empty string
/// `(empty)`. Rows are one per line, columns apart by tabs. Queries with one LABEL must give equal rows.
public enum LogicTestStep: Sendable {
  case statement(sql: String, expectedError: String?, line: Int)
  case query(LogicTestQuery)
  case hashThreshold(Int)
  case halt
  indirect case conditional(names: [String], isOnly: Bool, LogicTestStep)
  case loop(variable: String, values: [String], body: [LogicTestStep])
}

/// A query and the rows it must give.
public struct LogicTestQuery: Sendable {
  public enum Sort: String, Sendable { case nosort, rowsort, valuesort }
  public var sql: String
  public var types: String
  public var sort: Sort
  public var label: String?
  /// Rows as written, or a single `N values hashing to …` line.
  public var expected: [String]
  /// One-based line of the `query` word.
  public var line: Int
}

/// What is wrong with the test file itself.
public struct LogicTestSyntaxError: Error, CustomStringConvertible {
  public var description: String
}

/// Reads the steps of a logic test file.
public struct LogicTestParser {
  private let lines: [String]
  private var next = 0

  public init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.last == "\r" ? String(line.dropLast()) : String(line)
    }
  }

  public mutating func parse() throws -> [LogicTestStep] {
    let steps = try parseSteps()
    guard next >= lines.count else { throw error("`endloop` without a loop") }
    return steps
  }

  /// Steps up to the end of the file or an `endloop`, which is left to the caller.
  private mutating func parseSteps() throws -> [LogicTestStep] {
    var steps: [LogicTestStep] = []
    while next < lines.count {
      let line = lines[next]
      if line.isEmpty || line.hasPrefix("#") {
        next += 1
      } else if line == "endloop" {
        return steps
      } else {
        steps.append(try parseStep())
      }
    }
    return steps
  }

  private mutating func parseStep() throws -> LogicTestStep {
    let words = lines[next].split(separator: " ").map(String.init)
    switch words[0] {
    case "statement": return try parseStatement(words)
    case "query": return try parseQuery(words)
    case "halt":
      next += 1
      return .halt
    case "hash-threshold":
      guard words.count == 2, let count = Int(words[1]) else { throw error("a number is needed") }
      next += 1
      return .hashThreshold(count)
    case "skipif", "onlyif":
      guard words.count >= 2 else { throw error("a name is needed") }
      next += 1
      return .conditional(names: Array(words[1...]), isOnly: words[0] == "onlyif", try parseStep())
    case "loop", "foreach": return try parseLoop(words)
    default: throw error("unknown step `\(words[0])`")
    }
  }

  private mutating func parseStatement(_ words: [String]) throws -> LogicTestStep {
    let line = next + 1
    guard words.count >= 2, words[1] == "ok" || words[1] == "error" else {
      throw error("`statement ok` or `statement error`")
    }
    let message = words.count > 2 ? words[2...].joined(separator: " ") : ""
    next += 1
    return .statement(
      sql: parseSQL(), expectedError: words[1] == "error" ? message : nil, line: line)
  }

  private mutating func parseQuery(_ words: [String]) throws -> LogicTestStep {
    let line = next + 1
    guard words.count >= 2, words[1].allSatisfy({ "IRTBD".contains($0) }) else {
      throw error("a query needs a type letter (I, R, T, B, D) per column")
    }
    var rest = words.dropFirst(2)
    var sort = LogicTestQuery.Sort.nosort
    if let word = rest.first, let known = LogicTestQuery.Sort(rawValue: word) {
      sort = known
      rest = rest.dropFirst()
    }
    next += 1
    let sql = parseSQL()
    var expected: [String] = []
    if next < lines.count, lines[next] == "----" {
      next += 1
      while next < lines.count, !lines[next].isEmpty {
        expected.append(lines[next])
        next += 1
      }
    } else if rest.isEmpty {
      throw error("a query without a label needs `----` and rows")
    }
    return .query(
      LogicTestQuery(
        sql: sql, types: words[1], sort: sort, label: rest.first, expected: expected, line: line))
  }

  /// SQL up to an empty line or `----`.
  private mutating func parseSQL() -> String {
    var sql: [String] = []
    while next < lines.count, !lines[next].isEmpty, lines[next] != "----" {
      sql.append(lines[next])
      next += 1
    }
    return sql.joined(separator: "\n")
  }

  private mutating func parseLoop(_ words: [String]) throws -> LogicTestStep {
    guard words.count >= 3 else { throw error("a loop needs a variable and values") }
    var values = Array(words[2...])
    if words[0] == "loop" {
      guard values.count == 2, let from = Int(values[0]), let to = Int(values[1]), from <= to else {
        throw error("`loop VAR FROM TO`")
      }
      values = (from..<to).map(String.init)
    }
    next += 1
    let body = try parseSteps()
    guard next < lines.count else { throw error("`endloop` is missing") }
    next += 1
    return .loop(variable: words[1], values: values, body: body)
  }

  private func error(_ message: String) -> LogicTestSyntaxError {
    LogicTestSyntaxError(description: "line \(next + 1): \(message)")
  }
}
