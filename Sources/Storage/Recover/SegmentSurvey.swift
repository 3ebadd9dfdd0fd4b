import Catalog
import Encodings
import Vectors

/// What can still be read of one segment.
struct SegmentSurvey {
  let segment: SegmentDescription
  /// Why nothing of it can be read.
  private(set) var failure: StoaError?
  /// Row groups with a column that cannot be read, and the first reason.
  private(set) var lostRowGroups: [Int: StoaError] = [:]
  /// Whether something is wrong, be it only what costs no rows: an index, a zone map, padding.
  private(set) var isDamaged = false
  /// Rows of it that are lost, without those deleted before.
  private(set) var lostRowCount: UInt64 = 0
  /// The first thing that is wrong, as VERIFY says it.
  private(set) var message = ""

  /// - Parameter isDeep: read all rows; else only whether the file is the one committed.
  init(
    _ reference: SegmentReference, _ table: TableDefinition, deleted: DeleteVector?,
    isDeep: Bool, _ source: SegmentSource, pulse: @escaping () throws(StoaError) -> Void
  ) throws(StoaError) {
    segment = reference.description
    do throws(StoaError) {
      _ = try reference.reader()
    } catch {
      guard error.kind == .corruption || error.kind == .io else { throw error }
      failure = error
      isDamaged = true
      lostRowCount = segment.rowCount - min(segment.rowCount, UInt64(deleted?.count ?? 0))
      message = error.message
      return
    }
    guard isDeep else { return }
    var verifier = SegmentVerifier(
      reference, table, deleted, isDeep: false, source: source, pulse: pulse)
    try verifier.run()
    guard let first = verifier.findings.first else { return }
    isDamaged = true
    message = first.message
    try findLostRows(reference, table, deleted, pulse)
  }

  private mutating func findLostRows(
    _ reference: SegmentReference, _ table: TableDefinition, _ deleted: DeleteVector?,
    _ pulse: () throws(StoaError) -> Void
  ) throws(StoaError) {
    for (number, group) in try SegmentSurvey.rowGroups(reference, deleted).enumerated() {
      try pulse()
      do throws(StoaError) {
        _ = try group.liveValues(table.columns)
      } catch {
        guard error.kind == .corruption || error.kind == .io else { throw error }
        lostRowGroups[number] = error
        lostRowCount += UInt64(group.liveRowCount)
      }
    }
  }

  /// The row groups of one segment, with what is deleted of them.
  static func rowGroups(
    _ reference: SegmentReference, _ deleted: DeleteVector?
  ) throws(StoaError) -> [RowGroupSource] {
    try TableContents(
      segments: [reference], memtables: [],
      deletes: deleted.map { [reference.description.id: $0] } ?? [:]
    ).rowGroups()
  }
}
