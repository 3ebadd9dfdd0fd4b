import Stoa
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ctrl-C. A thread of its own waits for SIGINT, so nothing runs in a signal handler: while a statement runs it
/// is cancelled, otherwise the read of the next line is interrupted and `isPending` set.
final class Interrupts: Sendable {
  static let shared = Interrupts()

  private struct State {
    var cancel: (@Sendable () -> Void)?
    var countWhileRunning = 0
    var isPending = false
    nonisolated(unsafe) var mainThread: pthread_t?
  }

  private let state = Mutex(State())

  /// Call once, on the main thread, before any other thread starts.
  func install() {
    signal(SIGPIPE, SIG_IGN)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    sigaction(SIGUSR1, &action, nil)  // without SA_RESTART: interrupts `read`
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    state.withLock { $0.mainThread = pthread_self() }
    var thread = pthread_t()
    pthread_create(&thread, nil, { _ in Interrupts.shared.waitForSignals() }, nil)
    pthread_detach(thread)
  }

  private func waitForSignals() -> UnsafeMutableRawPointer? {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    while true {
      var signal: Int32 = 0
      guard sigwait(&signals, &signal) == 0 else { continue }
      interrupt()
    }
  }

  private func interrupt() {
    let sleeper = state.withLock { state -> pthread_t? in
      if let cancel = state.cancel {
        state.countWhileRunning += 1
        // Somebody who presses it three times does not want to wait for an orderly end.
        if state.countWhileRunning >= 3 { _exit(130) }
        cancel()
        return nil
      }
      state.isPending = true
      return state.mainThread
    }
    guard let sleeper else { return }
    // A line editor may swallow an interruption, and one too many would end the next line.
    for _ in 0..<5 where state.withLock({ $0.isPending }) {
      pthread_kill(sleeper, SIGUSR1)
      usleep(20_000)
    }
  }

  /// While `body` runs, Ctrl-C calls `cancel`.
  func whileRunning<Result>(
    cancel: @escaping @Sendable () -> Void, _ body: () throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    state.withLock {
      $0.cancel = cancel
      $0.countWhileRunning = 0
    }
    defer { state.withLock { $0.cancel = nil } }
    return try body()
  }

  /// Whether Ctrl-C was pressed while nothing ran; asking clears it.
  func takePending() -> Bool {
    state.withLock { state in
      defer { state.isPending = false }
      return state.isPending
    }
  }
}
