import Catalog
import Encodings
import Storage
import Vectors

/// A row group while one worker reads it: its zone maps, and its chunks once somebody asks for them.
final class OpenRowGroup {
  let rowCount: Int
  /// Whether every row is visible to the snapshot, so that zone maps and chunks, which cover all of them, speak for
  /// the rows a scan gives out.
  var showsEveryRow: Bool { source.showsEveryRow }
  /// Encoded bytes of the chunks used so far.
  private(set) var byteCount = 0
  /// Whether rows were decoded.
  private(set) var isExpanded = false
  private let source: StorageScan.RowGroup
  /// The columns the scan gives out.
  private let columns: [ColumnDefinition]
  private var chunks: [ColumnID: ColumnChunk] = [:]

  init(_ source: StorageScan.RowGroup, columns: [ColumnDefinition]) {
    self.source = source
    self.columns = columns
    rowCount = source.reader.rowCount(ofRowGroup: source.index)
  }

  var reader: SegmentReader { source.reader }
  var index: Int { source.index }
  var bitmaps: BitmapSelection { source.bitmaps }

  /// What is known of a column without reading it; `nil` for a column added after the segment was written.
  func zone(of column: ColumnDefinition) -> ZoneMap? {
    source.reader.zoneMap(rowGroup: source.index, column: column.id)
  }

  /// A column's chunk, fetched at most once.
  func chunk(of column: ColumnDefinition) throws(StoaError) -> ColumnChunk {
    if let chunk = chunks[column.id] { return chunk }
    let chunk = try source.reader.columnChunk(rowGroup: source.index, column: column)
    byteCount += source.reader.byteCount(rowGroup: source.index, column: column.id)
    chunks[column.id] = chunk
    return chunk
  }

  /// The same by position among the columns given out.
  func zone(_ position: Int) -> ZoneMap? { zone(of: columns[position]) }
  func chunk(_ position: Int) throws(StoaError) -> ColumnChunk { try chunk(of: columns[position]) }
  func type(_ position: Int) -> LogicalType { columns[position].type }

  /// Rows of `rows`, which begins on a multiple of 1,024, with values in the columns at `positions` only; the others
  /// are NULL.
  func batch(_ rows: Range<Int>, columns positions: Set<Int>) throws(StoaError) -> Batch {
    isExpanded = true
    var vectors: [Vector] = []
    for position in columns.indices {
      vectors.append(
        positions.contains(position)
          ? try chunk(position).decode(rows: rows)
          : Vector(constant: .null, type: columns[position].type, count: rows.count))
    }
    return Batch(columns: vectors, rowCount: rows.count)
  }
}

/// A reader whose morsels are row groups. Those of which every row is given out can be taken whole, by what zone
/// maps and encoded chunks know, instead of being read row by row.
protocol RowGroupReader: TableReader {
  /// Offers the open morsel, before its first `next`, if every row of it is given out. `take` answers whether the
  /// row group is dealt with, which ends the morsel; if not, its rows are read as always.
  func offer(
    _ take: (OpenRowGroup) throws(StoaError) -> Bool
  ) throws(StoaError) -> Bool
}
