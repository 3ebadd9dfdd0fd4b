import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The C library's functions, out of reach of functions with the same names below.
extension RealMath {
  static func asinh(_ x: Double) -> Double { Glibc.asinh(x) }
  static func acosh(_ x: Double) -> Double { Glibc.acosh(x) }
  static func atanh(_ x: Double) -> Double { Glibc.atanh(x) }
  static func gamma(_ x: Double) -> Double { Glibc.tgamma(x) }
  static func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
  }
  static func erf(_ x: Double) -> Double { Glibc.erf(x) }
  static func erfc(_ x: Double) -> Double { Glibc.erfc(x) }
  static func nextAfter(_ x: Double, _ y: Double) -> Double { Glibc.nextafter(x, y) }
  static func nextAfter(_ x: Float, _ y: Float) -> Float { Glibc.nextafterf(x, y) }

  /// Sine of degrees, exact where it is 0, a half or 1.
  static func sineOfDegrees(_ degrees: Double) -> Double {
    let turned = degrees.truncatingRemainder(dividingBy: 360)
    let positive = turned < 0 ? turned + 360 : turned
    switch positive {
    case 0, 180: return 0
    case 30, 150: return 0.5
    case 210, 330: return -0.5
    case 90: return 1
    case 270: return -1
    default: return Glibc.sin(turned * (.pi / 180))
    }
  }

  static func cosineOfDegrees(_ degrees: Double) -> Double {
    sineOfDegrees(degrees.truncatingRemainder(dividingBy: 360) + 90)
  }

  /// An angle of degrees, exact where its sine is 0, a half or 1.
  static func inDegrees(_ radians: Double) -> Double {
    let degrees = radians * (180 / .pi)
    let nearest = degrees.rounded()
    return (degrees - nearest).magnitude < 1e-13 * max(1, nearest.magnitude) ? nearest : degrees
  }
}

extension ScalarFunction {
  static let inverseHyperbolicSine = RealFunctions.unary(
    "asinh", help: "Number with this hyperbolic sine", example: .init(.integer(0), gives: "0.0")
  ) { RealMath.asinh($0) }
  static let inverseHyperbolicCosine = RealFunctions.unary(
    "acosh", help: "Number with this hyperbolic cosine",
    example: .init(.integer(1), gives: "0.0"), where: { $0 >= 1 }
  ) { RealMath.acosh($0) }
  static let inverseHyperbolicTangent = RealFunctions.unary(
    "atanh", help: "Number with this hyperbolic tangent",
    example: .init(.integer(0), gives: "0.0"), where: { $0 > -1 && $0 < 1 }
  ) { RealMath.atanh($0) }
  static let gamma = RealFunctions.unary(
    "gamma", help: "Gamma function: the factorial of one less, for all numbers",
    example: .init(.integer(5), gives: "24.0"),
    where: { $0 > 0 || ($0.rounded() != $0 && $0.isFinite) }
  ) { RealMath.gamma($0) }
  static let logGamma = RealFunctions.unary(
    "lgamma", help: "Natural logarithm of the absolute gamma function",
    example: .init(.integer(1), gives: "0.0"), where: { $0 > 0 || $0.rounded() != $0 }
  ) { RealMath.logGamma($0) }
  static let errorFunction = RealFunctions.unary(
    "erf", help: "Error function", example: .init(.integer(0), gives: "0.0")
  ) { RealMath.erf($0) }
  static let errorFunctionComplement = RealFunctions.unary(
    "erfc", help: "1 less the error function, exact for large numbers",
    example: .init(.integer(0), gives: "1.0")
  ) { RealMath.erfc($0) }
  static let sineOfDegrees = RealFunctions.unary(
    "sind", help: "Sine of an angle in degrees", example: .init(.integer(30), gives: "0.5"),
    where: \.isFinite
  ) { RealMath.sineOfDegrees($0) }
  static let cosineOfDegrees = RealFunctions.unary(
    "cosd", help: "Cosine of an angle in degrees", example: .init(.integer(60), gives: "0.5"),
    where: \.isFinite
  ) { RealMath.cosineOfDegrees($0) }
  static let tangentOfDegrees = RealFunctions.unary(
    "tand", help: "Tangent of an angle in degrees", example: .init(.integer(0), gives: "0.0"),
    where: { $0.isFinite && RealMath.cosineOfDegrees($0) != 0 }
  ) { degrees in
    degrees.truncatingRemainder(dividingBy: 180) == 45
      ? 1 : RealMath.sineOfDegrees(degrees) / RealMath.cosineOfDegrees(degrees)
  }
  static let cotangentOfDegrees = RealFunctions.unary(
    "cotd", help: "Cotangent of an angle in degrees", example: .init(.integer(90), gives: "0.0"),
    where: { $0.isFinite && RealMath.sineOfDegrees($0) != 0 }
  ) { degrees in
    degrees.truncatingRemainder(dividingBy: 180) == 45
      ? 1 : RealMath.cosineOfDegrees(degrees) / RealMath.sineOfDegrees(degrees)
  }
  static let arcSineInDegrees = RealFunctions.unary(
    "asind", help: "Angle in degrees with this sine", example: .init(.double(0.5), gives: "30.0"),
    where: { $0 >= -1 && $0 <= 1 }
  ) { RealMath.inDegrees(RealMath.asin($0)) }
  static let arcCosineInDegrees = RealFunctions.unary(
    "acosd", help: "Angle in degrees with this cosine",
    example: .init(.double(0.5), gives: "60.0"), where: { $0 >= -1 && $0 <= 1 }
  ) { RealMath.inDegrees(RealMath.acos($0)) }
  static let arcTangentInDegrees = RealFunctions.unary(
    "atand", help: "Angle in degrees with this tangent", example: .init(.integer(1), gives: "45.0")
  ) { RealMath.inDegrees(RealMath.atan($0)) }
  static let arcTangent2InDegrees = RealFunctions.binary(
    "atan2d", help: "Angle in degrees of the point (second, first)",
    example: .init(.integer(1), .integer(0), gives: "90.0")
  ) { RealMath.inDegrees(RealMath.atan2($0, $1)) }

