import Catalog
import Executor
import SQL
import Storage

// VERIFY: what the files say of themselves (`StoreVerifier`), and with DEEP what the definitions promise: keys,
// foreign keys and checks, each by a query planned as if nothing were promised.
extension Session {
  /// - Parameter table: the whole warehouse when `nil`.
  /// - Returns: a row per finding, the worst first, and a summary.
  func verify(_ table: TableDefinition?, isDeep: Bool) throws(StoaError) -> QueryResult {
    let snapshot = try warehouse.store.snapshot()
    if let table, snapshot.catalog.table(table.id) == nil {
      throw StoaError(.binding, "table \"\(table.name)\" is not committed yet")
    }
    let flag = cancellation
    var report = try StoreVerifier.run(
      snapshot, table: table.flatMap { snapshot.catalog.table($0.id) }, isDeep: isDeep
    ) { () throws(StoaError) in try flag.check() }
    if isDeep {
      let tables = table.map { [$0] } ?? snapshot.catalog.sortedTables
      for definition in tables {
        report.findings += try promises(of: definition, snapshot)
      }
    }
    let order: [VerifyFinding.Severity] = [.error, .warning, .note]
    let sorted = order.flatMap { level in report.findings.filter { $0.severity == level } }
    return Session.table(
      [
        ("severity", .varchar), ("object", .varchar), ("table", .varchar),
        ("row_group", .integer), ("column", .varchar), ("message", .varchar),
      ], (sorted + [report.summary]).map { Session.row($0) })
  }

  private static func row(_ finding: VerifyFinding) -> [Value] {
    [
      .string(finding.severity == .note ? "ok" : finding.severity.rawValue),
      .string(finding.object), finding.table.map { .string($0) } ?? .null,
      finding.rowGroup.map { .integer(Int128($0)) } ?? .null,
      finding.column.map { .string($0) } ?? .null, .string(finding.message),
    ]
  }

  /// Keys, foreign keys and checks that do not hold.
  /// - Throws: only when the statement is cancelled.
  private func promises(
    of table: TableDefinition, _ snapshot: Snapshot
  ) throws(StoaError) -> [VerifyFinding] {
    var findings: [VerifyFinding] = []
    let from = SQLName.quoted(table.name)
    func check(_ object: String, _ sql: String, _ describe: (Int128) -> String) throws(StoaError) {
      do throws(StoaError) {
        let count = try number(sql, snapshot)
        if count > 0 {
          findings.append(VerifyFinding(.error, object, table: table.name, describe(count)))
        }
      } catch {
        if error.kind == .cancelled { throw error }
        findings.append(
          VerifyFinding(
            .error, object, table: table.name, "it cannot be checked: \(error.message)"))
      }
    }
    for key in table.keys {
      let names = Session.names(key.columns, of: table)
      let list = names.joined(separator: ", ")
      let known = names.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
      let kind = key.isPrimary ? "PRIMARY KEY" : "UNIQUE"
      try check(
        "\(kind) (\(list))",
        "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM \(from) WHERE \(known)"
          + " GROUP BY \(list) HAVING count(*) > 1)"
      ) { "\($0) rows share their key with another row" }
    }
    for key in table.foreignKeys where key.isValidated {
      guard let parent = snapshot.catalog.table(key.referencedTable) else { continue }
      let names = Session.names(key.columns, of: table)
      let theirs = Session.names(key.referencedColumns, of: parent)
      let known = names.map { "c.\($0) IS NOT NULL" }.joined(separator: " AND ")
      let match = zip(names, theirs).map { "p.\($1) = c.\($0)" }.joined(separator: " AND ")
      try check(
        "FOREIGN KEY (\(names.joined(separator: ", ")))",
        "SELECT count(*) FROM \(from) AS c WHERE \(known) AND NOT EXISTS"
          + " (SELECT 1 FROM \(SQLName.quoted(parent.name)) AS p WHERE \(match))"
      ) { "\($0) rows refer to nothing in \(parent.name)" }
    }
    for rule in table.checks where rule.isValidated {
      try check(
        "CHECK (\(rule.text))", "SELECT count(*) FROM \(from) WHERE NOT (\(rule.text))"
      ) { "\($0) rows do not meet it" }
    }
    return findings
  }

  private static func names(_ columns: [ColumnID], of table: TableDefinition) -> [String] {
    columns.compactMap { id in table.columns.first { $0.id == id } }
      .map { SQLName.quoted($0.name) }
  }

  /// The one number that a query gives.
  private func number(_ sql: String, _ snapshot: Snapshot) throws(StoaError) -> Int128 {
    let catalog = UnprovenCatalog(snapshot)
    let bound = try withLargeStack { () throws(StoaError) in
      try Binder(catalog: catalog.state, text: sql, tableFunctions: Session.tableFunctions)
        .bind(try Parser.parse(sql))
    }
    guard case .query(let query) = bound else { return 0 }
    let plan = try QueryPlanner.plan(query, catalog: catalog, options: settings.optimizer)
    let stream = try QueryExecution.execute(plan: plan, context: context(snapshot))
    var result: Int128 = 0
    while let batch = try stream.next() {
      if let column = batch.columns.first, batch.rowCount > 0,
        case .integer(let count) = column.value(at: 0)
      {
        result = count
      }
    }
    return result
  }
}

/// A snapshot's tables without their promises: what a query has to prove, its plan must not rely on.
private struct UnprovenCatalog: PlannerCatalog {
  let state: CatalogState

  init(_ snapshot: Snapshot) {
    let bare = snapshot.catalog.sortedTables.map { table -> TableDefinition in
      var table = table
      table.keys = []
      table.foreignKeys = []
      table.checks = []
      return table
    }
    state =
      CatalogState(
        tables: bare, objects: Array(snapshot.catalog.objects.values), nextTableID: .max)
      ?? CatalogState()
  }

  func statistics(of table: TableID) -> TableStatistics? { nil }
}
