import Catalog
import Formats
import Kernels
import SQL
import Storage
import Vectors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Loads delimited files into a table: workers cut blocks off the reader, parse and stage them, all at once.
final class FileLoader: @unchecked Sendable {
  private let loader: TableLoader
  private let reader: CSVReader
  private let options: LoadOptions
  /// Per column of the table: the position among the columns read, or the value of rows that do not have it.
  private let sources: [Source]
  private let rejects: RejectLog
  private let fileNumbers: [String: Int]
  private let failure = FailureBox()
  private let lock = CommitGate()
  // Guarded by `lock`.
  private var hasEnded = false
  private var rowCount = 0
  private var byteCount = 0
  private var lastReport = 0.0
  private let start = monotonicSeconds()

  private enum Source {
    case field(Int)
    case value(Value)
    /// A DEFAULT that is computed for each row.
    case computed(Expression)
  }

  init(
    _ plan: ImportPlan, into table: TableID, transaction: WriteTransaction, options: LoadOptions
  ) throws(StoaError) {
    self.options = options
    let names = plan.inputs.map(\.name)
    loader = try TableLoader(
      into: table, transaction: transaction, options: options, files: names)
    var numbers: [String: Int] = [:]
    for (number, name) in names.enumerated() where numbers[name] == nil { numbers[name] = number }
    fileNumbers = numbers
    var columns = plan.detected.columns
    var sources = [Source](repeating: .value(.null), count: loader.definition.columns.count)
    let binder = Binder(catalog: transaction.catalog, text: "")
    binder.sequences = options.sequences
    let filled = Set(plan.targets.compactMap { $0 })
    for (position, column) in loader.definition.columns.enumerated()
    where !filled.contains(position) {
      sources[position] =
        column.defaultText == nil
        ? .value(column.defaultValue ?? .null)
        : .computed(try binder.defaultExpression(of: column))
    }
    var readCount = 0
    for (index, target) in plan.targets.enumerated() {
      guard let target else {
        columns[index].isRead = false
        continue
      }
      let column = loader.definition.columns[target]
      columns[index] = CSVColumn(
        name: column.name, type: column.type, isNullable: column.isNullable)
      sources[target] = .field(readCount)
      readCount += 1
    }
    self.sources = sources
    reader = try CSVReader(
      plan.inputs, dialect: plan.detected.dialect, columns: columns,
      headerNames: plan.detected.headerNames)
    let store = transaction.store
    let definition = loader.definition
    rejects = RejectLog(limit: options.maximalRejectCount, table: definition.name) {
      () throws(StoaError) -> String in
      if let path = options.rejectPath { return path }
      return try FileLoader.defaultRejectPath(store, definition.id)
    }
  }

  private static func defaultRejectPath(
    _ store: TableStore, _ table: TableID
  ) throws(StoaError) -> String {
    let folder = store.path + "/loads"
    if mkdir(folder, 0o777) != 0 && errno != EEXIST {
      throw StoaError(
        .io, "cannot make the folder: \(String(cString: strerror(errno)))", path: folder)
    }
    return "\(folder)/\(table)-\(systemMicroseconds()).rejects.csv"
  }

  /// Reads and stages everything, then sorts and writes it.
  func run() throws(StoaError) -> LoadSummary {
    while !isAtEnd {
      let threads = workerCount
      LoadThreads.run(threads) { _ in self.work() }
      guard !mustStop else { break }
      if loader.stage.isFull { try loader.stage.spill() }
    }
    // A row that does not fit in front of a broken file is the better news.
    try rejects.finish()
    try failure.check()
    var summary = try loader.finish()
    summary.rejectCount = rejects.count
    summary.rejectPath = rejects.path
    summary.byteCount = reader.consumedByteCount
    return summary
  }

  /// Whether the load has failed. Blocks begun are still finished, so that the error is about the first wrong line.
  private var mustStop: Bool { failure.isSet || rejects.isExceeded || loader.hasEnoughOrphans }

  private var isAtEnd: Bool { lock.withLock { hasEnded } }

  /// Small files are not worth a thread each.
  private var workerCount: Int {
    guard let total = reader.totalByteCount else { return options.threads }
    return max(1, min(options.threads, total / CSVReader.defaultBlockByteCount + 1))
  }

  private func work() {
    let worker = loader.makeWorker()
    do throws(StoaError) {
      while !mustStop, !loader.stage.isFull {
        try options.checkCancellation?()
        guard let block = try reader.nextBlock() else {
          lock.withLock { hasEnded = true }
          return
        }
        try load(block, worker)
      }
    } catch {
      failure.set(error)
    }
  }

  private func load(_ block: CSVBlock, _ worker: LoadWorker) throws(StoaError) {
    let parsed = try reader.parse(block, rejectLimit: options.maximalRejectCount + 1)
    rejects.add(position: parsed.index, .init(rows: parsed.rejects, count: parsed.rejectCount))
    let origins = BatchOrigins(
      file: fileNumbers[parsed.file] ?? 0, firstLine: parsed.firstLine, offsets: parsed.lineOffsets)
    let count = parsed.batch.rowCount
    var columns: [Vector] = []
    for (position, source) in sources.enumerated() {
      switch source {
      case .field(let index): columns.append(parsed.batch.columns[index])
      case .value(let value):
        columns.append(
          Vector(constant: value, type: loader.definition.columns[position].type, count: count))
      case .computed(let expression):
        columns.append(
          try ExpressionEvaluator(expression).evaluate(Batch(columns: [], rowCount: count)))
      }
    }
    try worker.append(
      Batch(columns: columns, rowCount: count), position: parsed.index, origins: origins)
    report(parsed)
  }

  private func report(_ parsed: ParsedBlock) {
    guard let progress = options.progress else { return }
    let consumed = reader.consumedByteCount
    lock.withLock {
      rowCount += parsed.batch.rowCount
      let now = monotonicSeconds()
      guard now - lastReport > 0.1 else { return }
      lastReport = now
      progress(
        LoadProgress(
          phase: .reading, rowCount: rowCount, rejectCount: rejects.count, byteCount: consumed,
          totalByteCount: reader.totalByteCount, seconds: now - start))
    }
  }
}
