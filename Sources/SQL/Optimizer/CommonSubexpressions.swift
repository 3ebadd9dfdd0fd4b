import Kernels
import Vectors

/// Computes what several expressions of one projection or grouping have in common once, in a projection below.
///
/// Only expressions that are computed for every row anyway move: what stands behind the first operand of AND and OR, the
/// first condition of CASE, or in an aggregate with FILTER may be there to avoid an error.
struct CommonSubexpressions: OptimizerRule {
  let name = "common_subexpressions"
  /// More than this many in one operator are left where they are.
  private static let limit = 16

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    var numbers = context.numbers
    let result = try CommonSubexpressions.rewritten(plan, &numbers)
    context.numbers = numbers
    return result
  }

  private static func rewritten(
    _ plan: LogicalPlan, _ numbers: inout PlanNumbers
  ) throws(StoaError) -> LogicalPlan {
    let plan = try plan.mapInputs { (input) throws(StoaError) in try rewritten(input, &numbers) }
    switch plan {
    case .project(var node):
      var shared = SharedExpressions(node.items.map(\.expression), conditional: [])
      guard shared.extract(limit: limit, &numbers) else { return plan }
      for index in node.items.indices { node.items[index].expression = shared.expressions[index] }
      node.input = shared.projection(over: node.input)
      return .project(node)
    case .aggregate(var node):
      let filtered = node.aggregates.filter { $0.call.filter != nil }
      let plain = node.aggregates.filter { $0.call.filter == nil }
      var shared = SharedExpressions(
        node.groups.map(\.expression) + plain.flatMap(\.call.operands)
          + filtered.compactMap(\.call.filter),
        conditional: filtered.flatMap(\.call.operands))
      guard shared.extract(limit: limit, &numbers) else { return plan }
      replace(in: &node, shared)
      node.input = shared.projection(over: node.input)
      return .aggregate(node)
    default: return plan
    }
  }

  private static func replace(in node: inout LogicalAggregate, _ shared: SharedExpressions) {
    for index in node.groups.indices {
      node.groups[index].expression = shared.replaced(node.groups[index].expression)
    }
    for index in node.aggregates.indices {
      node.aggregates[index].call = node.aggregates[index].call.mapExpressions(shared.replaced)
    }
  }
}

/// Expressions of one operator and what they share.
private struct SharedExpressions {
  /// Computed for every row, then those that may not be.
  private(set) var expressions: [Expression]
  private let certainCount: Int
  /// What was taken out, with its new column.
  private var extracted: [(expression: Expression, column: PlanColumn)] = []

  init(_ certain: [Expression], conditional: [Expression]) {
    expressions = certain + conditional
    certainCount = certain.count
  }

  /// Takes out the largest shared expression again and again; whether there was any.
  mutating func extract(limit: Int, _ numbers: inout PlanNumbers) -> Bool {
    // Each search looks at every node: long lists of expressions are not searched often.
    let nodeCount = expressions.reduce(0) { $0 + $1.nodeCount }
    let limit = min(limit, 2_000 / max(1, nodeCount))
    while extracted.count < limit, let expression = largest() {
      let column = numbers.column("common", expression.type)
      extracted.append((expression, column))
      expressions = expressions.map { $0.replacing(expression, by: column.reference) }
    }
    return !extracted.isEmpty
  }

  private func largest() -> Expression? {
    var counts: [Expression: (count: Int, isCertain: Bool, size: Int)] = [:]
    for (index, expression) in expressions.enumerated() {
      count(expression, isCertain: index < certainCount, &counts)
    }
    let shared = counts.filter { $0.value.count > 1 && $0.value.isCertain }
    let size = shared.values.map(\.size).max()
    // Of equally large ones the first in the text, for plans that are the same each time.
    guard let size else { return nil }
    let choices = Set(shared.lazy.filter { $0.value.size == size }.map(\.key))
    for expression in expressions {
      if let found = expression.first(of: choices) { return found }
    }
    return nil
  }

  /// Notes an expression and all within it that may be taken out; returns its number of nodes, whether there is a column among
  /// them, and whether it may.
  @discardableResult
  private func count(
    _ expression: Expression, isCertain: Bool,
    _ counts: inout [Expression: (count: Int, isCertain: Bool, size: Int)]
  ) -> (size: Int, hasColumn: Bool, canMove: Bool) {
    var result = (size: 1, hasColumn: false, canMove: true)
    var isLazy = false
    switch expression {
    case .and, .or, .conditional: isLazy = true
    case .column(let id, _):
      result.hasColumn = true
      // What is taken out stands side by side, so none refers to another.
      result.canMove = !extracted.contains { $0.column.id == id }
    case .call(let function, _): result.canMove = function.isDeterministic
    // As constants the two zeros are equal.
    case .constant(.double(0), _): result.canMove = false
    default: break
    }
    for (index, child) in expression.children.enumerated() {
      let inner = count(child, isCertain: isCertain && (!isLazy || index == 0), &counts)
      result.size += inner.size
      result.hasColumn = result.hasColumn || inner.hasColumn
      result.canMove = result.canMove && inner.canMove
    }
    // A column or its cast costs less than keeping it.
    guard result.size > 2, result.canMove, result.hasColumn else { return result }
    let known = counts[expression]
    counts[expression] = (
      (known?.count ?? 0) + 1, (known?.isCertain ?? false) || isCertain, result.size
    )
    return result
  }

  /// The expression with what was taken out replaced, in the same order.
  func replaced(_ expression: Expression) -> Expression {
    extracted.reduce(expression) { $0.replacing($1.expression, by: $1.column.reference) }
  }

  /// Makes the new columns and passes on what else the expressions read.
  func projection(over input: LogicalPlan) -> LogicalPlan {
    var read: Set<Int> = []
    for expression in expressions { expression.collectColumns(into: &read) }
    var items = input.columns.filter { read.contains($0.id) }.map(NamedExpression.init(passing:))
    items += extracted.map { NamedExpression($0.column, $0.expression) }
    return .project(LogicalProject(input: input, items: items))
  }
}

extension Expression {
  fileprivate var nodeCount: Int { children.reduce(1) { $0 + $1.nodeCount } }

  /// The expression with each occurrence of `part` replaced.
  fileprivate func replacing(_ part: Expression, by other: Expression) -> Expression {
    self == part ? other : mapChildren { $0.replacing(part, by: other) }
  }

  /// The first of `parts` within it.
  fileprivate func first(of parts: Set<Expression>) -> Expression? {
    if parts.contains(self) { return self }
    for child in children { if let found = child.first(of: parts) { return found } }
    return nil
  }
}
