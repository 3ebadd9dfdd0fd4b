import Kernels
import SQL
import Vectors

// Aggregates with DISTINCT or ORDER BY must see all rows of a group before the first is added. Their rows are kept with
// the number of the group: of DISTINCT each row once, in a hash table, otherwise as they come. When all are there, they
// are sorted, if an order is asked for, and handed to the aggregates. Calls that want the same rows in the same order share
// them.

/// Rows that wait for all others; columns are the number of the group, then `places` of the evaluated arguments.
final class AggregateRows {
  /// What makes calls share rows.
  private let call: AggregateCall
  /// Which of the evaluated arguments and sort keys are kept.
  private var places: [Int]
  let isDistinct: Bool
  private let filter: ExpressionEvaluator?
  /// The sort keys, as columns of a kept row, and their directions.
  let sortColumns: [Int]
  let specifications: [SortSpecification]
  /// Columns of the input that are read.
  private(set) var columns: Set<Int>
  private var members: [(call: AggregateState.Call, columns: [Int])] = []
  private let type: (Int) -> LogicalType

  private var table: GroupTable?
  private var batches: [Batch] = []
  private var batchRowCount = 0
  private var batchByteCount = 0

  /// Rows handed on at once.
  static let stepRowCount = 4096

  init(
    _ call: AggregateCall, _ state: AggregateState.Call, sortPlaces: [Int],
    type: @escaping (Int) -> LogicalType
  ) {
    self.call = call
    self.type = type
    isDistinct = call.isDistinct
    filter = state.filter
    columns = state.columns
    specifications = call.orderBy.specifications
    var places: [Int] = []
    for place in state.arguments + sortPlaces where !places.contains(place) {
      places.append(place)
    }
    self.places = places
    sortColumns = sortPlaces.map { place in 1 + (places.firstIndex(of: place) ?? 0) }
    add(state)
    if isDistinct { table = GroupTable(types: [.integer] + places.map(type)) }
  }

  /// Whether `other` sees the same rows in the same order.
  func serves(_ other: AggregateCall, _ arguments: [Int]) -> Bool {
    guard call.isDistinct == other.isDistinct, call.filter == other.filter,
      call.orderBy == other.orderBy
    else { return false }
    return !isDistinct || Set(arguments) == Set(members[0].call.arguments)
  }

  /// Gives the rows to `state` as well; before the first row.
  func add(_ state: AggregateState.Call) {
    for place in state.arguments where !places.contains(place) { places.append(place) }
    columns.formUnion(state.columns)
    members.append((state, state.arguments.map { 1 + (places.firstIndex(of: $0) ?? 0) }))
  }

  var rowCount: Int { table?.count ?? batchRowCount }
  var byteCount: Int { table?.byteCount ?? batchByteCount }

  /// Keeps the rows of `batch`, whose evaluated arguments are `values`; `groups` `nil`: all of group 0.
  func add(
    _ values: [Vector], _ batch: Batch, groups: UnsafePointer<UInt32>?
  ) throws(StoaError) {
    var chosen = places.map { values[$0] }
    var count = batch.rowCount
    var rows: Positions?
    if let filter {
      let passed = try filter.filter(batch)
      if passed.count == 0 { return }
      if passed.count < count {
        chosen = chosen.map { $0.gather(passed.pointer, count: passed.count) }
        count = passed.count
        rows = passed
      }
    }
    let numbers = Buffer(of: UInt32.self, count: max(1, count))
    let target = numbers.typed(UInt32.self)
    if let groups, let rows {
      for row in 0..<count { target[row] = groups[Int(rows.pointer[row])] }
    } else if let groups {
      target.update(from: groups, count: count)
    } else {
      target.update(repeating: 0, count: count)
    }
    let group = Vector(flat: numbers, type: .integer, count: count)
    try keep(Batch(columns: [group] + chosen, rowCount: count))
  }

  /// Keeps rows whose first column is the group.
  func keep(_ rows: Batch) throws(StoaError) {
    if let table {
      let scratch = Buffer(of: UInt32.self, count: max(1, rows.rowCount))
      try table.assign(rows.columns, count: rows.rowCount, into: scratch.typed(UInt32.self))
    } else {
      batches.append(rows)
      batchRowCount += rows.rowCount
      // Rows, and what sorting them takes.
      batchByteCount += rows.byteCount + 16 * rows.rowCount
    }
  }

  /// Calls `body` with all rows, some thousand at a time.
  func forEachBatch(_ body: (Batch) throws(StoaError) -> Void) throws(StoaError) {
    for batch in batches { try body(batch) }
    guard let table else { return }
    var first = 0
    while first < table.count {
      let range = first..<min(first + AggregateRows.stepRowCount, table.count)
      try body(Batch(columns: table.keyVectors(range), rowCount: range.count))
      first = range.upperBound
    }
  }

  /// Takes the rows of `other` over, whose group `g` is `map[g]` here.
  func merge(_ other: AggregateRows, _ map: [UInt32]) throws(StoaError) {
    try other.forEachBatch { (batch) throws(StoaError) in
      let numbers = Buffer(of: UInt32.self, count: max(1, batch.rowCount))
      batch.columns[0].flattened().withValues(as: UInt32.self) { groups in
        for row in 0..<batch.rowCount { numbers.typed(UInt32.self)[row] = map[Int(groups[row])] }
      }
      var copy = batch
      copy.columns[0] = Vector(flat: numbers, type: .integer, count: batch.rowCount)
      try keep(copy)
    }
  }

  /// All rows are here: the aggregates take them.
  func complete() throws(StoaError) {
    guard !sortColumns.isEmpty else {
      return try forEachBatch { (batch) throws(StoaError) in try feed(batch) }
    }
    var all: [Batch] = []
    try forEachBatch { all.append($0) }
    if all.isEmpty { return }
    let run = sorted(all.count == 1 ? all[0] : Batch.concatenated(all))
    let reader = MemoryRunReader(run, capacity: AggregateRows.stepRowCount)
    while let block = reader.nextBlock() {
      try feed(Batch(columns: block.columns, rowCount: block.rowCount))
    }
  }

  /// The columns that order kept rows: the group, the sort keys, and of DISTINCT everything.
  var orderColumns: [Int] {
    [0] + sortColumns + (isDistinct ? (1...places.count).filter { !sortColumns.contains($0) } : [])
  }

  /// Directions of `orderColumns`.
  var orderSpecifications: [SortSpecification] {
    let plain = SortSpecification(isDescending: false, nullsFirst: false)
    let restCount = orderColumns.count - 1 - sortColumns.count
    return [plain] + specifications + Array(repeating: plain, count: restCount)
  }

  /// One sorted run of `rows`.
  func sorted(_ rows: Batch) -> SortedRun {
    let keys = orderColumns.map { rows.columns[$0] }
    return SortedRun(
      keys: keys, columns: rows.columns,
      order: RowOrder.sort(columns: keys, specifications: orderSpecifications))
  }

  /// Gives rows to the aggregates, in this order.
  func feed(_ rows: Batch) throws(StoaError) {
    guard rows.rowCount > 0 else { return }
    try rows.columns[0].flattened().withValues(as: UInt32.self) { (groups) throws(StoaError) in
      for member in members {
        try member.call.accumulator.update(
          member.columns.map { rows.columns[$0] }, groups: groups, count: rows.rowCount)
      }
    }
  }

  /// Types of the kept columns behind the group.
  var types: [LogicalType] { places.map(type) }
}
