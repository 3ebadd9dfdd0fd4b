import Catalog
import Kernels
import Testing
import Vectors

@testable import SQL

/// A catalog of tables made from CREATE TABLE statements, with statistics set by hand.
struct FixtureCatalog: PlannerCatalog {
  var state = CatalogState()
  var tables: [TableID: TableStatistics] = [:]

  func statistics(of table: TableID) -> TableStatistics? { tables[table] }

  /// Adds a table; `statistics` by column name.
  mutating func create(
    _ sql: String, rows: Int, _ statistics: [String: ColumnStatistics] = [:]
  ) throws(StoaError) {
    let bound = try Binder(catalog: state, text: sql).bind(try Parser.parse(sql))
    guard case .createTable(var create) = bound else { return }
    create.table.id = state.nextTableID
    try state.apply(.createTable(create.table))
    var columns: [ColumnID: ColumnStatistics] = [:]
    for column in create.table.columns { columns[column.id] = statistics[column.name] }
    tables[create.table.id] = TableStatistics(rowCount: rows, columns: columns)
  }

  func bind(_ sql: String) throws(StoaError) -> BoundStatement {
    try Binder(catalog: state, text: sql, tableFunctions: [FixtureFunction()])
      .bind(try Parser.parse(sql))
  }

  func query(_ sql: String) throws(StoaError) -> BoundQuery {
    guard case .query(let query) = try bind(sql) else { throw StoaError(.usage, "no query") }
    return query
  }

  /// The plan of a query as EXPLAIN prints it.
  func explain(
    _ sql: String, _ options: OptimizerOptions = OptimizerOptions()
  ) throws(StoaError) -> String {
    let plan = try QueryPlanner.plan(try query(sql), catalog: self, options: options)
    return ExplainPrinter(catalog: state).text(of: plan)
  }

  /// Names and types of a query's result.
  func columns(_ sql: String) throws(StoaError) -> String {
    try query(sql).columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
  }

  /// The message, hint and place of the error a statement must raise.
  func failure(_ sql: String) -> String {
    do throws(StoaError) {
      let bound = try bind(sql)
      if case .query(let query) = bound { _ = try QueryPlanner.plan(query, catalog: self) }
      return "no error"
    } catch {
      let place = error.position.map { range in
        String(decoding: Array(sql.utf8)[range.clamped(to: 0..<sql.utf8.count)], as: UTF8.self)
      }
      return "\(error.message)" + (error.hint.map { ". \($0)" } ?? "") + " [\(place ?? "nowhere")]"
    }
  }
}

/// `numbers(n)`: a table function for tests.
struct FixtureFunction: TableFunctionBinding {
  var name: String { "numbers" }

  func bind(
    _ arguments: [Value], named: [String: Value]
  ) throws(StoaError) -> BoundTableFunction {
    guard arguments.count == 1, let count = arguments[0].integer else {
      throw StoaError(.binding, "numbers takes one integer")
    }
    return BoundTableFunction(
      columns: [OutputColumn(name: "number", type: .bigint)], arguments: arguments,
      estimatedRows: Double(count))
  }
}

extension ColumnStatistics {
  /// Integers spread evenly.
  static func integers(_ range: ClosedRange<Int>, distinct: Double, nulls: Int = 0) -> Self {
    ColumnStatistics(
      minimum: .integer(Int128(range.lowerBound)), maximum: .integer(Int128(range.upperBound)),
      nullCount: nulls, distinctCount: distinct)
  }

  static func texts(_ low: String, _ high: String, distinct: Double) -> Self {
    ColumnStatistics(minimum: .string(low), maximum: .string(high), distinctCount: distinct)
  }
}
