import Vectors

/// Text as a timestamp by a `ToCharPattern`, as PostgreSQL's to_timestamp reads: blanks and punctuation of the pattern stand
/// for any of the text, other characters for one each; a number has at most the digits of its part where another number
/// follows at once, else as many as there are. What is not given is that of 0001-01-01 BC 00:00:00, as there.
struct ToDateReader {
  private let text: UnsafeRawBufferPointer
  private var index = 0
  private var values: [ToCharPattern.Key: Int] = [:]
  private var isNegativeZone = false
  private var isPM: Bool?
  private var isBC = false
  private var microseconds = 0
  private var isNegativeYear = false

  private init(_ text: UnsafeRawBufferPointer) { self.text = text }

  static func timestamp(
    _ text: UnsafeRawBufferPointer, _ pattern: ToCharPattern
  ) throws(StoaError) -> Int64 {
    var reader = ToDateReader(text)
    reader.skipBlanks()
    for (number, step) in pattern.steps.enumerated() {
      switch step {
      case .literal(let literal): reader.skip(literal)
      case .part(let part):
        var isFollowedByDigits = false
        if number + 1 < pattern.steps.count, case .part = pattern.steps[number + 1] {
          isFollowedByDigits = true
        }
        try reader.read(part, isFollowedByDigits)
      }
    }
    return try reader.timestamp()
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte < 0x80 && !(byte &- 48 < 10) && !((byte | 0x20) &- UInt8(ascii: "a") < 26)
  }

  private mutating func skipBlanks() {
    while index < text.count, text[index] == 32 || text[index] &- 9 < 5 { index += 1 }
  }

  private mutating func skip(_ literal: [UInt8]) {
    for byte in literal {
      if ToDateReader.isSeparator(byte) {
        if index < text.count, ToDateReader.isSeparator(text[index]) {
          // A sign in front of a number belongs to it.
          index += 1
        }
        skipBlanks()
      } else if index < text.count {
        index += 1
      }
    }
  }

  private func failure(_ key: ToCharPattern.Key) -> StoaError {
    let rest = String(decoding: text[min(index, text.count)...].prefix(20), as: UTF8.self)
    return StoaError(.evaluation, "'\(rest)' is no value for \(key.rawValue) in a date pattern")
  }

  private mutating func number(
    _ key: ToCharPattern.Key, most: Int
  ) throws(StoaError) -> (value: Int, digits: Int) {
    skipBlanks()
    let start = index
    var parsed = 0
    while index < text.count, index - start < most, text[index] &- 48 < 10 {
      parsed = parsed * 10 + Int(text[index] &- 48)
      index += 1
    }
    guard index > start else { throw failure(key) }
    return (parsed, index - start)
  }

  private mutating func name(
    _ names: [String], _ key: ToCharPattern.Key, isShort: Bool
  ) throws(StoaError) -> Int {
    skipBlanks()
    for (number, name) in names.enumerated() {
      let bytes = Array((isShort ? String(name.prefix(3)) : name).lowercased().utf8)
      guard text.count - index >= bytes.count else { continue }
      if bytes.indices.allSatisfy({ text[index + $0] | 0x20 == bytes[$0] }) {
        index += bytes.count
        return number
      }
    }
    throw failure(key)
  }

  /// One of two words, also with points.
  private mutating func choice(
    _ first: String, _ second: String, _ key: ToCharPattern.Key
  ) throws(StoaError) -> Bool {
    skipBlanks()
    for (word, isSecond) in [(first, false), (second, true)] {
      for form in [word.map { "\($0)." }.joined(), word] {
        let bytes = Array(form.lowercased().utf8)
        guard text.count - index >= bytes.count else { continue }
        if bytes.indices.allSatisfy({ text[index + $0] | 0x20 == bytes[$0] | 0x20 }) {
          index += bytes.count
          return isSecond
        }
      }
    }
    throw failure(key)
  }

  private mutating func read(
    _ part: ToCharPattern.Part, _ isFollowedByDigits: Bool
  ) throws(StoaError) {
    let key = part.key
    switch key {
    case .monthName:
      values[.month] = try name(Strftime.monthNames, key, isShort: false) + 1
    case .monthShort: values[.month] = try name(Strftime.monthNames, key, isShort: true) + 1
    case .dayName: _ = try name(Strftime.dayNames, key, isShort: false)
    case .dayShort: _ = try name(Strftime.dayNames, key, isShort: true)
    case .am, .pm, .amPoints, .pmPoints: isPM = try choice("AM", "PM", key)
    case .before, .after, .beforePoints, .afterPoints: isBC = !(try choice("BC", "AD", key))
    case .roman:
      skipBlanks()
      let numerals = [
        "xii", "viii", "xi", "vii", "iii", "ix", "iv", "vi", "ii", "x", "v", "i",
      ]
      let months = [12, 8, 11, 7, 3, 9, 4, 6, 2, 10, 5, 1]
      for (numeral, month) in zip(numerals, months) {
        let bytes = Array(numeral.utf8)
        guard text.count - index >= bytes.count,
          bytes.indices.allSatisfy({ text[index + $0] | 0x20 == bytes[$0] })
        else { continue }
        index += bytes.count
        values[.month] = month
        return
      }
      throw failure(key)
    case .millisecond, .microsecond, .fraction1, .fraction2, .fraction3, .fraction4, .fraction5,
      .fraction6:
      try readFraction(key)
    case .zone, .zoneHours, .offset: try readZone(key)
    default: try readNumber(key, isFollowedByDigits)
    }
    // A number may have an ordinal's ending.
    if part.ordinal != nil { index = min(text.count, index + 2) }
  }

