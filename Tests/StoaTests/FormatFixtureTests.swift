import Storage
import TestSupport
import Testing
import Vectors

@testable import Stoa

#if canImport(Glibc)
  import Glibc
#endif

/// A warehouse of format version 1 must open for ever: `Tests/FormatFixtures/version1` with what it must answer.
///
/// `STOA_UPDATE_GOLDENS=1` makes both again, which is right only for a new version, in a directory of its own; the
/// digest below says so. What zstd has compressed stands in a warehouse of its own.
@Suite("Format fixture")
struct FormatFixtureTests {
  private static let root =
    "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    + "/FormatFixtures/version1"

  private static let types = """
    CREATE TABLE every_type (b BOOLEAN, t TINYINT, s SMALLINT, i INTEGER NOT NULL, l BIGINT, h HUGEINT, r REAL,
      d DOUBLE, n DECIMAL(9,2), w DECIMAL(38,4), v VARCHAR, a DATE, m TIMESTAMP, id BIGINT PRIMARY KEY) ORDER BY (i)
      ENCODING (b PLAIN, h PLAIN, r PLAIN, d PLAIN, n BITPACKED, w PLAIN, v PLAIN, a PLAIN, m PLAIN)
    """

  /// A row of every type for each number in a range; each column is NULL now and then.
  private static func typeRows(_ range: String) -> String {
    func now(_ every: Int, _ sql: String) -> String {
      "CASE WHEN i % \(every) = 0 THEN NULL ELSE \(sql) END"
    }
    return "INSERT INTO every_type SELECT "
      + [
        now(5, "i % 2 = 0"), now(7, "i % 256 - 128"), now(11, "i * 131 % 65536 - 32768"),
        "i * 7919 % 1000", now(13, "i * 1000000007"),
        now(17, "CAST(i AS HUGEINT) * 1000000007 * 1000000009 * 1000000021"),
        now(19, "CAST(i / 4.0 AS REAL)"), now(23, "i / 7.0"),
        now(29, "CAST(i AS DECIMAL(9,2)) / 1"),
        now(31, "CAST(i AS DECIMAL(38,4))"), now(3, "'text ' || i || ' of the fixture'"),
        now(37, "DATE '2000-01-01' + CAST(i AS INTEGER)"),
        now(41, "TIMESTAMP '2000-01-01 00:00:00' + INTERVAL '1 second'"), "i * 3 - 100",
      ].joined(separator: ", ") + " FROM range(\(range)) r(i)"
  }

  private static let statements = [
    types, typeRows("150"), "COMPACT", typeRows("150, 200"),
    """
    CREATE TABLE encodings (id INTEGER, same INTEGER, run INTEGER, word VARCHAR, few INTEGER, packed INTEGER,
      step BIGINT, outlier BIGINT, flat DOUBLE, rare INTEGER) ORDER BY (id) ENCODING (id DELTA, run RLE, word DICTIONARY,
      few BITMAP, packed BITPACKED, step DELTA, outlier PATCHED, flat PLAIN, rare BITPACKED)
    """,
    """
    INSERT INTO encodings SELECT i, 7, i / 100, CASE WHEN i % 10 = 3 THEN NULL ELSE 'word ' || (i * 7919 % 13) END,
      i * 7919 % 3, i * 7919 % 1009, i * 1000000 + i * i, CASE WHEN i % 97 = 5 THEN i * 1000000007 ELSE i % 16 END,
      i / 3.0, CASE WHEN i % 100 = 7 THEN 1 ELSE 0 END FROM range(2100) r(i)
    """,
    "COMPACT",
    "CREATE TABLE country (code VARCHAR PRIMARY KEY, name VARCHAR UNIQUE) ENCODING (code PLAIN, name PLAIN)",
    """
    CREATE TABLE city (id INTEGER PRIMARY KEY, country VARCHAR NOT NULL REFERENCES country (code),
      people BIGINT DEFAULT 1 CHECK (people >= 0)) ORDER BY (country) ENCODING (country DICTIONARY)
    """,
    "INSERT INTO country VALUES ('at', 'Austria'), ('be', 'Belgium'), ('ch', 'Switzerland')",
    "INSERT INTO city SELECT i, CASE i % 3 WHEN 0 THEN 'at' WHEN 1 THEN 'be' ELSE 'ch' END, i * 10 FROM range(40) r(i)",
    "COMPACT",
    "CREATE TABLE altered (k INTEGER, gone VARCHAR, kept VARCHAR) ORDER BY (k) ENCODING (gone PLAIN, kept PLAIN)",
    "INSERT INTO altered SELECT i, 'gone ' || i, 'kept ' || i FROM range(20) r(i)", "COMPACT",
    "ALTER TABLE altered ADD COLUMN added INTEGER DEFAULT 42",
    "ALTER TABLE altered DROP COLUMN gone",
    "ALTER TABLE altered ALTER COLUMN added SET DATA TYPE BIGINT",
    "ALTER TABLE altered RENAME COLUMN kept TO renamed",
    "INSERT INTO altered VALUES (100, 'new', 43)",
    "DELETE FROM every_type WHERE id % 7 = 0",
    "DELETE FROM encodings WHERE id BETWEEN 1000 AND 1040",
  ]

