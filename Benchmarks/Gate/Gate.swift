import Catalog
import Executor
import Glibc
import Kernels
import SQL
import SSBGenerator
import Storage
import Vectors

/// The gate of the first milestone: Star Schema Benchmark queries over real segments, planner and executor only,
/// without sessions or output. `gate load DIR SCALE`, then `gate run DIR THREADS REPETITIONS [QUERY …]`,
/// or `gate profile DIR THREADS QUERY …`, where a query is the name of one of the 13 or SQL text. Times are
/// medians in milliseconds.
@main
enum Gate {
  static func main() {
    do {
      let arguments = CommandLine.arguments
      guard arguments.count >= 4 else { throw StoaError(.usage, "gate load|run|profile DIR …") }
      switch arguments[1] {
      case "load": try load(arguments[2], scale: Double(arguments[3]) ?? 1)
      case "run":
        try measure(
          arguments[2], threads: Int(arguments[3]) ?? 1,
          repetitions: arguments.count > 4 ? Int(arguments[4]) ?? 5 : 5,
          names: Array(arguments.dropFirst(5)))
      case "profile":
        try profile(
          arguments[2], threads: Int(arguments[3]) ?? 1, names: Array(arguments.dropFirst(4)))
      default: throw StoaError(.usage, "gate load|run|profile DIR …")
      }
    } catch {
      print("Error: \(error)")
      exit(1)
    }
  }

  // MARK: loading

  static func load(_ path: String, scale: Double) throws {
    let generator = SSBGenerator(scale: try SSBScale(factor: scale))
    let store = try TableStore.open(
      path: path, mode: .readWrite, budget: MemoryBudget(limit: 16 << 30))
    let transaction = try store.beginWrite()
    for statement in SSBSchema.createStatements {
      let syntax = try Parser.parse(statement)
      let bound = try Binder(catalog: transaction.catalog, text: statement).bind(syntax)
      guard case .createTable(let create) = bound else { continue }
      var table = create.table
      table.id = transaction.catalog.nextTableID
      try transaction.apply(.createTable(table))
    }
    for table in [SSBTable.customer, .supplier, .part, .date, .lineorder] {
      guard let definition = transaction.catalog.table(named: table.sqlName) else { continue }
      let start = now()
      let batch = try rows(generator, table, definition)
      let writer = try transaction.makeTableWriter(definition.id)
      try append(batch, definition, to: writer)
      try writer.finish()
      print("\(table.sqlName): \(batch.rowCount) rows, \(now() - start) ms")
    }
    try transaction.commit()
    try store.close()
  }

  static func append(
    _ batch: Batch, _ definition: TableDefinition, to writer: TableWriter
  ) throws {
    let keys = definition.sortKey.compactMap { definition.index(of: $0) }
    var order: [UInt32] = []
    if !keys.isEmpty {
      order = RowOrder.sort(
        columns: keys.map { batch.columns[$0] },
        specifications: keys.map { _ in SortSpecification() })
    }
    var row = 0
    while row < batch.rowCount {
      let count = min(65_536, batch.rowCount - row)
      if keys.isEmpty {
        try writer.append(batch.slice(row..<row + count))
      } else {
        try writer.append(
          order.withUnsafeBufferPointer { batch.gather($0.baseAddress! + row, count: count) })
      }
      row += count
    }
  }

