import Kernels
import SQL
import Vectors

// Aggregates over frames. What is tried, in this order:
//
//   whole partitions   every row of a partition has the same frame: grouped as GROUP BY does
//   native             count, sum, avg over prefix sums, min and max over a queue or tree (`NativeAggregates`)
//   DISTINCT           over rows whose value is new to the frame (`DistinctFrames`)
//   tree               any other aggregate: partial states of 16, 256, … rows, combined as the frame needs
//                      (`AggregateTree`)
//
// FILTER leaves rows out before all of that; frames are then ranges of the rows kept.

/// One aggregate over the frames of a section.
struct WindowAggregates {
  let function: WindowProgram.Function
  let aggregate: BoundAggregate
  let section: WindowSection
  /// Arguments of the rows that are kept, in order.
  let arguments: [Vector]
  let kept: KeptRows?
  /// Rows of `arguments`, also when there are none.
  let keptCount: Int

  init(
    _ function: WindowProgram.Function, _ aggregate: BoundAggregate, _ section: WindowSection
  ) {
    self.function = function
    self.aggregate = aggregate
    self.section = section
    let all = function.arguments.map { section.vector($0) }
    let kept = function.filter.map { KeptRows(whereTrue: section.vector($0)) }
    self.kept = kept
    keptCount = kept?.count ?? section.rowCount
    arguments =
      kept.map { kept in all.map { $0.gather(kept.positions.pointer, count: kept.count) } } ?? all
  }

  /// Rows of one call of an accumulator.
  static let blockRowCount = 4096

  func evaluate() throws(StoaError) -> Vector {
    if function.coversPartition { return try wholePartitions() }
    let bounds = try section.bounds(of: function)
    if function.call.isDistinct { return try DistinctFrames(self, bounds).evaluate() }
    if let native = try NativeAggregates(self, bounds)?.evaluate() { return native }
    let tree = try AggregateTree(
      aggregate, arguments, count: keptCount, cancellation: section.context.cancellation)
    return try tree.evaluate(rowCount: section.rowCount) { row, body in
      bounds.forEachPart(row) { lower, upper in
        let range = kept?.range(lower, upper) ?? (lower: lower, upper: upper)
        body(range.lower, range.upper)
      }
    }
  }

  /// Frames that begin with the partition and end with the row, where the section goes on with a partition of which
  /// `carry` knows the rows before. Keeps in it what the section's rows add.
  func continued(_ carry: WindowCarry) throws(StoaError) -> Vector {
    let bounds = try section.bounds(of: function)
    let partitions = section.boundaries(function.partitionCount)
    let goesOn = Int(section.levels[0]) > function.partitionCount
    let tree = try AggregateTree(
      aggregate, arguments, count: keptCount, cancellation: section.context.cancellation)
    if goesOn { tree.initial = carry.partials.map { ($0, partitions.starts[1]) } }
    let result = try tree.evaluate(rowCount: section.rowCount) { row, body in
      let lower = bounds.lower[row]
      let upper = bounds.upper[row]
      let range = kept?.range(lower, upper) ?? (lower: lower, upper: upper)
      body(range.lower, range.upper)
    }
    let first = partitions.starts[partitions.count - 1]
    if first > 0 || !goesOn {
      carry.states = aggregate.makeAccumulator()
      try carry.states?.resize(groupCount: 1)
    }
    let rows = kept?.range(first, section.rowCount) ?? (lower: first, upper: section.rowCount)
    try carry.states?.updateSingle(
      arguments.map { $0.slice(rows.lower..<rows.upper) }, count: rows.upper - rows.lower, group: 0)
    carry.partials = try carry.states?.partialStates(0..<1)
    return result
  }

  private func wholePartitions() throws(StoaError) -> Vector {
    let partitions = section.boundaries(function.partitionCount)
    let states = aggregate.makeAccumulator(isDistinct: function.call.isDistinct)
    try states.resize(groupCount: partitions.count)
    let numbers = RowNumbers(count: section.rowCount)
    for partition in 0..<partitions.count {
      let start = partitions.starts[partition]
      (numbers.pointer + start).update(
        repeating: UInt32(truncatingIfNeeded: partition),
        count: partitions.starts[partition + 1] - start)
    }
    if partitions.count == 1 {
      try addBlocks { (rows, block) throws(StoaError) in
        try states.updateSingle(block, count: rows.count, group: 0)
      }
      return try states.finish(0..<1).constant(ofRow: 0, count: section.rowCount)
    }
    let groups = kept.map { kept in
      let groups = RowNumbers(count: kept.count)
      for index in 0..<kept.count {
        groups.pointer[index] = numbers.pointer[kept.positions[index]]
      }
      return groups
    }
    try addBlocks { (rows, block) throws(StoaError) in
      try states.update(
        block, groups: (groups ?? numbers).pointer + rows.lowerBound, count: rows.count)
    }
    return try states.finish(0..<partitions.count).gather(
      numbers.pointer, count: section.rowCount)
  }

  /// Calls `add` with the arguments of some thousand rows at a time.
  private func addBlocks(
    _ add: (Range<Int>, [Vector]) throws(StoaError) -> Void
  ) throws(StoaError) {
    var first = 0
    while first < keptCount {
      try section.context.cancellation.check()
      let rows = first..<min(first + WindowAggregates.blockRowCount, keptCount)
      try add(rows, arguments.map { $0.slice(rows) })
      first = rows.upperBound
    }
  }
}
