import Catalog
import TestSupport
import Testing
import Vectors

@testable import Storage

/// Transactions whose rows flush and compaction move while they are open.
@Suite("Transactions and moved rows")
struct MovedRowsTests {
  private typealias Up = UpkeepFixture

  /// Rows 0..<200 of `t` in memory, and as many in four segments.
  private func opened(memtable: Int = 1 << 20) throws -> (SimulatedFileSystem, TableStore) {
    let system = SimulatedFileSystem()
    let store = try Up.open(system, memtable: memtable)
    try Fixture.create("t", in: store)
    for run in 0..<4 {
      try Up.insert((0..<50).map { $0 * 8 + run }, store)
      try Up.flush(store)
    }
    try Up.insert((0..<50).flatMap { row in (4..<8).map { row * 8 + $0 } }, store)
    return (system, store)
  }

  private let all = Set(0..<400)

  private func expect(_ store: TableStore, _ expected: Set<Int>, _ place: String = "") throws {
    #expect(try Up.numbers(store) == expected.sorted(), "\(place)")
  }

  @Test("Rows moved by flush, merge and both are deleted where they are now")
  func relocated() throws {
    let (system, store) = try opened()
    let early = try store.begin()
    try Up.delete([0, 4, 100, 399], early)
    try Up.insert([1000, 1001], early)
    try Up.flush(store)
    let middle = try store.begin()
    try Up.delete([1, 5], middle)
    try store.compact()
    try Up.delete([2, 7], store)
    let late = try store.begin()
    try Up.delete([1, 3], late)
    try early.commit()
    try middle.commit()
    let expected = all.subtracting([0, 4, 100, 399, 1, 5, 2, 7]).union([1000, 1001])
    try expect(store, expected)
    #expect { try late.commit() } throws: { ($0 as? StoaError)?.kind == .busy }
    try expect(store, expected)
    try expect(try Up.open(system.afterKill()), expected)
    try store.compact()
    try expect(store, expected)
    #expect(try store.snapshot().state.deletes.isEmpty)
  }

