import Catalog
import Formats
import Ingest
import SQL
import Storage

/// How far a load has come.
public typealias LoadProgress = Ingest.LoadProgress
/// What a load did.
public typealias LoadSummary = Ingest.LoadSummary

/// What a COPY … FROM tells while it runs; see `Session.loadObserver`.
public enum LoadEvent: Sendable {
  /// What was found out about the files, in lines; no row has been read yet.
  case detected(String)
  /// Now and then, on any thread.
  case progress(LoadProgress)
  /// Rows are committed, or nothing is.
  case ended
}

/// Files for one table.
public struct ImportRequest: Sendable {
  /// Paths, patterns, or `-` for standard input.
  public var files: [String]
  /// Made from the files when it does not exist.
  public var table: String
  /// The table's columns in the order of the files' fields; `nil` goes by the header, else by order.
  public var columns: [String]?
  /// What is not to be detected.
  public var options = ImportOptions()
  /// Called now and then, on any thread.
  public var progress: (@Sendable (LoadProgress) -> Void)?

  /// All fields into all columns, everything detected.
  public init(files: [String], table: String) {
    self.files = files
    self.table = table
  }
}

/// Rows into tables: INSERT, COPY, import. One statement is one load and one commit.
extension Session {
  /// Loads files into a table and commits once, or changes nothing.
  /// - Parameter detected: told what was found out about the files, in lines, before rows are read.
  /// - Throws: `.input` naming file, line, column and value of a row that does not fit; `.constraint` naming the
  ///   rows that break keys.
  public func importFiles(
    _ request: ImportRequest, detected: (String) -> Void = { _ in }
  ) throws(StoaError) -> LoadSummary {
    guard !isClosed else { throw StoaError(.usage, "the session is closed") }
    cancellation.reset()
    return try inTransaction(isRepeatable: false) { transaction throws(StoaError) in
      transaction.kinds.formUnion(.load)
      let (name, schema) = try target(request.table, transaction.catalog)
      let plan = try ImportPlan(
        files: request.files, table: name, columns: request.columns,
        catalog: transaction.catalog, schema: schema, options: request.options.csv)
      detected(plan.description)
      return try run(plan, request.options, transaction, progress: request.progress)
    }
  }

  private func run(
    _ plan: ImportPlan, _ options: ImportOptions, _ transaction: WriteTransaction,
    progress: (@Sendable (LoadProgress) -> Void)? = nil
  ) throws(StoaError) -> LoadSummary {
    var loading = loadOptions
    loading.maximalRejectCount = options.maximalRejectCount
    loading.rejectPath = options.rejectPath
    loading.progress = progress
    return try plan.load(in: transaction, options: loading)
  }

  var loadOptions: LoadOptions {
    var options = LoadOptions(
      threads: settings.threads, temporaryDirectory: settings.temporaryDirectory)
    if settings.spillsAlways { options.sortByteLimit = 1 << 16 }
    options.sequences = StatementSequences(self)
    options.checkCancellation = { [cancellation] () throws(StoaError) in try cancellation.check() }
    return options
  }

  func makeLoader(into table: TableDefinition, _ transaction: WriteTransaction) throws(StoaError)
    -> TableLoader
  {
    try TableLoader(into: table.id, transaction: transaction, options: loadOptions)
  }

  /// COPY … FROM.
  func load(_ copy: BoundCopyFrom, _ transaction: WriteTransaction) throws(StoaError) -> QueryResult
  {
    var options = ImportOptions()
    for option in copy.options {
      do throws(StoaError) { try options.set(option.name, to: option.values) } catch {
        throw error.at(option.position)
      }
    }
    let plan: ImportPlan
    do throws(StoaError) {
      plan = try ImportPlan(
        inputs(of: copy.place), table: copy.table.name,
        columns: copy.columns.map { $0.map { copy.table.columns[$0].name } },
        catalog: transaction.catalog, schema: copy.table.schema, options: options.csv)
    } catch {
      throw error.at(copy.placePosition)
    }
    let observer = loadObserver
    observer?(.detected(plan.description))
    defer { observer?(.ended) }
    var progress: (@Sendable (LoadProgress) -> Void)?
    if let observer { progress = { observer(.progress($0)) } }
    let summary = try run(plan, options, transaction, progress: progress)
    var notices: [String] = []
    if summary.rejectCount > 0 {
      notices.append(
        "\(summary.rejectCount) row\(summary.rejectCount == 1 ? "" : "s") rejected, described in \(summary.rejectPath ?? "?")"
      )
    }
    return QueryResult(
      rowsChanged: summary.rowCount, notices: notices, loadSummary: summary)
  }

  private func inputs(of place: CopyPlace) throws(StoaError) -> [TextInput] {
    switch place {
    case .standard: return [standardInput.map { .memory($0, name: "<stdin>") } ?? .standardInput()]
    case .files(let patterns):
      var inputs: [TextInput] = []
      for pattern in patterns { inputs += try TextInput.resolve(pattern) }
      return inputs
    }
  }
}
