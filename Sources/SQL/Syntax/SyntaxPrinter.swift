extension ExpressionSyntax {
  /// The expression as SQL in one canonical spelling, operators in parentheses: names of result columns without
  /// an alias. Queries inside show as `(SELECT …)`.
  public var text: String {
    var printer = SyntaxPrinter()
    printer.print(self)
    return printer.text
  }
}

struct SyntaxPrinter {
  var text = ""

  mutating func print(_ expression: ExpressionSyntax) {
    switch expression.kind {
    case .literal(let literal): text += literal.text
    case .column(let name): text += name.text
    case .parameter(let parameter):
      text += parameter.name.map { ":" + $0 } ?? "$\(parameter.index + 1)"
    case .unary(let symbol, let operand):
      text += symbol.rawValue
      print(operand)
    case .binary(let symbol, let left, let right):
      text += "("
      print(left)
      text += " \(symbol.rawValue) "
      print(right)
      text += ")"
    case .and(let operands): print(operands, separator: " AND ", open: "(", close: ")")
    case .or(let operands): print(operands, separator: " OR ", open: "(", close: ")")
    case .row(let fields): print(fields, separator: ", ", open: "(", close: ")")
    case .not(let operand): wrap("(NOT ", operand, ")")
    case .isNull(let operand, let negated):
      wrap("(", operand, negated ? " IS NOT NULL)" : " IS NULL)")
    case .isBoolean(let operand, let value, let negated):
      wrap("(", operand, " IS \(negated ? "NOT " : "")\(value ? "TRUE" : "FALSE"))")
    case .defaultValue: text += "DEFAULT"
    case .subquery: text += "(SELECT …)"
    case .exists: text += "EXISTS(SELECT …)"
    case .extract(let field, let operand):
      text += "EXTRACT(\(field.text.uppercased()) FROM "
      print(operand)
      text += ")"
    case .cast(let operand, let type, let isTry):
      text += isTry ? "TRY_CAST(" : "CAST("
      print(operand)
      text += " AS \(type.text))"
    case .case(let parts): print(parts)
    case .call(let call): print(call)
    case .between, .inList, .inSubquery, .like, .isDistinct, .quantified: printMatching(expression)
    }
  }

