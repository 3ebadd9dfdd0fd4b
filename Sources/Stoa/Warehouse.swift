import Executor
import SQL
import Storage

/// Finds where statements end in text that arrives piece by piece.
public typealias StatementSplitter = SQL.StatementSplitter

/// What can be chosen when a warehouse is opened.
public struct WarehouseOptions: Sendable {
  /// Refuse to write, and do not create the warehouse when it is absent.
  public var isReadOnly = false
  /// Bytes that queries, loads and caches of this process may hold together; `nil` takes 80 % of the memory
  /// that the machine or its control group has.
  public var memoryLimit: Int?
  /// Worker threads a query uses unless its session says otherwise; `nil` takes the processors.
  public var threads: Int?
  /// How long a writing statement waits for another writer.
  public var lockTimeoutMilliseconds = 5000
  /// Flush and merge on a thread of its own. Without it commits do that when there is too much to do, and closing and
  /// COMPACT.
  public var hasBackgroundUpkeep = true

  /// To be read and written, with the defaults of this machine.
  public init() {}
}

/// An open warehouse: a directory of column files, shared by any number of sessions and threads.
///
///     let warehouse = try Warehouse.open("shop.stoa")
///     let session = warehouse.makeSession()
///     try session.execute("CREATE TABLE sales (day DATE, amount DECIMAL(10,2))")
///     let result = try session.execute("SELECT day, sum(amount) FROM sales GROUP BY day")
///     while let row = try result.nextRow() { print(row[0], row[1]) }
///     try warehouse.close()
public final class Warehouse: Sendable {
  /// The version of Stoa.
  public static let version = "0.1.0"

  /// The directory.
  public let path: String
  /// The last step of the path, without an ending such as `.stoa`.
  public var name: String {
    let step = path.split(separator: "/").last.map(String.init) ?? path
    guard let point = step.lastIndex(of: "."), point != step.startIndex else { return step }
    return String(step[..<point])
  }
  /// Counts the memory of everything this process does in the warehouse.
  public let budget: MemoryBudget
  package let store: TableStore
  let pool: WorkerPool
  /// Numbers of sequences that this process has taken and not given out.
  let numbers = SequenceNumbers()
  let defaultThreads: Int
  let lockTimeoutMilliseconds: Int
  private let upkeep: UpkeepThread?

  /// Opens the warehouse in the directory `path`, and makes it when it is absent and may be written.
  /// Damaged files do not prevent opening; see `warnings`.
  /// - Throws: `.io` when there is no warehouse or it cannot be read, `.unsupported` when it is of a newer version.
  public static func open(
    _ path: String, options: WarehouseOptions = WarehouseOptions()
  ) throws(StoaError) -> Warehouse {
    guard !path.isEmpty else { throw StoaError(.usage, "the path of the warehouse is empty") }
    guard path != ":memory:" else {
      throw StoaError(
        .usage, "a warehouse is a directory; there is none in memory only",
        hint: "Name a directory, for example under /dev/shm or /tmp")
    }
    let budget = MemoryBudget(limit: options.memoryLimit ?? SystemMemory.defaultLimit)
    var storeOptions = StoreOptions()
    storeOptions.lockTimeoutMilliseconds = options.lockTimeoutMilliseconds
    let store = try TableStore.open(
      path: path, mode: options.isReadOnly ? .readOnly : .readWrite, budget: budget,
      options: storeOptions)
    return Warehouse(store: store, budget: budget, options: options)
  }

  /// A warehouse over a store that a test opened in its own way.
  package init(
    store: TableStore, budget: MemoryBudget, options: WarehouseOptions = WarehouseOptions()
  ) {
    self.store = store
    self.budget = budget
    path = store.path
    lockTimeoutMilliseconds = options.lockTimeoutMilliseconds
    defaultThreads = max(1, options.threads ?? WorkerPool.processorCount)
    // Threads start when first needed, so a session may ask for more than there are processors.
    pool = WorkerPool(workerCount: max(64, defaultThreads))
    upkeep =
      options.hasBackgroundUpkeep && store.mode == .readWrite ? UpkeepThread(store) : nil
    if let upkeep { store.observeDebt { [weak upkeep] in upkeep?.wake() } }
  }

  /// What was found wrong so far, a sentence each, naming file and offset.
  public var warnings: [String] { store.warnings }

  /// The number of the newest commit.
  public var commit: UInt64 { store.commit }

  /// Catches up with what other processes committed. Statements do that themselves; a program that is idle for long calls it
  /// now and then, as the shell does, so that others can remove the files of versions that nobody reads any more.
  public func catchUp() throws(StoaError) { try store.catchUp() }

  /// A new session with default settings.
  public func makeSession() -> Session { Session(self) }

  /// Flushes and gives everything back. Sessions of a closed warehouse can do nothing.
  public func close() throws(StoaError) {
    endUpkeep()
    numbers.giveBackAll(store)
    try store.close()
  }

  private func endUpkeep() {
    store.observeDebt(nil)
    upkeep?.stop()
  }

  deinit { endUpkeep() }
}
