import Kernels
import SQL
import Vectors

// Groups that do not fit into memory, or that several workers are to merge: their partial states and kept rows, divided
// by five bits of the hash of their keys. A partition that still does not fit is divided again by the next five bits.

/// Partial states and kept rows divided by the hash of their keys, in memory and in a file.
final class PartialPartitions: @unchecked Sendable {
  static let count = 32
  /// Sixty of the hash's bits; groups that agree on them all are merged however large they are.
  private static let levelLimit = 12

  private let node: AggregateNode
  /// Which five bits divide.
  private let level: Int
  private let context: ExecutionContext
  private let profile: OperatorProfile?
  private let monitor = Monitor()
  /// By partition: states.
  private var states: [[Part]] = Array(repeating: [], count: PartialPartitions.count)
  /// By partition: rows of each of the state's `kept`, keys in front.
  private var keptRows: [[(index: Int, part: Part)]] = Array(
    repeating: [], count: PartialPartitions.count)
  private var file: SpillFile?
  private(set) var rowCount = 0

  private enum Part {
    case memory(Batch)
    case file(SpilledBatch)

    func read() throws(StoaError) -> Batch {
      switch self {
      case .memory(let batch): batch
      case .file(let written): try written.read()
      }
    }
  }

  init(
    _ node: AggregateNode, level: Int, context: ExecutionContext, profile: OperatorProfile?
  ) {
    self.node = node
    self.level = level
    self.context = context
    self.profile = profile
  }

  /// Partitions that hold anything: without keys there is one.
  var partitionCount: Int { node.groups.isEmpty ? 1 : PartialPartitions.count }

  /// Takes the groups of `state` over.
  func add(
    _ state: AggregateState, toFile: Bool, reservation: MemoryReservation?
  ) throws(StoaError) {
    try state.resize()
    var first = 0
    while first < state.groupCount {
      let range = first..<min(first + 65_536, state.groupCount)
      try add(state.partials(range), kept: nil, toFile: toFile)
      first = range.upperBound
    }
    if state.keptRowCount > 0 {
      let keys = state.allKeys()
      for (index, rows) in state.kept.enumerated() {
        try rows.forEachBatch { (batch) throws(StoaError) in
          let groups = batch.columns[0].flattened()
          let columns = groups.withValues(as: UInt32.self) { numbers in
            keys.map { $0.gather(numbers, count: batch.rowCount) }
          }
          try add(
            Batch(columns: columns + batch.columns.dropFirst(), rowCount: batch.rowCount),
            kept: index, toFile: toFile)
        }
      }
    }
    _ = reservation?.tryResize(to: 0)
  }

  private func add(_ batch: Batch, kept: Int?, toFile: Bool) throws(StoaError) {
    let count = batch.rowCount
    guard !node.groups.isEmpty else { return try store(batch, in: 0, kept, toFile) }
    let hashes = Buffer(of: UInt64.self, count: max(1, count))
    let hash = hashes.typed(UInt64.self)
    Hashing.hash(rows: Array(batch.columns[..<node.groups.count]), count: count, into: hash)
    var positions: [[UInt32]] = Array(repeating: [], count: PartialPartitions.count)
    let shift = UInt64(59 - 5 * level)
    for row in 0..<count { positions[Int((hash[row] >> shift) & 31)].append(UInt32(row)) }
    for (index, rows) in positions.enumerated() where !rows.isEmpty {
      try store(batch.gather(rows, count: rows.count), in: index, kept, toFile)
    }
    withExtendedLifetime(hashes) {}
  }

  private func store(
    _ batch: Batch, in partition: Int, _ kept: Int?, _ toFile: Bool
  ) throws(StoaError) {
    let stored: Part
    if toFile {
      let written = try spillFile().write(batch)
      profile?.addSpill(bytes: written.byteCount)
      stored = .file(written)
    } else {
      stored = .memory(batch)
    }
    monitor.withLock {
      if let kept {
        keptRows[partition].append((kept, stored))
      } else {
        states[partition].append(stored)
        rowCount += batch.rowCount
      }
    }
  }

  private func spillFile() throws(StoaError) -> SpillFile {
    if let file = monitor.withLock({ file }) { return file }
    let made = try SpillFile(directory: context.settings.temporaryDirectory)
    return monitor.withLock {
      if file == nil { file = made }
      return file ?? made
    }
  }

