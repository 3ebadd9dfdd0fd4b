import Catalog
import Testing
import Vectors

@testable import Storage

/// A closed warehouse with two checkpoints, a log with inline rows and deletes, and segments of two tables.
private func makeWarehouse() throws -> SimulatedFileSystem {
  let system = SimulatedFileSystem()
  let store = try Fixture.open(system)
  try Fixture.create("t", in: store)
  try Fixture.load(0..<70, into: "t", in: store)
  try store.checkpoint()
  try Fixture.create("u", in: store)
  try Fixture.load(3..<9, into: "u", in: store)
  try store.checkpoint()
  try Fixture.insert(70..<80, into: "t", in: store)
  let transaction = try store.beginWrite()
  try Fixture.delete(rows: [4, 5, 72], of: "t", transaction)
  try transaction.commit()
  try store.close()
  return system
}

private func verify(_ store: TableStore, isDeep: Bool = false) throws -> VerifyReport {
  try StoreVerifier.run(try store.snapshot(), isDeep: isDeep)
}

@Suite("VERIFY")
struct VerifyTests {
  @Test("Nothing is wrong with what was written", arguments: [false, true])
  func clean(isDeep: Bool) throws {
    let system = try makeWarehouse()
    let store = try Fixture.open(system, .readOnly)
    let report = try verify(store, isDeep: isDeep)
    #expect(report.findings.isEmpty, "\(report.findings)")
    #expect(report.tableCount == 2)
    #expect(report.rowCount == 86)
    #expect(report.summary.message.hasSuffix("nothing wrong"), "\(report.summary)")
    let bytes = system.files.filter { !$0.path.hasSuffix("LOCK") }.reduce(0) {
      $0 + $1.contents.count
    }
    #expect(report.byteCount == UInt64(bytes))
  }

  @Test(
    "What a kill during a checkpoint, or a power loss before TIP was synced, leaves is no damage")
  func debris() throws {
    let system = try makeWarehouse()
    _ = try system.open("w/log/000004.log", .create)
    system.overwrite("w/TIP", with: [])
    let report = try verify(try Fixture.open(system, .readOnly))
    #expect(!report.hasErrors && report.findings.count == 2, "\(report.findings)")
  }

