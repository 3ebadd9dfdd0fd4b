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

  // MARK: ALTER TABLE

  /// `d` (1) with a key, `f` (2) that refers to it.
  private func pair() throws -> CatalogState {
    var state = CatalogState()
    try state.apply(.createTable(table(1, "d")))
    try state.apply(.createTable(table(2, "f", references: 1)))
    return state
  }

  /// Applies a changed definition of a table.
  private func alter(
    _ state: inout CatalogState, _ id: TableID, _ change: (inout TableDefinition) -> Void
  ) throws {
    var table = try #require(state.table(id))
    change(&table)
    try state.apply(.alterTable(table))
  }

  @Test("A table gets another name, and its old one is free")
  func rename() throws {
    var state = try pair()
    try alter(&state, 1) { $0.name = "D2" }
    #expect(state.table(named: "d2")?.id == 1)
    #expect(state.table(named: "d") == nil)
    try alter(&state, 1) { $0.name = "d2" }
    try alter(&state, 2) { $0.name = "d" }
    #expect(throws: StoaError.self) { try alter(&state, 2) { $0.name = "D2" } }
    #expect(state.table(named: "d")?.id == 2)
  }

  @Test("Column ids are never given out again")
  func columnIDs() throws {
    var state = try pair()
    try alter(&state, 1) {
      $0.columns.append(ColumnDefinition(id: 2, name: "b", type: .date))
      $0.nextColumnID = 3
    }
    try alter(&state, 1) { $0.columns.removeLast() }
    #expect(throws: StoaError.self) {
      try alter(&state, 1) { $0.columns.append(ColumnDefinition(id: 2, name: "c", type: .date)) }
    }
    #expect(throws: StoaError.self) { try alter(&state, 1) { $0.nextColumnID = 2 } }
    #expect(throws: StoaError.self) { try alter(&state, 1) { $0.columns = [] } }
  }

  @Test("Keys that others refer to stay, with their types")
  func referencedKeys() throws {
    var state = try pair()
    #expect(throws: StoaError.self) { try alter(&state, 1) { $0.keys = [] } }
    #expect(throws: StoaError.self) { try alter(&state, 1) { $0.columns[0].type = .bigint } }
    #expect(throws: StoaError.self) { try alter(&state, 2) { $0.columns[0].type = .bigint } }
    #expect(throws: StoaError.self) {
      try alter(&state, 2) { $0.foreignKeys[0].referencedTable = 9 }
    }
    try alter(&state, 2) { $0.foreignKeys = [] }
    try alter(&state, 1) { $0.columns[0].type = .bigint }
    #expect(throws: StoaError.self) { try alter(&state, 1) { $0.columns[0].type = .integer } }
    #expect(throws: StoaError.self) { try alter(&state, 1) { $0.sortKey = [1] } }
  }

  @Test("Types widen only where stored values stay what they are")
  func widening() {
    let allowed: [(LogicalType, LogicalType)] = [
      (.tinyint, .smallint), (.integer, .hugeint), (.real, .double),
      (.decimal(precision: 9, scale: 2), .decimal(precision: 20, scale: 2)),
    ]
    let refused: [(LogicalType, LogicalType)] = [
      (.bigint, .integer), (.integer, .integer), (.integer, .double), (.date, .timestamp),
      (.integer, .varchar), (.double, .real),
      (.decimal(precision: 9, scale: 2), .decimal(precision: 20, scale: 3)),
      (.decimal(precision: 9, scale: 2), .decimal(precision: 8, scale: 2)),
      (.integer, .decimal(precision: 20, scale: 0)), (.boolean, .tinyint),
    ]
    for (old, new) in allowed { #expect(old.canWiden(to: new), "\(old) to \(new)") }
    for (old, new) in refused { #expect(!old.canWiden(to: new), "\(old) to \(new)") }
  }

  @Test("Views keep what they read, schemas what they hold; names are taken once in a schema")
  func objects() throws {
    func view(_ id: ObjectID, _ name: String, reads: [ObjectID], schema: SchemaID = 0)
      -> CatalogObject
    {
      .view(
        ViewDefinition(
          id: id, schema: schema, name: name, text: "SELECT 1", searchPath: ["main"],
          sources: ["a"], columns: ["a"], dependencies: reads))
    }
    var state = CatalogState()
    try state.apply(.createObject(.schema(SchemaDefinition(id: 1, name: "S"))))
    var inside = table(2, "t")
    inside.schema = 1
    try state.apply(.createTable(inside))
    try state.apply(.createTable(table(3, "t")))
    try state.apply(.createObject(view(4, "v", reads: [2])))
    try state.apply(.createObject(view(5, "w", reads: [4], schema: 1)))
    #expect(state.table(named: "T", in: 1)?.id == 2 && state.table(named: "t")?.id == 3)
    #expect(state.schema(named: "s") == 1 && state.schema(named: "MAIN") == 0)
    #expect(state.dependents(of: 2).map(\.name) == ["v"])
    var elsewhere = table(9, "x")
    elsewhere.schema = 8
    let refused: [CatalogEdit] = [
      .dropTable(2), .dropObject(4), .dropObject(1), .createObject(view(6, "T", reads: [])),
      .createObject(view(6, "x", reads: [77])), .alterObject(view(4, "v", reads: [5])),
      .createTable(elsewhere), .createTable(table(9, "V")),
      .createObject(.schema(SchemaDefinition(id: 9, name: "s"))), .dropObject(77),
      .alterObject(.schema(SchemaDefinition(id: 4, name: "v"))),
    ]
    for edit in refused {
      var copy = state
      #expect(throws: StoaError.self, "\(edit)") { try copy.apply(edit) }
    }
    var rebuilt = CatalogState()
    for edit in state.edits { try rebuilt.apply(edit) }
    #expect(rebuilt == state)
    for edit: CatalogEdit in [.dropObject(5), .dropObject(4), .dropTable(2), .dropObject(1)] {
      try state.apply(edit)
    }
    #expect(state.objects.isEmpty && state.schema(named: "s") == nil)
  }

  @Test("Constraints without a name have one all the same")
  func constraintNames() {
    var table = table(1, "t", references: 2)
    table.columns.append(ColumnDefinition(id: 2, name: "b", type: .date))
    table.keys.append(KeyDefinition(columns: [1, 2], isPrimary: false))
    table.keys.append(KeyDefinition(columns: [2], isPrimary: false, name: "t_check"))
    table.checks = [CheckDefinition(text: "b > 1"), CheckDefinition(text: "b > 2")]
    #expect(
      table.constraints.map(\.name) == [
        "t_pkey", "t_Key_b_key", "t_check", "t_Key_fkey", "t_check1", "t_check2",
      ])
    #expect(table.constraint(named: "T_CHECK2") == .check(1))
    #expect(table.constraint(named: "nope") == nil)
  }
}
