import Kernels
import SQL
import Vectors

/// Groups and the states of all aggregates: one worker's, or the merged ones.
final class AggregateState {
  private let node: AggregateNode
  let groupTypes: [LogicalType]
  private let groups: [ExpressionEvaluator]
  /// Distinct expressions among the arguments, each evaluated once per batch.
  let arguments: [ExpressionEvaluator]
  let calls: [Call]
  let grouping: Grouping
  private var numbers = GrowingBytes()
  private var sizedCount = -1

  /// One aggregate and its states.
  final class Call {
    let accumulator: any AggregateAccumulator
    /// The accumulator, when summaries can be added in place of every row.
    let summarizing: (any SummaryAccumulator)?
    /// Places among the evaluated arguments.
    let arguments: [Int]
    let filter: ExpressionEvaluator?
    /// Position of the argument in the input, when it is a plain column.
    let column: Int?
    /// Columns of the input that arguments and filter read.
    let columns: Set<Int>
    /// DISTINCT: pairs (group, arguments) seen; they are added when all are known.
    let distinct: GroupTable?

    init(_ call: AggregateCall, arguments: [Int]) {
      accumulator = call.function.makeAccumulator()
      self.arguments = arguments
      filter = call.filter.map(ExpressionEvaluator.init)
      let isDistinct = call.isDistinct && !arguments.isEmpty
      distinct = isDistinct ? GroupTable(types: [.integer] + call.arguments.map(\.type)) : nil
      let isPlain = !isDistinct && call.filter == nil
      summarizing = isPlain ? accumulator as? any SummaryAccumulator : nil
      if call.arguments.count == 1, case .column(let position, _) = call.arguments[0] {
        column = position
      } else {
        column = nil
      }
      columns = (call.arguments + (call.filter.map { [$0] } ?? [])).reduce(into: []) {
        $1.collectPositions(into: &$0)
      }
    }
  }

  init(_ node: AggregateNode) {
    self.node = node
    groupTypes = node.groups.map(\.type)
    groups = node.groups.map(ExpressionEvaluator.init)
    grouping = Grouping(types: groupTypes)
    var expressions: [Expression] = []
    calls = node.aggregates.map { call in
      let places = call.arguments.map { argument -> Int in
        if let known = expressions.firstIndex(of: argument) { return known }
        expressions.append(argument)
        return expressions.count - 1
      }
      return Call(call, arguments: places)
    }
    arguments = expressions.map(ExpressionEvaluator.init)
  }

  /// Without groups there is always one.
  var groupCount: Int { node.groups.isEmpty ? 1 : grouping.count }
  var hasDistinct: Bool { calls.contains { $0.distinct != nil } }

  /// Bytes held, for the memory budget.
  var byteCount: Int {
    calls.reduce(grouping.byteCount) {
      $0 + $1.accumulator.byteCount + ($1.distinct?.byteCount ?? 0)
    }
  }

  /// Adds the rows of `batch`.
  func add(_ batch: Batch) throws(StoaError) {
    let count = batch.rowCount
    guard count > 0 else { return }
    let values = try arguments.evaluate(batch).columns
    if node.groups.isEmpty {
      try resize()
      for call in calls { try addSingle(call, values, batch) }
      return
    }
    let keys = try groups.evaluate(batch).columns
    if let runs = KeyRuns(keys, count: count) { return try add(runs, values, batch) }
    numbers.reserve(count * 4, used: 0)
    let numbers = numbers.pointer.assumingMemoryBound(to: UInt32.self)
    try grouping.assign(keys, count: count, into: numbers)
    try resize()
    for call in calls { try addGrouped(call, values, batch, numbers) }
  }

  func resize() throws(StoaError) {
    guard groupCount != sizedCount else { return }
    sizedCount = groupCount
    for call in calls { try call.accumulator.resize(groupCount: sizedCount) }
  }

  func addSingle(
    _ call: Call, _ values: [Vector], _ batch: Batch
  ) throws(StoaError) {
    var chosen = call.arguments.map { values[$0] }
    var count = batch.rowCount
    if let filter = call.filter {
      let rows = try filter.filter(batch)
      if rows.count < count { chosen = chosen.map { $0.gather(rows.pointer, count: rows.count) } }
      count = rows.count
      if count == 0 { return }
    }
    if let distinct = call.distinct {
      let group = Vector(constant: .integer(0), type: .integer, count: count)
      try note(distinct, [group] + chosen, count)
    } else {
      try call.accumulator.updateSingle(chosen, count: count, group: 0)
    }
  }

