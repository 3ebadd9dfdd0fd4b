/// Days since 1970-01-01 to year, month, day and back, proleptic Gregorian, for every `Int32` day.
/// Year 0 is 1 BC. Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013: years
/// begin in March, 400 years are 146,097 days.
public enum Calendar {
  public static let microsecondsPerSecond: Int64 = 1_000_000
  public static let microsecondsPerDay: Int64 = 86_400_000_000

  public struct Day: Hashable, Sendable {
    public var year: Int
    /// 1…12
    public var month: Int
    /// 1…31
    public var day: Int
  }

  /// The date `days` after 1970-01-01; any `Int32`, and a good deal more.
  public static func day(fromDays days: Int) -> Day {
    let shifted = days &+ 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted &- era &* 146_097
    let yearOfEra =
      (dayOfEra &- dayOfEra / 1460 &+ dayOfEra / 36_524 &- dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
    let marchMonth = (5 &* dayOfYear &+ 2) / 153
    let month = marchMonth < 10 ? marchMonth &+ 3 : marchMonth &- 9
    return Day(
      year: yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0), month: month,
      day: dayOfYear &- (153 &* marchMonth &+ 2) / 5 &+ 1)
  }

  /// Days since 1970-01-01 of a date that exists; |year| below 2^40.
  public static func days(year: Int, month: Int, day: Int) -> Int {
    let marchYear = month <= 2 ? year &- 1 : year
    let era = floorDivide(marchYear, 400)
    let yearOfEra = marchYear &- era &* 400
    let marchMonth = month > 2 ? month &- 3 : month &+ 9
    let dayOfYear = (153 &* marchMonth &+ 2) / 5 &+ day &- 1
    let dayOfEra = yearOfEra &* 365 &+ yearOfEra / 4 &- yearOfEra / 100 &+ dayOfYear
    return era &* 146_097 &+ dayOfEra &- 719_468
  }

  public static func isLeap(_ year: Int) -> Bool {
    year & 3 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  /// 28…31; `month` 1…12.
  public static func dayCount(year: Int, month: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days of a date given by its parts, or `nil` when there is no such date or it does not fit a DATE.
  public static func checkedDays(year: Int, month: Int, day: Int) -> Int32? {
    guard year.magnitude < 10_000_000, month >= 1, month <= 12, day >= 1,
      day <= dayCount(year: year, month: month)
    else { return nil }
    return Int32(exactly: days(year: year, month: month, day: day))
  }

  /// 1…366
  public static func dayOfYear(_ day: Day) -> Int {
    days(year: day.year, month: day.month, day: day.day) &- days(year: day.year, month: 1, day: 1)
      &+ 1
  }

  /// Monday 1 … Sunday 7.
  public static func isoDayOfWeek(days: Int) -> Int { floorModulo(days &+ 3, 7) &+ 1 }

  /// Year and week (1…53) of ISO 8601: week 1 has the year's first Thursday.
  public static func isoWeek(days: Int) -> (year: Int, week: Int) {
    let thursday = days &- isoDayOfWeek(days: days) &+ 4
    let year = day(fromDays: thursday).year
    return (year, (thursday &- self.days(year: year, month: 1, day: 1)) / 7 &+ 1)
  }

  /// `months` later, the day cut to the length of the month; `nil` out of range.
  public static func adding(months: Int, toDays days: Int) -> Int32? {
    let from = day(fromDays: days)
    let total = from.year * 12 + from.month - 1 + months
    let year = floorDivide(total, 12)
    let month = total - year * 12 + 1
    return checkedDays(
      year: year, month: month, day: min(from.day, dayCount(year: year, month: month)))
  }

  /// Day number and microseconds within the day (0 ..< 86,400,000,000) of a timestamp.
  @inline(__always)
  public static func split(_ timestamp: Int64) -> (days: Int, microseconds: Int64) {
    var days = timestamp / microsecondsPerDay
    var rest = timestamp &- days &* microsecondsPerDay
    if rest < 0 {
      days &-= 1
      rest &+= microsecondsPerDay
    }
    return (Int(days), rest)
  }

  /// `nil` when out of the range of a TIMESTAMP.
  public static func timestamp(days: Int, microseconds: Int64) -> Int64? {
    let (start, overflow) = Int64(days).multipliedReportingOverflow(by: microsecondsPerDay)
    let (sum, overflow2) = start.addingReportingOverflow(microseconds)
    if !overflow && !overflow2 { return sum }
    // The first representable day begins before the first representable microsecond.
    return Int64(exactly: Int128(days) * Int128(microsecondsPerDay) + Int128(microseconds))
  }

  /// Timestamp plus interval: months first, then days, then microseconds; `nil` out of range.
  public static func adding(_ interval: Interval, toTimestamp timestamp: Int64) -> Int64? {
    var (days, micros) = split(timestamp)
    if interval.months != 0 {
      guard days >= Int(Int32.min), days <= Int(Int32.max),
        let moved = adding(months: Int(interval.months), toDays: days)
      else { return nil }
      days = Int(moved)
    }
    let (sum, overflow) = micros.addingReportingOverflow(interval.microseconds)
    if overflow {
      let wide =
        Int128(days + Int(interval.days)) * Int128(microsecondsPerDay) + Int128(micros)
        + Int128(interval.microseconds)
      return Int64(exactly: wide)
    }
    micros = sum
    return self.timestamp(days: days + Int(interval.days), microseconds: micros)
  }

  /// Rounded down; `divisor` positive.
  @inline(__always)
  static func floorDivide(_ value: Int, _ divisor: Int) -> Int {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient &- 1 : quotient
  }

  /// 0 ..< divisor; `divisor` positive.
  @inline(__always)
  static func floorModulo(_ value: Int, _ divisor: Int) -> Int {
    let rest = value % divisor
    return rest < 0 ? rest &+ divisor : rest
  }
}
