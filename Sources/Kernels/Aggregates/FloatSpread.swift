import Vectors

/// Variance and standard deviation of floats and 128-bit integers; states of all groups.
final class FloatSpreadAccumulator: AggregateAccumulator {
  private let result: SpreadResult
  private let isSample: Bool
  private let scale: Int
  private let counts = GroupArray<Int64>(0)
  private let sums = ExactSums()
  private let squares = ExactSums()

  init(_ result: SpreadResult, isSample: Bool, scale: Int) {
    self.result = result
    self.isSample = isSample
    self.scale = scale
  }

  var byteCount: Int { counts.byteCount + sums.byteCount + squares.byteCount }

  func resize(groupCount: Int) {
    counts.resize(to: groupCount)
    sums.resize(groupCount: groupCount)
    squares.resize(groupCount: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    add(arguments[0]) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    add(arguments[0]) { _ in group }
  }

  @inline(__always)
  private func add(_ vector: Vector, _ group: (Int) -> Int) {
    let counts = counts.base
    let sumWindow = sums.window
    let squareWindow = squares.window
    forEach(vector) { row, value in
      let group = group(row)
      counts[group] &+= 1
      if !sumWindow.add(value, group) { sums.addAny(value, group) }
      let square = value * value
      // value² = square + error, exactly, unless it leaves the range of doubles.
      let error = (-square).addingProduct(value, value)
      if !squareWindow.add(square, group) { squares.addAny(square, group) }
      if error != 0, square.isFinite, !squareWindow.add(error, group) {
        squares.addAny(error, group)
      }
    }
  }

  @inline(__always)
  private func forEach(_ vector: Vector, _ body: (Int, Double) -> Void) {
    if vector.type.physical == .int128 {
      ValidRows.forEach(vector, as: Int128.self) { body($0, Double($1)) }
    } else {
      ExactSums.forEach(vector, body)
    }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is FloatSpreadAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: count, exact sum, exact sum of squares (as bytes).
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    let values = counts.vector(range, .bigint)
    return [values, sums.partialStates(range), squares.partialStates(range)]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.int64, .string, .string], count)
    let flat = partials[0].flattened()
    let added = flat.base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count { counts.base[Int(groups[index])] &+= added[index] }
    withExtendedLifetime(flat) {}
    try sums.combine(partials[1], groups: groups, count: count)
    try squares.combine(partials[2], groups: groups, count: count)
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let least: Int64 = isSample ? 2 : 1
    let buffer = Buffer(byteCount: max(1, range.count) * 8)
    let out = buffer.typed(Double.self)
    var isTooLarge = false
    for (index, group) in range.enumerated() {
      out[index] = 0
      guard counts.base[group] >= least else { continue }
      if sums.special(group) != nil {
        out[index] = .nan
        continue
      }
      let value = squares.special(group) != nil ? .infinity : spread(group)
      if value.isInfinite { isTooLarge = true }
      out[index] = value
    }
    if isTooLarge { throw StoaError(.evaluation, "the variance is out of range for DOUBLE") }
    let validity = Validity.make(count: range.count) {
      counts.base[range.lowerBound + $0] >= least
    }
    return Vector(flat: buffer, type: .double, count: range.count, validity: validity)
  }

  private func spread(_ group: Int) -> Double {
    result.value(
      count: counts.base[group], sum: sums.value(group), squares: squares.value(group),
      isSample: isSample, scale: scale)
  }
}
