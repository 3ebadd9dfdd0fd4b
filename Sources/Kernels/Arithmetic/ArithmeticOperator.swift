import Vectors

/// The operators of arithmetic between two numbers.
enum ArithmeticOperator: String, CaseIterable, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  /// Truncates, like `/` between integers, but between other numbers too.
  case integerDivide = "//"
  case modulo = "%"
}

extension StoaError {
  static var divisionByZero: StoaError { StoaError(.evaluation, "division by zero") }

  /// `left op right` has no value of `type`.
  static func overflow(
    _ left: String, _ op: String, _ right: String, _ type: LogicalType
  ) -> StoaError {
    StoaError(
      .evaluation, "overflow: \(left) \(op) \(right) is out of range for \(type)",
      hint: "Cast an operand to a wider type")
  }
}
