import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Functions of real numbers: DOUBLE in, DOUBLE out. Arguments outside the domain, and results too large, are
/// errors, as in PostgreSQL.
enum RealFunctions {
  /// One argument; `isDefined` says for which numbers (NaN always is).
  static func unary(
    _ name: String, aliases: [String] = [], help: String, example: ScalarFunction.Example,
    where isDefined: @escaping @Sendable (Double) -> Bool = { _ in true },
    _ body: @escaping @Sendable (Double) -> Double
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .numeric, help: help, example: example,
      .overloads([
        .init([.double], .double) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
          try RowKernels.unary(arguments, count, .double, zero: 0 as Double) {
            (value: Double) throws(StoaError) -> Double in
            guard value.isNaN || isDefined(value) else { throw outside(name, [value]) }
            let result = body(value)
            guard result.isFinite || !value.isFinite else { throw outside(name, [value]) }
            return result
          }
        }
      ]))
  }

  static func binary(
    _ name: String, aliases: [String] = [], help: String, example: ScalarFunction.Example,
    _ body: @escaping @Sendable (Double, Double) -> Double
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .numeric, help: help, example: example,
      .overloads([.init([.double, .double], .double, kernel: binaryKernel(name, body))]))
  }

  static func binaryKernel(
    _ name: String, _ body: @escaping @Sendable (Double, Double) -> Double
  ) -> BoundFunction.Kernel {
    { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try RowKernels.binary(arguments, count, .double, zero: 0 as Double) {
        (left: Double, right: Double) throws(StoaError) -> Double in
        let result = body(left, right)
        guard result.isFinite || !left.isFinite || !right.isFinite else {
          throw outside(name, [left, right])
        }
        return result
      }
    }
  }

  static func predicate(
    _ name: String, help: String, example: ScalarFunction.Example,
    _ body: @escaping @Sendable (Double) -> Bool
  ) -> ScalarFunction {
    ScalarFunction(
      name, .numeric, help: help, example: example,
      .overloads([
        .init([.double], .boolean) {
          (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
          try RowKernels.unary(arguments, count, .boolean, zero: 0 as UInt8) { (value: Double) in
            body(value) ? 1 : 0
          }
        }
      ]))
  }

  private static func outside(_ name: String, _ values: [Double]) -> StoaError {
    let shown = values.map { TextFormatter.string(.double($0), .double) }.joined(separator: ", ")
    return StoaError(.evaluation, "\(name)(\(shown)) is not defined or out of range")
  }
}

