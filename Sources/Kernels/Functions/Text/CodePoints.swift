import Vectors

extension ScalarFunction {
  static let ascii = ScalarFunction(
    "ascii", aliases: ["unicode", "ord"], .text,
    help: "Code point of the first character; 0 of an empty text",
    example: .init(.text("A"), gives: "65"),
    .overloads([
      Overload([.varchar], .integer) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        try TextKernels.measure(arguments, count, .integer, zero: 0 as Int32) { bytes in
          let first = UnsafeRawBufferPointer(rebasing: bytes.prefix(4))
          return String(decoding: first, as: UTF8.self).unicodeScalars.first
            .map { Int32(truncatingIfNeeded: $0.value) } ?? 0
        }
      }
    ]))

  static let chr = ScalarFunction(
    "chr", .text, help: "The character of a code point", example: .init(.integer(233), gives: "é"),
    .overloads([
      Overload([.bigint], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let codes = RowReader<Int64>(arguments[0])
        return try TextKernels.build(arguments, count) {
          (row: Int, bytes: inout [UInt8]) throws(StoaError) in
          guard codes[row] > 0, let value = UInt32(exactly: codes[row]),
            let scalar = Unicode.Scalar(value)
          else {
            throw StoaError(.evaluation, "\(codes[row]) is not the code point of a character")
          }
          LetterCase.append(scalar, to: &bytes)
        }
      }
    ]))

  static let translate = ScalarFunction(
    "translate", .text,
    help:
      "Text with each character of the second replaced by the one at its place in the third, or removed",
    example: .init(.text("12345"), .text("143"), .text("ax"), gives: "a2x5"),
    .overloads([
      Overload([.varchar, .varchar, .varchar], .varchar) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        let texts = arguments.map { RowReader<StringView>($0) }
        return try TextKernels.build(arguments, count) { (row: Int, bytes: inout [UInt8]) in
          let from = Array(texts[1][row].string.unicodeScalars)
          let to = Array(texts[2][row].string.unicodeScalars)
          for scalar in texts[0][row].string.unicodeScalars {
            guard let place = from.firstIndex(of: scalar) else {
              LetterCase.append(scalar, to: &bytes)
              continue
            }
            if place < to.count { LetterCase.append(to[place], to: &bytes) }
          }
        }
      }
    ]))
}
