import Kernels
import Vectors

extension Parser {
  /// The literal at the current place. `start` is the token of its sign when it has one.
  mutating func parseLiteral(negative: Bool, from start: Int) throws(StoaError) -> ExpressionSyntax
  {
    let literal: LiteralSyntax
    switch current.kind {
    case .integer(let magnitude): literal = .integer(try signed(magnitude, negative: negative))
    case .decimal(let digits): literal = try decimal(digits, negative: negative)
    case .double(let value): literal = .double(negative ? -value : value)
    case .string(let text): literal = .string(text)
    default: throw unexpected("an expression")
    }
    advance()
    return try make(.literal(literal), from: start)
  }

  private func signed(_ magnitude: UInt128, negative: Bool) throws(StoaError) -> Int128 {
    if let value = Int128(exactly: magnitude) { return negative ? -value : value }
    if negative, magnitude == Int128.min.magnitude { return Int128.min }
    throw StoaError(
      .syntax, "integer is beyond the range of HUGEINT", hint: "Add e0 to make it a DOUBLE",
      position: current.range)
  }

  /// Digits with a point, exactly; at most 38 of them besides leading zeros.
  private func decimal(_ text: String, negative: Bool) throws(StoaError) -> LiteralSyntax {
    var unscaled: Int128 = 0
    var digitCount = 0
    var scale = 0
    var afterPoint = false
    for byte in text.utf8 {
      if byte == 0x2E {
        afterPoint = true
        continue
      }
      if afterPoint { scale += 1 }
      if digitCount > 0 || byte != 0x30 { digitCount += 1 }
      guard digitCount <= 38, scale <= 38 else {
        throw StoaError(
          .syntax, "number has more than 38 digits", hint: "Add e0 to make it a DOUBLE",
          position: current.range)
      }
      unscaled = unscaled * 10 + Int128(byte - 0x30)
    }
    return .decimal(
      unscaled: negative ? -unscaled : unscaled, precision: UInt8(max(1, digitCount, scale)),
      scale: UInt8(scale))
  }

  /// `INTERVAL 'text' [unit]`, `INTERVAL n unit`, `INTERVAL (e) unit` as `to_units(e)`; else a name.
  mutating func parseIntervalOperand() throws(StoaError) -> ExpressionSyntax {
    let start = index
    let negative = peek().kind == .mark(.minus)
    switch peek(negative ? 2 : 1).kind {
    case .string(let text) where !negative:
      advance()
      let position = current.range
      advance()
      let unit = parseIntervalUnit()
      return try interval(text, unit: unit, at: position, from: start)
    case .integer, .decimal:
      advance()
      if negative { advance() }
      let number = self.text(current)
      let position = current.range
      advance()
      guard let unit = parseIntervalUnit() else { throw unexpected("a unit such as DAY or MONTH") }
      return try interval((negative ? "-" : "") + number, unit: unit, at: position, from: start)
    case .mark(.openParenthesis) where !negative: return try parseIntervalCall()
    default:
      return try make(.column(try parseQualifiedName("an expression")), from: start)
    }
  }

  private mutating func interval(
    _ text: String, unit: IntervalText.Unit?, at position: Range<Int>, from start: Int
  ) throws(StoaError) -> ExpressionSyntax {
    guard let value = IntervalText.parse(text, unit: unit) else {
      throw StoaError(
        .syntax, "invalid interval '\(text)'",
        hint: "Write it as '1 year 2 months 3 days 04:05:06'", position: position)
    }
    return try make(
      .literal(
        .interval(months: value.months, days: value.days, microseconds: value.microseconds)),
      from: start)
  }

  private mutating func parseIntervalCall() throws(StoaError) -> ExpressionSyntax {
    let start = index
    let position = current.range
    advance()
    try expect(.openParenthesis)
    let operand = try parseExpression()
    try expect(.closeParenthesis)
    guard let unit = parseIntervalUnit() else { throw unexpected("a unit such as DAY or MONTH") }
    let name = QualifiedNameSyntax([NameSyntax("to_\(unit.rawValue)s", position: position)])
    let call = FunctionCallSyntax(
      name: name, arguments: [ArgumentSyntax(operand)], position: range(from: start))
    return try make(.call(call), from: start)
  }

  /// `DAY`, `DAYS`, or `YEAR TO MONTH` and its like, where only the last unit counts.
  private mutating func parseIntervalUnit() -> IntervalText.Unit? {
    guard case .word = current.kind, var unit = IntervalText.Unit(word: text(current)) else {
      return nil
    }
    advance()
    if keyword == .to, case .word = peek().kind, let last = IntervalText.Unit(word: text(peek())) {
      advance()
      advance()
      unit = last
    }
    return unit
  }
}
