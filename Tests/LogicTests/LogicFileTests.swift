import Stoa
import Storage
import TestSupport
import Testing
import Vectors

/// One way of running every file: each must give the same answers.
struct LogicConfiguration: Sendable, CustomTestStringConvertible {
  /// Where rows are when the next statement looks at them.
  enum Rows: Sendable {
    /// Wherever the warehouse puts them: few of them in memtables.
    case anywhere
    /// Segments of few rows: those of each load.
    case loaded
    /// Segments of few rows: after each statement memtables are flushed, and merged when there are many.
    case flushed
    /// One run per table, without deleted rows.
    case compacted
  }

  var testDescription: String
  var settings: [String]
  var rows = Rows.anywhere

  static let all = [
    LogicConfiguration(testDescription: "default", settings: []),
    LogicConfiguration(testDescription: "one worker", settings: ["SET threads = 1"]),
    LogicConfiguration(testDescription: "batches of 3 rows", settings: ["SET batch_size = 3"]),
    LogicConfiguration(testDescription: "optimizer off", settings: ["SET optimizer = false"]),
    LogicConfiguration(
      testDescription: "everything spilled",
      settings: ["SET spill_always = true", "SET batch_size = 7"]),
    LogicConfiguration(testDescription: "rows in segments", settings: [], rows: .loaded),
    LogicConfiguration(testDescription: "rows flushed", settings: [], rows: .flushed),
    LogicConfiguration(testDescription: "rows compacted", settings: [], rows: .compacted),
  ]

  /// Whether rows are moved between statements, by commits of their own; `moving` in files.
  var makesCommits: Bool { rows != .anywhere }

  /// Opens a warehouse in which rows are where this configuration wants them.
  func open(_ path: String) throws -> Warehouse {
    guard rows != .anywhere else { return try Warehouse.open(path) }
    var options = StoreOptions()
    options.upkeep.segments.rowGroupCapacity = 1024
    options.upkeep.smallestRunByteCount = 4096
    options.upkeep.smallestRowCount = 16
    options.upkeep.fanIn = 3
    if rows == .loaded { options.inlineRowLimit = 0 }
    if rows == .flushed { options.memtableByteLimit = 1 }
    let budget = MemoryBudget(limit: 1 << 30)
    let store = try TableStore.open(
      path: path, mode: .readWrite, budget: budget, options: options)
    var choices = WarehouseOptions()
    choices.hasBackgroundUpkeep = false
    return Warehouse(store: store, budget: budget, options: choices)
  }

  /// Moves rows between two statements.
  func move(_ session: Session) throws {
    guard !session.isInTransaction else { return }
    switch rows {
    case .anywhere: break
    case .loaded, .flushed: while try session.warehouse.store.step() == .worked {}
    case .compacted: try session.warehouse.store.compact()
    }
  }
}

/// A session of a warehouse of its own.
private struct StoaConnection: LogicTestConnection {
  let session: Session
  let configuration: LogicConfiguration

  func execute(_ sql: String) throws -> LogicTestResult {
    let result = try session.execute(sql)
    var rows: [[String?]] = []
    while let row = try result.nextRow() {
      rows.append(result.columns.indices.map { row.text($0) })
    }
    try configuration.move(session)
    return LogicTestResult(types: result.columns.map(\.type), rows: rows)
  }
}

@Suite("Logic tests")
struct LogicFileTests {
  static let folder = Program.repositoryRoot + "/Tests/LogicTests/cases"
  static let files = TemporaryDirectory.names(folder).filter { $0.hasSuffix(".slt") && canRun($0) }

  /// Builds without PCRE2 leave out what needs it.
  private static func canRun(_ name: String) -> Bool {
    #if RegularExpressions
      true
    #else
      name != "regular_expressions.slt"
    #endif
  }

  @Test("every answer is the expected one", arguments: files, LogicConfiguration.all)
  func file(name: String, configuration: LogicConfiguration) throws {
    let directory = try TemporaryDirectory()
    let warehouse = try configuration.open(directory.path + "/w")
    let session = warehouse.makeSession()
    for setting in configuration.settings { try session.execute(setting) }
    let text = String(
      decoding: try TemporaryDirectory.bytes(Self.folder + "/" + name), as: UTF8.self)
    var parser = LogicTestParser(text)
    var runner = LogicTestRunner(
      StoaConnection(session: session, configuration: configuration),
      names: configuration.makesCommits ? ["stoa", "moving"] : ["stoa"])
    runner.run(try parser.parse(), variables: ["dir": directory.path])
    for failure in runner.failures { Issue.record("\(name) \(failure)") }
    #expect(runner.recordCount > 0)
    try warehouse.close()
  }
}
