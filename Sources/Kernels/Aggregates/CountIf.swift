import Vectors

extension AggregateFunction {
  /// Rows for which a condition is true.
  static let countIf = AggregateFunction(
    "count_if", aliases: ["countif"], signature: "x BOOLEAN",
    help: "Rows in which x is true",
    example: "SELECT count_if(x > 1) FROM (VALUES (1), (2), (3), (NULL)) t(x)", result: "2"
  ) { types in
    guard types == [.boolean] || types == [.null] else { return nil }
    return BoundAggregate(name: "count_if", argumentTypes: [.boolean], resultType: .bigint) {
      CountIfAccumulator()
    }
  }
}

/// Counts of true by group.
final class CountIfAccumulator: AggregateAccumulator {
  private let counts = GroupArray<Int64>(0)

  var byteCount: Int { counts.byteCount }

  func resize(groupCount: Int) { counts.resize(to: groupCount) }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    let counts = counts.base
    ValidRows.forEach(arguments[0], as: UInt8.self) {
      counts[Int(groups[$0])] &+= $1 != 0 ? 1 : 0
    }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    var total: Int64 = 0
    ValidRows.forEach(arguments[0], as: UInt8.self) { total &+= $1 != 0 ? 1 : 0 }
    counts.base[group] &+= total
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard other is CountIfAccumulator else { throw AggregateErrors.otherClass }
    try combine(partials: other.partialStates(0..<count), groups: groups, count: count)
  }

  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    try AggregateErrors.check(partials, [.int64], count)
    let flat = partials[0].flattened()
    let added = flat.base.assumingMemoryBound(to: Int64.self)
    for index in 0..<count { counts.base[Int(groups[index])] &+= added[index] }
    withExtendedLifetime(flat) {}
  }

  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector] { [try finish(range)] }

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector { counts.vector(range, .bigint) }
}
