/// When the clocks of a zone change, and by how much they differ from UTC in between.
///
/// Transitions come from a TZif file; those after its last one from the rule at its end, written out for
/// 400 years, after which the calendar repeats.
final class ZoneRules: Sendable {
  let name: String
  /// Instants in seconds since 1970, ascending.
  let transitions: [Int64]
  /// Seconds east of Greenwich: before the first transition, then from each on; one more than transitions.
  let offsets: [Int32]
  /// From here on the rule repeats every 400 years; `nil` without a rule that changes clocks.
  private let repeatsFrom: Int64?

  private static let period: Int64 = 146_097 * 86_400

  init(name: String, fixedOffset: Int) {
    self.name = name
    transitions = []
    offsets = [Int32(truncatingIfNeeded: fixedOffset)]
    repeatsFrom = nil
  }

  /// `offsets` has one value more than `transitions`, which ascend.
  init(name: String, transitions: [Int64], offsets: [Int32], rule: PosixZone?) {
    self.name = name
    guard let rule else {
      self.transitions = transitions
      self.offsets = offsets
      repeatsFrom = nil
      return
    }
    var (instants, values) = (transitions, offsets)
    // A rule alone, as EST5EDT, is taken from 1900 on.
    let last = instants.last ?? -2_208_988_800
    if rule.daylight == nil {
      if values.last != rule.standardOffset, instants.isEmpty {
        values = [rule.standardOffset]
      }
      repeatsFrom = nil
    } else {
      let first = Calendar.day(fromDays: Int(last / 86_400)).year
      for year in first...(first + 402) {
        for change in rule.changes(in: year) where change.instant > last {
          instants.append(change.instant)
          values.append(change.offset)
        }
      }
      repeatsFrom = Int64(Calendar.days(year: first + 1, month: 1, day: 1)) * 86_400
    }
    self.transitions = instants
    self.offsets = values
  }

  /// An instant of the written-out years with the same rules.
  @inline(__always)
  private func reduced(_ seconds: Int64) -> Int64 {
    guard let repeatsFrom, seconds >= repeatsFrom + ZoneRules.period else { return seconds }
    return repeatsFrom + (seconds - repeatsFrom) % ZoneRules.period
  }

  /// Seconds east of Greenwich at an instant.
  func offset(at seconds: Int64) -> Int {
    transitions.isEmpty ? Int(offsets[0]) : Int(offsets[passed(reduced(seconds))])
  }

  /// Transitions at or before `seconds`.
  private func passed(_ seconds: Int64) -> Int {
    var low = 0
    var high = transitions.count
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The offset by which clocks that show `seconds` are read. Gaps take the offset before them, overlaps that
  /// after them.
  func offset(atLocal seconds: Int64) -> Int {
    if transitions.isEmpty { return Int(offsets[0]) }
    let local = reduced(seconds)
    // The first transition after the day before: no offset is as much as a day.
    let index = passed(local - 86_400)
    let before = Int64(offsets[index])
    guard index < transitions.count else { return Int(before) }
    let boundary = transitions[index]
    let after = Int64(offsets[index + 1])
    let early = local - before
    let late = local - after
    if early < boundary && late < boundary { return Int(before) }
    if early > boundary && late >= boundary {
      // Perhaps past the next one too.
      if index + 1 < transitions.count, late >= transitions[index + 1] {
        return Int(offsets[index + 2])
      }
      return Int(after)
    }
    return Int(early > late ? before : after)
  }
}

/// The rule at the end of a TZif file, in the notation of POSIX's TZ variable: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixZone {
  struct Daylight {
    let offset: Int32
    let start: Day
    let end: Day
  }

  /// A day of the year and the seconds after its midnight at which clocks change.
  struct Day {
    enum Kind {
      /// 1…365; 29 February never counts.
      case julian(Int)
      /// 0…365
      case dayOfYear(Int)
      /// Month, week (5: the last), weekday (0: Sunday).
      case weekday(month: Int, week: Int, day: Int)
    }
    let kind: Kind
    let seconds: Int

