import Vectors

extension Parser {
  /// The comma list after FROM.
  mutating func parseTableList() throws(StoaError) -> [TableReferenceSyntax] {
    var tables: [TableReferenceSyntax] = []
    repeat {
      if !tables.isEmpty, endsList || keyword == .select { break }
      tables.append(try parseTableReference())
    } while accept(.comma)
    return tables
  }

  mutating func parseTableReference() throws(StoaError) -> TableReferenceSyntax {
    let start = index
    return try parseJoins(after: parseTablePrimary(), from: start)
  }

  private mutating func parseJoins(
    after first: TableReferenceSyntax, from start: Int
  ) throws(StoaError) -> TableReferenceSyntax {
    var left = first
    while startsJoin {
      let operatorStart = index
      var join = try parseJoinOperator(left: left)
      join.operatorPosition = range(from: operatorStart)
      joinCount += 1
      guard joinCount <= Parser.maximalJoinCount else {
        throw StoaError(
          .syntax, "a statement can have at most \(Parser.maximalJoinCount) joins",
          position: join.operatorPosition)
      }
      try parseJoinOperand(into: &join)
      left = TableReferenceSyntax(.join(join), position: range(from: start))
    }
    return left
  }

  private var startsJoin: Bool {
    switch keyword {
    case .join, .inner, .cross, .natural, .full, .semi, .anti, .asof, .positional: true
    case .left, .right: true
    default: false
    }
  }

  /// The words up to and with JOIN. `left` doubles as placeholder for the right side.
  private mutating func parseJoinOperator(left: TableReferenceSyntax) throws(StoaError)
    -> JoinSyntax
  {
    if keyword == .positional {
      throw StoaError(.unsupported, "POSITIONAL JOIN is not supported", position: current.range)
    }
    let isNatural = accept(.natural)
    let isAsof = accept(.asof)
    var kind = JoinSyntax.Kind.inner
    switch keyword {
    case .cross: kind = .cross
    case .left: kind = .left
    case .right: kind = .right
    case .full: kind = .full
    case .semi: kind = .semi
    case .anti: kind = .anti
    default: break
    }
    if kind != .inner || keyword == .inner { advance() }
    if kind == .left || kind == .right || kind == .full {
      if kind == .left, accept(.semi) {
        kind = .semi
      } else if kind == .left, accept(.anti) {
        kind = .anti
      } else {
        _ = accept(.outer)
      }
    }
    try expect(.join)
    return JoinSyntax(
      kind: kind, isNatural: isNatural, isAsof: isAsof, left: left, right: left, condition: .none,
      operatorPosition: 0..<0)
  }

  private mutating func parseJoinOperand(into join: inout JoinSyntax) throws(StoaError) {
    let start = index
    join.right = try parseTablePrimary()
    guard join.kind != .cross, !join.isNatural else { return }
    if keyword != .on, keyword != .using, startsJoin {
      try descend()
      defer { depth -= 1 }
      join.right = try parseJoins(after: join.right, from: start)
    }
    if accept(.on) {
      join.condition = .on(try parseExpression())
    } else if keyword == .using {
      advance()
      join.condition = .using(try parseNameList())
    } else {
      throw unexpected("ON or USING after the joined table")
    }
  }

  private mutating func parseTablePrimary() throws(StoaError) -> TableReferenceSyntax {
    let start = index
    let isLateral = accept(.lateral)
    var reference: TableReferenceSyntax
    switch current.kind {
    case .mark(.openParenthesis):
      reference = try parseParenthesizedTable()
    case .word(.glob) where peek().kind == .mark(.openParenthesis):
      let name = QualifiedNameSyntax([takeWord()])
      let call = try parseCall(name, from: start)
      reference = TableReferenceSyntax(.function(call), position: call.position)
    case .word(.values) where peek().kind == .mark(.openParenthesis) || peek().isRows:
      reference = TableReferenceSyntax(
        .subquery(try parseBareValues()), position: range(from: start))
    case .string(let path):
      advance()
      reference = TableReferenceSyntax(.file(path), position: range(from: start))
    default:
      let name = try parseTableName()
      if isAt(.openParenthesis) {
        let call = try parseCall(name, from: start)
        reference = TableReferenceSyntax(.function(call), position: call.position)
        if accept(.with) { try expect(.ordinality) }
      } else {
        reference = TableReferenceSyntax(.table(name), position: name.position)
        if startsTableVersion { reference.version = try parseTableVersion() }
      }
    }
    reference.isLateral = isLateral
    if reference.alias == nil { reference.alias = try parseTableAlias() }
    if keyword == .tablesample { reference.sample = try parseSample() }
    reference.position = range(from: start)
    return reference
  }

  private mutating func parseTableName() throws(StoaError) -> QualifiedNameSyntax {
    try parseQualifiedName("a table name")
  }

  /// Whether AT begins a version and is no alias with a column list.
  private var startsTableVersion: Bool {
    guard keyword == .at, peek().kind == .mark(.openParenthesis) else { return false }
    let after = peek(3).kind
    return after != .mark(.comma) && after != .mark(.closeParenthesis)
  }

