import Vectors

// corr, covar_… and regr_…: statistics of pairs (y, x) of which neither is NULL, from the count and the exact sums of
// x, y, x², y² and xy. Every difference is taken before anything is rounded:
//
//   Sxx = (n Σx² − (Σx)²) ÷ n   Syy likewise   Sxy = (n Σxy − Σx Σy) ÷ n
//
// so nothing cancels and the order of rows does not matter. Products enter as the rounded product and its
// rounding error, which fused multiply-add gives exactly.

extension AggregateFunction {
  /// All statistics of pairs.
  static let pairStatistics: [AggregateFunction] = [
    pair(
      "corr", .correlation, "Pearson's coefficient of correlation of y and x",
      [(1, 2), (2, 4)], "1.0"),
    pair("covar_pop", .populationCovariance, "The population covariance", [(1, 2), (3, 6)], "2.0"),
    pair("covar_samp", .sampleCovariance, "The sample covariance", [(1, 2), (3, 6)], "4.0"),
    pair("regr_count", .count, "Pairs of which neither is NULL", [(1, 2), (3, 6)], "2"),
    pair("regr_avgx", .averageX, "The average of x over such pairs", [(1, 2), (3, 6)], "4.0"),
    pair("regr_avgy", .averageY, "The average of y over such pairs", [(1, 2), (3, 6)], "2.0"),
    pair("regr_sxx", .sumXX, "The sum of squares of x around its mean", [(1, 2), (3, 6)], "8.0"),
    pair("regr_syy", .sumYY, "The sum of squares of y around its mean", [(1, 2), (3, 6)], "2.0"),
    pair("regr_sxy", .sumXY, "The sum of products around the means", [(1, 2), (3, 6)], "4.0"),
    pair("regr_slope", .slope, "The slope of the line that fits best", [(1, 2), (3, 6)], "0.5"),
    pair(
      "regr_intercept", .intercept, "Where the line that fits best meets x = 0",
      [(2, 2), (4, 6)], "1.0"),
    pair("regr_r2", .determination, "The square of the correlation", [(1, 2), (3, 6)], "1.0"),
  ]

  private static func pair(
    _ name: String, _ statistic: PairStatistic, _ help: String, _ rows: [(Int, Int)],
    _ result: String
  ) -> AggregateFunction {
    let values = rows.map { "(\($0.0), \($0.1))" }.joined(separator: ", ")
    return AggregateFunction(
      name, signature: "y DOUBLE, x DOUBLE", help: help,
      example: "SELECT \(name)(y, x) FROM (VALUES \(values)) t(y, x)", result: result
    ) { types in
      guard types.count == 2, types.allSatisfy({ $0.isNumeric || $0 == .null }) else { return nil }
      return BoundAggregate(
        name: name, argumentTypes: [.double, .double],
        resultType: statistic == .count ? .bigint : .double
      ) { PairAccumulator(statistic) }
    }
  }
}

/// A statistic of pairs.
enum PairStatistic: Sendable {
  case correlation, populationCovariance, sampleCovariance, count, averageX, averageY
  case sumXX, sumYY, sumXY, slope, intercept, determination

  /// Indexes into x, y, xx, yy, xy.
  var sums: [Int] {
    switch self {
    case .count: []
    case .averageX: [0]
    case .averageY: [1]
    case .sumXX: [0, 2]
    case .sumYY: [1, 3]
    case .populationCovariance, .sampleCovariance, .sumXY: [0, 1, 4]
    case .slope, .intercept: [0, 1, 2, 4]
    case .correlation, .determination: [0, 1, 2, 3, 4]
    }
  }
}

/// Statistics of pairs by group.
final class PairAccumulator: AggregateAccumulator {
  private let statistic: PairStatistic
  private let counts = GroupArray<Int64>(0)
  /// x, y, xx, yy, xy; only those needed grow.
  private let sums: [ExactSums]
  private let needed: [Int]

  init(_ statistic: PairStatistic) {
    self.statistic = statistic
    needed = statistic.sums
    sums = (0..<5).map { _ in ExactSums() }
  }

  var byteCount: Int { sums.reduce(counts.byteCount) { $0 + $1.byteCount } }

  func resize(groupCount: Int) {
    counts.resize(to: groupCount)
    for index in needed { sums[index].resize(groupCount: groupCount) }
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    add(arguments, count) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    add(arguments, count) { _ in group }
  }

