/// Months, days and microseconds, kept apart because their lengths in time vary.
public struct Interval: Hashable, Sendable {
  public var months: Int32
  public var days: Int32
  public var microseconds: Int64

  public init(months: Int32 = 0, days: Int32 = 0, microseconds: Int64 = 0) {
    self.months = months
    self.days = days
    self.microseconds = microseconds
  }

  /// From the form in vectors: months in bits 96…127, days in bits 64…95, microseconds below.
  public init(packed: Int128) {
    months = Int32(truncatingIfNeeded: packed >> 96)
    days = Int32(truncatingIfNeeded: packed >> 64)
    microseconds = Int64(truncatingIfNeeded: packed)
  }

  public var packed: Int128 {
    Int128(months) << 96 | Int128(UInt32(bitPattern: days)) << 64
      | Int128(UInt64(bitPattern: microseconds))
  }

  /// Length with 30 days to a month and 24 hours to a day, by which intervals compare.
  public var comparableMicroseconds: Int128 {
    (Int128(months) * 30 + Int128(days)) * Int128(Calendar.microsecondsPerDay)
      + Int128(microseconds)
  }

  /// Part by part; `nil` when a part overflows.
  public func adding(_ other: Interval) -> Interval? {
    let (months, overflow1) = months.addingReportingOverflow(other.months)
    let (days, overflow2) = days.addingReportingOverflow(other.days)
    let (micros, overflow3) = microseconds.addingReportingOverflow(other.microseconds)
    if overflow1 || overflow2 || overflow3 { return nil }
    return Interval(months: months, days: days, microseconds: micros)
  }

  /// `nil` when a part has no opposite.
  public var negated: Interval? {
    guard months != .min, days != .min, microseconds != .min else { return nil }
    return Interval(months: -months, days: -days, microseconds: -microseconds)
  }

  /// Fractions of months spill into days, those of days into microseconds; `nil` on overflow.
  public func scaled(by factor: Double) -> Interval? {
    guard factor.isFinite else { return nil }
    let wholeMonths = (Double(months) * factor).rounded(.towardZero)
    let dayPart = Double(days) * factor + (Double(months) * factor - wholeMonths) * 30
    let wholeDays = dayPart.rounded(.towardZero)
    let micros =
      (Double(microseconds) * factor + (dayPart - wholeDays) * Double(Calendar.microsecondsPerDay))
      .rounded()
    guard let m = Int32(exactly: wholeMonths), let d = Int32(exactly: wholeDays),
      let u = Int64(exactly: micros)
    else { return nil }
    return Interval(months: m, days: d, microseconds: u)
  }
}
