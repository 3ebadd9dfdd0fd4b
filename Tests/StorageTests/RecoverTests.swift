import Catalog
import Testing
import Vectors

@testable import Storage

/// `stoa recover`: whatever file is damaged, the warehouse opens, verifies and takes writes again, nothing is removed
/// from the disk, and a stop at any moment changes nothing of that.
@Suite("Recover")
struct RecoverTests {
  typealias Contents = [String: [[Value]]]

  /// A closed warehouse with two checkpoints, a log, segments, memtables and deletes.
  static func makeWarehouse() throws -> (files: SimulatedFileSystem, states: [Contents]) {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    var states = [try Fixture.contents(store)]
    let steps: [(TableStore) throws -> Void] = [
      { try Fixture.create("t", in: $0) },
      { try Fixture.load(0..<70, into: "t", in: $0) },
      { try $0.checkpoint() },
      { try Fixture.create("u", in: $0) },
      { try Fixture.load(3..<9, into: "u", in: $0) },
      { try Fixture.insert(100..<110, into: "t", in: $0) },
      { store in
        let transaction = try store.beginWrite()
        try Fixture.delete(rows: [2, 70], of: "t", transaction)
        try transaction.commit()
      },
      { try Fixture.load(70..<80, into: "t", in: $0) },
      { try Fixture.insert(120..<125, into: "t", in: $0) },
    ]
    for step in steps {
      try step(store)
      states.append(try Fixture.contents(store))
    }
    try store.close()
    return (system, states)
  }

  static func recover(
    _ system: SimulatedFileSystem, salvage: Bool, dryRun: Bool = false
  ) throws -> RecoverReport {
    try Recoverer.run(
      "w", fileSystem: system, salvages: salvage, isDryRun: dryRun, now: { 2_000_000 })
  }

  private func bytes(_ system: SimulatedFileSystem, _ path: String) -> [UInt8]? {
    system.files.first { "/" + $0.path == path || $0.path == path }?.contents
  }

