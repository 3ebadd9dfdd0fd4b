import Kernels
import Vectors

extension CardinalityEstimator {
  /// The relation after all of `conditions`, with the columns they speak about narrowed.
  func filtered(
    _ input: RelationEstimate, by conditions: [Expression]
  ) -> RelationEstimate {
    var result = input
    var touched: Set<Int> = []
    var selectivity = 1.0
    for condition in conditions.flatMap(\.conjuncts) {
      // Ranges narrow step by step, so that x > 1 AND x < 3 are not taken as independent.
      let share = self.selectivity(condition, result)
      selectivity *= share
      narrow(&result, condition, share, &touched)
    }
    return result.thinned(to: input.rows * selectivity, except: touched)
  }

  /// The share of rows for which the condition is true, 0…1.
  func selectivity(_ condition: Expression, _ input: RelationEstimate) -> Double {
    switch condition {
    case .constant(.boolean(let value), _): return value ? 1 : 0
    case .constant: return 0
    case .and(let operands): return operands.reduce(1) { $0 * selectivity($1, input) }
    case .or(let operands):
      return 1 - operands.reduce(1) { $0 * (1 - selectivity($1, input)) }
    case .not(let operand): return 1 - selectivity(operand, input)
    case .isNull(let operand, let isNegated):
      let fraction = operand.columnID.map { input.column($0).nullFraction } ?? 0.02
      return isNegated ? 1 - fraction : fraction
    case .comparison(let op, let left, let right): return comparison(op, left, right, input)
    case .isDistinct(let left, let right, let isNegated):
      let equal = comparison(.equal, left, right, input)
      return isNegated ? equal : 1 - equal
    case .inSet(let operand, let values, _):
      guard let id = operand.columnID else { return min(0.5, Double(values.count) * 0.05) }
      let column = input.column(id)
      let inside = values.count { isWithin($0, column) }
      return min(1, Double(inside) / column.distinct) * (1 - column.nullFraction)
    case .call(let function, let arguments):
      return call(function.name, arguments)
    case .column(let id, _): return 0.5 * (1 - input.column(id).nullFraction)
    case .parameter, .cast, .conditional: return 0.3
    }
  }

  private func call(_ name: String, _ arguments: [Expression]) -> Double {
    switch name {
    case "like", "ilike", "~~":
      guard case .string(let pattern)? = arguments.dropFirst().first?.constantValue else {
        return 0.1
      }
      return pattern.hasPrefix("%") ? 0.1 : 0.05
    default: return 0.3
    }
  }

  private func comparison(
    _ op: ComparisonOperator, _ left: Expression, _ right: Expression, _ input: RelationEstimate
  ) -> Double {
    if left.isConstant, !right.isConstant { return comparison(op.mirrored, right, left, input) }
    if let a = left.columnID, let b = right.columnID {
      let distinct = max(input.column(a).distinct, input.column(b).distinct)
      return share(op, equal: 1 / distinct)
    }
    guard let id = left.columnID, let value = right.constantValue else {
      let distinct = expression(left, input).distinct
      return share(op, equal: left.columnIDs.isEmpty ? 0.1 : max(0.001, 1 / distinct))
    }
    let column = input.column(id)
    let present = 1 - column.nullFraction
    if value.isNull { return 0 }
    switch op {
    case .equal: return isWithin(value, column) ? present / column.distinct : 0
    case .notEqual: return present * (1 - (isWithin(value, column) ? 1 / column.distinct : 0))
    case .less, .lessOrEqual, .greater, .greaterOrEqual:
      let share = range(op, value, column, isWhole: left.type.physical.isInteger)
      // Values between the bounds do occur: expect at least one of them.
      let least = isWithin(value, column) ? 1 / column.distinct : 0
      return present * min(1, max(share, least))
    }
  }

  private func share(_ op: ComparisonOperator, equal: Double) -> Double {
    switch op {
    case .equal: equal
    case .notEqual: 1 - equal
    case .less, .lessOrEqual, .greater, .greaterOrEqual: 1.0 / 3
    }
  }

  private func isWithin(_ value: Value, _ column: ColumnEstimate) -> Bool {
    guard let minimum = column.minimum, let maximum = column.maximum,
      let number = column.ordinal.number(value)
    else { return true }
    return number >= minimum && number <= maximum
  }

  /// Share of a column's range on one side of a value.
  private func range(
    _ op: ComparisonOperator, _ value: Value, _ column: ColumnEstimate, isWhole: Bool
  ) -> Double {
    guard let minimum = column.minimum, let maximum = column.maximum,
      let number = column.ordinal.number(value)
    else { return 1.0 / 3 }
    let step = isWhole ? 1.0 : 0
    let width = maximum - minimum + step
    guard width > 0 else {
      let holds =
        switch op {
        case .less: minimum < number
        case .lessOrEqual: minimum <= number
        case .greater: minimum > number
        default: minimum >= number
        }
      return holds ? 1 : 0
    }
    let below =
      switch op {
      case .less, .greaterOrEqual: number - minimum
      default: number - minimum + step
      }
    let share = min(1, max(0, below / width))
    return op == .less || op == .lessOrEqual ? share : 1 - share
  }

  /// Notes what a true condition says about its column.
  private func narrow(
    _ input: inout RelationEstimate, _ condition: Expression, _ share: Double,
    _ touched: inout Set<Int>
  ) {
    switch condition {
    case .comparison(let op, let left, let right):
      var (op, left, right) = (op, left, right)
      if left.isConstant { (op, left, right) = (op.mirrored, right, left) }
      guard let id = left.columnID, let value = right.constantValue, var column = input.columns[id]
      else { return }
      column.nullFraction = 0
      let number = column.ordinal.number(value)
      switch op {
      case .equal:
        column.distinct = 1
        column.minimum = number
        column.maximum = number
      case .notEqual: column.distinct = max(1, column.distinct - 1)
      case .less, .lessOrEqual:
        column.distinct = max(1, column.distinct * share)
        column.maximum = number.map { min($0, column.maximum ?? $0) }
      case .greater, .greaterOrEqual:
        column.distinct = max(1, column.distinct * share)
        column.minimum = number.map { max($0, column.minimum ?? $0) }
      }
      input.columns[id] = column
      touched.insert(id)
    case .inSet(let operand, let values, _):
      guard let id = operand.columnID, let distinct = input.columns[id]?.distinct else { return }
      input.columns[id]?.distinct = max(1, min(Double(values.count), distinct))
      input.columns[id]?.nullFraction = 0
      touched.insert(id)
    case .isNull(let operand, let isNegated):
      guard let id = operand.columnID, input.columns[id] != nil else { return }
      input.columns[id]?.nullFraction = isNegated ? 0 : 1
    default:
      // Any other condition on a single column thins out that column's values.
      let columns = condition.columnIDs
      guard columns.count == 1, let id = columns.first, let column = input.columns[id] else {
        return
      }
      input.columns[id]?.distinct = max(1, column.distinct * share)
      touched.insert(id)
    }
  }
}
