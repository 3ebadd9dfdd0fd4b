/// ISO dates and times of day from text.
enum DateText {
  /// Days since 1970-01-01 of a date of the proleptic Gregorian calendar that exists.
  /// Method: Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013.
  @inline(__always)
  static func days(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year &- 1 : year
    let era = (shifted >= 0 ? shifted : shifted &- 399) / 400
    let yearOfEra = shifted &- era &* 400
    let dayOfYear = (153 &* (month > 2 ? month &- 3 : month &+ 9) &+ 2) / 5 &+ day &- 1
    let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
    return era &* 146_097 &+ dayOfEra &- 719_468
  }

  @inline(__always)
  static func dayCount(year: Int, month: Int) -> Int {
    if month == 2 {
      return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    }
    return 30 &+ ((month &+ (month &>> 3)) & 1)
  }

  /// Days of `YYYY-MM-DD` in exactly ten bytes; `nil` when it is anything else.
  @inline(__always)
  static func isoDay(_ text: UnsafePointer<UInt8>) -> Int32? {
    guard text[4] == 0x2D, text[7] == 0x2D else { return nil }
    var isBad: UInt64 = 0
    let year = Int(DigitText.upToEight(text, 4, &isBad))
    let month = Int(DigitText.upToEight(text + 5, 2, &isBad))
    let day = Int(DigitText.upToEight(text + 8, 2, &isBad))
    guard isBad == 0, month &- 1 < 12, month >= 1, day >= 1,
      day <= dayCount(year: year, month: month)
    else { return nil }
    return Int32(truncatingIfNeeded: days(year: year, month: month, day: day))
  }

  /// A date of 1 to 6 digits for the year and one or two for month and day, separated by `-` or `/`; returns the
  /// days and how many bytes it took. For detection; fields are read by the parser that CAST uses.
  static func day(_ text: UnsafeBufferPointer<UInt8>) -> (days: Int32, length: Int)? {
    var at = 0
    guard let year = number(text, &at, 1...6), at < text.count else { return nil }
    let separator = text[at]
    guard separator == 0x2D || separator == 0x2F else { return nil }
    at += 1
    guard let month = number(text, &at, 1...2), at < text.count, text[at] == separator else {
      return nil
    }
    at += 1
    guard let day = number(text, &at, 1...2) else { return nil }
    guard (1...12).contains(month), day >= 1, day <= dayCount(year: year, month: month) else {
      return nil
    }
    guard let count = Int32(exactly: days(year: year, month: month, day: day)) else { return nil }
    return (count, at)
  }

  /// Microseconds since 1970 of a date, or a date and a time `HH:MM[:SS[.ffffff…]]` after a blank or `T`, possibly with
  /// `Z` or `+00` behind. Digits past the microsecond are rounded.
  static func timestamp(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    guard let date = day(text) else { return nil }
    var at = date.length
    var micros: Int64 = 0
    if at < text.count {
      guard text[at] == 0x20 || text[at] == 0x54 || text[at] == 0x74 else { return nil }
      at += 1
      guard let time = timeOfDay(text, &at), isZone(text, at) else { return nil }
      micros = time
    }
    let (days, isTooFar) = Int64(date.days).multipliedReportingOverflow(by: 86_400_000_000)
    let (sum, isOver) = days.addingReportingOverflow(micros)
    return isTooFar || isOver ? nil : sum
  }

  private static func timeOfDay(_ text: UnsafeBufferPointer<UInt8>, _ at: inout Int) -> Int64? {
    guard let hour = number(text, &at, 1...2), at < text.count, text[at] == 0x3A else { return nil }
    at += 1
    guard let minute = number(text, &at, 2...2), hour < 24, minute < 60 else { return nil }
    var micros = Int64(hour * 3600 + minute * 60) * 1_000_000
    guard at < text.count, text[at] == 0x3A else { return micros }
    at += 1
    guard let second = number(text, &at, 2...2), second < 60 else { return nil }
    micros += Int64(second) * 1_000_000
    guard at < text.count, text[at] == 0x2E else { return micros }
    at += 1
    guard let fraction = fractionOfSecond(text, &at) else { return nil }
    return micros + fraction
  }

  private static func fractionOfSecond(_ text: UnsafeBufferPointer<UInt8>, _ at: inout Int)
    -> Int64?
  {
    let start = at
    var micros: Int64 = 0
    var weight: Int64 = 100_000
    while at < text.count, text[at] &- 0x30 <= 9 {
      let digit = Int64(text[at] &- 0x30)
      if at - start < 6 { micros += digit * weight }
      if at - start == 6 && digit >= 5 { micros += 1 }
      weight /= 10
      at += 1
    }
    return at > start ? micros : nil
  }

  /// Whether what is left is nothing, or says Coordinated Universal Time.
  private static func isZone(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Bool {
    let rest = UnsafeBufferPointer(rebasing: text[at...])
    return rest.isEmpty || rest.elementsEqual("Z".utf8) || rest.elementsEqual("+00".utf8)
      || rest.elementsEqual("+00:00".utf8) || rest.elementsEqual("+0000".utf8)
  }

  private static func number(
    _ text: UnsafeBufferPointer<UInt8>, _ at: inout Int, _ digits: ClosedRange<Int>
  ) -> Int? {
    let start = at
    var value = 0
    while at < text.count, at - start < digits.upperBound, text[at] &- 0x30 <= 9 {
      value = value * 10 + Int(text[at] &- 0x30)
      at += 1
    }
    return at - start >= digits.lowerBound ? value : nil
  }
}
