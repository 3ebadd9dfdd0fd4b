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
