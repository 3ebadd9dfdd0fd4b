import Vectors

/// SQL text to syntax trees: recursive descent for statements and queries, operator precedence for
/// expressions. Accepts everything the syntax tree can say; what the engine cannot do yet is refused by the
/// binder, which knows the position.
///
/// Limits, so that no text can exhaust the stack here or in whatever walks the tree later: nested constructs
/// up to `maximalDepth`, trees up to `maximalHeight` levels, `maximalJoinCount` joins. Chains of AND, OR,
/// commas and set operations are flat and may be of any length.
public struct Parser {
  /// Levels of parentheses, subqueries, CASE and the like within each other.
  public static let maximalDepth = 500
  /// Levels of an expression; `1 + 1 + …` adds one for each operator.
  public static let maximalHeight = 1_000
  /// Joins of one statement.
  public static let maximalJoinCount = 1_000

  let bytes: [UInt8]
  let tokens: [Token]
  var index = 0
  var depth = 0
  var joinCount = 0
  /// Height of the highest expression of the query being parsed.
  var height = 0
  var parameters = ParameterListSyntax()
  private var parameterStyle: ParameterStyle?

  private enum ParameterStyle { case next, numbered, named }

  init(_ bytes: [UInt8], _ tokens: [Token]) {
    self.bytes = bytes
    self.tokens = tokens
  }

  /// The one statement in `text`; a semicolon after it is optional.
  /// - Throws: `.syntax` with a position when the text is not one statement.
  public static func parse(_ text: String) throws(StoaError) -> StatementSyntax {
    try parse(text, takesRows: true)
  }

  /// - Parameter takesRows: whether rows of plain literals may be read without trees; for tests.
  static func parse(_ text: String, takesRows: Bool) throws(StoaError) -> StatementSyntax {
    try run(text, takesRows: takesRows) { parser throws(StoaError) in
      while parser.accept(.semicolon) {}
      if parser.current.kind == .end {
        throw StoaError(
          .syntax, "there is no statement in the text", position: parser.current.range)
      }
      let statement = try parser.parseStatement()
      while parser.accept(.semicolon) {}
      guard parser.current.kind == .end else { throw parser.unexpected("the end of the statement") }
      return statement
    }
  }

  /// All statements in `text`, separated by semicolons; none for an empty text.
  public static func parseAll(_ text: String) throws(StoaError) -> [StatementSyntax] {
    try run(text) { parser throws(StoaError) in
      var statements: [StatementSyntax] = []
      while true {
        while parser.accept(.semicolon) {}
        if parser.current.kind == .end { return statements }
        statements.append(try parser.parseStatement())
        guard parser.current.kind == .end || parser.current.kind == .mark(.semicolon) else {
          throw parser.unexpected("; or the end of the text")
        }
      }
    }
  }

  /// One expression alone, for defaults and tests.
  public static func parseExpression(_ text: String) throws(StoaError) -> ExpressionSyntax {
    try run(text) { parser throws(StoaError) in
      let expression = try parser.parseExpression()
      guard parser.current.kind == .end else {
        throw parser.unexpected("the end of the expression")
      }
      return expression
    }
  }

  /// A name alone, with its schema or without: what a text such as that of `nextval` means.
  static func parseName(_ text: String) throws(StoaError) -> QualifiedNameSyntax {
    try run(text) { parser throws(StoaError) in
      let name = try parser.parseQualifiedName()
      guard parser.current.kind == .end else { throw parser.unexpected("the end of the name") }
      return name
    }
  }

  /// One type alone, for import options and tests.
  public static func parseType(_ text: String) throws(StoaError) -> TypeSyntax {
    try run(text) { parser throws(StoaError) in
      let type = try parser.parseType()
      guard parser.current.kind == .end else { throw parser.unexpected("the end of the type") }
      return type
    }
  }

  /// Rows of literals are one token at first. When the statement cannot be parsed so, because of an error or because
  /// they are no rows where they stand, the text is parsed again from plain tokens.
  private static func run<Result>(
    _ text: String, takesRows: Bool = true, _ body: (inout Parser) throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    let bytes = Array(text.utf8)
    let tokens = try Lexer.tokens(of: bytes, takesRows: takesRows)
    do throws(StoaError) {
      return try run(Parser(bytes, tokens), body)
    } catch {
      guard tokens.contains(where: \.isRows) else { throw error }
    }
    return try run(Parser(bytes, try Lexer.tokens(of: bytes)), body)
  }

