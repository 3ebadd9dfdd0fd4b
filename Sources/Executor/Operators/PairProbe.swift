import Kernels
import SQL
import Vectors

// Probing the general hash table. A batch of probe rows is looked up as a whole; then pairs (probe row, build
// row) are made along the chains, a batch at a time, so that a key with a million matches needs no more
// memory than one with one. Pairs pass the residual, and what is left decides, by kind of join, what comes out:
//
//   inner, left, right, full, single   the pairs
//   left, full, single                 probe rows without a pair, at the end of the batch
//   semi, anti, mark                   probe rows with or without a pair, at the end of the batch
//
// Semi and anti joins may give out build rows instead, with or without a pair, after the last batch.

/// Joins that make pairs of rows: what is common to hash and nested loop joins.
class PairProbe: BatchOperator {
  let kind: JoinKind
  /// Pairs are only noted with the build rows.
  let givesBuildRows: Bool
  let output: JoinOutput
  /// Further condition on pairs.
  let residual: ExpressionEvaluator?
  let capacity: Int
  /// Columns of the build side that the join needs.
  let payload: [Vector]
  /// Per build row 1 once it has matched; `nil` when nobody asks.
  let matched: UnsafeMutablePointer<UInt8>?
  /// The batch being joined.
  private(set) var batch: Batch?
  /// Row to make pairs of next.
  var row = 0
  /// More build rows follow in a later pass: nothing comes out yet of rows as such.
  var isPartial = false
  let probePositions: Buffer
  let buildPositions: Buffer
  /// Per probe row: 1 once a pair has passed.
  private var matchBytes = GrowingBytes()
  /// Per probe row: 1 once the condition of a pair was NULL.
  private var unknownBytes = GrowingBytes()

  init(
    kind: JoinKind, givesBuildRows: Bool = false, output: JoinOutput, residual: Expression?,
    payload: [Vector], matched: UnsafeMutablePointer<UInt8>?, capacity: Int
  ) {
    self.kind = kind
    self.givesBuildRows = givesBuildRows
    self.output = output
    self.residual = residual.map(ExpressionEvaluator.init)
    self.payload = payload
    self.matched = matched
    self.capacity = capacity
    probePositions = Buffer(of: UInt32.self, count: capacity + 1)
    buildPositions = Buffer(of: UInt32.self, count: capacity + 1)
  }

  /// Fills the position buffers with up to `capacity` pairs from `row` on; 0 when there are no more.
  func makePairs(_ rowCount: Int) -> Int { 0 }
  /// Sets `matches` without making pairs, when nothing but the existence of a match is asked for.
  func markMatches(_ rowCount: Int) {}
  /// Rows without a match have the mark NULL.
  func isUnknown(_ row: Int) -> Bool { false }

  /// Begins with a batch.
  func begin(_ batch: Batch) {
    matchBytes.reserve(batch.rowCount, used: 0)
    matches.update(repeating: 0, count: batch.rowCount)
    unknownBytes.reserve(batch.rowCount, used: 0)
    unknowns.update(repeating: 0, count: batch.rowCount)
    self.batch = batch
    row = 0
  }

  var matches: UnsafeMutablePointer<UInt8> {
    matchBytes.pointer.assumingMemoryBound(to: UInt8.self)
  }
  private var unknowns: UnsafeMutablePointer<UInt8> {
    unknownBytes.pointer.assumingMemoryBound(to: UInt8.self)
  }

  override func next() throws(StoaError) -> Batch? {
    guard let batch else { return nil }
    if residual == nil && (kind == .semi || kind == .anti || kind == .mark) {
      markMatches(batch.rowCount)
      row = batch.rowCount
    }
    while row < batch.rowCount {
      let count = makePairs(batch.rowCount)
      if count == 0 { break }
      // Nothing passed: an empty batch, so that the pipeline can look whether it is cancelled.
      return try emitPairs(batch, count) ?? Batch(columns: [], rowCount: 0)
    }
    self.batch = nil
    return isPartial ? nil : ending(batch)
  }

  /// What is known of each row of the batch: 1 for a match, 2 for a condition that was NULL.
  func knownFlags(_ rowCount: Int) -> [UInt8] {
    (0..<rowCount).map { matches[$0] | unknowns[$0] << 1 }
  }

  /// Goes on from what an earlier pass knew of the batch begun.
  func restore(_ known: [UInt8]) {
    for (row, flags) in known.enumerated() {
      matches[row] = flags & 1
      unknowns[row] = flags >> 1
    }
  }

