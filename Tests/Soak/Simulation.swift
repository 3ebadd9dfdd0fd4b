import Stoa
import Storage

/// Random operations on files in memory, by one or two writing processes and perhaps a reading one. At moments
/// before, within and after calls that change files the files are copied as a kill or a power loss would leave
/// them; each copy is opened and compared with what had to be there. So one run gives any number of points
/// without being run again for each. Errors of the disk are injected beside, and the run goes on with them; now
/// and then it goes on from one of the copies.
///
/// Commits need not wait for the disk (`SET synchronous = off`): then a power loss may leave any of the states since the
/// last one that did. Versions that retention keeps are read again later.
final class Simulation {
  static let faults = ["lost", "duplicate", "unopenable", "wrong", "hang"]

  /// A copy of the files and where it was taken.
  private struct Point: Sendable {
    var system: SimulatedFileSystem
    var moment: String
  }

  let seed: UInt64
  /// Of how many calls one is looked at; 1 looks at all, in every way.
  let sparseness: Int
  let isTraced: Bool
  private var random: SplitMix64
  var workload: Workload
  /// Of the second session of two at once.
  var otherWorkload: Workload
  private(set) var system = SimulatedFileSystem()
  var writers: [Place] = []
  private var reader: Place?
  var model = Model()
  /// States that a power loss may leave: the last one that is durable and those since; `model` is the last.
  private var tail = [Model()]
  /// Who committed last, and so sees the newest state also when the disk does not have it.
  private weak var lastStore: TableStore?
  var history = VersionHistory()
  private var backupCount = 0
  private var lastBackup: String?
  private var round = 0
  var operation = "open"
  var judge: Judge
  let recorder = Recorder()

  var pointCount: Int { judge.pointCount }

  init(seed: UInt64, sparseness: Int, isTraced: Bool = false) {
    self.seed = seed
    self.sparseness = sparseness
    self.isTraced = isTraced
    random = SplitMix64(seed: seed)
    workload = Workload(seed: seed &+ 1, prefix: "a", size: .small)
    otherWorkload = Workload(seed: seed &+ 2, prefix: "a", size: .small)
    judge = Judge(options: Judge.options(seed))
  }

  func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

  var place: String { "seed \(seed), round \(round), \(operation)" }

  func run(rounds: Int) {
    do {
      try begin()
      for number in 1...rounds {
        round = number
        try play()
      }
      round = rounds + 1
      try end()
    } catch {
      judge.fault("wrong", "\(place): \(error)")
    }
  }

  /// Makes the warehouse, looking at every moment of it.
  private func begin() throws {
    recorder.watch(system, sparseness: sparseness == 1 ? 1 : 4, seed: random.next())
    let first = try judge.open(system)
    recorder.stop(system)
    judgePoints(killed: [Model()])
    writers = [first]
    if below(3) == 0 { writers.append(try judge.open(system)) }
    if below(3) == 0 { reader = try judge.open(system, .readOnly) }
  }

  // MARK: One operation

  private func play() throws {
    if below(9) == 0, try playTwoSessions() { return try playOn() }
    let next = workload.next(model)
    operation = next.name
    if isTraced { print("\(place): \(next.text.prefix(400)) calls \(system.callCount)") }
    let writer = writers[below(writers.count)]
    if next.isTransaction { try catchUp(writer) }
    let fault = injectFault()
    if fault == nil { watch() }
    if next.name == "backup" { backupCount += 1 }
    let backup = "backup\(backupCount)"
    let base = below(2) == 0 ? lastBackup : nil
    var failure: StoaError?
    do {
      try writer.run(next, backup: backup, base: base) {
        // Jobs go on beside the transaction; it may meet a conflict.
        if self.below(3) == 0 { _ = try? writer.store.step() }
      }
    } catch {
      failure = error as? StoaError ?? StoaError(.inconsistency, "\(error)")
    }
    recorder.stop(system)
    let isStruck = fault.map { system.callCount >= $0.call } ?? false
    if isTraced {
      print(
        "  \(failure.map { "failed: \($0)" } ?? "done"), fault \(fault.map { "\($0)" } ?? "none")")
    }
    if let failure, failure.kind != .busy, !isStruck {
      judge.fault("wrong", "\(place) failed: \(failure); \(next.text)")
    }
    if next.name == "backup", failure == nil {
      judge.checkBackup(backup, in: system, isComplete: true, seen(by: writer), place)
      lastBackup = backup
    }
    if next.setsRetention { history.changes(next, failed: failure != nil) }
    if isStruck, let fault {
      try goOn(after: fault.kind, failure, next.after, writer)
    } else {
      system.clearFaults()
      let survivor = judgePoints(
        killed: failure == nil ? [model, next.after] : [model],
        backup: next.name == "backup" ? backup : nil, keepsOne: below(12) == 0)
      if failure == nil { committed(next.after, by: writer) }
      if let survivor { try goOn(from: survivor) }
    }
    try playOn()
  }

  private func playOn() throws {
    if round % 5 == 0 { try judgeAcknowledged() }
    if below(15) == 0 { try reopen() }
  }

  /// A transaction begins with what its process sees, which lacks commits of others that the disk does not have yet.
  func catchUp(_ writer: Place) throws {
    if tail.count > 1, writer.store !== lastStore { try writer.store.beginWrite().rollback() }
  }

  func watch() { recorder.watch(system, sparseness: sparseness, seed: random.next()) }

