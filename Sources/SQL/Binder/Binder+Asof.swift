import Catalog
import Kernels
import Vectors

/// ASOF JOIN: equalities and one inequality between the two sides.
extension Binder {
  func joinAsof(
    _ join: JoinSyntax, _ left: FromPart, _ right: FromPart, _ conditions: [Expression],
    at position: Range<Int>
  ) throws(StoaError) -> FromPart {
    let kind: JoinKind
    switch join.kind {
    case .inner: kind = .inner
    case .left: kind = .left
    case .right, .full, .cross, .semi, .anti:
      throw unsupported("ASOF \(join.kind.rawValue) JOIN", join.operatorPosition)
    }
    let leftIDs = left.plan.columnIDs
    let rightIDs = right.plan.columnIDs
    guard right.plan.freeColumns.isDisjoint(with: leftIDs) else {
      throw unsupported("ASOF JOIN with a lateral right side", join.operatorPosition)
    }
    var keys: [(left: Expression, right: Expression)] = []
    var order: (left: Expression, right: Expression, comparison: ComparisonOperator)?
    for condition in conditions.flatMap(\.conjuncts) {
      guard case .comparison(let op, let a, let b) = condition, op != .notEqual,
        let sides = sidesOf(op, a, b, leftIDs, rightIDs)
      else {
        throw StoaError(
          .binding,
          "ASOF JOIN takes equalities and one of >=, >, <=, < between its two sides",
          hint: "Put other conditions into WHERE or into a subquery", position: position)
      }
      if sides.comparison == .equal {
        keys.append((sides.left, sides.right))
      } else if order == nil {
        order = sides
      } else {
        throw StoaError(
          .binding, "ASOF JOIN takes only one inequality", position: position)
      }
    }
    guard let order else {
      throw StoaError(
        .binding, "ASOF JOIN needs an inequality: which rows come before which",
        hint: "For example l.at >= r.at", position: position)
    }
    return FromPart(
      plan: .asofJoin(
        LogicalAsofJoin(
          kind: kind, left: left.plan, right: right.plan, leftKeys: keys.map(\.left),
          rightKeys: keys.map(\.right), leftOrder: order.left, rightOrder: order.right,
          comparison: order.comparison)),
      entries: left.entries + right.entries)
  }

  /// The operands by the sides they belong to.
  private func sidesOf(
    _ op: ComparisonOperator, _ a: Expression, _ b: Expression, _ left: Set<Int>, _ right: Set<Int>
  ) -> (left: Expression, right: Expression, comparison: ComparisonOperator)? {
    let (ofA, ofB) = (a.columnIDs, b.columnIDs)
    guard !ofA.isEmpty, !ofB.isEmpty else { return nil }
    if ofA.isSubset(of: left), ofB.isSubset(of: right) { return (a, b, op) }
    if ofA.isSubset(of: right), ofB.isSubset(of: left) { return (b, a, op.mirrored) }
    return nil
  }
}
