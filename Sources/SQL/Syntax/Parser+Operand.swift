import Vectors

/// Operands: literals, names, calls, parentheses and prefix operators.
extension Parser {
  mutating func parsePrefix() throws(StoaError) -> ExpressionSyntax {
    switch current.kind {
    case .word: return try parseWordOperand()
    case .quotedName: return try parseNameOperand()
    case .mark(.openParenthesis): return try parseParenthesizedOperand()
    case .mark(.minus), .mark(.plus), .mark(.tilde): return try parseSigned()
    case .nextParameter, .numberedParameter, .namedParameter:
      let start = index
      return try make(.parameter(try parseParameter()), from: start)
    case .mark(.openBracket), .mark(.openBrace):
      throw StoaError(
        .unsupported, "list and struct values are not supported yet", position: current.range)
    default: return try parseLiteral(negative: false, from: index)
    }
  }

  /// A sign before a number belongs to the number, so that the least integers can be written.
  private mutating func parseSigned() throws(StoaError) -> ExpressionSyntax {
    let start = index
    guard case .mark(let mark) = current.kind else { throw unexpected("an expression") }
    advance()
    switch (mark, current.kind) {
    case (.minus, .integer), (.minus, .decimal), (.minus, .double):
      return try parseLiteral(negative: true, from: start)
    default: break
    }
    let operand = try parseExpression(above: .prefix)
    let symbol: UnaryOperatorSyntax = mark == .minus ? .minus : mark == .plus ? .plus : .bitNot
    return try make(.unary(symbol, operand), from: start)
  }

  private mutating func parseWordOperand() throws(StoaError) -> ExpressionSyntax {
    switch keyword {
    case .not: return try parseNot()
    case .case: return try parseCase()
    case .cast, .tryCast: return try parseCast()
    case .exists where peek().kind == .mark(.openParenthesis): return try parseExists()
    case .null, .true, .false, .default: return try parseConstantWord()
    case .interval: return try parseIntervalOperand()
    case .row where peek().kind == .mark(.openParenthesis): return try parseRow()
    case .currentDate, .currentTime, .currentTimestamp, .localtime, .localtimestamp, .currentUser:
      return try parseBareCall()
    case .extract, .substring, .position, .trim, .overlay:
      guard peek().kind == .mark(.openParenthesis) else { return try parseNameOperand() }
      return try parseSpecialCall()
    case .array:
      throw StoaError(.unsupported, "list values are not supported yet", position: current.range)
    default: return try parseNameOperand()
    }
  }

  private mutating func parseNot() throws(StoaError) -> ExpressionSyntax {
    let start = index
    advance()
    let operand = try parseExpression(above: .not)
    return try make(.not(operand), from: start)
  }

  private mutating func parseConstantWord() throws(StoaError) -> ExpressionSyntax {
    let start = index
    let word = keyword
    advance()
    switch word {
    case .true: return try make(.literal(.boolean(true)), from: start)
    case .false: return try make(.literal(.boolean(false)), from: start)
    case .default: return try make(.defaultValue, from: start)
    default: return try make(.literal(.null), from: start)
    }
  }

  private mutating func parseExists() throws(StoaError) -> ExpressionSyntax {
    let start = index
    advance()
    try expect(.openParenthesis)
    guard startsQuery(at: 0) || isAt(.openParenthesis) else {
      throw unexpected("a query after EXISTS (")
    }
    let query = try parseQuery()
    try expect(.closeParenthesis)
    return try make(.exists(query), from: start)
  }

  private mutating func parseRow() throws(StoaError) -> ExpressionSyntax {
    let start = index
    advance()
    advance()
    let fields = isAt(.closeParenthesis) ? [] : try parseExpressionList(until: .closeParenthesis)
    try expect(.closeParenthesis)
    return try make(.row(fields), from: start)
  }

  private mutating func parseCase() throws(StoaError) -> ExpressionSyntax {
    let start = index
    advance()
    let operand = keyword == .when ? nil : try parseExpression()
    var parts = CaseSyntax(operand: operand, branches: [], otherwise: nil)
    while accept(.when) {
      let condition = try parseExpression()
      try expect(.then)
      parts.branches.append((condition, try parseExpression()))
    }
    if parts.branches.isEmpty { throw unexpected("WHEN") }
    if accept(.else) { parts.otherwise = try parseExpression() }
    guard accept(.end) else {
      throw unexpected(parts.otherwise == nil ? "WHEN, ELSE or END" : "END")
    }
    return try make(.case(parts), from: start)
  }

