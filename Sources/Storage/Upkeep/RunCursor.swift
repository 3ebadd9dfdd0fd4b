import Catalog
import Encodings
import Kernels
import Vectors

/// A row group of a run.
struct RunPiece {
  let segment: SegmentID
  /// Position of its first row in the segment.
  let start: Int
  let rows: RowGroupSource
}

/// Some rows of a run that are decoded, without deleted ones.
final class RunWindow {
  /// Flat, one per column of the table.
  let columns: [Vector]
  let keyColumns: [Vector]
  /// Keys of fixed width, one per row.
  let keys: Buffer
  let rowCount: Int

  init(_ columns: [Vector], rowCount: Int, keyColumns: [Int], _ encoder: SortKeyEncoder) {
    self.columns = columns
    self.rowCount = rowCount
    self.keyColumns = keyColumns.map { columns[$0] }
    keys = Buffer(byteCount: max(1, keyColumns.isEmpty ? 0 : encoder.byteWidth * rowCount))
    if !keyColumns.isEmpty { encoder.encode(self.keyColumns, into: keys.pointer) }
  }
}

/// Reads the rows of one run from the first to the last.
final class RunCursor {
  private let pieces: [RunPiece]
  private let definition: TableDefinition
  private let keyColumns: [Int]
  private let windowRowCount: Int
  private var piece = 0
  /// Next row to decode of the piece, and its chunks.
  private var next = 0
  private var chunks: [ColumnChunk] = []
  /// `nil` at the end of the run.
  private(set) var window: RunWindow?

  init(
    _ pieces: [RunPiece], _ definition: TableDefinition, keyColumns: [Int], windowRowCount: Int
  ) {
    self.pieces = pieces
    self.definition = definition
    self.keyColumns = keyColumns
    self.windowRowCount = windowRowCount
  }

  /// Goes to the next window that has rows.
  func advance(_ encoder: SortKeyEncoder) throws(StoaError) {
    window = nil
    while piece < pieces.count {
      let rows = pieces[piece].rows
      if chunks.isEmpty {
        for column in definition.columns { chunks.append(try rows.chunk(column)) }
      }
      let range = next..<min(next + windowRowCount, rows.rowCount)
      next = range.upperBound
      let batch = try decode(range, rows.deleted)
      if next == rows.rowCount {
        piece += 1
        next = 0
        chunks = []
      }
      guard batch.rowCount > 0 else { continue }
      window = RunWindow(
        batch.columns, rowCount: batch.rowCount, keyColumns: keyColumns, encoder)
      return
    }
  }

  private func decode(_ range: Range<Int>, _ deleted: RowContainer?) throws(StoaError) -> Batch {
    let left = deleted.map { gone in
      range.filter { !gone.contains($0) }.map { UInt32(truncatingIfNeeded: $0 - range.lowerBound) }
    }
    if let left, left.isEmpty { return Batch(columns: [], rowCount: 0) }
    var columns: [Vector] = []
    for chunk in chunks {
      var vector = try chunk.decode(rows: range)
      if let left, left.count < range.count {
        vector = left.withUnsafeBufferPointer { rows in
          rows.baseAddress.map { vector.gather($0, count: rows.count) } ?? vector
        }
      }
      columns.append(vector.flattened())
    }
    return Batch(columns: columns, rowCount: left?.count ?? range.count)
  }

  /// The run's row groups, as a position map needs them.
  var positions: [MergedPositions.Piece] {
    pieces.map {
      .init(
        segment: $0.segment, start: $0.start, rowCount: $0.rows.rowCount, deleted: $0.rows.deleted)
    }
  }
}
