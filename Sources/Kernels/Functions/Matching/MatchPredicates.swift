import Vectors

extension ScalarFunction {
  static let regexpMatches = ScalarFunction(
    "regexp_matches", aliases: ["regexp_like"], .text,
    help: "Whether a regular expression matches part of a text; options: i, c, n, m, s, x, q",
    example: .init(.text("Banana"), .text("^b.*a$"), .text("i"), gives: "true"),
    .overloads([
      Overload([.varchar, .varchar], .boolean, kernel: RegularExpressionKernels.test()),
      Overload(
        [.varchar, .varchar, .varchar], .boolean, kernel: RegularExpressionKernels.test(letters: 2)),
    ]))

  static let regexpFullMatch = ScalarFunction(
    "regexp_full_match", .text, help: "Whether a regular expression matches the whole text",
    example: .init(.text("banana"), .text("(an|b|a)*"), gives: "true"),
    .overloads([
      Overload(
        [.varchar, .varchar], .boolean, kernel: RegularExpressionKernels.test(always: .isAnchored)),
      Overload(
        [.varchar, .varchar, .varchar], .boolean,
        kernel: RegularExpressionKernels.test(letters: 2, always: .isAnchored)),
    ]))

  static let matchesOperator = ScalarFunction(
    "~", .text,
    help:
      "Whether a regular expression matches part of a text; before an integer: its bits inverted",
    example: .init(.text("banana"), .text("na$"), gives: "true"),
    .overloads(
      [
        Overload([.varchar, .varchar], .boolean, kernel: RegularExpressionKernels.test())
      ] + Bits.inversions))

  static let matchesAnyCaseOperator = ScalarFunction(
    "~*", .text, help: "Whether a regular expression matches part of a text in any case",
    example: .init(.text("Banana"), .text("^ba"), gives: "true"),
    .overloads([
      Overload(
        [.varchar, .varchar], .boolean,
        kernel: RegularExpressionKernels.test(always: .ignoresCase))
    ]))

  static let notMatchesOperator = ScalarFunction(
    "!~", .text, help: "Whether a regular expression matches no part of a text",
    example: .init(.text("banana"), .text("^a"), gives: "true"),
    .overloads([
      Overload(
        [.varchar, .varchar], .boolean, kernel: RegularExpressionKernels.test(isNegated: true))
    ]))

  static let notMatchesAnyCaseOperator = ScalarFunction(
    "!~*", .text, help: "Whether a regular expression matches no part of a text in any case",
    example: .init(.text("Banana"), .text("^B"), gives: "false"),
    .overloads([
      Overload(
        [.varchar, .varchar], .boolean,
        kernel: RegularExpressionKernels.test(always: .ignoresCase, isNegated: true))
    ]))

  static let similarTo = ScalarFunction(
    "similar_to", .text,
    help: "SIMILAR TO: whether a text matches a pattern of % _ | * + ? {m,n} ( ) [ ] as a whole",
    example: .init(.text("banana"), .text("b(an)+_"), gives: "true"),
    .overloads([
      Overload(
        [.varchar, .varchar], .boolean,
        kernel: RegularExpressionKernels.test(always: .isAnchored, notation: .similar)),
      Overload(
        [.varchar, .varchar, .varchar], .boolean,
        kernel: RegularExpressionKernels.test(
          escapes: 2, always: .isAnchored, notation: .similar)),
    ]))
}
