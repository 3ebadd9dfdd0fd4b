import Vectors

/// Calls of functions and what may follow them.
extension Parser {
  /// From the opening parenthesis after `name` to the end of OVER.
  mutating func parseCall(
    _ name: QualifiedNameSyntax, from start: Int
  ) throws(StoaError) -> FunctionCallSyntax {
    try expect(.openParenthesis)
    var call = FunctionCallSyntax(name: name, arguments: [], position: 0..<0)
    if name.parts.count == 1, name.text.lowercased() == "columns",
      let star = try parseColumnsArgument()
    {
      call.columns = star
    } else if accept(.star) {
      call.isStar = true
    } else if !isAt(.closeParenthesis) {
      call.isDistinct = accept(.distinct)
      if !call.isDistinct { _ = accept(.all) }
      repeat {
        call.arguments.append(try parseArgument())
      } while accept(.comma) && !isAt(.closeParenthesis)
      if accept(.order, .by) { call.orderBy = try parseSortKeys() }
    }
    call.ignoresNulls = try parseNullTreatment()
    guard accept(.closeParenthesis) else { throw unexpected(", or )") }
    try parseCallSuffixes(of: &call)
    call.position = range(from: start)
    return call
  }

  /// What stands in `COLUMNS(…)`: a star or a regular expression.
  private mutating func parseColumnsArgument() throws(StoaError) -> StarSyntax? {
    if case .string(let text) = current.kind, peek().kind == .mark(.closeParenthesis) {
      var star = StarSyntax(position: current.range)
      star.pattern = StarPatternSyntax(
        kind: .regex, text: text, negated: false, position: current.range)
      advance()
      return star
    }
    return try parseStar()
  }

  mutating func parseArgument() throws(StoaError) -> ArgumentSyntax {
    let after = peek().kind
    if after == .mark(.assign) || after == .mark(.arrow) {
      let name = try parseLabel("the name of an argument")
      advance()
      return ArgumentSyntax(try parseExpression(), name: name)
    }
    return ArgumentSyntax(try parseExpression())
  }

  private mutating func parseNullTreatment() throws(StoaError) -> Bool? {
    if accept(.ignore, .nulls) { return true }
    if accept(.respect, .nulls) { return false }
    return nil
  }

  private mutating func parseCallSuffixes(of call: inout FunctionCallSyntax) throws(StoaError) {
    if accept(.within, .group) {
      try expect(.openParenthesis)
      try expect(.order)
      try expect(.by)
      call.withinGroup = try parseSortKeys()
      try expect(.closeParenthesis)
    }
    if keyword == .filter, peek().kind == .mark(.openParenthesis) {
      advance()
      advance()
      _ = accept(.where)
      call.filter = try parseExpression()
      try expect(.closeParenthesis)
    }
    // Before a closing parenthesis it belongs to the call around: `lag(abs(x) IGNORE NULLS) OVER …`.
    if peek(2).kind != .mark(.closeParenthesis), let treatment = try parseNullTreatment() {
      call.ignoresNulls = treatment
    }
    if accept(.over) {
      if isAt(.openParenthesis) {
        call.over = try parseWindowDefinition()
      } else {
        let name = try parseName("a window name or (")
        call.over = WindowSyntax(base: name, position: name.position)
      }
    }
  }

  /// `current_date` and its like, with or without parentheses.
  mutating func parseBareCall() throws(StoaError) -> ExpressionSyntax {
    let start = index
    let name = QualifiedNameSyntax([takeWord()])
    var call = FunctionCallSyntax(name: name, arguments: [], position: name.position)
    call.hasParentheses = false
    if accept(.openParenthesis) {
      if !isAt(.closeParenthesis) { call.arguments = [try parseArgument()] }
      try expect(.closeParenthesis)
      call.position = range(from: start)
    }
    return try make(.call(call), from: start)
  }

  /// Functions whose arguments are separated by words.
  mutating func parseSpecialCall() throws(StoaError) -> ExpressionSyntax {
    let start = index
    let function = keyword
    let word = takeWord()
    try expect(.openParenthesis)
    if function == .extract { return try parseExtract(from: start) }
    var name = word.text
    let arguments: [ExpressionSyntax]
    switch function {
    case .substring: arguments = try parseSubstringArguments()
    case .position:
      name = "strpos"
      let part = try parseExpression(above: .matching)
      try expect(.in)
      arguments = [try parseExpression(), part]
    case .overlay: arguments = try parseOverlayArguments()
    default: (name, arguments) = try parseTrimArguments(name)
    }
    guard accept(.closeParenthesis) else { throw unexpected(")") }
    let call = FunctionCallSyntax(
      name: QualifiedNameSyntax([NameSyntax(name, position: word.position)]),
      arguments: arguments.map { ArgumentSyntax($0) }, position: range(from: start))
    return try make(.call(call), from: start)
  }

