import Catalog
import Kernels
import Vectors

extension Binder {
  /// Gives an expression its type. A bare NULL has type NULL, a bare parameter too, until the context gives
  /// them one; everything else is complete.
  func bindExpression(
    _ syntax: ExpressionSyntax, _ clause: Clause
  ) throws(StoaError) -> Expression {
    let position = syntax.position
    switch syntax.kind {
    case .literal(let literal): return try bindLiteral(literal, at: position)
    case .column(let name): return try bindColumn(name, clause)
    case .parameter(let parameter): return bindParameter(parameter)
    case .unary(let op, let operand): return try bindUnary(op, operand, clause, position)
    case .binary(let op, let left, let right):
      return try bindBinary(op, left, right, clause, position)
    case .and(let operands): return .and(try bindConditionList(operands, clause))
    case .or(let operands): return .or(try bindConditionList(operands, clause))
    case .not(let operand): return .not(try bindCondition(operand, clause))
    case .isNull(let operand, let negated):
      return .isNull(
        try known(bindExpression(operand, clause), at: operand.position), isNegated: negated)
    case .isBoolean(let operand, let value, let negated):
      let bound = try bindCondition(operand, clause)
      return .isDistinct(bound, .constant(.boolean(value), .boolean), isNegated: !negated)
    case .isDistinct(let left, let right, let negated):
      if isRow(left) || isRow(right) {
        return try bindRowDistinction(left, right, isNegated: negated, clause, position)
      }
      let sides = try comparable(
        try bindExpression(left, clause), try bindExpression(right, clause),
        at: position, operation: "IS DISTINCT FROM")
      return .isDistinct(sides.left, sides.right, isNegated: negated)
    case .between(let operand, let lower, let upper, let isSymmetric, let negated):
      return try bindBetween(operand, lower, upper, isSymmetric, negated, clause, position)
    case .inList(let operand, let items, let negated):
      return try bindInList(operand, items, negated, clause, position)
    case .inSubquery(let operand, let query, let negated):
      return try bindMembership(operand, .equal, query, isNegated: negated, clause, position)
    case .quantified(let operand, let op, let isAll, let query):
      return try bindQuantified(operand, op, isAll, query, clause, position)
    case .exists(let query): return try bindExists(query, clause)
    case .subquery(let query): return try bindScalarSubquery(query, clause, position)
    case .like(let like): return try bindLike(like, clause, position)
    case .cast(let operand, let type, let isTry):
      let target = try resolved(type)
      let bound = try bindExpression(operand, clause)
      return try explicitCast(bound, to: target, isTry: isTry, at: position)
    case .case(let parts): return try bindCase(parts, clause, position)
    case .call(let call): return try bindCall(call, clause, position)
    case .extract(let field, let operand): return try bindExtract(field, operand, clause, position)
    case .row: throw unsupported("a row value here", position)
    case .defaultValue:
      throw StoaError(
        .binding, "DEFAULT can only stand alone as the new value of a column", position: position)
    }
  }

  // MARK: conditions

  /// The conjuncts of WHERE, HAVING or the like: subqueries among them become semi and anti joins.
  func bindConditions(
    _ syntax: ExpressionSyntax, _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    guard case .and(let operands) = syntax.kind else { return try bindConjunct(syntax, clause) }
    var result: [Expression] = []
    for operand in operands { result += try bindConditions(operand, clause) }
    return result
  }

  /// A truth value: BOOLEAN, or what can become one.
  func bindCondition(
    _ syntax: ExpressionSyntax, _ clause: Clause
  ) throws(StoaError) -> Expression {
    let bound = try bindExpression(syntax, clause)
    if bound.type.isNumeric {
      return try explicitCast(bound, to: .boolean, isTry: false, at: syntax.position)
    }
    return try coerced(bound, to: .boolean, at: syntax.position)
  }

  private func bindConditionList(
    _ operands: [ExpressionSyntax], _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    var result: [Expression] = []
    result.reserveCapacity(operands.count)
    for operand in operands { result.append(try bindCondition(operand, clause)) }
    return result
  }

