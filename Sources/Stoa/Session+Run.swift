import Catalog
import Executor
import Kernels
import SQL
import Storage

/// A statement on its way to be bound.
struct StatementSource {
  let syntax: StatementSyntax
  let text: String
  let parameters: [Value]
  /// Types that PREPARE has given the first parameters.
  let types: [LogicalType]
  /// False when `text` is not what the user wrote now.
  let showsPlaces: Bool
}

/// From a parsed statement to its result.
extension Session {
  func run(
    _ syntax: StatementSyntax, text: String, parameters: [Value], types: [LogicalType] = [],
    showsPlaces: Bool = true
  ) throws(StoaError) -> QueryResult {
    guard !isClosed else { throw StoaError(.usage, "the session is closed") }
    return try TimeZone.withCurrent(settings.timeZone) { () throws(StoaError) -> QueryResult in
      try runInZone(
        syntax, text: text, parameters: parameters, types: types, showsPlaces: showsPlaces)
    }
  }

  private func runInZone(
    _ syntax: StatementSyntax, text: String, parameters: [Value], types: [LogicalType],
    showsPlaces: Bool
  ) throws(StoaError) -> QueryResult {
    cancellation.reset()
    cancellation.setTimeLimit(milliseconds: settings.timeLimitMilliseconds)
    try requireUsableTransaction(syntax)
    defer { versions = nil }
    do throws(StoaError) {
      if let result = try runPrepared(syntax, text: text, parameters) { return result }
      let source = StatementSource(
        syntax: syntax, text: text, parameters: parameters, types: types, showsPlaces: showsPlaces)
      if Session.writes(syntax) { return try runWriting(source) }
      let snapshot = try currentSnapshot()
      versions = StatementVersions(
        warehouse.store, newest: openTransaction?.changes.snapshot ?? snapshot)
      return try onFittingStack(text, snapshot.catalog) { () throws(StoaError) -> QueryResult in
        let bound = try bind(source, catalog: snapshot.catalog)
        return try runReading(bound, snapshot: snapshot, parameters: parameters)
      }
    } catch {
      openTransaction?.failure = error
      throw error
    }
  }

  /// Deep trees need deep stacks; a short text cannot make one, unless there are views.
  func onFittingStack<Result>(
    _ text: String, _ catalog: CatalogState, _ body: () throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    text.utf8.count <= 400 && catalog.objects.isEmpty ? try body() : try withLargeStack(body)
  }

  private static func writes(_ syntax: StatementSyntax) -> Bool {
    switch syntax.kind {
    case .createTable, .createView, .createSchema, .createSequence, .createType: true
    case .drop, .alterObject, .comment: true
    case .insert, .delete, .update, .merge, .truncate, .alterTable: true
    case .copy(let copy): copy.isFrom
    default: false
    }
  }

  private func bind(
    _ source: StatementSource, catalog: CatalogState
  ) throws(StoaError) -> BoundStatement {
    let declared = source.types.map { LogicalType?.some($0) }
    var history = versions?.history
    history?.parameters = source.parameters.map { (value: $0, type: Session.naturalType($0)) }
    let binder = Binder(
      catalog: catalog, text: source.text, tableFunctions: Session.tableFunctions,
      parameterTypes: declared
        + source.parameters.dropFirst(declared.count).map { Session.wantedType($0) },
      history: history, searchPath: settings.searchPath,
      showsPlaces: source.showsPlaces)
    binder.context = statementContext(source.text)
    binder.sequences = StatementSequences(self)
    return try binder.bind(source.syntax)
  }

  /// What functions such as `now` and `current_setting` give in one statement.
  func statementContext(_ text: String) -> StatementContext {
    var context = StatementContext(text: text)
    context.version = Warehouse.version
    context.databaseName = warehouse.name
    context.schemaName = settings.searchPath.first ?? context.schemaName
    context.setting = { [unowned self] name in
      Setting.all.first { $0.name == name }.map { $0.read(self) }
    }
    return context
  }

  /// Numbers and truth values have a type of their own; texts and NULL take what their place needs.
  static func wantedType(_ value: Value) -> LogicalType? {
    switch value {
    case .null, .string: nil
    default: naturalType(value)
    }
  }

  static func naturalType(_ value: Value) -> LogicalType {
    switch value {
    case .null: .null
    case .boolean: .boolean
    case .double: .double
    case .string: .varchar
    case .bytes: .blob
    case .integer(let integer):
      Int32(exactly: integer) != nil
        ? .integer : Int64(exactly: integer) != nil ? .bigint : .hugeint
    }
  }

