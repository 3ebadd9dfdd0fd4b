import Vectors

/// SUM and AVG of REAL and DOUBLE, exact until the final rounding; states of all groups.
final class FloatSumAccumulator: AggregateAccumulator {
  private let isAverage: Bool
  private let sums = ExactSums()
  /// AVG only.
  private let counts = GroupArray<Int64>(0)

  init(isAverage: Bool) { self.isAverage = isAverage }

  var byteCount: Int { sums.byteCount + counts.byteCount }

  func resize(groupCount: Int) {
    sums.resize(groupCount: groupCount)
    if isAverage { counts.resize(to: groupCount) }
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    let vector = arguments[0]
    let window = sums.window
    ExactSums.forEach(vector) { row, value in
      let group = Int(groups[row])
      if !window.add(value, group) { sums.addAny(value, group) }
    }
    guard isAverage else { return }
    let counts = counts.base
    ValidRows.forEachRow(vector) { counts[Int(groups[$0])] &+= 1 }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    sums.addAll(arguments[0], group: group)
    if isAverage { counts.base[group] &+= Int64(ValidRows.count(arguments[0])) }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is FloatSumAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  /// Columns: exact sum as bytes, count of values.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    var states = [sums.partialStates(range)]
    if isAverage { states.append(counts.vector(range, .bigint)) }
    return states
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, isAverage ? [.string, .int64] : [.string], count)
    try sums.combine(partials[0], groups: groups, count: count)
    guard isAverage else { return }
    let flat = partials[1].flattened()
    let added = flat.base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count { counts.base[Int(groups[index])] &+= added[index] }
    withExtendedLifetime(flat) {}
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let buffer = Buffer(byteCount: max(1, range.count) * 8)
    let out = buffer.typed(Double.self)
    var isTooLarge = false
    for (index, group) in range.enumerated() {
      guard sums.isSeen(group) else {
        out[index] = 0
        continue
      }
      let result =
        isAverage && counts.base[group] > 0
        ? sums.average(group, count: counts.base[group]) : sums.rounded(group)
      if result.isInfinite, sums.special(group) == nil { isTooLarge = true }
      out[index] = result
    }
    if isTooLarge { throw StoaError(.evaluation, "the sum is out of range for DOUBLE") }
    let validity = Validity.make(count: range.count) { sums.isSeen(range.lowerBound + $0) }
    return Vector(flat: buffer, type: .double, count: range.count, validity: validity)
  }
}
