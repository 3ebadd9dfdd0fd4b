import Catalog
import Vectors

// Who drives upkeep: a thread that is told of debt, and commits that meet too much of it.
extension TableStore {
  // MARK: Whoever drives the steps

  /// Calls `observer` after each commit that leaves something to do; from any thread, which it must not keep.
  public func observeDebt(_ observer: (@Sendable () -> Void)?) {
    upkeep.observer.withLock { $0 = observer }
  }

  /// Adds a failure of upkeep to the warnings.
  public func noteUpkeepFailure(_ error: StoaError) {
    inner.withLock { warn("upkeep: \(error)", &$0) }
  }

  /// Whether the tables' memtables or the log have grown long, or segments or deletes may have changed.
  private func hasDebt(_ tables: Set<TableID>, _ changesSegments: Bool) -> Bool {
    if changesSegments { return true }
    if hasUnsyncedCommits, upkeep.noteUnsynced() { return true }
    return inner.withLock { inner in
      if inner.tailEnd > options.logByteLimit || inner.nextExpiry != nil
        || inner.memtables.byteCount > totalMemtableByteLimit
      {
        return true
      }
      return tables.contains { inner.tail.memtableByteCount(of: $0) >= memtableByteLimit }
    }
  }

  // MARK: Debt

  /// Called by a commit that changed `tables`: with too many rows in memory or too many overlapping runs, it works
  /// before it returns, so that debt cannot grow for ever. Failures are left to the next who tries.
  func payDebt(of tables: Set<TableID>, changesSegments: Bool) {
    if let observer = upkeep.observer.withLock({ $0 }), hasDebt(tables, changesSegments) {
      observer()
    }
    guard let worst = tables.map({ debt(of: $0) }).max(), worst != .none, !upkeep.isPausing()
    else { return }
    var stepCount = 0
    while stepCount < 2 || (stepCount < 4096 && tables.contains { debt(of: $0) == .urgent }) {
      stepCount += 1
      // Rows in memory get out of it by flushes, not by merges.
      let result = worst == .overlap ? try? step() : try? stepOfFlush()
      guard result == .worked else { return }
    }
  }

  private enum Debt: Comparable { case none, overlap, high, urgent }

  private func debt(of table: TableID) -> Debt {
    inner.withLock { inner in
      let inMemory = inner.tail.memtableByteCount(of: table)
      let limit = memtableByteLimit
      if inMemory > limit * 2 { return inMemory > limit * 4 ? .urgent : .high }
      // Many tables with a little each.
      let total = inner.memtables.byteCount
      if total > totalMemtableByteLimit * 2 {
        return total > totalMemtableByteLimit * 4 ? .urgent : .high
      }
      // Transactions that are open can keep the last writer from ending the log.
      if inner.tailEnd > options.longestLogByteCount { return .high }
      return (inner.overlaps[table] ?? 0) > options.upkeep.overlapLimit ? .overlap : .none
    }
  }
}
