import Vectors

// Aggregates in steps: one grouping gives out partial states as columns, a coarser one adds them up. What grouping
// sets and two-step DISTINCT are made of.

/// Gives out one column of the partial states of another accumulator.
final class StateColumnAccumulator: AggregateAccumulator {
  private let whole: any AggregateAccumulator
  private let column: Int

  init(_ whole: any AggregateAccumulator, _ column: Int) {
    self.whole = whole
    self.column = column
  }

  var byteCount: Int { whole.byteCount }

  func resize(groupCount: Int) throws(StoaError) { try whole.resize(groupCount: groupCount) }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    try whole.update(arguments, groups: groups, count: count)
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    try whole.updateSingle(arguments, count: count, group: group)
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? StateColumnAccumulator else { throw AggregateErrors.otherClass }
    try whole.combine(other.whole, groups: groups, count: count)
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try whole.combine(partials: partials, groups: groups, count: count)
  }

  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    try whole.partialStates(range)
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    try whole.partialStates(range)[column]
  }
}

/// Takes partial states for arguments.
final class MergingAccumulator: AggregateAccumulator {
  private let whole: any AggregateAccumulator

  init(_ whole: any AggregateAccumulator) { self.whole = whole }

  var byteCount: Int { whole.byteCount }

  func resize(groupCount: Int) throws(StoaError) { try whole.resize(groupCount: groupCount) }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    try whole.combine(partials: arguments, groups: groups, count: count)
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    let groups = [UInt32](repeating: UInt32(truncatingIfNeeded: group), count: count)
    try whole.combine(partials: arguments, groups: groups, count: count)
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? MergingAccumulator else { throw AggregateErrors.otherClass }
    try whole.combine(other.whole, groups: groups, count: count)
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try whole.combine(partials: partials, groups: groups, count: count)
  }

  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] {
    try whole.partialStates(range)
  }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector { try whole.finish(range) }
}
