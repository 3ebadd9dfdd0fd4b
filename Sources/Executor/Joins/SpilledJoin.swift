import Kernels
import SQL
import Vectors

// A join whose build side does not fit into memory: both sides are divided by the hash of their keys and written to
// a temporary file, then joined partition by partition (Kitsuregawa, Tanaka, Moto-oka, "Application of hash to
// data base machine and its architecture", 1983). Only one partition's build rows per worker are in memory. A partition
// that does not fit is divided again by further bits of the hash, up to three times.

/// Rows divided by the hash of keys, in one temporary file.
final class PartitionedRows: @unchecked Sendable {
  static let count = 32
  private let level: Int
  private let context: ExecutionContext
  private let profile: OperatorProfile?
  private let monitor = Monitor()
  private var parts: [[SpilledBatch]] = Array(repeating: [], count: PartitionedRows.count)
  private let file: SpillFile

  /// - Parameter level: how often the rows were divided before.
  init(context: ExecutionContext, profile: OperatorProfile?, level: Int = 0) throws(StoaError) {
    self.level = level
    self.context = context
    self.profile = profile
    file = try SpillFile(directory: context.settings.temporaryDirectory)
  }

  /// Writes the rows of `batch` to the partitions of their `keys`.
  func add(_ batch: Batch, keys: [Vector]) throws(StoaError) {
    let count = batch.rowCount
    guard count > 0 else { return }
    let hashes = Buffer(of: UInt64.self, count: count)
    let hash = hashes.typed(UInt64.self)
    Hashing.hash(rows: keys, count: count, into: hash)
    var positions: [[UInt32]] = Array(repeating: [], count: PartitionedRows.count)
    // The hash table uses the lowest and the highest bits.
    let shift = UInt64(24 + 5 * level)
    for row in 0..<count { positions[Int(hash[row] >> shift & 31)].append(UInt32(row)) }
    for (index, rows) in positions.enumerated() where !rows.isEmpty {
      try context.cancellation.check()
      let written = try file.write(batch.gather(rows, count: rows.count))
      profile?.addSpill(bytes: written.byteCount)
      monitor.withLock { parts[index].append(written) }
    }
  }

  /// Batches of partition `index`.
  func partition(_ index: Int) -> [SpilledBatch] { monitor.withLock { parts[index] } }
}

/// Build and probe rows with equal bits of their hashes.
struct JoinPartition {
  /// How often it may be divided.
  static let deepest = 3

  var build: [SpilledBatch]
  var probe: [SpilledBatch]
  /// How often it was divided.
  var level: Int

  var buildRowCount: Int { build.reduce(0) { $0 + $1.rowCount } }
}

/// Both sides of a join on disk.
final class SpilledJoin: @unchecked Sendable {
  let join: HashJoin
  let build: PartitionedRows
  let probe: PartitionedRows
  /// Over the whole build side, for the mark of IN.
  var buildRowCount = 0
  var hasNullKey = false

  init(_ join: HashJoin, profile: OperatorProfile?) throws(StoaError) {
    self.join = join
    build = try PartitionedRows(context: join.context, profile: profile)
    probe = try PartitionedRows(context: join.context, profile: profile)
  }

  /// Writes build rows out.
  func add(_ block: JoinBlock) throws(StoaError) {
    let keys = block.keyVectors(join)
    try build.add(Batch(columns: keys + block.payload, rowCount: block.rowCount), keys: keys)
  }

  /// Partition `index` of the first division.
  func partition(_ index: Int) -> JoinPartition {
    JoinPartition(build: build.partition(index), probe: probe.partition(index), level: 0)
  }

  /// The rows of a partition divided by further bits.
  func divided(_ whole: JoinPartition) throws(StoaError) -> [JoinPartition] {
    let level = whole.level + 1
    let build = try PartitionedRows(context: join.context, profile: nil, level: level)
    let probe = try PartitionedRows(context: join.context, profile: nil, level: level)
    let keyCount = join.node.buildKeys.count
    for part in whole.build {
      let batch = try part.read()
      try build.add(batch, keys: Array(batch.columns[..<keyCount]))
    }
    let keys = join.node.probeKeys.map(ExpressionEvaluator.init)
    for part in whole.probe {
      let batch = try part.read()
      try probe.add(batch, keys: try keys.evaluate(batch).columns)
    }
    return (0..<PartitionedRows.count).map {
      JoinPartition(build: build.partition($0), probe: probe.partition($0), level: level)
    }
  }

