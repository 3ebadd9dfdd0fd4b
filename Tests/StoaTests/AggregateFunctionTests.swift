import Kernels
import Stoa
import TestSupport
import Testing

@Suite("Aggregate functions")
struct AggregateFunctionTests {
  @Test("every aggregate's example gives the result it promises")
  func examples() throws {
    let shop = try Shop()
    for function in AggregateRegistry.all {
      #expect(try shop.rows(function.example) == [[function.result]], "\(function.example)")
    }
  }

  @Test("approx_count_distinct is within 2 %, approx_quantile within 0.2 % of the range")
  func estimates() throws {
    let shop = try Shop()
    for count in [1_000, 5_000, 100_000, 400_000] {
      let rows = try shop.rows(
        """
        SELECT approx_count_distinct(i * 7919), approx_count_distinct(i::VARCHAR),
          approx_quantile(i, 0.25), approx_quantile(i::DOUBLE, 0.9)
        FROM range(\(count)) t(i)
        """)
      let numbers = rows[0].map { Double($0) ?? .nan }
      for estimate in numbers[..<2] {
        #expect(abs(estimate / Double(count) - 1) < 0.02, "\(estimate) of \(count)")
      }
      #expect(abs(numbers[2] / Double(count) - 0.25) < 0.002)
      #expect(abs(numbers[3] / Double(count) - 0.9) < 0.002)
    }
  }

  @Test("estimates are the same for one thread and two, whole or in parts")
  func deterministicEstimates() throws {
    let shop = try Shop()
    let query = """
      SELECT i % 3, approx_count_distinct(i * i % 70001), approx_quantile(sqrt(i), 0.37),
        sum(ln(i + 1)), corr(i, sqrt(i)), skewness(i % 1000), product(1 + 1.0 / (i + 1)), median(i % 977)
      FROM range(200000) t(i) GROUP BY i % 3 ORDER BY 1
      """
    var answers: Set<[[String]]> = []
    for setting in [
      "SET threads = 1", "SET threads = 2", "SET batch_size = 977", "SET spill_always = true",
    ] {
      try shop.session.execute(setting)
      answers.insert(try shop.rows(query))
    }
    #expect(answers.count == 1)
  }
}

@Suite("Grouping past memory")
struct GroupingMemoryTests {
  /// A query under a limit it must spill for, and without.
  private func check(_ query: String, limit: String) throws {
    let shop = try Shop("SET threads = 2")
    let expected = try shop.rows(query)
    try shop.session.execute("SET memory_limit = '\(limit)'")
    #expect(try shop.rows(query) == expected, "\(query)")
    let profile = try shop.rows("EXPLAIN ANALYZE \(query)").joined().joined(separator: "\n")
    #expect(profile.contains("spill"), "\(profile)")
  }

  @Test("DISTINCT aggregates spill, with groups and without")
  func distinct() throws {
    try check(
      """
      SELECT count(DISTINCT i * 7919 % 199999), sum(i), count(DISTINCT i % 50021) FROM range(300000) t(i)
      """, limit: "6MB")
    try check(
      """
      SELECT count(*), sum(a), sum(b) FROM (SELECT i % 20011, count(DISTINCT i % 100003) a,
        sum(DISTINCT i % 1009) b FROM range(300000) t(i) GROUP BY i % 20011) x
      """, limit: "6MB")
  }

  @Test("ordered aggregates spill, with groups and without")
  func ordered() throws {
    try check(
      """
      SELECT sum(length(s)), min(f), max(l), sum(hash(s) % 1000) FROM (SELECT i % 1009,
        string_agg((i * 7919 % 100003)::VARCHAR, ',' ORDER BY i * 7919 % 100003 DESC, i) s,
        first(i ORDER BY i * 7919 % 100003, i) f, last(i ORDER BY i * 7919 % 100003, i) l
        FROM range(300000) t(i) GROUP BY i % 1009) x
      """, limit: "9MB")
    try check(
      """
      SELECT first(i ORDER BY i * 7919 % 100003, i), last(i ORDER BY i * 7919 % 100003, i), count(*)
      FROM range(400000) t(i)
      """, limit: "6MB")
  }

  @Test("a partition that does not fit is divided again")
  func recursion() throws {
    try check(
      """
      SELECT count(*), sum(n), sum(m), sum(length(k)) FROM (SELECT 'a key with some length ' || i k,
        count(*) n, max(i) m FROM range(600000) t(i) GROUP BY 1) x
      """, limit: "4MB")
  }
}
