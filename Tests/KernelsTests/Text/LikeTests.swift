import Testing
import Vectors

@testable import Kernels

@Suite("LIKE")
struct LikeTests {
  /// The definition: recursion over the characters.
  private func matches(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    let rest = pattern.dropFirst()
    switch first {
    case "%":
      return (text.startIndex...text.endIndex).contains { matches(rest, text[$0...]) }
    case "_": return !text.isEmpty && matches(rest, text.dropFirst())
    case "\\": return rest.first == text.first && matches(rest.dropFirst(), text.dropFirst())
    default: return text.first == first && matches(rest, text.dropFirst())
    }
  }

  @Test("agrees with its definition on random patterns and texts")
  func random() throws {
    let seed = UInt64.random(in: .min ... .max)
    var generator = SeededGenerator(seed)
    let alphabet: [Character] = ["a", "b", "é"]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0...7, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator)!
      }
      var pattern: [Character] = []
      for _ in 0..<Int.random(in: 0...6, using: &generator) {
        pattern.append((alphabet + ["%", "%", "_", "\\"]).randomElement(using: &generator)!)
        if pattern.last == "\\" {
          pattern.append(["%", "_", "\\", "a"].randomElement(using: &generator)!)
        }
      }
      let expected = matches(pattern[...], text[...])
      var (textString, patternString) = (String(text), String(pattern))
      let compiled = try patternString.withUTF8 { bytes in
        try LikePattern(UnsafeRawBufferPointer(bytes), escape: UInt8(ascii: "\\"))
      }
      let found = textString.withUTF8 { compiled.matches(UnsafeRawBufferPointer($0)) }
      #expect(found == expected, "'\(textString)' LIKE '\(patternString)', seed \(seed)")
    }
  }

  @Test("a pattern that ends with its escape character is an error")
  func danglingEscape() {
    #expect(throws: StoaError.self) {
      try FunctionRegistry.bind(
        "like", [.constant(.string("a"), .varchar), .constant(.string("a\\"), .varchar)]
      )
      .evaluateConstant()
    }
  }
}