  /// Short texts cannot nest deep and are parsed right here, others on a large stack.
  private static func run<Result>(
    _ start: Parser, _ body: (inout Parser) throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    var parser = start
    if parser.tokens.count <= 200 { return try body(&parser) }
    let deep = parser
    return try withLargeStack { () throws(StoaError) in
      var parser = deep
      return try body(&parser)
    }
  }
}

/// Looking at tokens and consuming them.
extension Parser {
  var current: Token { tokens[index] }

  /// The token `ahead` places on; the end token past the end.
  func peek(_ ahead: Int = 1) -> Token { tokens[min(index + ahead, tokens.count - 1)] }

  /// The keyword at the current place, if any.
  var keyword: Keyword? { if case .word(let keyword) = current.kind { keyword } else { nil } }

  func keyword(at ahead: Int) -> Keyword? {
    if case .word(let keyword) = peek(ahead).kind { keyword } else { nil }
  }

  func isAt(_ mark: Token.Mark) -> Bool { current.kind == .mark(mark) }

  mutating func advance() { if index < tokens.count - 1 { index += 1 } }

  mutating func accept(_ mark: Token.Mark) -> Bool {
    guard isAt(mark) else { return false }
    advance()
    return true
  }

  mutating func accept(_ wanted: Keyword) -> Bool {
    guard keyword == wanted else { return false }
    advance()
    return true
  }

  /// Consumes all of `words` or nothing.
  mutating func accept(_ words: Keyword...) -> Bool {
    for (ahead, word) in words.enumerated() where keyword(at: ahead) != word { return false }
    for _ in words { advance() }
    return true
  }

  mutating func expect(_ mark: Token.Mark) throws(StoaError) {
    guard accept(mark) else { throw unexpected(mark.rawValue) }
  }

  mutating func expect(_ wanted: Keyword) throws(StoaError) {
    guard accept(wanted) else { throw unexpected(wanted.display) }
  }

  /// From the start of the token at `start` to the end of the last one consumed.
  func range(from start: Int) -> Range<Int> {
    let lower = tokens[start].range.lowerBound
    return lower..<max(lower, index > 0 ? tokens[index - 1].range.upperBound : lower)
  }

  func text(_ token: Token) -> String { String(decoding: bytes[token.range], as: UTF8.self) }
}

/// Messages and limits.
extension Parser {
  /// The error for a token that cannot stand here.
  func unexpected(_ expected: String) -> StoaError {
    var hint: String?
    if case .word(let keyword) = current.kind {
      if let keyword, keyword.isReserved {
        if expected.hasSuffix("name") {
          hint =
            "\(keyword.display) is a reserved word; write \"\(text(current))\" to use it as a name"
        }
      } else if let word = closestSpelling(
        to: text(current), among: Parser.clauseWords(for: expected)),
        word != text(current).uppercased()
      {
        hint = "Did you mean \(word)?"
      }
    }
    if hint == nil { hint = hintForAlias() }
    return StoaError(
      .syntax, "syntax error: expected \(expected), found \(describe(current))", hint: hint,
      position: current.range)
  }

  /// A misspelled keyword may have been taken as an alias: `SELECT 1 FORM t`.
  private func hintForAlias() -> String? {
    guard index > 0, case .word(nil) = tokens[index - 1].kind else { return nil }
    let word = text(tokens[index - 1])
    guard !TypeSyntax.isKnown(word.uppercased()) else { return nil }
    guard let meant = closestSpelling(to: word, among: Parser.followingWords) else { return nil }
    return "Did you mean \(meant) instead of \(word)?"
  }

  private static let followingWords = [
    "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "UNION", "JOIN",
    "LEFT",
    "INNER", "VALUES", "TABLE", "INTO", "BY", "AND", "BETWEEN", "LIKE", "DISTINCT", "QUALIFY",
    "WINDOW",
  ]

