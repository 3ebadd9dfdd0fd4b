import Vectors

/// Conversions between types. With `isTry` a value that cannot be converted becomes NULL, else it is an
/// error that names value and type.
public enum Cast {
  /// Whether an explicit cast exists at all.
  public static func isAllowed(from source: LogicalType, to target: LogicalType) -> Bool {
    if source == target || source == .null || source == .varchar { return target != .null }
    if target == .varchar { return true }
    switch (source, target) {
    case (.boolean, let other), (let other, .boolean): return other.isNumeric
    case (.date, .timestamp), (.date, .timestampTZ), (.timestamp, .date), (.timestamp, .time),
      (.timestamp, .timestampTZ), (.timestampTZ, .date), (.timestampTZ, .time),
      (.timestampTZ, .timestamp), (.time, .interval), (.interval, .time), (.uuid, .blob),
      (.blob, .uuid), (.enumeration, .enumeration):
      return true
    default: return source.isNumeric && target.isNumeric
    }
  }

  /// `vector` as `type`.
  public static func apply(
    _ vector: Vector, to type: LogicalType, isTry: Bool = false
  ) throws(StoaError) -> Vector {
    let source = vector.type
    if source == type { return vector }
    if source == .null { return Vector(constant: .null, type: type, count: vector.count) }
    guard isAllowed(from: source, to: type) else {
      throw StoaError(.binding, "cannot cast \(source) to \(type)")
    }
    return try VectorForms.map(vector) { (flat: Vector) throws(StoaError) -> Vector in
      try convert(flat, to: type, isTry: isTry)
    }
  }

  /// One value; it has the type `source`.
  public static func apply(
    _ value: Value, from source: LogicalType, to target: LogicalType, isTry: Bool = false
  ) throws(StoaError) -> Value {
    try apply(Vector(constant: value, type: source, count: 1), to: target, isTry: isTry).value(
      at: 0)
  }

  private static func convert(
    _ flat: Vector, to type: LogicalType, isTry: Bool
  ) throws(StoaError) -> Vector {
    if type == .varchar {
      if case .enumeration(let labels) = flat.type { return try texts(flat, labels) }
      return toText(flat)
    }
    switch flat.type {
    case .varchar: return try fromText(flat, to: type, isTry: isTry)
    case .boolean: return fromBoolean(flat, to: type)
    case .tinyint, .smallint, .integer, .bigint, .hugeint, .decimal, .utinyint, .usmallint,
      .uinteger, .ubigint:
      return try fromExact(flat, to: type, isTry: isTry)
    case .real, .double: return try fromFloat(flat, to: type, isTry: isTry)
    case .date, .time, .timestamp, .timestampTZ, .interval:
      return try fromTemporal(flat, to: type, isTry: isTry)
    case .uuid, .blob: return try fromBytes(flat, to: type, isTry: isTry)
    case .enumeration: return try fromText(toText(flat), to: type, isTry: isTry)
    case .null: throw StoaError(.binding, "cannot cast \(flat.type) to \(type)")
    }
  }

  /// Applies `body` to the rows that are not NULL; `nil` from it is a failure of that row.
  @inline(__always)
  static func rows<S: PhysicalValue, T: PhysicalValue>(
    _ flat: Vector, _ type: LogicalType, _ isTry: Bool, zero: T, _ body: (S) -> T?
  ) throws(StoaError) -> Vector {
    let result = FlatResult<T>(count: flat.count)
    let source = RowReader<S>(flat)
    var nulls = NullMask(count: flat.count, startingWith: flat.validity)
    for row in 0..<flat.count {
      if let converted = body(source[row]) {
        result.values[row] = converted
        continue
      }
      result.values[row] = zero
      if !flat.isValid(row) { continue }
      guard isTry else { throw failure(flat.value(at: row), flat.type, type) }
      nulls.setNull(row)
    }
    withExtendedLifetime(flat) {}
    return result.vector(type, count: flat.count, validity: nulls.validity)
  }

  /// Applies a conversion that cannot fail to all slots.
  @inline(__always)
  static func allRows<S: PhysicalValue, T: PhysicalValue>(
    _ flat: Vector, _ type: LogicalType, _ body: (S) -> T
  ) -> Vector {
    let result = FlatResult<T>(count: flat.count)
    flat.withValues(as: S.self) { source in
      for row in 0..<flat.count { result.values[row] = body(source[row]) }
    }
    return result.vector(type, count: flat.count, validity: flat.validity)
  }

  /// The error for one value that has no counterpart in `target`.
  public static func failure(
    _ value: Value, _ source: LogicalType, _ target: LogicalType
  ) -> StoaError {
    let text = TextFormatter.string(value, source)
    if source == .varchar {
      let shown = text.count > 60 ? text.prefix(60) + "…" : text[...]
      return StoaError(.evaluation, "cannot convert '\(shown)' to \(target)\(reason(text, target))")
    }
    return StoaError(.evaluation, "\(source) value \(text) is out of range for \(target)")
  }

  /// Tells a number that is too large from text that is none.
  private static func reason(_ text: String, _ target: LogicalType) -> String {
    guard target.isNumeric else { return "" }
    var copy = text
    let isNumber = copy.withUTF8 { TextParser.NumberShape(UnsafeRawBufferPointer($0)) != nil }
    guard isNumber else { return "" }
    return target.isInteger && text.contains(where: { $0 == "." || $0 == "e" || $0 == "E" })
      ? ": not an integer" : ": out of range"
  }

  private static func fromBoolean(_ flat: Vector, to type: LogicalType) -> Vector {
    let one = type.isDecimal ? PowersOfTen.integer(type.scale) : 1
    switch type.physical {
    case .int8: return allRows(flat, type) { (bit: UInt8) in Int8(bit & 1) }
    case .int16:
      return allRows(flat, type) { (bit: UInt8) in Int16(bit & 1) &* Int16(truncatingIfNeeded: one)
      }
    case .int32:
      return allRows(flat, type) { (bit: UInt8) in Int32(bit & 1) &* Int32(truncatingIfNeeded: one)
      }
    case .int64:
      return allRows(flat, type) { (bit: UInt8) in Int64(bit & 1) &* Int64(truncatingIfNeeded: one)
      }
    case .int128: return allRows(flat, type) { (bit: UInt8) in Int128(bit & 1) &* one }
    case .float32: return allRows(flat, type) { (bit: UInt8) in Float(bit & 1) }
    case .float64: return allRows(flat, type) { (bit: UInt8) in Double(bit & 1) }
    case .bool, .string: return flat
    }
  }
}
