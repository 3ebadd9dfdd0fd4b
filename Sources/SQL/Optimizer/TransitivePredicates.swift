import Kernels
import Vectors

/// From `a = b AND a = 5` also `b = 5`: what is said about one column of a set of equal columns holds for
/// all of them. Works on the conditions of each tree of inner joins.
struct TransitivePredicates: OptimizerRule {
  let name = "transitive_predicates"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try TransitivePredicates.extended(plan)
  }

  private static func extended(_ plan: LogicalPlan) throws(StoaError) -> LogicalPlan {
    guard let tree = JoinTree(plan), tree.relations.count > 1 else {
      return try plan.mapInputs { (input) throws(StoaError) in try extended(input) }
    }
    let derived = derivedConditions(tree.conditions)
    let below = try extendedLeaves(plan)
    return derived.isEmpty ? below : .filter(LogicalFilter(input: below, conditions: derived))
  }

  /// Goes on below the relations of a join tree, which itself is done.
  private static func extendedLeaves(_ plan: LogicalPlan) throws(StoaError) -> LogicalPlan {
    switch plan {
    case .filter(let node) where JoinTree.isPart(node.input):
      return try plan.mapInputs { (input) throws(StoaError) in try extendedLeaves(input) }
    case .join(let node) where node.kind == .inner && !node.isDependent:
      return try plan.mapInputs { (input) throws(StoaError) in
        JoinTree.isPart(input) ? try extendedLeaves(input) : try extended(input)
      }
    default: return try extended(plan)
    }
  }

  private static func derivedConditions(_ conditions: [Expression]) -> [Expression] {
    let classes = ColumnClasses(conditions)
    let known = Set(conditions)
    var added: Set<Expression> = []
    var result: [Expression] = []
    for condition in conditions {
      guard let column = constrainedColumn(condition) else { continue }
      for other in classes.members(equalTo: column) where other != column {
        let copy = condition.mapColumns { _ in other }
        if !known.contains(copy), added.insert(copy).inserted { result.append(copy) }
      }
    }
    return result
  }

  /// The column of a comparison with a constant or of an IN list.
  private static func constrainedColumn(_ condition: Expression) -> Int? {
    switch condition {
    case .comparison(let op, .column(let id, _), .constant),
      .comparison(let op, .constant, .column(let id, _)):
      return op == .notEqual ? nil : id
    case .inSet(.column(let id, _), _, _): return id
    default: return nil
    }
  }
}

/// Sets of columns that conditions say are equal.
struct ColumnClasses {
  private var parent: [Int: Int] = [:]
  /// Each class with at least two columns, members ascending.
  private(set) var classes: [[Int]] = []

  init(_ conditions: [Expression]) {
    for condition in conditions {
      if let (a, b) = ColumnClasses.equality(condition) { union(a, b) }
    }
    var members: [Int: [Int]] = [:]
    for column in parent.keys.sorted() { members[root(column), default: []].append(column) }
    classes = members.values.sorted { $0[0] < $1[0] }
  }

  /// The columns of `a = b`, which always are of one type.
  static func equality(_ condition: Expression) -> (Int, Int)? {
    guard case .comparison(.equal, .column(let a, let type), .column(let b, let other)) = condition,
      a != b, type == other
    else { return nil }
    return (a, b)
  }

  func members(equalTo column: Int) -> [Int] {
    classes.first { $0.contains(column) } ?? []
  }

  private func root(_ column: Int) -> Int {
    var current = column
    while let next = parent[current], next != current { current = next }
    return current
  }

  private mutating func union(_ a: Int, _ b: Int) {
    if parent[a] == nil { parent[a] = a }
    if parent[b] == nil { parent[b] = b }
    let (x, y) = (root(a), root(b))
    if x != y { parent[max(x, y)] = min(x, y) }
  }
}

/// A tree of inner joins with the filters between them, taken apart.
struct JoinTree {
  var relations: [LogicalPlan] = []
  /// Conjuncts of all joins and filters.
  var conditions: [Expression] = []

  /// `nil` when the plan is no inner join (under filters).
  init?(_ plan: LogicalPlan) {
    guard JoinTree.isPart(plan) else { return nil }
    add(plan)
  }

  static func isPart(_ plan: LogicalPlan) -> Bool {
    switch plan {
    case .filter(let node): isPart(node.input) && node.conditions.allSatisfy(\.isDeterministic)
    case .join(let node): node.kind == .inner && !node.isDependent
    default: false
    }
  }

  private mutating func add(_ plan: LogicalPlan) {
    switch plan {
    case .filter(let node) where JoinTree.isPart(plan):
      conditions += node.conditions.flatMap(\.conjuncts)
      add(node.input)
    case .join(let node) where JoinTree.isPart(plan):
      conditions += node.conditions.flatMap(\.conjuncts)
      add(node.left)
      add(node.right)
    default: relations.append(plan)
    }
  }
}
