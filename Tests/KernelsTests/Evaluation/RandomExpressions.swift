import Kernels
import Vectors

/// Random typed expressions over six columns, and random columns for them in every form.
struct RandomExpressions {
  /// Types of the columns.
  static let types: [LogicalType] = [.integer, .integer, .double, .varchar, .boolean, .integer]

  var generator: SeededGenerator

  mutating func number(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &generator)
  }

  mutating func expression(_ type: LogicalType, depth: Int) throws -> Expression {
    if depth == 0 || number(0...5) == 0 { return leaf(type) }
    if number(0...5) == 0 { return try conditional(type, depth: depth) }
    switch type {
    case .boolean: return try condition(depth: depth)
    case .integer:
      let name = ["+", "-", "*", "/", "%"].randomElement(using: &generator)!
      return try FunctionRegistry.bind(
        name,
        [try expression(.integer, depth: depth - 1), try expression(.integer, depth: depth - 1)])
    case .double:
      if number(0...3) == 0 {
        return .cast(try expression(.integer, depth: depth - 1), to: .double, isTry: false)
      }
      let name = ["+", "-", "*", "/"].randomElement(using: &generator)!
      return try FunctionRegistry.bind(
        name,
        [try expression(.double, depth: depth - 1), try expression(.double, depth: depth - 1)])
    default: return leaf(type)
    }
  }

  private mutating func leaf(_ type: LogicalType) -> Expression {
    let columns = RandomExpressions.types.indices.filter { RandomExpressions.types[$0] == type }
    if number(0...2) > 0 { return .column(columns.randomElement(using: &generator)!, type) }
    return .constant(value(type), type)
  }

  mutating func value(_ type: LogicalType) -> Value {
    if number(0...7) == 0 { return .null }
    switch type {
    case .boolean: return .boolean(number(0...1) == 0)
    case .integer:
      return .integer(
        Int128([0, 1, 2, 3, -1, 7, 100, 46_341, -46_341].randomElement(using: &generator)!))
    case .double:
      return .double(
        [0, -0.0, 1, 2.5, -3, .nan, .infinity, 1e300].randomElement(using: &generator)!)
    default:
      return .string(
        ["", "a", "b", "é", "a long text of more than twelve", "a long text of more"]
          .randomElement(using: &generator)!)
    }
  }

  private mutating func condition(depth: Int) throws -> Expression {
    let operandType = [LogicalType.integer, .double, .varchar, .boolean].randomElement(
      using: &generator)!
    switch number(0...6) {
    case 0, 1:
      return .comparison(
        ComparisonOperator.allCases.randomElement(using: &generator)!,
        try expression(operandType, depth: depth - 1), try expression(operandType, depth: depth - 1)
      )
    case 2:
      return .isDistinct(
        try expression(operandType, depth: depth - 1),
        try expression(operandType, depth: depth - 1),
        isNegated: number(0...1) == 0)
    case 3: return .not(try expression(.boolean, depth: depth - 1))
    case 4:
      return .isNull(try expression(operandType, depth: depth - 1), isNegated: number(0...1) == 0)
    case 5:
      let values = (0..<number(1...6)).map { _ in value(operandType) }.filter { !$0.isNull }
      return .inSet(
        try expression(operandType, depth: depth - 1), values: values, hasNull: number(0...3) == 0)
    default:
      var operands: [Expression] = []
      for _ in 0..<number(2...4) { operands.append(try expression(.boolean, depth: depth - 1)) }
      return number(0...1) == 0 ? .and(operands) : .or(operands)
    }
  }

  private mutating func conditional(_ type: LogicalType, depth: Int) throws -> Expression {
    var branches: [ConditionalBranch] = []
    for _ in 0..<number(1...3) {
      branches.append(
        ConditionalBranch(
          condition: try expression(.boolean, depth: depth - 1),
          result: try expression(type, depth: depth - 1)))
    }
    let otherwise = number(0...2) > 0 ? try expression(type, depth: depth - 1) : nil
    return .conditional(branches, otherwise: otherwise, type: type)
  }

  /// A column of `count` rows in a random form.
  mutating func column(_ type: LogicalType, count: Int) -> Vector {
    switch number(0...4) {
    case 0: return Vector(constant: value(type), type: type, count: count)
    case 1:
      let entries = Vector.make(type, (0..<number(1...5)).map { _ in presentValue(type) })
      let codes = Buffer(of: UInt32.self, count: max(1, count))
      for row in 0..<count {
        codes.typed(UInt32.self)[row] = UInt32(number(0...(entries.count - 1)))
      }
      let nulls = (0..<count).map { _ in number(0...4) == 0 }
      return Vector(
        codes: codes, count: count, dictionary: entries,
        validity: .make(count: count) { !nulls[$0] })
    case 2:
      var ends: [Int] = []
      while (ends.last ?? 0) < count { ends.append(min(count, (ends.last ?? 0) + number(1...5))) }
      let buffer = Buffer(of: UInt32.self, count: max(1, ends.count))
      for (run, end) in ends.enumerated() { buffer.typed(UInt32.self)[run] = UInt32(end) }
      let values = Vector.make(type, ends.map { _ in value(type) })
      return Vector(runEnds: buffer, values: values, count: count)
    case 3:
      let longer = Vector.make(type, (0..<(count + 3)).map { _ in value(type) })
      return longer.slice(2..<(count + 2))
    default: return Vector.make(type, (0..<count).map { _ in value(type) })
    }
  }

  private mutating func presentValue(_ type: LogicalType) -> Value {
    while true {
      let candidate = value(type)
      if !candidate.isNull { return candidate }
    }
  }
}
