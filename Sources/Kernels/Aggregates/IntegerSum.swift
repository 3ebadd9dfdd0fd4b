import Vectors

// Sums of integers and decimals, for SUM and AVG.
//
// Sums run in 64 bits as long as a proof says that none can overflow: a bound on the magnitude of what any group
// has received so far (largest magnitude of the batch × its rows, added up) stays below 2^63. When it would not,
// all 64-bit sums are flushed into 128-bit ones, which count how often they wrap: the result is an error only
// when the final sum does not fit, whatever the order of additions.

/// SUM or AVG of integer types; states of all groups.
final class IntegerSumAccumulator: AggregateAccumulator {
  /// What `finish` makes of the exact sum.
  enum Purpose {
    case sum(LogicalType)
    /// Divides by the count and by 10^scale.
    case average(scale: Int)
  }

  private let purpose: Purpose
  private let narrow = GroupArray<Int64>(0)
  /// No sum in `narrow` has a greater magnitude.
  private var narrowBound: UInt64 = 0
  /// Empty until something does not fit 64 bits.
  private let wide = GroupArray<Int128>(0)
  /// How often a wide sum wrapped, upwards less downwards; empty until one does.
  private let wraps = GroupArray<Int64>(0)
  /// SUM only: 1 when the group has received a value.
  private let seen = GroupArray<UInt8>(0)
  /// AVG only.
  private let counts = GroupArray<Int64>(0)
  private var groupCount = 0
  private let isAverage: Bool

  init(_ purpose: Purpose) {
    self.purpose = purpose
    if case .average = purpose { isAverage = true } else { isAverage = false }
  }

  var byteCount: Int {
    narrow.byteCount + wide.byteCount + wraps.byteCount + seen.byteCount + counts.byteCount
  }

  func resize(groupCount: Int) {
    self.groupCount = max(self.groupCount, groupCount)
    narrow.resize(to: groupCount)
    if isAverage { counts.resize(to: groupCount) } else { seen.resize(to: groupCount) }
    if !wide.isEmpty { wide.resize(to: groupCount) }
    if !wraps.isEmpty { wraps.resize(to: groupCount) }
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    let vector = IntegerSumAccumulator.prepared(arguments[0])
    switch vector.type.physical {
    case .int8: updateNarrow(vector, Int8.self, groups)
    case .int16: updateNarrow(vector, Int16.self, groups)
    case .int32: updateNarrow(vector, Int32.self, groups)
    case .int64: updateNarrow(vector, Int64.self, groups)
    case .int128: updateWide(vector, Int128.self, groups)
    case .bool, .float32, .float64, .string: assert(vector.type == .null)
    }
  }

  /// A dictionary larger than the batch costs less flattened.
  private static func prepared(_ vector: Vector) -> Vector {
    vector.form == .dictionary && vector.child!.count > vector.count ? vector.flattened() : vector
  }

