import Catalog
import Kernels
import Testing
import Vectors

@testable import SQL

@Suite("INSERT … VALUES of plain literals")
struct LiteralRowsTests {
  private let shop: FixtureCatalog

  init() throws {
    var catalog = FixtureCatalog()
    try catalog.create(
      """
      CREATE TABLE t (i INTEGER, b BIGINT DEFAULT 7, s VARCHAR DEFAULT 'a default of some length',
        x DOUBLE, d DECIMAL(9,2) DEFAULT 1.25, day DATE, f BOOLEAN, h HUGEINT, y TINYINT,
        r REAL, m TIMESTAMP, w DECIMAL(30,4))
      """, rows: 0)
    try catalog.create("CREATE TABLE late (a INTEGER, b TIMESTAMP DEFAULT now())", rows: 0)
    try catalog.create("CREATE TABLE one (a INTEGER)", rows: 0)
    shop = catalog
  }

  private func bind(_ sql: String, takesRows: Bool) throws(StoaError) -> BoundInsert {
    let syntax = try Parser.parse(sql, takesRows: takesRows)
    guard case .insert(let insert) = try Binder(catalog: shop.state, text: sql).bind(syntax) else {
      throw StoaError(.usage, "no INSERT")
    }
    return insert
  }

  /// Rows to be inserted as texts that tell every value apart.
  private func rows(_ insert: BoundInsert) -> [[String]]? {
    func text(_ value: Value) -> String {
      if case .double(let number) = value { "double \(number.bitPattern)" } else { "\(value)" }
    }
    if let batch = insert.literals {
      return (0..<batch.rowCount).map { row in
        batch.columns.map { text($0.value(at: row)) }
      }
    }
    guard case .values(let values) = insert.source.plan else { return nil }
    return values.rows.map { row in
      row.map { $0.constantValue.map(text) ?? "computed" }
    }
  }

  /// Both ways give the same rows, or the same error at the same place.
  private func requireEqual(_ sql: String, _ comment: Comment? = nil) -> Bool {
    var short: BoundInsert?
    var (shortError, longError): (StoaError?, StoaError?)
    var long: BoundInsert?
    do throws(StoaError) { short = try bind(sql, takesRows: true) } catch { shortError = error }
    do throws(StoaError) { long = try bind(sql, takesRows: false) } catch { longError = error }
    #expect(shortError == longError, comment)
    #expect(short.flatMap(rows) == long.flatMap(rows), comment)
    return short?.literals != nil
  }

  @Test("Literals of the columns' types become columns at once")
  func short() throws {
    for sql in [
      "INSERT INTO one VALUES (1)",
      "insert into one values\n(1) , ( -2 ),\t(NULL), (null)",
      "INSERT INTO one (a) VALUES (1), (2),",
      "INSERT INTO one VALUES ('12'), (' 13 ');",
      "INSERT INTO t VALUES (1, 2, 'it''s', 1.5, 1.25, '2024-02-29', true, 9, -128, .5, "
        + "'2024-01-01 10:00:00', 12345678.5)",
      "INSERT INTO t (x, s) VALUES (1e5, ''), (-0e0, ''''), (1.e-3, 'a text that is long'), "
        + "(0.12345678901234567, 'another text that is ''longer'' than that'), (5, DEFAULT)",
      "INSERT INTO t (h, w, b) VALUES (9223372036854775807, 1, -9223372036854775807)",
      "INSERT INTO late VALUES (1, '2024-01-01')", "INSERT INTO one (VALUES (1), (2))",
    ] {
      #expect(requireEqual(sql, "\(sql)"), "\(sql)")
    }
  }

  @Test("What is not plain takes the long way, with its errors")
  func long() throws {
    for sql in [
      "INSERT INTO one VALUES (1 + 1)", "INSERT INTO one VALUES (1), (2 -- two\n)",
      "INSERT INTO one VALUES (1), (0x10)", "INSERT INTO one VALUES (1), (1_000)",
      "INSERT INTO one VALUES (1), (+2)", "INSERT INTO one VALUES (1), (2, 3)",
      "INSERT INTO one VALUES (1), (2", "INSERT INTO one VALUES (1) (2)",
      "INSERT INTO one VALUES (1), ('x')", "INSERT INTO one VALUES (1), (3000000000)",
      "INSERT INTO one VALUES (1.5)", "INSERT INTO one VALUES (1, 2)",
      "INSERT INTO one VALUES (1), ('a' 'b')", "INSERT INTO one VALUES (1), (1x)",
      "INSERT INTO one VALUES (true)", "INSERT INTO one VALUES (1), (99999999999999999999)",
      "INSERT INTO one VALUES (1), (1e999)", "INSERT INTO one VALUES (1), (1e)",
      "INSERT INTO one VALUES (1), (.)", "INSERT INTO one VALUES (1), (1..2)",
      "INSERT INTO one VALUES (1), (nulls)", "INSERT INTO one VALUES ()",
      "INSERT INTO one VALUES (1), (2) x", "INSERT INTO one VALUES (1), 'x",
      "INSERT INTO one VALUES (1,)", "INSERT INTO one VALUES (1); SELECT 1",
      "INSERT INTO one SELECT values (1)", "INSERT INTO one SELECT * FROM (VALUES (1), (2)) v",
      "INSERT INTO one VALUES (1), (2) LIMIT 1",
      "INSERT INTO one VALUES (1) UNION ALL VALUES (2)",
      "INSERT INTO t (d) VALUES (1), (2.345)", "INSERT INTO t (d) VALUES (10000000)",
      "INSERT INTO t (day) VALUES ('2024-01-01'), (DEFAULT)",
      "INSERT INTO t (day) VALUES ('2024-02-30')", "INSERT INTO t (y) VALUES (1), (128)",
      "INSERT INTO t (s) VALUES (1)", "INSERT INTO t (f) VALUES (1)",
      "INSERT INTO t (r) VALUES (1e30)", "INSERT INTO t (r) VALUES (1e300)",
      "INSERT INTO nowhere VALUES (1)", "INSERT INTO one (z) VALUES (1)",
    ] {
      #expect(!requireEqual(sql, "\(sql)"), "\(sql)")
    }
  }