  @Test("A row that another deleted before, during or after the move is a conflict")
  func conflicts() throws {
    for when in 0..<4 {
      let (_, store) = try opened()
      let transaction = try store.begin()
      try Up.delete([12, 20], transaction)
      let other = when == 3 ? 21 : 20
      if when == 0 { try Up.delete([other], store) }
      let plan = try #require(
        UpkeepPlanner(options: store.options.upkeep, memtableByteLimit: 1 << 20)
          .flush(1, try store.snapshot().state))
      try store.begin(plan: plan)
      if when == 1 { try Up.delete([other], store) }
      try store.finishJob()
      if when >= 2 { try Up.delete([other], store) }
      if when == 3 {
        try transaction.commit()
        try expect(store, all.subtracting([12, 20, 21]))
      } else {
        var failure: StoaError?
        do throws(StoaError) { try transaction.commit() } catch { failure = error }
        #expect(failure?.kind == .busy && failure?.message.contains("the same rows") == true)
        try expect(store, all.subtracting([20]))
      }
    }
  }

  @Test("Rows that another process moved are found by their values, also equal ones")
  func otherProcess() throws {
    let (system, store) = try opened()
    try Up.insert([40, 40, 44], store)
    let other = try Up.open(system)
    let transaction = try store.begin()
    try other.compact()
    try Up.delete([0, 8, 40, 41, 399], transaction)
    try transaction.commit()
    #expect(Set(try Up.numbers(store)) == all.subtracting([0, 8, 40, 41, 399]))
    #expect(try Up.numbers(store).filter { $0 == 44 }.count == 2)

    let second = try store.begin()
    let third = try store.begin()
    try Up.delete([50], other)
    try other.compact()
    try Up.delete([50, 51], second)
    #expect { try second.commit() } throws: { ($0 as? StoaError)?.kind == .busy }
    try Up.delete([52, 53], third)
    try third.commit()
    #expect(Set(try Up.numbers(store)) == all.subtracting([0, 8, 40, 41, 399, 50, 52, 53]))
  }

  @Test("The first change of a process does not remove files that its own older snapshot needs")
  func ownSnapshot() throws {
    let (system, first) = try opened()
    try first.compact()
    try first.close()
    let store = try Up.open(system)
    func change() throws {
      let transaction = try store.begin()
      let other = try Up.open(system)
      try Up.delete([0], other)
      try other.compact()
      try other.close()
      try Up.delete([1, 399], transaction)
      try transaction.commit()
    }
    try change()
    try expect(store, all.subtracting([0, 1, 399]))
    // With that transaction gone, so are the files.
    try store.begin().beginChanges()
    let named = Set(try store.snapshot().references.values.map(\.path))
    #expect(Set(system.files.map(\.path).filter { $0.hasSuffix(".seg") }) == named)
  }

  @Test("TRUNCATE takes moved rows too, and is a conflict once there are others")
  func truncated() throws {
    for isChanged in [false, true] {
      let (_, store) = try opened()
      let transaction = try store.begin()
      let contents = transaction.view.contents(of: 1)
      for source in 0..<contents.sourceCount {
        try transaction.remove(contents.id(ofSource: source), from: 1)
      }
      try Up.insert([7], transaction)
      try Up.flush(store)
      try store.compact()
      if isChanged {
        try Up.insert([1000], store)
        #expect { try transaction.commit() } throws: { ($0 as? StoaError)?.kind == .busy }
        try expect(store, all.union([1000]))
      } else {
        try transaction.commit()
        try expect(store, [7])
      }
    }
  }

  @Test("What became of a table's rows is known through moves, and nothing else is claimed")
  func fates() throws {
    let (system, store) = try opened()
    func fate(_ base: StoreState) throws -> RowMoves.Fate {
      let moves = RowMoves(moves: store.inner.withLock { $0.moves })
      return moves.fate(of: 1, base: base, newest: try store.snapshot().state)
    }
    try Up.delete([0, 9], store)
    // Keeps the moves.
    let open = try store.begin()
    let base = open.snapshot.state
    #expect(try fate(base).isUnchanged)
    try Up.flush(store)
    try store.compact()
    #expect(try fate(base).isUnchanged)
    try Up.insert([1000], store)
    #expect(try fate(base).keepsRows && !(try fate(base).isUnchanged))
    try Up.delete([1000], store)
    #expect(try fate(base).isUnchanged)
    let middle = try store.snapshot().state
    try Up.delete([1], store)
    #expect(try !fate(base).keepsRows && !(try fate(middle).keepsRows))
    let after = try store.snapshot().state
    let other = try Up.open(system)
    try other.compact()
    #expect(try !fate(after).keepsRows)
    open.rollback()
  }

  @Test("Deletes that came during a job that a transaction's snapshot lies in are no losses")
  func fateWithinJob() throws {
    let (_, store) = try opened()
    let plan = try #require(
      UpkeepPlanner(options: store.options.upkeep, memtableByteLimit: 1 << 20)
        .flush(1, try store.snapshot().state))
    try store.begin(plan: plan)
    try Up.delete([4, 5], store)
    let open = try store.begin()
    try Up.delete([6], open)
    try store.finishJob()
    let moves = RowMoves(moves: store.inner.withLock { $0.moves })
    let newest = try store.snapshot().state
    #expect(moves.fate(of: 1, base: open.snapshot.state, newest: newest).isUnchanged)
    try open.commit()
    try expect(store, all.subtracting([4, 5, 6]))
  }

  @Test("Maps are counted and kept only as long as a transaction is open that may ask for them")
  func bounded() throws {
    let (_, store) = try opened()
    let before = try store.begin()
    try Up.flush(store)
    try store.compact()
    #expect(store.inner.withLock { $0.moves.count } >= 2)
    let second = try store.begin()
    before.rollback()
    #expect(store.inner.withLock { $0.moves.isEmpty })
    second.rollback()
    #expect(store.inner.withLock { $0.openCommits.isEmpty })
    // Without room for a map, rows are found by their values.
    let tight = try store.begin()
    try Up.insert((0..<50).map { $0 + 2000 }, store)
    let later = try store.begin()
    try Up.delete([2001, 3], later)
    store.budget.setLimit(3000)
    try Up.flush(store)
    #expect(store.inner.withLock { $0.moves.isEmpty })
    store.budget.setLimit(64 << 20)
    try later.commit()
    tight.rollback()
    try expect(store, all.subtracting([3]).union((2000..<2050).filter { $0 != 2001 }))
    store.cache.removeAll()
    let held = store.inner.withLock { $0.memtables.byteCount }
    #expect(store.budget.usedBytes == held)
  }

  @Test("Steps go on while a transaction has changed rows, of its own table as of others")
  func unhindered() throws {
    let (_, store) = try opened(memtable: 4096)
    let transaction = try store.begin()
    try Up.delete([0, 4], transaction)
    for start in stride(from: 1000, to: 3000, by: 50) {
      try Up.insert(Array(start..<(start + 50)), store)
    }
    try Up.settle(store)
    #expect(try store.snapshot().state.memtableByteCount < 3 * 4096)
    try transaction.commit()
    try expect(store, all.subtracting([0, 4]).union(1000..<3000))
  }
}

