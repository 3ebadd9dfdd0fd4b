import Catalog
import Testing
import Vectors

@testable import Storage

@Suite("Warehouse storage")
struct TableStoreTests {
  @Test("What was committed is there after reopening")
  func reopen() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<40, into: "t", in: store)
    try Fixture.load(40..<43, into: "t", in: store)
    let expected = ["t": Fixture.expected([0..<40, 40..<43])]
    #expect(try Fixture.contents(store) == expected)
    try store.close()
    let again = try Fixture.open(system, .readOnly)
    #expect(try Fixture.contents(again) == expected)
    #expect(again.warnings.isEmpty && again.commit == 3)
    #expect { try again.beginWrite() } throws: { ($0 as? StoaError)?.kind == .readOnly }
  }

  @Test("The same on a real disk, with a checkpoint and a real lock")
  func realDisk() throws {
    try withTemporaryDirectory { root in
      let path = "\(root)/shop"
      let store = try Fixture.open(RealFileSystem.shared, path: path)
      try Fixture.create("t", in: store)
      try Fixture.load(0..<100, into: "t", in: store)
      try store.checkpoint()
      try Fixture.load(100..<120, into: "t", in: store)
      let other = try Fixture.open(RealFileSystem.shared, path: path)
      #expect(try Fixture.contents(other)["t"]?.count == 120)
      let transaction = try store.beginWrite()
      #expect {
        try other.beginWrite(timeoutMilliseconds: 5)
      } throws: { error in
        let error = error as? StoaError
        return error?.kind == .busy
          && error?.message.contains("process id \(currentProcessID())") == true
      }
      transaction.rollback()
      try Fixture.load(120..<121, into: "t", in: other)
      #expect(try Fixture.contents(store)["t"]?.count == 121)
      try Fixture.load(121..<122, into: "t", in: store)
      try other.close()
      try store.close()
      let reader = try Fixture.open(RealFileSystem.shared, .readOnly, path: path)
      #expect(try Fixture.contents(reader)["t"] == Fixture.expected([0..<100, 100..<122]))
    }
  }

  @Test("A rolled back load leaves no file")
  func rollback() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    do {
      let transaction = try store.beginWrite()
      try Fixture.load(0..<50, into: "t", transaction)
      transaction.rollback()
      #expect(throws: StoaError.self) { try transaction.commit() }
    }
    try {
      let transaction = try store.beginWrite(); try Fixture.load(0..<5, into: "t", transaction)
    }()
    #expect(!system.files.contains { $0.path.hasSuffix(".seg") })
    #expect(try Fixture.contents(store) == ["t": []])
    try Fixture.load(7..<9, into: "t", in: store)
    #expect(try Fixture.contents(store) == ["t": Fixture.expected([7..<9])])
  }

  @Test("A snapshot keeps its rows and files until it goes, also from another process")
  func snapshots() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<20, into: "t", in: store)
    func files() -> Int { system.files.filter { $0.path.hasSuffix(".seg") }.count }
    try {
      let snapshot = try store.snapshot()
      try Fixture.drop("t", in: store)
      #expect(files() == 1)
      let table = try #require(snapshot.catalog.table(named: "t"))
      #expect(try Fixture.rows(table, snapshot.readers(of: table.id)).count == 20)
    }()
    #expect(files() == 0)
    #expect(try Fixture.contents(store).isEmpty)
    try Fixture.create("u", in: store)
    try Fixture.load(0..<20, into: "u", in: store)
    let other = try Fixture.open(system, .readOnly)
    var held: Snapshot? = try other.snapshot()
    try Fixture.drop("u", in: store)
    #expect(files() == 1)
    let table = try #require(held?.catalog.table(named: "u"))
    #expect(try Fixture.rows(table, held!.readers(of: table.id)).count == 20)
    held = nil
    #expect(try Fixture.contents(other).isEmpty)
    try Fixture.create("v", in: store)
    store.leases.removeUnused()
    #expect(files() == 0)
  }

  @Test("On a real disk too, a file dropped by one process stays while another reads it")
  func realLeases() throws {
    try withTemporaryDirectory { root in
      let system = RealFileSystem.shared
      let store = try Fixture.open(system, path: "\(root)/w")
      try Fixture.create("t", in: store)
      try Fixture.load(0..<20, into: "t", in: store)
      let other = try Fixture.open(system, .readOnly, path: "\(root)/w")
      var held: Snapshot? = try other.snapshot()
      try Fixture.drop("t", in: store)
      let table = try #require(held?.catalog.table(named: "t"))
      #expect(try system.list("\(root)/w/segments/1")?.count == 1)
      #expect(try Fixture.rows(table, held!.readers(of: table.id)).count == 20)
      held = nil
      #expect(try Fixture.contents(other).isEmpty)
      store.leases.removeUnused()
      #expect(try system.list("\(root)/w/segments/1")?.count == 0)
    }
  }

  @Test("A long log gets a checkpoint and a successor, old ones go")
  func rotation() throws {
    let system = SimulatedFileSystem()
    var options = Fixture.storeOptions()
    options.logByteLimit = 600
    let store = try TableStore.open(
      path: "w", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: 1 << 24),
      options: options)
    try Fixture.create("t", in: store)
    for row in 0..<40 { try Fixture.load(row..<(row + 1), into: "t", in: store) }
    let logs = try system.list("w/log") ?? []
    #expect(logs.count == 2 && logs != ["000001.log", "000002.log"])
    #expect(try (system.list("w/checkpoint") ?? []).count == 2)
    let again = try Fixture.open(system.afterKill())
    #expect(try Fixture.contents(again)["t"]?.count == 40)
    #expect(again.refusal == nil && again.warnings.isEmpty)
  }

  @Test("A directory of somebody else is not filled, an absent one is not opened read-only")
  func foreign() throws {
    let system = SimulatedFileSystem()
    try system.makeDirectory("w")
    _ = try system.open("w/letter.txt", .create)
    #expect { try Fixture.open(system) } throws: { ($0 as? StoaError)?.kind == .usage }
    #expect { try Fixture.open(system, .readOnly, path: "x") } throws: {
      ($0 as? StoaError)?.kind == .io
    }
    #expect(throws: StoaError.self) { try Fixture.open(system, path: "w/letter.txt") }
  }

  @Test("A column added later reads as its default, and system columns as what the log says")
  func absentColumn() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<20, into: "t", in: store)
    let snapshot = try store.snapshot()
    let table = try #require(snapshot.catalog.table(named: "t"))
    let reader = try #require(try snapshot.readers(of: table.id).first)
    let added = ColumnDefinition(id: 50, name: "x", type: .varchar, initialValue: .string("new"))
    let chunk = try reader.columnChunk(rowGroup: 1, column: added)
    #expect(try chunk.decode(rows: 0..<4).allValues == [Value](repeating: .string("new"), count: 4))
    let commit = ColumnDefinition(id: SystemColumn.commit, name: "$commit", type: .bigint)
    let numbers = try reader.columnChunk(rowGroup: 0, column: commit).decode(rows: 0..<16)
    #expect(numbers.allValues == [Value](repeating: .integer(2), count: 16))
  }

  @Test("Statistics are merged over segments")
  func statistics() throws {
    let store = try Fixture.open(SimulatedFileSystem())
    try Fixture.create("t", in: store)
    try Fixture.load(10..<2000, into: "t", in: store)
    try Fixture.load(1000..<3000, into: "t", in: store)
    let snapshot = try store.snapshot()
    let statistics = try snapshot.statistics(of: 1)
    #expect(statistics.rowCount == 3990)
    let key = try #require(statistics.columns[1])
    #expect(key.minimum == .integer(10) && key.maximum == .integer(2999) && key.nullCount == 0)
    let distinct = try #require(key.distinctCount)
    #expect(abs(distinct - 2990) < 300)
    let name = try #require(statistics.columns[2])
    #expect(name.nullCount == 798 && (name.distinctCount ?? 0).rounded() == 7)
    #expect(name.minimum == .string("name 0 of the rows"))
  }

  @Test("Rows in memory count in the statistics, and so do later ones once they are many")
  func statisticsOfMemory() throws {
    let store = try Fixture.open(SimulatedFileSystem())
    try Fixture.create("t", in: store)
    try Fixture.insert(10..<500, into: "t", in: store)
    func key() throws -> ColumnStatistics? {
      try store.snapshot().statistics(of: 1).columns[1]
    }
    let first = try #require(try key())
    #expect(first.minimum == .integer(10) && first.maximum == .integer(499))
    #expect(abs((first.distinctCount ?? 0) - 490) < 50)
    try Fixture.insert(500..<510, into: "t", in: store)
    #expect(try store.snapshot().statistics(of: 1).rowCount == 500)
    try Fixture.insert(510..<1000, into: "t", in: store)
    #expect(try key()?.maximum == .integer(999))
    try Fixture.load(1000..<1100, into: "t", in: store)
    let last = try #require(try key())
    #expect(last.minimum == .integer(10) && last.maximum == .integer(1099))
    #expect(abs((last.distinctCount ?? 0) - 1090) < 100)
    let name = try #require(try store.snapshot().statistics(of: 1).columns[2])
    #expect(name.distinctCount?.rounded() == 7)
  }

  @Test("The cache stays within the budget and gives memory back")
  func cache() throws {
    let system = SimulatedFileSystem()
    let budget = MemoryBudget(limit: 200_000)
    let store = try Fixture.open(system, budget: budget)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<3000, into: "t", in: store)
    for _ in 0..<3 { #expect(try Fixture.contents(store)["t"]?.count == 3000) }
    #expect(store.cache.byteCount <= 100_000 && store.cache.byteCount > 50_000)
    #expect(budget.usedBytes == store.cache.byteCount)
    store.cache.shrink(by: 10_000)
    #expect(budget.usedBytes == store.cache.byteCount)
    try store.close()
    #expect(budget.usedBytes == 0)
  }

  @Test(
    "A torn tail is dropped, reported, and cut off by the next writer; the orphan of the load goes")
  func tornTail() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    let abandoned = try store.beginWrite()
    try Fixture.load(0..<9, into: "t", abandoned)
    let killed = system.afterKill()
    let log = try killed.readAll("w/log/000001.log")
    killed.overwrite("w/log/000001.log", with: log + Array("COMT torn".utf8))
    let reader = try Fixture.open(killed, .readOnly)
    #expect(reader.warnings.count == 1 && reader.warnings[0].contains("w/log/000001.log, offset"))
    #expect(try Fixture.contents(reader) == ["t": []])
    #expect(killed.files.contains { $0.path.hasSuffix(".seg") })
    let writer = try Fixture.open(killed)
    #expect(writer.warnings.count == 1 && writer.refusal == nil)
    #expect(try killed.readAll("w/log/000001.log") == log)
    #expect(!killed.files.contains { $0.path.hasSuffix(".seg") })
    try Fixture.load(0..<3, into: "t", in: writer)
    #expect(try Fixture.contents(reader) == ["t": Fixture.expected([0..<3])])
  }

  @Test("What an idle process kept goes once it has caught up, though who retired it has ended")
  func idleReader() throws {
    let system = SimulatedFileSystem()
    func segmentCount() -> Int { system.files.count { $0.path.hasSuffix(".seg") } }
    let writer = try Fixture.open(system)
    try Fixture.create("t", in: writer)
    try Fixture.load(0..<9, into: "t", in: writer)
    let idle = try Fixture.open(system, .readOnly)
    _ = try idle.snapshot()
    let retiring = try Fixture.open(system)
    try Fixture.drop("t", in: retiring)
    try retiring.close()
    try Fixture.create("u", in: writer)
    #expect(segmentCount() > 0)
    try idle.catchUp()
    try writer.writeCheckpoint()
    try Fixture.create("v", in: writer)
    #expect(segmentCount() == 0)
    #expect(try Fixture.contents(idle) == ["u": [], "v": []])
  }

  @Test("A disk too full for zeros written ahead still takes the record")
  func fewerZeros() throws {
    /// At how many of its calls a commit fails when the disk is full for that one.
    func failureCount(logExtension: UInt64) throws -> Int {
      var count = 0
      for call in 1...60 {
        let system = SimulatedFileSystem()
        var options = Fixture.storeOptions()
        options.logExtension = logExtension
        let store = try TableStore.open(
          path: "w", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: 64 << 20),
          options: options)
        try Fixture.create("t", in: store)
        system.inject(.diskFull, atCall: system.callCount + call)
        do { try Fixture.create("u", in: store) } catch {
          #expect((error as? StoaError)?.kind == .resource)
          count += 1
        }
        system.clearFaults()
        // After a failed sync nothing is written any more until the warehouse is opened again.
        if store.refusal != nil { continue }
        try Fixture.create("v", in: store)
        #expect(try Fixture.contents(store)["v"] == [])
      }
      return count
    }
    let plain = try failureCount(logExtension: 0)
    #expect(plain > 0)
    #expect(try failureCount(logExtension: 65_536) == plain)
  }

  @Test("A warehouse of a newer version is refused and left as it is")
  func newerVersion() throws {
    let system = SimulatedFileSystem()
    try Fixture.open(system).close()
    var writer = ByteWriter()
    writer.append(Array(try system.readAll("w/WAREHOUSE").prefix(56)))
    writer.setU32(formatVersion + 1, at: 8)
    writer.u64(Checksum.compute(writer.bytes, seed: 0))
    system.overwrite("w/WAREHOUSE", with: writer.bytes)
    let before = system.files.map(\.contents)
    for mode in [AccessMode.readOnly, .readWrite] {
      #expect { try Fixture.open(system, mode) } throws: {
        ($0 as? StoaError)?.kind == .unsupported && ($0 as? StoaError)?.path == "w/WAREHOUSE"
      }
    }
    #expect(system.files.map(\.contents) == before)
  }

  @Test("Transactions of one process share the write lock; the last gives it back")
  func sharedLock() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    let other = try Fixture.open(system)
    let first = try store.beginWrite()
    let second = try store.beginWrite()
    first.rollback()
    #expect { try other.beginWrite(timeoutMilliseconds: 5) } throws: {
      ($0 as? StoaError)?.kind == .busy
    }
    second.rollback()
    try other.beginWrite().rollback()
    try other.close()
    try store.beginWrite().rollback()
    try store.close()
    #expect { try store.beginWrite() } throws: { ($0 as? StoaError)?.kind == .usage }
    #expect { try store.snapshot() } throws: { ($0 as? StoaError)?.kind == .usage }
  }

  @Test(
    "A warehouse that another process made meanwhile, and wrote to, is opened and not called damaged"
  )
  func madeMeanwhile() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<4, into: "t", in: store)
    let before = system.files.filter { !$0.path.hasSuffix("/LOCK") }.map(\.contents)
    // What whoever found no WAREHOUSE a moment ago does next; also while the other one writes.
    let layout = StoreLayout(root: "w")
    let other = WarehouseID(bytes: [UInt8](repeating: 7, count: 16))
    try Creation.run(layout, system, id: other, now: 1)
    let transaction = try store.beginWrite()
    try Creation.run(layout, system, id: other, now: 1)
    transaction.rollback()
    #expect(system.files.filter { !$0.path.hasSuffix("/LOCK") }.map(\.contents) == before)
    #expect(try Fixture.contents(try Fixture.open(system)) == ["t": Fixture.expected([0..<4])])
  }
}
