import Formats
import Kernels
import Testing
import Vectors

@Suite struct TextParserTests {
  /// What CAST makes of a text; `nil` when it refuses.
  private func cast(_ text: String, _ type: LogicalType) -> Value? {
    try? Cast.apply(.string(text), from: .varchar, to: type)
  }

  @Test("a field means the same to a file as to CAST")
  func agreesWithCasts() throws {
    let texts = [
      "0", "-0", "007", "+7", "1.0", "1.5", "2.5", "-1.5", "1e3", "1E-2", "1.", ".5", "-.5", "1e",
      "e1", " 12 ",
      "12 3", "127", "128", "-128", "-129", "32768", "2147483648", "9223372036854775808",
      "99999999999999999999",
      "1234567890123456789012345678901234567890", "0.005", "0.0049999", "-0.005", "123456.789",
      "1_000", "0x10",
      "nan", "NaN", "inf", "-Infinity", "infinite", "1e400", "1e-400", "0.1", "3.4028236e38",
      "true", "FALSE",
      "t", "f", "yes", "no", "on", "off", "y", "n", "2", "tru", "2024-02-29", "2023-02-29",
      "2024-2-9", "2024/02/09",
      "0001-01-01", "9999-12-31", "10000-01-01", "-0044-03-15", "2024-02-29 10:11:12",
      "2024-02-29T10:11:12.123456Z",
      "2024-02-29 10:11", "2024-02-29 24:00:00", "2024-02-29 10:11:12.1234567",
      "2024-02-29 10:11:60", "x", "-", "+",
      "2024-02-29 ", "20240229", "1999-12-31 23:59:59.999999", "2024-02-29 10:11:12+00", "1e18",
      "1e19",
    ]
    let types: [LogicalType] = [
      .tinyint, .smallint, .integer, .bigint, .hugeint, .double, .real,
      .decimal(precision: 5, scale: 2),
      .decimal(precision: 18, scale: 4), .decimal(precision: 38, scale: 10), .boolean, .date,
      .timestamp,
    ]
    var differences: [String] = []
    for type in types {
      for text in texts {
        let read = try readCSV("\(text)|\n", [type]) { $0.delimiter = UInt8(ascii: "|") }.rows
          .first?[0]
        let value = cast(text, type)
        // Too large for a float is an error in a file; no infinity comes from digits.
        if type.isFloatingPoint, read == nil, case .double(let number)? = value, number.isInfinite {
          continue
        }
        if read != value {
          differences.append(
            "'\(text)' as \(type): file \(read.map { "\($0)" } ?? "refuses"), CAST \(value.map { "\($0)" } ?? "refuses")"
          )
        }
      }
    }
    #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
  }
}
