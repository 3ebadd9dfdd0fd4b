import Kernels
import SQL
import Vectors

/// DISTINCT aggregates over frames. Where all frames of a partition begin with it, a value counts at its first row:
/// then the later ones are left out and the rest is as without DISTINCT. Other frames are taken row by row.
struct DistinctFrames {
  private let call: WindowAggregates
  private let bounds: WindowBounds

  init(_ call: WindowAggregates, _ bounds: WindowBounds) {
    self.call = call
    self.bounds = bounds
  }

  func evaluate() throws(StoaError) -> Vector {
    let frame = call.function.call.frame
    if frame.start == .unboundedPreceding, frame.exclusion == .none { return try growing() }
    return try anyFrames()
  }

  /// Kept rows, by their number, whose value is not that of an earlier one of the partition.
  private func firstOccurrences() -> [UInt8] {
    let count = call.keptCount
    let value = call.arguments[0].flattened()
    let partitions = call.section.boundaries(call.function.partitionCount)
    let numbers = RowNumbers(count: count)
    for partition in 0..<partitions.count {
      let range = kept(partitions.starts[partition], partitions.starts[partition + 1])
      for index in range { numbers.pointer[index] = UInt32(truncatingIfNeeded: partition) }
    }
    let order = RowOrder.sort(columns: [value], specifications: [SortSpecification()])
    let comparator = RowComparator([SortSpecification()])
    var isFirst = [UInt8](repeating: 0, count: count + 1)
    // Equal values of one partition lie together, in order of rows.
    for place in order.indices {
      let row = Int(order[place])
      guard value.isValid(row) else { continue }
      let before = place > 0 ? Int(order[place - 1]) : -1
      let isRepeated =
        before >= 0 && numbers[before] == numbers[row]
        && comparator.compare([value], before, [value], row) == 0
      isFirst[row] = isRepeated ? 0 : 1
    }
    return isFirst
  }

  @inline(__always)
  private func kept(_ lower: Int, _ upper: Int) -> Range<Int> {
    guard let rows = call.kept?.range(lower, upper) else { return lower..<upper }
    return rows.lower..<rows.upper
  }

  private func growing() throws(StoaError) -> Vector {
    let distinct = KeptRows(firstOccurrences(), rowCount: call.keptCount)
    let values = call.arguments.map {
      $0.gather(distinct.positions.pointer, count: distinct.count)
    }
    let tree = try AggregateTree(
      call.aggregate, values, count: distinct.count,
      cancellation: call.section.context.cancellation)
    return try tree.evaluate(rowCount: call.section.rowCount) { row, body in
      let range = kept(bounds.lower[row], bounds.upper[row])
      let places = distinct.range(range.lowerBound, range.upperBound)
      body(places.lower, places.upper)
    }
  }

  /// The values of each frame one after the other: the work grows with the size of frames.
  private func anyFrames() throws(StoaError) -> Vector {
    var results: [Vector] = []
    var row = 0
    let rowCount = call.section.rowCount
    while row < rowCount {
      try call.section.context.cancellation.check()
      // As many rows as have some thousand values in their frames.
      var positions: [UInt32] = []
      var groups: [UInt32] = []
      let first = row
      repeat {
        let group = UInt32(truncatingIfNeeded: row - first)
        bounds.forEachPart(row) { lower, upper in
          for index in kept(lower, upper) {
            positions.append(UInt32(truncatingIfNeeded: index))
            groups.append(group)
          }
        }
        row += 1
      } while row < rowCount && positions.count < 16_384
      let states = call.aggregate.makeAccumulator(isDistinct: true)
      try states.resize(groupCount: row - first)
      let values = call.arguments.map { $0.gather(positions, count: positions.count) }
      try states.update(values, groups: groups, count: positions.count)
      results.append(try states.finish(0..<(row - first)))
    }
    return Vector.concatenated(results, count: rowCount)
  }
}
