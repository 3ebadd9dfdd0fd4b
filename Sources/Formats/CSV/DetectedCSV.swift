import Vectors

/// What detection found out about delimited files.
public struct DetectedCSV: Sendable, Hashable {
  /// Delimiter, quote, header, NULL words.
  public var dialect: CSVDialect
  /// Names and types in file order.
  public var columns: [CSVColumn]
  /// Rows looked at, the header not included.
  public var sampledRowCount: Int
  /// Whether these were all rows of all files.
  public var isWholeInput: Bool
  /// Sampled rows that do not have as many fields as the others.
  public var oddRowCount: Int
  /// Whether rows end with CRLF.
  public var hasCarriageReturns: Bool
  /// The names in the header of the first file, when they can serve to match those of the others.
  public var headerNames: [String]?

  /// What was found out, field by field.
  public init(
    dialect: CSVDialect, columns: [CSVColumn], sampledRowCount: Int, isWholeInput: Bool,
    oddRowCount: Int, hasCarriageReturns: Bool
  ) {
    self.dialect = dialect
    self.columns = columns
    self.sampledRowCount = sampledRowCount
    self.isWholeInput = isWholeInput
    self.oddRowCount = oddRowCount
    self.hasCarriageReturns = hasCarriageReturns
  }
}

extension DetectedCSV: CustomStringConvertible {
  /// Dialect and columns in three lines, as `stoa import` prints them.
  public var description: String {
    if let objects = dialect.objects {
      return "JSON objects, one to a line\nkeys "
        + objects.keys.filter { !$0.isEmpty }.map { DetectedCSV.shown($0) }.joined(separator: ", ")
        + (objects.skipsOthers ? ", others left out" : "")
    }
    func shown(_ byte: UInt8?) -> String {
      switch byte {
      case nil: "none"
      case 9: "tab"
      case .some(let byte) where byte < 0x20: "0x" + String(byte, radix: 16)
      case .some(let byte): "'\(String(UnicodeScalar(byte)))'"
      }
    }
    let delimiter =
      dialect.longDelimiter == nil ? shown(dialect.delimiter) : "'\(dialect.delimiterText)'"
    var line = "delimiter \(delimiter), quote \(shown(dialect.quote))"
    if dialect.quote != nil && dialect.escape != dialect.quote {
      line += ", escape \(shown(dialect.escape))"
    }
    line += ", header \(dialect.hasHeader ? "yes" : "no")"
    line += ", NULL " + dialect.nullTokens.map { "'\($0)'" }.joined(separator: " ")
    line += ", lines end with \(dialect.newline == 13 ? "CR" : hasCarriageReturns ? "CRLF" : "LF")"
    if dialect.skipsLeadingComments { line += ", lines with # at the start left out" }
    var sampled = "detected from \(sampledRowCount) row\(sampledRowCount == 1 ? "" : "s")"
    sampled += isWholeInput ? " (all)" : " (a sample of the whole)"
    if oddRowCount > 0 {
      sampled +=
        "; \(oddRowCount) more row\(oddRowCount == 1 ? " does" : "s do") not have \(columns.count) fields"
    }
    let list = columns.map { "\(DetectedCSV.shown($0.name)) \($0.type)" }.joined(separator: ", ")
    return "\(line)\ncolumns \(list)\n\(sampled)"
  }

  /// In quotes when the name would not be one word of a statement.
  private static func shown(_ name: String) -> String {
    let digits: ClosedRange<Unicode.Scalar> = "0"..."9"
    let isWord =
      name.unicodeScalars.allSatisfy {
        $0 == "_" || $0.properties.isAlphabetic || digits.contains($0)
      } && !digits.contains(name.unicodeScalars.first ?? "0")
    let parts = name.split(separator: "\"", omittingEmptySubsequences: false)
    return isWord ? name : "\"" + parts.joined(separator: "\"\"") + "\""
  }
}
