import Storage
import TestSupport
import Testing
import Vectors

@testable import Stoa

@Suite("VERIFY DEEP")
struct VerifyDeepTests {
  /// Adds a row past all that INSERT checks.
  private func smuggle(_ values: [Int?], into name: String, _ warehouse: Warehouse) throws {
    let transaction = try warehouse.store.beginWrite()
    let table = try #require(transaction.catalog.table(named: name))
    let vectors = zip(table.columns, values).map { column, value in
      Vector.make(column.type, [value.map { .integer(Int128($0)) } ?? .null])
    }
    try transaction.insert(
      RowBlock(
        columns: table.columns.map(\.id), batch: Batch(columns: vectors, rowCount: 1)),
      into: table.id)
    try transaction.commit()
  }

  private func findings(_ session: Session, _ sql: String) throws -> [String] {
    try session.execute(sql).allRows().map { row in
      [0, 1, 2, 5].map { if case .string(let text) = row[$0] { text } else { "" } }
        .joined(separator: "|")
    }
  }

  @Test(
    "Keys, foreign keys and checks that do not hold are found, and nothing is concluded from them")
  func brokenPromises() throws {
    let directory = try TemporaryDirectory()
    let warehouse = try Warehouse.open(directory.path + "/w")
    let session = warehouse.makeSession()
    for sql in [
      "CREATE TABLE p (id INTEGER PRIMARY KEY, u INTEGER, UNIQUE (u, id))",
      "CREATE TABLE f (\"the p\" INTEGER, n INTEGER CHECK (n > 0),"
        + " FOREIGN KEY (\"the p\") REFERENCES p (id))",
      "INSERT INTO p VALUES (1, 1), (2, NULL), (3, NULL)",
      "INSERT INTO f VALUES (1, 1), (NULL, NULL), (3, 3)",
    ] { try session.execute(sql) }
    let good = try findings(session, "VERIFY DEEP")
    #expect(good.count == 1 && good[0].hasSuffix("nothing wrong"), "\(good)")
    for row in [[1, 1], [2, nil], [2, nil]] { try smuggle(row, into: "p", warehouse) }
    for row in [[7, 1], [1, 0], [8, nil]] { try smuggle(row, into: "f", warehouse) }
    #expect(try findings(session, "VERIFY").count == 1)
    let bad = try findings(session, "VERIFY DEEP")
    #expect(
      bad.dropLast() == [
        "error|FOREIGN KEY (\"the p\")|f|2 rows refer to nothing in p",
        "error|CHECK (n > 0)|f|1 rows do not meet it",
        "error|PRIMARY KEY (id)|p|5 rows share their key with another row",
        "error|UNIQUE (u, id)|p|2 rows share their key with another row",
      ], "\(bad)")
    #expect(try findings(session, "VERIFY TABLE p DEEP").count == 3)
    try warehouse.close()
  }
}
