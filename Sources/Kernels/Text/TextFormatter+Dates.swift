import Vectors

extension TextFormatter {
  /// `2024-01-31`; years before 1 as `0044-03-15 (BC)`.
  public static func appendDate(_ days: Int, to bytes: inout [UInt8]) {
    let day = Calendar.day(fromDays: days)
    appendCivil(day, to: &bytes)
    if day.year <= 0 { bytes.append(contentsOf: " (BC)".utf8) }
  }

  /// `2024-01-31 12:30:00.25`
  public static func appendTimestamp(_ timestamp: Int64, to bytes: inout [UInt8]) {
    let parts = Calendar.split(timestamp)
    let day = Calendar.day(fromDays: parts.days)
    appendCivil(day, to: &bytes)
    bytes.append(UInt8(ascii: " "))
    appendClock(parts.microseconds, to: &bytes)
    if day.year <= 0 { bytes.append(contentsOf: " (BC)".utf8) }
  }

  /// `12:30:00.25`
  public static func appendTime(_ microseconds: Int64, to bytes: inout [UInt8]) {
    appendClock(microseconds.magnitude, to: &bytes)
  }

  /// `2024-01-31 12:30:00.25+01`, by the clocks of the session's time zone.
  public static func appendTimestampTZ(_ instant: Int64, to bytes: inout [UInt8]) {
    let rules = TimeZone.current.rules
    let offset = rules.offset(at: LocalClock.seconds(instant))
    let (local, overflow) = instant.addingReportingOverflow(Int64(offset) * 1_000_000)
    let parts = Calendar.split(overflow ? instant : local)
    let day = Calendar.day(fromDays: parts.days)
    appendCivil(day, to: &bytes)
    bytes.append(UInt8(ascii: " "))
    appendClock(parts.microseconds, to: &bytes)
    appendOffset(overflow ? 0 : offset, withMinutes: false, to: &bytes)
    if day.year <= 0 { bytes.append(contentsOf: " (BC)".utf8) }
  }

  /// `+02`, `-05:30`, with seconds where there are some, which a zone's oldest times have.
  static func appendOffset(_ seconds: Int, withMinutes: Bool, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: seconds < 0 ? "-" : "+"))
    let size = Int(seconds.magnitude)
    if size >= 360_000 {
      appendInteger(Int64(size / 3600), to: &bytes)
    } else {
      appendTwo(size / 3600, to: &bytes)
    }
    guard withMinutes || size % 3600 != 0 else { return }
    bytes.append(UInt8(ascii: ":"))
    appendTwo(size / 60 % 60, to: &bytes)
    guard size % 60 != 0 else { return }
    bytes.append(UInt8(ascii: ":"))
    appendTwo(size % 60, to: &bytes)
  }

  /// `1 year 2 mons -3 days +04:05:06.7` as PostgreSQL writes it: parts that are zero left out, `00:00:00` when all
  /// are, a plus after a negative part.
  public static func appendInterval(_ interval: Interval, to bytes: inout [UInt8]) {
    let start = bytes.count
    var isAfterNegative = false
    func appendPart(_ value: Int, _ unit: String) {
      guard value != 0 else { return }
      if bytes.count > start { bytes.append(UInt8(ascii: " ")) }
      if isAfterNegative && value > 0 { bytes.append(UInt8(ascii: "+")) }
      appendInteger(Int64(value), to: &bytes)
      bytes.append(UInt8(ascii: " "))
      bytes.append(contentsOf: unit.utf8)
      if value != 1 { bytes.append(UInt8(ascii: "s")) }
      isAfterNegative = value < 0
    }
    appendPart(Int(interval.months) / 12, "year")
    appendPart(Int(interval.months) % 12, "mon")
    appendPart(Int(interval.days), "day")
    guard interval.microseconds != 0 || bytes.count == start else { return }
    if bytes.count > start { bytes.append(UInt8(ascii: " ")) }
    if interval.microseconds < 0 {
      bytes.append(UInt8(ascii: "-"))
    } else if isAfterNegative {
      bytes.append(UInt8(ascii: "+"))
    }
    appendClock(interval.microseconds.magnitude, to: &bytes)
  }

  private static func appendCivil(_ day: Calendar.Day, to bytes: inout [UInt8]) {
    let year = day.year > 0 ? day.year : 1 - day.year
    if year >= 10_000 {
      appendInteger(Int64(year), to: &bytes)
    } else {
      appendTwo(year / 100, to: &bytes)
      appendTwo(year % 100, to: &bytes)
    }
    bytes.append(UInt8(ascii: "-"))
    appendTwo(day.month, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendTwo(day.day, to: &bytes)
  }

  private static func appendClock(_ microseconds: Int64, to bytes: inout [UInt8]) {
    appendClock(microseconds.magnitude, to: &bytes)
  }

  /// `hh:mm:ss` and the fraction up to its last digit that is not zero.
  static func appendClock(_ microseconds: UInt64, to bytes: inout [UInt8]) {
    let seconds = Int(microseconds / 1_000_000)
    let hours = seconds / 3600
    if hours < 100 { appendTwo(hours, to: &bytes) } else { appendInteger(Int64(hours), to: &bytes) }
    bytes.append(UInt8(ascii: ":"))
    appendTwo(seconds / 60 % 60, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    appendTwo(seconds % 60, to: &bytes)
    var fraction = Int(microseconds % 1_000_000)
    guard fraction != 0 else { return }
    bytes.append(UInt8(ascii: "."))
    var unit = 100_000
    while fraction != 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / unit))
      fraction %= unit
      unit /= 10
    }
  }

  /// Two digits of a number below 100.
  static func appendTwo(_ value: Int, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value / 10))
    bytes.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value % 10))
  }
}
