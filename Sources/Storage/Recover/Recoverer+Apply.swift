import Catalog
import Vectors

// What is done about it.
extension Recoverer {
  mutating func apply() throws(StoaError) {
    state.nextSegmentID = max(
      state.nextSegmentID, (orphans.map(\.id).max() ?? 0) + 1,
      (state.segments.values.joined().map(\.id).max() ?? 0) + 1)
    var kept = try KeptAside(layout, fileSystem)
    report.keptAside = kept.name
    let replaced = try keepFiles(&kept)
    if salvages {
      try rewriteDamaged()
      try saveOrphans()
      try giveUpPromises()
    }
    state.commit = lastCommit + 1
    state.timestamp = max(state.timestamp + 1, now())
    state.retention.keep(from: state.commit, timestamp: state.timestamp)
    report.commit = state.commit
    try kept.finish(report.text)
    try publish()
    // All of these have a second name now.
    for path in replaced { try? fileSystem.unlink(path) }
    for directory in [layout.logDirectory, layout.checkpointDirectory] {
      try? fileSystem.syncDirectory(directory)
    }
    report.isDone = true
  }

  /// Keeps everything aside that the recovered warehouse does not name.
  /// - Returns: paths of files that are then to go.
  private func keepFiles(_ kept: inout KeptAside) throws(StoaError) -> [String] {
    for path in [layout.warehouse, layout.current, layout.tip] {
      // A file that cannot be read at all is lost anyway.
      do throws(StoaError) { try kept.keep(path, asCopy: true) } catch {
        guard error.kind == .io || error.kind == .corruption else { throw error }
      }
    }
    var paths: [String] = []
    for name in try fileSystem.list(layout.logDirectory) ?? [] {
      paths.append("\(layout.logDirectory)/\(name)")
    }
    for name in try fileSystem.list(layout.checkpointDirectory) ?? [] {
      paths.append("\(layout.checkpointDirectory)/\(name)")
    }
    paths += orphans.map(\.path)
    if salvages { paths += surveys.map { layout.segment($0.segment.table, $0.segment.id) } }
    for path in paths {
      try pulse()
      try kept.keep(path)
    }
    return paths
  }

  /// Two generations of log and checkpoint, so that damage to the newer one leaves a way back; then CURRENT. A number of
  /// a log is left out: the new ones do not go on where an old one ends.
  private func publish() throws(StoaError) {
    for path in [layout.logDirectory, layout.checkpointDirectory, layout.segmentsDirectory] {
      try fileSystem.makeDirectory(path)
    }
    _ = try fileSystem.open(layout.leases, .updateOrCreate)
    let start = UInt64(LogHeader.byteCount)
    for step in 1...2 as ClosedRange<UInt64> {
      let log = lastLog + 1 + step
      let header = LogHeader(
        id: id, number: log, previousCommit: state.commit, previousTimestamp: state.timestamp)
      try Creation.write(header.encoded(), layout.log(log), fileSystem)
      let number = lastCheckpoint + step
      let file = CheckpointFile(id: id, number: number, log: log, logOffset: start, state: state)
      try Creation.write(file.encoded(), layout.checkpoint(number), fileSystem)
    }
    try fileSystem.syncDirectory(layout.logDirectory)
    try fileSystem.syncDirectory(layout.checkpointDirectory)
    try fileSystem.syncDirectory(layout.root)
    if !hasGoodIdentity {
      try fileSystem.replace(
        WarehouseFile.name, in: layout.root,
        with: WarehouseFile(id: id, created: state.timestamp).encoded())
    }
    let current = CurrentFile(id: id, checkpoint: lastCheckpoint + 2, commit: state.commit)
    try fileSystem.replace(CurrentFile.name, in: layout.root, with: current.encoded())
    let tip = try fileSystem.open(layout.tip, .updateOrCreate)
    if try tip.size() > UInt64(TipFile.byteCount) {
      try tip.truncate(to: UInt64(TipFile.byteCount))
    }
    try tip.write(
      TipFile(id: id, isClosed: true, log: lastLog + 3, offset: start, commit: state.commit)
        .encoded(), at: 0)
    try tip.sync()
    try fileSystem.syncDirectory(layout.root)
  }