  private mutating func printMatching(_ expression: ExpressionSyntax) {
    switch expression.kind {
    case .between(let operand, let lower, let upper, let isSymmetric, let negated):
      wrap("(", operand, negated ? " NOT BETWEEN " : " BETWEEN ")
      if isSymmetric { text += "SYMMETRIC " }
      print(lower)
      wrap(" AND ", upper, ")")
    case .inList(let operand, let items, let negated):
      wrap("(", operand, negated ? " NOT IN " : " IN ")
      print(items, separator: ", ", open: "(", close: "))")
    case .inSubquery(let operand, _, let negated):
      wrap("(", operand, negated ? " NOT IN (SELECT …))" : " IN (SELECT …))")
    case .isDistinct(let left, let right, let negated):
      wrap("(", left, negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ")
      wrap("", right, ")")
    case .quantified(let operand, let symbol, let isAll, _):
      wrap("(", operand, " \(symbol.rawValue) \(isAll ? "ALL" : "ANY") (SELECT …))")
    case .like(let like):
      wrap("(", like.operand, "\(like.negated ? " NOT" : "") \(like.kind.rawValue) ")
      print(like.pattern)
      if let escape = like.escape { wrap(" ESCAPE ", escape, "") }
      text += ")"
    default: break
    }
  }

  private mutating func wrap(_ before: String, _ operand: ExpressionSyntax, _ after: String) {
    text += before
    print(operand)
    text += after
  }

  private mutating func print(
    _ operands: [ExpressionSyntax], separator: String, open: String, close: String
  ) {
    text += open
    for (index, operand) in operands.enumerated() {
      if index > 0 { text += separator }
      print(operand)
    }
    text += close
  }

  private mutating func print(_ parts: CaseSyntax) {
    text += "CASE"
    if let operand = parts.operand { wrap(" ", operand, "") }
    for branch in parts.branches {
      wrap(" WHEN ", branch.condition, "")
      wrap(" THEN ", branch.result, "")
    }
    if let otherwise = parts.otherwise { wrap(" ELSE ", otherwise, "") }
    text += " END"
  }

  private mutating func print(_ call: FunctionCallSyntax) {
    text += call.name.text.lowercased()
    guard call.hasParentheses else { return }
    text += "("
    if call.isStar || call.columns != nil { text += "*" }
    if call.isDistinct { text += "DISTINCT " }
    for (index, argument) in call.arguments.enumerated() {
      if index > 0 { text += ", " }
      if let name = argument.name { text += "\(name.text) := " }
      print(argument.value)
    }
    print(keys: call.orderBy, after: call.arguments.isEmpty ? "ORDER BY " : " ORDER BY ")
    text += ")"
    if !call.withinGroup.isEmpty {
      print(keys: call.withinGroup, after: " WITHIN GROUP (ORDER BY ")
      text += ")"
    }
    if let filter = call.filter { wrap(" FILTER (WHERE ", filter, ")") }
    if let treatment = call.ignoresNulls { text += treatment ? " IGNORE NULLS" : " RESPECT NULLS" }
    if let over = call.over { print(over) }
  }

  private mutating func print(keys: [SortKeySyntax], after prefix: String) {
    for (index, key) in keys.enumerated() {
      text += index == 0 ? prefix : ", "
      print(key.expression)
      if key.isDescending { text += " DESC" }
      if let first = key.nullsFirst { text += first ? " NULLS FIRST" : " NULLS LAST" }
    }
  }

  private mutating func print(_ window: WindowSyntax) {
    text += " OVER ("
    if let base = window.base { text += base.text }
    print(
      window.partitionBy, separator: ", ", open: window.partitionBy.isEmpty ? "" : "PARTITION BY ",
      close: "")
    print(keys: window.orderBy, after: window.partitionBy.isEmpty ? "ORDER BY " : " ORDER BY ")
    if let frame = window.frame {
      text += " \(frame.unit.rawValue) BETWEEN "
      print(frame.start)
      text += " AND "
      print(frame.end)
      if frame.exclusion != .none { text += " EXCLUDE \(frame.exclusion.rawValue)" }
    }
    text += ")"
  }

  private mutating func print(_ bound: WindowFrameSyntax.Bound) {
    switch bound {
    case .unboundedPreceding: text += "UNBOUNDED PRECEDING"
    case .unboundedFollowing: text += "UNBOUNDED FOLLOWING"
    case .currentRow: text += "CURRENT ROW"
    case .preceding(let distance): wrap("", distance, " PRECEDING")
    case .following(let distance): wrap("", distance, " FOLLOWING")
    }
  }
}

extension LiteralSyntax {
  /// The literal as SQL.
  public var text: String {
    switch self {
    case .null: "NULL"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .decimal(let unscaled, _, let scale):
      LiteralSyntax.decimalText(unscaled, scale: Int(scale))
    case .double(let value): "\(value)"
    case .string(let text): LiteralSyntax.quoted(text)
    case .typed(let type, let text): "\(type.name) \(LiteralSyntax.quoted(text))"
    case .interval(let months, let days, let microseconds):
      "INTERVAL '\(months) months \(days) days \(microseconds) microseconds'"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "'"
    for character in text {
      if character == "'" { result += "'" }
      result.append(character)
    }
    return result + "'"
  }

  private static func decimalText(_ unscaled: Int128, scale: Int) -> String {
    guard scale > 0 else { return String(unscaled) }
    var digits = String(unscaled.magnitude)
    if digits.count <= scale {
      digits = String(repeating: "0", count: scale + 1 - digits.count) + digits
    }
    return (unscaled < 0 ? "-" : "") + digits.dropLast(scale) + "." + digits.suffix(scale)
  }
}

extension TypeSyntax {
  /// The type as SQL: `DECIMAL(10,2)`.
  public var text: String {
    if !labels.isEmpty {
      let quoted = labels.map {
        "'" + $0.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
          + "'"
      }
      return "ENUM(\(quoted.joined(separator: ", ")))"
    }
    return arguments.isEmpty
      ? name : "\(name)(\(arguments.map(String.init).joined(separator: ",")))"
  }
}
