import Vectors

/// What is known of a column chunk without reading it.
public struct ZoneMap: Sendable, Equatable {
  public var rowCount: Int
  public var nullCount: Int
  /// The least and greatest value that is not NULL; both `.null` when there is none. Floating point orders NaN above
  /// all; long strings are cut, see the flags.
  public var min: Value
  public var max: Value
  /// False when `min` is a proper prefix of the least value (so still a lower bound).
  public var minIsExact: Bool
  /// False when `max` is a proper prefix of the greatest value: values up to every string that begins with it
  /// may occur.
  public var maxIsExact: Bool
  /// Roughly how many distinct values there are, from a sample; exact when small.
  public var distinctEstimate: Int
  /// The rows ascend (equal values allowed), and none is NULL.
  public var isSorted: Bool

  /// See the properties.
  public init(
    rowCount: Int, nullCount: Int, min: Value, max: Value, minIsExact: Bool = true,
    maxIsExact: Bool = true, distinctEstimate: Int, isSorted: Bool
  ) {
    self.rowCount = rowCount
    self.nullCount = nullCount
    self.min = min
    self.max = max
    self.minIsExact = minIsExact
    self.maxIsExact = maxIsExact
    self.distinctEstimate = distinctEstimate
    self.isSorted = isSorted
  }

  /// Strings longer than this are cut in zone maps.
  public static let stringLimit = 32
}

/// What a zone map says about a filter.
public enum FilterVerdict: Sendable, Equatable {
  /// No row passes.
  case none
  /// Every row passes.
  case all
  /// Only the chunk can tell.
  case some
}

extension ColumnFilter {
  /// Decides the filter for a whole chunk if its zone map suffices. Entry predicates are never decided, except that
  /// a chunk of NULLs has no passing row.
  public func verdict(_ zone: ZoneMap) -> FilterVerdict {
    let hasNulls = zone.nullCount > 0
    let allNull = zone.nullCount >= zone.rowCount
    if zone.rowCount == 0 { return .none }
    if case .nulls = test { return allNull ? .all : hasNulls ? .some : .none }
    if allNull { return .none }
    let values = test.verdict(zone)
    return values == .all && hasNulls ? .some : values
  }
}

extension ValueTest {
  /// The verdict for the values that are not NULL.
  func verdict(_ zone: ZoneMap) -> FilterVerdict {
    switch self {
    case .nothing, .nulls: return .none
    case .everything: return .all
    case .predicate, .mixed: return .some
    case .integers(let lower, let upper, let negated):
      guard let (low, high) = ValueTest.integerBounds(zone) else { return .some }
      return ValueTest.decide(
        disjoint: high < lower || low > upper, within: low >= lower && high <= upper, negated)
    case .integerTable(let table):
      guard let (low, high) = ValueTest.integerBounds(zone) else { return .some }
      let first = Int128(table.minimum)
      if high < first || low >= first + Int128(table.count) { return .none }
      return ValueTest.decide(table, Swift.max(low, first), high, whole: low >= first)
    case .integerSet(let set):
      guard let (low, high) = ValueTest.integerBounds(zone) else { return .some }
      return high < Int128(set.minimum) || low > Int128(set.maximum) ? .none : .some
    case .wideSet(let members):
      guard let (low, high) = ValueTest.integerBounds(zone) else { return .some }
      return members.contains { $0 >= low && $0 <= high } ? .some : .none
    case .doubles(let lower, let upper, let negated):
      guard case .double(let least) = zone.min, case .double(let greatest) = zone.max else {
        return .some
      }
      let low = ValueTest.orderedKey(least)
      let high = ValueTest.orderedKey(greatest)
      return ValueTest.decide(
        disjoint: high < lower || low > upper, within: low >= lower && high <= upper, negated)
    case .doubleSet(let set):
      guard case .double(let least) = zone.min, case .double(let greatest) = zone.max else {
        return .some
      }
      return ValueTest.orderedKey(greatest) < set.minimum
        || ValueTest.orderedKey(least) > set.maximum ? .none : .some
    case .strings(let interval): return interval.verdict(zone)
    case .stringSet(let list):
      guard let first = list.views.first, let last = list.views.last else { return .none }
      let hull = StringInterval(
        lower: first.withBytes { Array($0) }, upper: last.withBytes { Array($0) })
      return hull.verdict(zone) == .none ? .none : .some
    }
  }

  private static func integerBounds(_ zone: ZoneMap) -> (Int128, Int128)? {
    switch (zone.min, zone.max) {
    case (.integer(let low), .integer(let high)): (low, high)
    case (.boolean(let low), .boolean(let high)): (low ? 1 : 0, high ? 1 : 0)
    default: nil
    }
  }

  static func decide(disjoint: Bool, within: Bool, _ negated: Bool) -> FilterVerdict {
    disjoint ? (negated ? .all : .none) : within ? (negated ? .none : .all) : .some
  }

  /// Looks a short stretch of the table up: most chunks of a sorted key column span few keys.
  private static func decide(
    _ table: KeyTable, _ low: Int128, _ high: Int128, whole: Bool
  ) -> FilterVerdict {
    let first = Int(low - Int128(table.minimum))
    let last = Swift.min(high, Int128(table.minimum) + Int128(table.count) - 1)
    let end = Int(last - Int128(table.minimum)) + 1
    guard end - first <= 4096 else { return .some }
    var hasHit = false
    var hasMiss = !whole || high >= Int128(table.minimum) + Int128(table.count)
    for index in first..<end {
      if table.bytes[index] != 0 { hasHit = true } else { hasMiss = true }
      if hasHit && hasMiss { return .some }
    }
    return hasHit ? .all : .none
  }
}

extension StringInterval {
  func verdict(_ zone: ZoneMap) -> FilterVerdict {
    guard let low = zone.min.bytes, let high = zone.max.bytes else { return .some }
    func less(_ a: [UInt8], _ b: [UInt8]) -> Bool { a.lexicographicallyPrecedes(b) }
    var disjoint = false
    if let upper { disjoint = upperIncluded ? less(upper, low) : !less(low, upper) }
    if let lower, !disjoint {
      let above = lowerIncluded ? less(high, lower) : !less(lower, high)
      disjoint = above && (zone.maxIsExact || !lower.starts(with: high))
    }
    var within = true
    if let lower { within = lowerIncluded ? !less(low, lower) : less(lower, low) }
    if let upper, within {
      let below = upperIncluded ? !less(upper, high) : less(high, upper)
      within = below && (zone.maxIsExact || !upper.starts(with: high))
    }
    return ValueTest.decide(disjoint: disjoint, within: within, negated)
  }
}
