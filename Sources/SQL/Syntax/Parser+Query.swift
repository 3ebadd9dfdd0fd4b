import Vectors

extension Parser {
  /// Whether a query without parentheses begins `ahead` tokens on.
  func startsQuery(at ahead: Int) -> Bool {
    switch keyword(at: ahead) {
    case .select, .with, .from: true
    case .values: peek(ahead + 1).kind == .mark(.openParenthesis) || peek(ahead + 1).isRows
    default: false
    }
  }

  /// A query with everything that may stand around its body.
  mutating func parseQuery() throws(StoaError) -> QuerySyntax {
    try descend()
    defer { depth -= 1 }
    let start = index
    let outerHeight = height
    height = 0
    let with = keyword == .with ? try parseWith() : nil
    var query = QuerySyntax(try parseQueryBody(), position: 0..<0)
    query.with = with
    try parseModifiers(of: &query)
    finish(&query, from: start, outerHeight: outerHeight)
    return query
  }

  /// A statement that begins with WITH: a query, or a change of rows.
  mutating func parseWithStatement() throws(StoaError) -> StatementSyntax.Kind {
    try descend()
    defer { depth -= 1 }
    let start = index
    let outerHeight = height
    height = 0
    let with = try parseWith()
    if let change = try parseChange(after: with) { return change }
    var query = QuerySyntax(try parseQueryBody(), position: 0..<0)
    query.with = with
    try parseModifiers(of: &query)
    finish(&query, from: start, outerHeight: outerHeight)
    return .query(query)
  }

  private mutating func parseChange(
    after with: WithSyntax
  ) throws(StoaError) -> StatementSyntax.Kind? {
    switch keyword {
    case .insert:
      var insert = try parseInsert()
      insert.with = with
      return .insert(insert)
    case .delete:
      var delete = try parseDelete()
      delete.with = with
      return .delete(delete)
    case .update:
      var update = try parseUpdate()
      update.with = with
      return .update(update)
    default:
      guard isWord("MERGE") else { return nil }
      var merge = try parseMerge()
      merge.with = with
      return .merge(merge)
    }
  }

  /// ORDER BY, LIMIT and OFFSET after a query in parentheses was already parsed as `inner`, and set operations.
  mutating func continueQuery(_ inner: QuerySyntax, from start: Int) throws(StoaError)
    -> QuerySyntax
  {
    let outerHeight = height
    height = inner.height
    var query = QuerySyntax(
      try parseSetOperations(after: Parser.unwrapped(inner), from: start), position: 0..<0)
    try parseModifiers(of: &query)
    finish(&query, from: start, outerHeight: outerHeight)
    return query
  }

  /// Whether something follows that makes a query in parentheses the start of a longer query.
  var continuesQuery: Bool {
    switch keyword {
    case .union, .intersect, .except, .order, .limit, .offset, .fetch: true
    default: false
    }
  }

  private mutating func finish(_ query: inout QuerySyntax, from start: Int, outerHeight: Int) {
    query.height = height + 1
    query.position = range(from: start)
    height = max(outerHeight, query.height)
  }

  /// VALUES alone, as a table.
  mutating func parseBareValues() throws(StoaError) -> QuerySyntax {
    let start = index
    let outerHeight = height
    height = 0
    var query = QuerySyntax(.values(try parseValues()), position: 0..<0)
    finish(&query, from: start, outerHeight: outerHeight)
    return query
  }

  private mutating func parseWith() throws(StoaError) -> WithSyntax {
    let start = index
    advance()
    let isRecursive = accept(.recursive)
    var tables: [CommonTableSyntax] = []
    repeat {
      if !tables.isEmpty, startsQuery(at: 0) { break }
      let tableStart = index
      let name = try parseName("the name of a table expression")
      let columns = isAt(.openParenthesis) ? try parseNameList() : []
      try expect(.as)
      var isMaterialized: Bool?
      if accept(.materialized) { isMaterialized = true }
      if accept(.not, .materialized) { isMaterialized = false }
      try expect(.openParenthesis)
      try refuseChange()
      let query = try parseQuery()
      try expect(.closeParenthesis)
      tables.append(
        CommonTableSyntax(
          name: name, columns: columns, isMaterialized: isMaterialized, query: query,
          position: range(from: tableStart)))
    } while accept(.comma)
    return WithSyntax(isRecursive: isRecursive, tables: tables, position: range(from: start))
  }

  /// PostgreSQL changes rows inside WITH; here only the statement itself does.
  private func refuseChange() throws(StoaError) {
    guard keyword == .insert || keyword == .update || keyword == .delete || isWord("MERGE") else {
      return
    }
    throw StoaError(
      .unsupported, "WITH cannot hold statements that change rows",
      hint: "Run the change as a statement of its own, with RETURNING where its rows are needed",
      position: current.range)
  }

