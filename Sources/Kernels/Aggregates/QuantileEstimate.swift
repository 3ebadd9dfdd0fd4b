import Vectors

// approx_quantile: a histogram of at most 4,096 buckets per group. A value becomes an integer that keeps the order
// (integers themselves, floats by their bits), and a bucket holds all integers that agree when their lowest `shift` bits
// are cut off. When there are too many buckets, `shift` grows until there are not. So `shift` ends as the least number for
// which the set of all values fits, whatever the order of rows and however they were split: unlike t-digests and KLL
// sketches the result is the same for any number of threads. Up to 4,096 different values it is exact.
//
// Partial state of one group, as bytes: shift (1), least and greatest integer (8 each), then per bucket, ascending, its
// number (8) and how many values it holds (8). Empty for no values.

extension AggregateFunction {
  /// About the value below which a fraction of the values lies.
  static let approximateQuantile = AggregateFunction(
    "approx_quantile", signature: "x, fraction DOUBLE",
    help:
      "About the value below which a fraction of the values lies; exact to 4,096 different ones",
    example: "SELECT approx_quantile(x, 0.5) FROM (VALUES (1), (2), (9)) t(x)", result: "2"
  ) { types in
    guard types.count == 2 else { return nil }
    let type: LogicalType
    switch types[0].physical {
    case .int8, .int16, .int32, .int64, .float64: type = types[0]
    case .int128 where types[0].isNumeric: type = .double
    case .float32: type = .double
    case .bool where types[0] == .null: type = .double
    case .bool, .string, .int128: return nil
    }
    return BoundAggregate(
      name: "approx_quantile", argumentTypes: [type, .double], resultType: type
    ) { QuantileEstimateAccumulator(type) }
  }
}

/// A histogram that coarsens itself.
final class QuantileEstimate {
  static let bucketLimit = 4096
  private var shift: Int64 = 0
  private var least = Int64.max
  private var greatest = Int64.min
  /// Ascending bucket numbers and how many values each holds.
  private var buckets: [(number: Int64, count: Int64)] = []
  /// Integers not sorted in yet.
  private var pending: [Int64] = []

  var byteCount: Int { buckets.capacity * 16 + pending.capacity * 8 + 96 }

  func add(_ value: Int64) {
    least = min(least, value)
    greatest = max(greatest, value)
    pending.append(value)
    if pending.count >= QuantileEstimate.bucketLimit { settle() }
  }

  /// Sorts pending values in.
  private func settle() {
    guard !pending.isEmpty else { return }
    pending.sort()
    merge(pending.map { (number: $0 >> shift, count: 1) })
    pending.removeAll(keepingCapacity: true)
  }

  /// Adds ascending buckets of the present shift, numbers repeated or not.
  private func merge(_ added: [(number: Int64, count: Int64)]) {
    var merged: [(number: Int64, count: Int64)] = []
    merged.reserveCapacity(min(buckets.count + added.count, 2 * QuantileEstimate.bucketLimit))
    var (left, right) = (0, 0)
    while left < buckets.count || right < added.count {
      let takesLeft =
        right == added.count
        || (left < buckets.count && buckets[left].number <= added[right].number)
      let next = takesLeft ? buckets[left] : added[right]
      if takesLeft { left += 1 } else { right += 1 }
      if let last = merged.last, last.number == next.number {
        merged[merged.count - 1].count &+= next.count
      } else {
        merged.append(next)
      }
    }
    buckets = merged
    while buckets.count > QuantileEstimate.bucketLimit { coarsen(by: 1) }
  }

  private func coarsen(by bits: Int64) {
    guard bits > 0 else { return }
    shift += bits
    var coarse: [(number: Int64, count: Int64)] = []
    for bucket in buckets {
      let number = bucket.number >> bits
      if let last = coarse.last, last.number == number {
        coarse[coarse.count - 1].count &+= bucket.count
      } else {
        coarse.append((number, bucket.count))
      }
    }
    buckets = coarse
  }

  /// Adds the values of `other`.
  func merge(_ other: QuantileEstimate) {
    settle()
    other.settle()
    add(shift: other.shift, least: other.least, greatest: other.greatest, other.buckets)
  }

  private func add(
    shift otherShift: Int64, least: Int64, greatest: Int64,
    _ others: [(number: Int64, count: Int64)]
  ) {
    self.least = min(self.least, least)
    self.greatest = max(self.greatest, greatest)
    coarsen(by: otherShift - shift)
    let bits = shift - otherShift
    merge(others.map { (number: $0.number >> bits, count: $0.count) })
  }

  /// The integer of about the value with rank ⌈fraction × count⌉.
  func quantile(_ fraction: Double) -> Int64? {
    settle()
    let total = buckets.reduce(Int64(0)) { $0 &+ $1.count }
    guard total > 0 else { return nil }
    let rank = max(1, min(total, Int64((fraction * Double(total)).rounded(.up))))
    if rank == 1 { return least }
    if rank == total { return greatest }
    var before: Int64 = 0
    for bucket in buckets {
      if before &+ bucket.count >= rank {
        let start = Int128(bucket.number) << Int128(shift)
        let width = Double(Int128(1) << Int128(shift))
        let part = (Double(rank - before) - 0.5) / Double(bucket.count)
        let value = shift == 0 ? start : start + Int128(width * part)
        return max(least, min(greatest, Int64(clamping: value)))
      }
      before &+= bucket.count
    }
    return greatest
  }