  @Test("A table that lost all its segments is the same in the checkpoint and in memory")
  func emptied() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<5, into: "t", in: store)
    let transaction = try store.beginWrite()
    try Fixture.delete(rows: [0, 1, 2, 3, 4], of: "t", transaction)
    try transaction.commit()
    try store.compact()
    // The file itself is in use as long as the transaction is there.
    #expect(try verify(store).findings.allSatisfy { $0.severity == .note })
  }

  @Test("A log that ends before its successor begins, and a CURRENT older than TIP, are found")
  func stale() throws {
    let system = try makeWarehouse()
    let older = system.files.first { $0.path == "w/log/000002.log" }?.contents ?? []
    system.overwrite("w/log/000002.log", with: Array(older.prefix(LogHeader.byteCount)))
    #expect(try verify(try Fixture.open(system, .readOnly)).hasErrors)

    let again = SimulatedFileSystem()
    let store = try Fixture.open(again)
    try Fixture.create("t", in: store)
    try store.checkpoint()
    let current = try again.readAll("w/CURRENT")
    try Fixture.create("u", in: store)
    try store.checkpoint()
    try store.close()
    again.overwrite("w/CURRENT", with: current)
    #expect(try verify(try Fixture.open(again, .readOnly)).hasErrors)
  }

  @Test("Every byte that can be flipped in the small files, and 2,000 in all, is found")
  func flips() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("verify flip seed \(seed)")
    var random = SplitMix64(seed: seed)
    let system = try makeWarehouse()
    let opened = try Fixture.open(system, .readOnly)
    // LOCK holds the number of a process, which only messages show.
    let files = system.files.filter { !$0.contents.isEmpty && !$0.path.hasSuffix("LOCK") }
    var places: [(file: Int, offset: Int)] = []
    for (number, file) in files.enumerated() where file.contents.count == 64 {
      places += file.contents.indices.map { (number, $0) }
    }
    for _ in 0..<2000 {
      let number = Int.random(in: 0..<files.count, using: &random)
      places.append((number, Int.random(in: 0..<files[number].contents.count, using: &random)))
    }
    for (index, place) in places.enumerated() {
      let file = files[place.file]
      let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
      var broken = file.contents
      broken[place.offset] ^= bit
      system.overwrite(file.path, with: broken)
      defer { system.overwrite(file.path, with: file.contents) }
      let spot = "seed \(seed): \(file.path) offset \(place.offset) bit \(bit)"
      // The one process opened before the damage, the other after.
      let store: TableStore
      if index % 2 == 0 {
        store = opened
      } else {
        do { store = try Fixture.open(system.afterKill(), .readOnly) } catch let error as StoaError
        {
          #expect(error.path == file.path, "\(spot): \(error)")
          continue
        }
      }
      let found = try verify(store).findings
      let relative = String(file.path.dropFirst(2))
      #expect(
        found.contains { $0.severity == .error && $0.object == relative }, "\(spot): \(found)")
    }
    #expect(try verify(opened).findings.isEmpty)
  }

  @Test("It goes on past damage and says what is affected")
  func severalDamages() throws {
    let system = try makeWarehouse()
    let store = try Fixture.open(system, .readOnly)
    let segment = try #require(try store.snapshot().segments(of: 1).first)
    let footer = try segment.reader().footer
    var bytes = try system.readAll(segment.path)
    bytes[Int(footer.columns[0].chunks[1].block.offset)] ^= 1
    bytes[Int(footer.columns[3].chunks[4].block.offset)] ^= 1
    bytes[Int(footer.columns[1].dictionaryBlocks[0].offset)] ^= 1
    system.overwrite(segment.path, with: bytes)
    try system.unlink(try #require(try store.snapshot().segments(of: 2).first).path)
    let findings = try verify(store, isDeep: true).findings
    let places = findings.map { "\($0.table ?? "") \($0.rowGroup ?? -1) \($0.column ?? "")" }
    #expect(Set(places) == ["t 1 c0", "t 4 c3", "t -1 c1", "u -1 "], "\(findings)")
    #expect(findings.contains { $0.message.hasSuffix("affected: rows 16 to 31") }, "\(findings)")
    #expect(findings.contains { $0.message.hasSuffix("affected: all rows") }, "\(findings)")
    #expect(findings.contains { $0.message.hasSuffix("affected: all 6 rows") }, "\(findings)")
  }

  @Test("Rows out of order are found by DEEP, NULLs in NOT NULL columns always")
  func wrongRows() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.create("n", in: store)
    let transaction = try store.beginWrite()
    for (name, keys) in [("t", [5, 7, 6, 8]), ("n", [1, 2, 4, nil])] {
      var table = try #require(transaction.catalog.table(named: name))
      table.columns[0].isNullable = true
      try transaction.apply(.alterTable(table))
      let columns = table.columns.enumerated().map { index, column in
        Vector.make(
          column.type,
          keys.map { index == 0 ? $0.map { .integer(Int128($0)) } ?? .null : .null })
      }
      let batch = Batch(columns: columns, rowCount: 4)
      let writer = try transaction.makeTableWriter(table.id, options: Fixture.options(2))
      try writer.append(batch)
      try writer.finish()
      try transaction.insert(
        RowBlock(columns: table.columns.map(\.id), batch: batch), into: table.id)
      table.columns[0].isNullable = false
      try transaction.apply(.alterTable(table))
    }
    try transaction.commit()
    let quick = try verify(store).findings
    #expect(quick.allSatisfy { $0.table == "n" && $0.column == "c0" }, "\(quick)")
    #expect(Set(quick.map(\.object)).count == 2, "\(quick)")
    let deep = try verify(store, isDeep: true).findings
    #expect(
      deep.contains { $0.table == "t" && $0.message.contains("out of the order") }, "\(deep)")
  }

  @Test("What compaction wrote is right too")
  func compacted() throws {
    let system = try makeWarehouse()
    let store = try Fixture.open(system)
    for start in [100, 140, 120] { try Fixture.load(start..<(start + 30), into: "t", in: store) }
    try store.compact()
    let report = try verify(store, isDeep: true)
    #expect(report.findings.allSatisfy { $0.severity == .note }, "\(report.findings)")
    #expect(report.rowCount < 80 + 90 + 6, "deleted rows were kept")
  }

  @Test("A verification ends when it is told to")
  func cancelled() throws {
    let store = try Fixture.open(try makeWarehouse(), .readOnly)
    let snapshot = try store.snapshot()
    #expect {
      try StoreVerifier.run(snapshot, isDeep: false) { () throws(StoaError) in
        throw StoaError(.cancelled, "enough")
      }
    } throws: { ($0 as? StoaError)?.kind == .cancelled }
  }
}

@Suite("Backup")
struct BackupTests {
  @Test("A backup while others write is the state of its commit, and restores to it")
  func roundTrip() throws {
    let system = try makeWarehouse()
    let store = try Fixture.open(system)
    let before = try Fixture.contents(store)
    let reader = try Fixture.open(system, .readOnly)
    let writing = try store.beginWrite()
    try Fixture.load(80..<90, into: "t", writing)
    let summary = try Backup.run(reader, to: "b")
    try writing.commit()
    #expect(summary.linkedCount == 2)
    #expect(Backup.isBackup("b", fileSystem: system))
    #expect(try !Backup.verify("b", fileSystem: system).hasErrors)
    // It does not open by accident.
    #expect(throws: StoaError.self) { try Fixture.open(system, path: "b") }
    // The warehouse goes on, and its old segments go; the backup keeps them.
    try Fixture.drop("u", in: store)
    _ = try Backup.restore("b", to: "r", fileSystem: system)
    let restored = try Fixture.open(system, path: "r")
    #expect(try Fixture.contents(restored) == before)
    #expect(restored.commit == summary.commit)
    #expect(try verify(restored, isDeep: true).findings.isEmpty)
    try Fixture.load(90..<95, into: "t", in: restored)
    #expect(try !Backup.verify("b", fileSystem: system).hasErrors)
  }

