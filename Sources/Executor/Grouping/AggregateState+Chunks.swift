import Encodings
import Kernels
import Vectors

// Aggregates without groups over a whole row group. In the order of cost: the row count and zone maps (COUNT, bounds,
// sums of a single value), the encoded chunk (sums on offsets, runs, codes and bitmaps; bounds of long strings on codes), and
// only for aggregates that neither can answer the values themselves, decoded for these alone.
//
// Invariant: whichever way a row group goes, the states are the same to the last bit.

extension AggregateState {
  /// Rows decoded at once for aggregates that need values; a multiple of a block.
  private static let decodedRowCount = 4096

  /// Adds all rows of a row group; `false` when every aggregate needs the values, then nothing has been added.
  func add(_ group: OpenRowGroup) throws(StoaError) -> Bool {
    try resize()
    var sums: [Int: Int128?] = [:]
    var left: [Call] = []
    for call in calls {
      if let summary = try summary(for: call, group, &sums) {
        try call.summarizing?.add(summary, group: 0)
      } else {
        left.append(call)
      }
    }
    if left.count == calls.count { return false }
    if !left.isEmpty || !kept.isEmpty { try addValues(group, to: left) }
    return true
  }

  /// What `call` needs to know of the row group; `nil` when only the values tell.
  private func summary(
    for call: Call, _ group: OpenRowGroup, _ sums: inout [Int: Int128?]
  ) throws(StoaError) -> ValueSummary? {
    guard let need = call.summarizing?.summaryNeed else { return nil }
    if call.arguments.isEmpty { return need == .count ? .count(group.rowCount) : nil }
    guard let column = call.column else { return nil }
    let count = try group.valueCount(column)
    switch need {
    case .count: return .count(count)
    case .sum:
      if sums[column] == nil { sums[column] = .some(try group.sum(column)) }
      return (sums[column] ?? nil).map { .sum($0, count: count) }
    case .least: return try group.bound(column, isGreatest: false).map(ValueSummary.bound)
    case .greatest: return try group.bound(column, isGreatest: true).map(ValueSummary.bound)
    }
  }

  /// Adds the rows to `calls`, decoding only what these read.
  private func addValues(_ group: OpenRowGroup, to calls: [Call]) throws(StoaError) {
    var columns = calls.reduce(into: Set<Int>()) { $0.formUnion($1.columns) }
    for rows in kept { columns.formUnion(rows.columns) }
    var row = 0
    while row < group.rowCount {
      let end = min(row + AggregateState.decodedRowCount, group.rowCount)
      let batch = try group.batch(row..<end, columns: columns)
      let values = try arguments.evaluate(batch).columns
      for call in calls { try addSingle(call, values, batch) }
      for rows in kept { try rows.add(values, batch, groups: nil) }
      row = end
    }
  }
}

extension OpenRowGroup {
  /// Rows of a column that are not NULL.
  fileprivate func valueCount(_ column: Int) throws(StoaError) -> Int {
    if let zone = zone(column) { return zone.rowCount - zone.nullCount }
    return try chunk(column).count()
  }

  /// The sum of a column of integers; `nil` of other types, and when it does not fit 128 bits.
  fileprivate func sum(_ column: Int) throws(StoaError) -> Int128? {
    if let zone = zone(column) {
      let count = zone.rowCount - zone.nullCount
      if count == 0 { return 0 }
      if case .integer(let least) = zone.min, zone.min == zone.max {
        let (sum, overflow) = least.multipliedReportingOverflow(by: Int128(count))
        return overflow ? nil : sum
      }
    }
    return try chunk(column).sum()
  }

  /// The least or greatest value of a column as a vector of at most one row; `nil` when only the values tell.
  fileprivate func bound(_ column: Int, isGreatest: Bool) throws(StoaError) -> Vector? {
    guard let zone = zone(column) else { return nil }
    if zone.nullCount == zone.rowCount { return .nulls(type: type(column), count: 0) }
    // Zone maps hold 0 and −0 for the same; MIN and MAX tell them apart.
    let value = isGreatest ? zone.max : zone.min
    if value.isNull || value == .double(0) { return nil }
    if isGreatest ? zone.maxIsExact : zone.minIsExact {
      return Vector(constant: value, type: type(column), count: 1)
    }
    let bounds = try chunk(column).dictionaryBounds()
    return isGreatest ? bounds?.max : bounds?.min
  }
}

extension Expression {
  /// Adds the positions of the columns that the expression reads.
  func collectPositions(into positions: inout Set<Int>) {
    if case .column(let position, _) = self { positions.insert(position) }
    for child in children { child.collectPositions(into: &positions) }
  }
}