  /// The state as bytes.
  func encoded() -> [UInt8] {
    settle()
    if buckets.isEmpty { return [] }
    var bytes = [UInt8(truncatingIfNeeded: shift)]
    func append(_ value: Int64) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(least)
    append(greatest)
    for bucket in buckets {
      append(bucket.number)
      append(bucket.count)
    }
    return bytes
  }

  /// Adds an encoded state; false when it is none.
  func merge(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 33, (bytes.count - 17) % 16 == 0, bytes[0] < 64 else { return false }
    let count = (bytes.count - 17) / 16
    guard count <= QuantileEstimate.bucketLimit else { return false }
    func value(_ offset: Int) -> Int64 {
      Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
    }
    var others: [(number: Int64, count: Int64)] = []
    for index in 0..<count {
      let bucket = (number: value(17 + 16 * index), count: value(25 + 16 * index))
      guard bucket.count > 0, bucket.count < 1 << 48,
        others.last.map({ $0.number < bucket.number }) ?? true
      else { return false }
      others.append(bucket)
    }
    settle()
    add(shift: Int64(bytes[0]), least: value(1), greatest: value(9), others)
    return true
  }
}

/// Estimates by group.
final class QuantileEstimateAccumulator: AggregateAccumulator {
  private let type: LogicalType
  private var estimates: [QuantileEstimate?] = []
  /// NaN until a row has been seen, −1 for NULL.
  private let fractions = GroupArray<Double>(.nan)
  private var heldByteCount = 0

  init(_ type: LogicalType) { self.type = type }

  var byteCount: Int { heldByteCount + estimates.capacity * 8 + fractions.byteCount }

  func resize(groupCount: Int) {
    fractions.resize(to: groupCount)
    while estimates.count < groupCount { estimates.append(nil) }
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    try add(arguments, count) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    try add(arguments, count) { _ in group }
  }

  private func add(
    _ arguments: [Vector], _ count: Int, _ group: (Int) -> Int
  ) throws(StoaError) {
    if type.physical == .float64 {
      ValidRows.forEach(arguments[0], as: Double.self) { row, value in
        change(group(row)) { $0.add(value.extremeOrdinal) }
      }
    } else {
      IntegerRows.forEach(arguments[0]) { row, value in
        change(group(row)) { $0.add(Int64(truncatingIfNeeded: value)) }
      }
    }
    let flat = arguments[1].flattened()
    let given = flat.base.assumingMemoryBound(to: Double.self)
    var isWrong = false
    for row in 0..<count where fractions.base[group(row)].isNaN {
      let fraction = flat.isValid(row) ? given[row] : -1
      if flat.isValid(row), !(0...1).contains(fraction) { isWrong = true }
      fractions.base[group(row)] = fraction
    }
    withExtendedLifetime(flat) {}
    if isWrong {
      throw StoaError(.evaluation, "the fraction of a quantile must be between 0 and 1")
    }
  }

  @inline(__always)
  private func change(_ group: Int, _ body: (QuantileEstimate) -> Void) {
    let estimate: QuantileEstimate
    if let known = estimates[group] {
      estimate = known
    } else {
      estimate = QuantileEstimate()
      estimates[group] = estimate
      heldByteCount += estimate.byteCount
    }
    let before = estimate.byteCount
    body(estimate)
    heldByteCount += estimate.byteCount - before
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? QuantileEstimateAccumulator else {
      throw AggregateErrors.otherClass
    }
    for index in 0..<count {
      let group = Int(groups[index])
      if let added = other.estimates[index] { change(group) { $0.merge(added) } }
      if fractions.base[group].isNaN { fractions.base[group] = other.fractions.base[index] }
    }
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.string, .float64], count)
    let flat = partials.map { $0.flattened() }
    let views = flat[0].base.assumingMemoryBound(to: StringView.self)
    let added = flat[1].base.assumingMemoryBound(to: Double.self)
    var isDamaged = false
    for index in 0..<count {
      let group = Int(groups[index])
      if fractions.base[group].isNaN {
        if !added[index].isNaN, added[index] != -1, !(0...1).contains(added[index]) {
          isDamaged = true
          continue
        }
        fractions.base[group] = added[index]
      }
      guard flat[0].isValid(index), views[index].byteCount > 0 else { continue }
      change(group) { estimate in
        views[index].withBytes { if !estimate.merge($0) { isDamaged = true } }
      }
    }
    withExtendedLifetime(flat) {}
    if isDamaged {
      throw StoaError(.corruption, "a partial state of approx_quantile is damaged")
    }
  }

  /// Columns: the histogram as bytes, the fraction.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    var builder = VectorBuilder(type: .varchar, capacity: range.count)
    for group in range {
      let bytes = estimates[group]?.encoded() ?? []
      bytes.withUnsafeBytes { builder.append(bytes: $0) }
    }
    return [builder.finish(), fractions.vector(range, .double)]
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let results = range.map { group -> Int64? in
      fractions.base[group] >= 0 ? estimates[group]?.quantile(fractions.base[group]) : nil
    }
    if type.physical == .float64 {
      return try Vector.doubles(0..<results.count) { results[$0].map(Double.init(ordinal:)) }
    }
    let validity = Validity.make(count: results.count) { results[$0] != nil }
    return IntegerRows.vector(type, count: results.count, validity: validity) {
      Int128(results[$0] ?? 0)
    }
  }
}

extension Double {
  /// The number whose `extremeOrdinal` this is.
  init(ordinal: Int64) {
    self.init(bitPattern: UInt64(bitPattern: ordinal ^ ((ordinal >> 63) & Int64.max)))
  }
}
