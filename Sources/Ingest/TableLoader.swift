import Catalog
import Kernels
import SQL
import Storage
import Vectors

/// The one way rows get into tables. Rows are given in batches by any number of workers, checked (types, NOT NULL, foreign
/// keys), staged in memory or sorted runs, and at the end sorted by the table's sort key, checked for duplicate keys, encoded
/// and written as segments of the transaction. Nothing is visible before the caller commits it.
///
///   batches ─▶ LoadWorker: cast · NOT NULL · FOREIGN KEY ─▶ FewRows, or Stage (chunks, spilled runs)
///                                     finish: sort · merge ─▶ gather · encode · unique keys ─▶ TableWriter
///
/// After an error the caller rolls the transaction back.
public final class TableLoader: @unchecked Sendable {
  /// The table loaded into.
  public let definition: TableDefinition
  let transaction: WriteTransaction
  let options: LoadOptions
  let stage: Stage
  let origins: RowOrigins
  /// Whether rows carry their origin through the sort.
  let carriesOrigins: Bool
  let foreignKeys: [ForeignKeyCheck]
  /// CHECK constraints; columns are numbered by position.
  let checks: [(name: String, condition: Expression)]
  /// Generated columns; columns are numbered by position.
  let generated: [(index: Int, value: Expression)]
  private let startSeconds = monotonicSeconds()
  private lazy var ownWorker = LoadWorker(self, isOwn: true)
  /// Rows given to `append`, as long as they are few.
  var few: FewRows?
  private var appendedCount = 0
  private var isFinished = false

  /// - Parameter files: names that messages give to the files that rows come from.
  /// - Throws: when there is no such table.
  public init(
    into table: TableID, transaction: WriteTransaction, options: LoadOptions = LoadOptions(),
    files: [String] = []
  ) throws(StoaError) {
    guard let definition = transaction.catalog.table(table) else {
      throw StoaError(.binding, "there is no table with id \(table)")
    }
    self.definition = definition
    self.transaction = transaction
    self.options = options
    origins = RowOrigins(files: files)
    var checks: [ForeignKeyCheck] = []
    for key in definition.foreignKeys {
      checks.append(try ForeignKeyCheck(key, of: definition, in: transaction))
    }
    foreignKeys = checks
    let binder = Binder(catalog: transaction.catalog, text: "")
    self.checks = try binder.bindChecks(of: definition)
    generated = try binder.bindGenerated(of: definition)
    few =
      options.sortByteLimit == nil
      ? FewRows(rowLimit: transaction.store.inlineRowLimit) : nil
    carriesOrigins = !definition.keys.isEmpty || checks.contains(where: \.isOwn)
    stage = Stage(
      types: definition.columns.map(\.type) + (carriesOrigins ? [.bigint] : []),
      sortColumns: definition.sortKey.compactMap { definition.index(of: $0) }, options: options,
      budget: transaction.store.budget)
  }

  /// A place for one thread to give rows at, as long as the loader lives; workers may be used at the same time.
  public func makeWorker() -> LoadWorker { LoadWorker(self, isOwn: false) }

  /// Adds rows, one vector per column of the table in its order (or of types that can be cast to theirs). From one
  /// thread at a time; rows without sort key keep the order of the calls.
  /// - Throws: `.constraint` for NULL in a NOT NULL column, `.evaluation` for a value that does not fit.
  public func append(_ batch: Batch) throws(StoaError) {
    try options.checkCancellation?()
    try ownWorker.append(
      batch, position: appendedCount,
      origins: BatchOrigins(file: 0, firstLine: UInt64(appendedCount) + 1))
    appendedCount += batch.rowCount
    if hasEnoughOrphans { try checkForeignKeys() }
    if stage.isFull {
      try stage.spill()
      ownWorker.reset()
    }
  }

  /// Whether so many rows refer to nothing that no more need to be looked at.
  var hasEnoughOrphans: Bool {
    foreignKeys.contains { $0.violations.count >= Violations.sufficientCount }
  }

  /// - Throws: the first orphans found. No worker may be at work, so that they are the first of the input.
  func checkForeignKeys() throws(StoaError) {
    for check in foreignKeys {
      try check.finish()
      if let error = check.error(origins, table: definition) { throw error }
    }
  }

  /// Sorts, checks and writes all rows. The segments belong to the transaction; the loader is spent.
  /// - Throws: `.constraint` naming values and lines of duplicates and orphans.
  public func finish() throws(StoaError) -> LoadSummary {
    guard !isFinished else { throw StoaError(.usage, "the load is already finished") }
    isFinished = true
    try checkForeignKeys()
    if stage.rowCount > 0 { ownWorker.stageFew() }
    var summary = LoadSummary()
    summary.rowCount = stage.rowCount + (few?.rowCount ?? 0)
    if summary.rowCount > 0 {
      let written = try LoadWriting(self).run()
      summary.segmentCount = written.count
      summary.segmentByteCount = written.reduce(0) { $0 + Int(clamping: $1.byteCount) }
      summary.spilledRunCount = stage.runs.count
    }
    summary.seconds = monotonicSeconds() - startSeconds
    return summary
  }

  func report(_ phase: LoadProgress.Phase, rowCount: Int) {
    options.progress?(
      LoadProgress(
        phase: phase, rowCount: rowCount, rejectCount: 0, byteCount: 0, totalByteCount: nil,
        seconds: monotonicSeconds() - startSeconds))
  }
}

