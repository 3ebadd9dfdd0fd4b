/// What went wrong, where, and what to do about it: the one error type of Stoa.
///
/// Every function that can fail on outside input (SQL text, files, disks, values) throws this type. The
/// shell prints `description`; programs switch on `kind` and read the location fields.
public struct StoaError: Error, Sendable, Equatable {
  /// The class of a failure; decides exit codes and whether a retry can help.
  public enum Kind: String, Sendable, CaseIterable {
    /// The SQL text cannot be parsed.
    case syntax
    /// A name is unknown, ambiguous or already taken, or a type does not fit.
    case binding
    /// A value cannot be computed: division by zero, overflow, a cast that fails.
    case evaluation
    /// NOT NULL, PRIMARY KEY or FOREIGN KEY would be violated.
    case constraint
    /// A row or file of an import does not fit.
    case input
    /// The operating system refused a file operation.
    case io
    /// Bytes on disk are not what was written.
    case corruption
    /// Memory, disk or another limit is exhausted.
    case resource
    /// The statement was cancelled or timed out.
    case cancelled
    /// Another process or transaction stands in the way.
    case busy
    /// Writing is refused: opened read-only, or turned read-only after damage.
    case readOnly
    /// The feature does not exist in this version.
    case unsupported
    /// Wrong use of the library or the command line.
    case usage
    /// A rule of Stoa itself was broken; please report it.
    case inconsistency
  }

  public var kind: Kind
  /// One sentence without a final full stop.
  public var message: String
  /// What to do next, when known; one sentence.
  public var hint: String?
  /// Byte range in the SQL text that the message is about.
  public var position: Range<Int>?
  /// The file the message is about.
  public var path: String?
  /// Byte offset in that file.
  public var offset: UInt64?
  /// One-based line of a text file.
  public var line: UInt64?
  /// Row group within a segment.
  public var rowGroup: Int?
  /// Column name or number the message is about.
  public var column: String?
  /// Table the message is about.
  public var table: String?

  public init(
    _ kind: Kind, _ message: String, hint: String? = nil, position: Range<Int>? = nil,
    path: String? = nil, offset: UInt64? = nil, line: UInt64? = nil, rowGroup: Int? = nil,
    column: String? = nil, table: String? = nil
  ) {
    self.kind = kind
    self.message = message
    self.hint = hint
    self.position = position
    self.path = path
    self.offset = offset
    self.line = line
    self.rowGroup = rowGroup
    self.column = column
    self.table = table
  }

  /// The same error with a SQL position, unless it already has one.
  public func at(_ position: Range<Int>?) -> StoaError {
    guard self.position == nil else { return self }
    var copy = self
    copy.position = position
    return copy
  }
}

extension StoaError: CustomStringConvertible {
  /// The message with its place and hint on one line, as the shell prints it after `Error: `.
  public var description: String {
    var facts: [String] = []
    if let path { facts.append("file \(path)") }
    if let line { facts.append("line \(line)") }
    if let offset { facts.append("offset \(offset)") }
    if let rowGroup { facts.append("row group \(rowGroup)") }
    if let table { facts.append("table \(table)") }
    if let column { facts.append("column \(column)") }
    var text = message
    if !facts.isEmpty { text += " (\(facts.joined(separator: ", ")))" }
    if let hint { text += ". \(hint)" }
    return text
  }
}