  // MARK: names and parameters

  private func bindColumn(
    _ name: QualifiedNameSyntax, _ clause: Clause
  ) throws(StoaError) -> Expression {
    var scope: Scope? = clause.scope
    while let current = scope {
      if let entry = try current.resolveHere(name) {
        if current === clause.scope, clause.mentions[entry.column.id] == nil {
          clause.mentions[entry.column.id] = (name.text, name.position)
        }
        if isBareNull(entry.column.reference) { return .constant(.null, .null) }
        return entry.column.reference
      }
      if current === clause.scope, let aliased = try bindAlias(name, clause) { return aliased }
      scope = current.parent
    }
    throw unknownColumn(name, clause)
  }

  /// A name that is no column may be an alias of the select list.
  private func bindAlias(
    _ name: QualifiedNameSyntax, _ clause: Clause
  ) throws(StoaError) -> Expression? {
    let key = CatalogState.key(name.text)
    guard name.parts.count == 1, let syntax = clause.aliases[key], !clause.openAliases.contains(key)
    else { return nil }
    // Each is bound anew wherever it stands, so aliases of aliases can grow without measure.
    if !clause.openAliases.isEmpty {
      nestedAliasCount += 1
      if nestedAliasCount > Binder.nestedAliasLimit {
        throw StoaError(
          .unsupported, "the select list's aliases of aliases make too large an expression",
          hint: "Compute some of them in a subquery of FROM", position: name.position)
      }
    }
    clause.openAliases.insert(key)
    defer { clause.openAliases.remove(key) }
    return try bindExpression(syntax, clause)
  }

  func unknownColumn(_ name: QualifiedNameSyntax, _ clause: Clause) -> StoaError {
    if name.parts.count > 1 {
      let table = name.parts[name.parts.count - 2]
      var scope: Scope? = clause.scope
      while let current = scope {
        if current.hasTable(table.text) {
          return StoaError(
            .binding, "table \"\(table.text)\" has no column \"\(name.name.text)\"",
            hint: Suggestion.hint(
              for: name.name.text, among: current.starEntries(of: table.text).map(\.name)),
            position: name.position)
        }
        scope = current.parent
      }
      return unknownTable(table.text, clause.scope, table.position)
    }
    let candidates = clause.scope.candidates + clause.aliases.keys.sorted()
    var hint = Suggestion.hint(for: name.text, among: candidates)
    if hint == nil, name.name.isQuoted {
      hint = "Text is written in single quotes: '\(name.text)'"
    }
    return StoaError(
      .binding, "there is no column \"\(name.text)\"", hint: hint, position: name.position)
  }

  private func bindParameter(_ parameter: ParameterSyntax) -> Expression {
    while parameterTypes.count <= parameter.index { parameterTypes.append(nil) }
    return .parameter(parameter.index, parameterTypes[parameter.index] ?? .null)
  }

  // MARK: comparisons

  /// Two operands made comparable: the same type, found so that columns need no cast where possible.
  func comparable(
    _ left: Expression, _ right: Expression, at position: Range<Int>, operation: String,
    operands: (left: Range<Int>, right: Range<Int>)? = nil
  ) throws(StoaError) -> (left: Expression, right: Expression) {
    if left.type == right.type, left.type != .null { return (left, right) }
    if let adapted = try adaptedLiteral(left, to: right.type, at: operands?.left ?? position) {
      return (adapted, right)
    }
    if let adapted = try adaptedLiteral(right, to: left.type, at: operands?.right ?? position) {
      return (left, adapted)
    }
    let sides = try unified([left, right], at: position, for: operation)
    return (sides[0], sides[1])
  }

  /// A constant as a value of `type`, when it says the same there; `nil` to look for a common type.
  private func adaptedLiteral(
    _ expression: Expression, to type: LogicalType, at position: Range<Int>
  ) throws(StoaError) -> Expression? {
    guard let value = expression.constantValue, !value.isNull, type != .null else { return nil }
    if case .string = value, expression.type == .varchar {
      return try coerced(expression, to: type, at: position)
    }
    guard let exact = ExactConversion.convert(value, from: expression.type, to: type) else {
      return nil
    }
    return .constant(exact, type)
  }

