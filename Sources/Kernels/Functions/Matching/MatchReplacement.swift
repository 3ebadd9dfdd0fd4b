import Vectors

/// regexp_replace in its forms.
enum MatchReplacement {
  /// Numbers of the arguments after the replacement.
  struct Places: Sendable {
    var letters: Int?
    var start: Int?
    var number: Int?
  }

  static func kernel(_ places: Places) -> BoundFunction.Kernel {
    { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      var source = RegularExpressionSource(
        pattern: arguments[1], letters: places.letters.map { arguments[$0] })
      let matcher = RegularExpressionMatcher()
      let reader = ArgumentReader(arguments)
      let isConstant = arguments[2].form == .constant
      var replacement: RegularExpressionReplacement?
      return try TextKernels.build(arguments, count) {
        (row: Int, bytes: inout [UInt8]) throws(StoaError) in
        let (expression, isGlobal) = try source.expression(row)
        if replacement == nil || !isConstant {
          replacement = reader.text(2, row).withBytes { RegularExpressionReplacement($0) }
        }
        guard let replacement else { return }
        let start = places.start.map { reader.integer($0, row) } ?? 1
        let number = places.number.map { reader.integer($0, row) } ?? (isGlobal ? 0 : 1)
        guard number >= 0 else {
          throw StoaError(
            .evaluation, "regexp_replace counts matches from 1 (0 means all), not from \(number)")
        }
        try reader.withBytes(0, row) { (text: UnsafeRawBufferPointer) throws(StoaError) in
          let offset = try RegularExpressionKernels.offset(
            ofCharacter: start, in: text, "regexp_replace")
          try append(
            expression, matcher, text, from: offset, number, replacement, to: &bytes)
        }
      }
    }
  }

  /// `text` with match `number` replaced, or with all when it is 0.
  private static func append(
    _ expression: RegularExpression, _ matcher: RegularExpressionMatcher,
    _ text: UnsafeRawBufferPointer, from start: Int, _ number: Int64,
    _ replacement: RegularExpressionReplacement, to bytes: inout [UInt8]
  ) throws(StoaError) {
    var copied = 0
    var seen: Int64 = 0
    var result: [UInt8] = []
    try RegularExpressionKernels.forEachMatch(expression, matcher, text, from: start) {
      (match: Range<Int>) throws(StoaError) -> Bool in
      seen += 1
      guard number == 0 || seen == number else { return true }
      // `\K` can make matches overlap.
      let lower = max(copied, match.lowerBound)
      result.append(contentsOf: text[copied..<lower])
      replacement.append(matcher, text, to: &result)
      copied = max(lower, match.upperBound)
      guard result.count <= TextKernels.maximalByteCount else {
        throw TextKernels.tooLong(result.count)
      }
      return number == 0
    }
    result.append(contentsOf: text[copied...])
    bytes = result
  }
}

extension ScalarFunction {
  static let regexpReplace = ScalarFunction(
    "regexp_replace", .text,
    help: "Text with the first match of a regular expression replaced; all with option g",
    example: .init(
      .text("John Smith"), .text("(\\w+) (\\w+)"), .text("\\2, \\1"), gives: "Smith, John"),
    .overloads([
      Overload([.varchar, .varchar, .varchar], .varchar, kernel: MatchReplacement.kernel(.init())),
      Overload(
        [.varchar, .varchar, .varchar, .varchar], .varchar,
        kernel: MatchReplacement.kernel(.init(letters: 3))),
      Overload(
        [.varchar, .varchar, .varchar, .bigint], .varchar,
        kernel: MatchReplacement.kernel(.init(start: 3))),
      Overload(
        [.varchar, .varchar, .varchar, .bigint, .bigint], .varchar,
        kernel: MatchReplacement.kernel(.init(start: 3, number: 4))),
      Overload(
        [.varchar, .varchar, .varchar, .bigint, .bigint, .varchar], .varchar,
        kernel: MatchReplacement.kernel(.init(letters: 5, start: 3, number: 4))),
    ]))

  static let regexpEscape = ScalarFunction(
    "regexp_escape", .text, help: "Text as a regular expression that matches just this text",
    example: .init(.text("a.b"), gives: "a\\.b"),
    .overloads([
      .text([.varchar]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        reader.text(0, row).withBytes { text in
          for byte in text {
            let isWord =
              byte >= 0x80 || byte == UInt8(ascii: "_") || (byte | 0x20) &- UInt8(ascii: "a") < 26
              || byte &- UInt8(ascii: "0") < 10
            if !isWord { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
          }
        }
      }
    ]))
}
