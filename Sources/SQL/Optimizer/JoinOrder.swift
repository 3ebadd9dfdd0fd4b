import Kernels
import Vectors

/// Chooses the order of inner joins from estimates.
///
/// Each tree of inner joins is taken apart into relations and conditions, the relations are joined anew:
/// by dynamic programming over all connected sets of up to 12 relations (Moerkotte and Neumann, "Analysis of
/// Two Existing and One New Dynamic Programming Algorithm", VLDB 2006, enumerated by subsets), beyond that by
/// repeatedly joining the pair with the fewest rows. Parts that no condition connects are multiplied last.
///
/// Cost counts rows: one for each row given out, two for each hashed, a half for each probing.
struct JoinOrder: OptimizerRule {
  let name = "join_order"
  /// Sets of more relations are ordered greedily: 3^12 / 2 pairs of sets, few of them connected, cost a millisecond or two.
  static let exhaustiveLimit = 12

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    var estimator = CardinalityEstimator(catalog: context.catalog)
    return try JoinOrder.ordered(plan, &estimator)
  }

  private static func ordered(
    _ plan: LogicalPlan, _ estimator: inout CardinalityEstimator
  ) throws(StoaError) -> LogicalPlan {
    if case .materialize(var node) = plan {
      node.shared = try ordered(node.shared, &estimator)
      estimator.shared[node.number] = estimator.estimate(node.shared)
      node.input = try ordered(node.input, &estimator)
      return .materialize(node)
    }
    guard var tree = JoinTree(plan), tree.relations.count > 1, tree.relations.count <= 64 else {
      return try plan.mapInputs { (input) throws(StoaError) in try ordered(input, &estimator) }
    }
    for index in tree.relations.indices {
      tree.relations[index] = try ordered(tree.relations[index], &estimator)
    }
    var search = JoinSearch(tree, estimator)
    return search.cheapest()
  }
}

/// One search for the best order. Sets of relations are bit masks.
struct JoinSearch {
  /// A way to join a set of relations.
  private struct Candidate {
    var cost: Double
    var rows: Double
    /// The two sets joined last; both 0 for a single relation.
    var left: UInt64
    var right: UInt64
  }

  /// Equal columns, with the relation of each and its number of distinct values.
  private struct EqualColumns {
    var members: [(relation: Int, column: Int, type: LogicalType, distinct: Double)]
    var mask: UInt64
  }

  /// A condition that is no equality of columns of different relations.
  private struct Condition {
    var expression: Expression
    var mask: UInt64
    var selectivity: Double
  }

  private let relations: [LogicalPlan]
  private let rows: [Double]
  private var classes: [EqualColumns] = []
  private var conditions: [Condition] = []
  private var best: [UInt64: Candidate] = [:]

  init(_ tree: JoinTree, _ estimator: CardinalityEstimator) {
    var estimator = estimator
    relations = tree.relations
    let estimates = relations.map { estimator.estimate($0) }
    rows = estimates.map { max($0.rows, 0.1) }
    var owner: [Int: Int] = [:]
    var types: [Int: LogicalType] = [:]
    for (index, relation) in relations.enumerated() {
      for column in relation.columns {
        owner[column.id] = index
        types[column.id] = column.type
      }
    }
    for ids in ColumnClasses(tree.conditions).classes {
      var equal = EqualColumns(members: [], mask: 0)
      for id in ids {
        guard let relation = owner[id], let type = types[id] else { continue }
        let distinct = min(estimates[relation].column(id).distinct, rows[relation])
        // Two equal columns of one relation are a filter on it; joins use the first.
        if let first = equal.members.first(where: { $0.relation == relation }) {
          conditions.append(
            Condition(
              expression: .comparison(.equal, .column(first.column, type), .column(id, type)),
              mask: 1 << UInt64(relation), selectivity: 1 / max(1, first.distinct, distinct)))
          continue
        }
        equal.members.append((relation, id, type, max(1, distinct)))
        equal.mask |= 1 << UInt64(relation)
      }
      if equal.mask.nonzeroBitCount > 1 { classes.append(equal) }
    }
    addConditions(tree, owner, estimates, estimator)
  }

