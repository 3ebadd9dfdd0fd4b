import Vectors

/// How a delimited text file is written. The defaults are those of RFC 4180 with a header line.
public struct CSVDialect: Sendable, Hashable {
  /// The byte between fields.
  public var delimiter: UInt8 = UInt8(ascii: ",")
  /// A delimiter of several bytes, such as `§` or `||`; then `delimiter` is the byte that stands for it.
  public internal(set) var longDelimiter: [UInt8]?
  /// Encloses fields that hold delimiters or newlines; `nil` when quotes are ordinary characters.
  public var quote: UInt8? = UInt8(ascii: "\"")
  /// Makes a quote inside a quoted field ordinary; the quote itself when quotes are doubled.
  public var escape: UInt8? = UInt8(ascii: "\"")
  /// Ends a row: LF (a CR before it is dropped), or CR for files of old Macintoshes.
  public var newline: UInt8 = UInt8(ascii: "\n")
  /// Whether the first row of each file names the columns.
  public var hasHeader = true
  /// Unquoted fields that mean NULL.
  public var nullTokens: [String] = [""]
  /// Lines dropped at the beginning of each file, before the header.
  public var skippedLineCount = 0
  /// Whether lines at the beginning of each file, before the header, are comments when they begin with `#`.
  public var skipsLeadingComments = false
  /// Longest row in bytes; more is an error, because it is nearly always a wrong quote or a binary file.
  public var maximalLineByteCount = 16 << 20
  /// Set when lines are JSON objects: `JSONLinesSource` then makes the text of this dialect.
  public var objects: ObjectFields?

  /// Commas, double quotes, a header.
  public init() {}

  /// Checks that the special characters differ from each other and can be told from text.
  /// - Throws: `.usage` naming the first that cannot.
  public func validate() throws(StoaError) {
    let specials: [(String, UInt8?)] = [
      ("delimiter", longDelimiter == nil ? delimiter : nil), ("quote", quote),
    ]
    for (name, byte) in specials {
      guard let byte else { continue }
      guard byte != 0, byte < 0x80, byte != 10, byte != 13 else {
        throw StoaError(.usage, "the \(name) must be one ASCII character other than a newline")
      }
    }
    if let escape, escape == 0 || escape >= 0x80 || escape == 10 || escape == 13 {
      throw StoaError(.usage, "the escape must be one ASCII character other than a newline")
    }
    guard quote != delimiter else {
      throw StoaError(.usage, "the quote and the delimiter are the same character")
    }
    guard escape == nil || escape != delimiter else {
      throw StoaError(.usage, "the escape and the delimiter are the same character")
    }
    if let longDelimiter {
      let special = longDelimiter.first { $0 == quote || $0 == escape }
      if special != nil {
        throw StoaError(.usage, "the delimiter has the quote or the escape in it")
      }
    }
    guard newline == 10 || newline == 13 || objects != nil else {
      throw StoaError(.usage, "rows end with a line feed or a carriage return")
    }
    guard maximalLineByteCount > 0, maximalLineByteCount <= 1 << 30 else {
      throw StoaError(.usage, "the maximal line size must be between 1 byte and 1 GiB")
    }
  }

  /// The delimiter as the user wrote it.
  public var delimiterText: String {
    longDelimiter.map { String(decoding: $0, as: UTF8.self) } ?? String(UnicodeScalar(delimiter))
  }

  /// The one byte of an option like `QUOTE`; `\t` and `tab` mean the tabulator.
  /// - Throws: `.usage` when it is not one ASCII character.
  public static func character(_ text: String, option: String) throws(StoaError) -> UInt8 {
    if text == "\\t" || text.lowercased() == "tab" { return 9 }
    let bytes = Array(text.utf8)
    guard bytes.count == 1, bytes[0] < 0x80, bytes[0] != 0 else {
      throw StoaError(.usage, "\(option) must be one ASCII character, not '\(text)'")
    }
    return bytes[0]
  }
}

/// A column to read from a delimited file.
public struct CSVColumn: Sendable, Hashable {
  /// Its name in the header, or in the table loaded.
  public var name: String
  /// What its fields become.
  public var type: LogicalType
  /// False skips the column: its fields are not looked at and it is absent from batches.
  public var isRead: Bool
  /// False rejects rows in which the field is NULL.
  public var isNullable: Bool

  /// A column that is read and may hold NULL, unless said otherwise.
  public init(
    name: String, type: LogicalType, isRead: Bool = true, isNullable: Bool = true
  ) {
    self.name = name
    self.type = type
    self.isRead = isRead
    self.isNullable = isNullable
  }
}