  private mutating func parseTableVersion() throws(StoaError) -> TableVersionSyntax {
    let start = index
    advance()
    advance()
    let isTimestamp = acceptWord("TIMESTAMP")
    guard isTimestamp || acceptWord("VERSION") else { throw unexpected("VERSION or TIMESTAMP") }
    guard accept(.arrow) || accept(.assign) else { throw unexpected("=>") }
    let value = try parseExpression()
    try expect(.closeParenthesis)
    return TableVersionSyntax(
      isTimestamp: isTimestamp, value: value, position: range(from: start))
  }

  private mutating func parseTableAlias() throws(StoaError) -> TableAliasSyntax? {
    let name: NameSyntax
    if accept(.as) {
      name = try parseName("an alias")
    } else {
      switch current.kind {
      case .quotedName: name = try parseName()
      case .word(let keyword) where !(keyword?.isReserved ?? false) && keyword != .set:
        name = takeWord()
      default: return nil
      }
    }
    let columns = isAt(.openParenthesis) ? try parseNameList() : []
    return TableAliasSyntax(name: name, columns: columns)
  }

  mutating func parseSample() throws(StoaError) -> SampleSyntax {
    let start = index
    advance()
    var method: NameSyntax?
    if case .word = current.kind { method = takeWord() }
    var size: ExpressionSyntax
    let hasParentheses = accept(.openParenthesis)
    size = try parseExpression(above: .multiplicative)
    // Without a unit the methods that throw a coin take percent, the others a number of rows.
    let saysPercent = accept(Keyword.percent) || accept(Token.Mark.percent)
    let saysRows = !saysPercent && accept(.rows)
    func isPart(_ method: NameSyntax?) -> Bool {
      if saysPercent || saysRows { return saysPercent }
      return ["bernoulli", "system"].contains(method?.text.lowercased())
    }
    if hasParentheses { try expect(.closeParenthesis) }
    // 10% (bernoulli, 42)
    if method == nil, accept(.openParenthesis) {
      method = try parseName("a sampling method")
      var seed: ExpressionSyntax?
      if accept(.comma) { seed = try parseExpression() }
      try expect(.closeParenthesis)
      return SampleSyntax(
        method: method, size: size, isPercent: isPart(method), seed: seed,
        position: range(from: start))
    }
    var seed: ExpressionSyntax?
    if accept(.repeatable) {
      try expect(.openParenthesis)
      seed = try parseExpression()
      try expect(.closeParenthesis)
    }
    return SampleSyntax(
      method: method, size: size, isPercent: isPart(method), seed: seed,
      position: range(from: start))
  }
}

/// Parentheses in FROM hold a query or a join; which one shows only after what they hold.
extension Parser {
  private enum Parenthesized {
    case query(QuerySyntax)
    case table(TableReferenceSyntax)
  }

  private mutating func parseParenthesizedTable() throws(StoaError) -> TableReferenceSyntax {
    let start = index
    switch try parseParenthesized() {
    case .query(let query):
      return TableReferenceSyntax(.subquery(query), position: range(from: start))
    case .table(let table): return table
    }
  }

  /// `DESCRIBE …)` or `SUMMARIZE …)`, when what follows can be its subject.
  private mutating func parseDescribeTable(
    from start: Int
  ) throws(StoaError) -> TableReferenceSyntax? {
    guard keyword == .describe || keyword == .desc || keyword == .summarize else { return nil }
    switch peek().kind {
    case .mark(.openParenthesis), .quotedName: break
    case .word(let keyword):
      switch keyword {
      case .select, .from, .values, .with, .table: break
      default: if keyword?.isReserved ?? false { return nil }
      }
    default: return nil
    }
    let describe = try parseDescribe()
    guard accept(.closeParenthesis) else { throw unexpected(")") }
    return TableReferenceSyntax(.describe(describe), position: range(from: start))
  }

  private mutating func parseParenthesized() throws(StoaError) -> Parenthesized {
    try descend()
    defer { depth -= 1 }
    let start = index
    try expect(.openParenthesis)
    if let describe = try parseDescribeTable(from: start) { return .table(describe) }
    if startsQuery(at: 0) || keyword == .table {
      let query = try parseQuery()
      guard accept(.closeParenthesis) else { throw unexpected(")") }
      return .query(query)
    }
    var table: TableReferenceSyntax
    let innerStart = index
    if isAt(.openParenthesis) {
      switch try parseParenthesized() {
      case .query(var query):
        if continuesQuery { query = try continueQuery(query, from: innerStart) }
        if accept(.closeParenthesis) { return .query(query) }
        table = TableReferenceSyntax(.subquery(query), position: range(from: innerStart))
        table.alias = try parseTableAlias()
      case .table(let inner):
        table = inner
        if table.alias == nil { table.alias = try parseTableAlias() }
      }
      table = try parseJoins(after: table, from: innerStart)
    } else {
      table = try parseTableReference()
    }
    guard accept(.closeParenthesis) else { throw unexpected(")") }
    table.position = range(from: start)
    return .table(table)
  }
}
