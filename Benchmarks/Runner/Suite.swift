import BenchmarkSupport

/// What one benchmark compares: its data, its queries, and the engines it knows.
public struct Suite: Sendable {
  /// Name of the program and of its files.
  public var name: String
  public var title: String
  /// What rows of the largest table are called in messages.
  public var rowName: String
  public var queries: [(name: String, sql: String)]
  /// CREATE TABLE statements, referenced tables first.
  public var createStatements: [String]
  /// COPY statements for the files of a directory, in an order that keys allow.
  public var copyStatements: @Sendable (_ directory: String) -> [String]
  /// The largest table.
  public var factTable: String
  /// Writes the files of all tables with some threads, the largest table last.
  public var generate:
    @Sendable (_ directory: String, _ threadCount: Int) throws(BenchmarkError)
      -> [WrittenFile]
  /// Engines that run unless others are asked for, the one compared with the others first.
  public var engines: [String]

  public init(
    name: String, title: String, rowName: String, queries: [(name: String, sql: String)],
    createStatements: [String], copyStatements: @escaping @Sendable (String) -> [String],
    factTable: String,
    generate: @escaping @Sendable (String, Int) throws(BenchmarkError) -> [WrittenFile],
    engines: [String]
  ) {
    self.name = name
    self.title = title
    self.rowName = rowName
    self.queries = queries
    self.createStatements = createStatements
    self.copyStatements = copyStatements
    self.factTable = factTable
    self.generate = generate
    self.engines = engines
  }
}