  private func add(_ arguments: [Vector], _ count: Int, _ group: (Int) -> Int) {
    let ys = arguments[0].flattened()
    let xs = arguments[1].flattened()
    let y = ys.base.assumingMemoryBound(to: Double.self)
    let x = xs.base.assumingMemoryBound(to: Double.self)
    for row in 0..<count where ys.isValid(row) && xs.isValid(row) {
      let group = group(row)
      counts.base[group] += 1
      for index in needed {
        switch index {
        case 0: sums[0].addAny(x[row], group)
        case 1: sums[1].addAny(y[row], group)
        case 2: sums[2].addProduct(x[row], x[row], group)
        case 3: sums[3].addProduct(y[row], y[row], group)
        default: sums[4].addProduct(x[row], y[row], group)
        }
      }
    }
    withExtendedLifetime((ys, xs)) {}
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is PairAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: count, then the exact sums needed, as bytes.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [counts.vector(range, .bigint)] + needed.map { sums[$0].partialStates(range) }
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.int64] + needed.map { _ in .string }, count)
    let flat = partials[0].flattened()
    let added = flat.base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count { counts.base[Int(groups[index])] &+= added[index] }
    withExtendedLifetime(flat) {}
    for (place, index) in needed.enumerated() {
      try sums[index].combine(partials[place + 1], groups: groups, count: count)
    }
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    if statistic == .count { return counts.vector(range, .bigint) }
    return try Vector.doubles(range) { (group) throws(StoaError) in
      let count = counts.base[group]
      guard count > (statistic == .sampleCovariance ? 1 : 0) else { return nil }
      if needed.contains(where: { sums[$0].special(group) != nil }) {
        if statistic == .averageX { return sums[0].rounded(group) }
        return statistic == .averageY ? sums[1].rounded(group) : .nan
      }
      let result = value(group, count)
      if let result, result.isInfinite {
        throw StoaError(.evaluation, "the statistic is out of range for DOUBLE")
      }
      return result
    }
  }

  private func value(_ group: Int, _ count: Int64) -> Double? {
    let n = UInt64(count)
    switch statistic {
    case .count: return nil
    case .averageX: return sums[0].average(group, count: count)
    case .averageY: return sums[1].average(group, count: count)
    case .sumXX: return deviation(2, 0, 0, group, n).divided(by: n).rounded()
    case .sumYY: return deviation(3, 1, 1, group, n).divided(by: n).rounded()
    case .sumXY: return deviation(4, 0, 1, group, n).divided(by: n).rounded()
    case .populationCovariance:
      return deviation(4, 0, 1, group, n).divided(by: n).divided(by: n).rounded()
    case .sampleCovariance:
      return deviation(4, 0, 1, group, n).divided(by: n).divided(by: n - 1).rounded()
    case .correlation: return correlation(group, n)
    case .determination:
      let (xx, yy) = (deviation(2, 0, 0, group, n), deviation(3, 1, 1, group, n))
      if xx.isZero { return nil }
      if yy.isZero { return 1 }
      return correlation(group, n).map { $0 * $0 }
    case .slope: return slope(group, n)
    case .intercept:
      return slope(group, n).map {
        (sums[1].value(group).rounded() - $0 * sums[0].value(group).rounded()) / Double(n)
      }
    }
  }

  /// n Σab − Σa Σb, exactly.
  private func deviation(
    _ product: Int, _ a: Int, _ b: Int, _ group: Int, _ n: UInt64
  ) -> WideInteger {
    sums[product].value(group).times(WideInteger(UInt128(n)))
      .subtracting(sums[a].value(group).times(sums[b].value(group)))
  }

  private func slope(_ group: Int, _ n: UInt64) -> Double? {
    let xx = deviation(2, 0, 0, group, n)
    if xx.isZero { return nil }
    let xy = deviation(4, 0, 1, group, n)
    let shift = xx.normalizingExponent
    return xy.scaled(by: -shift).rounded() / xx.scaled(by: -shift).rounded()
  }

  private func correlation(_ group: Int, _ n: UInt64) -> Double? {
    let xx = deviation(2, 0, 0, group, n)
    let yy = deviation(3, 1, 1, group, n)
    // Less than zero only when squares underflowed.
    if xx.isZero || yy.isZero || xx.isNegative || yy.isNegative { return nil }
    // Powers of two that bring all three near 1, so that products stay in range.
    let shiftX = xx.normalizingExponent / 2 * 2
    let shiftY = yy.normalizingExponent / 2 * 2
    let x = xx.scaled(by: -shiftX).rounded()
    let y = yy.scaled(by: -shiftY).rounded()
    let xy = deviation(4, 0, 1, group, n).scaled(by: -(shiftX + shiftY) / 2).rounded()
    return max(-1, min(1, xy / (x * y).squareRoot()))
  }
}

extension ExactSums {
  /// Adds a × b exactly, unless that leaves the range of doubles.
  func addProduct(_ a: Double, _ b: Double, _ group: Int) {
    let product = a * b
    addAny(product, group)
    guard product.isFinite else { return }
    let error = (-product).addingProduct(a, b)
    if error != 0 { addAny(error, group) }
  }
}

extension WideInteger {
  /// The exact sum.
  func adding(_ other: WideInteger) -> WideInteger {
    if isZero { return other }
    if other.isZero { return self }
    if isNegative == other.isNegative {
      var sum = magnitude.plus(other.magnitude)
      sum.isNegative = isNegative
      return sum
    }
    let (positive, negative) = isNegative ? (other, magnitude) : (self, other.magnitude)
    if let difference = positive.minus(negative) { return difference }
    var difference = negative.minus(positive) ?? WideInteger(0 as Int128)
    difference.isNegative = !difference.isZero
    return difference
  }

  /// The exact difference.
  func subtracting(_ other: WideInteger) -> WideInteger {
    var negated = other
    negated.isNegative.toggle()
    return adding(negated)
  }

  /// Without its sign.
  var magnitude: WideInteger {
    var copy = self
    copy.isNegative = false
    return copy
  }

  /// × 2^power.
  func scaled(by power: Int) -> WideInteger {
    var copy = self
    copy.exponent += power
    return copy
  }

  /// About the logarithm to base 2 of the magnitude.
  var normalizingExponent: Int { exponent + 32 * digits.count }
}
