import Vectors

extension TextParser {
  /// The parts of `-12.50e3` within the bytes: digits stand in [start, end), all but the point among them.
  struct NumberShape {
    var isNegative = false
    var start = 0
    var end = 0
    /// Position of the point, or `end`.
    var point = 0
    var exponent = 0

    var digitCount: Int { end - start - (point < end ? 1 : 0) }
    var fractionCount: Int { point < end ? end - point - 1 : 0 }

    /// `nil` unless the bytes are sign, digits with at most one point, optional exponent.
    init?(_ bytes: UnsafeRawBufferPointer) {
      var (index, limit) = TextParser.trimmed(bytes)
      guard index < limit else { return nil }
      if bytes[index] == TextParser.minus || bytes[index] == TextParser.plus {
        isNegative = bytes[index] == TextParser.minus
        index += 1
      }
      start = index
      var pointAt = -1
      while index < limit {
        let byte = bytes[index]
        if byte &- TextParser.zero >= 10 {
          guard byte == TextParser.point, pointAt < 0 else { break }
          pointAt = index
        }
        index += 1
      }
      end = index
      point = pointAt < 0 ? end : pointAt
      guard digitCount > 0 else { return nil }
      guard index < limit else { return }
      guard bytes[index] | 0x20 == UInt8(ascii: "e") else { return nil }
      guard let parsed = NumberShape.exponent(bytes, index + 1, limit) else { return nil }
      exponent = parsed
      limit = index
    }

    /// Exponents past ±100,000 are as good as those.
    private static func exponent(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int?
    {
      var index = start
      var isNegative = false
      if index < end, bytes[index] == TextParser.minus || bytes[index] == TextParser.plus {
        isNegative = bytes[index] == TextParser.minus
        index += 1
      }
      guard index < end else { return nil }
      var value = 0
      while index < end {
        let digit = bytes[index] &- TextParser.zero
        guard digit < 10 else { return nil }
        value = min(value * 10 + Int(digit), 100_000)
        index += 1
      }
      return isNegative ? -value : value
    }
  }

  /// The unscaled value of a DECIMAL(precision, scale): exact, digits past the scale rounded half away from
  /// zero; `nil` also when more digits than the precision remain.
  public static func parseDecimal(
    _ bytes: UnsafeRawBufferPointer, precision: Int, scale: Int
  ) -> Int128? {
    if let short = parseShortDecimal(bytes, scale: scale) {
      return precision > 18 || short.magnitude < PowersOfTen.integer(precision).magnitude
        ? Int128(short) : nil
    }
    guard let shape = NumberShape(bytes) else { return nil }
    let shift = shape.exponent - shape.fractionCount + scale
    var kept = shape.digitCount + min(0, shift)
    var value: Int128 = 0
    var roundsUp = false
    var index = shape.start
    while index < shape.end {
      defer { index += 1 }
      if index == shape.point { continue }
      let digit = bytes[index] &- zero
      if kept <= 0 {
        roundsUp = kept == 0 && digit >= 5
        break
      }
      kept -= 1
      // 10^38 has 39 digits: anything longer does not fit, and must not overflow here.
      guard value < PowersOfTen.integer(37) * 10 else { return nil }
      let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      let (sum, overflow2) = scaled.addingReportingOverflow(Int128(digit))
      if overflow2 { return nil }
      value = sum
    }
    if roundsUp { value += 1 }
    if shift > 0, value != 0 {
      guard shift <= 38 else { return nil }
      let (scaled, overflow) = value.multipliedReportingOverflow(by: PowersOfTen.integer(shift))
      if overflow { return nil }
      value = scaled
    }
    guard value < PowersOfTen.integer(precision) else { return nil }
    return shape.isNegative ? -value : value
  }

