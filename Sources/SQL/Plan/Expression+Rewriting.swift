import Kernels
import Vectors

extension Expression {
  /// Rewrites from the leaves up, with a transformation that can fail.
  func rewrittenUp(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) -> Expression {
    try transform(
      try mapChildrenThrowing { (child) throws(StoaError) in try child.rewrittenUp(transform) })
  }

  /// `mapChildren` for transformations that can fail.
  func mapChildrenThrowing(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) -> Expression {
    var failure: StoaError?
    let result = mapChildren { child in
      guard failure == nil else { return child }
      do throws(StoaError) {
        return try transform(child)
      } catch {
        failure = error
        return child
      }
    }
    if let failure { throw failure }
    return result
  }

  /// Rewrites from the leaves up.
  func rewrittenUp(_ transform: (Expression) -> Expression) -> Expression {
    transform(mapChildren { $0.rewrittenUp(transform) })
  }

  /// Replaces whole columns by expressions of the same type; columns not in `replacements` stay.
  func replacingColumns(_ replacements: [Int: Expression]) -> Expression {
    if replacements.isEmpty { return self }
    if case .column(let id, _) = self { return replacements[id] ?? self }
    return mapChildren { $0.replacingColumns(replacements) }
  }

  /// Ids of all columns it refers to.
  var columnIDs: Set<Int> {
    var columns: Set<Int> = []
    collectColumns(into: &columns)
    return columns
  }

  /// Whether all columns it refers to are among `columns`.
  func refersOnly(to columns: Set<Int>) -> Bool {
    if case .column(let id, _) = self { return columns.contains(id) }
    return children.allSatisfy { $0.refersOnly(to: columns) }
  }

  /// Whether it can differ for values of `columns`, of any by default, that are equal but not identical: a comparison
  /// cannot, a function can.
  func tellsEqualApart(_ columns: Set<Int>? = nil) -> Bool {
    switch self {
    case .column(let id, let type):
      return !type.equalMeansIdentical && columns?.contains(id) ?? true
    case .comparison, .isDistinct, .isNull, .inSet:
      return children.contains { $0.columnID == nil && $0.tellsEqualApart(columns) }
    default: return children.contains { $0.tellsEqualApart(columns) }
    }
  }

  /// The id when the expression is just a column.
  var columnID: Int? { if case .column(let id, _) = self { id } else { nil } }

  /// The value when the expression is just a constant.
  var constantValue: Value? { if case .constant(let value, _) = self { value } else { nil } }

  var isConstant: Bool { constantValue != nil }

  static let true_ = Expression.constant(.boolean(true), .boolean)
  static let false_ = Expression.constant(.boolean(false), .boolean)

  /// Operands of nested ANDs; of TRUE none.
  var conjuncts: [Expression] {
    switch self {
    case .and(let operands): operands.flatMap(\.conjuncts)
    case .constant(.boolean(true), _): []
    default: [self]
    }
  }

  /// All of `conditions` at once.
  static func all(of conditions: [Expression]) -> Expression {
    switch conditions.count {
    case 0: .true_
    case 1: conditions[0]
    default: .and(conditions)
    }
  }

  /// Any of `conditions`.
  static func any(of conditions: [Expression]) -> Expression {
    switch conditions.count {
    case 0: .false_
    case 1: conditions[0]
    default: .or(conditions)
    }
  }
}
