import Vectors

/// Digits are written backwards into a small area on the stack and appended in one go.
extension TextFormatter {
  public static func appendInteger(_ value: Int64, to bytes: inout [UInt8]) {
    appendDecimal(value, scale: 0, to: &bytes)
  }

  public static func appendInteger(_ value: Int128, to bytes: inout [UInt8]) {
    appendDecimal(value, scale: 0, to: &bytes)
  }

  /// `unscaled` / 10^scale with exactly `scale` digits after the point.
  public static func appendDecimal(_ unscaled: Int64, scale: Int, to bytes: inout [UInt8]) {
    appendDigits(unscaled.magnitude, rest: 0, isNegative: unscaled < 0, scale: scale, to: &bytes)
  }

  /// `unscaled` / 10^scale with exactly `scale` digits after the point.
  public static func appendDecimal(_ unscaled: Int128, scale: Int, to bytes: inout [UInt8]) {
    let magnitude = unscaled.magnitude
    let parts = magnitude.quotientAndRemainder(dividingBy: 10_000_000_000_000_000_000)
    if parts.quotient == 0 {
      appendDigits(
        UInt64(truncatingIfNeeded: parts.remainder), rest: 0, isNegative: unscaled < 0,
        scale: scale,
        to: &bytes)
    } else {
      // |Int128| < 1.8 × 10^38, so the quotient by 10^19 fits 64 bits.
      appendDigits(
        UInt64(truncatingIfNeeded: parts.remainder),
        rest: UInt64(truncatingIfNeeded: parts.quotient),
        isNegative: unscaled < 0, scale: scale, to: &bytes)
    }
  }

  /// The number `rest` × 10^19 + `low`, divided by 10^scale.
  private static func appendDigits(
    _ low: UInt64, rest: UInt64, isNegative: Bool, scale: Int, to bytes: inout [UInt8]
  ) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { area in
      let digits = area.baseAddress!
      var position = 64
      var written = 0
      var value = low
      var pending = rest
      var minimum = scale + 1
      if rest != 0 { minimum = max(minimum, 20) }
      while value != 0 || pending != 0 || written < minimum {
        if written == 19 && pending != 0 {
          value = pending
          pending = 0
        }
        if written == scale && scale > 0 {
          position -= 1
          digits[position] = UInt8(ascii: ".")
        }
        position -= 1
        digits[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
        value /= 10
        written += 1
      }
      if isNegative {
        position -= 1
        digits[position] = UInt8(ascii: "-")
      }
      bytes.append(contentsOf: UnsafeBufferPointer(start: digits + position, count: 64 - position))
    }
  }

  public static func appendDouble(_ value: Double, to bytes: inout [UInt8]) {
    if value.magnitude < 1e15, let whole = Int64(exactly: value), whole != 0 {
      appendInteger(whole, to: &bytes)
      bytes.append(contentsOf: [UInt8(ascii: "."), UInt8(ascii: "0")])
      return
    }
    appendFloat(value.description, value.isFinite, to: &bytes)
  }

  public static func appendReal(_ value: Float, to bytes: inout [UInt8]) {
    appendFloat(value.description, value.isFinite, to: &bytes)
  }

  /// Rewrites Swift's shortest text, whose digits are right, to the exponents of C++'s fmt.
  private static func appendFloat(_ text: String, _ isFinite: Bool, to bytes: inout [UInt8]) {
    var text = text
    text.withUTF8 { source in
      guard isFinite else { return bytes.append(contentsOf: source) }
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { area in
        let parts = Decimal(source, digits: area)
        parts.append(to: &bytes)
      }
    }
  }

  /// Significant digits and decimal exponent taken from a printed number.
  private struct Decimal {
    var isNegative = false
    let digits: UnsafeMutableBufferPointer<UInt8>
    var count = 0
    /// The point stands after this many digits (may be negative or past the end).
    var pointAfter = 0

    init(_ source: UnsafeBufferPointer<UInt8>, digits: UnsafeMutableBufferPointer<UInt8>) {
      self.digits = digits
      var index = 0
      var exponent = 0
      var hasPoint = false
      if index < source.count, source[index] == UInt8(ascii: "-") {
        isNegative = true
        index += 1
      }
      while index < source.count {
        let byte = source[index]
        index += 1
        if byte == UInt8(ascii: ".") {
          hasPoint = true
        } else if byte == UInt8(ascii: "e") {
          exponent = Decimal.exponent(source[index...])
          break
        } else if count > 0 || byte != UInt8(ascii: "0") {
          if count < digits.count {
            digits[count] = byte
            count += 1
          }
          if !hasPoint { pointAfter += 1 }
        } else if hasPoint {
          pointAfter -= 1
        }
      }
      pointAfter += exponent
      while count > 0, digits[count - 1] == UInt8(ascii: "0") { count -= 1 }
    }

    private static func exponent(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
      var value = 0
      var isNegative = false
      for byte in text {
        if byte == UInt8(ascii: "-") { isNegative = true }
        if byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") {
          value = value * 10 + Int(byte) - 48
        }
      }
      return isNegative ? -value : value
    }

    func append(to bytes: inout [UInt8]) {
      if isNegative { bytes.append(UInt8(ascii: "-")) }
      guard count > 0 else { return bytes.append(contentsOf: "0.0".utf8) }
      let exponent = pointAfter - 1
      if exponent < -4 || exponent >= 16 { return appendScientific(exponent, to: &bytes) }
      if pointAfter <= 0 {
        bytes.append(contentsOf: "0.".utf8)
        for _ in 0..<(-pointAfter) { bytes.append(UInt8(ascii: "0")) }
        for index in 0..<count { bytes.append(digits[index]) }
        return
      }
      for index in 0..<pointAfter {
        bytes.append(index < count ? digits[index] : UInt8(ascii: "0"))
      }
      bytes.append(UInt8(ascii: "."))
      if pointAfter >= count { bytes.append(UInt8(ascii: "0")) }
      for index in min(pointAfter, count)..<count { bytes.append(digits[index]) }
    }

    private func appendScientific(_ exponent: Int, to bytes: inout [UInt8]) {
      bytes.append(digits[0])
      if count > 1 {
        bytes.append(UInt8(ascii: "."))
        for index in 1..<count { bytes.append(digits[index]) }
      }
      bytes.append(UInt8(ascii: "e"))
      bytes.append(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
      if abs(exponent) < 10 { bytes.append(UInt8(ascii: "0")) }
      TextFormatter.appendInteger(Int64(abs(exponent)), to: &bytes)
    }
  }
}
