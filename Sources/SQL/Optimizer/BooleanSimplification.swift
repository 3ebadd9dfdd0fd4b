import Kernels
import Vectors

/// Brings conditions into a plain form: AND and OR flat and without duplicates, NOT pushed to the leaves,
/// `a = 1 OR a = 2` as IN, and conjuncts common to all branches of an OR taken out of it:
/// `(j AND a) OR (j AND b)` is `j AND (a OR b)`, which makes `j` a join key.
struct BooleanSimplification: OptimizerRule {
  let name = "boolean_simplification"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    let simplified = try plan.mapAllExpressions { (expression) throws(StoaError) in
      BooleanSimplification.simplified(expression)
    }
    return try simplified.rewrittenUp { (node) throws(StoaError) in
      switch node {
      case .filter(var filter):
        filter.conditions = BooleanSimplification.conjuncts(filter.conditions)
        return filter.conditions.isEmpty ? filter.input : .filter(filter)
      case .join(var join):
        join.conditions = BooleanSimplification.conjuncts(join.conditions)
        return .join(join)
      default: return node
      }
    }
  }

  /// Conditions as distinct conjuncts; one FALSE or NULL among them is the only one left.
  static func conjuncts(_ conditions: [Expression]) -> [Expression] {
    var result: [Expression] = []
    var seen: Set<Expression> = []
    for condition in conditions.flatMap(\.conjuncts) {
      if let value = condition.constantValue {
        if value == .boolean(true) { continue }
        return [.false_]
      }
      if !condition.isDeterministic || seen.insert(condition).inserted { result.append(condition) }
    }
    return result
  }

  static func simplified(_ expression: Expression) -> Expression {
    switch expression.mapChildren(simplified) {
    case .and(let operands): return and(operands)
    case .or(let operands): return or(operands)
    case .not(let operand): return negated(operand)
    case .inSet(let operand, let values, false) where values.count == 1:
      return .comparison(.equal, operand, .constant(values[0], operand.type))
    case .inSet(let operand, let values, true) where values.isEmpty:
      _ = operand
      return .constant(.null, .boolean)
    case let other: return other
    }
  }

  private static func and(_ operands: [Expression]) -> Expression {
    var result: [Expression] = []
    var seen: Set<Expression> = []
    for operand in operands {
      let parts: [Expression] = if case .and(let inner) = operand { inner } else { [operand] }
      for part in parts {
        if part == .true_ { continue }
        if part == .false_ { return .false_ }
        if !part.isDeterministic || seen.insert(part).inserted { result.append(part) }
      }
    }
    return .all(of: result)
  }

  private static func or(_ operands: [Expression]) -> Expression {
    var parts: [Expression] = []
    var seen: Set<Expression> = []
    for operand in operands {
      let inner: [Expression] = if case .or(let nested) = operand { nested } else { [operand] }
      for part in inner {
        if part == .false_ { continue }
        if part == .true_ { return .true_ }
        if !part.isDeterministic || seen.insert(part).inserted { parts.append(part) }
      }
    }
    let merged = mergedMemberships(parts)
    if merged.count < 2 { return .any(of: merged) }
    return factored(merged)
  }

  /// Equalities of one operand with constants, as one IN.
  private static func mergedMemberships(_ parts: [Expression]) -> [Expression] {
    var order: [Expression] = []
    var sets: [Expression: (values: [Value], seen: Set<Value>, hasNull: Bool)] = [:]
    var others: [Int: Expression] = [:]
    for part in parts {
      guard let (operand, values, hasNull) = membership(part), operand.isDeterministic else {
        others[order.count] = part
        order.append(part)
        continue
      }
      if sets[operand] == nil {
        sets[operand] = (values, Set(values), hasNull)
        order.append(operand)
      } else {
        for value in values where sets[operand]?.seen.insert(value).inserted ?? false {
          sets[operand]?.values.append(value)
        }
        if hasNull { sets[operand]?.hasNull = true }
      }
    }
    return order.enumerated().map { index, item in
      if let other = others[index] { return other }
      guard let set = sets[item] else { return item }
      if set.values.count == 1, !set.hasNull {
        return .comparison(.equal, item, .constant(set.values[0], item.type))
      }
      return .inSet(item, values: set.values, hasNull: set.hasNull)
    }
  }

  private static func membership(
    _ part: Expression
  ) -> (operand: Expression, values: [Value], hasNull: Bool)? {
    switch part {
    case .comparison(.equal, let left, .constant(let value, _))
    where !value.isNull && !left.isConstant:
      return (left, [value], false)
    case .comparison(.equal, .constant(let value, _), let right)
    where !value.isNull && !right.isConstant:
      return (right, [value], false)
    case .inSet(let operand, let values, let hasNull):
      return (operand, values, hasNull)
    default: return nil
    }
  }

  /// Takes conjuncts common to all branches out of an OR.
  private static func factored(_ branches: [Expression]) -> Expression {
    var lists = branches.map(\.conjuncts)
    guard let first = lists.first else { return .false_ }
    let common = first.filter { part in
      part.isDeterministic && lists.dropFirst().allSatisfy { $0.contains(part) }
    }
    if common.isEmpty { return .or(branches) }
    for index in lists.indices { lists[index].removeAll { common.contains($0) } }
    if lists.contains(where: \.isEmpty) { return .all(of: common) }
    return and(common + [or(lists.map { Expression.all(of: $0) })])
  }

  /// NOT of an expression that is simplified already.
  private static func negated(_ expression: Expression) -> Expression {
    switch expression {
    case .constant(.boolean(let value), _): return .constant(.boolean(!value), .boolean)
    case .constant: return .constant(.null, .boolean)
    case .not(let operand): return operand
    case .comparison(let op, let left, let right): return .comparison(op.negated, left, right)
    case .isNull(let operand, let isNegated): return .isNull(operand, isNegated: !isNegated)
    case .isDistinct(let left, let right, let isNegated):
      return .isDistinct(left, right, isNegated: !isNegated)
    case .and(let operands): return or(operands.map(negated))
    case .or(let operands): return and(operands.map(negated))
    default: return .not(expression)
    }
  }
}
