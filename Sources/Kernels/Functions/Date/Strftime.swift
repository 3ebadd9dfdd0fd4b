import Vectors

/// Timestamps by a pattern of C's strftime, both ways. Known: %Y %y %m %d %e %H %I %M %S %f (microseconds)
/// %g (milliseconds) %j %a %A %b %B %p %u %w %V %G %F %T %s %%.
enum Strftime {
  static let dayNames = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
  ]
  static let monthNames = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October",
    "November", "December",
  ]

  static func append(
    _ timestamp: Int64, _ pattern: UnsafeRawBufferPointer, to bytes: inout [UInt8]
  ) throws(StoaError) {
    let parts = Calendar.split(timestamp)
    let date = Calendar.day(fromDays: parts.days)
    let seconds = Int(parts.microseconds / 1_000_000)
    var index = 0
    while index < pattern.count {
      let byte = pattern[index]
      index += 1
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard index < pattern.count else {
        throw StoaError(.evaluation, "a pattern must not end with %")
      }
      let letter = pattern[index]
      index += 1
      switch letter {
      case UInt8(ascii: "Y"): appendPadded(date.year, 4, to: &bytes)
      case UInt8(ascii: "y"): appendPadded(Calendar.floorModulo(date.year, 100), 2, to: &bytes)
      case UInt8(ascii: "m"): appendPadded(date.month, 2, to: &bytes)
      case UInt8(ascii: "d"): appendPadded(date.day, 2, to: &bytes)
      case UInt8(ascii: "e"): TextFormatter.appendInteger(Int64(date.day), to: &bytes)
      case UInt8(ascii: "H"): appendPadded(seconds / 3600, 2, to: &bytes)
      case UInt8(ascii: "I"): appendPadded((seconds / 3600 + 11) % 12 + 1, 2, to: &bytes)
      case UInt8(ascii: "M"): appendPadded(seconds / 60 % 60, 2, to: &bytes)
      case UInt8(ascii: "S"): appendPadded(seconds % 60, 2, to: &bytes)
      case UInt8(ascii: "f"): appendPadded(Int(parts.microseconds % 1_000_000), 6, to: &bytes)
      case UInt8(ascii: "g"):
        appendPadded(Int(parts.microseconds % 1_000_000) / 1000, 3, to: &bytes)
      case UInt8(ascii: "j"): appendPadded(Calendar.dayOfYear(date), 3, to: &bytes)
      case UInt8(ascii: "a"): bytes += dayName(parts.days).utf8.prefix(3)
      case UInt8(ascii: "A"): bytes += dayName(parts.days).utf8
      case UInt8(ascii: "b"): bytes += monthNames[date.month - 1].utf8.prefix(3)
      case UInt8(ascii: "B"): bytes += monthNames[date.month - 1].utf8
      case UInt8(ascii: "p"): bytes += (seconds < 43_200 ? "AM" : "PM").utf8
      case UInt8(ascii: "u"): appendPadded(Calendar.isoDayOfWeek(days: parts.days), 1, to: &bytes)
      case UInt8(ascii: "w"):
        appendPadded(Calendar.isoDayOfWeek(days: parts.days) % 7, 1, to: &bytes)
      case UInt8(ascii: "V"): appendPadded(Calendar.isoWeek(days: parts.days).week, 2, to: &bytes)
      case UInt8(ascii: "G"): appendPadded(Calendar.isoWeek(days: parts.days).year, 4, to: &bytes)
      case UInt8(ascii: "F"):
        appendPadded(date.year, 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendPadded(date.month, 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendPadded(date.day, 2, to: &bytes)
      case UInt8(ascii: "T"): TextFormatter.appendClock(UInt64(seconds) * 1_000_000, to: &bytes)
      case UInt8(ascii: "s"):
        TextFormatter.appendInteger(
          Int64(Calendar.floorDivide(Int(timestamp), 1_000_000)), to: &bytes)
      case UInt8(ascii: "%"): bytes.append(letter)
      default: throw unknown(letter)
      }
    }
  }

  static func dayName(_ days: Int) -> String { dayNames[Calendar.isoDayOfWeek(days: days) - 1] }

  private static func unknown(_ letter: UInt8) -> StoaError {
    StoaError(
      .evaluation, "unknown part %\(Unicode.Scalar(letter)) in a date pattern",
      hint: "Known are %Y %y %m %d %e %H %I %M %S %f %g %j %a %A %b %B %p %u %w %V %G %F %T %s %%")
  }

  private static func appendPadded(_ value: Int, _ width: Int, to bytes: inout [UInt8]) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let digits = String(value.magnitude)
    for _ in 0..<max(0, width - digits.utf8.count) { bytes.append(UInt8(ascii: "0")) }
    bytes += digits.utf8
  }

  /// The timestamp that `text` is when read by `pattern`, or `nil`.
  static func parse(
    _ text: UnsafeRawBufferPointer, _ pattern: UnsafeRawBufferPointer
  ) throws(StoaError) -> Int64? {
    var reader = Reader(text: text)
    var index = 0
    while index < pattern.count {
      let byte = pattern[index]
      index += 1
      guard byte == UInt8(ascii: "%") else {
        guard reader.skip(byte) else { return nil }
        continue
      }
      guard index < pattern.count else {
        throw StoaError(.evaluation, "a pattern must not end with %")
      }
      let letter = pattern[index]
      index += 1
      guard let isRead = reader.read(letter) else { throw unknown(letter) }
      guard isRead else { return nil }
    }
    return reader.timestamp
  }

  /// Reads a text part by part.
  private struct Reader {
    let text: UnsafeRawBufferPointer
    var index = 0
    var year = 1970
    var month = 1
    var day = 1
    var hour = 0
    var minute = 0
    var second = 0
    var micros = 0
    var isPM: Bool?

    init(text: UnsafeRawBufferPointer) { self.text = text }

    mutating func skip(_ byte: UInt8) -> Bool {
      guard index < text.count, text[index] == byte else { return false }
      index += 1
      return true
    }

    private mutating func number(most: Int, into part: WritableKeyPath<Reader, Int>) -> Bool {
      let start = index
      var parsed = 0
      while index < text.count, index - start < most, text[index] &- 48 < 10 {
        parsed = parsed * 10 + Int(text[index] &- 48)
        index += 1
      }
      self[keyPath: part] = parsed
      return index > start
    }

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

    /// False when the text does not fit, `nil` when there is no such part.
    mutating func read(_ letter: UInt8) -> Bool? {
      switch letter {
      case UInt8(ascii: "Y"): return number(most: 6, into: \.year)
      case UInt8(ascii: "y"):
        guard number(most: 2, into: \.year) else { return false }
        year += year < 69 ? 2000 : 1900
        return true
      case UInt8(ascii: "m"): return number(most: 2, into: \.month)
      case UInt8(ascii: "d"), UInt8(ascii: "e"): return number(most: 2, into: \.day)
      case UInt8(ascii: "H"), UInt8(ascii: "I"): return number(most: 2, into: \.hour)
      case UInt8(ascii: "M"): return number(most: 2, into: \.minute)
      case UInt8(ascii: "S"): return number(most: 2, into: \.second)
      case UInt8(ascii: "f"):
        let start = index
        guard number(most: 6, into: \.micros) else { return false }
        for _ in 0..<(6 - (index - start)) { micros *= 10 }
        return true
      case UInt8(ascii: "a"), UInt8(ascii: "A"): return name(Strftime.dayNames) != nil
      case UInt8(ascii: "b"), UInt8(ascii: "B"):
        guard let found = name(Strftime.monthNames) else { return false }
        month = found + 1
        return true
      case UInt8(ascii: "p"):
        guard let found = name(["AM", "PM"]) else { return false }
        isPM = found == 1
        return true
      case UInt8(ascii: "F"):
        return number(most: 6, into: \.year) && skip(45) && number(most: 2, into: \.month)
          && skip(45)
          && number(most: 2, into: \.day)
      case UInt8(ascii: "T"):
        return number(most: 2, into: \.hour) && skip(58) && number(most: 2, into: \.minute)
          && skip(58)
          && number(most: 2, into: \.second)
      case UInt8(ascii: "%"): return skip(letter)
      default: return nil
      }
    }

    var timestamp: Int64? {
      guard index == text.count else { return nil }
      var hour = hour
      if let isPM {
        guard hour >= 1, hour <= 12 else { return nil }
        hour = hour % 12 + (isPM ? 12 : 0)
      }
      guard hour < 24, minute < 60, second < 60,
        let days = Calendar.checkedDays(year: year, month: month, day: day)
      else { return nil }
      let clock = Int64((hour * 60 + minute) * 60 + second) * 1_000_000 + Int64(micros)
      return Calendar.timestamp(days: Int(days), microseconds: clock)
    }
  }
}

