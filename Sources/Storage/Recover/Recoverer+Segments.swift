import Catalog
import Vectors

/// A segment file that no commit names, as far as commits can be read.
struct OrphanSegment {
  let path: String
  let table: TableID
  let id: SegmentID
  /// Kept for earlier versions, which end with the recovery.
  let isRetired: Bool
}

// Segments: what the state names and cannot be read, what can be read and is not named.
extension Recoverer {
  /// Marks the footers of segments that the recovery of commit `commit` writes, as their load.
  static func mark(_ commit: CommitNumber) -> UInt64 { commit | 1 << 63 }

  /// Whether a segment with this load in its footer was written by a recovery that was stopped: its rows are those of
  /// other segments. CURRENT and TIP know the commit of one that was finished; without either nobody knows, and the
  /// rows are rather there twice than not at all.
  func isLeftover(load: UInt64) -> Bool {
    guard load >> 63 == 1, let lastPublished else { return false }
    return load & ~(1 << 63) > lastPublished
  }

  var segmentSource: SegmentSource {
    SegmentSource(
      layout: layout, fileSystem: fileSystem, id: id, cache: ChunkCache(budget: budget))
  }

  mutating func findSegments() throws(StoaError) {
    let source = segmentSource
    for table in state.catalog.sortedTables {
      for segment in state.segments[table.id] ?? [] {
        try pulse()
        let survey = try SegmentSurvey(
          SegmentReference(segment, source: source), table,
          deleted: state.deletes[table.id]?[segment.id], isDeep: salvages, source, pulse: pulse)
        if survey.isDamaged { try add(survey, table) }
      }
    }
  }

  private mutating func add(_ survey: SegmentSurvey, _ table: TableDefinition) throws(StoaError) {
    surveys.append(survey)
    let file = layout.relative(layout.segment(table.id, survey.segment.id))
    report.add(.damaged, file, survey.message)
    guard salvages else {
      return report.add(
        .note, table.name,
        "\(survey.segment.rowCount) rows of \(file) are damaged, --salvage takes out what cannot be"
          + " read")
    }
    report.isNeeded = true
    report.lostRowCount += survey.lostRowCount
    guard survey.lostRowCount > 0 else {
      return report.add(.saved, table.name, "all rows of \(file), written anew")
    }
    shortened.insert(table.id)
    let kept = survey.segment.rowCount - min(survey.segment.rowCount, survey.lostRowCount)
    report.add(
      .lost, table.name,
      survey.failure != nil
        ? "\(survey.lostRowCount) rows, all of \(file)"
        : "\(survey.lostRowCount) rows of \(file) in row groups"
          + " \(survey.lostRowGroups.keys.sorted().map(String.init).joined(separator: ", "))"
          + (kept > 0 ? "; the others are written anew" : ""))
  }

  /// Files of segments that the state does not name. When commits are lost, their rows may have been committed.
  mutating func findOrphans() throws(StoaError) {
    for name in try fileSystem.list(layout.segmentsDirectory) ?? [] {
      guard let table = TableID(name) else { continue }
      let known = Set((state.segments[table] ?? []).map(\.id))
      let retired = Set((state.retention.segments[table] ?? []).map(\.segment.id))
      for file in try fileSystem.list(layout.tableDirectory(table)) ?? [] {
        guard let number = StoreLayout.number(file, suffix: ".seg"), !known.contains(number)
        else { continue }
        orphans.append(
          OrphanSegment(
            path: layout.segment(table, number), table: table, id: number,
            isRetired: retired.contains(number)))
      }
    }
    guard losesCommits else { return }
    for orphan in orphans where !orphan.isRetired {
      report.add(
        .note, layout.relative(orphan.path),
        salvages
          ? "no commit that can be read names it"
          : "no commit that can be read names it; it is kept aside, --salvage makes a table of it")
    }
  }

