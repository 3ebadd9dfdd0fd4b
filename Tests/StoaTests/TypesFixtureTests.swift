import Storage
import TestSupport
import Testing
import Vectors

@testable import Stoa

#if canImport(Glibc)
  import Glibc
#endif

/// The types that format version 1 was given after its first fixture, in `Tests/FormatFixtures/version1_types`: in segments
/// of several encodings, as keys and sort keys, as defaults, in the log.
@Suite("Format fixture of later types")
struct TypesFixtureTests {
  private static let root =
    "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    + "/FormatFixtures/version1_types"

  private static let columns = """
    a UTINYINT, b USMALLINT DEFAULT 60000, c UINTEGER, d UBIGINT, t TIME, z TIMESTAMPTZ, s INTERVAL, u UUID, x BLOB,
    m ENUM('low', 'middle', 'it''s high'), id INTEGER
    """

  private static func rows(_ range: String) -> String {
    func now(_ every: Int, _ sql: String) -> String {
      "CASE WHEN i % \(every) = 0 THEN NULL ELSE \(sql) END"
    }
    return [
      now(5, "CAST(i % 256 AS UTINYINT)"), now(7, "CAST(i * 331 % 65536 AS USMALLINT)"),
      now(11, "CAST(i * 1000003 % 4294967296 AS UINTEGER)"),
      now(13, "CAST(18446744073709551615 - i * 1000000007 AS UBIGINT)"),
      now(17, "TIME '00:00:00' + i * INTERVAL '37 minutes 1.000001 seconds'"),
      now(19, "TIMESTAMPTZ '2000-01-01 00:00:00+00' + i * INTERVAL '5 hours 7 seconds'"),
      now(
        3, "i % 4 * INTERVAL '1 month' - i % 9 * INTERVAL '1 day' + i * INTERVAL '0.25 seconds'"),
      "CAST(lpad(CAST(i * 7919 % 10000 AS VARCHAR), 8, 'a') || '-0000-4000-8000-000000000000' AS UUID)",
      now(4, "unhex(lpad(CAST(i AS VARCHAR), i % 20 * 2 + 4, '0f'))"),
      now(6, "CASE i % 3 WHEN 0 THEN 'low' WHEN 1 THEN 'middle' ELSE 'it''s high' END"), "i",
    ].joined(separator: ", ") + " FROM range(\(range)) r(i)"
  }

  private static let statements = [
    "SET timezone = 'Europe/Berlin'",
    """
    CREATE TABLE plain (\(columns)) ENCODING (a PLAIN, b BITPACKED, c PLAIN, d PLAIN, t PLAIN, z PLAIN, s PLAIN, u PLAIN,
      x PLAIN, m BITPACKED)
    """,
    "INSERT INTO plain SELECT \(rows("400"))", "COMPACT",
    """
    CREATE TABLE coded (\(columns), PRIMARY KEY (u), UNIQUE (d)) ORDER BY (m, s)
      ENCODING (a RLE, t DICTIONARY, z DELTA, x DICTIONARY, m BITMAP, c PATCHED)
    """,
    "INSERT INTO coded SELECT \(rows("300"))", "COMPACT",
    "CREATE TABLE keyed (z TIMESTAMPTZ PRIMARY KEY, s INTERVAL UNIQUE, x BLOB UNIQUE, t TIME) ORDER BY (z)",
    """
    INSERT INTO keyed SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL '1 hour', i * INTERVAL '1 day',
      unhex(lpad(CAST(i AS VARCHAR), 30, '0')), TIME '12:00:00' FROM range(50) r(i)
    """,
    "COMPACT", "INSERT INTO plain (id) VALUES (-1)", "DELETE FROM coded WHERE id % 9 = 0",
    "CHECKPOINT",
    "INSERT INTO plain SELECT \(rows("400, 405"))",
    "INSERT INTO coded (u, m) VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'it''s high')",
    "INSERT INTO keyed VALUES ('2025-01-01 00:00:00', '-1 month', '\\xFF\\x00', '24:00:00')",
  ]