  /// Behind the last checkpoint: rows and deletes that are in the log only.
  private static let tail = [
    typeRows("200, 205"), "UPDATE city SET people = people + 1 WHERE id < 5",
    "DELETE FROM altered WHERE k IN (3, 100)", "INSERT INTO altered VALUES (101, NULL, NULL)",
    "INSERT INTO country VALUES ('de', 'Germany')", "INSERT INTO city VALUES (1000, 'de', 3)",
    "DELETE FROM every_type WHERE i = 0",
  ]

  private static let compressed = [
    "CREATE TABLE z (id INTEGER, t VARCHAR, d DOUBLE) ENCODING (id ZSTD, t ZSTD, d ZSTD)",
    "INSERT INTO z SELECT i, 'a text that is compressed, number ' || i, i / 3.0 FROM range(300) r(i)",
    "COMPACT",
  ]

  static func open(_ path: String, id: UInt8) throws -> Warehouse {
    var options = StoreOptions()
    options.newWarehouseID = WarehouseID(bytes: (0..<16).map { $0 + id })
    options.clock = { 1_700_000_000_000_000 }
    options.logExtension = 0
    let budget = MemoryBudget(limit: 256 << 20)
    let store = try TableStore.open(
      path: path, mode: .readWrite, budget: budget, options: options)
    var own = WarehouseOptions()
    own.hasBackgroundUpkeep = false
    own.threads = 1
    return Warehouse(store: store, budget: budget, options: own)
  }

  /// Makes both warehouses in an existing directory.
  private static func generate(_ directory: String) throws {
    let main = try open("\(directory)/main", id: 1)
    let session = main.makeSession()
    for sql in statements.dropLast(2) { try session.execute(sql) }
    try main.store.setRetention(microseconds: 1_000 * 365 * 86_400 * 1_000_000)
    for sql in statements.suffix(2) { try session.execute(sql) }
    try session.execute("COMPACT TABLE altered")
    try session.execute("CHECKPOINT")
    for sql in tail { try session.execute(sql) }
    session.close()
    try main.close()
    let other = try open("\(directory)/zstd", id: 101)
    let second = other.makeSession()
    for sql in compressed { try second.execute(sql) }
    second.close()
    try other.close()
    for name in ["main", "zstd"] { unlink("\(directory)/\(name)/LOCK") }
  }

  /// All rows of all tables, and what their keys must find, as text.
  private static func answers(_ directory: String) throws -> String {
    var text = ""
    for (name, queries) in [
      (
        "main",
        [
          "SELECT * FROM every_type ORDER BY id", "SELECT * FROM encodings ORDER BY id",
          "SELECT * FROM country ORDER BY code", "SELECT * FROM city ORDER BY id",
          "SELECT * FROM altered ORDER BY k", "SELECT * FROM every_type WHERE id = 200",
          "SELECT few, count(*) FROM encodings WHERE few = 2 GROUP BY few",
          "SELECT count(*), sum(id) FROM encodings WHERE rare = 1",
          "SELECT word, count(*) FROM encodings GROUP BY word ORDER BY word",
        ]
      ), ("zstd", ["SELECT * FROM z ORDER BY id"]),
    ] {
      let warehouse = try open("\(directory)/\(name)", id: 0)
      let session = warehouse.makeSession()
      for sql in queries { text += try answer(sql, session) }
      session.close()
      try warehouse.close()
    }
    return text
  }

