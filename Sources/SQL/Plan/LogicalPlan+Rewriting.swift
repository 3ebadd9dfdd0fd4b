import Kernels
import Vectors

extension LogicalPlan {
  /// Direct inputs, in order.
  public var inputs: [LogicalPlan] {
    switch self {
    case .get, .values, .tableFunction, .reference: []
    case .filter(let node): [node.input]
    case .project(let node): [node.input]
    case .join(let node): [node.left, node.right]
    case .aggregate(let node): [node.input]
    case .window(let node): [node.input]
    case .sort(let node): [node.input]
    case .limit(let node): [node.input] + (node.counts.map { [$0] } ?? [])
    case .unionAll(let node): node.inputs
    case .singleRow(let node): [node.input]
    case .materialize(let node): [node.shared, node.input]
    case .repeated(let node): [node.input]
    case .recursion(let node): [node.initial, node.step]
    case .groupLimit(let node): [node.input]
    case .sample(let node): [node.input]
    case .asofJoin(let node): [node.left, node.right]
    }
  }

  /// The same operator over inputs replaced by `transform`.
  public func mapInputs(
    _ transform: (LogicalPlan) throws(StoaError) -> LogicalPlan
  ) throws(StoaError) -> LogicalPlan {
    switch self {
    case .get, .values, .tableFunction, .reference:
      return self
    case .filter(var node):
      node.input = try transform(node.input)
      return .filter(node)
    case .project(var node):
      node.input = try transform(node.input)
      return .project(node)
    case .join(var node):
      node.left = try transform(node.left)
      node.right = try transform(node.right)
      return .join(node)
    case .aggregate(var node):
      node.input = try transform(node.input)
      return .aggregate(node)
    case .window(var node):
      node.input = try transform(node.input)
      return .window(node)
    case .sort(var node):
      node.input = try transform(node.input)
      return .sort(node)
    case .limit(var node):
      node.input = try transform(node.input)
      if let counts = node.counts { node.counts = try transform(counts) }
      return .limit(node)
    case .unionAll(var node):
      var inputs: [LogicalPlan] = []
      for input in node.inputs { inputs.append(try transform(input)) }
      node.inputs = inputs
      return .unionAll(node)
    case .singleRow(var node):
      node.input = try transform(node.input)
      return .singleRow(node)
    case .materialize(var node):
      node.shared = try transform(node.shared)
      node.input = try transform(node.input)
      return .materialize(node)
    case .repeated(var node):
      node.input = try transform(node.input)
      return .repeated(node)
    case .recursion(var node):
      node.initial = try transform(node.initial)
      node.step = try transform(node.step)
      return .recursion(node)
    case .groupLimit(var node):
      node.input = try transform(node.input)
      return .groupLimit(node)
    case .sample(var node):
      node.input = try transform(node.input)
      return .sample(node)
    case .asofJoin(var node):
      node.left = try transform(node.left)
      node.right = try transform(node.right)
      return .asofJoin(node)
    }
  }

  /// The operator's own expressions, in order; inputs not included.
  public var expressions: [Expression] {
    switch self {
    case .get, .tableFunction, .unionAll, .singleRow, .materialize, .reference, .recursion,
      .sample:
      return []
    case .values(let node): return node.rows.flatMap { $0 }
    case .filter(let node): return node.conditions
    case .project(let node): return node.items.map(\.expression)
    case .join(let node): return node.conditions
    case .aggregate(let node):
      return node.groups.map(\.expression)
        + node.aggregates.flatMap(\.call.expressions)
    case .window(let node): return node.functions.flatMap(\.expressions)
    case .sort(let node): return node.items.map(\.expression)
    case .limit(let node): return [node.limit, node.offset, node.percent].compactMap { $0 }
    case .repeated(let node): return [node.count]
    case .groupLimit(let node): return node.expressions
    case .asofJoin(let node): return node.expressions
    }
  }

