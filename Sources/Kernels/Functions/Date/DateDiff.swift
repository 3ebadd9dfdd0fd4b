import Vectors

/// Differences and sums of dates.
enum DateDiff {
  /// How many boundaries of the field lie between two timestamps: 1 year from 31 December to 1 January.
  static func boundaries(
    _ field: DateField, _ start: Int64, _ end: Int64
  ) throws(StoaError) -> Int64 {
    let (from, to) = (Calendar.split(start), Calendar.split(end))
    let days = Int64(to.days - from.days)
    func months(_ length: Int) -> Int64 {
      let (a, b) = (Calendar.day(fromDays: from.days), Calendar.day(fromDays: to.days))
      return Int64(
        Calendar.floorDivide(b.year * 12 + b.month - 1, length)
          - Calendar.floorDivide(a.year * 12 + a.month - 1, length))
    }
    func units(_ unit: Int64) throws(StoaError) -> Int64 {
      // A day holds a whole number of units, so day borders are unit borders.
      let inDays = Int128(days) * Int128(Calendar.microsecondsPerDay / unit)
      let total = inDays + Int128(to.microseconds / unit - from.microseconds / unit)
      guard let result = Int64(exactly: total) else {
        throw StoaError(.evaluation, "date_diff in \(field.rawValue)s is out of range for BIGINT")
      }
      return result
    }
    switch field {
    case .millennium: return field.value(days: to.days) - field.value(days: from.days)
    case .century: return field.value(days: to.days) - field.value(days: from.days)
    case .decade: return months(120)
    case .year: return months(12)
    case .isoyear: return field.value(days: to.days) - field.value(days: from.days)
    case .quarter: return months(3)
    case .month: return months(1)
    case .week:
      return Int64(
        Calendar.floorDivide(to.days + 3, 7) - Calendar.floorDivide(from.days + 3, 7))
    case .day, .dow, .isodow, .doy: return days
    case .timezone, .timezoneHour, .timezoneMinute:
      throw StoaError(.evaluation, "date_diff cannot count '\(field.rawValue)'")
    case .hour: return try units(3_600_000_000)
    case .minute: return try units(60_000_000)
    case .second, .epoch: return try units(1_000_000)
    case .millisecond: return try units(1000)
    case .microsecond: return try units(1)
    }
  }

  /// Between two times of day.
  static func ofTimes(_ field: DateField, _ arguments: ScalarFunction.Arguments) -> BoundFunction? {
    guard arguments.types.dropFirst().contains(.time),
      (1...2).allSatisfy({
        ImplicitCast.cost(arguments.types[$0], .time, literal: arguments.literal($0)) != nil
      })
    else { return nil }
    return .make("date_diff", [.varchar, .time, .time], .bigint) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try RowKernels.binary([arguments[1], arguments[2]], count, .bigint, zero: 0 as Int64) {
        (start: Int64, end: Int64) throws(StoaError) -> Int64 in
        try boundaries(field, start, end)
      }
    }
  }

  /// Between two instants: days and longer by the clocks of the session's time zone, shorter units by the
  /// offset of the first, so that a change of clocks adds or loses none.
  static func ofInstants(
    _ field: DateField, _ arguments: ScalarFunction.Arguments
  ) -> BoundFunction? {
    guard arguments.types.dropFirst().contains(.timestampTZ),
      (1...2).allSatisfy({
        ImplicitCast.cost(arguments.types[$0], .timestampTZ, literal: arguments.literal($0)) != nil
      })
    else { return nil }
    return .make("date_diff", [.varchar, .timestampTZ, .timestampTZ], .bigint) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let clock = LocalClock(.current)
      return try RowKernels.binary([arguments[1], arguments[2]], count, .bigint, zero: 0 as Int64) {
        (start: Int64, end: Int64) throws(StoaError) -> Int64 in
        let from = clock.local(start) ?? start
        let shift = from &- start
        let to =
          field.isOfDay ? clock.local(end) ?? end : end.addingReportingOverflow(shift).partialValue
        return try boundaries(field, from, to)
      }
    }
  }

  /// Years, months, days and time from `start` to `end`, as PostgreSQL's age.
  static func age(from start: Int64, to end: Int64) -> Interval {
    if end < start, let turned = age(from: end, to: start).negated { return turned }
    let (from, to) = (Calendar.split(start), Calendar.split(end))
    var (a, b) = (Calendar.day(fromDays: from.days), Calendar.day(fromDays: to.days))
    var micros = to.microseconds - from.microseconds
    if micros < 0 {
      micros += Calendar.microsecondsPerDay
      b.day -= 1
    }
    var days = b.day - a.day
    var months = (b.year - a.year) * 12 + b.month - a.month
    if days < 0 {
      days += Calendar.dayCount(year: a.year, month: a.month)
      months -= 1
    }
    a.day = 1
    return Interval(
      months: Int32(clamping: months), days: Int32(clamping: days), microseconds: micros)
  }
}

extension DateDiff {
  /// `age` of two timestamps.
  static let ageFunction = BoundFunction.make("age", [.timestamp, .timestamp], .interval) {
    (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
    try RowKernels.binary(arguments, count, .interval, zero: 0 as Int128) {
      (end: Int64, start: Int64) in DateDiff.age(from: start, to: end).packed
    }
  }
}

extension ScalarFunction {
  static let dateDiff = ScalarFunction(
    "date_diff", aliases: ["datediff"], .date,
    help: "How many boundaries of a field (year, month, day, hour, …) lie between two dates",
    example: .init(.text("month"), .date("2024-01-31"), .date("2024-03-01"), gives: "2"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 3 else { return nil }
      let field = try DateField.literal(arguments, of: "date_diff")
      if let bound = DateDiff.ofTimes(field, arguments) { return bound }
      if let bound = DateDiff.ofInstants(field, arguments) { return bound }
      for number in 1...2
      where ImplicitCast.cost(
        arguments.types[number], .timestamp, literal: arguments.literal(number)) == nil
      {
        return nil
      }
      return .make("date_diff", [.varchar, .timestamp, .timestamp], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.binary([arguments[1], arguments[2]], count, .bigint, zero: 0 as Int64) {
          (start: Int64, end: Int64) throws(StoaError) -> Int64 in
          try DateDiff.boundaries(field, start, end)
        }
      }
    })

  static let dateAdd = ScalarFunction(
    "date_add", .date, help: "Date or timestamp plus an interval",
    example: .init(.date("2024-01-31"), .interval("1 month"), gives: "2024-02-29 00:00:00"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 2 else { return nil }
      return try ArithmeticResolution.binary(.add, arguments.types[0], arguments.types[1])
    })
}
