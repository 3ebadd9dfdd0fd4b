import Kernels
import SQL
import Testing
import Vectors

@testable import Executor

@Suite struct OperatorTests {
  static func range(_ count: Int) -> PhysicalPlan {
    .tableFunction(
      TableFunctionNode(
        facts: facts([.bigint]), name: "range", arguments: [.integer(Int128(count))]))
  }

  @Test("Filter keeps the rows whose condition is TRUE, project computes in order")
  func filterAndProject() throws {
    var random = Random(2)
    let table = TestTable.random([.integer, .varchar], rows: 500, domain: 20, &random)
    let condition = Expression.comparison(
      .less, .column(0, .integer), .constant(.integer(4), .integer))
    let plan = PhysicalPlan.project(
      ProjectNode(
        facts: facts([.varchar, .integer]),
        input: .filter(
          FilterNode(facts: table.facts, input: table.scan(0), condition: condition)),
        expressions: [.column(1, .varchar), .column(0, .integer)]))
    let expected = table.rows.filter { ($0[0].integer ?? 100) < 4 }.map { [$0[1], $0[0]] }
    try expectRows(plan, [table], expected)
  }

  @Test("VALUES gives its rows in order")
  func values() throws {
    let rows: [[Expression]] = (0..<10).map {
      [.constant(.integer(Int128($0)), .integer), .constant(.string("x\($0)"), .varchar)]
    }
    let plan = PhysicalPlan.values(ValuesNode(facts: facts([.integer, .varchar]), rows: rows))
    let expected = (0..<10).map { [Value.integer(Int128($0)), .string("x\($0)")] }
    try expectRows(plan, [], expected, inOrder: true)
  }

  @Test(
    "LIMIT and OFFSET count rows over all workers", arguments: [(3, 0), (0, 0), (10, 95), (5, 200)])
  func limit(limit: Int, offset: Int) throws {
    let plan = PhysicalPlan.limit(
      LimitNode(facts: facts([.bigint]), input: Self.range(100), limit: limit, offset: offset))
    for configuration in Configuration.all {
      let rows = try run(plan, [], configuration)
      #expect(rows.count == max(0, min(limit, 100 - offset)))
    }
  }

  @Test("LIMIT stops an endless source early")
  func limitStops() throws {
    let plan = PhysicalPlan.limit(
      LimitNode(facts: facts([.bigint]), input: Self.range(1 << 50), limit: 10, offset: 5))
    for configuration in Configuration.all {
      #expect(try run(plan, [], configuration).count == 10)
    }
  }

  @Test("Sorting puts rows in order, NULLs where asked")
  func sort() throws {
    let seed: UInt64 = 6
    var random = Random(seed)
    for nullsFirst in [true, false] {
      for isDescending in [true, false] {
        let table = TestTable.random([.integer, .varchar], rows: 400, domain: 15, &random)
        let items = [
          SortItem(
            expression: .column(1, .varchar), isDescending: isDescending, nullsFirst: nullsFirst),
          SortItem(expression: .column(0, .integer), isDescending: false, nullsFirst: false),
        ]
        let expected = table.rows.sorted { left, right in
          if left[1] != right[1] {
            if left[1].isNull || right[1].isNull { return left[1].isNull == nullsFirst }
            return isDescending ? right[1] < left[1] : left[1] < right[1]
          }
          return left[0] < right[0]
        }
        let sort = PhysicalPlan.sort(
          SortNode(facts: table.facts, input: table.scan(0), items: items))
        try expectRows(sort, [table], expected, "seed \(seed)", inOrder: true)
        for (limit, offset) in [(5, 0), (7, 30), (0, 3), (1000, 390), (3, 1000)] {
          let top = PhysicalPlan.topN(
            TopNNode(
              facts: table.facts, input: table.scan(0), items: items, limit: limit, offset: offset))
          try expectRows(
            top, [table], Array(expected.dropFirst(offset).prefix(limit)), "top \(limit)",
            inOrder: true)
        }
      }
    }
  }

  @Test("UNION ALL gives all rows of all branches, outer joins among them")
  func unionAll() throws {
    var random = Random(9)
    let table = TestTable.random([.integer, .varchar], rows: 60, domain: 9, &random)
    let other = TestTable.random([.integer, .varchar], rows: 30, domain: 20, &random)
    let join = JoinTests.plan(.full, table, other, keys: [0])
    let first = PhysicalPlan.project(
      ProjectNode(
        facts: table.facts, input: join,
        expressions: [.column(0, .integer), .column(3, .varchar)]))
    let plan = PhysicalPlan.unionAll(
      UnionAllNode(facts: table.facts, inputs: [first, table.scan(0), other.scan(1)]))
    let joined = JoinTests.reference(.full, table, other, keys: [0]).map { [$0[0], $0[3]] }
    try expectRows(plan, [table, other], joined + table.rows + other.rows)
  }

