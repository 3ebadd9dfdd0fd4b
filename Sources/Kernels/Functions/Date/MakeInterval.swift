import Vectors

/// Intervals from numbers.
enum IntervalMaking {
  static var outOfRange: StoaError { StoaError(.evaluation, "INTERVAL out of range") }

  static func interval(
    months: Int128 = 0, days: Int128 = 0, microseconds: Int128 = 0
  ) throws(StoaError) -> Int128 {
    guard let months = Int32(exactly: months), let days = Int32(exactly: days),
      let microseconds = Int64(exactly: microseconds),
      let interval = Interval(months: months, days: days, microseconds: microseconds).storable
    else { throw outOfRange }
    return interval.packed
  }

  /// `to_days(n)` and its like.
  static func function(
    _ name: String, _ unit: String, gives result: String,
    _ body: @escaping @Sendable (Int128) throws(StoaError) -> Int128
  ) -> ScalarFunction {
    ScalarFunction(
      name, .date, help: "Interval of so many \(unit)", example: .init(.integer(2), gives: result),
      .overloads([
        .value([.bigint], .interval, zero: 0 as Int128) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int128 in
          try body(Int128(reader.integer(0, row)))
        }
      ]))
  }

  /// The same for units with fractions.
  static func fractional(
    _ name: String, _ unit: String, _ microseconds: Double, gives result: String
  ) -> ScalarFunction {
    ScalarFunction(
      name, .date, help: "Interval of so many \(unit)", example: .init(.integer(2), gives: result),
      .overloads([
        .value([.double], .interval, zero: 0 as Int128) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int128 in
          try interval(microseconds: rounded(reader.real(0, row) * microseconds))
        }
      ]))
  }

  static func rounded(_ value: Double) throws(StoaError) -> Int128 {
    guard let result = Int64(exactly: value.rounded()) else { throw outOfRange }
    return Int128(result)
  }

  /// Time beyond a day as days, and days beyond 30 as months; the parts get one sign.
  static func justified(
    _ interval: Interval, hours: Bool, days: Bool
  ) throws(StoaError) -> Int128 {
    let dayLength = Int128(Calendar.microsecondsPerDay)
    var (months, dayCount, micros) = (
      Int128(interval.months), Int128(interval.days), Int128(interval.microseconds)
    )
    if hours {
      dayCount += micros / dayLength
      micros %= dayLength
    }
    if days {
      months += dayCount / 30
      dayCount %= 30
    }
    if days, months > 0, dayCount < 0 || dayCount == 0 && micros < 0 && hours {
      dayCount += 30
      months -= 1
    } else if days, months < 0, dayCount > 0 || dayCount == 0 && micros > 0 && hours {
      dayCount -= 30
      months += 1
    }
    if hours, dayCount > 0, micros < 0 {
      micros += dayLength
      dayCount -= 1
    } else if hours, dayCount < 0, micros > 0 {
      micros -= dayLength
      dayCount += 1
    }
    return try self.interval(months: months, days: dayCount, microseconds: micros)
  }

  static func justification(
    _ name: String, aliases: [String] = [], help: String, example: ScalarFunction.Example,
    hours: Bool, days: Bool
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .date, help: help, example: example,
      .overloads([
        .value([.interval], .interval, zero: 0 as Int128) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int128 in
          try justified(Interval(packed: reader.wide(0, row)), hours: hours, days: days)
        }
      ]))
  }
}

extension ScalarFunction {
  static let intervalMakers: [ScalarFunction] = [
    IntervalMaking.function("to_millennia", "millennia", gives: "2000 years") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(months: n * 12_000)
    },
    IntervalMaking.function("to_centuries", "centuries", gives: "200 years") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(months: n * 1200)
    },
    IntervalMaking.function("to_decades", "decades", gives: "20 years") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(months: n * 120)
    },
    IntervalMaking.function("to_years", "years", gives: "2 years") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(months: n * 12)
    },
    IntervalMaking.function("to_quarters", "quarters", gives: "6 mons") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(months: n * 3)
    },
    IntervalMaking.function("to_months", "months", gives: "2 mons") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(months: n)
    },
    IntervalMaking.function("to_weeks", "weeks", gives: "14 days") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(days: n * 7)
    },
    IntervalMaking.function("to_days", "days", gives: "2 days") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(days: n)
    },
    IntervalMaking.function("to_hours", "hours", gives: "02:00:00") {
      (n: Int128) throws(StoaError) in
      try IntervalMaking.interval(microseconds: n * 3_600_000_000)
    },
    IntervalMaking.function("to_minutes", "minutes", gives: "00:02:00") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(microseconds: n * 60_000_000)
    },
    IntervalMaking.fractional("to_seconds", "seconds", 1e6, gives: "00:00:02"),
    IntervalMaking.fractional("to_milliseconds", "milliseconds", 1000, gives: "00:00:00.002"),
    IntervalMaking.function("to_microseconds", "microseconds", gives: "00:00:00.000002") {
      (n: Int128) throws(StoaError) in try IntervalMaking.interval(microseconds: n)
    },
  ]

  static let makeInterval = ScalarFunction(
    "make_interval", .date,
    help: "Interval of years, months, weeks, days, hours, minutes and seconds, as many as given",
    example: .init(
      .integer(1), .integer(2), .integer(0), .integer(10), gives: "1 year 2 mons 10 days"),
    .overloads(
      (1...7).map { count in
        .value(
          [LogicalType](repeating: .bigint, count: min(count, 6)) + (count == 7 ? [.double] : []),
          .interval, zero: 0 as Int128
        ) { (reader: ArgumentReader, row: Int) throws(StoaError) -> Int128 in
          func part(_ number: Int) -> Int128 {
            number < count ? Int128(reader.integer(number, row)) : 0
          }
          let seconds = count == 7 ? try IntervalMaking.rounded(reader.real(6, row) * 1e6) : 0
          return try IntervalMaking.interval(
            months: part(0) * 12 + part(1), days: part(2) * 7 + part(3),
            microseconds: (part(4) * 60 + part(5)) * 60_000_000 + seconds)
        }
      }))

  static let justifyHours = IntervalMaking.justification(
    "justify_hours", help: "Interval with each 24 hours made a day",
    example: .init(.interval("50 hours 10 minutes"), gives: "2 days 02:10:00"), hours: true,
    days: false)
  static let justifyDays = IntervalMaking.justification(
    "justify_days", help: "Interval with each 30 days made a month",
    example: .init(.interval("65 days"), gives: "2 mons 5 days"), hours: false, days: true)
  static let justifyInterval = IntervalMaking.justification(
    "justify_interval", aliases: ["normalized_interval"],
    help: "Interval with each 24 hours made a day and each 30 days a month",
    example: .init(.interval("29 days 26 hours"), gives: "1 mon 02:00:00"), hours: true,
    days: true)
}
