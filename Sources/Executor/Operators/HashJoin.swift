import Kernels
import SQL
import Vectors

/// The probe side of a hash join.
final class HashJoinProbeFactory: OperatorFactory, @unchecked Sendable {
  private let join: HashJoin

  init(_ join: HashJoin) { self.join = join }

  override func makeOperator() throws(StoaError) -> BatchOperator {
    switch join.table {
    case .pending: throw StoaError(.inconsistency, "a join is probed before it is built")
    case .dense(let table): DenseProbe(join, table)
    case .hash(let table): HashProbe(join, table)
    case .spilled(let spilled): SpillingProbe(spilled)
    }
  }

  /// Any join may turn out to spill.
  override var hasContinuation: Bool { true }

  override func continuation() -> (any TableSource)? {
    if case .spilled(let spilled) = join.table { return SpilledJoinSource(spilled) }
    guard join.keepsBuildRows, case .hash(let table) = join.table, let matched = table.matched
    else {
      return nil
    }
    return UnmatchedRows(
      payload: table.payload, rowCount: table.rowCount, matched: matched, owner: table,
      wantedMatch: join.wantedMatch, output: JoinOutput(join),
      capacity: join.context.settings.batchCapacity)
  }
}

/// Puts the columns of a join's result together.
struct JoinOutput {
  let output: [Int]
  let probeColumnCount: Int
  let buildColumnCount: Int
  /// Place of each build column among the payload; −1 when it is not there.
  let payloadIndex: [Int]
  let probeTypes: [LogicalType]
  let buildTypes: [LogicalType]
  /// Probe columns that the output needs.
  let probeColumns: [Int]

  init(_ join: HashJoin) {
    self.init(
      output: join.node.output, probe: join.node.probe.facts.columns,
      build: join.node.build.facts.columns, payload: join.payload)
  }

  init(output: [Int], probe: [OutputColumn], build: [OutputColumn], payload: [Int]) {
    self.output = output
    probeColumnCount = probe.count
    buildColumnCount = build.count
    probeTypes = probe.map(\.type)
    buildTypes = build.map(\.type)
    var index = [Int](repeating: -1, count: build.count)
    for (place, column) in payload.enumerated() { index[column] = place }
    payloadIndex = index
    probeColumns = Array(Set(output.filter { $0 < probe.count })).sorted()
  }

  /// The output columns from functions that give probe column, payload column and mark.
  func batch(
    rowCount: Int, probe: (Int) -> Vector, payload: (Int) -> Vector, mark: Vector? = nil
  ) -> Batch {
    let columns = output.map { position -> Vector in
      if position < probeColumnCount { return probe(position) }
      let column = position - probeColumnCount
      if column < buildColumnCount, payloadIndex[column] >= 0 {
        return payload(payloadIndex[column])
      }
      return mark ?? Vector(constant: .null, type: .boolean, count: rowCount)
    }
    return Batch(columns: columns, rowCount: rowCount)
  }

  /// Type of the payload column at `place`.
  func payloadType(_ place: Int) -> LogicalType {
    payloadIndex.firstIndex(of: place).map { buildTypes[$0] } ?? .boolean
  }

  /// Probe rows with NULLs for the build side.
  func unmatched(_ probe: Batch) -> Batch {
    batch(
      rowCount: probe.rowCount, probe: { probe.columns[$0] },
      payload: {
        Vector(constant: .null, type: payloadType($0), count: probe.rowCount)
      })
  }

  /// The probe columns that the output needs, at `positions`; the others are left as they are, unused.
  func gatherProbe(_ batch: Batch, _ positions: UnsafePointer<UInt32>, count: Int) -> Batch {
    var columns = batch.columns
    for column in probeColumns { columns[column] = columns[column].gather(positions, count: count) }
    var gathered = Batch(columns: [], rowCount: count)
    gathered.columns = columns
    return gathered
  }
}

/// Build rows that no probe row matched, with NULLs for the probe side; of a semi join that gives out build rows, those
/// that were matched.
final class UnmatchedRows: TableSource, @unchecked Sendable {
  private let payload: [Vector]
  private let rowCount: Int
  private let matched: UnsafePointer<UInt8>
  private let owner: AnyObject
  private let wantedMatch: UInt8
  private let output: JoinOutput
  private let capacity: Int

  init(
    payload: [Vector], rowCount: Int, matched: UnsafePointer<UInt8>, owner: AnyObject,
    wantedMatch: UInt8 = 0, output: JoinOutput, capacity: Int
  ) {
    self.wantedMatch = wantedMatch
    self.payload = payload
    self.rowCount = rowCount
    self.matched = matched
    self.owner = owner
    self.output = output
    self.capacity = capacity
  }

  var morselCount: Int { (rowCount + capacity - 1) / capacity }
  var estimatedRowCount: Int { rowCount }
  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: UnmatchedRows
    private var rows = 0..<0

    init(_ source: UnmatchedRows) { self.source = source }

    func open(morsel: Int) {
      let first = morsel * source.capacity
      rows = first..<min(first + source.capacity, source.rowCount)
    }

