import Vectors

extension Parser {
  private static let statementWords = [
    "SELECT", "FROM", "VALUES", "WITH", "CREATE", "DROP", "INSERT", "DELETE", "UPDATE", "COPY",
    "EXPLAIN",
    "SHOW", "DESCRIBE", "SUMMARIZE", "CHECKPOINT", "SET", "RESET", "BEGIN", "COMMIT", "ROLLBACK",
  ]

  mutating func parseStatement() throws(StoaError) -> StatementSyntax {
    resetParameters()
    return try parseInnerStatement()
  }

  private mutating func parseInnerStatement() throws(StoaError) -> StatementSyntax {
    let start = index
    let kind = try parseStatementKind()
    return StatementSyntax(kind, parameters: parameters, position: range(from: start))
  }

  private mutating func parseStatementKind() throws(StoaError) -> StatementSyntax.Kind {
    if isAt(.openParenthesis) { return .query(try parseQuery()) }
    switch keyword {
    case .select, .from, .values, .with, .table: return .query(try parseQuery())
    case .create: return .createTable(try parseCreateTable())
    case .drop: return .dropTable(try parseDrop())
    case .insert: return .insert(try parseInsert())
    case .delete: return .delete(try parseDelete())
    case .update: return .update(try parseUpdate())
    case .copy: return .copy(try parseCopy())
    case .explain: return try parseExplain()
    case .show: return try parseShow()
    case .describe, .desc, .summarize: return .describe(try parseDescribe())
    case .set: return try parseSet()
    case .reset:
      advance()
      if accept(.all) { return .reset(nil) }
      return .reset(try parseLabel("the name of a setting"))
    default: return try parseShortStatement()
    }
  }

  private mutating func parseShortStatement() throws(StoaError) -> StatementSyntax.Kind {
    if accept(.checkpoint) { return .checkpoint }
    if accept(.begin) || (keyword == nil && isWord("START")) {
      if isWord("START") { advance() }
      _ = accept(.transaction) || accept(.work)
      if accept(.read) {
        if accept(.only) { return .begin(isReadOnly: true) }
        try expect(.write)
      }
      return .begin(isReadOnly: false)
    }
    if accept(.commit) || accept(.end) {
      _ = accept(.transaction) || accept(.work)
      return .commit
    }
    if accept(.rollback) || isWord("ABORT") {
      if isWord("ABORT") { advance() }
      _ = accept(.transaction) || accept(.work)
      return .rollback
    }
    if isWord("FORCE"), keyword(at: 1) == .checkpoint {
      advance()
      advance()
      return .checkpoint
    }
    try refusePlanned()
    var error = unexpected("a statement")
    if case .word = current.kind {
      let word = closestSpelling(to: text(current), among: Parser.statementWords)
      error.hint =
        word.map { "Did you mean \($0)?" }
        ?? "Statements begin with SELECT, CREATE, INSERT, COPY, …"
    }
    throw error
  }

  /// - Throws: `.unsupported` at a statement of other engines that does not exist here.
  private func refusePlanned() throws(StoaError) {
    for word in Parser.plannedStatements where isWord(word) {
      throw StoaError(
        .unsupported, "\(word) is not supported yet", position: current.range)
    }
  }

  private static let plannedStatements = [
    "ALTER", "TRUNCATE", "MERGE", "ATTACH", "DETACH", "USE", "PRAGMA", "VACUUM", "INSTALL", "LOAD",
    "EXPORT", "IMPORT", "PIVOT", "UNPIVOT", "CALL", "PREPARE", "EXECUTE", "DEALLOCATE", "COMMENT",
    "GRANT", "REVOKE",
  ]

  /// Whether an unquoted word without meaning to the grammar reads `word` (upper case).
  func isWord(_ word: String) -> Bool {
    guard case .word = current.kind, current.range.count == word.utf8.count else { return false }
    return text(current).uppercased() == word
  }

  mutating func acceptWord(_ word: String) -> Bool {
    guard isWord(word) else { return false }
    advance()
    return true
  }

  private mutating func parseExplain() throws(StoaError) -> StatementSyntax.Kind {
    advance()
    let isAnalyze = accept(.analyze)
    let statement = try nested { parser throws(StoaError) in try parser.parseInnerStatement() }
    return .explain(ExplainSyntax(isAnalyze: isAnalyze, statement: statement))
  }

  private mutating func parseShow() throws(StoaError) -> StatementSyntax.Kind {
    advance()
    if accept(.tables) || accept(.all, .tables) { return .showTables }
    if accept(.all) { return .showSetting(nil) }
    return .showSetting(try parseLabel("TABLES or the name of a setting"))
  }

