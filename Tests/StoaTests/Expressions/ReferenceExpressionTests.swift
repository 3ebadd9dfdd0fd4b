import Stoa
import TestSupport
import Testing
import Vectors

#if canImport(Glibc)
  import Glibc
#endif

/// Random expressions through SQL against a reference that evaluates one row at a time (`RandomTerms`). Eight terms
/// make one query over rows that are in memtables, in segments or compacted and sorted, with the optimizer on or
/// off and in batches of 3 or 4,096; conditions stand in WHERE too. A term that fails for some row must fail in Stoa; with
/// the optimizer on, which knows `x OR true` without `x` as PostgreSQL's does, it may also have the other rows' values.
///
/// STOA_FUZZ_ROUNDS is the number of queries per seed and STOA_FUZZ_SEED a first seed of one's own; a million terms:
/// `STOA_FUZZ_ROUNDS=31250 swift test -c release -Xswiftc -enable-testing --filter ReferenceExpressionTests`.
@Suite("Expressions against the reference")
struct ReferenceExpressionTests {
  @Test(
    "20,000 random expressions have the reference's values and errors",
    arguments: [1 as UInt64, 2, 3, 4])
  func agreement(seed number: UInt64) throws {
    func setting(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
    let seed = number + UInt64(setting("STOA_FUZZ_SEED") ?? 0)
    var comparison = try ReferenceComparison(seed: seed)
    for round in 0..<(setting("STOA_FUZZ_ROUNDS") ?? 625) {
      try comparison.runRound(round)
      if comparison.differenceCount > 20 { break }
    }
    #expect(comparison.valueCount > comparison.termCount, "seed \(seed)")
    print("seed \(seed): \(comparison.termCount) terms, \(comparison.failureCount) of them errors")
    try comparison.warehouse.close()
  }
}

/// A warehouse with one table, and what was compared.
private struct ReferenceComparison {
  let directory: TemporaryDirectory
  let warehouse: Warehouse
  let session: Session
  let seed: UInt64
  var terms: RandomTerms
  var rows: [[ReferenceValue]] = []
  var isOptimized = true
  var termCount = 0
  var failureCount = 0
  var valueCount = 0
  var differenceCount = 0

  init(seed: UInt64) throws {
    directory = try TemporaryDirectory()
    warehouse = try Warehouse.open(directory.path + "/w")
    session = warehouse.makeSession()
    self.seed = seed
    terms = RandomTerms(random: SeededGenerator(seed: seed))
  }

  mutating func runRound(_ round: Int) throws {
    if round % 25 == 0 { try makeTable() }
    let group = (0..<8).map { _ in
      let kind = terms.anyKind()
      return terms.term(
        terms.chance(30) || kind == .interval || kind == .uuid ? .boolean : kind,
        terms.number(1...4))
    }
    var good: [(ReferenceTerm, [ReferenceValue])] = []
    for term in group {
      termCount += 1
      if let values = try? rows.map({ try term.value($0) }) {
        good.append((term, values))
      } else {
        failureCount += 1
        expectFailure(of: term)
      }
    }
    compare(good)
    for (term, values) in good where term.kind == .boolean { compareFilter(term, values) }
  }

  private mutating func makeTable() throws {
    let count = terms.pick([1, 5, 9, 14])
    rows = terms.rows(count)
    try session.execute("DROP TABLE IF EXISTS t")
    let columns = RandomTerms.columns.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let sorted = terms.pick(RandomTerms.columns.map(\.0))
    try session.execute(
      "CREATE TABLE t (n INTEGER, \(columns))" + (terms.chance(60) ? " ORDER BY (\(sorted))" : ""))
    let lines = rows.enumerated().map { number, row in
      let values = zip(row, RandomTerms.columns).map { $0.literal($1.1) }
      return "(\(number), \(values.joined(separator: ", ")))"
    }
    try session.execute("INSERT INTO t VALUES \(lines.joined(separator: ", "))")
    if terms.chance(60) { try session.execute("COMPACT t") }
    isOptimized = terms.chance(70)
    try session.execute("SET optimizer = \(isOptimized)")
    try session.execute("SET batch_size = \(terms.pick([3, 4096]))")
  }

  /// Numbers of rows and the values of each, by number.
  private func answer(_ sql: String) throws -> [Int: [Value]] {
    let result = try session.execute(sql)
    var answer: [Int: [Value]] = [:]
    while let batch = try result.next() {
      for row in 0..<batch.rowCount {
        let values = batch.columns.map { $0.value(at: row) }
        answer[Int(values[0].integer ?? -1)] = Array(values.dropFirst())
      }
    }
    return answer
  }

  private mutating func compare(_ group: [(ReferenceTerm, [ReferenceValue])]) {
    guard !group.isEmpty else { return }
    let sql = "SELECT n, " + group.map(\.0.sql).joined(separator: ", ") + " FROM t"
    do {
      let found = try answer(sql)
      for row in rows.indices {
        for (place, (term, values)) in group.enumerated() {
          valueCount += 1
          let value = found[row]?[place]
          if value.map({ Self.isSame($0, values[row]) }) != true {
            report(
              "\(term.sql)\n  row \(row): \(values[row].text(term.kind)), found \(value.map { "\($0)" } ?? "no row")"
            )
            return
          }
        }
      }
    } catch {
      if group.count == 1 { return report("\(group[0].0.sql)\n  fails: \(error)") }
      for one in group { compare([one]) }
    }
  }

  private mutating func compareFilter(_ term: ReferenceTerm, _ values: [ReferenceValue]) {
    let wanted = rows.indices.filter { values[$0] == .boolean(true) }
    do {
      let found = try answer("SELECT n FROM t WHERE \(term.sql)").keys.sorted()
      if found != wanted { report("WHERE \(term.sql)\n  rows \(wanted), found \(found)") }
    } catch {
      report("WHERE \(term.sql)\n  fails: \(error)")
    }
  }

  private mutating func expectFailure(of term: ReferenceTerm) {
    guard let found = try? answer("SELECT n, \(term.sql) FROM t") else { return }
    for row in rows.indices {
      let wanted = try? term.value(rows[row])
      if let wanted, let value = found[row]?[0], Self.isSame(value, wanted) { continue }
      if wanted == nil, isOptimized { continue }
      report(
        "\(term.sql)\n  row \(row): \(wanted?.text(term.kind) ?? "an error"), found \(found[row]?[0] ?? .null)"
      )
      return
    }
  }

  private mutating func report(_ text: String) {
    differenceCount += 1
    let used = RandomTerms.columns.indices.filter { text.contains(RandomTerms.columns[$0].0) }
    let lines = rows.enumerated().map { number, row in
      "  \(number): "
        + used.map { "\(RandomTerms.columns[$0].0)=\(row[$0].text(RandomTerms.columns[$0].1))" }
        .joined(separator: " ")
    }
    Issue.record(
      "seed \(seed), optimizer \(isOptimized): \(text)\n\(lines.joined(separator: "\n"))")
  }

  /// Intervals and UUIDs are only compared, never results.
  private static func isSame(_ found: Value, _ wanted: ReferenceValue) -> Bool {
    switch (found, wanted) {
    case (.null, .null): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.integer(let a), .date(let b)), (.integer(let a), .timestamp(let b)),
      (.integer(let a), .time(let b)):
      a == Int128(b)
    case (.double(let a), .double(let b)): a == b || a.isNaN && b.isNaN
    case (.string(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
    default: false
    }
  }
}
