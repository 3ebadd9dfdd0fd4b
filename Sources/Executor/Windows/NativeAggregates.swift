import Kernels
import SQL
import Vectors

// count, sum and avg over frames as differences of prefix sums, which are exact: integers and decimals as they
// are, floating point as integers of one common power of two where all values of the section fit 128 bits
// so. min and max over frames that only move forward from a queue of candidates, over others from a tree of
// row numbers. What does not fit is left to the tree of partial states.

/// Aggregates with a way of their own over frames.
struct NativeAggregates {
  private enum Kind {
    case count
    case sum
    case average
    case extreme(isMaximum: Bool)
    case spread(isSample: Bool, isDeviation: Bool)
  }

  private let kind: Kind
  private let call: WindowAggregates
  private let bounds: WindowBounds
  /// Rows with a value; `nil` when all have.
  private let present: KeptRows?

  /// `nil` when this is no aggregate known here.
  init?(_ call: WindowAggregates, _ bounds: WindowBounds) {
    switch (call.aggregate.name, call.arguments.count) {
    case ("count", 0), ("count", 1): kind = .count
    case ("sum", 1): kind = .sum
    case ("avg", 1): kind = .average
    case ("min", 1): kind = .extreme(isMaximum: false)
    case ("max", 1): kind = .extreme(isMaximum: true)
    case ("variance", 1): kind = .spread(isSample: true, isDeviation: false)
    case ("var_pop", 1): kind = .spread(isSample: false, isDeviation: false)
    case ("stddev", 1): kind = .spread(isSample: true, isDeviation: true)
    case ("stddev_pop", 1): kind = .spread(isSample: false, isDeviation: true)
    default: return nil
    }
    self.call = call
    self.bounds = bounds
    present = call.arguments.first.flatMap { KeptRows.notNull($0) }
  }

  /// `nil` when the values do not allow it.
  func evaluate() throws(StoaError) -> Vector? {
    switch kind {
    case .count: return counts()
    case .sum, .average:
      guard let argument = call.arguments.first else { return nil }
      let isInteger = argument.type.isInteger || argument.type.isDecimal
      guard isInteger || argument.type.isFloatingPoint,
        let sums = PrefixSums(argument)
      else { return nil }
      if case .sum = kind {
        return isInteger ? integerSums(sums) : realSums(sums)
      }
      return averages(sums, scale: argument.type.scale)
    case .spread(let isSample, let isDeviation):
      guard let argument = call.arguments.first, argument.type.isNumeric,
        let sums = PrefixSums(argument),
        let squares = PrefixSquares(sums, count: argument.count)
      else { return nil }
      return spreads(
        sums, squares, scale: argument.type.scale, isSample: isSample, isDeviation: isDeviation)
    case .extreme(let isMaximum):
      guard let argument = call.arguments.first else { return nil }
      return extremes(Ordinals(argument, isMaximum: isMaximum, present), argument)
    }
  }

  private var rowCount: Int { call.section.rowCount }

  /// Calls `body` with the parts of a row's frame, in rows that are kept.
  @inline(__always)
  private func forEachPart(_ row: Int, _ body: (Int, Int) -> Void) {
    guard let kept = call.kept else { return bounds.forEachPart(row, body) }
    bounds.forEachPart(row) { lower, upper in
      let range = kept.range(lower, upper)
      body(range.lower, range.upper)
    }
  }

  @inline(__always)
  private func presentCount(_ lower: Int, _ upper: Int) -> Int {
    guard let present else { return upper - lower }
    return present.before[upper] - present.before[lower]
  }

  private func counts() -> Vector {
    let buffer = Buffer(of: Int64.self, count: max(1, rowCount))
    let out = buffer.typed(Int64.self)
    for row in 0..<rowCount {
      var total = 0
      forEachPart(row) { total &+= presentCount($0, $1) }
      out[row] = Int64(truncatingIfNeeded: total)
    }
    return Vector(flat: buffer, type: .bigint, count: rowCount)
  }

  // MARK: sums

