import Catalog
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// Random inserts, loads, deletes, transactions short and long, steps of upkeep, checkpoints, closings and faults, in up
/// to two writing processes and a reading one, compared with a model after each.
private struct UpkeepSimulation {
  private typealias Up = UpkeepFixture
  private typealias Model = [String: Set<Int>]

  private enum Action: CaseIterable {
    case insert, insertMany, load, delete, transaction, abandoned, truncate
    case step, steps, compact, checkpoint, reopen, retain
    case beginLong, workLong, workLongAgain, commitLong
  }

  /// A transaction that stays open while other things happen.
  private struct LongTransaction {
    let store: TableStore
    let transaction: WriteTransaction
    /// What it sees.
    var seen: Model
    /// Rows of others that it deleted, and its own.
    var deleted: Model = ["t": [], "u": []]
    var inserted: Model = ["t": [], "u": []]
  }

  private let seed: UInt64
  private var random: SplitMix64
  private var system = SimulatedFileSystem()
  private var stores: [TableStore] = []
  private var reader: TableStore?
  private var model: Model = ["t": [], "u": []]
  private var long: [LongTransaction] = []
  private var next = 0
  private var round = 0
  private let clock = Fixture.Clock()
  /// Rows as of commits, for as long as they may be kept.
  private var past: [CommitNumber: Model] = [:]
  /// The fault that waits, and the call it waits for.
  private var fault: (kind: SimulatedFileSystem.Fault, call: Int)?

  init(seed: UInt64) {
    self.seed = seed
    random = SplitMix64(seed: seed)
  }

  private var place: String { "seed \(seed), round \(round)" }

  private mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

  mutating func run(rounds: Int) throws {
    stores = [try Up.open(system, clock: clock)]
    try Fixture.create("t", in: stores[0])
    try createUnsorted()
    if below(2) == 0 { stores.append(try Up.open(system, clock: clock)) }
    if below(2) == 0 { reader = try Up.open(system, .readOnly, clock: clock) }
    for number in 0..<rounds {
      round = number
      try playRound()
    }
    round = rounds
    try finish()
  }

  private func createUnsorted() throws {
    let transaction = try stores[0].beginWrite()
    var table = Fixture.table("u", id: 2)
    table.sortKey = []
    try transaction.apply(.createTable(table))
    try transaction.commit()
  }

  private mutating func playRound() throws {
    injectFault()
    clock.advance(Int64(below(300)))
    let before = model
    var after = model
    var failure: StoaError?
    let action = Action.allCases[below(Action.allCases.count)]
    do { try perform(action, &after) } catch { failure = error as? StoaError }
    if getenv("STOA_TRACE") != nil {
      print(place, action, String(describing: failure), String(describing: fault), system.callCount)
    }
    let struck = fault.map { system.callCount >= $0.call ? $0.kind : nil } ?? nil
    if let failure, failure.kind != .busy, struck == nil {
      Issue.record("\(place): \(action) failed with \(failure)")
    }
    switch struck {
    case .stop?, .stopTorn?:
      try revive(failure == nil ? [after] : [before, after])
    case nil: model = failure == nil ? after : before
    default:
      system.clearFaults()
      endLong { _ in true }
      if stores.contains(where: { $0.refusal != nil }) {
        try revive(failure == nil ? [after] : [before, after])
      } else {
        model = failure == nil ? after : before
        // Other processes see a commit whose TIP could not be written with the next use of the write lock.
        for store in stores { try store.begin().beginChanges() }
      }
    }
    fault = nil
    system.clearFaults()
    if stores.isEmpty { stores = [try Up.open(system, clock: clock)] }
    if round % 4 == 0 || struck != nil || failure != nil {
      try compare("\(action) \(String(describing: struck))")
    }
  }

  private mutating func injectFault() {
    guard below(5) == 0 else { return }
    let kinds: [SimulatedFileSystem.Fault] = [
      .stop, .stopTorn, .stopTorn, .inputOutputError, .diskFull, .diskFullFromHere,
    ]
    let call = system.callCount + 1 + below(below(2) == 0 ? 12 : 120)
    fault = (kinds[below(kinds.count)], call)
    if let fault { system.inject(fault.kind, atCall: fault.call) }
  }

  // MARK: Actions

