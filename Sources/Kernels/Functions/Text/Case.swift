import Vectors

/// Upper and lower case by Unicode's mapping of single characters: those that would become several
/// (German sharp s) stay as they are, as in PostgreSQL.
enum LetterCase {
  enum Direction: Sendable { case upper, lower }

  static func append(
    _ source: UnsafeRawBufferPointer, _ direction: Direction, to bytes: inout [UInt8]
  ) {
    if UTF8Text.isASCII(source) {
      for byte in source { bytes.append(ascii(byte, direction)) }
      return
    }
    let text = String(decoding: source, as: UTF8.self)
    for scalar in text.unicodeScalars { append(mapped(scalar, direction), to: &bytes) }
  }

  @inline(__always)
  private static func ascii(_ byte: UInt8, _ direction: Direction) -> UInt8 {
    let first = direction == .upper ? UInt8(ascii: "a") : UInt8(ascii: "A")
    return byte &- first < 26 ? byte ^ 0x20 : byte
  }

  private static func mapped(_ scalar: Unicode.Scalar, _ direction: Direction) -> Unicode.Scalar {
    let text =
      direction == .upper ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
    let scalars = text.unicodeScalars
    guard let only = scalars.first, scalars.count == 1 else { return scalar }
    return only
  }

  static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
    for byte in UTF8.encode(scalar)! { bytes.append(byte) }
  }

  static func kernel(_ direction: Direction) -> BoundFunction.Kernel {
    { (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      let source = RowReader<StringView>(arguments[0])
      return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
        source[row].withBytes { append($0, direction, to: &bytes) }
      }
    }
  }

  /// First letter of each word in upper case, the others in lower case.
  static func appendCapitalized(_ source: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    var isInWord = false
    for scalar in String(decoding: source, as: UTF8.self).unicodeScalars {
      append(mapped(scalar, isInWord ? .lower : .upper), to: &bytes)
      isInWord = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }
  }
}

extension ScalarFunction {
  static let upper = ScalarFunction(
    "upper", aliases: ["ucase"], .text, help: "Text in upper case",
    example: .init(.text("étoile"), gives: "ÉTOILE"),
    .overloads([Overload([.varchar], .varchar, kernel: LetterCase.kernel(.upper))]))

  static let lower = ScalarFunction(
    "lower", aliases: ["lcase"], .text, help: "Text in lower case",
    example: .init(.text("ΑΘΗΝΑ"), gives: "αθηνα"),
    .overloads([Overload([.varchar], .varchar, kernel: LetterCase.kernel(.lower))]))

  static let initcap = ScalarFunction(
    "initcap", .text, help: "Text with the first letter of each word in upper case",
    example: .init(.text("new york"), gives: "New York"),
    .overloads([
      Overload([.varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let source = RowReader<StringView>(arguments[0])
        return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
          source[row].withBytes { LetterCase.appendCapitalized($0, to: &bytes) }
        }
      }
    ]))
}
