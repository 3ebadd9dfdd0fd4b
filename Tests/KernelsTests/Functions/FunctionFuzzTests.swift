import Testing
import Vectors

@testable import Kernels

/// Every function with arguments nobody would give it.
@Suite("Functions and arguments of any kind")
struct FunctionFuzzTests {
  private static let texts = [
    "", "a", "Z", "é", "日本語", "%", "%s %I %L", "%d", "%-5.3f|%*d", "%Y-%m-%d", "YYYY-MM-DD HH24",
    "999,999.99", "FM0V99EEEE", "RN", "month", "year", "epoch", "nan", "2024-02-29", "10",
    "1 month", "\\", "\u{301}", "a\u{0}b", "🤦🏼‍♂️", "((", "[a-", "(a|b)*", "i", "g", " ", "-1",
    "%%%", "\"", "FMDay, DDth", "9.99S", "%a %b %c %U %z", String(repeating: "ab", count: 500),
  ]
  private static let integers: [Int128] = [
    0, 1, -1, 2, 3, 7, 33, 34, 64, 255, 1000, -128, 127, 32_767, -2_147_483_648, 2_147_483_647,
    9_223_372_036_854_775_807, -9_223_372_036_854_775_808, Int128.max, Int128.min,
  ]
  private static let reals: [Double] = [
    0, -0.0, 1, -1, 0.5, 2.5, .leastNonzeroMagnitude, 1e308, -1e308, 1e18, 9.3e18, .nan, .infinity,
    -.infinity, 30,
  ]

  private static func random(_ generator: inout SeededGenerator) -> (Value, LogicalType) {
    func pick<T>(_ items: [T]) -> T { items[Int.random(in: 0..<items.count, using: &generator)] }
    switch Int.random(in: 0..<14, using: &generator) {
    case 0: return (.null, pick([.null, .varchar, .bigint, .double, .timestamp, .interval]))
    case 1...4: return (.string(pick(texts)), .varchar)
    case 5, 6:
      let value = pick(integers)
      let types: [LogicalType] = [.tinyint, .smallint, .integer, .bigint, .hugeint]
      return (.integer(value), pick(types.filter { ImplicitCast.holds($0, value) }))
    case 7: return (.double(pick(reals)), .double)
    case 8: return (.double(Double(Float(pick(reals)))), .real)
    case 9: return (.integer(pick([0, 5, -12_345, 99_999])), .decimal(precision: 5, scale: 2))
    case 10: return (.integer(pick([0, 19_782, -719_162, 2_147_483_647, -2_147_483_648])), .date)
    case 11:
      return (
        .integer(pick([0, 1, -1, 1_709_212_455_123_456, Int128(Int64.max), Int128(Int64.min)])),
        .timestamp
      )
    case 12:
      let parts = [Int32.min, -1, 0, 1, 13, Int32.max]
      let micros = [Int64.min, -1, 0, 1, 3_600_000_000, Int64.max]
      let interval = Interval(months: pick(parts), days: pick(parts), microseconds: pick(micros))
      return (.integer(interval.packed), .interval)
    default: return (.boolean(Bool.random(using: &generator)), .boolean)
    }
  }

  @Test(
    "rows give a value or an error, the same for constants and columns",
    arguments: FunctionRegistry.all.map(\.name))
  func anything(name: String) throws {
    // The clock and random numbers differ each time, and setseed changes what others see.
    let changes = [
      "clock_timestamp", "random", "random_normal", "setseed", "now", "current_date",
      "localtimestamp", "localtime", "gen_random_uuid",
    ]
    var generator = SeededGenerator(
      UInt64(truncatingIfNeeded: name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))
    for _ in 0..<400 {
      let count = Int.random(in: 0...5, using: &generator)
      let arguments = (0..<count).map { _ in Self.random(&generator) }
      let constants = arguments.map { Expression.constant($0.0, $0.1) }
      guard let call = try? FunctionRegistry.bind(name, constants) else { continue }
      let constant = Result { () throws(StoaError) -> Value in try call.evaluateConstant() }
      // The same from columns, where the types allow it: literals give way, columns do not.
      let columns = arguments.enumerated().map { Expression.column($0, $1.1) }
      guard !changes.contains(name), let bound = try? FunctionRegistry.bind(name, columns),
        bound.type == call.type
      else { continue }
      let vectors = arguments.map { Vector(constant: $0.0, type: $0.1, count: 3).flattened() }
      let flat = Result { () throws(StoaError) -> Value in
        try bound.evaluate(Batch(columns: vectors, rowCount: 3)).value(at: 1)
      }
      switch (constant, flat) {
      case (.success(let a), .success(let b)):
        let same = a == b || "\(a)" == "\(b)"
        #expect(same, "\(name)\(arguments): \(a) and \(b)")
      case (.failure, .failure): break
      default: Issue.record("\(name)\(arguments): \(constant) and \(flat)")
      }
    }
  }
}
