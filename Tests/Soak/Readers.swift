import Stoa
import Storage
import TestSupport

#if canImport(Glibc)
  import Glibc
#endif

/// What the tables that readers look at hold at each version: everything follows from the number in table `version`.
enum Ledger {
  static let accountCount = 200
  static let balance = accountCount * 1000

  /// Entries that a version adds.
  static func size(_ version: Int) -> Int { version % 7 == 0 ? 1000 : 20 }
  /// Entries of this version and before are deleted.
  static func floor(_ version: Int) -> Int { max(0, version / 10 * 10 - 40) }

  static func entryCount(_ version: Int) -> Int { sum(version) { size($0) } }
  static func entrySum(_ version: Int) -> Int { sum(version) { size($0) * $0 } }

  private static func sum(_ version: Int, _ body: (Int) -> Int) -> Int {
    let first = floor(version) + 1
    return first > version ? 0 : (first...version).reduce(0) { $0 + body($1) }
  }

  static func create(_ session: Session) throws {
    try session.execute("CREATE TABLE version (v BIGINT)")
    try session.execute("INSERT INTO version VALUES (0)")
    try session.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance BIGINT)")
    try session.execute("INSERT INTO account SELECT range, 1000 FROM range(\(accountCount))")
    try session.execute("CREATE TABLE entry (v BIGINT, n INTEGER, s VARCHAR) ORDER BY (n)")
    try session.execute("CREATE TABLE noise (id BIGINT, s VARCHAR) ORDER BY (id)")
  }

  /// From one version to the next, in one transaction.
  static func advance(_ session: Session, _ version: Int, _ random: inout SplitMix64) throws {
    let next = version + 1
    let (source, target) = (random.next() % 200, random.next() % 200)
    let amount = random.next() % 100
    let n = size(next)
    var statements = [
      "BEGIN", "UPDATE account SET balance = balance - \(amount) WHERE id = \(source)",
      "UPDATE version SET v = \(next)",
      "INSERT INTO entry SELECT \(next), range * 7919 % 100000, 'text ' || range % 9"
        + " FROM range(\(n))",
      "UPDATE account SET balance = balance + \(amount) WHERE id = \(target)",
    ]
    if floor(next) > floor(version) {
      statements.append("DELETE FROM entry WHERE v <= \(floor(next))")
    }
    for statement in statements + ["COMMIT"] {
      let result = try session.execute(statement)
      if !result.notices.isEmpty { throw StoaError(.busy, "rolled back") }
    }
  }
}

/// The process that loads while others read: versions, big loads beside them, and compaction, until it is killed.
enum Loader {
  static func run(directory: String, seed: UInt64) throws {
    let place = try Writer.open(directory + "/w", seed: seed % 2)
    let warehouse = place.warehouse
    try Ledger.create(place.session)
    Report.line("ready")
    try concurrently(3) { index in
      let session = warehouse.makeSession()
      var random = SplitMix64(seed: seed &+ UInt64(index))
      var version = 0
      while Worker.isWanted {
        do {
          switch index {
          case 0:
            try Ledger.advance(session, version, &random)
            version += 1
          case 1:
            try session.execute("INSERT INTO noise SELECT range, 'x' || range FROM range(20000)")
            if random.next() % 5 == 0 { try session.execute("TRUNCATE TABLE noise") }
            usleep(100_000)
          default:
            usleep(300_000)
            try session.execute(random.next() % 4 == 0 ? "CHECKPOINT" : "COMPACT")
          }
        } catch {
          if session.isInTransaction { _ = try? session.execute("ROLLBACK") }
          let isBusy = (error as? StoaError)?.kind == .busy
          if !isBusy { Report.line("! the loader: \(error)") }
        }
      }
    }
  }
}

/// A process that reads and compares each answer with what its version must hold.
struct Reader {
  static let faults = ["uncommitted", "went back", "failed"]

  private let session: Session
  private var random: SplitMix64
  private var last = -1
  private let place: String

  init(directory: String, seed: UInt64) throws {
    var options = WarehouseOptions()
    options.isReadOnly = true
    options.threads = 1
    let warehouse = try Warehouse.open(directory + "/w", options: options)
    session = warehouse.makeSession()
    random = SplitMix64(seed: seed)
    place = "seed \(seed)"
  }

  mutating func run(count: Int) {
    for number in 1...max(1, count) {
      do { try read() } catch {
        Report.fault("failed", "\(place), read \(number): \(error)")
        if session.isInTransaction { _ = try? session.execute("ROLLBACK") }
      }
      if number % 50 == 0 { Report.count(50) }
    }
    Report.count(max(1, count) % 50)
  }

  private mutating func read() throws {
    switch random.next() % 4 {
    case 0: try readTotals()
    case 1: try readGroups()
    case 2: try readAccount()
    default:
      try session.execute("BEGIN READ ONLY")
      let first = try readTotals()
      let second = try readGroups()
      try session.execute("COMMIT")
      if first != second {
        Report.fault("uncommitted", "\(place): versions \(first) and \(second) in a transaction")
      }
    }
  }

  private mutating func see(_ version: Int) {
    if version < last { Report.fault("went back", "\(place): from \(last) to \(version)") }
    last = version
  }

  private func row(_ sql: String) throws -> [Int] {
    try session.execute(sql).nextRow()?.values.map { value in
      if case .integer(let number) = value { Int(clamping: number) } else { 0 }
    } ?? []
  }

  @discardableResult
  private mutating func readTotals() throws -> Int {
    let found = try row(
      "SELECT (SELECT v FROM version), (SELECT count(*) FROM account),"
        + " (SELECT sum(balance) FROM account), (SELECT count(*) FROM entry),"
        + " (SELECT sum(v) FROM entry)")
    guard let version = found.first else {
      Report.fault("uncommitted", "\(place): no version")
      return -1
    }
    let expected = [
      version, Ledger.accountCount, Ledger.balance, Ledger.entryCount(version),
      Ledger.entrySum(version),
    ]
    if found != expected {
      Report.fault("uncommitted", "\(place): \(found) instead of \(expected)")
    }
    see(version)
    return version
  }

  @discardableResult
  private mutating func readGroups() throws -> Int {
    let result = try session.execute(
      "SELECT v, count(*), (SELECT max(v) FROM version) FROM entry GROUP BY v ORDER BY v")
    var found: [[Int]] = []
    while let row = try result.nextRow() {
      found.append(
        row.values.map { if case .integer(let number) = $0 { Int(clamping: number) } else { 0 } })
    }
    let version = found.last?[2] ?? 0
    let first = Ledger.floor(version) + 1
    let expected =
      first > version ? [] : (first...version).map { [$0, Ledger.size($0), version] }
    if found != expected {
      Report.fault("uncommitted", "\(place): groups \(found) at version \(version)")
    }
    see(version)
    return version
  }

  private mutating func readAccount() throws {
    let id = random.next() % UInt64(Ledger.accountCount)
    let found = try row(
      "SELECT (SELECT v FROM version), id, (SELECT sum(balance) FROM account) FROM account"
        + " WHERE id = \(id)")
    guard found.count == 3, found[1] == Int(id), found[2] == Ledger.balance else {
      return Report.fault("uncommitted", "\(place): account \(id): \(found)")
    }
    see(found[0])
  }
}