  // MARK: Promises

  /// The planner believes keys and validated foreign keys. Rows that are lost, and commits applied behind missing ones,
  /// may have made them wrong: keys are looked at, foreign keys wait for VALIDATE CONSTRAINT.
  private mutating func giveUpPromises() throws(StoaError) {
    var broken: [TableID: [KeyDefinition]] = [:]
    for id in touched.sorted() {
      guard let table = state.catalog.table(id) else { continue }
      for key in table.keys {
        try pulse()
        guard try !isUnique(key, table) else { continue }
        broken[id, default: []].append(key)
        report.add(
          .changed, table.name,
          "its \(key.isPrimary ? "PRIMARY KEY" : "UNIQUE") constraint on"
            + " (\(Recoverer.names(key.columns, table))) is dropped: rows share their keys")
      }
    }
    let doubtful = touched.union(shortened)
    for table in state.catalog.sortedTables {
      var new = table
      new.keys.removeAll { broken[table.id]?.contains($0) ?? false }
      new.foreignKeys = table.foreignKeys.compactMap { key in
        var key = key
        let lost = (broken[key.referencedTable] ?? []).contains {
          Set($0.columns) == Set(key.referencedColumns)
        }
        let parent = state.catalog.table(key.referencedTable)?.name ?? "?"
        let columns = Recoverer.names(key.columns, table)
        if lost {
          report.add(
            .changed, table.name,
            "its FOREIGN KEY (\(columns)) is dropped: \(parent) has lost the key")
          return nil
        }
        if key.isValidated, doubtful.contains(table.id) || doubtful.contains(key.referencedTable) {
          key.isValidated = false
          report.add(
            .changed, table.name,
            "its FOREIGN KEY (\(columns)) is NOT VALID until ALTER TABLE … VALIDATE CONSTRAINT"
              + " finds no row without its row in \(parent)")
        }
        return key
      }
      guard new != table else { continue }
      try replace(new)
    }
  }

  /// Puts a definition in the place of the one there; foreign keys that refer to a key which goes are changed later, so
  /// the catalog is made anew instead of altered.
  private mutating func replace(_ table: TableDefinition) throws(StoaError) {
    let tables = state.catalog.tables.values.map { $0.id == table.id ? table : $0 }
    guard let catalog = CatalogState(tables: tables, nextTableID: state.catalog.nextTableID)
    else { throw StoaError(.inconsistency, "names or ids of tables clash") }
    state.catalog = catalog
  }

  private static func names(_ columns: [ColumnID], _ table: TableDefinition) -> String {
    columns.compactMap { id in table.index(of: id).map { table.columns[$0].name } }
      .joined(separator: ", ")
  }

  /// Whether no two rows share the key, NULLs apart: hashes first, then the values where hashes are equal.
  private func isUnique(
    _ key: KeyDefinition, _ table: TableDefinition
  ) throws(StoaError) -> Bool {
    let columns = key.columns.compactMap { id in table.index(of: id).map { table.columns[$0] } }
    let source = segmentSource
    let groups = try TableContents(
      segments: (state.segments[table.id] ?? []).map { SegmentReference($0, source: source) },
      memtables: state.memtables[table.id] ?? [], deletes: state.deletes[table.id] ?? [:]
    ).rowGroups()
    var seen: Set<KeyHash> = []
    var doubtful: Set<KeyHash> = []
    for group in groups {
      try pulse()
      for hash in try KeyHash.of(group, columns) where !seen.insert(hash).inserted {
        doubtful.insert(hash)
      }
    }
    guard !doubtful.isEmpty else { return true }
    var values: Set<[Value]> = []
    for group in groups {
      try pulse()
      let vectors = try group.liveValues(columns)
      for (row, hash) in try KeyHash.of(group, columns, keepsNulls: true).enumerated()
      where doubtful.contains(hash) {
        let value = vectors.map { $0.value(at: row) }
        if value.contains(.null) { continue }
        if !values.insert(value).inserted { return false }
      }
    }
    return true
  }
}