  /// The look-up structure of one partition.
  func table(_ partition: JoinPartition) throws(StoaError) -> HashJoinTable {
    var blocks: [JoinBlock] = []
    let reservation = MemoryReservation(join.context.budget)
    let keyCount = join.node.buildKeys.count
    for part in partition.build {
      let batch = try part.read()
      try reservation.resize(
        to: reservation.byteCount + batch.byteCount, for: "a partition of a join")
      var block = JoinBlock(
        keys: Array(batch.columns[..<keyCount]), payload: Array(batch.columns[keyCount...]),
        rowCount: batch.rowCount)
      for key in block.keys { block.validity = Validity.intersection(block.validity, key.validity) }
      blocks.append(block)
    }
    try reservation.resize(
      to: reservation.byteCount + HashJoinTable.byteCount(join, rowCount: blocks.rowCount),
      for: "a partition of a join")
    let table = try HashJoinTable(join, blocks, reservation: reservation)
    for step in table.steps { try step.run() }
    table.widenNulls(hasNullKey: hasNullKey, isEmpty: buildRowCount == 0)
    return table
  }
}

extension JoinBlock {
  /// The keys as columns, NULLs included.
  func keyVectors(_ join: HashJoin) -> [Vector] {
    guard let integers else { return keys }
    let narrow = IntegerKeys.narrow(integers, join.layout.types[0], count: rowCount)
    guard let validity else { return [narrow] }
    return [
      Vector(flat: narrow.storage, type: narrow.type, count: rowCount, validity: validity)
    ]
  }
}

/// Puts probe rows on disk; they come back through the continuation.
final class SpillingProbe: BatchOperator {
  private let spilled: SpilledJoin
  private let keys: [ExpressionEvaluator]

  init(_ spilled: SpilledJoin) {
    self.spilled = spilled
    keys = spilled.join.node.probeKeys.map(ExpressionEvaluator.init)
  }

  override func push(_ batch: Batch) throws(StoaError) {
    try spilled.probe.add(batch, keys: try keys.evaluate(batch).columns)
  }
}

/// The join itself, one partition a morsel.
final class SpilledJoinSource: TableSource, @unchecked Sendable {
  private let spilled: SpilledJoin

  init(_ spilled: SpilledJoin) { self.spilled = spilled }

  var morselCount: Int { PartitionedRows.count }
  var estimatedRowCount: Int { 1 << 20 }
  func makeReader() -> any TableReader { Reader(spilled) }

  private final class Reader: TableReader {
    private let spilled: SpilledJoin
    private var table: HashJoinTable?
    private var probe: HashProbe?
    private var parts: [SpilledBatch] = []
    private var nextPart = 0
    private var unmatched: (any TableReader)?
    private var unmatchedMorsels: [Int] = []
    /// Still to be joined.
    private var pending: [JoinPartition] = []

    init(_ spilled: SpilledJoin) { self.spilled = spilled }

    func open(morsel: Int) { pending = [spilled.partition(morsel)] }

    func next() throws(StoaError) -> Batch? {
      while true {
        if let batch = try nextOfPartition() { return batch }
        guard let partition = pending.popLast() else { return nil }
        try start(partition)
      }
    }

    /// Begins with a partition, or puts its parts on the list when it is too large.
    private func start(_ partition: JoinPartition) throws(StoaError) {
      if partition.probe.isEmpty && !spilled.join.keepsBuildRows { return }
      let rowCount = partition.buildRowCount
      let isForced = spilled.join.context.settings.spillsAlways && rowCount > 256
      if isForced && partition.level == 0 {
        pending += try spilled.divided(partition)
        return
      }
      do {
        let table = try spilled.table(partition)
        self.table = table
        probe = HashProbe(spilled.join, table)
        parts = partition.probe
        nextPart = 0
      } catch {
        guard error.kind == .resource, partition.level < JoinPartition.deepest, rowCount > 256
        else { throw error }
        pending += try spilled.divided(partition)
      }
    }

    private func nextOfPartition() throws(StoaError) -> Batch? {
      while let probe {
        if let batch = try probe.next() { return batch }
        guard nextPart < parts.count else {
          self.probe = nil
          startUnmatched()
          break
        }
        try probe.push(try parts[nextPart].read())
        nextPart += 1
      }
      while let unmatched {
        if let batch = try unmatched.next() { return batch }
        guard let morsel = unmatchedMorsels.popLast() else {
          self.unmatched = nil
          break
        }
        try unmatched.open(morsel: morsel)
      }
      table = nil
      return nil
    }

    private func startUnmatched() {
      guard let table, let matched = table.matched else { return }
      let rest = UnmatchedRows(
        payload: table.payload, rowCount: table.rowCount, matched: matched, owner: table,
        wantedMatch: spilled.join.wantedMatch, output: JoinOutput(spilled.join),
        capacity: spilled.join.context.settings.batchCapacity)
      unmatchedMorsels = Array((0..<rest.morselCount).reversed())
      unmatched = rest.makeReader()
    }
  }
}
