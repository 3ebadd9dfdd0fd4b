import Stoa
import TestSupport
import Testing

/// Window functions over random rows and frames, compared with an evaluation that looks at every row of the
/// partition for every row.
@Suite("Window frames")
struct WindowFrameTests {
  /// One row of the table: `id` 0…, `g` partition, `k` order, `v` argument.
  private struct Row {
    var id: Int
    var g: Int?
    var k: Int?
    var v: Int?
  }

  private enum Unit: String, CaseIterable { case rows = "ROWS", range = "RANGE", groups = "GROUPS" }

  /// An end of a frame: infinite, or a distance (negative for PRECEDING).
  private struct End {
    var distance: Int?
    var text: String
  }

  private struct Frame {
    var unit: Unit
    var start: End
    var end: End
    var exclusion: String
    var isDescending: Bool
    var hasPartition: Bool

    var sql: String {
      let partition = hasPartition ? "PARTITION BY g " : ""
      let order = isDescending ? "k DESC" : "k"
      let keys = unit == .rows ? "\(order), id" : order
      return "\(partition)ORDER BY \(keys) \(unit.rawValue) BETWEEN \(start.text) AND \(end.text) "
        + "EXCLUDE \(exclusion)"
    }
  }

  @Test("random frames give what a row-at-a-time evaluation gives", arguments: [false, true])
  func randomFrames(spills: Bool) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("WindowFrameTests seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for round in 0..<6 {
      let shop = try Shop("CREATE TABLE t (id INTEGER, g INTEGER, k INTEGER, v INTEGER)")
      let session = shop.session
      let count = [0, 1, 7, 40, 100, 300][round]
      let rows = (0..<count).map { id in
        Row(
          id: id, g: maybe(0..<4, &random), k: maybe(-20..<20, &random),
          v: maybe(-50..<50, &random))
      }
      if count > 0 {
        func text(_ value: Int?) -> String { value.map(String.init) ?? "NULL" }
        let values = rows.map { "(\($0.id), \(text($0.g)), \(text($0.k)), \(text($0.v)))" }
        try session.execute("INSERT INTO t VALUES \(values.joined(separator: ", "))")
      }
      if spills {
        try session.execute("SET spill_always = true")
        try session.execute("SET batch_size = 17")
      }
      for _ in 0..<15 {
        let frame = randomFrame(&random)
        try check(frame, rows, session, seed: seed)
      }
    }
  }

  /// NULL one time in eight.
  private func maybe(_ range: Range<Int>, _ random: inout SeededGenerator) -> Int? {
    Int.random(in: 0..<8, using: &random) == 0 ? nil : .random(in: range, using: &random)
  }

  private func randomFrame(_ random: inout SeededGenerator) -> Frame {
    let unit = Unit.allCases.randomElement(using: &random)!
    while true {
      let start = randomEnd(isStart: true, &random)
      let end = randomEnd(isStart: false, &random)
      // What SQL refuses.
      if start.distance != nil, end.distance != nil {
        if start.text.contains("FOLLOWING"), !end.text.contains("FOLLOWING") { continue }
        if start.text == "CURRENT ROW", end.text.contains("PRECEDING") { continue }
      }
      return Frame(
        unit: unit, start: start, end: end,
        exclusion: ["NO OTHERS", "NO OTHERS", "CURRENT ROW", "GROUP", "TIES"].randomElement(
          using: &random)!,
        isDescending: .random(using: &random), hasPartition: .random(using: &random))
    }
  }

  @Test("a partition that goes by in pieces gives what the whole partition gives")
  func pieces() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("WindowFrameTests seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let shop = try Shop("CREATE TABLE t (id INTEGER, g INTEGER, k INTEGER, v INTEGER, s VARCHAR)")
    let values = (0..<200).map { id in
      let row = [maybe(0..<3, &random), maybe(-20..<20, &random), maybe(-50..<50, &random)]
      let texts = row.map { $0.map(String.init) ?? "NULL" }
      return "(\(id), \(texts.joined(separator: ", ")), 'a text of some length \(id % 7)')"
    }
    try shop.session.execute("INSERT INTO t VALUES \(values.joined(separator: ", "))")
    for window in ["PARTITION BY g ORDER BY k, id", "ORDER BY k, id", "PARTITION BY g ORDER BY k"] {
      let isTotal = window.contains("id")
      let ranks =
        "rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, "
        + "sum(v) OVER w, count(v) FILTER (WHERE id % 3 = 0) OVER w, stddev(v) OVER w, "
        + "max(s) OVER w, sum(k) OVER (w GROUPS UNBOUNDED PRECEDING)"
      let places =
        "row_number() OVER w, ntile(7) OVER w, lag(v, 3, -1) OVER w, lead(s) OVER w, "
        + "avg(v) OVER (w ROWS BETWEEN 4 PRECEDING AND 2 FOLLOWING), "
        + "first_value(id) OVER (w ROWS 11 PRECEDING), bool_or(v > 40) OVER (w ROWS 2 PRECEDING), "
        + "sum(v) OVER (w ROWS UNBOUNDED PRECEDING), min(v) OVER (w ROWS BETWEEN 3 FOLLOWING "
        + "AND 5 FOLLOWING)"
      let key = window.contains("PARTITION") ? "PARTITION BY g" : ""
      let whole = "sum(v) OVER (\(key)), count(DISTINCT v) OVER (\(key)), max(s) OVER (\(key))"
      for list in isTotal ? [ranks, places, whole, "\(ranks), \(places), \(whole)"] : [ranks] {
        let sql = "SELECT id, \(list) FROM t WINDOW w AS (\(window)) ORDER BY id"
        try shop.session.execute("SET spill_always = false")
        let expected = try shop.rows(sql)
        try shop.session.execute("SET spill_always = true")
        try shop.session.execute("SET batch_size = 13")
        let found = try shop.rows(sql)
        #expect(found == expected, "\(sql), seed \(seed)")
      }
    }
  }

  @Test("many workers find what one finds")
  func workers() throws {
    let shop = try Shop(
      "CREATE TABLE t AS SELECT x, x % 1000 AS g, x * 7919 % 100003 AS k FROM range(150000) s(x)")
    let queries = [
      "SELECT count(*), sum(n * k), sum(m) FROM (SELECT k, row_number() OVER (PARTITION BY g "
        + "ORDER BY k, x) AS n, max(x) OVER (PARTITION BY g ORDER BY k, x ROWS 5 PRECEDING) AS m "
        + "FROM t)",
      "SELECT count(*), sum(s * x), sum(c), sum(d) FROM (SELECT x, sum(k) OVER (PARTITION BY g) "
        + "AS s, count(*) FILTER (WHERE k % 2 = 0) OVER (PARTITION BY g) AS c, "
        + "count(DISTINCT k % 10) OVER (PARTITION BY g) AS d FROM t)",
      "SELECT count(*), sum(n * x) FROM (SELECT x, rank() OVER (ORDER BY k) AS n FROM t)",
      "SELECT count(*), sum(x) FROM (SELECT x FROM t QUALIFY row_number() OVER (PARTITION BY g "
        + "ORDER BY k, x) <= 3)",
    ]
    for sql in queries {
      try shop.session.execute("SET threads = 1")
      let expected = try shop.rows(sql)
      try shop.session.execute("SET threads = 4")
      #expect(try shop.rows(sql) == expected, "\(sql)")
    }
  }

  @Test("a partition larger than the memory limit")
  func largePartition() throws {
    let shop = try Shop("SET threads = 1")
    let sql = """
      SELECT count(*), sum(n), sum(s), sum(w), max(p) FROM (
        SELECT row_number() OVER (ORDER BY x % 1000, x) AS n, sum(x) OVER (ORDER BY x % 1000, x) AS s,
          sum(x) OVER () AS w, lag(x) OVER (ORDER BY x % 1000, x) AS p
        FROM range(300000) t(x))
      """
    let expected = try shop.rows(sql)
    try shop.session.execute("SET memory_limit = '6MB'")
    #expect(try shop.rows(sql) == expected)
  }

  private func randomEnd(isStart: Bool, _ random: inout SeededGenerator) -> End {
    let distance = Int.random(in: 0..<12, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return End(text: isStart ? "UNBOUNDED PRECEDING" : "UNBOUNDED FOLLOWING")
    case 1: return End(distance: 0, text: "CURRENT ROW")
    case 2: return End(distance: -distance, text: "\(distance) PRECEDING")
    default: return End(distance: distance, text: "\(distance) FOLLOWING")
    }
  }

  private func check(
    _ frame: Frame, _ rows: [Row], _ session: Session, seed: UInt64
  ) throws {
    let sql = """
      SELECT id, count(*) OVER f, count(v) OVER f, sum(v) OVER f, min(v) OVER f, max(v) OVER f,
        bool_or(v > 40) OVER f, count(DISTINCT v) OVER f, first_value(v) OVER f,
        last_value(v IGNORE NULLS) OVER f, nth_value(v, 3) OVER f,
        sum(v) FILTER (WHERE id % 3 = 0) OVER f, sum(CAST(v AS DOUBLE)) OVER f,
        sum(CAST(v AS HUGEINT)) OVER f
      FROM t WINDOW f AS (\(frame.sql)) ORDER BY id
      """
    let result = try session.execute(sql)
    var found: [[String]] = []
    while let row = try result.nextRow() {
      found.append(result.columns.indices.map { row.text($0) ?? "NULL" })
    }
    try #require(found.count == rows.count, "\(sql), seed \(seed)")
    for row in rows {
      // The order of rows within peers is not said, so values by place are compared where it is.
      let members = frameRows(of: row, frame, rows)
      var expected = answers(row, members)
      var actual = found[row.id]
      if frame.unit != .rows {
        for index in [8, 9, 10] {
          expected[index] = "-"
          actual[index] = "-"
        }
      }
      if !zip(actual, expected).allSatisfy({ AnswerTable.areEqual($0, $1) }) {
        Issue.record("\(sql), row \(row), seed \(seed): \(actual), expected \(expected)")
        return
      }
    }
  }

  private func answers(_ row: Row, _ members: [Row]) -> [String] {
    let values = members.compactMap(\.v)
    func text(_ value: Int?) -> String { value.map(String.init) ?? "NULL" }
    func sum(_ values: [Int]) -> Int? { values.isEmpty ? nil : values.reduce(0, +) }
    let filtered = members.filter { $0.id % 3 == 0 }.compactMap(\.v)
    let isAny = values.isEmpty ? "NULL" : values.contains { $0 > 40 } ? "true" : "false"
    return [
      String(row.id), String(members.count), String(values.count), text(sum(values)),
      text(values.min()), text(values.max()), isAny, String(Set(values).count),
      text(members.first?.v), text(values.last),
      text(members.count > 2 ? members[2].v : nil), text(sum(filtered)), text(sum(values)),
      text(sum(values)),
    ]
  }

  /// The rows of the frame of `row`, in order.
  private func frameRows(of row: Row, _ frame: Frame, _ rows: [Row]) -> [Row] {
    let partition = rows.filter { !frame.hasPartition || $0.g == row.g }.sorted {
      precedes($0, $1, frame)
    }
    let place = partition.firstIndex { $0.id == row.id }!
    let isPeer = { (other: Row) in frame.unit == .rows ? other.id == row.id : other.k == row.k }
    var groups: [Int] = []
    for (index, other) in partition.enumerated() {
      groups.append(
        index == 0 ? 0 : groups[index - 1] + (partition[index - 1].k == other.k ? 0 : 1))
    }
    func isInside(_ index: Int) -> Bool {
      switch frame.unit {
      case .rows:
        return isBetween(index - place, frame)
      case .groups:
        return isBetween(groups[index] - groups[place], frame)
      case .range:
        let other = partition[index]
        // Offsets reach no NULL from a value and no value from NULL; infinite ends do.
        let direction = frame.isDescending ? -1 : 1
        func isPast(_ end: End, _ isStart: Bool) -> Bool {
          guard let distance = end.distance else { return true }
          guard let own = row.k, let its = other.k else {
            if row.k == nil, other.k == nil { return true }
            return isStart ? index > place : index < place
          }
          let difference = (its - own) * direction
          return isStart ? difference >= distance : difference <= distance
        }
        return isPast(frame.start, true) && isPast(frame.end, false)
      }
    }
    return partition.enumerated().filter { index, other in
      guard isInside(index) else { return false }
      switch frame.exclusion {
      case "CURRENT ROW": return other.id != row.id
      case "GROUP": return !isPeer(other)
      case "TIES": return !isPeer(other) || other.id == row.id
      default: return true
      }
    }.map(\.element)
  }

  private func isBetween(_ difference: Int, _ frame: Frame) -> Bool {
    difference >= frame.start.distance ?? .min && difference <= frame.end.distance ?? .max
  }

  /// NULLs come last ascending, first descending.
  private func precedes(_ left: Row, _ right: Row, _ frame: Frame) -> Bool {
    if left.k == right.k { return left.id < right.id }
    guard let a = left.k else { return frame.isDescending }
    guard let b = right.k else { return !frame.isDescending }
    return frame.isDescending ? a > b : a < b
  }
}
