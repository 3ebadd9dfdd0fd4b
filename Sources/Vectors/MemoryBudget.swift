import Synchronization

/// One number of bytes shared by everything a warehouse does in this process: queries, loads, compaction,
/// chunk cache. Whoever grows past it spills or fails with a clear error; nobody allocates in secret.
public final class MemoryBudget: Sendable {
  private let used = Atomic<Int>(0)
  private let peakUse = Atomic<Int>(0)
  private let limitBytes: Atomic<Int>

  /// At most `limit` bytes at any time.
  public init(limit: Int) { limitBytes = Atomic(limit) }

  public var limit: Int {
    get { limitBytes.load(ordering: .relaxed) }
  }
  public func setLimit(_ bytes: Int) { limitBytes.store(bytes, ordering: .relaxed) }

  /// Bytes reserved now, and the most at any moment.
  public var usedBytes: Int { used.load(ordering: .relaxed) }
  public var peakBytes: Int { peakUse.load(ordering: .relaxed) }

  /// Takes `bytes` if they are left; on false the caller spills, evicts or calls `reserve`. What is refused is not
  /// counted for a moment either, so that nobody else is refused because of it.
  public func tryReserve(_ bytes: Int) -> Bool {
    var before = used.load(ordering: .relaxed)
    while true {
      let now = before &+ bytes
      if bytes > 0 && now > limit { return false }
      let (isDone, found) = used.weakCompareExchange(
        expected: before, desired: now, ordering: .relaxed)
      if isDone {
        peakUse.max(now, ordering: .relaxed)
        return true
      }
      before = found
    }
  }

  /// Takes `bytes` or throws `.resource` naming `purpose`.
  public func reserve(_ bytes: Int, for purpose: String) throws(StoaError) {
    guard tryReserve(bytes) else {
      throw StoaError(
        .resource, "out of memory: \(purpose) needs \(bytes) bytes more than the limit of \(limit)",
        hint: "Raise it with SET memory_limit")
    }
  }

  /// Counts `bytes` whether or not they are left: for rows that are in memory already because a commit or another
  /// process put them there. The limit is then kept by what asks next.
  public func take(_ bytes: Int) {
    let now = used.add(bytes, ordering: .relaxed).newValue
    peakUse.max(now, ordering: .relaxed)
  }

  public func release(_ bytes: Int) { used.subtract(bytes, ordering: .relaxed) }
}

/// Bytes taken from a budget, given back when the reservation goes away.
public final class MemoryReservation: @unchecked Sendable {
  public let budget: MemoryBudget
  public private(set) var byteCount = 0

  public init(_ budget: MemoryBudget) { self.budget = budget }
  deinit { budget.release(byteCount) }

  /// Grows or shrinks to `bytes`; false leaves it unchanged. One owner calls this.
  public func tryResize(to bytes: Int) -> Bool {
    guard budget.tryReserve(bytes - byteCount) else { return false }
    byteCount = bytes
    return true
  }

  /// Grows or shrinks to `bytes`, past the limit if need be; see `MemoryBudget.take`.
  public func set(to bytes: Int) {
    budget.take(bytes - byteCount)
    byteCount = bytes
  }

  public func resize(to bytes: Int, for purpose: String) throws(StoaError) {
    guard tryResize(to: bytes) else {
      try budget.reserve(bytes - byteCount, for: purpose)
      byteCount = bytes
      return
    }
  }
}
