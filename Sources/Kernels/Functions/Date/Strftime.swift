import Vectors

/// Timestamps as text by a `DatePattern`.
enum Strftime {
  static let dayNames = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
  ]
  static let monthNames = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]

  static func dayName(_ days: Int) -> String { dayNames[Calendar.isoDayOfWeek(days: days) - 1] }

  /// - Parameters:
  ///   - offset: seconds that the clocks of `timestamp` are ahead of UTC, for `%z` and `%s`.
  ///   - zone: the name of the time zone, for `%Z`.
  static func append(
    _ timestamp: Int64, _ pattern: DatePattern, offset: Int = 0, zone: String = "",
    to bytes: inout [UInt8]
  ) {
    let parts = Calendar.split(timestamp)
    let date = Calendar.day(fromDays: parts.days)
    for step in pattern.steps {
      switch step {
      case .literal(let byte): bytes.append(byte)
      case .space: bytes.append(UInt8(ascii: " "))
      case .part(let letter, let isShort):
        if letter == UInt8(ascii: "s") {
          let seconds = Calendar.floorDivide(Int(timestamp), 1_000_000) - offset
          TextFormatter.appendInteger(Int64(seconds), to: &bytes)
        } else if letter == UInt8(ascii: "z") {
          TextFormatter.appendOffset(offset, withMinutes: false, to: &bytes)
        } else if letter == UInt8(ascii: "Z") {
          bytes += zone.utf8
        } else if let name = name(letter, parts.days, date, parts.microseconds) {
          bytes += name
        } else {
          let (value, width) = number(letter, parts.days, date, parts.microseconds)
          appendPadded(value, isShort ? 1 : width, to: &bytes)
        }
      }
    }
  }

  private static func name(
    _ letter: UInt8, _ days: Int, _ date: Calendar.Day, _ microseconds: Int64
  ) -> [UInt8]? {
    switch Unicode.Scalar(letter) {
    case "a": Array(dayName(days).utf8.prefix(3))
    case "A": Array(dayName(days).utf8)
    case "b", "h": Array(monthNames[date.month - 1].utf8.prefix(3))
    case "B": Array(monthNames[date.month - 1].utf8)
    case "p": Array((microseconds < 43_200_000_000 ? "AM" : "PM").utf8)
    default: nil
    }
  }

  /// A number and the digits it has at least.
  private static func number(
    _ letter: UInt8, _ days: Int, _ date: Calendar.Day, _ microseconds: Int64
  ) -> (Int, Int) {
    let seconds = Int(microseconds / 1_000_000)
    let fraction = Int(microseconds % 1_000_000)
    switch Unicode.Scalar(letter) {
    case "Y": return (date.year, 4)
    case "y": return (Int(date.year.magnitude % 100), 2)
    case "m": return (date.month, 2)
    case "d": return (date.day, 2)
    case "e": return (date.day, 1)
    case "j": return (Calendar.dayOfYear(date), 3)
    case "w": return (Calendar.isoDayOfWeek(days: days) % 7, 1)
    case "u": return (Calendar.isoDayOfWeek(days: days), 1)
    case "U": return (week(days, date, firstDay: 7), 2)
    case "W": return (week(days, date, firstDay: 1), 2)
    case "V": return (Calendar.isoWeek(days: days).week, 2)
    case "G": return (Calendar.isoWeek(days: days).year, 4)
    case "H": return (seconds / 3600, 2)
    case "k": return (seconds / 3600, 1)
    case "I": return ((seconds / 3600 + 11) % 12 + 1, 2)
    case "l": return ((seconds / 3600 + 11) % 12 + 1, 1)
    case "M": return (seconds / 60 % 60, 2)
    case "S": return (seconds % 60, 2)
    case "f": return (fraction, 6)
    case "g": return (fraction / 1000, 3)
    default: return (fraction * 1000, 9)
    }
  }

  /// Week of the year, the first beginning with the year's first `firstDay`; days before it are in week 0.
  private static func week(_ days: Int, _ date: Calendar.Day, firstDay: Int) -> Int {
    let sinceFirstDay = (Calendar.isoDayOfWeek(days: days) - firstDay + 7) % 7
    return (Calendar.dayOfYear(date) - 1 - sinceFirstDay + 7) / 7
  }

  static func appendPadded(_ value: Int, _ width: Int, to bytes: inout [UInt8]) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let digits = String(value.magnitude)
    for _ in 0..<max(0, width - digits.utf8.count) { bytes.append(UInt8(ascii: "0")) }
    bytes += digits.utf8
  }
}

extension ScalarFunction {
  static let strftime = ScalarFunction(
    "strftime", .date, help: "Date or timestamp as text by a pattern such as '%Y-%m-%d %H:%M'",
    example: .init(.date("2024-02-29"), .text("%a %d %B %Y"), gives: "Thu 29 February 2024"),
    .overloads([LogicalType.timestamp, .timestampTZ].flatMap(strftimes)))

  /// With the pattern second or first. Instants are written by the clocks of the session's time zone.
  private static func strftimes(_ type: LogicalType) -> [Overload] {
    [(0, 1), (1, 0)].map { (time, pattern) in
      Overload(time == 0 ? [type, .varchar] : [.varchar, type], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let times = RowReader<Int64>(arguments[time])
        var source = DatePatternSource(arguments[pattern])
        let zone = type == .timestampTZ ? TimeZone.current : .utc
        let zoneName = type == .timestampTZ ? zone.name : ""
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          guard let local = zone.local(times[row]) else {
            throw StoaError(.evaluation, "TIMESTAMP WITH TIME ZONE out of range")
          }
          Strftime.append(
            local, try source.pattern(row), offset: zone.offset(at: times[row]), zone: zoneName,
            to: &bytes)
        }
      }
    }
  }

  static let dayName = ScalarFunction(
    "dayname", .date, help: "English name of the day of the week",
    example: .init(.date("2024-03-03"), gives: "Sunday"),
    .overloads([
      .text([.timestamp]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        bytes += Strftime.dayName(Calendar.split(reader.integer(0, row)).days).utf8
      }
    ]))

  static let monthName = ScalarFunction(
    "monthname", .date, help: "English name of the month",
    example: .init(.date("2024-03-03"), gives: "March"),
    .overloads([
      .text([.timestamp]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        let date = Calendar.day(fromDays: Calendar.split(reader.integer(0, row)).days)
        bytes += Strftime.monthNames[date.month - 1].utf8
      }
    ]))
}