  /// All rows of a generated table; integers and strings only.
  static func rows(
    _ generator: SSBGenerator, _ table: SSBTable, _ definition: TableDefinition
  ) throws -> Batch {
    let types = definition.columns.map(\.type)
    var integers = types.map { _ in [Int32]() }
    let heap = StringHeap()
    var strings = types.map { _ in [StringView]() }
    let buffer = TextBuffer()
    let units = generator.scale.unitCount(table)
    var unit = 0
    while unit < units {
      buffer.removeAll()
      let end = min(unit + 50_000, units)
      _ = generator.append(table, unit..<end, to: buffer)
      var column = 0
      var start = 0
      let bytes = buffer.bytes
      for index in 0..<bytes.count where bytes[index] == 0x7C || bytes[index] == 0x0A {
        let field = UnsafeRawBufferPointer(rebasing: bytes[start..<index])
        start = index + 1
        if column < types.count {
          if types[column] == .varchar {
            strings[column].append(heap.add(field))
          } else {
            var value: Int32 = 0
            for byte in field { value = value &* 10 &+ Int32(byte &- 48) }
            integers[column].append(value)
          }
        }
        column = bytes[index] == 0x0A ? 0 : column + 1
      }
      unit = end
    }
    var columns: [Vector] = []
    for (index, type) in types.enumerated() {
      if type == .varchar {
        let storage = Buffer(of: StringView.self, count: strings[index].count)
        storage.typed(StringView.self).update(from: strings[index], count: strings[index].count)
        columns.append(
          Vector(flat: storage, type: type, count: strings[index].count, owners: [heap]))
      } else {
        columns.append(.make(type, integers[index]))
      }
      integers[index] = []
      strings[index] = []
    }
    return Batch(columns: columns, rowCount: columns[0].count)
  }

  // MARK: running

  struct Statistics: PlannerCatalog {
    let snapshot: Snapshot
    var state: CatalogState { snapshot.catalog }
    func statistics(of table: TableID) -> TableStatistics? { try? snapshot.statistics(of: table) }
  }

  static func plan(_ text: String, _ snapshot: Snapshot) throws -> PhysicalPlan {
    let bound = try Binder(catalog: snapshot.catalog, text: text).bind(try Parser.parse(text))
    guard case .query(let query) = bound else { throw StoaError(.usage, "not a query") }
    return try QueryPlanner.plan(query, catalog: Statistics(snapshot: snapshot))
  }

  static func queries(_ names: [String]) -> [(name: String, text: String)] {
    let known = SSBQueries.all.map { ($0.name, $0.sql) }
    if names.isEmpty { return known }
    return names.map { name in known.first { $0.0 == name } ?? (name, name) }
  }

  static func measure(_ path: String, threads: Int, repetitions: Int, names: [String]) throws {
    let store = try TableStore.open(
      path: path, mode: .readOnly, budget: MemoryBudget(limit: 4 << 30))
    let snapshot = try store.snapshot()
    let pool = WorkerPool(workerCount: threads)
    var total = 0.0
    for (name, text) in queries(names) {
      var times: [Double] = []
      var rowCount = 0
      var sum = Int128(0)
      let cpuStart = cpuMilliseconds()
      for _ in 0..<repetitions {
        let start = now()
        let context = ExecutionContext(
          snapshot: snapshot, settings: ExecutionSettings(threads: threads), pool: pool)
        let stream = try QueryExecution.execute(plan: try plan(text, snapshot), context: context)
        rowCount = 0
        sum = 0
        while let batch = try stream.next() {
          rowCount += batch.rowCount
          for column in batch.columns where column.type.physical.isInteger {
            for row in 0..<batch.rowCount { sum &+= column.value(at: row).integer ?? 0 }
          }
        }
        times.append(now() - start)
      }
      times.sort()
      total += times[times.count / 2]
      let cpu = (cpuMilliseconds() - cpuStart) / Double(repetitions)
      print(
        "\(name)  median \(short(times[times.count / 2]))  min \(short(times[0]))"
          + "  cpu \(short(cpu))  rows \(rowCount)  sum of integers \(sum)")
    }
    print("total \(short(total)) ms")
  }

  static func profile(_ path: String, threads: Int, names: [String]) throws {
    let store = try TableStore.open(
      path: path, mode: .readOnly, budget: MemoryBudget(limit: 4 << 30))
    let snapshot = try store.snapshot()
    let pool = WorkerPool(workerCount: threads)
    for (name, text) in queries(names) {
      for _ in 0..<2 {
        let profile = QueryProfile()
        let context = ExecutionContext(
          snapshot: snapshot, settings: ExecutionSettings(threads: threads), pool: pool,
          profile: profile)
        let plan = try plan(text, snapshot)
        let rows = try QueryExecution.execute(plan: plan, context: context).collect()
        print("\(name): \(rows.reduce(0) { $0 + $1.rowCount }) rows")
        print(ExplainPrinter(catalog: snapshot.catalog).text(of: plan, profile: profile))
      }
    }
  }

  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
  }

  static func cpuMilliseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
  }

  static func short(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}