  static func answer(_ sql: String, _ session: Session) throws -> String {
    let result = try session.execute(sql)
    var lines: [String] = []
    while let row = try result.nextRow() {
      lines.append(row.values.map { plain($0) }.joined(separator: "|"))
    }
    let digest = Checksum.compute(Array(lines.joined(separator: "\n").utf8), seed: 0)
    let shown = lines.enumerated().filter { $0.offset % 25 == 0 }.map(\.element)
    return "> \(sql)\n\(lines.count) rows, digest \(String(digest, radix: 16)), every 25th:\n"
      + shown.joined(separator: "\n") + "\n\n"
  }

  private static func plain(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .boolean(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .double(let number): String(number.bitPattern, radix: 16)
    case .string(let text): text
    case .bytes(let bytes): "\(bytes)"
    }
  }

  static func files(_ directory: String, _ prefix: String = "") throws -> [String: [UInt8]] {
    let system = RealFileSystem.shared
    var result: [String: [UInt8]] = [:]
    for name in try system.list(directory) ?? [] {
      let path = "\(directory)/\(name)"
      if try system.list(path) != nil {
        result.merge(try files(path, "\(prefix)\(name)/")) { first, _ in first }
      } else if name != "LOCK" {
        result["\(prefix)\(name)"] = try system.readAll(path)
      }
    }
    return result
  }

  static func write(_ files: [String: [UInt8]], to directory: String) throws {
    let system = RealFileSystem.shared
    try system.makeDirectory(directory)
    for (name, bytes) in files {
      var folder = directory
      for part in name.split(separator: "/").dropLast() {
        folder += "/\(part)"
        try system.makeDirectory(folder)
      }
      try system.open("\(directory)/\(name)", .create).write(bytes, at: 0)
    }
  }

  @Test("A warehouse of version 1 gives its answers, verifies and is written to")
  func opens() throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    if getenv("STOA_UPDATE_GOLDENS") != nil {
      let made = "\(directory.path)/made"
      try RealFileSystem.shared.makeDirectory(made)
      try FormatFixtureTests.generate(made)
      try FormatFixtureTests.write(try FormatFixtureTests.files(made), to: FormatFixtureTests.root)
      let answers = Array(try FormatFixtureTests.answers(made).utf8)
      try RealFileSystem.shared.open("\(FormatFixtureTests.root)/answers.txt", .create)
        .write(answers, at: 0)
    }
    let copy = "\(directory.path)/copy"
    let stored = try FormatFixtureTests.files(FormatFixtureTests.root)
    try FormatFixtureTests.write(stored, to: copy)
    let expected = String(decoding: stored["answers.txt"] ?? [], as: UTF8.self)
    #expect(!expected.isEmpty)
    #expect(try FormatFixtureTests.answers(copy) == expected)
    for name in ["main", "zstd"] {
      let warehouse = try Warehouse.open("\(copy)/\(name)")
      #expect(warehouse.warnings.isEmpty, "\(warehouse.warnings)")
      let session = warehouse.makeSession()
      let result = try session.execute("VERIFY DEEP")
      while let row = try result.nextRow() {
        #expect(row[0] == .string("ok"), "\(row[1]) \(row[5])")
      }
      try session.execute("CREATE TABLE after (k INTEGER)")
      try session.execute("INSERT INTO after VALUES (1)")
      if name == "main" {
        try session.execute("INSERT INTO city VALUES (1001, 'ch', 4)")
        #expect(throws: StoaError.self) {
          try session.execute("INSERT INTO every_type (i, id) VALUES (1, 200)")
        }
        #expect(throws: StoaError.self) {
          try session.execute("INSERT INTO city VALUES (1002, 'x', 4)")
        }
      }
      try session.execute("COMPACT")
      session.close()
      try warehouse.close()
      let again = try Warehouse.open("\(copy)/\(name)")
      #expect(again.warnings.isEmpty)
      try again.close()
    }
  }

  @Test(
    "The files of version 1 never change: another format is another number and another directory")
  func unchanged() throws {
    var digest: UInt64 = 0
    let files = try FormatFixtureTests.files(FormatFixtureTests.root)
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      digest = Checksum.compute(Array(name.utf8) + bytes, seed: digest)
    }
    #expect(formatVersion == 1, "make a fixture of the new version and keep this one")
    #expect(String(digest, radix: 16) == "b41b562fc05518b4")
  }
}
