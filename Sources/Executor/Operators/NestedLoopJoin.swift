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

  init(_ node: NestedLoopJoinNode, build: CollectSink, context: ExecutionContext) {
    self.node = node
    self.build = build
    self.context = context
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
  override var hasContinuation: Bool { keepsBuildRows }

  override func prepare() throws(StoaError) {
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
  }

  override func makeOperator() -> BatchOperator {
    NestedLoopProbe(
      kind: node.kind, output: output, residual: node.condition, payload: payload,
      matched: matched?.typed(UInt8.self), buildCount: buildCount,
      capacity: context.settings.batchCapacity)
  }

  override func continuation() -> (any TableSource)? {
    guard let matched else { return nil }
    return UnmatchedRows(
      payload: payload, rowCount: buildCount, matched: matched.typed(UInt8.self), owner: matched,
      output: output, capacity: context.settings.batchCapacity)
  }
}

/// Makes all pairs, probe row by probe row.
private final class NestedLoopProbe: PairProbe {
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
