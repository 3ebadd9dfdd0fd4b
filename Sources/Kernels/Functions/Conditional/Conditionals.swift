import Vectors

/// Functions that are CASE in other words, and become it, so that arguments are evaluated only for the rows
/// that need them.
enum Conditionals {
  /// CASE WHEN condition THEN result … ELSE otherwise END with results cast to their common type.
  static func make(
    _ branches: [(condition: Expression, result: Expression)], otherwise: Expression?
  ) throws(StoaError) -> Expression? {
    guard
      let type = ImplicitCast.commonType(
        of: branches.map(\.result) + (otherwise.map { [$0] } ?? []))
    else {
      return nil
    }
    var cast: [ConditionalBranch] = []
    for branch in branches {
      let result = try FunctionRegistry.coerce(branch.result, to: type)
      cast.append(ConditionalBranch(condition: branch.condition, result: result))
    }
    let last: Expression? =
      if let otherwise { try FunctionRegistry.coerce(otherwise, to: type) } else { nil }
    return .conditional(cast, otherwise: last, type: type)
  }

  static func coalesce(_ arguments: [Expression]) throws(StoaError) -> Expression? {
    guard let last = arguments.last else { return nil }
    if arguments.count == 1 { return last }
    guard let type = ImplicitCast.commonType(of: arguments) else { return nil }
    var branches: [ConditionalBranch] = []
    for argument in arguments.dropLast() {
      branches.append(
        ConditionalBranch(
          condition: .isNull(argument, isNegated: true),
          result: try FunctionRegistry.coerce(argument, to: type)))
    }
    return .conditional(
      branches, otherwise: try FunctionRegistry.coerce(last, to: type), type: type)
  }

  static func nullIf(_ left: Expression, _ right: Expression) throws(StoaError) -> Expression? {
    guard let type = ImplicitCast.commonType(of: [left, right]) else { return nil }
    let equal = Expression.comparison(
      .equal, try FunctionRegistry.coerce(left, to: type),
      try FunctionRegistry.coerce(right, to: type))
    return .conditional(
      [ConditionalBranch(condition: equal, result: .constant(.null, left.type))], otherwise: left,
      type: left.type)
  }
}

extension ScalarFunction {
  static let coalesce = ScalarFunction(
    "coalesce", aliases: ["ifnull", "nvl"], .conditional,
    help: "The first argument that is not NULL; later ones are evaluated only when needed",
    example: .init(.null, .integer(2), .integer(3), gives: "2"),
    .rewritten { (arguments: [Expression]) throws(StoaError) -> Expression? in
      try Conditionals.coalesce(arguments)
    })

  static let nullIf = ScalarFunction(
    "nullif", .conditional, help: "NULL when both arguments are equal, else the first",
    example: .init(.integer(1), .integer(1), gives: "NULL"),
    .rewritten { (arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.count == 2 else { return nil }
      return try Conditionals.nullIf(arguments[0], arguments[1])
    })

  static let ifThenElse = ScalarFunction(
    "if", aliases: ["iff", "iif"], .conditional,
    help: "The second argument when the first is true, else the third (NULL without one)",
    example: .init(.boolean(false), .text("yes"), .text("no"), gives: "no"),
    .rewritten { (arguments: [Expression]) throws(StoaError) -> Expression? in
      guard arguments.count == 2 || arguments.count == 3,
        arguments[0].type == .boolean || arguments[0].type == .null
      else { return nil }
      let condition = try FunctionRegistry.coerce(arguments[0], to: .boolean)
      return try Conditionals.make(
        [(condition, arguments[1])], otherwise: arguments.count == 3 ? arguments[2] : nil)
    })
}