  private mutating func parseQueryBody() throws(StoaError) -> QueryBodySyntax {
    let start = index
    let first = try parseIntersections(after: parseQueryOperand(), from: start)
    return try parseUnions(after: first, from: start)
  }

  private mutating func parseSetOperations(
    after first: QueryBodySyntax, from start: Int
  ) throws(StoaError) -> QueryBodySyntax {
    try parseUnions(after: parseIntersections(after: first, from: start), from: start)
  }

  private mutating func parseUnions(
    after first: QueryBodySyntax, from start: Int
  ) throws(StoaError) -> QueryBodySyntax {
    var left = first
    var chain: SetOperationSyntax?
    while keyword == .union || keyword == .except {
      let kind: SetOperationSyntax.Kind = keyword == .union ? .union : .except
      advance()
      let (isAll, byName) = try parseSetQuantifier(kind)
      let operandStart = index
      let right = try parseIntersections(after: parseQueryOperand(), from: operandStart)
      left = try append(right, to: left, &chain, kind, isAll: isAll, byName: byName, from: start)
    }
    return chain.map(QueryBodySyntax.setOperation) ?? left
  }

  private mutating func parseIntersections(
    after first: QueryBodySyntax, from start: Int
  ) throws(StoaError) -> QueryBodySyntax {
    var left = first
    var chain: SetOperationSyntax?
    while accept(.intersect) {
      let (isAll, byName) = try parseSetQuantifier(.intersect)
      let right = try parseQueryOperand()
      left = try append(
        right, to: left, &chain, .intersect, isAll: isAll, byName: byName, from: start)
    }
    return chain.map(QueryBodySyntax.setOperation) ?? left
  }

  private mutating func parseSetQuantifier(
    _ kind: SetOperationSyntax.Kind
  ) throws(StoaError) -> (isAll: Bool, byName: Bool) {
    let isAll = accept(.all)
    if !isAll { _ = accept(.distinct) }
    guard kind == .union, accept(.by) else { return (isAll, false) }
    try expect(.name)
    return (isAll, true)
  }

  /// Adds `right` to the chain under construction when the operator is the same, else starts a new one on top.
  private mutating func append(
    _ right: QueryBodySyntax, to left: QueryBodySyntax, _ chain: inout SetOperationSyntax?,
    _ kind: SetOperationSyntax.Kind, isAll: Bool, byName: Bool, from start: Int
  ) throws(StoaError) -> QueryBodySyntax {
    if chain != nil, chain!.kind == kind, chain!.isAll == isAll, chain!.byName == byName {
      chain!.operands.append(right)
      chain!.position = range(from: start)
      return left
    }
    var base = left
    if let finished = chain {
      height += 1
      guard height <= Parser.maximalHeight else {
        throw StoaError(.syntax, "too many mixed set operations", position: tokens[start].range)
      }
      base = .setOperation(finished)
    }
    chain = SetOperationSyntax(
      kind: kind, isAll: isAll, byName: byName, operands: [base, right],
      position: range(from: start))
    return base
  }

  private mutating func parseQueryOperand() throws(StoaError) -> QueryBodySyntax {
    switch keyword {
    case .select, .from: return .select(try parseSelect())
    case .values: return .values(try parseValues())
    case .table:
      let start = index
      advance()
      let name = try parseQualifiedName("a table name")
      let position = range(from: start)
      var select = SelectSyntax(position: position)
      select.items = [.star(StarSyntax(position: position))]
      select.from = [TableReferenceSyntax(.table(name), position: name.position)]
      return .select(select)
    default:
      guard accept(.openParenthesis) else { throw unexpected("SELECT, VALUES, FROM or (") }
      let query = try parseQuery()
      guard accept(.closeParenthesis) else { throw unexpected(")") }
      return Parser.unwrapped(query)
    }
  }

  /// The body alone when nothing stands around it.
  static func unwrapped(_ query: QuerySyntax) -> QueryBodySyntax {
    guard query.with == nil, query.orderBy == nil, query.limit == nil, query.offset == nil else {
      return .nested(query)
    }
    return query.body
  }

  private mutating func parseValues() throws(StoaError) -> ValuesSyntax {
    let start = index
    advance()
    var literals: LiteralRows?
    var others: [[ExpressionSyntax]] = []
    if case .literalRows(let rows) = current.kind {
      literals = rows
      height = max(height, 1)
      advance()
    }
    if literals == nil || (accept(.comma) && isAt(.openParenthesis)) {
      others = try parseRows(width: literals?.width)
    }
    return ValuesSyntax(literals: literals, others: others, position: range(from: start))
  }

  /// `(…), (…)`: one row or more, a trailing comma allowed.
  private mutating func parseRows(width: Int?) throws(StoaError) -> [[ExpressionSyntax]] {
    var rows: [[ExpressionSyntax]] = []
    repeat {
      if !rows.isEmpty, !isAt(.openParenthesis) { break }
      let rowStart = index
      try expect(.openParenthesis)
      let row = try parseExpressionList(until: .closeParenthesis)
      try expect(.closeParenthesis)
      if let width = width ?? rows.first?.count, width != row.count {
        throw StoaError(
          .syntax, "VALUES rows differ in length: \(width) and \(row.count)",
          position: range(from: rowStart))
      }
      rows.append(row)
    } while accept(.comma)
    return rows
  }

