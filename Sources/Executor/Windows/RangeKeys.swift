import Kernels
import SQL
import Vectors

/// Sort keys to which offsets can be added, for RANGE frames. Keys and bounds become numbers that ascend along the
/// partition whatever the direction of the sort; sums that leave the type's range stop at its end, beyond which
/// no key lies. Rows with NULL see each other and nothing else.
struct RangeKeys {
  private let keys: Vector
  private let isDescending: Bool
  /// `Int128` of every key in order of the sort; NULLs are 0.
  private let numbers: [Int128]
  /// The same as 64-bit numbers, instead, for integers of up to 64 bits.
  private let narrow: Buffer?

  init(_ keys: Vector, _ frame: WindowFrame, _ rowCount: Int) throws(StoaError) {
    self.keys = keys.flattened()
    isDescending = frame.isDescending
    narrow = RangeKeys.narrow(self.keys, isDescending: frame.isDescending)
    if narrow != nil {
      numbers = []
      return
    }
    var numbers: [Int128] = []
    numbers.reserveCapacity(rowCount)
    for row in 0..<rowCount {
      numbers.append(
        self.keys.isValid(row)
          ? RangeKeys.number(RangeKeys.raw(self.keys, row), self.keys.type, frame.isDescending)
          : 0)
    }
    self.numbers = numbers
  }

  private static func narrow(_ keys: Vector, isDescending: Bool) -> Buffer? {
    let flip: Int64 = isDescending ? -1 : 0
    func made<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> Buffer {
      let buffer = Buffer(of: Int64.self, count: max(1, keys.count))
      let target = buffer.typed(Int64.self)
      keys.withValues(as: T.self) { values in
        for row in 0..<keys.count { target[row] = Int64(truncatingIfNeeded: values[row]) ^ flip }
      }
      return buffer
    }
    switch keys.type.physical {
    case .int8: return made(Int8.self)
    case .int16: return made(Int16.self)
    case .int32: return made(Int32.self)
    case .int64: return made(Int64.self)
    case .bool, .int128, .float32, .float64, .string: return nil
    }
  }

  /// The distance when it is the same for all rows and a 64-bit number.
  private static func constantDistance(_ offset: FrameOffset) -> Int64? {
    guard offset.isConstant, let values = offset.values, values.type != .interval,
      values.count > 0, let distance = values.value(at: 0).integer
    else { return nil }
    return Int64(exactly: distance)
  }

  /// Bounds of rows `values` when keys and distance are 64-bit numbers; they only go forward.
  private func fillNarrow(
    _ target: UnsafeMutablePointer<UInt32>, _ numbers: UnsafePointer<Int64>, _ values: Range<Int>,
    _ distance: Int64, isPreceding: Bool, isUpper: Bool
  ) {
    var place = values.lowerBound
    let end = values.upperBound
    for row in values {
      let (sum, overflow) =
        isPreceding
        ? numbers[row].subtractingReportingOverflow(distance)
        : numbers[row].addingReportingOverflow(distance)
      let bound = overflow ? (isPreceding ? .min : .max) : sum
      if isUpper {
        while place < end, numbers[place] <= bound { place += 1 }
      } else {
        while place < end, numbers[place] < bound { place += 1 }
      }
      target[row] = UInt32(truncatingIfNeeded: place)
    }
  }

  @inline(__always)
  private func number(_ row: Int) -> Int128 {
    guard let narrow else { return numbers[row] }
    return Int128(narrow.typed(Int64.self)[row])
  }

  /// A key or offset as it is added.
  private enum Raw {
    case integer(Int128)
    case double(Double)
  }

  private static func raw(_ vector: Vector, _ row: Int) -> Raw {
    let base = vector.base
    func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> Raw {
      .integer(Int128(truncatingIfNeeded: base.assumingMemoryBound(to: T.self)[row]))
    }
    defer { withExtendedLifetime(vector) {} }
    switch vector.type.physical {
    case .bool: return integer(UInt8.self)
    case .int8: return integer(Int8.self)
    case .int16: return integer(Int16.self)
    case .int32: return integer(Int32.self)
    case .int64: return integer(Int64.self)
    case .int128:
      let value = base.assumingMemoryBound(to: Int128.self)[row]
      return .integer(
        vector.type == .interval ? Interval(packed: value).comparableMicroseconds : value)
    case .float32: return .double(Double(base.assumingMemoryBound(to: Float.self)[row]))
    case .float64: return .double(base.assumingMemoryBound(to: Double.self)[row])
    case .string: return .integer(0)
    }
  }

  /// The place of a value in the order of the sort. NaN is above all, so last ascending and first descending.
  private static func number(_ raw: Raw, _ type: LogicalType, _ isDescending: Bool) -> Int128 {
    let number: Int128
    switch raw {
    case .integer(let value): number = value
    case .double(let value):
      let bits = value.isNaN ? Int64.max : value == 0 ? 0 : Int64(bitPattern: value.bitPattern)
      number = Int128(bits < 0 ? bits ^ .max : bits)
    }
    return isDescending ? ~number : number
  }

