import Catalog
import Executor
import SQL
import Storage

/// Runs statements one after the other, with settings of its own. One thread at a time uses a session;
/// only `cancel` may be called from any thread at any time.
public final class Session: @unchecked Sendable {
  /// The warehouse that the session works in.
  public let warehouse: Warehouse
  /// Also changed by SET and RESET.
  public var settings: SessionSettings
  /// What COPY … FROM STDIN reads in place of the process's standard input; for shells whose script comes from
  /// there too.
  public var standardInput: [UInt8]?
  /// Told how each COPY … FROM fares, such as for a line of progress.
  public var loadObserver: (@Sendable (LoadEvent) -> Void)?
  let cancellation = CancellationFlag()
  /// What `skip_damaged` has found.
  var damage = KnownDamage()
  var isClosed = false
  /// Earlier versions that the statement being run reads.
  var versions: StatementVersions?
  /// What PREPARE has named, by lower-case name.
  var namedStatements: [String: NamedStatement] = [:]
  /// What `currval` and `lastval` give.
  let lastNumbers = LastNumbers()
  /// Set between BEGIN and COMMIT or ROLLBACK.
  var openTransaction: OpenTransaction?

  init(_ warehouse: Warehouse) {
    self.warehouse = warehouse
    settings = SessionSettings(
      threads: warehouse.defaultThreads,
      lockTimeoutMilliseconds: warehouse.lockTimeoutMilliseconds)
  }

  /// Runs one statement. Queries compute while their result is read, on the snapshot of this moment; everything
  /// else is done, and durable, when this returns.
  /// - Parameter parameters: values for `?` and `$n` in order. Texts take the type their place needs.
  /// - Throws: `.syntax` and `.binding` with a position in `sql`; otherwise what the statement runs into.
  @discardableResult
  public func execute(_ sql: String, parameters: [Value] = []) throws(StoaError) -> QueryResult {
    try prepare(sql).execute(parameters)
  }

  /// Runs one statement with values for its `:name` parameters.
  @discardableResult
  public func execute(_ sql: String, parameters: [String: Value]) throws(StoaError) -> QueryResult {
    try prepare(sql).execute(parameters)
  }

  /// Parses one statement, to be run any number of times.
  public func prepare(_ sql: String) throws(StoaError) -> PreparedStatement {
    do throws(StoaError) {
      return PreparedStatement(session: self, text: sql, syntax: try Parser.parse(sql))
    } catch {
      openTransaction?.failure = error
      throw error
    }
  }

  /// Ends the statement that runs now, as soon as it looks; it throws `.cancelled`. Any thread may call this.
  public func cancel() { cancellation.cancel() }

  /// As `SET name = value`.
  public func set(_ name: String, to value: String) throws(StoaError) {
    try set(name, to: value, at: nil)
  }

  /// The value of a setting as SHOW gives it.
  public func setting(_ name: String) throws(StoaError) -> String {
    try Setting.named(name, at: nil).read(self)
  }

  /// Names of all tables, sorted: with their schema, as `schema.table`, where the search path does not find them.
  public func tables() throws(StoaError) -> [String] {
    let catalog = try currentSnapshot().catalog
    return catalog.relationNames(visibleFrom: settings.searchPath).filter {
      catalog.table(written: $0, searchPath: settings.searchPath) != nil
    }
  }

  /// Names of all views, as `tables` has them.
  public func views() throws(StoaError) -> [String] {
    let catalog = try currentSnapshot().catalog
    return catalog.relationNames(visibleFrom: settings.searchPath).filter {
      catalog.view(written: $0, searchPath: settings.searchPath) != nil
    }
  }

  /// Statements that make all schemas, types, sequences, tables and views again, in an order in which each finds what it refers to.
  public func definitions() throws(StoaError) -> [String] {
    let catalog = try currentSnapshot().catalog
    var left = catalog.sortedTables
    var tables: [TableDefinition] = []
    while !left.isEmpty {
      // Tables that refer to each other come as they are, when nothing else is left.
      let waiting = Set(left.map(\.id))
      let next = left.filter { table in
        table.foreignKeys.allSatisfy {
          $0.referencedTable == table.id || !waiting.contains($0.referencedTable)
        }
      }
      tables += next.isEmpty ? left : next
      let done = Set(next.isEmpty ? left.map(\.id) : next.map(\.id))
      left.removeAll { done.contains($0.id) }
    }
    let views = catalog.objectsInOrder.compactMap { object -> String? in
      if case .view(let view) = object { view.sql(in: catalog) } else { nil }
    }
    return catalog.sortedSchemas.map(\.sql)
      + catalog.sortedTypes.map { $0.sql(in: catalog) }
      + catalog.sortedSequences.filter { $0.owner == 0 }.map { $0.sql(in: catalog) }
      + tables.map { $0.sql(in: catalog) } + views
  }

