import Stoa
import TestSupport
import Testing

/// One way of running every file: each must give the same answers.
struct LogicConfiguration: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var settings: [String]

  static let all = [
    LogicConfiguration(testDescription: "default", settings: []),
    LogicConfiguration(testDescription: "one worker", settings: ["SET threads = 1"]),
    LogicConfiguration(testDescription: "batches of 3 rows", settings: ["SET batch_size = 3"]),
    LogicConfiguration(testDescription: "optimizer off", settings: ["SET optimizer = false"]),
    LogicConfiguration(
      testDescription: "everything spilled",
      settings: ["SET spill_always = true", "SET batch_size = 7"]),
  ]
}

/// A session of a warehouse of its own.
private struct StoaConnection: LogicTestConnection {
  let session: Session

  func execute(_ sql: String) throws -> LogicTestResult {
    let result = try session.execute(sql)
    var rows: [[String?]] = []
    while let row = try result.nextRow() {
      rows.append(result.columns.indices.map { row.text($0) })
    }
    return LogicTestResult(types: result.columns.map(\.type), rows: rows)
  }
}

@Suite("Logic tests")
struct LogicFileTests {
  static let folder = Program.repositoryRoot + "/Tests/LogicTests/cases"
  static let files = TemporaryDirectory.names(folder).filter { $0.hasSuffix(".slt") }

  @Test("every answer is the expected one", arguments: files, LogicConfiguration.all)
  func file(name: String, configuration: LogicConfiguration) throws {
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    for setting in configuration.settings { try session.execute(setting) }
    let text = String(
      decoding: try TemporaryDirectory.bytes(Self.folder + "/" + name), as: UTF8.self)
    var parser = LogicTestParser(text)
    var runner = LogicTestRunner(StoaConnection(session: session), names: ["stoa"])
    runner.run(try parser.parse(), variables: ["dir": directory.path])
    for failure in runner.failures { Issue.record("\(name) \(failure)") }
    #expect(runner.recordCount > 0)
    try warehouse.close()
  }
}