/// JSON objects as rows: which of their keys are the fields.
public struct ObjectFields: Sendable, Hashable {
  /// In order of the fields; in any case.
  public var keys: [String]
  /// Whether other keys are left out, rather than an error.
  public var skipsOthers: Bool

  /// Fields for `keys`.
  public init(keys: [String], skipsOthers: Bool) {
    self.keys = keys
    self.skipsOthers = skipsOthers
  }

  /// How the rows are written that the objects become.
  public func dialect(maximalLineByteCount: Int) -> CSVDialect {
    var dialect = CSVDialect()
    dialect.objects = self
    dialect.hasHeader = false
    dialect.newline = JSONLinesSource.rowEnd
    dialect.nullTokens = [JSONLinesSource.nullToken]
    dialect.maximalLineByteCount = maximalLineByteCount
    return dialect
  }
}

/// What the user fixed about a delimited file; the rest is detected.
public struct CSVOptions: Sendable {
  /// The byte between fields.
  public var delimiter: UInt8?
  /// A delimiter of several bytes; see `setDelimiter`.
  public private(set) var longDelimiter: [UInt8]?
  /// `.some(nil)` means no quoting.
  public var quote: UInt8??
  /// `.some(nil)` means no escape.
  public var escape: UInt8??
  /// Whether the first row names the columns.
  public var hasHeader: Bool?
  /// Unquoted fields that mean NULL.
  public var nullTokens: [String]?
  /// Lines to leave out at the beginning of each file.
  public var skippedLineCount = 0
  /// A longer row is an error.
  public var maximalLineByteCount = 16 << 20
  /// Types given by column name or by one-based number, in lower case.
  public var types: [String: LogicalType] = [:]
  /// Names in file order, instead of the header's.
  public var columnNames: [String]?
  /// Whether a header must have the names of the table's columns, in the order in which they are loaded.
  public var headerMustMatch = false
  /// Bytes looked at by the detection.
  public var sampleByteCount = 4 << 20
  /// Whether each line is a JSON object; when not said, the names of the files tell.
  public var isJSONLines: Bool?

  /// Everything is to be detected.
  public init() {}

  /// Sets the delimiter: any character, or several up to 16 bytes; `\\t` and `tab` mean the tabulator.
  /// - Throws: `.usage` when it is empty, too long, or has a newline or a zero byte in it.
  public mutating func setDelimiter(_ text: String) throws(StoaError) {
    let bytes = Array(text.utf8)
    longDelimiter = nil
    if bytes.count < 2 || text == "\\t" || text.lowercased() == "tab" {
      delimiter = try CSVDialect.character(text, option: "DELIMITER")
      return
    }
    guard bytes.count <= 16, !bytes.contains(where: { [0, 10, 13].contains($0) }) else {
      throw StoaError(
        .usage, "DELIMITER must be one to 16 bytes without a newline, not '\(text)'")
    }
    delimiter = DelimiterRewriter.standIn
    longDelimiter = bytes
  }

  /// RFC 4180 with what the user fixed; for loads into a table whose columns are known.
  public var dialect: CSVDialect {
    var dialect = CSVDialect()
    if let delimiter { dialect.delimiter = delimiter }
    dialect.longDelimiter = longDelimiter
    if let quote { dialect.quote = quote }
    dialect.escape = dialect.quote
    if let escape { dialect.escape = escape }
    if let hasHeader { dialect.hasHeader = hasHeader }
    if let nullTokens { dialect.nullTokens = nullTokens }
    dialect.skippedLineCount = skippedLineCount
    dialect.maximalLineByteCount = maximalLineByteCount
    return dialect
  }
}

/// A row of a file that does not fit its table, with everything needed to find and mend it.
public struct RejectedRow: Sendable, Hashable {
  /// Path of its file.
  public var file: String
  /// One-based line on which the row begins.
  public var line: UInt64
  /// Name of the column, or empty when the row as a whole is wrong.
  public var column: String
  /// The text of the field, without quotes, at most some hundred bytes of it.
  public var value: String
  /// What is wrong, in words.
  public var reason: String
  /// The row as it stands in the file, without its newline.
  public var raw: [UInt8]

  /// All the facts.
  public init(
    file: String, line: UInt64, column: String, value: String, reason: String, raw: [UInt8]
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.value = value
    self.reason = reason
    self.raw = raw
  }

  /// The row as an error, for loads that tolerate none.
  public var error: StoaError {
    var message = reason
    if !value.isEmpty { message += ": '\(value)'" }
    return StoaError(
      .input, message, path: file, line: line, column: column.isEmpty ? nil : column)
  }
}
