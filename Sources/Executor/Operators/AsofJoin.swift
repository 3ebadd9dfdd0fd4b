import Kernels
import SQL
import Vectors

// ASOF JOIN as a merge: both sides come sorted by keys, then by the order column, ascending for `>=` and `>`,
// descending for `<=` and `<`. For each probe row the build side is read on while its rows come before the probe row
// (or with it, where equality counts); the last of them is the nearest, and matches when the keys agree.
//
// Every row of both sides is looked at once, by one worker. Rows with a NULL among keys or order match nothing.

/// Joins each probe row with the nearest build row.
final class AsofJoinFactory: OperatorFactory, @unchecked Sendable {
  fileprivate let node: AsofJoinNode
  private let build: CollectSink
  fileprivate let output: JoinOutput

  init(_ node: AsofJoinNode, build: CollectSink) {
    self.node = node
    self.build = build
    output = JoinOutput(
      output: node.output, probe: node.probe.facts.columns, build: node.build.facts.columns,
      payload: Array(node.build.facts.columns.indices))
  }

  override func makeOperator() throws(StoaError) -> BatchOperator {
    let source = build.source
    try source.prepare()
    return try AsofJoin(self, SortedRows(source, keys: node.buildKeys))
  }
}

/// Rows in order, without those that have a NULL among their keys.
private final class SortedRows {
  private let source: any TableSource
  private let reader: any TableReader
  private let evaluators: [ExpressionEvaluator]
  private var nextMorsel = 0
  private var isOpen = false
  private(set) var batch = Batch(columns: [], rowCount: 0)
  private(set) var keys: [Vector] = []
  private(set) var row = 0

  init(_ source: any TableSource, keys: [Expression]) throws(StoaError) {
    self.source = source
    reader = try source.makeReader()
    evaluators = keys.map(ExpressionEvaluator.init)
  }

  /// Whether there is a row at `row` of `batch`; reads on when the batch is used up.
  func hasRow() throws(StoaError) -> Bool {
    while true {
      while row < batch.rowCount {
        if keys.allSatisfy({ $0.isValid(row) }) { return true }
        row += 1
      }
      guard let read = try read() else { return false }
      batch = read
      keys = try evaluators.evaluate(read).columns.map(\.mergeable)
      row = 0
    }
  }

  func advance() { row += 1 }

  private func read() throws(StoaError) -> Batch? {
    while true {
      if isOpen, let batch = try reader.next() { return batch }
      isOpen = false
      guard nextMorsel < source.morselCount else { return try reader.finish() }
      try reader.open(morsel: nextMorsel)
      nextMorsel += 1
      isOpen = true
    }
  }
}

private final class AsofJoin: BatchOperator {
  private let factory: AsofJoinFactory
  private let build: SortedRows
  private let probeKeys: [ExpressionEvaluator]
  private let comparator: RowComparator
  private let keyComparator: RowComparator
  private let countsEqual: Bool
  /// The last build row before the probe row.
  private var nearest: (batch: Batch, keys: [Vector], row: Int)?
  private var outputs: [Batch] = []

  init(_ factory: AsofJoinFactory, _ build: SortedRows) {
    self.factory = factory
    self.build = build
    let node = factory.node
    probeKeys = node.probeKeys.map(ExpressionEvaluator.init)
    let isDescending = node.comparison == .less || node.comparison == .lessOrEqual
    countsEqual = node.comparison == .lessOrEqual || node.comparison == .greaterOrEqual
    let equal = node.probeKeys.dropLast().map { _ in
      SortSpecification(isDescending: false, nullsFirst: false)
    }
    keyComparator = RowComparator(equal)
    comparator = RowComparator(
      equal + [SortSpecification(isDescending: isDescending, nullsFirst: false)])
  }

  override func push(_ batch: Batch) throws(StoaError) {
    let keys = try probeKeys.evaluate(batch).columns.map(\.mergeable)
    var pairs = Pairs(capacity: batch.rowCount)
    var unmatched: [UInt32] = []
    for row in 0..<batch.rowCount {
      var isMatched = keys.allSatisfy { $0.isValid(row) }
      if isMatched { isMatched = try findNearest(keys, row) }
      guard isMatched, let nearest else {
        unmatched.append(UInt32(truncatingIfNeeded: row))
        continue
      }
      if let other = pairs.batch, !other.isSame(as: nearest.batch) { emit(batch, &pairs) }
      pairs.batch = nearest.batch
      pairs.append(row, nearest.row)
    }
    emit(batch, &pairs)
    if factory.node.kind == .left, !unmatched.isEmpty {
      let rows = factory.output.gatherProbe(batch, unmatched, count: unmatched.count)
      outputs.append(factory.output.unmatched(rows))
    }
    outputs.reverse()
  }

  /// Moves `nearest` up to the probe row; whether it matches.
  private func findNearest(_ keys: [Vector], _ row: Int) throws(StoaError) -> Bool {
    while try build.hasRow() {
      let order = comparator.compare(build.keys, build.row, keys, row)
      guard order < 0 || (order == 0 && countsEqual) else { break }
      nearest = (build.batch, build.keys, build.row)
      build.advance()
    }
    guard let nearest else { return false }
    return keyComparator.compare(nearest.keys, nearest.row, keys, row) == 0
  }

  private func emit(_ batch: Batch, _ pairs: inout Pairs) {
    guard let build = pairs.batch, pairs.count > 0 else { return }
    let count = pairs.count
    let probe = pairs.probe.typed(UInt32.self)
    let rows = pairs.build.typed(UInt32.self)
    let gathered = factory.output.gatherProbe(batch, probe, count: count)
    outputs.append(
      factory.output.batch(
        rowCount: count, probe: { gathered.columns[$0] },
        payload: { build.columns[$0].gather(rows, count: count) }))
    pairs.count = 0
  }

  override func next() -> Batch? { outputs.popLast() }
}

/// Pairs of rows of two batches.
private struct Pairs {
  var batch: Batch?
  var probe: Buffer
  var build: Buffer
  var count = 0

  init(capacity: Int) {
    probe = Buffer(of: UInt32.self, count: capacity + 1)
    build = Buffer(of: UInt32.self, count: capacity + 1)
  }

  mutating func append(_ probeRow: Int, _ buildRow: Int) {
    probe.typed(UInt32.self)[count] = UInt32(truncatingIfNeeded: probeRow)
    build.typed(UInt32.self)[count] = UInt32(truncatingIfNeeded: buildRow)
    count += 1
  }
}

extension Batch {
  /// Whether it is the very same batch; batches have at least one column here.
  fileprivate func isSame(as other: Batch) -> Bool {
    columns.first === other.columns.first
  }
}
