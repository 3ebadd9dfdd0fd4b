import Kernels
import SQL
import Testing
import Vectors

@testable import Executor

@Suite struct JoinTests {
  /// The rows a join must give, row by row.
  static func reference(
    _ kind: JoinKind, _ probe: TestTable, _ build: TestTable, keys: [Int],
    residual: ((Row, Row) -> Bool)? = nil
  ) -> [Row] {
    var rows: [Row] = []
    var matchedBuild = Set<Int>()
    let noProbe = Row(repeating: .null, count: probe.types.count)
    let noBuild = Row(repeating: .null, count: build.types.count)
    for left in probe.rows {
      var matches: [Row] = []
      for (index, right) in build.rows.enumerated() {
        let isMatch = keys.allSatisfy { !left[$0].isNull && left[$0] == right[$0] }
        if isMatch && residual?(left, right) ?? true {
          matches.append(right)
          matchedBuild.insert(index)
        }
      }
      switch kind {
      case .inner, .right: rows += matches.map { left + $0 }
      case .left, .full, .single:
        rows += matches.isEmpty ? [left + noBuild] : matches.map { left + $0 }
      case .semi: if !matches.isEmpty { rows.append(left) }
      case .anti: if matches.isEmpty { rows.append(left) }
      case .mark:
        let isUnknown =
          !build.rows.isEmpty
          && (keys.contains { left[$0].isNull }
            || build.rows.contains { row in keys.contains { row[$0].isNull } })
        rows.append(
          left + [matches.isEmpty ? (isUnknown ? .null : .boolean(false)) : .boolean(true)])
      }
    }
    if kind == .right || kind == .full {
      for (index, right) in build.rows.enumerated() where !matchedBuild.contains(index) {
        rows.append(noProbe + right)
      }
    }
    return rows
  }

  static func plan(
    _ kind: JoinKind, _ probe: TestTable, _ build: TestTable, keys: [Int],
    residual: Expression? = nil, filter: Int? = nil
  ) -> PhysicalPlan {
    let width = probe.types.count
    let buildColumns = build.types.indices.map { $0 + width }
    let output: [Int]
    var types = probe.types
    switch kind {
    case .inner, .left, .right, .full, .single:
      output = Array(0..<width) + buildColumns
      types += build.types
    case .semi, .anti: output = Array(0..<width)
    case .mark:
      output = Array(0..<width) + [width + build.types.count]
      types.append(.boolean)
    }
    let uses = filter.map { [RuntimeFilterUse(filter: $0, column: UInt32(keys[0]))] } ?? []
    var published = [Int?](repeating: nil, count: keys.count)
    published[0] = filter
    return .hashJoin(
      HashJoinNode(
        facts: facts(types), kind: kind, probe: probe.scan(0, filters: uses), build: build.scan(1),
        probeKeys: keys.map { .column($0, probe.types[$0]) },
        buildKeys: keys.map { .column($0, build.types[$0]) }, residual: residual,
        buildIsUnique: false, output: output, runtimeFilters: published))
  }

  @Test("Joins of every kind give what comparing all rows gives", arguments: JoinKind.allCases)
  func kinds(kind: JoinKind) throws {
    let seed: UInt64 = 11
    var random = Random(seed)
    let layouts: [([LogicalType], [Int])] = [
      ([.integer, .varchar], [0]), ([.bigint, .double], [0]), ([.varchar, .integer], [0]),
      ([.integer, .varchar, .smallint], [0, 1]), ([.double, .boolean], [0, 1]),
      ([.hugeint, .date], [0]),
    ]
    for (types, keys) in layouts {
      let probe = TestTable.random(types, rows: 150, domain: 25, &random)
      var build = TestTable.random(types, rows: 60, domain: 30, &random)
      if kind == .single {
        var seen = Set<Value>()
        build.rows = build.rows.filter { $0[keys[0]].isNull || seen.insert($0[keys[0]]).inserted }
      }
      try expectRows(
        Self.plan(kind, probe, build, keys: keys), [probe, build],
        Self.reference(kind, probe, build, keys: keys), "seed \(seed) \(kind) \(types)")
    }
  }

  @Test("A residual decides which pairs match", arguments: JoinKind.allCases)
  func residual(kind: JoinKind) throws {
    guard kind != .mark && kind != .single else { return }
    var random = Random(5)
    let types: [LogicalType] = [.integer, .integer]
    let probe = TestTable.random(types, rows: 120, domain: 10, &random)
    let build = TestTable.random(types, rows: 50, domain: 10, &random)
    let residual = Expression.comparison(.less, .column(1, .integer), .column(3, .integer))
    let expected = Self.reference(kind, probe, build, keys: [0]) { left, right in
      guard let a = left[1].integer, let b = right[1].integer else { return false }
      return a < b
    }
    try expectRows(
      Self.plan(kind, probe, build, keys: [0], residual: residual), [probe, build], expected,
      "\(kind)")
  }

