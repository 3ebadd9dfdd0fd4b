import Kernels
import Vectors

/// The meaning of expressions, one row at a time and as plainly as can be, to compare the evaluator with.
/// Knows integers, DOUBLE, BOOLEAN and text, and of functions + − * / % on INTEGER and DOUBLE.
struct ReferenceEvaluator {
  struct Failure: Error {}

  let row: [Value]

  func evaluate(_ expression: Expression) throws -> Value {
    switch expression {
    case .column(let number, _): return row[number]
    case .constant(let value, _): return value
    case .parameter: throw Failure()
    case .call(let function, let arguments):
      let values = try arguments.map(evaluate)
      if values.contains(where: \.isNull) { return .null }
      return try call(function.name, values, function.resultType)
    case .cast(let operand, .double, _, _):
      let value = try evaluate(operand)
      return value.integer.map { .double(Double($0)) } ?? value
    case .cast: throw Failure()
    case .comparison(let op, let left, let right):
      let (a, b) = (try evaluate(left), try evaluate(right))
      if a.isNull || b.isNull { return .null }
      return .boolean(compare(op, a, b))
    case .isDistinct(let left, let right, let isNegated):
      return .boolean((try evaluate(left) != evaluate(right)) != isNegated)
    case .and(let operands): return try junction(operands, decisive: false)
    case .or(let operands): return try junction(operands, decisive: true)
    case .not(let operand):
      guard case .boolean(let flag) = try evaluate(operand) else { return .null }
      return .boolean(!flag)
    case .isNull(let operand, let isNegated):
      return .boolean(try evaluate(operand).isNull != isNegated)
    case .inSet(let operand, let values, let hasNull):
      let value = try evaluate(operand)
      if value.isNull { return .null }
      if values.contains(value) { return .boolean(true) }
      return hasNull ? .null : .boolean(false)
    case .conditional(let branches, let otherwise, _):
      for branch in branches where try evaluate(branch.condition) == .boolean(true) {
        return try evaluate(branch.result)
      }
      return try otherwise.map(evaluate) ?? .null
    }
  }

  /// Whether a filter keeps the row: conjuncts after one that is not TRUE do not count.
  func passes(_ condition: Expression) throws -> Bool {
    if case .and(let conjuncts) = condition {
      for conjunct in conjuncts where try evaluate(conjunct) != .boolean(true) { return false }
      return true
    }
    return try evaluate(condition) == .boolean(true)
  }

  private func junction(_ operands: [Expression], decisive: Bool) throws -> Value {
    var result = Value.boolean(!decisive)
    for operand in operands {
      switch try evaluate(operand) {
      case .boolean(decisive): return .boolean(decisive)
      case .null: result = .null
      default: break
      }
    }
    return result
  }

  private func compare(_ op: ComparisonOperator, _ a: Value, _ b: Value) -> Bool {
    switch op {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: !(b < a)
    case .greater: b < a
    case .greaterOrEqual: !(a < b)
    }
  }

  private func call(_ name: String, _ values: [Value], _ type: LogicalType) throws -> Value {
    if case .double(let a) = values[0], case .double(let b) = values[1] {
      return .double(try double(name, a, b))
    }
    guard let a = values[0].integer, let b = values[1].integer else { throw Failure() }
    if b == 0, name == "/" || name == "%" { throw Failure() }
    let result =
      switch name {
      case "+": a + b
      case "-": a - b
      case "*": a * b
      case "/": a / b
      default: a % b
      }
    guard Int32(exactly: result) != nil else { throw Failure() }
    return .integer(result)
  }

  private func double(_ name: String, _ a: Double, _ b: Double) throws -> Double {
    if name == "/", b == 0, !a.isNaN { throw Failure() }
    let result =
      switch name {
      case "+": a + b
      case "-": a - b
      case "*": a * b
      default: a / b
      }
    if result.isInfinite, a.isFinite, b.isFinite { throw Failure() }
    return result
  }
}
