import Catalog
import Kernels
import SQL
import Storage
import Testing
import Vectors

@testable import Executor

/// Aggregates answered by zone maps and encoded chunks against the same ones over rows.
@Suite struct ChunkAggregateTests {
  private static let types: [LogicalType] = [
    .boolean, .tinyint, .integer, .bigint, .hugeint, .decimal(precision: 18, scale: 2), .real,
    .double, .varchar, .date, .timestamp,
  ]
  private static let encodings: [String?] = [
    nil, "DICTIONARY", "RLE", "BITMAP", "BITPACKED", "DELTA", "PATCHED", "PLAIN", "ZSTD",
  ]
  private static let rowsPerGroup = 1024

  /// A column of `type` beside the row's number. Each row group has another shape: one value, runs, few values, many,
  /// extremes, only NULLs; some have NULLs in between.
  private static func table(_ type: LogicalType, rows: Int, _ random: inout Random) -> TestTable {
    var made: [Row] = []
    var shape = 0
    var nulls = 0
    var base = 0
    for row in 0..<rows {
      if row % rowsPerGroup == 0 {
        (shape, nulls, base) = (random.below(6), random.below(3) * 20, random.below(100))
      }
      let number =
        switch shape {
        case 0: base
        case 1: base + row / 97
        case 2: base + random.below(5)
        case 3: random.below(1 << 30)
        default: random.below(200)
        }
      let isNull = shape == 5 || random.below(100) < nulls
      made.append([
        isNull ? .null : value(type, number, isExtreme: shape == 4 && number < 3, &random),
        .integer(Int128(row)),
      ])
    }
    return TestTable(types: [type, .integer], rows: made)
  }

  private static func value(
    _ type: LogicalType, _ number: Int, isExtreme: Bool, _ random: inout Random
  ) -> Value {
    let sign: Int128 = number % 2 == 0 ? 1 : -1
    switch type.physical {
    case .bool: return .boolean(number % 3 == 0)
    case .int8: return .integer(isExtreme ? -128 : Int128(number % 128) * sign)
    case .int16: return .integer(Int128(number % 32_768) * sign)
    case .int32: return .integer(isExtreme ? Int128(Int32.min) : Int128(number) * sign)
    case .int64: return .integer(isExtreme ? Int128(Int64.max) : Int128(number) * sign)
    case .int128: return .integer(isExtreme ? Int128.max / 3 * sign : Int128(number) << 70 * sign)
    case .float32, .float64:
      let special: [Double] = [.nan, -0.0, 0.0, .infinity, 1e300, -1e-300, 0.1]
      let chosen = isExtreme ? special[random.below(special.count)] : Double(number % 50) * -0.125
      return .double(type == .real ? Double(Float(chosen)) : chosen)
    case .string:
      let prefix = number % 2 == 0 ? "a prefix that is longer than zone maps keep, " : ""
      return .string("\(prefix)\(number)\(isExtreme ? "é\u{FFFD}" : "")")
    }
  }

  private static func calls(_ type: LogicalType) throws -> [AggregateCall] {
    let column = Expression.column(0, type)
    let filter = Expression.comparison(
      .greater, .column(1, .integer), .constant(.integer(700), .integer))
    var calls = [
      try AggregateTests.call("count", []), try AggregateTests.call("count", [column]),
    ]
    for name in ["min", "max", "sum", "avg", "bool_and", "bool_or"] {
      if let call = try? AggregateTests.call(name, [column]) { calls.append(call) }
    }
    calls.append(try AggregateTests.call("max", [.column(1, .integer)]))
    // These always need values.
    if let call = try? AggregateTests.call("stddev", [column]) { calls.append(call) }
    calls.append(try AggregateTests.call("count", [column], isDistinct: true))
    calls.append(try AggregateTests.call("min", [column], filter: filter))
    return calls
  }

  private static func plan(
    _ table: TestTable, _ calls: [AggregateCall], from first: Int?, readsChunks: Bool
  ) -> PhysicalPlan {
    let predicates = first.map { first in
      [
        (
          1,
          Expression.comparison(
            .greaterOrEqual, .column(0, .integer), .constant(.integer(Int128(first)), .integer))
        )
      ]
    }
    return .aggregate(
      AggregateNode(
        facts: facts(calls.map(\.function.resultType)),
        input: StorageScanTests.scan(table, columns: [0, 1], predicates: predicates ?? []),
        groups: [], aggregates: calls, readsChunks: readsChunks))
  }

  /// Results to the bit, or the error.
  private static func outcome(
    _ stored: StoredTables, _ plan: PhysicalPlan, threads: Int
  ) throws -> String {
    do {
      return try stored.run(plan, threads: threads).map { row in
        row.map { value -> String in
          if case .double(let number) = value { return "\(number.bitPattern)" }
          return "\(value)"
        }.joined(separator: " ")
      }.joined(separator: "\n")
    } catch let error as StoaError {
      return error.message
    }
  }