  @Test(
    "Unique integer keys use a dense table and give the same rows", arguments: JoinKind.allCases)
  func dense(kind: JoinKind) throws {
    var random = Random(77)
    for type in [LogicalType.tinyint, .smallint, .integer, .bigint, .date] {
      let types: [LogicalType] = [type, .varchar, .integer]
      let probe = TestTable.random(types, rows: 200, domain: 60, &random)
      var build = TestTable(types: types, rows: [])
      for number in 0..<50 where number % 7 != 0 {
        let text: Value = number % 5 == 0 ? .null : .string("name \(number % 9)")
        build.rows.append([TestTable.value(type, number), text, .integer(Int128(number % 4))])
      }
      for filter in [nil, 3] where filter == nil || [.inner, .semi, .right].contains(kind) {
        try expectRows(
          Self.plan(kind, probe, build, keys: [0], filter: filter), [probe, build],
          Self.reference(kind, probe, build, keys: [0]), "\(kind) \(type) filter \(filter ?? -1)")
      }
    }
  }

  @Test("An empty build side matches nothing", arguments: JoinKind.allCases)
  func emptyBuild(kind: JoinKind) throws {
    var random = Random(3)
    let types: [LogicalType] = [.integer, .varchar]
    let probe = TestTable.random(types, rows: 20, domain: 9, &random)
    let build = TestTable(types: types, rows: [])
    try expectRows(
      Self.plan(kind, probe, build, keys: [0]), [probe, build],
      Self.reference(kind, probe, build, keys: [0]), "\(kind)")
    try expectRows(
      Self.plan(kind, build, probe, keys: [0]), [build, probe],
      Self.reference(kind, build, probe, keys: [0]), "\(kind) empty probe")
  }

  @Test("A second match of a scalar subquery is an error")
  func singleTwice() throws {
    let table = TestTable(types: [.integer], rows: [[.integer(1)], [.integer(1)]])
    let plan = Self.plan(.single, table, table, keys: [0])
    #expect(throws: StoaError.self) { try run(plan, [table, table], Configuration.all[0]) }
  }

  @Test("Nested loops give what comparing all rows gives", arguments: JoinKind.allCases)
  func nestedLoop(kind: JoinKind) throws {
    guard kind != .single else { return }
    var random = Random(21)
    let types: [LogicalType] = [.integer, .varchar]
    let probe = TestTable.random(types, rows: 40, domain: 10, &random)
    for nulls in [0, 10] {
      let build = TestTable.random(types, rows: 25, domain: 6, nulls: nulls, &random)
      let condition = Expression.comparison(.greater, .column(0, .integer), .column(2, .integer))
      var expected = Self.reference(kind, probe, build, keys: []) { left, right in
        guard let a = left[0].integer, let b = right[0].integer else { return false }
        return a > b
      }
      if kind == .mark {
        // A NULL on either side leaves unanswered what no TRUE has answered.
        let hasNull = build.rows.contains { $0[0].isNull }
        for row in expected.indices where expected[row][2] == .boolean(false) {
          if hasNull || expected[row][0].isNull { expected[row][2] = .null }
        }
      }
      let isNarrow = kind == .semi || kind == .anti
      let output = kind == .mark ? [0, 1, 4] : isNarrow ? [0, 1] : [0, 1, 2, 3]
      let outputTypes = kind == .mark ? types + [.boolean] : isNarrow ? types : types + types
      let plan = PhysicalPlan.nestedLoopJoin(
        NestedLoopJoinNode(
          facts: facts(outputTypes), kind: kind, probe: probe.scan(0), build: build.scan(1),
          condition: condition, output: output))
      try expectRows(plan, [probe, build], expected, "\(kind) nulls \(nulls)")
    }
  }

  @Test("A large build side is found whole, duplicates included")
  func largeBuild() throws {
    func series(_ count: Int, duplicated: Bool) -> PhysicalPlan {
      let input = OperatorTests.range(count)
      return duplicated
        ? .unionAll(UnionAllNode(facts: input.facts, inputs: [input, input])) : input
    }
    let key = Expression.column(0, .bigint)
    for kind in [JoinKind.inner, .left, .full, .semi, .anti] {
      let join = PhysicalPlan.hashJoin(
        HashJoinNode(
          facts: facts([.bigint]), kind: kind, probe: series(120_000, duplicated: false),
          build: series(100_000, duplicated: true), probeKeys: [key, key], buildKeys: [key, key],
          residual: nil, buildIsUnique: false, output: [0], runtimeFilters: [nil, nil]))
      let plan = PhysicalPlan.aggregate(
        AggregateNode(
          facts: facts([.bigint]), input: join, groups: [],
          aggregates: [try AggregateTests.call("count", [])]))
      let expected =
        switch kind {
        case .inner: 200_000
        case .left, .full: 220_000
        case .semi: 100_000
        default: 20_000
        }
      for configuration in Configuration.all where configuration.capacity > 3 {
        #expect(
          try run(plan, [], configuration) == [[.integer(Int128(expected))]],
          "\(kind) \(configuration)")
      }
    }
  }
}
