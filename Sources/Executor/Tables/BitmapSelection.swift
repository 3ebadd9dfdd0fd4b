import Encodings
import Storage
import Vectors

/// Which filters of a scan the bitmap indexes of one segment can decide, and for which codes: pushed-down predicates
/// and the runtime filters of joins alike. Decided per code once, when the scan is prepared.
///
/// Invariant: a filter that an index decides is decided exactly, so it need not run on the column.
struct BitmapSelection: Sendable {
  struct Use: Sendable {
    /// Position among the scan's filters.
    var filter: Int
    var index: BitmapIndex
    var verdict: BitmapIndex.Verdict
  }

  let uses: [Use]
  let filters: [ScanFilter]

  /// - Throws: `.corruption` when an index or a dictionary is damaged.
  init(_ filters: [ScanFilter], _ reader: SegmentReader) throws(StoaError) {
    var uses: [Use] = []
    for (position, filter) in filters.enumerated() {
      guard let index = try reader.bitmapIndex(of: filter.column),
        let entries = try reader.entries(of: index, filter.column)
      else { continue }
      let verdict = try index.verdict(filter.filter, entries: entries)
      uses.append(Use(filter: position, index: index, verdict: verdict))
    }
    self.uses = uses
    self.filters = filters
  }
}

/// One worker's scratch for finding the rows that pass the filters a segment's bitmap indexes decide: bitmaps of the
/// codes that pass are united, and the unions of several filters intersected, before any column is read. A row group
/// without such rows costs no read at all.
final class BitmapRows {
  private let rows = RowBits()
  private let other = RowBits()

  /// Bitmaps of so many entries for each 64 rows cost what filtering the packed column does.
  private static let costPer64Rows = 8

  /// Makes `selection` the rows of the row group that pass, and tells which filters that settles; `nil` when no index
  /// is of use.
  ///
  /// Where more codes pass than fail, or more rows, those that fail are united and taken off. A filter for which even
  /// that is more work than filtering its column is left to the column.
  func select(
    _ selection: BitmapSelection, rowGroup: Int, of reader: SegmentReader,
    into positions: SelectionVector
  ) throws(StoaError) -> Set<Int>? {
    if selection.uses.isEmpty { return nil }
    let rowCount = reader.rowCount(ofRowGroup: rowGroup)
    let limit = rowCount / 64 * BitmapRows.costPer64Rows + 512
    var decided: Set<Int> = []
    for use in selection.uses {
      let passing = try use.index.cost(use.verdict.passing, rowGroup: rowGroup)
      let failing = try use.index.cost(use.verdict.failing, rowGroup: rowGroup)
      guard min(passing, failing) <= limit else { continue }
      let target = decided.isEmpty ? rows : other
      target.removeAll()
      let codes = failing < passing ? use.verdict.failing : use.verdict.passing
      try use.index.insert(codes, rowGroup: rowGroup, into: target)
      guard !target.hasRows(from: rowCount) else {
        throw StoaError(
          .corruption, "a bitmap index names rows past \(rowCount)", path: reader.path,
          rowGroup: rowGroup, column: selection.filters[use.filter].column.name)
      }
      if failing < passing { target.invert(rowCount: rowCount) }
      if target === other { rows.formIntersection(other) }
      decided.insert(use.filter)
    }
    if decided.isEmpty { return nil }
    rows.select(into: positions, rowCount: rowCount)
    return decided
  }
}
