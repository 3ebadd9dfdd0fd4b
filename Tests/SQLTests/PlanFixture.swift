import Catalog
import Kernels
import Testing
import Vectors

@testable import SQL

/// A catalog of tables made from CREATE TABLE statements, with statistics set by hand.
struct FixtureCatalog: PlannerCatalog {
  var state = CatalogState()
  var tables: [TableID: TableStatistics] = [:]
  /// Earlier states, for AT.
  var history: CatalogHistory?

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
    try Binder(
      catalog: state, text: sql, tableFunctions: [FixtureFunction()], history: history
    ).bind(try Parser.parse(sql))
  }

  /// The query of a statement, or the one behind a change.
  func query(_ sql: String) throws(StoaError) -> BoundQuery {
    switch try bind(sql) {
    case .query(let query): return query
    case .change(let change): return change.source
    case .insert(let insert): return insert.source
    default: throw StoaError(.usage, "no query")
    }
  }

  /// The change that a statement makes.
  func change(_ sql: String) throws(StoaError) -> BoundChange {
    guard case .change(let change) = try bind(sql) else { throw StoaError(.usage, "no change") }
    return change
  }

  func alteration(_ sql: String) throws(StoaError) -> BoundAlterTable {
    guard case .alterTable(let alter) = try bind(sql) else { throw StoaError(.usage, "no ALTER") }
    return alter
  }

  /// The definition that CREATE TABLE makes.
  func created(_ sql: String) throws(StoaError) -> TableDefinition {
    guard case .createTable(let create) = try bind(sql) else {
      throw StoaError(.usage, "no CREATE TABLE")
    }
    return create.table
  }

  /// The physical plan of a bound query as EXPLAIN prints it.
  func explain(_ query: BoundQuery) throws(StoaError) -> String {
    ExplainPrinter(catalog: state).text(of: try QueryPlanner.plan(query, catalog: self))
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
      if case .change(let change) = bound {
        _ = try QueryPlanner.plan(change.source, catalog: self)
      }
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