  private mutating func addConditions(
    _ tree: JoinTree, _ owner: [Int: Int], _ estimates: [RelationEstimate],
    _ estimator: CardinalityEstimator
  ) {
    for expression in tree.conditions {
      var mask: UInt64 = 0
      for id in expression.columnIDs { if let index = owner[id] { mask |= 1 << UInt64(index) } }
      if let (a, b) = ColumnClasses.equality(expression), owner[a] != nil, owner[b] != nil {
        continue
      }
      var joint = RelationEstimate(rows: 1, columns: [:])
      for index in estimates.indices where mask & (1 << UInt64(index)) != 0 {
        joint.rows = max(joint.rows, estimates[index].rows)
        joint.columns.merge(estimates[index].columns) { first, _ in first }
      }
      conditions.append(
        Condition(
          expression: expression, mask: mask,
          selectivity: max(1e-9, estimator.selectivity(expression, joint))))
    }
  }

  // MARK: search

  /// The best plan found.
  mutating func cheapest() -> LogicalPlan {
    for index in relations.indices {
      best[1 << UInt64(index)] = Candidate(
        cost: 0, rows: size(of: 1 << UInt64(index)), left: 0, right: 0)
    }
    var parts: [UInt64] = []
    for component in components() {
      if component.nonzeroBitCount <= JoinOrder.exhaustiveLimit {
        exhaust(component)
      } else {
        greedy(component)
      }
      parts.append(component)
    }
    parts.sort { (rows(of: $0), $0) < (rows(of: $1), $1) }
    var whole = parts[0]
    for part in parts.dropFirst() {
      join(part, whole)
      whole |= part
    }
    return plan(of: whole)
  }

  private func rows(of set: UInt64) -> Double { best[set]?.rows ?? size(of: set) }

  /// Sets of relations that conditions connect.
  private func components() -> [UInt64] {
    var result: [UInt64] = []
    var left: UInt64 = relations.count == 64 ? .max : (1 << UInt64(relations.count)) - 1
    while left != 0 {
      var component: UInt64 = 1 << UInt64(left.trailingZeroBitCount)
      var grown = true
      while grown {
        grown = false
        for edge in edges where edge & component != 0 && edge & ~component != 0 {
          component |= edge
          grown = true
        }
      }
      result.append(component)
      left &= ~component
    }
    return result
  }

  private var edges: [UInt64] { classes.map(\.mask) + conditions.map(\.mask) }

  /// Whether some condition can be checked once both sets are joined, and not before.
  private func isConnected(_ left: UInt64, _ right: UInt64) -> Bool {
    for equal in classes where equal.mask & left != 0 && equal.mask & right != 0 { return true }
    let both = left | right
    for condition in conditions
    where condition.mask & ~both == 0 && condition.mask & left != 0 && condition.mask & right != 0 {
      return true
    }
    return false
  }

  /// Dynamic programming: sets in ascending order, so that all subsets are known before. Sets are numbered by the
  /// component's own relations, so that tables by set are arrays.
  private mutating func exhaust(_ component: UInt64) {
    let members = (0..<64).filter { component & (1 << UInt64($0)) != 0 }.map {
      UInt64(1) << UInt64($0)
    }
    if members.count < 2 { return }
    guard classes.count <= 64 else { return greedy(component) }
    let sets = (0..<(1 << members.count)).map { JoinSearch.spread($0, members) }
    // By set, a bit for each class of equal columns that has one there.
    let columns = sets.map { set in
      classes.indices.reduce(UInt64(0)) {
        classes[$1].mask & set != 0 ? $0 | 1 << UInt64($1) : $0
      }
    }
    let conditions = conditions.map(\.mask).filter { $0.nonzeroBitCount > 1 }
    var found = [Candidate?](repeating: nil, count: sets.count)
    for index in members.indices { found[1 << index] = best[members[index]] }
    for dense in 1..<sets.count where dense & (dense - 1) != 0 {
      // Each split once: the left part holds the lowest relation.
      let lowest = dense & -dense
      var part = (dense - 1) & dense
      while part != 0 {
        let rest = dense & ~part
        if part & lowest != 0, let left = found[part], let right = found[rest] {
          let isEquality = columns[part] & columns[rest] != 0
          let isJoin =
            isEquality
            || conditions.contains {
              $0 & ~sets[dense] == 0 && $0 & sets[part] != 0 && $0 & sets[rest] != 0
            }
          if isJoin {
            let rows = found[dense]?.rows ?? size(of: sets[dense])
            let cost = JoinSearch.cost(left, right, rows: rows, isEquality: isEquality)
            if cost < found[dense]?.cost ?? .infinity {
              found[dense] = Candidate(
                cost: cost, rows: rows, left: sets[part], right: sets[rest])
            }
          }
        }
        part = (part - 1) & dense
      }
    }
    for (set, candidate) in zip(sets, found) { if let candidate { best[set] = candidate } }
    // A condition over three relations may leave no connected pair to begin with.
    if best[component] == nil { greedy(component) }
  }