    func next() -> Batch? {
      guard !rows.isEmpty else { return nil }
      let positions = Buffer(of: UInt32.self, count: rows.count)
      let target = positions.typed(UInt32.self)
      var count = 0
      for row in rows where source.matched[row] == source.wantedMatch {
        target[count] = UInt32(truncatingIfNeeded: row)
        count += 1
      }
      rows = 0..<0
      let output = source.output
      return output.batch(
        rowCount: count,
        probe: {
          Vector(constant: .null, type: output.probeTypes[$0], count: count)
        }, payload: { source.payload[$0].gather(target, count: count) })
    }
  }
}

/// Probing a dense table: at most one match per row, found without hashing.
private final class DenseProbe: BatchOperator {
  private let join: HashJoin
  private let table: DenseJoinTable
  private let output: JoinOutput
  private let key: ExpressionEvaluator
  private let kind: JoinKind
  private var result: Batch?
  /// Every row has a match.
  private lazy var isCertain =
    (kind == .inner || kind == .semi) && join.isFiltered
    && (join.filters[0]?.isAppliedExactly ?? false)
  private lazy var isDone = join.isDone

  init(_ join: HashJoin, _ table: DenseJoinTable) {
    self.join = join
    self.table = table
    output = JoinOutput(join)
    key = ExpressionEvaluator(join.node.probeKeys[0])
    kind = join.node.kind
  }

  override func next() -> Batch? {
    defer { result = nil }
    return result
  }

  override func push(_ batch: Batch) throws(StoaError) {
    if isDone {
      result = output.batch(
        rowCount: batch.rowCount, probe: { batch.columns[$0] },
        payload: { _ in .nulls(type: .boolean, count: batch.rowCount) })
      return
    }
    let keys = try key.evaluate(batch)
    let slotBuffer = Buffer(of: UInt32.self, count: max(1, batch.rowCount))
    let slots = slotBuffer.typed(UInt32.self)
    table.slots(keys, into: slots)
    if isCertain {
      result = matched(batch, slots, batch.rowCount)
    } else {
      probe(batch, keys, slots)
    }
  }

  private func probe(_ batch: Batch, _ keys: Vector, _ slots: UnsafeMutablePointer<UInt32>) {
    switch kind {
    case .inner, .semi: emit(batch, slots, hits: 1)
    case .anti: emit(batch, slots, hits: 0)
    case .left, .single:
      let present = table.present
      let misses = Validity.make(count: batch.rowCount) { present[Int(slots[$0])] != 0 }
      result = output.batch(
        rowCount: batch.rowCount, probe: { batch.columns[$0] },
        payload: { table.columns[$0].gather(slots, count: batch.rowCount, misses: misses) })
    case .mark:
      let mark = markVector(keys, slots, batch.rowCount)
      result = output.batch(
        rowCount: batch.rowCount, probe: { batch.columns[$0] },
        payload: { _ in .nulls(type: .boolean, count: batch.rowCount) }, mark: mark)
    case .right, .full: break
    }
  }

  /// Passes the rows whose key is there (`hits` 1) or not (0).
  private func emit(_ batch: Batch, _ slots: UnsafeMutablePointer<UInt32>, hits: UInt8) {
    let positions = Buffer(of: UInt32.self, count: batch.rowCount + 1)
    let target = positions.typed(UInt32.self)
    let present = table.present
    var count = 0
    for row in 0..<batch.rowCount {
      target[count] = UInt32(truncatingIfNeeded: row)
      let isWanted: UInt8 = present[Int(slots[row])] == hits ? 1 : 0
      count &+= Int(isWanted)
    }
    guard count > 0 else { return }
    if count == batch.rowCount {
      result = matched(batch, slots, count)
      return
    }
    // Ascending positions: a slot is read before it is overwritten.
    for index in 0..<count { slots[index] = slots[Int(target[index])] }
    result = matched(output.gatherProbe(batch, target, count: count), slots, count)
  }

  private func matched(_ batch: Batch, _ slots: UnsafePointer<UInt32>, _ count: Int) -> Batch {
    output.batch(
      rowCount: count, probe: { batch.columns[$0] },
      payload: { table.columns[$0].gather(slots, count: count, misses: nil) })
  }

  /// IN's answer: NULL when there is no match but a NULL is involved.
  private func markVector(
    _ keys: Vector, _ slots: UnsafePointer<UInt32>, _ count: Int
  ) -> Vector {
    let buffer = Buffer(byteCount: max(1, count))
    let target = buffer.typed(UInt8.self)
    for row in 0..<count { target[row] = table.present[Int(slots[row])] }
    let flat = keys.mayHaveNulls ? keys.flattened() : keys
    let hasNulls = keys.mayHaveNulls || table.hasNullKey
    let validity =
      !hasNulls
      ? nil
      : Validity.make(count: count) {
        target[$0] != 0 || (!table.hasNullKey && (keys.mayHaveNulls ? flat.isValid($0) : true))
      }
    return Vector(flat: buffer, type: .boolean, count: count, validity: validity)
  }
}