  func addGrouped(
    _ call: Call, _ values: [Vector], _ batch: Batch, _ numbers: UnsafePointer<UInt32>
  ) throws(StoaError) {
    var chosen = call.arguments.map { values[$0] }
    var count = batch.rowCount
    var groups = numbers
    var filtered: Buffer?
    if let filter = call.filter {
      let rows = try filter.filter(batch)
      if rows.count == 0 { return }
      if rows.count < count {
        chosen = chosen.map { $0.gather(rows.pointer, count: rows.count) }
        let buffer = Buffer(of: UInt32.self, count: rows.count)
        let target = buffer.typed(UInt32.self)
        for row in 0..<rows.count { target[row] = numbers[Int(rows.pointer[row])] }
        filtered = buffer
        groups = UnsafePointer(target)
        count = rows.count
      }
    }
    if let distinct = call.distinct {
      try note(distinct, [AggregateState.vector(groups, count)] + chosen, count)
    } else {
      try call.accumulator.update(chosen, groups: groups, count: count)
    }
    withExtendedLifetime(filtered) {}
  }

  private static func vector(_ numbers: UnsafePointer<UInt32>, _ count: Int) -> Vector {
    let buffer = Buffer(of: UInt32.self, count: count)
    buffer.typed(UInt32.self).update(from: numbers, count: count)
    return Vector(flat: buffer, type: .integer, count: count)
  }

  private func note(
    _ distinct: GroupTable, _ keys: [Vector], _ count: Int
  ) throws(StoaError) {
    let scratch = Buffer(of: UInt32.self, count: count)
    try distinct.assign(keys, count: count, into: scratch.typed(UInt32.self))
  }

  /// Takes over the groups and states of `other`.
  func merge(_ other: AggregateState) throws(StoaError) {
    var map = [UInt32](repeating: 0, count: max(1, other.groupCount))
    if !node.groups.isEmpty {
      guard other.grouping.count > 0 else { return }
      let source = try other.grouping.hashTable()
      let target = try grouping.hashTable()
      try target.assign(
        rows: source.groupRows, hashes: source.groupHashes, count: source.count, into: &map)
    }
    try resize()
    try other.resize()
    for (call, otherCall) in zip(calls, other.calls) {
      if let distinct = call.distinct, let otherDistinct = otherCall.distinct {
        try AggregateState.merge(otherDistinct, into: distinct, map)
      } else {
        try call.accumulator.combine(otherCall.accumulator, groups: map, count: other.groupCount)
      }
    }
  }

  private static func merge(
    _ source: GroupTable, into target: GroupTable, _ map: [UInt32]
  ) throws(StoaError) {
    var first = 0
    while first < source.count {
      let range = first..<min(first + 4096, source.count)
      var keys = source.keyVectors(range)
      let groups = keys[0].withValues(as: UInt32.self) { numbers in
        (0..<range.count).map { map[Int(numbers[$0])] }
      }
      keys[0] = vector(groups, groups.count)
      var scratch = [UInt32](repeating: 0, count: range.count)
      try target.assign(keys, count: range.count, into: &scratch)
      first = range.upperBound
    }
  }

  /// All rows are in: adds what DISTINCT has collected.
  func complete() throws(StoaError) {
    try resize()
    for call in calls {
      guard let distinct = call.distinct else { continue }
      var first = 0
      while first < distinct.count {
        let range = first..<min(first + 4096, distinct.count)
        let keys = distinct.keyVectors(range)
        try keys[0].withValues(as: UInt32.self) { (numbers) throws(StoaError) in
          try call.accumulator.update(
            Array(keys.dropFirst()), groups: numbers, count: range.count)
        }
        first = range.upperBound
      }
    }
  }

  /// Groups and results of `range`.
  func result(_ range: Range<Int>) throws(StoaError) -> Batch {
    var columns = node.groups.isEmpty ? [] : grouping.keyVectors(range)
    for call in calls { columns.append(try call.accumulator.finish(range)) }
    return Batch(columns: columns, rowCount: range.count)
  }

  /// Keys and partial states of `range`, as columns.
  func partials(_ range: Range<Int>) throws(StoaError) -> Batch {
    var columns = grouping.keyVectors(range)
    for call in calls { columns += try call.accumulator.partialStates(range) }
    return Batch(columns: columns, rowCount: range.count)
  }

  /// Adds what `partials` gave out, of any worker.
  func add(partials batch: Batch) throws(StoaError) {
    guard batch.rowCount > 0 else { return }
    let keyCount = groupTypes.count
    numbers.reserve(batch.rowCount * 4, used: 0)
    let numbers = numbers.pointer.assumingMemoryBound(to: UInt32.self)
    let table = try grouping.hashTable()
    try table.assign(
      Array(batch.columns[..<keyCount]), count: batch.rowCount, into: numbers)
    try resize()
    var column = keyCount
    for call in calls {
      let width = try call.accumulator.partialStates(0..<0).count
      try call.accumulator.combine(
        partials: Array(batch.columns[column..<column + width]), groups: numbers,
        count: batch.rowCount)
      column += width
    }
  }
}