  @Test("Answers are those of reading rows, for every type and encoding", arguments: 0..<2)
  func sameAnswers(round: Int) throws {
    let seed = UInt64(7100 + round)
    var random = Random(seed)
    for type in Self.types {
      for encoding in Self.encodings {
        let table = Self.table(type, rows: 5500, &random)
        let stored = try StoredTables(
          [table], rowsPerGroup: Self.rowsPerGroup, encodings: [encoding, nil])
        let all = try Self.calls(type)
        let starts: [Int?] = [nil, 0, 1024, 3000, 9999]
        var cases = starts.flatMap { [(all, $0), (Array(all.prefix(4)), $0)] }
        for call in all { cases.append(([call], starts[random.below(starts.count)])) }
        for (calls, first) in cases {
          let expected = try Self.outcome(
            stored, Self.plan(table, calls, from: first, readsChunks: false), threads: 1)
          let found = try Self.outcome(
            stored, Self.plan(table, calls, from: first, readsChunks: true),
            threads: 1 + random.below(2))
          #expect(
            found == expected,
            "seed \(seed) \(type) \(encoding ?? "picked") \(calls.map(\.function.name)) \(first ?? -1)"
          )
        }
      }
    }
  }

  @Test("What zone maps know is answered without reading, and a filter they decide is not read")
  func metadata() throws {
    let rows = (0..<5000).map { row -> Row in
      [.integer(Int128(row % 7)), .integer(Int128(row)), .string("s\(row)")]
    }
    let table = TestTable(types: [.integer, .integer, .varchar], rows: rows)
    let stored = try StoredTables([table], rowsPerGroup: 1024)
    func profile(_ calls: [AggregateCall], from first: Int?) throws -> OperatorProfile {
      let profile = QueryProfile()
      _ = try stored.run(
        Self.plan(table, calls, from: first, readsChunks: true), profile: profile)
      return profile.operators[1]
    }
    let known = [
      try AggregateTests.call("count", []), try AggregateTests.call("min", [.column(0, .integer)]),
      try AggregateTests.call("max", [.column(1, .integer)]),
    ]
    let bare = try profile(known, from: nil)
    #expect(bare.rowGroupsFromMetadata == 5 && bare.rowGroupsRead == 0 && bare.byteCount == 0)
    #expect(bare.rowCount == 5000)
    let whole = try profile(known, from: 2048)
    #expect(whole.rowGroupsSkipped == 2 && whole.rowGroupsFromMetadata == 3)
    #expect(whole.byteCount == 0)
    let part = try profile(known, from: 2500)
    #expect(part.rowGroupsFromMetadata == 2 && part.rowGroupsRead == 1 && part.byteCount > 0)
    #expect(part.rowGroupsEncoded == 0)
    let sum = try profile([try AggregateTests.call("sum", [.column(0, .integer)])], from: nil)
    #expect(sum.rowGroupsRead == 5 && sum.rowGroupsEncoded == 5 && sum.rowGroupsFromMetadata == 0)
    #expect(sum.annotation.contains("encoded=5"))
    #expect(bare.annotation.contains("from_metadata=5"))
  }

  @Test("Long runs of equal keys are added as a whole, with the groups and results of single rows")
  func keyRuns() throws {
    let seed: UInt64 = 7200
    var random = Random(seed)
    var rows: [Row] = []
    for row in 0..<9000 {
      let first: Value = row / 700 % 4 == 3 ? .null : .integer(Int128(row / 350))
      let second: Value = .string(row < 4000 ? "all the same" : "name \(row / 1500)")
      rows.append([
        first, .integer(Int128(row / 900)), second,
        Self.value(.integer, row, isExtreme: false, &random),
        random.below(4) == 0 ? .null : .double(Double(random.below(999)) * 0.1),
        .string("text \(random.below(300))"),
      ])
    }
    let types: [LogicalType] = [.integer, .bigint, .varchar, .integer, .double, .varchar]
    let table = TestTable(types: types, rows: rows)
    let stored = try StoredTables([table], rowsPerGroup: 4096, encodings: ["RLE", "RLE", nil])
    let number = Expression.column(3, .integer)
    let calls = [
      try AggregateTests.call("count", []), try AggregateTests.call("sum", [number]),
      try AggregateTests.call("avg", [number]),
      try AggregateTests.call("sum", [.column(4, .double)]),
      try AggregateTests.call("count", [.column(4, .double)]),
      try AggregateTests.call("min", [.column(5, .varchar)]),
      try AggregateTests.call("max", [.column(4, .double)]),
      try AggregateTests.call("count", [number], isDistinct: true),
      try AggregateTests.call(
        "count", [], filter: .comparison(.greater, number, .constant(.integer(0), .integer))),
    ]
    for groups in [[0], [1], [0, 1], [1, 2], [2, 0]] {
      let plan = PhysicalPlan.aggregate(
        AggregateNode(
          facts: facts(groups.map { types[$0] } + calls.map(\.function.resultType)),
          input: StorageScanTests.scan(table, columns: Array(types.indices)),
          groups: groups.map { .column($0, types[$0]) }, aggregates: calls))
      // Batches of seven rows are too small for runs.
      let expected = sorted(try stored.run(plan, capacity: 7))
      #expect(expected.count == Set(rows.map { row in groups.map { row[$0] } }).count)
      for threads in [1, 2] {
        #expect(sorted(try stored.run(plan, threads: threads)) == expected, "\(groups)")
      }
    }
  }
}