  private func snapshotOfFiles(_ system: SimulatedFileSystem) -> [String: [UInt8]] {
    Dictionary(
      system.files.filter { !$0.path.hasSuffix("/LOCK") }.map { ($0.path, $0.contents) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Every row of `found` was there in some state, and is there once.
  private func isPart(_ found: Contents, of states: [Contents]) -> Bool {
    found.allSatisfy { name, rows in
      if name.hasPrefix("lost_and_found") { return true }
      let known = Set(states.flatMap { $0[name] ?? [] })
      return Set(rows).count == rows.count && rows.allSatisfy(known.contains)
    }
  }

  @Test("Every file flipped, cut or missing: recovered, verified, written to, nothing removed")
  func everyFile() throws {
    let (system, states) = try RecoverTests.makeWarehouse()
    for file in system.files where !file.contents.isEmpty && !file.path.hasSuffix("/LOCK") {
      let count = file.contents.count
      var variants: [(String, [UInt8]?)] = [("missing", nil), ("empty", [])]
      for offset in [0, 9, 20, count / 3, count / 2, count - 40, count - 3] where offset >= 0 {
        var broken = file.contents
        broken[offset] ^= 4
        variants.append(("flipped at \(offset)", broken))
        variants.append(("cut to \(offset)", Array(file.contents.prefix(offset))))
      }
      for (name, broken) in variants {
        for salvage in [false, true] {
          let copy = system.afterKill()
          if let broken {
            copy.overwrite(file.path, with: broken)
          } else {
            try copy.unlink(file.path)
          }
          try check(
            copy, file.path, broken, salvage: salvage, states,
            "\(file.path) \(name), \(salvage ? "salvage" : "plain")")
        }
      }
    }
  }

  private func check(
    _ copy: SimulatedFileSystem, _ path: String, _ broken: [UInt8]?, salvage: Bool,
    _ states: [Contents], _ place: String
  ) throws {
    let before = snapshotOfFiles(copy)
    let dry = try RecoverTests.recover(copy, salvage: salvage, dryRun: true)
    #expect(snapshotOfFiles(copy) == before, "\(place): a dry run wrote")
    let report = try RecoverTests.recover(copy, salvage: salvage)
    #expect(report.isNeeded == dry.isNeeded && report.isDone == report.isNeeded, "\(place)")
    if report.isNeeded, let broken {
      let kept = "\(report.keptAside ?? "")/\(path.dropFirst(2))"
      let isThere = bytes(copy, "w/\(kept)") == broken || bytes(copy, path) == broken
      #expect(isThere, "\(place): the damaged file is gone")
    }
    for (old, contents) in before where report.isNeeded && old != path {
      let kept = "w/\(report.keptAside ?? "")/\(old.dropFirst(2))"
      #expect(
        bytes(copy, old) == contents || bytes(copy, kept) == contents, "\(place): \(old) is gone")
    }
    let store = try Fixture.open(copy)
    #expect(store.refusal == nil, "\(place): \(String(describing: store.refusal))")
    let isSegment = path.hasSuffix(".seg")
    if salvage || !isSegment {
      if report.isNeeded { #expect(store.warnings.isEmpty, "\(place): \(store.warnings)") }
      let found = try Fixture.contents(store)
      if salvage {
        #expect(isPart(found, of: states), "\(place): \(found)\n\(report.text)")
      } else {
        #expect(states.contains(found), "\(place): \(found)\n\(report.text)")
      }
      if !isSegment, !path.contains("log/"), !path.contains("checkpoint/") {
        #expect(found == states.last, "\(place): \(report.text)")
      }
      let verified = try StoreVerifier.run(try store.snapshot(), isDeep: true)
      #expect(!verified.hasErrors, "\(place): \(verified.findings)")
    }
    try Fixture.create("after", in: store)
    try Fixture.insert(0..<3, into: "after", in: store)
    try store.close()
    let again = try Fixture.open(copy.afterPowerLoss(seed: 3))
    #expect(
      try again.snapshot().rowCount(of: again.snapshot().catalog.table(named: "after")?.id ?? 0)
        == 3, "\(place)")
    try again.close()
    if salvage || !isSegment {
      #expect(try !RecoverTests.recover(copy, salvage: salvage).isNeeded, "\(place): again")
    }
  }

  private func damage(_ kind: Int, _ system: SimulatedFileSystem) throws {
    func flip(_ path: String, _ offset: (Int) -> Int) throws {
      var bytes = try system.readAll(path)
      bytes[offset(bytes.count)] ^= 8
      system.overwrite(path, with: bytes)
    }
    switch kind {
    case 0: try flip("w/log/000002.log") { $0 / 2 }
    case 1: try system.unlink("w/checkpoint/000002")
    case 2: try flip("w/segments/1/000001.seg") { _ in 70 }
    case 3:
      try system.unlink("w/WAREHOUSE")
      try flip("w/CURRENT") { _ in 40 }
    default:
      try flip("w/log/000002.log") { _ in 80 }
      try flip("w/segments/1/000001.seg") { $0 - 40 }
    }
  }

  @Test(
    "Stopped at every call, with power lost or not: as before or recovered, and recovered by the next run"
  )
  func kills() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("recover seed \(seed)")
    let (system, states) = try RecoverTests.makeWarehouse()
    for kind in 0..<5 {
      let broken = system.afterKill()
      try damage(kind, broken)
      let whole = broken.afterKill()
      let before = whole.callCount
      _ = try RecoverTests.recover(whole, salvage: true)
      let count = whole.callCount - before
      let expected = try Fixture.contents(try Fixture.open(whole.afterKill()))
      for call in 1...count {
        for isPowerLost in [false, true] {
          let place = "seed \(seed), damage \(kind), call \(call), power lost \(isPowerLost)"
          let copy = broken.afterKill()
          copy.inject(.stopTorn, atCall: call)
          _ = try? RecoverTests.recover(copy, salvage: true)
          let after =
            isPowerLost ? copy.afterPowerLoss(seed: seed &+ UInt64(call)) : copy.afterKill()
          do { try checkStopped(after, expected, states, place) } catch {
            Issue.record("\(place): \(error)")
          }
        }
      }
    }
  }

  private func checkStopped(
    _ after: SimulatedFileSystem, _ expected: Contents, _ states: [Contents], _ place: String
  ) throws {
    if let store = try? Fixture.open(after, .readOnly) {
      let found = try? Fixture.contents(store)
      let isGood = found.map { $0 == expected || isPart($0, of: states) } ?? true
      #expect(isGood, "\(place): \(String(describing: found))")
      try store.close()
    }
    let report = try RecoverTests.recover(after, salvage: true)
    let store = try Fixture.open(after)
    let found = Result { try Fixture.contents(store) }
    #expect((try? found.get()) == expected, "\(place): \(found) \(report.text)")
    try Fixture.create("after", in: store)
    let verified = try StoreVerifier.run(try store.snapshot(), isDeep: true)
    #expect(!verified.hasErrors, "\(place): \(verified.findings)")
  }

  @Test("An error or a full disk at every call: it fails or not, and the next run succeeds")
  func faults() throws {
    let (system, _) = try RecoverTests.makeWarehouse()
    try damage(4, system)
    let whole = system.afterKill()
    _ = try RecoverTests.recover(whole, salvage: true)
    let expected = try Fixture.contents(try Fixture.open(whole.afterKill()))
    for call in 1...whole.callCount {
      for fault in [SimulatedFileSystem.Fault.inputOutputError, .diskFullFromHere] {
        let copy = system.afterKill()
        copy.inject(fault, atCall: call)
        // An error while a file is read is damage as far as anybody can tell; a dry run would say so.
        let isOver = (try? RecoverTests.recover(copy, salvage: true)) != nil
        copy.clearFaults()
        if fault == .diskFullFromHere || !isOver {
          _ = try RecoverTests.recover(copy, salvage: true)
          #expect(
            try Fixture.contents(try Fixture.open(copy)) == expected, "\(fault) at call \(call)")
        } else {
          #expect(try Fixture.open(copy).refusal == nil, "\(fault) at call \(call)")
        }
      }
    }
  }

