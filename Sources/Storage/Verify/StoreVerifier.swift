import Catalog
import Vectors

/// VERIFY without the keys: every file, every checksum, every claim about values; goes on past damage.
///
/// Files are read anew, whatever is cached. Other processes may write meanwhile: the snapshot keeps the segments
/// it looks at, and the log is read as far as TIP says.
public struct StoreVerifier {
  let snapshot: Snapshot
  let store: TableStore
  let isDeep: Bool
  let pulse: () throws(StoaError) -> Void
  var report = VerifyReport()

  /// Verifies the warehouse, or one table of it without the files that all tables share.
  /// - Parameters:
  ///   - isDeep: also sort order, sorted flags, distinct sketches and bitmap indexes row by row.
  ///   - pulse: called often; throws to end the verification.
  /// - Throws: only what `pulse` throws; damage is in the report.
  public static func run(
    _ snapshot: Snapshot, table: TableDefinition? = nil, isDeep: Bool,
    pulse: @escaping () throws(StoaError) -> Void = { () throws(StoaError) in }
  ) throws(StoaError) -> VerifyReport {
    var verifier = StoreVerifier(
      snapshot: snapshot, store: snapshot.store, isDeep: isDeep, pulse: pulse)
    if table == nil { try verifier.checkSharedFiles() }
    for definition in table.map({ [$0] }) ?? snapshot.catalog.sortedTables {
      try verifier.check(definition)
    }
    if table == nil {
      try verifier.checkHistory()
      verifier.checkStrangers()
    }
    return verifier.report
  }

  mutating func add(_ finding: VerifyFinding) { report.findings.append(finding) }

  private mutating func check(_ table: TableDefinition) throws(StoaError) {
    report.tableCount += 1
    let contents = snapshot.contents(of: table.id)
    let named = snapshot.state.segments[table.id] ?? []
    if named.count != contents.segments.count {
      add(
        VerifyFinding(
          .error, "segments/\(table.id)", table: table.name,
          "\(named.count) segments are committed, \(contents.segments.count) are known"))
    }
    for segment in contents.segments {
      var verifier = SegmentVerifier(
        segment, table, contents.deletes[segment.description.id], isDeep: isDeep, store: store,
        pulse: pulse)
      try verifier.run()
      report.findings += verifier.findings
      report.fileCount += 1
      report.byteCount += segment.description.byteCount
      report.rowCount += Int(clamping: segment.description.rowCount)
    }
    for memtable in contents.memtables {
      check(memtable, table, contents.deletes[memtable.id])
      report.rowCount += memtable.rowCount
    }
    let ids = Set(contents.segments.map(\.description.id) + contents.memtables.map(\.id))
    for id in contents.deletes.keys.sorted() where !ids.contains(id) {
      add(
        VerifyFinding(
          .error, "log", table: table.name, "rows are deleted of segment \(id), which is not there")
      )
    }
  }

  /// Rows in memory: counts, NOT NULL, deleted rows.
  private mutating func check(
    _ memtable: Memtable, _ table: TableDefinition, _ deleted: DeleteVector?
  ) {
    func wrong(_ message: String, _ column: String? = nil) {
      add(
        VerifyFinding(
          .error, "memtable \(memtable.id)", table: table.name, column: column, message))
    }
    var rowCount = 0
    for (block, start) in zip(memtable.blocks, memtable.starts) {
      if start != rowCount { wrong("a block begins at row \(start) instead of \(rowCount)") }
      rowCount += block.rowCount
      for column in table.columns {
        guard let vector = block.vector(column.id) else { continue }
        if vector.count != block.rowCount { wrong("a column lacks rows", column.name) }
        guard !column.isNullable else { continue }
        let row = (0..<vector.count).first {
          !vector.isValid($0) && !(deleted?.contains(start + $0) ?? false)
        }
        if let row { wrong("row \(start + row) is NULL in a NOT NULL column", column.name) }
      }
    }
    if rowCount != memtable.rowCount {
      wrong("\(rowCount) rows are there instead of \(memtable.rowCount)")
    }
    if let last = deleted?.last, last >= memtable.rowCount {
      wrong("row \(last) is deleted of \(memtable.rowCount)")
    }
  }
}
