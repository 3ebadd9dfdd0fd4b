import Catalog
import Kernels
import SQL
import Testing
import Vectors

@testable import Executor

/// Repeatable random numbers (SplitMix64).
struct Random: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }
}

typealias Row = [Value]

/// A table of boxed values that plans can scan.
struct TestTable {
  var types: [LogicalType]
  var rows: [Row]

  /// Columns by letter: the values a column is drawn from; `nulls` in a hundred are NULL.
  static func random(
    _ types: [LogicalType], rows: Int, domain: Int, nulls: Int = 10, _ random: inout Random
  ) -> TestTable {
    let made = (0..<rows).map { _ in
      types.map { type -> Value in
        random.below(100) < nulls ? .null : TestTable.value(type, random.below(domain))
      }
    }
    return TestTable(types: types, rows: made)
  }

  static func value(_ type: LogicalType, _ number: Int) -> Value {
    switch type.physical {
    case .bool: .boolean(number % 2 == 0)
    case .float32, .float64: number == 3 ? .double(.nan) : .double(Double(number) / 2)
    case .string:
      .string(number % 3 == 0 ? "key \(number) is a rather long string" : "k\(number)")
    case .int8: .integer(Int128(number % 120 - 40))
    default: .integer(Int128(number - 5))
    }
  }

  /// Batches of random sizes up to `capacity`, columns in random forms.
  func batches(capacity: Int, _ random: inout Random) -> [Batch] {
    var batches: [Batch] = []
    var row = 0
    while row < rows.count {
      let count = min(rows.count - row, 1 + random.below(capacity))
      let columns = types.indices.map { column in
        TestTable.vector(types[column], rows[row..<row + count].map { $0[column] }, &random)
      }
      batches.append(Batch(columns: columns, rowCount: count))
      row += count
    }
    return batches
  }

  static func vector(_ type: LogicalType, _ values: [Value], _ random: inout Random) -> Vector {
    let flat = Vector.make(type, values)
    switch random.below(4) {
    case 0 where Set(values).count == 1:
      return Vector(constant: values[0], type: type, count: values.count)
    case 1:
      let distinct = Array(Set(values.filter { !$0.isNull }))
      guard !distinct.isEmpty else { return flat }
      let codes = Buffer(of: UInt32.self, count: values.count)
      for (row, value) in values.enumerated() {
        codes.typed(UInt32.self)[row] = UInt32(distinct.firstIndex(of: value) ?? 0)
      }
      let validity = Validity.make(count: values.count) { !values[$0].isNull }
      return Vector(
        codes: codes, count: values.count, dictionary: .make(type, distinct), validity: validity)
    case 2:
      var ends: [UInt32] = []
      var runs: [Value] = []
      for (row, value) in values.enumerated() {
        if runs.last == value {
          ends[ends.count - 1] = UInt32(row + 1)
        } else {
          runs.append(value)
          ends.append(UInt32(row + 1))
        }
      }
      let buffer = Buffer(of: UInt32.self, count: ends.count)
      for (index, end) in ends.enumerated() { buffer.typed(UInt32.self)[index] = end }
      return Vector(runEnds: buffer, values: .make(type, runs), count: values.count)
    default: return flat
    }
  }

  var facts: PlanFacts {
    PlanFacts(
      columns: types.enumerated().map { OutputColumn(name: "c\($0)", type: $1) },
      estimatedRows: Double(rows.count))
  }

  /// A plan that scans this table under `id`.
  func scan(_ id: TableID, filters: [RuntimeFilterUse] = []) -> PhysicalPlan {
    .scan(
      ScanNode(
        facts: facts, table: id, tableName: "t\(id)", columns: types.indices.map { ColumnID($0) },
        runtimeFilters: filters))
  }
}

/// A scan of batches that applies runtime filters row by row.
final class FilteringSource: TableSource, @unchecked Sendable {
  let batches: [Batch]
  let filters: [(column: Int, filter: RuntimeFilter)]
  private var kept: [Batch] = []

  init(_ batches: [Batch], filters: [(column: Int, filter: RuntimeFilter)]) {
    self.batches = batches
    self.filters = filters
  }