  @Test("Nothing is done while others have the warehouse open, and nothing to a healthy one")
  func busy() throws {
    let (system, _) = try RecoverTests.makeWarehouse()
    let before = snapshotOfFiles(system)
    #expect(try !RecoverTests.recover(system, salvage: true).isNeeded)
    #expect(snapshotOfFiles(system) == before)
    let reader = try Fixture.open(system, .readOnly)
    try damage(0, system)
    #expect { try RecoverTests.recover(system, salvage: false) } throws: {
      ($0 as? StoaError)?.kind == .busy
    }
    #expect(try RecoverTests.recover(system, salvage: false, dryRun: true).isNeeded)
    try reader.close()
    #expect(try RecoverTests.recover(system, salvage: false).isDone)
  }
}

@Suite("Salvage")
struct SalvageTests {
  /// Offsets of the records of a log.
  private func offsets(_ system: SimulatedFileSystem, _ path: String) throws -> [Int] {
    let bytes = try system.readAll(path)
    var offset = LogHeader.byteCount
    var result: [Int] = []
    while offset < bytes.count, !LogScan.isZero(bytes, from: offset) {
      result.append(offset)
      offset += try LogScan.record(bytes, at: offset, id: fixedID, number: 1, path: path).byteCount
    }
    return result
  }

  private func breakRecord(_ number: Int, _ system: SimulatedFileSystem) throws {
    let path = "w/log/000001.log"
    var bytes = try system.readAll(path)
    bytes[try offsets(system, path)[number] + 33] ^= 1
    system.overwrite(path, with: bytes)
  }

  private func delete(_ rows: [Int], in store: TableStore) throws {
    let transaction = try store.beginWrite()
    try Fixture.delete(rows: rows, of: "t", transaction)
    try transaction.commit()
  }

