import Vectors

/// Parts of a text that a regular expression matches.
enum MatchParts {
  typealias Body =
    @Sendable (
      RegularExpression, RegularExpressionMatcher, UnsafeRawBufferPointer, ArgumentReader, Int
    ) throws(StoaError) -> Range<Int>?

  /// regexp_extract: the group (or the match) of the first match; an empty text without one.
  static func extract(group: Int?) -> Body {
    {
      (
        expression: RegularExpression, matcher: RegularExpressionMatcher,
        text: UnsafeRawBufferPointer, reader: ArgumentReader, row: Int
      ) throws(StoaError) -> Range<Int>? in
      let number = group.map { reader.integer($0, row) } ?? 0
      try check(number, expression, "regexp_extract")
      guard try matcher.finds(expression, in: text) else { return 0..<0 }
      return matcher.range(Int(number)) ?? 0..<0
    }
  }

  static func check(
    _ group: Int64, _ expression: RegularExpression, _ function: String
  ) throws(StoaError) {
    guard group >= 0, group <= Int64(expression.groupCount) else {
      throw StoaError(
        .evaluation,
        "\(function) wants group \(group) of a regular expression with \(expression.groupCount)",
        hint: "Groups are counted by their opening parentheses from 1; 0 is the whole match")
    }
  }

  /// regexp_substr(text, pattern, start, number, flags, group): NULL without a match.
  static func substring(start: Int? = nil, number: Int? = nil, group: Int? = nil) -> Body {
    {
      (
        expression: RegularExpression, matcher: RegularExpressionMatcher,
        text: UnsafeRawBufferPointer, reader: ArgumentReader, row: Int
      ) throws(StoaError) -> Range<Int>? in
      let wanted = group.map { reader.integer($0, row) } ?? 0
      guard wanted >= 0 else {
        throw StoaError(.evaluation, "regexp_substr counts groups from 0, not from \(wanted)")
      }
      let offset = try RegularExpressionKernels.offset(
        ofCharacter: start.map { reader.integer($0, row) } ?? 1, in: text, "regexp_substr")
      let match = try RegularExpressionKernels.find(
        number.map { reader.integer($0, row) } ?? 1, expression, matcher, text, from: offset,
        "regexp_substr")
      guard match != nil, wanted <= Int64(expression.groupCount) else { return nil }
      return matcher.range(Int(wanted))
    }
  }

  /// `substring(text FROM pattern)`: the first group if there is one, else the match; NULL without a match.
  static let firstGroup: Body = {
    (
      expression: RegularExpression, matcher: RegularExpressionMatcher,
      text: UnsafeRawBufferPointer, _: ArgumentReader, _: Int
    ) throws(StoaError) -> Range<Int>? in
    guard try matcher.finds(expression, in: text) else { return nil }
    return matcher.range(expression.groupCount > 0 ? 1 : 0)
  }

  /// How many matches there are from a character on.
  static func count(
    letters: Int?, start: Int? = nil
  ) -> BoundFunction.Kernel {
    RegularExpressionKernels.measure(letters: letters) {
      (
        expression: RegularExpression, matcher: RegularExpressionMatcher,
        text: UnsafeRawBufferPointer, reader: ArgumentReader, row: Int
      ) throws(StoaError) -> Int in
      let offset = try RegularExpressionKernels.offset(
        ofCharacter: start.map { reader.integer($0, row) } ?? 1, in: text, "regexp_count")
      var total = 0
      try RegularExpressionKernels.forEachMatch(expression, matcher, text, from: offset) {
        (_: Range<Int>) throws(StoaError) -> Bool in
        total += 1
        return true
      }
      return total
    }
  }

  /// regexp_instr(text, pattern, start, number, end, flags, group): where a match begins (or ends), in characters.
  static func place(
    letters: Int? = nil, start: Int? = nil, number: Int? = nil, end: Int? = nil, group: Int? = nil
  ) -> BoundFunction.Kernel {
    RegularExpressionKernels.measure(letters: letters) {
      (
        expression: RegularExpression, matcher: RegularExpressionMatcher,
        text: UnsafeRawBufferPointer, reader: ArgumentReader, row: Int
      ) throws(StoaError) -> Int in
      let name = "regexp_instr"
      let side = end.map { reader.integer($0, row) } ?? 0
      let wanted = group.map { reader.integer($0, row) } ?? 0
      guard side == 0 || side == 1, wanted >= 0 else {
        throw StoaError(
          .evaluation,
          "\(name) takes 0 or 1 as end option and groups from 0 on, not \(side) and"
            + " \(wanted)")
      }
      let offset = try RegularExpressionKernels.offset(
        ofCharacter: start.map { reader.integer($0, row) } ?? 1, in: text, name)
      let match = try RegularExpressionKernels.find(
        number.map { reader.integer($0, row) } ?? 1, expression, matcher, text, from: offset, name)
      guard match != nil, wanted <= Int64(expression.groupCount),
        let range = matcher.range(Int(wanted))
      else { return 0 }
      let byte = side == 0 ? range.lowerBound : range.upperBound
      return UTF8Text.codePointCount(UnsafeRawBufferPointer(rebasing: text[..<byte])) + 1
    }
  }
}

