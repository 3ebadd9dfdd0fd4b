import Vectors

/// Equal stretches of time: time_bucket (DuckDB, Timescale) and date_bin (PostgreSQL).
enum TimeBucket {
  /// Monday, 2000-01-03, where stretches of days and less begin by themselves.
  static let mondayOrigin = Int64(10_959) * Calendar.microsecondsPerDay

  /// The start of the bucket of `width` that `timestamp` lies in; one begins at `origin`.
  static func start(
    _ timestamp: Int64, _ width: Interval, origin: Int64?, _ name: String
  ) throws(StoaError) -> Int64 {
    if width.months != 0 {
      guard width.days == 0, width.microseconds == 0, width.months > 0 else {
        throw wrongWidth(name)
      }
      let from = Calendar.day(fromDays: Calendar.split(origin ?? 946_684_800_000_000).days)
      let date = Calendar.day(fromDays: Calendar.split(timestamp).days)
      let first = from.year * 12 + from.month - 1
      let since = date.year * 12 + date.month - 1 - first
      let months = Int(width.months)
      let month = first + Calendar.floorDivide(since, months) * months
      let year = Calendar.floorDivide(month, 12)
      let days = Calendar.days(year: year, month: month - year * 12 + 1, day: 1)
      guard let start = Calendar.timestamp(days: days, microseconds: 0) else { throw outOfRange }
      return start
    }
    let length =
      Int128(width.days) * Int128(Calendar.microsecondsPerDay)
      + Int128(width.microseconds)
    guard length > 0 else { throw wrongWidth(name) }
    let from = Int128(origin ?? mondayOrigin)
    let since = Int128(timestamp) - from
    let rest = since % length
    let start = Int128(timestamp) - (rest < 0 ? rest + length : rest)
    guard let result = Int64(exactly: start) else { throw outOfRange }
    return result
  }

  private static func wrongWidth(_ name: String) -> StoaError {
    StoaError(
      .evaluation, "\(name) takes a width above 0, either in months or in days and less")
  }

  static var outOfRange: StoaError { StoaError(.evaluation, "TIMESTAMP out of range") }

  /// The bucket moved by an offset.
  static func start(
    _ timestamp: Int64, _ width: Interval, offset: Interval
  ) throws(StoaError) -> Int64 {
    guard let back = offset.negated, let moved = Calendar.adding(back, toTimestamp: timestamp),
      let start = Calendar.adding(
        offset, toTimestamp: try start(moved, width, origin: nil, "time_bucket"))
    else { throw outOfRange }
    return start
  }

  static func days(_ timestamp: Int64) throws(StoaError) -> Int32 {
    guard let days = Int32(exactly: Calendar.split(timestamp).days) else {
      throw StoaError(.evaluation, "DATE out of range")
    }
    return days
  }

  static func timestamp(ofDay days: Int32) throws(StoaError) -> Int64 {
    guard let timestamp = Calendar.timestamp(days: Int(days), microseconds: 0) else {
      throw outOfRange
    }
    return timestamp
  }
}

extension ScalarFunction {
  static let timeBucket = ScalarFunction(
    "time_bucket", .date,
    help: "Start of the stretch of time (1 week, 15 minutes, 3 months) that a date lies in",
    example: .init(
      .interval("15 minutes"), .timestamp("2024-02-29 13:14:15"), gives: "2024-02-29 13:00:00"),
    .overloads(
      [
        .value([.interval, .date], .date, zero: 0 as Int32) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int32 in
          try TimeBucket.days(
            TimeBucket.start(
              TimeBucket.timestamp(ofDay: reader.short(1, row)),
              Interval(packed: reader.wide(0, row)), origin: nil, "time_bucket"))
        },
        .value([.interval, .date, .interval], .date, zero: 0 as Int32) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int32 in
          try TimeBucket.days(
            TimeBucket.start(
              TimeBucket.timestamp(ofDay: reader.short(1, row)),
              Interval(packed: reader.wide(0, row)),
              offset: Interval(packed: reader.wide(2, row))))
        },
        .value([.interval, .date, .date], .date, zero: 0 as Int32) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int32 in
          try TimeBucket.days(
            TimeBucket.start(
              TimeBucket.timestamp(ofDay: reader.short(1, row)),
              Interval(packed: reader.wide(0, row)),
              origin: TimeBucket.timestamp(ofDay: reader.short(2, row)), "time_bucket"))
        },
      ] + ofTimestamps(.timestamp) + ofTimestamps(.timestampTZ)))

  /// Buckets of instants are the same in every time zone: their days begin at midnight UTC.
  private static func ofTimestamps(_ type: LogicalType) -> [Overload] {
    [
      .value([.interval, type], type, zero: 0 as Int64) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
        try TimeBucket.start(
          reader.integer(1, row), Interval(packed: reader.wide(0, row)), origin: nil, "time_bucket")
      },
      .value([.interval, type, .interval], type, zero: 0 as Int64) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
        try TimeBucket.start(
          reader.integer(1, row), Interval(packed: reader.wide(0, row)),
          offset: Interval(packed: reader.wide(2, row)))
      },
      .value([.interval, type, type], type, zero: 0 as Int64) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
        try TimeBucket.start(
          reader.integer(1, row), Interval(packed: reader.wide(0, row)),
          origin: reader.integer(2, row), "time_bucket")
      },
    ]
  }

  static let dateBin = ScalarFunction(
    "date_bin", .date,
    help: "Start of the stretch of time, counted from the third argument, that a timestamp lies in",
    example: .init(
      .interval("15 minutes"), .timestamp("2020-02-11 15:44:17"),
      .timestamp("2001-01-01 00:02:30"), gives: "2020-02-11 15:32:30"),
    .overloads(
      [LogicalType.timestamp, .timestampTZ].map { type in
        .value([.interval, type, type], type, zero: 0 as Int64) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
          let width = Interval(packed: reader.wide(0, row))
          guard width.months == 0 else {
            throw StoaError(
              .evaluation, "date_bin takes no months or years, whose lengths vary",
              hint: "time_bucket takes them")
          }
          return try TimeBucket.start(
            reader.integer(1, row), width, origin: reader.integer(2, row), "date_bin")
        }
      }))
}
