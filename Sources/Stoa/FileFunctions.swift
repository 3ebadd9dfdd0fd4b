import Executor
import Formats
import Kernels
import SQL
import Synchronization
import Vectors

/// Table functions over files: `read_csv`, `read_json`, `glob`.
///
/// A binding looks at the files and says which columns they have; what it was told travels as texts in the plan, and the
/// source looks at the files again, so that a plan holds no open file.
enum FileFunctions {
  static let bindings: [any TableFunctionBinding] = [
    CSVFunction(name: "read_csv"), CSVFunction(name: "read_csv_auto"),
    JSONFunction(name: "read_json"), JSONFunction(name: "read_json_auto"),
    JSONFunction(name: "read_ndjson"), GlobFunction(),
  ]

  static let sources: [String: TableFunctionFactory] = [
    "read_csv": CSVFunction.source, "read_csv_auto": CSVFunction.source,
    "read_json": JSONFunction.source, "read_json_auto": JSONFunction.source,
    "read_ndjson": JSONFunction.source, "glob": GlobFunction.source,
  ]

  /// The one path or glob of the arguments.
  static func path(_ name: String, _ arguments: [Value]) throws(StoaError) -> String {
    guard arguments.count == 1, case .string(let path) = arguments[0] else {
      throw StoaError(
        .binding, "\(name) takes one path or glob as text", hint: "\(name)('sales-*.csv')")
    }
    guard path != "-", path != "/dev/stdin" else {
      throw StoaError(
        .unsupported, "\(name) cannot read standard input, which can be read only once",
        hint: "Load it into a table: COPY t FROM STDIN")
    }
    return path
  }

  /// The path and the named arguments, as texts, in order of name.
  static func encoded(_ path: String, _ named: [String: Value]) -> [Value] {
    [.string(path)]
      + named.sorted { $0.key < $1.key }.flatMap { [.string($0.key), .string(text($0.value))] }
  }

  static func decoded(_ arguments: [Value]) -> (path: String, named: [(String, String)]) {
    var texts = arguments.map(text)[...]
    let path = texts.popFirst() ?? ""
    var named: [(String, String)] = []
    while let name = texts.popFirst(), let value = texts.popFirst() { named.append((name, value)) }
    return (path, named)
  }

  private static func text(_ value: Value) -> String {
    switch value {
    case .null: ""
    case .boolean(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .double(let number): String(number)
    case .string(let text): text
    case .bytes: TextFormatter.string(value, .blob)
    }
  }

  /// - Throws: when the files now have other columns than when the statement was planned.
  static func requireColumns(
    _ found: [(String, LogicalType)], _ node: TableFunctionNode, _ path: String
  ) throws(StoaError) {
    for (column, source) in zip(node.facts.columns, node.sources)
    where source >= found.count || found[source].1 != column.type {
      throw StoaError(.input, "the file has changed since the statement was planned", path: path)
    }
  }
}

/// `read_csv(path, option := value, …)` with the options of COPY.
struct CSVFunction: TableFunctionBinding {
  let name: String

  private static func open(
    _ path: String, _ named: [(String, String)]
  ) throws(StoaError) -> (inputs: [TextInput], options: ImportOptions, csv: DetectedCSV) {
    var options = ImportOptions()
    for (name, value) in named where name != "auto_detect" {
      try options.set(name, to: [value])
    }
    if options.rejectPath != nil {
      throw StoaError(.unsupported, "read_csv writes no file of rejected rows", hint: "Use COPY")
    }
    let inputs = try TextInput.resolve(path)
    return (inputs, options, try CSVDialectDetector.detect(inputs, options: options.csv))
  }

  func bind(_ arguments: [Value], named: [String: Value]) throws(StoaError) -> BoundTableFunction {
    let path = try FileFunctions.path(name, arguments)
    let encoded = FileFunctions.encoded(path, named)
    let (inputs, _, csv) = try CSVFunction.open(path, FileFunctions.decoded(encoded).named)
    let bytes = inputs.reduce(0) { $0 + ($1.byteCount ?? 1 << 20) }
    return BoundTableFunction(
      columns: csv.columns.map { OutputColumn(name: $0.name, type: $0.type) }, arguments: encoded,
      estimatedRows: Double(bytes) / Double(8 * max(1, csv.columns.count)), canProject: true)
  }

  static let source: TableFunctionFactory = { node, context throws(StoaError) in
    let (path, named) = FileFunctions.decoded(node.arguments)
    let (inputs, options, csv) = try open(path, named)
    try FileFunctions.requireColumns(csv.columns.map { ($0.name, $0.type) }, node, path)
    var columns = csv.columns
    let wanted = Set(node.sources)
    for index in columns.indices { columns[index].isRead = wanted.contains(index) }
    let reader = try CSVReader(
      inputs, dialect: csv.dialect, columns: columns, headerNames: csv.headerNames)
    return CSVSource(reader, rejectLimit: options.maximalRejectCount, context)
  }
}

/// Rows of delimited files; every worker takes blocks from one reader.
private final class CSVSource: TableSource, @unchecked Sendable {
  private let reader: CSVReader
  private let rejectLimit: Int
  private let rejectCount = Atomic<Int>(0)
  private let capacity: Int
  let morselCount: Int

