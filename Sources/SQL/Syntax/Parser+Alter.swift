import Vectors

/// ALTER TABLE.
extension Parser {
  mutating func parseAlterTable() throws(StoaError) -> AlterTableSyntax {
    let start = index
    advance()
    guard accept(.table) else { throw unexpected("TABLE, VIEW or SCHEMA") }
    let ifExists = try parseIfExists()
    let table = try parseQualifiedName("a table name")
    var actions: [(action: AlterTableSyntax.Action, position: Range<Int>)] = []
    repeat {
      let actionStart = index
      let isRename = keyword == .rename
      if isRename, !actions.isEmpty {
        throw StoaError(
          .syntax, "RENAME stands alone in ALTER TABLE", hint: "Write it as a statement of its own",
          position: current.range)
      }
      actions.append((try parseAlterAction(), range(from: actionStart)))
      if isRename { break }
    } while accept(.comma)
    return AlterTableSyntax(
      table: table, ifExists: ifExists, actions: actions, position: range(from: start))
  }

  mutating func parseIfExists() throws(StoaError) -> Bool {
    guard accept(.if) else { return false }
    try expect(.exists)
    return true
  }

  private mutating func parseAlterAction() throws(StoaError) -> AlterTableSyntax.Action {
    if acceptWord("ADD") { return try parseAdd() }
    if accept(.drop) { return try parseDropPart() }
    if accept(.rename) { return try parseRename() }
    if keyword == .set, isSchemaNext { return .setSchema(try parseSetSchema()) }
    if acceptWord("ALTER") { return try parseAlterColumn() }
    if acceptWord("VALIDATE") {
      try expect(.constraint)
      return .validateConstraint(try parseName("a constraint name"))
    }
    throw unexpected("ADD, DROP, RENAME, ALTER, SET SCHEMA or VALIDATE")
  }

  private mutating func parseAdd() throws(StoaError) -> AlterTableSyntax.Action {
    if let constraint = try parseTableConstraint() { return .addConstraint(constraint) }
    _ = accept(.column)
    let ifNotExists = try parseIfNotExists()
    return .addColumn(try parseColumnDefinition(), ifNotExists: ifNotExists)
  }

  private mutating func parseDropPart() throws(StoaError) -> AlterTableSyntax.Action {
    if accept(.constraint) {
      let ifExists = try parseIfExists()
      return .dropConstraint(try parseName("a constraint name"), ifExists: ifExists)
    }
    _ = accept(.column)
    let ifExists = try parseIfExists()
    return .dropColumn(try parseName("a column name"), ifExists: ifExists)
  }

  private mutating func parseRename() throws(StoaError) -> AlterTableSyntax.Action {
    if accept(.to) { return .renameTable(to: try parseName("a table name")) }
    if accept(.constraint) {
      let name = try parseName("a constraint name")
      try expect(.to)
      return .renameConstraint(name, to: try parseName("a constraint name"))
    }
    _ = accept(.column)
    let name = try parseName("a column name")
    try expect(.to)
    return .renameColumn(name, to: try parseName("a column name"))
  }

  private mutating func parseAlterColumn() throws(StoaError) -> AlterTableSyntax.Action {
    _ = accept(.column)
    let column = try parseName("a column name")
    if acceptWord("TYPE") { return .setType(column, try parseType()) }
    if accept(.drop) {
      if accept(.default) { return .dropDefault(column) }
      guard accept(.not, .null) else { throw unexpected("DEFAULT or NOT NULL") }
      return .dropNotNull(column)
    }
    guard accept(.set) else { throw unexpected("TYPE, SET or DROP") }
    if accept(.default) { return .setDefault(column, try parseExpression(above: .comparison)) }
    if accept(.not, .null) { return .setNotNull(column) }
    if acceptWord("DATA") {
      guard acceptWord("TYPE") else { throw unexpected("TYPE") }
      return .setType(column, try parseType())
    }
    throw unexpected("DEFAULT, NOT NULL or DATA TYPE")
  }
}
