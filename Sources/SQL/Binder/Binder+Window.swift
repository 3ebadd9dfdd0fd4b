import Catalog
import Kernels
import Vectors

/// Window functions. A call with OVER becomes a column that an operator above the aggregate adds; its arguments and
/// its window may contain aggregates (`sum(sum(x)) OVER …`), which are collected as those of the clause itself.
extension Binder {
  static let windowFunctions: [String: WindowFunction] = [
    "row_number": .rowNumber, "rank": .rank, "dense_rank": .denseRank,
    "percent_rank": .percentRank, "cume_dist": .cumeDist, "ntile": .ntile, "lag": .lag,
    "lead": .lead, "first_value": .firstValue, "last_value": .lastValue, "nth_value": .nthValue,
  ]

  /// A call with OVER.
  func bindWindow(
    _ call: FunctionCallSyntax, _ over: WindowSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    guard let collector = clause.windows else { throw windowRefused(clause, position) }
    let inner = Clause(clause.name, scope: clause.scope, aggregates: clause.aggregates)
    inner.isInsideWindow = true
    inner.aliases = clause.aliases
    inner.openAliases = clause.openAliases
    inner.mentions = clause.mentions
    defer { clause.mentions = inner.mentions }
    let syntax = try collector.resolved(over)
    var bound = try windowCall(call, inner, position)
    let (partition, order) = try windowKeys(syntax, inner)
    bound.frame = try windowFrame(syntax, order, inner)
    if !bound.function.usesFrame { bound.frame = .standard }
    collector.pending += inner.pending
    return collector.column(
      for: bound, partition: partition, order: order, name: sourceText(position), at: position,
      numbers: &numbers
    ).reference
  }

  /// Definitions nobody uses must be right too.
  func checkWindows(_ collector: WindowCollector, _ clause: Clause) throws(StoaError) {
    for syntax in collector.definitions {
      let inner = Clause(clause.name, scope: clause.scope, aggregates: clause.aggregates)
      inner.isInsideWindow = true
      inner.aliases = clause.aliases
      let (_, order) = try windowKeys(syntax, inner)
      _ = try windowFrame(syntax, order, inner)
    }
  }

  private func windowRefused(_ clause: Clause, _ position: Range<Int>) -> StoaError {
    if clause.isInsideWindow {
      return StoaError(.binding, "window function calls cannot be nested", position: position)
    }
    if clause.isInsideAggregate {
      return StoaError(
        .binding, "aggregate function calls cannot contain window function calls",
        hint: "Compute the window function in a subquery", position: position)
    }
    return StoaError(
      .binding, "window functions are not allowed in \(clause.name)",
      hint: clause.name == "WHERE" || clause.name == "HAVING"
        ? "Conditions on window functions go into QUALIFY" : nil, position: position)
  }

  // MARK: the function

  private func windowCall(
    _ call: FunctionCallSyntax, _ inner: Clause, _ position: Range<Int>
  ) throws(StoaError) -> WindowCall {
    let name = call.name.name.text.lowercased()
    if !call.withinGroup.isEmpty {
      throw unsupported("WITHIN GROUP in a window function", position)
    }
    if !call.orderBy.isEmpty {
      throw unsupported("ORDER BY within the parentheses of a window function", position)
    }
    guard let function = Binder.windowFunctions[name] else {
      guard isAggregate(name) else {
        if !isScalar(name) { throw unknownFunction(name, call.name.position) }
        throw StoaError(
          .binding,
          "OVER specified, but \(name) is not a window function nor an aggregate function",
          position: position)
      }
      return try windowAggregate(name, call, inner, position)
    }
    if call.isStar { throw StoaError(.binding, "only count takes *", position: position) }
    if call.isDistinct {
      throw StoaError(
        .binding, "\(name) is no aggregate function, so it cannot take DISTINCT",
        position: position)
    }
    if call.filter != nil {
      throw StoaError(
        .binding, "\(name) is no aggregate function, so it cannot take FILTER", position: position)
    }
    var arguments: [Expression] = []
    for argument in call.arguments {
      arguments.append(try bindExpression(argument.value, inner))
    }
    let positions = call.arguments.map(\.value.position)
    return try windowCall(
      function, arguments, positions, ignoresNulls: call.ignoresNulls, at: position)
  }

