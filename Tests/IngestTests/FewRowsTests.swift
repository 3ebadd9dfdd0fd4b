import Catalog
import Storage
import Testing
import Vectors

@testable import Ingest

@Suite("Small loads")
struct FewRowsTests {
  private func table(_ warehouse: TestWarehouse, sortKey: [ColumnID]) throws {
    try warehouse.create(
      "t", [("id", .bigint, false), ("s", .varchar, true), ("v", .integer, true)],
      keys: [KeyDefinition(columns: [1], isPrimary: true)], sortKey: sortKey)
  }

  private func row(_ row: Int) -> [Value] {
    let id = Int128((row * 7919) % 1_000_003)
    let text = row % 2 == 0 ? "short" : "a text of more than twelve bytes \(row)"
    let number = Int128(row % 10)
    return [
      .integer(id), row % 5 == 0 ? .null : .string(text), row % 7 == 0 ? .null : .integer(number),
    ]
  }

  private func rows(_ count: Int) -> [[Value]] { (0..<count).map(row) }

  @Test("Rows of few batches stand in order, whichever way they take")
  func order() throws {
    for count in [1, 99, 100, 1000, 16_384, 16_385, 20_000] {
      for sortKey in [[], [1], [3, 2]] as [[ColumnID]] {
        let warehouse = try TestWarehouse()
        try table(warehouse, sortKey: sortKey)
        let given = rows(count)
        let summary = try warehouse.insert("t", given)
        #expect(summary.rowCount == count)
        #expect((summary.segmentCount == 0) == (count <= StoreOptions().inlineRowLimit))
        let other = try TestWarehouse()
        try table(other, sortKey: sortKey)
        // With a limit of its own a load stages all rows.
        var options = LoadOptions()
        options.sortByteLimit = 1 << 30
        try other.insert("t", given, options)
        #expect(try warehouse.rows("t") == other.rows("t"), "\(count) by \(sortKey)")
        #expect(try warehouse.rows("t").count == count)
        if sortKey.isEmpty { #expect(try warehouse.rows("t") == given) }
      }
    }
  }

  @Test("Duplicates among few rows and with those before are refused and name their rows")
  func duplicates() throws {
    let warehouse = try TestWarehouse()
    try table(warehouse, sortKey: [])
    var given = rows(300)
    try warehouse.insert("t", given)
    let again = try #require(failure { try warehouse.insert("t", [given[7]]) })
    #expect(again.kind == .constraint && again.message.contains("is in the table already"))
    let other = try TestWarehouse()
    try table(other, sortKey: [3])
    given[250][0] = given[3][0]
    let twice = try #require(failure { try other.insert("t", given) })
    #expect(twice.message.contains("in row 251 and row 4"), "\(twice)")
    #expect(try other.rows("t").isEmpty)
  }

  @Test("A loader and all it holds go with the last reference")
  func lifetime() throws {
    let warehouse = try TestWarehouse()
    try table(warehouse, sortKey: [])
    for count in [10, 20_000] {
      weak var gone: TableLoader?
      weak var transactionGone: WriteTransaction?
      do {
        let transaction = try warehouse.store.beginWrite()
        let loader = try TableLoader(into: 1, transaction: transaction)
        let ids = Vector.make(.bigint, (0..<count).map { Int64($0 + count) })
        try loader.append(
          Batch(
            columns: [
              ids, Vector(constant: .string("x"), type: .varchar, count: count),
              Vector(constant: .null, type: .integer, count: count),
            ], rowCount: count))
        _ = try loader.finish()
        try transaction.commit()
        gone = loader
        transactionGone = transaction
      }
      #expect(gone == nil && transactionGone == nil, "\(count) rows")
    }
  }
}