  /// What comes out of the batch begun, all passes done.
  func end() -> Batch? {
    guard let batch else { return nil }
    self.batch = nil
    return ending(batch)
  }

  /// Applies the residual to `count` pairs; the resulting batch when pairs come out.
  private func emitPairs(_ batch: Batch, _ count: Int) throws(StoaError) -> Batch? {
    let probe = probePositions.typed(UInt32.self)
    let build = buildPositions.typed(UInt32.self)
    var count = count
    if kind == .mark, let residual {
      try markPairs(try residual.evaluate(candidates(batch, count)), count)
      return nil
    }
    if let residual {
      let passed = try residual.filter(candidates(batch, count))
      for index in 0..<passed.count {
        probe[index] = probe[Int(passed.pointer[index])]
        build[index] = build[Int(passed.pointer[index])]
      }
      count = passed.count
    }
    if let matched { for index in 0..<count { matched[Int(build[index])] = 1 } }
    if givesBuildRows { return nil }
    switch kind {
    case .inner, .right: break
    case .left, .full: for index in 0..<count { matches[Int(probe[index])] = 1 }
    case .semi, .anti, .mark:
      for index in 0..<count { matches[Int(probe[index])] = 1 }
      return nil
    case .single:
      for index in 0..<count {
        guard matches[Int(probe[index])] == 0 else {
          throw StoaError(
            .evaluation, "more than one row returned by a subquery used as an expression")
        }
        matches[Int(probe[index])] = 1
      }
    }
    guard count > 0 else { return nil }
    let gathered = output.gatherProbe(batch, probe, count: count)
    return output.batch(
      rowCount: count, probe: { gathered.columns[$0] },
      payload: { payload[$0].gather(build, count: count) })
  }

  /// Notes for the mark which rows have a pair that passes, or one of which that is not known.
  private func markPairs(_ condition: Vector, _ count: Int) throws(StoaError) {
    let flat = condition.flattened()
    let probe = probePositions.typed(UInt32.self)
    flat.withValues(as: UInt8.self) { values in
      for index in 0..<count {
        if !flat.isValid(index) {
          unknowns[Int(probe[index])] = 1
        } else if values[index] != 0 {
          matches[Int(probe[index])] = 1
        }
      }
    }
  }

  /// The pairs as rows of probe columns followed by build columns; build columns nobody needs are NULL.
  private func candidates(_ batch: Batch, _ count: Int) -> Batch {
    let probe = probePositions.typed(UInt32.self)
    let build = buildPositions.typed(UInt32.self)
    var needed = Set<Int>()
    residual?.expression.collectColumns(into: &needed)
    var columns: [Vector] = []
    for index in 0..<output.probeColumnCount {
      columns.append(
        needed.contains(index)
          ? batch.columns[index].gather(probe, count: count)
          : Vector(constant: .null, type: output.probeTypes[index], count: count))
    }
    for (index, place) in output.payloadIndex.enumerated() {
      let isNeeded = place >= 0 && needed.contains(output.probeColumnCount + index)
      columns.append(
        isNeeded
          ? payload[place].gather(build, count: count)
          : Vector(constant: .null, type: output.buildTypes[index], count: count))
    }
    return Batch(columns: columns, rowCount: count)
  }

  /// What comes out of a batch after its pairs.
  private func ending(_ batch: Batch) -> Batch? {
    if givesBuildRows { return nil }
    switch kind {
    case .inner, .right: return nil
    case .left, .full, .single:
      guard let rest = rows(of: batch, where: 0) else { return nil }
      return output.unmatched(rest)
    case .semi: return rows(of: batch, where: 1).map(probeOnly)
    case .anti: return rows(of: batch, where: 0).map(probeOnly)
    case .mark:
      let mark = markVector(batch.rowCount)
      return output.batch(
        rowCount: batch.rowCount, probe: { batch.columns[$0] },
        payload: { _ in .nulls(type: .boolean, count: batch.rowCount) }, mark: mark)
    }
  }

  private func probeOnly(_ batch: Batch) -> Batch {
    output.batch(
      rowCount: batch.rowCount, probe: { batch.columns[$0] },
      payload: { _ in .nulls(type: .boolean, count: batch.rowCount) })
  }