  /// The same operator with its own expressions replaced by `transform`; types must stay.
  public func mapExpressions(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) -> LogicalPlan {
    func mapped(_ expressions: [Expression]) throws(StoaError) -> [Expression] {
      var result: [Expression] = []
      result.reserveCapacity(expressions.count)
      for expression in expressions { result.append(try transform(expression)) }
      return result
    }
    switch self {
    case .get, .tableFunction, .unionAll, .singleRow, .materialize, .reference, .recursion,
      .sample:
      return self
    case .values(var node):
      for index in node.rows.indices { node.rows[index] = try mapped(node.rows[index]) }
      return .values(node)
    case .filter(var node):
      node.conditions = try mapped(node.conditions)
      return .filter(node)
    case .project(var node):
      for index in node.items.indices {
        node.items[index].expression = try transform(node.items[index].expression)
      }
      return .project(node)
    case .join(var node):
      node.conditions = try mapped(node.conditions)
      return .join(node)
    case .aggregate(var node):
      for index in node.groups.indices {
        node.groups[index].expression = try transform(node.groups[index].expression)
      }
      for index in node.aggregates.indices {
        node.aggregates[index].call = try node.aggregates[index].call.mapExpressions(transform)
      }
      return .aggregate(node)
    case .window(var node):
      for index in node.functions.indices {
        node.functions[index] = try node.functions[index].mapExpressions(transform)
      }
      return .window(node)
    case .sort(var node):
      for index in node.items.indices {
        node.items[index].expression = try transform(node.items[index].expression)
      }
      return .sort(node)
    case .limit(var node):
      if let limit = node.limit { node.limit = try transform(limit) }
      if let offset = node.offset { node.offset = try transform(offset) }
      if let percent = node.percent { node.percent = try transform(percent) }
      return .limit(node)
    case .repeated(var node):
      node.count = try transform(node.count)
      return .repeated(node)
    case .groupLimit(var node):
      try node.mapExpressions(transform)
      return .groupLimit(node)
    case .asofJoin(var node):
      try node.mapExpressions(transform)
      return .asofJoin(node)
    }
  }

  /// Rewrites every expression of the whole tree.
  public func mapAllExpressions(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) -> LogicalPlan {
    let below = try mapInputs { (input) throws(StoaError) in
      try input.mapAllExpressions(transform)
    }
    return try below.mapExpressions(transform)
  }

  /// Rewrites the tree from the leaves up.
  public func rewrittenUp(
    _ transform: (LogicalPlan) throws(StoaError) -> LogicalPlan
  ) throws(StoaError) -> LogicalPlan {
    try transform(try mapInputs { (input) throws(StoaError) in try input.rewrittenUp(transform) })
  }

  /// Ids of columns it refers to and does not make: those of an outer query. Empty unless correlated.
  public var freeColumns: Set<Int> {
    var used: Set<Int> = []
    var made: Set<Int> = []
    collectColumns(used: &used, made: &made)
    return used.subtracting(made)
  }

  private func collectColumns(used: inout Set<Int>, made: inout Set<Int>) {
    for input in inputs { input.collectColumns(used: &used, made: &made) }
    for expression in expressions { expression.collectColumns(into: &used) }
    switch self {
    case .filter, .sort, .limit, .singleRow, .materialize, .groupLimit, .sample, .asofJoin: break
    case .repeated(let node): if let ordinal = node.ordinal { made.insert(ordinal.id) }
    case .join(let node): if let mark = node.mark { made.insert(mark.id) }
    case .window(let node): made.formUnion(node.madeColumns)
    case .project(let node):
      for item in node.items where !item.isPassing { made.insert(item.column.id) }
    case .aggregate(let node):
      for item in node.groups where !item.isPassing { made.insert(item.column.id) }
      for item in node.aggregates { made.insert(item.column.id) }
    case .get, .values, .tableFunction, .unionAll, .reference, .recursion:
      for column in columns { made.insert(column.id) }
    }
  }

  /// The plan with values in place of the statement's parameters.
  /// - Throws: `.usage` when a parameter has no value, `.evaluation` when a value does not fit its type.
  public func replacingParameters(
    _ value: (_ index: Int, _ type: LogicalType) throws(StoaError) -> Value
  ) throws(StoaError) -> LogicalPlan {
    try mapAllExpressions { (expression) throws(StoaError) in
      try expression.rewrittenUp { (node) throws(StoaError) in
        guard case .parameter(let index, let type) = node else { return node }
        return .constant(try value(index, type), type)
      }
    }
  }
}

/// Hands out ids for columns and shared plans, unique within one plan.
public struct PlanNumbers: Sendable {
  public private(set) var next = 0

  public init() {}

  /// A number not given out before.
  public mutating func take() -> Int {
    defer { next += 1 }
    return next
  }

  /// A new column.
  public mutating func column(_ name: String, _ type: LogicalType) -> PlanColumn {
    PlanColumn(id: take(), name: name, type: type)
  }
}
