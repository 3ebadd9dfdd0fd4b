import Catalog
import Kernels
import Vectors

/// DESCRIBE and SUMMARIZE as tables.
extension Binder {
  /// `FROM (DESCRIBE …)` and `FROM (SUMMARIZE …)`.
  func bindDescribed(
    _ describe: DescribeSyntax, _ scope: Scope
  ) throws(StoaError) -> BoundRelation {
    let relation = try bindSubject(describe, parent: scope.parent, commonTables: scope.commonTables)
    if describe.isSummary { return try summary(of: relation, at: describe.position) }
    var definition: TableDefinition?
    if case .table(let name) = describe.subject { definition = findTable(name) }
    return description(relation, of: definition)
  }

  /// The rows that DESCRIBE or SUMMARIZE is about.
  func bindSubject(
    _ describe: DescribeSyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    switch describe.subject {
    case .query(let query):
      return try bindQuery(query, parent: parent, commonTables: commonTables)
    case .table(let name):
      var select = SelectSyntax(position: describe.position)
      select.items = [.star(StarSyntax(position: describe.position))]
      select.from = [TableReferenceSyntax(.table(name), position: name.position)]
      return try bindSelect(select, orderBy: nil, parent: parent, commonTables: commonTables)
    }
  }

  private func description(
    _ relation: BoundRelation, of table: TableDefinition?
  ) -> BoundRelation {
    let names = ["column_name", "column_type", "null", "key", "default"]
    let columns = names.map { numbers.column($0, .varchar) }
    func text(_ value: String?) -> Expression {
      .constant(value.map { .string($0) } ?? .null, .varchar)
    }
    let rows = relation.columns.map { column -> [Expression] in
      let declared = table?.columns.first {
        CatalogState.key($0.name) == CatalogState.key(column.name)
      }
      var keys: [String] = []
      var standard: String?
      if let table, let declared {
        for key in table.keys where key.columns.contains(declared.id) {
          keys.append(key.isPrimary ? "PRI" : "UNI")
        }
        if table.foreignKeys.contains(where: { $0.columns.contains(declared.id) }) {
          keys.append("FOR")
        }
        standard =
          declared.generatedText.map { "GENERATED ALWAYS AS (\($0))" } ?? declared.defaultText
          ?? declared.defaultValue.map { ExpressionText.constant($0, declared.type) }
      }
      return [
        text(column.name), text(column.type.shownName),
        text(declared.map { $0.isNullable } ?? true ? "YES" : "NO"),
        text(keys.isEmpty ? nil : keys.joined(separator: ",")), text(standard),
      ]
    }
    return BoundRelation(
      plan: .values(LogicalValues(columns: columns, rows: rows)), columns: columns)
  }

  // MARK: SUMMARIZE

  /// One figure of a summary.
  private struct Figure: Sendable {
    var name: String
    var type: LogicalType
    /// The aggregate that gives it, and for which types.
    var aggregate: String
    var applies: @Sendable (LogicalType) -> Bool
  }

  private static let figures = [
    Figure(name: "min", type: .varchar, aggregate: "min", applies: { _ in true }),
    Figure(name: "max", type: .varchar, aggregate: "max", applies: { _ in true }),
    Figure(name: "distinct", type: .bigint, aggregate: "count", applies: { _ in true }),
    Figure(name: "avg", type: .double, aggregate: "avg", applies: { $0.isNumeric }),
    Figure(name: "std", type: .double, aggregate: "stddev_samp", applies: { $0.isNumeric }),
  ]

  /// A row for each column: extremes, number of different values, average, spread, rows, share of NULLs. All figures
  /// come out of one pass over the rows.
  func summary(
    of relation: BoundRelation, at position: Range<Int>
  ) throws(StoaError) -> BoundRelation {
    guard !relation.columns.isEmpty else {
      throw StoaError(.binding, "there are no columns to summarize", position: position)
    }
    var aggregates: [NamedAggregate] = []
    func add(_ name: String, _ argument: Expression?, isDistinct: Bool = false) throws(StoaError)
      -> PlanColumn
    {
      let function = try aggregate(name, argument.map { [$0.type] } ?? [])
      var arguments: [Expression] = []
      if let argument {
        let type = function.argumentTypes.first ?? argument.type
        arguments = [try explicitCast(argument, to: type, isTry: false, at: position)]
      }
      let column = numbers.column(name, function.resultType)
      aggregates.append(
        NamedAggregate(
          column,
          AggregateCall(function: function, arguments: arguments, isDistinct: isDistinct)))
      return column
    }
    let rowCount = try add("count", nil)
    var rows: [[Expression]] = []
    for column in relation.columns {
      var row: [Expression] = [
        .constant(.string(column.name), .varchar),
        .constant(.string(column.type.description), .varchar),
      ]
      for figure in Binder.figures {
        guard figure.applies(column.type) else {
          row.append(.constant(.null, figure.type))
          continue
        }
        let value = try add(
          figure.aggregate, column.reference, isDistinct: figure.name == "distinct")
        row.append(try explicitCast(value.reference, to: figure.type, isTry: false, at: position))
      }
      let valueCount = try add("count", column.reference)
      row.append(rowCount.reference)
      row.append(try nullShare(rowCount, valueCount, position))
      rows.append(row)
    }
    let grouped = LogicalPlan.aggregate(
      LogicalAggregate(input: relation.plan, groups: [], aggregates: aggregates))
    return summaryRows(grouped, rows)
  }

  /// `100 * (rows - values) / rows`; NULL without rows.
  private func nullShare(
    _ rowCount: PlanColumn, _ valueCount: PlanColumn, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let missing = try call("-", [rowCount.reference, valueCount.reference], at: position)
    let parts = try call(
      "*",
      [
        try explicitCast(missing, to: .double, isTry: false, at: position),
        .constant(.double(100), .double),
      ], at: position)
    let total = try explicitCast(rowCount.reference, to: .double, isTry: false, at: position)
    let share = try call("/", [parts, total], at: position)
    return .conditional(
      [
        ConditionalBranch(
          condition: .comparison(.greater, rowCount.reference, .constant(.integer(0), .bigint)),
          result: share)
      ], otherwise: nil, type: share.type)
  }

  private func summaryRows(_ grouped: LogicalPlan, _ rows: [[Expression]]) -> BoundRelation {
    let names =
      ["column_name", "column_type", "min", "max", "approx_unique", "avg", "std", "count"]
      + ["null_percentage"]
    let number = numbers.take()
    let sources = grouped.columns
    let parts = rows.map { row -> BoundRelation in
      let columns = sources.map { numbers.column($0.name, $0.type) }
      let renamed = Dictionary(
        zip(sources.map(\.id), columns.map(\.reference)), uniquingKeysWith: { first, _ in first })
      let items = zip(names, row).map {
        NamedExpression(numbers.column($0, $1.type), $1.replacingColumns(renamed))
      }
      let reference = LogicalPlan.reference(
        LogicalReference(
          number: number, name: "summary", columns: columns, sources: sources.map(\.id)))
      return BoundRelation(
        plan: .project(LogicalProject(input: reference, items: items)),
        columns: items.map(\.column))
    }
    let union = unionAll(parts)
    return BoundRelation(
      plan: .materialize(
        LogicalMaterialize(number: number, name: "summary", shared: grouped, input: union.plan)),
      columns: union.columns)
  }
}