  /// Writes segments anew without what cannot be read of them.
  mutating func rewriteDamaged() throws(StoaError) {
    let source = segmentSource
    for survey in surveys {
      let old = survey.segment
      guard let table = state.catalog.table(old.table),
        let index = state.segments[old.table]?.firstIndex(where: { $0.id == old.id })
      else { continue }
      let deleted = state.deletes[old.table]?[old.id]
      var new: SegmentDescription?
      if survey.failure == nil, survey.lostRowCount < old.rowCount {
        let reference = SegmentReference(old, source: source)
        var definition = table
        if try reference.reader().footer.sortKey != table.sortKey { definition.sortKey = [] }
        let groups = try SegmentSurvey.rowGroups(reference, deleted)
        let number = takeID()
        new = try write(definition, number: number, commit: old.commit) {
          (writer) throws(StoaError) in
          for (number, group) in groups.enumerated()
          where survey.lostRowGroups[number] == nil && group.liveRowCount > 0 {
            try pulse()
            try writer.append(
              Batch(columns: try group.liveValues(table.columns), rowCount: group.liveRowCount))
          }
        }
      }
      if var new {
        new.load = old.load
        state.segments[old.table]?[index] = new
      } else {
        state.segments[old.table]?.remove(at: index)
      }
      state.deletes[old.table]?[old.id] = nil
      if state.deletes[old.table]?.isEmpty == true { state.deletes[old.table] = nil }
    }
  }

  private mutating func takeID() -> SegmentID {
    defer { state.nextSegmentID += 1 }
    return state.nextSegmentID
  }

  /// One new segment, synced; its directory too.
  private func write(
    _ table: TableDefinition, number: SegmentID, commit: CommitNumber,
    _ body: (SegmentWriter) throws(StoaError) -> Void
  ) throws(StoaError) -> SegmentDescription? {
    let directory = layout.tableDirectory(table.id)
    try fileSystem.makeDirectory(layout.segmentsDirectory)
    try fileSystem.makeDirectory(directory)
    var options = SegmentWriterOptions()
    options.load = Recoverer.mark(lastCommit + 1)
    options.commit = commit
    let path = layout.segment(table.id, number)
    let writer = try SegmentWriter(
      file: try fileSystem.open(path, .create), definition: table, id: number, warehouse: id,
      budget: budget, options: options, transaction: nil)
    try body(writer)
    let segment = try writer.finish()
    if segment == nil { try fileSystem.unlink(path) }
    try fileSystem.syncDirectory(directory)
    try fileSystem.syncDirectory(layout.segmentsDirectory)
    return segment
  }

  /// Makes a table of the orphans of each table they belonged to.
  mutating func saveOrphans() throws(StoaError) {
    guard losesCommits else { return }
    let source = segmentSource
    for table in Set(orphans.map(\.table)).sorted() {
      var found: [SegmentReader] = []
      for orphan in orphans where orphan.table == table && !orphan.isRetired {
        try pulse()
        do throws(StoaError) {
          let reader = try SegmentReader.open(orphan: orphan, source)
          if !isLeftover(load: reader.footer.load) { found.append(reader) }
        } catch {
          if error.kind == .unsupported { throw error }
          report.add(.note, layout.relative(orphan.path), "cannot be read: \(error.message)")
        }
      }
      if !found.isEmpty { try save(found, of: table) }
    }
  }

