import Vectors

/// EXTRACT(field FROM x), which is `date_part('field', x)`, and a function per field. EXTRACT keeps the
/// fraction of seconds and milliseconds, as in PostgreSQL; `second(x)` and `millisecond(x)` count whole ones.
enum DatePart {
  /// DECIMAL seconds or milliseconds with their fraction, for EXTRACT; others as `resolve`.
  static func resolveExtract(_ name: String, _ field: DateField, _ type: LogicalType)
    -> BoundFunction?
  {
    guard field.hasFraction, type.isTemporal && type != .date || type == .null else {
      return resolve(name, field, type, leading: [.varchar])
    }
    let input: LogicalType = type == .null ? .timestamp : type
    let result = LogicalType.decimal(precision: 8, scale: field == .second ? 6 : 3)
    return .make(name, [.varchar, input], result) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let operand = [arguments[1]]
      if input == .interval {
        return try RowKernels.unary(operand, count, result, zero: 0 as Int32) { (packed: Int128) in
          Int32(Interval(packed: packed).microseconds % 60_000_000)
        }
      }
      // Local clocks differ from UTC by whole seconds: those of a zone's oldest times are heeded.
      let clock = input == .timestampTZ ? LocalClock(.current) : nil
      return try RowKernels.unary(operand, count, result, zero: 0 as Int32) { (timestamp: Int64) in
        let local = clock.map { $0.local(timestamp) ?? timestamp } ?? timestamp
        return Int32(Calendar.split(local).microseconds % 60_000_000)
      }
    }
  }

  /// BIGINT, or DOUBLE seconds for the epoch.
  static func resolve(
    _ name: String, _ field: DateField, _ type: LogicalType, leading: [LogicalType]
  )
    -> BoundFunction?
  {
    let input: LogicalType
    switch type {
    case .date, .timestamp, .interval, .timestampTZ: input = type
    case .time:
      guard !field.isOfDay else { return nil }
      input = type
    case .null: input = .timestamp
    default: return nil
    }
    if field.isOfZone && input != .timestampTZ { return nil }
    let result: LogicalType = field == .epoch ? .double : .bigint
    let position = leading.count
    return .make(name, leading + [input], result) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let operand = [arguments[position]]
      switch input {
      case .date: return try ofDates(field, operand, count)
      case .interval: return try ofIntervals(field, operand, count)
      case .timestampTZ: return try ofInstants(field, operand, count)
      default: return try ofTimestamps(field, operand, count)
      }
    }
  }

  private static func ofDates(
    _ field: DateField, _ arguments: [Vector], _ count: Int
  ) throws(StoaError) -> Vector {
    if field == .epoch {
      return try RowKernels.unary(arguments, count, .double, zero: 0 as Double) { (days: Int32) in
        Double(days) * 86_400
      }
    }
    return try RowKernels.unary(arguments, count, .bigint, zero: 0 as Int64) { (days: Int32) in
      field.isOfDay ? field.value(days: Int(days)) : 0
    }
  }

  private static func ofTimestamps(
    _ field: DateField, _ arguments: [Vector], _ count: Int
  ) throws(StoaError) -> Vector {
    if field == .epoch {
      return try RowKernels.unary(arguments, count, .double, zero: 0 as Double) { (micros: Int64) in
        Double(micros) / 1e6
      }
    }
    return try RowKernels.unary(arguments, count, .bigint, zero: 0 as Int64) { (timestamp: Int64) in
      let parts = Calendar.split(timestamp)
      return field.isOfDay
        ? field.value(days: parts.days) : field.value(microseconds: parts.microseconds)
    }
  }

  private static func ofInstants(
    _ field: DateField, _ arguments: [Vector], _ count: Int
  ) throws(StoaError) -> Vector {
    if field == .epoch { return try ofTimestamps(field, arguments, count) }
    let clock = LocalClock(.current)
    return try RowKernels.unary(arguments, count, .bigint, zero: 0 as Int64) { (instant: Int64) in
      if field.isOfZone {
        return field.value(offset: clock.rules.offset(at: LocalClock.seconds(instant)))
      }
      let parts = Calendar.split(clock.local(instant) ?? instant)
      return field.isOfDay
        ? field.value(days: parts.days) : field.value(microseconds: parts.microseconds)
    }
  }

  private static func ofIntervals(
    _ field: DateField, _ arguments: [Vector], _ count: Int
  ) throws(StoaError) -> Vector {
    if field == .epoch {
      return try RowKernels.unary(arguments, count, .double, zero: 0 as Double) {
        (packed: Int128) in
        Double(Interval(packed: packed).comparableMicroseconds) / 1e6
      }
    }
    return try RowKernels.unary(arguments, count, .bigint, zero: 0 as Int64) {
      (packed: Int128) throws(StoaError) -> Int64 in
      let interval = Interval(packed: packed)
      let months = Int64(interval.months)
      switch field {
      case .millennium: return months / 12_000
      case .century: return months / 1200
      case .decade: return months / 120
      case .year: return months / 12
      case .quarter: return months % 12 / 3 + 1
      case .month: return months % 12
      case .day: return Int64(interval.days)
      case .hour: return interval.microseconds / 3_600_000_000
      case .minute, .second, .millisecond, .microsecond:
        return field.value(microseconds: interval.microseconds)
      case .isoyear, .week, .dow, .isodow, .doy, .epoch, .timezone, .timezoneHour,
        .timezoneMinute:
        throw StoaError(.evaluation, "an INTERVAL has no \(field.rawValue)")
      }
    }
  }

  /// `year(x)` and its like.
  static func function(
    _ field: DateField, _ name: String, aliases: [String] = [], help: String, gives result: String
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .date, help: help,
      example: .init(.timestamp("2024-02-29 13:14:15.5"), gives: result),
      .computed { (arguments: ScalarFunction.Arguments) throws(StoaError) -> BoundFunction? in
        guard arguments.types.count == 1 else { return nil }
        let isText = arguments.types[0] == .varchar && arguments.literal(0) != nil
        return resolve(name, field, isText ? .timestamp : arguments.types[0], leading: [])
      })
  }
}

