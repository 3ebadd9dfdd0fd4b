import Vectors

/// How tightly operators bind, as in PostgreSQL; all associate to the left.
enum Precedence: Int, Comparable {
  case lowest, or, and, not, `is`, comparison, matching, other, additive, multiplicative, power
  case timeZone, collate, prefix, cast

  static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }
}

extension Parser {
  /// An expression of operators that bind tighter than `minimum`.
  mutating func parseExpression(
    above minimum: Precedence = .lowest
  ) throws(StoaError) -> ExpressionSyntax {
    try descend()
    defer { depth -= 1 }
    let start = index
    let left = try parsePrefix()
    return try parseOperators(after: left, from: start, above: minimum)
  }

  /// Everything that follows an operand `left`, which began at token `start`.
  mutating func parseOperators(
    after left: ExpressionSyntax, from start: Int, above minimum: Precedence
  ) throws(StoaError) -> ExpressionSyntax {
    var left = left
    while let precedence = operatorPrecedence(), precedence > minimum {
      left = try parseOperator(precedence, after: left, from: start)
    }
    return left
  }

  /// Binding of the operator at the current place; `nil` when there is none.
  private func operatorPrecedence() -> Precedence? {
    switch current.kind {
    case .mark(let mark): return Parser.precedence(of: mark)
    case .word(let keyword):
      switch keyword {
      case .or: return .or
      case .and: return .and
      case .is, .isnull, .notnull: return .is
      case .between, .in, .like, .ilike, .similar, .glob: return .matching
      case .not:
        switch self.keyword(at: 1) {
        case .between, .in, .like, .ilike, .similar, .glob: return .matching
        default: return nil
        }
      case .at: return self.keyword(at: 1) == .time ? .timeZone : nil
      case .collate: return .collate
      default: return nil
      }
    default: return nil
    }
  }

  private static func precedence(of mark: Token.Mark) -> Precedence? {
    switch mark {
    case .equal, .doubleEqual, .notEqual, .bangEqual, .less, .lessOrEqual, .greater,
      .greaterOrEqual:
      .comparison
    case .concatenate, .ampersand, .pipe, .shiftLeft, .shiftRight, .tilde, .tildeStar, .bangTilde,
      .bangTildeStar, .doubleTilde, .doubleTildeStar, .bangDoubleTilde, .bangDoubleTildeStar,
      .caretAt:
      .other
    case .plus, .minus: .additive
    case .star, .slash, .doubleSlash, .percent: .multiplicative
    case .caret, .doubleStar: .power
    case .doubleColon, .openBracket: .cast
    default: nil
    }
  }

  private static func binaryOperator(_ mark: Token.Mark) -> BinaryOperatorSyntax? {
    switch mark {
    case .doubleEqual: .equal
    case .bangEqual: .notEqual
    case .doubleStar: .power
    default: BinaryOperatorSyntax(rawValue: mark.rawValue)
    }
  }

  private mutating func parseOperator(
    _ precedence: Precedence, after left: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    switch precedence {
    case .or, .and: return try parseChain(precedence, after: left, from: start)
    case .is: return try parseIs(left, from: start)
    case .matching: return try parseMatching(left, from: start)
    case .comparison: return try parseComparison(left, from: start)
    case .timeZone: return try parseTimeZone(left, from: start)
    case .cast: return try parseCastOperator(left, from: start)
    case .collate:
      throw StoaError(.unsupported, "COLLATE is not supported yet", position: current.range)
    default:
      guard case .mark(let mark) = current.kind, let symbol = Parser.binaryOperator(mark) else {
        throw unexpected("an operator")
      }
      advance()
      let right = try parseExpression(above: precedence)
      return try make(.binary(symbol, left, right), from: start)
    }
  }

  /// `a AND b AND c` as one node.
  private mutating func parseChain(
    _ precedence: Precedence, after left: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    let word: Keyword = precedence == .or ? .or : .and
    var operands = [left]
    while accept(word) { operands.append(try parseExpression(above: precedence)) }
    return try make(precedence == .or ? .or(operands) : .and(operands), from: start)
  }

  private mutating func parseComparison(
    _ left: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    guard case .mark(let mark) = current.kind, let symbol = Parser.binaryOperator(mark) else {
      throw unexpected("a comparison")
    }
    advance()
    let result: ExpressionSyntax
    if keyword == .any || keyword == .some || keyword == .all {
      let isAll = keyword == .all
      advance()
      result = try parseQuantified(left, symbol, isAll: isAll, from: start)
    } else {
      let right = try parseExpression(above: .comparison)
      result = try make(.binary(symbol, left, right), from: start)
    }
    if operatorPrecedence() == .comparison {
      throw StoaError(
        .syntax, "comparisons cannot be chained", hint: "Write a < b AND b < c",
        position: current.range)
    }
    return result
  }

