import Vectors

/// One column of one row group, encoded: bytes checked once by `open`, then read in place. Immutable, shared by
/// workers; every method is called per batch or row group, never per row.
///
/// Rows count from 0 within the chunk. Ranges begin on a multiple of 1,024. Positions ascend.
///
/// The chunk begins with this header; the rest is described by the layout it names.
///
///   offset  size  field
///        0     1  format, 0
///        1     1  physical type
///        2     1  layout (see `ChunkLayout`)
///        3     1  encoding id of the root
///        4     4  rowCount, at most 65,536
///        8     4  nullCount
///       12     4  offset of the NULL rows (a `RowContainer`), 0 when there are none
///       16     4  first offset of the layout
///       20     4  second offset of the layout
///       24     4  byteCount of the chunk
///       28     4  third field of the layout
///       32    16  reference, or the value of a constant
public class ColumnChunk: @unchecked Sendable {
  public let type: LogicalType
  public let rowCount: Int
  public let nullCount: Int
  /// Bytes of the chunk.
  public let byteCount: Int
  /// The outermost encoding.
  public let encoding: EncodingID
  /// NULLs by row; `nil` when there are none.
  public let validity: Validity?
  let owner: AnyObject?
  let location: ChunkLocation

  init(header: ChunkHeader) {
    type = header.type
    rowCount = header.rowCount
    nullCount = header.nullCount
    byteCount = header.byteCount
    encoding = header.encoding
    validity = header.validity
    owner = header.owner
    location = header.bytes.location
  }

  /// A chunk of rows that were never encoded.
  init(of vector: Vector) {
    type = vector.type
    rowCount = vector.count
    validity = vector.validity
    nullCount = vector.validity?.nullCount ?? 0
    byteCount = vector.count * vector.type.physical.byteWidth
    encoding = .plain
    owner = vector
    location = ChunkLocation()
  }

  /// The encoding tree on one line, for `inspect` and EXPLAIN.
  public var summary: String { encoding.name }

  /// The dictionary of a dictionary chunk, local or the segment's.
  public var dictionary: Vector? { nil }

  // MARK: for subclasses

  /// Rows `rows` as a vector; `validity` is applied by the caller where `valueVector` leaves it out.
  func decodeRows(_ rows: Range<Int>) throws(StoaError) -> Vector {
    preconditionFailure("abstract")
  }

  func gatherRows(
    _ positions: UnsafePointer<UInt16>, _ count: Int
  ) throws(StoaError) -> Vector { preconditionFailure("abstract") }

  func form(_ test: ValueTest, _ filter: ColumnFilter) throws(StoaError) -> CompiledFilter.Form {
    switch test {
    case .nothing: .none
    case .nulls: .nulls
    case .everything: .valid
    default: .decoded
    }
  }

  /// The integer tree that `IntegerFilter`s run on.
  var integers: IntegerNode? { nil }

  /// The sum of the values at `positions` (or all), NULLs already left out; `nil` for other than integer types.
  func sumRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> Int128? { nil }

  func minMaxRows(
    _ positions: UnsafePointer<UInt16>?, _ count: Int
  ) throws(StoaError) -> (min: Value, max: Value) {
    let vector: Vector
    if let positions {
      vector = try gatherRows(positions, count)
    } else {
      vector = try decodeRows(0..<rowCount)
    }
    return VectorBounds.minMax(vector)
  }

  /// The codes of rows for grouping, see `groupDomain`.
  func codes(
    of rows: Range<Int>, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) { preconditionFailure("no codes") }

  func codes(
    at positions: UnsafePointer<UInt16>, _ count: Int, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) { preconditionFailure("no codes") }

  /// Distinct keys in code order when there are at most `limit`, else `nil`.
  func domain(limit: Int) throws(StoaError) -> Vector? { nil }
}

extension ColumnChunk {
  /// Rows of `rows`, which begins on a multiple of 1,024. Dictionary chunks give dictionary vectors over the
  /// shared dictionary, constants give constants, long runs give run-length vectors, everything else is flat.
  public final func decode(rows: Range<Int>) throws(StoaError) -> Vector {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows out of range")
    precondition(rows.lowerBound % blockCapacity == 0 || rows.isEmpty, "not on a block")
    if rows.isEmpty { return Vector.nulls(type: type, count: 0) }
    if nullCount == rowCount { return Vector(constant: .null, type: type, count: rows.count) }
    return try decodeRows(rows)
  }

  /// The rows at `count` ascending `positions`.
  public final func gather(
    _ positions: UnsafePointer<UInt16>, count: Int
  ) throws(StoaError) -> Vector {
    if count == 0 { return Vector.nulls(type: type, count: 0) }
    precondition(Int(positions[count - 1]) < rowCount, "position out of range")
    if nullCount == rowCount { return Vector(constant: .null, type: type, count: count) }
    return try gatherRows(positions, count)
  }

  /// The rows of `selection`.
  public final func gather(_ selection: SelectionVector) throws(StoaError) -> Vector {
    try gather(UnsafePointer(selection.positions), count: selection.count)
  }
}
