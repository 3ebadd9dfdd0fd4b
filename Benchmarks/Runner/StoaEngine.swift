import BenchmarkSupport
import Stoa

/// Stoa through its front door: SQL in, rows out.
public struct StoaEngine: ServedEngine {
  private let suite: Suite
  private let path: String
  private let warehouse: Warehouse
  private let session: Session

  /// - Parameter memoryLimit: such as 100MB; by default the warehouse's own.
  public init(_ suite: Suite, path: String, memoryLimit: String? = nil) throws {
    self.suite = suite
    self.path = path
    warehouse = try Warehouse.open(path)
    session = warehouse.makeSession()
    if let memoryLimit { try session.set("memory_limit", to: memoryLimit) }
  }

  public func close() throws {
    session.close()
    try warehouse.close()
  }

  public func version() -> String { Warehouse.version }
  public func setThreads(_ count: String) throws { try session.set("threads", to: count) }

  /// Creates and fills the tables.
  public func load(_ directory: String) throws -> (rows: Int, byteCount: Int) {
    for statement in suite.createStatements { try session.execute(statement).drain() }
    for statement in suite.copyStatements(directory) { try session.execute(statement).drain() }
    let rows = try rows(of: "SELECT count(*) FROM \(suite.factTable)")
    return (rows.first?.first.flatMap(Int.init) ?? 0, Benchmark.byteCount(of: path))
  }

  public func rows(of sql: String) throws -> [[String]] {
    try session.execute(sql).allRows().map { row in
      row.columns.indices.map { row.text($0) ?? "NULL" }
    }
  }
}
