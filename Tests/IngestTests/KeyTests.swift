import Catalog
import Ingest
import Testing
import Vectors

@Suite struct KeyTests {
  private static let id = ("id", LogicalType.integer, isNullable: false)

  @Test("orphans are reported with values and lines, and nothing is committed")
  func orphans() throws {
    let warehouse = try TestWarehouse()
    let parent = try warehouse.create(
      "d", [KeyTests.id], keys: [KeyDefinition(columns: [1], isPrimary: true)])
    try warehouse.insert("d", (0..<1000).map { integers($0 * 3) })
    try warehouse.create(
      "f", [("n", .integer, true), ("d_id", .bigint, true)],
      foreignKeys: [
        ForeignKeyDefinition(columns: [2], referencedTable: parent, referencedColumns: [1])
      ])
    var lines = (0..<50_000).map { "\($0),\(($0 % 1000) * 3)" }
    lines[7] = "7,"
    let good = warehouse.write("good.csv", lines.joined(separator: "\n"))
    #expect(try warehouse.load([good], "f").rowCount == 50_000)
    lines[40_000] = "1,1000000"
    lines[10] = "1,4"
    let bad = warehouse.write("bad.csv", lines.joined(separator: "\n"))
    let error = try #require(failure { try warehouse.load([bad], "f") })
    #expect(error.kind == .constraint && error.line == 11 && error.path == bad)
    #expect(error.table == "f" && error.column == "d_id")
    #expect(
      error.message
        == "2 rows with a d_id that is not in \"d\": 4 in line 11, 1000000 in line 40001")
    #expect(try warehouse.rows("f").count == 50_000)
    let statement = try #require(
      failure { try warehouse.insert("f", [integers(1, 3), integers(2, 5)]) })
    #expect(statement.message == "1 row with a d_id that is not in \"d\": 5 in row 2")
    #expect(statement.line == nil)
  }

  @Test("many orphans end the load early")
  func manyOrphans() throws {
    let warehouse = try TestWarehouse()
    let parent = try warehouse.create(
      "d", [KeyTests.id], keys: [KeyDefinition(columns: [1], isPrimary: true)])
    try warehouse.create(
      "f", [("d_id", .integer, true)],
      foreignKeys: [
        ForeignKeyDefinition(columns: [1], referencedTable: parent, referencedColumns: [1])
      ])
    let path = warehouse.write("f.csv", (1...200_000).map(String.init).joined(separator: "\n"))
    let error = try #require(failure { try warehouse.load([path], "f") })
    #expect(
      error.message.hasPrefix("at least 1000 rows with a d_id that is not in \"d\": 1 in line 1,"))
  }

  @Test("duplicates within a load and against the table are reported with both lines")
  func duplicates() throws {
    for sortKey: [ColumnID] in [[], [1], [2]] {
      let warehouse = try TestWarehouse()
      try warehouse.create(
        "t", [KeyTests.id, ("v", .varchar, true)],
        keys: [KeyDefinition(columns: [1], isPrimary: true)], sortKey: sortKey)
      let path = warehouse.write("t.csv", "id,v\n5,a\n3,b\n5,c\n9,d\n3,e\n")
      let error = try #require(failure { try warehouse.load([path], "t") })
      #expect(error.kind == .constraint && error.line == 4)
      #expect(
        error.message
          == "2 duplicates of the primary key (id): 5 in line 4 and line 2, 3 in line 6 and line 3",
        "sorted by \(sortKey)")
      #expect(try warehouse.rows("t").isEmpty)
      try warehouse.load([warehouse.write("u.csv", "id,v\n5,a\n3,b\n")], "t")
      let again = try #require(
        failure { try warehouse.load([warehouse.write("x.csv", "id,v\n1,a\n2,b\n3,c\n")], "t") })
      #expect(
        again.message
          == "1 duplicate of the primary key (id): 3 in line 4 is in the table already")
      try warehouse.insert("t", [[.integer(4), .null]])
      #expect(try warehouse.rows("t").count == 3)
    }
  }

  @Test("keys of several columns, strings and decimals; NULLs are never equal")
  func compositeKeys() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create(
      "t", [("a", .varchar, true), ("b", .decimal(precision: 20, scale: 2), true)],
      keys: [KeyDefinition(columns: [1, 2], isPrimary: false)])
    try warehouse.insert(
      "t",
      [
        [.string("x"), .integer(100)], [.string("x"), .integer(101)], [.string("x"), .null],
        [.string("x"), .null], [.null, .null], [.null, .null],
      ])
    let error = try #require(
      failure {
        try warehouse.insert("t", [[.string("y"), .integer(1)], [.string("x"), .integer(101)]])
      })
    #expect(
      error.message
        == "1 duplicate of the unique key (a, b): ('x', 1.01) in row 2 is in the table already")
  }

  @Test("a table may refer to itself, also to rows of the same load")
  func selfReference() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create(
      "t", [KeyTests.id, ("parent", .integer, true)],
      keys: [KeyDefinition(columns: [1], isPrimary: true)],
      foreignKeys: [ForeignKeyDefinition(columns: [2], referencedTable: 1, referencedColumns: [1])])
    try warehouse.load([warehouse.write("1.csv", "id,parent\n1,2\n2,3\n3,\n")], "t")
    try warehouse.load([warehouse.write("2.csv", "id,parent\n4,1\n5,4\n")], "t")
    let error = try #require(
      failure { try warehouse.load([warehouse.write("3.csv", "id,parent\n6,7\n8,99\n7,1\n")], "t") }
    )
    #expect(error.message == "1 row with a parent that is not in \"t\": 99 in line 3")
    #expect(try warehouse.rows("t").count == 5)
  }

  @Test("a large load of a table that refers to itself looks its references up in its own segments")
  func largeSelfReference() throws {
    for sortKey: [ColumnID] in [[], [1], [2]] {
      let warehouse = try TestWarehouse()
      try warehouse.create(
        "t", [KeyTests.id, ("parent", .integer, true)],
        keys: [KeyDefinition(columns: [1], isPrimary: true)],
        foreignKeys: [
          ForeignKeyDefinition(columns: [2], referencedTable: 1, referencedColumns: [1])
        ], sortKey: sortKey)
      // Each refers to a later or an earlier row, the first to none.
      let count = 70_000
      var lines = (0..<count).map { "\($0),\($0 == 0 ? "" : String(($0 &* 31) % count))" }
      try warehouse.load([warehouse.write("1.csv", lines.joined(separator: "\n"))], "t")
      lines = (count..<count + 40_000).map { "\($0),\($0 % 7)" }
      lines[33] = "\(count + 33),999999"
      lines[20_000] = "\(count + 20_000),888888"
      let error = try #require(
        failure {
          try warehouse.load([warehouse.write("2.csv", lines.joined(separator: "\n"))], "t")
        })
      #expect(
        error.message
          == "2 rows with a parent that is not in \"t\": 999999 in line 34, 888888 in line 20001")
      lines[33] = "\(count + 33),\(count + 39_999)"
      lines[20_000] = "\(count + 20_000),"
      try warehouse.load([warehouse.write("2.csv", lines.joined(separator: "\n"))], "t")
      #expect(try warehouse.rows("t").count == count + 40_000)
    }
  }

  @Test("keys are checked when rows went through temporary files too")
  func spilledKeys() throws {
    for sortKey: [ColumnID] in [[], [1], [2]] {
      let warehouse = try TestWarehouse()
      try warehouse.create(
        "t", [KeyTests.id, ("v", .integer, true)],
        keys: [KeyDefinition(columns: [1], isPrimary: true)], sortKey: sortKey)
      var lines = (0..<100_000).map { "\(($0 &* 7919) % 100_003),\($0)" }
      var options = LoadOptions(threads: 2)
      options.sortByteLimit = 200_000
      let good = warehouse.write("good.csv", lines.joined(separator: "\n"))
      let summary = try warehouse.load([good], "t", options)
      #expect(summary.rowCount == 100_000 && summary.spilledRunCount > 1)
      let other = try TestWarehouse()
      try other.create(
        "t", [KeyTests.id, ("v", .integer, true)],
        keys: [KeyDefinition(columns: [1], isPrimary: true)], sortKey: sortKey)
      lines[99_990] = lines[5]
      let bad = other.write("bad.csv", lines.joined(separator: "\n"))
      let error = try #require(failure { try other.load([bad], "t", options) })
      #expect(error.line == 99_991)
      #expect(error.message.hasSuffix("in line 99991 and line 6"), "\(error)")
    }
  }

  @Test("NULL in a NOT NULL column and values that do not fit name column and table")
  func statements() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", [KeyTests.id, ("v", .tinyint, true)])
    let null = try #require(
      failure { try warehouse.insert("t", [integers(1, 1), [.null, .null]]) })
    #expect(null.kind == .constraint && null.column == "id" && null.table == "t")
    let transaction = try warehouse.store.beginWrite()
    let loader = try TableLoader(into: 1, transaction: transaction)
    let wide = Batch(
      columns: [
        Vector.make(.bigint, [1, 2] as [Int64]), Vector.make(.integer, [5, 300] as [Int32]),
      ],
      rowCount: 2)
    let error = try #require(failure { try loader.append(wide) })
    #expect(error.kind == .evaluation && error.column == "v")
    transaction.rollback()
  }
}