  /// `after` was acknowledged.
  func committed(_ after: Model, by writer: Place) {
    if after != model {
      tail = writer.session.settings.isSynchronous ? [after] : tail + [after]
      lastStore = writer.store
    }
    model = after
    history.add(model, at: writer.store.commit)
  }

  /// States that this process may see.
  private func seen(by place: Place) -> [Model] { place.store === lastStore ? [model] : tail }

  /// What is acknowledged stays, whatever happens now.
  private func judgeAcknowledged() throws {
    let past = history.known
    judge.judge(
      system.afterKill(), [model], "\(place), acknowledged, killed", random.next(), past)
    judge.judge(
      system.afterPowerLoss(seed: random.next()), tail, "\(place), acknowledged, power lost",
      random.next(), past)
    try compareOpen()
  }

  /// Every process that has the warehouse open sees the newest state.
  private func compareOpen() throws {
    for place in writers + (reader.map { [$0] } ?? []) {
      let name = "\(self.place), open \(place.store.mode)"
      judge.compare(place, seen(by: place), name, isDeep: false)
      judge.compare(place, history.known, random.next(), name)
    }
  }

  /// Judges the points that were recorded.
  /// - Parameter killed: states that a kill may leave; a power loss may leave earlier ones too.
  /// - Returns: one of them as it was, when asked for, to go on from.
  @discardableResult
  func judgePoints(
    killed: [Model], backup: String? = nil, keepsOne: Bool = false
  ) -> SimulatedFileSystem? {
    let points = recorder.take()
    let past = history.known
    for (system, moment) in points {
      let place = "\(self.place), \(moment)"
      if let backup {
        judge.checkBackup(backup, in: system.afterKill(), isComplete: false, tail, place)
      }
      judge.judge(
        keepsOne ? system.afterKill() : system,
        moment.hasPrefix("power") ? tail + killed : killed, place, random.next(), past)
    }
    guard keepsOne, !points.isEmpty else { return nil }
    return points[below(points.count)].system
  }

  /// Everybody was killed: opens what is left, which is looked at again meanwhile.
  private func goOn(from survivor: SimulatedFileSystem) throws {
    let count = writers.count
    let hadReader = reader != nil
    writers = []
    reader = nil
    system = survivor
    let copy = try judge.open(survivor.afterKill())
    model = try Model.read(copy.session).model
    tail = [model]
    lastStore = nil
    history.lose(after: copy.store.commit, isKept: try copy.store.snapshot().retention.isOn)
    if let backup = lastBackup, !Backup.isBackup(backup, fileSystem: survivor) { lastBackup = nil }
    operation += ", opened again"
    recorder.watch(system, sparseness: 2, seed: random.next())
    defer { recorder.stop(system) }
    for _ in 0..<count { writers.append(try judge.open(system)) }
    recorder.stop(system)
    judgePoints(killed: [model])
    if hadReader { reader = try judge.open(system, .readOnly) }
    try compareOpen()
  }

  // MARK: Faults

  private func injectFault() -> (kind: SimulatedFileSystem.Fault, call: Int)? {
    guard below(4) == 0 else { return nil }
    let kinds: [SimulatedFileSystem.Fault] = [
      .inputOutputError, .inputOutputErrorFromHere, .diskFull, .diskFullFromHere,
    ]
    let kind = kinds[below(kinds.count)]
    let call = system.callCount + 1 + below(below(2) == 0 ? 12 : 80)
    system.inject(kind, atCall: call)
    return (kind, call)
  }

  /// After an error of the disk: reading goes on where the disk is only full; writing works again when the error is
  /// gone, unless a sync failed, after which the warehouse has to be opened again.
  private func goOn(
    after kind: SimulatedFileSystem.Fault, _ failure: StoaError?, _ after: Model, _ writer: Place
  ) throws {
    let isRefused = writers.contains { $0.store.refusal != nil }
    let killed = failure == nil ? [after] : isRefused ? [model, after] : [model]
    judge.pointCount += 1
    let place = "\(self.place), \(kind)"
    if failure == nil { committed(after, by: writer) }
    if kind == .diskFullFromHere, !isRefused {
      judge.compare(writer, seen(by: writer), "\(place), still full", isDeep: false)
    }
    system.clearFaults()
    if isRefused {
      let isKilled = below(2) == 0
      let survivor = isKilled ? system.afterKill() : system.afterPowerLoss(seed: random.next())
      judge.judge(
        survivor.afterKill(), isKilled ? killed : tail + killed, "\(place), opened again",
        random.next())
      return try goOn(from: survivor)
    }
    // Other processes see a commit whose TIP could not be written with the next use of the write lock.
    for writer in writers { try writer.store.beginWrite().rollback() }
    try compareOpen()
    judge.judge(
      system.afterPowerLoss(seed: random.next()), tail, "\(place), power lost", random.next())
  }

  // MARK: Opening again, and the end

  private func reopen() throws {
    operation = "close"
    recorder.watch(system, sparseness: sparseness, seed: random.next())
    try writers.removeFirst().warehouse.close()
    recorder.stop(system)
    judgePoints(killed: [model])
    writers.append(try judge.open(system))
    judge.compare(writers[writers.count - 1], tail, place, isDeep: true)
  }

  private func end() throws {
    operation = "the end"
    for writer in writers { try writer.warehouse.close() }
    try reader?.warehouse.close()
    writers = []
    reader = nil
    judge.judge(system.afterPowerLoss(seed: 1), tail, place, 0, history.known)
    judge.judge(system.afterKill(), [model], place, 1)
    try judge.checkSpace(system, place)
  }
}