  // MARK: reading

  /// What became of a partition.
  enum Merged {
    /// Complete groups and the memory they take.
    case groups(AggregateState, MemoryReservation)
    /// They did not fit and were divided again.
    case divided(PartialPartitions)
  }

  /// The merged groups of partition `index`.
  func merged(_ index: Int) throws(StoaError) -> Merged {
    let state = AggregateState(node)
    let reservation = MemoryReservation(context.budget)
    let (states, keptRows) = monitor.withLock { (self.states[index], self.keptRows[index]) }
    for part in states {
      try context.cancellation.check()
      try state.add(partials: try part.read())
      if reservation.tryResize(to: state.byteCount) { continue }
      if canDivide(state) { return .divided(try divided(states, keptRows)) }
      try reservation.resize(to: state.byteCount, for: "merging groups")
    }
    if context.settings.spillsAlways, level == 0, canDivide(state) {
      return .divided(try divided(states, keptRows))
    }
    try state.resize()
    for (number, rows) in state.kept.enumerated() {
      let sorter = AggregateRowSorter(rows, context: context, profile: profile)
      for part in keptRows where part.index == number {
        try context.cancellation.check()
        try sorter.add(numbered(try part.part.read(), state))
      }
      try sorter.feed()
      try reservation.resize(to: state.byteCount, for: "merging groups")
    }
    return .groups(state, reservation)
  }

  /// Kept rows with the number of their group in place of its keys.
  private func numbered(_ rows: Batch, _ state: AggregateState) throws(StoaError) -> Batch {
    let keyCount = node.groups.count
    let groups = try state.assign(Array(rows.columns[..<keyCount]), count: rows.rowCount)
    let numbers = Buffer(of: UInt32.self, count: max(1, rows.rowCount))
    numbers.typed(UInt32.self).update(from: groups, count: rows.rowCount)
    let group = Vector(flat: numbers, type: .integer, count: rows.rowCount)
    return Batch(columns: [group] + rows.columns[keyCount...], rowCount: rows.rowCount)
  }

  private func canDivide(_ state: AggregateState) -> Bool {
    !node.groups.isEmpty && state.groupCount > 1 && level + 1 < PartialPartitions.levelLimit
  }

  private func divided(
    _ states: [Part], _ keptRows: [(index: Int, part: Part)]
  ) throws(StoaError) -> PartialPartitions {
    let finer = PartialPartitions(node, level: level + 1, context: context, profile: profile)
    for part in states {
      try context.cancellation.check()
      try finer.add(try part.read(), kept: nil, toFile: true)
    }
    for part in keptRows {
      try context.cancellation.check()
      try finer.add(try part.part.read(), kept: part.index, toFile: true)
    }
    return finer
  }
}

/// Groups merged partition by partition while they are read.
final class PartitionedResult: TableSource, @unchecked Sendable {
  private let partitions: PartialPartitions
  private let capacity: Int

  init(_ partitions: PartialPartitions, capacity: Int) {
    self.partitions = partitions
    self.capacity = capacity
  }

  var morselCount: Int { partitions.partitionCount }
  var estimatedRowCount: Int { partitions.rowCount }
  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: PartitionedResult
    /// Partitions still to be read, the next one last.
    private var waiting: [(partitions: PartialPartitions, index: Int)] = []
    private var state: AggregateState?
    private var reservation: MemoryReservation?
    private var first = 0

    init(_ source: PartitionedResult) { self.source = source }

    func open(morsel: Int) { waiting = [(source.partitions, morsel)] }

    func next() throws(StoaError) -> Batch? {
      while true {
        if let state, first < state.groupCount {
          let range = first..<min(first + source.capacity, state.groupCount)
          first = range.upperBound
          return try state.result(range)
        }
        state = nil
        reservation = nil
        guard let part = waiting.popLast() else { return nil }
        first = 0
        switch try part.partitions.merged(part.index) {
        case .groups(let merged, let memory):
          state = merged
          reservation = memory
        case .divided(let finer):
          for index in (0..<finer.partitionCount).reversed() { waiting.append((finer, index)) }
        }
      }
    }
  }
}
