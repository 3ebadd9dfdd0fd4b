import Vectors

extension ScalarFunction {
  static let abs = ScalarFunction(
    "abs", aliases: ["@"], .numeric, help: "Number without its sign",
    example: .init(.decimal("-5.5"), gives: "5.5"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 1, arguments.types[0] != .interval else { return nil }
      return ArithmeticResolution.negation(arguments.types[0], isAbsolute: true)
    })

  static let sign = ScalarFunction(
    "sign", .numeric, help: "-1, 0 or 1 as a number is negative, zero or positive",
    example: .init(.integer(-3), gives: "-1"),
    .overloads([
      Overload([.hugeint], .tinyint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary(arguments, count, .tinyint, zero: 0 as Int8) { (value: Int128) in
          Int8(truncatingIfNeeded: value.signum())
        }
      },
      Overload([.double], .tinyint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary(arguments, count, .tinyint, zero: 0 as Int8) { (value: Double) in
          value > 0 ? 1 : (value < 0 ? -1 : 0)
        }
      },
    ]))
}