  private static let queries = [
    "SELECT * FROM plain ORDER BY id", "SELECT * FROM coded ORDER BY u",
    "SELECT * FROM keyed ORDER BY z", "SELECT count(*), sum(d), min(u), max(t), max(z) FROM plain",
    "SELECT id FROM coded WHERE u = 'aaaa7919-0000-4000-8000-000000000000'",
    "SELECT m, count(*), sum(s), min(s) FROM coded GROUP BY m ORDER BY m",
    "SELECT s, count(*) FROM plain GROUP BY s HAVING count(*) > 1 ORDER BY s",
    "SELECT count(*) FROM coded WHERE s > INTERVAL '30 days' AND m <> 'low'",
    "SELECT t FROM keyed WHERE s = INTERVAL '24 hours' OR x = '\\xFF\\x00' ORDER BY z",
  ]

  private static func answers(_ directory: String) throws -> String {
    let warehouse = try FormatFixtureTests.open("\(directory)/main", id: 0)
    let session = warehouse.makeSession()
    var text = ""
    for sql in queries { text += try FormatFixtureTests.answer(sql, session) }
    session.close()
    try warehouse.close()
    return text
  }

  private static func generate(_ directory: String) throws {
    let warehouse = try FormatFixtureTests.open("\(directory)/main", id: 51)
    let session = warehouse.makeSession()
    for sql in statements { try session.execute(sql) }
    session.close()
    try warehouse.close()
    unlink("\(directory)/main/LOCK")
  }

  @Test("A warehouse with the later types gives its answers, verifies and is written to")
  func opens() throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    if getenv("STOA_UPDATE_TYPES_FIXTURE") != nil {
      let made = "\(directory.path)/made"
      try RealFileSystem.shared.makeDirectory(made)
      try TypesFixtureTests.generate(made)
      try FormatFixtureTests.write(try FormatFixtureTests.files(made), to: TypesFixtureTests.root)
      let answers = Array(try TypesFixtureTests.answers(made).utf8)
      try RealFileSystem.shared.open("\(TypesFixtureTests.root)/answers.txt", .create)
        .write(answers, at: 0)
      try RealFileSystem.shared.open("\(TypesFixtureTests.root).digest", .create)
        .write(Array(try TypesFixtureTests.digest().utf8), at: 0)
    }
    let copy = "\(directory.path)/copy"
    let stored = try FormatFixtureTests.files(TypesFixtureTests.root)
    try FormatFixtureTests.write(stored, to: copy)
    let expected = String(decoding: stored["answers.txt"] ?? [], as: UTF8.self)
    #expect(!expected.isEmpty)
    #expect(try TypesFixtureTests.answers(copy) == expected)
    let warehouse = try Warehouse.open("\(copy)/main")
    #expect(warehouse.warnings.isEmpty, "\(warehouse.warnings)")
    let session = warehouse.makeSession()
    let result = try session.execute("VERIFY DEEP")
    while let row = try result.nextRow() { #expect(row[0] == .string("ok"), "\(row[1]) \(row[5])") }
    for sql in [
      "INSERT INTO coded (u) VALUES ('aaaa7919-0000-4000-8000-000000000000')",
      "INSERT INTO keyed VALUES ('2030-01-01 00:00:00', '48 hours', NULL, NULL)",
      "INSERT INTO keyed VALUES ('2030-01-01 00:00:00', NULL, '\\xFF\\x00', NULL)",
      "INSERT INTO coded (u, m) VALUES ('00000000-0000-0000-0000-000000000001', 'high')",
    ] {
      #expect(throws: StoaError.self, "\(sql)") { try session.execute(sql) }
    }
    try session.execute("INSERT INTO keyed VALUES ('2030-01-01 00:00:00', '49 hours', NULL, NULL)")
    try session.execute("COMPACT")
    session.close()
    try warehouse.close()
  }

  private static func digest() throws -> String {
    var digest: UInt64 = 0
    let files = try FormatFixtureTests.files(root)
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      digest = Checksum.compute(Array(name.utf8) + bytes, seed: digest)
    }
    return String(digest, radix: 16)
  }

  @Test("Its files never change")
  func unchanged() throws {
    let stored = try RealFileSystem.shared.readAll("\(TypesFixtureTests.root).digest")
    #expect(try TypesFixtureTests.digest() == String(decoding: stored, as: UTF8.self))
  }
}
