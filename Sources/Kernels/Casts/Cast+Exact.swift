import Vectors

/// From integers and decimals. A cast that cannot fail, because the target has as many digits before and
/// after the point, is one multiplication in the target's width; others go through Int128 with checks.
extension Cast {
  static func fromExact(
    _ flat: Vector, to type: LogicalType, isTry: Bool
  ) throws(StoaError) -> Vector {
    switch flat.type.physical {
    case .int8: try fromExact(flat, type, isTry, Int8.self)
    case .int16: try fromExact(flat, type, isTry, Int16.self)
    case .int32: try fromExact(flat, type, isTry, Int32.self)
    case .int64: try fromExact(flat, type, isTry, Int64.self)
    case .int128: try fromExact(flat, type, isTry, Int128.self)
    case .bool, .float32, .float64, .string:
      throw StoaError(.inconsistency, "\(flat.type) is not an exact number")
    }
  }

  /// The same numbers in a wider decimal of the same scale; cannot fail.
  static func widened(_ vector: Vector, to type: LogicalType) throws(StoaError) -> Vector {
    try apply(vector, to: type)
  }

  private static func fromExact<S: FlaggingInteger>(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, _: S.Type
  ) throws(StoaError) -> Vector {
    let scale = flat.type.scale
    switch type {
    case .boolean: return allRows(flat, type) { (value: S) in (value == 0 ? 0 : 1) as UInt8 }
    case .double:
      if scale == 0 { return allRows(flat, type) { (value: S) in Double(value) } }
      if S.bitWidth <= 32, scale <= 22 {
        let power = PowersOfTen.double(scale)
        return allRows(flat, type) { (value: S) in Double(value) / power }
      }
      let quotient = DecimalQuotient(scale: scale)
      if S.bitWidth == 64 {
        return allRows(flat, type) { (value: S) in quotient.double(Int64(value)) }
      }
      return allRows(flat, type) { (value: S) in quotient.double(Int128(value)) }
    case .real:
      if scale == 0 { return allRows(flat, type) { (value: S) in Float(value) } }
      let quotient = DecimalQuotient(scale: scale)
      return allRows(flat, type) { (value: S) in quotient.real(Int128(value)) }
    default: break
    }
    let plan = Rescale(from: flat.type, to: type)
    switch type.physical {
    case .int8: return try rescale(flat, type, isTry, plan, S.self, Int8.self)
    case .int16: return try rescale(flat, type, isTry, plan, S.self, Int16.self)
    case .int32: return try rescale(flat, type, isTry, plan, S.self, Int32.self)
    case .int64: return try rescale(flat, type, isTry, plan, S.self, Int64.self)
    case .int128: return try rescale(flat, type, isTry, plan, S.self, Int128.self)
    case .bool, .float32, .float64, .string:
      throw StoaError(.binding, "cannot cast \(flat.type) to \(type)")
    }
  }

  private static func rescale<S: FlaggingInteger, T: FlaggingInteger>(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, _ plan: Rescale, _: S.Type, _: T.Type
  ) throws(StoaError) -> Vector {
    if plan.isSafe {
      let factor = T(truncatingIfNeeded: plan.multiplier)
      if factor == 1 { return allRows(flat, type) { (value: S) in T(truncatingIfNeeded: value) } }
      return allRows(flat, type) { (value: S) in T(truncatingIfNeeded: value) &* factor }
    }
    return try rows(flat, type, isTry, zero: 0 as T) { (value: S) in
      plan.apply(Int128(value)).flatMap { T(exactly: $0) }
    }
  }

  /// How the stored integer of one exact type becomes that of another.
  struct Rescale {
    let multiplier: Int128
    let divisor: Int128
    /// |result| must stay below this; `nil` when the target is an integer type, whose width decides.
    let limit: Int128?
    /// Of unsigned types, which are narrower than their width.
    let range: ClosedRange<Int128>?
    /// No value of the source can fail.
    let isSafe: Bool

    init(from source: LogicalType, to target: LogicalType) {
      let shift = target.scale - source.scale
      multiplier = PowersOfTen.integer(max(0, shift))
      divisor = PowersOfTen.integer(max(0, -shift))
      if case .decimal(let precision, _) = target {
        limit = PowersOfTen.integer(Int(precision))
      } else {
        limit = nil
      }
      range = target.isUnsigned ? target.integerRange : nil
      if source.isInteger && target.isInteger {
        isSafe = target.holdsAll(of: source)
      } else if let from = ImplicitCast.decimalShape(source),
        case .decimal(let precision, _) = target
      {
        // HUGEINT has values of 39 digits.
        isSafe =
          shift >= 0 && source != .hugeint
          && from.precision - from.scale <= Int(precision) - target.scale
      } else {
        isSafe = false
      }
    }

    /// Rounds half away from zero; `nil` when out of range.
    @inline(__always)
    func apply(_ value: Int128) -> Int128? {
      var result = value
      if divisor > 1 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        let roundsAway = rest.magnitude >= divisor.magnitude - rest.magnitude
        result = roundsAway ? quotient + (value < 0 ? -1 : 1) : quotient
      } else if multiplier > 1 {
        let (product, overflow) = value.multipliedReportingOverflow(by: multiplier)
        if overflow { return nil }
        result = product
      }
      if let range, !range.contains(result) { return nil }
      if let limit, result >= limit || result <= -limit { return nil }
      return result
    }
  }
}
