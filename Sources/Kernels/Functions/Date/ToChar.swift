import Vectors

/// What to_char writes: a timestamp's parts or an interval's.
struct ToCharFields {
  var year: Int
  var month: Int
  var day: Int
  /// Within the day; an interval may have more than a day's.
  var microseconds: Int64
  /// Days since 1970; `nil` for an interval, which has no names, weeks and numbers of days.
  var days: Int?
  /// Seconds that the clocks are ahead of UTC.
  var offset = 0
  /// What `TZ` writes.
  var zone = "UTC"

  init(timestamp: Int64) {
    let parts = Calendar.split(timestamp)
    let date = Calendar.day(fromDays: parts.days)
    (year, month, day) = (date.year, date.month, date.day)
    microseconds = parts.microseconds
    days = parts.days
  }

  /// By the clocks of a time zone.
  init(instant: Int64, in clocks: TimeZone) throws(StoaError) {
    guard let local = clocks.local(instant) else {
      throw StoaError(.evaluation, "TIMESTAMP WITH TIME ZONE out of range")
    }
    self.init(timestamp: local)
    offset = clocks.offset(at: instant)
    zone = clocks.name
  }

  init(_ interval: Interval) {
    year = Int(interval.months) / 12
    month = Int(interval.months) % 12
    day = Int(interval.days)
    microseconds = interval.microseconds
  }

  func append(_ pattern: ToCharPattern, to bytes: inout [UInt8]) throws(StoaError) {
    for step in pattern.steps {
      switch step {
      case .literal(let literal): bytes += literal
      case .part(let part): try append(part, to: &bytes)
      }
    }
  }

  private func append(_ part: ToCharPattern.Part, to bytes: inout [UInt8]) throws(StoaError) {
    if let (value, width) = number(part.key) {
      let start = bytes.count
      Strftime.appendPadded(value, part.isFilled ? width : 1, to: &bytes)
      if part.key == .yearWithComma { insertComma(from: start, to: &bytes) }
      if let ordinal = part.ordinal {
        bytes += ToCharFields.ordinal(value, isUpper: ordinal == .upper).utf8
      }
      return
    }
    if let (value, width) = try calendarNumber(part.key) {
      Strftime.appendPadded(value, part.isFilled ? width : 1, to: &bytes)
      if let ordinal = part.ordinal {
        bytes += ToCharFields.ordinal(value, isUpper: ordinal == .upper).utf8
      }
      return
    }
    let (text, width) = try name(part.key)
    bytes += ToCharFields.cased(text, part.letters).utf8
    if part.isFilled {
      bytes.append(contentsOf: repeatElement(32, count: max(0, width - text.utf8.count)))
    }
  }

  private func insertComma(from start: Int, to bytes: inout [UInt8]) {
    if bytes.count - start > 3 { bytes.insert(UInt8(ascii: ","), at: bytes.count - 3) }
  }

  /// Year as people count: there is none with number 0.
  private var shownYear: Int { days != nil && year <= 0 ? 1 - year : year }

  /// Numbers that intervals have too, and the digits they have at least.
  private func number(_ key: ToCharPattern.Key) -> (Int, Int)? {
    let seconds = Int(microseconds / 1_000_000)
    let fraction = Int(microseconds % 1_000_000)
    let hour = seconds / 3600
    switch key {
    case .year: return (shownYear, 4)
    case .yearWithComma: return (shownYear, 4)
    case .year3: return (shownYear % 1000, 3)
    case .year2: return (shownYear % 100, 2)
    case .year1: return (shownYear % 10, 1)
    case .month: return (month, 2)
    case .day: return (day, 2)
    case .hour24: return (hour, 2)
    case .hour12, .hour: return (hour % 12 == 0 ? 12 : hour % 12, 2)
    case .minute: return (seconds / 60 % 60, 2)
    case .second: return (seconds % 60, 2)
    case .secondsOfDay, .secondsOfDayShort: return (seconds, 1)
    case .millisecond, .fraction3: return (fraction / 1000, 3)
    case .microsecond, .fraction6: return (fraction, 6)
    case .fraction1: return (fraction / 100_000, 1)
    case .fraction2: return (fraction / 10_000, 2)
    case .fraction4: return (fraction / 100, 4)
    case .fraction5: return (fraction / 10, 5)
    case .quarter: return (month == 0 ? 0 : (month - 1) / 3 + 1, 1)
    case .century:
      return (days == nil ? year / 100 : Int(DateField.century.value(days: days ?? 0)), 2)
    default: return nil
    }
  }

  /// Numbers that only dates have.
  private func calendarNumber(_ key: ToCharPattern.Key) throws(StoaError) -> (Int, Int)? {
    switch key {
    case .isoYear, .isoYear3, .isoYear2, .isoYear1, .dayOfYear, .isoDayOfYear, .dayOfWeek,
      .isoDayOfWeek, .week, .weekOfMonth, .isoWeek, .julian:
      break
    default: return nil
    }
    guard let days else { throw ToCharFields.noInterval(key) }
    let iso = Calendar.isoWeek(days: days)
    let dayOfWeek = Calendar.isoDayOfWeek(days: days)
    let dayOfYear = Calendar.dayOfYear(Calendar.Day(year: year, month: month, day: day))
    switch key {
    case .isoYear: return (iso.year, 4)
    case .isoYear3: return (Calendar.floorModulo(iso.year, 1000), 3)
    case .isoYear2: return (Calendar.floorModulo(iso.year, 100), 2)
    case .isoYear1: return (Calendar.floorModulo(iso.year, 10), 1)
    case .dayOfYear: return (dayOfYear, 3)
    case .isoDayOfYear: return ((iso.week - 1) * 7 + dayOfWeek, 3)
    case .dayOfWeek: return (dayOfWeek % 7 + 1, 1)
    case .isoDayOfWeek: return (dayOfWeek, 1)
    case .week: return ((dayOfYear - 1) / 7 + 1, 2)
    case .weekOfMonth: return ((day - 1) / 7 + 1, 1)
    case .isoWeek: return (iso.week, 2)
    default: return (days + 2_440_588, 1)
    }
  }

