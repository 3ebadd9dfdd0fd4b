import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension AggregateFunction {
  /// The most frequent value; the least of several.
  static let mode = AggregateFunction(
    "mode", signature: "x", help: "The most frequent value, the least of them if several are",
    example: "SELECT mode(x) FROM (VALUES (3), (1), (3), (1), (2)) t(x)", result: "1"
  ) { types in
    types.count == 1 ? mode(types[0], isDescending: false) : nil
  }

  static func mode(_ type: LogicalType, isDescending: Bool) -> BoundAggregate {
    BoundAggregate(
      name: isDescending ? "mode_desc" : "mode", argumentTypes: [type], resultType: type
    ) { FrequencyAccumulator(type, isDescending ? .greatestMode : .leastMode) }
  }

  /// Entropy of the frequencies, in bits.
  static let entropy = AggregateFunction(
    "entropy", signature: "x", help: "The entropy of the values' frequencies, in bits",
    example: "SELECT entropy(x) FROM (VALUES ('a'), ('b'), (NULL)) t(x)", result: "1.0"
  ) { types in
    guard types.count == 1 else { return nil }
    return BoundAggregate(name: "entropy", argumentTypes: types, resultType: .double) {
      FrequencyAccumulator(types[0], .entropy)
    }
  }
}

/// What follows from how often each value occurs, by group: from all values, sorted in the end.
final class FrequencyAccumulator: AggregateAccumulator {
  enum Result: Sendable { case leastMode, greatestMode, entropy }

  private let type: LogicalType
  private let result: Result
  private let values: TypedLists

  init(_ type: LogicalType, _ result: Result) {
    self.type = type
    self.result = result
    values = TypedLists(type)
  }

  var byteCount: Int { values.byteCount }

  func resize(groupCount: Int) { values.resize(groupCount: groupCount) }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    values.add(arguments[0]) { Int(groups[$0]) }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    values.add(arguments[0]) { _ in group }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? FrequencyAccumulator else { throw AggregateErrors.otherClass }
    for index in 0..<count { values.take(other.values, index, Int(groups[index])) }
  }

  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [try values.partialStates(range)]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.string], count)
    try values.combine(partials[0], groups: groups, count: count)
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    switch type.physical {
    case .bool: try finish(range, UInt8.self)
    case .int8: try finish(range, Int8.self)
    case .int16: try finish(range, Int16.self)
    case .int32: try finish(range, Int32.self)
    case .int64: try finish(range, Int64.self)
    case .int128: try finish(range, Int128.self)
    case .float32: try finish(range, Float.self)
    case .float64: try finish(range, Double.self)
    case .string: try finish(range, StringView.self)
    }
  }

  @inline(__always)
  private func finish<T: OrderedValue>(
    _ range: Range<Int>, _: T.Type
  ) throws(StoaError) -> Vector {
    if result == .entropy {
      return try Vector.doubles(range) { group in
        let list = values.lists.values(group, as: T.self)
        return list.isEmpty ? nil : FrequencyAccumulator.entropy(list)
      }
    }
    let buffer = Buffer(byteCount: max(1, range.count * type.physical.byteWidth), zeroed: true)
    let out = buffer.typed(T.self)
    for (index, group) in range.enumerated() where values.lists.count(group) > 0 {
      let list = values.lists.values(group, as: T.self)
      var best = list[0]
      var bestCount = 0
      FrequencyAccumulator.forEachRun(list) { value, count in
        if result == .greatestMode ? count >= bestCount : count > bestCount {
          best = value
          bestCount = count
        }
      }
      out[index] = best
    }
    let validity = Validity.make(count: range.count) {
      values.lists.count(range.lowerBound + $0) > 0
    }
    return Vector(
      flat: buffer, type: type, count: range.count, validity: validity, owners: values.owners)
  }

  /// Sorts and calls `body` with each different value, ascending, and how often it occurs.
  @inline(__always)
  private static func forEachRun<T: OrderedValue>(
    _ list: UnsafeMutableBufferPointer<T>, _ body: (T, Int) -> Void
  ) {
    // Zeros of both signs are one value, of which the negative one stands first.
    var list = list
    list.sort { T.isLess($0, $1) || (T.isEqual($0, $1) && $0.sortsBefore($1)) }
    var start = 0
    while start < list.count {
      var end = start + 1
      while end < list.count, T.isEqual(list[start], list[end]) { end += 1 }
      body(list[start], end - start)
      start = end
    }
  }

  /// Σ p log₂(1/p), summed from the rarest value to the most frequent, so that the order of rows does not matter.
  @inline(__always)
  private static func entropy<T: OrderedValue>(_ list: UnsafeMutableBufferPointer<T>) -> Double {
    var counts: [Int] = []
    forEachRun(list) { counts.append($1) }
    counts.sort()
    let total = Double(list.count)
    var sum = 0.0
    for count in counts {
      let share = Double(count) / total
      sum -= share * log2(share)
    }
    return max(0, sum)
  }
}

extension OrderedValue {
  /// Tells apart the values that are equal: −0 before 0.
  @inline(__always)
  fileprivate func sortsBefore(_ other: Self) -> Bool {
    if let a = self as? Double, let b = other as? Double {
      return a.sign == .minus && b.sign == .plus && a == b
    }
    if let a = self as? Float, let b = other as? Float {
      return a.sign == .minus && b.sign == .plus && a == b
    }
    return false
  }
}
