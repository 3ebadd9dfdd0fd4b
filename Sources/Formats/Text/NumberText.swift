/// What became of a piece of text that should be a value of some type.
enum TextOutcome<T> {
  case value(T)
  /// It is a number, but not one the type can hold.
  case outOfRange
  case invalid
}

extension TextOutcome: Sendable where T: Sendable {}

/// Numbers and truth values from text, in all generality; the column loops have faster ways for what is common.
/// Blanks around the number are ignored, as PostgreSQL does.
enum NumberText {
  static func trimmed(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    var start = 0
    var end = text.count
    while start < end, isBlank(text[start]) { start += 1 }
    while end > start, isBlank(text[end - 1]) { end -= 1 }
    return UnsafeBufferPointer(rebasing: text[start..<end])
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 9 && byte <= 13) }

  /// An integer with an optional sign.
  static func integer(_ raw: UnsafeBufferPointer<UInt8>) -> TextOutcome<Int128> {
    let text = trimmed(raw)
    var at = 0
    let isNegative = text.first == 0x2D
    if isNegative || text.first == 0x2B { at = 1 }
    guard at < text.count else { return .invalid }
    var value: Int128 = 0
    var isOver = false
    while at < text.count {
      let digit = text[at] &- 0x30
      guard digit <= 9 else { return .invalid }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) =
        isNegative
        ? product.subtractingReportingOverflow(Int128(digit))
        : product.addingReportingOverflow(Int128(digit))
      isOver = isOver || overflow || carry
      value = sum
      at += 1
    }
    return isOver ? .outOfRange : .value(value)
  }

  /// A decimal number times 10^`scale`, rounded half away from zero; at most `precision` digits.
  static func decimal(
    _ raw: UnsafeBufferPointer<UInt8>, precision: Int, scale: Int
  ) -> TextOutcome<Int128> {
    guard let number = DecimalText(trimmed(raw)) else { return .invalid }
    // Digits of the result: all before the point and `scale` after it.
    let wanted = number.pointPosition + scale
    guard wanted >= 0, let first = number.digits.first else { return .value(0) }
    guard wanted <= precision else { return .outOfRange }
    var value: Int128 = 0
    for index in 0..<wanted {
      value = value &* 10 &+ (index < number.digits.count ? Int128(number.digits[index]) : 0)
    }
    let following = wanted == 0 ? first : (wanted < number.digits.count ? number.digits[wanted] : 0)
    if following >= 5 { value += 1 }
    if value >= power(10, precision) { return .outOfRange }
    return .value(number.isNegative ? -value : value)
  }

  static func power(_ base: Int128, _ exponent: Int) -> Int128 {
    (0..<exponent).reduce(1) { product, _ in product &* base }
  }

  /// The double nearest to the text; `inf`, `infinity` and `nan` in any case are known.
  static func double(_ raw: UnsafeBufferPointer<UInt8>) -> TextOutcome<Double> {
    let text = trimmed(raw)
    if let special = specialDouble(text) { return .value(special) }
    guard isDecimalNumber(text) else { return .invalid }
    guard let value = Double(String(decoding: text, as: UTF8.self)) else { return .invalid }
    return value.isFinite ? .value(value) : .outOfRange
  }

  static func float(_ raw: UnsafeBufferPointer<UInt8>) -> TextOutcome<Float> {
    let text = trimmed(raw)
    if let special = specialDouble(text) { return .value(Float(special)) }
    guard isDecimalNumber(text) else { return .invalid }
    guard let value = Float(String(decoding: text, as: UTF8.self)) else { return .invalid }
    return value.isFinite ? .value(value) : .outOfRange
  }

  private static func specialDouble(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    guard text.count >= 3, text.count <= 9, let last = text.last, last | 0x20 >= 0x61 else {
      return nil
    }
    switch String(decoding: text, as: UTF8.self).lowercased() {
    case "nan": return .nan
    case "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    default: return nil
    }
  }

  /// Whether the text is `[sign] digits [. digits] [e [sign] digits]` with a digit before `e`.
  static func isDecimalNumber(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var at = 0
    if at < text.count, text[at] == 0x2D || text[at] == 0x2B { at += 1 }
    let whole = skipDigits(text, &at)
    var fraction = 0
    if at < text.count, text[at] == 0x2E {
      at += 1
      fraction = skipDigits(text, &at)
    }
    guard whole + fraction > 0 else { return false }
    if at < text.count, text[at] | 0x20 == 0x65 {
      at += 1
      if at < text.count, text[at] == 0x2D || text[at] == 0x2B { at += 1 }
      guard skipDigits(text, &at) > 0 else { return false }
    }
    return at == text.count
  }

  private static func skipDigits(_ text: UnsafeBufferPointer<UInt8>, _ at: inout Int) -> Int {
    let start = at
    while at < text.count, text[at] &- 0x30 <= 9 { at += 1 }
    return at - start
  }

  /// `true`, `t`, `yes`, `y`, `1`, `on` and their opposites in any case.
  static func boolean(_ raw: UnsafeBufferPointer<UInt8>) -> TextOutcome<UInt8> {
    let text = trimmed(raw)
    guard text.count <= 5 else { return .invalid }
    switch String(decoding: text, as: UTF8.self).lowercased() {
    case "true", "t", "yes", "y", "1", "on": return .value(1)
    case "false", "f", "no", "n", "0", "off": return .value(0)
    default: return .invalid
    }
  }
}

/// The digits of a decimal number without leading zeros, and where its point lies among them.
struct DecimalText {
  var isNegative = false
  var digits: [UInt8] = []
  /// The number is 0.d₁d₂d₃… × 10^pointPosition.
  var pointPosition = 0

  init?(_ text: UnsafeBufferPointer<UInt8>) {
    guard NumberText.isDecimalNumber(text) else { return nil }
    var at = 0
    if text[0] == 0x2D || text[0] == 0x2B {
      isNegative = text[0] == 0x2D
      at = 1
    }
    var isAfterPoint = false
    while at < text.count, text[at] | 0x20 != 0x65 {
      if text[at] == 0x2E {
        isAfterPoint = true
      } else {
        let digit = text[at] &- 0x30
        if digit != 0 || !digits.isEmpty {
          digits.append(digit)
          if !isAfterPoint { pointPosition += 1 }
        } else if isAfterPoint {
          pointPosition -= 1
        }
      }
      at += 1
    }
    if at < text.count { pointPosition += DecimalText.exponent(text, at + 1) }
  }

  /// Exponents past a million are cut off there: too large or too small for every type anyway.
  private static func exponent(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    var at = start
    let isNegative = text[at] == 0x2D
    if isNegative || text[at] == 0x2B { at += 1 }
    var value = 0
    while at < text.count {
      value = min(1_000_000, value * 10 + Int(text[at] &- 0x30))
      at += 1
    }
    return isNegative ? -value : value
  }
}
