import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// round, trunc, ceil, floor. Integers stay as they are, decimals stay exact (halves away from zero), doubles
/// round halves to even without a digit count, as in PostgreSQL.
enum Rounding {
  enum Mode: Sendable { case nearest, nearestEven, towardZero, up, down }

  static func resolve(
    _ name: String, _ mode: Mode, _ arguments: ScalarFunction.Arguments, takesDigits: Bool
  ) -> BoundFunction? {
    guard let first = arguments.types.first, first.isNumeric || first == .null else { return nil }
    let type = first == .null ? LogicalType.integer : first
    if arguments.types.count == 1 { return whole(name, mode, type) }
    guard takesDigits, arguments.types.count == 2,
      arguments.types[1].isInteger || arguments.types[1] == .null
    else { return nil }
    if type.isFloatingPoint { return floatDigits(name, mode, type) }
    return exactDigits(name, mode, type, arguments.literal(1)?.integer)
  }

  /// Without a digit count.
  private static func whole(_ name: String, _ mode: Mode, _ type: LogicalType) -> BoundFunction? {
    switch type {
    case .real:
      return .make(name, [type], type) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary(arguments, count, type, zero: 0 as Float) { (value: Float) in
          value.rounded(mode.rule)
        }
      }
    case .double:
      return .make(name, [type], type) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary(arguments, count, type, zero: 0 as Double) { (value: Double) in
          value.rounded(mode.rule)
        }
      }
    case .decimal(let precision, let scale):
      let digits = min(38, Int(precision) - Int(scale) + 1)
      return exact(
        name, mode, [type], .decimal(precision: UInt8(max(1, digits)), scale: 0), digits: 0)
    default:
      return .make(name, [type], type) {
        (arguments: [Vector], _: Int) throws(StoaError) -> Vector in
        arguments[0]
      }
    }
  }

  /// Integers and decimals to a number of digits after the point, or before it when negative. A literal
  /// number makes the scale of the result.
  private static func exactDigits(
    _ name: String, _ mode: Mode, _ type: LogicalType, _ literal: Int128?
  ) -> BoundFunction? {
    guard case .decimal(let precision, let scale) = type else {
      return exact(name, mode, [type, .bigint], type, digits: literal.map { Int(clamping: $0) })
    }
    guard let literal else {
      let wider = LogicalType.decimal(precision: UInt8(min(38, Int(precision) + 1)), scale: scale)
      return exact(name, mode, [type, .bigint], wider, digits: nil)
    }
    let digits = Int(clamping: literal)
    let kept = min(Int(scale), max(0, digits))
    let result = LogicalType.decimal(
      precision: UInt8(min(38, max(1, Int(precision) - Int(scale) + kept + 1))), scale: UInt8(kept))
    return exact(name, mode, [type, .bigint], result, digits: digits)
  }

  /// Every row through Int128: cut to `digits` (or the second argument), then brought to the result's scale.
  private static func exact(
    _ name: String, _ mode: Mode, _ types: [LogicalType], _ result: LogicalType, digits: Int?
  ) -> BoundFunction {
    let source = types[0]
    return .make(name, types, result) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let wide = try Cast.apply(
        arguments[0], to: .decimal(precision: 38, scale: UInt8(source.scale)))
      let values = RowReader<Int128>(wide)
      let amounts = digits == nil ? RowReader<Int64>(arguments[1]) : nil
      let validity = VectorForms.commonValidity(arguments)
      let rounded = FlatResult<Int128>(count: count)
      for row in 0..<count {
        let kept = digits ?? amounts.map { Int(clamping: $0[row]) } ?? 0
        rounded.values[row] = mode.cut(
          values[row], dropping: source.scale - max(-100, min(100, kept)))
      }
      withExtendedLifetime((wide, arguments)) {}
      let exact = rounded.vector(
        .decimal(precision: 38, scale: UInt8(source.scale)), count: count, validity: validity)
      return try Cast.apply(exact, to: result)
    }
  }

  /// Doubles to a number of digits, halves away from zero in decimal.
  private static func floatDigits(_ name: String, _ mode: Mode, _ type: LogicalType)
    -> BoundFunction
  {
    .make(name, [.double, .bigint], .double) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try RowKernels.binary(arguments, count, .double, zero: 0 as Double) {
        (value: Double, digits: Int64) in
        round(value, Int(clamping: digits), mode)
      }
    }
  }

  private static func round(_ value: Double, _ digits: Int, _ mode: Mode) -> Double {
    guard value.isFinite, digits < 20 else { return value }
    guard digits > -310 else { return 0 }
    if digits >= 0 {
      let power = PowersOfTen.double(digits)
      let scaled = value * power
      guard scaled.isFinite, scaled.magnitude < 4_503_599_627_370_496 else { return value }
      return mode.apply(scaled) / power
    }
    let power = pow(10, Double(-digits))
    return power.isFinite ? mode.apply(value / power) * power : 0
  }
}

extension Rounding.Mode {
  /// Doubles without a digit count.
  fileprivate var rule: FloatingPointRoundingRule {
    switch self {
    case .nearest, .nearestEven: .toNearestOrEven
    case .towardZero: .towardZero
    case .up: .up
    case .down: .down
    }
  }

  fileprivate func apply(_ value: Double) -> Double {
    self == .nearest ? value.rounded(.toNearestOrAwayFromZero) : value.rounded(rule)
  }

  /// `value` with its last `count` digits made zero; nothing to do when `count` is not positive.
  fileprivate func cut(_ value: Int128, dropping count: Int) -> Int128 {
    guard count > 0 else { return value }
    guard count <= 38 else { return 0 }
    let unit = PowersOfTen.integer(count)
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: unit)
    var result = quotient
    switch self {
    case .towardZero: break
    case .up: if rest > 0 { result += 1 }
    case .down: if rest < 0 { result -= 1 }
    case .nearest:
      if rest.magnitude >= unit.magnitude - rest.magnitude { result += value < 0 ? -1 : 1 }
    case .nearestEven:
      let distance = unit.magnitude - rest.magnitude
      if rest.magnitude > distance || rest.magnitude == distance && quotient & 1 != 0 {
        result += value < 0 ? -1 : 1
      }
    }
    return result.multipliedReportingOverflow(by: unit).overflow ? quotient * unit : result * unit
  }
}

extension ScalarFunction {
  static let round = ScalarFunction(
    "round", .numeric,
    help: "Nearest number with so many digits after the point (0 without a number)",
    example: .init(.decimal("1.2345"), .integer(2), gives: "1.23"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Rounding.resolve("round", .nearest, arguments, takesDigits: true)
    })

  static let trunc = ScalarFunction(
    "trunc", aliases: ["truncate"], .numeric, help: "Number cut to so many digits after the point",
    example: .init(.decimal("-2.79"), .integer(1), gives: "-2.7"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Rounding.resolve("trunc", .towardZero, arguments, takesDigits: true)
    })

  static let ceil = ScalarFunction(
    "ceil", aliases: ["ceiling"], .numeric, help: "Least whole number that is not smaller",
    example: .init(.decimal("1.2"), gives: "2"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Rounding.resolve("ceil", .up, arguments, takesDigits: false)
    })

  static let floor = ScalarFunction(
    "floor", .numeric, help: "Greatest whole number that is not greater",
    example: .init(.decimal("-1.2"), gives: "-2"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Rounding.resolve("floor", .down, arguments, takesDigits: false)
    })
}
