import Catalog
import TestSupport
import Testing
import Vectors

@testable import Storage

/// Earlier versions: what they hold, how long, and what becomes of their files.
@Suite("Earlier versions")
struct HistoryTests {
  private typealias Up = UpkeepFixture

  private let system = SimulatedFileSystem()
  private let clock = Fixture.Clock()

  private func open(_ mode: AccessMode = .readWrite) throws -> TableStore {
    try Up.open(system, mode, clock: clock)
  }

  /// A warehouse with the table t that keeps versions for `microseconds`.
  private func make(keeping microseconds: Int64) throws -> TableStore {
    let store = try open()
    try Fixture.create("t", in: store)
    if microseconds > 0 { try store.setRetention(microseconds: microseconds) }
    return store
  }

  private func segmentFiles() -> Set<String> {
    Set(system.files.map(\.path).filter { $0.hasSuffix(".seg") })
  }

  private func numbers(_ store: TableStore, at commit: CommitNumber) throws -> [Int] {
    try Up.numbers(try store.snapshot(at: commit, before: try store.snapshot()), "t", "\(commit)")
  }

  @Test("Every commit can be read while it is kept, whatever moved since")
  func everyCommit() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("history seed \(seed)")
    var random = SplitMix64(seed: seed)
    var store = try make(keeping: 1 << 40)
    let reader = try open(.readOnly)
    var model: Set<Int> = []
    var past: [CommitNumber: Set<Int>] = [store.commit: []]
    for round in 0..<120 {
      switch random.next() % 10 {
      case 0...3:
        let chosen = (0..<(1 + Int(random.next() % 30))).map { round * 100 + $0 }
        try Up.insert(chosen, store)
        model.formUnion(chosen)
      case 4...5:
        let chosen = Set(model.filter { _ in random.next() % 7 == 0 })
        try Up.delete(chosen, store)
        model.subtract(chosen)
      case 6:
        try Fixture.load((round * 100)..<(round * 100 + 40), into: "t", in: store)
        model.formUnion((round * 100)..<(round * 100 + 40))
      case 7: try Up.settle(store)
      case 8: try random.next() % 3 == 0 ? store.compact() : store.checkpoint()
      default:
        try store.close()
        store = try open()
      }
      past[store.commit] = model
      let known = past.keys.sorted()
      let commit = known[Int(random.next() % UInt64(known.count))]
      #expect(try numbers(store, at: commit) == past[commit]?.sorted(), "seed \(seed)")
      if round % 5 == 0 {
        #expect(try numbers(reader, at: commit) == past[commit]?.sorted(), "seed \(seed)")
      }
    }
    let last = try open(.readOnly)
    for (commit, rows) in past {
      for store in [store, reader, last] {
        #expect(try numbers(store, at: commit) == rows.sorted(), "seed \(seed), \(commit)")
      }
    }
    // What a reader still has on its hands would keep files.
    try reader.close()
    try last.close()
    try store.setRetention(microseconds: 0)
    try store.compact()
    let snapshot = try store.snapshot()
    #expect(segmentFiles() == Set(snapshot.references.values.map(\.path)))
    #expect(snapshot.retention == Retention())
  }

  @Test("Files go when the time of the versions that need them is over, and no sooner")
  func expiry() throws {
    let store = try make(keeping: 1600)
    try Fixture.load(0..<20, into: "t", in: store)
    let loaded = store.commit
    let table = try #require(try store.snapshot().catalog.table(named: "t"))
    let old = segmentFiles()
    clock.advance(1000)
    try Fixture.drop("t", in: store)
    let dropped = store.commit
    #expect(segmentFiles() == old && !old.isEmpty)
    let entry = try #require(try store.snapshot().retention.segments[table.id]?.first)
    #expect(entry.removedBy == dropped && entry.removedAt >= 1_001_000)
    clock.advance(1500)
    #expect(try store.step() == .idle)
    #expect(try numbers(store, at: loaded) == Array(0..<20))
    // A little after its time, so that several go together.
    clock.advance(150)
    #expect(try store.step() == .idle)
    clock.advance(100)
    #expect(try store.step() == .worked)
    #expect(segmentFiles().isEmpty)
    #expect(try store.snapshot().retention.oldest == dropped)
    let error = #expect(throws: StoaError.self) { try numbers(store, at: loaded) }
    #expect(error?.kind == .binding)
    #expect(error?.message.contains("the oldest version is \(dropped) of 1970-01-01") == true)
    #expect(try numbers(store, at: dropped) == [])
    try store.close()
  }

  @Test("A reader of an earlier version keeps its files beyond their time")
  func lease() throws {
    let store = try make(keeping: 1000)
    try Fixture.load(0..<20, into: "t", in: store)
    let loaded = store.commit
    try Up.delete(Set(0..<15), store)
    try store.compact()
    #expect(segmentFiles().count == 2)
    let reader = try open(.readOnly)
    var held: Snapshot? = try reader.snapshot(at: loaded, before: try reader.snapshot())
    clock.advance(5000)
    #expect(try store.step() == .worked)
    #expect(segmentFiles().count == 2)
    #expect(try Up.numbers(try #require(held)) == Array(0..<20))
    #expect(throws: StoaError.self) { try numbers(reader, at: loaded) }
    held = nil
    try Up.insert([99], store)
    #expect(segmentFiles().count == 1)
    #expect(try Up.numbers(store) == [15, 16, 17, 18, 19, 99])
  }

  @Test("Without retention there is the newest version only, and files go at once")
  func off() throws {
    let store = try make(keeping: 0)
    try Fixture.load(0..<20, into: "t", in: store)
    let loaded = store.commit
    #expect(try numbers(store, at: loaded) == Array(0..<20))
    try Up.delete(Set(0..<15), store)
    let error = #expect(throws: StoaError.self) { try numbers(store, at: loaded) }
    #expect(error?.hint?.contains("SET retention") == true)
    #expect(throws: StoaError.self) { try numbers(store, at: store.commit + 1) }
    try store.compact()
    #expect(segmentFiles().count == 1)
  }

  @Test("A time finds the last commit at or before it")
  func times() throws {
    let store = try make(keeping: 1 << 40)
    var stamps: [(commit: CommitNumber, timestamp: Int64)] = []
    for round in 0..<12 {
      clock.advance(1000)
      try Up.insert([round], store)
      let snapshot = try store.snapshot()
      stamps.append((snapshot.commit, snapshot.timestamp))
      if round % 4 == 3 { try store.checkpoint() }
    }
    clock.advance(500)
    for store in [store, try open(.readOnly)] {
      let newest = try store.snapshot()
      for stamp in stamps {
        for delay in [0, 1, 499] as [Int64] {
          let commit = try store.commit(atTime: stamp.timestamp + delay, before: newest)
          #expect(commit == stamp.commit)
        }
      }
      let oldest = newest.retention
      #expect(
        try store.commit(atTime: oldest.oldestTimestamp, before: newest) == oldest.oldest)
      #expect(throws: StoaError.self) {
        try store.commit(atTime: oldest.oldestTimestamp - 1, before: newest)
      }
      #expect(throws: StoaError.self) {
        try store.commit(atTime: clock.now + 1, before: newest)
      }
    }
  }

  @Test("A time is not looked for beyond a part of the log that cannot be read")
  func damagedTimes() throws {
    let store = try make(keeping: 1 << 40)
    var stamps: [(commit: CommitNumber, timestamp: Int64)] = []
    for round in 0..<6 {
      clock.advance(1000)
      try Up.insert([round], store)
      let snapshot = try store.snapshot()
      stamps.append((snapshot.commit, snapshot.timestamp))
      if round == 3 { try store.checkpoint() }
    }
    let log = try #require(system.files.first { $0.path.hasSuffix("000001.log") })
    let header = try HistoryLog(store.historyFiles, number: 1).headers.first {
      $0.commit == stamps[2].commit
    }
    let place = try #require(header).offset
    for offset in [place, place + 9, place + 17] {
      var bytes = log.contents
      bytes[offset] ^= 0x40
      system.overwrite(log.path, with: bytes)
      let newest = try store.snapshot()
      let error = #expect(throws: StoaError.self) {
        try store.commit(atTime: stamps[2].timestamp + 1, before: newest)
      }
      #expect(error?.kind == .corruption, "offset \(offset)")
      #expect(
        try store.commit(atTime: stamps[4].timestamp, before: newest) == stamps[4].commit)
    }
  }

  @Test("The longest time there is keeps versions for ever")
  func forEver() throws {
    let store = try make(keeping: .max)
    try Up.insert([1], store)
    try store.checkpoint()
    try Up.insert([2], store)
    try store.checkpoint()
    try store.compact()
    #expect(store.microsecondsToExpiry == nil)
    #expect(try numbers(store, at: store.commit) == [1, 2])
  }

  @Test("Logs and checkpoints go with the versions that need them")
  func logs() throws {
    let store = try make(keeping: 10_000)
    func logCount() -> Int { system.files.filter { $0.path.hasSuffix(".log") }.count }
    for round in 0..<10 {
      clock.advance(1000)
      try Up.insert([round], store)
      try store.checkpoint()
    }
    #expect(logCount() == 11)
    clock.advance(6000)
    #expect(try store.step() == .worked)
    #expect((5...7).contains(logCount()))
    #expect(try numbers(store, at: try store.snapshot().retention.oldest).count >= 4)
    clock.advance(60_000)
    #expect(try store.step() == .worked)
    #expect(logCount() == 2)
    #expect(try numbers(store, at: store.commit) == Array(0..<10))
    try store.close()
    let again = try open()
    #expect(again.refusal == nil && again.warnings.isEmpty)
    #expect(try Up.numbers(again) == Array(0..<10))
  }

  @Test("A file that a commit gave up stays until the commit is durable")
  func unsynced() throws {
    let store = try make(keeping: 0)
    try Fixture.load(0..<20, into: "t", in: store)
    do {
      let transaction = try store.begin()
      transaction.isSynchronous = false
      let table = try #require(transaction.catalog.table(named: "t"))
      for segment in transaction.view.segments(of: table.id) {
        try transaction.removeSegment(segment.description)
      }
      try transaction.commit()
    }
    #expect(try Up.numbers(store) == [])
    #expect(segmentFiles().count == 1)
    let lost = system.afterPowerLoss(seed: 1)
    let revived = try Up.open(lost, clock: clock)
    #expect([[], Array(0..<20)].contains(try Up.numbers(revived)))
    try Up.insert([1], store)
    #expect(segmentFiles().isEmpty)
  }

  @Test("A backup holds one version and keeps later ones as long as the warehouse did")
  func backup() throws {
    let store = try make(keeping: 1 << 40)
    try Fixture.load(0..<20, into: "t", in: store)
    let loaded = store.commit
    try Up.delete(Set(0..<15), store)
    try store.compact()
    _ = try Backup.run(store, to: "b")
    let newest = store.commit
    #expect(system.files.filter { $0.path.hasPrefix("b/") && $0.path.hasSuffix(".seg") }.count == 1)
    _ = try Backup.restore("b", to: "r", fileSystem: system)
    let restored = try TableStore.open(
      path: "r", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: 64 << 20),
      options: Up.options(clock: clock))
    #expect(try restored.snapshot().retention.oldest == newest)
    #expect(throws: StoaError.self) { try numbers(restored, at: loaded) }
    try Up.insert([1], restored)
    #expect(try numbers(restored, at: newest) == Array(15..<20))
  }

  @Test("VERIFY knows the files of earlier versions, and finds damage in them")
  func verify() throws {
    let store = try make(keeping: 1 << 40)
    try Fixture.load(0..<20, into: "t", in: store)
    let old = try #require(segmentFiles().first)
    try Up.delete(Set(0..<15), store)
    try store.compact()
    let report = try StoreVerifier.run(try store.snapshot(), isDeep: true)
    #expect(report.findings.isEmpty, "\(report.findings)")
    var bytes = try #require(system.files.first { $0.path == old }).contents
    bytes[bytes.count / 2] ^= 1
    system.overwrite(old, with: bytes)
    let damaged = try StoreVerifier.run(try store.snapshot(), isDeep: true)
    #expect(damaged.findings.contains { $0.severity == .error && $0.object.hasSuffix(".seg") })
  }

  @Test("A checkpoint stopped anywhere misleads nobody who reads an earlier version")
  func stoppedCheckpoint() throws {
    var call = 0
    var stops = 0
    while true {
      let system = SimulatedFileSystem()
      let store = try Up.open(system, clock: clock)
      try Fixture.create("t", in: store)
      try store.setRetention(microseconds: 1 << 40)
      try Up.insert([1], store)
      call += 1
      system.inject(.stop, atCall: system.callCount + call)
      let hasEnded = (try? store.checkpoint()) != nil
      let again = try Up.open(system.afterKill(), clock: clock)
      var past = [(again.commit, [1])]
      for number in 2...4 {
        try Up.insert([number], again)
        past.append((again.commit, Array(1...number)))
      }
      let newest = try again.snapshot()
      for (commit, expected) in past {
        let version = try again.snapshot(at: commit, before: newest)
        #expect(try Up.numbers(version, "t", "\(commit)") == expected, "stopped at call \(call)")
      }
      #expect(try again.versions(before: newest).notices == [], "stopped at call \(call)")
      if hasEnded { break }
      stops += 1
    }
    #expect(stops >= 8)
  }

  @Test("A log or checkpoint that cannot be read hides only versions that need it")
  func unreadableMiddle() throws {
    let store = try make(keeping: 1 << 40)
    var past: [(commit: CommitNumber, log: UInt64, rows: [Int], time: Int64)] = []
    for number in 0..<60 {
      clock.advance(1000)
      try Up.insert([number], store)
      let log = store.inner.withLock { $0.log }
      past.append((store.commit, log, Array(0...number), try store.snapshot().timestamp))
      if number % 5 == 4 { try store.checkpoint() }
    }
    try store.close()
    let logs = Set(past.map(\.log)).sorted()
    #expect(logs.count == 12)
    for number in logs.dropLast(2) {
      let copy = system.afterKill()
      copy.overwrite("w/log/\(fileNumber(number)).log", with: [1, 2, 3])
      let again = try Up.open(copy, clock: clock)
      let newest = try again.snapshot()
      for version in past {
        let found = try? Up.numbers(
          try again.snapshot(at: version.commit, before: newest), "t", "\(version.commit)")
        let byTime = try? again.commit(atTime: version.time, before: newest)
        if version.log != number || found != nil {
          #expect(found == version.rows, "log \(number), version \(version.commit)")
        }
        if version.log != number || byTime != nil {
          #expect(byTime == version.commit, "log \(number), version \(version.commit)")
        }
      }
      // Nothing that others need is removed.
      try Up.insert([1000], again)
      try again.checkpoint()
      try again.close()
      let logCount = copy.files.count { $0.path.hasPrefix("w/log/") }
      #expect(logCount >= logs.count, "log \(number)")
    }
    for number in 2...9 as ClosedRange<UInt64> {
      let copy = system.afterKill()
      copy.overwrite("w/checkpoint/\(fileNumber(number))", with: [1, 2, 3])
      let again = try Up.open(copy, clock: clock)
      let newest = try again.snapshot()
      for version in past {
        let found = try again.snapshot(at: version.commit, before: newest)
        #expect(
          try Up.numbers(found, "t", "\(version.commit)") == version.rows, "checkpoint \(number)")
      }
    }
  }

  @Test(
    "Rows of versions count in the memory budget, as long as they are in use or kept for the next query"
  )
  func memory() throws {
    let budget = MemoryBudget(limit: 64 << 20)
    let store = try TableStore.open(
      path: "w", fileSystem: system, mode: .readWrite, budget: budget,
      options: Up.options(memtable: 1 << 24, clock: clock))
    try Fixture.create("t", in: store)
    try store.setRetention(microseconds: 1 << 40)
    try Up.insert(Array(0..<2000), store)
    let full = store.commit
    try Up.delete(Set(0..<2000), store)
    try store.compact()
    try store.checkpoint()
    let before = budget.usedBytes
    do {
      let version = try store.snapshot(at: full, before: try store.snapshot())
      #expect(budget.usedBytes >= before + version.state.memtableByteCount)
      #expect(version.state.memtableByteCount > 50_000)
    }
    store.history.removeAll()
    #expect(budget.usedBytes <= before)
    budget.setLimit(budget.usedBytes + 20_000)
    let error = #expect(throws: StoaError.self) {
      try store.snapshot(at: full, before: try store.snapshot())
    }
    #expect(error?.kind == .resource)
    #expect(budget.usedBytes <= before)
  }
}
