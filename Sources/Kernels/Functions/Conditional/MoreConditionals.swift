import Vectors

extension ScalarFunction {
  static let nvl2 = ScalarFunction(
    "nvl2", .conditional, help: "The second argument when the first is not NULL, else the third",
    example: .init(.null, .text("known"), .text("unknown"), gives: "unknown"),
    .rewritten { (arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.count == 3 else { return nil }
      return try Conditionals.make(
        [(.isNull(arguments[0], isNegated: true), arguments[1])], otherwise: arguments[2])
    })

  static let constantOrNull = ScalarFunction(
    "constant_or_null", .conditional, help: "The first argument unless one of the others is NULL",
    example: .init(.integer(1), .integer(2), .null, gives: "NULL"),
    .rewritten { (arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.count >= 2 else { return nil }
      let isMissing = arguments.dropFirst().map { Expression.isNull($0, isNegated: false) }
      return .conditional(
        [
          ConditionalBranch(
            condition: isMissing.count == 1 ? isMissing[0] : .or(isMissing),
            result: .constant(.null, arguments[0].type))
        ], otherwise: arguments[0], type: arguments[0].type)
    })
}
