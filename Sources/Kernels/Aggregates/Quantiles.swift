import Vectors

// quantile_cont, quantile_disc, median and mad: exact, from all values of a group. The fraction is an argument like any
// other; the first one a group sees counts.

extension AggregateFunction {
  /// The value between the two nearest to a fraction of the values.
  static let quantileCont = AggregateFunction(
    "quantile_cont", aliases: ["percentile_cont"], signature: "x, fraction DOUBLE",
    help: "The value below which a fraction of the values lies, between two values if need be",
    example: "SELECT quantile_cont(x, 0.5) FROM (VALUES (1), (2), (NULL)) t(x)", result: "1.5"
  ) { types in
    types.count == 2 ? continuous("quantile_cont", types, isDescending: false) : nil
  }

  /// The first value with at least a fraction of the values up to it.
  static let quantileDisc = AggregateFunction(
    "quantile_disc", aliases: ["quantile", "percentile_disc"], signature: "x, fraction DOUBLE",
    help: "The first value up to which at least a fraction of the values lies",
    example: "SELECT quantile_disc(x, 0.5) FROM (VALUES ('a'), ('b'), ('c')) t(x)", result: "b"
  ) { types in
    types.count == 2 ? discrete("quantile_disc", types, isDescending: false) : nil
  }

  /// The middle value.
  static let median = AggregateFunction(
    "median", signature: "x", help: "The middle value, between two values if need be",
    example: "SELECT median(x) FROM (VALUES (1), (2), (9), (NULL)) t(x)", result: "2.0"
  ) { types in
    guard types.count == 1 else { return nil }
    return continuous("median", types, isDescending: false)
      ?? discrete("median", types, isDescending: false)
  }

  /// The median of the distances from the median.
  static let medianDeviation = AggregateFunction(
    "mad", signature: "x DOUBLE", help: "The median of the distances from the median",
    example: "SELECT mad(x) FROM (VALUES (1), (2), (9)) t(x)", result: "1.0"
  ) { types in
    guard types.count == 1, types[0].isNumeric || types[0] == .null else { return nil }
    return BoundAggregate(name: "mad", argumentTypes: [.double], resultType: .double) {
      MedianDeviationAccumulator()
    }
  }

  static func continuous(
    _ name: String, _ types: [LogicalType], isDescending: Bool
  ) -> BoundAggregate? {
    let type: LogicalType
    if types[0].isNumeric || types[0] == .null {
      type = .double
    } else if types[0] == .date {
      type = .timestamp
    } else if types[0].physical == .int64 {
      type = types[0]
    } else {
      return nil
    }
    return quantile(
      name, type, types.count == 2, QuantileAccumulator.Rule(isDescending, isContinuous: true))
  }

  static func discrete(
    _ name: String, _ types: [LogicalType], isDescending: Bool
  ) -> BoundAggregate? {
    quantile(
      name, types[0], types.count == 2,
      QuantileAccumulator.Rule(isDescending, isContinuous: false))
  }

  private static func quantile(
    _ name: String, _ type: LogicalType, _ hasFraction: Bool, _ rule: QuantileAccumulator.Rule
  ) -> BoundAggregate {
    BoundAggregate(
      name: rule.isDescending ? "\(name)_desc" : name,
      argumentTypes: hasFraction ? [type, .double] : [type], resultType: type
    ) { QuantileAccumulator(type, rule, hasFraction: hasFraction) }
  }
}

/// Quantiles by group.
final class QuantileAccumulator: AggregateAccumulator {
  struct Rule: Sendable {
    var isDescending: Bool
    var isContinuous: Bool

    init(_ isDescending: Bool, isContinuous: Bool) {
      self.isDescending = isDescending
      self.isContinuous = isContinuous
    }
  }

  private let type: LogicalType
  private let rule: Rule
  private let hasFraction: Bool
  private let values: TypedLists
  /// NaN until a row has been seen, negative for NULL.
  private let fractions: GroupArray<Double>

  init(_ type: LogicalType, _ rule: Rule, hasFraction: Bool) {
    self.type = type
    self.rule = rule
    self.hasFraction = hasFraction
    values = TypedLists(type)
    fractions = GroupArray(hasFraction ? .nan : 0.5)
  }

  var byteCount: Int { values.byteCount + fractions.byteCount }