  private func runReading(
    _ bound: BoundStatement, snapshot: Snapshot, parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    switch bound {
    case .query(let query): return try open(query, snapshot: snapshot, parameters: parameters)
    case .explain(let isAnalyze, let inner):
      return try explain(inner, isAnalyze: isAnalyze, snapshot: snapshot, parameters: parameters)
    case .copyTo(let copy): return try export(copy, snapshot: snapshot, parameters: parameters)
    case .showTables:
      return Session.texts(
        "name", snapshot.catalog.relationNames(visibleFrom: settings.searchPath))
    case .describe(let subject): return Session.description(of: subject)
    case .showSetting(let name, let position): return try showSetting(name, at: position)
    case .set(let name, let values, let position):
      try set(name, to: values.joined(separator: ","), at: position)
      return QueryResult()
    case .reset(let name, let position):
      try reset(name, at: position)
      return QueryResult()
    case .checkpoint:
      guard openTransaction == nil else {
        throw StoaError(.usage, "CHECKPOINT is not for inside a transaction")
      }
      try warehouse.store.checkpoint()
      return QueryResult()
    case .begin(let isReadOnly): return try begin(isReadOnly: isReadOnly)
    case .commit: return try commitTransaction()
    case .rollback: return try rollbackTransaction()
    case .savepoint(let name): return try savepoint(name)
    case .rollbackTo(let name): return try rollback(to: name)
    case .release(let name): return try release(name)
    case .showVersions: return try showVersions()
    case .compact(let table):
      guard openTransaction == nil else {
        throw StoaError(.usage, "COMPACT is not for inside a transaction")
      }
      try warehouse.store.compact(
        table: table?.id, timeoutMilliseconds: settings.lockTimeoutMilliseconds)
      return QueryResult()
    case .verify(let table, let isDeep): return try verify(table, isDeep: isDeep)
    case .createTable, .define, .insert, .change, .truncate, .alterTable, .copyFrom:
      throw StoaError(.inconsistency, "a writing statement took the way of a reading one")
    }
  }

  /// Statements that change the warehouse bind against the state they change, under the write lock unless a
  /// transaction is open.
  private func runWriting(_ source: StatementSource) throws(StoaError) -> QueryResult {
    // What is read from files or standard input cannot be read twice.
    var isRepeatable = true
    if case .copy = source.syntax.kind { isRepeatable = false }
    do throws(StoaError) {
      return try inTransaction(isRepeatable: isRepeatable) { transaction throws(StoaError) in
        versions = StatementVersions(warehouse.store, newest: transaction.snapshot)
        let bound = try onFittingStack(source.text, transaction.catalog) { () throws(StoaError) in
          try bind(source, catalog: transaction.catalog)
        }
        return try write(bound, transaction, source.parameters)
      }
    } catch {
      throw Session.explainingDamage(error)
    }
  }

  /// A change that went around damaged rows would lose them or store wrong results for good, and nobody would see it.
  private static func explainingDamage(_ error: StoaError) -> StoaError {
    guard error.kind == .corruption, error.hint == nil else { return error }
    var explained = error
    explained.hint =
      "A statement that changes rows has to read all that it asks for, so skip_damaged does not apply to it;"
      + " with SET skip_damaged = on, COPY (SELECT …) TO saves what can be read"
    return explained
  }

  private func write(
    _ bound: BoundStatement, _ transaction: WriteTransaction, _ parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    let kinds = Session.kinds(of: bound)
    if !transaction.kinds.contains(kinds) { transaction.kinds.formUnion(kinds) }
    switch bound {
    case .createTable(let create): return try createTable(create, transaction, parameters)
    case .define(let definition):
      for edit in definition.edits { try apply(edit, transaction) }
      return QueryResult(notices: definition.notice.map { [$0] } ?? [])
    case .insert(let insert): return try self.insert(insert, transaction, parameters)
    case .copyFrom(let copy): return try load(copy, transaction)
    case .change(let change): return try apply(change, transaction, parameters)
    case .truncate(let tables, let sequences):
      for sequence in sequences {
        let first = SequencePosition(last: sequence.start, isCalled: false)
        try apply(.alterObject(.sequence(sequence.restarted(at: first))), transaction)
      }
      return try truncate(tables, transaction)
    case .alterTable(let change): return try alter(change, transaction, parameters)
    default: throw StoaError(.inconsistency, "a reading statement took the way of a writing one")
    }
  }
}

extension Session {
  /// What SHOW VERSIONS says of a commit with the statement in it.
  private static func kinds(of bound: BoundStatement) -> CommitKinds {
    switch bound {
    case .createTable: .createTable
    case .define(let definition):
      switch definition.kind {
      case .dropTable: .dropTable
      case .create: .createObject
      case .drop: .dropObject
      }
    case .insert: .insert
    case .copyFrom: .load
    case .truncate: .truncate
    case .alterTable: .alterTable
    case .change(let change):
      switch change.kind {
      case .update: .update
      case .delete: .delete
      case .merge: .merge
      case .upsert: .insert
      }
    default: []
    }
  }
}

