import Kernels
import SQL
import Vectors

// Aggregates over whole partitions need no order of rows: as GROUP BY does, each row gets the number of its
// partition and is added to its states as it comes; at the end every row looks its results up by that number. Only
// while everything fits into memory: rows that spill are sorted as for other functions.

/// One worker's partitions, or the merged ones.
final class WindowGroups {
  private let program: WindowProgram
  private let grouping: Grouping
  private let states: [any AggregateAccumulator]

  init(_ program: WindowProgram) {
    self.program = program
    grouping = Grouping(types: program.keys.map { program.stored[$0].type })
    states = program.functions.compactMap { function in
      guard case .aggregate(let aggregate) = function.call.function else { return nil }
      return aggregate.makeAccumulator(isDistinct: function.call.isDistinct)
    }
  }

  /// Whether all functions of `program` can be evaluated so.
  static func serves(_ program: WindowProgram) -> Bool {
    !program.keys.isEmpty
      && program.functions.allSatisfy { function in
        guard case .aggregate = function.call.function else { return false }
        return function.coversPartition && function.partitionCount == program.keys.count
      }
  }

  var count: Int { grouping.count }
  var byteCount: Int { states.reduce(grouping.byteCount) { $0 + $1.byteCount } }

  /// Adds stored rows; returns the partition of each.
  func add(_ batch: Batch, _ context: ExecutionContext) throws(StoaError) -> RowNumbers {
    let numbers = RowNumbers(count: batch.rowCount)
    try grouping.assign(
      program.keys.map { batch.columns[$0] }, count: batch.rowCount, into: numbers.pointer)
    let section = try WindowSection.unordered(program, batch, context)
    for (number, function) in program.functions.enumerated() {
      guard case .aggregate(let aggregate) = function.call.function else { continue }
      try states[number].resize(groupCount: grouping.count)
      let call = WindowAggregates(function, aggregate, section)
      let groups = call.kept.map { kept in
        let chosen = RowNumbers(count: kept.count)
        for index in 0..<kept.count {
          chosen.pointer[index] = numbers.pointer[kept.positions[index]]
        }
        return chosen
      }
      try states[number].update(
        call.arguments, groups: (groups ?? numbers).pointer, count: call.keptCount)
    }
    return numbers
  }

  /// Takes over the partitions of `other`; returns their numbers here.
  func merge(_ other: WindowGroups) throws(StoaError) -> [UInt32] {
    var map = [UInt32](repeating: 0, count: max(1, other.count))
    let source = try other.grouping.hashTable()
    let target = try grouping.hashTable()
    try target.assign(
      rows: source.groupRows, hashes: source.groupHashes, count: source.count, into: &map)
    for (state, added) in zip(states, other.states) {
      try state.resize(groupCount: grouping.count)
      try added.resize(groupCount: other.count)
      try state.combine(added, groups: map, count: other.count)
    }
    return map
  }

  /// The results of all partitions, one column per function.
  func results() throws(StoaError) -> [Vector] {
    var results: [Vector] = []
    for state in states {
      try state.resize(groupCount: grouping.count)
      results.append(try state.finish(0..<grouping.count))
    }
    return results
  }
}

/// Rows with the number of their partition.
struct GroupedRows {
  var batch: Batch
  var numbers: RowNumbers
  /// Numbers after the merge by those before; `nil` when they are the same.
  var map: [UInt32]?
}

/// Gives each row the results of its partition; batches are morsels.
final class GroupedWindowSource: TableSource, @unchecked Sendable {
  private let program: WindowProgram
  private let rows: [GroupedRows]
  private let results: [Vector]
  private let reservations: [MemoryReservation]
  let estimatedRowCount: Int

  init(
    _ program: WindowProgram, _ rows: [GroupedRows], results: [Vector],
    _ reservations: [MemoryReservation]
  ) {
    self.program = program
    self.rows = rows
    self.results = results
    self.reservations = reservations
    estimatedRowCount = rows.reduce(0) { $0 + $1.batch.rowCount }
  }

  var morselCount: Int { rows.count }
  func makeReader() -> any TableReader { Reader(self) }

  private final class Reader: TableReader {
    private let source: GroupedWindowSource
    private var current: GroupedRows?

    init(_ source: GroupedWindowSource) { self.source = source }

    func open(morsel: Int) { current = source.rows[morsel] }

    func next() -> Batch? {
      guard let rows = current else { return nil }
      current = nil
      let count = rows.batch.rowCount
      var numbers = rows.numbers
      if let map = rows.map {
        numbers = RowNumbers(count: count)
        for row in 0..<count { numbers.pointer[row] = map[rows.numbers[row]] }
      }
      var columns = source.program.output.map { rows.batch.columns[$0] }
      for result in source.results { columns.append(result.gather(numbers.pointer, count: count)) }
      return Batch(columns: columns, rowCount: count)
    }
  }
}