  private mutating func parseExtract(from start: Int) throws(StoaError) -> ExpressionSyntax {
    let field: NameSyntax
    if case .string(let text) = current.kind {
      field = NameSyntax(text, isQuoted: true, position: current.range)
      advance()
    } else {
      field = try parseLabel("a field such as YEAR")
    }
    try expect(.from)
    let operand = try parseExpression()
    try expect(.closeParenthesis)
    return try make(.extract(field, operand), from: start)
  }

  private mutating func parseSubstringArguments() throws(StoaError) -> [ExpressionSyntax] {
    var arguments = [try parseExpression()]
    if accept(.comma) {
      arguments.append(try parseExpression())
      if accept(.comma) { arguments.append(try parseExpression()) }
      return arguments
    }
    let one = ExpressionSyntax(.literal(.integer(1)), position: current.range)
    var from: ExpressionSyntax?
    var length: ExpressionSyntax?
    while true {
      if from == nil, accept(.from) {
        from = try parseExpression()
      } else if length == nil, accept(.for) {
        length = try parseExpression()
      } else {
        break
      }
    }
    guard from != nil || length != nil else { throw unexpected("FROM, FOR or a comma") }
    arguments.append(from ?? one)
    if let length { arguments.append(length) }
    return arguments
  }

  private mutating func parseOverlayArguments() throws(StoaError) -> [ExpressionSyntax] {
    var arguments = [try parseExpression()]
    let words: [Keyword] = [.placing, .from, .for]
    for word in words {
      if accept(.comma) || accept(word) {
        arguments.append(try parseExpression())
      } else if word != .for {
        throw unexpected(word.display)
      }
    }
    return arguments
  }

  /// `TRIM([BOTH|LEADING|TRAILING] [characters] FROM x)` or `TRIM(x[, characters])`.
  private mutating func parseTrimArguments(
    _ word: String
  ) throws(StoaError) -> (String, [ExpressionSyntax]) {
    var name = word
    if accept(.leading) {
      name = "ltrim"
    } else if accept(.trailing) {
      name = "rtrim"
    } else {
      _ = accept(.both)
    }
    if accept(.from) { return (name, [try parseExpression()]) }
    let first = try parseExpression()
    if accept(.from) { return (name, [try parseExpression(), first]) }
    return (name, accept(.comma) ? [first, try parseExpression()] : [first])
  }
}

/// Window definitions.
extension Parser {
  mutating func parseWindowDefinition() throws(StoaError) -> WindowSyntax {
    try descend()
    defer { depth -= 1 }
    let start = index
    try expect(.openParenthesis)
    var window = WindowSyntax(position: 0..<0)
    switch current.kind {
    case .quotedName: window.base = try parseName()
    case .word(let keyword):
      switch keyword {
      case .partition, .order, .rows, .range, .groups: break
      default: window.base = try parseName("PARTITION BY, ORDER BY or a frame")
      }
    default: break
    }
    if accept(.partition) {
      try expect(.by)
      repeat { window.partitionBy.append(try parseExpression()) } while accept(.comma)
    }
    if accept(.order) {
      try expect(.by)
      window.orderBy = try parseSortKeys()
    }
    window.frame = try parseFrame()
    guard accept(.closeParenthesis) else { throw unexpected(")") }
    window.position = range(from: start)
    return window
  }

  private mutating func parseFrame() throws(StoaError) -> WindowFrameSyntax? {
    let start = index
    let unit: WindowFrameSyntax.Unit
    switch keyword {
    case .rows: unit = .rows
    case .range: unit = .range
    case .groups: unit = .groups
    default: return nil
    }
    advance()
    let lower: WindowFrameSyntax.Bound
    var upper = WindowFrameSyntax.Bound.currentRow
    if accept(.between) {
      lower = try parseFrameBound()
      try expect(.and)
      upper = try parseFrameBound()
    } else {
      lower = try parseFrameBound()
    }
    let exclusion = try parseFrameExclusion()
    return WindowFrameSyntax(
      unit: unit, start: lower, end: upper, exclusion: exclusion, position: range(from: start))
  }

  private mutating func parseFrameBound() throws(StoaError) -> WindowFrameSyntax.Bound {
    if accept(.unbounded) {
      if accept(.preceding) { return .unboundedPreceding }
      try expect(.following)
      return .unboundedFollowing
    }
    if accept(.current) {
      try expect(.row)
      return .currentRow
    }
    let distance = try parseExpression(above: .matching)
    if accept(.preceding) { return .preceding(distance) }
    guard accept(.following) else { throw unexpected("PRECEDING or FOLLOWING") }
    return .following(distance)
  }

  private mutating func parseFrameExclusion() throws(StoaError) -> WindowFrameSyntax.Exclusion {
    guard accept(.exclude) else { return .none }
    if accept(.current) {
      try expect(.row)
      return .currentRow
    }
    if accept(.group) { return .group }
    if accept(.ties) { return .ties }
    guard accept(.no, .others) else { throw unexpected("CURRENT ROW, GROUP, TIES or NO OTHERS") }
    return .none
  }
}
