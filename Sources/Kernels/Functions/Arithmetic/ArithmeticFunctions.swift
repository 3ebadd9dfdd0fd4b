import Vectors

extension ScalarFunction {
  static let add = ScalarFunction(
    "+", aliases: ["add"], .arithmetic, help: "Sum; also date + days, date or timestamp + interval",
    example: .init(.integer(2), .integer(3), gives: "5"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      arguments.types.count == 1 ? identity(arguments.types[0]) : try arithmetic(.add, arguments)
    })

  static let subtract = ScalarFunction(
    "-", aliases: ["subtract"], .arithmetic,
    help: "Difference, or the opposite of one operand; dates give days",
    example: .init(.date("2024-03-01"), .date("2024-02-01"), gives: "29"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      arguments.types.count == 1
        ? ArithmeticResolution.negation(arguments.types[0], isAbsolute: false)
        : try arithmetic(.subtract, arguments)
    })

  static let multiply = operation(
    .multiply, aliases: ["multiply"], help: "Product; scales of decimals add up",
    example: .init(.decimal("1.5"), .decimal("2.25"), gives: "3.375"))

  static let divide = operation(
    .divide, aliases: ["divide"],
    help: "Quotient: integers truncate, decimals and floats give DOUBLE",
    example: .init(.integer(7), .integer(2), gives: "3"))

  static let integerDivide = operation(
    .integerDivide, aliases: ["div"], help: "Quotient without its fraction",
    example: .init(.decimal("7.5"), .decimal("2.0"), gives: "3"))

  static let modulo = operation(
    .modulo, aliases: ["mod"], help: "Remainder, with the sign of the dividend",
    example: .init(.integer(-7), .integer(3), gives: "-1"))

  private static func operation(
    _ op: ArithmeticOperator, aliases: [String] = [], help: String, example: Example
  ) -> ScalarFunction {
    ScalarFunction(
      op.rawValue, aliases: aliases, .arithmetic, help: help, example: example,
      .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
        try arithmetic(op, arguments)
      })
  }

  private static func arithmetic(
    _ op: ArithmeticOperator, _ arguments: Arguments
  ) throws(StoaError) -> BoundFunction? {
    guard arguments.types.count == 2 else { return nil }
    return try ArithmeticResolution.binary(
      op, arguments.types[0], arguments.types[1], literals: arguments.literals)
  }

  /// Unary plus.
  private static func identity(_ type: LogicalType) -> BoundFunction? {
    guard type.isNumeric || type == .interval else { return nil }
    return .make("+", [type], type) {
      (arguments: [Vector], _: Int) throws(StoaError) -> Vector in arguments[0]
    }
  }
}