  /// The CREATE TABLE or CREATE VIEW statement that would make the table or view again.
  public func definition(ofTable name: String) throws(StoaError) -> String {
    let catalog = try currentSnapshot().catalog
    if let view = catalog.view(written: name, searchPath: settings.searchPath) {
      return view.sql(in: catalog)
    }
    guard let table = catalog.table(written: name, searchPath: settings.searchPath) else {
      throw StoaError(
        .binding, "there is no table \"\(name)\"",
        hint: closestSpelling(
          to: name, among: catalog.relationNames(visibleFrom: settings.searchPath)
        ).map { "Did you mean \($0)?" })
    }
    return table.sql(in: catalog)
  }

  /// The session can do nothing more; an open transaction is rolled back.
  public func close() {
    isClosed = true
    openTransaction?.changes.rollback()
    openTransaction = nil
  }

  func set(_ name: String, to value: String, at position: Range<Int>?) throws(StoaError) {
    let setting = try Setting.named(name, at: position)
    if value.lowercased() == "default" { return try reset(name, at: position) }
    if setting.isOfWarehouse { return try setRetention(value, at: position) }
    guard setting.write(self, value) else {
      throw StoaError(
        .binding, "\"\(value)\" is no value for \(setting.name)", hint: "It takes \(setting.help)",
        position: position)
    }
  }

  /// Back to the default of one setting, or of all.
  func reset(_ name: String?, at position: Range<Int>?) throws(StoaError) {
    let fresh = Session(warehouse)
    let chosen = try name.map { name throws(StoaError) in [try Setting.named(name, at: position)] }
    for setting in chosen ?? Setting.all {
      // What is set for all processes is not taken back by the way.
      if setting.isOfWarehouse {
        if name != nil { try setRetention("0", at: position) }
        continue
      }
      if setting.name == "memory_limit" {
        warehouse.budget.setLimit(SystemMemory.defaultLimit)
      } else {
        _ = setting.write(self, setting.read(fresh))
      }
    }
  }
}

/// A parsed statement. Names are looked up each time it runs, so it survives changes of tables.
public final class PreparedStatement {
  /// The session that runs it.
  public let session: Session
  /// The SQL, as it was given.
  public let text: String
  let syntax: StatementSyntax

  init(session: Session, text: String, syntax: StatementSyntax) {
    self.session = session
    self.text = text
    self.syntax = syntax
  }

  /// Values it needs.
  public var parameterCount: Int { syntax.parameters.count }
  /// Whether it is a COPY … FROM STDIN.
  public var readsStandardInput: Bool {
    if case .copy(let copy) = syntax.kind, copy.isFrom, case .standard = copy.place {
      true
    } else {
      false
    }
  }
  /// Names of `:name` parameters in the order of their values; empty for numbered ones.
  public var parameterNames: [String] { syntax.parameters.names }

  /// Runs the statement with values in order.
  @discardableResult
  public func execute(_ parameters: [Value] = []) throws(StoaError) -> QueryResult {
    guard parameters.count == parameterCount else {
      throw StoaError(
        .usage,
        "the statement has \(parameterCount) parameters, but \(parameters.count) values are given")
    }
    return try session.run(syntax, text: text, parameters: parameters)
  }

  /// Runs the statement with values by name.
  @discardableResult
  public func execute(_ parameters: [String: Value]) throws(StoaError) -> QueryResult {
    let given = Dictionary(
      parameters.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
    var values: [Value] = []
    for name in parameterNames {
      guard let value = given[name.lowercased()] else {
        throw StoaError(.usage, "parameter :\(name) has no value")
      }
      values.append(value)
    }
    return try execute(values)
  }
}
