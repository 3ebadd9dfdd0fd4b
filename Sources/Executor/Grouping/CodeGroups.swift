import Vectors

// Grouping without hashing, for keys of few distinct values: each column's value has a small code, the codes
// side by side form an index, and an array gives the group number of each index. Group numbers are dense and in
// order of first appearance, as in `GroupTable`, so that the states of aggregates need not know which of the two
// is in use and a change in mid-stream costs one pass over the groups.
//
// Invariant: `indexes[g]` is the index of group g under the present `shifts`.

/// Group numbers by array. Owned by one worker.
final class CodeGroups {
  private let columns: [CodeColumn]
  private var bits: [Int]
  private var shifts: [Int]
  /// Group number plus one, by index.
  private var table: Buffer
  private var indexes: [UInt32] = []
  private var scratch: [GrowingBytes]

  /// Indexes of more bits than this do not fit the caches; 4 MB.
  private static let bitLimit = 20

  /// `nil` when keys like these are better hashed.
  init?(for keys: [Vector]) {
    var columns: [CodeColumn] = []
    for key in keys {
      guard let column = CodeColumn.make(for: key) else { return nil }
      columns.append(column)
    }
    self.columns = columns
    bits = Array(repeating: 0, count: keys.count)
    shifts = bits
    table = Buffer(of: UInt32.self, count: 1)
    table.typed(UInt32.self)[0] = 0
    scratch = keys.map { _ in GrowingBytes() }
  }

  var count: Int { indexes.count }
  var byteCount: Int { table.byteCount + indexes.count * 4 }

  /// Writes the group of each row; false when the keys have become too many, for the array; groups so far can still be read.
  func assign(
    _ keys: [Vector], count: Int, into groups: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) -> Bool {
    for (index, column) in columns.enumerated() {
      scratch[index].reserve(count * 4, used: 0)
      let codes = scratch[index].pointer.assumingMemoryBound(to: UInt32.self)
      guard try column.assign(keys[index], into: codes) else {
        keepShifts(columns.map { $0.takeShift() })
        return false
      }
    }
    guard fitLayout() else { return false }
    combine(count, into: groups)
    lookUp(count, groups)
    return true
  }

  /// Makes room for all codes given out.
  private func fitLayout() -> Bool {
    let deltas = columns.map { $0.takeShift() }
    var isChanged = deltas.contains { $0 != 0 }
    var wanted = bits
    for (index, column) in columns.enumerated() where column.codeCount > 1 << bits[index] {
      // One bit to spare, where there is room, so that a slowly growing column is moved rarely.
      wanted[index] = Int.bitWidth - (column.codeCount - 1).leadingZeroBitCount
      isChanged = true
    }
    guard isChanged else { return true }
    guard wanted.reduce(0, +) <= CodeGroups.bitLimit else {
      keepShifts(deltas)
      return false
    }
    relayout(wanted, deltas)
    return true
  }

  /// Codes by group once the layout has been given up: they may not fit `bits`.
  private var keptCodes: [[UInt32]]?

  /// Moves the codes of all groups by `deltas`, as the columns have, so that `keyVectors` stays right.
  private func keepShifts(_ deltas: [Int]) {
    guard deltas.contains(where: { $0 != 0 }) else { return }
    keptCodes = indexes.map { index in
      columns.indices.map { column in
        let code = self.code(index, column)
        return code == 0 ? 0 : code + UInt32(deltas[column])
      }
    }
  }

  private func code(_ index: UInt32, _ column: Int) -> UInt32 {
    (index >> UInt32(shifts[column])) & ((1 << UInt32(bits[column])) - 1)
  }

  private func relayout(_ wanted: [Int], _ deltas: [Int]) {
    var newShifts: [Int] = []
    var total = 0
    for width in wanted {
      newShifts.append(total)
      total += width
    }
    let buffer = Buffer(byteCount: 4 << total, zeroed: true)
    let target = buffer.typed(UInt32.self)
    for group in indexes.indices {
      var index: UInt32 = 0
      for column in columns.indices {
        let old = code(indexes[group], column)
        let new = old == 0 ? 0 : old + UInt32(deltas[column])
        index |= new << UInt32(newShifts[column])
      }
      indexes[group] = index
      target[Int(index)] = UInt32(group + 1)
    }
    table = buffer
    bits = wanted
    shifts = newShifts
  }

  private func combine(_ count: Int, into target: UnsafeMutablePointer<UInt32>) {
    for index in columns.indices {
      let codes = scratch[index].pointer.assumingMemoryBound(to: UInt32.self)
      let shift = UInt32(shifts[index])
      if index == 0 {
        for row in 0..<count { target[row] = codes[row] &<< shift }
      } else {
        for row in 0..<count { target[row] |= codes[row] &<< shift }
      }
    }
  }

  /// Turns indexes into group numbers, in place.
  private func lookUp(_ count: Int, _ groups: UnsafeMutablePointer<UInt32>) {
    let table = table.typed(UInt32.self)
    for row in 0..<count {
      let index = Int(truncatingIfNeeded: groups[row])
      var group = table[index]
      if group == 0 {
        indexes.append(UInt32(truncatingIfNeeded: index))
        group = UInt32(truncatingIfNeeded: indexes.count)
        table[index] = group
      }
      groups[row] = group &- 1
    }
  }

  /// The keys of the groups of `range`.
  func keyVectors(_ range: Range<Int>) -> [Vector] {
    columns.indices.map { column in
      let codes = range.map { keptCodes?[$0][column] ?? code(indexes[$0], column) }
      return columns[column].values(codes, count: codes.count)
    }
  }
}

/// Numbers groups the cheapest way that fits the keys: by array, then by hash table.
final class Grouping {
  private let types: [LogicalType]
  private var codes: CodeGroups?
  private var table: GroupTable?
  private var isStarted = false

  init(types: [LogicalType]) { self.types = types }

  var count: Int { codes?.count ?? table?.count ?? 0 }
  var byteCount: Int { codes?.byteCount ?? table?.byteCount ?? 0 }
  /// For profiles.
  var strategy: String { codes != nil ? "array" : "hash" }

  /// Writes the group of each row, numbers in order of first appearance.
  func assign(
    _ keys: [Vector], count: Int, into groups: UnsafeMutablePointer<UInt32>
  ) throws(StoaError) {
    if !isStarted {
      isStarted = true
      codes = CodeGroups(for: keys)
    }
    if let codes {
      if try codes.assign(keys, count: count, into: groups) { return }
      _ = try hashTable()
    }
    if table == nil { table = GroupTable(types: types) }
    try table?.assign(keys, count: count, into: groups)
  }

  /// The groups as a hash table, with the same numbers; from now on it is used.
  func hashTable() throws(StoaError) -> GroupTable {
    if let table { return table }
    let made = GroupTable(types: types)
    if let codes {
      var first = 0
      while first < codes.count {
        let range = first..<min(first + 4096, codes.count)
        var numbers = [UInt32](repeating: 0, count: range.count)
        try made.assign(codes.keyVectors(range), count: range.count, into: &numbers)
        first = range.upperBound
      }
    }
    codes = nil
    table = made
    return made
  }

  /// The keys of the groups of `range`.
  func keyVectors(_ range: Range<Int>) -> [Vector] {
    codes?.keyVectors(range) ?? table?.keyVectors(range) ?? types.map { .nulls(type: $0, count: 0) }
  }
}