  private func windowCall(
    _ function: WindowFunction, _ arguments: [Expression], _ positions: [Range<Int>],
    ignoresNulls: Bool?, at position: Range<Int>
  ) throws(StoaError) -> WindowCall {
    let counts: ClosedRange<Int> =
      switch function {
      case .rowNumber, .rank, .denseRank, .percentRank, .cumeDist, .aggregate: 0...0
      case .ntile, .firstValue, .lastValue: 1...1
      case .nthValue: 2...2
      case .lag, .lead: 1...3
      }
    guard counts.contains(arguments.count) else {
      let wanted =
        counts.lowerBound == counts.upperBound
        ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
      throw StoaError(
        .binding,
        "\(function.name) takes \(wanted) argument\(wanted == "1" ? "" : "s"), "
          + "not \(arguments.count)", position: position)
    }
    var call = WindowCall(function: function, arguments: [], resultType: .bigint)
    switch function {
    case .rowNumber, .rank, .denseRank: break
    case .percentRank, .cumeDist: call.resultType = .double
    case .ntile:
      call.arguments = [try coerced(arguments[0], to: .bigint, at: positions[0])]
    case .lag, .lead:
      call.arguments = try shiftArguments(arguments, positions, function.name, at: position)
      call.resultType = call.arguments[0].type
    case .firstValue, .lastValue, .nthValue:
      call.arguments = [try known(arguments[0], at: positions[0])]
      call.resultType = call.arguments[0].type
      if function == .nthValue {
        call.arguments.append(try coerced(arguments[1], to: .bigint, at: positions[1]))
      }
    case .aggregate: break
    }
    if let ignoresNulls {
      switch function {
      case .lag, .lead, .firstValue, .lastValue, .nthValue: call.ignoresNulls = ignoresNulls
      default: throw noNullTreatment(function.name, position)
      }
    }
    return call
  }

  private func noNullTreatment(_ name: String, _ position: Range<Int>) -> StoaError {
    StoaError(
      .binding, "\(name) takes neither IGNORE NULLS nor RESPECT NULLS",
      hint: "lag, lead, first_value, last_value and nth_value do", position: position)
  }

  /// Value, offset and perhaps default of lag and lead; value and default of one type.
  private func shiftArguments(
    _ arguments: [Expression], _ positions: [Range<Int>], _ name: String, at position: Range<Int>
  ) throws(StoaError) -> [Expression] {
    var value = try known(arguments[0], at: positions[0])
    var result = [value, Expression.constant(.integer(1), .bigint)]
    if arguments.count > 1 {
      result[1] = try coerced(arguments[1], to: .bigint, at: positions[1])
    }
    guard arguments.count > 2, !isBareNull(arguments[2]) else { return result }
    var otherwise = arguments[2]
    if isTextLiteral(otherwise), value.type != .varchar {
      otherwise = try coerced(otherwise, to: value.type, at: positions[2])
    } else {
      let both = try unified([value, otherwise], at: position, for: name)
      (value, otherwise) = (both[0], both[1])
    }
    result[0] = value
    return result + [otherwise]
  }

  private func windowAggregate(
    _ name: String, _ call: FunctionCallSyntax, _ inner: Clause, _ position: Range<Int>
  ) throws(StoaError) -> WindowCall {
    if call.ignoresNulls != nil { throw noNullTreatment(name, position) }
    var arguments: [Expression] = []
    if call.isStar {
      guard name == "count" else {
        throw StoaError(.binding, "only count takes *", position: position)
      }
    } else {
      for argument in call.arguments {
        arguments.append(
          try known(try bindExpression(argument.value, inner), at: argument.value.position))
      }
    }
    var filter: Expression?
    if let syntax = call.filter { filter = try bindCondition(syntax, inner) }
    if call.isDistinct, arguments.count > 1 {
      throw unsupported("DISTINCT with several arguments in a window function", position)
    }
    let bound = try aggregateCall(name, arguments, call.isDistinct, filter, position)
    if bound.isDistinct, bound.arguments.count > 1 {
      throw unsupported("DISTINCT in a window aggregate of several arguments", position)
    }
    return WindowCall(
      function: .aggregate(bound.function), arguments: bound.arguments,
      isDistinct: bound.isDistinct && !bound.arguments.isEmpty, filter: bound.filter,
      resultType: bound.function.resultType)
  }

  // MARK: the window

  private func windowKeys(
    _ syntax: WindowSyntax, _ inner: Clause
  ) throws(StoaError) -> (partition: [Expression], order: [SortItem]) {
    var partition: [Expression] = []
    for key in syntax.partitionBy {
      partition.append(try known(try bindExpression(key, inner), at: key.position))
    }
    var order: [SortItem] = []
    for key in syntax.orderBy {
      let expression = try known(
        try bindExpression(key.expression, inner), at: key.expression.position)
      order.append(sortItem(expression, key))
    }
    return (partition, order)
  }
}
