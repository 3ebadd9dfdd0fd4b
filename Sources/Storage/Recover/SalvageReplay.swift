import Catalog
import Vectors

/// Commits behind damage, each applied whole or not at all.
///
/// A commit that is lost may have added rows to a memtable, so that the places of later rows in it are not known any
/// more: a commit that deletes rows by such a place is left out. It may have changed definitions: a commit whose rows do
/// not fit the table is left out. It may have written segments anew under other ids: a commit that names ids which are
/// not there is left out too, since its own segments may hold rows that are there already.
struct SalvageReplay {
  private(set) var state: StoreState
  private(set) var appliedCount = 0
  /// Commits that can be read and were left out, and why.
  private(set) var skipped: [(record: LogRecord, reason: String)] = []
  /// Commits that cannot be read.
  private(set) var missing: [ClosedRange<CommitNumber>] = []
  /// Tables changed by commits behind the first missing or skipped one: promises about them may not hold.
  private(set) var touched: Set<TableID> = []
  /// Rows of memtables whose places are certain; `nil` as long as nothing is missing.
  private var certain: [SegmentID: Int]?
  private var last: CommitNumber

  /// - Parameter last: the newest commit that is known to have been.
  init(_ base: StoreState, _ records: [LogRecord], last: CommitNumber) {
    state = base
    self.last = base.commit
    for record in records where record.commit > base.commit { add(record) }
    if last > self.last {
      missing.append((self.last + 1)...last)
      becomeUncertain()
    }
  }

  private mutating func add(_ record: LogRecord) {
    if record.commit > last + 1 {
      missing.append((last + 1)...(record.commit - 1))
      becomeUncertain()
    }
    last = record.commit
    var next = state
    do throws(StoaError) {
      try check(record)
      try next.apply(record.edits, commit: record.commit, timestamp: record.timestamp)
    } catch {
      skipped.append((record, error.message))
      becomeUncertain()
      return
    }
    state = next
    appliedCount += 1
    if certain != nil { touched.formUnion(record.edits.compactMap(\.table)) }
  }

  private mutating func becomeUncertain() {
    guard certain == nil else { return }
    var counts: [SegmentID: Int] = [:]
    for memtable in state.memtables.values.joined() { counts[memtable.id] = memtable.rowCount }
    certain = counts
  }

  /// What `StoreState.apply` takes for granted because the log is whole.
  private func check(_ record: LogRecord) throws(StoaError) {
    guard let certain else { return }
    for edit in record.edits {
      switch edit {
      case .deleteRows(let table, let id, let deleted):
        let isSegment = state.segments[table]?.contains { $0.id == id } ?? false
        let isOwn = record.edits.contains {
          if case .addSegment(let segment) = $0 { segment.id == id } else { false }
        }
        guard isSegment || isOwn || (deleted.last ?? -1) < certain[id] ?? 0 else {
          throw StoaError(.corruption, "it deletes rows whose places are not known any more")
        }
      case .insertRows(let table, _, let block):
        let altered = record.edits.compactMap { edit -> TableDefinition? in
          switch edit {
          case .catalog(.createTable(let definition)), .catalog(.alterTable(let definition)):
            definition.id == table ? definition : nil
          default: nil
          }
        }
        guard let definition = altered.last ?? state.catalog.table(table) else {
          throw StoaError(.corruption, "its table is not known")
        }
        try check(block, definition)
      default: break
      }
    }
  }

  private func check(_ block: RowBlock, _ table: TableDefinition) throws(StoaError) {
    for (id, vector) in zip(block.columns, block.batch.columns) {
      guard let index = table.index(of: id) else {
        guard id < table.nextColumnID else {
          throw StoaError(.corruption, "its rows have a column that \"\(table.name)\" has not")
        }
        continue
      }
      let type = table.columns[index].type
      guard vector.type == type || vector.type.canWiden(to: type) else {
        throw StoaError(
          .corruption, "its rows have \(vector.type) where \"\(table.name)\" has \(type)")
      }
    }
  }
}

extension LogEdit {
  /// The table that the edit changes.
  var table: TableID? {
    switch self {
    case .catalog(.createTable(let table)), .catalog(.alterTable(let table)): table.id
    case .catalog(.dropTable(let id)): id
    case .catalog(.createObject), .catalog(.alterObject), .catalog(.dropObject): nil
    case .addSegment(let segment): segment.table
    case .removeSegment(let table, _), .deleteRows(let table, _, _), .insertRows(let table, _, _):
      table
    case .retire(let retired): retired.segment.table
    case .reserveIDs, .setProperty, .keepFrom, .advanceSequence: nil
    }
  }
}

/// What commits did to each table, for people.
struct CommitTally {
  private struct Counts {
    var name: String?
    var inserted: UInt64 = 0
    var deleted: UInt64 = 0
    var definitions = 0
  }

  private var tables: [TableID: Counts] = [:]

  init(_ records: [LogRecord], _ catalog: CatalogState) {
    for record in records { add(record) }
    for id in tables.keys where tables[id]?.name == nil {
      tables[id]?.name = catalog.table(id)?.name
    }
  }

  private mutating func add(_ record: LogRecord) {
    // Flush and compaction take out what they put in.
    let moved = Set(
      record.edits.compactMap { edit -> TableID? in
        if case .removeSegment(let table, _) = edit { table } else { nil }
      })
    for edit in record.edits {
      guard let table = edit.table else { continue }
      var counts = tables[table] ?? Counts()
      switch edit {
      case .catalog(.createTable(let definition)), .catalog(.alterTable(let definition)):
        counts.name = definition.name
        counts.definitions += 1
      case .catalog(.dropTable): counts.definitions += 1
      case .addSegment(let segment):
        if !moved.contains(table) { counts.inserted &+= segment.rowCount }
      case .insertRows(_, _, let block): counts.inserted &+= UInt64(block.rowCount)
      case .deleteRows(_, _, let deleted):
        if !moved.contains(table) { counts.deleted += UInt64(deleted.count) }
      case .catalog, .removeSegment, .reserveIDs, .setProperty, .keepFrom, .retire,
        .advanceSequence:
        break
      }
      tables[table] = counts
    }
  }

  /// One sentence for each table that was changed.
  var sentences: [(table: String, text: String)] {
    tables.keys.sorted().compactMap { id in
      guard let counts = tables[id],
        counts.inserted > 0 || counts.deleted > 0 || counts.definitions > 0
      else { return nil }
      var parts: [String] = []
      if counts.inserted > 0 { parts.append("\(counts.inserted) rows inserted") }
      if counts.deleted > 0 { parts.append("\(counts.deleted) rows deleted") }
      if counts.definitions > 0 { parts.append("\(counts.definitions) changes of its definition") }
      return (counts.name ?? "table \(id)", parts.joined(separator: ", "))
    }
  }
}
