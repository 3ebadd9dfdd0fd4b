import Catalog
import Kernels
import Storage
import Vectors

/// What the commit of loaded rows looks at again when others have committed meanwhile: their rows may have the same
/// keys, and rows that these refer to may be gone. Once per table and transaction, whatever the number of its statements,
/// and by values, so that it does not matter where rows are now.
struct CommitChecks {
  let definition: TableDefinition
  let budget: MemoryBudget

  /// - Throws: `.constraint` for a key that is there twice now, or one that is referred to and gone.
  func check(_ view: CommitView) throws(StoaError) {
    guard !view.added.contents(of: definition.id).isEmpty else { return }
    if !definition.keys.isEmpty, !view.isUnchanged(definition.id) {
      for key in definition.keys { try checkUnique(key, view) }
    }
    for key in definition.foreignKeys where !view.keepsRows(of: key.referencedTable) {
      try checkReferences(key, view)
    }
  }

  private func checkUnique(_ key: KeyDefinition, _ view: CommitView) throws(StoaError) {
    let check = try UniqueCheck(
      key, of: definition, before: view.newest,
      except: KnownRows(view.knownRows(of: definition.id)), budget: budget)
    try check.addCommitted(view.added.contents(of: definition.id))
    if let error = check.error(RowOrigins(files: [])) { throw error }
  }

  /// Against the keys of the newest state and those that the transaction adds itself.
  private func checkReferences(
    _ key: ForeignKeyDefinition, _ view: CommitView
  ) throws(StoaError) {
    guard let referenced = view.newest.catalog.table(key.referencedTable) else {
      throw StoaError(
        .busy, "another transaction dropped a table that \"\(definition.name)\" refers to",
        hint: "Nothing of this transaction was committed; run it again", table: definition.name)
    }
    let columns = key.columns.compactMap { id in
      definition.index(of: id).map { definition.columns[$0] }
    }
    let targets = key.referencedColumns.compactMap { id in
      referenced.index(of: id).map { referenced.columns[$0] }
    }
    guard columns.count == targets.count, !columns.isEmpty else {
      throw StoaError(
        .inconsistency, "a foreign key names columns that are gone", table: definition.name)
    }
    // The keys that rows of the transaction refer to are usually few; they say which others need to be read.
    let shape = try KeyShape.common(columns.map(\.type), targets.map(\.type))
    let added = view.added.contents(of: definition.id)
    if added.rowCount <= CommitChecks.lookupLength {
      return try lookUp(columns, targets, shape, added, referenced, view)
    }
    let wanted = shape.makeTable()
    let reservation = MemoryReservation(budget)
    try TableKeys.read(columns, of: added) { vectors throws(StoaError) in
      wanted.insertAll(KeyRows(vectors))
      try reservation.resize(to: wanted.byteCount, for: "checking references")
    }
    let there = shape.makeTable()
    for snapshot in [view.newest, view.added] {
      try TableKeys.read(
        targets, of: snapshot.contents(of: referenced.id), bounds: wanted.bounds
      ) { vectors throws(StoaError) in
        let rows = KeyRows(vectors)
        var found: [UInt32] = []
        wanted.find(rows, found: { row, _ in found.append(UInt32(row)) }, missing: { _ in })
        guard !found.isEmpty else { return }
        there.insertAll(KeyRows(vectors.map { $0.rows(found) }))
        try reservation.resize(
          to: wanted.byteCount + there.byteCount, for: "checking references")
      }
    }
    try requireAll(columns, there, referenced, view)
  }

  private func requireAll(
    _ columns: [ColumnDefinition], _ there: any KeyTable, _ referenced: TableDefinition,
    _ view: CommitView
  ) throws(StoaError) {
    var missing: String?
    let added = view.added.contents(of: definition.id)
    try TableKeys.read(columns, of: added) { vectors throws(StoaError) in
      guard missing == nil else { return }
      let rows = KeyRows(vectors)
      there.find(
        rows, found: { _, _ in }, missing: { row in missing = missing ?? rows.text(row) })
    }
    if let missing { throw isGone(missing, columns, referenced) }
  }

  /// More references than these are compared with all keys at once.
  private static let lookupLength = 4096

  /// Few references, each looked up.
  private func lookUp(
    _ columns: [ColumnDefinition], _ targets: [ColumnDefinition], _ shape: KeyShape,
    _ added: TableContents, _ referenced: TableDefinition, _ view: CommitView
  ) throws(StoaError) {
    try TableKeys.read(columns, of: added) { vectors throws(StoaError) in
      let probe = KeyProbe(vectors, shape)
      var isThere = [Bool](repeating: false, count: probe.count)
      for snapshot in [view.newest, view.added] {
        try KeyLookup(targets, in: snapshot.contents(of: referenced.id), budget: budget)
          .find(probe) { isThere[$0] = true }
      }
      for row in 0..<probe.count where !isThere[row] && !probe.rows.hasNull(row) {
        throw isGone(probe.rows.text(row), columns, referenced)
      }
    }
  }

  private func isGone(
    _ missing: String, _ columns: [ColumnDefinition], _ referenced: TableDefinition
  ) -> StoaError {
    let names = columns.map(\.name).joined(separator: ", ")
    return StoaError(
      .constraint,
      "another transaction deleted the row of \"\(referenced.name)\" that \(names) = \(missing)"
        + " of \"\(definition.name)\" refers to",
      hint: "Nothing of this transaction was committed", column: names, table: definition.name)
  }
}