  func prepare() {
    kept = batches
    for (column, filter) in filters {
      guard let content = filter.published else { continue }
      kept = kept.map { batch in
        let rows = (0..<batch.rowCount).filter { row in
          guard case .integer(let key) = batch.columns[column].value(at: row) else { return false }
          return content.contains(Int64(key))
        }.map { UInt32($0) }
        return rows.isEmpty
          ? Batch(columns: batch.columns.map { $0.slice(0..<0) }, rowCount: 0)
          : batch.gather(rows, count: rows.count)
      }
      filter.markApplied()
    }
  }

  var morselCount: Int { kept.count }
  /// Pretends to be large, so that all workers come.
  var estimatedRowCount: Int { 1 << 24 }
  func makeReader() -> any TableReader { Reader(kept) }

  final class Reader: TableReader {
    let batches: [Batch]
    var current: Batch?
    init(_ batches: [Batch]) { self.batches = batches }
    func open(morsel: Int) { current = batches[morsel] }
    func next() -> Batch? {
      defer { current = nil }
      return current
    }
  }
}

/// How a plan is run.
struct Configuration: CustomStringConvertible {
  var threads: Int
  var capacity: Int
  var spills = false
  var description: String { "threads \(threads), capacity \(capacity), spills \(spills)" }

  static let all = [
    Configuration(threads: 1, capacity: 4096), Configuration(threads: 2, capacity: 4096),
    Configuration(threads: 1, capacity: 1), Configuration(threads: 2, capacity: 3),
    Configuration(threads: 2, capacity: 64, spills: true),
  ]
}

let sharedPool = WorkerPool(workerCount: 2)

/// Runs `plan` over `tables` (their number is the table id).
func run(
  _ plan: PhysicalPlan, _ tables: [TestTable], _ configuration: Configuration, seed: UInt64 = 1,
  profile: QueryProfile? = nil, cancellation: CancellationFlag = CancellationFlag()
) throws -> [Row] {
  let capacity = configuration.capacity
  let context = ExecutionContext(
    settings: ExecutionSettings(
      threads: configuration.threads, batchCapacity: capacity, spillsAlways: configuration.spills),
    pool: sharedPool, cancellation: cancellation, profile: profile
  ) { (request: ScanRequest, _: ExecutionContext) throws(StoaError) in
    var random = Random(seed &+ UInt64(request.node.table))
    let batches = tables[Int(request.node.table)].batches(capacity: min(capacity, 50), &random)
    let filters = zip(request.node.runtimeFilters, request.runtimeFilters).map {
      (column: Int($0.column), filter: $1)
    }
    return FilteringSource(batches, filters: filters)
  }
  let stream = try QueryExecution.execute(plan: plan, context: context)
  var rows: [Row] = []
  while let batch = try stream.next() {
    #expect(batch.columns.count == stream.columns.count)
    for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0.value(at: row) }) }
  }
  return rows
}

/// Runs under every configuration and compares with `expected`, in any order.
func expectRows(
  _ plan: PhysicalPlan, _ tables: [TestTable], _ expected: [Row], _ comment: String = "",
  inOrder: Bool = false
) throws {
  let wanted = inOrder ? expected : sorted(expected)
  for configuration in Configuration.all {
    let rows = try run(plan, tables, configuration)
    let found = inOrder ? rows : sorted(rows)
    #expect(found.count == wanted.count, "\(comment) \(configuration)")
    if found != wanted {
      let at = zip(found, wanted).enumerated().first { $1.0 != $1.1 }
      Issue.record("\(comment) \(configuration): first difference \(String(describing: at))")
    }
  }
}

func sorted(_ rows: [Row]) -> [Row] {
  rows.sorted { left, right in
    for (a, b) in zip(left, right) where a != b { return a < b }
    return false
  }
}

func column(_ index: Int, _ type: LogicalType) -> Expression { .column(index, type) }

func facts(_ types: [LogicalType]) -> PlanFacts {
  PlanFacts(
    columns: types.enumerated().map { OutputColumn(name: "c\($0)", type: $1) }, estimatedRows: 1)
}
