import Kernels
import Vectors

/// Writes expressions as SQL-like text for EXPLAIN and for names of columns.
struct ExpressionText {
  /// What to call a column: its number to its name.
  let name: (Int) -> String

  func text(_ expression: Expression) -> String { text(expression, level: 0) }

  /// Binding strength from loose to tight: OR 1, AND 2, NOT 3, comparison 4, sum 5, product 6, the rest 7.
  private func text(_ expression: Expression, level: Int) -> String {
    let (written, own) = written(expression)
    return own < level ? "(\(written))" : written
  }

  private func written(_ expression: Expression) -> (String, Int) {
    switch expression {
    case .column(let number, _): return (name(number), 7)
    case .constant(let value, let type): return (ExpressionText.constant(value, type), 7)
    case .parameter(let index, _): return ("$\(index + 1)", 7)
    case .call(let function, let arguments): return call(function.name, arguments)
    case .cast(let operand, let type, let isTry, _):
      return ("\(isTry ? "TRY_CAST" : "CAST")(\(text(operand)) AS \(type))", 7)
    case .comparison(let op, let left, let right):
      return ("\(text(left, level: 5)) \(op.symbol) \(text(right, level: 5))", 4)
    case .isDistinct(let left, let right, let isNegated):
      let word = isNegated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM"
      return ("\(text(left, level: 5)) \(word) \(text(right, level: 5))", 4)
    case .and(let operands):
      return (operands.map { text($0, level: 3) }.joined(separator: " AND "), 2)
    case .or(let operands):
      return (operands.map { text($0, level: 2) }.joined(separator: " OR "), 1)
    case .not(let operand): return ("NOT \(text(operand, level: 4))", 3)
    case .isNull(let operand, let isNegated):
      return ("\(text(operand, level: 5)) IS \(isNegated ? "NOT " : "")NULL", 4)
    case .inSet(let operand, let values, let hasNull):
      return (inSet(operand, values, hasNull), 4)
    case .conditional(let branches, let otherwise, _):
      var parts = branches.map { "WHEN \(text($0.condition)) THEN \(text($0.result))" }
      if let otherwise { parts.append("ELSE \(text(otherwise))") }
      return ("CASE \(parts.joined(separator: " ")) END", 7)
    }
  }

  private func call(_ name: String, _ arguments: [Expression]) -> (String, Int) {
    let isOperator = name.utf8.allSatisfy { !($0 >= 0x61 && $0 <= 0x7A) && $0 != 0x5F }
    if isOperator, arguments.count == 2 {
      let level = ["*", "/", "//", "%", "^"].contains(name) ? 6 : 5
      let left = text(arguments[0], level: level)
      return ("\(left) \(name) \(text(arguments[1], level: level + 1))", level)
    }
    if isOperator, arguments.count == 1 { return ("\(name)\(text(arguments[0], level: 7))", 6) }
    if ["like", "ilike", "glob"].contains(name), arguments.count == 2 {
      let left = text(arguments[0], level: 5)
      return ("\(left) \(name.uppercased()) \(text(arguments[1], level: 5))", 4)
    }
    return ("\(name)(\(arguments.map(text).joined(separator: ", ")))", 7)
  }

  /// Long lists are cut: EXPLAIN is for reading.
  private func inSet(_ operand: Expression, _ values: [Value], _ hasNull: Bool) -> String {
    var items = values.prefix(10).map { ExpressionText.constant($0, operand.type) }
    if values.count > 10 { items.append("… \(values.count - 10) more") }
    if hasNull { items.append("NULL") }
    return "\(text(operand, level: 5)) IN (\(items.joined(separator: ", ")))"
  }

  /// An aggregate with its arguments.
  func text(_ call: AggregateCall) -> String {
    let arguments = call.arguments.isEmpty ? "*" : call.arguments.map(text).joined(separator: ", ")
    let filter = call.filter.map { " FILTER (WHERE \(text($0)))" } ?? ""
    let keys = call.orderBy.map { text($0.expression) + ($0.isDescending ? " DESC" : "") }
    let order = keys.isEmpty ? "" : " ORDER BY \(keys.joined(separator: ", "))"
    let distinct = call.isDistinct ? "DISTINCT " : ""
    let step =
      switch call.function.step {
      case .whole: ""
      case .state(let column), .mergedState(let column): ".state\(column)"
      case .merge: ""
      }
    return "\(call.function.name)\(step)(\(distinct)\(arguments)\(order))\(filter)"
  }

  /// A window function with its window; the standard frame is not shown.
  func text(_ call: WindowCall, partition: [Expression], order: String) -> String {
    var text: String
    if case .aggregate(let function) = call.function {
      text = self.text(
        AggregateCall(
          function: function, arguments: call.arguments, isDistinct: call.isDistinct,
          filter: call.filter))
    } else {
      text = "\(call.function.name)(\(call.arguments.map(self.text).joined(separator: ", ")))"
    }
    if call.ignoresNulls { text += " IGNORE NULLS" }
    var parts: [String] = []
    if !partition.isEmpty {
      parts.append("PARTITION BY \(partition.map(self.text).joined(separator: ", "))")
    }
    if !order.isEmpty { parts.append("ORDER BY \(order)") }
    if call.function.usesFrame, call.frame != .standard { parts.append(self.text(call.frame)) }
    return "\(text) OVER (\(parts.joined(separator: " ")))"
  }

  private func text(_ frame: WindowFrame) -> String {
    func end(_ bound: WindowFrame.Bound) -> String {
      switch bound {
      case .unboundedPreceding: "UNBOUNDED PRECEDING"
      case .preceding(let offset): "\(text(offset)) PRECEDING"
      case .currentRow: "CURRENT ROW"
      case .following(let offset): "\(text(offset)) FOLLOWING"
      case .unboundedFollowing: "UNBOUNDED FOLLOWING"
      }
    }
    let ends = "\(frame.unit.rawValue) BETWEEN \(end(frame.start)) AND \(end(frame.end))"
    return frame.exclusion == .none ? ends : "\(ends) EXCLUDE \(frame.exclusion.rawValue)"
  }

  /// A constant as a literal.
  static func constant(_ value: Value, _ type: LogicalType) -> String {
    switch value {
    case .null: return "NULL"
    case .boolean(let flag): return flag ? "TRUE" : "FALSE"
    case .string(let text): return quoted(text)
    case .integer, .double, .bytes:
      // A number without a text would be a damaged value; show that rather than fail.
      guard case .string(let text)? = try? Cast.apply(value, from: type, to: .varchar) else {
        return "?"
      }
      switch type {
      case .date, .time, .timestamp, .interval, .uuid, .blob: return "\(type) \(quoted(text))"
      case .timestampTZ: return "TIMESTAMPTZ \(quoted(text))"
      case .enumeration: return quoted(text)
      default: return text
      }
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "'"
    for character in text { result += character == "'" ? "''" : String(character) }
    return result + "'"
  }
}
