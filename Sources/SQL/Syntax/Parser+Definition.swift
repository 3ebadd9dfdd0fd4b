import Vectors

/// CREATE TABLE, DROP TABLE and type names.
extension Parser {
  mutating func parseCreateTable() throws(StoaError) -> CreateTableSyntax {
    let start = index
    let orReplace = try parseCreateWords()
    let isTemporary = accept(.temporary) || accept(.temp)
    guard accept(.table) else { throw unexpected("TABLE, VIEW, SCHEMA or SEQUENCE") }
    let ifNotExists = try parseIfNotExists()
    let name = try parseQualifiedName("a table name")
    var table = CreateTableSyntax(
      name: name, ifNotExists: ifNotExists, orReplace: orReplace, isTemporary: isTemporary,
      position: range(from: start))
    if accept(.as) {
      try parseTableQuery(into: &table)
    } else if isAt(.openParenthesis), isColumnNameList() {
      table.queryColumns = try parseNameList()
      try parseTableOptions(into: &table)
      try expect(.as)
      try parseTableQuery(into: &table)
    } else if isAt(.openParenthesis) {
      try parseTableElements(into: &table)
    } else {
      try parseTableOptions(into: &table)
      guard accept(.as) else { throw unexpected("( or AS") }
      try parseTableQuery(into: &table)
    }
    try parseTableOptions(into: &table)
    table.position = range(from: start)
    return table
  }

  mutating func parseIfNotExists() throws(StoaError) -> Bool {
    guard accept(.if) else { return false }
    try expect(.not)
    try expect(.exists)
    return true
  }

  /// Whether the parentheses hold bare names, as before AS, and not column definitions.
  private func isColumnNameList() -> Bool {
    guard isAt(.openParenthesis) else { return false }
    let after = peek(2).kind
    return after == .mark(.comma) || after == .mark(.closeParenthesis)
  }

  private mutating func parseTableQuery(into table: inout CreateTableSyntax) throws(StoaError) {
    table.query = try parseQuery()
    if accept(.with) {
      table.withData = !accept(.no)
      guard acceptWord("DATA") else { throw unexpected("DATA") }
    }
  }

  private mutating func parseTableElements(into table: inout CreateTableSyntax) throws(StoaError) {
    try expect(.openParenthesis)
    repeat {
      if isAt(.closeParenthesis) { break }
      if let constraint = try parseTableConstraint() {
        table.constraints.append(constraint)
      } else {
        table.columns.append(try parseColumnDefinition())
      }
    } while accept(.comma)
    if table.columns.isEmpty { throw unexpected("the definition of a column") }
    guard accept(.closeParenthesis) else { throw unexpected(", or )") }
  }

  /// `ORDER BY (a, b)` and `ENCODING (c BITMAP, …)`, each at most once, in either order.
  private mutating func parseTableOptions(into table: inout CreateTableSyntax) throws(StoaError) {
    while true {
      if keyword == .order, table.sortKey.isEmpty {
        advance()
        try expect(.by)
        try parseSortKey(into: &table)
      } else if keyword == .encoding, table.encodings.isEmpty {
        advance()
        try parseEncodings(into: &table)
      } else {
        return
      }
    }
  }

  /// Columns with or without parentheses. The sort key ascends, NULLs last.
  private mutating func parseSortKey(into table: inout CreateTableSyntax) throws(StoaError) {
    let hasParentheses = accept(.openParenthesis)
    repeat {
      table.sortKey.append(try parseName("a column name"))
      let start = index
      if keyword == .desc || (keyword == .nulls && keyword(at: 1) == .first) {
        advance()
        _ = accept(.first)
        throw StoaError(
          .unsupported, "a sort key that is not ascending with NULLs last is not supported yet",
          position: range(from: start))
      }
      _ = accept(.asc)
      _ = accept(.nulls, .last)
    } while accept(.comma)
    if hasParentheses { try expect(.closeParenthesis) }
  }