  private mutating func perform(_ action: Action, _ after: inout Model) throws {
    let which = below(stores.count)
    let store = stores[which]
    let name = below(3) == 0 ? "u" : "t"
    switch action {
    case .insert: try change(store, &after) { try $0.insert(name, 1, $1, &$2) }
    case .insertMany: try change(store, &after) { try $0.insert(name, 10 + $0.below(30), $1, &$2) }
    case .load: try change(store, &after) { try $0.load(name, $1, &$2) }
    case .delete: try change(store, &after) { try $0.delete(name, $1, &$2) }
    case .transaction:
      try change(store, &after) { simulation, transaction, after in
        for _ in 0...simulation.below(4) {
          let name = simulation.below(3) == 0 ? "u" : "t"
          let point = transaction.savepoint()
          let kept = after
          switch simulation.below(3) {
          case 0: try simulation.insert(name, 1 + simulation.below(9), transaction, &after)
          case 1: try simulation.load(name, transaction, &after)
          default: try simulation.delete(name, transaction, &after)
          }
          if simulation.below(4) == 0 {
            transaction.rollback(to: point)
            after = kept
          }
          // Jobs go on beside the transaction, and must not move its rows.
          if simulation.below(2) == 0 { _ = try? store.step() }
        }
      }
    case .abandoned:
      let transaction = try store.begin()
      var ignored = after
      try delete(name, transaction, &ignored)
      try load(name, transaction, &ignored)
      _ = try store.step()
      transaction.rollback()
    case .truncate:
      guard below(4) == 0 else { return }
      let transaction = try store.begin()
      let table = try #require(transaction.catalog.table(named: name))
      let contents = transaction.view.contents(of: table.id)
      let seen = try Up.places(table, contents).places.values.flatMap { $0.map(\.key) }
      #expect(fault != nil || Set(seen) == after[name], "\(place): rows are not seen")
      for source in 0..<contents.sourceCount {
        try transaction.remove(contents.id(ofSource: source), from: table.id)
      }
      after[name]?.subtract(seen)
      try transaction.commit()
    case .step: try store.step()
    case .steps: for _ in 0..<below(30) { try store.step() }
    case .compact: try store.compact(table: below(2) == 0 ? nil : 1)
    case .checkpoint: try store.checkpoint()
    case .beginLong:
      guard long.count < 3, fault == nil else { return }
      let transaction = try store.begin()
      let seen = try contents(transaction.view)
      #expect(seen == model, "\(place): a transaction begins elsewhere")
      long.append(LongTransaction(store: store, transaction: transaction, seen: seen))
    case .workLong, .workLongAgain: try workLong(name)
    case .commitLong: try commitLong(&after)
    case .retain:
      guard below(2) == 0 else { return }
      try store.setRetention(microseconds: [0, 400, 3000, 1_000_000, 1_000_000][below(5)])
    case .reopen:
      endLong { $0 === store }
      stores.remove(at: which)
      try store.close()
      if let again = try? Up.open(system, clock: clock) { stores.append(again) }
    }
  }

  /// One statement in one of the long transactions.
  private mutating func workLong(_ name: String) throws {
    guard !long.isEmpty else { return }
    let index = below(long.count)
    var current = long.remove(at: index)
    let seen = try contents(current.transaction.view)
    #expect(seen == current.seen, "\(place): a long transaction sees what it should not")
    let before = current.seen
    let point = current.transaction.savepoint()
    do {
      switch below(4) {
      case 0: try insert(name, 1 + below(30), current.transaction, &current.seen)
      case 1: try load(name, current.transaction, &current.seen)
      default: try delete(name, current.transaction, &current.seen)
      }
    } catch {
      current.transaction.rollback()
      throw error
    }
    if below(5) == 0 {
      current.transaction.rollback(to: point)
      current.seen = before
    } else {
      let old = before[name] ?? []
      let now = current.seen[name] ?? []
      let gone = old.subtracting(now)
      current.deleted[name]?.formUnion(gone.subtracting(current.inserted[name] ?? []))
      current.inserted[name]?.subtract(gone)
      current.inserted[name]?.formUnion(now.subtracting(old))
    }
    long.insert(current, at: index)
  }

  /// Commits one; it meets a conflict when others deleted a row that it deleted, and never else.
  private mutating func commitLong(_ after: inout Model) throws {
    guard !long.isEmpty else { return }
    let ending = long.remove(at: below(long.count))
    let isMet = ending.deleted.contains { name, rows in !rows.isSubset(of: after[name] ?? []) }
    for (name, rows) in ending.deleted { after[name]?.subtract(rows) }
    for (name, rows) in ending.inserted { after[name]?.formUnion(rows) }
    var failure: StoaError?
    do throws(StoaError) { try ending.transaction.commit() } catch { failure = error }
    guard let failure else {
      #expect(!isMet, "\(place): a conflict went unseen")
      return
    }
    let isConflict = failure.kind == .busy && failure.message.contains("committed first")
    #expect(!isConflict || isMet, "\(place): \(failure) although nobody changed its rows")
    throw failure
  }

