import Vectors

/// Texts within texts.
enum TextSearch {
  static func predicate(
    _ body: @escaping @Sendable (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
  ) -> ScalarFunction.Binding {
    .overloads([
      .init([.varchar, .varchar], .boolean) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.relate(arguments, count, .boolean, zero: 0 as UInt8) {
          body($0, $1) ? 1 : 0
        }
      }
    ])
  }

  /// `text` with every `old` replaced; an empty `old` changes nothing.
  static func appendReplacing(
    _ text: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer, _ new: UnsafeRawBufferPointer,
    to bytes: inout [UInt8]
  ) throws(StoaError) {
    var position = 0
    while old.count > 0, let found = UTF8Text.find(old, in: text, from: position) {
      bytes.append(contentsOf: text[position..<found])
      bytes.append(contentsOf: new)
      position = found + old.count
      if bytes.count > TextKernels.maximalByteCount { throw TextKernels.tooLong(bytes.count) }
    }
    bytes.append(contentsOf: text[position...])
  }

  /// Bytes of field `number` (from 1; from the end when negative) between `separator`s.
  static func field(
    _ text: UnsafeRawBufferPointer, _ separator: UnsafeRawBufferPointer, _ number: Int64
  ) throws(StoaError) -> Range<Int> {
    if number == 0 {
      throw StoaError(.evaluation, "split_part counts from 1, or from -1 backwards, not from 0")
    }
    guard separator.count > 0 else { return number == 1 || number == -1 ? 0..<text.count : 0..<0 }
    var wanted = number
    if number < 0 {
      var fields: Int64 = 1
      var position = 0
      while let found = UTF8Text.find(separator, in: text, from: position) {
        fields += 1
        position = found + separator.count
      }
      guard number >= -fields else { return 0..<0 }
      wanted = fields + number + 1
    }
    var start = 0
    while let found = UTF8Text.find(separator, in: text, from: start) {
      if wanted == 1 { return start..<found }
      wanted -= 1
      start = found + separator.count
    }
    return wanted == 1 ? start..<text.count : 0..<0
  }
}

extension ScalarFunction {
  static let startsWith = ScalarFunction(
    "starts_with", aliases: ["prefix"], .text, help: "Whether a text starts with another",
    example: .init(.text("banana"), .text("ban"), gives: "true"),
    TextSearch.predicate { UTF8Text.hasPrefix($0, $1) })

  static let endsWith = ScalarFunction(
    "ends_with", aliases: ["suffix"], .text, help: "Whether a text ends with another",
    example: .init(.text("banana"), .text("ana"), gives: "true"),
    TextSearch.predicate { UTF8Text.hasSuffix($0, $1) })

  static let contains = ScalarFunction(
    "contains", .text, help: "Whether a text contains another",
    example: .init(.text("banana"), .text("nan"), gives: "true"),
    TextSearch.predicate { UTF8Text.find($1, in: $0) != nil })

  static let position = ScalarFunction(
    "strpos", aliases: ["instr"], .text,
    help:
      "Position in characters, from 1, of the first occurrence of the second text; 0 without one",
    example: .init(.text("étoile"), .text("oi"), gives: "3"),
    .overloads([
      Overload([.varchar, .varchar], .bigint) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.relate(arguments, count, .bigint, zero: 0 as Int64) { text, part in
          guard let found = UTF8Text.find(part, in: text) else { return 0 }
          return Int64(UTF8Text.codePointCount(UnsafeRawBufferPointer(rebasing: text[..<found])))
            + 1
        }
      }
    ]))

  static let replace = ScalarFunction(
    "replace", .text, help: "Text with every occurrence of the second replaced by the third",
    example: .init(.text("banana"), .text("an"), .text("AN"), gives: "bANANa"),
    .overloads([
      Overload([.varchar, .varchar, .varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let texts = arguments.map { RowReader<StringView>($0) }
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          try texts[0][row].withBytes { (text: UnsafeRawBufferPointer) throws(StoaError) in
            try texts[1][row].withBytes { (old: UnsafeRawBufferPointer) throws(StoaError) in
              try texts[2][row].withBytes { (new: UnsafeRawBufferPointer) throws(StoaError) in
                try TextSearch.appendReplacing(text, old, new, to: &bytes)
              }
            }
          }
        }
      }
    ]))

  static let splitPart = ScalarFunction(
    "split_part", .text,
    help: "Field of a text cut at a separator, counted from 1, or from -1 backwards",
    example: .init(.text("a,b,c"), .text(","), .integer(2), gives: "b"),
    .overloads([
      Overload([.varchar, .varchar, .bigint], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let (separators, numbers) = (
          RowReader<StringView>(arguments[1]), RowReader<Int64>(arguments[2])
        )
        return try TextKernels.slice(arguments, count) {
          (row: Int, text: UnsafeRawBufferPointer) throws(StoaError) -> Range<Int> in
          try separators[row].withBytes {
            (separator: UnsafeRawBufferPointer) throws(StoaError) -> Range<Int> in
            try TextSearch.field(text, separator, numbers[row])
          }
        }
      }
    ]))
}