  /// Up to 18 digits in all, not more after the point than `scale`, no exponent, no spaces; else `nil`.
  @inline(__always)
  private static func parseShortDecimal(_ bytes: UnsafeRawBufferPointer, scale: Int) -> Int64? {
    let count = bytes.count
    guard count > 0, count <= 18, scale <= 18 else { return nil }
    var index = 0
    let isNegative = bytes[0] == minus
    if isNegative { index = 1 }
    var value: Int64 = 0
    var digitCount = 0
    var fraction = -1
    while index < count {
      let byte = bytes[index]
      let digit = byte &- zero
      if digit < 10 {
        value = value &* 10 &+ Int64(digit)
        digitCount &+= 1
        if fraction >= 0 { fraction &+= 1 }
      } else {
        guard byte == point, fraction < 0 else { return nil }
        fraction = 0
      }
      index &+= 1
    }
    let missing = scale - max(0, fraction)
    guard digitCount > 0, missing >= 0, digitCount + missing <= 18 else { return nil }
    value = value &* smallPowers[missing]
    return isNegative ? 0 &- value : value
  }

  private static let smallPowers: [Int64] = (0...18).map { Int64(PowersOfTen.integer($0)) }

  /// A DOUBLE, correctly rounded; also `nan`, `inf`, `infinity` in any case. `nil` also for numbers beyond its range.
  public static func parseDouble(_ bytes: UnsafeRawBufferPointer) -> Double? {
    guard let shape = NumberShape(bytes) else { return parseSpecial(bytes) }
    let exponent = shape.exponent - shape.fractionCount
    // Exact when mantissa and power are exact: one correctly rounded operation (Clinger, "How to Read
    // Floating Point Numbers Accurately", PLDI 1990).
    if let mantissa = mantissa(bytes, shape), mantissa <= 1 << 53, exponent >= -22, exponent <= 22 {
      let whole = Double(mantissa)
      let power = PowersOfTen.doubles[abs(exponent)]
      let value = exponent < 0 ? whole / power : whole * power
      return shape.isNegative ? -value : value
    }
    let (start, end) = trimmed(bytes)
    guard let value = Double(String(decoding: bytes[start..<end], as: UTF8.self)) else {
      return nil
    }
    return value.isFinite ? value : nil
  }

  /// A REAL, correctly rounded; `nil` also for numbers beyond its range.
  public static func parseReal(_ bytes: UnsafeRawBufferPointer) -> Float? {
    guard let shape = NumberShape(bytes) else { return parseSpecial(bytes).map { Float($0) } }
    let exponent = shape.exponent - shape.fractionCount
    if let mantissa = mantissa(bytes, shape), mantissa <= 1 << 24, exponent >= -10, exponent <= 10 {
      let whole = Float(mantissa)
      let power = Float(PowersOfTen.doubles[abs(exponent)])
      let value = exponent < 0 ? whole / power : whole * power
      return shape.isNegative ? -value : value
    }
    let (start, end) = trimmed(bytes)
    guard let value = Float(String(decoding: bytes[start..<end], as: UTF8.self)) else { return nil }
    return value.isFinite ? value : nil
  }

  /// All digits as one integer when there are at most 19.
  @inline(__always)
  private static func mantissa(_ bytes: UnsafeRawBufferPointer, _ shape: NumberShape) -> UInt64? {
    guard shape.digitCount <= 19 else { return nil }
    var value: UInt64 = 0
    for index in shape.start..<shape.end where index != shape.point {
      value = value &* 10 &+ UInt64(bytes[index] &- zero)
    }
    return value
  }

  private static func parseSpecial(_ bytes: UnsafeRawBufferPointer) -> Double? {
    var (start, end) = trimmed(bytes)
    guard start < end else { return nil }
    let isNegative = bytes[start] == minus
    if isNegative || bytes[start] == plus { start += 1 }
    let count = end - start
    end = start + count
    if count == 3, matches(bytes, start, "nan") { return .nan }
    if count == 3 && matches(bytes, start, "inf") || count == 8 && matches(bytes, start, "infinity")
    {
      return isNegative ? -.infinity : .infinity
    }
    return nil
  }
}