/// Where the rows of a batch come from.
struct BatchOrigins {
  var file: Int
  /// Line (or number) of the first row.
  var firstLine: UInt64
  /// Lines after the first of each row, when they do not simply count.
  var offsets: [UInt32]?

  subscript(row: Int) -> RowOrigin {
    RowOrigin(file: file, line: firstLine + UInt64(offsets.map { Int($0[row]) } ?? row))
  }
}

/// One thread's way into a load.
public final class LoadWorker {
  /// The loader owns a worker of its own, so that this must not own the loader.
  private unowned let loader: TableLoader
  private lazy var writer = StageWriter(loader.stage)
  private let checks: [(name: String, condition: ExpressionEvaluator)]
  private let generated: [(index: Int, value: ExpressionEvaluator)]
  /// The one of the loader's `append`.
  private let isOwn: Bool

  init(_ loader: TableLoader, isOwn: Bool) {
    self.loader = loader
    self.isOwn = isOwn
    checks = loader.checks.map { ($0.name, ExpressionEvaluator($0.condition)) }
    generated = loader.generated.map { ($0.index, ExpressionEvaluator($0.value)) }
  }

  /// After a spill the chunk at hand is gone.
  func reset() { writer.reset() }

  /// Casts, checks and stages the rows at `position` of the input.
  func append(_ batch: Batch, position: Int, origins: BatchOrigins) throws(StoaError) {
    guard batch.rowCount > 0 else { return }
    guard batch.columns.count == loader.definition.columns.count else {
      throw StoaError(
        .inconsistency,
        "a batch of \(batch.columns.count) columns for a table of \(loader.definition.columns.count)",
        table: loader.definition.name)
    }
    var columns: [Vector] = []
    for (vector, column) in zip(batch.columns, loader.definition.columns) {
      guard column.generatedText == nil else {
        columns.append(Vector(constant: .null, type: column.type, count: batch.rowCount))
        continue
      }
      let fitting = try cast(vector, column)
      if !column.isNullable && fitting.mayHaveNulls { try checkNotNull(fitting, column, origins) }
      columns.append(fitting)
    }
    try generate(&columns, batch.rowCount, origins)
    try checkConditions(Batch(columns: columns, rowCount: batch.rowCount), origins)
    for check in loader.foreignKeys where !check.isOwn {
      try check.check(columns) { origins[$0] }
    }
    if loader.carriesOrigins { columns.append(LoadWorker.vector(origins, batch.rowCount)) }
    if isOwn {
      if loader.few?.add(columns, rowCount: batch.rowCount) ?? false { return }
      stageFew()
    }
    writer.append(columns, rowCount: batch.rowCount, position: position)
  }

  /// Computes the generated columns from the others.
  private func generate(
    _ columns: inout [Vector], _ rowCount: Int, _ origins: BatchOrigins
  ) throws(StoaError) {
    guard !generated.isEmpty else { return }
    let given = Batch(columns: columns, rowCount: rowCount)
    for (index, value) in generated {
      let column = loader.definition.columns[index]
      do throws(StoaError) {
        columns[index] = try value.evaluate(given)
      } catch {
        var named = error
        named.column = named.column ?? column.name
        named.table = named.table ?? loader.definition.name
        throw named
      }
      if !column.isNullable && columns[index].mayHaveNulls {
        try checkNotNull(columns[index], column, origins)
      }
    }
  }

  /// Stages the first rows, which were kept as they came, since they are not few any more.
  func stageFew() {
    guard let few = loader.few else { return }
    loader.few = nil
    var position = 0
    for batch in few.batches {
      writer.append(batch.columns, rowCount: batch.rowCount, position: position)
      position += batch.rowCount
    }
  }

  private func cast(_ vector: Vector, _ column: ColumnDefinition) throws(StoaError) -> Vector {
    if vector.type == column.type { return vector }
    do throws(StoaError) {
      return try Cast.apply(vector, to: column.type)
    } catch {
      var named = error
      named.column = named.column ?? column.name
      named.table = named.table ?? loader.definition.name
      throw named
    }
  }

  private func checkNotNull(
    _ vector: Vector, _ column: ColumnDefinition, _ origins: BatchOrigins
  ) throws(StoaError) {
    for row in 0..<vector.count where !vector.isValid(row) {
      let origin = origins[row]
      let place = loader.origins.files.isEmpty ? " (row \(origin.line))" : ""
      throw StoaError(
        .constraint, "NULL in a NOT NULL column\(place)", path: loader.origins.path(origin),
        line: loader.origins.line(origin), column: column.name, table: loader.definition.name)
    }
  }

  /// CHECK: a row is refused when a condition is FALSE; NULL passes.
  private func checkConditions(_ batch: Batch, _ origins: BatchOrigins) throws(StoaError) {
    for (name, condition) in checks {
      let result = try condition.evaluate(batch).flattened()
      guard
        let row = result.withValues(
          as: UInt8.self,
          { flags in
            (0..<batch.rowCount).first { flags[$0] == 0 && result.isValid($0) }
          })
      else { continue }
      let origin = origins[row]
      throw StoaError(
        .constraint, "\(loader.origins.text(origin)) breaks the constraint \"\(name)\"",
        path: loader.origins.path(origin), line: loader.origins.line(origin),
        table: loader.definition.name)
    }
  }

  private static func vector(_ origins: BatchOrigins, _ count: Int) -> Vector {
    let buffer = Buffer(of: Int64.self, count: count)
    let target = buffer.typed(Int64.self)
    for row in 0..<count { target[row] = origins[row].bits }
    return Vector(flat: buffer, type: .bigint, count: count)
  }
}
