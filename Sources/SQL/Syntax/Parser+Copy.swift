import Vectors

extension Parser {
  mutating func parseCopy() throws(StoaError) -> CopySyntax {
    let start = index
    advance()
    let subject = try parseCopySubject()
    let isFrom = keyword == .from
    guard accept(.from) || accept(.to) else { throw unexpected("FROM or TO") }
    if isFrom, case .query(let query) = subject {
      throw StoaError(.syntax, "a query can only be copied TO a file", position: query.position)
    }
    let placeStart = index
    let place = try parseCopyPlace(isFrom: isFrom)
    let placePosition = range(from: placeStart)
    return CopySyntax(
      subject: subject, isFrom: isFrom, place: place, placePosition: placePosition,
      options: try parseCopyOptions(), position: range(from: start))
  }

  private mutating func parseCopySubject() throws(StoaError) -> CopySyntax.Subject {
    if isAt(.openParenthesis) {
      advance()
      let query = try parseQuery()
      try expect(.closeParenthesis)
      return .query(query)
    }
    let name = try parseQualifiedName("a table name or a query in parentheses")
    return .table(name, columns: isAt(.openParenthesis) ? try parseNameList() : [])
  }

  private mutating func parseCopyPlace(isFrom: Bool) throws(StoaError) -> CopySyntax.Place {
    if accept(isFrom ? .stdin : .stdout) { return .standard }
    let close: Token.Mark? =
      accept(.openBracket) ? .closeBracket : accept(.openParenthesis) ? .closeParenthesis : nil
    var files: [String] = []
    repeat {
      guard case .string(let path) = current.kind else {
        throw unexpected(
          isFrom ? "a file name in quotes or STDIN" : "a file name in quotes or STDOUT")
      }
      files.append(path)
      advance()
    } while accept(.comma)
    if let close { try expect(close) }
    return .files(files)
  }

  /// `(NAME value, …)`, or PostgreSQL's older `CSV HEADER DELIMITER ';'` without parentheses.
  private mutating func parseCopyOptions() throws(StoaError) -> [OptionSyntax] {
    var options: [OptionSyntax] = []
    let hadWith = accept(.with)
    if accept(.openParenthesis) {
      repeat {
        if isAt(.closeParenthesis) { break }
        options.append(try parseOption())
      } while accept(.comma)
      guard accept(.closeParenthesis) else { throw unexpected(", or )") }
      return options
    }
    while case .word = current.kind { options.append(try parseBareOption()) }
    if hadWith, options.isEmpty { throw unexpected("options in parentheses") }
    return options
  }

  private mutating func parseOption() throws(StoaError) -> OptionSyntax {
    let start = index
    let name = try parseLabel("the name of an option")
    _ = accept(.equal)
    var value: OptionValueSyntax?
    if isAt(.openParenthesis) {
      value = try parseOptionList()
    } else if !isAt(.comma), !isAt(.closeParenthesis) {
      value = try parseOptionValue()
    }
    return OptionSyntax(name: name, value: value, position: range(from: start))
  }

  private mutating func parseOptionList() throws(StoaError) -> OptionValueSyntax {
    let start = index
    try expect(.openParenthesis)
    var items: [String] = []
    repeat {
      if isAt(.closeParenthesis) { break }
      if accept(.star) { items.append("*") } else { items.append(try parseOptionValue().text) }
    } while accept(.comma)
    try expect(.closeParenthesis)
    return OptionValueSyntax(kind: .list(items), position: range(from: start))
  }

  private mutating func parseBareOption() throws(StoaError) -> OptionSyntax {
    let start = index
    switch keyword {
    case .csv:
      let position = current.range
      advance()
      return OptionSyntax(
        name: NameSyntax("FORMAT", position: position),
        value: OptionValueSyntax(kind: .text("csv"), position: position), position: position)
    case .header:
      return OptionSyntax(name: takeWord(), value: nil, position: range(from: start))
    case .delimiter, .null, .quote, .escape, .encoding:
      let name = takeWord()
      _ = accept(.as)
      let value = try parseOptionValue()
      return OptionSyntax(name: name, value: value, position: range(from: start))
    default:
      throw unexpected("an option such as DELIMITER, HEADER or NULL, or the end of the statement")
    }
  }
}
