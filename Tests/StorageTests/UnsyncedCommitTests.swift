import Catalog
import Testing
import Vectors

@testable import Storage

/// Commits that did not wait for the disk: a power loss leaves a prefix of them, and a warehouse that goes on.
@Suite("Unsynced commits")
struct UnsyncedCommitTests {
  /// Commits rows `first..<first + 1`, waiting for the disk or not.
  private func insert(_ first: Int, _ store: TableStore, isSynchronous: Bool) throws {
    let transaction = try store.beginWrite()
    transaction.isSynchronous = isSynchronous
    try Fixture.insert(first..<(first + 1), into: "t", transaction)
    try transaction.commit()
  }

  @Test(
    "Whatever a power loss takes of them, a prefix is left, writable, without warnings of damage")
  func prefix() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try insert(0, store, isSynchronous: true)
    for number in 1..<8 { try insert(number, store, isSynchronous: false) }
    var found: Set<Int> = []
    for seed in 0..<60 as Range<UInt64> {
      let again = try Fixture.open(system.afterPowerLoss(seed: seed))
      #expect(again.refusal == nil, "seed \(seed): \(String(describing: again.refusal))")
      let count = try Fixture.contents(again)["t"]?.count ?? 0
      #expect(try Fixture.contents(again)["t"] == Fixture.expected([0..<count]), "seed \(seed)")
      #expect(count >= 1, "seed \(seed)")
      found.insert(count)
      try insert(50, again, isSynchronous: true)
      #expect(
        try Fixture.contents(again)["t"] == Fixture.expected([0..<count, 50..<51]), "seed \(seed)")
      try again.close()
    }
    #expect(found.count > 2, "\(found)")
    // The next commit that waits makes all of them durable.
    try insert(8, store, isSynchronous: true)
    let last = try Fixture.open(system.afterPowerLoss(seed: 1))
    #expect(try Fixture.contents(last)["t"] == Fixture.expected([0..<9]))
  }

  @Test("Damage before a commit that was written when all was durable is damage, not a torn tail")
  func damage() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    for number in 0..<4 { try insert(number, store, isSynchronous: number % 2 == 0) }
    try insert(4, store, isSynchronous: true)
    let path = "w/log/000001.log"
    let bytes = try system.readAll(path)
    let end = bytes.lastIndex { $0 != 0 } ?? 0
    var offset = LogHeader.byteCount
    var records: [(offset: Int, record: LogRecord)] = []
    while offset <= end {
      let (record, count) = try LogScan.record(
        bytes, at: offset, id: fixedID, number: 1, path: path)
      records.append((offset, record))
      offset += count
    }
    #expect(records.map(\.record.unsyncedCount) == [0, 0, 0, 1, 0, 1])
    #expect(records.map(\.record.durableCommit) == [0, 1, 2, 2, 4, 4])
    for (number, (offset, _)) in records.enumerated() {
      let copy = system.afterKill()
      var broken = bytes
      broken[offset + 9] ^= 1
      copy.overwrite(path, with: broken)
      // As after a power loss that took TIP back.
      try copy.unlink("w/TIP")
      let again = try Fixture.open(copy)
      // The last commit and the unsynced one before it may never have been acknowledged.
      #expect((again.refusal == nil) == (number >= 4), "record \(number): \(again.warnings)")
    }
  }

  @Test("Recover takes what follows a torn commit for what it is: never acknowledged")
  func recover() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try insert(0, store, isSynchronous: true)
    for number in 1..<4 { try insert(number, store, isSynchronous: false) }
    let path = "w/log/000001.log"
    var bytes = try system.readAll(path)
    var offset = LogHeader.byteCount
    for _ in 0..<2 {
      offset += try LogScan.record(bytes, at: offset, id: fixedID, number: 1, path: path).byteCount
    }
    bytes[offset + 50] ^= 1
    for salvage in [false, true] {
      let copy = system.afterKill()
      copy.overwrite(path, with: bytes)
      let report = try RecoverTests.recover(copy, salvage: salvage)
      #expect(!report.isNeeded, "\(report.text)")
      #expect(try Fixture.contents(try Fixture.open(copy))["t"] == Fixture.expected([0..<1]))
    }
  }

  @Test("A process that closes leaves the commits of another alone that the disk does not have yet")
  func othersClose() throws {
    let system = SimulatedFileSystem()
    func open() throws -> TableStore {
      var options = Fixture.storeOptions()
      options.logExtension = 4096
      return try TableStore.open(
        path: "w", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: 64 << 20),
        options: options)
    }
    let first = try open()
    try Fixture.create("t", in: first)
    let second = try open()
    try insert(0, second, isSynchronous: true)
    try insert(1, first, isSynchronous: true)
    try insert(2, second, isSynchronous: true)
    try insert(3, first, isSynchronous: true)
    try insert(4, second, isSynchronous: true)
    try insert(5, first, isSynchronous: true)
    // The first is at the end that TIP names; what follows it does not know.
    try insert(6, second, isSynchronous: false)
    try first.close()
    let killed = try Fixture.open(system.afterKill())
    #expect(try Fixture.contents(killed)["t"] == Fixture.expected([0..<7]))
    try insert(7, second, isSynchronous: true)
    #expect(try Fixture.contents(second)["t"] == Fixture.expected([0..<8]))
    let lost = try Fixture.open(system.afterPowerLoss(seed: 1))
    #expect(try Fixture.contents(lost)["t"] == Fixture.expected([0..<8]))
  }
}
