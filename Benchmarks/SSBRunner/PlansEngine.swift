import BenchmarkRunner
import BenchmarkSupport
import GatePlans
import Stoa

/// The executor alone, on the warehouse that `StoaEngine` has loaded: queries are looked up among the plans built
/// by hand, their text is not parsed.
struct PlansEngine: ServedEngine {
  private let runner: PlanRunner

  init(path: String) throws { runner = try PlanRunner(path: path) }

  func close() throws { try runner.close() }
  func version() -> String { Warehouse.version }
  func setThreads(_ count: String) throws { runner.threads = Int(count) ?? 1 }
  func rows(of sql: String) throws -> [[String]] { try runner.rows(of: sql) }

  func load(_ directory: String) throws -> (rows: Int, byteCount: Int) {
    throw BenchmarkError("the engine plans reads what the engine stoa has loaded")
  }
}
