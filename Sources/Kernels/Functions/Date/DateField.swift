import Vectors

/// A part of a date or timestamp that EXTRACT takes out, date_trunc cuts at and date_diff counts.
public enum DateField: String, Sendable, CaseIterable {
  case millennium, century, decade, year, isoyear, quarter, month, week, day, dow, isodow, doy
  case hour, minute, second, millisecond, microsecond, epoch
  /// Of TIMESTAMP WITH TIME ZONE: seconds from UTC, their hours and minutes.
  case timezone
  case timezoneHour = "timezone_hour"
  case timezoneMinute = "timezone_minute"

  /// From a name in any case, singular or plural, or one of the usual abbreviations.
  public init?(name: String) {
    let word = name.lowercased()
    if let field = DateField(rawValue: word) {
      self = field
      return
    }
    switch word {
    case "dayofweek", "weekday": self = .dow
    case "dayofyear": self = .doy
    case "dayofmonth": self = .day
    case "weekofyear": self = .week
    case "milliseconds", "ms", "msec": self = .millisecond
    case "microseconds", "us", "usec": self = .microsecond
    case "centuries": self = .century
    case "millennia", "millenium": self = .millennium
    default:
      if word.hasSuffix("s"), let field = DateField(rawValue: String(word.dropLast())) {
        self = field
      } else if let unit = IntervalUnit(name: word), let field = DateField(rawValue: "\(unit)") {
        self = field
      } else {
        return nil
      }
    }
  }

  /// The literal first argument of a date function.
  static func literal(_ arguments: ScalarFunction.Arguments, of function: String) throws(StoaError)
    -> DateField
  {
    guard case .string(let name) = arguments.literal(0) else {
      throw StoaError(
        .binding, "the first argument of \(function) must be a constant text, such as 'month'")
    }
    if let field = DateField(name: name) { return field }
    let wanted = Array(name.lowercased().utf8)
    let nearest = DateField.allCases.map(\.rawValue).min {
      EditDistance.between(wanted, Array($0.utf8)) < EditDistance.between(wanted, Array($1.utf8))
    }
    throw StoaError(
      .binding, "'\(name)' is not a part of a date", hint: nearest.map { "Did you mean '\($0)'?" })
  }

  /// Whether EXTRACT gives it with a fraction.
  var hasFraction: Bool { self == .second || self == .millisecond }

  /// The same for a name as written.
  public static func hasFraction(_ name: String) -> Bool {
    DateField(name: name)?.hasFraction ?? false
  }

  /// Whether it can be told from the day alone.
  var isOfDay: Bool {
    switch self {
    case .hour, .minute, .second, .millisecond, .microsecond, .epoch, .timezone, .timezoneHour,
      .timezoneMinute:
      false
    default: true
    }
  }

  /// The value for a day; `isOfDay` fields only, others are 0.
  func value(days: Int) -> Int64 {
    switch self {
    case .week: return Int64(Calendar.isoWeek(days: days).week)
    case .isoyear: return Int64(Calendar.isoWeek(days: days).year)
    case .dow: return Int64(Calendar.isoDayOfWeek(days: days) % 7)
    case .isodow: return Int64(Calendar.isoDayOfWeek(days: days))
    default: break
    }
    let date = Calendar.day(fromDays: days)
    switch self {
    case .millennium: return DateField.ordinal(date.year, 1000)
    case .century: return DateField.ordinal(date.year, 100)
    case .decade: return Int64(Calendar.floorDivide(date.year, 10))
    case .year: return Int64(date.year)
    case .quarter: return Int64((date.month - 1) / 3 + 1)
    case .month: return Int64(date.month)
    case .day: return Int64(date.day)
    case .doy: return Int64(Calendar.dayOfYear(date))
    default: return 0
    }
  }

  /// The century or millennium a year lies in; there is no number 0.
  private static func ordinal(_ year: Int, _ length: Int) -> Int64 {
    Int64(year > 0 ? (year - 1) / length + 1 : -((-year) / length + 1))
  }

  /// Whether it is told from the offset from UTC.
  var isOfZone: Bool { self == .timezone || self == .timezoneHour || self == .timezoneMinute }

  /// The value for an offset in seconds; `isOfZone` fields only.
  func value(offset: Int) -> Int64 {
    switch self {
    case .timezoneHour: Int64(offset / 3600)
    case .timezoneMinute: Int64(offset / 60 % 60)
    default: Int64(offset)
    }
  }

  /// The value for microseconds within a day; fields of the day are 0.
  func value(microseconds: Int64) -> Int64 {
    switch self {
    case .hour: microseconds / 3_600_000_000
    case .minute: microseconds / 60_000_000 % 60
    case .second: microseconds / 1_000_000 % 60
    case .millisecond: microseconds / 1000 % 60_000
    case .microsecond: microseconds % 60_000_000
    default: 0
    }
  }
}
