import Vectors

/// From REAL and DOUBLE. To integers rounds half to even, as PostgreSQL does; to decimals the number is taken
/// as its shortest decimal text, so that 0.285 becomes 0.29 with two digits.
extension Cast {
  static func fromFloat(
    _ flat: Vector, to type: LogicalType, isTry: Bool
  ) throws(StoaError) -> Vector {
    flat.type == .real
      ? try fromFloat(flat, type, isTry, Float.self) : try fromFloat(flat, type, isTry, Double.self)
  }

  private static func fromFloat<S: BinaryFloatingPoint & PhysicalValue & CustomStringConvertible>(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, _: S.Type
  ) throws(StoaError) -> Vector {
    switch type {
    case .boolean: return allRows(flat, type) { (value: S) in (value == 0 ? 0 : 1) as UInt8 }
    case .double: return allRows(flat, type) { (value: S) in Double(value) }
    case .real:
      return try rows(flat, type, isTry, zero: 0 as Float) { (value: S) in
        let narrow = Float(value)
        return narrow.isInfinite && value.isFinite ? nil : narrow
      }
    case .tinyint: return try rounded(flat, type, isTry, S.self, Int8.self)
    case .smallint: return try rounded(flat, type, isTry, S.self, Int16.self)
    case .integer: return try rounded(flat, type, isTry, S.self, Int32.self)
    case .bigint: return try rounded(flat, type, isTry, S.self, Int64.self)
    case .hugeint: return try rounded(flat, type, isTry, S.self, Int128.self)
    case .utinyint: return try unsigned(flat, type, isTry, S.self, UInt8.self, Int16.self)
    case .usmallint: return try unsigned(flat, type, isTry, S.self, UInt16.self, Int32.self)
    case .uinteger: return try unsigned(flat, type, isTry, S.self, UInt32.self, Int64.self)
    case .ubigint: return try unsigned(flat, type, isTry, S.self, UInt64.self, Int128.self)
    case .decimal(let precision, let scale):
      let (precision, scale) = (Int(precision), Int(scale))
      switch type.physical {
      case .int16:
        return try rows(flat, type, isTry, zero: 0 as Int16) { (value: S) in
          decimal(value, precision, scale).flatMap { Int16(exactly: $0) }
        }
      case .int32:
        return try rows(flat, type, isTry, zero: 0 as Int32) { (value: S) in
          decimal(value, precision, scale).flatMap { Int32(exactly: $0) }
        }
      case .int64:
        return try rows(flat, type, isTry, zero: 0 as Int64) { (value: S) in
          decimal(value, precision, scale).flatMap { Int64(exactly: $0) }
        }
      default:
        return try rows(flat, type, isTry, zero: 0 as Int128) { (value: S) in
          decimal(value, precision, scale)
        }
      }
    default: throw StoaError(.binding, "cannot cast \(flat.type) to \(type)")
    }
  }

  private static func rounded<S: BinaryFloatingPoint & PhysicalValue, T: FlaggingInteger>(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, _: S.Type, _: T.Type
  ) throws(StoaError) -> Vector {
    try rows(flat, type, isTry, zero: 0 as T) { (value: S) in
      T(exactly: value.rounded(.toNearestOrEven))
    }
  }

  /// The number must fit `U`, and is stored in `T`.
  private static func unsigned<
    S: BinaryFloatingPoint & PhysicalValue, U: FixedWidthInteger, T: FlaggingInteger
  >(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, _: S.Type, _: U.Type, _: T.Type
  ) throws(StoaError) -> Vector {
    try rows(flat, type, isTry, zero: 0 as T) { (value: S) in
      U(exactly: value.rounded(.toNearestOrEven)).map { T(truncatingIfNeeded: $0) }
    }
  }

  /// The unscaled decimal nearest to the shortest text of `value`.
  static func decimal<S: BinaryFloatingPoint & CustomStringConvertible>(
    _ value: S, _ precision: Int, _ scale: Int
  ) -> Int128? {
    guard value.isFinite else { return nil }
    if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 {
      let (scaled, overflow) = Int128(whole).multipliedReportingOverflow(
        by: PowersOfTen.integer(scale))
      let limit = PowersOfTen.integer(precision)
      return overflow || scaled >= limit || scaled <= -limit ? nil : scaled
    }
    var text = value.description
    return text.withUTF8 {
      TextParser.parseDecimal(UnsafeRawBufferPointer($0), precision: precision, scale: scale)
    }
  }
}