  @Test("Shared rows are computed once and read by every reference")
  func materialize() throws {
    var random = Random(10)
    let table = TestTable.random([.integer, .varchar], rows: 50, domain: 9, &random)
    let reference = PhysicalPlan.reference(ReferenceNode(facts: table.facts, number: 7))
    let plan = PhysicalPlan.materialize(
      MaterializeNode(
        facts: table.facts, number: 7, shared: table.scan(0),
        input: .unionAll(UnionAllNode(facts: table.facts, inputs: [reference, reference]))))
    try expectRows(plan, [table], table.rows + table.rows)
  }

  @Test("A scalar subquery gives its row, NULLs for none, an error for two")
  func singleRow() throws {
    func plan(_ count: Int) -> PhysicalPlan {
      .singleRow(SingleRowNode(facts: facts([.bigint]), input: Self.range(count)))
    }
    try expectRows(plan(1), [], [[.integer(0)]])
    try expectRows(plan(0), [], [[.null]])
    #expect(throws: StoaError.self) { try run(plan(2), [], Configuration.all[0]) }
  }

  @Test("generate_series holds its end, range does not; steps may be negative")
  func series() throws {
    func rows(_ name: String, _ arguments: [Int]) throws -> [Int] {
      let plan = PhysicalPlan.tableFunction(
        TableFunctionNode(
          facts: facts([.bigint]), name: name, arguments: arguments.map { .integer(Int128($0)) }))
      return try run(plan, [], Configuration.all[0]).compactMap { $0[0].integer.map { Int($0) } }
    }
    #expect(try rows("range", [2, 9, 3]) == [2, 5, 8])
    #expect(try rows("generate_series", [2, 8, 3]) == [2, 5, 8])
    #expect(try rows("generate_series", [3, 0, -1]) == [3, 2, 1, 0])
    #expect(try rows("range", [0]) == [])
    #expect(throws: StoaError.self) { try rows("range", [0, 5, 0]) }
    #expect(throws: StoaError.self) { try rows("no_such_function", [1]) }
  }

  @Test("An error of one worker ends the query with that error")
  func errors() throws {
    let division = try FunctionRegistry.bind(
      "/", [.constant(.integer(1), .bigint), .column(0, .bigint)])
    let plan = PhysicalPlan.project(
      ProjectNode(
        facts: facts([division.type]),
        input: .project(
          ProjectNode(
            facts: facts([.bigint]), input: Self.range(200_000),
            expressions: [
              try FunctionRegistry.bind(
                "-", [.column(0, .bigint), .constant(.integer(150_000), .bigint)])
            ])), expressions: [division]))
    for configuration in Configuration.all where configuration.capacity > 3 {
      #expect {
        try run(plan, [], configuration)
      } throws: { ($0 as? StoaError)?.kind == .evaluation }
    }
  }

  @Test("Cancelling and time limits end a query soon")
  func cancellation() throws {
    for configuration in Configuration.all {
      let flag = CancellationFlag()
      flag.setTimeLimit(milliseconds: 20)
      let plan = PhysicalPlan.aggregate(
        AggregateNode(
          facts: facts([.bigint]), input: Self.range(1 << 50), groups: [],
          aggregates: [try AggregateTests.call("count", [])]))
      #expect {
        try run(plan, [], configuration, cancellation: flag)
      } throws: { ($0 as? StoaError)?.kind == .cancelled }
    }
  }

  @Test("A result dropped half-way stops its workers; a slow consumer loses nothing")
  func consumer() throws {
    for threads in [1, 2] {
      let context = ExecutionContext(
        settings: ExecutionSettings(threads: threads, batchCapacity: 100), pool: sharedPool
      ) { (_: ScanRequest, _: ExecutionContext) throws(StoaError) in BatchSource([]) }
      let stream = try QueryExecution.execute(plan: Self.range(100_000_000), context: context)
      #expect(try stream.next() != nil)
      stream.cancel()
      let whole = try QueryExecution.execute(plan: Self.range(100_000), context: context)
      var count = 0
      while let batch = try whole.next() { count += batch.rowCount }
      #expect(count == 100_000)
    }
  }

  @Test("A profile counts rows by operator in the order of EXPLAIN")
  func profile() throws {
    var random = Random(1)
    let table = TestTable.random([.integer, .varchar], rows: 100, domain: 9, nulls: 0, &random)
    let plan = PhysicalPlan.filter(
      FilterNode(
        facts: facts(table.types + table.types),
        input: JoinTests.plan(.inner, table, table, keys: [0]),
        condition: .constant(.boolean(true), .boolean)))
    let profile = QueryProfile()
    let rows = try run(plan, [table, table], Configuration.all[1], profile: profile)
    #expect(profile.operators.map(\.rowCount) == [rows.count, rows.count, 100, 100])
    #expect(profile.operators[1].strategy == "hash")
  }
}
