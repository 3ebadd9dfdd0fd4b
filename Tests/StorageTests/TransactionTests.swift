import Catalog
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Storage

@Suite("Transactions")
struct TransactionTests {
  private func opened(_ system: any FileSystem) throws -> TableStore {
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    return store
  }

  private func rows(_ store: TableStore) throws -> [[Value]] {
    try Fixture.contents(store)["t"] ?? []
  }

  @Test("Inserted rows are there at once, after a kill, in readers, and after a checkpoint")
  func inserted() throws {
    let system = SimulatedFileSystem()
    let store = try opened(system)
    let reader = try Fixture.open(system, .readOnly)
    for row in 0..<100 { try Fixture.insert(row..<(row + 1), into: "t", in: store) }
    try Fixture.insert(100..<1200, into: "t", in: store)
    let expected = Fixture.expected([0..<1200])
    #expect(try rows(store) == expected)
    #expect(try rows(reader) == expected)
    #expect(system.files.allSatisfy { !$0.path.hasSuffix(".seg") })
    let killed = try Fixture.open(system.afterKill())
    #expect(try rows(killed) == expected && killed.warnings.isEmpty)
    try store.checkpoint()
    #expect(try rows(try Fixture.open(system.afterKill())) == expected)
    #expect(try rows(reader) == expected)
    try store.close()
    let again = try Fixture.open(system)
    #expect(try rows(again) == expected && again.warnings.isEmpty)
  }

  @Test("Small commits make few blocks, whatever their sizes")
  func blocks() throws {
    var memtable = Memtable(id: 1)
    var generator = SystemRandomNumberGenerator()
    var row = 0
    for _ in 0..<3000 {
      let count = Int.random(in: 0..<8, using: &generator) == 0 ? 300 : 1
      memtable.append(
        RowBlock(columns: [1, 2, 3, 4], batch: Fixture.batch(row..<(row + count))))
      row += count
    }
    #expect(memtable.rowCount == row && memtable.blocks.count < 60, "\(memtable.blocks.count)")
    #expect(memtable.starts.first == 0)
    for (index, start) in memtable.starts.enumerated().dropFirst() {
      #expect(start == memtable.starts[index - 1] + memtable.blocks[index - 1].rowCount)
      #expect(memtable.blocks[index].vector(1)?.value(at: 0) == .integer(Int128(start)))
    }
  }

  @Test("A transaction sees its own changes; others see them with the commit")
  func isolation() throws {
    let store = try opened(SimulatedFileSystem())
    try Fixture.load(0..<20, into: "t", in: store)
    let transaction = try store.begin()
    try Fixture.insert(20..<23, into: "t", transaction)
    try Fixture.delete(rows: [0, 21], of: "t", transaction)
    let table = try #require(transaction.catalog.table(named: "t"))
    func own() throws -> [[Value]] {
      try Fixture.rows(table, transaction.view.contents(of: table.id))
    }
    let expected = Fixture.expected([1..<20, 20..<21, 22..<23])
    #expect(try own() == expected)
    #expect(try rows(store) == Fixture.expected([0..<20]))
    let savepoint = transaction.savepoint()
    try Fixture.delete(rows: [1, 2, 20], of: "t", transaction)
    try Fixture.load(30..<35, into: "t", transaction)
    #expect(try own().count == expected.count + 2)
    transaction.rollback(to: savepoint)
    #expect(try own() == expected)
    try transaction.commit()
    #expect(try rows(store) == expected)
    #expect(try store.snapshot().rowCount(of: table.id) == expected.count)
    #expect(try store.snapshot().statistics(of: table.id).rowCount == expected.count)
  }

