import Catalog
import Vectors

// The planner believes keys and validated foreign keys. Rows that are lost, and commits applied behind missing ones, may
// have made them wrong: keys are looked at, foreign keys wait for VALIDATE CONSTRAINT.
extension Recoverer {
  /// Finds out which promises are given up, and says so.
  mutating func findBrokenPromises() throws(StoaError) {
    let broken = try findBrokenKeys()
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
      if new != table { changedDefinitions.append(new) }
    }
  }

  /// Keys of tables that two of the rows which are left share.
  private mutating func findBrokenKeys() throws(StoaError) -> [TableID: [KeyDefinition]] {
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
    return broken
  }

  /// Puts the definitions in the place of those there; foreign keys that refer to a key which goes are changed with
  /// it, so the catalog is made anew instead of altered.
  mutating func giveUpPromises() throws(StoaError) {
    guard !changedDefinitions.isEmpty else { return }
    var tables = state.catalog.tables
    for table in changedDefinitions { tables[table.id] = table }
    guard
      let catalog = CatalogState(
        tables: Array(tables.values), objects: Array(state.catalog.objects.values),
        nextTableID: state.catalog.nextTableID)
    else { throw StoaError(.inconsistency, "names or ids of tables clash") }
    state.catalog = catalog
  }

  private static func names(_ columns: [ColumnID], _ table: TableDefinition) -> String {
    columns.compactMap { id in table.index(of: id).map { table.columns[$0].name } }
      .joined(separator: ", ")
  }

  // MARK: Keys

  /// Rows of the table that recovery leaves.
  private func remainingGroups(_ table: TableDefinition) throws(StoaError) -> [RowGroupSource] {
    let source = segmentSource
    let deletes = state.deletes[table.id] ?? [:]
    var groups: [RowGroupSource] = []
    for segment in state.segments[table.id] ?? [] {
      let survey = surveys.first {
        $0.segment.id == segment.id && $0.segment.table == segment.table
      }
      guard survey?.failure == nil else { continue }
      let all = try SegmentSurvey.rowGroups(
        SegmentReference(segment, source: source), deletes[segment.id])
      for (number, group) in all.enumerated() where survey?.lostRowGroups[number] == nil {
        groups.append(group)
      }
    }
    return try groups
      + TableContents(
        segments: [], memtables: state.memtables[table.id] ?? [],
        deletes: deletes
      ).rowGroups()
  }

  /// Whether no two rows share the key, NULLs apart: hashes first, then the values where hashes are equal. As many
  /// hashes at a time as a quarter of the memory holds; the others wait for another pass over the rows.
  private func isUnique(
    _ key: KeyDefinition, _ table: TableDefinition
  ) throws(StoaError) -> Bool {
    let columns = key.columns.compactMap { id in table.index(of: id).map { table.columns[$0] } }
    let groups = try remainingGroups(table)
    let rowCount = groups.reduce(0) { $0 &+ $1.liveRowCount }
    let capacity = max(1 << 16, (budget.limit &- budget.usedBytes) / 4 / 8)
    let passCount = UInt64(rowCount / capacity + 1)
    let memory = MemoryReservation(budget)
    for pass in 0..<passCount {
      var hashes: [UInt64] = []
      // Passes differ a little in size.
      let expected = min(rowCount, rowCount / Int(passCount) / 8 * 9 + 64)
      try memory.resize(to: expected * 8, for: "the keys of table \(table.name)")
      hashes.reserveCapacity(expected)
      for group in groups {
        try pulse()
        for hash in try KeyHash.of(group, columns) where hash.bits % passCount == pass {
          hashes.append(hash.bits)
        }
        memory.set(to: hashes.capacity * 8)
      }
      hashes.sort()
      let doubtful = Recoverer.repeated(hashes)
      for start in stride(from: 0, to: doubtful.count, by: 1000) {
        let some = Set(doubtful[start..<min(doubtful.count, start + 1000)])
        if try hasEqualRows(groups, columns, hashes: some) { return false }
      }
    }
    return true
  }

  /// Those that occur twice, once each. `hashes` ascend.
  private static func repeated(_ hashes: [UInt64]) -> [UInt64] {
    var result: [UInt64] = []
    for index in hashes.indices.dropFirst()
    where hashes[index] == hashes[index - 1] && result.last != hashes[index] {
      result.append(hashes[index])
    }
    return result
  }

  /// Whether two rows with one of these hashes have equal values.
  private func hasEqualRows(
    _ groups: [RowGroupSource], _ columns: [ColumnDefinition], hashes: Set<UInt64>
  ) throws(StoaError) -> Bool {
    var values: Set<[Value]> = []
    for group in groups {
      try pulse()
      let vectors = try group.liveValues(columns)
      for (row, hash) in try KeyHash.of(group, columns, keepsNulls: true).enumerated()
      where hashes.contains(hash.bits) {
        let value = vectors.map { $0.value(at: row) }
        if value.contains(.null) { continue }
        if !values.insert(value).inserted { return true }
      }
    }
    return false
  }
}
