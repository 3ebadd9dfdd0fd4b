import Vectors

/// Views, schemas, comments and prepared statements.
extension Parser {
  /// `CREATE [OR REPLACE]`.
  /// - Returns: whether REPLACE was said.
  mutating func parseCreateWords() throws(StoaError) -> Bool {
    advance()
    guard accept(.or) else { return false }
    try expect(.replace)
    return true
  }

  mutating func parseCreate() throws(StoaError) -> StatementSyntax.Kind {
    let start = index
    let orReplace = try parseCreateWords()
    if accept(.view) { return .createView(try parseCreateView(orReplace: orReplace)) }
    if !orReplace, acceptWord("SCHEMA") {
      let ifNotExists = try parseIfNotExists()
      return .createSchema(try parseName("the name of a schema"), ifNotExists: ifNotExists)
    }
    if !orReplace, acceptWord("SEQUENCE") { return .createSequence(try parseCreateSequence()) }
    if !orReplace, acceptWord("TYPE") {
      let name = try parseQualifiedName("the name of a type")
      try expect(.as)
      return .createType(name, try parseType())
    }
    index = start
    return .createTable(try parseCreateTable())
  }

  private mutating func parseCreateView(orReplace: Bool) throws(StoaError) -> CreateViewSyntax {
    let ifNotExists = try parseIfNotExists()
    let name = try parseQualifiedName("the name of a view")
    let columns = isAt(.openParenthesis) ? try parseNameList() : []
    try expect(.as)
    let query = try parseQuery()
    return CreateViewSyntax(
      name: name, ifNotExists: ifNotExists, orReplace: orReplace, columns: columns, query: query)
  }

  private mutating func parseObjectKind(
    takesTypes: Bool = false
  ) throws(StoaError) -> ObjectKindSyntax {
    if accept(.table) { return .table }
    if accept(.view) { return .view }
    if acceptWord("SCHEMA") { return .schema }
    if acceptWord("SEQUENCE") { return .sequence }
    if takesTypes, acceptWord("TYPE") { return .type }
    throw unexpected("TABLE, VIEW, SCHEMA or SEQUENCE")
  }

  mutating func parseDrop() throws(StoaError) -> DropSyntax {
    let start = index
    advance()
    let kind = try parseObjectKind(takesTypes: true)
    let ifExists = try parseIfExists()
    var names: [QualifiedNameSyntax] = []
    repeat { names.append(try parseQualifiedName("a \(kind.word) name")) } while accept(.comma)
    let isCascading = acceptWord("CASCADE")
    if !isCascading { _ = acceptWord("RESTRICT") }
    return DropSyntax(
      kind: kind, names: names, ifExists: ifExists, isCascading: isCascading,
      position: range(from: start))
  }

  // MARK: ALTER

  /// ALTER TABLE, VIEW, SCHEMA or SEQUENCE.
  mutating func parseAlter() throws(StoaError) -> StatementSyntax.Kind {
    let start = index
    advance()
    guard keyword == .view || isWord("SCHEMA") || isWord("SEQUENCE") else {
      index = start
      return .alterTable(try parseAlterTable())
    }
    let kind = try parseObjectKind()
    let ifExists = try parseIfExists()
    let name = try parseQualifiedName("the name of a \(kind.word)")
    let action: AlterObjectSyntax.Action
    if kind == .sequence, keyword != .rename, keyword != .set {
      let place = index
      action = .setNumbers(try parseSequenceOptions(isAltering: true, hasType: true))
      if index == place { throw unexpected("RESTART, INCREMENT or another option") }
    } else if kind != .schema, keyword == .set, isSchemaNext {
      action = .setSchema(try parseSetSchema())
    } else {
      guard accept(.rename) else {
        throw unexpected(kind == .view ? "RENAME or SET SCHEMA" : "RENAME")
      }
      try expect(.to)
      action = .rename(try parseName("the name of a \(kind.word)"))
    }
    return .alterObject(
      AlterObjectSyntax(kind: kind, name: name, ifExists: ifExists, action: action))
  }

  /// Whether SCHEMA comes after the current word.
  var isSchemaNext: Bool { text(peek()).uppercased() == "SCHEMA" }

  /// `SET SCHEMA name`
  mutating func parseSetSchema() throws(StoaError) -> NameSyntax {
    advance()
    advance()
    return try parseName("the name of a schema")
  }

  // MARK: COMMENT, USE, prepared statements

  /// Statements that begin with a word of no other meaning; `nil` for others.
  mutating func parseObjectStatement() throws(StoaError) -> StatementSyntax.Kind? {
    if isWord("COMMENT") { return .comment(try parseComment()) }
    if acceptWord("USE") { return .use(try parseName("the name of a schema")) }
    guard acceptWord("DEALLOCATE") else { return nil }
    _ = accept(.prepare)
    if accept(.all) { return .deallocate(nil) }
    return .deallocate(try parseName("the name of a prepared statement"))
  }

  private mutating func parseComment() throws(StoaError) -> CommentSyntax {
    advance()
    try expect(.on)
    let kind = accept(.column) ? .column : try parseObjectKind()
    let name = try parseQualifiedName("the name of a \(kind.word)")
    try expect(.is)
    var comment: String?
    if case .string(let text) = current.kind {
      comment = text
      advance()
    } else if !accept(.null) {
      throw unexpected("a text in quotes or NULL")
    }
    return CommentSyntax(kind: kind, name: name, text: comment)
  }

  mutating func parsePrepare() throws(StoaError) -> PrepareSyntax {
    advance()
    let name = try parseName("the name of a prepared statement")
    var types: [TypeSyntax] = []
    if accept(.openParenthesis) {
      repeat { types.append(try parseType()) } while accept(.comma)
      try expect(.closeParenthesis)
    }
    try expect(.as)
    let statement = try nested { parser throws(StoaError) in try parser.parseInnerStatement() }
    // They are parameters of what is prepared, not of PREPARE.
    resetParameters()
    return PrepareSyntax(name: name, types: types, statement: statement)
  }

  mutating func parseExecute() throws(StoaError) -> ExecuteSyntax {
    advance()
    let name = try parseName("the name of a prepared statement")
    var arguments: [ArgumentSyntax] = []
    if accept(.openParenthesis), !accept(.closeParenthesis) {
      repeat { arguments.append(try parseArgument()) } while accept(.comma)
      try expect(.closeParenthesis)
    }
    return ExecuteSyntax(name: name, arguments: arguments)
  }
}
