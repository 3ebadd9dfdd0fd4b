import Storage
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The thread that flushes memtables and merges segments while a warehouse is open for writing: begun by the first
/// commit that leaves something to do, woken by those after it, and joined when the warehouse is closed. Commits that did
/// not wait for the disk are made durable half a second later.
final class UpkeepThread: @unchecked Sendable {
  /// How long to sleep when another process is in the way.
  private static let blockedMilliseconds = 50
  /// Sleep after a failure, doubled up to the limit with each one.
  private static let failureMilliseconds = 1000
  private static let failureLimitMilliseconds = 60_000

  /// How long commits that did not wait for the disk may be open to a power loss.
  private static let unsyncedMilliseconds: Int64 = 500

  private let store: TableStore
  /// When the thread first saw commits that are not durable.
  private var unsyncedSince: Int64?
  private let gate = CommitGate()
  // Under the gate.
  private var thread: pthread_t?
  private var hasWork = false
  private var isStopping = false

  init(_ store: TableStore) { self.store = store }

  /// There is something to do.
  func wake() {
    gate.withLock {
      guard !isStopping else { return }
      hasWork = true
      if thread == nil { start() }
      gate.signalAll()
    }
  }

  /// Returns when the thread is gone; it is not begun again.
  func stop() {
    let running = gate.withLock { () -> pthread_t? in
      isStopping = true
      defer { thread = nil }
      gate.signalAll()
      return thread
    }
    if let running { pthread_join(running, nil) }
  }

  private func start() {
    var started = pthread_t()
    let argument = Unmanaged.passRetained(self).toOpaque()
    let code = pthread_create(
      &started, nil,
      { argument in
        if let argument { Unmanaged<UpkeepThread>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, argument)
    // Without the thread commits do the work when there is too much of it.
    if code == 0 {
      thread = started
    } else {
      Unmanaged<UpkeepThread>.fromOpaque(argument).release()
    }
  }

  private func run() {
    var failureMilliseconds = UpkeepThread.failureMilliseconds
    while waitForWork() {
      syncIfDue()
      while !mustStop() {
        do throws(StoaError) {
          let result = try store.step()
          failureMilliseconds = UpkeepThread.failureMilliseconds
          if result == .idle { break }
          if result == .blocked { sleep(UpkeepThread.blockedMilliseconds) }
        } catch {
          store.noteUpkeepFailure(error)
          sleep(failureMilliseconds)
          failureMilliseconds = min(
            failureMilliseconds * 2, UpkeepThread.failureLimitMilliseconds)
        }
      }
    }
  }

  private func syncIfDue() {
    if !store.hasUnsyncedCommits {
      store.forgetUnsynced()
      // One may have come meanwhile, which did not wake us.
      guard store.hasUnsyncedCommits else {
        unsyncedSince = nil
        return
      }
    }
    let now = UpkeepThread.milliseconds
    guard let since = unsyncedSince, now >= since + UpkeepThread.unsyncedMilliseconds else {
      unsyncedSince = unsyncedSince ?? now
      return
    }
    unsyncedSince = nil
    do throws(StoaError) { try store.syncCommits() } catch {
      if error.kind != .busy { store.noteUpkeepFailure(error) }
    }
  }

  private static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// False when the thread is to end.
  private func waitForWork() -> Bool {
    gate.withLock {
      while !hasWork && !isStopping {
        // Versions end by the clock; nobody wakes the thread for that.
        let sync = unsyncedSince == nil ? nil : UpkeepThread.unsyncedMilliseconds * 1000
        guard let wait = [store.microsecondsToExpiry, sync].compactMap({ $0 }).min() else {
          gate.wait()
          continue
        }
        let milliseconds = max(
          UpkeepThread.blockedMilliseconds, Int(min(wait / 1000, 3_600_000)))
        if !gate.wait(until: CommitGate.moment(after: milliseconds)) { hasWork = true }
      }
      hasWork = false
      return !isStopping
    }
  }

  private func mustStop() -> Bool { gate.withLock { isStopping } }

  /// Sleeps, but not on after `stop`.
  private func sleep(_ milliseconds: Int) {
    let end = CommitGate.moment(after: milliseconds)
    gate.withLock {
      while !isStopping {
        if !gate.wait(until: end) { return }
      }
    }
  }
}