  private func integerSums(_ sums: PrefixSums) -> Vector? {
    guard call.aggregate.resultType.physical == .int128 else { return nil }
    let buffer = Buffer(of: Int128.self, count: max(1, rowCount))
    let out = buffer.typed(Int128.self)
    let isPresent = Buffer(byteCount: rowCount + 1)
    let bytes = isPresent.typed(UInt8.self)
    for row in 0..<rowCount {
      var total: Int128 = 0
      var count = 0
      forEachPart(row) { lower, upper in
        total &+= sums.sum(lower, upper)
        count &+= presentCount(lower, upper)
      }
      out[row] = total
      bytes[row] = count > 0 ? 1 : 0
    }
    return Vector(
      flat: buffer, type: call.aggregate.resultType, count: rowCount,
      validity: Validity.make(fromBytes: bytes, count: rowCount))
  }

  private func realSums(_ sums: PrefixSums) -> Vector {
    doubles { lower, upper, _ in
      sums.sum(lower, upper)
    } result: { total, _ in
      PrefixSums.double(total) * sums.unit
    }
  }

  private func averages(_ sums: PrefixSums, scale: Int) -> Vector {
    doubles { lower, upper, _ in
      sums.sum(lower, upper)
    } result: { total, count in
      ExactAverage.of(total, count: Int64(count), scale: scale) * sums.unit
    }
  }

  /// A DOUBLE for each row made of the sum and the number of the frame's values; NULL when there are none.
  @inline(__always)
  private func doubles(
    _ part: (Int, Int, Int) -> Int128, result: (Int128, Int) -> Double
  ) -> Vector {
    let buffer = Buffer(of: Double.self, count: max(1, rowCount))
    let out = buffer.typed(Double.self)
    let isPresent = Buffer(byteCount: rowCount + 1)
    let bytes = isPresent.typed(UInt8.self)
    for row in 0..<rowCount {
      var total: Int128 = 0
      var count = 0
      forEachPart(row) { lower, upper in
        total &+= part(lower, upper, row)
        count &+= presentCount(lower, upper)
      }
      out[row] = count > 0 ? result(total, count) : 0
      bytes[row] = count > 0 ? 1 : 0
    }
    return Vector(
      flat: buffer, type: .double, count: rowCount,
      validity: Validity.make(fromBytes: bytes, count: rowCount))
  }

  /// (n Σx² − (Σx)²) / (n (n − 1)), the numerator without rounding.
  private func spreads(
    _ sums: PrefixSums, _ squares: PrefixSquares, scale: Int, isSample: Bool, isDeviation: Bool
  ) -> Vector {
    let buffer = Buffer(of: Double.self, count: max(1, rowCount))
    let out = buffer.typed(Double.self)
    let isPresent = Buffer(byteCount: rowCount + 1)
    let bytes = isPresent.typed(UInt8.self)
    let unit = (0..<scale).reduce(sums.unit * sums.unit) { unit, _ in unit / 100 }
    for row in 0..<rowCount {
      var total: Int128 = 0
      var square: Int128 = 0
      var count = 0
      forEachPart(row) { lower, upper in
        total &+= sums.sum(lower, upper)
        square &+= squares.sum(lower, upper)
        count &+= presentCount(lower, upper)
      }
      let isKnown = count > (isSample ? 1 : 0)
      bytes[row] = isKnown ? 1 : 0
      guard isKnown else {
        out[row] = 0
        continue
      }
      let n = Int128(truncatingIfNeeded: count)
      let numerator = PrefixSums.double(n &* square &- total &* total)
      let variance = numerator / (Double(count) * Double(isSample ? count - 1 : count)) * unit
      out[row] = isDeviation ? variance.squareRoot() : variance
    }
    return Vector(
      flat: buffer, type: .double, count: rowCount,
      validity: Validity.make(fromBytes: bytes, count: rowCount))
  }

  // MARK: min and max

  private func extremes(_ ordinals: Ordinals, _ argument: Vector) -> Vector {
    let positions = RowNumbers(count: rowCount)
    let isPresent = Buffer(byteCount: rowCount + 1)
    let bytes = isPresent.typed(UInt8.self)
    if bounds.isMonotone {
      ordinals.slide(rowCount, positions, bytes) { row in
        let lower = bounds.lower[row]
        let upper = bounds.upper[row]
        let range = call.kept?.range(lower, upper) ?? (lower: lower, upper: upper)
        return present?.range(range.lower, range.upper) ?? range
      }
    } else {
      let tree = ExtremeTree(ordinals)
      for row in 0..<rowCount {
        var best = -1
        forEachPart(row) { lower, upper in
          let range = present?.range(lower, upper) ?? (lower: lower, upper: upper)
          best = tree.best(range.lower, range.upper, besides: best)
        }
        positions.pointer[row] = UInt32(truncatingIfNeeded: max(0, best))
        bytes[row] = best >= 0 ? 1 : 0
      }
    }
    if call.keptCount == 0 || ordinals.count == 0 {
      return Vector.nulls(type: call.aggregate.resultType, count: rowCount)
    }
    if let present {
      for row in 0..<rowCount {
        positions.pointer[row] = present.positions.pointer[positions[row]]
      }
    }
    return argument.picked(positions, isPresent: bytes, count: rowCount)
  }
}

