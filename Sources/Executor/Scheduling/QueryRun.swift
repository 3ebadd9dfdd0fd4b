import Kernels
import Synchronization
import Vectors

/// A query in motion: the stages still to run, who works on the current one, and the batches that wait for
/// the consumer.
///
/// Worker 0 is the consumer's thread: while it waits for a batch it works. The others are tasks of the pool,
/// submitted when a stage begins that can use them; they leave when it has nothing left. Whoever leaves a
/// stage last closes it and opens the next. When the queue of results is full, pool tasks park (they return
/// `.blocked`) and the consumer submits them again once it has taken enough.
///
/// One lock guards everything here, taken per stage step (some tenths of a millisecond) and per result batch.
final class QueryRun: @unchecked Sendable {
  let context: ExecutionContext
  private let monitor = Monitor()
  /// Stages to come, the next one last.
  private var planned: [any Stage]
  private var stage: (any Stage)?
  /// Counts stages, so that a worker can tell whether it has already left the current one.
  private var stageNumber = 0
  /// Workers that joined the current stage and have not left it.
  private var activeCount = 0
  /// Workers inside `advance`, `leave` or a stage change.
  private var runningCount = 0
  private var slots: [Slot]
  private var failure: StoaError?
  private var isStarted = false
  private var isFinished = false
  private var output: [Batch] = []
  private var outputStart = 0
  private let queuedCount = Atomic<Int>(0)
  private var isConsumerWaiting = false
  private let outputCapacity: Int

  private struct Slot {
    var joinedStage = 0
    var leftStage = 0
    var isSubmitted = false
    var isParked = false
    var task: SlotTask?
  }

  /// A worker other than the consumer's thread.
  private final class SlotTask: ExecutionTask {
    private let run: QueryRun
    private let slot: Int

    init(run: QueryRun, slot: Int) {
      self.run = run
      self.slot = slot
    }

    func step() -> TaskState { run.stepHelper(slot) }
  }

  /// - Parameter stages: in the order in which they run.
  init(stages: [any Stage], context: ExecutionContext) {
    self.context = context
    planned = stages.reversed()
    slots = Array(repeating: Slot(), count: context.workerCount)
    outputCapacity = 2 * context.workerCount + 2
  }

  /// Whether the consumer has enough to take for now.
  var isOutputFull: Bool { queuedCount.load(ordering: .relaxed) >= outputCapacity }
  var hasOutput: Bool { queuedCount.load(ordering: .relaxed) > 0 }

  /// Queues a batch for the consumer.
  func emit(_ batch: Batch) {
    monitor.withLock {
      output.append(batch)
      queuedCount.store(output.count - outputStart, ordering: .relaxed)
      if isConsumerWaiting { monitor.broadcast() }
    }
  }

  /// The next batch of the result, working for it as needed; `nil` at the end.
  func nextBatch() throws(StoaError) -> Batch? {
    try TimeZone.withCurrent(context.settings.timeZone) { () throws(StoaError) -> Batch? in
      try computeBatch()
    }
  }

  private func computeBatch() throws(StoaError) -> Batch? {
    start()
    while true {
      if let batch = takeOutput() { return batch }
      switch consumerTurn() {
      case .work(let stage): work(on: stage, slot: 0)
      case .retry: continue
      case .end: return nil
      case .failed(let error): throw error
      }
    }
  }

  private enum Turn {
    case work(any Stage)
    case retry
    case end
    case failed(StoaError)
  }

  /// What the consumer's thread does next; waits when there is nothing to do but wait.
  private func consumerTurn() -> Turn {
    monitor.withLock {
      if let failure {
        // Nobody may touch the query's memory once the statement has ended.
        while runningCount > 0 { waitAsConsumer() }
        return .failed(failure)
      }
      if output.count > outputStart { return .retry }
      if isFinished { return .end }
      if let stage = joinLocked(0) { return .work(stage) }
      waitAsConsumer()
      return .retry
    }
  }

  private func waitAsConsumer() {
    isConsumerWaiting = true
    monitor.wait()
    isConsumerWaiting = false
  }

  private func takeOutput() -> Batch? {
    guard hasOutput else { return nil }
    var resubmitted: [SlotTask] = []
    let batch: Batch? = monitor.withLock {
      guard failure == nil, output.count > outputStart else { return nil }
      let batch = output[outputStart]
      output[outputStart] = Batch(columns: [], rowCount: 0)
      outputStart += 1
      if outputStart == output.count {
        output.removeAll(keepingCapacity: true)
        outputStart = 0
      }
      let left = output.count - outputStart
      queuedCount.store(left, ordering: .relaxed)
      if left <= outputCapacity / 2 { resubmitted = unparkLocked() }
      return batch
    }
    for task in resubmitted { context.pool.submit(task) }
    return batch
  }

