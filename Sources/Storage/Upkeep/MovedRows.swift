import Catalog
import Encodings
import Vectors

/// The rows that flush or compaction writes anew, in their new order.
protocol MovedRows: AnyObject {
  /// The next rows, one vector per column of the table, at most `capacity` of them; `nil` at the end.
  func nextGroup(capacity: Int) throws(StoaError) -> Batch?
  /// Where rows went. Asked for after the end.
  var positions: any PositionMap { get }
}

/// Rows of memtables, sorted by the table's sort key; of equal keys, and without a sort key, the oldest first.
final class FlushedRows: MovedRows {
  private struct Source {
    let id: SegmentID
    let start: Int
    let block: RowBlock
  }

  private let definition: TableDefinition
  private let sources: [Source]
  /// Rows that are left, in their new order, named as `RowGathering` does.
  private let names: [UInt32]
  private var next = 0

  init(
    _ definition: TableDefinition, _ memtables: [Memtable], deletes: [SegmentID: DeleteVector]
  ) throws(StoaError) {
    self.definition = definition
    sources = memtables.flatMap { memtable in
      zip(memtable.blocks, memtable.starts).map {
        Source(id: memtable.id, start: $1, block: $0)
      }
    }
    guard sources.count < 1 << 16 else {
      throw StoaError(.inconsistency, "\(sources.count) blocks in memtables")
    }
    var names: [UInt32] = []
    names.reserveCapacity(memtables.reduce(0) { $0 + $1.rowCount })
    for (number, source) in sources.enumerated() {
      let deleted = deletes[source.id]?.container(
        of: source.start..<(source.start + source.block.rowCount))
      for row in 0..<source.block.rowCount where deleted?.contains(row) != true {
        names.append(RowGathering.name(source: number, row: row))
      }
    }
    self.names = try FlushedRows.sorted(names, sources, definition)
  }

  private static func sorted(
    _ names: [UInt32], _ sources: [Source], _ definition: TableDefinition
  ) throws(StoaError) -> [UInt32] {
    guard !definition.sortKey.isEmpty, names.count > 1 else { return names }
    var keys: [Vector] = []
    for id in definition.sortKey {
      guard let index = definition.index(of: id) else {
        throw StoaError(.inconsistency, "the sort key has no column \(id)")
      }
      keys.append(try gather(definition.columns[index], sources, names[...]))
    }
    return SortedKeys.order(keys).map { names[Int($0)] }
  }

  private static func gather(
    _ column: ColumnDefinition, _ sources: [Source], _ names: ArraySlice<UInt32>
  ) throws(StoaError) -> Vector {
    var vectors: [Vector] = []
    for source in sources {
      let group = RowGroupSource(
        place: .memory(source.block), rowCount: source.block.rowCount, deleted: nil, firstRow: 0)
      let chunk = try group.chunk(column)
      vectors.append(try chunk.decode(rows: 0..<chunk.rowCount).flattened())
    }
    return names.withUnsafeBufferPointer {
      RowGathering.gather(vectors, type: column.type, $0)
    }
  }

  func nextGroup(capacity: Int) throws(StoaError) -> Batch? {
    guard next < names.count else { return nil }
    let range = next..<min(next + capacity, names.count)
    next = range.upperBound
    var columns: [Vector] = []
    for column in definition.columns {
      columns.append(try FlushedRows.gather(column, sources, names[range]))
    }
    return Batch(columns: columns, rowCount: range.count)
  }

  var positions: any PositionMap {
    FlushedPositions(
      sources: sources.map { .init(id: $0.id, start: $0.start, rowCount: $0.block.rowCount) },
      names: names)
  }
}
