/// Types as the reference knows them, with nothing taken from the engine.
enum ReferenceKind: Hashable, CustomStringConvertible {
  case boolean, double, text, date, timestamp, time, interval, uuid
  /// A signed integer of 8, 16, 32, 64 or 128 bits, or an unsigned one of up to 64.
  case integer(bits: Int, isSigned: Bool)
  case decimal(precision: Int, scale: Int)

  var description: String {
    switch self {
    case .boolean: "BOOLEAN"
    case .double: "DOUBLE"
    case .text: "VARCHAR"
    case .date: "DATE"
    case .timestamp: "TIMESTAMP"
    case .time: "TIME"
    case .interval: "INTERVAL"
    case .uuid: "UUID"
    case .integer(let bits, let isSigned):
      (isSigned ? "" : "U")
        + [8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT", 128: "HUGEINT"][bits]!
    case .decimal(let precision, let scale): "DECIMAL(\(precision),\(scale))"
    }
  }

  /// Least and greatest integer.
  var bounds: ClosedRange<Int128> {
    guard case .integer(let bits, let isSigned) = self, bits < 128 else { return .min ... .max }
    return isSigned
      ? -(Int128(1) << Int128(bits - 1))...((Int128(1) << Int128(bits - 1)) - 1)
      : 0...((Int128(1) << Int128(bits)) - 1)
  }

  static let integers: [ReferenceKind] =
    [8, 16, 32, 64, 128].map { .integer(bits: $0, isSigned: true) }
    + [8, 16, 32, 64].map { .integer(bits: $0, isSigned: false) }
  static let decimals: [ReferenceKind] = [
    .decimal(precision: 9, scale: 2), .decimal(precision: 18, scale: 4),
    .decimal(precision: 38, scale: 10),
  ]
  static let integer32 = ReferenceKind.integer(bits: 32, isSigned: true)
  static let integer64 = ReferenceKind.integer(bits: 64, isSigned: true)
  /// One column of the table per kind.
  static let all: [ReferenceKind] =
    integers + decimals + [
      .boolean, .double, .text, .text, .date, .timestamp, .time, .interval, .uuid,
    ]
}

/// One value of the reference. Decimals are whole numbers at their kind's scale.
enum ReferenceValue: Hashable {
  case null
  case boolean(Bool)
  case integer(Int128)
  case double(Double)
  case text(String)
  /// Days since 1970.
  case date(Int)
  /// Microseconds since 1970, or of the day.
  case timestamp(Int)
  case time(Int)
  case interval(months: Int, days: Int, microseconds: Int)
  case uuid(String)

  /// What evaluating a row may run into.
  struct Failure: Error {}

  var isNull: Bool { self == .null }
  var int: Int128 { if case .integer(let value) = self { value } else { 0 } }
  var number: Double { if case .double(let value) = self { value } else { 0 } }
  var string: String { if case .text(let value) = self { value } else { "" } }
  var flag: Bool { if case .boolean(let value) = self { value } else { false } }
  /// Of a date, timestamp or time.
  var ticks: Int {
    switch self {
    case .date(let value), .timestamp(let value), .time(let value): value
    default: 0
    }
  }

  /// −1, 0 or 1; both are of one kind and not NULL.
  func order(_ other: ReferenceValue) -> Int {
    func sign<T: Comparable>(_ a: T, _ b: T) -> Int { a < b ? -1 : a > b ? 1 : 0 }
    switch (self, other) {
    case (.boolean(let a), .boolean(let b)): return sign(a ? 1 : 0, b ? 1 : 0)
    case (.integer(let a), .integer(let b)): return sign(a, b)
    case (.double(let a), .double(let b)):
      if a.isNaN || b.isNaN { return sign(a.isNaN ? 1 : 0, b.isNaN ? 1 : 0) }
      return sign(a, b)
    case (.text(let a), .text(let b)):
      return a.utf8.elementsEqual(b.utf8) ? 0 : a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : 1
    case (.interval(let m, let d, let u), .interval(let n, let e, let v)):
      let day = Int128(86_400_000_000)
      return sign(
        Int128(m * 30 + d) * day + Int128(u), Int128(n * 30 + e) * day + Int128(v))
    case (.uuid(let a), .uuid(let b)): return sign(a, b)
    default: return sign(ticks, other.ticks)
    }
  }

