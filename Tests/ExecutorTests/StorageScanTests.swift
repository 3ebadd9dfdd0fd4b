import Catalog
import Kernels
import SQL
import Storage
import Testing
import Vectors

@testable import Executor

/// Tables in a warehouse on a simulated disk.
struct StoredTables {
  let store: TableStore
  let snapshot: Snapshot

  /// - Parameter encodings: asked for the columns of every table, in order; `nil` where the picker chooses.
  init(
    _ tables: [TestTable], rowsPerGroup: Int = 2048, encodings: [String?] = []
  ) throws {
    store = try TableStore.open(
      path: "/scan.stoa", fileSystem: SimulatedFileSystem(), mode: .readWrite,
      budget: MemoryBudget(limit: 1 << 30))
    let transaction = try store.beginWrite()
    var random = Random(7)
    for (index, table) in tables.enumerated() {
      let id = transaction.catalog.nextTableID
      let columns = table.types.enumerated().map {
        ColumnDefinition(
          id: ColumnID($0), name: "c\($0)", type: $1,
          forcedEncoding: $0 < encodings.count ? encodings[$0] : nil)
      }
      try transaction.apply(
        .createTable(TableDefinition(id: id, name: "t\(index)", columns: columns)))
      var options = SegmentWriterOptions()
      options.rowGroupCapacity = rowsPerGroup
      options.rowGroupLimit = 2
      let writer = try transaction.makeTableWriter(id, options: options)
      for batch in table.batches(capacity: 700, &random) { try writer.append(batch) }
      try writer.finish()
    }
    try transaction.commit()
    snapshot = try store.snapshot()
  }

  func run(
    _ plan: PhysicalPlan, threads: Int = 1, capacity: Int = 4096, profile: QueryProfile? = nil
  ) throws -> [Row] {
    let context = ExecutionContext(
      snapshot: snapshot, settings: ExecutionSettings(threads: threads, batchCapacity: capacity),
      pool: sharedPool, profile: profile)
    let batches = try QueryExecution.execute(plan: plan, context: context).collect()
    return batches.flatMap { batch in
      (0..<batch.rowCount).map { row in batch.columns.map { $0.value(at: row) } }
    }
  }
}

@Suite struct StorageScanTests {
  static let types: [LogicalType] = [.integer, .varchar, .bigint, .double, .date]

  static func scan(
    _ table: TestTable, columns: [Int], predicates: [(Int, Expression)] = [],
    filters: [RuntimeFilterUse] = []
  ) -> PhysicalPlan {
    .scan(
      ScanNode(
        facts: facts(columns.map { table.types[$0] }), table: 1, tableName: "t0",
        columns: columns.map { ColumnID($0) },
        predicates: predicates.map { ScanPredicate(column: ColumnID($0), condition: $1) },
        runtimeFilters: filters))
  }

  static func integer(_ value: Int, _ type: LogicalType) -> Expression {
    .constant(.integer(Int128(value)), type)
  }

  @Test("Every form of predicate passes the rows that row-by-row evaluation passes")
  func predicates() throws {
    let seed: UInt64 = 31
    var random = Random(seed)
    let table = TestTable.random(Self.types, rows: 9000, domain: 40, &random)
    let stored = try StoredTables([table])
    let number = Expression.column(0, .integer)
    let text = Expression.column(0, .varchar)
    let quotient = try FunctionRegistry.bind(
      "/", [Self.integer(100, .integer), number])
    let conditions: [(Int, Expression)] = [
      (0, .comparison(.less, number, Self.integer(10, .integer))),
      (0, .comparison(.greaterOrEqual, Self.integer(10, .integer), number)),
      (
        0,
        .and([
          .comparison(.greaterOrEqual, number, Self.integer(2, .integer)),
          .comparison(.lessOrEqual, number, Self.integer(9, .integer)),
        ])
      ),
      (0, .inSet(number, values: [.integer(1), .integer(4)], hasNull: false)),
      (0, .isNull(number, isNegated: false)), (1, .isNull(text, isNegated: true)),
      (
        0,
        .or([
          .isNull(number, isNegated: false), .comparison(.equal, number, Self.integer(3, .integer)),
        ])
      ),
      (1, .comparison(.equal, text, .constant(.string("k7"), .varchar))),
      (1, .comparison(.greater, text, .constant(.string("k2"), .varchar))),
      (0, .not(.comparison(.equal, number, Self.integer(3, .integer)))),
      (0, .isDistinct(number, Self.integer(3, .integer), isNegated: false)),
      (3, .comparison(.greater, .column(0, .double), .constant(.double(4), .double))),
      (
        0,
        .and([
          .comparison(.notEqual, number, Self.integer(0, .integer)),
          .comparison(.greater, quotient, Expression.constant(.integer(20), quotient.type)),
        ])
      ),
    ]
    for (index, (column, condition)) in conditions.enumerated() {
      let expected = try table.rows.filter { row in
        let vector = Vector.make(table.types[column], [row[column]])
        return try condition.filter(Batch(columns: [vector], rowCount: 1)).count == 1
      }
      let plan = Self.scan(table, columns: [0, 1, 2, 3, 4], predicates: [(column, condition)])
      for (threads, capacity) in [(1, 4096), (2, 4096), (1, 1000), (2, 7)] {
        let rows = try stored.run(plan, threads: threads, capacity: capacity)
        #expect(sorted(rows) == sorted(expected), "seed \(seed) condition \(index)")
      }
    }
  }

