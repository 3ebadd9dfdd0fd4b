import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// The product is kept as (high + low) × 2^exponent with about 106 bits, so that rounding along the way, which depends
// on the order of rows, stays far below the last bit of the result. The geometric mean sums logarithms exactly.

extension AggregateFunction {
  /// The product as DOUBLE.
  static let product = AggregateFunction(
    "product", signature: "x DOUBLE", help: "The product of all values, as DOUBLE",
    example: "SELECT product(x) FROM (VALUES (2), (3), (NULL)) t(x)", result: "6.0"
  ) { types in
    guard types.count == 1, types[0].isNumeric || types[0] == .null else { return nil }
    return BoundAggregate(name: "product", argumentTypes: [.double], resultType: .double) {
      ProductAccumulator()
    }
  }

  /// The n-th root of the product.
  static let geometricMean = AggregateFunction(
    "geomean", aliases: ["geometric_mean"], signature: "x DOUBLE",
    help: "The geometric mean: the n-th root of the product of n values",
    example: "SELECT geomean(x) FROM (VALUES (1), (1)) t(x)", result: "1.0"
  ) { types in
    guard types.count == 1, types[0].isNumeric || types[0] == .null else { return nil }
    return BoundAggregate(name: "geomean", argumentTypes: [.double], resultType: .double) {
      GeometricMeanAccumulator()
    }
  }
}

/// Products by group.
final class ProductAccumulator: AggregateAccumulator {
  private let highs = GroupArray<Double>(1)
  private let lows = GroupArray<Double>(0)
  private let exponents = GroupArray<Int64>(0)
  private let seen = GroupArray<UInt8>(0)

  var byteCount: Int {
    highs.byteCount + lows.byteCount + exponents.byteCount + seen.byteCount
  }

  func resize(groupCount: Int) {
    highs.resize(to: groupCount)
    lows.resize(to: groupCount)
    exponents.resize(to: groupCount)
    seen.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    ValidRows.forEach(arguments[0], as: Double.self) { multiply(Int(groups[$0]), $1, 0, 0) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    ValidRows.forEach(arguments[0], as: Double.self) { multiply(group, $1, 0, 0) }
  }

  /// Multiplies with (high + low) × 2^exponent, |low| at most half a unit of high.
  private func multiply(_ group: Int, _ high: Double, _ low: Double, _ exponent: Int64) {
    seen.base[group] = 1
    let (a, b) = (highs.base[group], lows.base[group])
    guard a.isFinite, a != 0, high.isFinite, high != 0 else {
      highs.base[group] = a * high
      lows.base[group] = 0
      return
    }
    // Both factors in [1, 2), so that nothing over- or underflows.
    let (leftScale, rightScale) = (a.exponent, high.exponent)
    let left = (scalbn(a, -Int32(leftScale)), scalbn(b, -Int32(leftScale)))
    let right = (scalbn(high, -Int32(rightScale)), scalbn(low, -Int32(rightScale)))
    let product = left.0 * right.0
    let error = (-product).addingProduct(left.0, right.0) + (left.0 * right.1 + left.1 * right.0)
    let sum = product + error
    highs.base[group] = sum
    lows.base[group] = error - (sum - product)
    exponents.base[group] += Int64(leftScale) + Int64(rightScale) + exponent
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is ProductAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: high (NULL of no values), low, exponent.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    let high = try Vector.doubles(range) { seen.base[$0] != 0 ? highs.base[$0] : nil }
    return [high, lows.vector(range, .double), exponents.vector(range, .bigint)]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.float64, .float64, .int64], count)
    let lows = partials[1].flattened()
    let exponents = partials[2].flattened()
    ValidRows.forEach(partials[0].slice(0..<count), as: Double.self) { row, high in
      multiply(
        Int(groups[row]), high, lows.base.assumingMemoryBound(to: Double.self)[row],
        exponents.base.assumingMemoryBound(to: Int64.self)[row])
    }
    withExtendedLifetime((lows, exponents)) {}
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    try Vector.doubles(range) { (group) throws(StoaError) in
      guard seen.base[group] != 0 else { return nil }
      let high = highs.base[group]
      guard high.isFinite, high != 0 else { return high }
      let result = scalbn(high, Int32(clamping: exponents.base[group]))
      if result.isInfinite {
        throw StoaError(.evaluation, "the product is out of range for DOUBLE")
      }
      return result
    }
  }
}

/// Geometric means by group.
final class GeometricMeanAccumulator: AggregateAccumulator {
  private let logarithms = ExactSums()
  private let counts = GroupArray<Int64>(0)

  var byteCount: Int { logarithms.byteCount + counts.byteCount }

  func resize(groupCount: Int) {
    logarithms.resize(groupCount: groupCount)
    counts.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    try add(arguments[0]) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    try add(arguments[0]) { _ in group }
  }

  private func add(_ vector: Vector, _ group: (Int) -> Int) throws(StoaError) {
    var isNegative = false
    ValidRows.forEach(vector, as: Double.self) { row, value in
      if value < 0 { isNegative = true }
      logarithms.addAny(log(value), group(row))
      counts.base[group(row)] += 1
    }
    if isNegative {
      throw StoaError(.evaluation, "geomean takes no negative values")
    }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is GeometricMeanAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: exact sum of logarithms as bytes, count.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [logarithms.partialStates(range), counts.vector(range, .bigint)]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.string, .int64], count)
    try logarithms.combine(partials[0], groups: groups, count: count)
    let flat = partials[1].flattened()
    let added = flat.base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count { counts.base[Int(groups[index])] &+= added[index] }
    withExtendedLifetime(flat) {}
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    try Vector.doubles(range) { group in
      let count = counts.base[group]
      return count > 0 ? exp(logarithms.average(group, count: count)) : nil
    }
  }
}
