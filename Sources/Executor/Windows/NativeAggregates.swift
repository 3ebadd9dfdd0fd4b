import Kernels
import SQL
import Vectors

// count, sum, avg and variances over frames as differences of prefix sums, which are exact: integers and decimals
// as they are, floating point as integers of one common power of two where all values of the section fit 128
// bits so. min and max over frames that only move forward from a queue of candidates, over others from a tree of
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
