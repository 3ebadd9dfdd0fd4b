import Vectors

extension AggregateFunction {
  /// HUGEINT of integers, DECIMAL(38,s) of decimals, DOUBLE of floats; NULL of no values.
  static let sum = AggregateFunction(
    "sum", signature: "x", help: "The exact sum; of REAL and DOUBLE rounded once",
    example: "SELECT sum(x) FROM (VALUES (1), (2), (NULL)) t(x)", result: "3"
  ) { types in
    guard types.count == 1 else { return nil }
    let result: LogicalType
    switch types[0] {
    case .tinyint, .smallint, .integer, .bigint, .hugeint, .utinyint, .usmallint, .uinteger,
      .ubigint, .null:
      result = .hugeint
    case .decimal(_, let scale): result = .decimal(precision: 38, scale: scale)
    case .real, .double:
      return BoundAggregate(name: "sum", argumentTypes: types, resultType: .double) {
        FloatSumAccumulator(isAverage: false)
      }
    case .interval:
      return BoundAggregate(name: "sum", argumentTypes: types, resultType: .interval) {
        IntervalSumAccumulator(isAverage: false)
      }
    case .boolean, .varchar, .date, .timestamp, .time, .timestampTZ, .uuid, .blob,
      .enumeration:
      return nil
    }
    return BoundAggregate(name: "sum", argumentTypes: types, resultType: result) {
      IntegerSumAccumulator(.sum(result))
    }
  }
}
