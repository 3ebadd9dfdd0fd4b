import Vectors

/// Cutting characters off the ends of a text.
enum Trim {
  struct Ends: OptionSet, Sendable {
    let rawValue: UInt8
    static let start = Ends(rawValue: 1)
    static let end = Ends(rawValue: 2)
  }

  /// What remains of `text` without characters of `set` at its ends.
  static func range(
    _ text: UnsafeRawBufferPointer, _ set: UnsafeRawBufferPointer, _ ends: Ends
  ) -> Range<Int> {
    var (lower, upper) = (0, text.count)
    if ends.contains(.start) {
      while lower < upper {
        let next = UTF8Text.offset(after: 1, from: lower, in: text)
        guard contains(set, text, lower..<next) else { break }
        lower = next
      }
    }
    if ends.contains(.end) {
      while upper > lower, let before = UTF8Text.offset(before: upper, count: 1, in: text) {
        guard before >= lower, contains(set, text, before..<upper) else { break }
        upper = before
      }
    }
    return lower..<upper
  }

  /// Whether the character in `range` of `text` is one of `set`.
  private static func contains(
    _ set: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer, _ range: Range<Int>
  ) -> Bool {
    var index = 0
    while index < set.count {
      let next = UTF8Text.offset(after: 1, from: index, in: set)
      if next - index == range.count,
        zip(index..<next, range).allSatisfy({ set[$0] == text[$1] })
      {
        return true
      }
      index = next
    }
    return false
  }

  static func overloads(_ ends: Ends) -> ScalarFunction.Binding {
    .overloads([
      .init([.varchar], .varchar) { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let space = StringView.space
        return try TextKernels.slice(arguments, count) { (_: Int, text: UnsafeRawBufferPointer) in
          space.withBytes { range(text, $0, ends) }
        }
      },
      .init([.varchar, .varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let sets = RowReader<StringView>(arguments[1])
        return try TextKernels.slice(arguments, count) { (row: Int, text: UnsafeRawBufferPointer) in
          sets[row].withBytes { range(text, $0, ends) }
        }
      },
    ])
  }
}

extension ScalarFunction {
  static let trim = ScalarFunction(
    "trim", aliases: ["btrim"], .text,
    help: "Text without spaces, or without the given characters, at both ends",
    example: .init(.text("xxaxx"), .text("x"), gives: "a"), Trim.overloads([.start, .end]))

  static let ltrim = ScalarFunction(
    "ltrim", .text, help: "Text without spaces, or without the given characters, at its start",
    example: .init(.text("  a "), gives: "a "), Trim.overloads(.start))

  static let rtrim = ScalarFunction(
    "rtrim", .text, help: "Text without spaces, or without the given characters, at its end",
    example: .init(.text(" a  "), gives: " a"), Trim.overloads(.end))
}
