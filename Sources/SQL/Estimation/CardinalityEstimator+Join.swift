import Kernels
import Vectors

extension CardinalityEstimator {
  /// Estimate of a join over the estimates of its sides.
  func join(
    _ node: LogicalJoin, _ left: RelationEstimate, _ right: RelationEstimate
  ) -> RelationEstimate {
    var both = RelationEstimate(
      rows: left.rows * right.rows,
      columns: left.columns.merging(right.columns) { first, _ in first })
    let keys = JoinKeys(
      node.conditions, left: Set(left.columns.keys), right: Set(right.columns.keys))
    var rows = matchingRows(keys, left, right)
    both.rows = rows
    for condition in keys.others { rows *= selectivity(condition, both) }
    switch node.kind {
    case .inner: break
    case .left: rows = max(rows, left.rows)
    case .right: rows = max(rows, right.rows)
    case .full: rows = max(rows, left.rows, right.rows)
    case .single: rows = left.rows
    case .mark:
      var result = left
      if let mark = node.mark {
        result.columns[mark.id] = .unknown(rows: left.rows)
        result.columns[mark.id]?.distinct = 2
      }
      return result
    case .semi: return left.thinned(to: matched(keys, left, right, both))
    case .anti:
      // A NOT EXISTS that leaves nothing is seldom written.
      let unmatched = left.rows - matched(keys, left, right, both)
      return left.thinned(to: max(unmatched, left.rows * 0.1))
    }
    var result = combined(left, right, keys, rows: rows)
    if node.kind == .left, left.rows > 0 {
      // Rows without a match have NULLs; that there are none is not what a left join is written for.
      let present = min(0.9, matched(keys, left, right, both) / left.rows)
      for id in right.columns.keys {
        let own = 1 - (result.columns[id]?.nullFraction ?? 0)
        result.columns[id]?.nullFraction = 1 - own * present
      }
    }
    return result
  }

  /// Columns of both sides after an inner join.
  private func combined(
    _ left: RelationEstimate, _ right: RelationEstimate, _ keys: JoinKeys, rows: Double
  ) -> RelationEstimate {
    var result = RelationEstimate(rows: rows, columns: [:])
    for (id, column) in left.columns {
      result.columns[id] = rows < left.rows ? column.thinned(from: left.rows, to: rows) : column
    }
    for (id, column) in right.columns {
      result.columns[id] = rows < right.rows ? column.thinned(from: right.rows, to: rows) : column
    }
    for pair in keys.pairs {
      guard let a = pair.left.columnID, let b = pair.right.columnID else { continue }
      let distinct = min(left.column(a).distinct, right.column(b).distinct)
      result.columns[a]?.distinct = min(distinct, max(1, rows))
      result.columns[b]?.distinct = min(distinct, max(1, rows))
    }
    return result
  }

  /// Pairs of rows that agree on all keys.
  private func matchingRows(
    _ keys: JoinKeys, _ left: RelationEstimate, _ right: RelationEstimate
  ) -> Double {
    var rows = left.rows * right.rows
    var leftDistinct = 1.0
    var rightDistinct = 1.0
    for pair in keys.pairs {
      let a = expression(pair.left, left)
      let b = expression(pair.right, right)
      leftDistinct *= a.distinct
      rightDistinct *= b.distinct
      rows *= (1 - a.nullFraction) * (1 - b.nullFraction)
    }
    // A side has no more combinations of key values than rows.
    leftDistinct = min(leftDistinct, max(1, left.rows))
    rightDistinct = min(rightDistinct, max(1, right.rows))
    return rows / max(leftDistinct, rightDistinct)
  }

  /// Rows of the left side with at least one match.
  private func matched(
    _ keys: JoinKeys, _ left: RelationEstimate, _ right: RelationEstimate, _ both: RelationEstimate
  ) -> Double {
    guard right.rows > 0 else { return 0 }
    if keys.pairs.isEmpty {
      if keys.others.isEmpty { return left.rows }
      let share = keys.others.reduce(1) { $0 * selectivity($1, both) }
      return left.rows * (1 - power(1 - share, max(1, right.rows)))
    }
    var share = 1.0
    for pair in keys.pairs {
      let a = expression(pair.left, left).distinct
      let b = expression(pair.right, right).distinct
      share = min(share, min(1, b / a))
    }
    for condition in keys.others { share *= min(0.5, max(0.3, selectivity(condition, both))) }
    return left.rows * share
  }
}

/// Conditions of a join, sorted into equalities between the sides and the rest.
struct JoinKeys {
  struct Pair {
    var left: Expression
    var right: Expression
    /// NULL equals NULL: from IS NOT DISTINCT FROM.
    var isNullSafe: Bool
  }

  var pairs: [Pair] = []
  var others: [Expression] = []

  init(_ conditions: [Expression], left: Set<Int>, right: Set<Int>) {
    for condition in conditions {
      if let pair = JoinKeys.pair(condition, left, right) {
        pairs.append(pair)
      } else {
        others.append(condition)
      }
    }
  }

  private static func pair(
    _ condition: Expression, _ left: Set<Int>, _ right: Set<Int>
  ) -> Pair? {
    let (a, b, isNullSafe): (Expression, Expression, Bool)
    switch condition {
    case .comparison(.equal, let first, let second): (a, b, isNullSafe) = (first, second, false)
    case .isDistinct(let first, let second, true): (a, b, isNullSafe) = (first, second, true)
    default: return nil
    }
    guard a.isDeterministic, b.isDeterministic else { return nil }
    if isSide(a, left), isSide(b, right) { return Pair(left: a, right: b, isNullSafe: isNullSafe) }
    if isSide(b, left), isSide(a, right) { return Pair(left: b, right: a, isNullSafe: isNullSafe) }
    return nil
  }

  private static func isSide(_ expression: Expression, _ columns: Set<Int>) -> Bool {
    let used = expression.columnIDs
    return !used.isEmpty && used.isSubset(of: columns)
  }
}
