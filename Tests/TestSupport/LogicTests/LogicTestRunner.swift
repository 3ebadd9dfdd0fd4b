import Vectors

/// What a statement gave, as a logic test sees it.
public struct LogicTestResult: Sendable {
  public var types: [LogicalType]
  /// One text per cell as the csv mode prints it; `nil` is NULL.
  public var rows: [[String?]]

  public init(types: [LogicalType], rows: [[String?]]) {
    self.types = types
    self.rows = rows
  }
}

/// Something that runs SQL statements one after the other.
public protocol LogicTestConnection {
  mutating func execute(_ sql: String) throws -> LogicTestResult
}

/// Runs the steps of a logic test and collects what differs, with line numbers.
public struct LogicTestRunner<Connection: LogicTestConnection> {
  private var connection: Connection
  /// Names that `skipif` and `onlyif` know as true.
  private let names: Set<String>
  private var threshold = Int.max
  private var labels: [String: [String]] = [:]
  private var halted = false
  public private(set) var failures: [String] = []
  /// Statements and queries run.
  public private(set) var recordCount = 0

  public init(_ connection: Connection, names: Set<String>) {
    self.connection = connection
    self.names = names
  }

  public mutating func run(_ steps: [LogicTestStep], variables: [String: String] = [:]) {
    for step in steps where !halted { run(step, variables) }
  }

  private mutating func run(_ step: LogicTestStep, _ variables: [String: String]) {
    switch step {
    case .statement(let sql, let expectedError, let line):
      runStatement(
        substitute(sql, variables), expectedError.map { substitute($0, variables) }, line)
    case .query(var query):
      query.sql = substitute(query.sql, variables)
      query.expected = query.expected.map { substitute($0, variables) }
      query.label = query.label.map { substitute($0, variables) }
      runQuery(query)
    case .hashThreshold(let count): threshold = count == 0 ? .max : count
    case .halt: halted = true
    case .conditional(let wanted, let isOnly, let inner):
      if wanted.contains(where: names.contains) == isOnly { run(inner, variables) }
    case .loop(let variable, let values, let body):
      for value in values {
        run(body, variables: variables.merging([variable: value]) { $1 })
      }
    }
  }

  private func substitute(_ text: String, _ variables: [String: String]) -> String {
    variables.reduce(text) { text, variable in
      text.split(separator: "${\(variable.key)}", omittingEmptySubsequences: false)
        .joined(separator: variable.value)
    }
  }

  private mutating func runStatement(_ sql: String, _ expectedError: String?, _ line: Int) {
    recordCount += 1
    do {
      _ = try connection.execute(sql)
      if let expectedError {
        failures.append("line \(line): no error, expected one with `\(expectedError)`: \(sql)")
      }
    } catch {
      guard let expectedError else {
        failures.append("line \(line): \(error): \(sql)")
        return
      }
      if !"\(error)".lowercased().contains(expectedError.lowercased()) {
        failures.append("line \(line): wrong error `\(error)`, expected `\(expectedError)`: \(sql)")
      }
    }
  }

  private mutating func runQuery(_ query: LogicTestQuery) {
    recordCount += 1
    do {
      let result = try connection.execute(query.sql)
      check(result, query)
    } catch {
      failures.append("line \(query.line): \(error): \(query.sql)")
    }
  }

  private mutating func check(_ result: LogicTestResult, _ query: LogicTestQuery) {
    let place = "line \(query.line)"
    let letters = String(result.types.map { Self.letter($0) })
    guard letters == query.types else {
      failures.append("\(place): column types \(letters), expected \(query.types): \(query.sql)")
      return
    }
    var actual = Self.lines(result, sort: query.sort)
    if actual.count * max(1, result.types.count) > threshold || Self.isHash(query.expected) {
      actual = [Self.hashed(actual, columns: result.types.count)]
    }
    if let label = query.label {
      if let earlier = labels[label], earlier != actual {
        failures.append("\(place): differs from the earlier query with label \(label)")
      }
      labels[label] = actual
      if query.expected.isEmpty { return }
    }
    let expected =
      query.sort == .rowsort && !Self.isHash(query.expected)
      ? query.expected.sorted() : query.expected
    if actual != expected {
      failures.append(
        """
        \(place): \(query.sql)
          expected: \(expected.joined(separator: "\n            "))
          got:      \(actual.joined(separator: "\n            "))
        """)
    }
  }

  private static func letter(_ type: LogicalType) -> Character {
    switch type {
    case .boolean: "B"
    case .tinyint, .smallint, .integer, .bigint, .hugeint, .utinyint, .usmallint, .uinteger,
      .ubigint:
      "I"
    case .real, .double, .decimal: "R"
    case .varchar, .null, .interval, .time, .uuid, .blob, .enumeration: "T"
    case .date, .timestamp, .timestampTZ: "D"
    }
  }

  /// Rows as lines in the order asked for; under `valuesort` every value is its own line.
  private static func lines(_ result: LogicTestResult, sort: LogicTestQuery.Sort) -> [String] {
    func text(_ value: String?) -> String {
      guard let value else { return "NULL" }
      return value.isEmpty ? "(empty)" : value
    }
    let rows = result.rows.map { $0.map(text).joined(separator: "\t") }
    switch sort {
    case .nosort: return rows
    case .rowsort: return rows.sorted()
    case .valuesort: return result.rows.flatMap { $0.map(text) }.sorted()
    }
  }

  private static func isHash(_ expected: [String]) -> Bool {
    expected.count == 1 && expected[0].contains(" values hashing to ")
  }

  /// `N values hashing to MD5`, each value followed by a line feed, as SQLite's runner has it.
  private static func hashed(_ lines: [String], columns: Int) -> String {
    let values = lines.flatMap { $0.split(separator: "\t", omittingEmptySubsequences: false) }
    let digest = MD5.hexDigest(Array(values.map { $0 + "\n" }.joined().utf8))
    return "\(values.count) values hashing to \(digest)"
  }
}
