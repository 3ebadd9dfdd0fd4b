import Catalog
import Vectors

// How transactions and upkeep keep out of each other's way: holds keep rows at their places, debt makes commits work.
extension TableStore {
  // MARK: Holds

  /// Counts a transaction that names rows of the table by their place.
  /// - Throws: `.busy` when rows of `state` have moved already.
  func takeHold(_ table: TableID, _ state: StoreState) throws(StoaError) {
    try commits.withLock { () throws(StoaError) in
      while inner.withLock({ $0.relocating.contains(table) }) { commits.wait(milliseconds: 10) }
      try inner.withLock { inner throws(StoaError) in
        let old = (state.segments[table] ?? []).map(\.id) + (state.memtables[table] ?? []).map(\.id)
        guard old.allSatisfy({ inner.tail.rowCount(of: $0, in: table) != nil }) else {
          let name = state.catalog.table(table)?.name ?? "\(table)"
          throw StoaError(
            .busy, "the place of rows of \"\(name)\" changed since the transaction began",
            hint: "Nothing of this transaction was committed; run it again", table: name)
        }
        inner.holds[table, default: 0] += 1
      }
    }
  }

  func releaseHolds(_ tables: Set<TableID>) {
    commits.withLock {
      inner.withLock { inner in
        for table in tables {
          let count = (inner.holds[table] ?? 1) - 1
          inner.holds[table] = count > 0 ? count : nil
        }
      }
      commits.signalAll()
    }
  }

  /// Keeps new holds waiting for the commit to come, and waits for those there are; false when they last longer.
  func beginRelocation(of table: TableID, _ waitMilliseconds: Int) -> Bool {
    let deadline = monotonicMilliseconds() &+ Int64(waitMilliseconds)
    return commits.withLock {
      _ = inner.withLock { $0.relocating.insert(table) }
      while inner.withLock({ $0.holds[table] != nil }) {
        guard monotonicMilliseconds() < deadline else {
          _ = inner.withLock { $0.relocating.remove(table) }
          commits.signalAll()
          return false
        }
        commits.wait(milliseconds: 5)
      }
      return true
    }
  }

  func endRelocation(of table: TableID) {
    commits.withLock {
      _ = inner.withLock { $0.relocating.remove(table) }
      commits.signalAll()
    }
  }

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
    return inner.withLock { inner in
      if inner.tailEnd > options.logByteLimit { return true }
      return tables.contains { table in
        (inner.tail.memtables[table] ?? []).reduce(0) { $0 + $1.byteCount }
          >= options.memtableByteLimit
      }
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
      let inMemory = (inner.tail.memtables[table] ?? []).reduce(0) { $0 + $1.byteCount }
      let limit = options.memtableByteLimit
      if inMemory > limit * 2 { return inMemory > limit * 4 ? .urgent : .high }
      return (inner.overlaps[table] ?? 0) > options.upkeep.overlapLimit ? .overlap : .none
    }
  }
}
