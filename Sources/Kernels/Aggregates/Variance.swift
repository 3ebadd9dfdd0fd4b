import Vectors

// Variance and standard deviation from count, exact sum and exact sum of squares:
//
//   variance = (n Σx² − (Σx)²) ÷ (n (n − 1) 10^(2 scale)), population variance with n² for n (n − 1)
//
// The numerator is computed without rounding and divided once, so nothing cancels, and the answer does not depend on
// order. Integers up to 64 bits sum x in 128 bits and x² in 192. Floats (and HUGEINT and decimals past 18
// digits, taken as DOUBLE) use exact float sums; x² enters as the product rounded to a double and the
// rounding error, which fused multiply-add gives exactly.

extension AggregateFunction {
  /// Sample variance; NULL of fewer than two values.
  static let variance = AggregateFunction(
    "variance", aliases: ["var_samp"], signature: "x",
    help: "The sample variance, dividing by n − 1",
    example: "SELECT variance(x) FROM (VALUES (1), (2), (3)) t(x)", result: "1.0"
  ) { bindSpread("variance", $0, .variance, isSample: true) }

  /// Population variance; NULL of no values.
  static let populationVariance = AggregateFunction(
    "var_pop", signature: "x", help: "The population variance, dividing by n",
    example: "SELECT var_pop(x) FROM (VALUES (1), (3)) t(x)", result: "1.0"
  ) { bindSpread("var_pop", $0, .variance, isSample: false) }

  /// Square root of the sample variance.
  static let standardDeviation = AggregateFunction(
    "stddev", aliases: ["stddev_samp"], signature: "x",
    help: "The sample standard deviation, the root of variance(x)",
    example: "SELECT stddev(x) FROM (VALUES (1), (2), (3)) t(x)", result: "1.0"
  ) { bindSpread("stddev", $0, .deviation, isSample: true) }

  /// Square root of the population variance.
  static let populationStandardDeviation = AggregateFunction(
    "stddev_pop", signature: "x", help: "The population standard deviation, the root of var_pop(x)",
    example: "SELECT stddev_pop(x) FROM (VALUES (1), (3)) t(x)", result: "1.0"
  ) { bindSpread("stddev_pop", $0, .deviation, isSample: false) }

  private static func bindSpread(
    _ name: String, _ types: [LogicalType], _ result: SpreadResult, isSample: Bool
  ) -> BoundAggregate? {
    guard types.count == 1, types[0].isNumeric || types[0] == .null else { return nil }
    let type = types[0]
    return BoundAggregate(name: name, argumentTypes: types, resultType: .double) {
      switch type.physical {
      case .float32, .float64, .int128:
        FloatSpreadAccumulator(result, isSample: isSample, scale: type.scale)
      case .bool, .int8, .int16, .int32, .int64, .string:
        IntegerSpreadAccumulator(result, isSample: isSample, scale: type.scale)
      }
    }
  }
}

/// What a spread accumulator gives out.
enum SpreadResult: Sendable {
  case variance, deviation

  /// From n, Σx and Σx².
  func value(
    count: Int64, sum: WideInteger, squares: WideInteger, isSample: Bool, scale: Int
  ) -> Double {
    let n = UInt64(count)
    // Less than zero only when squares underflowed.
    guard let numerator = squares.times(WideInteger(UInt128(n))).minus(sum.magnitudeSquared) else {
      return 0
    }
    let variance = numerator.divided(by: n).divided(by: isSample ? n - 1 : n)
      .dividedByPowerOfTen(2 * scale).rounded()
    return self == .variance ? variance : variance.squareRoot()
  }
}

extension WideInteger {
  var magnitudeSquared: WideInteger { times(self) }
}

/// Spread of integers up to 64 bits; states of all groups.
final class IntegerSpreadAccumulator: AggregateAccumulator {
  private let result: SpreadResult
  private let isSample: Bool
  private let scale: Int
  private let counts = GroupArray<Int64>(0)
  private let sums = GroupArray<Int128>(0)
  /// Σx², low 128 bits and what carries out of them.
  private let squares = GroupArray<UInt128>(0)
  private let carries = GroupArray<Int64>(0)

  init(_ result: SpreadResult, isSample: Bool, scale: Int) {
    self.result = result
    self.isSample = isSample
    self.scale = scale
  }

  var byteCount: Int {
    counts.byteCount + sums.byteCount + squares.byteCount + carries.byteCount
  }

  func resize(groupCount: Int) {
    counts.resize(to: groupCount)
    sums.resize(to: groupCount)
    squares.resize(to: groupCount)
    carries.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    add(arguments[0]) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    add(arguments[0]) { _ in group }
  }

  @inline(__always)
  private func add(_ vector: Vector, _ group: (Int) -> Int) {
    switch vector.type.physical {
    case .int8: add(vector, Int8.self, group)
    case .int16: add(vector, Int16.self, group)
    case .int32: add(vector, Int32.self, group)
    case .int64: add(vector, Int64.self, group)
    case .bool, .int128, .float32, .float64, .string: assert(vector.type == .null)
    }
  }

  @inline(__always)
  private func add<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type, _ group: (Int) -> Int
  ) {
    let counts = counts.base
    let sums = sums.base
    let squares = squares.base
    let carries = carries.base
    ValidRows.forEach(vector, as: T.self) { row, value in
      let group = group(row)
      let magnitude = Int64(truncatingIfNeeded: value).magnitude
      let product = magnitude.multipliedFullWidth(by: magnitude)
      let square = UInt128(product.high) << 64 | UInt128(product.low)
      let (total, overflow) = squares[group].addingReportingOverflow(square)
      squares[group] = total
      if overflow { carries[group] &+= 1 }
      sums[group] &+= Int128(truncatingIfNeeded: value)
      counts[group] &+= 1
    }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is IntegerSpreadAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: count, sum, low 128 bits of the sum of squares (as a pattern), carries.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [
      counts.vector(range, .bigint), sums.vector(range, .hugeint),
      squares.vector(range, .hugeint), carries.vector(range, .bigint),
    ]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.int64, .int128, .int128, .int64], count)
    let flat = partials.map { $0.flattened() }
    let addedCounts = flat[0].base.assumingMemoryBound(to: Int64.self)
    let addedSums = flat[1].base.assumingMemoryBound(to: Int128.self)
    let addedSquares = flat[2].base.assumingMemoryBound(to: UInt128.self)
    let addedCarries = flat[3].base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count {
      let group = Int(groups[index])
      counts.base[group] &+= addedCounts[index]
      sums.base[group] &+= addedSums[index]
      let (total, overflow) = squares.base[group].addingReportingOverflow(addedSquares[index])
      squares.base[group] = total
      carries.base[group] &+= addedCarries[index] &+ (overflow ? 1 : 0)
    }
    withExtendedLifetime(flat) {}
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let least: Int64 = isSample ? 2 : 1
    let buffer = Buffer(byteCount: max(1, range.count) * 8)
    let out = buffer.typed(Double.self)
    for (index, group) in range.enumerated() {
      out[index] = 0
      guard counts.base[group] >= least else { continue }
      let total = WideInteger(
        squares.base[group], high: UInt64(bitPattern: carries.base[group]))
      out[index] = result.value(
        count: counts.base[group], sum: WideInteger(sums.base[group]), squares: total,
        isSample: isSample, scale: scale)
    }
    let validity = Validity.make(count: range.count) {
      counts.base[range.lowerBound + $0] >= least
    }
    return Vector(flat: buffer, type: .double, count: range.count, validity: validity)
  }
}