extension ScalarFunction {
  static let strftime = ScalarFunction(
    "strftime", .date, help: "Date or timestamp as text by a pattern such as '%Y-%m-%d %H:%M'",
    example: .init(.date("2024-02-29"), .text("%a %d %B %Y"), gives: "Thu 29 February 2024"),
    .overloads([
      Overload([.timestamp, .varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (times, patterns) = (
          RowReader<Int64>(arguments[0]), RowReader<StringView>(arguments[1])
        )
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          try patterns[row].withBytes { (pattern: UnsafeRawBufferPointer) throws(StoaError) in
            try Strftime.append(times[row], pattern, to: &bytes)
          }
        }
      }
    ]))

  static let strptime = ScalarFunction(
    "strptime", .date, help: "Timestamp from a text by a pattern such as '%d/%m/%Y'",
    example: .init(.text("29/02/2024 1 PM"), .text("%d/%m/%Y %I %p"), gives: "2024-02-29 13:00:00"),
    .overloads([
      Overload([.varchar, .varchar], .timestamp) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try RowKernels.binary(arguments, count, .timestamp, zero: 0 as Int64) {
          (text: StringView, pattern: StringView) throws(StoaError) -> Int64 in
          let parsed = try text.withBytes {
            (bytes: UnsafeRawBufferPointer) throws(StoaError) -> Int64? in
            try pattern.withBytes { (format: UnsafeRawBufferPointer) throws(StoaError) -> Int64? in
              try Strftime.parse(bytes, format)
            }
          }
          if let parsed { return parsed }
          throw StoaError(
            .evaluation, "'\(text.string)' is not a date by the pattern '\(pattern.string)'")
        }
      }
    ]))

  static let dayName = ScalarFunction(
    "dayname", .date, help: "English name of the day of the week",
    example: .init(.date("2024-03-03"), gives: "Sunday"),
    .overloads([
      Overload([.timestamp], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let times = RowReader<Int64>(arguments[0])
        return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
          bytes += Strftime.dayName(Calendar.split(times[row]).days).utf8
        }
      }
    ]))

  static let monthName = ScalarFunction(
    "monthname", .date, help: "English name of the month",
    example: .init(.date("2024-03-03"), gives: "March"),
    .overloads([
      Overload([.timestamp], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let times = RowReader<Int64>(arguments[0])
        return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
          let date = Calendar.day(fromDays: Calendar.split(times[row]).days)
          bytes += Strftime.monthNames[date.month - 1].utf8
        }
      }
    ]))
}
