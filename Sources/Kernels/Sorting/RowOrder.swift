import Vectors

// Sorting rows by several columns: the permutation, not the rows.
//
// Columns become ordinals of as few bits as their value ranges need (`SortColumn`), several columns are packed
// into one 64-bit key, most significant first, and keys with row numbers are radix sorted. Where 64 bits do not
// tell all rows apart, groups of equal keys are sorted again from the first column not fully covered, with the
// ranges of that group; small groups and very long common string prefixes are compared value by value.
//
// Two date and order columns of 6 M rows pack into 35 bits: 4 passes over 8 bytes a row.

/// Stable orders of rows.
public enum RowOrder {
  /// Row numbers in sorted order; rows that compare equal keep their order. All columns have the same count,
  /// below 2^32.
  public static func sort(
    columns: [Vector], specifications: [SortSpecification]
  ) -> [UInt32] {
    precondition(columns.count == specifications.count, "one specification per column")
    let count = columns.first?.count ?? 0
    precondition(UInt64(count) <= UInt64(UInt32.max), "too many rows for one sort")
    var order = [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
      for row in 0..<count { buffer[row] = UInt32(truncatingIfNeeded: row) }
      initialized = count
    }
    guard count > 1 else { return order }
    let sorter = RowSorter(columns, specifications)
    order.withUnsafeMutableBufferPointer {
      sorter.sort($0.baseAddress!, count, from: 0, offset: 0, isWhole: true)
    }
    return order
  }

  /// The first `limit` rows in sorted order, as `sort` would put them.
  public static func first(
    _ limit: Int, columns: [Vector], specifications: [SortSpecification]
  ) -> [UInt32] {
    let count = columns.first?.count ?? 0
    guard limit < count / 2 else {
      return Array(sort(columns: columns, specifications: specifications).prefix(limit))
    }
    return TopRows.select(limit, columns: columns, specifications: specifications)
  }

  /// Whether the rows are in order already; O(rows) and cheap to refuse.
  public static func isSorted(columns: [Vector], specifications: [SortSpecification]) -> Bool {
    guard let first = columns.first else { return true }
    let comparator = RowComparator(specifications)
    let flat = columns.map { $0.form == .runs ? $0.flattened() : $0 }
    for row in 0..<max(0, first.count - 1)
    where comparator.compare(flat, row, flat, row + 1) > 0 {
      return false
    }
    return true
  }
}

/// One sort over fixed columns.
struct RowSorter {
  /// Groups up to this size are compared value by value.
  static let smallGroup = 24
  /// String bytes after which a common prefix is left to comparison, to bound the depth.
  static let longestOffset = 70

  let columns: [SortColumn]
  let flat: [Vector]
  let comparator: RowComparator

  /// Constant columns order nothing and are left out.
  init(_ vectors: [Vector], _ specifications: [SortSpecification]) {
    var columns: [SortColumn] = []
    for (vector, specification) in zip(vectors, specifications) where vector.form != .constant {
      columns.append(SortColumn(vector, specification))
    }
    self.columns = columns
    flat = columns.map { $0.vector }
    comparator = RowComparator(columns.map { $0.specification })
  }

  /// Where a key stops telling rows apart: the next column and string offset to look at.
  struct Resumption {
    var column: Int
    var offset: Int
  }

  /// Sorts `rows`, which agree in the columns before `first`. `isWhole`: rows are 0..<count in order.
  func sort(
    _ rows: UnsafeMutablePointer<UInt32>, _ count: Int, from first: Int, offset: Int, isWhole: Bool
  ) {
    guard count > 1, first < columns.count else { return }
    if count <= RowSorter.smallGroup || offset > RowSorter.longestOffset {
      return compareSort(rows, count, from: first)
    }
    let keyBuffer = Buffer(byteCount: count * 8)
    let keys = keyBuffer.typed(UInt64.self)
    var resumption: Resumption?
    let bitCount = encode(
      keys, isWhole ? nil : UnsafePointer(rows), count, from: first, offset: offset, &resumption)
    if bitCount > 0 {
      sortKeys(keys, rows, count, bitCount, isWhole: isWhole, keepsKeys: resumption != nil)
      if let resumption { refine(keys, rows, count, resumption) }
    } else if let resumption {
      sort(
        rows, count, from: resumption.column, offset: resumption.offset, isWhole: isWhole)
    }
    withExtendedLifetime(keyBuffer) {}
  }

