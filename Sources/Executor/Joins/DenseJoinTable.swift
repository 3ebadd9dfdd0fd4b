import Kernels
import Vectors

// Star joins: dimension keys are unique integers close together, so "key − minimum" finds a row without hashing.
// What probing needs is not the row but its attributes, and those have few distinct values: each becomes a
// dictionary and, per key, a code as small as the dictionary allows. Probing a column is one look-up per row
// in a table that fits a cache, and gives a dictionary vector whose dictionary is the same object for the
// whole query, which aggregation groups by without looking at the values.

/// Attributes by key, for a join on one unique integer key whose range is small or at most four times the rows.
final class DenseJoinTable: @unchecked Sendable {
  let minimum: Int64
  /// Keys covered; slot `range` stands for all others.
  let range: Int
  /// Per slot: 1 when the build side has the key.
  let present: UnsafeMutablePointer<UInt8>
  /// One per payload column of the join.
  let columns: [DenseColumn]
  /// A build row has a NULL key.
  let hasNullKey: Bool
  /// Build rows, those with NULL keys included.
  let rowCount: Int
  private let presence: Buffer

  /// A range up to this is dense whatever the rows: codes of one or two bytes still fit the second-level cache.
  private static let smallRange: UInt64 = 1 << 18

  /// `nil` when the build side does not suit: other keys, duplicates, too wide a range, a residual.
  init?(_ join: HashJoin, _ blocks: [JoinBlock]) {
    guard join.hasIntegerKey, join.node.residual == nil, !join.keepsBuildRows else { return nil }
    rowCount = blocks.reduce(0) { $0 + $1.rowCount }
    guard let bounds = DenseJoinTable.bounds(blocks) else { return nil }
    let span = UInt64(bitPattern: bounds.upperBound &- bounds.lowerBound)
    let limit = max(UInt64(4 * rowCount + 65_536), DenseJoinTable.smallRange)
    guard span < limit, rowCount < 1 << 30 else { return nil }
    minimum = bounds.lowerBound
    range = Int(span) + 1
    hasNullKey = blocks.contains { ($0.validity?.nullCount ?? 0) > 0 }
    presence = Buffer(byteCount: range + 1, zeroed: true)
    present = presence.typed(UInt8.self)
    let mustBeUnique = join.node.kind != .semi && join.node.kind != .anti && join.node.kind != .mark
    guard DenseJoinTable.fill(blocks, minimum, present) || !mustBeUnique else { return nil }
    guard !join.payload.isEmpty else {
      columns = []
      return
    }
    let slots = DenseJoinTable.slots(blocks, minimum, absent: range)
    columns = join.payload.indices.map { index in
      let column = Vector.concatenated(blocks.map { $0.payload[index] }, count: blocks.rowCount)
      return DenseColumn(column, slots: slots.typed(UInt32.self), slotCount: Int(span) + 2)
    }
    withExtendedLifetime(slots) {}
  }

  private static func bounds(_ blocks: [JoinBlock]) -> ClosedRange<Int64>? {
    var low = Int64.max
    var high = Int64.min
    for block in blocks {
      guard let keys = block.integers?.typed(Int64.self) else { return nil }
      if let validity = block.validity {
        for row in 0..<block.rowCount where validity.isValid(row) {
          low = min(low, keys[row])
          high = max(high, keys[row])
        }
      } else {
        for row in 0..<block.rowCount {
          low = keys[row] < low ? keys[row] : low
          high = keys[row] > high ? keys[row] : high
        }
      }
    }
    return low <= high ? low...high : nil
  }

  /// Marks all keys; false when one comes twice.
  private static func fill(
    _ blocks: [JoinBlock], _ minimum: Int64, _ present: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    var duplicates: UInt8 = 0
    for block in blocks {
      guard let keys = block.integers?.typed(Int64.self) else { return false }
      for row in 0..<block.rowCount where block.validity?.isValid(row) ?? true {
        // Safe because `minimum` and the range come from these keys.
        let slot = Int(truncatingIfNeeded: keys[row] &- minimum)
        duplicates |= present[slot]
        present[slot] = 1
      }
    }
    return duplicates == 0
  }