  private mutating func readFraction(_ key: ToCharPattern.Key) throws(StoaError) {
    let most =
      switch key {
      case .millisecond, .fraction3: 3
      case .fraction1: 1
      case .fraction2: 2
      case .fraction4: 4
      case .fraction5: 5
      default: 6
      }
    let (value, digits) = try number(key, most: most)
    var scaled = value
    for _ in 0..<(6 - digits) { scaled *= 10 }
    microseconds += scaled
  }

  private mutating func readZone(_ key: ToCharPattern.Key) throws(StoaError) {
    skipBlanks()
    if key == .zone {
      let start = index
      while index < text.count, (text[index] | 0x20) &- UInt8(ascii: "a") < 26 { index += 1 }
      let word = String(decoding: text[start..<index], as: UTF8.self).uppercased()
      if ["UTC", "GMT", "Z", "UCT"].contains(word) { return }
      index = start
    }
    guard index < text.count, "+-".utf8.contains(text[index]) else { throw failure(key) }
    isNegativeZone = text[index] == UInt8(ascii: "-")
    index += 1
    values[.zoneHours] = try number(key, most: 2).value
    if key != .zoneHours, index < text.count, text[index] == UInt8(ascii: ":") {
      index += 1
      values[.zoneMinutes] = try number(key, most: 2).value
    }
  }

  private mutating func readNumber(
    _ key: ToCharPattern.Key, _ isFollowedByDigits: Bool
  ) throws(StoaError) {
    skipBlanks()
    switch key {
    case .year, .isoYear:
      if index < text.count, text[index] == UInt8(ascii: "-") {
        isNegativeYear = true
        index += 1
      }
      values[key] = try number(key, most: isFollowedByDigits ? 4 : 7).value
    case .yearWithComma:
      let thousands = try number(key, most: 3).value
      guard index < text.count, text[index] == UInt8(ascii: ",") else { throw failure(key) }
      index += 1
      values[.year] = thousands * 1000 + (try number(key, most: 3).value)
    case .year3, .year2, .year1:
      let width = key.rawValue.utf8.count
      let (value, digits) = try number(key, most: isFollowedByDigits ? width : 4)
      // Short years are those nearest to 2020.
      values[.year] =
        switch digits {
        case 1: value + (value < 70 ? 2000 : 1900)
        case 2: value + (value < 70 ? 2000 : 1900)
        case 3: value + (value < 520 ? 2000 : 1000)
        default: value
        }
    case .isoYear3, .isoYear2, .isoYear1:
      let value = try number(key, most: key.rawValue.utf8.count).value
      values[.isoYear] = value + (value < 70 ? 2000 : value < 520 ? 1900 : 1000)
    case .secondsOfDay, .secondsOfDayShort: values[.secondsOfDay] = try number(key, most: 5).value
    case .julian: values[key] = try number(key, most: 8).value
    case .dayOfYear, .isoDayOfYear: values[key] = try number(key, most: 3).value
    case .quarter: _ = try number(key, most: 1)
    case .dayOfWeek, .isoDayOfWeek, .weekOfMonth: values[key] = try number(key, most: 1).value
    case .hour12: values[.hour] = try number(key, most: 2).value
    default: values[key] = try number(key, most: 2).value
    }
  }

  // MARK: putting together

  private func days() throws(StoaError) -> Int {
    if let julian = values[.julian] { return julian - 2_440_588 }
    var year = values[.year] ?? values[.century].map { ($0 - 1) * 100 + 1 } ?? 0
    if isNegativeYear { year = 1 - year }
    if isBC { year = 1 - year }
    if values[.year] == nil, values[.isoYear] == nil, values[.century] == nil { year = 0 }
    if let isoYear = values[.isoYear] {
      let fourth = Calendar.days(year: isoYear, month: 1, day: 4)
      let monday = fourth - Calendar.isoDayOfWeek(days: fourth) + 1
      if let day = values[.isoDayOfYear] { return monday + day - 1 }
      return monday + ((values[.isoWeek] ?? 1) - 1) * 7 + (values[.isoDayOfWeek] ?? 1) - 1
    }
    if let dayOfYear = values[.dayOfYear] {
      guard dayOfYear >= 1, dayOfYear <= (Calendar.isLeap(year) ? 366 : 365) else {
        throw StoaError(.evaluation, "there is no day \(dayOfYear) in the year \(year)")
      }
      return Calendar.days(year: year, month: 1, day: 1) + dayOfYear - 1
    }
    if let week = values[.week], values[.month] == nil {
      return Calendar.days(year: year, month: 1, day: 1) + (week - 1) * 7
    }
    var day = values[.day] ?? 1
    if let week = values[.weekOfMonth], values[.day] == nil { day = (week - 1) * 7 + 1 }
    let month = values[.month] ?? 1
    guard let days = Calendar.checkedDays(year: year, month: month, day: day) else {
      throw DateMaking.noSuchDate(Int64(year), Int64(month), Int64(day))
    }
    return Int(days)
  }

