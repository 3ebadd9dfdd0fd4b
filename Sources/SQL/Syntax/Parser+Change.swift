import Vectors

/// Statements that change rows.
extension Parser {
  mutating func parseInsert() throws(StoaError) -> InsertSyntax {
    let start = index
    advance()
    try expect(.into)
    let table = try parseQualifiedName("a table name")
    let alias = accept(.as) ? try parseName("an alias") : nil
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
    let conflict = keyword == .on ? try parseConflict() : nil
    let returning = try parseReturning()
    return InsertSyntax(
      table: table, alias: alias, columns: columns, query: query, conflict: conflict,
      returning: returning, position: range(from: start))
  }

  private mutating func parseConflict() throws(StoaError) -> ConflictSyntax {
    let start = index
    advance()
    guard acceptWord("CONFLICT") else { throw unexpected("CONFLICT") }
    if keyword == .on {
      throw StoaError(
        .unsupported, "ON CONFLICT ON CONSTRAINT is not supported",
        hint: "Name the key's columns: ON CONFLICT (a, b)", position: current.range)
    }
    let columns = isAt(.openParenthesis) ? try parseNameList() : []
    guard acceptWord("DO") else { throw unexpected(columns.isEmpty ? "( or DO" : "DO") }
    var action = ConflictSyntax.Action.nothing
    if accept(.update) {
      try expect(.set)
      let assignments = try parseAssignments()
      action = .update(assignments, filter: accept(.where) ? try parseExpression() : nil)
    } else if !acceptWord("NOTHING") {
      throw unexpected("NOTHING or UPDATE")
    }
    return ConflictSyntax(columns: columns, action: action, position: range(from: start))
  }

  mutating func parseDelete() throws(StoaError) -> DeleteSyntax {
    let start = index
    advance()
    try expect(.from)
    let table = try parseQualifiedName("a table name")
    let alias = try parseTargetAlias()
    let using = accept(.using) ? try parseTableList() : []
    let filter = accept(.where) ? try parseExpression() : nil
    let returning = try parseReturning()
    return DeleteSyntax(
      table: table, alias: alias, using: using, filter: filter, returning: returning,
      position: range(from: start))
  }

  mutating func parseUpdate() throws(StoaError) -> UpdateSyntax {
    let start = index
    advance()
    let table = try parseQualifiedName("a table name")
    let alias = try parseTargetAlias()
    try expect(.set)
    let assignments = try parseAssignments()
    let from = accept(.from) ? try parseTableList() : []
    let filter = accept(.where) ? try parseExpression() : nil
    let returning = try parseReturning()
    return UpdateSyntax(
      table: table, alias: alias, assignments: assignments, from: from, filter: filter,
      returning: returning, position: range(from: start))
  }

  /// What stands after SET.
  private mutating func parseAssignments() throws(StoaError) -> [AssignmentSyntax] {
    var assignments: [AssignmentSyntax] = []
    repeat {
      let isList = isAt(.openParenthesis)
      let columns = isList ? try parseNameList() : [try parseName("a column name")]
      if isAt(.dot) {
        throw StoaError(
          .syntax, "SET takes the column's name alone", hint: "Leave out \"\(columns[0].text).\"",
          position: columns[0].position)
      }
      try expect(.equal)
      assignments.append(
        AssignmentSyntax(columns: columns, isList: isList, value: try parseExpression()))
    } while accept(.comma)
    return assignments
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

  mutating func parseTruncate() throws(StoaError) -> StatementSyntax.Kind {
    advance()
    _ = accept(.table)
    var names = [try parseQualifiedName("a table name")]
    while accept(.comma) { names.append(try parseQualifiedName("a table name")) }
    let restarts = acceptWord("RESTART")
    if restarts || acceptWord("CONTINUE") {
      guard acceptWord("IDENTITY") else { throw unexpected("IDENTITY") }
    }
    return .truncate(names, restartsIdentity: restarts)
  }
}

/// MERGE.
extension Parser {
  mutating func parseMerge() throws(StoaError) -> MergeSyntax {
    let start = index
    advance()
    try expect(.into)
    let table = try parseQualifiedName("a table name")
    let alias = try parseTargetAlias()
    try expect(.using)
    let source = try parseTableReference()
    try expect(.on)
    let condition = try parseExpression()
    var clauses: [MergeClauseSyntax] = []
    while keyword == .when { clauses.append(try parseMergeClause()) }
    if clauses.isEmpty { throw unexpected("WHEN") }
    let returning = try parseReturning()
    return MergeSyntax(
      table: table, alias: alias, source: source, condition: condition, clauses: clauses,
      returning: returning, position: range(from: start))
  }

  private mutating func parseMergeClause() throws(StoaError) -> MergeClauseSyntax {
    let start = index
    advance()
    let isNegated = accept(.not)
    guard acceptWord("MATCHED") else { throw unexpected(isNegated ? "MATCHED" : "[NOT] MATCHED") }
    var match: MergeClauseSyntax.Match = isNegated ? .notMatched : .matched
    if isNegated, accept(.by) {
      if acceptWord("SOURCE") {
        match = .notMatchedBySource
      } else if !acceptWord("TARGET") {
        throw unexpected("SOURCE or TARGET")
      }
    }
    let condition = accept(.and) ? try parseExpression() : nil
    guard accept(.then) else { throw unexpected(condition == nil ? "AND or THEN" : "THEN") }
    let action = try parseMergeAction(match)
    return MergeClauseSyntax(
      match: match, condition: condition, action: action, position: range(from: start))
  }

  private mutating func parseMergeAction(
    _ match: MergeClauseSyntax.Match
  ) throws(StoaError) -> MergeClauseSyntax.Action {
    if acceptWord("DO") {
      guard acceptWord("NOTHING") else { throw unexpected("NOTHING") }
      return .nothing
    }
    if match == .notMatched {
      guard accept(.insert) else { throw unexpected("INSERT or DO NOTHING") }
      let columns = isAt(.openParenthesis) ? try parseNameList() : []
      if columns.isEmpty, accept(.default) {
        try expect(.values)
        return .insert(columns: [], values: nil)
      }
      guard accept(.values) else { throw unexpected("VALUES") }
      try expect(.openParenthesis)
      let values = try parseExpressionList(until: .closeParenthesis)
      try expect(.closeParenthesis)
      return .insert(columns: columns, values: values)
    }
    if accept(.delete) { return .delete }
    guard accept(.update) else { throw unexpected("UPDATE, DELETE or DO NOTHING") }
    try expect(.set)
    return .update(try parseAssignments())
  }
}
