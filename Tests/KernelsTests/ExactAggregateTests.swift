import Testing
import Vectors

@testable import Kernels

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Exact aggregates")
struct ExactAggregateTests {
  private func result(
    _ name: String, _ vectors: [Vector], single: Bool, groups: Int = 1
  ) throws -> [Value] {
    let function = try #require(AggregateRegistry.find(name))
    let accumulator = try function.resolve(argumentTypes: [vectors[0].type]).makeAccumulator()
    try accumulator.resize(groupCount: groups)
    for vector in vectors {
      if single {
        try accumulator.updateSingle([vector], count: vector.count, group: 0)
      } else {
        let zeros = [UInt32](repeating: 0, count: vector.count)
        try accumulator.update([vector], groups: zeros, count: vector.count)
      }
    }
    return try accumulator.finish(0..<groups).allValues
  }

  @Test("Float sums, averages and variances are the exact ones, rounded once, in any order")
  func fixtures() throws {
    var random = SeededRandom(3)
    for (index, fixture) in floatSumFixtures.enumerated() {
      for round in 0..<6 {
        let doubles = fixture.values.map { Double(bitPattern: $0) }.shuffled(using: &random)
        let cut = round % (doubles.count + 1)
        let vectors = [Array(doubles[..<cut]), Array(doubles[cut...])].map {
          Vector.make(.double, $0)
        }
        let single = round % 2 == 0
        let label: Comment = "case \(index)"
        #expect(
          try result("sum", vectors, single: single) == [.double(Double(bitPattern: fixture.sum))],
          label)
        #expect(
          try result("avg", vectors, single: single)
            == [.double(Double(bitPattern: fixture.average))], label)
        // Squares of tiny values underflow: there the variance is only close.
        let isTiny = doubles.contains { $0 != 0 && abs($0) < 1e-140 }
        guard !isTiny, let exact = fixture.variance else { continue }
        let variance = Value.double(Double(bitPattern: exact))
        #expect(try result("variance", vectors, single: single) == [variance], label)
        if case .double(let value) = variance {
          #expect(try result("stddev", vectors, single: single) == [.double(value.squareRoot())])
        }
      }
    }
  }

  @Test("A promoted and a windowed sum of the same values agree")
  func promotion() throws {
    var random = SeededRandom(11)
    let many = (0..<1000).map { _ in Double(Int64(random.next() % 1_000_000)) * 0.01 }
    let grouped = try result("sum", [.make(.double, many)], single: false)
    let single = try result("sum", [.make(.double, many)], single: true)
    #expect(grouped == single)
    let wild = many + [1e200, -1e200, 1e-200]
    #expect(
      try result("sum", [.make(.double, wild)], single: false)
        == result("sum", [.make(.double, wild.reversed())], single: true))
  }

  @Test("NaN and infinities follow arithmetic; out of range is an error")
  func specials() throws {
    for single in [false, true] {
      func sum(_ values: [Double]) throws -> Value {
        try result("sum", [.make(.double, values)], single: single)[0]
      }
      #expect(try sum([1, .infinity]) == .double(.infinity))
      #expect(try sum([-.infinity, 1]) == .double(-.infinity))
      #expect(try sum([.infinity, -.infinity]) == .double(.nan))
      #expect(try sum([.nan, 1]) == .double(.nan))
      #expect(throws: StoaError.self) { try sum([.greatestFiniteMagnitude, 1e300, 1e308]) }
      let average = try result(
        "avg", [.make(.double, [1e308, 1e308, 1e308])], single: single)
      #expect(average == [.double(1e308)])
    }
  }

  @Test("Integer sums leave 64 bits, and 128 bits are an error only in the end")
  func integerOverflow() throws {
    let big = Vector.make(.bigint, [Int64](repeating: .max, count: 10))
    #expect(
      try result("sum", [big, big], single: false) == [.integer(Int128(Int64.max) * 20)])
    let huge = Int128.max
    for single in [false, true] {
      let wraps = Vector.make(.hugeint, [huge, huge, -huge, -5])
      #expect(try result("sum", [wraps], single: single) == [.integer(huge - 5)])
      #expect(throws: StoaError.self) {
        _ = try result("sum", [.make(.hugeint, [huge, 1])], single: single)
      }
      let average = try result("avg", [.make(.hugeint, [huge, huge])], single: single)
      #expect(average == [.double(Double(huge))])
    }
    let decimal = LogicalType.decimal(precision: 38, scale: 2)
    let largest = Int128(AggregateErrors.largestDecimal)
    #expect(throws: StoaError.self) {
      _ = try result("sum", [.make(decimal, [largest, 1])], single: false)
    }
  }

  @Test("Averages of integers and decimals divide once")
  func averages() throws {
    let values = (0..<7).map { Int32($0 * $0) }
    #expect(try result("avg", [.make(.integer, values)], single: true) == [.double(13)])
    let third = try result("avg", [.make(.integer, [1, 0, 0] as [Int32])], single: false)
    #expect(third == [.double(1.0 / 3)])
    let cents = Vector.make(.decimal(precision: 9, scale: 2), [10, 20, 30] as [Int32])
    #expect(try result("avg", [cents], single: false) == [.double(0.2)])
    let wide = Vector.make(
      .decimal(precision: 38, scale: 38), [Int128(1), Int128(2)])
    #expect(try result("avg", [wide], single: false) == [.double(1.5e-38)])
  }

  @Test("Variances of integers are exact where doubles would cancel")
  func integerVariance() throws {
    let base: Int64 = 1 << 61
    let values = [base + 1, base + 2, base + 4]
    #expect(
      try result("var_pop", [.make(.bigint, values)], single: false) == [.double(14.0 / 9)])
    #expect(try result("variance", [.make(.bigint, [5 as Int64])], single: false) == [.null])
    #expect(try result("var_pop", [.make(.bigint, [5 as Int64])], single: false) == [.double(0)])
    let decimals = Vector.make(.decimal(precision: 18, scale: 3), [1000, 2000, 4000] as [Int64])
    #expect(
      try result("stddev_pop", [decimals], single: true) == [.double((14.0 / 9).squareRoot())])
  }

  @Test("Empty groups give NULL, counts give 0")
  func empty() throws {
    for function in AggregateRegistry.all {
      for type in [LogicalType.integer, .double, .varchar, .boolean] {
        guard let bound = try? function.resolve(argumentTypes: [type]) else { continue }
        let accumulator = bound.makeAccumulator()
        try accumulator.resize(groupCount: 2)
        let expected: Value = bound.isCount ? .integer(0) : .null
        #expect(try accumulator.finish(0..<2).allValues == [expected, expected])
        #expect(try accumulator.finish(0..<2).type == bound.resultType)
      }
    }
  }
}
