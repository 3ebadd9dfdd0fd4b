extension ExpressionSyntax {
  /// Direct operands, in order; of queries inside, none.
  var children: [ExpressionSyntax] {
    switch kind {
    case .literal, .column, .parameter, .defaultValue, .subquery, .exists: return []
    case .unary(_, let operand), .not(let operand), .isNull(let operand, _),
      .isBoolean(let operand, _, _), .cast(let operand, _, _), .extract(_, let operand),
      .inSubquery(let operand, _, _), .quantified(let operand, _, _, _):
      return [operand]
    case .binary(_, let left, let right), .isDistinct(let left, let right, _):
      return [left, right]
    case .and(let operands), .or(let operands), .row(let operands): return operands
    case .between(let operand, let lower, let upper, _, _): return [operand, lower, upper]
    case .inList(let operand, let items, _): return [operand] + items
    case .like(let like): return [like.operand, like.pattern] + (like.escape.map { [$0] } ?? [])
    case .case(let parts):
      return (parts.operand.map { [$0] } ?? [])
        + parts.branches.flatMap { [$0.condition, $0.result] }
        + (parts.otherwise.map { [$0] } ?? [])
    case .call(let call):
      return call.arguments.map(\.value) + call.orderBy.map(\.expression)
        + call.withinGroup.map(\.expression) + (call.filter.map { [$0] } ?? [])
        + (call.over?.partitionBy ?? []) + (call.over?.orderBy.map(\.expression) ?? [])
    }
  }

  /// Visits the expression and everything in it, queries excepted.
  func visit(_ body: (ExpressionSyntax) -> Void) {
    body(self)
    for child in children { child.visit(body) }
  }

  /// Names of columns in it, in the order of the text.
  var columnNames: [QualifiedNameSyntax] {
    var names: [QualifiedNameSyntax] = []
    visit { if case .column(let name) = $0.kind { names.append(name) } }
    return names.sorted { $0.position.lowerBound < $1.position.lowerBound }
  }

  /// Whether it calls a function without arguments: those tell the time when they are bound, or cost nothing to
  /// be called again.
  var mayDependOnTime: Bool {
    var result = false
    visit { if case .call(let call) = $0.kind, call.arguments.isEmpty { result = true } }
    return result
  }

  /// The expression as written, with other names for columns where `rename` gives one.
  /// - Parameter source: UTF-8 of the text that positions refer to.
  func sourceText(
    _ source: [UInt8], renaming rename: (QualifiedNameSyntax) -> String? = { _ in nil }
  ) -> String {
    var result: [UInt8] = []
    var next = position.lowerBound
    for name in columnNames {
      guard name.position.lowerBound >= next, name.position.upperBound <= position.upperBound,
        let other = rename(name)
      else { continue }
      result += source[next..<name.position.lowerBound]
      result += Array(other.utf8)
      next = name.position.upperBound
    }
    result += source[next..<position.upperBound]
    return String(decoding: result, as: UTF8.self)
  }
}
