/// Lengths of time as settings take and show them: `1 day`, `2 hours 30 minutes`, `500 milliseconds`; `0` for none.
enum DurationText {
  private static let units: [(names: [String], microseconds: Int64)] = [
    (["week", "weeks", "w"], 7 * 86_400_000_000),
    (["day", "days", "d"], 86_400_000_000),
    (["hour", "hours", "h"], 3_600_000_000),
    (["minute", "minutes", "min", "mins"], 60_000_000),
    (["second", "seconds", "sec", "secs", "s"], 1_000_000),
    (["millisecond", "milliseconds", "ms"], 1000),
    (["microsecond", "microseconds", "us"], 1),
  ]

  /// Microseconds; `nil` when the text is no length of time.
  static func parse(_ text: String) -> Int64? {
    let lower = text.lowercased()
    if ["0", "off", "false", "none"].contains(lower) { return 0 }
    var total: Int64 = 0
    var rest = lower.utf8[...]
    func skipBlanks() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }
    skipBlanks()
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
      rest = rest.dropFirst(digits.count)
      skipBlanks()
      let letters = rest.prefix { $0 >= 0x61 && $0 <= 0x7A }
      rest = rest.dropFirst(letters.count)
      skipBlanks()
      guard let count = Int64(String(digits) ?? ""), let name = String(letters),
        let unit = units.first(where: { $0.names.contains(name) })
      else { return nil }
      let (part, isTooLong) = count.multipliedReportingOverflow(by: unit.microseconds)
      let (sum, isTooMuch) = total.addingReportingOverflow(part)
      guard !isTooLong, !isTooMuch else { return nil }
      total = sum
    }
    return total
  }

  /// The text that `parse` reads.
  static func text(_ microseconds: Int64) -> String {
    var parts: [String] = []
    var left = max(0, microseconds)
    for unit in units.dropFirst() {
      let count = left / unit.microseconds
      left %= unit.microseconds
      if count > 0 { parts.append("\(count) \(unit.names[count == 1 ? 0 : 1])") }
    }
    return parts.isEmpty ? "0" : parts.joined(separator: " ")
  }
}
