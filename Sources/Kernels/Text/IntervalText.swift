/// Reads the text of an interval: numbers with units, clock times and year-month pairs, in any mix, as
/// PostgreSQL does. Fractions run over into the next smaller part (1.5 months = 1 month 15 days).
public enum IntervalText {
  /// What it reads.
  public typealias Parts = Interval

  public enum Unit: String, Sendable, CaseIterable {
    case millennium, century, decade, year, quarter, month, week, day, hour, minute, second
    case millisecond, microsecond

    /// Singular, plural or usual abbreviation, in any case.
    public init?(word: String) {
      let lower = word.lowercased()
      if let unit = Unit.abbreviations[lower] {
        self = unit
      } else if let unit = Unit(rawValue: lower) {
        self = unit
      } else if lower.hasSuffix("s"), let unit = Unit(rawValue: String(lower.dropLast())) {
        self = unit
      } else {
        return nil
      }
    }

    private static let abbreviations: [String: Unit] = [
      "y": .year, "yr": .year, "yrs": .year, "mon": .month, "mons": .month, "w": .week, "d": .day,
      "h": .hour, "hr": .hour, "hrs": .hour, "m": .minute, "min": .minute, "mins": .minute,
      "s": .second, "sec": .second, "secs": .second, "ms": .millisecond, "msec": .millisecond,
      "us": .microsecond, "usec": .microsecond, "centuries": .century, "millennia": .millennium,
    ]
  }

  /// The interval `text` says; a bare number counts `unit`s (seconds when `nil`). `nil` when it says none or
  /// does not fit.
  public static func parse(_ text: String, unit: Unit? = nil) -> Parts? {
    var parts = Parts()
    var words = text.split { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "," }[...]
    if words.first == "@" { words.removeFirst() }
    guard let first = words.first else { return nil }
    if words.count == 1, ["p", "-p"].contains(where: { first.lowercased().hasPrefix($0) }) {
      return iso(first)?.storable
    }
    let isAgo = words.last?.lowercased() == "ago"
    if isAgo { words.removeLast() }
    guard !words.isEmpty else { return nil }
    while let word = words.popFirst() {
      if word.contains(":") {
        guard addClock(word, to: &parts) else { return nil }
      } else if let (number, rest) = splitNumber(word) {
        if !rest.isEmpty, let dash = yearMonth(word) {
          guard add(Number(dash), .month, to: &parts) else { return nil }
          continue
        }
        var found = unit ?? .second
        if !rest.isEmpty {
          let letters = rest.prefix { $0.isLetter }
          guard let named = Unit(word: String(letters)) else { return nil }
          found = named
          if letters.count < rest.count {
            words.insert(rest.dropFirst(letters.count), at: words.startIndex)
          }
        } else if let next = words.first, let named = Unit(word: String(next)) {
          found = named
          words.removeFirst()
        } else if !words.isEmpty, !(words.first?.contains(":") ?? false) {
          return nil
        } else if words.first?.contains(":") ?? false {
          found = .day
        }
        guard add(number, found, to: &parts) else { return nil }
      } else {
        return nil
      }
    }
    return (isAgo ? parts.negated : parts)?.storable
  }

  /// ISO 8601: `P1Y2M3W4DT5H6M7.5S`, and `P0001-02-03T04:05:06`. Numbers may have signs and fractions.
  private static func iso(_ text: Substring) -> Parts? {
    let isNegative = text.hasPrefix("-")
    var rest = text.dropFirst(isNegative ? 2 : 1)
    var parts = Parts()
    var isTime = false
    guard !rest.isEmpty else { return nil }
    while let next = rest.first {
      if next == "T" || next == "t" {
        guard !isTime, rest.count > 1 else { return nil }
        isTime = true
        rest = rest.dropFirst()
        if rest.contains(":") {
          guard addClock(rest, to: &parts) else { return nil }
          break
        }
        continue
      }
      guard let (number, after) = splitNumber(rest) else { return nil }
      if !isTime, after.first == "-" {
        let date = rest.prefix { $0 != "T" && $0 != "t" }
        guard addISODate(date, to: &parts) else { return nil }
        rest = rest.dropFirst(date.count)
        continue
      }
      guard let letter = after.first else { return nil }
      let unit: Unit
      switch (letter.lowercased(), isTime) {
      case ("y", false): unit = .year
      case ("m", false): unit = .month
      case ("w", false): unit = .week
      case ("d", false): unit = .day
      case ("h", true): unit = .hour
      case ("m", true): unit = .minute
      case ("s", true): unit = .second
      default: return nil
      }
      guard add(number, unit, to: &parts) else { return nil }
      rest = after.dropFirst()
    }
    return isNegative ? parts.negated : parts
  }

  private static func addISODate(_ text: Substring, to parts: inout Parts) -> Bool {
    let fields = text.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
    let units: [Unit] = [.year, .month, .day]
    guard (2...3).contains(fields.count) else { return false }
    for (field, unit) in zip(fields, units) {
      guard let field, add(Number(field), unit, to: &parts) else { return false }
    }
    return true
  }

