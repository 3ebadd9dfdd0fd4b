import Vectors

extension AggregateFunction {
  /// The exact sum divided once, as DOUBLE.
  static let average = AggregateFunction(
    "avg", aliases: ["mean"], signature: "x",
    help: "The exact sum divided by the number of values, as DOUBLE",
    example: "SELECT avg(x) FROM (VALUES (1), (2), (NULL)) t(x)", result: "1.5"
  ) { types in
    guard types.count == 1 else { return nil }
    switch types[0] {
    case .tinyint, .smallint, .integer, .bigint, .hugeint, .utinyint, .usmallint, .uinteger,
      .ubigint, .decimal, .null:
      let scale = types[0].scale
      return BoundAggregate(name: "avg", argumentTypes: types, resultType: .double) {
        IntegerSumAccumulator(.average(scale: scale))
      }
    case .real, .double:
      return BoundAggregate(name: "avg", argumentTypes: types, resultType: .double) {
        FloatSumAccumulator(isAverage: true)
      }
    case .interval:
      return BoundAggregate(name: "avg", argumentTypes: types, resultType: .interval) {
        IntervalSumAccumulator(isAverage: true)
      }
    case .boolean, .varchar, .date, .timestamp, .time, .timestampTZ, .uuid, .blob,
      .enumeration:
      return nil
    }
  }
}
