import Kernels
import Vectors

/// `generate_series` and `range` of dates and timestamps: constants with an interval as step.
extension Binder {
  private static let maximalSearch = Int64(1) << 40

  /// Rows from `start` by `step`; each is computed from the start, so that steps of months keep the day where they can.
  func bindTimeSeries(
    _ name: String, _ arguments: [Expression], _ reference: TableReferenceSyntax,
    _ position: Range<Int>
  ) throws(StoaError) -> FromPart {
    guard arguments.count == 3 else {
      throw StoaError(
        .binding, "\(name) of dates takes a start, an end and a step",
        hint: "\(name)(DATE '2024-01-01', DATE '2024-12-31', INTERVAL 1 MONTH)", position: position)
    }
    let start = try folded(
      try explicitCast(arguments[0], to: .timestamp, isTry: false, at: position), at: position)
    let stop = try folded(
      try explicitCast(arguments[1], to: .timestamp, isTry: false, at: position), at: position)
    let step = try coerced(arguments[2], to: .interval, at: position)
    let column = numbers.column(name, .timestamp)
    let ordinal = numbers.column("ordinal", .bigint)
    func value(_ index: Expression) throws(StoaError) -> Expression {
      let distance = try call("*", [step, index], at: position)
      return try explicitCast(
        try call("+", [start, distance], at: position), to: .timestamp, isTry: false, at: position)
    }
    let count = try timeSeriesCount(start, stop, includesEnd: name == "generate_series", position) {
      (index) throws(StoaError) in
      try folded(try value(.constant(.integer(Int128(index)), .bigint)), at: position)
        .constantValue?.integer
    }
    let repeated = LogicalPlan.repeated(
      LogicalRepeat(
        input: .oneRow, count: .constant(.integer(Int128(count)), .bigint), ordinal: ordinal))
    let plan = LogicalPlan.project(
      LogicalProject(
        input: repeated, items: [NamedExpression(column, try value(ordinal.reference))]))
    return try named(
      BoundRelation(plan: plan, columns: [column]), reference, defaultName: name)
  }

  /// How many values of the series there are, found by doubling and halving.
  private func timeSeriesCount(
    _ start: Expression, _ stop: Expression, includesEnd: Bool, _ position: Range<Int>,
    _ value: (Int64) throws(StoaError) -> Int128?
  ) throws(StoaError) -> Int64 {
    guard let first = start.constantValue?.integer, let end = stop.constantValue?.integer,
      let second = try value(1)
    else { return 0 }
    guard second != first else {
      throw StoaError(.evaluation, "the step of a series must not be 0", position: position)
    }
    let isAscending = second > first
    /// Whether value `index` is in the series; past the range of timestamps none is.
    func isInside(_ index: Int64) -> Bool {
      do throws(StoaError) {
        guard let value = try value(index) else { return false }
        if value == end { return includesEnd }
        return (value < end) == isAscending
      } catch {
        return false
      }
    }
    guard isInside(0) else { return 0 }
    var low: Int64 = 0
    var high: Int64 = 1
    while isInside(high) {
      low = high
      high *= 2
      guard high < Binder.maximalSearch else {
        throw StoaError(.resource, "the series has too many values", position: position)
      }
    }
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if isInside(middle) { low = middle } else { high = middle }
    }
    return high
  }
}
