import Testing
import Vectors

@testable import Kernels

@Suite("Text of values")
struct TextRoundTripTests {
  private func parse<T>(_ text: String, _ body: (UnsafeRawBufferPointer) -> T?) -> T? {
    var copy = text
    return copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
  private func text(_ append: (inout [UInt8]) -> Void) -> String {
    var bytes: [UInt8] = []
    append(&bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("random numbers, dates and timestamps read back as themselves")
  func roundTrips() {
    let seed = UInt64.random(in: .min ... .max)
    var generator = SeededGenerator(seed)
    for _ in 0..<20_000 {
      let shift = Int.random(in: 0...127, using: &generator)
      let huge = Int128.random(in: .min ... .max, using: &generator) >> Int128(shift)
      #expect(
        parse(text { TextFormatter.appendInteger(huge, to: &$0) }) { TextParser.parseInt128($0) }
          == huge)
      let big = Int64(truncatingIfNeeded: huge)
      #expect(text { TextFormatter.appendInteger(big, to: &$0) } == "\(big)")
      #expect(parse("\(big)") { TextParser.parseInt64($0) } == big)
      let scale = Int.random(in: 0...38, using: &generator)
      let unscaled = huge % PowersOfTen.integer(38)
      let decimal = text { TextFormatter.appendDecimal(unscaled, scale: scale, to: &$0) }
      #expect(
        parse(decimal) { TextParser.parseDecimal($0, precision: 38, scale: scale) } == unscaled,
        "\(decimal), seed \(seed)")
      let double = Double(bitPattern: UInt64.random(in: .min ... .max, using: &generator))
      let printed = text { TextFormatter.appendDouble(double, to: &$0) }
      #expect(
        parse(printed) { TextParser.parseDouble($0) }.map {
          $0 == double || ($0.isNaN && double.isNaN)
        } == true, "\(printed)")
      let real = Float(bitPattern: UInt32.random(in: .min ... .max, using: &generator))
      let short = text { TextFormatter.appendReal(real, to: &$0) }
      #expect(
        parse(short) { TextParser.parseReal($0) }.map { $0 == real || ($0.isNaN && real.isNaN) }
          == true, "\(short)")
      let day = Int32.random(in: .min ... .max, using: &generator)
      let date = text { TextFormatter.appendDate(Int(day), to: &$0) }
      #expect(parse(date) { TextParser.parseDate($0) } == day, "\(date)")
      let stamp = Int64.random(in: .min ... .max, using: &generator)
      let time = text { TextFormatter.appendTimestamp(stamp, to: &$0) }
      #expect(parse(time) { TextParser.parseTimestamp($0) } == stamp, "\(time)")
    }
  }

  @Test("doubles of few digits parse as the standard library parses them")
  func doubles() {
    var generator = SeededGenerator(7)
    for _ in 0..<20_000 {
      let digits = String(
        UInt64.random(in: .min ... .max, using: &generator)
          >> UInt64.random(in: 0...63, using: &generator))
      let point = Int.random(in: 0...digits.count, using: &generator)
      let exponent = Int.random(in: -340...310, using: &generator)
      let number = "\(digits.prefix(point)).\(digits.dropFirst(point))"
      for candidate in [number, "\(number)e\(exponent)", "-\(number)E\(exponent / 12)"] {
        let plain =
          candidate.hasPrefix(".") ? "0" + candidate : candidate.replacing("-.", with: "-0.")
        let number =
          Double(plain.replacing(".e", with: ".0e").replacing(".E", with: ".0E"))
          ?? Double(plain + "0")
        // Beyond the range it is no number; infinity has a word of its own.
        let expected = number.flatMap { $0.isFinite ? $0 : nil }
        #expect(parse(candidate) { TextParser.parseDouble($0) } == expected, "\(candidate)")
      }
    }
  }

  @Test("doubles print as DuckDB prints them")
  func printing() {
    let cases: [(Double, String)] = [
      (1, "1.0"), (0, "0.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e15, "1000000000000000.0"),
      (1e16, "1e+16"),
      (1e20, "1e+20"), (123_456_789.125, "123456789.125"), (1e-4, "0.0001"), (1e-5, "1e-05"),
      (1.5e300, "1.5e+300"), (.leastNonzeroMagnitude, "5e-324"), (.nan, "nan"),
      (-.infinity, "-inf"),
      (9_007_199_254_740_992, "9007199254740992.0"),
      (12_345_678_901_234_568, "1.2345678901234568e+16"),
    ]
    for (value, expected) in cases {
      #expect(text { TextFormatter.appendDouble(value, to: &$0) } == expected)
    }
    #expect(text { TextFormatter.appendReal(0.6666667, to: &$0) } == "0.6666667")
    #expect(text { TextFormatter.appendReal(Float(Double(1e-40)), to: &$0) } == "1e-40")
    #expect(text { TextFormatter.appendReal(16_777_216, to: &$0) } == "16777216.0")
  }

  @Test("decimals round half away from zero and keep to their precision")
  func decimals() {
    let cases: [(String, Int, Int, Int128?)] = [
      ("1.005", 5, 2, 101), ("-1.005", 5, 2, -101), ("1.0049999", 5, 2, 100), ("1.999", 3, 1, 20),
      ("99.95", 3, 1, nil), ("1e3", 6, 2, 100_000), ("125e-3", 5, 2, 13), ("-.5", 3, 0, -1),
      ("5.", 3, 1, 50), (".", 3, 1, nil), ("", 3, 1, nil), ("-", 3, 1, nil), ("1.2.3", 5, 1, nil),
      ("1e", 5, 1, nil), ("0e99999999999", 5, 1, 0), ("1e-99999999999", 5, 1, 0),
      ("1e99999", 5, 1, nil),
      ("+7", 3, 0, 7), (" 7 ", 3, 0, 7), ("0.4999999999999999999999999999999999999999999", 3, 0, 0),
      ("99999999999999999999999999999999999999", 38, 0, PowersOfTen.integer(38) - 1),
      ("100000000000000000000000000000000000000", 38, 0, nil),
      ("0000000000000000000000000000000000000000000000001.5", 38, 1, 15),
    ]
    for (source, precision, scale, expected) in cases {
      #expect(
        parse(source) { TextParser.parseDecimal($0, precision: precision, scale: scale) }
          == expected,
        "\(source)")
    }
  }

  @Test("dates and timestamps: variants that are read, and what is refused")
  func dates() {
    let good: [(String, String)] = [
      ("2024-02-29", "2024-02-29 00:00:00"), ("2024/2/9", "2024-02-09 00:00:00"),
      (" 2024-1-1 ", "2024-01-01 00:00:00"), ("2024-02-29T01:02:03.5", "2024-02-29 01:02:03.5"),
      ("2024-02-29 01:02", "2024-02-29 01:02:00"),
      ("2024-02-29 23:59:59.9999996", "2024-03-01 00:00:00"),
      ("2024-02-29 12:00:00Z", "2024-02-29 12:00:00"),
      ("2024-02-29 12:00:00+02", "2024-02-29 12:00:00"),
      ("2024-02-29 12:00:00-05:30", "2024-02-29 12:00:00"),
      ("2024-02-29 24:00:00", "2024-03-01 00:00:00"),
      ("0044-03-15 BC", "0044-03-15 00:00:00 (BC)"),
    ]
    for (source, expected) in good {
      let parsed = parse(source) { TextParser.parseTimestamp($0) }
      #expect(
        parsed.map { stamp in text { TextFormatter.appendTimestamp(stamp, to: &$0) } } == expected,
        "\(source)")
    }
    for bad in [
      "", "2024", "2024-13-01", "2024-02-30", "2023-02-29", "2024-02-29x", "2024-02-29 25:00:00",
      "2024-02-29 10:60:00", "2024-02-29 10:00:60", "2024-02-29 10", "0000-01-01", "2024-00-10",
      "2024-01-00", "99999999-01-01", "20240229", "2024-02/29", "2024-02-29 10:00:00.",
      "-2024-01-01",
    ] {
      #expect(parse(bad) { TextParser.parseTimestamp($0) } == nil, "\(bad)")
      #expect(parse(bad) { TextParser.parseDate($0) } == nil, "\(bad)")
    }
  }

  @Test("random bytes are refused or read, never trapped on")
  func garbage() {
    var generator = SeededGenerator(UInt64.random(in: .min ... .max))
    let alphabet = Array("0123456789-+.eE:/ TZbcBC()nainf\0é".utf8)
    for _ in 0..<50_000 {
      let bytes = (0..<Int.random(in: 0...30, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator)!
      }
      bytes.withUnsafeBytes {
        _ = TextParser.parseInt64($0)
        _ = TextParser.parseInt128($0)
        _ = TextParser.parseDouble($0)
        _ = TextParser.parseReal($0)
        _ = TextParser.parseDecimal($0, precision: 38, scale: 10)
        _ = TextParser.parseDate($0)
        _ = TextParser.parseTimestamp($0)
        _ = TextParser.parseBoolean($0)
        _ = TextParser.parseInterval($0)
      }
    }
  }
}
