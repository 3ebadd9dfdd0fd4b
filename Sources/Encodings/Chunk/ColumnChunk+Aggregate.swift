import Vectors

/// Aggregates that run on runs, codes and offsets instead of values.
extension ColumnChunk {
  /// Rows of `selection` (all when `nil`) that are not NULL.
  public final func count(_ selection: SelectionVector? = nil) -> Int {
    guard let selection else { return rowCount - nullCount }
    guard let validity else { return selection.count }
    var valid = 0
    for index in 0..<selection.count where validity.isValid(Int(selection.positions[index])) {
      valid += 1
    }
    return valid
  }

  /// The exact sum of the integers of `selection` (all rows when `nil`), NULLs left out; `nil` when the type is
  /// not an integer type, or the sum (or a part of it) does not fit 128 bits.
  public final func sum(_ selection: SelectionVector? = nil) throws(StoaError) -> Int128? {
    guard type.physical.isInteger else { return nil }
    if nullCount == rowCount { return 0 }
    if selection == nil, let validity, nullCount * 2 < rowCount {
      if let sum = try sumWithoutNulls(validity) { return sum }
    }
    guard let rows = validRows(selection) else { return try sumRows(nil, rowCount) }
    if rows.count == 0 { return 0 }
    return try sumRows(UnsafePointer(rows.positions), rows.count)
  }

  /// The least and greatest value of `selection` (all rows when `nil`); `nil` when every row is NULL.
  public final func minMax(
    _ selection: SelectionVector? = nil
  ) throws(StoaError) -> (min: Value, max: Value)? {
    if count(selection) == 0 { return nil }
    guard let rows = validRows(selection) else { return try minMaxRows(nil, rowCount) }
    return try minMaxRows(UnsafePointer(rows.positions), rows.count)
  }

  /// The sum of everything less that of what NULL slots hold, which fetches fewer rows than the valid ones are.
  private func sumWithoutNulls(_ validity: Validity) throws(StoaError) -> Int128? {
    guard let all = try sumRows(nil, rowCount) else { return nil }
    let nulls = SelectionVector()
    nulls.count = Positions.emit(
      words: validity.words, inverted: true, rows: 0..<rowCount, into: nulls.positions)
    guard let rest = try sumRows(UnsafePointer(nulls.positions), nulls.count) else { return nil }
    let (sum, overflow) = all.subtractingReportingOverflow(rest)
    return overflow ? nil : sum
  }

  /// The least and greatest value of a chunk with a dictionary as vectors of one row, exact to the byte (a `Value` is
  /// text, a VARCHAR may be less); `nil` without a dictionary or when every row is NULL.
  public final func dictionaryBounds() throws(StoaError) -> (min: Vector, max: Vector)? {
    guard let dictionary, let codes = integers, nullCount < rowCount else { return nil }
    let bounds: (min: UInt64, max: UInt64)
    if let rows = validRows(nil) {
      let scratch = Buffer(byteCount: rows.count * codes.lane.byteCount)
      try codes.gather(UnsafePointer(rows.positions), rows.count, into: scratch.pointer)
      bounds = Lanes.minMax(scratch.pointer, rows.count, codes.lane)
    } else {
      bounds = try codes.minMax()
    }
    guard bounds.max < UInt64(dictionary.count) else {
      throw location.damaged("code \(bounds.max) in a dictionary of \(dictionary.count)")
    }
    let (least, greatest) = (Int(bounds.min), Int(bounds.max))
    return (dictionary.slice(least..<least + 1), dictionary.slice(greatest..<greatest + 1))
  }

  /// The rows that are selected and not NULL; `nil` stands for all rows of the chunk.
  private func validRows(_ selection: SelectionVector?) -> SelectionVector? {
    if let selection {
      precondition(
        selection.count == 0 || Int(selection.positions[selection.count - 1]) < rowCount,
        "position out of range")
      guard validity != nil else { return selection }
      let copy = SelectionVector()
      copy.positions.update(from: selection.positions, count: selection.count)
      copy.count = selection.count
      dropNulls(copy)
      return copy
    }
    guard let validity else { return nil }
    let all = SelectionVector()
    all.count = Positions.emit(
      words: validity.words, inverted: false, rows: 0..<rowCount, into: all.positions)
    return all
  }
}

/// Codes for grouping: small integers that stand for a chunk's values without materialising them.
public struct GroupDomain: Sendable {
  /// The value of each code; distinct, in order of value. The NULL of a nullable chunk is not among them.
  public let keys: Vector
  /// The code of NULL rows, `keys.count`; `nil` when the chunk has none.
  public let nullCode: UInt32?

  /// Codes in all, NULL's included.
  public var count: Int { keys.count + (nullCode == nil ? 0 : 1) }
}

extension ColumnChunk {
  /// The codes this chunk's rows can be grouped by, if there are at most `limit`: dictionary entries, or every
  /// integer between the chunk's bounds. The keys of a segment dictionary are the dictionary object itself.
  public final func groupDomain(limit: Int) throws(StoaError) -> GroupDomain? {
    guard nullCount < rowCount, let keys = try domain(limit: limit) else { return nil }
    return GroupDomain(keys: keys, nullCode: nullCount > 0 ? UInt32(keys.count) : nil)
  }

  /// The group codes of `rows` (beginning on a multiple of 1,024), after `groupDomain` gave a domain. `target` has
  /// room for whole blocks.
  public final func groupCodes(
    _ domain: GroupDomain, rows: Range<Int>, into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows out of range")
    precondition(rows.lowerBound % blockCapacity == 0 || rows.isEmpty, "not on a block")
    if rows.isEmpty { return }
    try codes(of: rows, into: target)
    guard let nullCode = domain.nullCode, let validity else { return }
    for row in rows where !validity.isValid(row) { target[row - rows.lowerBound] = nullCode }
  }

  /// The group codes at ascending `positions`.
  public final func groupCodes(
    _ domain: GroupDomain, at positions: UnsafePointer<UInt16>, count: Int,
    into target: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    if count == 0 { return }
    precondition(Int(positions[count - 1]) < rowCount, "position out of range")
    try codes(at: positions, count, into: target)
    guard let nullCode = domain.nullCode, let validity else { return }
    for index in 0..<count where !validity.isValid(Int(positions[index])) {
      target[index] = nullCode
    }
  }

  /// The dictionary codes of `rows`, NULL slots repeating a neighbour's; `nil` when the chunk has no dictionary.
  public final func decodeCodes(rows: Range<Int>) throws(StoaError) -> Buffer? {
    guard dictionary != nil, nullCount < rowCount else { return nil }
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows out of range")
    precondition(rows.lowerBound % blockCapacity == 0 || rows.isEmpty, "not on a block")
    let blocks = (rows.count + blockCapacity - 1) / blockCapacity
    let target = Buffer(byteCount: max(1, blocks * blockCapacity * 4))
    if !rows.isEmpty { try codes(of: rows, into: target.typed(UInt32.self)) }
    return target
  }
}
