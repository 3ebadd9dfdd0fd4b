import Kernels
import SQL
import Vectors

/// DISTINCT aggregates over frames. Where all frames of a partition begin with it, a value counts at its first row:
/// then the later ones are left out and the rest is as without DISTINCT. For frames that only move forward, count, sum
/// and avg keep how often each value occurs. Other frames are taken row by row.
struct DistinctFrames {
  private let call: WindowAggregates
  private let bounds: WindowBounds

  init(_ call: WindowAggregates, _ bounds: WindowBounds) {
    self.call = call
    self.bounds = bounds
  }

  func evaluate() throws(StoaError) -> Vector {
    let frame = call.function.call.frame
    if frame.start == .unboundedPreceding, frame.exclusion == .none { return try growing() }
    if bounds.isMonotone, let result = sliding() { return result }
    return try anyFrames()
  }

  /// Kept rows, by their number, whose value is not that of an earlier one of the partition.
  private func firstOccurrences() -> [UInt8] {
    let count = call.keptCount
    let value = call.arguments[0].flattened()
    let partitions = call.section.boundaries(call.function.partitionCount)
    let numbers = RowNumbers(count: count)
    for partition in 0..<partitions.count {
      let range = kept(partitions.starts[partition], partitions.starts[partition + 1])
      for index in range { numbers.pointer[index] = UInt32(truncatingIfNeeded: partition) }
    }
    let order = RowOrder.sort(columns: [value], specifications: [SortSpecification()])
    let comparator = RowComparator([SortSpecification()])
    var isFirst = [UInt8](repeating: 0, count: count + 1)
    // Equal values of one partition lie together, in order of rows.
    for place in order.indices {
      let row = Int(order[place])
      guard value.isValid(row) else { continue }
      let before = place > 0 ? Int(order[place - 1]) : -1
      let isRepeated =
        before >= 0 && numbers[before] == numbers[row]
        && comparator.compare([value], before, [value], row) == 0
      isFirst[row] = isRepeated ? 0 : 1
    }
    return isFirst
  }

  @inline(__always)
  private func kept(_ lower: Int, _ upper: Int) -> Range<Int> {
    guard let rows = call.kept?.range(lower, upper) else { return lower..<upper }
    return rows.lower..<rows.upper
  }

  private func growing() throws(StoaError) -> Vector {
    let distinct = KeptRows(firstOccurrences(), rowCount: call.keptCount)
    let values = call.arguments.map {
      $0.gather(distinct.positions.pointer, count: distinct.count)
    }
    let tree = try AggregateTree(
      call.aggregate, values, count: distinct.count,
      cancellation: call.section.context.cancellation)
    return try tree.evaluate(rowCount: call.section.rowCount) { row, body in
      let range = kept(bounds.lower[row], bounds.upper[row])
      let places = distinct.range(range.lowerBound, range.upperBound)
      body(places.lower, places.upper)
    }
  }

  /// A number for each kept row with a value, equal for equal values; −1 for NULL.
  private func valueNumbers(_ value: Vector) -> (numbers: [Int32], count: Int) {
    let order = RowOrder.sort(columns: [value], specifications: [SortSpecification()])
    let comparator = RowComparator([SortSpecification()])
    var numbers = [Int32](repeating: -1, count: value.count)
    var next: Int32 = -1
    for place in order.indices {
      let row = Int(order[place])
      guard value.isValid(row) else { continue }
      if place == 0 || next < 0
        || comparator.compare([value], Int(order[place - 1]), [value], row) != 0
      {
        next += 1
      }
      numbers[row] = next
    }
    return (numbers, Int(next) + 1)
  }