  private func bindComparison(
    _ op: ComparisonOperator, _ left: ExpressionSyntax, _ right: ExpressionSyntax,
    _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    if isRow(left) || isRow(right) {
      return try rowComparison(
        op, try bindRow(left, clause), try bindRow(right, clause), at: position)
    }
    return try comparison(
      op, try bindExpression(left, clause), try bindExpression(right, clause), at: position,
      operands: (left.position, right.position))
  }

  /// - Parameter operands: where the operands stand, for errors about one of them.
  func comparison(
    _ op: ComparisonOperator, _ left: Expression, _ right: Expression, at position: Range<Int>,
    operands: (left: Range<Int>, right: Range<Int>)? = nil
  ) throws(StoaError) -> Expression {
    let sides = try comparable(
      left, right, at: position, operation: op.symbol, operands: operands)
    return .comparison(op, sides.left, sides.right)
  }

  private func bindBetween(
    _ operand: ExpressionSyntax, _ lower: ExpressionSyntax, _ upper: ExpressionSyntax,
    _ isSymmetric: Bool, _ negated: Bool, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    if isRow(operand) {
      return try bindRowBetween(operand, lower, upper, isSymmetric, negated, clause, position)
    }
    let value = try bindExpression(operand, clause)
    let low = try bindExpression(lower, clause)
    let high = try bindExpression(upper, clause)
    var result = Expression.and([
      try comparison(
        .greaterOrEqual, value, low, at: position, operands: (operand.position, lower.position)),
      try comparison(
        .lessOrEqual, value, high, at: position, operands: (operand.position, upper.position)),
    ])
    if isSymmetric {
      result = .or([
        result,
        .and([
          try comparison(.greaterOrEqual, value, high, at: position),
          try comparison(.lessOrEqual, value, low, at: position),
        ]),
      ])
    }
    return negated ? .not(result) : result
  }

  private func bindInList(
    _ operand: ExpressionSyntax, _ items: [ExpressionSyntax], _ negated: Bool, _ clause: Clause,
    _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    var result: Expression
    if isRow(operand) {
      let fields = try bindRow(operand, clause)
      var choices: [Expression] = []
      for item in items {
        choices.append(
          try rowComparison(.equal, fields, try bindRow(item, clause), at: item.position))
      }
      result = .any(of: choices)
    } else {
      var bound: [Expression] = []
      bound.reserveCapacity(items.count)
      for item in items { bound.append(try bindExpression(item, clause)) }
      result = try membership(
        try bindExpression(operand, clause), bound, positions: items.map(\.position), at: position)
    }
    return negated ? .not(result) : result
  }