  @Test("An incremental backup takes known segments from the earlier one and stands alone")
  func incremental() throws {
    let system = try makeWarehouse()
    let store = try Fixture.open(system)
    _ = try Backup.run(store, to: "a")
    try Fixture.load(80..<90, into: "t", in: store)
    let summary = try Backup.run(store, to: "b", incrementalTo: "a")
    #expect(summary.reusedCount == 2)
    #expect(summary.linkedCount == 1)
    for file in system.files where file.path.hasPrefix("a/") { try system.unlink(file.path) }
    _ = try Backup.restore("b", to: "r", fileSystem: system)
    let restored = try Fixture.open(system, path: "r")
    #expect(try Fixture.contents(restored) == Fixture.contents(store))
    let copied = try Backup.run(store, to: "c", incrementalTo: "b", copies: true)
    #expect(copied.reusedCount == 3 && copied.linkedCount == 0)
    #expect(throws: StoaError.self) { try Backup.run(store, to: "c") }
  }

  @Test("Stopped or failed at any call, a backup is incomplete and known to be, or complete")
  func interrupted() throws {
    let whole = try makeWarehouse()
    let expected = try Fixture.contents(try Fixture.open(whole, .readOnly))
    let first = whole.afterKill()
    let opened = try Fixture.open(first, .readOnly)
    let start = first.callCount
    _ = try Backup.run(opened, to: "b")
    let calls = first.callCount - start
    #expect(calls > 50)
    for call in 1...calls {
      for fault in [SimulatedFileSystem.Fault.stopTorn, .inputOutputError, .diskFull] {
        let system = whole.afterKill()
        let store = try Fixture.open(system, .readOnly)
        system.inject(fault, atCall: system.callCount + call)
        let isDone = (try? Backup.run(store, to: "b")) != nil
        let left: SimulatedFileSystem
        if case .stopTorn = fault {
          left = system.afterPowerLoss(seed: UInt64(call))
        } else {
          left = system
          left.clearFaults()
        }
        guard (try? Backup.restore("b", to: "r", fileSystem: left)) != nil else {
          #expect(!isDone, "call \(call): a finished backup cannot be restored")
          #expect(throws: StoaError.self) { try Backup.verify("b", fileSystem: left) }
          #expect(throws: StoaError.self) { try Fixture.open(left, .readOnly, path: "r") }
          continue
        }
        let restored = try Fixture.open(left, .readOnly, path: "r")
        #expect(try Fixture.contents(restored) == expected, "call \(call)")
      }
    }
  }

  @Test("A flipped byte anywhere in a backup is found and prevents its restoring")
  func flips() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("backup flip seed \(seed)")
    var random = SplitMix64(seed: seed)
    let system = try makeWarehouse()
    _ = try Backup.run(try Fixture.open(system, .readOnly), to: "b", copies: true)
    let files = system.files.filter { $0.path.hasPrefix("b/") }
    for file in files {
      for _ in 0..<20 {
        let offset = Int.random(in: 0..<file.contents.count, using: &random)
        var broken = file.contents
        broken[offset] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &random)
        system.overwrite(file.path, with: broken)
        let copy = system.afterKill()
        let place = "seed \(seed): \(file.path) offset \(offset)"
        let isFound = (try? Backup.verify("b", fileSystem: copy).hasErrors) ?? true
        #expect(isFound, "\(place)")
        #expect(throws: StoaError.self, "\(place)") {
          try Backup.restore("b", to: "r", fileSystem: copy)
        }
        #expect(throws: StoaError.self, "\(place)") { try Fixture.open(copy, .readOnly, path: "r") }
        system.overwrite(file.path, with: file.contents)
      }
    }
  }

  @Test("Damaged segments and damaged warehouses are not backed up")
  func damagedSource() throws {
    let system = try makeWarehouse()
    let store = try Fixture.open(system, .readOnly)
    let segment = try #require(try store.snapshot().segments(of: 1).first)
    var bytes = try system.readAll(segment.path)
    bytes[200] ^= 1
    system.overwrite(segment.path, with: bytes)
    #expect {
      try Backup.run(store, to: "b")
    } throws: { ($0 as? StoaError)?.path == segment.path }
    #expect(throws: StoaError.self) { try Backup.restore("b", to: "r", fileSystem: system) }
    bytes = try system.readAll("w/CURRENT")
    bytes[33] ^= 1
    system.overwrite("w/CURRENT", with: bytes)
    #expect(throws: StoaError.self) { try Backup.run(store, to: "c") }
  }
}