  private func updateNarrow<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type, _ groups: UnsafePointer<UInt32>
  ) {
    guard makeRoom(magnitude: Magnitude.bound(vector, T.self), rows: vector.count) else {
      return updateWide(vector, T.self, groups)
    }
    let sums = narrow.base
    if isAverage {
      let counts = counts.base
      ValidRows.forEach(vector, as: T.self) { row, value in
        let group = Int(groups[row])
        sums[group] &+= Int64(truncatingIfNeeded: value)
        counts[group] &+= 1
      }
    } else {
      let seen = seen.base
      ValidRows.forEach(vector, as: T.self) { row, value in
        let group = Int(groups[row])
        sums[group] &+= Int64(truncatingIfNeeded: value)
        seen[group] = 1
      }
    }
  }

  private func updateWide<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type, _ groups: UnsafePointer<UInt32>
  ) {
    widen()
    let sums = wide.base
    ValidRows.forEach(vector, as: T.self) { row, value in
      let group = Int(groups[row])
      let (sum, overflow) = sums[group].addingReportingOverflow(Int128(truncatingIfNeeded: value))
      sums[group] = sum
      if overflow { noteWrap(group, isUpward: value > 0) }
    }
    ValidRows.forEachRow(vector) { mark(Int(groups[$0]), 1) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    let vector = IntegerSumAccumulator.prepared(arguments[0])
    switch vector.type.physical {
    case .int8: addSingle(vector, Int8.self, group)
    case .int16: addSingle(vector, Int16.self, group)
    case .int32: addSingle(vector, Int32.self, group)
    case .int64: addSingle(vector, Int64.self, group)
    case .int128: addSingleWide(vector, group)
    case .bool, .float32, .float64, .string: assert(vector.type == .null)
    }
  }

  private func addSingle<T: FixedWidthInteger & BitwiseCopyable>(
    _ vector: Vector, _: T.Type, _ group: Int
  ) {
    let valid = ValidRows.count(vector)
    guard valid > 0 else { return }
    mark(group, Int64(valid))
    addWide(UngroupedSum.sum(vector, T.self), group)
  }

  /// Adds `count` values by their sum, which fits 128 bits.
  func add(sum: Int128, count: Int, group: Int) {
    mark(group, Int64(count))
    addWide(sum, group)
  }

  private func addSingleWide(_ vector: Vector, _ group: Int) {
    widen()
    var valid: Int64 = 0
    var total = wide.base[group]
    ValidRows.forEach(vector, as: Int128.self) { _, value in
      let (sum, overflow) = total.addingReportingOverflow(value)
      total = sum
      valid &+= 1
      if overflow { noteWrap(group, isUpward: value > 0) }
    }
    wide.base[group] = total
    mark(group, valid)
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? IntegerSumAccumulator else { throw AggregateErrors.otherClass }
    for index in 0..<count {
      let group = Int(groups[index])
      if other.isAverage {
        counts.base[group] &+= other.counts.base[index]
      } else {
        seen.base[group] |= other.seen.base[index]
      }
    }
    if other.wide.isEmpty, makeRoom(bound: other.narrowBound &* 1, batches: count) {
      let sums = narrow.base
      let added = other.narrow.base
      for index in 0..<count { sums[Int(groups[index])] &+= added[index] }
      return
    }
    for index in 0..<count {
      let group = Int(groups[index])
      addWide(other.total(index), group)
      if !other.wraps.isEmpty, other.wraps.base[index] != 0 {
        if wraps.isEmpty { wraps.resize(to: groupCount) }
        wraps.base[group] &+= other.wraps.base[index]
      }
    }
  }

  /// Columns: sum, count of values (SUM: 0 or 1), wraps.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    var sums = VectorBuilder(type: .hugeint, capacity: range.count)
    var values = VectorBuilder(type: .bigint, capacity: range.count)
    var wrapped = VectorBuilder(type: .bigint, capacity: range.count)
    for group in range {
      sums.append(total(group))
      values.append(isAverage ? counts.base[group] : Int64(seen.base[group]))
      wrapped.append(wraps.isEmpty ? 0 : wraps.base[group])
    }
    return [sums.finish(), values.finish(), wrapped.finish()]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.int128, .int64, .int64], count)
    let flat = partials.map { $0.flattened() }
    let sums = flat[0].base.assumingMemoryBound(to: Int128.self)
    let values = flat[1].base.assumingMemoryBound(to: Int64.self)
    let wrapped = flat[2].base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count where values[index] != 0 {
      let group = Int(groups[index])
      mark(group, values[index])
      addWide(sums[index], group)
      if wrapped[index] != 0 {
        if wraps.isEmpty { wraps.resize(to: groupCount) }
        wraps.base[group] &+= wrapped[index]
      }
    }
    withExtendedLifetime(flat) {}
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    switch purpose {
    case .sum(let type): return try finishSums(range, type)
    case .average(let scale): return finishAverages(range, scale)
    }
  }

  private func finishSums(_ range: Range<Int>, _ type: LogicalType) throws(StoaError) -> Vector {
    let limit: UInt128 = type.isDecimal ? AggregateErrors.largestDecimal : .max
    let buffer = Buffer(byteCount: max(1, range.count) * 16)
    let out = buffer.typed(Int128.self)
    var isTooLarge = false
    for (index, group) in range.enumerated() {
      let sum = total(group)
      out[index] = sum
      if sum.magnitude > limit || (!wraps.isEmpty && wraps.base[group] != 0) { isTooLarge = true }
    }
    if isTooLarge {
      throw StoaError(.evaluation, "the sum is out of range for \(type)", hint: "Cast to DOUBLE")
    }
    let validity = Validity.make(count: range.count) { seen.base[range.lowerBound + $0] != 0 }
    return Vector(flat: buffer, type: type, count: range.count, validity: validity)
  }

  private func finishAverages(_ range: Range<Int>, _ scale: Int) -> Vector {
    let buffer = Buffer(byteCount: max(1, range.count) * 8)
    let out = buffer.typed(Double.self)
    for (index, group) in range.enumerated() {
      out[index] = counts.base[group] > 0 ? average(group, scale) : 0
    }
    let validity = Validity.make(count: range.count) { counts.base[range.lowerBound + $0] > 0 }
    return Vector(flat: buffer, type: .double, count: range.count, validity: validity)
  }

  private func average(_ group: Int, _ scale: Int) -> Double {
    let wrapCount = wraps.isEmpty ? 0 : wraps.base[group]
    guard wrapCount != 0 else {
      return WideInteger.average(total(group), count: counts.base[group], scale: scale)
    }
    return AggregateErrors.widened(total(group), wraps: wrapCount)
      .divided(by: UInt64(counts.base[group])).dividedByPowerOfTen(scale).rounded()
  }

  // MARK: sums and proofs

  @inline(__always)
  private func mark(_ group: Int, _ values: Int64) {
    if isAverage { counts.base[group] &+= values } else if values > 0 { seen.base[group] = 1 }
  }

  /// The 128-bit sum of a group (modulo 2^128 when it wrapped).
  private func total(_ group: Int) -> Int128 {
    (wide.isEmpty ? 0 : wide.base[group]) &+ Int128(narrow.base[group])
  }

  private func widen() {
    if wide.isEmpty { wide.resize(to: groupCount) }
  }

  private func addWide(_ value: Int128, _ group: Int) {
    widen()
    let (sum, overflow) = wide.base[group].addingReportingOverflow(value)
    wide.base[group] = sum
    if overflow { noteWrap(group, isUpward: value > 0) }
  }

  @inline(never)
  private func noteWrap(_ group: Int, isUpward: Bool) {
    if wraps.isEmpty { wraps.resize(to: groupCount) }
    wraps.base[group] &+= isUpward ? 1 : -1
  }

  /// Whether 64-bit sums may take `rows` values of at most `magnitude` each; flushes when that makes room.
  private func makeRoom(magnitude: UInt64, rows: Int) -> Bool {
    makeRoom(bound: magnitude, batches: rows)
  }

  private func makeRoom(bound: UInt64, batches: Int) -> Bool {
    let (added, overflow) = bound.multipliedReportingOverflow(by: UInt64(batches))
    guard !overflow, added < 1 << 62 else { return false }
    if narrowBound + added >= 1 << 63 { flush() }
    narrowBound += added
    return true
  }

  private func flush() {
    for group in 0..<narrow.count where narrow.base[group] != 0 {
      let value = Int128(narrow.base[group])
      narrow.base[group] = 0
      addWide(value, group)
    }
    narrowBound = 0
  }
}