extension ScalarFunction {
  static let sqrt = RealFunctions.unary(
    "sqrt", help: "Square root", example: .init(.integer(16), gives: "4.0"), where: { $0 >= 0 }
  ) { $0.squareRoot() }
  static let cbrt = RealFunctions.unary(
    "cbrt", help: "Cube root", example: .init(.integer(27), gives: "3.0")
  ) { Double.cubeRoot($0) }
  static let exp = RealFunctions.unary(
    "exp", help: "e to the power of a number", example: .init(.integer(0), gives: "1.0")
  ) { RealMath.exp($0) }
  static let ln = RealFunctions.unary(
    "ln", help: "Natural logarithm", example: .init(.integer(1), gives: "0.0"), where: { $0 > 0 }
  ) { RealMath.log($0) }
  static let log2 = RealFunctions.unary(
    "log2", help: "Logarithm to base 2", example: .init(.integer(8), gives: "3.0"),
    where: { $0 > 0 }
  ) { RealMath.log2($0) }
  static let log10 = RealFunctions.unary(
    "log10", help: "Logarithm to base 10", example: .init(.integer(1000), gives: "3.0"),
    where: { $0 > 0 }
  ) { RealMath.log10($0) }
  static let log = ScalarFunction(
    "log", .numeric, help: "Logarithm to base 10, or to the base given first",
    example: .init(.integer(2), .integer(64), gives: "6.0"),
    .overloads([
      Overload([.double], .double, kernel: RealMath.log10Kernel),
      Overload(
        [.double, .double], .double,
        kernel: RealFunctions.binaryKernel("log") { base, value in
          base > 0 && value > 0 ? RealMath.log(value) / RealMath.log(base) : -.infinity
        }),
    ]))
  static let power = RealFunctions.binary(
    "power", aliases: ["pow", "^", "**"], help: "First number to the power of the second",
    example: .init(.integer(2), .integer(10), gives: "1024.0")
  ) { RealMath.power($0, $1) }
  static let sine = RealFunctions.unary(
    "sin", help: "Sine of an angle in radians", example: .init(.integer(0), gives: "0.0"),
    where: \.isFinite
  ) { RealMath.sin($0) }
  static let cosine = RealFunctions.unary(
    "cos", help: "Cosine of an angle in radians", example: .init(.integer(0), gives: "1.0"),
    where: \.isFinite
  ) { RealMath.cos($0) }
  static let tangent = RealFunctions.unary(
    "tan", help: "Tangent of an angle in radians", example: .init(.integer(0), gives: "0.0"),
    where: \.isFinite
  ) { RealMath.tan($0) }
  static let cotangent = RealFunctions.unary(
    "cot", help: "Cotangent of an angle in radians",
    example: .init(.double(0.5), gives: "1.830487721712452"),
    where: { $0.isFinite && $0 != 0 }
  ) { 1 / RealMath.tan($0) }
  static let arcSine = RealFunctions.unary(
    "asin", help: "Angle in radians with this sine", example: .init(.integer(0), gives: "0.0"),
    where: { $0 >= -1 && $0 <= 1 }
  ) { RealMath.asin($0) }
  static let arcCosine = RealFunctions.unary(
    "acos", help: "Angle in radians with this cosine", example: .init(.integer(1), gives: "0.0"),
    where: { $0 >= -1 && $0 <= 1 }
  ) { RealMath.acos($0) }
  static let arcTangent = RealFunctions.unary(
    "atan", help: "Angle in radians with this tangent", example: .init(.integer(0), gives: "0.0")
  ) { RealMath.atan($0) }
  static let arcTangent2 = RealFunctions.binary(
    "atan2", help: "Angle in radians of the point (second, first)",
    example: .init(.integer(0), .integer(1), gives: "0.0")
  ) { RealMath.atan2($0, $1) }
  static let hyperbolicSine = RealFunctions.unary(
    "sinh", help: "Hyperbolic sine", example: .init(.integer(0), gives: "0.0")
  ) { RealMath.sinh($0) }
  static let hyperbolicCosine = RealFunctions.unary(
    "cosh", help: "Hyperbolic cosine", example: .init(.integer(0), gives: "1.0")
  ) { RealMath.cosh($0) }
  static let hyperbolicTangent = RealFunctions.unary(
    "tanh", help: "Hyperbolic tangent", example: .init(.integer(0), gives: "0.0")
  ) { RealMath.tanh($0) }
  static let degrees = RealFunctions.unary(
    "degrees", help: "Radians as degrees", example: .init(.integer(0), gives: "0.0")
  ) { $0 * (180 / .pi) }
  static let radians = RealFunctions.unary(
    "radians", help: "Degrees as radians", example: .init(.integer(180), gives: "3.141592653589793")
  ) { $0 * (.pi / 180) }
  static let pi = ScalarFunction(
    "pi", .numeric, help: "The circle's circumference over its diameter",
    example: .init(gives: "3.141592653589793"),
    .overloads([
      Overload([], .double) { (_: [Vector], count: Int) throws(StoaError) -> Vector in
        Vector(constant: .double(.pi), type: .double, count: count)
      }
    ]))
  static let isNaN = RealFunctions.predicate(
    "isnan", help: "Whether a number is NaN", example: .init(.double(1), gives: "false")
  ) { $0.isNaN }
  static let isInfinite = RealFunctions.predicate(
    "isinf", help: "Whether a number is infinite", example: .init(.double(1), gives: "false")
  ) { $0.isInfinite }
  static let isFinite = RealFunctions.predicate(
    "isfinite", help: "Whether a number is neither infinite nor NaN",
    example: .init(.double(1), gives: "true")
  ) { $0.isFinite }
}

/// The C library's functions, out of reach of functions with the same names above.
enum RealMath {
  static func exp(_ x: Double) -> Double { Glibc.exp(x) }
  static func log(_ x: Double) -> Double { Glibc.log(x) }
  static func log2(_ x: Double) -> Double { Glibc.log2(x) }
  static func log10(_ x: Double) -> Double { Glibc.log10(x) }
  static func power(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
  static func sin(_ x: Double) -> Double { Glibc.sin(x) }
  static func cos(_ x: Double) -> Double { Glibc.cos(x) }
  static func tan(_ x: Double) -> Double { Glibc.tan(x) }
  static func asin(_ x: Double) -> Double { Glibc.asin(x) }
  static func acos(_ x: Double) -> Double { Glibc.acos(x) }
  static func atan(_ x: Double) -> Double { Glibc.atan(x) }
  static func atan2(_ x: Double, _ y: Double) -> Double { Glibc.atan2(x, y) }
  static func sinh(_ x: Double) -> Double { Glibc.sinh(x) }
  static func cosh(_ x: Double) -> Double { Glibc.cosh(x) }
  static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }

  static let log10Kernel: BoundFunction.Kernel = {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    try RowKernels.unary(arguments, count, .double, zero: 0 as Double) {
      (value: Double) throws(StoaError) -> Double in
      guard value.isNaN || value > 0 else {
        throw StoaError(
          .evaluation, "log(\(TextFormatter.string(.double(value), .double))) is not defined")
      }
      return log10(value)
    }
  }
}

extension Double {
  /// The library's root may be off by the last bit, so that 27 gives 3.0000000000000004; one step of Newton's
  /// method mends that.
  fileprivate static func cubeRoot(_ value: Double) -> Double {
    let root = Glibc.cbrt(value)
    let square = root * root
    guard square.isNormal, (square * root).isFinite else { return root }
    return root - (square * root - value) / (3 * square)
  }
}
