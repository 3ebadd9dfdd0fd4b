import Vectors

/// Whole units of time between two timestamps.
enum DateSub {
  static func units(
    _ field: DateField, _ start: Int64, _ end: Int64
  ) throws(StoaError) -> Int64 {
    let unit: Int64
    switch field {
    case .millennium: return months(start, end) / 12_000
    case .century: return months(start, end) / 1200
    case .decade: return months(start, end) / 120
    case .year, .isoyear: return months(start, end) / 12
    case .quarter: return months(start, end) / 3
    case .month: return months(start, end)
    case .week: unit = 7 * Calendar.microsecondsPerDay
    case .day, .dow, .isodow, .doy: unit = Calendar.microsecondsPerDay
    case .hour: unit = 3_600_000_000
    case .minute: unit = 60_000_000
    case .second, .epoch: unit = 1_000_000
    case .millisecond: unit = 1000
    case .microsecond: unit = 1
    case .timezone, .timezoneHour, .timezoneMinute:
      throw StoaError(.evaluation, "date_sub cannot count '\(field.rawValue)'")
    }
    guard let result = Int64(exactly: (Int128(end) - Int128(start)) / Int128(unit)) else {
      throw StoaError(.evaluation, "date_sub in \(field.rawValue)s is out of range for BIGINT")
    }
    return result
  }

  /// The last day of a month ends the month for every later day: one month from 31 January to 29 February.
  private static func months(_ start: Int64, _ end: Int64) -> Int64 {
    if end < start { return -months(end, start) }
    let (from, to) = (Calendar.split(start), Calendar.split(end))
    var a = Calendar.day(fromDays: from.days)
    let b = Calendar.day(fromDays: to.days)
    if b.day == Calendar.dayCount(year: b.year, month: b.month), a.day > b.day { a.day = b.day }
    let months = (b.year - a.year) * 12 + b.month - a.month
    let isShort = (a.day, from.microseconds) > (b.day, to.microseconds)
    return Int64(isShort ? months - 1 : months)
  }
}

extension DateSub {
  /// Between two instants: days and longer by the clocks of the session's time zone.
  fileprivate static func ofInstants(
    _ field: DateField, _ arguments: ScalarFunction.Arguments
  ) -> BoundFunction? {
    guard arguments.types.dropFirst().contains(.timestampTZ),
      (1...2).allSatisfy({
        ImplicitCast.cost(arguments.types[$0], .timestampTZ, literal: arguments.literal($0)) != nil
      })
    else { return nil }
    return .make("date_sub", [.varchar, .timestampTZ, .timestampTZ], .bigint) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let clock = LocalClock(.current)
      return try RowKernels.binary([arguments[1], arguments[2]], count, .bigint, zero: 0 as Int64) {
        (start: Int64, end: Int64) throws(StoaError) -> Int64 in
        guard field.isOfDay else { return try units(field, start, end) }
        guard let from = clock.local(start), let to = clock.local(end) else {
          throw StoaError(.evaluation, "TIMESTAMP WITH TIME ZONE out of range")
        }
        return try units(field, from, to)
      }
    }
  }
}

extension ScalarFunction {
  static let dateSub = ScalarFunction(
    "date_sub", aliases: ["datesub"], .date,
    help: "How many whole units of a field (year, month, day, hour, …) lie between two dates",
    example: .init(.text("month"), .date("2024-01-15"), .date("2024-03-14"), gives: "1"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 3 else { return nil }
      let field = try DateField.literal(arguments, of: "date_sub")
      if let bound = DateSub.ofInstants(field, arguments) { return bound }
      for number in 1...2
      where ImplicitCast.cost(
        arguments.types[number], .timestamp, literal: arguments.literal(number)) == nil
      {
        return nil
      }
      return .make("date_sub", [.varchar, .timestamp, .timestamp], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.binary([arguments[1], arguments[2]], count, .bigint, zero: 0 as Int64) {
          (start: Int64, end: Int64) throws(StoaError) -> Int64 in
          try DateSub.units(field, start, end)
        }
      }
    })

  static let julian = ScalarFunction(
    "julian", .date, help: "Days since noon of 4714-11-24 BC, with the fraction of the day",
    example: .init(.timestamp("2024-02-29 12:00:00"), gives: "2460370.5"),
    .overloads([
      .value([.timestamp], .double, zero: 0 as Double) { (reader: ArgumentReader, row: Int) in
        let parts = Calendar.split(reader.integer(0, row))
        return Double(parts.days + 2_440_588)
          + Double(parts.microseconds) / Double(Calendar.microsecondsPerDay)
      }
    ]))

