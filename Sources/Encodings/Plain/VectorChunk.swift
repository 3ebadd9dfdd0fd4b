import Vectors

/// Rows in memory that were never encoded, seen as a chunk, so that scans treat rows of memtables as they treat
/// those of segments.
final class VectorChunk: ColumnChunk, @unchecked Sendable {
  private let vector: Vector

  init(_ vector: Vector) {
    self.vector = vector
    super.init(of: vector)
  }

  override func decodeRows(_ rows: Range<Int>) throws(StoaError) -> Vector {
    rows == 0..<rowCount ? vector : vector.slice(rows)
  }

  override func gatherRows(
    _ positions: UnsafePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Vector { vector.gather(positions, count: count) }

  override func sumRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> Int128? {
    switch type.physical {
    case .int8: sum(positions, count, Int8.self)
    case .int16: sum(positions, count, Int16.self)
    case .int32: sum(positions, count, Int32.self)
    case .int64: sum(positions, count, Int64.self)
    case .int128: sum(positions, count, Int128.self)
    case .bool, .float32, .float64, .string: nil
    }
  }

  /// `nil` past 128 bits.
  private func sum<T: FixedWidthInteger & BitwiseCopyable>(
    _ positions: UnsafePointer<UInt16>?, _ count: Int, _: T.Type
  ) -> Int128? {
    vector.withValues(as: T.self) { values in
      var total: Int128 = 0
      for index in 0..<count {
        let row = positions.map { Int($0[index]) } ?? index
        guard vector.isValid(row) else { continue }
        let (sum, overflow) = total.addingReportingOverflow(Int128(values[row]))
        if overflow { return nil }
        total = sum
      }
      return total
    }
  }
}

extension ColumnChunk {
  /// A chunk over at most 65,536 rows in memory.
  public static func wrapping(_ vector: Vector) -> ColumnChunk { VectorChunk(vector.flattened()) }
}

extension ZoneMap {
  /// What is known of rows in memory after looking at all of them.
  public init(of vector: Vector) {
    let (least, greatest) = VectorBounds.minMax(vector)
    let nullCount = vector.flattened().validity?.nullCount ?? 0
    self.init(
      rowCount: vector.count, nullCount: nullCount, min: least, max: greatest,
      distinctEstimate: vector.count, isSorted: false)
  }
}