/// Queries.
extension Session {
  /// Plans the query and opens its result; nothing runs yet.
  private func open(
    _ query: BoundQuery, snapshot: Snapshot, parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    guard !query.columns.isEmpty else {
      throw StoaError(.binding, "the query has no columns", hint: "EXCLUDE left none over")
    }
    let (readable, notices) = try readable(query, snapshot, parameters)
    let stream = try stream(query, snapshot: readable, parameters: parameters)
    return QueryResult(
      stream, columns: query.columns.map { ResultColumn(name: $0.name, type: $0.type) },
      notices: notices, in: openTransaction)
  }

  /// With `skip_damaged` the snapshot without rows that cannot be read, and what is missing.
  func readable(
    _ query: BoundQuery, _ snapshot: Snapshot, _ parameters: [Value]
  ) throws(StoaError) -> (snapshot: Snapshot, notices: [String]) {
    guard settings.skipsDamaged else { return (snapshot, []) }
    var tables: [TableID] = []
    var earlier: [CommitNumber: [TableID]] = [:]
    var left = [try plan(query, snapshot: snapshot, parameters: parameters)]
    while let node = left.popLast() {
      if case .scan(let scan) = node {
        if let version = scan.version?.commit {
          earlier[version, default: []].append(scan.table)
        } else {
          tables.append(scan.table)
        }
      }
      left += node.inputs
    }
    let flag = cancellation
    let pulse = { () throws(StoaError) in try flag.check() }
    var notices: [String] = []
    for version in earlier.keys.sorted() {
      guard let versions, let tables = earlier[version] else { continue }
      let found = try damage.around(
        try versions.snapshot(at: version), tables: tables, pulse: pulse)
      versions.replace(version, by: found.snapshot)
      notices += found.notices.map { "\($0) (as of version \(version))" }
    }
    let found = try damage.around(snapshot, tables: tables, pulse: pulse)
    return (found.snapshot, notices + found.notices)
  }

  func stream(
    _ query: BoundQuery, snapshot: Snapshot, parameters: [Value]
  ) throws(StoaError) -> ResultStream {
    let plan = try plan(query, snapshot: snapshot, parameters: parameters)
    return try QueryExecution.execute(plan: plan, context: context(snapshot))
  }

  private func plan(
    _ query: BoundQuery, snapshot: Snapshot, parameters: [Value]
  ) throws(StoaError) -> PhysicalPlan {
    let values = parameters.map { (value: $0, type: Session.naturalType($0)) }
    return try QueryPlanner.plan(
      query.replacingParameters(values),
      catalog: SnapshotCatalog(snapshot: snapshot, versions: versions),
      options: settings.optimizer)
  }

  func context(_ snapshot: Snapshot, profile: QueryProfile? = nil) -> ExecutionContext {
    let versions = versions
    return ExecutionContext(
      settings: settings.execution, pool: warehouse.pool, budget: warehouse.budget,
      cancellation: cancellation, profile: profile,
      tableFunctions: systemFunctions(newest: versions?.newest ?? snapshot)
    ) { request, context throws(StoaError) in
      guard let version = request.node.version?.commit else {
        return try StorageScan(request, snapshot: snapshot, context: context)
      }
      guard let versions else {
        throw StoaError(.inconsistency, "the query reads a version that was not looked up")
      }
      return try StorageScan(
        request, snapshot: try versions.snapshot(at: version), context: context)
    }
  }

  private func explain(
    _ statement: BoundStatement, isAnalyze: Bool, snapshot: Snapshot, parameters: [Value]
  ) throws(StoaError) -> QueryResult {
    let query: BoundQuery
    switch statement {
    case .query(let inner): query = inner
    case .insert(let insert) where !isAnalyze: query = insert.source
    case .change(let change) where !isAnalyze: query = change.source
    case .copyTo(let copy) where !isAnalyze: query = copy.source
    case .createTable(let create) where !isAnalyze && create.source != nil: query = create.source!
    default:
      throw StoaError(.unsupported, "EXPLAIN \(isAnalyze ? "ANALYZE " : "")works for queries only")
    }
    let plan = try plan(query, snapshot: snapshot, parameters: parameters)
    let printer = ExplainPrinter(catalog: snapshot.catalog)
    guard isAnalyze else {
      let lines = printer.text(of: plan).split(separator: "\n").map(String.init)
      return Session.texts("plan", lines, kind: .plan)
    }
    let profile = QueryProfile()
    let stream = try QueryExecution.execute(
      plan: plan, context: context(snapshot, profile: profile))
    while try stream.next() != nil {}
    return Session.texts("plan", Session.annotated(printer.lines(of: plan), profile), kind: .plan)
  }