  private mutating func parseDescribe() throws(StoaError) -> DescribeSyntax {
    let start = index
    let isSummary = keyword == .summarize
    advance()
    let subject: DescribeSyntax.Subject
    switch keyword {
    case .select, .from, .values, .with: subject = .query(try parseQuery())
    default:
      if isAt(.openParenthesis) {
        subject = .query(try parseQuery())
      } else {
        _ = accept(.table)
        subject = .table(try parseQualifiedName("a table name"))
      }
    }
    return DescribeSyntax(subject: subject, isSummary: isSummary, position: range(from: start))
  }

  private mutating func parseSet() throws(StoaError) -> StatementSyntax.Kind {
    advance()
    if peek().kind != .mark(.equal), keyword(at: 1) != .to {
      _ = accept(.session) || accept(.local) || accept(.global)
    }
    let name = try parseLabel("the name of a setting")
    guard accept(.equal) || accept(.to) else { throw unexpected("= or TO") }
    var values = [try parseOptionValue()]
    while accept(.comma) { values.append(try parseOptionValue()) }
    return .set(name: name, values: values)
  }

  /// A constant or bare word as the value of an option or setting.
  mutating func parseOptionValue() throws(StoaError) -> OptionValueSyntax {
    let start = index
    let kind: OptionValueSyntax.Kind
    let negative = accept(.minus)
    switch current.kind {
    case .integer(let value):
      guard let small = Int64(exactly: value) else { throw unexpected("a smaller number") }
      kind = .integer(negative ? -small : small)
    case .decimal(let text): kind = .double((negative ? -1 : 1) * (Double(text) ?? 0))
    case .double(let value): kind = .double(negative ? -value : value)
    case .string(let text) where !negative: kind = .text(text)
    case .quotedName(let text) where !negative: kind = .text(text)
    case .word(let keyword) where !negative:
      switch keyword {
      case .true, .on: kind = .boolean(true)
      case .false: kind = .boolean(false)
      case .default: kind = .standard
      default: kind = isWord("OFF") ? .boolean(false) : .text(text(current))
      }
    default: throw unexpected("a value")
    }
    advance()
    return OptionValueSyntax(kind: kind, position: range(from: start))
  }
}

/// Statements that change rows.
extension Parser {
  private mutating func parseInsert() throws(StoaError) -> InsertSyntax {
    let start = index
    advance()
    try expect(.into)
    let table = try parseQualifiedName("a table name")
    var columns: [NameSyntax] = []
    if isAt(.openParenthesis), !startsQuery(at: 1) { columns = try parseNameList() }
    var query: QuerySyntax?
    if accept(.default) {
      try expect(.values)
    } else {
      guard startsQuery(at: 0) || isAt(.openParenthesis) else {
        throw unexpected(columns.isEmpty ? "VALUES, SELECT or a column list" : "VALUES or SELECT")
      }
      query = try parseQuery()
    }
    return InsertSyntax(table: table, columns: columns, query: query, position: range(from: start))
  }

  private mutating func parseDelete() throws(StoaError) -> DeleteSyntax {
    let start = index
    advance()
    try expect(.from)
    let table = try parseQualifiedName("a table name")
    let alias = try parseTargetAlias()
    let using = accept(.using) ? try parseTableList() : []
    let filter = accept(.where) ? try parseExpression() : nil
    return DeleteSyntax(
      table: table, alias: alias, using: using, filter: filter, position: range(from: start))
  }

  private mutating func parseUpdate() throws(StoaError) -> UpdateSyntax {
    let start = index
    advance()
    let table = try parseQualifiedName("a table name")
    let alias = try parseTargetAlias()
    try expect(.set)
    var assignments: [AssignmentSyntax] = []
    repeat {
      let column = try parseName("a column name")
      try expect(.equal)
      assignments.append(AssignmentSyntax(column: column, value: try parseExpression()))
    } while accept(.comma)
    let from = accept(.from) ? try parseTableList() : []
    let filter = accept(.where) ? try parseExpression() : nil
    return UpdateSyntax(
      table: table, alias: alias, assignments: assignments, from: from, filter: filter,
      position: range(from: start))
  }

  private mutating func parseTargetAlias() throws(StoaError) -> NameSyntax? {
    if accept(.as) { return try parseName("an alias") }
    switch current.kind {
    case .quotedName: return try parseName()
    case .word(let keyword) where keyword != .set && !(keyword?.isReserved ?? false):
      return takeWord()
    default: return nil
    }
  }
}
