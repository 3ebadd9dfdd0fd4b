import Catalog
import Kernels
import Vectors

/// Calls of aggregates, with DISTINCT, ORDER BY, FILTER and WITHIN GROUP.
extension Binder {
  func bindAggregate(
    _ name: String, _ call: FunctionCallSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    if clause.scope.parent == nil { _ = try aggregateCollector(name, clause, position) }
    let inner = innerClause(of: clause)
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
    var keys: [SortItem] = []
    for key in call.withinGroup.isEmpty ? call.orderBy : call.withinGroup {
      let expression = try known(
        try bindExpression(key.expression, inner), at: key.expression.position)
      keys.append(sortItem(expression, key))
    }
    let filter: Expression?
    if let syntax = call.filter { filter = try bindCondition(syntax, inner) } else { filter = nil }
    let operands = arguments + keys.map(\.expression)
    let columns = operands.reduce(into: filter?.columnIDs ?? []) { $0.formUnion($1.columnIDs) }
    let collector: AggregateCollector
    if let outer = outerCollector(of: columns, clause, inner) {
      collector = outer
    } else {
      collector = try aggregateCollector(name, clause, position)
    }
    collector.pending += inner.pending
    let bound =
      call.withinGroup.isEmpty || isOrderedList(name)
      ? try aggregateCall(name, arguments, call.isDistinct, filter, position, orderBy: keys)
      : try orderedSetCall(name, arguments, keys, call, filter, position)
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

  /// Where aggregates of `clause` go.
  /// - Throws: `.binding` where they are not allowed.
  func aggregateCollector(
    _ name: String, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> AggregateCollector {
    if let collector = clause.aggregates { return collector }
    let message =
      clause.isInsideAggregate
      ? "aggregate functions cannot be nested"
      : "\(name) is an aggregate function, which \(clause.name) cannot use"
    let hint = clause.name == "WHERE" ? "Conditions on aggregates go into HAVING" : nil
    throw StoaError(.binding, message, hint: hint, position: position)
  }

  /// The clause that arguments of an aggregate are bound in.
  func innerClause(of clause: Clause) -> Clause {
    let inner = Clause(clause.name, scope: clause.scope)
    inner.isInsideAggregate = true
    inner.aliases = clause.aliases
    inner.openAliases = clause.openAliases
    return inner
  }

  /// LISTAGG takes its order from WITHIN GROUP.
  private func isOrderedList(_ name: String) -> Bool {
    AggregateRegistry.find(name)?.name == "string_agg"
  }

  /// The call with arguments cast to what the function takes; DISTINCT and ORDER BY only where they matter.
  func aggregateCall(
    _ name: String, _ arguments: [Expression], _ isDistinct: Bool, _ filter: Expression?,
    _ position: Range<Int>, orderBy: [SortItem] = []
  ) throws(StoaError) -> AggregateCall {
    let function: BoundAggregate
    do throws(StoaError) {
      function = try aggregate(name, arguments.map(\.type))
    } catch {
      throw error.at(position)
    }
    if function.functionName.contains("quantile") {
      try checkFraction(arguments.last, position)
    }
    let cast = try self.cast(arguments, function, position)
    let isDistinct = isDistinct && !function.ignoresDuplicates
    var keys = function.dependsOnOrder ? orderBy : []
    if isDistinct {
      keys = try distinctKeys(keys, arguments, position)
      // Values each once come in no order of their own; the smallest first, so that results can be repeated.
      if keys.isEmpty, function.dependsOnOrder {
        keys = cast.filter { !$0.columnIDs.isEmpty }.map {
          SortItem(expression: $0, isDescending: false, nullsFirst: false)
        }
      }
    }
    return AggregateCall(
      function: function, arguments: cast, isDistinct: isDistinct, filter: filter, orderBy: keys)
  }

  private func cast(
    _ arguments: [Expression], _ function: BoundAggregate, _ position: Range<Int>
  ) throws(StoaError) -> [Expression] {
    var result: [Expression] = []
    for (argument, type) in zip(arguments, function.argumentTypes) {
      result.append(try explicitCast(argument, to: type, isTry: false, at: position))
    }
    return result
  }

  /// With DISTINCT only what is told apart can be an order: keys must be arguments, as in PostgreSQL.
  private func distinctKeys(
    _ keys: [SortItem], _ arguments: [Expression], _ position: Range<Int>
  ) throws(StoaError) -> [SortItem] {
    var result: [SortItem] = []
    for key in keys where !key.expression.columnIDs.isEmpty {
      guard arguments.contains(key.expression) else {
        throw StoaError(
          .binding,
          "in an aggregate with DISTINCT, ORDER BY can only use the aggregate's arguments",
          position: position)
      }
      result.append(key)
    }
    return result
  }

  private func checkFraction(
    _ fraction: Expression?, _ position: Range<Int>
  ) throws(StoaError) {
    guard let fraction, fraction.columnIDs.isEmpty else {
      throw StoaError(
        .binding, "the fraction of a quantile must be the same for all rows: it cannot use columns",
        position: position)
    }
  }

  /// Aggregates of other systems whose result is a list.
  func refuseLists(_ name: String, _ position: Range<Int>) throws(StoaError) {
    guard ["array_agg", "list", "approx_top_k", "histogram"].contains(name), !isScalar(name) else {
      return
    }
    throw StoaError(
      .unsupported, "\(name) gives a list, for which there is no type yet",
      hint: "string_agg makes a text; GROUP BY with ORDER BY count(*) DESC and LIMIT counts",
      position: position)
  }

  // MARK: WITHIN GROUP

  /// `percentile_cont(f) WITHIN GROUP (ORDER BY x)` and its like.
  private func orderedSetCall(
    _ name: String, _ arguments: [Expression], _ keys: [SortItem], _ call: FunctionCallSyntax,
    _ filter: Expression?, _ position: Range<Int>
  ) throws(StoaError) -> AggregateCall {
    if !call.orderBy.isEmpty {
      throw StoaError(
        .binding, "\(name) cannot have both ORDER BY and WITHIN GROUP", position: position)
    }
    guard keys.count == 1 else {
      throw StoaError(.binding, "\(name) takes one key in WITHIN GROUP", position: position)
    }
    let all = [keys[0].expression] + arguments
    guard
      let function = AggregateRegistry.withinGroup(
        name, isDescending: keys[0].isDescending, argumentTypes: all.map(\.type))
    else {
      throw StoaError(
        .binding, "\(name) cannot be used so with WITHIN GROUP",
        hint: "percentile_cont(fraction), percentile_disc(fraction), mode() and listagg(x) can",
        position: position)
    }
    if !arguments.isEmpty { try checkFraction(arguments[0], position) }
    return AggregateCall(
      function: function, arguments: try cast(all, function, position),
      isDistinct: call.isDistinct && function.functionName.hasPrefix("quantile"), filter: filter)
  }
}
