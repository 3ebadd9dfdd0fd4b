import Vectors

/// LIKE and ILIKE. A third argument is the escape character, a backslash without one; an empty text means
/// that there is none.
enum Like {
  static func binding(ignoresCase: Bool) -> ScalarFunction.Binding {
    .overloads([
      .init([.varchar, .varchar], .boolean) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try rows(arguments, count, ignoresCase) { _ in UInt8(ascii: "\\") }
      },
      .init([.varchar, .varchar, .varchar], .boolean) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let escapes = RowReader<StringView>(arguments[2])
        return try rows(arguments, count, ignoresCase) { (row: Int) throws(StoaError) -> UInt8? in
          try escape(escapes[row])
        }
      },
    ])
  }

  private static func escape(_ view: StringView) throws(StoaError) -> UInt8? {
    if view.byteCount == 0 { return nil }
    let first = view.withBytes { $0[0] }
    guard view.byteCount == 1, first < 0x80 else {
      throw StoaError(
        .evaluation,
        "the escape character of LIKE must be one ASCII character, not '\(view.string)'")
    }
    return first
  }

  private static func rows(
    _ arguments: [Vector], _ count: Int, _ ignoresCase: Bool,
    _ escape: (Int) throws(StoaError) -> UInt8?
  ) throws(StoaError) -> Vector {
    let result = FlatResult<UInt8>(count: count)
    let validity = VectorForms.commonValidity(arguments)
    let (texts, patterns) = (
      RowReader<StringView>(arguments[0]), RowReader<StringView>(arguments[1])
    )
    let isConstant = arguments[1...].allSatisfy { $0.form == .constant }
    var compiled: LikePattern?
    var lowered: [UInt8] = []
    for row in 0..<count {
      guard validity?.isValid(row) ?? true else {
        result.values[row] = 0
        continue
      }
      if compiled == nil || !isConstant {
        compiled = try compile(patterns[row], try escape(row), ignoresCase)
      }
      let isMatch: Bool
      if ignoresCase {
        lowered.removeAll(keepingCapacity: true)
        texts[row].withBytes { LetterCase.append($0, .lower, to: &lowered) }
        isMatch = lowered.withUnsafeBytes { compiled!.matches($0) }
      } else {
        isMatch = texts[row].withBytes { compiled!.matches($0) }
      }
      result.values[row] = isMatch ? 1 : 0
    }
    withExtendedLifetime(arguments) {}
    return result.vector(.boolean, count: count, validity: validity)
  }

  private static func compile(
    _ pattern: StringView, _ escape: UInt8?, _ ignoresCase: Bool
  ) throws(StoaError) -> LikePattern {
    try pattern.withBytes { (bytes: UnsafeRawBufferPointer) throws(StoaError) -> LikePattern in
      guard ignoresCase else { return try LikePattern(bytes, escape: escape) }
      var lowered: [UInt8] = []
      LetterCase.append(bytes, .lower, to: &lowered)
      let loweredEscape = escape.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
      let compiled = lowered.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
        Result { () throws(StoaError) -> LikePattern in
          try LikePattern(bytes, escape: loweredEscape)
        }
      }
      return try compiled.get()
    }
  }
}

extension ScalarFunction {
  static let like = ScalarFunction(
    "like", .text,
    help: "Whether a text matches a pattern: % any characters, _ one character, \\ escapes",
    example: .init(.text("banana"), .text("b%n_"), gives: "true"), Like.binding(ignoresCase: false))

  static let ilike = ScalarFunction(
    "ilike", .text, help: "LIKE without regard to case",
    example: .init(.text("Banana"), .text("bAN%"), gives: "true"), Like.binding(ignoresCase: true))
}