extension ScalarFunction {
  static let regexpExtract = ScalarFunction(
    "regexp_extract", .text,
    help: "What a regular expression, or a group of it, matches first; an empty text if nothing",
    example: .init(.text("due 2024-02-29"), .text("(\\d+)-(\\d+)"), .integer(2), gives: "02"),
    .overloads([
      Overload(
        [.varchar, .varchar], .varchar,
        kernel: RegularExpressionKernels.slice(MatchParts.extract(group: nil))),
      Overload(
        [.varchar, .varchar, .bigint], .varchar,
        kernel: RegularExpressionKernels.slice(MatchParts.extract(group: 2))),
      Overload(
        [.varchar, .varchar, .bigint, .varchar], .varchar,
        kernel: RegularExpressionKernels.slice(letters: 3, MatchParts.extract(group: 2))),
    ]))

  static let regexpSubstring = ScalarFunction(
    "regexp_substr", .text,
    help: "What a regular expression matches: from a character on, a match number, options, group",
    example: .init(.text("a1 b22 c333"), .text("\\d+"), .integer(1), .integer(2), gives: "22"),
    .overloads([
      Overload(
        [.varchar, .varchar], .varchar,
        kernel: RegularExpressionKernels.slice(MatchParts.substring())),
      Overload(
        [.varchar, .varchar, .bigint], .varchar,
        kernel: RegularExpressionKernels.slice(MatchParts.substring(start: 2))),
      Overload(
        [.varchar, .varchar, .bigint, .bigint], .varchar,
        kernel: RegularExpressionKernels.slice(MatchParts.substring(start: 2, number: 3))),
      Overload(
        [.varchar, .varchar, .bigint, .bigint, .varchar], .varchar,
        kernel: RegularExpressionKernels.slice(
          letters: 4, MatchParts.substring(start: 2, number: 3))),
      Overload(
        [.varchar, .varchar, .bigint, .bigint, .varchar, .bigint], .varchar,
        kernel: RegularExpressionKernels.slice(
          letters: 4, MatchParts.substring(start: 2, number: 3, group: 5))),
    ]))

  static let regexpCount = ScalarFunction(
    "regexp_count", .text,
    help: "How often a regular expression matches, from a character on, with options",
    example: .init(.text("banana"), .text("an?"), gives: "3"),
    .overloads([
      Overload([.varchar, .varchar], .bigint, kernel: MatchParts.count(letters: nil)),
      Overload(
        [.varchar, .varchar, .bigint], .bigint, kernel: MatchParts.count(letters: nil, start: 2)),
      Overload(
        [.varchar, .varchar, .bigint, .varchar], .bigint,
        kernel: MatchParts.count(letters: 3, start: 2)),
    ]))

  static let regexpPosition = ScalarFunction(
    "regexp_instr", .text,
    help:
      "Where a regular expression matches; then: start, match number, 1 for the end, options, group",
    example: .init(.text("étoile"), .text("[io]"), .integer(1), .integer(2), gives: "4"),
    .overloads([
      Overload([.varchar, .varchar], .bigint, kernel: MatchParts.place()),
      Overload([.varchar, .varchar, .bigint], .bigint, kernel: MatchParts.place(start: 2)),
      Overload(
        [.varchar, .varchar, .bigint, .bigint], .bigint,
        kernel: MatchParts.place(start: 2, number: 3)),
      Overload(
        [.varchar, .varchar, .bigint, .bigint, .bigint], .bigint,
        kernel: MatchParts.place(start: 2, number: 3, end: 4)),
      Overload(
        [.varchar, .varchar, .bigint, .bigint, .bigint, .varchar], .bigint,
        kernel: MatchParts.place(letters: 5, start: 2, number: 3, end: 4)),
      Overload(
        [.varchar, .varchar, .bigint, .bigint, .bigint, .varchar, .bigint], .bigint,
        kernel: MatchParts.place(letters: 5, start: 2, number: 3, end: 4, group: 6)),
    ]))
}