extension ScalarFunction {
  static let datePart = ScalarFunction(
    "date_part", aliases: ["extract", "datepart"], .date,
    help: "Part of a date, timestamp or interval: year, month, day, dow, week, hour, epoch, …",
    example: .init(.text("week"), .date("2021-01-01"), gives: "53"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 2 else { return nil }
      let field = try DateField.literal(arguments, of: "date_part")
      return DatePart.resolveExtract("date_part", field, arguments.types[1])
    })

  static let year = DatePart.function(.year, "year", help: "Year of a date", gives: "2024")
  static let quarter = DatePart.function(
    .quarter, "quarter", help: "Quarter of the year, 1 to 4", gives: "1")
  static let month = DatePart.function(
    .month, "month", help: "Month of the year, 1 to 12", gives: "2")
  static let week = DatePart.function(
    .week, "week", aliases: ["weekofyear"], help: "Week of the year by ISO 8601, 1 to 53",
    gives: "9")
  static let day = DatePart.function(
    .day, "day", aliases: ["dayofmonth"], help: "Day of the month, 1 to 31", gives: "29")
  static let dayOfWeek = DatePart.function(
    .dow, "dayofweek", aliases: ["weekday"], help: "Day of the week, Sunday 0 to Saturday 6",
    gives: "4")
  static let isoDayOfWeek = DatePart.function(
    .isodow, "isodow", help: "Day of the week, Monday 1 to Sunday 7", gives: "4")
  static let dayOfYear = DatePart.function(
    .doy, "dayofyear", help: "Day of the year, 1 to 366", gives: "60")
  static let isoYear = DatePart.function(
    .isoyear, "isoyear", help: "Year that the ISO week belongs to", gives: "2024")
  static let decade = DatePart.function(.decade, "decade", help: "Year divided by 10", gives: "202")
  static let century = DatePart.function(
    .century, "century", help: "Century, 2001 to 2100 being 21", gives: "21")
  static let millennium = DatePart.function(
    .millennium, "millennium", help: "Millennium, 2001 to 3000 being 3", gives: "3")
  static let hour = DatePart.function(.hour, "hour", help: "Hour of the day, 0 to 23", gives: "13")
  static let minute = DatePart.function(
    .minute, "minute", help: "Minute of the hour, 0 to 59", gives: "14")
  static let second = DatePart.function(
    .second, "second", help: "Second of the minute, 0 to 59", gives: "15")
  static let millisecond = DatePart.function(
    .millisecond, "millisecond", help: "Milliseconds since the minute began", gives: "15500")
  static let microsecond = DatePart.function(
    .microsecond, "microsecond", help: "Microseconds since the minute began", gives: "15500000")
  static let epoch = DatePart.function(
    .epoch, "epoch", help: "Seconds since 1970-01-01 00:00:00", gives: "1709212455.5")
}