  /// The rows of VALUES in `range` of a text.
  static func parseRows(
    _ bytes: [UInt8], _ range: Range<Int>
  ) throws(StoaError) -> [[ExpressionSyntax]] {
    let text = Array(bytes[..<range.upperBound])
    var parser = Parser(text, try Lexer.tokens(of: text, from: range.lowerBound))
    return try parser.parseRows(width: nil)
  }

  /// One or more expressions, a trailing comma allowed before `end`.
  mutating func parseExpressionList(until end: Token.Mark) throws(StoaError) -> [ExpressionSyntax] {
    var items = [try parseExpression()]
    while accept(.comma), !isAt(end) { items.append(try parseExpression()) }
    return items
  }
}

/// What stands after the body of a query.
extension Parser {
  private mutating func parseModifiers(of query: inout QuerySyntax) throws(StoaError) {
    if keyword == .order { query.orderBy = try parseOrderBy() }
    while true {
      if keyword == .limit, query.limit == nil {
        advance()
        if !accept(.all) { try parseLimit(into: &query) }
      } else if keyword == .offset, query.offset == nil {
        advance()
        query.offset = try parseExpression()
        _ = accept(.row) || accept(.rows)
      } else if keyword == .fetch, query.limit == nil {
        try parseFetch(into: &query)
      } else {
        return
      }
    }
  }

  /// A number of rows, or a part: `10 %` is no remainder when nothing follows that could be divided by.
  private mutating func parseLimit(into query: inout QuerySyntax) throws(StoaError) {
    let start = index
    let limit = try parseExpression(above: .multiplicative)
    if isAt(.percent), endsPercent(peek()) {
      advance()
      query.limit = limit
      query.isPercent = true
      return
    }
    index = start
    query.limit = try parseExpression()
    if accept(Keyword.percent) { query.isPercent = true }
  }

  private func endsPercent(_ token: Token) -> Bool {
    switch token.kind {
    case .end, .mark(.closeParenthesis), .mark(.semicolon), .word(.offset), .word(.union),
      .word(.except), .word(.intersect):
      true
    default: false
    }
  }

  private mutating func parseFetch(into query: inout QuerySyntax) throws(StoaError) {
    advance()
    guard accept(.first) || accept(.next) else { throw unexpected("FIRST or NEXT") }
    let start = index
    if keyword == .row || keyword == .rows {
      query.limit = try make(.literal(.integer(1)), from: start)
    } else {
      query.limit = try parseExpression()
    }
    if accept(Keyword.percent) { query.isPercent = true }
    guard accept(.row) || accept(.rows) else { throw unexpected("ROW or ROWS") }
    if accept(.with) {
      try expect(.ties)
      query.withTies = true
    } else {
      try expect(.only)
    }
  }

  private mutating func parseOrderBy() throws(StoaError) -> OrderBySyntax {
    let start = index
    advance()
    try expect(.by)
    if keyword == .all {
      let allStart = index
      advance()
      let key = try parseSortDirection(of: make(.literal(.null), from: allStart))
      return OrderBySyntax(isAll: true, keys: [key], position: range(from: start))
    }
    let keys = try parseSortKeys()
    return OrderBySyntax(isAll: false, keys: keys, position: range(from: start))
  }

  mutating func parseSortKeys() throws(StoaError) -> [SortKeySyntax] {
    var keys: [SortKeySyntax] = []
    repeat {
      if !keys.isEmpty, endsList { break }
      keys.append(try parseSortDirection(of: parseExpression()))
    } while accept(.comma)
    return keys
  }

  private mutating func parseSortDirection(
    of expression: ExpressionSyntax
  ) throws(StoaError) -> SortKeySyntax {
    let isDescending = accept(.desc)
    if !isDescending { _ = accept(.asc) }
    var nullsFirst: Bool?
    if accept(.nulls) {
      guard keyword == .first || keyword == .last else { throw unexpected("FIRST or LAST") }
      nullsFirst = keyword == .first
      advance()
    }
    return SortKeySyntax(expression: expression, isDescending: isDescending, nullsFirst: nullsFirst)
  }

  /// Whether nothing more can follow in a list, so that the comma before was a trailing one.
  var endsList: Bool {
    switch current.kind {
    case .end, .mark(.closeParenthesis), .mark(.semicolon): return true
    case .word(let keyword):
      switch keyword {
      case .from, .where, .group, .having, .window, .qualify, .order, .limit, .offset, .fetch,
        .union,
        .intersect, .except:
        return true
      default: return false
      }
    default: return false
    }
  }
}
