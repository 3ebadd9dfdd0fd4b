import Vectors

/// Text as a timestamp by a `DatePattern`. White space in the pattern stands for any amount; what is not given is that of
/// 1900-01-01 00:00:00; an offset is subtracted, so that the result is UTC.
struct DateReader {
  private let text: UnsafeRawBufferPointer
  private var index = 0
  private var year = 1900
  private var yearDigits = 6
  private var month = 1
  private var day = 1
  private var dayOfYear: Int?
  /// Monday 1 … Sunday 7.
  private var dayOfWeek: Int?
  private var week: (kind: UInt8, number: Int)?
  private var isoYear: Int?
  private var hour = 0
  private var minute = 0
  private var second = 0
  private var microseconds = 0
  private var isPM: Bool?
  private var offset = 0
  private var epoch: Int?

  init(_ text: UnsafeRawBufferPointer) { self.text = text }

  /// `nil` when the text does not fit the pattern.
  static func timestamp(_ text: UnsafeRawBufferPointer, _ pattern: DatePattern) -> Int64? {
    var reader = DateReader(text)
    reader.skipSpaces()
    for (number, step) in pattern.steps.enumerated() {
      switch step {
      case .literal(let byte): guard reader.skip(byte) else { return nil }
      case .space: reader.skipSpaces()
      case .part(let letter, _):
        // A year has four digits where the next part follows at once.
        reader.yearDigits = 6
        if number + 1 < pattern.steps.count, case .part = pattern.steps[number + 1] {
          reader.yearDigits = 4
        }
        guard reader.read(letter) else { return nil }
      }
    }
    reader.skipSpaces()
    return reader.index == text.count ? reader.timestamp : nil
  }