  private func rows(of batch: Batch, where wanted: UInt8) -> Batch? {
    let buffer = Buffer(of: UInt32.self, count: batch.rowCount + 1)
    let target = buffer.typed(UInt32.self)
    var count = 0
    for row in 0..<batch.rowCount where matches[row] == wanted {
      target[count] = UInt32(truncatingIfNeeded: row)
      count += 1
    }
    if count == 0 { return nil }
    return count == batch.rowCount ? batch : output.gatherProbe(batch, target, count: count)
  }

  /// IN's answer: no match is NULL when the row's key has a NULL, or the build side has one.
  private func markVector(_ count: Int) -> Vector {
    let buffer = Buffer(byteCount: max(1, count))
    let target = buffer.typed(UInt8.self)
    target.update(from: matches, count: count)
    let validity = Validity.make(count: count) {
      target[$0] != 0 || (unknowns[$0] == 0 && !isUnknown($0))
    }
    return Vector(flat: buffer, type: .boolean, count: count, validity: validity)
  }
}

/// Probing a `HashJoinTable`.
final class HashProbe: PairProbe {
  private let table: HashJoinTable
  private let keys: [ExpressionEvaluator]
  private var keyValidity: Validity?
  /// Where the chain of `row` goes on: a build row plus one.
  private var link: UInt32 = 0
  private var isStarted = false
  private var rowBytes = GrowingBytes()
  private var hashBytes = GrowingBytes()
  private var headBytes = GrowingBytes()

  init(_ join: HashJoin, _ table: HashJoinTable) {
    self.table = table
    keys = join.node.probeKeys.map(ExpressionEvaluator.init)
    super.init(
      kind: join.node.kind, givesBuildRows: join.node.givesBuildRows, output: JoinOutput(join),
      residual: join.node.residual, payload: table.payload, matched: table.matched,
      capacity: join.context.settings.batchCapacity)
  }

  override func push(_ batch: Batch) throws(StoaError) {
    let count = batch.rowCount
    rowBytes.reserve(count * table.layout.stride, used: 0)
    hashBytes.reserve(count * 8, used: 0)
    headBytes.reserve(count * 4, used: 0)
    let vectors = try keys.evaluate(batch).columns
    keyValidity = nil
    for vector in vectors where vector.mayHaveNulls {
      let flat = vector.form == .dictionary ? vector : vector.flattened()
      keyValidity = Validity.intersection(keyValidity, flat.validity)
    }
    let hashes = hashBytes.pointer.assumingMemoryBound(to: UInt64.self)
    table.layout.encode(vectors, count: count, into: rowBytes.pointer)
    Hashing.hash(rows: vectors, count: count, into: hashes)
    table.find(
      UnsafeRawPointer(rowBytes.pointer), hashes, count: count, validity: keyValidity, into: heads)
    withExtendedLifetime(vectors) {}
    isStarted = false
    begin(batch)
  }

  private var heads: UnsafeMutablePointer<UInt32> {
    headBytes.pointer.assumingMemoryBound(to: UInt32.self)
  }

  override func markMatches(_ rowCount: Int) {
    if let matched, givesBuildRows {
      // Chains are marked as a whole, so a marked head tells that the rest is.
      for row in 0..<rowCount where heads[row] != 0 && matched[Int(heads[row] &- 1)] == 0 {
        var link = heads[row]
        while link != 0 {
          matched[Int(link &- 1)] = 1
          link = table.chain[Int(link &- 1)]
        }
      }
      return
    }
    for row in 0..<rowCount where heads[row] != 0 { matches[row] = 1 }
  }

  override func isUnknown(_ row: Int) -> Bool {
    !table.isEmpty && (table.hasNullKey || !(keyValidity?.isValid(row) ?? true))
  }

  override func makePairs(_ rowCount: Int) -> Int {
    let probe = probePositions.typed(UInt32.self)
    let build = buildPositions.typed(UInt32.self)
    let heads = heads
    let chain = table.chain
    // Build rows that have a match already need no other.
    let known = givesBuildRows ? matched : nil
    var count = 0
    while row < rowCount && count < capacity {
      var link = isStarted ? self.link : heads[row]
      while link != 0 && count < capacity {
        probe[count] = UInt32(truncatingIfNeeded: row)
        build[count] = link &- 1
        if let known {
          count &+= known[Int(link &- 1)] == 0 ? 1 : 0
        } else {
          count &+= 1
        }
        link = chain[Int(link &- 1)]
      }
      isStarted = link != 0
      if isStarted { self.link = link } else { row &+= 1 }
    }
    return count
  }
}
