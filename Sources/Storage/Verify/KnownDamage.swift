import Catalog
import Vectors

/// Reads around damage: a snapshot in which row groups that cannot be read count as deleted.
///
/// A row group is left out as a whole when any column of it is damaged, so that every query, whichever columns it
/// names, sees the same rows. A damaged bitmap index costs no rows: the segment is read without it. Each segment is
/// looked at once, when a query first needs its table; what breaks later is an error, as it is without this.
public struct KnownDamage: Sendable {
  private struct Damage: Sendable {
    var isUnreadable = false
    var rowGroups: [Int] = []
    var indexes: Set<ColumnID> = []
    var first: StoaError?
  }

  private var segments: [SegmentID: Damage] = [:]

  /// Nothing looked at yet.
  public init() {}

  /// The snapshot without the rows of `tables` that cannot be read. For queries only: its sources are not those of
  /// a transaction that deletes by row number.
  /// - Returns: also a sentence for every table that lacks rows.
  /// - Throws: what has nothing to do with damage, and what `pulse` throws.
  public mutating func around(
    _ snapshot: Snapshot, tables: [TableID], pulse: () throws(StoaError) -> Void
  ) throws(StoaError) -> (snapshot: Snapshot, notices: [String]) {
    var state = snapshot.state
    var references = snapshot.references
    var notices: [String] = []
    for id in Set(tables).sorted() {
      guard let table = snapshot.catalog.table(id) else { continue }
      let before = snapshot.rowCount(of: id)
      var first: StoaError?
      for segment in snapshot.segments(of: id) {
        let number = segment.description.id
        var known = segments[number]
        if known == nil { known = try find(segment, table, pulse) }
        segments[number] = known
        guard let damage = known else { continue }
        first = first ?? damage.first
        if damage.isUnreadable {
          state.segments[id]?.removeAll { $0.id == number }
          state.deletes[id]?[number] = nil
        } else {
          KnownDamage.hide(damage, segment, &state, &references)
        }
      }
      let found = Snapshot(
        state: state, references: references, lease: snapshot.lease, store: snapshot.store)
      let missing = before - found.rowCount(of: id)
      if missing > 0, let first {
        notices.append(
          "Warning: \(missing) of \(before) rows of table \(table.name) are damaged and left out: "
            + first.description)
      }
    }
    let readable = Snapshot(
      state: state, references: references, lease: snapshot.lease, store: snapshot.store)
    return (readable, notices)
  }

  private static func hide(
    _ damage: Damage, _ segment: SegmentReference, _ state: inout StoreState,
    _ references: inout [SegmentID: SegmentReference]
  ) {
    guard let reader = try? segment.reader() else { return }
    let (table, number) = (segment.description.table, segment.description.id)
    for rowGroup in damage.rowGroups {
      let start = rowGroup << 16
      let all = DeleteVector(positions: start..<(start + reader.rowCount(ofRowGroup: rowGroup)))
      state.deletes[table, default: [:]][number, default: DeleteVector()] =
        (state.deletes[table]?[number] ?? DeleteVector()).union(all)
    }
    // Key runs are not even looked at: without them queries only read more.
    if !damage.indexes.isEmpty || !reader.footer.keyRuns.isEmpty {
      references[number] = SegmentReference(segment, reader.leavingOutIndexes(of: damage.indexes))
    }
  }

  private func find(
    _ segment: SegmentReference, _ table: TableDefinition, _ pulse: () throws(StoaError) -> Void
  ) throws(StoaError) -> Damage {
    var damage = Damage()
    let reader: SegmentReader
    do throws(StoaError) {
      reader = try segment.reader()
    } catch {
      damage.first = try KnownDamage.requireDamage(error)
      damage.isUnreadable = true
      return damage
    }
    var broken: Set<Int> = []
    for column in table.columns {
      // Held, so that it is read once and not with every chunk.
      let dictionary = try? reader.dictionary(of: column)
      for rowGroup in 0..<reader.rowGroupCount where !broken.contains(rowGroup) {
        try pulse()
        do throws(StoaError) {
          _ = try reader.columnChunk(rowGroup: rowGroup, column: column)
        } catch {
          let found = try KnownDamage.requireDamage(error)
          damage.first = damage.first ?? found
          broken.insert(rowGroup)
        }
      }
      withExtendedLifetime(dictionary) {}
      do throws(StoaError) {
        _ = try reader.bitmapIndex(of: column)
      } catch {
        _ = try KnownDamage.requireDamage(error)
        damage.indexes.insert(column.id)
      }
    }
    damage.rowGroups = broken.sorted()
    return damage
  }

  private static func requireDamage(_ error: StoaError) throws(StoaError) -> StoaError {
    guard error.kind == .corruption || error.kind == .io else { throw error }
    return error
  }
}
