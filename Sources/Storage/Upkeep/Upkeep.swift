import Catalog
import Synchronization
import Vectors

/// What upkeep of one open warehouse remembers from step to step. Everything but the flag is touched under `gate`.
final class Upkeep: @unchecked Sendable {
  let gate = CommitGate()
  var flushJob: RewriteJob?
  var mergeJob: RewriteJob?
  /// Threads in `compact`; steps then begin no merges, which would be in its way.
  var compactingCount = 0
  /// Whether the lock on upkeep is ours.
  var isLocked = false
  /// Made with the first step.
  var planner: UpkeepPlanner?
  /// Told of commits that leave something to do.
  let observer = Mutex<(@Sendable () -> Void)?>(nil)
  /// After a failure: how many commits go without trying to pay debt.
  private let pause = Atomic<Int>(0)
  private let writesFiles = Atomic<Bool>(false)
  /// Whether whoever drives the steps was told of commits that are not durable.
  private let knowsUnsynced = Atomic<Bool>(false)

  /// Whether files are being written that no commit names yet.
  var isWritingFiles: Bool {
    get { writesFiles.load(ordering: .acquiring) }
    set { writesFiles.store(newValue, ordering: .releasing) }
  }

  /// True for the first commit that did not wait since `forgetUnsynced`.
  func noteUnsynced() -> Bool { !knowsUnsynced.exchange(true, ordering: .acquiringAndReleasing) }
  func forgetUnsynced() { knowsUnsynced.store(false, ordering: .releasing) }

  /// After a failure it would not help to try again with every commit.
  func pauseAfterFailure() { pause.store(100, ordering: .relaxed) }

  /// Whether a commit is to leave debt alone; counts down.
  func isPausing() -> Bool {
    guard pause.load(ordering: .relaxed) > 0 else { return false }
    pause.subtract(1, ordering: .relaxed)
    return true
  }
}

/// Locked in `LOCK` by the process that writes files without the write lock.
let upkeepLockRange: Range<UInt64> = 1..<2