  /// The slot of each build row; `absent` for those with a NULL key.
  private static func slots(_ blocks: [JoinBlock], _ minimum: Int64, absent: Int) -> Buffer {
    let buffer = Buffer(of: UInt32.self, count: max(1, blocks.rowCount))
    var target = buffer.typed(UInt32.self)
    for block in blocks {
      if let keys = block.integers?.typed(Int64.self) {
        for row in 0..<block.rowCount {
          target[row] = UInt32(truncatingIfNeeded: keys[row] &- minimum)
        }
      }
      if let validity = block.validity {
        for row in 0..<block.rowCount where !validity.isValid(row) {
          target[row] = UInt32(truncatingIfNeeded: absent)
        }
      }
      target += block.rowCount
    }
    return buffer
  }

  /// Writes the slot of each key: key − minimum, or `range` for keys outside.
  func slots(_ keys: Vector, into target: UnsafeMutablePointer<UInt32>) {
    if keys.form == .runs, let values = keys.child {
      let found = Buffer(of: UInt32.self, count: max(1, values.count))
      slots(values, into: found.typed(UInt32.self))
      return keys.withRunEnds { ends in
        var start = 0
        for run in 0..<values.count {
          let end = Int(ends[run])
          (target + start).update(repeating: found.typed(UInt32.self)[run], count: end - start)
          start = end
        }
      }
    }
    switch keys.type.physical {
    case .int8: slots(keys, Int8.self, target)
    case .int16: slots(keys, Int16.self, target)
    case .int32: slots(keys, Int32.self, target)
    case .int64: slots(keys, Int64.self, target)
    case .bool, .int128, .float32, .float64, .string:
      target.update(repeating: UInt32(truncatingIfNeeded: range), count: keys.count)
    }
  }

  @inline(__always)
  private func slots<T: FixedWidthInteger & BitwiseCopyable>(
    _ keys: Vector, _: T.Type, _ target: UnsafeMutablePointer<UInt32>
  ) {
    let flat = keys.flattened()
    let values = flat.base.assumingMemoryBound(to: T.self)
    let minimum = minimum
    let end = UInt64(range)
    for row in 0..<flat.count {
      // Keys are at least `minimum`, so a wrapped difference is at least 2^63 and not below the range.
      let slot = UInt64(bitPattern: Int64(truncatingIfNeeded: values[row]) &- minimum)
      target[row] = UInt32(truncatingIfNeeded: slot < end ? slot : end)
    }
    if let validity = flat.validity {
      for row in 0..<flat.count where !validity.isValid(row) {
        target[row] = UInt32(truncatingIfNeeded: range)
      }
    }
    withExtendedLifetime(flat) {}
  }
}

extension [JoinBlock] {
  /// Rows of all blocks.
  var rowCount: Int { reduce(0) { $0 + $1.rowCount } }
}

/// One attribute of a dense join: code by slot, values by code.
struct DenseColumn {
  let dictionary: Vector
  /// One code per slot, of `codeWidth` bytes; slots without a key have code 0.
  private let codes: Buffer
  private let codeWidth: Int
  /// Per slot: 0 where the value is NULL or the key absent; `nil` when no value is NULL.
  private let validSlots: Buffer?
  private let type: LogicalType

  /// - Parameters:
  ///   - column: the attribute of all build rows.
  ///   - slots: the slot of each of them, the last one for rows without a key.
  init(_ column: Vector, slots: UnsafePointer<UInt32>, slotCount: Int) {
    let (dictionary, rowCodes) = DenseColumn.compact(column)
    self.dictionary = dictionary
    type = column.type
    codeWidth = dictionary.count <= 256 ? 1 : dictionary.count <= 65_536 ? 2 : 4
    codes = Buffer(byteCount: slotCount * codeWidth, zeroed: true)
    let source = rowCodes.typed(UInt32.self)
    switch codeWidth {
    case 1: DenseColumn.spread(source, slots, column.count, codes.typed(UInt8.self))
    case 2: DenseColumn.spread(source, slots, column.count, codes.typed(UInt16.self))
    default: DenseColumn.spread(source, slots, column.count, codes.typed(UInt32.self))
    }
    let absent = slotCount - 1
    switch codeWidth {
    case 1: codes.typed(UInt8.self)[absent] = 0
    case 2: codes.typed(UInt16.self)[absent] = 0
    default: codes.typed(UInt32.self)[absent] = 0
    }
    guard column.mayHaveNulls else {
      validSlots = nil
      return
    }
    let valid = Buffer(byteCount: slotCount, zeroed: true)
    let flat = column.form != .dictionary ? column.flattened() : column
    for row in 0..<column.count {
      valid.typed(UInt8.self)[Int(slots[row])] = flat.isValid(row) ? 1 : 0
    }
    valid.typed(UInt8.self)[absent] = 0
    validSlots = valid
  }

