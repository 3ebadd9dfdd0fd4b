import Catalog
import Testing
import Vectors

@testable import Storage

/// A sequence of commits is stopped at every call to the file system. Whatever survives must open at the state
/// before or after the commit that was under way, and take further writes.
@Suite("Crash simulation")
struct CrashTests {
  private typealias Contents = [String: [[Value]]]

  private struct Step: Sendable {
    let name: String
    let run: @Sendable (TableStore) throws -> Void
  }

  private static let steps: [Step] = [
    Step(name: "create t") { try Fixture.create("t", in: $0) },
    Step(name: "load t") { try Fixture.load(0..<40, into: "t", in: $0) },
    Step(name: "create and load u, load t") { store in
      let transaction = try store.beginWrite()
      try transaction.apply(
        .createTable(Fixture.table("u", id: transaction.catalog.nextTableID)))
      try Fixture.load(5..<9, into: "u", transaction)
      try Fixture.load(40..<60, into: "t", transaction)
      try transaction.commit()
    },
    Step(name: "insert into t and u, delete of t") { store in
      let transaction = try store.beginWrite()
      try Fixture.insert(100..<103, into: "t", transaction)
      try Fixture.insert(9..<10, into: "u", transaction)
      try Fixture.delete(rows: [0, 41], of: "t", transaction)
      try transaction.commit()
    },
    Step(name: "drop u") { try Fixture.drop("u", in: $0) },
    Step(name: "checkpoint") { try $0.checkpoint() },
    Step(name: "delete an inserted row") { store in
      let transaction = try store.beginWrite()
      try Fixture.delete(rows: [60], of: "t", transaction)
      try transaction.commit()
    },
    Step(name: "load t again") { try Fixture.load(60..<63, into: "t", in: $0) },
    Step(name: "close") { try $0.close() },
  ]

  /// The contents after each number of steps; checkpoint and close change nothing.
  private static let states: [Contents] = {
    let first = Fixture.expected([0..<40])
    let second = Fixture.expected([0..<40, 40..<60])
    let kept = [1..<40, 40..<41, 42..<60]
    let mixed = Fixture.expected(kept + [100..<103])
    let deleted = Fixture.expected(kept + [101..<103])
    let last = Fixture.expected(kept + [60..<63, 101..<103])
    return [
      [:], ["t": []], ["t": first], ["t": second, "u": Fixture.expected([5..<9])],
      ["t": mixed, "u": Fixture.expected([5..<10])], ["t": mixed],
      ["t": mixed], ["t": deleted], ["t": last], ["t": last],
    ]
  }()

  /// Runs the steps until one fails; returns how many were acknowledged.
  private func run(_ system: SimulatedFileSystem) -> Int {
    guard let store = try? Fixture.open(system) else { return 0 }
    for (number, step) in CrashTests.steps.enumerated() {
      do { try step.run(store) } catch { return number }
    }
    return CrashTests.steps.count
  }

  /// Opens what survived, compares, writes, and opens once more.
  private func check(_ system: SimulatedFileSystem, acknowledged: Int, _ place: String) throws {
    let store: TableStore
    do { store = try Fixture.open(system) } catch {
      Issue.record("\(place): cannot be opened: \(error)")
      return
    }
    let allowed = CrashTests.states[acknowledged...min(acknowledged + 1, CrashTests.steps.count)]
    let found = try Fixture.contents(store)
    #expect(allowed.contains(found), "\(place): \(found.mapValues(\.count))")
    #expect(store.refusal == nil, "\(place): \(String(describing: store.refusal))")
    try Fixture.create("after", in: store)
    try Fixture.load(0..<3, into: "after", in: store)
    let segments = Set(
      try store.snapshot().references.values.map(\.path))
    let files = system.files.map(\.path).filter { $0.hasSuffix(".seg") }
    #expect(Set(files) == segments, "\(place): orphans were left")
    try store.close()
    var expected = found
    expected["after"] = Fixture.expected([0..<3])
    let again = try Fixture.open(system.afterPowerLoss(seed: 1))
    #expect(try Fixture.contents(again) == expected, "\(place): after writing on")
    #expect(again.warnings.isEmpty, "\(place): \(again.warnings)")
  }

  private func callCount() -> Int {
    let system = SimulatedFileSystem()
    #expect(run(system) == CrashTests.steps.count)
    return system.callCount
  }

  @Test("Killed at every call")
  func kill() throws {
    for call in 1...callCount() {
      let system = SimulatedFileSystem()
      system.inject(.stopTorn, atCall: call)
      let acknowledged = run(system)
      try check(
        system.afterKill(), acknowledged: acknowledged,
        "killed at call \(call) (\(system.calls[call - 1]))")
    }
  }

  @Test("Power lost at every call, unsynced bytes and names kept or lost at random")
  func powerLoss() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("power loss seed \(seed)")
    for call in 1...callCount() {
      for variant in 0..<3 as Range<UInt64> {
        let system = SimulatedFileSystem()
        system.inject(variant == 2 ? .stop : .stopTorn, atCall: call)
        let acknowledged = run(system)
        try check(
          system.afterPowerLoss(seed: seed &+ UInt64(call) &* 3 &+ variant),
          acknowledged: acknowledged,
          "seed \(seed): power lost at call \(call) (\(system.calls[call - 1])), variant \(variant)"
        )
      }
    }
  }

  @Test("An error or a full disk at every call: the step fails or not, nothing else is lost")
  func faults() throws {
    let count = callCount()
    for call in 1...count {
      for fault in [SimulatedFileSystem.Fault.inputOutputError, .diskFull, .diskFullFromHere] {
        let system = SimulatedFileSystem()
        system.inject(fault, atCall: call)
        let place = "\(fault) at call \(call)"
        let acknowledged = try runWithRetries(system, place)
        system.clearFaults()
        let after = system.afterPowerLoss(seed: UInt64(call))
        try check(after, acknowledged: acknowledged, place)
      }
    }
  }

  /// A step that fails is tried again with the fault gone, unless writing was refused for good.
  private func runWithRetries(_ system: SimulatedFileSystem, _ place: String) throws -> Int {
    var store = try? Fixture.open(system)
    if store == nil {
      system.clearFaults()
      store = try Fixture.open(system)
    }
    guard let store else { return 0 }
    for (number, step) in CrashTests.steps.enumerated() {
      do { try step.run(store) } catch {
        system.clearFaults()
        if step.name == "close" { return number }
        let found = try Fixture.contents(store)
        #expect(
          found == CrashTests.states[number], "\(place): step \(step.name) failed with \(error)")
        if store.refusal != nil { return number }
        do { try step.run(store) } catch {
          Issue.record("\(place): step \(step.name) failed again: \(error)")
          return number
        }
      }
    }
    return CrashTests.steps.count
  }
}
