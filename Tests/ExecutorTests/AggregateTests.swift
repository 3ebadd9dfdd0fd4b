import Kernels
import SQL
import Testing
import Vectors

@testable import Executor

@Suite struct AggregateTests {
  static func call(
    _ name: String, _ arguments: [Expression], isDistinct: Bool = false, filter: Expression? = nil
  ) throws -> AggregateCall {
    let function = try #require(AggregateRegistry.find(name))
    return AggregateCall(
      function: try function.resolve(argumentTypes: arguments.map(\.type)), arguments: arguments,
      isDistinct: isDistinct, filter: filter)
  }

  /// count(*), count(last), sum(last), count(distinct last), count(*) filter (last > 3) by the other columns.
  static func plan(_ table: TestTable, groups: [Int], distinct: Bool) throws -> PhysicalPlan {
    let last = Expression.column(table.types.count - 1, .integer)
    var calls = [
      try call("count", []), try call("count", [last]), try call("sum", [last]),
      try call(
        "count", [],
        filter: .comparison(.greater, last, .constant(.integer(3), .integer))),
    ]
    if distinct { calls.append(try call("count", [last], isDistinct: true)) }
    return .aggregate(
      AggregateNode(
        facts: facts(groups.map { table.types[$0] } + calls.map(\.function.resultType)),
        input: table.scan(0), groups: groups.map { .column($0, table.types[$0]) },
        aggregates: calls))
  }

  static func reference(_ table: TestTable, groups: [Int], distinct: Bool) -> [Row] {
    var byKey: [Row: [Row]] = [:]
    for row in table.rows { byKey[groups.map { row[$0] }, default: []].append(row) }
    if groups.isEmpty && byKey.isEmpty { byKey[[]] = [] }
    let last = table.types.count - 1
    return byKey.map { key, rows in
      let values = rows.compactMap { $0[last].integer }
      var result: Row = [
        .integer(Int128(rows.count)), .integer(Int128(values.count)),
        values.isEmpty ? .null : .integer(values.reduce(0, +)),
        .integer(Int128(values.filter { $0 > 3 }.count)),
      ]
      if distinct { result.append(.integer(Int128(Set(values).count))) }
      return key + result
    }
  }

  @Test("Groups by every key type and form agree with a dictionary of rows")
  func groups() throws {
    let seed: UInt64 = 8
    var random = Random(seed)
    let layouts: [([LogicalType], [Int])] = [
      ([.integer], []), ([.varchar, .integer], [0]), ([.smallint, .integer], [0]),
      ([.varchar, .boolean, .integer], [0, 1]), ([.double, .integer], [0]),
      ([.hugeint, .date, .integer], [0, 1]), ([.bigint, .varchar, .tinyint, .integer], [0, 1, 2]),
    ]
    for (types, groups) in layouts {
      for distinct in [false, true] {
        for rows in [0, 1, 400] {
          let table = TestTable.random(types, rows: rows, domain: 12, &random)
          try expectRows(
            Self.plan(table, groups: groups, distinct: distinct), [table],
            Self.reference(table, groups: groups, distinct: distinct),
            "seed \(seed) \(types) rows \(rows) distinct \(distinct)")
        }
      }
    }
  }

  @Test("A key whose range grows past the array goes on in a hash table")
  func growingKeys() throws {
    var rows: [Row] = []
    for number in 0..<3000 {
      let key = number < 1000 ? number % 10 : number < 2000 ? -number : number * 1_000_003
      rows.append([.integer(Int128(key)), .integer(Int128(number % 7))])
    }
    let table = TestTable(types: [.bigint, .integer], rows: rows)
    try expectRows(
      Self.plan(table, groups: [0], distinct: false), [table],
      Self.reference(table, groups: [0], distinct: false))
  }

  @Test("DISTINCT is grouping without aggregates")
  func distinctRows() throws {
    var random = Random(4)
    let table = TestTable.random([.varchar, .integer], rows: 300, domain: 6, &random)
    let plan = PhysicalPlan.aggregate(
      AggregateNode(
        facts: table.facts, input: table.scan(0),
        groups: [.column(0, .varchar), .column(1, .integer)], aggregates: []))
    try expectRows(plan, [table], Array(Set(table.rows)))
  }

  @Test("Many groups are merged by partition")
  func manyGroups() throws {
    let input = PhysicalPlan.tableFunction(
      TableFunctionNode(facts: facts([.bigint]), name: "range", arguments: [.integer(300_000)]))
    let plan = PhysicalPlan.aggregate(
      AggregateNode(
        facts: facts([.bigint, .bigint]), input: input, groups: [.column(0, .bigint)],
        aggregates: [try Self.call("count", [])]))
    let count = PhysicalPlan.aggregate(
      AggregateNode(
        facts: facts([.bigint, .hugeint]), input: plan, groups: [],
        aggregates: [
          try Self.call("count", []), try Self.call("sum", [.column(1, .bigint)]),
        ]))
    for threads in [1, 2] {
      let rows = try run(count, [], Configuration(threads: threads, capacity: 4096))
      #expect(rows == [[.integer(300_000), .integer(300_000)]])
    }
  }
}
