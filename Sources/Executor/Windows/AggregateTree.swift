import Kernels
import Vectors

// A segment tree over partial states: V. Leis, K. Kundhikanjana, A. Kemper and T. Neumann, "Efficient Processing of
// Window Functions in Analytical SQL Queries", VLDB 2015.
//
// Node `i` of level `k` holds the state of rows i × 16^k up to (i + 1) × 16^k. A frame is made of the largest nodes
// inside it: at most 15 on either side of each level, so a frame of n rows costs O(log n). Levels are built, and
// frames of some hundred rows answered, by few calls of the accumulator: all pieces of one level and side at a
// time, from the left leaves up and down again to the right ones, so that states are combined in the order of
// rows.

/// Any aggregate over any ranges of rows.
final class AggregateTree {
  private static let shift = 4
  private static let fanout = 1 << shift
  /// Rows answered together.
  private static let batchRowCount = 512

  private let aggregate: BoundAggregate
  private let leaves: [Vector]
  private let cancellation: CancellationFlag
  /// States of the levels above the rows; level 1 first.
  private var levels: [[Vector]] = []
  /// State of rows before all others, one row, and the number of leading rows whose frames have them.
  var initial: (partials: [Vector], rowCount: Int)?

  init(
    _ aggregate: BoundAggregate, _ arguments: [Vector], count: Int, cancellation: CancellationFlag
  ) throws(StoaError) {
    self.aggregate = aggregate
    self.cancellation = cancellation
    leaves = arguments
    var nodeCount = count
    while nodeCount > AggregateTree.fanout {
      let parentCount = (nodeCount + AggregateTree.fanout - 1) >> AggregateTree.shift
      levels.append(try AggregateTree.states(over: self, nodeCount, parentCount))
      nodeCount = parentCount
    }
  }

  /// The states of the next level.
  private static func states(
    over tree: AggregateTree, _ nodeCount: Int, _ parentCount: Int
  ) throws(StoaError) -> [Vector] {
    let states = tree.aggregate.makeAccumulator()
    try states.resize(groupCount: parentCount)
    let step = 4096
    let groups = RowNumbers(count: step)
    var first = 0
    while first < nodeCount {
      try tree.cancellation.check()
      let count = min(step, nodeCount - first)
      for index in 0..<count {
        groups.pointer[index] = UInt32(truncatingIfNeeded: (first + index) >> shift)
      }
      let columns = (tree.levels.last ?? tree.leaves).map { $0.slice(first..<(first + count)) }
      if tree.levels.isEmpty {
        try states.update(columns, groups: groups.pointer, count: count)
      } else {
        try states.combine(partials: columns, groups: groups.pointer, count: count)
      }
      first += count
    }
    return try states.partialStates(0..<parentCount)
  }

  /// Pieces of frames on one level: nodes, and the row each belongs to.
  private struct Pieces {
    var nodes: [UInt32] = []
    var rows: [UInt32] = []

    mutating func add(_ range: Range<Int>, to row: Int) {
      for node in range {
        nodes.append(UInt32(truncatingIfNeeded: node))
        rows.append(UInt32(truncatingIfNeeded: row))
      }
    }
  }

  /// The result of every row.
  /// - Parameter ranges: calls its second argument with the ranges of a row's frame, in order.
  func evaluate(
    rowCount: Int, ranges: (Int, (Int, Int) -> Void) -> Void
  ) throws(StoaError) -> Vector {
    var results: [Vector] = []
    var first = 0
    while first < rowCount {
      try cancellation.check()
      let rows = first..<min(first + AggregateTree.batchRowCount, rowCount)
      results.append(try evaluate(rows, ranges))
      first = rows.upperBound
    }
    if results.isEmpty { return Vector.nulls(type: aggregate.resultType, count: 0) }
    return Vector.concatenated(results, count: rowCount)
  }

  private func evaluate(
    _ rows: Range<Int>, _ ranges: (Int, (Int, Int) -> Void) -> Void
  ) throws(StoaError) -> Vector {
    let states = aggregate.makeAccumulator()
    try states.resize(groupCount: rows.count)
    if let initial, initial.rowCount > rows.lowerBound {
      let count = min(rows.count, initial.rowCount - rows.lowerBound)
      try states.combine(
        partials: initial.partials.map { $0.constant(ofRow: 0, count: count).flattened() },
        groups: (0..<UInt32(count)).map { $0 }, count: count)
    }
    // Frames with holes have several parts; all first parts go before all second ones.
    var parts: [[(row: Int, lower: Int, upper: Int)]] = []
    for row in rows {
      var part = 0
      ranges(row) { lower, upper in
        if part == parts.count { parts.append([]) }
        if lower < upper { parts[part].append((row - rows.lowerBound, lower, upper)) }
        part += 1
      }
    }
    for part in parts where !part.isEmpty { try add(part, to: states) }
    return try states.finish(0..<rows.count)
  }

  private func add(
    _ part: [(row: Int, lower: Int, upper: Int)], to states: any AggregateAccumulator
  ) throws(StoaError) {
    var left = Array(repeating: Pieces(), count: levels.count + 1)
    var right = left
    let last = AggregateTree.fanout - 1
    for (row, lower, upper) in part {
      var low = lower
      var high = upper
      var level = 0
      while level < levels.count {
        // Up to the next multiple of the fan-out, unless both ends are within one node's children.
        let nextLow = (low + last) & ~last
        let nextHigh = high & ~last
        if nextLow >= nextHigh { break }
        left[level].add(low..<nextLow, to: row)
        right[level].add(nextHigh..<high, to: row)
        low = nextLow >> AggregateTree.shift
        high = nextHigh >> AggregateTree.shift
        level += 1
      }
      left[level].add(low..<high, to: row)
    }
    for level in left.indices { try add(left[level], level, to: states) }
    for level in right.indices.reversed() { try add(right[level], level, to: states) }
  }

  private func add(
    _ pieces: Pieces, _ level: Int, to states: any AggregateAccumulator
  ) throws(StoaError) {
    let count = pieces.nodes.count
    guard count > 0 else { return }
    let columns = (level == 0 ? leaves : levels[level - 1]).map {
      $0.gather(pieces.nodes, count: count)
    }
    if level == 0 {
      try states.update(columns, groups: pieces.rows, count: count)
    } else {
      try states.combine(partials: columns, groups: pieces.rows, count: count)
    }
  }
}
