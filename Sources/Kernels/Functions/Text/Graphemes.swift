@_spi(_Unicode) import Swift
import Vectors

/// Characters as readers see them: a letter with its accents, a flag, a family. Others count code points.
enum Graphemes {
  /// Bytes of `length` graphemes from number `start` (from 1) on, negative counts from the end.
  static func range(_ text: UnsafeRawBufferPointer, start: Int64, length: Int64?) -> Range<Int> {
    let string = String(decoding: text, as: UTF8.self)
    // Repaired bytes would have other places.
    guard string.utf8.count == text.count else { return 0..<text.count }
    let count = Int64(string.count)
    let first = start < 0 ? count &+ max(start, -count) : start &- 1
    let wanted = length ?? Int64.max
    let (sum, overflow) = first.addingReportingOverflow(wanted)
    let last = min(count, overflow ? (wanted < 0 ? 0 : count) : sum)
    let lower = max(0, first)
    guard lower < last else { return 0..<0 }
    let from = string.index(string.startIndex, offsetBy: Int(lower))
    let to = string.index(from, offsetBy: Int(last - lower))
    return string.utf8.distance(
      from: string.startIndex, to: from)..<string.utf8.distance(
        from: string.startIndex, to: to)
  }

  static func overload(
    _ count: Int,
    _ range:
      @escaping @Sendable (UnsafeRawBufferPointer, ArgumentReader, Int) -> Range<Int>
  ) -> ScalarFunction.Overload {
    .init([.varchar] + [LogicalType](repeating: .bigint, count: count - 1), .varchar) {
      (arguments: [Vector], rows: Int) throws(StoaError) -> Vector in
      let reader = ArgumentReader(arguments)
      return try TextKernels.slice(arguments, rows) { (row: Int, text: UnsafeRawBufferPointer) in
        range(text, reader, row)
      }
    }
  }

  /// Canonical composition (NFC) of `text`.
  static func append(composed text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    if UTF8Text.isASCII(text) { return bytes.append(contentsOf: text) }
    for scalar in String(decoding: text, as: UTF8.self)._nfc {
      LetterCase.append(scalar, to: &bytes)
    }
  }

  /// Canonical decomposition (NFD).
  static func append(decomposed text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    if UTF8Text.isASCII(text) { return bytes.append(contentsOf: text) }
    for scalar in String(decoding: text, as: UTF8.self)._nfd {
      LetterCase.append(scalar, to: &bytes)
    }
  }

  /// Without the marks that decomposition separates from letters.
  static func append(withoutAccents text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    if UTF8Text.isASCII(text) { return bytes.append(contentsOf: text) }
    var letters = String.UnicodeScalarView()
    for scalar in String(decoding: text, as: UTF8.self)._nfd
    where scalar.properties.generalCategory != .nonspacingMark {
      letters.append(scalar)
    }
    for scalar in String(letters)._nfc { LetterCase.append(scalar, to: &bytes) }
  }
}

extension ScalarFunction {
  static let lengthGrapheme = ScalarFunction(
    "length_grapheme", .text,
    help: "Number of characters as readers see them (grapheme clusters)",
    example: .init(.text("e\u{301}a"), gives: "2"),
    .overloads([
      .value([.varchar], .bigint, zero: 0 as Int64) { (reader: ArgumentReader, row: Int) in
        reader.text(0, row).withBytes { text in
          // A carriage return and a line feed are one.
          UTF8Text.isASCII(text) && !text.contains(13)
            ? Int64(text.count) : Int64(String(decoding: text, as: UTF8.self).count)
        }
      }
    ]))

  static let substringGrapheme = ScalarFunction(
    "substring_grapheme", .text, help: "Grapheme clusters from a position (from 1) on",
    example: .init(.text("e\u{301}te\u{301}"), .integer(2), .integer(1), gives: "t"),
    .overloads([
      Graphemes.overload(2) { text, reader, row in
        Graphemes.range(text, start: reader.integer(1, row), length: nil)
      },
      Graphemes.overload(3) { text, reader, row in
        Graphemes.range(text, start: reader.integer(1, row), length: reader.integer(2, row))
      },
    ]))

  static let leftGrapheme = ScalarFunction(
    "left_grapheme", .text,
    help: "The first grapheme clusters; with a negative number all but the last",
    example: .init(.text("abc"), .integer(-1), gives: "ab"),
    .overloads([
      Graphemes.overload(2) { text, reader, row in
        let wanted = reader.integer(1, row)
        if wanted >= 0 { return Graphemes.range(text, start: 1, length: wanted) }
        let rest = Graphemes.range(text, start: wanted, length: nil)
        return 0..<rest.lowerBound
      }
    ]))

  static let rightGrapheme = ScalarFunction(
    "right_grapheme", .text,
    help: "The last grapheme clusters; with a negative number all but the first",
    example: .init(.text("abc"), .integer(2), gives: "bc"),
    .overloads([
      Graphemes.overload(2) { text, reader, row in
        let wanted = reader.integer(1, row)
        if wanted == 0 { return 0..<0 }
        if wanted > 0 { return Graphemes.range(text, start: -wanted, length: nil) }
        let dropped = wanted == .min ? Int64.max : -wanted
        return Graphemes.range(text, start: dropped == .max ? .max : dropped + 1, length: nil)
      }
    ]))

  static let normalize = ScalarFunction(
    "nfc_normalize", aliases: ["normalize"], .text,
    help: "Text in Unicode's composed form NFC, or in the form given (NFC or NFD)",
    example: .init(.text("e\u{301}"), gives: "é"),
    .overloads([
      .text([.varchar]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        reader.text(0, row).withBytes { Graphemes.append(composed: $0, to: &bytes) }
      },
      .text([.varchar, .varchar]) {
        (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) throws(StoaError) in
        switch reader.text(1, row).string.uppercased() {
        case "NFC": reader.text(0, row).withBytes { Graphemes.append(composed: $0, to: &bytes) }
        case "NFD": reader.text(0, row).withBytes { Graphemes.append(decomposed: $0, to: &bytes) }
        default:
          throw StoaError(
            .evaluation, "'\(reader.text(1, row).string)' is not NFC or NFD")
        }
      },
    ]))

  static let stripAccents = ScalarFunction(
    "strip_accents", aliases: ["unaccent"], .text, help: "Letters without their accents",
    example: .init(.text("mühle"), gives: "muhle"),
    .overloads([
      .text([.varchar]) { (reader: ArgumentReader, row: Int, bytes: inout [UInt8]) in
        reader.text(0, row).withBytes { Graphemes.append(withoutAccents: $0, to: &bytes) }
      }
    ]))
}
