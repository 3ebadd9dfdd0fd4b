import Catalog
import Kernels
import Vectors

extension Binder {
  /// A function call: conditionals in function form, aggregates, scalar functions.
  func bindCall(
    _ call: FunctionCallSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let name = call.name.name.text.lowercased()
    if let argument = call.arguments.first(where: { $0.name != nil })?.name {
      throw StoaError(
        .binding, "\(name) takes no argument by name", position: argument.position)
    }
    if let over = call.over { return try bindWindow(call, over, clause, position) }
    if Binder.windowFunctions[name] != nil, !isAggregate(name), !isScalar(name) {
      throw StoaError(
        .binding, "window function \(name) requires an OVER clause", position: position)
    }
    if call.ignoresNulls != nil {
      throw StoaError(
        .binding, "IGNORE NULLS and RESPECT NULLS are for window functions", position: position)
    }
    if name == "merge_action", call.arguments.isEmpty, let action = clause.mergeAction {
      return action
    }
    if call.columns != nil { return try bindChosenColumn(position) }
    if isAggregate(name) { return try bindAggregate(name, call, clause, position) }
    try refuseAggregateSyntax(name, call, position)
    let arguments = try bindArguments(call, clause)
    return try self.call(name, arguments, at: position, namePosition: call.name.position)
  }

  private func bindArguments(
    _ call: FunctionCallSyntax, _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    var arguments: [Expression] = []
    for argument in call.arguments { arguments.append(try bindExpression(argument.value, clause)) }
    return arguments
  }

  private func refuseAggregateSyntax(
    _ name: String, _ call: FunctionCallSyntax, _ position: Range<Int>
  ) throws(StoaError) {
    let feature: String? =
      if call.isStar { "\(name)(*)" } else if call.isDistinct {
        "DISTINCT"
      } else if call.filter != nil {
        "FILTER"
      } else if !call.orderBy.isEmpty { "ORDER BY" } else if !call.withinGroup.isEmpty {
        "WITHIN GROUP"
      } else { nil }
    guard let feature else { return }
    if !isScalar(name) { throw unknownFunction(name, call.name.position) }
    throw StoaError(
      .binding, "\(name) is no aggregate function, so it cannot take \(feature)",
      position: position)
  }

  // MARK: aggregates

  private func bindAggregate(
    _ name: String, _ call: FunctionCallSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    guard clause.aggregates != nil || clause.scope.parent != nil else {
      let message =
        clause.isInsideAggregate
        ? "aggregate functions cannot be nested"
        : "\(name) is an aggregate function, which \(clause.name) cannot use"
      let hint = clause.name == "WHERE" ? "Conditions on aggregates go into HAVING" : nil
      throw StoaError(.binding, message, hint: hint, position: position)
    }
    if !call.orderBy.isEmpty { throw unsupported("ORDER BY within an aggregate", position) }
    if !call.withinGroup.isEmpty { throw unsupported("WITHIN GROUP", position) }
    let inner = Clause(clause.name, scope: clause.scope)
    inner.isInsideAggregate = true
    inner.aliases = clause.aliases
    inner.openAliases = clause.openAliases
    var arguments: [Expression] = []
    if call.isStar {
      guard name == "count" else {
        throw StoaError(.binding, "only count takes *", position: position)
      }
    } else {
      for argument in try bindArguments(call, inner) {
        arguments.append(try known(argument, at: position))
      }
    }
    let filter: Expression?
    if let syntax = call.filter { filter = try bindCondition(syntax, inner) } else { filter = nil }
    let columns = arguments.reduce(into: filter?.columnIDs ?? []) { $0.formUnion($1.columnIDs) }
    guard let collector = outerCollector(of: columns, clause, inner) ?? clause.aggregates else {
      throw StoaError(
        .binding,
        clause.isInsideAggregate
          ? "aggregate functions cannot be nested"
          : "\(name) is an aggregate function, which \(clause.name) cannot use",
        hint: clause.name == "WHERE" ? "Conditions on aggregates go into HAVING" : nil,
        position: position)
    }
    collector.pending += inner.pending
    let bound = try aggregateCall(name, arguments, call.isDistinct, filter, position)
    let column = collector.column(
      for: bound, name: sourceText(position), numbers: &numbers)
    return column.reference
  }

  /// An aggregate over columns of a query further out alone belongs to that query.
  private func outerCollector(
    of columns: Set<Int>, _ clause: Clause, _ inner: Clause
  ) -> AggregateCollector? {
    guard !columns.isEmpty, inner.pending.isEmpty,
      columns.isDisjoint(with: clause.scope.columnIDs)
    else { return nil }
    var scope = clause.scope.parent
    while let current = scope {
      if !columns.isDisjoint(with: current.columnIDs) { return current.aggregates }
      scope = current.parent
    }
    return nil
  }

  func aggregateCall(
    _ name: String, _ arguments: [Expression], _ isDistinct: Bool, _ filter: Expression?,
    _ position: Range<Int>
  ) throws(StoaError) -> AggregateCall {
    let function: BoundAggregate
    do throws(StoaError) {
      function = try aggregate(name, arguments.map(\.type))
    } catch {
      throw error.at(position)
    }
    var cast: [Expression] = []
    for (argument, type) in zip(arguments, function.argumentTypes) {
      cast.append(try explicitCast(argument, to: type, isTry: false, at: position))
    }
    // Duplicates change nothing for these, so they need no set of values seen.
    let ignoresDuplicates = ["min", "max", "bool_and", "bool_or", "any_value"].contains(name)
    return AggregateCall(
      function: function, arguments: cast, isDistinct: isDistinct && !ignoresDuplicates,
      filter: filter)
  }
}