  @inline(__always)
  private static func spread<Code: FixedWidthInteger & UnsignedInteger>(
    _ rowCodes: UnsafePointer<UInt32>, _ slots: UnsafePointer<UInt32>, _ count: Int,
    _ target: UnsafeMutablePointer<Code>
  ) {
    for row in 0..<count {
      target[Int(truncatingIfNeeded: slots[row])] = Code(truncatingIfNeeded: rowCodes[row])
    }
  }

  /// More distinct values than this are not looked for.
  private static let distinctLimit = 65_536

  /// A dictionary of the values of `column` and the code of each row.
  private static func compact(_ column: Vector) -> (Vector, Buffer) {
    let codes = Buffer(of: UInt32.self, count: max(1, column.count))
    let target = codes.typed(UInt32.self)
    if column.form == .dictionary, let dictionary = column.child, dictionary.count > 0,
      dictionary.count <= max(distinctLimit, column.count)
    {
      column.withCodes { target.update(from: $0, count: column.count) }
      return (dictionary, codes)
    }
    let flat = column.flattened()
    if let table = distinct(flat, target) {
      return (table.keyVector(0, 0..<table.count).ignoringNulls, codes)
    }
    for row in 0..<column.count { target[row] = UInt32(truncatingIfNeeded: row) }
    return (flat.ignoringNulls, codes)
  }

  /// Numbers the values of `flat`; `nil` when too many are distinct for it to pay.
  private static func distinct(
    _ flat: Vector, _ target: UnsafeMutablePointer<UInt32>
  ) -> GroupTable? {
    // One entry may not stand for values that are only equal to it.
    guard flat.type.equalMeansIdentical else { return nil }
    let table = GroupTable(types: [flat.type])
    let limit = min(distinctLimit, max(256, flat.count / 4))
    var row = 0
    while row < flat.count {
      let end = min(row + 4096, flat.count)
      do throws(StoaError) {
        try table.assign([flat.slice(row..<end)], count: end - row, into: target + row)
      } catch {
        return nil
      }
      if table.count > limit { return nil }
      row = end
    }
    return table.count == 0 ? nil : table
  }

  /// The attribute at `slots`, as a dictionary vector. With `misses`, the last slot (no such key) is NULL.
  func gather(_ slots: UnsafePointer<UInt32>, count: Int, misses: Validity?) -> Vector {
    guard dictionary.count > 0 else { return .nulls(type: type, count: count) }
    let buffer = Buffer(of: UInt32.self, count: max(1, count))
    let target = buffer.typed(UInt32.self)
    switch codeWidth {
    case 1: pick(codes.typed(UInt8.self), slots, count, target)
    case 2: pick(codes.typed(UInt16.self), slots, count, target)
    default: pick(codes.typed(UInt32.self), slots, count, target)
    }
    var validity = misses
    if let valid = validSlots?.typed(UInt8.self) {
      validity = Validity.make(count: count) { valid[Int(slots[$0])] != 0 }
    }
    return Vector(codes: buffer, count: count, dictionary: dictionary, validity: validity)
  }

  @inline(__always)
  private func pick<Code: FixedWidthInteger & UnsignedInteger>(
    _ codes: UnsafePointer<Code>, _ slots: UnsafePointer<UInt32>, _ count: Int,
    _ target: UnsafeMutablePointer<UInt32>
  ) {
    for row in 0..<count {
      target[row] = UInt32(truncatingIfNeeded: codes[Int(truncatingIfNeeded: slots[row])])
    }
  }
}