  private mutating func save(
    _ readers: [SegmentReader], of table: TableID
  ) throws(StoaError) {
    let definition = lostAndFoundTable(readers, of: table)
    var segments: [SegmentDescription] = []
    var rowCount = 0
    var lost = 0
    for reader in readers {
      let groups = (0..<reader.rowGroupCount).map { number in
        RowGroupSource(
          place: .segment(reader, rowGroup: number), rowCount: reader.rowCount(ofRowGroup: number),
          deleted: nil, firstRow: 0)
      }
      let number = takeID()
      var (taken, failed) = (0, 0)
      let segment = try write(definition, number: number, commit: lastCommit + 1) {
        (writer) throws(StoaError) in
        for group in groups {
          try pulse()
          do throws(StoaError) {
            let number = Vector(
              constant: .integer(Int128(reader.description.id)), type: .bigint,
              count: group.rowCount)
            let values = try group.liveValues(Array(definition.columns.dropFirst()))
            try writer.append(
              Batch(columns: [number.flattened()] + values, rowCount: group.rowCount))
            taken += group.rowCount
          } catch {
            guard error.kind == .corruption else { throw error }
            failed += group.rowCount
          }
        }
      }
      rowCount += taken
      lost += failed
      if var segment {
        segment.load = 0
        segments.append(segment)
      }
    }
    guard !segments.isEmpty else { return }
    try state.apply(.catalog(.createTable(definition)), commit: lastCommit + 1)
    for segment in segments { try state.apply(.addSegment(segment), commit: lastCommit + 1) }
    let source = state.catalog.table(table).map { "table \($0.name)" } ?? "a table that is lost"
    report.add(
      .saved, definition.name,
      "\(rowCount) rows of \(readers.count) segments of \(source) that no commit names: look which of"
        + " them are missing there, then drop it")
    if lost > 0 {
      report.lostRowCount += UInt64(lost)
      report.add(.lost, definition.name, "\(lost) rows of damaged row groups")
    }
  }

  /// A table for rows of segments of `table`: the number of the segment, then their columns.
  private func lostAndFoundTable(
    _ readers: [SegmentReader], of table: TableID
  ) -> TableDefinition {
    let known = state.catalog.table(table)
    var columns: [ColumnDefinition] = []
    for stored in readers.flatMap(\.footer.columns) {
      if let index = columns.firstIndex(where: { $0.id == stored.id }) {
        if columns[index].type.canWiden(to: stored.type) { columns[index].type = stored.type }
        continue
      }
      var column = ColumnDefinition(
        id: stored.id, name: "column_\(stored.id)", type: stored.type)
      if let known, let index = known.index(of: stored.id) {
        column.name = known.columns[index].name
        column.initialValue = known.columns[index].initialValue
        if stored.type.canWiden(to: known.columns[index].type) {
          column.type = known.columns[index].type
        }
      }
      columns.append(column)
    }
    columns.sort { $0.id < $1.id }
    let number = ColumnDefinition(
      id: (columns.map(\.id).max() ?? 0) + 1,
      name: Recoverer.free("segment", columns.map(\.name)), type: .bigint)
    let names = state.catalog.tables.values.map(\.name)
    return TableDefinition(
      id: max(state.catalog.nextTableID, (orphans.map(\.table).max() ?? 0) + 1),
      name: Recoverer.free("lost_and_found_\(known?.name ?? String(table))", names),
      columns: [number] + columns)
  }

  /// The name, or the name with a number that nobody has.
  private static func free(_ name: String, _ taken: [String]) -> String {
    let taken = Set(taken.map { CatalogState.key($0) })
    var result = name
    var number = 2
    while taken.contains(CatalogState.key(result)) {
      result = "\(name)_\(number)"
      number += 1
    }
    return result
  }
}

extension SegmentReader {
  /// A segment that nothing describes but its own footer.
  static func open(
    orphan: OrphanSegment, _ source: SegmentSource
  ) throws(StoaError) -> SegmentReader {
    let file = try source.fileSystem.open(orphan.path, .read)
    let size = try file.size()
    var checksum: UInt64 = 0
    let identity = BlockIdentity(source.id, .segment, table: orphan.table, file: orphan.id)
    let footer = try readFooter(file, size: size, path: orphan.path) { bytes in
      checksum = Checksum.compute(bytes, seed: identity.seed)
      guard
        let raw = try? file.readBuffer(
          at: size - UInt64(SegmentFooter.trailerByteCount) + 8, byteCount: 8)
      else { return false }
      var reader = ByteReader([UInt8](raw.bytes), path: orphan.path)
      return (try? reader.u64()) == checksum
    }
    let description = SegmentDescription(
      table: orphan.table, id: orphan.id, byteCount: size, footerChecksum: checksum,
      rowCount: UInt64(footer.rowCount))
    return try open(
      description, path: orphan.path, fileSystem: source.fileSystem, warehouse: source.id,
      cache: source.cache)
  }
}