  /// `(query)`, or values: `(a, b)`, `([a, b])`, `(ARRAY[a, b])`.
  private mutating func parseQuantified(
    _ left: ExpressionSyntax, _ symbol: BinaryOperatorSyntax, isAll: Bool, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    try expect(.openParenthesis)
    var ahead = 0
    while peek(ahead).kind == .mark(.openParenthesis) { ahead += 1 }
    if startsQuery(at: ahead) {
      let query = try parseQuery()
      try expect(.closeParenthesis)
      return try make(.quantified(left, symbol, isAll: isAll, query), from: start)
    }
    if keyword == .array, peek().kind == .mark(.openBracket) { advance() }
    let items: [ExpressionSyntax]
    if accept(.openBracket) {
      items = isAt(.closeBracket) ? [] : try parseExpressionList(until: .closeBracket)
      try expect(.closeBracket)
    } else {
      items = try parseExpressionList(until: .closeParenthesis)
    }
    try expect(.closeParenthesis)
    if items.isEmpty { return try make(.literal(.boolean(isAll)), from: start) }
    if symbol == .equal, !isAll {
      return try make(.inList(left, items, negated: false), from: start)
    }
    if symbol == .notEqual, isAll {
      return try make(.inList(left, items, negated: true), from: start)
    }
    var comparisons: [ExpressionSyntax] = []
    for item in items { comparisons.append(try make(.binary(symbol, left, item), from: start)) }
    if comparisons.count == 1 { return comparisons[0] }
    return try make(isAll ? .and(comparisons) : .or(comparisons), from: start)
  }

  /// IS [NOT] NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM; ISNULL and NOTNULL.
  private mutating func parseIs(
    _ operand: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    if accept(.isnull) { return try make(.isNull(operand, negated: false), from: start) }
    if accept(.notnull) { return try make(.isNull(operand, negated: true), from: start) }
    try expect(.is)
    let negated = accept(.not)
    if accept(.null) || accept(.unknown) {
      return try make(.isNull(operand, negated: negated), from: start)
    }
    if accept(.true) { return try make(.isBoolean(operand, true, negated: negated), from: start) }
    if accept(.false) { return try make(.isBoolean(operand, false, negated: negated), from: start) }
    if accept(.distinct) {
      try expect(.from)
      let other = try parseExpression(above: .is)
      return try make(.isDistinct(operand, other, negated: negated), from: start)
    }
    throw unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
  }

  /// [NOT] BETWEEN, IN, LIKE, ILIKE, SIMILAR TO, GLOB.
  private mutating func parseMatching(
    _ operand: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    let negated = accept(.not)
    switch keyword {
    case .between:
      advance()
      let isSymmetric = accept(.symmetric)
      let lower = try parseExpression(above: .matching)
      try expect(.and)
      let upper = try parseExpression(above: .matching)
      return try make(
        .between(operand, lower, upper, isSymmetric: isSymmetric, negated: negated), from: start)
    case .in:
      advance()
      return try parseIn(operand, negated: negated, from: start)
    default: return try parseLike(operand, negated: negated, from: start)
    }
  }

  private mutating func parseIn(
    _ operand: ExpressionSyntax, negated: Bool, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    try expect(.openParenthesis)
    if startsQuery(at: 0) {
      let query = try parseQuery()
      try expect(.closeParenthesis)
      return try make(.inSubquery(operand, query, negated: negated), from: start)
    }
    let items = try parseExpressionList(until: .closeParenthesis)
    guard accept(.closeParenthesis) else { throw unexpected(", or )") }
    if items.count == 1, case .subquery(let query) = items[0].kind {
      return try make(.inSubquery(operand, query, negated: negated), from: start)
    }
    return try make(.inList(operand, items, negated: negated), from: start)
  }

  private mutating func parseLike(
    _ operand: ExpressionSyntax, negated: Bool, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    let kind: LikeSyntax.Kind
    switch keyword {
    case .ilike: kind = .ilike
    case .similar: kind = .similar
    case .glob: kind = .glob
    default: kind = .like
    }
    advance()
    if kind == .similar { try expect(.to) }
    let pattern = try parseExpression(above: .matching)
    let escape = accept(.escape) ? try parseExpression(above: .matching) : nil
    return try make(
      .like(
        LikeSyntax(
          kind: kind, operand: operand, pattern: pattern, escape: escape, negated: negated)),
      from: start)
  }

  private mutating func parseTimeZone(
    _ operand: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    let name = QualifiedNameSyntax([NameSyntax("timezone", position: current.range)])
    advance()
    try expect(.time)
    try expect(.zone)
    let zone = try parseExpression(above: .timeZone)
    let call = FunctionCallSyntax(
      name: name, arguments: [ArgumentSyntax(zone), ArgumentSyntax(operand)],
      position: range(from: start))
    return try make(.call(call), from: start)
  }

  private mutating func parseCastOperator(
    _ operand: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    guard accept(.doubleColon) else {
      throw StoaError(.unsupported, "subscripts are not supported yet", position: current.range)
    }
    return try make(.cast(operand, try parseType(), isTry: false), from: start)
  }
}