  static let yearWeek = ScalarFunction(
    "yearweek", .date, help: "ISO year and week as one number",
    example: .init(.date("2024-12-30"), gives: "202501"),
    .overloads([
      .value([.timestamp], .bigint, zero: 0 as Int64) { (reader: ArgumentReader, row: Int) in
        let iso = Calendar.isoWeek(days: Calendar.split(reader.integer(0, row)).days)
        return Int64(iso.year) * 100 + Int64(iso.year < 0 ? -iso.week : iso.week)
      }
    ]))

  static let era = ScalarFunction(
    "era", .date, help: "1 for dates since year 1, 0 before",
    example: .init(.date("2024-02-29"), gives: "1"),
    .overloads([
      .value([.timestamp], .bigint, zero: 0 as Int64) { (reader: ArgumentReader, row: Int) in
        Calendar.day(fromDays: Calendar.split(reader.integer(0, row)).days).year > 0 ? 1 : 0
      }
    ]))

  static let nanosecond = ScalarFunction(
    "nanosecond", .date, help: "Nanoseconds since the minute began",
    example: .init(.timestamp("2024-02-29 13:14:15.5"), gives: "15500000000"),
    .overloads([
      .value([.timestamp], .bigint, zero: 0 as Int64) { (reader: ArgumentReader, row: Int) in
        Calendar.split(reader.integer(0, row)).microseconds % 60_000_000 * 1000
      }
    ]))

  static let epochMilliseconds = ScalarFunction(
    "epoch_ms", .date, help: "Milliseconds since 1970-01-01 00:00:00, or the timestamp of them",
    example: .init(.timestamp("1970-01-01 00:00:01.5"), gives: "1500"),
    .overloads(sinceEpoch { $0 / 1000 } + [fromEpoch(1000)]))

  static let epochMicroseconds = ScalarFunction(
    "epoch_us", .date, help: "Microseconds since 1970-01-01 00:00:00",
    example: .init(.timestamp("1970-01-01 00:00:01.5"), gives: "1500000"),
    .overloads(sinceEpoch { $0 }))

  static let epochNanoseconds = ScalarFunction(
    "epoch_ns", .date, help: "Nanoseconds since 1970-01-01 00:00:00",
    example: .init(.timestamp("1970-01-01 00:00:01.5"), gives: "1500000000"),
    .overloads(
      sinceEpoch { (microseconds) throws(StoaError) in
        let (result, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
        if overflow { throw StoaError(.evaluation, "epoch_ns is out of range for BIGINT") }
        return result
      }))

  /// Units since 1970, of a timestamp as it is shown and of an instant, which is the same in every zone.
  private static func sinceEpoch(
    _ units: @escaping @Sendable (_ microseconds: Int64) throws(StoaError) -> Int64
  ) -> [Overload] {
    [LogicalType.timestamp, .timestampTZ].map { type in
      .value([type], .bigint, zero: 0 as Int64) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
        try units(reader.integer(0, row))
      }
    }
  }

  /// The timestamp of a number of units since 1970.
  fileprivate static func fromEpoch(_ microseconds: Int64) -> Overload {
    .value([.bigint], .timestamp, zero: 0 as Int64) {
      (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
      let (result, overflow) = reader.integer(0, row).multipliedReportingOverflow(by: microseconds)
      if overflow { throw TimeBucket.outOfRange }
      return result
    }
  }

  static let makeTimestampMilliseconds = ScalarFunction(
    "make_timestamp_ms", .date, help: "Timestamp of milliseconds since 1970-01-01 00:00:00",
    example: .init(.integer(1500), gives: "1970-01-01 00:00:01.5"), .overloads([fromEpoch(1000)]))

  static let makeTimestampNanoseconds = ScalarFunction(
    "make_timestamp_ns", .date,
    help: "Timestamp of nanoseconds since 1970-01-01 00:00:00, cut to microseconds",
    example: .init(.integer(1_500_000_000), gives: "1970-01-01 00:00:01.5"),
    .overloads([
      .value([.bigint], .timestamp, zero: 0 as Int64) { (reader: ArgumentReader, row: Int) in
        Int64(Calendar.floorDivide(Int(reader.integer(0, row)), 1000))
      }
    ]))
}
