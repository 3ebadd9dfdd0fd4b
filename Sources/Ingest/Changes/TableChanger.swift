import Catalog
import Kernels
import SQL
import Storage
import Vectors

/// Applies the rows of a `BoundChange` to a table: DELETE, UPDATE, MERGE, INSERT … ON CONFLICT.
///
/// All rows are taken before anything is applied, so a statement never sees its own work. Then: old rows are
/// deleted, new ones loaded (`TableLoader` checks types, NOT NULL, CHECK, keys and foreign keys), and keys that went
/// are looked for in the tables that refer to them.
public final class TableChanger {
  private let change: BoundChange
  private let transaction: WriteTransaction
  private let view: Snapshot
  private let contents: TableContents
  private let loader: TableLoader?
  private var selection: RowSelection
  private var conflicts: [(positions: [Int], keys: any KeyTable)] = []
  private var insertedCount = 0
  /// Rows changed so far: deleted, inserted, or one for the other.
  public private(set) var changedCount = 0

  /// - Parameter view: the snapshot that `change.source` runs on.
  /// - Throws: when the table is not there.
  public init(
    _ change: BoundChange, view: Snapshot, transaction: WriteTransaction, options: LoadOptions
  ) throws(StoaError) {
    self.change = change
    self.transaction = transaction
    self.view = view
    contents = view.contents(of: change.table.id)
    selection = RowSelection(contents)
    loader =
      change.hasValues
      ? try TableLoader(into: change.table.id, transaction: transaction, options: options) : nil
    for positions in change.conflict?.keys ?? [] {
      let types = positions.map { change.table.columns[$0].type }
      conflicts.append((positions, KeyShape(types).makeTable()))
    }
  }

  /// Takes the next rows of the source.
  /// - Returns: positions of the rows that change something, for RETURNING.
  public func append(_ batch: Batch) throws(StoaError) -> [UInt32] {
    let rows = batch.columns[BoundChange.row].flattened()
    let actions = batch.columns[BoundChange.action].flattened()
    let duplicates = change.conflict?.keepsFirst == true ? laterDuplicates(batch) : []
    var kept: [UInt32] = []
    var inserted: [UInt32] = []
    for row in 0..<batch.rowCount {
      guard let action = try action(actions, row), action != .nothing, !duplicates.contains(row)
      else { continue }
      if action != .insert, try !select(rows, row) { continue }
      kept.append(UInt32(truncatingIfNeeded: row))
      if action != .delete { inserted.append(UInt32(truncatingIfNeeded: row)) }
    }
    changedCount += kept.count
    if !inserted.isEmpty, let loader {
      if change.conflict?.keepsFirst == false { try requireDistinct(batch, inserted) }
      let values = change.values.map { batch.columns[$0].rows(inserted) }
      try loader.append(Batch(columns: values, rowCount: inserted.count))
      insertedCount += inserted.count
    }
    return kept
  }

  private func action(_ actions: Vector, _ row: Int) throws(StoaError) -> RowAction? {
    guard actions.isValid(row) else { return nil }
    let code = actions.withValues(as: Int8.self) { $0[row] }
    guard let action = RowAction(rawValue: code) else {
      throw StoaError(.inconsistency, "a statement has the row action \(code)")
    }
    return action
  }

  /// Enters the old row; false when a row before has it and may.
  private func select(_ rows: Vector, _ row: Int) throws(StoaError) -> Bool {
    guard rows.isValid(row) else {
      throw StoaError(.inconsistency, "a statement changes a row without a name")
    }
    if try selection.insert(rows.withValues(as: Int64.self) { $0[row] }) { return true }
    switch change.kind {
    case .update, .delete: return false
    case .merge, .upsert:
      throw StoaError(
        .constraint,
        "\(change.kind == .merge ? "MERGE" : "ON CONFLICT DO UPDATE") would change the same row of"
          + " \"\(change.table.name)\" twice",
        hint: "Make the source rows distinct on the key", table: change.table.name)
    }
  }

  /// Rows that agree with an earlier one on a key that counts.
  private func laterDuplicates(_ batch: Batch) -> Set<Int> {
    var found: Set<Int> = []
    if conflicts.count == 1 {
      let rows = keyRows(conflicts[0].positions, batch)
      conflicts[0].keys.insert(rows, origins: [Int64](repeating: 0, count: rows.count)) { row, _ in
        found.insert(row)
      }
      return found
    }
    // A row that one key leaves out must not count for another key.
    for row in 0..<batch.rowCount {
      let single = batch.slice(row..<(row + 1))
      var isKnown = false
      for conflict in conflicts {
        conflict.keys.find(
          keyRows(conflict.positions, single), found: { _, _ in isKnown = true }, missing: { _ in })
      }
      if isKnown {
        found.insert(row)
      } else {
        for conflict in conflicts { conflict.keys.insertAll(keyRows(conflict.positions, single)) }
      }
    }
    return found
  }

  private func keyRows(_ positions: [Int], _ batch: Batch) -> KeyRows {
    KeyRows(positions.map { batch.columns[change.values.lowerBound + $0] })
  }

  private func requireDistinct(_ batch: Batch, _ inserted: [UInt32]) throws(StoaError) {
    for conflict in conflicts {
      let rows = KeyRows(
        conflict.positions.map { batch.columns[change.values.lowerBound + $0].rows(inserted) })
      var repeated: String?
      conflict.keys.insert(rows, origins: [Int64](repeating: 0, count: rows.count)) { row, _ in
        repeated = repeated ?? rows.text(row)
      }
      guard let repeated else { continue }
      let names = conflict.positions.map { change.table.columns[$0].name }.joined(separator: ", ")
      throw StoaError(
        .constraint, "ON CONFLICT DO UPDATE would change the row with \(names) = \(repeated) twice",
        hint: "Make the inserted rows distinct on the key", table: change.table.name)
    }
  }

  /// Applies everything to the transaction.
  /// - Throws: `.constraint` for what the changed table must not be.
  public func finish() throws(StoaError) {
    let deleted = selection.deletes()
    let removed = try RemovedKeys(of: change.table, in: transaction.catalog)
    if selection.count > 0 {
      try removed.note(deleted, of: contents)
      try transaction.delete(deleted, from: change.table.id)
    }
    if let loader, insertedCount > 0 { _ = try loader.finish() }
    guard selection.count > 0, !removed.isEmpty else { return }
    try removed.check(transaction.view)
    // Rows that others add meanwhile may refer to what this transaction deletes.
    transaction.addValidator { (view: CommitView) throws(StoaError) in
      try removed.checkReferrers(view.newest)
    }
  }
}
