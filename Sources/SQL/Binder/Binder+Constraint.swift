import Catalog
import Kernels
import Vectors

/// DEFAULT and CHECK are kept as SQL where they are no constants, and bound by each statement that needs them.
extension Binder {
  // MARK: DEFAULT

  /// What rows get that do not name the column, of the column's type: a constant, or an expression without
  /// columns to be evaluated for each row.
  /// - Throws: when the text in the catalog cannot be bound, naming the column.
  public func defaultExpression(of column: ColumnDefinition) throws(StoaError) -> Expression {
    guard let text = column.defaultText else {
      return .constant(column.defaultValue ?? .null, column.type)
    }
    do throws(StoaError) {
      return try onFittingStack(text) { () throws(StoaError) in
        let inner = Binder(catalog: catalog, text: text, showsPlaces: false)
        inner.context = context
        inner.sequences = sequences
        inner.takenSequences = takenSequences
        inner.knownSequences = column.sequences
        return try inner.bindDefault(try Parser.parseExpression(text), column.type)
      }
    } catch {
      throw stored(error, "DEFAULT of column \"\(column.name)\"")
    }
  }

  /// One for each column of the table.
  func defaults(_ table: TableDefinition) throws(StoaError) -> [Expression] {
    var result: [Expression] = []
    for column in table.columns { result.append(try defaultExpression(of: column)) }
    return result
  }

  /// - Throws: for columns, subqueries, aggregates and parameters.
  private func bindDefault(
    _ syntax: ExpressionSyntax, _ type: LogicalType
  ) throws(StoaError) -> Expression {
    let clause = Clause("DEFAULT", scope: Scope(parent: nil, commonTables: nil))
    let bound = try bindExpression(syntax, clause)
    guard clause.pending.isEmpty else {
      throw unsupported("a subquery in DEFAULT", syntax.position)
    }
    guard !bound.hasParameter else {
      throw StoaError(.binding, "DEFAULT cannot have parameters", position: syntax.position)
    }
    return try folded(try assigned(bound, to: type, at: syntax.position), at: syntax.position)
  }

  /// Puts a DEFAULT into a column: a value when it is the same always, else its text.
  func setDefault(
    _ syntax: ExpressionSyntax, of column: inout ColumnDefinition
  ) throws(StoaError) {
    let outer = dependencies
    dependencies = []
    defer { dependencies = outer }
    let bound = try bindDefault(syntax, column.type)
    column.sequences = dependencies.sorted()
    column.defaultValue = nil
    column.defaultText = nil
    if let value = bound.constantValue, !syntax.mayDependOnTime {
      column.defaultValue = value.isNull ? nil : value
    } else {
      column.defaultText = syntax.sourceText(text)
    }
  }

  // MARK: CHECK

  /// The conditions of the table's CHECK constraints. Columns are numbered by position in the table. A row is
  /// refused when a condition is FALSE; NULL passes.
  /// - Throws: when a text in the catalog cannot be bound, naming the constraint.
  public func bindChecks(
    of table: TableDefinition
  ) throws(StoaError) -> [(name: String, condition: Expression)] {
    var result: [(name: String, condition: Expression)] = []
    for (name, constraint) in table.constraints {
      guard case .check(let index) = constraint else { continue }
      do throws(StoaError) {
        result.append((name, try bindStoredCheck(table.checks[index].text, of: table)))
      } catch {
        throw stored(error, "CHECK \"\(name)\" of table \"\(table.name)\"")
      }
    }
    return result
  }

  /// The same for one text out of the catalog.
  func bindStoredCheck(
    _ text: String, of table: TableDefinition
  ) throws(StoaError) -> Expression {
    try onFittingStack(text) { () throws(StoaError) in
      let inner = Binder(catalog: catalog, text: text, showsPlaces: false)
      return try inner.bindCheck(try Parser.parseExpression(text), of: table)
    }
  }

  /// Long texts may nest deep, whatever the statement that needs them looks like.
  func onFittingStack<Result>(
    _ text: String, _ body: () throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    text.utf8.count <= 400 ? try body() : try withLargeStack(body)
  }

  /// The table's columns by their names, numbered by position.
  func positions(of table: TableDefinition) -> Scope {
    let scope = Scope(parent: nil, commonTables: nil)
    scope.replaceEntries(
      table.columns.enumerated().map { index, column in
        Scope.Entry(
          table: table.name, name: column.name,
          column: PlanColumn(id: index, name: column.name, type: column.type),
          schema: catalog.schemaName(table.schema))
      })
    return scope
  }

  /// The condition over positions of the table's columns.
  func bindCheck(
    _ syntax: ExpressionSyntax, of table: TableDefinition
  ) throws(StoaError) -> Expression {
    let clause = Clause("CHECK", scope: positions(of: table))
    let condition = try bindCondition(syntax, clause)
    guard clause.pending.isEmpty else { throw unsupported("a subquery in CHECK", syntax.position) }
    guard !condition.hasParameter else {
      throw StoaError(.binding, "CHECK cannot have parameters", position: syntax.position)
    }
    guard condition.isDeterministic else {
      throw StoaError(
        .binding, "CHECK must give the same answer for the same row", position: syntax.position)
    }
    return condition
  }

  /// The condition as the catalog keeps it: names of columns alone, so that it survives a new name of the table.
  func checkText(_ syntax: ExpressionSyntax) -> String {
    syntax.sourceText(text) { name in
      name.parts.count > 1 ? SQLWord.quotedIfNeeded(name.name.text) : nil
    }
  }

  /// Positions in a text of the catalog mean nothing to the user.
  private func stored(_ error: StoaError, _ what: String) -> StoaError {
    StoaError(error.kind, "\(what): \(error.message)", hint: error.hint)
  }
}

extension Expression {
  /// Whether a parameter is in it.
  var hasParameter: Bool {
    if case .parameter = self { return true }
    return children.contains(where: \.hasParameter)
  }
}
