import Executor
import Kernels
import Storage
import Vectors

/// Runs the plans built by hand on a loaded warehouse: storage and executor, without sessions and SQL.
public final class PlanRunner {
  /// Workers of the next runs.
  public var threads = 1
  private let store: TableStore
  private let pool = WorkerPool(workerCount: WorkerPool.processorCount)

  /// Opens a warehouse, beside whoever else has it open.
  public init(path: String) throws(StoaError) {
    store = try TableStore.open(
      path: path, mode: .readOnly, budget: MemoryBudget(limit: 4 << 30))
  }

  /// The answer to a query of the benchmark, by its name or text, as texts.
  public func rows(of query: String) throws(StoaError) -> [[String]] {
    let snapshot = try store.snapshot()
    let context = ExecutionContext(
      snapshot: snapshot, settings: ExecutionSettings(threads: threads), pool: pool)
    let plan = try GatePlans.plan(for: query, snapshot.catalog)
    let stream = try QueryExecution.execute(plan: plan, context: context)
    var rows: [[String]] = []
    while let batch = try stream.next() {
      for row in 0..<batch.rowCount {
        rows.append(batch.columns.map { TextFormatter.string($0.value(at: row), $0.type) })
      }
    }
    return rows
  }

  /// Ends the use of the warehouse.
  public func close() throws(StoaError) { try store.close() }
}
