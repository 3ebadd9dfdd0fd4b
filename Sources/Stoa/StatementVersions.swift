import Catalog
import SQL
import Storage
import Synchronization

/// Earlier versions that one statement reads with AT, each looked up once; they stay until the statement's result is
/// read or dropped.
final class StatementVersions: Sendable {
  private let store: TableStore
  /// What the statement sees without the changes of its own transaction: no version behind it is there.
  let newest: Snapshot
  private let known = Mutex<[CommitNumber: Snapshot]>([:])

  init(_ store: TableStore, newest: Snapshot) {
    self.store = store
    self.newest = newest
  }

  /// - Throws: `.binding` when the version is not there yet or any more.
  func snapshot(at commit: CommitNumber) throws(StoaError) -> Snapshot {
    if let found = known.withLock({ $0[commit] }) { return found }
    let found = try store.snapshot(at: commit, before: newest)
    known.withLock { $0[commit] = found }
    return found
  }

  /// Reads `snapshot` in place of that version: the same without rows that are damaged.
  func replace(_ commit: CommitNumber, by snapshot: Snapshot) {
    known.withLock { $0[commit] = snapshot }
  }

  /// What the binder asks.
  var history: CatalogHistory {
    CatalogHistory(
      catalog: { (commit) throws(StoaError) in try self.snapshot(at: commit).catalog },
      commit: { (microseconds) throws(StoaError) in
        try self.store.commit(atTime: microseconds, before: self.newest)
      })
  }
}
