import Vectors

/// The start of the year, month, hour, … that a date or timestamp lies in. Dates stay dates for fields of
/// whole days.
enum DateTrunc {
  /// First day of the period `days` lies in, for fields of whole days.
  static func truncated(days: Int, _ field: DateField) -> Int {
    let date = Calendar.day(fromDays: days)
    switch field {
    // Centuries begin with their year 1; year 0 is 1 BC, the last of the century before year 1.
    case .millennium: return yearStart(Calendar.floorDivide(date.year - 1, 1000) * 1000 + 1)
    case .century: return yearStart(Calendar.floorDivide(date.year - 1, 100) * 100 + 1)
    case .decade: return yearStart(Calendar.floorDivide(date.year, 10) * 10)
    case .year: return yearStart(date.year)
    case .isoyear:
      let week = Calendar.isoWeek(days: days).week
      return days - Calendar.isoDayOfWeek(days: days) + 1 - (week - 1) * 7
    case .quarter:
      return Calendar.days(year: date.year, month: (date.month - 1) / 3 * 3 + 1, day: 1)
    case .month: return Calendar.days(year: date.year, month: date.month, day: 1)
    case .week: return days - Calendar.isoDayOfWeek(days: days) + 1
    default: return days
    }
  }

  private static func yearStart(_ year: Int) -> Int { Calendar.days(year: year, month: 1, day: 1) }

  /// Microseconds of the unit of a field within the day; `nil` for fields of whole days.
  private static func unit(_ field: DateField) -> Int64? {
    switch field {
    case .hour: 3_600_000_000
    case .minute: 60_000_000
    case .second: 1_000_000
    case .millisecond: 1000
    case .microsecond: 1
    default: nil
    }
  }

  static func resolve(_ field: DateField, _ type: LogicalType) throws(StoaError) -> BoundFunction? {
    switch field {
    case .dow, .isodow, .doy, .epoch, .timezone, .timezoneHour, .timezoneMinute:
      throw StoaError(.binding, "date_trunc cannot cut at '\(field.rawValue)'")
    default: break
    }
    let name = "date_trunc"
    if type == .timestampTZ { return ofInstants(field, zone: nil) }
    if type == .interval { return ofIntervals(field) }
    if type == .time { return ofIntervals(field) }
    guard type == .date || type == .timestamp || type == .null else { return nil }
    if type == .date, unit(field) == nil {
      return .make(name, [.varchar, .date], .date) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary([arguments[1]], count, .date, zero: 0 as Int32) {
          (days: Int32) throws(StoaError) -> Int32 in
          guard let start = Int32(exactly: truncated(days: Int(days), field)) else {
            throw StoaError(.evaluation, "DATE out of range")
          }
          return start
        }
      }
    }
    return .make(name, [.varchar, .timestamp], .timestamp) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try RowKernels.unary([arguments[1]], count, .timestamp, zero: 0 as Int64) {
        (timestamp: Int64) throws(StoaError) -> Int64 in
        guard let start = truncated(timestamp, field) else {
          throw StoaError(.evaluation, "TIMESTAMP out of range")
        }
        return start
      }
    }
  }

  private static func truncated(_ timestamp: Int64, _ field: DateField) -> Int64? {
    let parts = Calendar.split(timestamp)
    if let unit = unit(field) {
      return Calendar.timestamp(days: parts.days, microseconds: parts.microseconds / unit * unit)
    }
    return Calendar.timestamp(days: truncated(days: parts.days, field), microseconds: 0)
  }

  /// By the clocks of a zone. Hours and less keep the offset, so that an hour that comes twice stays the one it was.
  static func ofInstants(_ field: DateField, zone: TimeZone?) -> BoundFunction {
    let types: [LogicalType] = [.varchar, .timestampTZ] + (zone == nil ? [] : [.varchar])
    return .make("date_trunc", types, .timestampTZ) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let clock = LocalClock(zone ?? .current)
      return try RowKernels.unary([arguments[1]], count, .timestampTZ, zero: 0 as Int64) {
        (instant: Int64) throws(StoaError) -> Int64 in
        guard let local = clock.local(instant), let start = truncated(local, field),
          let result = unit(field) == nil ? clock.instant(start) : start &- (local &- instant)
        else { throw StoaError(.evaluation, "TIMESTAMP WITH TIME ZONE out of range") }
        return result
      }
    }
  }

  /// Parts smaller than the field become zero.
  private static func ofIntervals(_ field: DateField) -> BoundFunction? {
    if field == .week || field == .isoyear { return nil }
    return .make("date_trunc", [.varchar, .interval], .interval) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try RowKernels.unary([arguments[1]], count, .interval, zero: 0 as Int128) {
        (packed: Int128) in truncated(Interval(packed: packed), field).packed
      }
    }
  }

  private static func truncated(_ interval: Interval, _ field: DateField) -> Interval {
    func months(_ length: Int32) -> Interval {
      Interval(months: interval.months / length * length)
    }
    switch field {
    case .millennium: return months(12_000)
    case .century: return months(1_200)
    case .decade: return months(120)
    case .year: return months(12)
    case .quarter: return months(3)
    case .month: return months(1)
    case .day: return Interval(months: interval.months, days: interval.days)
    default:
      var result = interval
      if let unit = unit(field) { result.microseconds = result.microseconds / unit * unit }
      return result
    }
  }
}

extension ScalarFunction {
  static let dateTrunc = ScalarFunction(
    "date_trunc", aliases: ["datetrunc"], .date,
    help: "Start of the year, quarter, month, week, day, hour, … of a date or timestamp",
    example: .init(.text("month"), .date("2024-02-29"), gives: "2024-02-01"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      if arguments.types.count == 3 {
        let field = try DateField.literal(arguments, of: "date_trunc")
        guard case .string(let name) = arguments.literal(2),
          ImplicitCast.cost(arguments.types[1], .timestampTZ, literal: arguments.literal(1)) != nil
        else { return nil }
        return DateTrunc.ofInstants(field, zone: try TimeZone.named(name))
      }
      guard arguments.types.count == 2 else { return nil }
      let field = try DateField.literal(arguments, of: "date_trunc")
      let isText = arguments.types[1] == .varchar && arguments.literal(1) != nil
      return try DateTrunc.resolve(field, isText ? .timestamp : arguments.types[1])
    })

  static let lastDay = ScalarFunction(
    "last_day", .date, help: "Last day of the month",
    example: .init(.date("2024-02-05"), gives: "2024-02-29"),
    .overloads([
      Overload([.date], .date) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary(arguments, count, .date, zero: 0 as Int32) {
          (days: Int32) throws(StoaError) -> Int32 in
          let date = Calendar.day(fromDays: Int(days))
          let length = Calendar.dayCount(year: date.year, month: date.month)
          guard let last = Int32(exactly: Int(days) + length - date.day) else {
            throw StoaError(.evaluation, "DATE out of range")
          }
          return last
        }
      },
      Overload([.timestamp], .date) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.unary(arguments, count, .date, zero: 0 as Int32) { (timestamp: Int64) in
          let days = Calendar.split(timestamp).days
          let date = Calendar.day(fromDays: days)
          return Int32(
            clamping: days + Calendar.dayCount(year: date.year, month: date.month) - date.day)
        }
      },
    ]))
}
