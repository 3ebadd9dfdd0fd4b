import Vectors

/// Dates from their parts and from the clock.
enum DateMaking {
  static func noSuchDate(_ year: Int64, _ month: Int64, _ day: Int64) -> StoaError {
    StoaError(.evaluation, "there is no date with year \(year), month \(month), day \(day)")
  }

  static func days(_ year: Int64, _ month: Int64, _ day: Int64) throws(StoaError) -> Int32 {
    guard let days = Calendar.checkedDays(year: Int(year), month: Int(month), day: Int(day)) else {
      throw noSuchDate(year, month, day)
    }
    return days
  }
}

extension ScalarFunction {
  static let makeDate = ScalarFunction(
    "make_date", .date, help: "Date from year, month and day",
    example: .init(.integer(2024), .integer(2), .integer(29), gives: "2024-02-29"),
    .overloads([
      Overload([.bigint, .bigint, .bigint], .date) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let days = RowReader<Int64>(arguments[2])
        let validity = VectorForms.commonValidity(arguments)
        let result = FlatResult<Int32>(count: count)
        let (years, months) = (RowReader<Int64>(arguments[0]), RowReader<Int64>(arguments[1]))
        for row in 0..<count {
          let isValid = validity?.isValid(row) ?? true
          result.values[row] =
            isValid ? try DateMaking.days(years[row], months[row], days[row]) : 0
        }
        withExtendedLifetime(arguments) {}
        return result.vector(.date, count: count, validity: validity)
      }
    ]))

  static let makeTimestamp = ScalarFunction(
    "make_timestamp", .date,
    help: "Timestamp from year, month, day, hour, minute and seconds, or from microseconds",
    example: .init(
      .integer(2024), .integer(2), .integer(29), .integer(13), .integer(14), .double(15.5),
      gives: "2024-02-29 13:14:15.5"),
    .overloads([
      Overload([.bigint, .bigint, .bigint, .bigint, .bigint, .double], .timestamp) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let parts = arguments[..<5].map { RowReader<Int64>($0) }
        let seconds = RowReader<Double>(arguments[5])
        let validity = VectorForms.commonValidity(arguments)
        let result = FlatResult<Int64>(count: count)
        for row in 0..<count {
          result.values[row] = 0
          guard validity?.isValid(row) ?? true else { continue }
          let days = try DateMaking.days(parts[0][row], parts[1][row], parts[2][row])
          let (hour, minute, second) = (parts[3][row], parts[4][row], seconds[row])
          guard hour >= 0, hour < 24, minute >= 0, minute < 60, second >= 0, second < 60,
            let timestamp = Calendar.timestamp(
              days: Int(days),
              microseconds: (hour * 60 + minute) * 60_000_000 + Int64((second * 1e6).rounded()))
          else {
            throw StoaError(
              .evaluation, "there is no time with hour \(hour), minute \(minute), second \(second)")
          }
          result.values[row] = timestamp
        }
        withExtendedLifetime(arguments) {}
        return result.vector(.timestamp, count: count, validity: validity)
      },
      .value([.bigint], .timestamp, zero: 0 as Int64) { (reader: ArgumentReader, row: Int) in
        reader.integer(0, row)
      },
    ]))
}