    /// Days since 1970 in `year`.
    func days(in year: Int) -> Int {
      switch kind {
      case .julian(let day):
        let leap = Calendar.isLeap(year) && day >= 60 ? 1 : 0
        return Calendar.days(year: year, month: 1, day: 1) + day - 1 + leap
      case .dayOfYear(let day): return Calendar.days(year: year, month: 1, day: 1) + day
      case .weekday(let month, let week, let day):
        let first = Calendar.days(year: year, month: month, day: 1)
        let weekday = Calendar.isoDayOfWeek(days: first) % 7
        var date = 1 + (day - weekday + 7) % 7 + (week - 1) * 7
        if date > Calendar.dayCount(year: year, month: month) { date -= 7 }
        return first + date - 1
      }
    }
  }

  let standardOffset: Int32
  let daylight: Daylight?

  /// The two changes of a year, in order.
  func changes(in year: Int) -> [(instant: Int64, offset: Int32)] {
    guard let daylight else { return [] }
    func instant(_ day: Day, _ offset: Int32) -> Int64 {
      Int64(day.days(in: year)) * 86_400 + Int64(day.seconds) - Int64(offset)
    }
    let start = (instant(daylight.start, standardOffset), daylight.offset)
    let end = (instant(daylight.end, daylight.offset), standardOffset)
    return start.0 < end.0 ? [start, end] : [end, start]
  }

  /// `nil` for text that is no such rule.
  init?(_ text: [UInt8]) {
    var reader = Reader(text)
    guard reader.name(), let standard = reader.offset(limit: 24) else { return nil }
    standardOffset = Int32(-standard)
    if reader.isAtEnd {
      daylight = nil
      return
    }
    guard reader.name() else { return nil }
    var offset = standardOffset + 3600
    if !reader.isAtEnd, reader.next != UInt8(ascii: ",") {
      guard let given = reader.offset(limit: 24) else { return nil }
      offset = Int32(-given)
    }
    guard let start = reader.day(), let end = reader.day(), reader.isAtEnd else { return nil }
    daylight = Daylight(offset: offset, start: start, end: end)
  }

  private struct Reader {
    private let text: [UInt8]
    private var index = 0

    init(_ text: [UInt8]) { self.text = text }

    var isAtEnd: Bool { index >= text.count }
    var next: UInt8 { index < text.count ? text[index] : 0 }

    private mutating func skip(_ byte: UInt8) -> Bool {
      guard next == byte, !isAtEnd else { return false }
      index += 1
      return true
    }

    /// Three letters or more, or anything between angle brackets.
    mutating func name() -> Bool {
      if skip(UInt8(ascii: "<")) {
        while !isAtEnd, next != UInt8(ascii: ">") { index += 1 }
        return skip(UInt8(ascii: ">"))
      }
      let start = index
      while (next | 0x20) &- UInt8(ascii: "a") < 26 { index += 1 }
      return index - start >= 3
    }

    private mutating func number(most: Int) -> Int? {
      let start = index
      var value = 0
      while index - start < 3, next &- 0x30 < 10 {
        value = value * 10 + Int(next - 0x30)
        index += 1
      }
      return index > start && value <= most ? value : nil
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    mutating func offset(limit: Int) -> Int? {
      let isNegative = next == UInt8(ascii: "-")
      if isNegative || next == UInt8(ascii: "+") { index += 1 }
      guard let hours = number(most: limit) else { return nil }
      var seconds = hours * 3600
      if skip(UInt8(ascii: ":")) {
        guard let minutes = number(most: 59) else { return nil }
        seconds += minutes * 60
        if skip(UInt8(ascii: ":")) {
          guard let rest = number(most: 59) else { return nil }
          seconds += rest
        }
      }
      return isNegative ? -seconds : seconds
    }

    /// `,Mm.w.d`, `,Jn` or `,n`, with `/time`.
    mutating func day() -> Day? {
      guard skip(UInt8(ascii: ",")) else { return nil }
      let kind: Day.Kind
      if skip(UInt8(ascii: "M")) {
        guard let month = number(most: 12), month > 0, skip(UInt8(ascii: ".")),
          let week = number(most: 5), week > 0, skip(UInt8(ascii: ".")), let day = number(most: 6)
        else { return nil }
        kind = .weekday(month: month, week: week, day: day)
      } else if skip(UInt8(ascii: "J")) {
        guard let day = number(most: 365), day > 0 else { return nil }
        kind = .julian(day)
      } else {
        guard let day = number(most: 365) else { return nil }
        kind = .dayOfYear(day)
      }
      var seconds = 7200
      if skip(UInt8(ascii: "/")) {
        guard let given = offset(limit: 167) else { return nil }
        seconds = given
      }
      return Day(kind: kind, seconds: seconds)
    }
  }
}