/// Sums of the values before each row, in units of a power of two. NULLs add nothing.
struct PrefixSums {
  /// What a unit is worth; 1 for integers.
  let unit: Double
  private let narrow: UnsafeMutablePointer<Int64>?
  private let wide: UnsafeMutablePointer<Int128>
  private let buffer: Buffer

  /// `nil` when sums might not fit.
  init?(_ argument: Vector) {
    let flat = argument.flattened()
    let count = flat.count
    switch flat.type.physical {
    case .int8: self.init(flat, Int8.self)
    case .int16: self.init(flat, Int16.self)
    case .int32: self.init(flat, Int32.self)
    case .int64: self.init(flat, Int64.self)
    case .int128: self.init(wide: flat)
    case .float32:
      let values = flat.base.assumingMemoryBound(to: Float.self)
      self.init(real: count) { flat.isValid($0) ? Double(values[$0]) : 0 }
    case .float64:
      let values = flat.base.assumingMemoryBound(to: Double.self)
      self.init(real: count) { flat.isValid($0) ? values[$0] : 0 }
    case .bool, .string: return nil
    }
    withExtendedLifetime(flat) {}
  }

  /// The sum of rows `lower` to before `upper`.
  @inline(__always)
  func sum(_ lower: Int, _ upper: Int) -> Int128 {
    if let narrow { return Int128(narrow[upper] &- narrow[lower]) }
    return wide[upper] &- wide[lower]
  }

  /// Up to 64 bits a value: 2^32 rows cannot leave 128 bits.
  private init<T: FixedWidthInteger & BitwiseCopyable>(_ flat: Vector, _: T.Type) {
    let count = flat.count
    let values = flat.base.assumingMemoryBound(to: T.self)
    var low: T = 0
    var high: T = 0
    for row in 0..<count {
      low = min(low, values[row])
      high = max(high, values[row])
    }
    let largest = max(Int64(low).magnitude, Int64(high).magnitude)
    unit = 1
    if largest.multipliedReportingOverflow(by: UInt64(count + 1)).overflow
      || largest &* UInt64(count + 1) >= 1 << 62
    {
      buffer = Buffer(of: Int128.self, count: count + 1)
      narrow = nil
      wide = buffer.typed(Int128.self)
      PrefixSums.fill(wide, flat, values) { Int128($0) }
    } else {
      buffer = Buffer(of: Int64.self, count: count + 1)
      let sums = buffer.typed(Int64.self)
      narrow = sums
      wide = buffer.typed(Int128.self)
      PrefixSums.fill(sums, flat, values) { Int64($0) }
    }
  }

  /// 128-bit values that are small enough for their number.
  private init?(wide flat: Vector) {
    guard flat.type != .interval else { return nil }
    let values = flat.base.assumingMemoryBound(to: Int128.self)
    var largest: UInt128 = 0
    for row in 0..<flat.count where flat.isValid(row) {
      largest = max(largest, values[row].magnitude)
    }
    guard largest < (1 << 120) / UInt128(flat.count + 1) else { return nil }
    unit = 1
    buffer = Buffer(of: Int128.self, count: flat.count + 1)
    narrow = nil
    wide = buffer.typed(Int128.self)
    PrefixSums.fill(wide, flat, values) { $0 }
  }

  @inline(__always)
  private static func fill<T: BitwiseCopyable, S: FixedWidthInteger>(
    _ sums: UnsafeMutablePointer<S>, _ flat: Vector, _ values: UnsafePointer<T>,
    _ number: (T) -> S
  ) {
    var total: S = 0
    sums[0] = 0
    if let validity = flat.validity {
      for row in 0..<flat.count {
        if validity.isValid(row) { total &+= number(values[row]) }
        sums[row + 1] = total
      }
    } else {
      for row in 0..<flat.count {
        total &+= number(values[row])
        sums[row + 1] = total
      }
    }
  }

