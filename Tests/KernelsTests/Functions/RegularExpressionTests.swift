import Testing
import Vectors

@testable import Kernels

@Suite("Regular expressions")
struct RegularExpressionTests {
  private func evaluate(_ name: String, _ arguments: String...) throws(StoaError) -> Value {
    let constants = arguments.map { Expression.constant(.string($0), .varchar) }
    return try FunctionRegistry.bind(name, constants).evaluateConstant()
  }

  @Test("without PCRE2 the error says how to get it", .enabled(if: !RegularExpression.isAvailable))
  func absent() {
    #expect(throws: RegularExpression.absent) { try evaluate("regexp_matches", "a", "a") }
  }

  @Test(
    "patterns that take for ever end with an error",
    .enabled(if: RegularExpression.isAvailable),
    arguments: ["^(a+)+$", "^(a|aa)+$", "(x+x+)+y|^(a|a?)+$"])
  func limits(pattern: String) {
    let text = String(repeating: "a", count: 60) + "c"
    let error = #expect(throws: StoaError.self) {
      try evaluate("regexp_full_match", text, pattern)
    }
    #expect(error?.message.contains("too many steps") ?? false)
  }

  @Test("deep and long patterns are refused", .enabled(if: RegularExpression.isAvailable))
  func sizes() {
    let deep =
      String(repeating: "(", count: 10_000) + "a" + String(repeating: ")", count: 10_000)
    #expect(throws: StoaError.self) { try evaluate("regexp_matches", "a", deep) }
    let long = String(repeating: "a", count: 100_000)
    #expect(throws: StoaError.self) { try evaluate("regexp_matches", "a", long) }
    #expect(throws: StoaError.self) { try evaluate("regexp_matches", "a", "a\\C") }
  }

  @Test("long texts are matched", .enabled(if: RegularExpression.isAvailable))
  func longTexts() throws {
    let text = String(repeating: "ab", count: 50_000)
    #expect(try evaluate("regexp_full_match", text, "(?:ab)*") == .boolean(true))
    #expect(try evaluate("regexp_full_match", text, "(?:a|b)*?") == .boolean(true))
    #expect(try evaluate("regexp_count", text, "ba") == .integer(49_999))
  }

  @Test("bytes that are no UTF-8 do no harm", .enabled(if: RegularExpression.isAvailable))
  func invalidText() throws {
    let expression = try [UInt8]("b.".utf8).withTypedErrors({
      (bytes: UnsafeRawBufferPointer) throws(StoaError) in
      try RegularExpression(bytes, [], isReused: true)
    })
    let matcher = RegularExpressionMatcher()
    let found = try [0xFF, 0x62, 0x63, 0xC3].withTypedErrors({
      (bytes: UnsafeRawBufferPointer) throws(StoaError) in
      try matcher.finds(expression, in: bytes)
    })
    #expect(found)
    #expect(matcher.match == 1..<3)
  }

  @Test(
    "random patterns and texts never trap", .enabled(if: RegularExpression.isAvailable),
    arguments: [1, 2, 3] as [UInt64])
  func fuzz(seed: UInt64) {
    var generator = SeededGenerator(seed)
    let letters = Array("ab(|)*+?[]^$.\\{}1,-é:=!<>Kx%_")
    for _ in 0..<2000 {
      func text(_ most: Int) -> String {
        String(
          (0..<Int.random(in: 0...most, using: &generator)).map { _ in
            letters[Int.random(in: 0..<letters.count, using: &generator)]
          })
      }
      let (subject, pattern) = (text(12), text(10))
      for name in ["regexp_matches", "regexp_extract", "similar_to", "glob", "regexp_count"] {
        _ = try? evaluate(name, subject, pattern)
      }
      _ = try? evaluate("regexp_replace", subject, pattern, text(4), "g")
    }
  }
}