  /// Writes where the frames of the rows of `partition` begin, or with `isUpper` end.
  func fill(
    _ target: UnsafeMutablePointer<UInt32>, _ offset: FrameOffset, _ partition: Range<Int>,
    isUpper: Bool
  ) throws(StoaError) {
    guard let offsets = offset.values else { return }
    var isPreceding = false
    if case .preceding = offset.bound { isPreceding = true }
    // NULLs lie together at one end.
    var values = partition
    while values.count > 0, !keys.isValid(values.lowerBound) { values.removeFirst() }
    while values.count > 0, !keys.isValid(values.upperBound - 1) { values.removeLast() }
    for row in partition where !values.contains(row) {
      let nulls =
        row < values.lowerBound || values.isEmpty
        ? partition.lowerBound..<(values.isEmpty ? partition.upperBound : values.lowerBound)
        : values.upperBound..<partition.upperBound
      target[row] = UInt32(truncatingIfNeeded: isUpper ? nulls.upperBound : nulls.lowerBound)
    }
    if let narrow, let distance = RangeKeys.constantDistance(offset) {
      return fillNarrow(
        target, narrow.typed(Int64.self), values, distance, isPreceding: isPreceding,
        isUpper: isUpper)
    }
    var place = values.lowerBound
    var last: Int128?
    for row in values {
      let bound = try bound(row, offsets, offset.isConstant ? 0 : row, isPreceding)
      if let last, bound >= last {
        while place < values.upperBound, isBefore(place, bound, isUpper) { place += 1 }
      } else {
        place = search(values, bound, isUpper)
      }
      last = bound
      target[row] = UInt32(truncatingIfNeeded: place)
    }
  }

  @inline(__always)
  private func isBefore(_ row: Int, _ bound: Int128, _ isUpper: Bool) -> Bool {
    isUpper ? number(row) <= bound : number(row) < bound
  }

  /// The first row of `values` that is not before `bound`.
  private func search(_ values: Range<Int>, _ bound: Int128, _ isUpper: Bool) -> Int {
    var low = values.lowerBound
    var high = values.upperBound
    while low < high {
      let middle = (low + high) / 2
      if isBefore(middle, bound, isUpper) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The key of `row` moved by the offset, as a place in the order of the sort.
  private func bound(
    _ row: Int, _ offsets: Vector, _ offsetRow: Int, _ isPreceding: Bool
  ) throws(StoaError) -> Int128 {
    let subtracts = isPreceding != isDescending
    let key = RangeKeys.raw(keys, row)
    if offsets.type == .interval, keys.type != .interval, case .integer(let time) = key {
      let packed = offsets.withValues(as: Int128.self) { $0[offsetRow] }
      return shifted(Int64(truncatingIfNeeded: time), Interval(packed: packed), subtracts)
    }
    let moved: Raw
    switch (key, RangeKeys.raw(offsets, offsetRow)) {
    case (.integer(let value), .integer(let distance)):
      let (sum, overflow) =
        subtracts
        ? value.subtractingReportingOverflow(distance) : value.addingReportingOverflow(distance)
      moved = .integer(overflow ? (subtracts ? .min : .max) : sum)
    case (.double(let value), .double(let distance)):
      // ∞ − ∞: the bound lies infinitely far away.
      if value.isInfinite, distance.isInfinite {
        moved = .double(subtracts ? -.infinity : .infinity)
      } else {
        moved = .double(subtracts ? value - distance : value + distance)
      }
    default: throw StoaError(.inconsistency, "a RANGE offset of another kind than its key")
    }
    return RangeKeys.number(moved, keys.type, isDescending)
  }

  /// Months and days of an instant are those of the session's clocks; a time of day is not carried past midnight.
  private func sum(_ time: Int64, _ interval: Interval) -> Int64? {
    switch keys.type {
    case .time:
      let (sum, overflow) = time.addingReportingOverflow(interval.microseconds)
      return overflow ? nil : sum
    case .timestampTZ where interval.months != 0 || interval.days != 0:
      let days = Interval(months: interval.months, days: interval.days)
      let zone = TimeZone.current
      guard let local = zone.local(time), let moved = Calendar.adding(days, toTimestamp: local),
        let instant = zone.instant(moved)
      else { return nil }
      let (sum, overflow) = instant.addingReportingOverflow(interval.microseconds)
      return overflow ? nil : sum
    default: return Calendar.adding(interval, toTimestamp: time)
    }
  }

  private func shifted(_ time: Int64, _ interval: Interval, _ subtracts: Bool) -> Int128 {
    let directed = subtracts ? interval.negated : interval
    let moved = directed.flatMap { sum(time, $0) }
    let number = moved.map { Int128($0) } ?? (subtracts ? Int128.min : .max)
    return isDescending ? ~number : number
  }
}