  func resize(groupCount: Int) {
    values.resize(groupCount: groupCount)
    fractions.resize(to: groupCount)
  }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    values.add(arguments[0]) { Int(groups[$0]) }
    if hasFraction { try noteFractions(arguments[1], count) { Int(groups[$0]) } }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    values.add(arguments[0]) { _ in group }
    if hasFraction, count > 0 { try noteFractions(arguments[1], 1) { _ in group } }
  }

  private func noteFractions(
    _ vector: Vector, _ count: Int, _ group: (Int) -> Int
  ) throws(StoaError) {
    let flat = vector.flattened()
    let given = flat.base.assumingMemoryBound(to: Double.self)
    var isWrong = false
    for row in 0..<count {
      let group = group(row)
      guard fractions.base[group].isNaN else { continue }
      let fraction = flat.isValid(row) ? given[row] : -1
      if flat.isValid(row), !(0...1).contains(fraction) { isWrong = true }
      fractions.base[group] = fraction
    }
    withExtendedLifetime(flat) {}
    if isWrong {
      throw StoaError(.evaluation, "the fraction of a quantile must be between 0 and 1")
    }
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? QuantileAccumulator else { throw AggregateErrors.otherClass }
    for index in 0..<count {
      let group = Int(groups[index])
      values.take(other.values, index, group)
      if fractions.base[group].isNaN { fractions.base[group] = other.fractions.base[index] }
    }
  }

  /// Columns: the values as bytes, the fraction.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    [try values.partialStates(range), fractions.vector(range, .double)]
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.string, .float64], count)
    try values.combine(partials[0], groups: groups, count: count)
    let flat = partials[1].flattened()
    let added = flat.base.assumingMemoryBound(to: Double.self)
    for index in 0..<count where fractions.base[Int(groups[index])].isNaN {
      let fraction = added[index]
      guard fraction.isNaN || fraction == -1 || (0...1).contains(fraction) else {
        throw StoaError(.corruption, "a partial state of a quantile is damaged")
      }
      fractions.base[Int(groups[index])] = fraction
    }
    withExtendedLifetime(flat) {}
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    switch type.physical {
    case .bool: discrete(range, UInt8.self)
    case .int8: discrete(range, Int8.self)
    case .int16: discrete(range, Int16.self)
    case .int32: discrete(range, Int32.self)
    case .int128: discrete(range, Int128.self)
    case .float32: discrete(range, Float.self)
    case .string: discrete(range, StringView.self)
    case .int64:
      rule.isContinuous
        ? continuous(range, Int64.self) { low, high, part in
          let distance = (Double(high) - Double(low)) * part
          return Int64(clamping: Int128(low) + Int128(distance.rounded()))
        } : discrete(range, Int64.self)
    case .float64:
      rule.isContinuous
        ? continuous(range, Double.self) { low, high, part in
          low == high ? low : low + (high - low) * part
        } : discrete(range, Double.self)
    }
  }

  private func isKnown(_ group: Int) -> Bool {
    values.lists.count(group) > 0 && fractions.base[group] >= 0
  }

  @inline(__always)
  private func discrete<T: OrderedValue>(_ range: Range<Int>, _: T.Type) -> Vector {
    result(range, T.self) { list, fraction in
      let rank = (fraction * Double(list.count)).rounded(.up)
      let place = max(0, min(list.count, Int(rank)) - 1)
      let index = rule.isDescending ? list.count - 1 - place : place
      ValueSelection.select(list, index)
      return list[index]
    }
  }

  @inline(__always)
  private func continuous<T: OrderedValue>(
    _ range: Range<Int>, _: T.Type, _ between: (T, T, Double) -> T
  ) -> Vector {
    result(range, T.self) { list, fraction in
      let position = fraction * Double(list.count - 1)
      let place = min(list.count - 1, Int(position))
      let part = position - Double(place)
      if rule.isDescending {
        let index = list.count - 1 - place
        ValueSelection.select(list, index)
        guard part > 0, index > 0 else { return list[index] }
        let high = list[index]
        ValueSelection.select(
          UnsafeMutableBufferPointer(rebasing: list[..<index]), index - 1)
        return between(high, list[index - 1], part)
      }
      ValueSelection.select(list, place)
      guard part > 0, place + 1 < list.count else { return list[place] }
      return between(list[place], ValueSelection.least(list, from: place + 1), part)
    }
  }

  @inline(__always)
  private func result<T: OrderedValue>(
    _ range: Range<Int>, _: T.Type, _ value: (UnsafeMutableBufferPointer<T>, Double) -> T
  ) -> Vector {
    let width = type.physical.byteWidth
    let buffer = Buffer(byteCount: max(1, range.count * width), zeroed: true)
    let out = buffer.typed(T.self)
    for (index, group) in range.enumerated() where isKnown(group) {
      out[index] = value(values.lists.values(group, as: T.self), fractions.base[group])
    }
    let validity = Validity.make(count: range.count) { isKnown(range.lowerBound + $0) }
    return Vector(
      flat: buffer, type: type, count: range.count, validity: validity, owners: values.owners)
  }
}

extension TypedLists {
  /// Adds the values of a group of `other`.
  func take(_ other: TypedLists, _ source: Int, _ group: Int) {
    if type.physical == .string {
      for view in other.lists.values(source, as: StringView.self) { append(view, group) }
    } else {
      lists.append(bytes: other.lists.bytes(source), group)
    }
  }
}

/// Median absolute deviations by group.
final class MedianDeviationAccumulator: AggregateAccumulator {
  private let values = TypedLists(.double)

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
    guard let other = other as? MedianDeviationAccumulator else {
      throw AggregateErrors.otherClass
    }
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
    try Vector.doubles(range) { group in
      let list = values.lists.values(group, as: Double.self)
      if list.isEmpty { return nil }
      let middle = MedianDeviationAccumulator.median(list)
      let distances = UnsafeMutableBufferPointer<Double>.allocate(capacity: list.count)
      defer { distances.deallocate() }
      for index in list.indices { distances[index] = abs(list[index] - middle) }
      return MedianDeviationAccumulator.median(distances)
    }
  }

  private static func median(_ values: UnsafeMutableBufferPointer<Double>) -> Double {
    let place = (values.count - 1) / 2
    ValueSelection.select(values, place)
    if values.count % 2 == 1 { return values[place] }
    let (low, high) = (values[place], ValueSelection.least(values, from: place + 1))
    return low == high ? low : low + (high - low) * 0.5
  }
}
