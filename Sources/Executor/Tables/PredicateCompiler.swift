import Encodings
import Kernels
import Vectors

/// Turns a scan's predicate over one column (`.column(0, …)`) into filters that run on encoded chunks.
enum PredicateCompiler {
  /// Filters that pass at least what the predicate passes.
  struct Result {
    var filters: [ColumnFilter]
    /// The filters do not decide alone, the rows they leave must be asked again: the predicate can raise an error
    /// (filters are also asked about values that no row has), or is TRUE for NULL, which filters never pass.
    var needsRows: Bool
  }

  static func compile(_ condition: Expression) -> Result {
    if case .and(let operands) = condition {
      let parts = operands.map(compile)
      return Result(
        filters: parts.flatMap(\.filters), needsRows: parts.contains { $0.needsRows })
    }
    if let simple = simple(condition) { return Result(filters: [simple], needsRows: false) }
    if passesNull(condition) { return Result(filters: [], needsRows: true) }
    let mayFail = canFail(condition)
    return Result(filters: [entries(condition, mayFail: mayFail)], needsRows: mayFail)
  }

  /// Whether the predicate is TRUE for NULL, or cannot say.
  private static func passesNull(_ condition: Expression) -> Bool {
    var columns: [LogicalType] = []
    collectTypes(condition, &columns)
    let null = Vector(constant: .null, type: columns.first ?? .boolean, count: 1)
    do throws(StoaError) {
      return try condition.filter(Batch(columns: [null], rowCount: 1)).count > 0
    } catch {
      return true
    }
  }

  private static func collectTypes(_ expression: Expression, _ types: inout [LogicalType]) {
    if case .column(_, let type) = expression { types.append(type) }
    for child in expression.children { collectTypes(child, &types) }
  }

  /// Predicates that chunks know.
  private static func simple(_ condition: Expression) -> ColumnFilter? {
    switch condition {
    case .comparison(let op, .column(_, .interval), .constant(.integer(let packed), _)):
      return intervals(op, packed)
    case .comparison(let op, .constant(.integer(let packed), _), .column(_, .interval)):
      return intervals(op.mirrored, packed)
    case .inSet(.column(_, .interval), _, _): return nil
    case .comparison(let op, .column, .constant(let value, _)):
      return comparison(op, value)
    case .comparison(let op, .constant(let value, _), .column):
      return comparison(op.mirrored, value)
    case .inSet(.column, let values, _): return ColumnFilter(.oneOf(values))
    case .isNull(.column, let isNegated): return ColumnFilter(isNegated ? .isNotNull : .isNull)
    case .column(_, .boolean): return ColumnFilter(.equal, .boolean(true))
    case .not(.column(_, .boolean)): return ColumnFilter(.equal, .boolean(false))
    default: return nil
    }
  }

  /// Intervals of one length have neighbouring stored forms.
  private static func intervals(_ op: ComparisonOperator, _ packed: Int128) -> ColumnFilter? {
    let equals = Interval.equals(of: packed)
    let (lower, upper) = (Value.integer(equals.lowerBound), Value.integer(equals.upperBound))
    return switch op {
    case .equal: ColumnFilter(.range(lower: lower, upper: upper))
    case .notEqual: nil
    case .less: ColumnFilter(.less, lower)
    case .lessOrEqual: ColumnFilter(.lessOrEqual, upper)
    case .greater: ColumnFilter(.greater, upper)
    case .greaterOrEqual: ColumnFilter(.greaterOrEqual, lower)
    }
  }

  private static func comparison(_ op: ComparisonOperator, _ value: Value) -> ColumnFilter {
    switch op {
    case .equal: ColumnFilter(.equal, value)
    case .notEqual: ColumnFilter(.notEqual, value)
    case .less: ColumnFilter(.less, value)
    case .lessOrEqual: ColumnFilter(.lessOrEqual, value)
    case .greater: ColumnFilter(.greater, value)
    case .greaterOrEqual: ColumnFilter(.greaterOrEqual, value)
    }
  }

  /// Any other predicate that is not TRUE for NULL, evaluated per dictionary entry, run or row.
  private static func entries(_ condition: Expression, mayFail: Bool) -> ColumnFilter {
    ColumnFilter(
      .entries { (values: Vector) throws(StoaError) -> [Bool] in
        var flags = [Bool](repeating: false, count: values.count)
        let passed: Positions
        do throws(StoaError) {
          passed = try ExpressionEvaluator(condition).filter(
            Batch(columns: [values], rowCount: values.count))
        } catch {
          if mayFail { return [Bool](repeating: true, count: values.count) }
          throw error
        }
        for index in 0..<passed.count { flags[Int(passed.pointer[index])] = true }
        return flags
      })
  }

  /// Whether some value can make the expression raise an error.
  private static func canFail(_ expression: Expression) -> Bool {
    switch expression {
    case .call(let function, _) where !harmless.contains(function.name): return true
    case .cast(_, _, let isTry, _) where !isTry: return true
    default: return expression.children.contains(where: canFail)
    }
  }

  /// Functions that have an answer for every value.
  private static let harmless: Set<String> = [
    "like", "ilike", "not_like", "~~", "!~~", "starts_with", "ends_with", "contains", "lower",
    "upper", "length", "trim", "ltrim", "rtrim", "year", "month", "day", "||",
  ]
}
