import Vectors

/// The rows of every value of a low-cardinality column, for one segment: which rows of a row group have code c is
/// known without reading the column. Written beside the column chunks where it is small enough.
///
///   offset  size  field
///        0     4  format, 0
///        4     4  valueCount: dictionary entries, and one more for NULL
///        8     4  rowGroupCount
///       12     4  zero
///       16     *  4 bytes per value and row group (value by value): offset of a `RowContainer`, 0 for no rows
public final class BitmapIndex: @unchecked Sendable {
  /// Codes of the dictionary, NULL not counted.
  public let entryCount: Int
  public let rowGroupCount: Int
  private let bytes: ChunkBytes
  private let owner: AnyObject

  /// More values than this are not indexed.
  public static let valueLimit = 4096

  /// Opens an index kept alive by `owner`; containers are read and checked when they are asked for.
  public init(
    bytes raw: UnsafeRawBufferPointer, owner: AnyObject,
    location: ChunkLocation = ChunkLocation()
  ) throws(StoaError) {
    guard let base = raw.baseAddress else { throw location.damaged("no bitmap index") }
    bytes = ChunkBytes(base: base, count: raw.count, location: location)
    self.owner = owner
    let valueCount = try bytes.uint32(4)
    rowGroupCount = try bytes.uint32(8)
    guard try bytes.uint32(0) == 0, valueCount >= 1, valueCount <= BitmapIndex.valueLimit + 1,
      rowGroupCount <= 65_536
    else {
      throw bytes.damaged("bitmap index of \(valueCount) values, \(rowGroupCount) row groups")
    }
    _ = try bytes.piece(16, valueCount * rowGroupCount * 4, "bitmap directory")
    entryCount = valueCount - 1
  }

  /// The rows of `rowGroup` whose code is `code`; `entryCount` asks for the NULL rows.
  public func rows(code: Int, rowGroup: Int) throws(StoaError) -> RowContainer {
    precondition(code >= 0 && code <= entryCount && rowGroup >= 0 && rowGroup < rowGroupCount)
    let field = 16 + (code * rowGroupCount + rowGroup) * 4
    let offset = try bytes.uint32(field)
    if offset == 0 { return RowContainer() }
    return try RowContainer(bytes, at: offset, rowCount: 65_536)
  }

  /// The rows of `rowGroup` whose code is flagged; one flag per code.
  public func rows(
    passing flags: [Bool], rowGroup: Int
  ) throws(StoaError) -> RowContainer {
    precondition(flags.count == entryCount, "one flag per code")
    let words = Buffer(byteCount: 1024 * 8, zeroed: true)
    var only: RowContainer?
    var taken = 0
    for code in 0..<entryCount where flags[code] {
      let container = try rows(code: code, rowGroup: rowGroup)
      if container.cardinality == 0 { continue }
      container.insert(into: words.typed(UInt64.self))
      only = container
      taken += 1
    }
    if taken == 1, let only { return only }
    return RowContainer(
      words: Array(UnsafeBufferPointer(start: words.typed(UInt64.self), count: 1024)))
  }

  /// The rows of the whole segment with one code.
  public func bitmap(code: Int) throws(StoaError) -> CompressedBitmap {
    var result = CompressedBitmap()
    for group in 0..<rowGroupCount {
      result.append(try rows(code: code, rowGroup: group), rowGroup: group)
    }
    return result
  }

  /// Which entries of `dictionary` pass `filter`, for `rows(passing:)`.
  public static func flags(
    _ filter: ColumnFilter, dictionary: Vector
  ) throws(StoaError) -> [Bool] {
    let mask = try filter.entryMask(dictionary).filter
    return (0..<dictionary.count).map { mask.contains(UInt64($0)) }
  }
}

/// Collects the rows of each code, row group by row group.
public struct BitmapIndexBuilder {
  private let entryCount: Int
  private var groups: [[RowContainer]] = []

  /// An index over codes below `entryCount`, at most `BitmapIndex.valueLimit`.
  public init(entryCount: Int) {
    precondition(entryCount >= 0 && entryCount <= BitmapIndex.valueLimit, "too many values")
    self.entryCount = entryCount
  }

  /// The next row group: one code below `entryCount` per row that is not NULL.
  public mutating func append(
    codes: UnsafePointer<UInt32>, count: Int, validity: Validity?
  ) {
    precondition(count <= 65_536, "more rows than a row group has")
    let wordCount = Validity.wordCount(count)
    var words = [UInt64](repeating: 0, count: wordCount * (entryCount + 1))
    for row in 0..<count {
      let isValid = validity?.isValid(row) ?? true
      let code = isValid ? Int(codes[row]) : entryCount
      precondition(code <= entryCount, "code without an entry")
      words[code * wordCount + row >> 6] |= 1 << UInt64(row & 63)
    }
    groups.append(
      (0...entryCount).map { code in
        RowContainer(words: Array(words[code * wordCount..<(code + 1) * wordCount]))
      })
  }

  /// Bytes the index would take, to be weighed against the segment's.
  public var byteCount: Int {
    16 + (entryCount + 1) * groups.count * 4
      + groups.reduce(0) {
        $0 + $1.reduce(0) { $0 + ($1.cardinality == 0 ? 0 : ($1.byteCount + 7) / 8 * 8) }
      }
  }

  /// The bytes of the index.
  public func finish() -> Buffer {
    var writer = ChunkWriter()
    writer.append(UInt32(0))
    writer.append(UInt32(entryCount + 1))
    writer.append(UInt32(groups.count))
    writer.append(UInt32(0))
    let table = writer.reserve((entryCount + 1) * groups.count * 4)
    for (group, containers) in groups.enumerated() {
      for (code, container) in containers.enumerated() where container.cardinality > 0 {
        let offset = container.write(to: &writer)
        writer.setOffset(offset, at: table + (code * groups.count + group) * 4)
      }
    }
    return writer.bytes.withUnsafeBytes { Buffer(copying: $0) }
  }
}