/// Rows of open transactions.
@Suite("Rows of transactions")
struct OwnRowsTests {
  private typealias Up = UpkeepFixture

  private func opened(_ limit: Int) throws -> (SimulatedFileSystem, TableStore) {
    let system = SimulatedFileSystem()
    var options = Up.options(memtable: 1 << 20)
    options.transactionByteLimit = 32 << 10
    options.upkeep.segments.rowGroupCapacity = 1024
    let store = try TableStore.open(
      path: "w", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: limit),
      options: options)
    try Fixture.create("t", in: store)
    return (system, store)
  }

  @Test(
    "Many small inserts of one transaction become segments, sorted, without those deleted again")
  func spilled() throws {
    let (system, store) = try opened(64 << 20)
    let transaction = try store.begin()
    let numbers = (0..<3000).map { ($0 * 7919) % 3000 }
    for start in stride(from: 0, to: 3000, by: 100) {
      try Up.insert(Array(numbers[start..<(start + 100)]), transaction)
      try Up.delete([numbers[start], numbers[start / 2]], transaction)
    }
    let contents = transaction.view.contents(of: 1)
    #expect(contents.segments.count >= 3 && contents.memtables.count <= 1)
    let used = store.budget.usedBytes
    #expect(used > 0 && used < 64 << 10)
    let gone = Set(stride(from: 0, to: 3000, by: 100).flatMap { [numbers[$0], numbers[$0 / 2]] })
    try transaction.commit()
    #expect(try Up.numbers(store) == (0..<3000).filter { !gone.contains($0) })
    #expect(try Up.numbers(try Up.open(system.afterKill())).count == 3000 - gone.count)
    try store.compact()
    #expect(try Up.numbers(store).count == 3000 - gone.count)
    #expect(store.inner.withLock { $0.memtables.byteCount } < 1000)
  }

  @Test("Back to a savepoint before rows became a segment: they are in memory again, the file goes")
  func savepoint() throws {
    let (system, store) = try opened(64 << 20)
    let transaction = try store.begin()
    try Up.insert(Array(0..<100), transaction)
    let point = transaction.savepoint()
    try Up.insert(Array(100..<1000), transaction)
    try Up.delete([3, 200], transaction)
    #expect(transaction.view.contents(of: 1).segments.count == 1)
    transaction.rollback(to: point)
    #expect(transaction.view.contents(of: 1).segments.isEmpty)
    try Up.insert([5000], transaction)
    try transaction.commit()
    #expect(try Up.numbers(store) == Array(0..<100) + [5000])
    #expect(system.files.allSatisfy { !$0.path.hasSuffix(".seg") })
    try store.close()
    #expect(try Up.numbers(try Up.open(system)) == Array(0..<100) + [5000])
  }

  @Test("With little memory rows go to segments early, and the error names the limit")
  func tight() throws {
    let (_, store) = try opened(400 << 10)
    let other = MemoryReservation(store.budget)
    try other.resize(to: 340 << 10, for: "a test")
    let transaction = try store.begin()
    var failure: StoaError?
    var count = 0
    while count < 5000, failure == nil {
      do { try Up.insert(Array(count..<(count + 100)), transaction) } catch {
        failure = error as? StoaError
      }
      count += 100
    }
    #expect(failure == nil || failure?.kind == .resource)
    #expect(failure == nil || failure?.description.contains("memory_limit") == true)
    transaction.rollback()
    other.set(to: 0)
    let again = try store.begin()
    for start in stride(from: 0, to: 5000, by: 100) {
      try Up.insert(Array(start..<(start + 100)), again)
    }
    #expect(store.budget.usedBytes < 200 << 10)
    try again.commit()
    #expect(try Up.numbers(store) == Array(0..<5000))
  }

  @Test("Rows in memory are counted, in every process, and flushed sooner when memory is scarce")
  func memtables() throws {
    let (system, store) = try opened(2 << 20)
    let budget = MemoryBudget(limit: 64 << 20)
    let reader = try Fixture.open(system, .readOnly, budget: budget)
    try Up.insert(Array(0..<500), store)
    _ = try reader.snapshot()
    let held = store.inner.withLock { $0.memtables.byteCount }
    #expect(held > 500 * 30 && budget.usedBytes == held)
    #expect(store.memtableByteLimit == 128 << 10)
    for start in stride(from: 1000, to: 20_000, by: 500) {
      try Up.insert(Array(start..<(start + 500)), store)
    }
    #expect(store.inner.withLock { $0.memtables.byteCount } < 600 << 10)
    #expect(try Up.numbers(store) == Array(0..<500) + Array(1000..<20_000))
  }
}
