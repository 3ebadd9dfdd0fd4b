import Vectors

/// A set of rows of one segment: a `RowContainer` per row group that has any. Intersections of such sets answer
/// star filters before a column is read.
public struct CompressedBitmap: Sendable, Equatable {
  private var groups: [Int] = []
  private var containers: [RowContainer] = []

  /// The empty set.
  public init() {}

  /// The set of ascending `rows`, counted from the segment's first.
  public init(rows: some Sequence<Int>) {
    var group = -1
    var words: [UInt64] = []
    for row in rows {
      if row >> 16 != group {
        if group >= 0 { append(RowContainer(words: words), rowGroup: group) }
        group = row >> 16
        words = [UInt64](repeating: 0, count: 1024)
      }
      words[(row & 0xFFFF) >> 6] |= 1 << UInt64(row & 63)
    }
    if group >= 0 { append(RowContainer(words: words), rowGroup: group) }
  }

  /// Adds the rows of the next row group; groups come in ascending order.
  public mutating func append(_ container: RowContainer, rowGroup: Int) {
    precondition(groups.last.map { $0 < rowGroup } ?? (rowGroup >= 0), "row groups out of order")
    guard container.cardinality > 0 else { return }
    groups.append(rowGroup)
    containers.append(container)
  }

  /// Rows in the set.
  public var cardinality: Int { containers.reduce(0) { $0 + $1.cardinality } }
  public var isEmpty: Bool { groups.isEmpty }

  /// Row groups with at least one row, ascending.
  public var rowGroups: [Int] { groups }

  /// The rows of one row group, counted from its first.
  public subscript(rowGroup rowGroup: Int) -> RowContainer {
    var low = 0
    var high = groups.count
    while low < high {
      let middle = (low + high) / 2
      if groups[middle] < rowGroup { low = middle + 1 } else { high = middle }
    }
    return low < groups.count && groups[low] == rowGroup ? containers[low] : RowContainer()
  }

  /// Whether `row` of the segment is in the set.
  public func contains(_ row: Int) -> Bool { self[rowGroup: row >> 16].contains(row & 0xFFFF) }

  /// All rows, ascending, counted from the segment's first.
  public func forEach(_ body: (Int) -> Void) {
    for (group, container) in zip(groups, containers) {
      container.forEach { body(group << 16 | $0) }
    }
  }

  /// The rows in both (AND).
  public func intersection(_ other: CompressedBitmap) -> CompressedBitmap {
    var result = CompressedBitmap()
    var left = 0
    var right = 0
    while left < groups.count && right < other.groups.count {
      if groups[left] == other.groups[right] {
        result.append(
          containers[left].intersection(other.containers[right]), rowGroup: groups[left])
        left += 1
        right += 1
      } else if groups[left] < other.groups[right] {
        left += 1
      } else {
        right += 1
      }
    }
    return result
  }

  /// The rows in either (OR).
  public func union(_ other: CompressedBitmap) -> CompressedBitmap {
    var result = CompressedBitmap()
    var left = 0
    var right = 0
    while left < groups.count || right < other.groups.count {
      let leftGroup = left < groups.count ? groups[left] : Int.max
      let rightGroup = right < other.groups.count ? other.groups[right] : Int.max
      if leftGroup == rightGroup {
        result.append(containers[left].union(other.containers[right]), rowGroup: leftGroup)
        left += 1
        right += 1
      } else if leftGroup < rightGroup {
        result.append(containers[left], rowGroup: leftGroup)
        left += 1
      } else {
        result.append(other.containers[right], rowGroup: rightGroup)
        right += 1
      }
    }
    return result
  }

  /// The rows that are not in `other` (AND NOT).
  public func subtracting(_ other: CompressedBitmap) -> CompressedBitmap {
    var result = CompressedBitmap()
    for (group, container) in zip(groups, containers) {
      result.append(container.subtracting(other[rowGroup: group]), rowGroup: group)
    }
    return result
  }
}

extension RowContainer {
  /// Makes `selection` the rows of this set.
  public func select(into selection: SelectionVector) {
    var count = 0
    let out = selection.positions
    switch form {
    case .array(let rows):
      for row in rows {
        out[count] = row
        count += 1
      }
    case .runs, .dense:
      forEach {
        out[count] = UInt16(truncatingIfNeeded: $0)
        count += 1
      }
    }
    selection.count = count
  }

  /// Keeps the rows of `selection` that are in this set.
  public func refine(_ selection: SelectionVector) {
    let words = Buffer(byteCount: 1024 * 8, zeroed: true)
    insert(into: words.typed(UInt64.self))
    selection.count = Positions.keep(
      selection.positions, selection.count, words: words.typed(UInt64.self), inverted: false)
  }
}

/// A compressed bitmap as bytes, for delete vectors and the like.
///
///   offset  size  field
///        0     4  format, 0
///        4     4  groupCount
///        8     *  per group: 4 bytes row group, 4 bytes offset of its `RowContainer`
extension CompressedBitmap {
  /// The set as bytes.
  public func serialized() -> Buffer {
    var writer = ChunkWriter()
    writer.append(UInt32(0))
    writer.append(UInt32(groups.count))
    let table = writer.reserve(groups.count * 8)
    for (index, container) in containers.enumerated() {
      writer.setOffset(groups[index], at: table + index * 8)
      writer.setOffset(container.write(to: &writer), at: table + index * 8 + 4)
    }
    return writer.bytes.withUnsafeBytes { Buffer(copying: $0) }
  }

  /// Reads what `serialized` wrote, trusting nothing.
  public static func open(
    _ raw: UnsafeRawBufferPointer, location: ChunkLocation = ChunkLocation()
  ) throws(StoaError) -> CompressedBitmap {
    guard let base = raw.baseAddress else { throw location.damaged("no bitmap") }
    let bytes = ChunkBytes(base: base, count: raw.count, location: location)
    let groupCount = try bytes.uint32(4)
    guard try bytes.uint32(0) == 0 else { throw bytes.damaged("bitmap of an unknown format") }
    _ = try bytes.piece(8, groupCount * 8, "bitmap directory")
    var result = CompressedBitmap()
    for index in 0..<groupCount {
      let group = try bytes.uint32(8 + index * 8)
      guard group > result.groups.last ?? -1 else {
        throw bytes.damaged("row groups of a bitmap do not ascend", at: 8 + index * 8)
      }
      let container = try RowContainer(
        bytes, at: try bytes.uint32(12 + index * 8), rowCount: 65_536)
      guard container.cardinality > 0 else { throw bytes.damaged("an empty container", at: 8) }
      result.append(container, rowGroup: group)
    }
    return result
  }
}
