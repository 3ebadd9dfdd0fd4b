import Catalog
import Kernels
import Storage
import Vectors

/// Keys of rows that a statement takes out of a table other tables refer to. Afterwards nothing may refer to those
/// that are gone: rows that came back with the same key (an UPDATE of other columns) do not count.
final class RemovedKeys {
  /// A foreign key of some table to the changed one.
  private struct Reference {
    let table: TableDefinition
    let columns: [ColumnDefinition]
    let shape: KeyShape
    /// The referenced columns.
    let targets: [ColumnDefinition]
    /// Keys of the rows that go.
    var batches: [[Vector]] = []
    /// Those that did not come back.
    var lost: KeyProbe?
  }

  private let definition: TableDefinition
  private var references: [Reference]

  /// - Throws: `.inconsistency` when a foreign key names what is not there.
  init(of definition: TableDefinition, in catalog: CatalogState) throws(StoaError) {
    self.definition = definition
    var references: [Reference] = []
    for table in catalog.sortedTables {
      for key in table.foreignKeys where key.referencedTable == definition.id {
        let columns = key.columns.compactMap { id in table.index(of: id).map { table.columns[$0] } }
        let targets = key.referencedColumns.compactMap { id in
          definition.index(of: id).map { definition.columns[$0] }
        }
        guard columns.count == targets.count, !columns.isEmpty else {
          throw StoaError(
            .inconsistency, "a foreign key names columns that are gone", table: table.name)
        }
        let shape = try KeyShape.common(columns.map(\.type), targets.map(\.type))
        references.append(
          Reference(table: table, columns: columns, shape: shape, targets: targets))
      }
    }
    self.references = references
  }

  var isEmpty: Bool { references.isEmpty }

  /// Notes the keys of rows of `contents` that are about to be deleted.
  func note(_ deleted: [SegmentID: DeleteVector], of contents: TableContents) throws(StoaError) {
    guard !references.isEmpty else { return }
    for group in try contents.rowGroups() {
      let source = contents.id(ofSource: Int(group.firstRow >> 32))
      let first = Int(group.firstRow & 0xFFFF_FFFF)
      guard let gone = deleted[source]?.container(of: first..<(first + group.rowCount)) else {
        continue
      }
      let rows = gone.rows.map { UInt32(truncatingIfNeeded: $0) }
      for index in references.indices {
        var vectors: [Vector] = []
        for target in references[index].targets {
          let values = try group.chunk(target).decode(rows: 0..<group.rowCount)
          vectors.append(values.rows(rows))
        }
        references[index].batches.append(vectors)
      }
    }
  }

  /// Finds out which keys `after` no longer has, and looks for rows that refer to them.
  /// - Throws: `.constraint` naming table and key.
  func check(_ after: Snapshot) throws(StoaError) {
    for index in references.indices where !references[index].batches.isEmpty {
      references[index].lost = try lost(references[index], after)
      references[index].batches = []
    }
    try checkReferrers(after)
  }

  /// The removed keys that are not there any more.
  private func lost(_ reference: Reference, _ after: Snapshot) throws(StoaError) -> KeyProbe {
    let columns = reference.targets.indices.map { index in
      Vector.joined(reference.batches.map { $0[index] })
    }
    let removed = KeyProbe(columns, reference.shape)
    var isLeft = [Bool](repeating: false, count: removed.count)
    try KeyLookup(
      reference.targets, in: after.contents(of: definition.id), budget: after.budget
    ).find(removed) { isLeft[$0] = true }
    let missing = isLeft.indices.filter { !isLeft[$0] }.map { UInt32(truncatingIfNeeded: $0) }
    return KeyProbe(columns.map { $0.rows(missing) }, reference.shape)
  }

  /// Looks for rows of `snapshot` that refer to lost keys; again when others have committed since.
  func checkReferrers(_ snapshot: Snapshot) throws(StoaError) {
    for reference in references {
      guard let lost = reference.lost, lost.count > 0 else { continue }
      var found: Int?
      let contents = snapshot.contents(of: reference.table.id)
      try KeyLookup(reference.columns, in: contents, budget: snapshot.budget).find(lost) {
        found = found ?? $0
      }
      if let found { throw violation(reference, lost.rows.text(found)) }
    }
  }

  private func violation(_ reference: Reference, _ key: String) -> StoaError {
    let names = reference.targets.map(\.name).joined(separator: ", ")
    return StoaError(
      .constraint,
      "the row with \(names) = \(key) cannot go: rows of \"\(reference.table.name)\" refer to it",
      hint: "Delete or change those rows first", column: names, table: definition.name)
  }
}

extension KeyTable {
  /// Enters keys of which nothing but their being there matters.
  func insertAll(_ rows: KeyRows) {
    insert(rows, origins: [Int64](repeating: 0, count: rows.count)) { _, _ in }
  }
}

extension Vector {
  /// The rows at ascending `positions`.
  func rows(_ positions: [UInt32]) -> Vector {
    positions.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { gather($0, count: buffer.count) } ?? slice(0..<0)
    }
  }
}