  init(_ reader: CSVReader, rejectLimit: Int, _ context: ExecutionContext) {
    self.reader = reader
    self.rejectLimit = rejectLimit
    capacity = context.settings.batchCapacity
    morselCount = context.workerCount
  }

  var estimatedRowCount: Int { (reader.totalByteCount ?? 1 << 20) / 64 }
  func makeReader() -> any TableReader { Reader(self) }

  private func nextBlock() throws(StoaError) -> Batch? {
    guard let block = try reader.nextBlock() else { return nil }
    let parsed = try reader.parse(block, rejectLimit: 1)
    if parsed.rejectCount > 0, let first = parsed.rejects.first {
      let count = rejectCount.add(parsed.rejectCount, ordering: .relaxed).newValue
      if count > rejectLimit { throw first.error }
    }
    return parsed.batch
  }

  private final class Reader: TableReader {
    private let source: CSVSource
    private var block: Batch?
    private var row = 0

    init(_ source: CSVSource) { self.source = source }
    func open(morsel: Int) {}

    func next() throws(StoaError) -> Batch? {
      if block == nil {
        block = try source.nextBlock()
        row = 0
      }
      guard let batch = block else { return nil }
      let end = min(batch.rowCount, row + source.capacity)
      defer {
        row = end
        if end == batch.rowCount { block = nil }
      }
      return row == 0 && end == batch.rowCount ? batch : batch.slice(row..<end)
    }
  }
}

/// `read_json(path)`: objects a line each or in an array, nested values as text.
struct JSONFunction: TableFunctionBinding {
  let name: String

  private static func open(
    _ path: String, _ named: [(String, String)]
  ) throws(StoaError) -> (inputs: [TextInput], columns: [JSONReader.Column]) {
    var sampleCount = JSONReader.defaultSampleCount
    for (name, value) in named {
      switch name {
      case "sample_size":
        guard let count = Int(value), count != 0 else {
          throw StoaError(.binding, "sample_size is a number of rows, or -1 for all")
        }
        sampleCount = count < 0 ? .max : count
      case "format":
        guard ["auto", "array", "newline_delimited", "nd", "unstructured"].contains(value) else {
          throw StoaError(
            .binding, "there is no JSON format \"\(value)\"",
            hint: "auto, array or newline_delimited")
        }
      case "auto_detect": break
      default:
        throw StoaError(
          .binding, "read_json has no option \"\(name)\"", hint: "Options: format, sample_size")
      }
    }
    let columns = try JSONReader.detect(try TextInput.resolve(path), sampleCount: sampleCount)
    return (try TextInput.resolve(path), columns)
  }

  func bind(_ arguments: [Value], named: [String: Value]) throws(StoaError) -> BoundTableFunction {
    let path = try FileFunctions.path(name, arguments)
    let encoded = FileFunctions.encoded(path, named)
    let (inputs, columns) = try JSONFunction.open(path, FileFunctions.decoded(encoded).named)
    let bytes = inputs.reduce(0) { $0 + ($1.byteCount ?? 1 << 20) }
    return BoundTableFunction(
      columns: columns.map { OutputColumn(name: $0.name, type: $0.type) }, arguments: encoded,
      estimatedRows: Double(bytes) / Double(20 * max(1, columns.count)), canProject: true)
  }

  static let source: TableFunctionFactory = { node, context throws(StoaError) in
    let (path, named) = FileFunctions.decoded(node.arguments)
    let (inputs, columns) = try open(path, named)
    try FileFunctions.requireColumns(columns.map { ($0.name, $0.type) }, node, path)
    let wanted = node.sources.map { columns[$0] }
    return JSONSource(
      JSONReader(inputs, columns: wanted), capacity: context.settings.batchCapacity)
  }
}

/// Rows of JSON files, read by one worker.
private final class JSONSource: TableSource, TableReader, @unchecked Sendable {
  private let reader: JSONReader
  private let capacity: Int

  init(_ reader: JSONReader, capacity: Int) {
    self.reader = reader
    self.capacity = capacity
  }

  var morselCount: Int { 1 }
  var estimatedRowCount: Int { 0 }
  var isOrdered: Bool { true }
  func makeReader() -> any TableReader { self }
  func open(morsel: Int) {}
  func next() throws(StoaError) -> Batch? { try reader.next(capacity: capacity) }
}

/// `glob(pattern)`: paths of the files that match, in order.
struct GlobFunction: TableFunctionBinding {
  var name: String { "glob" }

  func bind(_ arguments: [Value], named: [String: Value]) throws(StoaError) -> BoundTableFunction {
    guard named.isEmpty, arguments.count == 1, case .string = arguments[0] else {
      throw StoaError(.binding, "glob takes one pattern as text", hint: "glob('data/*.csv')")
    }
    return BoundTableFunction(
      columns: [OutputColumn(name: "file", type: .varchar)], arguments: arguments,
      estimatedRows: 100)
  }

  static let source: TableFunctionFactory = { node, _ throws(StoaError) in
    guard case .string(let pattern)? = node.arguments.first else { return BatchSource([]) }
    let files = TextInput.matching(pattern).map(Value.string)
    if files.isEmpty { return BatchSource([]) }
    return BatchSource(
      [Batch(columns: [Vector.make(.varchar, files)], rowCount: files.count)], isOrdered: true)
  }
}
