import Vectors

// What COUNT, SUM, AVG, MIN and MAX need to know of many values in place of the values. Whoever knows it without
// looking at them (a zone map, an encoded chunk) can add them all at once, with the same result to the last bit.

/// What is known of values of which none is NULL.
public enum ValueSummary: Sendable {
  case count(Int)
  /// The exact sum of `count` integers (of DECIMAL: unscaled).
  case sum(Int128, count: Int)
  /// A vector of one row: the least or greatest of the values, whichever the aggregate asks for.
  case bound(Vector)
}

/// An aggregate that takes what is known of values for the values.
public protocol SummaryAccumulator: AggregateAccumulator {
  /// Which summary.
  var summaryNeed: SummaryNeed { get }
  /// Adds the values that `summary`, of the kind needed, describes.
  func add(_ summary: ValueSummary, group: Int) throws(StoaError)
}

/// The summary an aggregate needs.
public enum SummaryNeed: Sendable { case count, sum, least, greatest }

extension BoundAggregate {
  /// Whether its accumulator is a `SummaryAccumulator`.
  public var takesSummaries: Bool { makeAccumulator() is any SummaryAccumulator }
}

extension CountAccumulator: SummaryAccumulator {
  var summaryNeed: SummaryNeed { .count }

  func add(_ summary: ValueSummary, group: Int) throws(StoaError) {
    guard case .count(let count) = summary else { throw AggregateErrors.otherSummary }
    try updateSingle([], count: count, group: group)
  }
}

extension IntegerSumAccumulator: SummaryAccumulator {
  var summaryNeed: SummaryNeed { .sum }

  func add(_ summary: ValueSummary, group: Int) throws(StoaError) {
    guard case .sum(let sum, let count) = summary else { throw AggregateErrors.otherSummary }
    guard count > 0 else { return }
    add(sum: sum, count: count, group: group)
  }
}

extension MinMaxAccumulator: SummaryAccumulator {
  var summaryNeed: SummaryNeed { isMaximum ? .greatest : .least }

  func add(_ summary: ValueSummary, group: Int) throws(StoaError) {
    guard case .bound(let vector) = summary else { throw AggregateErrors.otherSummary }
    try updateSingle([vector], count: vector.count, group: group)
  }
}
