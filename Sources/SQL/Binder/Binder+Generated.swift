import Catalog
import Kernels
import Vectors

/// Generated columns: `GENERATED ALWAYS AS (expression)`. The expression is kept as SQL over names of the table's other
/// columns. Values are stored; the loader computes them for every row that comes in, whoever brings it. Queries of
/// changes compute them besides where something looks at the new rows before: RETURNING and ON CONFLICT.
extension Binder {
  /// The expressions of the table's generated columns, by position; columns are numbered by position too.
  /// - Throws: when a text in the catalog cannot be bound, naming the column.
  public func bindGenerated(
    of table: TableDefinition
  ) throws(StoaError) -> [(index: Int, value: Expression)] {
    var result: [(index: Int, value: Expression)] = []
    for (index, column) in table.columns.enumerated() {
      guard let text = column.generatedText else { continue }
      do throws(StoaError) {
        let value = try onFittingStack(text) { () throws(StoaError) in
          let inner = Binder(catalog: catalog, text: text, showsPlaces: false)
          return try inner.bindGenerated(
            try Parser.parseExpression(text), column.type, of: table)
        }
        result.append((index, value))
      } catch {
        throw StoaError(
          error.kind, "generated column \"\(column.name)\": \(error.message)", hint: error.hint)
      }
    }
    return result
  }

  private func bindGenerated(
    _ syntax: ExpressionSyntax, _ type: LogicalType, of table: TableDefinition
  ) throws(StoaError) -> Expression {
    let clause = Clause("GENERATED", scope: positions(of: table))
    let bound = try bindExpression(syntax, clause)
    guard clause.pending.isEmpty else {
      throw StoaError(
        .binding, "a generated column cannot have a subquery", position: syntax.position)
    }
    guard !bound.hasParameter else {
      throw StoaError(
        .binding, "a generated column cannot have parameters", position: syntax.position)
    }
    let value = try assigned(bound, to: type, at: syntax.position)
    guard value.isDeterministic else { throw changing(syntax) }
    for index in value.columnIDs.sorted() where table.columns[index].generatedText != nil {
      throw StoaError(
        .binding,
        "a generated column cannot be computed from another one, \"\(table.columns[index].name)\"",
        hint: "Write out what that one is computed from", position: syntax.position)
    }
    return value
  }

  private func changing(_ syntax: ExpressionSyntax) -> StoaError {
    StoaError(
      .binding, "a generated column must be the same for the same row, whenever it is computed",
      hint: "Use DEFAULT for values of the moment", position: syntax.position)
  }

  /// Checks the expression of a column of a new table, all of whose columns are there.
  func setGenerated(
    _ syntax: ExpressionSyntax, of index: Int, in table: inout TableDefinition
  ) throws(StoaError) {
    let column = table.columns[index]
    let outer = (context, sequences)
    defer { (context, sequences) = outer }
    sequences = nil
    let bound = try bindGenerated(syntax, column.type, of: table)
    // What is a constant of the statement is another one in the next.
    context = StatementContext(text: "-")
    context.clock = outer.0.clock &- 1_000_003_600_000_000
    context.databaseName = outer.0.databaseName + "-"
    context.schemaName = outer.0.schemaName + "-"
    context.version = outer.0.version + "-"
    context.setting = { name in outer.0.setting(name).map { $0 + "-" } }
    guard try bindGenerated(syntax, column.type, of: table) == bound else {
      throw changing(syntax)
    }
    table.columns[index].generatedText = checkText(syntax)
  }

  /// Puts the values of generated columns in the place of what `columns` has there.
  /// - Parameters:
  ///   - columns: new rows, all columns of the table in order, columns of `plan`.
  ///   - condition: rows for which they are wanted, if not for all.
  func withGenerated(
    _ plan: LogicalPlan, _ columns: [PlanColumn], of table: TableDefinition,
    where condition: Expression? = nil
  ) throws(StoaError) -> (plan: LogicalPlan, columns: [PlanColumn]) {
    let generated = try bindGenerated(of: table)
    guard !generated.isEmpty else { return (plan, columns) }
    var columns = columns
    var items: [NamedExpression] = []
    let given = columns
    for (index, value) in generated {
      let new = numbers.column(table.columns[index].name, table.columns[index].type)
      var mapped = value.mapColumns { given[$0].id }
      if let condition {
        mapped = .conditional(
          [ConditionalBranch(condition: condition, result: mapped)], otherwise: nil, type: new.type)
      }
      columns[index] = new
      items.append(NamedExpression(new, mapped))
    }
    return (extended(plan, by: items), columns)
  }

  func refuseGenerated(
    _ index: Int, in table: TableDefinition, at position: Range<Int>
  ) throws(StoaError) {
    guard table.columns[index].generatedText != nil else { return }
    throw StoaError(
      .binding, "column \"\(table.columns[index].name)\" is generated and cannot be written",
      hint: "Leave it out; it is computed from the other columns", position: position)
  }

  /// - Throws: when a generated column is computed from this one.
  func requireNoGenerated(
    from name: NameSyntax, in table: TableDefinition
  ) throws(StoaError) {
    let key = CatalogState.key(name.text)
    for column in table.columns {
      guard let text = column.generatedText else { continue }
      let uses = try onFittingStack(text) { () throws(StoaError) in
        try Parser.parseExpression(text).columnNames.contains {
          CatalogState.key($0.name.text) == key
        }
      }
      guard uses else { continue }
      throw StoaError(
        .binding, "the generated column \"\(column.name)\" is computed from \"\(name.text)\"",
        hint: "Drop \"\(column.name)\" first", position: name.position)
    }
  }
}