  /// count, sum and avg while the frame moves; `nil` for others.
  private func sliding() -> Vector? {
    let name = call.aggregate.name
    guard name == "count" || name == "sum" || name == "avg" else { return nil }
    let value = call.arguments[0].flattened()
    let given = name == "count" ? nil : PrefixSums(value)
    guard name == "count" || given != nil else { return nil }
    let (numbers, numberCount) = valueNumbers(value)
    var uses = [Int32](repeating: 0, count: numberCount)
    var result = SlidingResult(
      call.aggregate.resultType, name, scale: value.type.scale, unit: given?.unit ?? 1,
      rowCount: call.section.rowCount)
    var total: Int128 = 0
    var count = 0
    var (left, entered) = (0, 0)
    for row in 0..<call.section.rowCount {
      let range = kept(bounds.lower[row], bounds.upper[row])
      while entered < range.upperBound {
        let number = Int(numbers[entered])
        if number >= 0 {
          uses[number] += 1
          if uses[number] == 1 {
            count += 1
            if let given { total &+= given.sum(entered, entered + 1) }
          }
        }
        entered += 1
      }
      while left < range.lowerBound, left < entered {
        let number = Int(numbers[left])
        if number >= 0 {
          uses[number] -= 1
          if uses[number] == 0 {
            count -= 1
            if let given { total &-= given.sum(left, left + 1) }
          }
        }
        left += 1
      }
      // An empty frame may lie ahead of what has entered.
      guard result.put(row, total, range.isEmpty ? 0 : count) else { return nil }
    }
    return result.vector
  }

  /// The values of each frame one after the other: the work grows with the size of frames.
  private func anyFrames() throws(StoaError) -> Vector {
    var results: [Vector] = []
    var row = 0
    let rowCount = call.section.rowCount
    while row < rowCount {
      try call.section.context.cancellation.check()
      // As many rows as have some thousand values in their frames.
      var positions: [UInt32] = []
      var groups: [UInt32] = []
      let first = row
      repeat {
        let group = UInt32(truncatingIfNeeded: row - first)
        bounds.forEachPart(row) { lower, upper in
          for index in kept(lower, upper) {
            positions.append(UInt32(truncatingIfNeeded: index))
            groups.append(group)
          }
        }
        row += 1
      } while row < rowCount && positions.count < 16_384
      let states = call.aggregate.makeAccumulator(isDistinct: true)
      try states.resize(groupCount: row - first)
      let values = call.arguments.map { $0.gather(positions, count: positions.count) }
      try states.update(values, groups: groups, count: positions.count)
      results.append(try states.finish(0..<(row - first)))
    }
    return Vector.concatenated(results, count: rowCount)
  }
}

/// Results of count, sum or avg row by row.
private struct SlidingResult {
  private let type: LogicalType
  private let name: String
  private let scale: Int
  private let unit: Double
  private let buffer: Buffer
  private let isPresent: Buffer
  private let rowCount: Int

  init(_ type: LogicalType, _ name: String, scale: Int, unit: Double, rowCount: Int) {
    self.type = type
    self.name = name
    self.scale = scale
    self.unit = unit
    self.rowCount = rowCount
    buffer = Buffer(byteCount: max(1, rowCount) * 16)
    isPresent = Buffer(byteCount: rowCount + 1)
  }

  /// False when the result has a type not known here.
  mutating func put(_ row: Int, _ total: Int128, _ count: Int) -> Bool {
    isPresent.typed(UInt8.self)[row] = name == "count" || count > 0 ? 1 : 0
    switch (name, type.physical) {
    case ("count", .int64): buffer.typed(Int64.self)[row] = Int64(count)
    case ("sum", .int128): buffer.typed(Int128.self)[row] = total
    case ("sum", .float64): buffer.typed(Double.self)[row] = PrefixSums.double(total) * unit
    case ("avg", .float64):
      buffer.typed(Double.self)[row] =
        count > 0 ? ExactAverage.of(total, count: Int64(count), scale: scale) * unit : 0
    default: return false
    }
    return true
  }

  var vector: Vector {
    Vector(
      flat: buffer, type: type, count: rowCount,
      validity: Validity.make(fromBytes: isPresent.typed(UInt8.self), count: rowCount))
  }
}
