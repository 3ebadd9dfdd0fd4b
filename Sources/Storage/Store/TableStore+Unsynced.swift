import Catalog
import Vectors

// Commits that did not wait for the disk (`SET synchronous = off`). The next one that does takes them along; so that a
// pause does not leave them open to a power loss, and unseen by other processes, for long, upkeep does it then.
extension TableStore {
  /// Whether a power loss could take commits of this process.
  public var hasUnsyncedCommits: Bool {
    inner.withLock { $0.tail.commit > $0.syncedCommit && $0.refusal == nil && !$0.isClosed }
  }

  /// The next such commit calls the observer of `observeDebt` again; others do not.
  public func forgetUnsynced() { upkeep.forgetUnsynced() }

  /// Makes all commits so far durable, and visible to other processes.
  /// - Throws: `.busy` when another process is writing: it makes durable what it found.
  public func syncCommits() throws(StoaError) {
    upkeep.forgetUnsynced()
    try acquireWriting(timeoutMilliseconds: 0)
    defer { releaseWriting() }
    try waitUntilSynced(inner.withLock { $0.tail.commit })
  }
}
