import Vectors

/// One thing that VERIFY found, and what it affects.
public struct VerifyFinding: Hashable, Sendable {
  /// How bad it is.
  public enum Severity: String, Sendable {
    /// Worth knowing, nothing is wrong.
    case note
    /// Nothing that was promised is lost, but something is not as it should be.
    case warning
    /// Bytes or rows are wrong or missing.
    case error
  }

  public var severity: Severity
  /// The file, relative to the warehouse, or the key that does not hold.
  public var object: String
  public var table: String?
  public var rowGroup: Int?
  public var column: String?
  /// One sentence without a final full stop.
  public var message: String

  /// A finding about a whole file, unless more is said.
  public init(
    _ severity: Severity, _ object: String, table: String? = nil, rowGroup: Int? = nil,
    column: String? = nil, _ message: String
  ) {
    self.severity = severity
    self.object = object
    self.table = table
    self.rowGroup = rowGroup
    self.column = column
    self.message = message
  }
}

/// What a verification looked at and what it found.
public struct VerifyReport: Sendable {
  public var findings: [VerifyFinding] = []
  public var fileCount = 0
  public var byteCount: UInt64 = 0
  public var tableCount = 0
  /// Rows read, deleted ones included.
  public var rowCount = 0

  /// Nothing looked at yet.
  public init() {}

  /// Whether bytes or rows are wrong or missing.
  public var hasErrors: Bool { findings.contains { $0.severity == .error } }

  /// The last row of the result.
  public var summary: VerifyFinding {
    let errors = findings.count { $0.severity == .error }
    let warnings = findings.count { $0.severity == .warning }
    let extent = [
      counted(tableCount, "table"), counted(fileCount, "file"), counted(byteCount, "byte"),
      counted(rowCount, "row"),
    ].joined(separator: ", ")
    let warned = counted(warnings, "warning")
    let verdict =
      errors > 0
      ? "\(counted(errors, "error")), \(warned)"
      : warnings > 0 ? "no errors, \(warned)" : "nothing wrong"
    return VerifyFinding(
      errors > 0 ? .error : warnings > 0 ? .warning : .note, "summary",
      "\(extent) checked: \(verdict)")
  }
}

/// `1 row`, `2 rows`.
public func counted<N: BinaryInteger>(_ number: N, _ noun: String) -> String {
  "\(number) \(noun)\(number == 1 ? "" : "s")"
}
