import Storage
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The thread that flushes memtables and merges segments while a warehouse is open for writing: begun by the first
/// commit that leaves something to do, woken by those after it, and joined when the warehouse is closed.
final class UpkeepThread: @unchecked Sendable {
  /// How long to sleep when another process is in the way.
  private static let blockedMilliseconds = 50
  /// Sleep after a failure, doubled up to the limit with each one.
  private static let failureMilliseconds = 1000
  private static let failureLimitMilliseconds = 60_000

  private let store: TableStore
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  // Under the mutex.
  private var thread: pthread_t?
  private var hasWork = false
  private var isStopping = false

  init(_ store: TableStore) {
    self.store = store
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// There is something to do.
  func wake() {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard !isStopping else { return }
    hasWork = true
    if thread == nil { start() }
    pthread_cond_signal(condition)
  }

  /// Returns when the thread is gone; it is not begun again.
  func stop() {
    pthread_mutex_lock(mutex)
    isStopping = true
    let running = thread
    thread = nil
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
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

  /// False when the thread is to end.
  private func waitForWork() -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !hasWork && !isStopping {
      // Versions end by the clock; nobody wakes the thread for that.
      guard let wait = store.microsecondsToExpiry else {
        pthread_cond_wait(condition, mutex)
        continue
      }
      let milliseconds = max(
        UpkeepThread.blockedMilliseconds, Int(min(wait / 1000, 3_600_000)))
      var until = UpkeepThread.time(after: milliseconds)
      if pthread_cond_timedwait(condition, mutex, &until) == ETIMEDOUT { hasWork = true }
    }
    hasWork = false
    return !isStopping
  }

  private static func time(after milliseconds: Int) -> timespec {
    var until = timespec()
    clock_gettime(CLOCK_REALTIME, &until)
    let nanoseconds = Int(until.tv_nsec) + milliseconds % 1000 * 1_000_000
    until.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
    until.tv_nsec = nanoseconds % 1_000_000_000
    return until
  }

  private func mustStop() -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return isStopping
  }

  /// Sleeps, but not on after `stop`.
  private func sleep(_ milliseconds: Int) {
    var until = UpkeepThread.time(after: milliseconds)
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isStopping {
      if pthread_cond_timedwait(condition, mutex, &until) == ETIMEDOUT { return }
    }
  }
}
