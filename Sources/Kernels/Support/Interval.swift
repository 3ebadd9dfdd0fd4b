/// Months, days and microseconds, kept apart because their lengths in time vary.
///
/// Stored as one 128-bit integer whose upper bits are the length by which intervals compare (30 days to a month, 24
/// hours to a day), so that integers order as intervals do, and equal intervals differ at most in the lower
/// `lengthShift` bits:
///
///   bits    field
///   0…30    days, 31 bits signed
///   31…57   months, 27 bits signed
///   58…127  length in microseconds, signed; the microseconds are what months and days leave of it
public struct Interval: Hashable, Sendable {
  public var months: Int32
  public var days: Int32
  public var microseconds: Int64

  /// An interval of these parts, each of any sign.
  public init(months: Int32 = 0, days: Int32 = 0, microseconds: Int64 = 0) {
    self.months = months
    self.days = days
    self.microseconds = microseconds
  }

  /// Bits of a stored interval below its length.
  public static let lengthShift: Int128 = 58

  /// From the form in vectors.
  public init(packed: Int128) {
    let low = UInt64(truncatingIfNeeded: packed)
    days = Int32(truncatingIfNeeded: low << 1) >> 1
    months = Int32(truncatingIfNeeded: (low >> 31) << 5) >> 5
    let whole = (Int128(months) * 30 + Int128(days)) * Int128(Calendar.microsecondsPerDay)
    microseconds = Int64(truncatingIfNeeded: (packed >> Interval.lengthShift) - whole)
  }

  /// The form in vectors; the interval must be `isStorable`.
  public var packed: Int128 {
    assert(isStorable)
    let parts =
      UInt64(UInt32(bitPattern: days) & 0x7FFF_FFFF)
      | UInt64(UInt32(bitPattern: months) & 0x7FF_FFFF) << 31
    return comparableMicroseconds << Interval.lengthShift | Int128(parts)
  }

  /// Within 5.5 million years of months and 2.9 million years of days.
  public var isStorable: Bool {
    months >= -(1 << 26) && months < 1 << 26 && days >= -(1 << 30) && days < 1 << 30
  }

  /// Itself when it is storable.
  var storable: Interval? { isStorable ? self : nil }

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
    return Interval(months: months, days: days, microseconds: micros).storable
  }

  /// `nil` when a part has no opposite.
  public var negated: Interval? {
    guard months != .min, days != .min, microseconds != .min else { return nil }
    return Interval(months: -months, days: -days, microseconds: -microseconds).storable
  }

  /// Fractions of months spill into days, those of days into microseconds; `nil` on overflow.
  public func scaled(by factor: Double) -> Interval? { scaled { $0 * factor } }

  /// The same divided; `divisor` is not zero.
  public func divided(by divisor: Double) -> Interval? { scaled { $0 / divisor } }

  /// PostgreSQL's way, rounding steps included.
  private func scaled(_ scale: (Double) -> Double) -> Interval? {
    func toMicroseconds(_ seconds: Double) -> Double {
      (seconds * 1e6).rounded(.toNearestOrEven) / 1e6
    }
    let monthPart = scale(Double(months))
    let dayPart = scale(Double(days))
    guard let wholeMonths = Int32(exactly: monthPart.rounded(.towardZero)),
      let wholeDays = Int32(exactly: dayPart.rounded(.towardZero))
    else { return nil }
    let daysOfMonths = toMicroseconds((monthPart - Double(wholeMonths)) * 30)
    let wholeDaysOfMonths = daysOfMonths.rounded(.towardZero)
    var seconds = toMicroseconds(
      (dayPart - Double(wholeDays) + daysOfMonths - wholeDaysOfMonths) * 86_400)
    var extraDays = wholeDaysOfMonths
    if abs(seconds) >= 86_400 {
      let carried = (seconds / 86_400).rounded(.towardZero)
      extraDays += carried
      seconds -= carried * 86_400
    }
    let micros = (scale(Double(microseconds)) + seconds * 1e6).rounded(.toNearestOrEven)
    guard let added = Int32(exactly: extraDays), let time = Int64(exactly: micros) else {
      return nil
    }
    let (sum, overflow) = wholeDays.addingReportingOverflow(added)
    if overflow { return nil }
    return Interval(months: wholeMonths, days: sum, microseconds: time).storable
  }

  /// Hours beyond 24 as days, as PostgreSQL's justify_hours.
  public var justifiedHours: Interval? {
    let day = Calendar.microsecondsPerDay
    var (carried, rest) = microseconds.quotientAndRemainder(dividingBy: day)
    var total = Int64(days) + carried
    if total > 0 && rest < 0 {
      rest += day
      total -= 1
    } else if total < 0 && rest > 0 {
      rest -= day
      total += 1
    }
    carried = total
    return Int32(exactly: carried).flatMap {
      Interval(months: months, days: $0, microseconds: rest).storable
    }
  }

  /// Days beyond 30 as months, as PostgreSQL's justify_days.
  public var justifiedDays: Interval? {
    var total = Int64(months) + Int64(days / 30)
    var rest = days % 30
    if total > 0 && rest < 0 {
      rest += 30
      total -= 1
    } else if total < 0 && rest > 0 {
      rest -= 30
      total += 1
    }
    return Int32(exactly: total).flatMap {
      Interval(months: $0, days: rest, microseconds: microseconds).storable
    }
  }

  /// Both, and all parts of one sign: PostgreSQL's justify_interval.
  public var justified: Interval? { Interval(length: comparableMicroseconds) }

  /// The interval of that length with as many whole months, then days, as fit; `nil` out of range.
  public init?(length: Int128) {
    let day = Int128(Calendar.microsecondsPerDay)
    let (allDays, micros) = length.quotientAndRemainder(dividingBy: day)
    guard let months = Int32(exactly: allDays / 30) else { return nil }
    self.init(
      months: months, days: Int32(truncatingIfNeeded: allDays % 30),
      microseconds: Int64(truncatingIfNeeded: micros))
    if !isStorable { return nil }
  }
}