  private mutating func endLong(_ condition: (TableStore) -> Bool) {
    for ending in long where condition(ending.store) { ending.transaction.rollback() }
    long.removeAll { condition($0.store) }
  }

  private mutating func change(
    _ store: TableStore, _ after: inout Model,
    _ body: (inout UpkeepSimulation, WriteTransaction, inout Model) throws -> Void
  ) throws {
    let transaction = try store.begin()
    do {
      try body(&self, transaction, &after)
      try transaction.commit()
    } catch {
      transaction.rollback()
      throw error
    }
  }

  private mutating func insert(
    _ name: String, _ count: Int, _ transaction: WriteTransaction, _ after: inout Model
  ) throws {
    var numbers = (0..<count).map { ($0 &* 7919) % (count * 3) + next }
    numbers = Array(Set(numbers)).sorted().shuffled(using: &random)
    next += count * 3
    try Up.insert(numbers, into: name, transaction)
    after[name]?.formUnion(numbers)
  }

  private mutating func load(
    _ name: String, _ transaction: WriteTransaction, _ after: inout Model
  ) throws {
    let range = next..<(next + 1 + below(40))
    next = range.upperBound
    try Fixture.load(range, into: name, transaction)
    after[name]?.formUnion(range)
  }

  private mutating func delete(
    _ name: String, _ transaction: WriteTransaction, _ after: inout Model
  ) throws {
    let rows = (after[name] ?? []).sorted()
    guard !rows.isEmpty else { return }
    let share = [2, 5, 30][below(3)]
    let start = below(rows.count)
    let chosen = Set(rows[start...].prefix(60).filter { _ in random.next() % UInt64(share) == 0 })
    // A snapshot is older than the model where TIP could not be read; then it does not see all of them.
    let deleted = try Up.delete(chosen, of: name, transaction)
    #expect(fault != nil || deleted == chosen, "\(place): rows are not seen")
    after[name]?.subtract(deleted)
  }

  // MARK: Comparison

  private func contents(_ snapshot: Snapshot) throws -> Model {
    var model: Model = [:]
    for name in ["t", "u"] {
      let table = try #require(snapshot.catalog.table(named: name))
      let places = try Up.places(table, snapshot.contents(of: table.id)).places
      model[name] = Set(places.values.joined().map(\.key))
    }
    return model
  }

  private func contents(_ store: TableStore) throws -> Model {
    [
      "t": Set(try Up.numbers(store, "t", place)), "u": Set(try Up.numbers(store, "u", place)),
    ]
  }

  private mutating func compare(_ what: String) throws {
    for store in stores + (reader.map { [$0] } ?? []) {
      let found = try contents(store)
      #expect(found == model, "\(place): \(store.mode) after \(what)")
      let snapshot = try store.snapshot()
      for (name, id) in [("t", 1), ("u", 2)] as [(String, TableID)] {
        #expect(snapshot.rowCount(of: id) == model[name]?.count, "\(place): rows twice")
      }
    }
    guard let first = stores.first else { return }
    past[try first.snapshot().commit] = model
    for store in stores + (reader.map { [$0] } ?? []) { try compareHistory(store, what) }
  }

