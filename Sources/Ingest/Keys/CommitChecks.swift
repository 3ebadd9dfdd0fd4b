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
    let check = try UniqueCheck(key, of: definition, before: view.newest, budget: budget)
    let positions = key.columns.compactMap { definition.index(of: $0) }
    var rowCount = 0
    try TableKeys.read(
      positions.map { definition.columns[$0] }, of: definition.id, in: view.added
    ) { vectors throws(StoaError) in
      // Only the key's columns are looked at.
      var columns = [Vector](repeating: vectors[0], count: definition.columns.count)
      for (position, vector) in zip(positions, vectors) { columns[position] = vector }
      let origins = (1...max(1, vectors[0].count)).map {
        RowOrigin(file: 0, line: UInt64(rowCount + $0)).bits
      }
      try check.add(columns, origins: origins)
      rowCount += vectors[0].count
    }
    try check.checkExisting()
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
    let wanted = shape.makeTable()
    let reservation = MemoryReservation(budget)
    try TableKeys.read(columns, of: definition.id, in: view.added) { vectors throws(StoaError) in
      wanted.insertAll(KeyRows(vectors))
      try reservation.resize(to: wanted.byteCount, for: "checking references")
    }
    let there = shape.makeTable()
    for snapshot in [view.newest, view.added] {
      try TableKeys.read(
        targets, of: referenced.id, in: snapshot, bounds: wanted.bounds
      ) { vectors throws(StoaError) in
        let rows = KeyRows(vectors)
        var found: [UInt32] = []
        wanted.find(rows, found: { row, _ in found.append(UInt32(row)) }, missing: { _ in })
        if !found.isEmpty { there.insertAll(KeyRows(vectors.map { $0.rows(found) })) }
      }
    }
    try requireAll(columns, there, referenced, view)
  }

  private func requireAll(
    _ columns: [ColumnDefinition], _ there: any KeyTable, _ referenced: TableDefinition,
    _ view: CommitView
  ) throws(StoaError) {
    var missing: String?
    try TableKeys.read(columns, of: definition.id, in: view.added) { vectors throws(StoaError) in
      guard missing == nil else { return }
      let rows = KeyRows(vectors)
      there.find(
        rows, found: { _, _ in }, missing: { row in missing = missing ?? rows.text(row) })
    }
    guard let missing else { return }
    let names = columns.map(\.name).joined(separator: ", ")
    throw StoaError(
      .constraint,
      "another transaction deleted the row of \"\(referenced.name)\" that \(names) = \(missing)"
        + " of \"\(definition.name)\" refers to",
      hint: "Nothing of this transaction was committed", column: names, table: definition.name)
  }
}