  private static func spread(_ dense: Int, _ members: [UInt64]) -> UInt64 {
    var result: UInt64 = 0
    var rest = dense
    while rest != 0 {
      result |= members[rest.trailingZeroBitCount]
      rest &= rest - 1
    }
    return result
  }

  /// Joins the pair with the fewest rows until one set is left; unconnected pairs only when there are no
  /// others.
  private mutating func greedy(_ component: UInt64) {
    var sets = (0..<64).map { UInt64(1) << UInt64($0) }.filter { component & $0 != 0 }
    while sets.count > 1 {
      var choice: (isConnected: Bool, rows: Double, i: Int, j: Int)?
      for i in sets.indices {
        for j in (i + 1)..<sets.count {
          let connected = isConnected(sets[i], sets[j])
          if choice?.isConnected == true, !connected { continue }
          let rows = size(of: sets[i] | sets[j])
          if choice == nil || (connected && choice?.isConnected == false)
            || rows < choice?.rows ?? 0
          {
            choice = (connected, rows, i, j)
          }
        }
      }
      guard let choice else { return }
      join(sets[choice.i], sets[choice.j])
      sets[choice.i] |= sets[choice.j]
      sets.remove(at: choice.j)
    }
  }

  /// Notes the join of two sets when it is the best for their union so far.
  private mutating func join(_ left: UInt64, _ right: UInt64) {
    guard let a = best[left], let b = best[right] else { return }
    let set = left | right
    let known = best[set]
    let rows = known?.rows ?? size(of: set)
    let isEquality = classes.contains { $0.mask & left != 0 && $0.mask & right != 0 }
    let cost = JoinSearch.cost(a, b, rows: rows, isEquality: isEquality)
    if known == nil || cost < known?.cost ?? 0 {
      best[set] = Candidate(cost: cost, rows: rows, left: left, right: right)
    }
  }

  /// Cost of a join and all below it.
  private static func cost(
    _ a: Candidate, _ b: Candidate, rows: Double, isEquality: Bool
  ) -> Double {
    let (small, large) = a.rows <= b.rows ? (a, b) : (b, a)
    let cost = a.cost + b.cost + rows + 2 * small.rows + 0.5 * large.rows
    // Nested loops look at every pair.
    return isEquality ? cost : cost + 0.1 * small.rows * large.rows
  }

  // MARK: sizes

  /// Rows of a set joined with all its conditions; the same for every order.
  private func size(of set: UInt64) -> Double {
    var result = 1.0
    for index in rows.indices where set & (1 << UInt64(index)) != 0 { result *= rows[index] }
    for equal in classes where (equal.mask & set).nonzeroBitCount > 1 {
      // k equal columns: all but the one with the fewest values thin out the product.
      var smallest = Double.infinity
      var product = 1.0
      for member in equal.members where set & (1 << UInt64(member.relation)) != 0 {
        product *= member.distinct
        smallest = min(smallest, member.distinct)
      }
      result *= smallest / product
    }
    for condition in conditions where condition.mask & ~set == 0 {
      result *= condition.selectivity
    }
    return max(result, 1e-3)
  }

  // MARK: the plan

  private func plan(of set: UInt64) -> LogicalPlan {
    guard let candidate = best[set], candidate.left != 0 else {
      let index = set.trailingZeroBitCount
      let own = conditions.filter { $0.mask == set || ($0.mask == 0 && index == 0) }.map(
        \.expression)
      return own.isEmpty
        ? relations[index] : .filter(LogicalFilter(input: relations[index], conditions: own))
    }
    let (left, right) = (candidate.left, candidate.right)
    var joined: [Expression] = []
    for equal in classes where equal.mask & left != 0 && equal.mask & right != 0 {
      guard let a = equal.members.first(where: { left & (1 << UInt64($0.relation)) != 0 }),
        let b = equal.members.first(where: { right & (1 << UInt64($0.relation)) != 0 })
      else { continue }
      joined.append(.comparison(.equal, .column(a.column, a.type), .column(b.column, b.type)))
    }
    for condition in conditions
    where condition.mask & ~set == 0 && condition.mask & left != 0 && condition.mask & right != 0 {
      joined.append(condition.expression)
    }
    let (small, large) =
      rows(of: left) <= rows(of: right) ? (left, right) : (right, left)
    return .join(
      LogicalJoin(
        kind: .inner, left: plan(of: large), right: plan(of: small), conditions: joined))
  }
}
