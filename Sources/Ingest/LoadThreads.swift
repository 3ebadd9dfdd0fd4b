import Kernels
import Storage
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Threads of a load. They live for one phase (parsing, writing), because a load waits for files and disks, which
/// tasks of the query pool must not do.
enum LoadThreads {
  /// Runs `given(index)` on `count` threads at once, this one included, and returns when all have returned.
  static func run(_ count: Int, _ given: @escaping @Sendable (Int) -> Void) {
    guard count > 1 else { return given(0) }
    let zone = TimeZone.current
    let body: @Sendable (Int) -> Void = { index in TimeZone.withCurrent(zone) { given(index) } }
    var threads: [pthread_t] = []
    for index in 1..<count {
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      pthread_attr_setstacksize(&attributes, 4 << 20)
      var thread = pthread_t()
      let start = Unmanaged.passRetained(Start { body(index) })
      let code = pthread_create(
        &thread, &attributes,
        { argument in
          if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
          return nil
        }, start.toOpaque())
      pthread_attr_destroy(&attributes)
      // Without the thread the others do its share.
      if code == 0 { threads.append(thread) } else { start.release() }
    }
    body(0)
    for thread in threads { pthread_join(thread, nil) }
  }

  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

/// The first error of several threads; later ones are dropped.
final class FailureBox: @unchecked Sendable {
  private let lock = CommitGate()
  private var error: StoaError?

  func set(_ error: StoaError) { lock.withLock { if self.error == nil { self.error = error } } }
  var isSet: Bool { lock.withLock { error != nil } }
  func check() throws(StoaError) { if let error = lock.withLock({ error }) { throw error } }
}

/// Items made one after the other, worked on by many threads, and taken in the order they were made.
enum OrderedPipeline {
  /// - Parameters:
  ///   - produce: the next item, or `nil` at the end; called by one thread at a time.
  ///   - transform: the work; called by all threads at once.
  ///   - consume: takes results in order, one at a time.
  static func run<Item, Result>(
    threads: Int, produce: @escaping () throws(StoaError) -> Item?,
    transform: @escaping (Item) throws(StoaError) -> Result,
    consume: @escaping (Result) throws(StoaError) -> Void
  ) throws(StoaError) {
    let state = PipelineState(produce: produce, transform: transform, consume: consume)
    LoadThreads.run(threads) { _ in state.work() }
    try state.failure.check()
  }

  private final class PipelineState<Item, Result>: @unchecked Sendable {
    private let produce: () throws(StoaError) -> Item?
    private let transform: (Item) throws(StoaError) -> Result
    private let consume: (Result) throws(StoaError) -> Void
    let failure = FailureBox()
    private let producing = CommitGate()
    private let consuming = CommitGate()
    // Guarded by `producing`.
    private var produced = 0
    private var hasEnded = false
    // Guarded by `consuming`.
    private var waiting: [Int: Result] = [:]
    private var consumed = 0
    private var isConsuming = false

    init(
      produce: @escaping () throws(StoaError) -> Item?,
      transform: @escaping (Item) throws(StoaError) -> Result,
      consume: @escaping (Result) throws(StoaError) -> Void
    ) {
      self.produce = produce
      self.transform = transform
      self.consume = consume
    }

    func work() {
      do throws(StoaError) {
        while !failure.isSet, let (number, item) = try next() {
          try finish(number, try transform(item))
        }
      } catch {
        failure.set(error)
      }
    }

    private func next() throws(StoaError) -> (Int, Item)? {
      try producing.withLock { () throws(StoaError) -> (Int, Item)? in
        guard !hasEnded, let item = try produce() else {
          hasEnded = true
          return nil
        }
        produced += 1
        return (produced - 1, item)
      }
    }

    /// Puts the result in its place; whoever completes the sequence hands it on, the others go back to work.
    private func finish(_ number: Int, _ result: Result) throws(StoaError) {
      let isMine = consuming.withLock { () -> Bool in
        waiting[number] = result
        if isConsuming { return false }
        isConsuming = true
        return true
      }
      guard isMine else { return }
      while let next = takeNext() { try consume(next) }
    }

    /// The next result in order, or `nil` after giving up the role of consumer.
    private func takeNext() -> Result? {
      consuming.withLock {
        guard let next = waiting.removeValue(forKey: consumed) else {
          isConsuming = false
          return nil
        }
        consumed += 1
        return next
      }
    }
  }
}

/// Seconds of a clock that never jumps.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
