import Testing
import Vectors

@testable import Catalog

@Suite struct CatalogStateTests {
  private func table(_ id: TableID, _ name: String, references: TableID? = nil) -> TableDefinition {
    TableDefinition(
      id: id, name: name, columns: [ColumnDefinition(id: 1, name: "Key", type: .integer)],
      keys: [KeyDefinition(columns: [1], isPrimary: true)],
      foreignKeys: references.map {
        [ForeignKeyDefinition(columns: [1], referencedTable: $0, referencedColumns: [1])]
      } ?? [])
  }

  @Test("Names match case-insensitively and keep their case")
  func names() throws {
    var state = CatalogState()
    try state.apply(.createTable(table(1, "Straße Été")))
    #expect(state.table(named: "straße été")?.name == "Straße Été")
    #expect(state.table(named: "STRASSE") == nil)
    #expect(state.table(1)?.index(ofColumnNamed: "KEY") == 0)
    #expect(throws: StoaError.self) { try state.apply(.createTable(self.table(2, "STRAßE été"))) }
  }

  @Test("A referenced table cannot be dropped before the one that refers to it")
  func references() throws {
    var state = CatalogState()
    try state.apply(.createTable(table(1, "d")))
    try state.apply(.createTable(table(2, "f", references: 1)))
    #expect(throws: StoaError.self) { try state.apply(.dropTable(1)) }
    try state.apply(.dropTable(2))
    try state.apply(.dropTable(1))
    #expect(state.sortedTables.isEmpty)
    #expect(state.nextTableID == 3)
  }

  @Test("A checkpoint with clashing names or ids is refused")
  func forgedStates() {
    #expect(CatalogState(tables: [table(1, "a"), table(2, "A")], nextTableID: 3) == nil)
    #expect(CatalogState(tables: [table(1, "a"), table(1, "b")], nextTableID: 3) == nil)
    #expect(CatalogState(tables: [table(5, "a")], nextTableID: 5) == nil)
    #expect(CatalogState(tables: [table(4, "a")], nextTableID: 5) != nil)
  }
}
