import Kernels
import SQL
import Vectors

/// Joins every probe row with every build row and keeps the pairs a condition allows.
final class NestedLoopJoinFactory: OperatorFactory, @unchecked Sendable {
  private let node: NestedLoopJoinNode
  private let build: CollectSink
  private let context: ExecutionContext
  private let output: JoinOutput
  /// Build columns that the output or the condition needs.
  private let payloadColumns: [Int]
  private var payload: [Vector] = []
  private var buildCount = 0
  private var matched: Buffer?
  /// For joins by inequalities.
  private var ranges: RangeTable?
  private let rangeMemory: MemoryReservation
  /// Probe rows, when the build side does not fit into memory.
  private var probeRows: CollectSink?

  init(_ node: NestedLoopJoinNode, build: CollectSink, context: ExecutionContext) {
    self.node = node
    self.build = build
    self.context = context
    rangeMemory = MemoryReservation(context.budget)
    let probe = node.probe.facts.columns
    let columns = node.build.facts.columns
    var needed = Set<Int>()
    node.condition?.collectColumns(into: &needed)
    needed.formUnion(node.output)
    payloadColumns = columns.indices.filter { needed.contains(probe.count + $0) }
    output = JoinOutput(
      output: node.output, probe: probe, build: columns, payload: payloadColumns)
  }

  private var keepsBuildRows: Bool { node.kind == .right || node.kind == .full }
  override var hasContinuation: Bool { true }

  override func prepare() throws(StoaError) {
    if !build.spilledBatches.isEmpty {
      probeRows = CollectSink(context: context, purpose: "the outer side of a join")
      profile?.note(strategy: "blocks")
      return
    }
    let batches = build.batches
    buildCount = build.rowCount
    guard buildCount < Int(UInt32.max) else {
      throw StoaError(.resource, "the inner side of a join has more than 4,294,967,294 rows")
    }
    payload = payloadColumns.map { column in
      batches.isEmpty
        ? .nulls(type: node.build.facts.columns[column].type, count: 0)
        : Vector.concatenated(batches.map { $0.columns[column] }, count: buildCount)
    }
    if keepsBuildRows { matched = Buffer(byteCount: max(1, buildCount), zeroed: true) }
    try makeRanges(batches)
  }

  /// Sorts the build rows when there are inequalities to look up; without memory for that, all pairs are tried.
  private func makeRanges(_ batches: [Batch]) throws(StoaError) {
    guard !node.ranges.isEmpty, buildCount > 16, buildCount < Int(Int32.max) else { return }
    let size = RangeTable.byteCount(rowCount: buildCount, keyCount: node.ranges.count)
    guard rangeMemory.tryResize(to: size) else { return }
    var keys: [Vector] = []
    for range in node.ranges {
      let evaluator = ExpressionEvaluator(range.build)
      var parts: [Vector] = []
      for batch in batches { parts.append(try evaluator.evaluate(batch)) }
      keys.append(Vector.concatenated(parts, count: buildCount))
    }
    ranges = RangeTable(keys, node.ranges.map(\.comparison))
    profile?.note(strategy: "sorted")
  }

  override func makeOperator() -> BatchOperator {
    if let probeRows { return BlockProbeWriter(probeRows) }
    if let ranges {
      return RangeProbe(
        ranges, node.ranges.map(\.probe), kind: node.kind, output: output,
        residual: node.rangeResidual, payload: payload, matched: matched?.typed(UInt8.self),
        capacity: context.settings.batchCapacity)
    }
    return NestedLoopProbe(
      kind: node.kind, output: output, residual: node.condition, payload: payload,
      matched: matched?.typed(UInt8.self), buildCount: buildCount,
      capacity: context.settings.batchCapacity)
  }

  override func continuation() -> (any TableSource)? {
    if let probeRows {
      return BlockJoinSource(
        node, probe: probeRows, build: build, output: output, payloadColumns: payloadColumns,
        context: context)
    }
    guard let matched else { return nil }
    return UnmatchedRows(
      payload: payload, rowCount: buildCount, matched: matched.typed(UInt8.self), owner: matched,
      output: output, capacity: context.settings.batchCapacity)
  }
}

/// Makes all pairs, probe row by probe row.
final class NestedLoopProbe: PairProbe {
  private let buildCount: Int
  /// Build row that `row` is paired with next.
  private var buildRow = 0

  init(
    kind: JoinKind, output: JoinOutput, residual: Expression?, payload: [Vector],
    matched: UnsafeMutablePointer<UInt8>?, buildCount: Int, capacity: Int
  ) {
    self.buildCount = buildCount
    super.init(
      kind: kind, output: output, residual: residual, payload: payload, matched: matched,
      capacity: capacity)
  }

  override func push(_ batch: Batch) {
    buildRow = 0
    begin(batch)
  }

  override func markMatches(_ rowCount: Int) {
    if buildCount > 0 { matches.update(repeating: 1, count: rowCount) }
  }

  override func makePairs(_ rowCount: Int) -> Int {
    let probe = probePositions.typed(UInt32.self)
    let build = buildPositions.typed(UInt32.self)
    guard buildCount > 0 else {
      row = rowCount
      return 0
    }
    var count = 0
    while row < rowCount && count < capacity {
      let added = min(capacity - count, buildCount - buildRow)
      (probe + count).update(repeating: UInt32(truncatingIfNeeded: row), count: added)
      for index in 0..<added {
        build[count &+ index] = UInt32(truncatingIfNeeded: buildRow &+ index)
      }
      count += added
      buildRow += added
      if buildRow == buildCount {
        buildRow = 0
        row += 1
      }
    }
    return count
  }
}
