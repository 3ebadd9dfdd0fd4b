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
    case .dow, .isodow, .doy, .epoch:
      throw StoaError(.binding, "date_trunc cannot cut at '\(field.rawValue)'")
    default: break
    }
    let name = "date_trunc"
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
        let parts = Calendar.split(timestamp)
        let start =
          if let unit = unit(field) {
            Calendar.timestamp(
              days: parts.days, microseconds: parts.microseconds / unit * unit)
          } else {
            Calendar.timestamp(days: truncated(days: parts.days, field), microseconds: 0)
          }
        guard let start else { throw StoaError(.evaluation, "TIMESTAMP out of range") }
        return start
      }
    }
  }
}

extension ScalarFunction {
  static let dateTrunc = ScalarFunction(
    "date_trunc", aliases: ["datetrunc"], .date,
    help: "Start of the year, quarter, month, week, day, hour, … of a date or timestamp",
    example: .init(.text("month"), .date("2024-02-29"), gives: "2024-02-01"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
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