  /// `operand IN (items)`: a set when all items are constants of the operand's type, else comparisons.
  private func membership(
    _ operand: Expression, _ items: [Expression], positions: [Range<Int>], at position: Range<Int>
  ) throws(StoaError) -> Expression {
    var operand = operand
    var adapted: [Expression] = []
    adapted.reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      adapted.append(
        try adaptedLiteral(item, to: operand.type, at: positions[index]) ?? item)
    }
    if adapted.contains(where: { $0.type != operand.type }) {
      let sides = try unified([operand] + adapted, at: position, for: "IN")
      operand = sides[0]
      adapted = Array(sides.dropFirst())
    }
    var values: [Value] = []
    var seen: Set<Value> = []
    var hasNull = false
    var others: [Expression] = []
    for item in adapted {
      guard let value = item.constantValue else {
        others.append(.comparison(.equal, operand, item))
        continue
      }
      if value.isNull {
        hasNull = true
      } else if seen.insert(value).inserted {
        values.append(value)
      }
    }
    var choices: [Expression] = []
    if values.count == 1, !hasNull {
      choices.append(.comparison(.equal, operand, .constant(values[0], operand.type)))
    } else if !values.isEmpty || hasNull {
      choices.append(.inSet(operand, values: values, hasNull: hasNull))
    }
    return .any(of: choices + others)
  }

  // MARK: operators

  private func bindUnary(
    _ op: UnaryOperatorSyntax, _ operand: ExpressionSyntax, _ clause: Clause,
    _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let bound = try bindExpression(operand, clause)
    switch op {
    case .plus: return bound
    case .minus: return try call("-", [bound], at: position)
    case .bitNot: return try call("~", [bound], at: position)
    }
  }

  private func bindBinary(
    _ op: BinaryOperatorSyntax, _ left: ExpressionSyntax, _ right: ExpressionSyntax,
    _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    switch op {
    case .equal: return try bindComparison(.equal, left, right, clause, position)
    case .notEqual: return try bindComparison(.notEqual, left, right, clause, position)
    case .less: return try bindComparison(.less, left, right, clause, position)
    case .lessOrEqual: return try bindComparison(.lessOrEqual, left, right, clause, position)
    case .greater: return try bindComparison(.greater, left, right, clause, position)
    case .greaterOrEqual: return try bindComparison(.greaterOrEqual, left, right, clause, position)
    case .add, .subtract, .multiply, .divide, .integerDivide, .modulo, .power, .concatenate,
      .bitAnd, .bitOr, .shiftLeft, .shiftRight, .matches, .matchesAnyCase, .notMatches,
      .notMatchesAnyCase, .like, .likeAnyCase, .notLike, .notLikeAnyCase, .startsWith:
      let arguments = [try bindExpression(left, clause), try bindExpression(right, clause)]
      switch op {
      case .like: return try call("like", arguments, at: position)
      case .likeAnyCase: return try call("ilike", arguments, at: position)
      case .notLike: return .not(try call("like", arguments, at: position))
      case .notLikeAnyCase: return .not(try call("ilike", arguments, at: position))
      case .startsWith: return try call("starts_with", arguments, at: position)
      default: return try call(op.rawValue, arguments, at: position)
      }
    }
  }

  private func bindLike(
    _ like: LikeSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let operand = try bindExpression(like.operand, clause)
    let pattern = try bindExpression(like.pattern, clause)
    var arguments = [operand, pattern]
    if let escape = like.escape { arguments.append(try bindExpression(escape, clause)) }
    let name: String
    switch like.kind {
    case .like: name = "like"
    case .ilike: name = "ilike"
    case .glob: name = "glob"
    case .similar: name = "similar_to"
    }
    let result = try call(name, arguments, at: position)
    return like.negated ? .not(result) : result
  }

  private func bindCase(
    _ parts: CaseSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let operand: Expression?
    if let syntax = parts.operand {
      operand = try bindExpression(syntax, clause)
    } else {
      operand = nil
    }
    var conditions: [Expression] = []
    var results: [Expression] = []
    for branch in parts.branches {
      if let operand {
        let value = try bindExpression(branch.condition, clause)
        conditions.append(try comparison(.equal, operand, value, at: branch.condition.position))
      } else {
        conditions.append(try bindCondition(branch.condition, clause))
      }
      results.append(try bindExpression(branch.result, clause))
    }
    if let otherwise = parts.otherwise { results.append(try bindExpression(otherwise, clause)) }
    return try conditional(
      conditions, results, hasOtherwise: parts.otherwise != nil, at: position, name: "CASE")
  }

  /// CASE with results brought to one type; the last of `results` is ELSE when there is one.
  func conditional(
    _ conditions: [Expression], _ results: [Expression], hasOtherwise: Bool,
    at position: Range<Int>, name: String
  ) throws(StoaError) -> Expression {
    let unifiedResults = try unified(results, at: position, for: name)
    let branches = zip(conditions, unifiedResults).map {
      ConditionalBranch(condition: $0, result: $1)
    }
    return .conditional(
      branches, otherwise: hasOtherwise ? unifiedResults.last : nil,
      type: unifiedResults.first?.type ?? .null)
  }

  private func bindExtract(
    _ field: NameSyntax, _ operand: ExpressionSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let bound = try bindExpression(operand, clause)
    let name = CatalogState.key(field.text)
    return try datePart(name, bound, at: position)
  }
}
