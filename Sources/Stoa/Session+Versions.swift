import SQL
import Storage

/// Earlier versions: the retention setting, SHOW VERSIONS.
extension Session {
  /// What SET and RESET do with `retention`, which is no setting of the session but of the warehouse: a commit.
  func setRetention(_ text: String, at position: Range<Int>?) throws(StoaError) {
    guard let microseconds = DurationText.parse(text) else {
      throw StoaError(
        .binding, "\"\(text)\" is no value for retention",
        hint: "It takes a length of time such as '1 day' or '2 hours 30 minutes', or 0",
        position: position)
    }
    guard openTransaction == nil else {
      throw StoaError(
        .usage, "retention is not set inside a transaction", position: position)
    }
    try warehouse.store.setRetention(
      microseconds: microseconds, timeoutMilliseconds: settings.lockTimeoutMilliseconds)
  }

  /// How long earlier versions can be read, as text.
  var retentionText: String {
    DurationText.text((try? currentSnapshot())?.retention.microseconds ?? 0)
  }

  /// SHOW VERSIONS, the newest first.
  func showVersions() throws(StoaError) -> QueryResult {
    let (versions, notices) = try warehouse.store.versions(before: try committedSnapshot())
    let result = Session.table(
      VersionTable.columns.map { ($0.name, $0.type) }, versions.reversed().map(VersionTable.row))
    return QueryResult(result, notices: notices)
  }

  /// What statements see now, without changes of the open transaction.
  func committedSnapshot() throws(StoaError) -> Snapshot {
    if let openTransaction { return openTransaction.changes.snapshot }
    return try warehouse.store.snapshot()
  }
}

/// The columns of SHOW VERSIONS.
enum VersionTable {
  static let columns: [OutputColumn] = [
    OutputColumn(name: "version", type: .bigint),
    OutputColumn(name: "committed", type: .timestamp),
    OutputColumn(name: "kind", type: .varchar),
    OutputColumn(name: "tables", type: .varchar),
    OutputColumn(name: "rows_inserted", type: .bigint),
    OutputColumn(name: "rows_deleted", type: .bigint),
  ]

  static func row(_ version: VersionSummary) -> [Value] {
    [
      .integer(Int128(version.commit)), .integer(Int128(version.timestamp)),
      version.kinds.isEmpty ? .null : .string(version.kinds.joined(separator: ", ")),
      version.tables.isEmpty ? .null : .string(version.tables.joined(separator: ", ")),
      version.insertedCount.map { .integer(Int128($0)) } ?? .null,
      version.deletedCount.map { .integer(Int128($0)) } ?? .null,
    ]
  }
}