  @Test("Commits behind a damaged one are applied, but no delete whose place is uncertain")
  func laterCommits() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<10, into: "t", in: store)
    try Fixture.insert(10..<15, into: "t", in: store)
    try Fixture.insert(20..<25, into: "t", in: store)
    try delete([2], in: store)
    try delete([16], in: store)
    try store.close()
    try breakRecord(2, system)
    let plain = system.afterKill()
    let report = try RecoverTests.recover(plain, salvage: false)
    #expect(report.text.contains("lost: commits 3 to 6: 3 of 4 can be read"), "\(report.text)")
    #expect(try Fixture.contents(try Fixture.open(plain)) == ["t": Fixture.expected([0..<10])])
    let salvaged = try RecoverTests.recover(system, salvage: true)
    #expect(salvaged.text.contains("lost: commit 3: cannot be read"), "\(salvaged.text)")
    #expect(salvaged.text.contains("lost: commit 6: left out"), "\(salvaged.text)")
    #expect(
      try Fixture.contents(try Fixture.open(system))
        == ["t": Fixture.expected([0..<2, 3..<10, 20..<25])])
  }

  @Test("A segment whose commit is lost is kept aside, and salvage makes a table of it")
  func lostAndFound() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<40, into: "t", in: store)
    try store.close()
    try breakRecord(1, system)
    let plain = system.afterKill()
    let kept = try #require(try RecoverTests.recover(plain, salvage: false).keptAside)
    #expect(try Fixture.contents(try Fixture.open(plain)) == ["t": []])
    #expect(try plain.fileSize("w/\(kept)/segments/1/000001.seg") != nil)
    #expect(try plain.fileSize("w/segments/1/000001.seg") == nil)
    _ = try RecoverTests.recover(system, salvage: true)
    let found = try Fixture.contents(try Fixture.open(system))
    #expect(found["t"] == [])
    #expect(found["lost_and_found_t"]?.map { Array($0.dropFirst()) } == Fixture.expected([0..<40]))
    #expect(found["lost_and_found_t"]?.allSatisfy { $0[0] == .integer(1) } == true)
  }

  @Test(
    "A damaged row group costs its rows, a damaged checkpoint without a way back costs names only")
  func rowsAndNames() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<70, into: "t", in: store)
    try delete([17, 69], in: store)
    let chunk = try store.snapshot().readers(of: 1)[0].footer.columns[1].chunks[1].block
    try store.checkpoint()
    try store.checkpoint()
    try Fixture.insert(100..<101, into: "t", in: store)
    try store.checkpoint()
    try store.close()
    let other = system.afterKill()
    var bytes = try system.readAll("w/segments/1/000001.seg")
    bytes[Int(chunk.offset)] ^= 1
    system.overwrite("w/segments/1/000001.seg", with: bytes)
    let report = try RecoverTests.recover(system, salvage: true)
    #expect(report.lostRowCount == 15, "\(report.text)")
    #expect(
      try Fixture.contents(try Fixture.open(system))
        == ["t": Fixture.expected([0..<16, 32..<69, 100..<101])])
    for file in other.files where file.path.contains("checkpoint/") || file.path.contains("log/") {
      try other.unlink(file.path)
    }
    #expect { try RecoverTests.recover(other, salvage: false) } throws: {
      ($0 as? StoaError)?.kind == .corruption
    }
    _ = try RecoverTests.recover(other, salvage: true)
    let found = try Fixture.contents(try Fixture.open(other))
    #expect(
      found["lost_and_found_1"]?.map { Array($0.dropFirst()) } == Fixture.expected([0..<70]))
  }

  @Test("Keys that no longer hold are dropped, foreign keys in doubt are not believed")
  func promises() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    var parent = Fixture.table("t", id: 1)
    parent.keys = [KeyDefinition(columns: [1], isPrimary: true)]
    var child = Fixture.table("c", id: 2)
    child.foreignKeys = [
      ForeignKeyDefinition(columns: [1], referencedTable: 1, referencedColumns: [1])
    ]
    var other = Fixture.table("o", id: 3)
    other.keys = [KeyDefinition(columns: [1], isPrimary: true)]
    for table in [parent, child, other] {
      let transaction = try store.beginWrite()
      try transaction.apply(.createTable(table))
      try transaction.commit()
    }
    try Fixture.insert(0..<5, into: "t", in: store)
    try delete([3], in: store)
    try Fixture.insert(3..<4, into: "t", in: store)
    try Fixture.insert(0..<4, into: "o", in: store)
    try store.close()
    let good = system.afterKill()
    try breakRecord(4, system)
    let report = try RecoverTests.recover(system, salvage: true)
    let catalog = try Fixture.open(system).snapshot().catalog
    #expect(catalog.table(1)?.keys == [], "\(report.text)")
    #expect(catalog.table(2)?.foreignKeys == [])
    #expect(catalog.table(3)?.keys.count == 1)
    try breakRecord(6, good)
    _ = try RecoverTests.recover(good, salvage: true)
    let kept = try Fixture.open(good).snapshot().catalog
    #expect(kept.table(1)?.keys.count == 1)
    #expect(kept.table(2)?.foreignKeys.map(\.isValidated) == [true])
  }

  @Test("Commit and file numbers that nothing can follow are damage, not a trap")
  func largestNumbers() throws {
    let (system, states) = try RecoverTests.makeWarehouse()
    let bytes = try system.readAll("w/TIP")
    let tip = try TipFile(bytes, id: fixedID, path: "w/TIP")
    let current = try CurrentFile(try system.readAll("w/CURRENT"), path: "w/CURRENT")
    let numbers: [UInt64] = [
      .max, .max - 1, 1 << 63, (1 << 63) - 1, numberLimit, numberLimit - 1,
      lastCommitWithFollowers + 1, lastCommitWithFollowers,
    ]
    for number in numbers {
      for field in 0..<4 {
        let copy = system.afterKill()
        var (newTip, newCurrent) = (tip, current)
        switch field {
        case 0: newTip.commit = number
        case 1: newTip.log = number
        case 2: newTip.offset = number
        default: newCurrent.commit = number
        }
        copy.overwrite("w/TIP", with: newTip.encoded())
        copy.overwrite("w/CURRENT", with: newCurrent.encoded())
        let place = "number \(number), field \(field)"
        for mode in [AccessMode.readOnly, .readWrite] {
          if let store = try? Fixture.open(copy.afterKill(), mode) {
            #expect(try Fixture.contents(store) == states.last, "\(place)")
          }
        }
        for salvage in [false, true] {
          let again = copy.afterKill()
          do {
            _ = try Recoverer.run(
              "w", fileSystem: again, salvages: salvage, now: { 2_000_000 })
            let store = try Fixture.open(again)
            #expect(store.refusal == nil, "\(place)")
            #expect(try Fixture.contents(store) == states.last, "\(place)")
            try Fixture.create("after", in: store)
            try store.close()
            #expect(try Fixture.open(again).refusal == nil)
          } catch {
            let kind = (error as? StoaError)?.kind
            #expect(kind == .corruption && number < numberLimit, "\(place): \(error)")
          }
        }
      }
    }
  }

  @Test("A log of the way back that is an earlier version of itself is damage")
  func shortLog() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<4, into: "t", in: store)
    let earlier = try system.readAll("w/log/000001.log")
    try Fixture.insert(4..<8, into: "t", in: store)
    try store.checkpoint()
    try Fixture.insert(8..<9, into: "t", in: store)
    try store.close()
    #expect(try !RecoverTests.recover(system.afterKill(), salvage: true).isNeeded)
    system.overwrite("w/log/000001.log", with: earlier)
    for salvage in [false, true] {
      let copy = system.afterKill()
      let report = try RecoverTests.recover(copy, salvage: salvage)
      #expect(report.isDone && report.text.contains("the log ends with commit 2"), "\(report.text)")
      let again = try Fixture.open(copy)
      #expect(try Fixture.contents(again)["t"] == Fixture.expected([0..<9]))
      #expect(try !StoreVerifier.run(try again.snapshot(), isDeep: true).hasErrors)
    }
  }

  @Test(
    "CURRENT of before a checkpoint without commits behind it is damage, though nothing is lost")
  func olderCurrent() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.insert(0..<4, into: "t", in: store)
    let earlier = try system.readAll("w/CURRENT")
    try store.checkpoint()
    try store.close()
    system.overwrite("w/CURRENT", with: earlier)
    for salvage in [false, true] {
      let copy = system.afterKill()
      #expect(try RecoverTests.recover(copy, salvage: salvage).isDone)
      let again = try Fixture.open(copy)
      #expect(try Fixture.contents(again)["t"] == Fixture.expected([0..<4]))
      #expect(try !StoreVerifier.run(try again.snapshot(), isDeep: true).hasErrors)
    }
    // Opening goes on from there too.
    let again = try Fixture.open(system)
    try Fixture.insert(4..<5, into: "t", in: again)
    try again.checkpoint()
    try again.close()
    let last = try Fixture.open(system.afterPowerLoss(seed: 1))
    #expect(try Fixture.contents(last)["t"] == Fixture.expected([0..<5]))
  }

  @Test("A second salvage finds the segments that an earlier one wrote")
  func twice() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<70, into: "t", in: store)
    let chunk = try store.snapshot().readers(of: 1)[0].footer.columns[1].chunks[1].block
    try store.checkpoint()
    try store.close()
    var bytes = try system.readAll("w/segments/1/000001.seg")
    bytes[Int(chunk.offset)] ^= 1
    system.overwrite("w/segments/1/000001.seg", with: bytes)
    _ = try RecoverTests.recover(system, salvage: true)
    #expect(
      try Fixture.contents(try Fixture.open(system)) == ["t": Fixture.expected([0..<16, 32..<70])])
    for hasSmallFiles in [true, false] {
      let copy = system.afterKill()
      for file in copy.files
      where file.path.hasPrefix("w/checkpoint/") || file.path.hasPrefix("w/log/") {
        try copy.unlink(file.path)
      }
      if !hasSmallFiles {
        try copy.unlink("w/TIP")
        try copy.unlink("w/CURRENT")
      }
      _ = try RecoverTests.recover(copy, salvage: true)
      let found = try Fixture.contents(try Fixture.open(copy))
      #expect(
        found["lost_and_found_1"]?.map { Array($0.dropFirst()) }
          == Fixture.expected([0..<16, 32..<70]))
    }
  }

  @Test("A dry run says which promises a salvage gives up, and that plain recovery reads no rows")
  func dryRun() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    var parent = Fixture.table("t", id: 1)
    parent.keys = [KeyDefinition(columns: [1], isPrimary: true)]
    var child = Fixture.table("c", id: 2)
    child.foreignKeys = [
      ForeignKeyDefinition(columns: [1], referencedTable: 1, referencedColumns: [1])
    ]
    for table in [parent, child] {
      let transaction = try store.beginWrite()
      try transaction.apply(.createTable(table))
      try transaction.commit()
    }
    try Fixture.load(0..<40, into: "t", in: store)
    try delete([3], in: store)
    try Fixture.insert(3..<4, into: "t", in: store)
    try store.close()
    let chunk = try Fixture.open(system.afterKill()).snapshot().readers(of: 1)[0]
      .footer.columns[1].chunks[1].block
    try breakRecord(3, system)
    var bytes = try system.readAll("w/segments/1/000001.seg")
    bytes[Int(chunk.offset)] ^= 1
    system.overwrite("w/segments/1/000001.seg", with: bytes)
    let dry = try RecoverTests.recover(system, salvage: true, dryRun: true)
    #expect(dry.text.contains("its PRIMARY KEY constraint on (c0) is dropped"), "\(dry.text)")
    #expect(dry.text.contains("its FOREIGN KEY (c0) is dropped"), "\(dry.text)")
    let plain = try RecoverTests.recover(system, salvage: false, dryRun: true)
    #expect(plain.text.contains("stoa verify reads all rows, --salvage"), "\(plain.text)")
    let report = try RecoverTests.recover(system, salvage: true)
    #expect(report.lines.filter { $0.kind == .changed } == dry.lines.filter { $0.kind == .changed })
    #expect(try Fixture.open(system).snapshot().catalog.table(1)?.keys == [])
  }

  @Test("Keys are looked at and commits read in the memory there is")
  func memory() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    var table = Fixture.table("t", id: 1)
    table.keys = [KeyDefinition(columns: [1], isPrimary: true)]
    let transaction = try store.beginWrite()
    try transaction.apply(.createTable(table))
    try transaction.commit()
    try Fixture.insert(0..<2, into: "t", in: store)
    for number in 0..<4 {
      try Fixture.insert((number * 1000 + 10)..<(number * 1000 + 1010), into: "t", in: store)
    }
    try store.close()
    try breakRecord(1, system)
    func run(_ limit: Int) throws -> RecoverReport {
      try Recoverer.run(
        "w", fileSystem: system.afterKill(), salvages: true, budget: MemoryBudget(limit: limit),
        now: { 2_000_000 })
    }
    #expect(try run(64 << 20).isDone)
    let error = #expect(throws: StoaError.self) { try run(1 << 16) }
    #expect(error?.kind == .resource)
  }

  @Test("Files with numbers that nothing follows are not the warehouse's")
  func strangeNames() throws {
    for salvage in [false, true] {
      let (system, states) = try RecoverTests.makeWarehouse()
      let largest = String(UInt64.max)
      try system.makeDirectory("w/damaged")
      try system.makeDirectory("w/damaged/\(largest)")
      for path in [
        "w/log/\(largest).log", "w/checkpoint/\(largest)", "w/segments/1/\(largest).seg",
      ] {
        try Creation.write([1, 2, 3], path, system)
        #expect(system.files.contains { $0.path.hasSuffix(path) && $0.contents.count == 3 })
      }
      system.overwrite("w/CURRENT", with: [0])
      _ = try RecoverTests.recover(system, salvage: salvage)
      let store = try Fixture.open(system.afterKill())
      #expect(try Fixture.contents(store) == states.last)
    }
  }
}
