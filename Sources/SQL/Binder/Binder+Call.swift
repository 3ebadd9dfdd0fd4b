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
    if !call.withinGroup.isEmpty, HypotheticalRow.names.contains(name) {
      return try bindHypotheticalRow(name, call, clause, position)
    }
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
    if let bound = try bindSequenceCall(name, call, clause, position) { return bound }
    if isAggregate(name) { return try bindAggregate(name, call, clause, position) }
    if name == "grouping" || name == "grouping_id" {
      return try bindGrouping(name, call, clause, position)
    }
    try refuseLists(name, position)
    try refuseAggregateSyntax(name, call, position)
    let arguments = try bindArguments(call, clause)
    return try self.call(name, arguments, at: position, namePosition: call.name.position)
  }

  func bindArguments(
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
}
