import Catalog
import Encodings
import Kernels
import Synchronization
import Vectors

/// One piece of a table that is read as a whole: a row group of a segment, or a block of a memtable. Both have at
/// most 65,536 rows, zone maps and chunks, and may have deleted rows.
public struct RowGroupSource: Sendable {
  /// Where the rows are.
  public enum Place: Sendable {
    case segment(SegmentReader, rowGroup: Int)
    case memory(RowBlock)
  }

  public let place: Place
  /// Rows, deleted ones included.
  public let rowCount: Int
  /// Deleted rows, counted from the group's first; `nil` when there are none.
  public let deleted: RowContainer?
  /// `$row` of the first row: number of the source in the table's contents << 32 | position.
  public let firstRow: Int64

  /// Whether every row is there.
  public var isWhole: Bool { deleted == nil }

  /// Rows that are not deleted.
  public var liveRowCount: Int { rowCount - (deleted?.cardinality ?? 0) }

  /// The segment, for what is known per segment: dictionaries, bitmap indexes.
  public var segment: (reader: SegmentReader, rowGroup: Int)? {
    if case .segment(let reader, let rowGroup) = place { (reader, rowGroup) } else { nil }
  }

  /// Names the file in errors.
  public var path: String {
    switch place {
    case .segment(let reader, _): reader.path
    case .memory: "memtable"
    }
  }

  /// What is known of a column without reading it, of all rows, deleted ones included; `nil` when nothing is.
  public func zoneMap(_ column: ColumnID) -> ZoneMap? {
    switch place {
    case .segment(let reader, let rowGroup): reader.zoneMap(rowGroup: rowGroup, column: column)
    case .memory(let block): block.zoneMap(column)
    }
  }

  /// Bytes read for a column.
  public func byteCount(_ column: ColumnID) -> Int {
    switch place {
    case .segment(let reader, let rowGroup): reader.byteCount(rowGroup: rowGroup, column: column)
    case .memory: 0
    }
  }

  /// The values of a column; its initial value where the rows are older than the column.
  /// - Throws: `.corruption` naming file, offset, row group and column.
  public func chunk(_ column: ColumnDefinition) throws(StoaError) -> ColumnChunk {
    switch place {
    case .segment(let reader, let rowGroup):
      guard let stored = reader.column(column.id)?.type, stored != column.type,
        stored.canWiden(to: column.type)
      else { return try reader.columnChunk(rowGroup: rowGroup, column: column) }
      return try RowGroupSource.widened(reader, rowGroup, column, from: stored)
    case .memory(let block):
      guard let vector = block.vector(column.id) else {
        return ColumnChunk.wrapping(
          Vector(
            constant: column.initialValue ?? .null, type: column.type, count: block.rowCount))
      }
      return ColumnChunk.wrapping(
        vector.type == column.type ? vector : try Cast.apply(vector, to: column.type))
    }
  }
}

extension RowGroupSource {
  /// A chunk written before the column's type was widened.
  private static func widened(
    _ reader: SegmentReader, _ rowGroup: Int, _ column: ColumnDefinition, from stored: LogicalType
  ) throws(StoaError) -> ColumnChunk {
    var narrow = column
    narrow.type = stored
    let chunk = try reader.columnChunk(rowGroup: rowGroup, column: narrow)
    return ColumnChunk.wrapping(
      try Cast.apply(try chunk.decode(rows: 0..<chunk.rowCount), to: column.type))
  }
}

extension TableContents {
  /// All pieces, segments first, in order.
  /// - Throws: `.corruption` naming the first damaged file.
  public func rowGroups() throws(StoaError) -> [RowGroupSource] {
    var groups: [RowGroupSource] = []
    for source in 0..<sourceCount { groups += try rowGroups(ofSource: source) }
    return groups
  }

  /// The pieces of one segment or memtable, in order.
  /// - Throws: `.corruption` naming the file.
  public func rowGroups(ofSource source: Int) throws(StoaError) -> [RowGroupSource] {
    source < segments.count
      ? try rowGroups(of: segments[source], source)
      : rowGroups(of: memtables[source - segments.count], source)
  }

  private func rowGroups(
    of segment: SegmentReference, _ source: Int
  ) throws(StoaError) -> [RowGroupSource] {
    var groups: [RowGroupSource] = []
    let reader = try segment.reader()
    let deleted = deletes[segment.description.id]
    var start = 0
    for rowGroup in 0..<reader.rowGroupCount {
      let rowCount = reader.rowCount(ofRowGroup: rowGroup)
      // Positions count the rows; where all row groups are full, their upper bits are the row group.
      let isFull =
        rowCount == SegmentFooter.rowGroupCapacity || rowGroup == reader.rowGroupCount - 1
      let gone =
        start == rowGroup << 16 && isFull
        ? deleted?.rows[rowGroup: rowGroup]
        : deleted?.container(of: start..<(start + rowCount))
      groups.append(
        RowGroupSource(
          place: .segment(reader, rowGroup: rowGroup),
          rowCount: rowCount,
          deleted: gone.flatMap { $0.cardinality == 0 ? nil : $0 },
          firstRow: Int64(source) << 32 | Int64(start)))
      start += rowCount
    }
    return groups
  }

  private func rowGroups(of memtable: Memtable, _ source: Int) -> [RowGroupSource] {
    let deleted = deletes[memtable.id]
    return zip(memtable.blocks, memtable.starts).map { block, start in
      RowGroupSource(
        place: .memory(block), rowCount: block.rowCount,
        deleted: deleted?.container(of: start..<(start + block.rowCount)),
        firstRow: Int64(source) << 32 | Int64(start))
    }
  }
}

extension DeleteVector {
  /// The rows among `range`, counted from its first; `nil` when there are none. The range has at most 65,536 rows.
  public func container(of range: Range<Int>) -> RowContainer? {
    guard !range.isEmpty, !isEmpty else { return nil }
    var words = [UInt64](repeating: 0, count: 1024)
    var found = false
    for group in (range.lowerBound >> 16)...((range.upperBound - 1) >> 16) {
      rows[rowGroup: group].forEach { row in
        let position = group << 16 | row
        guard range.contains(position) else { return }
        let offset = position - range.lowerBound
        words[offset >> 6] |= 1 << UInt64(offset & 63)
        found = true
      }
    }
    return found ? RowContainer(words: words) : nil
  }
}

extension RowGroupSource {
  /// Positions of the rows that are not deleted, ascending, counted from the group's first; `nil` when all are there.
  public func livePositions() -> [UInt32]? {
    guard let deleted else { return nil }
    var words = [UInt64](repeating: 0, count: 1024)
    words.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { deleted.insert(into: base) }
    }
    var positions: [UInt32] = []
    positions.reserveCapacity(liveRowCount)
    for row in 0..<rowCount where words[row >> 6] >> UInt64(row & 63) & 1 == 0 {
      positions.append(UInt32(truncatingIfNeeded: row))
    }
    return positions
  }

  /// Values of columns in all rows that are not deleted.
  public func liveValues(_ columns: [ColumnDefinition]) throws(StoaError) -> [Vector] {
    let positions = livePositions()
    var vectors: [Vector] = []
    for column in columns {
      let all = try chunk(column).decode(rows: 0..<rowCount)
      vectors.append(
        positions.map { positions in
          positions.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { all.gather($0, count: buffer.count) } ?? all.slice(0..<0)
          }
        } ?? all)
    }
    return vectors
  }
}
