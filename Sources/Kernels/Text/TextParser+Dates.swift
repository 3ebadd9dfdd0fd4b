import Vectors

extension TextParser {
  /// `2024-01-31`, `2024/1/31`, also followed by a time of midnight, also with ` BC` or ` (BC)`.
  public static func parseDate(_ bytes: UnsafeRawBufferPointer) -> Int32? {
    if let fast = parsePlainDate(bytes) { return fast }
    var cursor = Cursor(bytes)
    guard var parts = cursor.civil() else { return nil }
    if !cursor.isAtEnd, cursor.peekIsClock() {
      guard let clock = cursor.clock(), clock == 0 else { return nil }
    }
    if cursor.skipBC() { parts.year = 1 - parts.year }
    guard cursor.isAtEnd else { return nil }
    return Calendar.checkedDays(year: parts.year, month: parts.month, day: parts.day)
  }

  /// `2024-01-31 12:30:05.25`, with `T` between, without time. `Z`, an offset (`+02`, `-05:30`) or the name of a
  /// zone behind it is ignored: a timestamp has none. More than six digits of the fraction are rounded.
  public static func parseTimestamp(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    var cursor = Cursor(bytes)
    guard var parts = cursor.civil() else { return nil }
    var clock: Int64 = 0
    if !cursor.isAtEnd, cursor.peekIsClock() {
      guard let parsed = cursor.clock() else { return nil }
      clock = parsed
      switch cursor.zone() {
      case .none, .offset: break
      case .named(let name): guard (try? TimeZone.named(name)) != nil else { return nil }
      case .invalid: return nil
      }
    }
    if cursor.skipBC() { parts.year = 1 - parts.year }
    guard cursor.isAtEnd,
      let days = Calendar.checkedDays(year: parts.year, month: parts.month, day: parts.day)
    else { return nil }
    return Calendar.timestamp(days: Int(days), microseconds: clock)
  }

  /// Exactly `dddd-dd-dd`.
  @inline(__always)
  private static func parsePlainDate(_ bytes: UnsafeRawBufferPointer) -> Int32? {
    guard bytes.count == 10, bytes[4] == minus, bytes[7] == minus else { return nil }
    @inline(__always) func digit(_ index: Int) -> Int { Int(bytes[index] &- zero) }
    var largest = 0
    for index in 0..<10 where index != 4 && index != 7 { largest = max(largest, digit(index)) }
    guard largest < 10 else { return nil }
    let year = digit(0) * 1000 + digit(1) * 100 + digit(2) * 10 + digit(3)
    guard year > 0 else { return nil }
    return Calendar.checkedDays(
      year: year, month: digit(5) * 10 + digit(6), day: digit(8) * 10 + digit(9))
  }

  /// PostgreSQL's forms: `3 days`, `1 year 2 mons -4 hours`, `1 month 04:05:06.7`, `1-2`, `P1Y2M`.
  public static func parseInterval(_ bytes: UnsafeRawBufferPointer) -> Interval? {
    guard bytes.count < 1000 else { return nil }
    return IntervalText.parse(String(decoding: bytes, as: UTF8.self))
  }

  /// Reads pieces of dates from left to right.
  struct Cursor {
    private let bytes: UnsafeRawBufferPointer
    private var index: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer) {
      self.bytes = bytes
      (index, end) = TextParser.trimmed(bytes)
    }

    var isAtEnd: Bool { index >= end }
    private var next: UInt8 { index < end ? bytes[index] : 0 }

