import Stoa
import TestSupport
import Testing

@Suite("Generated columns and named types")
struct GeneratedColumnTests {
  @Test("COPY, the appender and an opening later compute generated columns")
  func loading() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/w"
    let warehouse = try Warehouse.open(path)
    let session = warehouse.makeSession()
    try session.execute(
      "CREATE TABLE t (a INTEGER, twice INTEGER AS (a * 2), name VARCHAR, size INTEGER AS (length(name)))"
    )
    session.standardInput = Array("a,name\n1,x\n2,yy\n".utf8)
    try session.execute("COPY t FROM STDIN")
    // What COPY TO wrote of them is left out.
    session.standardInput = Array("a,twice,name,size\n3,99,zzz,99\n".utf8)
    try session.execute("COPY t FROM STDIN")
    session.standardInput = Array("4|four\n".utf8)
    try session.execute("COPY t FROM STDIN (DELIMITER '|', HEADER false)")
    session.standardInput = Array("5\n".utf8)
    #expect(throws: StoaError.self) { try session.execute("COPY t (twice) FROM STDIN") }
    let appender = try session.makeAppender(for: "t")
    #expect(appender.columns.map(\.name) == ["a", "name"])
    try appender.append([.integer(6), .string("ssssss")])
    try appender.close()
    try warehouse.close()
    let again = try Warehouse.open(path)
    let reader = again.makeSession()
    try reader.execute("CHECKPOINT")
    try reader.execute("UPDATE t SET a = a + 10 WHERE a = 6")
    let rows = try reader.execute("SELECT * FROM t ORDER BY a").allRows().map { row in
      row.columns.indices.map { row.text($0) ?? "NULL" }.joined(separator: " ")
    }
    #expect(rows == ["1 2 x 1", "2 4 yy 2", "3 6 zzz 3", "4 8 four 4", "16 32 ssssss 6"])
    try again.close()
  }

  @Test("Definitions make generated columns and named types again")
  func definitions() throws {
    let shop = try Shop(
      "CREATE TYPE mood AS ENUM ('sad', 'it''s')",
      "CREATE TABLE t (a mood, b INTEGER, c BOOLEAN GENERATED ALWAYS AS (a = 'sad' AND b > 1))")
    let definitions = try shop.session.definitions()
    #expect(
      definitions == [
        "CREATE TYPE mood AS ENUM ('sad', 'it''s');",
        "CREATE TABLE t (\n  a mood,\n  b INTEGER,\n"
          + "  c BOOLEAN GENERATED ALWAYS AS (a = 'sad' AND b > 1) STORED\n);",
      ])
    let copy = try Shop(definitions[0], definitions[1])
    #expect(try copy.session.definitions() == definitions)
    #expect(try copy.rows("SELECT column_type FROM (DESCRIBE t)").first == ["mood"])
  }

  @Test("What generated columns refuse says why")
  func messages() throws {
    let shop = try Shop("CREATE TABLE t (a INTEGER, b INTEGER AS (a + 1))")
    func message(_ sql: String) -> String {
      do {
        try shop.session.execute(sql)
        return "nothing"
      } catch { return error.message }
    }
    #expect(message("UPDATE t SET b = 1") == "column \"b\" is generated and cannot be written")
    #expect(
      message("ALTER TABLE t DROP COLUMN a") == "the generated column \"b\" is computed from \"a\"")
    #expect(
      message("CREATE TABLE u (a DATE, b BOOLEAN AS (a < current_date))")
        == "a generated column must be the same for the same row, whenever it is computed")
    #expect(message("ALTER TABLE t DROP COLUMN b") == "nothing")
    #expect(message("ALTER TABLE t DROP COLUMN a") != "nothing")
  }
}
