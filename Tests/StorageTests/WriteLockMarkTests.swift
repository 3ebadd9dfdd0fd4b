import Testing
import Vectors

@testable import Storage

/// Consecutive commits of one store leave out what only others could have changed; so others must be noticed.
@Suite("The mark in LOCK")
struct WriteLockMarkTests {
  @Test("A commit behind one's own looks at no file but LOCK and TIP")
  func ownCommits() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<1, into: "t", in: store)
    try Fixture.insert(1..<2, into: "t", in: store)
    let start = system.callCount
    try Fixture.insert(2..<3, into: "t", in: store)
    let calls = Array(system.calls[start...])
    #expect(calls.count <= 10, "\(calls)")
    #expect(calls.allSatisfy { !$0.hasPrefix("open") && !$0.hasPrefix("look") }, "\(calls)")
    #expect(calls.count { $0.hasPrefix("write") } == 2, "\(calls)")
  }

  /// What the other store does with the lock.
  private static let others: [@Sendable (TableStore) throws -> Void] = [
    { try Fixture.insert(100..<103, into: "t", in: $0) },
    { store in
      try Fixture.insert(100..<103, into: "t", in: store)
      try store.checkpoint()
      try Fixture.insert(103..<104, into: "t", in: store)
    },
    { store in
      try Fixture.insert(100..<103, into: "t", in: store)
      try store.close()
    },
    { try $0.beginWrite().rollback() },
  ]

  @Test("Whatever another store did before it died, the next commit is behind it", arguments: 0..<4)
  func others(_ index: Int) throws {
    let other = WriteLockMarkTests.others[index]
    var call = 1
    while true {
      let system = SimulatedFileSystem()
      let store = try Fixture.open(system)
      try Fixture.create("t", in: store)
      try Fixture.insert(0..<2, into: "t", in: store)
      try Fixture.insert(2..<4, into: "t", in: store)
      var second: TableStore? = try Fixture.open(system)
      let start = system.callCount
      system.inject(.stop, atCall: start + call)
      var isDone = false
      do {
        if let second { try other(second) }
        isDone = true
      } catch {}
      let last = system.callCount
      system.clearFaults()
      second = nil
      try Fixture.insert(4..<6, into: "t", in: store)
      let rows = try #require(try Fixture.contents(store)["t"])
      let own = Fixture.expected([0..<6])
      #expect(own.allSatisfy { rows.contains($0) }, "call \(call): \(rows.count) rows")
      #expect(rows.count - own.count <= 4, "call \(call)")
      if isDone, index < 3 { #expect(rows.count > own.count, "call \(call)") }
      let again = try Fixture.open(system.afterKill())
      #expect(try Fixture.contents(again)["t"] == rows, "call \(call)")
      #expect(again.warnings.isEmpty, "call \(call): \(again.warnings)")
      if last < start + call { break }
      call += 1
    }
    #expect(call > 3)
  }

  @Test("A warehouse that is gone, or another in its place, is noticed")
  func replaced() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<2, into: "t", in: store)
    for file in system.files { try system.unlink(file.path) }
    #expect(throws: StoaError.self) { try Fixture.insert(2..<4, into: "t", in: store) }
    var options = Fixture.storeOptions()
    options.newWarehouseID = .random()
    let other = try TableStore.open(
      path: "w", fileSystem: system, mode: .readWrite, budget: MemoryBudget(limit: 64 << 20),
      options: options)
    #expect(throws: StoaError.self) { try Fixture.insert(2..<4, into: "t", in: store) }
    #expect(try Fixture.contents(other).isEmpty)
  }

  @Test("A writer that does not mark LOCK is noticed by TIP")
  func unmarked() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<2, into: "t", in: store)
    let lock = system.files.first { $0.path == "w/LOCK" }?.contents ?? []
    let other = try Fixture.open(system)
    try Fixture.insert(2..<4, into: "t", in: other)
    system.overwrite("w/LOCK", with: lock)
    try Fixture.insert(4..<6, into: "t", in: store)
    #expect(try Fixture.contents(store)["t"] == Fixture.expected([0..<6]))
  }
}
