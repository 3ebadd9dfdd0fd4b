import Vectors

extension TextParser {
  /// Plain ASCII and `\\xAB` for any byte, as DuckDB reads BLOBs.
  public static func parseBlob(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    var blob: [UInt8] = []
    blob.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      guard byte < 0x80 else { return nil }
      guard byte == UInt8(ascii: "\\") else {
        blob.append(byte)
        continue
      }
      guard index + 3 <= text.count, text[index] == UInt8(ascii: "x"),
        let high = hexDigit(text[index + 1]), let low = hexDigit(text[index + 2])
      else { return nil }
      blob.append(high << 4 | low)
      index += 3
    }
    return blob
  }

  /// 32 hexadecimal digits in any case, hyphens between groups of four, braces around: PostgreSQL's forms.
  public static func parseUUID(_ text: UnsafeRawBufferPointer) -> Int128? {
    var (start, end) = trimmed(text)
    if start < end, text[start] == UInt8(ascii: "{") {
      guard end - start >= 2, text[end - 1] == UInt8(ascii: "}") else { return nil }
      (start, end) = (start + 1, end - 1)
    }
    var bits: UInt128 = 0
    var digits = 0
    var afterHyphen = true
    for index in start..<end {
      if text[index] == minus {
        guard !afterHyphen, digits & 3 == 0, digits < 32 else { return nil }
        afterHyphen = true
        continue
      }
      guard digits < 32, let digit = hexDigit(text[index]) else { return nil }
      bits = bits << 4 | UInt128(digit)
      digits += 1
      afterHyphen = false
    }
    return digits == 32 && !afterHyphen ? UUIDBits.value(bits) : nil
  }

  /// The value of a hexadecimal digit in either case.
  @inline(__always)
  public static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte &- 0x30
    case 0x41...0x46: byte &- 0x37
    case 0x61...0x66: byte &- 0x57
    default: nil
    }
  }

  /// `12:30[:05[.25]]`, also with AM or PM, also behind a date; up to 24:00:00.
  public static func parseTime(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    var cursor = Cursor(bytes)
    if let clock = cursor.clock() {
      let time = cursor.halfDay(clock)
      if let time, cursor.isAtEnd { return time }
      return nil
    }
    return parseTimestamp(bytes).map { Calendar.split($0).microseconds }
  }

  /// As `parseTimestamp`, with an offset or the name of a zone behind; else in the session's time zone.
  public static func parseTimestampTZ(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    var cursor = Cursor(bytes)
    guard var parts = cursor.civil() else { return nil }
    var clock: Int64 = 0
    var zone = TimeZone.current
    var offset: Int64?
    if !cursor.isAtEnd, cursor.peekIsClock() {
      guard let parsed = cursor.clock() else { return nil }
      clock = parsed
      switch cursor.zone() {
      case .none: break
      case .offset(let given): offset = given
      case .named(let name):
        guard let found = try? TimeZone.named(name) else { return nil }
        zone = found
      case .invalid: return nil
      }
    }
    if cursor.skipBC() { parts.year = 1 - parts.year }
    guard cursor.isAtEnd,
      let days = Calendar.checkedDays(year: parts.year, month: parts.month, day: parts.day)
    else { return nil }
    if let offset { return Calendar.timestamp(days: Int(days), microseconds: clock - offset) }
    return Calendar.timestamp(days: Int(days), microseconds: clock).flatMap { zone.instant($0) }
  }
}
