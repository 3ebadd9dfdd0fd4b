import Stoa
import Testing

@Suite("Appenders")
struct AppenderTests {
  @Test("Values of every kind are stored as INSERT stores them")
  func kinds() throws {
    let types = """
      (a TINYINT, b SMALLINT, c INTEGER, d BIGINT, e HUGEINT, f REAL, g DOUBLE, h DECIMAL(9,2),
       i VARCHAR, j DATE, k TIMESTAMP, l BOOLEAN, m DECIMAL(30,3))
      """
    let shop = try Shop("CREATE TABLE t \(types)", "CREATE TABLE u \(types)")
    let appender = try shop.session.makeAppender(for: "t")
    try appender.append([
      .integer(-128), .integer(32_767), .string("12"), .integer(-1), .integer(Int128.max),
      .double(0.5), .integer(3), .integer(7), .string("it's long enough"), .string("2024-02-29"),
      .string("2024-01-01 10:00:00"), .boolean(true), .string("1.5"),
    ])
    try appender.append([Value](repeating: .null, count: 13))
    try appender.append([
      .double(1), .null, .integer(4), .string("5"), .integer(6), .integer(2), .double(-0.25),
      .double(1.25), .integer(9), .integer(1), .integer(1_000_000), .null, .integer(2),
    ])
    #expect(try appender.close() == 3)
    try shop.session.execute(
      """
      INSERT INTO u VALUES
        (-128, 32767, '12', -1, 170141183460469231731687303715884105727, 0.5, 3, 7,
         'it''s long enough', '2024-02-29', '2024-01-01 10:00:00', true, '1.5'),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (1, NULL, 4, '5', 6, 2, -0.25, 1.25, '9', '1970-01-02', '1970-01-01 00:00:01', NULL, 2)
      """)
    #expect(try shop.rows("SELECT * FROM t") == shop.rows("SELECT * FROM u"))
  }

  @Test("A value that does not fit names its column, and the rows before and after are kept")
  func misfits() throws {
    let shop = try Shop("CREATE TABLE t (a INTEGER, b SMALLINT, s VARCHAR)")
    let appender = try shop.session.makeAppender(for: "t")
    for row in 0..<200 {
      try appender.append([
        .integer(Int128(row)), row % 3 == 0 ? .null : .integer(1), .string("text number \(row)"),
      ])
      #expect {
        try appender.append([.null, .integer(40_000), .null])
      } throws: { error in
        (error as? StoaError)?.kind == .evaluation && (error as? StoaError)?.column == "b"
      }
    }
    #expect(throws: StoaError.self) { try appender.append([.integer(1)]) }
    #expect(try appender.close() == 200)
    #expect(
      try shop.rows("SELECT count(*), sum(a), count(a), count(b), count(DISTINCT s), min(s) FROM t")
        == [["200", "19900", "200", "133", "200", "text number 0"]])
  }
}