  /// Floating-point values as multiples of the lowest bit that any of them has.
  @inline(__always)
  private init?(real count: Int, _ value: (Int) -> Double) {
    var lowest = Int.max
    var highest = Int.min
    for row in 0..<count {
      let bits = value(row).bitPattern & ~(1 << 63)
      if bits == 0 { continue }
      let field = Int(truncatingIfNeeded: bits >> 52)
      // Far from the ends of the range, where results could not be rounded once only.
      guard field > 100, field < 1_900 else { return nil }
      let fraction = bits | 1 << 52
      lowest = min(lowest, field - 1_075 + fraction.trailingZeroBitCount)
      highest = max(highest, field - 1_022)
    }
    if lowest > highest { (lowest, highest) = (0, 0) }
    let rowBits = Int.bitWidth - (count + 1).leadingZeroBitCount
    guard highest - lowest + rowBits <= 124 else { return nil }
    unit = Double(sign: .plus, exponent: lowest, significand: 1)
    buffer = Buffer(of: Int128.self, count: count + 1)
    narrow = nil
    wide = buffer.typed(Int128.self)
    var total: Int128 = 0
    wide[0] = 0
    for row in 0..<count {
      let bits = value(row).bitPattern
      let field = Int(truncatingIfNeeded: (bits >> 52) & 0x7ff)
      if field != 0 {
        let significand = Int128(truncatingIfNeeded: (bits & 0x000f_ffff_ffff_ffff) | 1 << 52)
        let shift = field - 1_075 - lowest
        let term =
          shift >= 0
          ? significand &<< Int128(truncatingIfNeeded: shift)
          : significand &>> Int128(truncatingIfNeeded: -shift)
        total &+= bits >> 63 == 0 ? term : 0 &- term
      }
      wide[row + 1] = total
    }
  }

  /// The nearest DOUBLE, ties to even.
  @inline(__always)
  static func double(_ value: Int128) -> Double {
    if let small = Int64(exactly: value) { return Double(small) }
    let magnitude = value.magnitude
    // The upper 64 bits, the lowest of them set when anything below is.
    let shift = 64 - magnitude.leadingZeroBitCount
    let upper = UInt64(truncatingIfNeeded: magnitude >> UInt128(shift))
    let rest = magnitude & ((1 << UInt128(shift)) - 1)
    let rounded = Double(upper | (rest != 0 ? 1 : 0))
    let result = rounded * Double(sign: .plus, exponent: shift, significand: 1)
    return value < 0 ? -result : result
  }
}

/// Sums of the squares of the values before each row, in units of the square of that of `PrefixSums`.
struct PrefixSquares {
  private let sums: UnsafeMutablePointer<Int128>
  private let buffer: Buffer

  /// `nil` when `n Σx²` might not fit 128 bits.
  init?(_ values: PrefixSums, count: Int) {
    var largest: UInt128 = 0
    for row in 0..<count { largest = max(largest, values.sum(row, row + 1).magnitude) }
    let bits = 128 - largest.leadingZeroBitCount
    let rowBits = Int.bitWidth - (count + 1).leadingZeroBitCount
    guard 2 * bits + 2 * rowBits <= 124 else { return nil }
    buffer = Buffer(of: Int128.self, count: count + 1)
    sums = buffer.typed(Int128.self)
    var total: Int128 = 0
    sums[0] = 0
    for row in 0..<count {
      let value = Int64(truncatingIfNeeded: values.sum(row, row + 1))
      let square = value.multipliedFullWidth(by: value)
      total &+= Int128(square.high) << 64 | Int128(square.low)
      sums[row + 1] = total
    }
  }

  @inline(__always)
  func sum(_ lower: Int, _ upper: Int) -> Int128 { sums[upper] &- sums[lower] }
}

/// Values as numbers of which the least is wanted.
final class Ordinals {
  /// Of rows that are not NULL.
  let values: UnsafeMutablePointer<Int64>
  let count: Int
  private let buffer: Buffer

