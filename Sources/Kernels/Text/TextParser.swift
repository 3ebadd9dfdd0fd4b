import Vectors

/// Text to values, straight from UTF-8 bytes, without errors thrown and without allocation on the usual
/// paths: `nil` means "not such a value". Spaces around a value are ignored. `failure` says why, slowly.
public enum TextParser {
  /// Decimal digits with an optional sign.
  public static func parseInt64(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    var (start, end) = trimmed(bytes)
    guard start < end else { return nil }
    var isNegative = false
    if bytes[start] == minus || bytes[start] == plus {
      isNegative = bytes[start] == minus
      start += 1
    }
    guard start < end else { return nil }
    var value: UInt64 = 0
    if end - start > 18 {
      // Leading zeros do not count; 19 digits fit UInt64.
      while start < end - 1, bytes[start] == zero { start += 1 }
      guard end - start <= 19 else { return nil }
    }
    for index in start..<end {
      let digit = bytes[index] &- zero
      guard digit < 10 else { return nil }
      value = value &* 10 &+ UInt64(digit)
    }
    if isNegative {
      return value <= UInt64(Int64.max) + 1 ? Int64(truncatingIfNeeded: 0 &- value) : nil
    }
    return value <= UInt64(Int64.max) ? Int64(truncatingIfNeeded: value) : nil
  }

  /// Any HUGEINT.
  public static func parseInt128(_ bytes: UnsafeRawBufferPointer) -> Int128? {
    let (start, end) = trimmed(bytes)
    if end - start <= 18 { return parseInt64(bytes).map { Int128($0) } }
    var index = start
    var isNegative = false
    if bytes[index] == minus || bytes[index] == plus {
      isNegative = bytes[index] == minus
      index += 1
    }
    guard index < end else { return nil }
    var value: Int128 = 0
    while index < end {
      let digit = bytes[index] &- zero
      guard digit < 10 else { return nil }
      let (scaled, overflow1) = value.multipliedReportingOverflow(by: 10)
      // Counted downwards, because the least integer has no positive counterpart.
      let (next, overflow2) = scaled.subtractingReportingOverflow(Int128(digit))
      if overflow1 || overflow2 { return nil }
      value = next
      index += 1
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  /// true/false, t/f, yes/no, y/n, on/off, 1/0 in any case.
  public static func parseBoolean(_ bytes: UnsafeRawBufferPointer) -> Bool? {
    let (start, end) = trimmed(bytes)
    switch end - start {
    case 1:
      switch bytes[start] | 0x20 {
      case UInt8(ascii: "t"), UInt8(ascii: "y"), UInt8(ascii: "1"): return true
      case UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "0"):
        return bytes[start] == 0x10 ? nil : false
      default: return nil
      }
    case 2:
      if matches(bytes, start, "on") { return true }
      return matches(bytes, start, "no") ? false : nil
    case 3:
      if matches(bytes, start, "yes") { return true }
      return matches(bytes, start, "off") ? false : nil
    case 4: return matches(bytes, start, "true") ? true : nil
    case 5: return matches(bytes, start, "false") ? false : nil
    default: return nil
    }
  }

  static let zero = UInt8(ascii: "0")
  static let minus = UInt8(ascii: "-")
  static let plus = UInt8(ascii: "+")
  static let point = UInt8(ascii: ".")

  /// The range without spaces, tabs and line ends around it.
  @inline(__always)
  static func trimmed(_ bytes: UnsafeRawBufferPointer) -> (start: Int, end: Int) {
    var start = 0
    var end = bytes.count
    while start < end, isSpace(bytes[start]) { start += 1 }
    while end > start, isSpace(bytes[end - 1]) { end -= 1 }
    return (start, end)
  }

  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 9 && byte <= 13) }

  /// Whether `word`, in lower-case ASCII, stands at `start` in any case.
  static func matches(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ word: StaticString) -> Bool {
    guard bytes.count - start >= word.utf8CodeUnitCount else { return false }
    for index in 0..<word.utf8CodeUnitCount {
      var byte = bytes[start + index]
      if byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") { byte |= 0x20 }
      if byte != word.utf8Start[index] { return false }
    }
    return true
  }
}