  /// As a literal of SQL that has exactly this kind.
  func literal(_ kind: ReferenceKind) -> String {
    if case .null = self { return "CAST(NULL AS \(kind))" }
    if case .boolean(let value) = self { return value ? "true" : "false" }
    let text = self.text(kind).replacingQuotes
    return kind == .text ? "'\(text)'" : "CAST('\(text)' AS \(kind))"
  }

  /// The text that CAST to VARCHAR gives.
  func text(_ kind: ReferenceKind) -> String {
    switch self {
    case .null: return "NULL"
    case .boolean(let value): return value ? "true" : "false"
    case .integer(let value):
      guard case .decimal(_, let scale) = kind, scale > 0 else { return String(value) }
      var digits = String(value.magnitude)
      while digits.count <= scale { digits = "0" + digits }
      return (value < 0 ? "-" : "") + digits.dropLast(scale) + "." + digits.suffix(scale)
    case .double(let value): return "\(value)"
    case .text(let value), .uuid(let value): return value
    case .date(let days):
      let (year, month, day) = ReferenceCalendar.civil(days)
      return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
    case .timestamp(let ticks):
      let days = ReferenceCalendar.floorDivide(ticks, 86_400_000_000)
      return ReferenceValue.date(days).text(.date) + " "
        + ReferenceValue.time(ticks - days * 86_400_000_000).text(.time)
    case .time(let ticks):
      let seconds = ticks / 1_000_000
      var text = "\(pad(seconds / 3600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))"
      if ticks % 1_000_000 != 0 {
        var digits = pad(ticks % 1_000_000, 6)
        while digits.last == "0" { digits.removeLast() }
        text += "." + digits
      }
      return text
    case .interval(let months, let days, let microseconds):
      return "\(months) months \(days) days \(microseconds) microseconds"
    }
  }

  private func pad(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension String {
  fileprivate var replacingQuotes: String {
    split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
  }
}

/// Days and dates of the Gregorian calendar, counted month by month from the year's first day.
enum ReferenceCalendar {
  static func floorDivide(_ a: Int, _ b: Int) -> Int {
    let quotient = a / b
    return a % b < 0 ? quotient - 1 : quotient
  }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func monthLength(_ year: Int, _ month: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// Days from 1970-01-01 to that year's first.
  static func yearStart(_ year: Int) -> Int {
    let y = year - 1
    return 365 * y + floorDivide(y, 4) - floorDivide(y, 100) + floorDivide(y, 400) - 719_162
  }

  static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    yearStart(year) + (1..<month).reduce(0) { $0 + monthLength(year, $1) } + day - 1
  }

  static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    var year = 1970 + floorDivide(days, 366)
    while yearStart(year + 1) <= days { year += 1 }
    while yearStart(year) > days { year -= 1 }
    var rest = days - yearStart(year)
    var month = 1
    while rest >= monthLength(year, month) {
      rest -= monthLength(year, month)
      month += 1
    }
    return (year, month, rest + 1)
  }

  /// Months later, at the last day of a month that is too short.
  static func adding(months: Int, to days: Int) -> Int {
    let (year, month, day) = civil(days)
    let count = year * 12 + month - 1 + months
    let (y, m) = (floorDivide(count, 12), count - floorDivide(count, 12) * 12 + 1)
    return self.days(y, m, min(day, monthLength(y, m)))
  }

  /// Monday is 1, Sunday 7.
  static func isoWeekday(_ days: Int) -> Int { ((days + 3) % 7 + 7) % 7 + 1 }

  /// Of the ISO year that holds the week's Thursday.
  static func isoWeek(_ days: Int) -> Int {
    let thursday = days - isoWeekday(days) + 4
    return (thursday - yearStart(civil(thursday).year)) / 7 + 1
  }
}
