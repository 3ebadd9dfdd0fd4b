import Vectors

/// A set of rows of one segment: a `RowContainer` per row group that has any. The form of delete vectors, and of what
/// an index knows of one value.
///
/// A row is named by its row group and its place in it, or by both in one position of 32 bits: row group × 65,536 +
/// place, however many rows the row groups before it have.
public struct CompressedBitmap: Sendable, Equatable {
  private var groups: [Int] = []
  private var containers: [RowContainer] = []

  /// The empty set.
  public init() {}

  /// The set of `positions`, in any order, repeats allowed. Ascending ones are not sorted again.
  public init(positions: [UInt32]) {
    let isAscending = zip(positions, positions.dropFirst()).allSatisfy { $0 <= $1 }
    let rows = isAscending ? positions : positions.sorted()
    var start = 0
    while start < rows.count {
      let group = rows[start] >> 16
      var end = start
      while end < rows.count && rows[end] >> 16 == group { end += 1 }
      append(
        RowContainer(ascending: rows[start..<end].lazy.map { UInt16(truncatingIfNeeded: $0) }),
        rowGroup: Int(group))
      start = end
    }
  }

  /// The set of ascending `rows`, positions below 2^32.
  public init(rows: some Sequence<Int>) {
    self.init(positions: rows.map { UInt32($0) })
  }

  /// Adds the rows of the next row group; groups come in ascending order.
  public mutating func append(_ container: RowContainer, rowGroup: Int) {
    precondition(groups.last.map { $0 < rowGroup } ?? (rowGroup >= 0), "row groups out of order")
    guard container.cardinality > 0 else { return }
    groups.append(rowGroup)
    containers.append(container)
  }

  /// Adds the rows that `container` names in one row group, in any order of row groups.
  public mutating func formUnion(_ container: RowContainer, rowGroup: Int) {
    guard container.cardinality > 0 else { return }
    let index = self.index(of: rowGroup)
    if index < groups.count && groups[index] == rowGroup {
      containers[index] = containers[index].union(container)
    } else {
      precondition(rowGroup >= 0 && rowGroup < 65_536, "no such row group")
      groups.insert(rowGroup, at: index)
      containers.insert(container, at: index)
    }
  }

  /// Adds the rows of `other`.
  public mutating func formUnion(_ other: CompressedBitmap) {
    if groups.isEmpty {
      self = other
    } else if !other.isEmpty {
      self = union(other)
    }
  }

  /// Rows in the set.
  public var cardinality: Int { containers.reduce(0) { $0 + $1.cardinality } }
  public var isEmpty: Bool { groups.isEmpty }

  /// Row groups with at least one row, ascending.
  public var rowGroups: [Int] { groups }

  /// The rows of one row group, counted from its first.
  public subscript(rowGroup rowGroup: Int) -> RowContainer {
    let index = self.index(of: rowGroup)
    return index < groups.count && groups[index] == rowGroup ? containers[index] : RowContainer()
  }

  /// Place of the first row group that is not before `rowGroup`.
  private func index(of rowGroup: Int) -> Int {
    var low = 0
    var high = groups.count
    while low < high {
      let middle = (low + high) / 2
      if groups[middle] < rowGroup { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Whether the row at a position is in the set.
  public func contains(_ row: Int) -> Bool { self[rowGroup: row >> 16].contains(row & 0xFFFF) }

  /// Rows of the set before a position: what the position map of a rewritten segment takes off.
  public func rank(_ row: Int) -> Int {
    let index = self.index(of: row >> 16)
    let before = containers[..<index].reduce(0) { $0 + $1.cardinality }
    guard index < groups.count, groups[index] == row >> 16 else { return before }
    return before + containers[index].rank(row & 0xFFFF)
  }

  /// All positions, ascending.
  public func forEach(_ body: (Int) -> Void) {
    for (group, container) in zip(groups, containers) {
      container.forEach { body(group << 16 | $0) }
    }
  }

  /// The row groups with their rows, ascending.
  public func forEachRowGroup<E: Error>(
    _ body: (_ rowGroup: Int, _ rows: RowContainer) throws(E) -> Void
  ) throws(E) {
    for index in groups.indices { try body(groups[index], containers[index]) }
  }

  /// Memory in use, for the budget.
  public var byteCount: Int { containers.reduce(groups.count * 48) { $0 + $1.byteCount } }

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

  /// Bytes that `serialized` makes.
  public var serializedByteCount: Int {
    containers.reduce(8 + groups.count * 8) { ($0 + 7) / 8 * 8 + $1.byteCount }
  }

  /// Reads what `serialized` wrote, trusting nothing.
  /// - Parameter rowCounts: rows of each row group of the segment, which every row must be in; `nil` when they are not
  ///   known.
  public static func open(
    _ raw: UnsafeRawBufferPointer, rowCounts: [Int]? = nil,
    location: ChunkLocation = ChunkLocation()
  ) throws(StoaError) -> CompressedBitmap {
    guard let base = raw.baseAddress else { throw location.damaged("no bitmap") }
    let bytes = ChunkBytes(base: base, count: raw.count, location: location)
    let groupCount = try bytes.uint32(4)
    guard try bytes.uint32(0) == 0 else { throw bytes.damaged("bitmap of an unknown format") }
    _ = try bytes.piece(8, groupCount * 8, "bitmap directory")
    var result = CompressedBitmap()
    var end = 8 + groupCount * 8
    for index in 0..<groupCount {
      let field = 8 + index * 8
      let group = try bytes.uint32(field)
      guard group > result.groups.last ?? -1, group < rowCounts?.count ?? 65_536 else {
        throw bytes.damaged("row group \(group) of a bitmap", at: field)
      }
      // Containers lie one behind the other: many that share their bytes would take much more memory than the file.
      let offset = try bytes.uint32(field + 4)
      guard offset >= end, offset % 8 == 0 else {
        throw bytes.damaged("containers of a bitmap overlap", at: field)
      }
      let container = try RowContainer(
        bytes, at: offset, rowCount: rowCounts.map { min(65_536, $0[group]) } ?? 65_536)
      guard container.cardinality > 0 else { throw bytes.damaged("an empty container", at: offset) }
      end = offset + container.byteCount
      result.append(container, rowGroup: group)
    }
    return result
  }
}
