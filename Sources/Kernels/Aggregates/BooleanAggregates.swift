import Vectors

extension AggregateFunction {
  /// True when no value is false; NULL of no values.
  static let booleanAnd = AggregateFunction(
    "bool_and", aliases: ["every"], signature: "x BOOLEAN",
    help: "Whether all values that are not NULL are true",
    example: "SELECT bool_and(x) FROM (VALUES (true), (false)) t(x)", result: "false"
  ) { types in
    guard types == [.boolean] || types == [.null] else { return nil }
    return extreme("bool_and", .boolean, isMaximum: false)
  }

  /// True when some value is true; NULL of no values.
  static let booleanOr = AggregateFunction(
    "bool_or", signature: "x BOOLEAN", help: "Whether some value is true",
    example: "SELECT bool_or(x) FROM (VALUES (true), (false)) t(x)", result: "true"
  ) { types in
    guard types == [.boolean] || types == [.null] else { return nil }
    return extreme("bool_or", .boolean, isMaximum: true)
  }
}
