import Catalog
import Ingest
import Storage
import TestSupport
import Testing
import Vectors

/// Decisions about keys with key runs, in memtables, segments, or both.
@Suite struct KeyRunCheckTests {
  /// t(id BIGINT PRIMARY KEY, u VARCHAR UNIQUE, a INTEGER, b DOUBLE, UNIQUE (a, b)) sorted by nothing or by `a`.
  private static func table(_ warehouse: TestWarehouse, sortKey: [ColumnID]) throws {
    try warehouse.create(
      "t",
      [
        ("id", .bigint, isNullable: false), ("u", .varchar, true), ("a", .integer, true),
        ("b", .double, true),
      ],
      keys: [
        KeyDefinition(columns: [1], isPrimary: true), KeyDefinition(columns: [2], isPrimary: false),
        KeyDefinition(columns: [3, 4], isPrimary: false),
      ], sortKey: sortKey)
  }

  private static func row(_ id: Int, _ random: inout SplitMix64) -> [Value] {
    let text: Value = random.next() % 4 == 0 ? .null : .string("text number \(random.next() % 900)")
    let a: Value = random.next() % 9 == 0 ? .null : .integer(Int128(random.next() % 30))
    let b = Double(Int(random.next() % 40)) / 4 - 3
    return [.integer(Int128(id)), text, a, .double(b == 0 && random.next() % 2 == 0 ? -0.0 : b)]
  }

  /// What the table must be: rows by id.
  private struct Model {
    var rows: [Int: [Value]] = [:]

    private static func keys(_ row: [Value]) -> [String] {
      var keys = ["id \(row[0])"]
      if case .string(let text) = row[1] { keys.append("u \(text)") }
      if case .integer(let a) = row[2], case .double(let b) = row[3] {
        keys.append("ab \(a) \(b + 0)")
      }
      return keys
    }

    func mayAdd(_ added: [[Value]]) -> Bool {
      var seen = Set(rows.values.flatMap { Model.keys($0) })
      for key in added.flatMap({ Model.keys($0) }) where !seen.insert(key).inserted { return false }
      return true
    }

    mutating func add(_ added: [[Value]]) {
      for row in added { if case .integer(let id) = row[0] { rows[Int(id)] = row } }
    }
  }

  /// Zeros are equal whatever their sign.
  private static func text(_ row: [Value]) -> String {
    "\(row.map { value -> Value in if case .double(let b) = value { .double(b + 0) } else { value } })"
  }

  /// Deletes rows by id in a transaction.
  private static func delete(_ ids: Set<Int>, _ transaction: WriteTransaction) throws {
    let contents = transaction.view.contents(of: 1)
    let column = ColumnDefinition(id: 1, name: "id", type: .bigint, isNullable: false)
    var gone: [SegmentID: [Int]] = [:]
    for source in 0..<contents.sourceCount {
      for group in try contents.rowGroups(ofSource: source) {
        let values = try group.chunk(column).decode(rows: 0..<group.rowCount)
        for row in 0..<group.rowCount where group.deleted?.contains(row) != true {
          guard case .integer(let id) = values.value(at: row), ids.contains(Int(id)) else {
            continue
          }
          gone[contents.id(ofSource: source), default: []]
            .append(Int(group.firstRow & 0xFFFF_FFFF) + row)
        }
      }
    }
    try transaction.delete(gone.mapValues { DeleteVector(positions: $0) }, from: 1)
  }

  private static func insert(_ rows: [[Value]], _ transaction: WriteTransaction, large: Bool) throws
  {
    var options = LoadOptions(threads: 2)
    // Rows that were spilled become segments, however few they are.
    if large { options.sortByteLimit = 1 }
    let loader = try TableLoader(into: 1, transaction: transaction, options: options)
    let types: [LogicalType] = [.bigint, .varchar, .integer, .double]
    for start in stride(from: 0, to: rows.count, by: 50) {
      let part = rows[start..<min(rows.count, start + 50)]
      try loader.append(
        Batch(
          columns: types.enumerated().map { index, type in
            Vector.make(type, part.map { $0[index] })
          }, rowCount: part.count))
    }
    _ = try loader.finish()
  }