  private func timestamp() throws(StoaError) -> Int64 {
    var hour = values[.hour24] ?? values[.hour] ?? 0
    if values[.hour24] == nil, values[.hour] != nil {
      guard hour >= 1, hour <= 12 else {
        throw StoaError(.evaluation, "hour \(hour) is not one of a 12-hour clock")
      }
      if isPM != nil { hour %= 12 }
      if isPM ?? false { hour += 12 }
      if isPM == nil, hour == 12 { hour = 0 }
    }
    let (minute, second) = (values[.minute] ?? 0, values[.second] ?? 0)
    guard hour < 24 || hour == 24 && minute == 0 && second == 0, minute < 60, second < 60 else {
      throw StoaError(
        .evaluation, "there is no time with hour \(hour), minute \(minute), second \(second)")
    }
    var clock = values[.secondsOfDay] ?? ((hour * 60 + minute) * 60 + second)
    let offset = (values[.zoneHours] ?? 0) * 3600 + (values[.zoneMinutes] ?? 0) * 60
    clock += isNegativeZone ? offset : -offset
    guard
      let timestamp = Calendar.timestamp(
        days: try days(), microseconds: Int64(clock) * 1_000_000 + Int64(microseconds))
    else { throw StoaError(.evaluation, "TIMESTAMP out of range") }
    return timestamp
  }
}

/// to_date and to_timestamp with a pattern.
enum ToDate {
  /// A value per row from the timestamp read.
  static func overload<R: PhysicalValue>(
    _ type: LogicalType, zero: R,
    _ body: @escaping @Sendable (Int64) throws(StoaError) -> R
  ) -> ScalarFunction.Overload {
    .init([.varchar, .varchar], type) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let reader = ArgumentReader(arguments)
      var source = ToCharPatternSource(arguments[1])
      let result = FlatResult<R>(count: count)
      let validity = VectorForms.commonValidity(arguments)
      for row in 0..<count {
        result.values[row] = zero
        guard validity?.isValid(row) ?? true else { continue }
        let pattern = source.pattern(row)
        let timestamp = try reader.withBytes(0, row) {
          (text: UnsafeRawBufferPointer) throws(StoaError) -> Int64 in
          try ToDateReader.timestamp(text, pattern)
        }
        result.values[row] = try body(timestamp)
      }
      withExtendedLifetime(arguments) {}
      return result.vector(type, count: count, validity: validity)
    }
  }
}

extension ScalarFunction {
  static let toDate = ScalarFunction(
    "to_date", .date, help: "Date from a text by PostgreSQL's patterns, such as 'DD Mon YYYY'",
    example: .init(.text("05 Dec 2000"), .text("DD Mon YYYY"), gives: "2000-12-05"),
    .overloads([
      ToDate.overload(.date, zero: 0 as Int32) {
        (timestamp: Int64) throws(StoaError) -> Int32 in
        guard let days = Int32(exactly: Calendar.split(timestamp).days) else {
          throw StoaError(.evaluation, "DATE out of range")
        }
        return days
      }
    ]))

  static let toTimestamp = ScalarFunction(
    "to_timestamp", .date,
    help:
      "Timestamp from seconds since 1970, or from a text by a pattern such as 'YYYY-MM-DD HH24:MI'",
    example: .init(
      .text("29/02/2024 01:14 PM"), .text("DD/MM/YYYY HH12:MI AM"), gives: "2024-02-29 13:14:00+00"),
    .overloads([
      .value([.double], .timestampTZ, zero: 0 as Int64) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
        guard let micros = Int64(exactly: (reader.real(0, row) * 1e6).rounded()) else {
          throw StoaError(.evaluation, "TIMESTAMP WITH TIME ZONE out of range")
        }
        return micros
      },
      ToDate.overload(.timestampTZ, zero: 0 as Int64) {
        (timestamp: Int64) throws(StoaError) -> Int64 in
        guard let instant = TimeZone.current.instant(timestamp) else {
          throw StoaError(.evaluation, "TIMESTAMP WITH TIME ZONE out of range")
        }
        return instant
      },
    ]))
}