  init(_ argument: Vector, isMaximum: Bool, _ present: KeptRows?) {
    let compact =
      present.map { argument.gather($0.positions.pointer, count: $0.count) } ?? argument
    let flat = compact.flattened()
    count = flat.count
    buffer = Buffer(of: Int64.self, count: max(1, count))
    values = buffer.typed(Int64.self)
    let flip: Int64 = isMaximum ? -1 : 0
    switch flat.type.physical {
    case .bool: fill(flat, UInt8.self, flip)
    case .int8: fill(flat, Int8.self, flip)
    case .int16: fill(flat, Int16.self, flip)
    case .int32: fill(flat, Int32.self, flip)
    case .int64: fill(flat, Int64.self, flip)
    case .float32: fillReal(flat, Float.self, flip) { Double($0) }
    case .float64: fillReal(flat, Double.self, flip) { $0 }
    case .int128, .string: fillRanks(flat, flip)
    }
  }

  private func fill<T: FixedWidthInteger & BitwiseCopyable>(
    _ flat: Vector, _: T.Type, _ flip: Int64
  ) {
    flat.withValues(as: T.self) { source in
      for row in 0..<count { values[row] = Int64(truncatingIfNeeded: source[row]) ^ flip }
    }
  }

  private func fillReal<T: BitwiseCopyable>(
    _ flat: Vector, _: T.Type, _ flip: Int64, _ double: (T) -> Double
  ) {
    flat.withValues(as: T.self) { source in
      for row in 0..<count {
        let value = double(source[row])
        let bits = value.isNaN ? Int64.max : Int64(bitPattern: value.bitPattern)
        values[row] = (bits ^ ((bits >> 63) & Int64.max)) ^ flip
      }
    }
  }

  /// Wide values by their place in order; equal ones have different places, which does not matter.
  private func fillRanks(_ flat: Vector, _ flip: Int64) {
    let order = RowOrder.sort(columns: [flat], specifications: [SortSpecification()])
    for (rank, row) in order.enumerated() { values[Int(row)] = Int64(rank) ^ flip }
  }

  /// The first least row of frames whose ends only move forward.
  @inline(__always)
  func slide(
    _ rowCount: Int, _ positions: RowNumbers, _ isPresent: UnsafeMutablePointer<UInt8>,
    _ range: (Int) -> (lower: Int, upper: Int)
  ) {
    // Candidates in order of rows, each less than those after it; every row enters and leaves once.
    let queue = RowNumbers(count: count + 1)
    let candidates = queue.pointer
    var head = 0
    var tail = 0
    var entered = 0
    for row in 0..<rowCount {
      let (lower, upper) = range(row)
      if lower >= entered {
        (head, tail) = (0, 0)
        entered = lower
      }
      while entered < upper {
        let value = values[entered]
        while tail > head, values[Int(candidates[tail - 1])] > value { tail -= 1 }
        candidates[tail] = UInt32(truncatingIfNeeded: entered)
        tail += 1
        entered += 1
      }
      while head < tail, Int(candidates[head]) < lower { head += 1 }
      let isEmpty = head >= tail || lower >= upper
      positions.pointer[row] = isEmpty ? 0 : candidates[head]
      isPresent[row] = isEmpty ? 0 : 1
    }
    withExtendedLifetime(queue) {}
  }
}

/// The least of any range of rows: a binary tree of row numbers.
struct ExtremeTree {
  private let ordinals: Ordinals
  /// Leaves are nodes `count`…, the parent of node i is i / 2; −1 where there is none.
  private let nodes: [Int32]

  init(_ ordinals: Ordinals) {
    self.ordinals = ordinals
    let count = ordinals.count
    var nodes = [Int32](repeating: -1, count: 2 * count)
    for row in 0..<count { nodes[count + row] = Int32(truncatingIfNeeded: row) }
    for node in stride(from: count - 1, to: 0, by: -1) {
      let left = nodes[2 * node]
      let right = nodes[2 * node + 1]
      nodes[node] =
        ordinals.values[Int(right)] < ordinals.values[Int(left)] ? right : left
    }
    self.nodes = nodes
  }

  /// The row of `lower..<upper`, or `besides` when it is not negative, whose value is least; −1 for none.
  @inline(__always)
  func best(_ lower: Int, _ upper: Int, besides: Int) -> Int {
    var best = besides
    guard lower < upper else { return best }
    func take(_ node: Int) {
      let row = Int(nodes[node])
      if best < 0 || ordinals.values[row] < ordinals.values[best] { best = row }
    }
    var low = lower + ordinals.count
    var high = upper + ordinals.count
    while low < high {
      if low & 1 == 1 {
        take(low)
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        take(high)
      }
      low >>= 1
      high >>= 1
    }
    return best
  }
}
