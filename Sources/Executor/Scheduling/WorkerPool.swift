import CKernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a task says after one step.
public enum TaskState: Sendable {
  /// Nothing more to do.
  case done
  /// Call `step` again, here or on another thread.
  case again
  /// Cannot go on now; whoever removes the obstacle submits the task again.
  case blocked
}

/// Work cut into steps of about a millisecond. A step never waits for a consumer, a disk queue or another
/// task: it returns `.blocked`.
public protocol ExecutionTask: AnyObject, Sendable {
  func step() -> TaskState
}

/// A fixed set of threads that run tasks. The thread that asks for a result works as well, so a pool for
/// `n` workers has `n − 1` threads of its own, started when first needed: with one worker, or a small
/// input, nothing is ever handed over.
///
/// Idle threads look at the queue for some microseconds before they sleep, because the stages of a query
/// follow each other quickly and waking a thread costs tens of microseconds.
public final class WorkerPool: Sendable {
  private let shared: Shared
  /// Workers including the thread that asks.
  public let workerCount: Int

  /// - Parameter workerCount: at least 1; defaults to the processors of the machine.
  public init(workerCount: Int = WorkerPool.processorCount) {
    self.workerCount = max(1, min(workerCount, 1024))
    shared = Shared(threadLimit: self.workerCount - 1)
  }

  deinit { shared.stop() }

  /// Processors the operating system lets this process use.
  public static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Stack of a worker thread: expressions and plans nest up to the parser's limit.
  static let stackByteCount = 16 << 20

  /// Queues `task` for some thread of the pool. Without threads it stays queued for ever; callers with one
  /// worker do not submit.
  public func submit(_ task: any ExecutionTask) { shared.submit(task) }

  /// What threads hold on to, so that the pool itself can go away under them.
  private final class Shared: @unchecked Sendable {
    private let monitor = Monitor()
    private let threadLimit: Int
    private var queue: [any ExecutionTask] = []
    private var threadCount = 0
    private var sleepingCount = 0
    private var isStopped = false
    /// Length of `queue`, readable without the lock by spinning threads.
    private let queuedCount = Atomic<Int>(0)

    init(threadLimit: Int) { self.threadLimit = threadLimit }

    func stop() {
      monitor.withLock {
        isStopped = true
        queue = []
        monitor.broadcast()
      }
    }

    func submit(_ task: any ExecutionTask) {
      monitor.withLock {
        queue.append(task)
        queuedCount.store(queue.count, ordering: .releasing)
        if sleepingCount > 0 { monitor.signal() }
        if queue.count > sleepingCount && threadCount < threadLimit {
          threadCount += 1
          startThread()
        }
      }
    }

    private func startThread() {
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      pthread_attr_setstacksize(&attributes, WorkerPool.stackByteCount)
      pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
      defer { pthread_attr_destroy(&attributes) }
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(self).toOpaque()
      let code = pthread_create(
        &thread, &attributes,
        { argument in
          if let argument { Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, argument)
      // Without the thread the caller does all the work itself: slower, not wrong.
      if code != 0 {
        threadCount -= 1
        Unmanaged<Shared>.fromOpaque(argument).release()
      }
    }

    private func run() {
      while let task = next() {
        var state = TaskState.again
        while case .again = state {
          state = task.step()
          if case .again = state, queuedCount.load(ordering: .relaxed) > 0 {
            submit(task)
            break
          }
        }
      }
    }

    /// The oldest task, waiting for one; `nil` when the pool is gone.
    private func next() -> (any ExecutionTask)? {
      let spinEnd = monotonicNanoseconds() &+ 30_000
      var rounds = 0
      while queuedCount.load(ordering: .acquiring) == 0 {
        rounds &+= 1
        stoa_pause()
        if rounds & 63 == 0 && monotonicNanoseconds() > spinEnd { break }
      }
      return monitor.withLock {
        while queue.isEmpty && !isStopped {
          sleepingCount += 1
          monitor.wait()
          sleepingCount -= 1
        }
        guard !isStopped else { return nil }
        let task = queue.removeFirst()
        queuedCount.store(queue.count, ordering: .releasing)
        return task
      }
    }
  }
}
