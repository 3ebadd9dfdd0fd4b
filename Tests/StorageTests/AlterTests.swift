import Catalog
import Testing
import Vectors

@testable import Storage

@Suite("Tables that change")
struct AlterTests {
  private func altered(
    _ name: String, _ transaction: WriteTransaction,
    _ change: (inout TableDefinition) -> Void
  ) throws {
    var table = try #require(transaction.catalog.table(named: name))
    change(&table)
    try transaction.apply(.alterTable(table))
  }

  @Test(
    "A column that was added has its initial value in rows of segments and memtables, whatever its DEFAULT"
  )
  func added() throws {
    let system = SimulatedFileSystem()
    let store = try Fixture.open(system)
    try Fixture.create("t", in: store)
    try Fixture.load(0..<5, into: "t", in: store)
    try Fixture.insert(5..<8, into: "t", in: store)
    let transaction = try store.beginWrite()
    try altered("t", transaction) { table in
      table.name = "u"
      table.columns.append(
        ColumnDefinition(
          id: table.nextColumnID, name: "x", type: .bigint, defaultValue: .integer(9),
          initialValue: .integer(4)))
      table.nextColumnID += 1
    }
    try transaction.commit()
    try store.checkpoint()
    let again = try Fixture.open(system.afterKill())
    let snapshot = try again.snapshot()
    let table = try #require(snapshot.catalog.table(named: "u"))
    let column = try #require(table.columns.last)
    let groups = try snapshot.contents(of: table.id).rowGroups()
    #expect(groups.map(\.rowCount).reduce(0, +) == 8 && groups.count >= 2)
    for group in groups {
      let vector = try group.chunk(column).decode(rows: 0..<group.rowCount)
      #expect((0..<group.rowCount).allSatisfy { vector.value(at: $0) == .integer(4) })
    }
    #expect(try snapshot.statistics(of: table.id).columns[column.id]?.maximum == .integer(4))
  }

  @Test("Of two transactions that alter a table, the first to commit wins")
  func conflict() throws {
    let store = try Fixture.open(SimulatedFileSystem())
    try Fixture.create("t", in: store)
    let first = try store.begin()
    let second = try store.begin()
    try altered("t", first) { $0.columns[1].name = "renamed" }
    try altered("t", second) { $0.checks = [CheckDefinition(text: "c0 > 0")] }
    try first.commit()
    do {
      try second.commit()
      Issue.record("both committed")
    } catch {
      #expect(error.kind == .busy, "\(error)")
    }
    let table = try #require(try store.snapshot().catalog.table(named: "t"))
    #expect(table.columns[1].name == "renamed" && table.checks.isEmpty)
  }
}