  private static func noInterval(_ key: ToCharPattern.Key) -> StoaError {
    StoaError(.evaluation, "an INTERVAL has no \(key.rawValue), which to_char is to write")
  }

  /// A name in upper case and the characters it takes up.
  private func name(_ key: ToCharPattern.Key) throws(StoaError) -> (String, Int) {
    switch key {
    case .am, .pm: return (isMorning ? "AM" : "PM", 0)
    case .amPoints, .pmPoints: return (isMorning ? "A.M." : "P.M.", 0)
    case .roman:
      let numerals = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
      return (month >= 1 && month <= 12 ? numerals[month - 1] : "", 4)
    default: break
    }
    guard let days else { throw ToCharFields.noInterval(key) }
    switch key {
    case .monthName: return (Strftime.monthNames[month - 1].uppercased(), 9)
    case .monthShort: return (String(Strftime.monthNames[month - 1].prefix(3)).uppercased(), 3)
    case .dayName: return (Strftime.dayName(days).uppercased(), 9)
    case .dayShort: return (String(Strftime.dayName(days).prefix(3)).uppercased(), 3)
    case .before, .after: return (year <= 0 ? "BC" : "AD", 0)
    case .beforePoints, .afterPoints: return (year <= 0 ? "B.C." : "A.D.", 0)
    // Timestamps without a zone are UTC.
    case .zone: return (zone, 0)
    case .zoneMinutes: return (ToCharFields.two(Int(offset.magnitude) / 60 % 60), 0)
    case .zoneHours:
      return ((offset < 0 ? "-" : "+") + ToCharFields.two(Int(offset.magnitude) / 3600), 0)
    default:
      var bytes: [UInt8] = []
      TextFormatter.appendOffset(offset, withMinutes: false, to: &bytes)
      return (String(decoding: bytes, as: UTF8.self), 0)
    }
  }

  private static func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }

  private var isMorning: Bool {
    Calendar.floorModulo(Int(microseconds / 3_600_000_000), 24) < 12
  }

  private static func cased(_ upper: String, _ letters: ToCharPattern.Letters) -> String {
    switch letters {
    case .upper: upper
    case .lower: upper.lowercased()
    case .capital: upper.prefix(1) + upper.dropFirst().lowercased()
    }
  }

  /// `st`, `nd`, `rd` or `th`.
  static func ordinal(_ value: Int, isUpper: Bool) -> String {
    let last = value.magnitude % 100
    let ending =
      switch (last / 10, last % 10) {
      case (1, _): "th"
      case (_, 1): "st"
      case (_, 2): "nd"
      case (_, 3): "rd"
      default: "th"
      }
    return isUpper ? ending.uppercased() : ending
  }
}

extension ScalarFunction {
  static let toChar = ScalarFunction(
    "to_char", .date,
    help: "Date, interval or number as text by PostgreSQL's patterns: YYYY-MM-DD HH24:MI, 999.99",
    example: .init(
      .timestamp("2024-02-29 13:14:15"), .text("FMDay, FMDDth Month YYYY"),
      gives: "Thursday, 29th February  2024"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 2 else { return nil }
      let type: LogicalType
      switch arguments.types[0] {
      case .date, .timestamp, .null: type = .timestamp
      case .timestampTZ: type = .timestampTZ
      case .interval: type = .interval
      case .real, .double: type = .double
      case .decimal(_, let scale): type = .decimal(precision: 38, scale: scale)
      case let integer where integer.isInteger: type = .decimal(precision: 38, scale: 0)
      default: return nil
      }
      return .make("to_char", [type, .varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try ToCharKernels.rows(arguments, count, type)
      }
    })
}

/// to_char by type of its first argument.
enum ToCharKernels {
  static func rows(
    _ arguments: [Vector], _ count: Int, _ type: LogicalType
  ) throws(StoaError) -> Vector {
    let reader = ArgumentReader(arguments)
    guard type.isNumeric else {
      var source = ToCharPatternSource(arguments[1])
      let zone = TimeZone.current
      return try TextKernels.build(arguments, count) {
        (row: Int, bytes: inout [UInt8]) throws(StoaError) in
        let fields: ToCharFields
        switch type {
        case .interval: fields = ToCharFields(Interval(packed: reader.wide(0, row)))
        case .timestampTZ: fields = try ToCharFields(instant: reader.integer(0, row), in: zone)
        default: fields = ToCharFields(timestamp: reader.integer(0, row))
        }
        try fields.append(source.pattern(row), to: &bytes)
      }
    }
    let isConstant = arguments[1].form == .constant
    var pattern: NumberPattern?
    return try TextKernels.build(arguments, count) {
      (row: Int, bytes: inout [UInt8]) throws(StoaError) in
      if pattern == nil || !isConstant {
        pattern = try reader.withBytes(1, row) {
          (bytes: UnsafeRawBufferPointer) throws(StoaError) -> NumberPattern in
          try NumberPattern(bytes)
        }
      }
      let digits =
        type == .double
        ? NumberPattern.Digits(reader.real(0, row))
        : NumberPattern.Digits(unscaled: reader.wide(0, row), scale: type.scale)
      try pattern?.append(digits, to: &bytes)
    }
  }
}