  @Test("Several predicates together, on columns given out and others, keep the table's order")
  func combined() throws {
    var random = Random(32)
    let table = TestTable.random(Self.types, rows: 9000, domain: 40, &random)
    let stored = try StoredTables([table])
    let plan = Self.scan(
      table, columns: [1, 0],
      predicates: [
        (0, .comparison(.less, .column(0, .integer), Self.integer(20, .integer))),
        (2, .comparison(.greater, .column(0, .bigint), Self.integer(5, .bigint))),
        (4, .comparison(.notEqual, .column(0, .date), Self.integer(8, .date))),
      ])
    let expected = table.rows.filter { row in
      (row[0].integer ?? 99) < 20 && (row[2].integer ?? 0) > 5
        && !row[4].isNull && row[4].integer != 8
    }.map { [$0[1], $0[0]] }
    for capacity in [4096, 300] { #expect(try stored.run(plan, capacity: capacity) == expected) }
  }

  @Test("Row groups that zone maps exclude are not read")
  func skipping() throws {
    let rows = (0..<10_000).map { [Value.integer(Int128($0))] }
    let table = TestTable(types: [.integer], rows: rows)
    let stored = try StoredTables([table])
    let plan = Self.scan(
      table, columns: [0],
      predicates: [(0, .comparison(.equal, .column(0, .integer), Self.integer(5000, .integer)))])
    let profile = QueryProfile()
    #expect(try stored.run(plan, profile: profile) == [[.integer(5000)]])
    #expect(profile.operators[0].rowGroupsRead == 1)
    #expect(profile.operators[0].rowGroupsSkipped == 4)
    #expect(profile.operators[0].byteCount > 0)
  }

  @Test("A scan without columns counts rows")
  func counting() throws {
    var random = Random(33)
    let table = TestTable.random([.integer], rows: 5000, domain: 10, nulls: 0, &random)
    let stored = try StoredTables([table])
    let count = try AggregateTests.call("count", [])
    for predicates in [
      [], [(0, Expression.comparison(.less, .column(0, .integer), Self.integer(0, .integer)))],
    ] {
      let plan = PhysicalPlan.aggregate(
        AggregateNode(
          facts: facts([.bigint]), input: Self.scan(table, columns: [], predicates: predicates),
          groups: [], aggregates: [count]))
      let expected = table.rows.filter { predicates.isEmpty || ($0[0].integer ?? 1) < 0 }.count
      #expect(try stored.run(plan, threads: 2) == [[.integer(Int128(expected))]])
    }
  }

  @Test("A star join filters the fact table while it is encoded and gives every matching row")
  func starJoin() throws {
    var random = Random(34)
    let fact = TestTable.random([.integer, .bigint, .integer], rows: 12_000, domain: 300, &random)
    for scale in [1, 1_000_003] {
      var dimension = TestTable(types: [.integer, .varchar], rows: [])
      for number in 0..<250 where number % 3 != 0 {
        dimension.rows.append(
          [.integer(Int128((number - 5) * scale)), .string("group \(number % 7)")])
      }
      var facts0 = fact
      for row in facts0.rows.indices {
        facts0.rows[row][0] =
          fact.rows[row][0].integer.map { .integer($0 * Int128(scale)) } ?? .null
      }
      let stored = try StoredTables([facts0, dimension])
      let probe = Self.scan(
        facts0, columns: [0, 1],
        predicates: [
          (2, .comparison(.less, .column(0, .integer), Self.integer(150, .integer)))
        ], filters: [RuntimeFilterUse(filter: 1, column: 0)])
      let build = PhysicalPlan.scan(
        ScanNode(
          facts: dimension.facts, table: 2, tableName: "t1", columns: [0, 1]))
      let join = PhysicalPlan.hashJoin(
        HashJoinNode(
          facts: facts([.bigint, .varchar]), kind: .inner, probe: probe, build: build,
          probeKeys: [.column(0, .integer)], buildKeys: [.column(0, .integer)], residual: nil,
          buildIsUnique: true, output: [1, 3], runtimeFilters: [1]))
      let names = Dictionary(uniqueKeysWithValues: dimension.rows.map { ($0[0], $0[1]) })
      var expected: [Row] = []
      for row in facts0.rows where (row[2].integer ?? 999) < 150 {
        if !row[0].isNull, let name = names[row[0]] { expected.append([row[1], name]) }
      }
      for threads in [1, 2] {
        #expect(sorted(try stored.run(join, threads: threads)) == sorted(expected))
      }
      let sum = PhysicalPlan.aggregate(
        AggregateNode(
          facts: facts([.varchar, .bigint, .hugeint]), input: join, groups: [.column(1, .varchar)],
          aggregates: [
            try AggregateTests.call("count", []),
            try AggregateTests.call("sum", [.column(0, .bigint)]),
          ]))
      var groups: [Value: (Int128, Int128?)] = [:]
      for row in expected {
        let old = groups[row[1]] ?? (0, nil)
        let value = row[0].integer
        groups[row[1]] = (old.0 + 1, value.map { (old.1 ?? 0) + $0 } ?? old.1)
      }
      let wanted = groups.map { [$0, .integer($1.0), $1.1.map { .integer($0) } ?? .null] as Row }
      #expect(sorted(try stored.run(sum, threads: 2)) == sorted(wanted))
    }
  }

  @Test(
    "Keys are given out when anybody but a join that its scan has done looks at them",
    arguments: [7, 4096])
  func finishedJoins(capacity: Int) throws {
    var random = Random(35)
    let fact = TestTable.random([.integer, .bigint, .integer], rows: 9000, domain: 200, &random)
    var dimension = TestTable(types: [.integer, .varchar], rows: [])
    for key in 0..<200 where key % 3 != 0 {
      dimension.rows.append([.integer(Int128(key - 20)), .string("group \(key % 7)")])
    }
    let stored = try StoredTables([fact, dimension])
    let keys = Set(dimension.rows.map { $0[0] })
    func probe(_ filters: [RuntimeFilterUse]) -> PhysicalPlan {
      Self.scan(fact, columns: [0, 1, 2], filters: filters)
    }
    func join(
      _ probe: PhysicalPlan, key: Int, filter: Int, kind: JoinKind, output: [Int]
    ) -> PhysicalPlan {
      let build = PhysicalPlan.scan(
        ScanNode(facts: facts([.integer]), table: 2, tableName: "t1", columns: [0]))
      let columns = probe.facts.columns
      return .hashJoin(
        HashJoinNode(
          facts: PlanFacts(columns: output.map { columns[$0] }, estimatedRows: 1), kind: kind,
          probe: probe, build: build, probeKeys: [.column(key, columns[key].type)],
          buildKeys: [.column(0, .integer)], residual: nil, buildIsUnique: true, output: output,
          runtimeFilters: [filter]))
    }
    let first = fact.rows.filter { keys.contains($0[0]) }
    let both = first.filter { keys.contains($0[2]) }
    let one = [RuntimeFilterUse(filter: 1, column: 0)]
    let two = one + [RuntimeFilterUse(filter: 2, column: 2)]
    for kind in [JoinKind.inner, .semi] {
      for threads in [1, 2] {
        func check(_ plan: PhysicalPlan, _ expected: [Row]) throws {
          let rows = try stored.run(plan, threads: threads, capacity: capacity)
          #expect(sorted(rows) == sorted(expected), "\(kind), \(threads) workers")
        }
        // Not given out; given out; wanted by a filter; wanted by another join.
        let dropped = join(probe(one), key: 0, filter: 1, kind: kind, output: [1, 2])
        try check(dropped, first.map { [$0[1], $0[2]] })
        try check(
          join(probe(one), key: 0, filter: 1, kind: kind, output: [0, 1]),
          first.map { [$0[0], $0[1]] })
        let above = PhysicalPlan.filter(
          FilterNode(
            facts: probe(one).facts, input: probe(one),
            condition: .comparison(.less, .column(0, .integer), Self.integer(50, .integer))))
        try check(
          join(above, key: 0, filter: 1, kind: kind, output: [1]),
          first.filter { ($0[0].integer ?? 99) < 50 }.map { [$0[1]] })
        let inner = join(probe(two), key: 0, filter: 1, kind: kind, output: [1, 2])
        try check(
          join(inner, key: 1, filter: 2, kind: kind, output: [0]), both.map { [$0[1]] })
        let same = one + [RuntimeFilterUse(filter: 2, column: 0)]
        let twice = join(probe(same), key: 0, filter: 1, kind: kind, output: [0, 1])
        try check(
          join(twice, key: 0, filter: 2, kind: kind, output: [1]), first.map { [$0[1]] })
      }
    }
  }
}