  @Test(
    "Loads are accepted and refused as a dictionary says, over deletes, flushes and compactions",
    arguments: [[], [3], [3, 1]] as [[ColumnID]])
  func model(sortKey: [ColumnID]) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("key model seed \(seed)")
    var random = SplitMix64(seed: seed)
    let warehouse = try TestWarehouse()
    try KeyRunCheckTests.table(warehouse, sortKey: sortKey)
    var model = Model()
    var refused = 0
    for round in 0..<90 {
      let transaction = try warehouse.store.beginWrite()
      var next = model
      if random.next() % 3 == 0, !next.rows.isEmpty {
        let ids = Set(
          (0..<(1 + random.next() % 9)).compactMap { _ in
            next.rows.keys.sorted().randomElement(using: &random)
          })
        try KeyRunCheckTests.delete(ids, transaction)
        for id in ids { next.rows[id] = nil }
        if random.next() % 2 == 0 {
          // Some of them come back, in the same transaction.
          let back = ids.prefix(3).compactMap { model.rows[$0] }
          try KeyRunCheckTests.insert(back, transaction, large: random.next() % 2 == 0)
          next.add(back)
        }
      }
      let count = 1 + Int(random.next() % 12)
      let rows = (0..<count).map { _ in
        KeyRunCheckTests.row(Int(random.next() % 4000) - 2000, &random)
      }
      let isAccepted = next.mayAdd(rows)
      do {
        try KeyRunCheckTests.insert(rows, transaction, large: random.next() % 2 == 0)
        try transaction.commit()
        #expect(isAccepted, "round \(round): a duplicate was accepted")
        next.add(rows)
        model = next
      } catch let error as StoaError {
        #expect(!isAccepted && error.kind == .constraint, "round \(round): \(error)")
        transaction.rollback()
        refused += 1
      }
      if random.next() % 20 == 0 { try warehouse.store.compact(table: 1) }
    }
    #expect(refused > 5)
    let found = try warehouse.rows("t").map { KeyRunCheckTests.text($0) }.sorted()
    #expect(found == model.rows.values.map { KeyRunCheckTests.text($0) }.sorted())
    let report = try StoreVerifier.run(try warehouse.store.snapshot(), isDeep: true)
    #expect(!report.hasErrors, "\(report.findings)")
  }

  @Test(
    "A large load names the lines of duplicates among millions of bits of hash, and of the table")
  func largeLoads() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create(
      "t", [("id", .varchar, isNullable: false), ("v", .integer, true)],
      keys: [KeyDefinition(columns: [1], isPrimary: true)], sortKey: [2])
    var lines = (0..<150_000).map { "key number \(($0 &* 7919) % 150_001),\($0 * 31 % 1009)" }
    try warehouse.load([warehouse.write("a.csv", lines.joined(separator: "\n"))], "t")
    #expect(try warehouse.rows("t").count == 150_000)
    let again = (0..<30_000).map { "other \($0),\($0 % 7)" } + [lines[77]]
    let inTable = try #require(
      failure {
        try warehouse.load([warehouse.write("b.csv", again.joined(separator: "\n"))], "t")
      })
    #expect(
      inTable.message
        == "1 duplicate of the primary key (id): 'key number \((77 * 7919) % 150_001)' in line 30001"
        + " is in the table already")
    lines = lines.map { "x" + $0 }
    lines[149_000] = lines[3]
    lines[149_500] = lines[3]
    lines[100_000] = lines[99_999]
    let within = try #require(
      failure {
        try warehouse.load([warehouse.write("c.csv", lines.joined(separator: "\n"))], "t")
      })
    #expect(within.line == 100_001)
    #expect(within.message.hasPrefix("3 duplicates of the primary key (id): "))
    #expect(within.message.contains("line 100001 and line 100000"))
    #expect(within.message.contains("line 149001 and line 4"))
    #expect(within.message.contains("line 149501 and line 4"))
    #expect(try warehouse.rows("t").count == 150_000)
  }

  @Test("A key that was added later is found in segments without its run")
  func addedKey() throws {
    let warehouse = try TestWarehouse()
    try warehouse.create("t", [("a", .integer, isNullable: false), ("b", .integer, true)])
    try warehouse.load(
      [
        warehouse.write(
          "a.csv", (0..<40_000).map { "\($0 * 7919 % 40_009),\($0)" }.joined(separator: "\n"))
      ], "t")
    let transaction = try warehouse.store.beginWrite()
    var table = try #require(transaction.catalog.table(named: "t"))
    table.keys = [KeyDefinition(columns: [1], isPrimary: false)]
    try transaction.apply(.alterTable(table))
    try transaction.commit()
    let small = try #require(
      failure { try warehouse.insert("t", [integers(40_500, 1), integers(7919, 2)]) })
    #expect(
      small.message == "1 duplicate of the unique key (a): 7919 in row 2 is in the table already")
    let lines = (50_000..<90_000).map { "\($0),1" } + ["7919,1"]
    let large = try #require(
      failure { try warehouse.load([warehouse.write("b.csv", lines.joined(separator: "\n"))], "t") }
    )
    #expect(
      large.message
        == "1 duplicate of the unique key (a): 7919 in line 40001 is in the table already"
    )
    try warehouse.store.compact(table: 1)
    let readers = try warehouse.store.snapshot().readers(of: 1)
    #expect(readers.allSatisfy { $0.keyRun(of: [1]) != nil } || readers.count == 1)
    #expect(failure { try warehouse.insert("t", [integers(7919, 2)]) } != nil)
    try warehouse.insert("t", [integers(40_500, 1)])
  }

  @Test("References are found in runs, memtables and sorted tables, few and many")
  func references() throws {
    for sortKey: [ColumnID] in [[], [1], [2]] {
      let warehouse = try TestWarehouse()
      let parent = try warehouse.create(
        "d", [("id", .integer, isNullable: false), ("v", .integer, true)],
        keys: [KeyDefinition(columns: [1], isPrimary: true)], sortKey: sortKey)
      try warehouse.create(
        "f", [("d_id", .bigint, true), ("n", .integer, true)],
        foreignKeys: [
          ForeignKeyDefinition(columns: [1], referencedTable: parent, referencedColumns: [1])
        ])
      // Far apart, so that no bitmap holds them.
      let ids = (0..<40_000).map { $0 * 50_021 % 2_000_000_011 }
      try warehouse.load(
        [
          warehouse.write(
            "d.csv", ids.enumerated().map { "\($1),\($0 % 11)" }.joined(separator: "\n"))
        ], "d")
      try warehouse.insert("d", [integers(-5, 1), integers(-6, 1)])
      try warehouse.insert("f", [integers(-5, 1), integers(ids[39_999], 2), [.null, .null]])
      let few = try #require(
        failure { try warehouse.insert("f", [integers(ids[3], 1), integers(ids[3] + 1, 1)]) })
      #expect(few.message == "1 row with a d_id that is not in \"d\": \(ids[3] + 1) in row 2")
      var lines = (0..<50_000).map { "\(ids[$0 % 40_000]),\($0)" }
      try warehouse.load([warehouse.write("f.csv", lines.joined(separator: "\n"))], "f")
      lines[44_444] = "17,1"
      let many = try #require(
        failure {
          try warehouse.load([warehouse.write("g.csv", lines.joined(separator: "\n"))], "f")
        })
      #expect(many.message == "1 row with a d_id that is not in \"d\": 17 in line 44445")
    }
  }
}
