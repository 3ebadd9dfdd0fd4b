import Catalog
import Encodings
import Synchronization
import Vectors

/// One row group ready to be written: chunks as bytes, dictionary columns as local codes.
public struct EncodedRowGroup: Sendable {
  /// One column of it.
  enum Column: Sendable {
    case chunk(EncodedChunk, DistinctSketch)
    /// To be given codes of the segment's dictionary once that is complete.
    case codes(LocalCodes)
  }

  public let rowCount: Int
  let columns: [Column]
  /// Rows by value of each column that may get a bitmap index.
  let rows: [ColumnRows?]
  /// Sorted keys, one list for each of the table's `runKeys`.
  let keys: [KeyRunPart]

  /// Bytes in memory.
  public var byteCount: Int {
    columns.reduce(keys.reduce(0) { $0 + $1.byteCount }) {
      switch $1 {
      case .chunk(let block, _): $0 + block.byteCount
      case .codes(let codes): $0 + codes.byteCount
      }
    }
  }
}

/// Turns columns into encoded row groups. Stateless but for one flag per column, so any number of threads
/// may call `encode` at once and hand the results to the one that writes.
public final class RowGroupEncoder: Sendable {
  private let columns: [ColumnDefinition]
  /// Places of the columns of each key that gets a run.
  private let runKeys: [[Int]]
  /// Columns for which the segment keeps a dictionary; a column leaves when it turns out to have too many
  /// values.
  private let dictionaryColumns: Mutex<[Bool]>
  /// Columns that may still get a bitmap index.
  private let bitmapColumns: Mutex<[Bool]>

  init(_ definition: TableDefinition) {
    columns = definition.columns
    runKeys = definition.runKeys.map { $0.compactMap { definition.index(of: $0) } }
    dictionaryColumns = Mutex(definition.columns.map { RowGroupEncoder.isCandidate($0) })
    bitmapColumns = Mutex(definition.columns.map { _ in true })
  }

  /// Strings go into the segment's dictionary unless another encoding was asked for.
  private static func isCandidate(_ column: ColumnDefinition) -> Bool {
    guard column.type.physical == .string else { return false }
    switch column.forcedEncoding.flatMap({ EncodingID(name: $0) }) {
    case .plain, .zstd: return false
    default: return true
    }
  }

  func giveUpDictionary(_ column: Int) { dictionaryColumns.withLock { $0[column] = false } }

  func giveUpBitmaps(_ column: Int) { bitmapColumns.withLock { $0[column] = false } }

  /// Encodes one row group of 1…65,536 rows.
  /// - Parameter vectors: one per column of the table, in its order, of its types.
  public func encode(_ vectors: [Vector], rowCount: Int) throws(StoaError) -> EncodedRowGroup {
    try check(vectors, rowCount)
    let candidates = dictionaryColumns.withLock { $0 }
    var encoded: [EncodedRowGroup.Column] = []
    for (index, vector) in vectors.enumerated() {
      encoded.append(try encode(vector, columns[index], isCandidate: candidates[index]))
    }
    return EncodedRowGroup(
      rowCount: rowCount, columns: encoded, rows: valueRows(vectors, encoded, rowCount),
      keys: runKeys.map { key in
        let own = key.map { vectors[$0] }
        var numbers = KeyNumbers(own, KeyRunForm(own.map(\.type)))
        numbers.sort()
        return KeyRunPart(numbers)
      })
  }

  /// Rows by value, for bitmap indexes: of columns where they are small beside the row group.
  private func valueRows(
    _ vectors: [Vector], _ encoded: [EncodedRowGroup.Column], _ rowCount: Int
  ) -> [ColumnRows?] {
    let candidates = bitmapColumns.withLock { $0 }
    let byteLimit =
      encoded.reduce(0) { $0 + RowGroupEncoder.diskByteCount($1) }
      * BitmapIndexRule.rowGroupShare / 100 + BitmapIndexRule.rowGroupAllowance
    var result: [ColumnRows?] = []
    for (index, column) in encoded.enumerated() {
      guard candidates[index] else {
        result.append(nil)
        continue
      }
      let rows =
        switch column {
        case .chunk(let chunk, _): ColumnRows(vectors[index], chunk, byteLimit: byteLimit)
        case .codes(let codes): ColumnRows(codes, byteLimit: byteLimit)
        }
      if rows == nil { giveUpBitmaps(index) }
      result.append(rows)
    }
    return result
  }

  /// Bytes of a column in the file, guessed for codes.
  private static func diskByteCount(_ column: EncodedRowGroup.Column) -> Int {
    switch column {
    case .chunk(let chunk, _): return chunk.byteCount
    case .codes(let codes):
      let bits = Int.bitWidth - max(0, codes.entries.count - 1).leadingZeroBitCount
      return codes.rowCount * bits / 8
    }
  }

  private func encode(
    _ vector: Vector, _ column: ColumnDefinition, isCandidate: Bool
  ) throws(StoaError) -> EncodedRowGroup.Column {
    if isCandidate {
      // Strings that hardly repeat are smaller without a dictionary.
      let limit = max(RowGroupEncoder.smallDictionary, vector.count / 2)
      if let codes = LocalCodes.make(vector, limit: limit), codes.entries.count > 0 {
        return .codes(codes)
      }
    }
    return try chunk(vector, column)
  }

  /// Up to this many distinct values a dictionary is kept whatever the number of rows.
  static let smallDictionary = 16

  /// A chunk that needs no dictionary of the segment.
  func chunk(_ vector: Vector, _ index: Int) throws(StoaError) -> EncodedRowGroup.Column {
    try chunk(vector, columns[index])
  }

  private func chunk(
    _ vector: Vector, _ column: ColumnDefinition
  ) throws(StoaError) -> EncodedRowGroup.Column {
    var sketch = DistinctSketch()
    sketch.add(vector)
    let block = try ChunkCoding.encode(vector.retyped(column.type), forced: column.forcedEncoding)
    return .chunk(block, sketch)
  }

  private func check(_ vectors: [Vector], _ rowCount: Int) throws(StoaError) {
    guard vectors.count == columns.count,
      rowCount > 0, rowCount <= SegmentFooter.rowGroupCapacity,
      zip(vectors, columns).allSatisfy({
        $0.count == rowCount && $0.type.physical == $1.type.physical
      })
    else {
      throw StoaError(.inconsistency, "the columns to be written do not fit the table")
    }
    for (vector, column) in zip(vectors, columns) where !column.isNullable && vector.mayHaveNulls {
      guard (0..<rowCount).allSatisfy({ vector.isValid($0) }) else {
        throw StoaError(.constraint, "NULL in a NOT NULL column", column: column.name)
      }
    }
  }
}
