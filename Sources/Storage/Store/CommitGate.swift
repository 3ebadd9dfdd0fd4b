#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A mutex with a condition, for waits that last as long as a disk or another thread does; of commits, loads and upkeep.
public final class CommitGate: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// A gate that is open.
  public init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// Runs `body` alone.
  public func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }

  /// The moment `milliseconds` from now, for `wait(until:)`.
  public static func moment(after milliseconds: Int) -> timespec {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let nanoseconds = Int(now.tv_nsec) + milliseconds % 1000 * 1_000_000
    return timespec(
      tv_sec: now.tv_sec + milliseconds / 1000 + nanoseconds / 1_000_000_000,
      tv_nsec: nanoseconds % 1_000_000_000)
  }

  /// Inside `withLock`: gives the lock up until `signalAll`, but not much longer than until `moment`.
  /// - Returns: false when that has come.
  @discardableResult
  public func wait(until moment: timespec) -> Bool {
    var moment = moment
    return pthread_cond_timedwait(condition, mutex, &moment) != ETIMEDOUT
  }

  /// Inside `withLock`: gives the lock up until `signalAll`.
  public func wait() { pthread_cond_wait(condition, mutex) }

  /// Wakes everybody who waits.
  public func signalAll() { pthread_cond_broadcast(condition) }
}
