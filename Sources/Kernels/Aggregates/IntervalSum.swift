import Vectors

/// SUM and AVG of INTERVAL, part by part as PostgreSQL adds them. Parts are summed in 64 and 128 bits, so that the order
/// of rows decides neither the answer nor whether there is one.
final class IntervalSumAccumulator: AggregateAccumulator {
  private let isAverage: Bool
  private let months = GroupArray<Int64>(0)
  private let days = GroupArray<Int64>(0)
  private let microseconds = GroupArray<Int128>(0)
  private let counts = GroupArray<Int64>(0)

  init(isAverage: Bool) { self.isAverage = isAverage }

  var byteCount: Int {
    months.byteCount + days.byteCount + microseconds.byteCount + counts.byteCount
  }

  func resize(groupCount: Int) {
    months.resize(to: groupCount)
    days.resize(to: groupCount)
    microseconds.resize(to: groupCount)
    counts.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    ValidRows.forEach(arguments[0], as: Int128.self) { row, packed in add(packed, Int(groups[row]))
    }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    ValidRows.forEach(arguments[0], as: Int128.self) { _, packed in add(packed, group) }
  }

  @inline(__always)
  private func add(_ packed: Int128, _ group: Int) {
    let interval = Interval(packed: packed)
    months.base[group] &+= Int64(interval.months)
    days.base[group] &+= Int64(interval.days)
    microseconds.base[group] &+= Int128(interval.microseconds)
    counts.base[group] &+= 1
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is IntervalSumAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.int64, .int64, .int128, .int64], count)
    let flat = partials.map { $0.flattened() }
    let addedMonths = flat[0].base.assumingMemoryBound(to: Int64.self)
    let addedDays = flat[1].base.assumingMemoryBound(to: Int64.self)
    let addedTimes = flat[2].base.assumingMemoryBound(to: Int128.self)
    let addedCounts = flat[3].base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count {
      let group = Int(groups[index])
      months.base[group] &+= addedMonths[index]
      days.base[group] &+= addedDays[index]
      microseconds.base[group] &+= addedTimes[index]
      counts.base[group] &+= addedCounts[index]
    }
    withExtendedLifetime(flat) {}
  }

  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [
      months.vector(range, .bigint), days.vector(range, .bigint),
      microseconds.vector(range, .hugeint), counts.vector(range, .bigint),
    ]
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    let result = FlatResult<Int128>(count: range.count)
    for (index, group) in range.enumerated() {
      result.values[index] = counts.base[group] > 0 ? try value(group).packed : 0
    }
    let validity = Validity.make(count: range.count) { counts.base[range.lowerBound + $0] > 0 }
    return result.vector(.interval, count: range.count, validity: validity)
  }

  private func value(_ group: Int) throws(StoaError) -> Interval {
    let count = counts.base[group]
    let found: Interval?
    if isAverage, count > 1 {
      found = average(months.base[group], days.base[group], microseconds.base[group], count)
    } else if let months = Int32(exactly: months.base[group]),
      let days = Int32(exactly: days.base[group]),
      let time = Int64(exactly: microseconds.base[group])
    {
      found = Interval(months: months, days: days, microseconds: time).storable
    } else {
      found = nil
    }
    guard let found else {
      throw StoaError(
        .evaluation, "the \(isAverage ? "average" : "sum") is out of range for INTERVAL")
    }
    return found
  }

  /// What is left of months becomes days, what is left of days microseconds; exact but for the last rounding.
  private func average(
    _ months: Int64, _ days: Int64, _ microseconds: Int128, _ count: Int64
  ) -> Interval? {
    let (wholeMonths, restMonths) = months.quotientAndRemainder(dividingBy: count)
    let allDays = Int128(days) + Int128(restMonths) * 30
    let (wholeDays, restDays) = allDays.quotientAndRemainder(dividingBy: Int128(count))
    let time = microseconds + restDays * Int128(Calendar.microsecondsPerDay)
    let (wholeTime, restTime) = time.quotientAndRemainder(dividingBy: Int128(count))
    let carry: Int128 = restTime.magnitude * 2 >= UInt128(count) ? restTime.signum() : 0
    guard let m = Int32(exactly: wholeMonths), let d = Int32(exactly: wholeDays),
      let u = Int64(exactly: wholeTime + carry)
    else { return nil }
    return Interval(months: m, days: d, microseconds: u).storable
  }
}
