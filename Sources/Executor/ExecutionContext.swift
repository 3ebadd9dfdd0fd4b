import Catalog
import Kernels
import SQL
import Vectors

/// What a session decides about how its queries run.
public struct ExecutionSettings: Hashable, Sendable {
  /// Workers, the consumer's thread included; limited by the pool.
  public var threads: Int
  /// Rows per batch, 1…65,536.
  public var batchCapacity: Int
  /// Where operators put what does not fit into memory.
  public var temporaryDirectory: String
  /// Pretend that memory is full as soon as an operator that can spill holds anything; for tests.
  public var spillsAlways: Bool
  /// Where timestamps with time zone are read and shown.
  public var timeZone: TimeZone

  /// Settings of one query; the defaults are those of a session.
  public init(
    threads: Int = WorkerPool.processorCount, batchCapacity: Int = Batch.defaultCapacity,
    temporaryDirectory: String = "/tmp", spillsAlways: Bool = false,
    timeZone: TimeZone = .current
  ) {
    self.threads = max(1, threads)
    self.batchCapacity = max(1, min(batchCapacity, Batch.maximalCapacity))
    self.temporaryDirectory = temporaryDirectory
    self.spillsAlways = spillsAlways
    self.timeZone = timeZone
  }
}

/// What a scan is asked for: the node of the plan and the filters that joins will publish for it.
public struct ScanRequest: Sendable {
  public var node: ScanNode
  /// By the order of `node.runtimeFilters`.
  public var runtimeFilters: [RuntimeFilter]
  /// Where the scan counts row groups and bytes; `nil` when nobody asks.
  public var profile: OperatorProfile?
  /// Columns given out that one join alone looks at, and perhaps need not, by position.
  var joinKeys: [(position: Int, join: HashJoin)] = []
}

/// Opens the table of a scan.
public typealias ScanFactory =
  @Sendable (ScanRequest, ExecutionContext) throws(StoaError) -> any TableSource

/// Makes the rows of a table function.
public typealias TableFunctionFactory =
  @Sendable (TableFunctionNode, ExecutionContext) throws(StoaError) -> any TableSource

/// Everything a query needs from outside: tables, threads, memory, limits.
public final class ExecutionContext: Sendable {
  public let settings: ExecutionSettings
  public let pool: WorkerPool
  public let budget: MemoryBudget
  public let cancellation: CancellationFlag
  /// Filled while the query runs; `nil` saves the clock reads.
  public let profile: QueryProfile?
  let scanFactory: ScanFactory
  let tableFunctions: [String: TableFunctionFactory]

  /// - Parameters:
  ///   - tableFunctions: by lower-case name; `range` and `generate_series` are always there.
  ///   - scanFactory: how tables are opened.
  public init(
    settings: ExecutionSettings = ExecutionSettings(), pool: WorkerPool,
    budget: MemoryBudget = MemoryBudget(limit: .max),
    cancellation: CancellationFlag = CancellationFlag(), profile: QueryProfile? = nil,
    tableFunctions: [String: TableFunctionFactory] = [:], scanFactory: @escaping ScanFactory
  ) {
    self.settings = settings
    self.pool = pool
    self.budget = budget
    self.cancellation = cancellation
    self.profile = profile
    self.tableFunctions = tableFunctions
    self.scanFactory = scanFactory
  }

  /// Workers a query of this context can have.
  public var workerCount: Int { min(settings.threads, pool.workerCount) }
}
