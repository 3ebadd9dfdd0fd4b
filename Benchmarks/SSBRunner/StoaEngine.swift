import SSBGenerator
import Stoa

/// Stoa through its front door: SQL in, rows out.
struct StoaEngine: ServedEngine {
  private let path: String
  private let warehouse: Warehouse
  private let session: Session

  init(path: String) throws {
    self.path = path
    warehouse = try Warehouse.open(path)
    session = warehouse.makeSession()
  }

  func close() throws {
    session.close()
    try warehouse.close()
  }

  func version() -> String { Warehouse.version }
  func setThreads(_ count: String) throws { try session.set("threads", to: count) }

  /// Creates and fills the five tables.
  func load(_ directory: String) throws -> (rows: Int, byteCount: Int) {
    for statement in SSBSchema.createStatements { try session.execute(statement).drain() }
    for table in SSBTable.allCases {
      try session.execute(SSBSchema.copyStatement(table, directory: directory)).drain()
    }
    let rows = try rows(of: "SELECT count(*) FROM lineorder")
    return (rows.first?.first.flatMap(Int.init) ?? 0, Benchmark.byteCount(of: path))
  }

  func rows(of sql: String) throws -> [[String]] {
    try session.execute(sql).allRows().map { row in
      row.columns.indices.map { row.text($0) ?? "NULL" }
    }
  }
}