  @Test("The trees of the rows are the same with their places")
  func trees() throws {
    let sql =
      "INSERT INTO one VALUES\n (1, 'a''b', -2.50, NULL), (2,'c' , 1e3,DEFAULT) , (x, 1, 2, 3)"
    func trees(_ takesRows: Bool) throws -> [String] {
      guard case .insert(let insert) = try Parser.parse(sql, takesRows: takesRows).kind,
        let query = insert.query, case .values(let values) = query.body
      else { return [] }
      #expect((values.literals != nil) == takesRows)
      return ["\(query.height) \(values.position)"]
        + (try values.rows()).flatMap { $0.map { "\($0.text) \($0.position)" } }
    }
    #expect(try trees(true) == trees(false))
    #expect(try trees(true).count == 13)
  }

  @Test("Random rows are the same both ways", arguments: [1 as UInt64, 2, 3, 4])
  func random(seed: UInt64) {
    var random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15)
    var shortCount = 0
    for round in 0..<250 {
      let sql = statement(&random)
      if requireEqual(sql, "seed \(seed) round \(round): \(sql)") { shortCount += 1 }
    }
    #expect(shortCount > 50, "seed \(seed)")
  }

  private static let columns = ["i", "b", "s", "x", "d", "day", "f", "h", "y", "r", "m", "w"]
  /// Literals by column that are likely to fit it.
  private static let fitting: [[String]] = [
    ["1", "-2147483648", "2147483647", "'7'", "0"],
    ["9223372036854775807", "-9223372036854775807", "42", "-9223372036854775808"],
    [
      "''", "'a'", "'twelve bytes'", "'thirteen byte'", "'it''s'", "'''quoted in a long text'''",
      "'é€😀'",
    ],
    [
      "1.5", "0.1", "-0.0", "1e300", "-12.5E-3", "0.1234567890123456789", "123456789012345678",
      "'1.5'",
    ],
    ["1", "1.2", "-9999999.99", "0.05", "'3.14159'"],
    ["'2024-02-29'", "'1582-10-15'", "'0001-01-01'"],
    ["true", "FALSE", "'t'"],
    ["170141183460469231731687303715884105727", "9223372036854775807", "-1", "0"],
    ["-128", "127", "0"],
    ["0.1", "16777217", "-3.4e38", ".25"],
    ["'2024-01-01'", "'2024-01-01 12:34:56.789'"],
    ["1.2345", "-99999999999999.5", "7"],
  ]
  private static let odd = [
    "1.", "1e999", "0x1f", "1 + 1", "'x", "2.345", "128", "'2024-02-30'", "1_0", "--x\n1",
    "/* a */ 2", "x", "+1", "- 1", "E'\\n'", "$$a$$", "DATE '2024-01-01'", "?", "nullx", "(1)",
    "99999999999999999999999999999999999999999", "'a''", "", "1e5", "true", "3.0",
  ]

  private func statement(_ random: inout SplitMix) -> String {
    var chosen: [Int] = []
    for column in Self.columns.indices where random.next(3) == 0 { chosen.append(column) }
    if chosen.isEmpty { chosen = [random.next(Self.columns.count)] }
    if random.next(2) == 0 { chosen.reverse() }
    // Most statements are plain throughout.
    let oddShare = random.next(3) == 0 ? 20 : 0
    func literal(_ column: Int) -> String {
      if oddShare > 0, random.next(oddShare) == 0 { return Self.odd[random.next(Self.odd.count)] }
      switch random.next(12) {
      case 0: return "NULL"
      case 1: return "default"
      default: return Self.fitting[column][random.next(Self.fitting[column].count)]
      }
    }
    func blanks() -> String { ["", " ", "\n", "\t ", ""][random.next(5)] }
    var rows: [String] = []
    for _ in 0...random.next(6) {
      let items = chosen.map { blanks() + literal($0) + blanks() }
      rows.append("(" + items.joined(separator: ",") + ")")
    }
    if oddShare > 0, random.next(10) == 0 { rows.append("(1, 2, 3)") }
    let names = chosen.map { Self.columns[$0] }.joined(separator: ", ")
    return "INSERT INTO t (\(names)) VALUES \(rows.joined(separator: "," + blanks()))"
  }
}