    mutating func skipSpaces() {
      while index < end, TextParser.isSpace(bytes[index]) { index += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
      guard next == byte, index < end else { return false }
      index += 1
      return true
    }

    /// Up to `most` digits as a number, at least one.
    private mutating func number(most: Int) -> Int? {
      var value = 0
      let start = index
      while index < end, index - start < most, bytes[index] &- TextParser.zero < 10 {
        value = value * 10 + Int(bytes[index] &- TextParser.zero)
        index += 1
      }
      return index > start ? value : nil
    }

    /// year - month - day, or with slashes; year 0 does not exist.
    mutating func civil() -> (year: Int, month: Int, day: Int)? {
      guard let year = number(most: 7), year > 0 else { return nil }
      let separator = next
      guard separator == TextParser.minus || separator == UInt8(ascii: "/"), skip(separator),
        let month = number(most: 2), skip(separator), let day = number(most: 2)
      else { return nil }
      return (year, month, day)
    }

    /// Whether `T` or spaces and a digit come next.
    mutating func peekIsClock() -> Bool {
      var ahead = index
      if bytes[ahead] | 0x20 == UInt8(ascii: "t") {
        ahead += 1
      } else {
        while ahead < end, TextParser.isSpace(bytes[ahead]) { ahead += 1 }
        if ahead == index { return false }
      }
      guard ahead < end, bytes[ahead] &- TextParser.zero < 10 else { return false }
      index = ahead
      return true
    }

    /// `hh:mm[:ss[.fraction]]` in microseconds, up to 24:00:00.
    mutating func clock() -> Int64? {
      guard let hours = number(most: 2), skip(UInt8(ascii: ":")), let minutes = number(most: 2),
        minutes < 60
      else { return nil }
      var micros: Int64 = 0
      if skip(UInt8(ascii: ":")) {
        guard let seconds = number(most: 2), seconds < 60 else { return nil }
        micros = Int64(seconds) * 1_000_000
        if skip(TextParser.point) {
          guard let fraction = fraction() else { return nil }
          micros += fraction
        }
      }
      micros += Int64(hours * 60 + minutes) * 60_000_000
      return micros <= Calendar.microsecondsPerDay ? micros : nil
    }

    /// `clock` with a following AM or PM heeded; `nil` when that does not fit.
    mutating func halfDay(_ clock: Int64) -> Int64? {
      let start = index
      skipSpaces()
      let hour: Int64 = 3_600_000_000
      for (word, isAfternoon) in [("am" as StaticString, false), ("pm", true)]
      where TextParser.matches(bytes, index, word) && index + 2 <= end {
        index += 2
        guard clock >= hour, clock < 13 * hour else { return nil }
        return clock % (12 * hour) + (isAfternoon ? 12 * hour : 0)
      }
      index = start
      return clock
    }

    /// Digits after a point as microseconds, rounded half up.
    private mutating func fraction() -> Int64? {
      var value: Int64 = 0
      var digits = 0
      while index < end, bytes[index] &- TextParser.zero < 10 {
        let digit = Int64(bytes[index] &- TextParser.zero)
        if digits < 6 { value = value * 10 + digit } else if digits == 6, digit >= 5 { value += 1 }
        digits += 1
        index += 1
      }
      guard digits > 0 else { return nil }
      while digits < 6 {
        value *= 10
        digits += 1
      }
      return value
    }

    /// Microseconds east of UTC; 0 when nothing stands here.
    mutating func zoneOffset() -> Int64? {
      if next | 0x20 == UInt8(ascii: "z"), index < end {
        index += 1
        return 0
      }
      guard next == TextParser.plus || next == TextParser.minus else { return 0 }
      let isWest = next == TextParser.minus
      index += 1
      guard let hours = number(most: 2), hours <= 15 else { return nil }
      var minutes = 0
      _ = skip(UInt8(ascii: ":"))
      if next &- TextParser.zero < 10, index < end {
        guard let parsed = number(most: 2), parsed < 60 else { return nil }
        minutes = parsed
      }
      let offset = Int64(hours * 60 + minutes) * 60_000_000
      return isWest ? -offset : offset
    }

    enum Zone {
      case none, invalid
      /// Microseconds east of UTC.
      case offset(Int64)
      case named(String)
    }

    /// An offset, or the name of a zone after optional spaces.
    mutating func zone() -> Zone {
      let start = index
      skipSpaces()
      if next == TextParser.plus || next == TextParser.minus {
        return zoneOffset().map { .offset($0) } ?? .invalid
      }
      let first = index
      while index < end, isZoneByte(bytes[index]) { index += 1 }
      guard index > first else {
        index = start
        return .none
      }
      if index == first + 1, bytes[first] | 0x20 == UInt8(ascii: "z") { return .offset(0) }
      let name = String(decoding: bytes[first..<index], as: UTF8.self)
      if name.lowercased() == "bc" {
        index = start
        return .none
      }
      return .named(name)
    }

    private func isZoneByte(_ byte: UInt8) -> Bool {
      (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- 0x30 < 10 || byte == UInt8(ascii: "/")
        || byte == UInt8(ascii: "_") || byte == TextParser.minus || byte == TextParser.plus
    }

    mutating func skipBC() -> Bool {
      let start = index
      skipSpaces()
      let isBracketed = skip(UInt8(ascii: "("))
      if TextParser.matches(bytes, index, "bc"), index + 2 <= end {
        index += 2
        if !isBracketed || skip(UInt8(ascii: ")")) { return true }
      }
      index = start
      return false
    }
  }
}

/// What an interval counts.
public enum IntervalUnit: Sendable {
  case microsecond, millisecond, second, minute, hour, day, week, month, quarter, year, decade,
    century
  case millennium

  /// From its English name in any case, singular or plural, or its usual abbreviation.
  public init?(name: String) {
    var word = name.lowercased()
    if let unit = IntervalUnit.names[word] {
      self = unit
      return
    }
    guard word.count > 2, word.hasSuffix("s") else { return nil }
    word.removeLast()
    guard let unit = IntervalUnit.names[word] else { return nil }
    self = unit
  }

  private static let names: [String: IntervalUnit] = [
    "microsecond": .microsecond, "us": .microsecond, "usec": .microsecond,
    "millisecond": .millisecond, "ms": .millisecond, "msec": .millisecond,
    "second": .second, "sec": .second, "s": .second, "minute": .minute, "min": .minute,
    "m": .minute,
    "hour": .hour, "hr": .hour, "h": .hour, "day": .day, "d": .day, "week": .week, "w": .week,
    "month": .month, "mon": .month, "quarter": .quarter, "year": .year, "yr": .year, "y": .year,
    "decade": .decade, "century": .century, "centuries": .century, "cent": .century,
    "millennium": .millennium, "millennia": .millennium,
  ]

  /// `amount` of this unit; `nil` when a part overflows.
  public func times(_ amount: Int64) -> Interval? {
    func months(_ factor: Int64) -> Interval? {
      let (value, overflow) = amount.multipliedReportingOverflow(by: factor)
      return overflow ? nil : Int32(exactly: value).map { Interval(months: $0) }
    }
    func days(_ factor: Int64) -> Interval? {
      let (value, overflow) = amount.multipliedReportingOverflow(by: factor)
      return overflow ? nil : Int32(exactly: value).map { Interval(days: $0) }
    }
    func micros(_ factor: Int64) -> Interval? {
      let (value, overflow) = amount.multipliedReportingOverflow(by: factor)
      return overflow ? nil : Interval(microseconds: value)
    }
    switch self {
    case .microsecond: return micros(1)
    case .millisecond: return micros(1000)
    case .second: return micros(1_000_000)
    case .minute: return micros(60_000_000)
    case .hour: return micros(3_600_000_000)
    case .day: return days(1)
    case .week: return days(7)
    case .month: return months(1)
    case .quarter: return months(3)
    case .year: return months(12)
    case .decade: return months(120)
    case .century: return months(1200)
    case .millennium: return months(12_000)
    }
  }
}
