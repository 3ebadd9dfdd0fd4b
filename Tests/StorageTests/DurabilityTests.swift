import Catalog
import Testing
import Vectors

@testable import Storage

@Suite("Full disks and disks that fail")
struct DiskTests {
  private static let steps: [(name: String, run: @Sendable (TableStore) throws -> Void)] = [
    ("create", { try Fixture.create("u", in: $0) }),
    ("insert", { try Fixture.insert(60..<64, into: "t", in: $0) }),
    ("load", { try Fixture.load(100..<140, into: "t", in: $0) }),
    (
      "delete",
      { store in
        let transaction = try store.beginWrite()
        try Fixture.delete(rows: [1, 41], of: "t", transaction)
        try transaction.commit()
      }
    ),
    ("compact", { try $0.compact() }),
    ("checkpoint", { try $0.checkpoint() }),
  ]

  @Test("A full disk fails the statement, not reading, and writing goes on when there is space")
  func fullDisk() throws {
    for step in DiskTests.steps {
      let system = SimulatedFileSystem()
      let store = try Fixture.open(system)
      try Fixture.create("t", in: store)
      try Fixture.load(0..<40, into: "t", in: store)
      try Fixture.insert(40..<60, into: "t", in: store)
      let before = try Fixture.contents(store)
      for attempt in 1...3 {
        system.inject(.diskFullFromHere, atCall: system.callCount + 1)
        #expect(throws: StoaError.self, "\(step.name)") { try step.run(store) }
        #expect(try Fixture.contents(store) == before, "\(step.name), attempt \(attempt)")
        #expect(store.refusal == nil, "\(step.name): \(String(describing: store.refusal))")
        let other = try Fixture.open(system.afterKill(), .readOnly)
        #expect(try Fixture.contents(other) == before && other.warnings.isEmpty)
      }
      system.clearFaults()
      try step.run(store)
      try Fixture.insert(200..<201, into: "t", in: store)
      let after = try Fixture.contents(store)
      try store.close()
      let again = try Fixture.open(system.afterPowerLoss(seed: 1))
      #expect(try Fixture.contents(again) == after && again.warnings.isEmpty, "\(step.name)")
    }
  }

  @Test("After a failed sync nothing is written any more; opened again, it goes on")
  func failedSync() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<4, into: "t", in: store)
    let start = system.callCount
    try Fixture.insert(4..<5, into: "t", in: store)
    let sync = try #require(
      system.calls[start...].firstIndex { $0.hasPrefix("sync w/log") })
    system.inject(.inputOutputError, atCall: system.callCount + sync - start + 1)
    #expect(throws: StoaError.self) { try Fixture.insert(5..<6, into: "t", in: store) }
    #expect(store.refusal?.kind == .readOnly)
    #expect(try Fixture.contents(store)["t"] == Fixture.expected([0..<5]))
    let calls = system.callCount
    #expect(throws: StoaError.self) { try Fixture.insert(6..<7, into: "t", in: store) }
    #expect(!system.calls[calls...].contains { $0.hasPrefix("write") || $0.hasPrefix("sync") })
    try store.close()
    let again = try Fixture.open(system)
    #expect(again.refusal == nil)
    let rows = try Fixture.contents(again)["t"]
    #expect(rows == Fixture.expected([0..<5]) || rows == Fixture.expected([0..<6]))
    try Fixture.insert(7..<8, into: "t", in: again)
  }
}

@Suite("What others committed")
struct TipTests {
  @Test("TIP that cannot be read is tried again, then an error, never an older state")
  func unreadable() throws {
    let system = SimulatedFileSystem()
    let writer = try Fixture.open(system)
    try Fixture.create("t", in: writer)
    let reader = try Fixture.open(system, .readOnly)
    _ = try reader.snapshot()
    try Fixture.insert(0..<4, into: "t", in: writer)
    for attempt in 1...3 { system.inject(.inputOutputError, atCall: system.callCount + attempt) }
    #expect { try reader.snapshot() } throws: { ($0 as? StoaError)?.kind == .io }
    system.clearFaults()
    system.inject(.inputOutputError, atCall: system.callCount + 1)
    #expect(try reader.snapshot().rowCount(of: 1) == 4)
    #expect(reader.warnings.isEmpty)
  }

  @Test("With TIP damaged, readers read what the log has")
  func damaged() throws {
    let system = SimulatedFileSystem()
    let writer = try Fixture.open(system)
    try Fixture.create("t", in: writer)
    let reader = try Fixture.open(system, .readOnly)
    _ = try reader.snapshot()
    try Fixture.insert(0..<4, into: "t", in: writer)
    system.overwrite("w/TIP", with: [1, 2, 3])
    #expect(try reader.snapshot().rowCount(of: 1) == 4)
    #expect(reader.warnings.contains { $0.contains("TIP") })
    try Fixture.insert(4..<6, into: "t", in: writer)
    #expect(try reader.snapshot().rowCount(of: 1) == 6)
  }
}

@Suite("Length of the log")
struct LogLengthTests {
  @Test("Small commits without end keep the log short")
  func stream() throws {
    let system = SimulatedFileSystem()
    var options = Fixture.storeOptions()
    options.logByteLimit = 4 << 10
    options.logExtension = 0
    options.memtableByteLimit = 24 << 10
    options.upkeep.logByteLimit = 40 << 10
    let store = try TableStore.open(
      path: "w", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: 64 << 20),
      options: options)
    try Fixture.create("t", in: store)
    // Somebody who writes all the time, so that no commit is the last writer.
    let open = try store.begin()
    try Fixture.insert(0..<1, into: "t", open)
    var longest: UInt64 = 0
    for round in 0..<400 {
      try Fixture.insert((round * 10)..<(round * 10 + 10), into: "t", in: store)
      for file in system.files where file.path.contains("log/") {
        longest = max(longest, UInt64(file.contents.count))
      }
    }
    #expect(longest < 64 << 10)
    open.rollback()
    #expect(try store.snapshot().rowCount(of: 1) == 4000)
  }

  @Test("Many commits end a log, however short they are")
  func manyCommits() throws {
    let system = SimulatedFileSystem()
    var options = Fixture.storeOptions()
    options.logCommitLimit = 50
    let store = try TableStore.open(
      path: "w", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: 64 << 20),
      options: options)
    try Fixture.create("t", in: store)
    for row in 0..<160 { try Fixture.insert(row..<(row + 1), into: "t", in: store) }
    #expect(store.inner.withLock { $0.log } == 4)
    try store.close()
    #expect(try Fixture.contents(try Fixture.open(system))["t"] == Fixture.expected([0..<160]))
  }
}