  private func unparkLocked() -> [SlotTask] {
    var tasks: [SlotTask] = []
    for slot in slots.indices where slots[slot].isParked {
      slots[slot].isParked = false
      slots[slot].isSubmitted = true
      if let task = slots[slot].task { tasks.append(task) }
    }
    return tasks
  }

  /// Ends the query early; waits until no worker is inside it.
  func abandon() {
    monitor.withLock {
      guard !isFinished || runningCount > 0 else { return }
      if failure == nil { failure = StoaError(.cancelled, "the result was abandoned") }
      while runningCount > 0 { waitAsConsumer() }
      isFinished = true
      planned = []
      stage = nil
      for slot in slots.indices { slots[slot].task = nil }
    }
  }

  private func start() {
    guard !isStarted else { return }
    isStarted = true
    for slot in slots.indices.dropFirst() { slots[slot].task = SlotTask(run: self, slot: slot) }
    monitor.withLock { runningCount += 1 }
    beginNextStage()
  }

  /// Opens the next planned stage and calls workers for it. The caller counts as running.
  private func beginNextStage() {
    let next: (any Stage)? = monitor.withLock { failure == nil ? planned.popLast() : nil }
    guard let next else { return endRunning(finishing: true) }
    do throws(StoaError) {
      try context.cancellation.check()
      try next.open()
    } catch {
      record(error)
      return endRunning(finishing: true)
    }
    var tasks: [SlotTask] = []
    monitor.withLock {
      stage = next
      stageNumber += 1
      runningCount -= 1
      let limit = min(next.workerLimit, slots.count)
      for slot in 1..<max(1, limit) where !slots[slot].isSubmitted {
        slots[slot].isSubmitted = true
        if let task = slots[slot].task { tasks.append(task) }
      }
      if isConsumerWaiting { monitor.broadcast() }
    }
    for task in tasks { context.pool.submit(task) }
  }

  private func endRunning(finishing: Bool) {
    monitor.withLock {
      runningCount -= 1
      if finishing {
        isFinished = true
        stage = nil
        for slot in slots.indices { slots[slot].task = nil }
      }
      if isConsumerWaiting { monitor.broadcast() }
    }
  }

  private func record(_ error: StoaError) {
    monitor.withLock { if failure == nil { failure = error } }
  }

  /// Lets `slot` take part in the current stage, if it can; counts it as running.
  private func joinLocked(_ slot: Int) -> (any Stage)? {
    guard let stage, failure == nil, slots[slot].leftStage != stageNumber else { return nil }
    guard slot == 0 || slot < stage.workerLimit else { return nil }
    if slots[slot].joinedStage != stageNumber {
      slots[slot].joinedStage = stageNumber
      activeCount += 1
    }
    runningCount += 1
    return stage
  }

  /// One step of a pool task.
  private func stepHelper(_ slot: Int) -> TaskState {
    let stage: (any Stage)? = monitor.withLock {
      let stage = joinLocked(slot)
      if stage == nil { slots[slot].isSubmitted = false }
      return stage
    }
    guard let stage else { return .done }
    let progress = TimeZone.withCurrent(context.settings.timeZone) { work(on: stage, slot: slot) }
    guard case .full = progress else { return .again }
    return monitor.withLock {
      guard failure == nil, isOutputFull else { return .again }
      slots[slot].isSubmitted = false
      slots[slot].isParked = true
      return .blocked
    }
  }

  /// One step of `slot`, which has joined `stage`.
  @discardableResult
  private func work(on stage: any Stage, slot: Int) -> StageProgress {
    do throws(StoaError) {
      let progress = try stage.advance(slot: slot)
      guard case .exhausted = progress else {
        endRunning(finishing: false)
        return progress
      }
      try stage.leave(slot: slot)
    } catch {
      record(error)
      endRunning(finishing: false)
      return .exhausted
    }
    leave(stage, slot: slot)
    return .exhausted
  }

  /// `slot` has no more work in `stage`; the last one to leave closes it and goes on.
  private func leave(_ stage: any Stage, slot: Int) {
    let isLast = monitor.withLock {
      slots[slot].leftStage = stageNumber
      activeCount -= 1
      if activeCount == 0 { self.stage = nil }
      return activeCount == 0
    }
    guard isLast else { return endRunning(finishing: false) }
    do throws(StoaError) {
      let hasFailed = monitor.withLock { failure != nil }
      let added = hasFailed ? [] : try stage.close()
      monitor.withLock { planned.append(contentsOf: added.reversed()) }
    } catch {
      record(error)
    }
    beginNextStage()
  }
}