  private mutating func parseEncodings(into table: inout CreateTableSyntax) throws(StoaError) {
    try expect(.openParenthesis)
    repeat {
      if isAt(.closeParenthesis) { break }
      let column = try parseName("a column name")
      table.encodings.append(
        ColumnEncodingSyntax(column: column, encoding: try parseLabel("the name of an encoding")))
    } while accept(.comma)
    try expect(.closeParenthesis)
  }

  mutating func parseColumnDefinition() throws(StoaError) -> ColumnDefinitionSyntax {
    let start = index
    let name = try parseName("a column name")
    let type = try parseType()
    var column = ColumnDefinitionSyntax(name: name, type: type, position: range(from: start))
    while true {
      let constraintStart = index
      let constraintName = accept(.constraint) ? try parseName("a constraint name") : nil
      if accept(.not) {
        if let last = column.constraints.indices.last, constraintName == nil, acceptWord("VALID") {
          column.constraints[last].isNotValid = true
          continue
        }
        try expect(.null)
        column.isNotNull = true
      } else if accept(.null) {
        continue
      } else if accept(.default) {
        column.defaultValue = try parseExpression(above: .comparison)
      } else if acceptWord("GENERATED") {
        try parseGenerated(into: &column, from: constraintStart)
      } else if keyword == .as, column.generated == nil {
        try parseGeneratedExpression(into: &column)
      } else if let kind = try parseInlineConstraint(of: name) {
        column.constraints.append(
          TableConstraintSyntax(
            name: constraintName, kind: kind, position: range(from: constraintStart)))
      } else if constraintName != nil {
        throw unexpected("PRIMARY KEY, UNIQUE, REFERENCES, CHECK or NOT NULL")
      } else {
        break
      }
    }
    column.position = range(from: start)
    return column
  }

  /// `AS (expression) [STORED|VIRTUAL]`; both mean that values are stored.
  private mutating func parseGeneratedExpression(
    into column: inout ColumnDefinitionSyntax
  ) throws(StoaError) {
    try expect(.as)
    column.generated = try parseParenthesizedExpression()
    if !acceptWord("STORED") { _ = acceptWord("VIRTUAL") }
  }

  /// `GENERATED ALWAYS AS (expression)` or `GENERATED BY DEFAULT AS IDENTITY [(options)]`, after the first word.
  private mutating func parseGenerated(
    into column: inout ColumnDefinitionSyntax, from start: Int
  ) throws(StoaError) {
    if acceptWord("ALWAYS") {
      if keyword == .as, isWord("IDENTITY", at: 1) {
        throw StoaError(
          .unsupported, "GENERATED ALWAYS AS IDENTITY is not supported yet",
          hint: "GENERATED BY DEFAULT AS IDENTITY is", position: range(from: start))
      }
      return try parseGeneratedExpression(into: &column)
    }
    guard accept(.by) else { throw unexpected("ALWAYS or BY DEFAULT") }
    try expect(.default)
    try expect(.as)
    guard acceptWord("IDENTITY") else { throw unexpected("IDENTITY") }
    var options = SequenceOptionsSyntax(position: range(from: start))
    if accept(.openParenthesis) {
      options = try parseSequenceOptions(isAltering: false, hasType: false)
      try expect(.closeParenthesis)
    }
    column.identity = options
    column.isNotNull = true
  }

  private mutating func parseInlineConstraint(
    of column: NameSyntax
  ) throws(StoaError) -> TableConstraintSyntax.Kind? {
    if accept(.primary) {
      try expect(.key)
      return .primaryKey([column])
    }
    if accept(.unique) { return .unique([column]) }
    if keyword == .references { return try parseReferences(from: [column]) }
    if accept(.check) { return .check(try parseParenthesizedExpression()) }
    return nil
  }

  private mutating func parseReferences(
    from columns: [NameSyntax]
  ) throws(StoaError) -> TableConstraintSyntax.Kind {
    try expect(.references)
    let table = try parseQualifiedName("a table name")
    let referenced = isAt(.openParenthesis) ? try parseNameList() : []
    return .foreignKey(columns, table: table, referenced: referenced)
  }