  /// Packs columns into `keys` until 64 bits are full; returns the bits used, with 0 leaving `keys` unwritten.
  func encode(
    _ keys: UnsafeMutablePointer<UInt64>, _ rows: UnsafePointer<UInt32>?, _ count: Int,
    from first: Int, offset: Int, _ resumption: inout Resumption?
  ) -> Int {
    var used = 0
    var offset = offset
    for index in first..<columns.count {
      let column = columns[index]
      let chunk = column.measure(rows, count, offset: offset)
      let dropped = max(0, used + chunk.bitCount - 64)
      if dropped == chunk.bitCount, dropped > 0 {
        resumption = Resumption(column: index, offset: offset)
        return used
      }
      if chunk.bitCount > 0 {
        column.append(
          chunk, dropping: dropped, to: keys, rows, count, offset: offset, isFirst: used == 0)
        used += chunk.bitCount - dropped
      }
      if dropped > 0 || !chunk.isExact {
        // All equal in this chunk of a string: the next time, look at the bytes after it.
        let isSpent = chunk.bitCount == 0 && column.vector.type.physical == .string
        resumption = Resumption(column: index, offset: isSpent ? offset + 7 : offset)
        return used
      }
      offset = 0
    }
    return used
  }

  /// Sorts `rows` by `keys`; `keepsKeys` puts the keys into the same order, else they are spoiled.
  private func sortKeys(
    _ keys: UnsafeMutablePointer<UInt64>, _ rows: UnsafeMutablePointer<UInt32>, _ count: Int,
    _ bitCount: Int, isWhole: Bool, keepsKeys: Bool
  ) {
    guard !isAscending(keys, count) else { return }
    // Positions in `rows`, not rows: ties then keep their order in the comparison sort of small inputs.
    let copy = isWhole ? nil : Buffer(byteCount: count * 4)
    copy?.typed(UInt32.self).update(from: rows, count: count)
    let rowBits = 64 - UInt64(truncatingIfNeeded: count - 1).leadingZeroBitCount
    if bitCount + rowBits <= 64 {
      RadixSort.sortPositions(
        keys, count: count, keyBits: bitCount, into: rows, keepsKeys: keepsKeys)
    } else {
      sortPairs(keys, rows, count, bitCount)
    }
    if let copy {
      let old = copy.typed(UInt32.self)
      for index in 0..<count { rows[index] = old[Int(rows[index])] }
      withExtendedLifetime(copy) {}
    }
  }

  private func sortPairs(
    _ keys: UnsafeMutablePointer<UInt64>, _ positions: UnsafeMutablePointer<UInt32>, _ count: Int,
    _ bitCount: Int
  ) {
    let area = Buffer(byteCount: 2 * count * MemoryLayout<KeyedRow>.stride)
    let pairs = area.typed(KeyedRow.self)
    for index in 0..<count {
      pairs[index] = KeyedRow(key: keys[index], row: UInt32(truncatingIfNeeded: index))
    }
    RadixSort.sort(pairs, scratch: pairs + count, count: count, bitCount: bitCount)
    for index in 0..<count {
      positions[index] = pairs[index].row
      keys[index] = pairs[index].key
    }
    withExtendedLifetime(area) {}
  }

  private func isAscending(_ keys: UnsafePointer<UInt64>, _ count: Int) -> Bool {
    for index in 1..<count where keys[index - 1] > keys[index] { return false }
    return true
  }

  /// Sorts every group of equal keys by what the keys leave out.
  private func refine(
    _ keys: UnsafePointer<UInt64>, _ rows: UnsafeMutablePointer<UInt32>, _ count: Int,
    _ resumption: Resumption
  ) {
    var start = 0
    while start < count {
      var end = start + 1
      while end < count && keys[end] == keys[start] { end += 1 }
      if end - start > 1 {
        sort(
          rows + start, end - start, from: resumption.column, offset: resumption.offset,
          isWhole: false)
      }
      start = end
    }
  }

  /// Rows come in ascending order, so comparing them last keeps the sort stable.
  private func compareSort(_ rows: UnsafeMutablePointer<UInt32>, _ count: Int, from first: Int) {
    var group = UnsafeMutableBufferPointer(start: rows, count: count)
    group.sort { left, right in
      let order = comparator.compare(flat, Int(left), flat, Int(right), from: first)
      return order != 0 ? order < 0 : left < right
    }
  }
}
