import Vectors

/// A pattern of PostgreSQL's to_char, to_date and to_timestamp for dates as its parts. Parts are found in any case, the
/// longest first; text in double quotes and everything else stands for itself. `FM` before a part leaves blanks and
/// zeros out, `TH` behind it adds an English ordinal's ending; `FX` and `TM` mean nothing.
struct ToCharPattern {
  enum Key: String, CaseIterable {
    case yearWithComma = "Y,YYY", year = "YYYY", year3 = "YYY", year2 = "YY", year1 = "Y"
    case isoYear = "IYYY", isoYear3 = "IYY", isoYear2 = "IY", isoYear1 = "I"
    case monthName = "MONTH", monthShort = "MON", month = "MM", roman = "RM"
    case dayName = "DAY", dayShort = "DY", dayOfYear = "DDD", isoDayOfYear = "IDDD", day = "DD"
    case dayOfWeek = "D", isoDayOfWeek = "ID"
    case week = "WW", weekOfMonth = "W", isoWeek = "IW", century = "CC", julian = "J", quarter = "Q"
    case hour24 = "HH24", hour12 = "HH12", hour = "HH", minute = "MI", second = "SS"
    case secondsOfDay = "SSSSS", secondsOfDayShort = "SSSS"
    case millisecond = "MS", microsecond = "US"
    case fraction1 = "FF1", fraction2 = "FF2", fraction3 = "FF3", fraction4 = "FF4"
    case fraction5 = "FF5", fraction6 = "FF6"
    case before = "BC", after = "AD", beforePoints = "B.C.", afterPoints = "A.D."
    case am = "AM", pm = "PM", amPoints = "A.M.", pmPoints = "P.M."
    case zoneHours = "TZH", zoneMinutes = "TZM", zone = "TZ", offset = "OF"
  }

  /// How letters of a name are written: as those of the part in the pattern.
  enum Letters { case upper, lower, capital }

  struct Part {
    var key: Key
    var letters: Letters
    /// `FM`
    var isFilled = true
    /// `TH` or `th`
    var ordinal: Letters?
  }

  enum Step {
    case literal([UInt8])
    case part(Part)
  }

  let steps: [Step]

  private static let keys: [(key: Key, bytes: [UInt8])] = Key.allCases
    .map { ($0, Array($0.rawValue.utf8)) }.sorted { $0.1.count > $1.1.count }

  init(_ pattern: UnsafeRawBufferPointer) {
    var steps: [Step] = []
    var literal: [UInt8] = []
    var index = 0
    func startsWith(_ word: [UInt8]) -> Bool {
      pattern.count - index >= word.count
        && word.indices.allSatisfy { ToCharPattern.upper(pattern[index + $0]) == word[$0] }
    }
    var isFilled = true
    while index < pattern.count {
      let byte = pattern[index]
      if byte == UInt8(ascii: "\"") {
        index += 1
        while index < pattern.count, pattern[index] != byte {
          if pattern[index] == UInt8(ascii: "\\"), index + 1 < pattern.count { index += 1 }
          literal.append(pattern[index])
          index += 1
        }
        index += 1
      } else if byte == UInt8(ascii: "\\"), index + 1 < pattern.count,
        pattern[index + 1] == UInt8(ascii: "\"")
      {
        literal.append(pattern[index + 1])
        index += 2
      } else if startsWith(Array("FM".utf8)) {
        isFilled = false
        index += 2
      } else if startsWith(Array("FX".utf8)) || startsWith(Array("TM".utf8)) {
        index += 2
      } else if let (key, bytes) = ToCharPattern.keys.first(where: { startsWith($0.bytes) }) {
        if !literal.isEmpty { steps.append(.literal(literal)) }
        literal = []
        let written = pattern[index..<(index + bytes.count)]
        var part = Part(key: key, letters: ToCharPattern.letters(written))
        part.isFilled = isFilled
        isFilled = true
        index += bytes.count
        if startsWith(Array("TH".utf8)) {
          part.ordinal = pattern[index] == UInt8(ascii: "T") ? .upper : .lower
          index += 2
        }
        steps.append(.part(part))
      } else {
        literal.append(byte)
        index += 1
      }
    }
    if !literal.isEmpty { steps.append(.literal(literal)) }
    self.steps = steps
  }

  private static func upper(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "a") < 26 ? byte & 0xDF : byte
  }

  private static func letters(_ written: Slice<UnsafeRawBufferPointer>) -> Letters {
    let isUpper = written.filter { ($0 | 0x20) &- UInt8(ascii: "a") < 26 }.map { $0 & 0x20 == 0 }
    guard isUpper.first ?? true else { return .lower }
    return isUpper.dropFirst().first ?? true ? .upper : .capital
  }
}

/// The pattern of each row, prepared once when constant.
struct ToCharPatternSource {
  private let patterns: RowReader<StringView>
  private let isConstant: Bool
  private var current: ToCharPattern?

  init(_ vector: Vector) {
    patterns = RowReader(vector)
    isConstant = vector.form == .constant
  }

  mutating func pattern(_ row: Int) -> ToCharPattern {
    if isConstant, let current { return current }
    let made = patterns[row].withBytes { ToCharPattern($0) }
    current = made
    return made
  }
}