  private static func clauseWords(for expected: String) -> [String] {
    let words = expected.split(separator: " ").map(String.init)
    return followingWords + words.filter { $0.count > 2 && $0 == $0.uppercased() }
  }

  func describe(_ token: Token) -> String {
    switch token.kind {
    case .end: return "the end of the text"
    case .string: return "string \(shortened(text(token)))"
    case .integer, .decimal, .double: return "number \(shortened(text(token)))"
    default: return shortened(text(token))
    }
  }

  private func shortened(_ text: String) -> String {
    text.count <= 40 ? text : String(text.prefix(37)) + "…"
  }

  /// Runs `body` one level deeper.
  /// - Throws: `.syntax` when the text nests deeper than `maximalDepth`.
  mutating func nested<Result>(
    _ body: (inout Parser) throws(StoaError) -> Result
  ) throws(StoaError) -> Result {
    try descend()
    defer { depth -= 1 }
    return try body(&self)
  }

  mutating func descend() throws(StoaError) {
    guard depth < Parser.maximalDepth else {
      throw StoaError(
        .syntax, "the statement nests more than \(Parser.maximalDepth) levels deep",
        position: current.range)
    }
    depth += 1
  }

  /// An expression that began at token `start` and ends at the last token consumed.
  mutating func make(
    _ kind: ExpressionSyntax.Kind, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    let expression = ExpressionSyntax(kind, position: range(from: start))
    guard expression.height <= Parser.maximalHeight else {
      throw StoaError(
        .syntax, "an expression has more than \(Parser.maximalHeight) levels",
        position: tokens[start].range)
    }
    height = max(height, expression.height)
    return expression
  }
}

/// Names and parameters.
extension Parser {
  /// A name: quoted, or a word that is not reserved.
  mutating func parseName(_ what: String = "a name") throws(StoaError) -> NameSyntax {
    switch current.kind {
    case .quotedName(let text):
      defer { advance() }
      return NameSyntax(text, isQuoted: true, position: current.range)
    case .word(let keyword) where !(keyword?.isReserved ?? false): return takeWord()
    default: throw unexpected(what)
    }
  }

  /// A name where any word will do, reserved or not: after AS and after a dot.
  mutating func parseLabel(_ what: String = "a name") throws(StoaError) -> NameSyntax {
    if case .word = current.kind { return takeWord() }
    return try parseName(what)
  }

  mutating func takeWord() -> NameSyntax {
    let name = NameSyntax(text(current), position: current.range)
    advance()
    return name
  }

  mutating func parseQualifiedName(_ what: String = "a name") throws(StoaError)
    -> QualifiedNameSyntax
  {
    var parts = [try parseName(what)]
    while accept(.dot) { parts.append(try parseLabel(what)) }
    return QualifiedNameSyntax(parts)
  }

  /// `(a, b, c)`, a trailing comma allowed.
  mutating func parseNameList(_ what: String = "a column name") throws(StoaError) -> [NameSyntax] {
    try expect(.openParenthesis)
    var names = [try parseName(what)]
    while accept(.comma), !isAt(.closeParenthesis) { names.append(try parseName(what)) }
    try expect(.closeParenthesis)
    return names
  }

  /// The parameter at the current place; numbers and names are not mixed within a statement.
  mutating func parseParameter() throws(StoaError) -> ParameterSyntax {
    let style: ParameterStyle
    var parameter = ParameterSyntax(index: parameters.count, name: nil)
    switch current.kind {
    case .numberedParameter(let number):
      style = .numbered
      parameter.index = number - 1
    case .namedParameter(let name):
      style = .named
      let known = parameters.names.firstIndex { $0.lowercased() == name.lowercased() }
      parameter = ParameterSyntax(index: known ?? parameters.names.count, name: name)
      if known == nil { parameters.names.append(name) }
    default: style = .next
    }
    guard parameterStyle == nil || parameterStyle == style else {
      throw StoaError(
        .syntax, "parameters ?, $1 and :name cannot be mixed in one statement",
        position: current.range)
    }
    parameterStyle = style
    parameters.count = max(parameters.count, parameter.index + 1)
    advance()
    return parameter
  }

  mutating func resetParameters() {
    parameters = ParameterListSyntax()
    parameterStyle = nil
    joinCount = 0
  }
}
