import Vectors

extension AggregateFunction {
  /// `count(*)`, rows, and `count(x)`, rows whose value is not NULL.
  static let count = AggregateFunction(
    "count", signature: "[x]", help: "Rows, or rows in which x is not NULL",
    example: "SELECT count(*) FROM (VALUES (1), (NULL)) t(x)", result: "2"
  ) { types in
    guard types.count <= 1 else { return nil }
    return BoundAggregate(name: "count", argumentTypes: types, resultType: .bigint) {
      CountAccumulator()
    }
  }
}

/// Counts by group.
final class CountAccumulator: AggregateAccumulator {
  private let counts = GroupArray<Int64>(0)

  var byteCount: Int { counts.byteCount }

  func resize(groupCount: Int) { counts.resize(to: groupCount) }

  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError) {
    let counts = counts.base
    if let vector = arguments.first, vector.mayHaveNulls {
      ValidRows.forEachRow(vector) { counts[Int(groups[$0])] &+= 1 }
    } else {
      for row in 0..<count { counts[Int(groups[row])] &+= 1 }
    }
  }

  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError) {
    counts.base[group] &+= Int64(arguments.first.map { ValidRows.count($0) } ?? count)
  }

  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int
  ) throws(StoaError) {
    guard let other = other as? CountAccumulator else { throw AggregateErrors.otherClass }
    let counts = counts.base
    for index in 0..<count { counts[Int(groups[index])] &+= other.counts.base[index] }
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

  func finish(_ range: Range<Int>) throws(StoaError) -> Vector {
    counts.vector(range, .bigint)
  }
}
