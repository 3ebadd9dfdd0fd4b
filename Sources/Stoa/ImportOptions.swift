import Formats
import SQL

/// What COPY … FROM and `stoa import` can be told about files; the rest is detected.
public struct ImportOptions: Sendable {
  var csv = CSVOptions()
  /// Rows that may be left out because they do not fit.
  public var maximalRejectCount = 0
  /// Where left-out rows are described; `nil` chooses a file in the warehouse.
  public var rejectPath: String?

  /// Nothing is told, everything is detected.
  public init() {}

  private static let names = [
    "format", "delimiter", "header", "null", "quote", "escape", "skip", "max_rejects", "rejects",
    "types", "names", "max_line_size", "sample_size", "encoding",
  ]

  /// Takes over one option under the name COPY gives it, in any case.
  /// - Parameter values: none for a bare word such as HEADER, several for a list.
  /// - Throws: `.binding` naming the option.
  public mutating func set(_ name: String, to values: [String] = []) throws(StoaError) {
    let value = values.joined(separator: ",")
    switch name.lowercased() {
    case "format":
      let isJSONLines = ["jsonlines", "jsonl", "ndjson"].contains(value.lowercased())
      csv.isJSONLines = isJSONLines
      guard isJSONLines || ["csv", "tsv", "text"].contains(value.lowercased()) else {
        throw StoaError(
          .unsupported, "format \"\(value)\" cannot be loaded yet",
          hint: "Formats: csv, tsv, jsonlines (objects, one to a line)")
      }
      if value.lowercased() == "tsv" { try csv.setDelimiter("tab") }
    case "delimiter", "delim", "sep":
      try csv.setDelimiter(value)
    case "header":
      csv.hasHeader = try ImportOptions.flag(name, value)
      csv.headerMustMatch = value.lowercased() == "match"
    case "null", "nullstr": csv.nullTokens = values.isEmpty ? [""] : values
    case "quote":
      csv.quote = .some(value.isEmpty ? nil : try CSVDialect.character(value, option: "QUOTE"))
    case "escape":
      csv.escape = .some(value.isEmpty ? nil : try CSVDialect.character(value, option: "ESCAPE"))
    case "skip": csv.skippedLineCount = try ImportOptions.count(name, value)
    case "max_rejects": maximalRejectCount = try ImportOptions.count(name, value)
    case "rejects", "reject_file": rejectPath = value
    case "max_line_size": csv.maximalLineByteCount = max(1, try ImportOptions.count(name, value))
    case "sample_size": csv.sampleByteCount = max(1, try ImportOptions.count(name, value))
    case "names": csv.columnNames = values.flatMap { ImportOptions.list($0) }
    case "types", "dtypes": try setTypes(values.flatMap { ImportOptions.list($0) })
    case "encoding":
      guard ["utf8", "utf-8"].contains(value.lowercased()) else {
        throw StoaError(.unsupported, "files must be UTF-8, not \(value)")
      }
    default:
      throw StoaError(
        .binding, "loading has no option \"\(name)\"",
        hint: closestSpelling(to: name, among: ImportOptions.names).map { "Did you mean \($0)?" }
          ?? "Options: " + ImportOptions.names.joined(separator: ", "))
    }
  }

  /// The parts of a list written as one text; commas within parentheses, as of DECIMAL(9,2), do not count.
  private static func list(_ text: String) -> [String] {
    var parts = [""]
    var depth = 0
    for character in text {
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if character == ",", depth <= 0 {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    return parts.map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }

  /// `name:TYPE` or `number:TYPE`, or types alone in the order of the columns.
  private mutating func setTypes(_ values: [String]) throws(StoaError) {
    for (index, value) in values.enumerated() {
      let parts = value.split(separator: ":", maxSplits: 1).map(String.init)
      let key = parts.count == 2 ? parts[0].lowercased() : String(index + 1)
      csv.types[key] = try Parser.parseType(parts[parts.count - 1]).resolved()
    }
  }

  private static func flag(_ name: String, _ value: String) throws(StoaError) -> Bool {
    switch value.lowercased() {
    case "", "true", "on", "yes", "1", "match": return true
    case "false", "off", "no", "0": return false
    default: throw StoaError(.binding, "\(name.uppercased()) is true or false, not \"\(value)\"")
    }
  }

  private static func count(_ name: String, _ value: String) throws(StoaError) -> Int {
    guard let count = Int(value), count >= 0 else {
      throw StoaError(.binding, "\(name.uppercased()) is a whole number, not \"\(value)\"")
    }
    return count
  }
}