  /// EXPLAIN's lines with what really happened, and the time in all.
  private static func annotated(
    _ lines: [ExplainPrinter.Line], _ profile: QueryProfile
  ) -> [String] {
    var texts: [String] = []
    for (index, line) in lines.enumerated() {
      var text = String(repeating: "  ", count: line.depth) + line.text
      text += "  (estimated \(ExplainPrinter.rowCount(line.estimatedRows)))"
      if index < profile.operators.count { text += "  [\(profile.operators[index].annotation)]" }
      texts.append(text)
    }
    let microseconds = profile.wallNanoseconds / 1000
    texts.append(
      "Total: \(microseconds / 1000).\(String(1000 + microseconds % 1000).dropFirst()) ms")
    return texts
  }
}

/// What the planner may know of a snapshot.
struct SnapshotCatalog: PlannerCatalog {
  let snapshot: Snapshot
  let versions: StatementVersions?

  var state: CatalogState { snapshot.catalog }

  /// Without statistics a plan may be slower, never wrong; the scan reports what is damaged.
  func statistics(of table: TableID) -> TableStatistics? { try? snapshot.statistics(of: table) }

  func statistics(of table: TableID, at version: CommitNumber) -> TableStatistics? {
    guard let snapshot = try? versions?.snapshot(at: version) else { return nil }
    return try? snapshot.statistics(of: table)
  }
}

/// Small results made here.
extension Session {
  static func texts(
    _ column: String, _ values: [String], kind: QueryResult.Kind = .rows
  ) -> QueryResult {
    let vector = Vector.make(.varchar, values.map { .string($0) })
    return QueryResult(
      kind: kind, columns: [ResultColumn(name: column, type: .varchar)],
      batches: values.isEmpty ? [] : [Batch(columns: [vector], rowCount: values.count)])
  }

  static func table(_ columns: [(String, LogicalType)], _ rows: [[Value]]) -> QueryResult {
    let vectors = columns.indices.map { index in
      Vector.make(columns[index].1, rows.map { $0[index] })
    }
    return QueryResult(
      columns: columns.map { ResultColumn(name: $0.0, type: $0.1) },
      batches: rows.isEmpty ? [] : [Batch(columns: vectors, rowCount: rows.count)])
  }

  /// DESCRIBE: a row per column.
  fileprivate static func description(of subject: BoundDescribe) -> QueryResult {
    let header: [(String, LogicalType)] = [
      ("column_name", .varchar), ("column_type", .varchar), ("null", .varchar), ("key", .varchar),
      ("default", .varchar),
    ]
    switch subject {
    case .query(let columns):
      return table(
        header,
        columns.map {
          [.string($0.name), .string($0.type.shownName), .string("YES"), .null, .null]
        })
    case .table(let definition):
      return table(header, definition.columns.map { describe($0, of: definition) })
    }
  }

  private static func describe(_ column: ColumnDefinition, of table: TableDefinition) -> [Value] {
    var keys: [String] = []
    for key in table.keys where key.columns.contains(column.id) {
      keys.append(key.isPrimary ? "PRI" : "UNI")
    }
    if table.foreignKeys.contains(where: { $0.columns.contains(column.id) }) { keys.append("FOR") }
    return [
      .string(column.name), .string(column.type.shownName),
      .string(column.isNullable ? "YES" : "NO"),
      keys.isEmpty ? .null : .string(keys.joined(separator: ",")),
      (column.generatedText.map { "GENERATED ALWAYS AS (\($0))" } ?? column.defaultSQL).map {
        .string($0)
      } ?? .null,
    ]
  }

  /// SHOW name, or SHOW ALL. The name of a table, when there is no such setting, describes the table.
  fileprivate func showSetting(_ name: String?, at position: Range<Int>) throws(StoaError)
    -> QueryResult
  {
    if let name {
      let isSetting = Setting.all.contains { $0.name == name.lowercased() }
      if !isSetting,
        let table = try currentSnapshot().catalog.table(
          written: name, searchPath: settings.searchPath)
      {
        return Session.description(of: .table(table))
      }
      let setting = try Setting.named(name, at: position)
      return Session.texts(setting.name, [setting.read(self)])
    }
    return Session.table(
      [("name", .varchar), ("value", .varchar), ("description", .varchar)],
      Setting.all.map { [.string($0.name), .string($0.read(self)), .string($0.help)] })
  }
}