  private mutating func parseCast() throws(StoaError) -> ExpressionSyntax {
    let start = index
    let isTry = keyword == .tryCast
    advance()
    try expect(.openParenthesis)
    let operand = try parseExpression()
    try expect(.as)
    let type = try parseType()
    try expect(.closeParenthesis)
    return try make(.cast(operand, type, isTry: isTry), from: start)
  }

  /// A column, a call, or a type name before a text.
  private mutating func parseNameOperand() throws(StoaError) -> ExpressionSyntax {
    let start = index
    if case .word(let keyword) = current.kind, keyword?.isReserved ?? false {
      guard keyword!.isOperatorWord, peek().kind == .mark(.openParenthesis) else {
        throw unexpected("an expression")
      }
      let call = try parseCall(QualifiedNameSyntax([takeWord()]), from: start)
      return try make(.call(call), from: start)
    }
    if case .word = current.kind, case .string(let literal) = peek().kind, isTypeName() {
      let type = TypeSyntax(
        name: text(current).uppercased(), arguments: [], position: current.range)
      advance()
      advance()
      return try make(.literal(.typed(type, literal)), from: start)
    }
    if startsZonedLiteral() {
      let type = try parseType()
      guard case .string(let literal) = current.kind else { throw unexpected("a text") }
      advance()
      return try make(.literal(.typed(type, literal)), from: start)
    }
    let name = try parseQualifiedName("an expression")
    guard isAt(.openParenthesis) else { return try make(.column(name), from: start) }
    return try make(.call(try parseCall(name, from: start)), from: start)
  }

  /// TIME or TIMESTAMP, then WITH or WITHOUT TIME ZONE, then a text.
  private func startsZonedLiteral() -> Bool {
    guard keyword(at: 1) == .with || keyword(at: 1) == .without, keyword(at: 2) == .time,
      keyword(at: 3) == .zone, ["TIME", "TIMESTAMP"].contains(text(current).uppercased())
    else { return false }
    return true
  }

  private func isTypeName() -> Bool {
    TypeSyntax.isKnown(text(current).uppercased())
  }
}

/// Parentheses around a value, a row or a query; which one shows only after what they hold.
extension Parser {
  private enum Parenthesized {
    case query(QuerySyntax)
    case expression(ExpressionSyntax)
  }

  private mutating func parseParenthesizedOperand() throws(StoaError) -> ExpressionSyntax {
    let start = index
    switch try parseParenthesizedValue() {
    case .query(let query): return try make(.subquery(query), from: start)
    case .expression(let expression):
      return ExpressionSyntax(expression.kind, position: range(from: start))
    }
  }

  private mutating func parseParenthesizedValue() throws(StoaError) -> Parenthesized {
    try descend()
    defer { depth -= 1 }
    try expect(.openParenthesis)
    if startsQuery(at: 0) {
      let query = try parseQuery()
      guard accept(.closeParenthesis) else { throw unexpected(")") }
      return .query(query)
    }
    let start = index
    guard isAt(.openParenthesis) else {
      return .expression(try finishParentheses(after: try parseExpression(), from: start))
    }
    var first: ExpressionSyntax
    switch try parseParenthesizedValue() {
    case .query(var query):
      if continuesQuery { query = try continueQuery(query, from: start) }
      if accept(.closeParenthesis) { return .query(query) }
      first = try make(.subquery(query), from: start)
    case .expression(let inner): first = inner
    }
    first = try parseOperators(after: first, from: start, above: .lowest)
    return .expression(try finishParentheses(after: first, from: start))
  }

  /// `)` after one value, or the further fields of a row.
  private mutating func finishParentheses(
    after first: ExpressionSyntax, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    if accept(.closeParenthesis) { return first }
    var fields = [first]
    while accept(.comma), !isAt(.closeParenthesis) { fields.append(try parseExpression()) }
    let row = fields.count > 1 ? try make(.row(fields), from: start) : first
    guard accept(.closeParenthesis) else { throw unexpected("an operator, , or )") }
    return row
  }
}
