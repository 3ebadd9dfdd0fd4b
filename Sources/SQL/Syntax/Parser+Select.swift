import Vectors

extension Parser {
  /// `SELECT … FROM …` or `FROM … [SELECT …]`.
  mutating func parseSelect() throws(StoaError) -> SelectSyntax {
    let start = index
    var select = SelectSyntax(position: 0..<0)
    if accept(.from) {
      select.from = try parseTableList()
      if accept(.select) {
        try parseSelectList(into: &select)
      } else {
        select.items = [.star(StarSyntax(position: tokens[start].range))]
      }
    } else {
      try expect(.select)
      try parseSelectList(into: &select)
      if accept(.from) { select.from = try parseTableList() }
    }
    try parseClauses(into: &select)
    select.position = range(from: start)
    return select
  }

  private mutating func parseClauses(into select: inout SelectSyntax) throws(StoaError) {
    if accept(.where) { select.filter = try parseExpression() }
    if keyword == .group { select.groupBy = try parseGroupBy() }
    if accept(.having) { select.having = try parseExpression() }
    if accept(.window) {
      repeat {
        let name = try parseName("a window name")
        try expect(.as)
        select.windows.append(NamedWindowSyntax(name: name, window: try parseWindowDefinition()))
      } while accept(.comma)
    }
    if accept(.qualify) { select.qualify = try parseExpression() }
    if keyword == .using, peek().kind == .word(nil), isWord("SAMPLE", at: 1) {
      advance()
      select.sample = try parseSample()
    }
  }

  private mutating func parseSelectList(into select: inout SelectSyntax) throws(StoaError) {
    if accept(.distinct) {
      select.quantifier = .distinct
      if accept(.on) {
        try expect(.openParenthesis)
        select.quantifier = .distinctOn(try parseExpressionList(until: .closeParenthesis))
        try expect(.closeParenthesis)
      }
    } else {
      _ = accept(.all)
    }
    select.items = try parseSelectItems()
  }

  /// A list of select items, a trailing comma allowed.
  private mutating func parseSelectItems() throws(StoaError) -> [SelectItemSyntax] {
    var items: [SelectItemSyntax] = []
    repeat {
      if !items.isEmpty, endsList { break }
      items.append(try parseSelectItem())
    } while accept(.comma)
    return items
  }

  /// `RETURNING items`; empty when there is none.
  mutating func parseReturning() throws(StoaError) -> [SelectItemSyntax] {
    accept(.returning) ? try parseSelectItems() : []
  }

  private mutating func parseSelectItem() throws(StoaError) -> SelectItemSyntax {
    if let star = try parseStar() { return .star(star) }
    let expression = try parseExpression()
    return .expression(expression, alias: try parseAlias())
  }

  /// The alias of a select item: any word after AS, a free one without.
  private mutating func parseAlias() throws(StoaError) -> NameSyntax? {
    if accept(.as) {
      if case .string(let text) = current.kind {
        defer { advance() }
        return NameSyntax(text, isQuoted: true, position: current.range)
      }
      return try parseLabel("an alias")
    }
    switch current.kind {
    case .quotedName: return try parseName()
    case .word(let keyword) where !(keyword?.continuesExpression ?? false): return takeWord()
    default: return nil
    }
  }

  /// `*`, `t.*` or `s.t.*` with its modifiers, when one begins here.
  mutating func parseStar() throws(StoaError) -> StarSyntax? {
    let start = index
    var ahead = 0
    while Parser.isNameToken(peek(ahead)), peek(ahead + 1).kind == .mark(.dot) { ahead += 2 }
    guard peek(ahead).kind == .mark(.star) else { return nil }
    var parts: [NameSyntax] = []
    for _ in 0..<ahead / 2 {
      parts.append(try parseLabel())
      advance()
    }
    advance()
    var star = StarSyntax(position: range(from: start))
    if !parts.isEmpty { star.qualifier = QualifiedNameSyntax(parts) }
    try parseStarModifiers(of: &star)
    star.position = range(from: start)
    return star
  }

  /// `[NOT] LIKE|ILIKE|SIMILAR TO|GLOB 'pattern'`
  private mutating func parseStarPattern() throws(StoaError) -> StarPatternSyntax? {
    let start = index
    let negated = accept(.not)
    let kind: LikeSyntax.Kind
    switch keyword {
    case .like: kind = .like
    case .ilike: kind = .ilike
    case .similar: kind = .similar
    case .glob: kind = .glob
    default:
      if negated { throw unexpected("LIKE, ILIKE, SIMILAR TO or GLOB") }
      return nil
    }
    advance()
    if kind == .similar { try expect(.to) }
    guard case .string(let text) = current.kind else { throw unexpected("a pattern in quotes") }
    advance()
    return StarPatternSyntax(
      kind: kind == .similar ? .regex : .like(kind), text: text, negated: negated,
      position: range(from: start))
  }