  private mutating func parseParenthesizedExpression() throws(StoaError) -> ExpressionSyntax {
    try expect(.openParenthesis)
    let expression = try nested { parser throws(StoaError) in try parser.parseExpression() }
    try expect(.closeParenthesis)
    return expression
  }

  mutating func parseTableConstraint() throws(StoaError) -> TableConstraintSyntax? {
    let start = index
    let name = accept(.constraint) ? try parseName("a constraint name") : nil
    let kind: TableConstraintSyntax.Kind
    switch keyword {
    case .primary:
      advance()
      try expect(.key)
      kind = .primaryKey(try parseNameList())
    case .unique:
      advance()
      kind = .unique(try parseNameList())
    case .foreign:
      advance()
      try expect(.key)
      kind = try parseReferences(from: try parseNameList())
    case .check:
      advance()
      kind = .check(try parseParenthesizedExpression())
    default:
      guard name == nil else { throw unexpected("PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK") }
      return nil
    }
    var constraint = TableConstraintSyntax(name: name, kind: kind, position: range(from: start))
    if accept(.not) {
      guard acceptWord("VALID") else { throw unexpected("VALID") }
      constraint.isNotValid = true
      constraint.position = range(from: start)
    }
    return constraint
  }
}

extension Parser {
  /// A type name of one or more words with optional numbers in parentheses.
  mutating func parseType() throws(StoaError) -> TypeSyntax {
    let start = index
    var words = [try parseTypeWord()]
    switch words[0] {
    case "DOUBLE": if acceptWord("PRECISION") { words.append("PRECISION") }
    case "CHARACTER", "CHAR", "NATIONAL", "BIT":
      while isWord("VARYING") || isWord("CHARACTER") || isWord("CHAR") {
        words.append(try parseTypeWord())
      }
    default: break
    }
    if accept(.dot) { words[0] += "." + (try parseTypeWord()) }
    if words[0] == "ENUM" {
      return TypeSyntax(
        name: "ENUM", arguments: [], position: range(from: start), labels: try parseLabels())
    }
    var arguments: [Int] = []
    if isAt(.openParenthesis),
      ["STRUCT", "MAP", "UNION", "ROW", "ARRAY"].contains(words[0])
    {
      throw StoaError(
        .unsupported, "type \(words[0]) is not supported yet", position: range(from: start))
    }
    if accept(.openParenthesis) {
      repeat {
        guard case .integer(let value) = current.kind, value <= 1_000_000_000 else {
          throw unexpected("a number")
        }
        arguments.append(Int(value))
        advance()
      } while accept(.comma)
      try expect(.closeParenthesis)
    }
    if words[0] == "TIMESTAMP" || words[0] == "TIME" {
      if accept(.with, .time, .zone) { words += ["WITH", "TIME", "ZONE"] }
      _ = accept(.without, .time, .zone)
    }
    guard !isAt(.openBracket) else {
      throw StoaError(.unsupported, "list types are not supported yet", position: current.range)
    }
    return TypeSyntax(
      name: words.joined(separator: " "), arguments: arguments, position: range(from: start))
  }

  /// `('a', 'b', …)`; none is for the binder to refuse.
  mutating func parseLabels() throws(StoaError) -> [String] {
    try expect(.openParenthesis)
    var labels: [String] = []
    while !isAt(.closeParenthesis) {
      guard case .string(let label) = current.kind else { throw unexpected("a text") }
      labels.append(label)
      advance()
      guard accept(.comma) else { break }
    }
    try expect(.closeParenthesis)
    return labels
  }

  private mutating func parseTypeWord() throws(StoaError) -> String {
    if case .word(let keyword) = current.kind, keyword?.isReserved ?? false {
      throw unexpected("a type")
    }
    return try parseName("a type").text.uppercased()
  }
}
