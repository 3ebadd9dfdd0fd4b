import Kernels
import Vectors

/// How results are written as text. One file per mode; `makeFormatter` is the one place that lists them.
public enum OutputMode: String, Sendable, CaseIterable {
  /// A table for people: types under names, long results cut in the middle, a footer.
  case box
  /// Comma-separated values. An empty field is NULL and `""` the empty text, unless a NULL token is set.
  case csv
  /// One JSON array of objects.
  case json
  /// One JSON object per line.
  case jsonlines
  /// A table for Markdown documents.
  case markdown
  /// One `name = value` per line.
  case line

  /// Machine modes put result rows and nothing else on the output, without loss.
  public var isForMachines: Bool {
    switch self {
    case .csv, .json, .jsonlines: true
    case .box, .markdown, .line: false
    }
  }

  /// What writes one result in this mode.
  public func makeFormatter(_ options: OutputOptions = OutputOptions()) -> any ResultFormatter {
    ZonedFormatter(makePlainFormatter(options))
  }

  private func makePlainFormatter(_ options: OutputOptions) -> any ResultFormatter {
    switch self {
    case .box: BoxFormatter(options)
    case .csv: CSVFormatter(options)
    case .json: JSONFormatter(isArray: true)
    case .jsonlines: JSONFormatter(isArray: false)
    case .markdown: MarkdownFormatter(options)
    case .line: LineFormatter(options)
    }
  }
}

/// What a user can set about output; each mode reads what concerns it.
public struct OutputOptions: Sendable {
  /// Text of NULL in box, markdown and line.
  public var nullText = "NULL"
  /// Text of NULL in csv; `nil` writes an empty field, and the empty text as `""`.
  public var nullToken: String?
  /// Between the fields of csv.
  public var delimiter = ","
  /// Whether csv begins with the names of the columns.
  public var hasHeader = true
  /// Columns of the terminal; `nil` when the output is none, and lines may be of any length.
  public var terminalWidth: Int?
  /// Rows a box shows; of longer results the first and last half of that. `nil` shows all.
  public var maximalRowCount: Int? = 40

  /// The defaults: everything is shown as people expect it.
  public init() {}
}

/// A column of a result.
public struct ResultColumn: Hashable, Sendable {
  /// Not always unique.
  public var name: String
  /// Type of all its values.
  public var type: LogicalType
  /// Where its timestamps with time zone are shown; no part of what makes columns equal.
  let timeZone: TimeZone

  /// A column by name and type.
  public init(name: String, type: LogicalType) {
    self.name = name
    self.type = type
    timeZone = .current
  }

  /// Same name and type.
  public static func == (left: ResultColumn, right: ResultColumn) -> Bool {
    left.name == right.name && left.type == right.type
  }

  /// By name and type.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(type)
  }
}

/// Shows timestamps in the time zone of the session that the result comes from, whoever prints it.
private struct ZonedFormatter: ResultFormatter {
  private var formatter: any ResultFormatter
  private var timeZone = TimeZone.current

  init(_ formatter: any ResultFormatter) { self.formatter = formatter }

  mutating func begin(_ columns: [ResultColumn], to bytes: inout [UInt8]) {
    if let column = columns.first { timeZone = column.timeZone }
    TimeZone.withCurrent(timeZone) { formatter.begin(columns, to: &bytes) }
  }

  mutating func append(_ batch: Batch, to bytes: inout [UInt8]) {
    TimeZone.withCurrent(timeZone) { formatter.append(batch, to: &bytes) }
  }

  mutating func end(footer: String?, to bytes: inout [UInt8]) {
    TimeZone.withCurrent(timeZone) { formatter.end(footer: footer, to: &bytes) }
  }
}

/// Writes one result, batch by batch, as bytes of UTF-8 text that the caller hands on.
public protocol ResultFormatter {
  /// What comes before the first row.
  mutating func begin(_ columns: [ResultColumn], to bytes: inout [UInt8])
  /// The rows of a batch.
  mutating func append(_ batch: Batch, to bytes: inout [UInt8])
  /// - Parameter footer: a line for people, such as `3 rows (0.002 s)`; machine modes leave it out.
  mutating func end(footer: String?, to bytes: inout [UInt8])
}

extension [UInt8] {
  mutating func append(text: String) { append(contentsOf: text.utf8) }
  mutating func append(_ count: Int, times byte: UInt8) {
    append(contentsOf: repeatElement(byte, count: Swift.max(0, count)))
  }
}