  private static func isNameToken(_ token: Token) -> Bool {
    switch token.kind {
    case .quotedName: true
    case .word(let keyword): !(keyword?.isReserved ?? false)
    default: false
    }
  }

  private mutating func parseStarModifiers(of star: inout StarSyntax) throws(StoaError) {
    star.pattern = try parseStarPattern()
    if accept(.exclude)
      || (keyword == .except && peek().kind == .mark(.openParenthesis)
        && !startsQuery(at: 2) && accept(.except))
    {
      star.excluded = try parseItems { parser throws(StoaError) in
        try parser.parseQualifiedName("a column name")
      }
    }
    if accept(.replace) {
      star.replaced = try parseItems { parser throws(StoaError) in
        let expression = try parser.parseExpression()
        _ = parser.accept(.as)
        return (expression, try parser.parseLabel("a column name"))
      }
    }
    if accept(.rename) {
      star.renamed = try parseItems { parser throws(StoaError) in
        let column = try parser.parseName("a column name")
        try parser.expect(.as)
        return (column, try parser.parseLabel("a column name"))
      }
    }
  }

  /// One item alone or several in parentheses.
  private mutating func parseItems<Item>(
    _ item: (inout Parser) throws(StoaError) -> Item
  ) throws(StoaError) -> [Item] {
    guard accept(.openParenthesis) else { return [try item(&self)] }
    var items = [try item(&self)]
    while accept(.comma), !isAt(.closeParenthesis) { items.append(try item(&self)) }
    try expect(.closeParenthesis)
    return items
  }
}

/// GROUP BY.
extension Parser {
  private mutating func parseGroupBy() throws(StoaError) -> GroupBySyntax {
    let start = index
    advance()
    try expect(.by)
    if accept(.all) {
      return GroupBySyntax(isAll: true, elements: [], position: range(from: start))
    }
    var elements: [GroupBySyntax.Element] = []
    repeat {
      if !elements.isEmpty, endsList { break }
      elements.append(contentsOf: try parseGroupingElement())
    } while accept(.comma)
    return GroupBySyntax(isAll: false, elements: elements, position: range(from: start))
  }

  private mutating func parseGroupingElement() throws(StoaError) -> [GroupBySyntax.Element] {
    if accept(.grouping, .sets) {
      return [.groupingSets(try parseGroupingSets())]
    }
    if keyword == .rollup, peek().kind == .mark(.openParenthesis) {
      advance()
      return [.rollup(try parseKeyGroups())]
    }
    if keyword == .cube, peek().kind == .mark(.openParenthesis) {
      advance()
      return [.cube(try parseKeyGroups())]
    }
    if isAt(.openParenthesis), peek().kind == .mark(.closeParenthesis) {
      advance()
      advance()
      return [.set([])]
    }
    let expression = try parseExpression()
    if case .row(let fields) = expression.kind { return fields.map { .expression($0) } }
    return [.expression(expression)]
  }

  private mutating func parseGroupingSets() throws(StoaError) -> [GroupBySyntax.Element] {
    try descend()
    defer { depth -= 1 }
    try expect(.openParenthesis)
    var sets: [GroupBySyntax.Element] = []
    repeat {
      if accept(.grouping, .sets) {
        sets.append(.groupingSets(try parseGroupingSets()))
      } else if accept(.rollup) {
        sets.append(.rollup(try parseKeyGroups()))
      } else if accept(.cube) {
        sets.append(.cube(try parseKeyGroups()))
      } else {
        sets.append(.set(try parseKeyGroup()))
      }
    } while accept(.comma)
    try expect(.closeParenthesis)
    return sets
  }

  private mutating func parseKeyGroups() throws(StoaError) -> [[ExpressionSyntax]] {
    try expect(.openParenthesis)
    var groups = [try parseKeyGroup()]
    while accept(.comma) { groups.append(try parseKeyGroup()) }
    try expect(.closeParenthesis)
    return groups
  }

  /// `a`, `(a, b)` or `()`.
  private mutating func parseKeyGroup() throws(StoaError) -> [ExpressionSyntax] {
    if isAt(.openParenthesis), peek().kind == .mark(.closeParenthesis) {
      advance()
      advance()
      return []
    }
    let expression = try parseExpression()
    if case .row(let fields) = expression.kind { return fields }
    return [expression]
  }
}
