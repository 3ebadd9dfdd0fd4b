import Stoa
import Storage
import Vectors

/// Opens what a stop left and says what is wrong with it.
struct Judge {
  let options: StoreOptions
  var pointCount = 0
  /// Told of each fault: its name and where it was.
  var report: @Sendable (String, String) -> Void = { Report.fault($0, $1) }

  init(options: StoreOptions) { self.options = options }

  /// Sizes so small that everything happens with few rows, and differs from seed to seed.
  static func options(_ seed: UInt64) -> StoreOptions {
    var random = SplitMix64(seed: seed ^ 0x5DEE_CE66)
    func pick<Element>(_ elements: [Element]) -> Element {
      elements[Int(random.next() % UInt64(elements.count))]
    }
    var options = StoreOptions()
    options.newWarehouseID = WarehouseID(
      bytes: (0..<16).map { UInt8(truncatingIfNeeded: seed &+ $0) })
    options.clock = { 1_000_000 }
    options.lockTimeoutMilliseconds = 0
    options.logByteLimit = pick([4096, 16384, 65536])
    options.closingLogByteLimit = pick([512, 8192])
    options.logExtension = pick([0, 1024, 4096])
    options.maximalLogExtension = 8192
    options.memtableByteLimit = pick([1024, 4096, 16384])
    options.inlineRowLimit = pick([10, 40, 16_384])
    options.upkeep.segments.rowGroupCapacity = pick([16, 64, 1024])
    options.upkeep.segments.rowGroupLimit = pick([2, 4, 64])
    options.upkeep.smallestRunByteCount = 2048
    options.upkeep.smallestRowCount = 4
    options.upkeep.closingLogByteLimit = 2048
    options.upkeep.fanIn = pick([2, 4, 8])
    options.upkeep.overlapLimit = pick([4, 8])
    options.transactionByteLimit = pick([1024, 16 << 20])
    options.upkeep.totalMemtableByteLimit = options.memtableByteLimit * 3
    options.upkeep.logByteLimit = UInt64(options.memtableByteLimit * 3)
    return options
  }

  func open(
    _ system: SimulatedFileSystem, _ mode: AccessMode = .readWrite, path: String = "w"
  ) throws -> Place {
    let budget = MemoryBudget(limit: 64 << 20)
    let store = try TableStore.open(
      path: path, fileSystem: system, mode: mode, budget: budget, options: options)
    var choices = WarehouseOptions()
    choices.threads = 1
    choices.hasBackgroundUpkeep = false
    choices.lockTimeoutMilliseconds = 0
    return Place(Warehouse(store: store, budget: budget, options: choices))
  }

  func fault(_ name: String, _ description: String) { report(name, description) }

  /// Opens the files and compares. Now and then also verifies, reads an earlier version, writes on and opens again.
  mutating func judge(
    _ system: SimulatedFileSystem, _ allowed: [Model], _ place: String, _ choice: UInt64,
    _ past: [VersionHistory.Version] = []
  ) {
    pointCount += 1
    let found: Place
    do { found = try open(system) } catch {
      return fault("unopenable", "\(place): \(error)")
    }
    if let refusal = found.store.refusal {
      return fault("unopenable", "\(place): writing is refused: \(refusal)")
    }
    let model = compare(found, allowed, place, isDeep: choice % 5 == 0)
    if choice % 3 == 0 { compare(found, past, choice / 3, place) }
    if let model, choice % 7 == 0 { writeOn(found, system, model, place) }
  }

  /// What survived takes changes, which survive too.
  private func writeOn(
    _ found: Place, _ system: SimulatedFileSystem, _ model: Model, _ place: String
  ) {
    do {
      try found.session.execute("CREATE TABLE zp99 (id BIGINT PRIMARY KEY, v INTEGER)")
      try found.session.execute("INSERT INTO zp99 VALUES (1, 2), (2, 3)")
      var expected = model
      expected.tables["zp99"] = TableModel(
        columns: ["v"], rows: [1: [.number(2)], 2: [.number(3)]])
      let again = try open(system.afterPowerLoss(seed: 3))
      compare(again, [expected], "\(place), written on", isDeep: false)
      try found.session.execute("COMPACT")
      compare(found, [expected], "\(place), compacted", isDeep: true)
      try found.warehouse.close()
    } catch {
      fault("wrong", "\(place), writing on: \(error)")
    }
  }

