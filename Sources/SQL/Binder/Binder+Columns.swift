import Kernels
import Vectors

/// `COLUMNS(…)` and stars with a pattern: columns chosen by name.
extension Binder {
  /// The first `COLUMNS(…)` within an item of the select list; all of them stand for the same column.
  func columnsCall(in syntax: ExpressionSyntax) -> StarSyntax? {
    var found: StarSyntax?
    syntax.visit { node in
      if found == nil, case .call(let call) = node.kind { found = call.columns }
    }
    return found
  }

  /// What an item with `COLUMNS(…)` is called when it stands for `column`: as if the column were written there.
  func nameOfChosen(
    _ column: (name: String, column: PlanColumn), _ syntax: ExpressionSyntax
  ) -> String {
    var positions: [Range<Int>] = []
    syntax.visit { node in
      if case .call(let call) = node.kind, call.columns != nil { positions.append(node.position) }
    }
    if positions == [syntax.position] { return column.name }
    var result = ""
    var next = syntax.position.lowerBound
    for position in positions.sorted(by: { $0.lowerBound < $1.lowerBound })
    where position.lowerBound >= next && position.upperBound <= text.count {
      result += String(decoding: text[next..<position.lowerBound], as: UTF8.self) + column.name
      next = position.upperBound
    }
    guard next <= syntax.position.upperBound, syntax.position.upperBound <= text.count else {
      return column.name
    }
    return result + String(decoding: text[next..<syntax.position.upperBound], as: UTF8.self)
  }

  func bindChosenColumn(_ position: Range<Int>) throws(StoaError) -> Expression {
    guard let chosenColumn else {
      throw StoaError(
        .binding, "COLUMNS(…) can only stand in the select list", position: position)
    }
    return chosenColumn.reference
  }

  /// Those of `names` that the pattern matches.
  func names(
    _ names: [String], matching pattern: StarPatternSyntax
  ) throws(StoaError) -> Set<String> {
    let function: String
    switch pattern.kind {
    case .like(.ilike): function = "ilike"
    case .like(.glob): function = "glob"
    case .like: function = "like"
    case .regex: function = "regexp_matches"
    }
    var result: Set<String> = []
    for name in names {
      let test = try call(
        function,
        [.constant(.string(name), .varchar), .constant(.string(pattern.text), .varchar)],
        at: pattern.position)
      let value = try folded(test, at: pattern.position).constantValue
      if (value == .boolean(true)) != pattern.negated { result.insert(name) }
    }
    return result
  }
}
