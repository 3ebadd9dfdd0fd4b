import Executor
import SQL
import Storage

/// Where the bytes are: the table function `stoa_space()` and the shell's `.space`.
extension Session {
  /// Where the bytes of the warehouse are and why; see `SpaceReport`.
  public func space() throws(StoaError) -> QueryResult {
    guard !isClosed else { throw StoaError(.usage, "the session is closed") }
    let report = try warehouse.store.space()
    var rows = report.entries.map(SpaceTable.row)
    rows.append([
      .string("total"), .null, .integer(Int128(report.fileCount)),
      .integer(Int128(report.byteCount)), .null,
    ])
    return QueryResult(
      Session.table(SpaceTable.columns.map { ($0.name, $0.type) }, rows), notices: report.readers)
  }

  /// Sources of table functions that look at the warehouse itself.
  func systemFunctions(newest: Snapshot) -> [String: TableFunctionFactory] {
    let store = warehouse.store
    return FileFunctions.sources.merging([
      "stoa_versions": { _, _ throws(StoaError) in
        Session.source(
          VersionTable.columns,
          try store.versions(before: newest).versions.map(VersionTable.row))
      },
      "stoa_space": { _, _ throws(StoaError) in
        Session.source(SpaceTable.columns, try store.space().entries.map(SpaceTable.row))
      },
      "stoa_functions": { _, _ throws(StoaError) in
        Session.source(FunctionTable.columns, FunctionTable.rows)
      },
    ]) { first, _ in first }
  }

  private static func source(
    _ columns: [OutputColumn], _ rows: [[Value]]
  ) -> any TableSource {
    let vectors = columns.indices.map { index in
      Vector.make(columns[index].type, rows.map { $0[index] })
    }
    return BatchSource(
      rows.isEmpty ? [] : [Batch(columns: vectors, rowCount: rows.count)], isOrdered: true)
  }
}

/// The columns of `stoa_space()`.
enum SpaceTable {
  static let columns: [OutputColumn] = [
    OutputColumn(name: "part", type: .varchar), OutputColumn(name: "table_name", type: .varchar),
    OutputColumn(name: "files", type: .bigint), OutputColumn(name: "bytes", type: .bigint),
    OutputColumn(name: "reason", type: .varchar),
  ]

  static func row(_ entry: SpaceReport.Entry) -> [Value] {
    [
      .string(entry.part), entry.table.map { .string($0) } ?? .null,
      .integer(Int128(entry.fileCount)), .integer(Int128(entry.byteCount)), .string(entry.reason),
    ]
  }
}

/// A table function without arguments whose rows describe the warehouse.
struct SystemFunctionBinding: TableFunctionBinding {
  let name: String
  let columns: [OutputColumn]
  let text: String
  let example: String

  var help: TableFunctionHelp? {
    TableFunctionHelp(signature: "\(name)()", text: text, example: example)
  }

  func bind(_ arguments: [Value], named: [String: Value]) throws(StoaError) -> BoundTableFunction {
    guard arguments.isEmpty, named.isEmpty else {
      throw StoaError(.binding, "\(name) takes no arguments")
    }
    return BoundTableFunction(columns: columns, arguments: [])
  }
}