  /// A decimal number: whole part and fraction, both with the sign.
  private struct Number {
    var whole: Int64
    var fraction: Double = 0

    init(_ whole: Int64, fraction: Double = 0) {
      self.whole = whole
      self.fraction = fraction
    }
  }

  /// The number `word` begins with and what follows it.
  private static func splitNumber(_ word: Substring) -> (Number, Substring)? {
    var rest = word
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest = rest.dropFirst() }
    let whole = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(whole.count)
    var fraction: Substring = ""
    if rest.first == "." {
      fraction = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(1 + fraction.count)
    }
    guard !(whole.isEmpty && fraction.isEmpty) else { return nil }
    guard let value = whole.isEmpty ? 0 : Int64(whole) else { return nil }
    let part = fraction.isEmpty ? 0 : Double("0." + fraction) ?? 0
    return (Number(isNegative ? -value : value, fraction: isNegative ? -part : part), rest)
  }

  /// `2-6` as 30 months.
  private static func yearMonth(_ word: Substring) -> Int64? {
    let isNegative = word.first == "-"
    let parts = word.drop { $0 == "-" || $0 == "+" }.split(
      separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let years = Int64(parts[0]), let months = Int64(parts[1]),
      years < 200_000_000, (0..<12).contains(months)
    else { return nil }
    return (isNegative ? -1 : 1) * (years * 12 + months)
  }

  private static func addClock(_ word: Substring, to parts: inout Parts) -> Bool {
    let isNegative = word.first == "-"
    let fields = word.drop { $0 == "-" || $0 == "+" }.split(
      separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(fields.count), let hours = Int64(fields[0]),
      let minutes = Int64(fields[1]),
      hours >= 0, (0..<60).contains(minutes)
    else { return false }
    var clock = Parts()
    guard add(Number(hours), .hour, to: &clock), add(Number(minutes), .minute, to: &clock) else {
      return false
    }
    if fields.count == 3 {
      guard let (seconds, rest) = splitNumber(fields[2]), rest.isEmpty,
        (0..<60).contains(seconds.whole),
        add(seconds, .second, to: &clock)
      else { return false }
    }
    let (sum, overflow) = parts.microseconds.addingReportingOverflow(
      isNegative ? -clock.microseconds : clock.microseconds)
    parts.microseconds = sum
    return !overflow
  }

  private static let monthsPerUnit: [Unit: Int64] = [
    .millennium: 12_000, .century: 1_200, .decade: 120, .year: 12, .quarter: 3, .month: 1,
  ]
  private static let microsecondsPerUnit: [Unit: Int64] = [
    .hour: 3_600_000_000, .minute: 60_000_000, .second: 1_000_000, .millisecond: 1_000,
    .microsecond: 1,
  ]

  /// False when the sum does not fit.
  private static func add(_ number: Number, _ unit: Unit, to parts: inout Parts) -> Bool {
    if let factor = monthsPerUnit[unit] {
      let fraction = number.fraction * Double(factor)
      let wholeMonths = fraction.rounded(.towardZero)
      guard addMonths(number.whole, factor, plus: Int64(wholeMonths), to: &parts) else {
        return false
      }
      return addDays(0, 1, fraction: (fraction - wholeMonths) * 30, to: &parts)
    }
    if unit == .day || unit == .week {
      let factor: Int64 = unit == .week ? 7 : 1
      return addDays(number.whole, factor, fraction: number.fraction * Double(factor), to: &parts)
    }
    guard let factor = microsecondsPerUnit[unit] else { return false }
    return addMicroseconds(
      number.whole, factor, fraction: number.fraction * Double(factor), to: &parts)
  }

  private static func addMonths(
    _ count: Int64, _ factor: Int64, plus extra: Int64, to parts: inout Parts
  ) -> Bool {
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    guard !overflow, let months = Int32(exactly: product),
      let extra = Int32(exactly: extra)
    else { return false }
    let (sum, first) = parts.months.addingReportingOverflow(months)
    let (total, second) = sum.addingReportingOverflow(extra)
    parts.months = total
    return !first && !second
  }

  private static func addDays(
    _ count: Int64, _ factor: Int64, fraction: Double, to parts: inout Parts
  ) -> Bool {
    let wholeDays = fraction.rounded(.towardZero)
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    let (withFraction, overflow2) = product.addingReportingOverflow(Int64(wholeDays))
    guard !overflow, !overflow2, let days = Int32(exactly: withFraction) else { return false }
    let (sum, overflow3) = parts.days.addingReportingOverflow(days)
    parts.days = sum
    guard !overflow3 else { return false }
    return addMicroseconds(0, 1, fraction: (fraction - wholeDays) * 86_400_000_000, to: &parts)
  }

  private static func addMicroseconds(
    _ count: Int64, _ factor: Int64, fraction: Double, to parts: inout Parts
  ) -> Bool {
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    let (withFraction, overflow2) = product.addingReportingOverflow(
      Int64(exactly: fraction.rounded()) ?? 0)
    let (sum, overflow3) = parts.microseconds.addingReportingOverflow(withFraction)
    parts.microseconds = sum
    return !overflow && !overflow2 && !overflow3
  }
}
