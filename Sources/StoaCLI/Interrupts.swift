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
    /// Which body runs, so that a later one is not taken for it.
    var runNumber = 0
    var isInteractive = false
    nonisolated(unsafe) var mainThread: pthread_t?
  }

  private let state = Mutex(State())

  /// Call once, on the main thread, before any other thread starts.
  func install() {
    signal(SIGPIPE, SIG_IGN)
    // A file larger than `ulimit -f` fails the statement, as a full disk does.
    signal(SIGXFSZ, SIG_IGN)
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
    var cancelledRun: Int?
    let sleeper = state.withLock { state -> pthread_t? in
      if let cancel = state.cancel {
        state.countWhileRunning += 1
        // Somebody who presses it three times does not want to wait for an orderly end.
        if state.countWhileRunning >= 3 { _exit(130) }
        cancel()
        cancelledRun = state.runNumber
        return nil
      }
      state.isPending = true
      return state.mainThread
    }
    if let cancelledRun { endIfStuck(cancelledRun) }
    guard let sleeper else { return }
    // A line editor may swallow an interruption, and one too many would end the next line.
    for _ in 0..<5 where state.withLock({ $0.isPending }) {
      pthread_kill(sleeper, SIGUSR1)
      usleep(20_000)
    }
  }

  /// A load that waits for standard input sees no cancellation until bytes come. Nothing is committed before
  /// its end, so the process may go at any moment.
  private func endIfStuck(_ run: Int) {
    if state.withLock({ $0.isInteractive }) { return }
    for _ in 0..<40 {
      usleep(50_000)
      if state.withLock({ $0.cancel == nil || $0.runNumber != run }) { return }
    }
    printError("Error: interrupted\n")
    _exit(130)
  }

  /// From now on somebody sits at the shell, and decides how long to wait for a cancelled statement.
  func becomeInteractive() { state.withLock { $0.isInteractive = true } }

  /// While `body` runs, Ctrl-C calls `cancel`.
  func whileRunning<Result>(
    cancel: @escaping @Sendable () -> Void, _ body: () throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    state.withLock {
      $0.cancel = cancel
      $0.countWhileRunning = 0
      $0.runNumber += 1
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
