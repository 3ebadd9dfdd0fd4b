import Vectors

/// The rows of every value of a low-cardinality column, for one segment: which rows of a row group have code c is
/// known without reading the column. Written beside the column chunks where it is small enough. Codes are those of
/// the column's dictionary, or numbers of values that the index brings itself.
///
///   offset  size  field
///        0     4  format, 0
///        4     4  valueCount: entries, and one more for NULL
///        8     4  rowGroupCount
///       12     4  offset of the entries: a column chunk on a multiple of 64; 0: they are the column's dictionary
///       16     *  4 bytes per row group and value (row group by row group): offset of a `RowContainer`, 0 for no rows
public final class BitmapIndex: @unchecked Sendable {
  /// Codes, NULL not counted.
  public let entryCount: Int
  public let rowGroupCount: Int
  /// The value of each code, flat, without NULLs; `nil` when the column has a dictionary.
  public let entries: Vector?
  private let bytes: ChunkBytes
  private let owner: AnyObject

  /// More values than this are not indexed.
  public static let valueLimit = 4096

  /// Opens an index kept alive by `owner`; containers are read and checked when they are asked for.
  /// - Parameter type: the column's.
  public init(
    bytes raw: UnsafeRawBufferPointer, owner: AnyObject, type: LogicalType,
    location: ChunkLocation = ChunkLocation()
  ) throws(StoaError) {
    guard let base = raw.baseAddress else { throw location.damaged("no bitmap index") }
    bytes = ChunkBytes(base: base, count: raw.count, location: location)
    self.owner = owner
    let valueCount = try bytes.uint32(4)
    rowGroupCount = try bytes.uint32(8)
    let entriesOffset = try bytes.uint32(12)
    guard try bytes.uint32(0) == 0, valueCount >= 1, valueCount <= BitmapIndex.valueLimit + 1,
      rowGroupCount <= 65_536, entriesOffset <= raw.count
    else {
      throw bytes.damaged("bitmap index of \(valueCount) values, \(rowGroupCount) row groups")
    }
    _ = try bytes.piece(16, valueCount * rowGroupCount * 4, "bitmap directory")
    entryCount = valueCount - 1
    guard entriesOffset > 0 else {
      entries = nil
      return
    }
    let chunk = try ColumnChunk.open(
      bytes: UnsafeRawBufferPointer(rebasing: raw[entriesOffset...]), owner: owner, type: type,
      rowCount: entryCount, location: location)
    guard chunk.nullCount == 0 else { throw bytes.damaged("a NULL among the entries") }
    entries = try chunk.decode(rows: 0..<entryCount).flattened()
  }

  /// The rows of `rowGroup` whose code is `code`; `entryCount` asks for the NULL rows.
  public func rows(code: Int, rowGroup: Int) throws(StoaError) -> RowContainer {
    let offset = try self.offset(code, rowGroup)
    return offset == 0 ? RowContainer() : try RowContainer(bytes, at: offset, rowCount: 65_536)
  }

  private func offset(_ code: Int, _ rowGroup: Int) throws(StoaError) -> Int {
    precondition(code >= 0 && code <= entryCount && rowGroup >= 0 && rowGroup < rowGroupCount)
    return try bytes.uint32(16 + (rowGroup * (entryCount + 1) + code) * 4)
  }

  /// What uniting the rows of `codes` in one row group costs, a row of an array being 1.
  public func cost(_ codes: [Int], rowGroup: Int) throws(StoaError) -> Int {
    var total = 0
    for code in codes {
      let offset = try self.offset(code, rowGroup)
      if offset > 0 { total += try RowContainer.cost(bytes, at: offset) }
    }
    return total
  }

  /// Adds the rows of `rowGroup` with any of `codes` (`entryCount` for NULL) to `bits`.
  /// - Throws: `.corruption`; rows past the row group are for the caller to find.
  public func insert(_ codes: [Int], rowGroup: Int, into bits: RowBits) throws(StoaError) {
    for code in codes {
      let offset = try self.offset(code, rowGroup)
      if offset > 0 { try RowContainer.insert(bytes, at: offset, into: bits.words) }
    }
  }

  /// The rows of the whole segment with one code.
  public func bitmap(code: Int) throws(StoaError) -> CompressedBitmap {
    var result = CompressedBitmap()
    for group in 0..<rowGroupCount {
      result.append(try rows(code: code, rowGroup: group), rowGroup: group)
    }
    return result
  }

  /// Codes that pass a filter and those that do not, the NULL code among one of them.
  public struct Verdict: Sendable {
    public let passing: [Int]
    public let failing: [Int]
  }

  /// Decides every code for `filter`.
  /// - Parameter entries: the value of each code: the index's own or the column's dictionary.
  public func verdict(
    _ filter: ColumnFilter, entries: Vector
  ) throws(StoaError) -> Verdict {
    precondition(entries.count == entryCount, "entries of another index")
    let flags = try filter.test.flags(entries)
    var passing: [Int] = []
    var failing: [Int] = []
    for (code, flag) in flags.enumerated() {
      if flag != 0 { passing.append(code) } else { failing.append(code) }
    }
    if case .nulls = filter.test { passing.append(entryCount) } else { failing.append(entryCount) }
    return Verdict(passing: passing, failing: failing)
  }
}

extension RowContainer {
  /// What `insert` of the container at `offset` costs; only its head is read.
  static func cost(_ bytes: ChunkBytes, at offset: Int) throws(StoaError) -> Int {
    let count = try bytes.uint32(offset + 4)
    switch try bytes.uint8(offset) {
    case 1: return 4 + count
    case 2: return 4 + count * 4
    default: return 4 + count / 4
    }
  }

  /// Sets the bits of the container at `offset` in `words`, 1,024 of them, without making a set of it first.
  static func insert(
    _ bytes: ChunkBytes, at offset: Int, into words: UnsafeMutablePointer<UInt64>
  ) throws(StoaError) {
    let kind = try bytes.uint8(offset)
    let count = try bytes.uint32(offset + 4)
    switch kind {
    case 1:
      let raw = try bytes.piece(offset + 8, count * 2, "rows")
      for index in 0..<count {
        let row = UInt16(
          littleEndian: raw.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self))
        words[Int(row &>> 6)] |= 1 &<< UInt64(row & 63)
      }
    case 2:
      let raw = try bytes.piece(offset + 8, count * 4, "runs")
      for index in 0..<count {
        let run = UInt32(
          littleEndian: raw.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self))
        let first = Int(run & 0xFFFF)
        let last = Int(run &>> 16)
        guard first <= last else { throw bytes.damaged("a run ends before it begins", at: offset) }
        setBits(words, first, last)
      }
    case 3:
      guard count <= RowBits.wordCount else { throw bytes.damaged("\(count) words", at: offset) }
      let raw = try bytes.piece(offset + 8, count * 8, "bitmap")
      for index in 0..<count {
        words[index] |= UInt64(
          littleEndian: raw.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self))
      }
    default: throw bytes.damaged("unknown container \(kind)", at: offset)
    }
  }
}
