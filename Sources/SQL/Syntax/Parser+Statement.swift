import Vectors

extension Parser {
  private static let statementWords = [
    "SELECT", "FROM", "VALUES", "WITH", "CREATE", "DROP", "INSERT", "DELETE", "UPDATE", "COPY",
    "MERGE", "TRUNCATE", "ALTER", "EXPLAIN", "SHOW", "DESCRIBE", "SUMMARIZE", "CHECKPOINT", "SET",
    "RESET", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "COMPACT", "VACUUM", "VERIFY",
    "PREPARE", "EXECUTE", "DEALLOCATE", "COMMENT", "USE",
  ]

  mutating func parseStatement() throws(StoaError) -> StatementSyntax {
    resetParameters()
    return try parseInnerStatement()
  }

  mutating func parseInnerStatement() throws(StoaError) -> StatementSyntax {
    let start = index
    let kind = try parseStatementKind()
    return StatementSyntax(kind, parameters: parameters, position: range(from: start))
  }

  private mutating func parseStatementKind() throws(StoaError) -> StatementSyntax.Kind {
    if isAt(.openParenthesis) { return .query(try parseQuery()) }
    switch keyword {
    case .with: return try parseWithStatement()
    case .select, .from, .values, .table: return .query(try parseQuery())
    case .create: return try parseCreate()
    case .drop: return .drop(try parseDrop())
    case .prepare: return .prepare(try parsePrepare())
    case .execute: return .execute(try parseExecute())
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
    if isWord("MERGE") { return .merge(try parseMerge()) }
    if isWord("TRUNCATE") { return try parseTruncate() }
    if isWord("ALTER") { return try parseAlter() }
    if let kind = try parseObjectStatement() { return kind }
    if acceptWord("COMPACT") || acceptWord("VACUUM") {
      _ = accept(.table)
      return .compact(endsStatement ? nil : try parseQualifiedName("a table name"))
    }
    if acceptWord("VERIFY") { return try parseVerify() }
    if let kind = try parseTransactionStatement() { return kind }
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

  private var endsStatement: Bool { current.kind == .end || isAt(.semicolon) }

  private mutating func parseVerify() throws(StoaError) -> StatementSyntax.Kind {
    var table: QualifiedNameSyntax?
    if accept(.table) { table = try parseQualifiedName("a table name") }
    let isDeep = acceptWord("DEEP")
    guard endsStatement else {
      throw unexpected(table == nil ? "TABLE, DEEP or the end of the statement" : "DEEP")
    }
    return .verify(table, isDeep: isDeep)
  }

  private mutating func parseTransactionStatement() throws(StoaError) -> StatementSyntax.Kind? {
    if accept(.begin) || acceptWord("START") {
      _ = accept(.transaction) || accept(.work)
      return .begin(isReadOnly: try parseTransactionModes())
    }
    if accept(.commit) || accept(.end) {
      _ = accept(.transaction) || accept(.work)
      return .commit
    }
    if accept(.rollback) || acceptWord("ABORT") {
      _ = accept(.transaction) || accept(.work)
      guard accept(.to) else { return .rollback }
      skipWordSavepoint()
      return .rollbackTo(try parseName("the name of a savepoint"))
    }
    if acceptWord("SAVEPOINT") { return .savepoint(try parseName("the name of a savepoint")) }
    if acceptWord("RELEASE") {
      skipWordSavepoint()
      return .release(try parseName("the name of a savepoint"))
    }
    return nil
  }

  /// `READ ONLY`, `READ WRITE` and `ISOLATION LEVEL …`, in any order. Every transaction sees one snapshot, which is
  /// REPEATABLE READ; the weaker levels allow that too.
  /// - Returns: whether it is read only.
  private mutating func parseTransactionModes() throws(StoaError) -> Bool {
    var isReadOnly = false
    var hasMore = keyword == .read || keyword == .isolation
    while hasMore {
      if accept(.read) {
        isReadOnly = accept(.only)
        if !isReadOnly { try expect(.write) }
      } else if accept(.isolation) {
        try parseIsolationLevel()
      } else {
        throw unexpected("READ ONLY, READ WRITE or ISOLATION LEVEL")
      }
      hasMore = accept(.comma) || keyword == .read || keyword == .isolation
    }
    return isReadOnly
  }

  private mutating func parseIsolationLevel() throws(StoaError) {
    try expect(.level)
    let start = index
    if accept(.read) {
      guard acceptWord("COMMITTED") || acceptWord("UNCOMMITTED") else {
        throw unexpected("COMMITTED or UNCOMMITTED")
      }
    } else if accept(.repeatable) {
      try expect(.read)
    } else if acceptWord("SERIALIZABLE") {
      throw StoaError(
        .unsupported, "the isolation level SERIALIZABLE is not supported",
        hint:
          "REPEATABLE READ is what every transaction has: one snapshot, and the first to commit wins",
        position: range(from: start))
    } else {
      throw unexpected("REPEATABLE READ, READ COMMITTED or READ UNCOMMITTED")
    }
  }

  /// SAVEPOINT before a name; alone it is the name.
  private mutating func skipWordSavepoint() {
    guard isWord("SAVEPOINT") else { return }
    switch peek().kind {
    case .word, .quotedName: advance()
    default: break
    }
  }

  /// - Throws: `.unsupported` at a statement of other engines that does not exist here.
  private func refusePlanned() throws(StoaError) {
    for word in Parser.plannedStatements where isWord(word) {
      throw StoaError(
        .unsupported, "\(word) is not supported yet", position: current.range)
    }
  }

  private static let plannedStatements = [
    "ATTACH", "DETACH", "PRAGMA", "INSTALL", "LOAD",
    "EXPORT", "IMPORT", "PIVOT", "UNPIVOT", "CALL", "GRANT", "REVOKE",
  ]

  /// Whether an unquoted word without meaning to the grammar reads `word` (upper case).
  func isWord(_ word: String, at ahead: Int = 0) -> Bool {
    let token = peek(ahead)
    guard case .word = token.kind, token.range.count == word.utf8.count else { return false }
    return text(token).uppercased() == word
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
    if isWord("VERSIONS") {
      advance()
      return .showVersions
    }
    if accept(.all) { return .showSetting(nil) }
    return .showSetting(try parseLabel("TABLES or the name of a setting"))
  }

  mutating func parseDescribe() throws(StoaError) -> DescribeSyntax {
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
    if isWord("SCHEMA"), case .string(let schema) = peek().kind {
      // SET SCHEMA 'name', as the standard has it.
      advance()
      let position = current.range
      advance()
      return .use(NameSyntax(schema, isQuoted: true, position: position))
    }
    if keyword == .time, keyword(at: 1) == .zone {
      let name = NameSyntax("timezone", position: current.range)
      advance()
      advance()
      return .set(name: name, values: [try parseOptionValue()])
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
