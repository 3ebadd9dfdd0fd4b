import Kernels
import SQL
import Vectors

/// Groups and the states of all aggregates: one worker's, or the merged ones.
final class AggregateState {
  private let node: AggregateNode
  let groupTypes: [LogicalType]
  private let groups: [ExpressionEvaluator]
  /// Distinct expressions among arguments and sort keys, each evaluated once per batch.
  let arguments: [ExpressionEvaluator]
  /// Aggregates that take rows as they come.
  let calls: [Call]
  /// Rows of the others, until all are known.
  let kept: [AggregateRows]
  /// What each aggregate of the node gives out.
  private let outputs: [Output]
  private let allCalls: [Call]
  let grouping: Grouping
  private var numbers = GrowingBytes()
  private var sizedCount = -1

  private struct Output {
    var call: Call
    var stateColumn: Int?
  }

  /// One aggregate and its states; calls that differ only in what they give out are one.
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

    init(_ call: AggregateCall, arguments: [Int]) {
      accumulator = call.function.makeShared()
      self.arguments = arguments
      filter = call.filter.map(ExpressionEvaluator.init)
      let isPlain = !call.needsAllRows && call.filter == nil
      summarizing = isPlain ? accumulator as? any SummaryAccumulator : nil
      if call.arguments.count == 1, case .column(let position, _) = call.arguments[0] {
        column = position
      } else {
        column = nil
      }
      columns = call.expressions.reduce(into: []) { $1.collectPositions(into: &$0) }
    }
  }

  init(_ node: AggregateNode) {
    self.node = node
    groupTypes = node.groups.map(\.type)
    groups = node.groups.map(ExpressionEvaluator.init)
    grouping = Grouping(types: groupTypes)
    var expressions: [Expression] = []
    func place(_ expression: Expression) -> Int {
      if let known = expressions.firstIndex(of: expression) { return known }
      expressions.append(expression)
      return expressions.count - 1
    }
    var made: [(call: AggregateCall, made: Call)] = []
    var calls: [Call] = []
    var kept: [AggregateRows] = []
    var outputs: [Output] = []
    for call in node.aggregates {
      let column = call.function.stateColumn
      if let known = made.first(where: { $0.call.sharesStates(with: call) }) {
        outputs.append(Output(call: known.made, stateColumn: column))
        continue
      }
      let state = Call(call, arguments: call.arguments.map(place))
      made.append((call, state))
      outputs.append(Output(call: state, stateColumn: column))
      guard call.needsAllRows else {
        calls.append(state)
        continue
      }
      let sortPlaces = call.orderBy.map { place($0.expression) }
      if let rows = kept.first(where: { $0.serves(call, state.arguments) }) {
        rows.add(state)
      } else {
        kept.append(AggregateRows(call, state, sortPlaces: sortPlaces) { expressions[$0].type })
      }
    }
    self.calls = calls
    self.kept = kept
    self.outputs = outputs
    allCalls = made.map(\.made)
    arguments = expressions.map(ExpressionEvaluator.init)
  }

  /// Without groups there is always one.
  var groupCount: Int { node.groups.isEmpty ? 1 : grouping.count }
  /// Rows that wait for all others.
  var keptRowCount: Int { kept.reduce(0) { $0 + $1.rowCount } }

  /// Bytes held, for the memory budget.
  var byteCount: Int {
    allCalls.reduce(grouping.byteCount) { $0 + $1.accumulator.byteCount }
      + kept.reduce(0) { $0 + $1.byteCount }
  }

  /// Adds the rows of `batch`.
  func add(_ batch: Batch) throws(StoaError) {
    let count = batch.rowCount
    guard count > 0 else { return }
    let values = try arguments.evaluate(batch).columns
    if node.groups.isEmpty {
      try resize()
      for call in calls { try addSingle(call, values, batch) }
      for rows in kept { try rows.add(values, batch, groups: nil) }
      return
    }
    let keys = try groups.evaluate(batch).columns
    if let runs = KeyRuns(keys, count: count) { return try add(runs, values, batch) }
    numbers.reserve(count * 4, used: 0)
    let numbers = numbers.pointer.assumingMemoryBound(to: UInt32.self)
    try grouping.assign(keys, count: count, into: numbers)
    try resize()
    for call in calls { try addGrouped(call, values, batch, numbers) }
    for rows in kept { try rows.add(values, batch, groups: numbers) }
  }

  func resize() throws(StoaError) {
    guard groupCount != sizedCount else { return }
    sizedCount = groupCount
    for call in allCalls { try call.accumulator.resize(groupCount: sizedCount) }
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
    try call.accumulator.updateSingle(chosen, count: count, group: 0)
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
    try call.accumulator.update(chosen, groups: groups, count: count)
    withExtendedLifetime(filtered) {}
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
      try call.accumulator.combine(otherCall.accumulator, groups: map, count: other.groupCount)
    }
    for (rows, otherRows) in zip(kept, other.kept) { try rows.merge(otherRows, map) }
  }

  /// All rows are in: aggregates that waited for that take them.
  func complete() throws(StoaError) {
    try resize()
    for rows in kept { try rows.complete() }
  }

  /// Groups and results of `range`.
  func result(_ range: Range<Int>) throws(StoaError) -> Batch {
    var columns = node.groups.isEmpty ? [] : grouping.keyVectors(range)
    var states: [ObjectIdentifier: [Vector]] = [:]
    for output in outputs {
      guard let column = output.stateColumn else {
        columns.append(try output.call.accumulator.finish(range))
        continue
      }
      let key = ObjectIdentifier(output.call)
      if states[key] == nil { states[key] = try output.call.accumulator.partialStates(range) }
      if let all = states[key] { columns.append(all[column]) }
    }
    return Batch(columns: columns, rowCount: range.count)
  }

  /// Keys of all groups.
  func allKeys() -> [Vector] { node.groups.isEmpty ? [] : grouping.keyVectors(0..<groupCount) }

  /// Keys and partial states of `range`, as columns. Kept rows are not among them.
  func partials(_ range: Range<Int>) throws(StoaError) -> Batch {
    var columns = node.groups.isEmpty ? [] : grouping.keyVectors(range)
    for call in calls { columns += try call.accumulator.partialStates(range) }
    return Batch(columns: columns, rowCount: range.count)
  }

  /// Adds what `partials` gave out, of any worker.
  func add(partials batch: Batch) throws(StoaError) {
    guard batch.rowCount > 0 else { return }
    let groups = try assign(Array(batch.columns[..<groupTypes.count]), count: batch.rowCount)
    var column = groupTypes.count
    for call in calls {
      let width = try call.accumulator.partialStates(0..<0).count
      try call.accumulator.combine(
        partials: Array(batch.columns[column..<column + width]), groups: groups,
        count: batch.rowCount)
      column += width
    }
  }

  /// The groups of keys, made where they are new; valid until the next call.
  func assign(_ keys: [Vector], count: Int) throws(StoaError) -> UnsafePointer<UInt32> {
    numbers.reserve(count * 4, used: 0)
    let numbers = numbers.pointer.assumingMemoryBound(to: UInt32.self)
    if node.groups.isEmpty {
      numbers.update(repeating: 0, count: count)
    } else {
      try grouping.hashTable().assign(keys, count: count, into: numbers)
    }
    try resize()
    return UnsafePointer(numbers)
  }
}

extension AggregateCall {
  /// Whether one accumulator can serve both.
  func sharesStates(with other: AggregateCall) -> Bool {
    function.sharesStates(with: other.function) && arguments == other.arguments
      && isDistinct == other.isDistinct && filter == other.filter && orderBy == other.orderBy
  }
}
