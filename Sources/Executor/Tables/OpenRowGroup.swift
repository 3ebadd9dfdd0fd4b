import Catalog
import Encodings
import Storage
import Vectors

/// A row group while one worker reads it: its zone maps, and its chunks once somebody asks for them.
final class OpenRowGroup {
  /// Rows, deleted ones included.
  let rowCount: Int
  /// Encoded bytes of the chunks used so far.
  private(set) var byteCount = 0
  /// Whether rows were decoded.
  private(set) var isExpanded = false
  let source: RowGroupSource
  let bitmaps: BitmapSelection?
  /// The columns the scan gives out.
  private let columns: [ColumnDefinition]
  private var chunks: [ColumnID: ColumnChunk] = [:]

  init(_ rowGroup: StorageScan.RowGroup, columns: [ColumnDefinition]) {
    source = rowGroup.source
    bitmaps = rowGroup.bitmaps
    self.columns = columns
    rowCount = source.rowCount
  }

  /// What is known of a column without reading it; `nil` for a column added after the segment was written.
  func zone(of column: ColumnDefinition) -> ZoneMap? {
    source.zoneMap(column.id)
  }

  /// A column's chunk, fetched at most once.
  func chunk(of column: ColumnDefinition) throws(StoaError) -> ColumnChunk {
    if let chunk = chunks[column.id] { return chunk }
    let chunk = column.id == SystemColumn.row ? rowNames() : try source.chunk(column)
    byteCount += source.byteCount(column.id)
    chunks[column.id] = chunk
    return chunk
  }

  /// The values of `$row`.
  private func rowNames() -> ColumnChunk {
    let buffer = Buffer(of: Int64.self, count: max(1, rowCount))
    let names = buffer.typed(Int64.self)
    for row in 0..<rowCount { names[row] = source.firstRow &+ Int64(row) }
    return ColumnChunk.wrapping(Vector(flat: buffer, type: .bigint, count: rowCount))
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
