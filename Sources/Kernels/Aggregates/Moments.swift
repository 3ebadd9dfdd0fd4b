import Vectors

// Skewness and kurtosis from the count and the exact sums of x, x², x³ and x⁴. Powers enter as sums of doubles that
// are exact (each product with its rounding error), central moments are computed without rounding:
//
//   n² m2 = n Σx² − (Σx)²    n³ m3 = n² Σx³ − 3 n Σx Σx² + 2 (Σx)³
//   n⁴ m4 = n³ Σx⁴ − 4 n² Σx Σx³ + 6 n (Σx)² Σx² − 3 (Σx)⁴

extension AggregateFunction {
  /// Sample skewness; NULL of fewer than three values or equal ones.
  static let skewness = moment(
    "skewness", .skewness, "The skewness, corrected for the size of the sample",
    values: "(1), (2), (3)", result: "0.0")
  /// Sample excess kurtosis; NULL of fewer than four values or equal ones.
  static let kurtosis = moment(
    "kurtosis", .kurtosis, "The excess kurtosis, corrected for the size of the sample",
    values: "(1), (1), (2), (2)", result: "-6.0")
  /// Population excess kurtosis.
  static let populationKurtosis = moment(
    "kurtosis_pop", .populationKurtosis, "The excess kurtosis of a whole population",
    values: "(1), (1), (2), (2)", result: "-2.0")

  private static func moment(
    _ name: String, _ result: MomentResult, _ help: String, values: String, result text: String
  ) -> AggregateFunction {
    AggregateFunction(
      name, signature: "x DOUBLE", help: help,
      example: "SELECT \(name)(x) FROM (VALUES \(values)) t(x)", result: text
    ) { types in
      guard types.count == 1, types[0].isNumeric || types[0] == .null else { return nil }
      return BoundAggregate(name: name, argumentTypes: [.double], resultType: .double) {
        MomentAccumulator(result)
      }
    }
  }
}

/// What a moment accumulator gives out.
enum MomentResult: Sendable { case skewness, kurtosis, populationKurtosis }

/// Third and fourth moments by group.
final class MomentAccumulator: AggregateAccumulator {
  private let result: MomentResult
  private let counts = GroupArray<Int64>(0)
  /// Of x, x², x³ and, for kurtosis, x⁴.
  private let sums: [ExactSums]

  init(_ result: MomentResult) {
    self.result = result
    sums = (0..<(result == .skewness ? 3 : 4)).map { _ in ExactSums() }
  }

  var byteCount: Int { sums.reduce(counts.byteCount) { $0 + $1.byteCount } }

  func resize(groupCount: Int) {
    counts.resize(to: groupCount)
    for sum in sums { sum.resize(groupCount: groupCount) }
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    ValidRows.forEach(arguments[0], as: Double.self) { add($1, Int(groups[$0])) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    ValidRows.forEach(arguments[0], as: Double.self) { add($1, group) }
  }

  private func add(_ x: Double, _ group: Int) {
    counts.base[group] += 1
    sums[0].addAny(x, group)
    let square = x * x
    let rest = square.isFinite ? (-square).addingProduct(x, x) : 0
    sums[1].addProduct(x, x, group)
    sums[2].addProduct(square, x, group)
    if rest != 0 { sums[2].addProduct(rest, x, group) }
    guard sums.count > 3 else { return }
    sums[3].addProduct(square, square, group)
    if rest != 0 {
      sums[3].addProduct(2 * square, rest, group)
      sums[3].addProduct(rest, rest, group)
    }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is MomentAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: count, then the exact sums as bytes.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [counts.vector(range, .bigint)] + sums.map { $0.partialStates(range) }
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.int64] + sums.map { _ in .string }, count)
    let flat = partials[0].flattened()
    let added = flat.base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count { counts.base[Int(groups[index])] &+= added[index] }
    withExtendedLifetime(flat) {}
    for (index, sum) in sums.enumerated() {
      try sum.combine(partials[index + 1], groups: groups, count: count)
    }
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    try Vector.doubles(range) { group in
      let count = counts.base[group]
      let least =
        switch result {
        case .skewness: 3
        case .kurtosis: 4
        case .populationKurtosis: 2
        }
      guard count >= Int64(least) else { return nil }
      if sums.contains(where: { $0.special(group) != nil }) { return .nan }
      return value(group, count)
    }
  }

  private func value(_ group: Int, _ count: Int64) -> Double? {
    let n = WideInteger(UInt128(count))
    let s = sums.map { $0.value(group) }
    let m2 = n.times(s[1]).subtracting(s[0].times(s[0]))
    if m2.isZero || m2.isNegative { return nil }
    // All as numbers near 1: m2 × 4^-shift, m3 × 8^-shift, m4 × 16^-shift.
    let shift = m2.normalizingExponent / 2
    let spread = m2.scaled(by: -2 * shift).rounded()
    let size = Double(count)
    if result == .skewness {
      let m3 = n.times(n).times(s[2])
        .subtracting(n.times(s[0]).times(s[1]).times(WideInteger(3 as Int128)))
        .adding(s[0].times(s[0]).times(s[0]).times(WideInteger(2 as Int128)))
      let skew = m3.scaled(by: -3 * shift).rounded() / (spread * spread.squareRoot())
      return skew * (size * (size - 1)).squareRoot() / (size - 2)
    }
    let square = s[0].times(s[0])
    let m4 = n.times(n).times(n).times(s[3])
      .subtracting(n.times(n).times(s[0]).times(s[2]).times(WideInteger(4 as Int128)))
      .adding(n.times(square).times(s[1]).times(WideInteger(6 as Int128)))
      .subtracting(square.times(square).times(WideInteger(3 as Int128)))
    let ratio = m4.scaled(by: -4 * shift).rounded() / (spread * spread)
    if result == .populationKurtosis { return ratio - 3 }
    return (size - 1) / ((size - 2) * (size - 3)) * ((size + 1) * ratio - 3 * (size - 1))
  }
}
