import Vectors

/// A pattern of C's strftime as its parts; strftime and strptime prepare it once for many rows.
///
/// Parts: %Y %y year, %m %b %B %h month, %d %e %j day, %a %A %w %u day of the week, %U %W %V %G weeks, %H %I %k %l %p hour,
/// %M %S minute and second, %f %g %n micro-, milli- and nanoseconds, %z %Z zone, %s seconds since 1970, %F %T %R %D
/// %r %c %x %X dates and times together, %% a percent sign. A minus behind the percent sign leaves zeros out.
struct DatePattern {
  enum Step {
    case literal(UInt8)
    /// Any white space.
    case space
    case part(UInt8, isShort: Bool)
  }

  static let letters = Set("YymbBhdejaAwuUWVGHIklpMSfgnzZs".utf8)
  /// Parts that stand for several.
  private static let compound: [UInt8: String] = [
    UInt8(ascii: "F"): "%Y-%m-%d", UInt8(ascii: "T"): "%H:%M:%S", UInt8(ascii: "R"): "%H:%M",
    UInt8(ascii: "D"): "%m/%d/%y", UInt8(ascii: "r"): "%I:%M:%S %p",
    UInt8(ascii: "c"): "%Y-%m-%d %H:%M:%S", UInt8(ascii: "x"): "%Y-%m-%d",
    UInt8(ascii: "X"): "%H:%M:%S",
  ]

  let steps: [Step]

  /// Whether what is read by it names an instant.
  var hasOffset: Bool {
    steps.contains { if case .part(UInt8(ascii: "z"), _) = $0 { true } else { false } }
  }

  init(_ pattern: UnsafeRawBufferPointer) throws(StoaError) {
    steps = try DatePattern.parse(Array(pattern))
  }

  init(_ pattern: String) throws(StoaError) {
    steps = try DatePattern.parse(Array(pattern.utf8))
  }

  private static func parse(_ pattern: [UInt8]) throws(StoaError) -> [Step] {
    var steps: [Step] = []
    var index = 0
    while index < pattern.count {
      let byte = pattern[index]
      index += 1
      guard byte == UInt8(ascii: "%") else {
        steps.append(byte == 32 || byte &- 9 < 5 ? .space : .literal(byte))
        continue
      }
      var isShort = false
      if index < pattern.count, pattern[index] == UInt8(ascii: "-") {
        isShort = true
        index += 1
      }
      guard index < pattern.count else {
        throw StoaError(.evaluation, "a date pattern must not end with %")
      }
      let letter = pattern[index]
      index += 1
      if letter == byte {
        steps.append(.literal(letter))
      } else if let parts = compound[letter] {
        steps += try parse(Array(parts.utf8))
      } else if letters.contains(letter) {
        steps.append(.part(letter, isShort: isShort))
      } else {
        let shown = letter < 0x80 ? String(Unicode.Scalar(letter)) : "…"
        throw StoaError(
          .evaluation, "unknown part %\(shown) in a date pattern",
          hint:
            "Known are %Y %y %m %b %B %d %e %j %a %A %w %u %U %W %V %G %H %I %k %l %p %M %S %f %g"
            + " %n %z %Z %s %F %T %R %D %r %c %x %X %%")
      }
    }
    return steps
  }
}

/// The pattern of each row, prepared once when constant.
struct DatePatternSource {
  private let patterns: RowReader<StringView>
  private let isConstant: Bool
  private var current: DatePattern?

  init(_ vector: Vector) {
    patterns = RowReader(vector)
    isConstant = vector.form == .constant
  }

  mutating func pattern(_ row: Int) throws(StoaError) -> DatePattern {
    if isConstant, let current { return current }
    let made = try patterns[row].withBytes {
      (bytes: UnsafeRawBufferPointer) throws(StoaError) -> DatePattern in
      try DatePattern(bytes)
    }
    current = made
    return made
  }
}