  @Test("A transaction of many small inserts is one record of several blocks")
  func manyBlocks() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system, budget: MemoryBudget(limit: 1 << 30))
    try Fixture.create("t", in: store)
    let transaction = try store.begin()
    for start in stride(from: 0, to: 140_000, by: 7000) {
      try Fixture.insert(start..<(start + 7000), into: "t", transaction)
    }
    try Fixture.delete(rows: Array(0..<10), of: "t", transaction)
    try transaction.commit()
    #expect(store.commit == 2)
    let again = try Fixture.open(system.afterKill())
    let table = try #require(try again.snapshot().catalog.table(named: "t"))
    let contents = try again.snapshot().contents(of: table.id)
    #expect(contents.rowCount == 139_990 && contents.memtables.count == 1)
    #expect(contents.memtables[0].blocks.allSatisfy { $0.rowCount <= Memtable.blockCapacity })
    #expect(contents.memtables[0].blocks.first?.vector(1)?.value(at: 0) == .integer(10))
  }

  @Test("Two transactions of a process: both commit unless they changed the same")
  func conflicts() throws {
    let store = try opened(SimulatedFileSystem())
    try Fixture.load(0..<10, into: "t", in: store)
    let first = try store.begin()
    let second = try store.begin()
    try Fixture.insert(10..<12, into: "t", first)
    try Fixture.delete(rows: [3], of: "t", first)
    try Fixture.insert(12..<13, into: "t", second)
    try Fixture.delete(rows: [4], of: "t", second)
    try first.commit()
    try second.commit()
    let expected = Fixture.expected([0..<3, 5..<10, 10..<13])
    #expect(try rows(store) == expected)

    let third = try store.begin()
    let fourth = try store.begin()
    try Fixture.delete(rows: [5, 10], of: "t", third)
    try Fixture.delete(rows: [5], of: "t", fourth)
    try Fixture.insert(50..<51, into: "t", fourth)
    try third.commit()
    #expect {
      try fourth.commit()
    } throws: { error in
      let error = error as? StoaError
      return error?.kind == .busy && error?.message.contains("the same rows") == true
    }
    #expect(try rows(store) == Fixture.expected([0..<3, 6..<10, 11..<13]))
  }

  @Test("A table changed, emptied or dropped meanwhile is a conflict")
  func tableConflicts() throws {
    let store = try opened(SimulatedFileSystem())
    try Fixture.load(0..<10, into: "t", in: store)
    let table = try #require(try store.snapshot().catalog.table(named: "t"))
    let truncating = try store.begin()
    for segment in truncating.snapshot.contents(of: table.id).segments {
      try truncating.removeSegment(segment.description)
    }
    let inserting = try store.begin()
    try Fixture.insert(10..<11, into: "t", inserting)
    try inserting.commit()
    #expect(throws: StoaError.self) { try truncating.commit() }
    let late = try store.begin()
    try Fixture.insert(11..<12, into: "t", late)
    try Fixture.drop("t", in: store)
    #expect { try late.commit() } throws: { ($0 as? StoaError)?.kind == .busy }
    #expect(try Fixture.contents(store).isEmpty)
  }

  @Test("A validator hears of commits made meanwhile, and can refuse")
  func validators() throws {
    let store = try opened(SimulatedFileSystem())
    let calls = Mutex(0)
    for isRefusing in [false, true] {
      let transaction = try store.begin()
      try Fixture.insert(0..<1, into: "t", transaction)
      transaction.addValidator { (view: CommitView) throws(StoaError) in
        calls.withLock { $0 += 1 }
        if isRefusing { throw StoaError(.constraint, "no") }
      }
      try Fixture.insert(5..<6, into: "t", in: store)
      if isRefusing {
        #expect { try transaction.commit() } throws: { ($0 as? StoaError)?.kind == .constraint }
      } else {
        try transaction.commit()
      }
    }
    #expect(calls.withLock { $0 } == 2)
    #expect(try rows(store).count == 3)
  }

  @Test("Many threads commit at once: nothing is lost, and they share syncs")
  func groupCommit() throws {
    try withTemporaryDirectory { root in
      let store = try opened(RealFileSystem.shared, path: "\(root)/w")
      try concurrently(8) { thread in
        for index in 0..<25 {
          let transaction = try store.begin()
          try Fixture.insert(
            (thread * 25 + index)..<(thread * 25 + index + 1), into: "t", transaction)
          try transaction.commit()
        }
      }
      #expect(store.commit == 201)
      let found = Set(try rows(store).map { "\($0[0])" })
      #expect(found.count == 200)
      try store.close()
      let again = try Fixture.open(RealFileSystem.shared, path: "\(root)/w")
      #expect(try rows(again).count == 200 && again.warnings.isEmpty)
      try again.close()
    }
  }

  private func opened(_ system: any FileSystem, path: String) throws -> TableStore {
    let store = try Fixture.open(system, path: path)
    try Fixture.create("t", in: store)
    return store
  }

  @Test("Without waiting for the disk, changes are seen at once and durable after closing")
  func asynchronous() throws {
    let system = SimulatedFileSystem()
    let store = try opened(system)
    let syncs = system.calls.filter { "\($0)".contains("sync") }.count
    for row in 0..<20 {
      let transaction = try store.begin()
      transaction.isSynchronous = false
      try Fixture.insert(row..<(row + 1), into: "t", transaction)
      try transaction.commit()
    }
    #expect(system.calls.filter { "\($0)".contains("sync") }.count == syncs)
    #expect(try rows(store) == Fixture.expected([0..<20]))
    try store.close()
    #expect(try rows(try Fixture.open(system.afterPowerLoss(seed: 7))).count == 20)
  }

  @Test("Inserted rows keep every type and NULL through the log")
  func types() throws {
    let types: [LogicalType] = [
      .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double,
      .decimal(precision: 30, scale: 4), .varchar, .date, .timestamp,
    ]
    let table = TableDefinition(
      id: 1, name: "t",
      columns: types.enumerated().map {
        ColumnDefinition(id: ColumnID($0 + 1), name: "c\($0)", type: $1)
      })
    let values: [[Value]] = [
      [.boolean(true), .null, .boolean(false)], [.integer(-128), .integer(127), .null],
      [.null, .integer(-32768), .integer(5)], [.integer(1), .integer(2), .integer(3)],
      [.integer(Int128(Int64.min)), .null, .integer(Int128(Int64.max))],
      [.integer(Int128.max), .integer(Int128.min), .null], [.double(1.5), .null, .double(-0.25)],
      [.double(.infinity), .double(.nan), .double(1e-300)],
      [.integer(123_456), .null, .integer(-1)],
      [.string(""), .string("a longer string than twelve bytes, with \u{1F600}"), .null],
      [.integer(0), .integer(-1), .null], [.null, .null, .null],
    ]
    let batch = Batch(columns: zip(types, values).map { Vector.make($0, $1) }, rowCount: 3)
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    let transaction = try store.beginWrite()
    try transaction.apply(.createTable(table))
    try transaction.insert(
      RowBlock(columns: table.columns.map(\.id), batch: batch), into: table.id)
    try transaction.commit()
    let expected = (0..<3).map { row in values.map { $0[row] } }
    #expect(try rows(store).description == expected.description)
    #expect(try rows(try Fixture.open(system.afterKill())).description == expected.description)
  }
}