  private mutating func skipSpaces() {
    while index < text.count, text[index] == 32 || text[index] &- 9 < 5 { index += 1 }
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard index < text.count, text[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func number(most: Int) -> Int? {
    let start = index
    var parsed = 0
    while index < text.count, index - start < most, text[index] &- 48 < 10 {
      parsed = parsed * 10 + Int(text[index] &- 48)
      index += 1
    }
    return index > start ? parsed : nil
  }

  /// Sets `part` to a number of at most so many digits.
  private mutating func number(_ most: Int, into part: WritableKeyPath<DateReader, Int>) -> Bool {
    guard let parsed = number(most: most) else { return false }
    self[keyPath: part] = parsed
    return true
  }

  /// The number of a name or of its first three letters.
  private mutating func name(_ names: [String]) -> Int? {
    for (number, name) in names.enumerated() {
      for form in [name, String(name.prefix(3))] {
        let bytes = Array(form.lowercased().utf8)
        guard text.count - index >= bytes.count else { continue }
        if bytes.indices.allSatisfy({ text[index + $0] | 0x20 == bytes[$0] }) {
          index += bytes.count
          return number
        }
      }
    }
    return nil
  }

  /// Digits behind the point.
  private mutating func fraction(digits: Int) -> Bool {
    let start = index
    guard let parsed = number(most: digits) else { return false }
    var value = parsed
    for _ in 0..<(9 - (index - start)) { value *= 10 }
    microseconds = value / 1000
    return true
  }

  private mutating func read(_ letter: UInt8) -> Bool {
    switch Unicode.Scalar(letter) {
    case "Y":
      let isNegative = skip(UInt8(ascii: "-"))
      guard number(yearDigits, into: \.year) else { return false }
      if isNegative { year = -year }
      return true
    case "y":
      guard number(2, into: \.year) else { return false }
      year += year < 69 ? 2000 : 1900
      return true
    case "m": return number(2, into: \.month)
    case "d": return number(2, into: \.day)
    case "e":
      skipSpaces()
      return number(2, into: \.day)
    case "j":
      dayOfYear = number(most: 3)
      return dayOfYear != nil
    case "b", "B", "h":
      guard let found = name(Strftime.monthNames) else { return false }
      month = found + 1
      return true
    default: return readWeek(letter)
    }
  }

  private mutating func readWeek(_ letter: UInt8) -> Bool {
    switch Unicode.Scalar(letter) {
    case "a", "A":
      guard let found = name(Strftime.dayNames) else { return false }
      dayOfWeek = found + 1
      return true
    case "w":
      guard let found = number(most: 1), found < 7 else { return false }
      dayOfWeek = found == 0 ? 7 : found
      return true
    case "u":
      guard let found = number(most: 1), found >= 1, found <= 7 else { return false }
      dayOfWeek = found
      return true
    case "U", "W", "V":
      guard let found = number(most: 2), found < 54 else { return false }
      week = (letter, found)
      return true
    case "G":
      isoYear = number(most: 4)
      return isoYear != nil
    default: return readClock(letter)
    }
  }

  private mutating func readClock(_ letter: UInt8) -> Bool {
    switch Unicode.Scalar(letter) {
    case "H", "I": return number(2, into: \.hour)
    case "k", "l":
      skipSpaces()
      return number(2, into: \.hour)
    case "M": return number(2, into: \.minute)
    case "S": return number(2, into: \.second)
    case "f": return fraction(digits: 6)
    case "g": return fraction(digits: 3)
    case "n": return fraction(digits: 9)
    case "p":
      guard let found = name(["AM", "PM"]) else { return false }
      isPM = found == 1
      return true
    case "z": return readOffset()
    case "Z":
      while index < text.count, (text[index] | 0x20) &- UInt8(ascii: "a") < 26 { index += 1 }
      return true
    case "s":
      let isNegative = skip(UInt8(ascii: "-"))
      guard let seconds = number(most: 12) else { return false }
      epoch = isNegative ? -seconds : seconds
      return true
    default: return false
    }
  }

  /// `+02`, `-0530`, `+05:30`, `Z`.
  private mutating func readOffset() -> Bool {
    if skip(UInt8(ascii: "Z")) { return true }
    let isNegative = skip(UInt8(ascii: "-"))
    guard isNegative || skip(UInt8(ascii: "+")), let hours = number(most: 2) else { return false }
    let hasColon = skip(UInt8(ascii: ":"))
    let minutes = number(most: 2)
    guard !hasColon || minutes != nil, hours < 24, minutes ?? 0 < 60 else { return false }
    offset = (hours * 60 + (minutes ?? 0)) * (isNegative ? -1 : 1)
    return true
  }

  /// Days since 1970, from whichever parts name the day.
  private var days: Int? {
    if let dayOfYear {
      let length = Calendar.isLeap(year) ? 366 : 365
      guard dayOfYear >= 1, dayOfYear <= length else { return nil }
      return Calendar.days(year: year, month: 1, day: 1) + dayOfYear - 1
    }
    if let week, week.kind == UInt8(ascii: "V") || isoYear != nil {
      // 4 January is in week 1.
      let fourth = Calendar.days(year: isoYear ?? year, month: 1, day: 4)
      let monday = fourth - Calendar.isoDayOfWeek(days: fourth) + 1
      guard week.number >= 1 else { return nil }
      return monday + (week.number - 1) * 7 + (dayOfWeek ?? 1) - 1
    }
    if let week, let dayOfWeek {
      let firstDay = week.kind == UInt8(ascii: "U") ? 7 : 1
      let newYear = Calendar.days(year: year, month: 1, day: 1)
      let first = newYear + (firstDay - Calendar.isoDayOfWeek(days: newYear) + 7) % 7
      return first + (week.number - 1) * 7 + (dayOfWeek - firstDay + 7) % 7
    }
    return Calendar.checkedDays(year: year, month: month, day: day).map(Int.init)
  }

  private var timestamp: Int64? {
    if let epoch { return Int64(epoch) * 1_000_000 + Int64(microseconds) }
    var hour = hour
    if let isPM {
      guard hour >= 1, hour <= 12 else { return nil }
      hour = hour % 12 + (isPM ? 12 : 0)
    }
    guard hour < 24, minute < 60, second < 60, let days else { return nil }
    let clock = Int64((hour * 60 + minute - offset) * 60 + second) * 1_000_000
    return Calendar.timestamp(days: days, microseconds: clock + Int64(microseconds))
  }
}

extension DateReader {
  /// strptime and try_strptime. A literal pattern with a zone gives an instant; the type cannot depend on other
  /// patterns, so those that turn out to have a zone give the time that clocks of the session's zone then show.
  static func resolve(
    _ name: String, isTry: Bool, _ arguments: ScalarFunction.Arguments
  ) throws(StoaError) -> BoundFunction? {
    guard arguments.types.count == 2, arguments.types.allSatisfy({ $0 == .varchar || $0 == .null })
    else { return nil }
    var isInstant = false
    if case .string(let text)? = arguments.literal(1) {
      isInstant = try DatePattern(text).hasOffset
    }
    return .make(name, [.varchar, .varchar], isInstant ? .timestampTZ : .timestamp) {
      [isInstant] (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      try read(arguments, count, isInstant: isInstant, isTry: isTry)
    }
  }

  private static func read(
    _ arguments: [Vector], _ count: Int, isInstant: Bool, isTry: Bool
  ) throws(StoaError) -> Vector {
    let reader = ArgumentReader(arguments)
    var source = DatePatternSource(arguments[1])
    let zone = LocalClock(.current)
    let result = FlatResult<Int64>(count: count)
    let validity = VectorForms.commonValidity(arguments)
    var nulls = NullMask(count: count, startingWith: validity)
    for row in 0..<count {
      result.values[row] = 0
      guard validity?.isValid(row) ?? true else { continue }
      let pattern = try source.pattern(row)
      var parsed = reader.text(0, row).withBytes { timestamp($0, pattern) }
      if let instant = parsed, pattern.hasOffset, !isInstant { parsed = zone.local(instant) }
      if let parsed {
        result.values[row] = parsed
      } else if isTry {
        nulls.setNull(row)
      } else {
        throw StoaError(
          .evaluation,
          "'\(reader.text(0, row).string)' is not a date by the pattern"
            + " '\(reader.text(1, row).string)'", hint: "try_strptime gives NULL instead")
      }
    }
    withExtendedLifetime(arguments) {}
    return result.vector(
      isInstant ? .timestampTZ : .timestamp, count: count, validity: nulls.validity)
  }
}

extension ScalarFunction {
  static let strptime = ScalarFunction(
    "strptime", .date,
    help: "Timestamp from a text by a pattern such as '%d/%m/%Y', WITH TIME ZONE if that has %z",
    example: .init(.text("29/02/2024 1 PM"), .text("%d/%m/%Y %I %p"), gives: "2024-02-29 13:00:00"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      try DateReader.resolve("strptime", isTry: false, arguments)
    })

  static let tryStrptime = ScalarFunction(
    "try_strptime", .date, help: "strptime with NULL for texts that do not fit the pattern",
    example: .init(.text("30/02/2024"), .text("%d/%m/%Y"), gives: "NULL"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      try DateReader.resolve("try_strptime", isTry: true, arguments)
    })
}