/// How large the values of a batch can be.
enum Magnitude {
  /// No value of `vector` has a greater magnitude. For types up to 32 bits known without looking.
  static func bound<T: FixedWidthInteger & BitwiseCopyable>(_ vector: Vector, _: T.Type) -> UInt64 {
    if T.bitWidth <= 32 { return 1 << UInt64(T.bitWidth - 1) }
    let source = vector.child ?? vector
    let count = source.form == .constant ? 1 : source.count
    let values = source.base.assumingMemoryBound(to: T.self)
    var bits: T = 0
    for row in 0..<count { bits |= values[row] ^ (values[row] &>> T(T.bitWidth - 1)) }
    withExtendedLifetime(source) {}
    let width = T.bitWidth - bits.leadingZeroBitCount
    return width >= 64 ? .max : 1 << UInt64(width)
  }
}

/// Sums of whole vectors.
enum UngroupedSum {
  /// The exact sum of the values that are not NULL. A run counts as value × length.
  static func sum<T: FixedWidthInteger & BitwiseCopyable>(_ vector: Vector, _: T.Type) -> Int128 {
    switch vector.form {
    case .constant:
      guard vector.validity == nil else { return 0 }
      let value = vector.base.assumingMemoryBound(to: T.self)[0]
      return Int128(truncatingIfNeeded: value) &* Int128(vector.count)
    case .runs:
      var total: Int128 = 0
      ValidRows.forEachRun(vector, as: T.self) { rows, value in
        total &+= Int128(truncatingIfNeeded: value) &* Int128(truncatingIfNeeded: rows.count)
      }
      return total
    case .flat where vector.validity == nil:
      let values = vector.base.assumingMemoryBound(to: T.self)
      defer { withExtendedLifetime(vector) {} }
      return T.bitWidth <= 32 ? plain(values, vector.count) : split(values, vector.count)
    case .flat, .dictionary:
      var low: Int64 = 0
      var high: Int64 = 0
      ValidRows.forEach(vector, as: T.self) { _, value in
        let value = Int64(truncatingIfNeeded: value)
        low &+= Int64(UInt32(truncatingIfNeeded: value))
        high &+= value >> 32
      }
      return (Int128(high) << 32) &+ Int128(low)
    }
  }

  /// Exact for 2^31 values of 32 bits.
  @inline(__always)
  private static func plain<T: FixedWidthInteger>(
    _ values: UnsafePointer<T>, _ count: Int
  ) -> Int128 {
    var total: Int64 = 0
    for row in 0..<count { total &+= Int64(truncatingIfNeeded: values[row]) }
    return Int128(total)
  }

  /// Halves summed apart: three times as fast as 128-bit additions, exact for 2^31 values.
  @inline(__always)
  private static func split<T: FixedWidthInteger>(
    _ values: UnsafePointer<T>, _ count: Int
  ) -> Int128 {
    var low: Int64 = 0
    var high: Int64 = 0
    for row in 0..<count {
      let value = Int64(truncatingIfNeeded: values[row])
      low &+= Int64(UInt32(truncatingIfNeeded: value))
      high &+= value >> 32
    }
    return (Int128(high) << 32) &+ Int128(low)
  }
}
