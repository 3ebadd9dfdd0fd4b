import Synchronization
import Vectors

/// Set by another thread (or a signal handler) to end a statement; looked at per morsel and per batch.
public final class CancellationFlag: Sendable {
  private let isSet = Atomic<Bool>(false)
  /// Monotonic nanoseconds after which the statement has run too long; `.max` for no limit.
  private let deadline = Atomic<UInt64>(.max)

  /// A flag that is not set.
  public init() {}

  /// Ends the statement at its next batch. Safe from any thread and from signal handlers.
  public func cancel() { isSet.store(true, ordering: .relaxed) }

  /// Makes the flag usable for another statement.
  public func reset() {
    isSet.store(false, ordering: .relaxed)
    deadline.store(.max, ordering: .relaxed)
  }

  /// From now on `milliseconds` are left; `nil` for any time.
  public func setTimeLimit(milliseconds: Int?) {
    guard let milliseconds, milliseconds >= 0 else {
      return deadline.store(.max, ordering: .relaxed)
    }
    let (nanoseconds, overflow) = UInt64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
    let (end, pastEnd) = monotonicNanoseconds().addingReportingOverflow(nanoseconds)
    deadline.store(overflow || pastEnd ? .max : end, ordering: .relaxed)
  }

  public var isCancelled: Bool { isSet.load(ordering: .relaxed) }

  /// - Throws: `.cancelled` after `cancel` or past the time limit.
  public func check() throws(StoaError) {
    if isSet.load(ordering: .relaxed) { throw StoaError(.cancelled, "the statement was cancelled") }
    let end = deadline.load(ordering: .relaxed)
    if end != .max && monotonicNanoseconds() > end {
      throw StoaError(.cancelled, "the statement ran longer than its time limit")
    }
  }
}