  static let even = RealFunctions.unary(
    "even", help: "Next even number away from zero", example: .init(.decimal("2.9"), gives: "4.0")
  ) { ($0.magnitude / 2).rounded(.up) * ($0.sign == .minus ? -2 : 2) }

  static let floorDivide = RealFunctions.binary(
    "fdiv", help: "Quotient rounded down, as DOUBLE",
    example: .init(.integer(-7), .integer(2), gives: "-4.0")
  ) { ($0 / $1).rounded(.down) }

  static let floorModulo = RealFunctions.binary(
    "fmod", help: "What remains of a quotient rounded down, as DOUBLE",
    example: .init(.integer(-7), .integer(2), gives: "1.0")
  ) { $0 - ($0 / $1).rounded(.down) * $1 }

  static let nextAfter = ScalarFunction(
    "nextafter", .numeric, help: "The next floating-point number in the direction of the second",
    example: .init(.double(1), .double(2), gives: "1.0000000000000002"),
    .overloads([
      .value([.real, .real], .real, zero: 0 as Float) { (reader: ArgumentReader, row: Int) in
        RealMath.nextAfter(reader.value(0, row, Float.self), reader.value(1, row, Float.self))
      },
      .value([.double, .double], .double, zero: 0 as Double) {
        (reader: ArgumentReader, row: Int) in
        RealMath.nextAfter(reader.real(0, row), reader.real(1, row))
      },
    ]))

  static let signBit = RealFunctions.predicate(
    "signbit", help: "Whether a number is negative, -0 and negative NaN included",
    example: .init(.double(-1), gives: "true")
  ) { $0.sign == .minus }

  static let roundEven = ScalarFunction(
    "round_even", aliases: ["roundbankers"], .numeric,
    help: "Nearest number with so many digits after the point, halves to the even digit",
    example: .init(.decimal("2.5"), .integer(0), gives: "2"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Rounding.resolve("round_even", .nearestEven, arguments, takesDigits: true)
    })

  static let scale = ScalarFunction(
    "scale", .numeric, help: "Digits after the point that the type of a DECIMAL has",
    example: .init(.decimal("8.410"), gives: "3"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 1, arguments.types[0].isDecimal || arguments.types[0].isInteger
      else { return nil }
      let scale = Int32(arguments.types[0].scale)
      return .make("scale", [arguments.types[0]], .integer) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let result = FlatResult<Int32>(count: count)
        for row in 0..<count { result.values[row] = scale }
        return result.vector(
          .integer, count: count, validity: VectorForms.commonValidity(arguments))
      }
    })

  static let minimalScale = ScalarFunction(
    "min_scale", .numeric, help: "Digits after the point that a DECIMAL needs",
    example: .init(.decimal("8.4100"), gives: "2"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 1, arguments.types[0].isDecimal else { return nil }
      let type = arguments.types[0]
      return .make("min_scale", [type], .integer) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let wide = try Cast.apply(
          arguments[0], to: .decimal(precision: 38, scale: UInt8(type.scale)))
        return try RowKernels.unary([wide], count, .integer, zero: 0 as Int32) { (value: Int128) in
          var (rest, scale) = (value, Int32(type.scale))
          while scale > 0, rest % 10 == 0 { (rest, scale) = (rest / 10, scale - 1) }
          return scale
        }
      }
    })
}