  /// Some earlier versions, if they are kept.
  private mutating func compareHistory(_ store: TableStore, _ what: String) throws {
    let newest = try store.snapshot()
    let commits = past.keys.filter { $0 < newest.commit }.sorted()
    for _ in 0..<min(3, commits.count) {
      let commit = commits[below(commits.count)]
      let isKept = newest.retention.isOn && commit >= newest.retention.oldest
      do throws(StoaError) {
        let version = try store.snapshot(at: commit, before: newest)
        #expect(isKept, "\(place): version \(commit) is there after \(what)")
        var found: Model = [:]
        for name in ["t", "u"] {
          found[name] = try? Set(Up.numbers(version, name, "\(place), version \(commit)"))
        }
        #expect(found == past[commit], "\(place): version \(commit) after \(what)")
      } catch {
        #expect(
          !isKept && error.kind == .binding, "\(place): version \(commit) after \(what): \(error)")
      }
    }
  }

  /// Opens what a kill or a power loss left: one of the allowed states.
  private mutating func revive(_ allowed: [Model]) throws {
    endLong { _ in true }
    let isPowerLoss = below(2) == 0
    let survivor = isPowerLoss ? system.afterPowerLoss(seed: random.next()) : system.afterKill()
    let writers = stores.count
    stores = []
    reader = reader == nil ? nil : try Up.open(survivor, .readOnly, clock: clock)
    system = survivor
    stores = [try Up.open(system, clock: clock)]
    #expect(stores[0].refusal == nil, "\(place): \(String(describing: stores[0].refusal))")
    let found = try contents(stores[0])
    #expect(allowed.contains(found), "\(place): a lost, half or unasked commit")
    model = found
    let last = try stores[0].snapshot().commit
    // Numbers of commits that are gone may be used again.
    past = past.filter { $0.key <= last }
    if writers > 1 { stores.append(try Up.open(system, clock: clock)) }
  }

  /// Settles, looks for orphans and verifies every byte.
  private mutating func finish() throws {
    endLong { _ in true }
    for store in stores { try store.close() }
    try reader?.close()
    stores = []
    reader = nil
    let store = try Up.open(system, clock: clock)
    try Up.insert([next], store)
    model["t"]?.insert(next)
    try Up.settle(store)
    try store.setRetention(microseconds: 0)
    try store.compact()
    stores = [store]
    try compare("the end")
    let snapshot = try store.snapshot()
    let files = Set(system.files.map(\.path).filter { $0.hasSuffix(".seg") })
    let named = Set(snapshot.references.values.map(\.path))
    #expect(
      files == named,
      "\(place): orphans \(files.subtracting(named)), lost \(named.subtracting(files))")
    #expect(snapshot.state.deletes.isEmpty && snapshot.state.memtableByteCount == 0)
    for table in snapshot.catalog.sortedTables {
      for segment in try snapshot.readers(of: table.id) { try segment.verify(table) }
    }
    try store.close()
  }
}

@Suite("Upkeep simulation")
struct UpkeepSimulationTests {
  /// Runs of each part: STOA_SOAK of them, of about 0.1 s of CPU each; `make soak` has the long simulation.
  private static let runCount =
    getenv("STOA_SOAK").flatMap { UInt64(String(cString: $0)) } ?? 12

  @Test("Nothing is lost, doubled or half done, whatever stops where", arguments: 0..<2)
  func simulate(part: Int) throws {
    let first = getenv("STOA_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = first ?? UInt64.random(in: 0..<1_000_000_000)
    print("upkeep simulation seed \(seed)")
    for index in 0..<UpkeepSimulationTests.runCount {
      var simulation = UpkeepSimulation(seed: seed &+ index &* 2 &+ UInt64(part))
      do { try simulation.run(rounds: 80) } catch {
        Issue.record("seed \(seed &+ index &* 2 &+ UInt64(part)): \(error)")
      }
    }
  }

  @Test("Threads insert and delete while others step and read")
  func threads() throws {
    try withTemporaryDirectory { root in
      var options = UpkeepFixture.options()
      options.lockTimeoutMilliseconds = 20_000
      let store = try TableStore.open(
        path: "\(root)/w", mode: .readWrite, budget: MemoryBudget(limit: 64 << 20), options: options
      )
      try Fixture.create("t", in: store)
      let left = Mutex(3)
      let conflicts = Mutex(0)
      try concurrently(5) { thread in
        if thread == 4 {
          while left.withLock({ $0 > 0 }) { if try store.step() != .worked { usleep(500) } }
          return
        }
        if thread == 3 {
          while left.withLock({ $0 > 0 }) {
            let found = try UpkeepFixture.numbers(store)
            #expect(Set(found).count == found.count)
          }
          return
        }
        defer { left.withLock { $0 -= 1 } }
        for round in 0..<40 {
          let start = thread * 1000 + round * 20
          try UpkeepFixture.insert(Array(start..<(start + 20)), store)
          while true {
            let transaction = try store.begin()
            do {
              try UpkeepFixture.delete(Set(start..<(start + 10)), transaction)
              try transaction.commit()
              break
            } catch let error as StoaError where error.kind == .busy {
              transaction.rollback()
              conflicts.withLock { $0 += 1 }
            }
          }
        }
      }
      let expected = (0..<3).flatMap { thread in
        (0..<40).flatMap { round in (10..<20).map { thread * 1000 + round * 20 + $0 } }
      }
      let found = try UpkeepFixture.numbers(store)
      #expect(
        found == expected,
        "lost \(Set(expected).subtracting(found)), not gone \(Set(found).subtracting(expected))")
      try store.close()
      let again = try Fixture.open(RealFileSystem.shared, path: "\(root)/w")
      #expect(try UpkeepFixture.numbers(again) == expected && again.warnings.isEmpty)
      try again.close()
    }
  }
}