  /// Whether the warehouse holds one of the states; VERIFY DEEP and queries by key and group beside, when asked.
  /// - Returns: the state, when it is one of them.
  @discardableResult
  func compare(_ found: Place, _ allowed: [Model], _ place: String, isDeep: Bool) -> Model? {
    do {
      let (model, duplicateCount) = try Model.read(found.session)
      if duplicateCount > 0 { fault("duplicate", "\(place): \(duplicateCount) rows") }
      guard allowed.contains(model) else {
        let expected = allowed[allowed.count - 1]
        let kind = isLost(model, allowed) ? "lost" : "wrong"
        fault(
          kind,
          "\(place): \(expected.difference(to: model)); commit \(found.store.commit),"
            + " \(found.store.warnings)")
        return nil
      }
      if isDeep { try check(found.session, model, place) }
      return model
    } catch {
      fault("wrong", "\(place): reading: \(error)")
      return nil
    }
  }

  /// Whether an earlier version is as it was.
  func compare(
    _ found: Place, _ past: [VersionHistory.Version], _ choice: UInt64, _ place: String
  ) {
    let commit = found.store.commit
    let there = past.filter { $0.commit <= commit }
    guard !there.isEmpty else { return }
    let version = there[Int(choice % UInt64(there.count))]
    do {
      let (model, duplicateCount) = try Model.read(
        found.session, version: (version.commit, version.model.names))
      if duplicateCount > 0 { fault("duplicate", "\(place): \(duplicateCount) rows") }
      if model != version.model {
        fault(
          "wrong",
          "\(place): version \(version.commit) of \(commit): \(version.model.difference(to: model))"
        )
      }
    } catch {
      fault("wrong", "\(place): reading version \(version.commit) of \(commit): \(error)")
    }
  }

  /// After COMPACT nothing is left in files that nobody needs.
  func checkSpace(_ system: SimulatedFileSystem, _ place: String) throws {
    let found = try open(system)
    try found.session.execute("COMPACT")
    for row in try found.session.execute("VERIFY").allRows() {
      if row.text(1)?.hasSuffix(".seg") == true { fault("wrong", "\(place), space: \(row.values)") }
    }
    try found.warehouse.close()
  }

  /// Rows or tables are missing that every allowed state has.
  private func isLost(_ model: Model, _ allowed: [Model]) -> Bool {
    allowed.allSatisfy { state in
      state.tables.contains { name, table in
        guard let found = model.tables[name] else { return true }
        return table.rows.keys.contains { found.rows[$0] == nil }
      }
    }
  }

  /// The same answers by other ways: keys, groups, counts; and what VERIFY says.
  private func check(_ session: Session, _ model: Model, _ place: String) throws {
    for (name, table) in model.tables {
      guard let groups = table.index("g"), let id = table.ids.last else { continue }
      try expect(session, "SELECT count(*) FROM \(name)", table.rows.count, place)
      try expect(session, "SELECT count(*) FROM \(name) WHERE id = \(id)", 1, place)
      try expect(session, "SELECT count(*) FROM \(name) WHERE id > \(id)", 0, place)
      try expect(
        session, "SELECT count(*) FROM \(name) WHERE g = 3",
        table.rows.count { $0.value[groups] == .number(3) }, place)
      try expect(session, "SELECT max(id) FROM \(name)", id, place)
    }
    let report = try session.execute("VERIFY DEEP")
    for row in try report.allRows() where row.text(0) == "error" {
      fault("wrong", "\(place): VERIFY: \(row.values)")
    }
  }

  private func expect(_ session: Session, _ sql: String, _ expected: Int, _ place: String) throws {
    let found = try session.execute(sql).nextRow()?[0]
    if found != .integer(Int128(expected)) {
      fault("wrong", "\(place): \(sql) gives \(String(describing: found)), not \(expected)")
    }
  }

  /// A backup that says it is complete can be restored and holds one of the states; one that was not finished does not
  /// pass for one.
  func checkBackup(
    _ path: String, in system: SimulatedFileSystem, isComplete: Bool, _ allowed: [Model],
    _ place: String
  ) {
    guard isComplete || Backup.isBackup(path, fileSystem: system) else { return }
    do {
      _ = try Backup.restore(
        path, to: "restored", fileSystem: isComplete ? system.afterKill() : system)
    } catch {
      if isComplete { fault("lost", "\(place): the backup cannot be restored: \(error)") }
      return
    }
    let copy = isComplete ? system.afterPowerLoss(seed: 9) : system
    do {
      if isComplete { _ = try Backup.restore(path, to: "restored", fileSystem: copy) }
      compare(try open(copy, path: "restored"), allowed, "\(place), restored", isDeep: true)
    } catch {
      fault("lost", "\(place): the backup cannot be restored after a power loss: \(error)")
    }
  }
}
