import Catalog
import Kernels
import SQL
import Storage
import Testing
import Vectors

@testable import Executor

/// Columns with few values beside wide random ones, so that bitmap indexes are worth their bytes.
@Suite struct BitmapSelectionTests {
  private static let types: [LogicalType] = [.varchar, .varchar, .hugeint, .hugeint, .hugeint]
  private static let names = ["open", "paid", "sent to a customer far away", "lost", "back"]

  /// `state` comes in long stretches and is sometimes NULL, `mark` is rare and everywhere.
  private static func table() -> TestTable {
    var random = Random(99)
    let rows = (0..<12_000).map { row -> Row in
      let state: Value = row % 97 == 0 ? .null : .string(names[row / 3000])
      let mark: Value = row % 41 == 0 ? .string("x") : row % 43 == 0 ? .null : .string("-")
      let wide = (0..<3).map { _ in
        Value.integer(Int128(random.next()) << 60 ^ Int128(random.next()))
      }
      return [state, mark] + wide
    }
    return TestTable(types: types, rows: rows)
  }

  @Test("Filters that bitmap indexes decide, alone and together, pass the rows they should")
  func rows() throws {
    let table = Self.table()
    let stored = try StoredTables([table])
    let definition = try #require(stored.snapshot.catalog.table(1))
    for reader in try stored.snapshot.readers(of: 1) {
      for column in 0..<2 {
        #expect(try reader.bitmapIndex(of: definition.columns[column]) != nil)
      }
    }
    func text(_ value: String) -> Expression { .constant(.string(value), .varchar) }
    let column = Expression.column(0, .varchar)
    let cases: [(state: Expression?, mark: Expression?)] = [
      (.comparison(.equal, column, text("paid")), nil),
      (nil, .comparison(.equal, column, text("x"))),
      (.comparison(.equal, column, text("paid")), .comparison(.equal, column, text("x"))),
      (
        .inSet(column, values: [.string("lost"), .string("nowhere")], hasNull: false),
        .comparison(.notEqual, column, text("-"))
      ),
      (.isNull(column, isNegated: false), .comparison(.equal, column, text("x"))),
      (.comparison(.greater, column, text("paid")), .isNull(column, isNegated: true)),
      (.comparison(.equal, column, text("back")), nil),
    ]
    for (state, mark) in cases {
      let conditions = [state, mark].enumerated().compactMap { index, condition in
        condition.map { (index, $0) }
      }
      let plan = StorageScanTests.scan(table, columns: [2, 1, 0], predicates: conditions)
      let expected = try table.rows.filter { row in
        for (index, condition) in conditions {
          let batch = Batch(columns: [.make(.varchar, [row[index]])], rowCount: 1)
          guard try condition.evaluate(batch).value(at: 0) == .boolean(true) else { return false }
        }
        return true
      }
      let profile = QueryProfile()
      let found = try stored.run(plan, profile: profile)
      #expect(found == expected.map { [$0[2], $0[1], $0[0]] }, "\(conditions)")
      let groups = profile.operators[0].rowGroupsRead + profile.operators[0].rowGroupsSkipped
      #expect(groups == 6)
      if case .comparison(.equal, _, .constant(.string("paid"), _))? = state {
        #expect(
          profile.operators[0].rowGroupsSkipped > 0, "stretches without the value are skipped")
      }
    }
  }

  /// A small number, a date and a flag, each of few values, and the same filters on them.
  private static func numbers() -> TestTable {
    var random = Random(98)
    let rows = (0..<12_000).map { row -> Row in
      let number: Value =
        row % 53 == 0 ? .null : .integer(row % 29 == 0 ? Int128(row / 29 % 7) * 10 - 20 : 500)
      let date: Value = .integer(row % 37 == 0 ? 8000 + Int128(row % 5) : 9000)
      let flag: Value = row % 61 == 0 ? .null : .boolean(row % 23 == 0)
      let wide = (0..<4).map { _ in
        Value.integer(Int128(random.next()) << 60 ^ Int128(random.next()))
      }
      return [number, date, flag] + wide
    }
    return TestTable(
      types: [.bigint, .date, .boolean, .hugeint, .hugeint, .hugeint, .hugeint], rows: rows)
  }

  @Test("Indexes of numbers, dates and flags decide comparisons, ranges, lists and NULL tests")
  func numberRows() throws {
    let table = Self.numbers()
    let stored = try StoredTables([table])
    let definition = try #require(stored.snapshot.catalog.table(1))
    for reader in try stored.snapshot.readers(of: 1) {
      for column in 0..<3 {
        #expect(try reader.bitmapIndex(of: definition.columns[column]) != nil, "\(column)")
      }
    }
    func number(_ value: Int128, _ type: LogicalType = .bigint) -> Expression {
      .constant(.integer(value), type)
    }
    let column = Expression.column(0, .bigint)
    let date = Expression.column(0, .date)
    let conditions: [(Int, Expression)] = [
      (0, .comparison(.equal, column, number(10))), (0, .comparison(.notEqual, column, number(10))),
      (0, .comparison(.less, column, number(500))),
      (
        0,
        .and([
          .comparison(.greaterOrEqual, column, number(-20)),
          .comparison(.lessOrEqual, column, number(5)),
        ])
      ),
      (0, .inSet(column, values: [.integer(30), .integer(31), .integer(-10)], hasNull: false)),
      (0, .isNull(column, isNegated: false)), (0, .isNull(column, isNegated: true)),
      (1, .comparison(.less, date, number(8003, .date))),
      (1, .comparison(.greater, date, number(9000, .date))),
      (2, .column(0, .boolean)), (2, .not(.column(0, .boolean))),
      (2, .isNull(.column(0, .boolean), isNegated: false)),
    ]
    func passes(_ row: Row, _ condition: (Int, Expression)) throws -> Bool {
      let batch = Batch(
        columns: [.make(table.types[condition.0], [row[condition.0]])], rowCount: 1)
      return try condition.1.evaluate(batch).value(at: 0) == .boolean(true)
    }
    var passing: [[Bool]] = []
    for condition in conditions {
      var flags: [Bool] = []
      for row in table.rows { flags.append(try passes(row, condition)) }
      passing.append(flags)
    }
    for first in conditions.indices {
      for second in first..<conditions.count {
        let both = first == second ? [conditions[first]] : [conditions[first], conditions[second]]
        let plan = StorageScanTests.scan(table, columns: [3, 0, 1, 2], predicates: both)
        let expected = table.rows.indices
          .filter { passing[first][$0] && passing[second][$0] }
          .map { [table.rows[$0][3]] + table.rows[$0][0..<3] }
        let profile = QueryProfile()
        #expect(try stored.run(plan, profile: profile) == expected, "\(both)")
        if expected.isEmpty { #expect(profile.operators[0].byteCount == 0, "\(both)") }
      }
    }
  }

  @Test("A join's keys are looked up in the index of the column they filter")
  func runtimeFilters() throws {
    let table = Self.numbers()
    for keys in [[-20, 10, 11], [-20, -10, 0, 10, 20, 30, 40], [30, 1 << 40], [77]] as [[Int128]] {
      let dimension = TestTable(types: [.bigint], rows: keys.map { [.integer($0)] })
      let stored = try StoredTables([table, dimension])
      let probe = StorageScanTests.scan(
        table, columns: [0, 3],
        predicates: [(2, .column(0, .boolean))], filters: [RuntimeFilterUse(filter: 1, column: 0)])
      let build = PhysicalPlan.scan(
        ScanNode(facts: dimension.facts, table: 2, tableName: "t1", columns: [0]))
      let join = PhysicalPlan.hashJoin(
        HashJoinNode(
          facts: facts([.hugeint]), kind: .inner, probe: probe, build: build,
          probeKeys: [.column(0, .bigint)],
          buildKeys: [.column(0, .bigint)], residual: nil, buildIsUnique: true, output: [1],
          runtimeFilters: [1]))
      let expected = table.rows.filter {
        $0[2] == .boolean(true) && keys.contains($0[0].integer ?? 77_777)
      }
      let profile = QueryProfile()
      #expect(try stored.run(join, profile: profile) == expected.map { [$0[3]] })
      var groupBytes = 0
      for reader in try stored.snapshot.readers(of: 1) {
        for group in 0..<reader.rowGroupCount {
          for column in [0, 3] {
            groupBytes += reader.byteCount(rowGroup: group, column: ColumnID(column))
          }
        }
      }
      // The flag is decided by its index alone; the key column is read for the rows that are left.
      let read = profile.operators.reduce(0) { $0 + $1.byteCount }
      #expect(read <= groupBytes + 4096, "\(keys)")
    }
  }

  @Test("A filter that an index decides does not read its column")
  func bytes() throws {
    let table = Self.table()
    let stored = try StoredTables([table])
    var expected = 0
    for reader in try stored.snapshot.readers(of: 1) {
      for group in 0..<reader.rowGroupCount {
        expected += reader.byteCount(rowGroup: group, column: 2)
      }
    }
    let plan = StorageScanTests.scan(
      table, columns: [2],
      predicates: [
        (1, .comparison(.equal, .column(0, .varchar), .constant(.string("x"), .varchar)))
      ])
    let profile = QueryProfile()
    #expect(
      try stored.run(plan, profile: profile).count == table.rows.count { $0[1] == .string("x") })
    #expect(profile.operators[0].byteCount == expected)
  }
}
