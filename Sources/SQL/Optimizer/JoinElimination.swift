import Catalog
import Kernels
import Vectors

/// Leaves out joins that neither filter nor contribute:
/// - an inner join of a NOT NULL foreign key with the whole referenced table, of which only key columns are
///   read: every row finds exactly one partner, and the key equals the foreign key;
/// - a left join with a side that has at most one match for each row and of which nothing is read.
struct JoinElimination: OptimizerRule {
  let name = "join_elimination"
  /// Larger trees are left alone: the search looks at every pair of relation and condition.
  static let relationLimit = 64

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try JoinElimination.eliminated(plan, wanted: Set(context.resultColumns.map(\.id)))
  }

  private static func eliminated(
    _ plan: LogicalPlan, wanted: Set<Int>
  ) throws(StoaError) -> LogicalPlan {
    if case .join(let node) = plan, !node.isDependent, let kept = replaced(node, wanted) {
      return try eliminated(kept, wanted: wanted)
    }
    if JoinTree.isPart(plan), let simpler = smallerTree(plan, wanted) {
      return try eliminated(simpler, wanted: wanted)
    }
    var required = plan.requiredOfInputs(wanted)[...]
    return try plan.mapInputs { (input) throws(StoaError) in
      try eliminated(input, wanted: required.popFirst() ?? input.columnIDs)
    }
  }

  private static func replaced(_ node: LogicalJoin, _ wanted: Set<Int>) -> LogicalPlan? {
    guard node.kind == .left, node.right.columnIDs.isDisjoint(with: wanted) else { return nil }
    let keys = JoinKeys(node)
    let right = Set(keys.pairs.lazy.filter { !$0.isNullSafe }.compactMap(\.right.columnID))
    return node.right.isUnique(on: right) ? node.left : nil
  }

  // MARK: foreign keys within a tree of inner joins

  /// The tree without one relation that a foreign key makes superfluous.
  private static func smallerTree(_ plan: LogicalPlan, _ wanted: Set<Int>) -> LogicalPlan? {
    guard let tree = JoinTree(plan), tree.relations.count > 1,
      tree.relations.count <= JoinElimination.relationLimit
    else { return nil }
    for index in tree.relations.indices {
      guard case .get(let target) = tree.relations[index] else { continue }
      if let result = without(target, index, tree, wanted) { return result }
    }
    return nil
  }

  private static func without(
    _ target: LogicalGet, _ index: Int, _ tree: JoinTree, _ wanted: Set<Int>
  ) -> LogicalPlan? {
    let columns = Set(target.columns.map(\.id))
    let touching = tree.conditions.filter { !$0.columnIDs.isDisjoint(with: columns) }
    guard !touching.isEmpty else { return nil }
    // Every condition on the table must be an equality of a key column with a column elsewhere.
    var partner: [Int: Expression] = [:]
    for condition in touching {
      guard let (a, b) = ColumnClasses.equality(condition) else { return nil }
      let (own, other) = columns.contains(a) ? (a, b) : (b, a)
      guard columns.contains(own), !columns.contains(other), partner[own] == nil,
        let type = target.columns.first(where: { $0.id == own })?.type
      else { return nil }
      partner[own] = .column(other, type)
    }
    guard
      wanted.intersection(columns).allSatisfy({ partner[$0]?.type.equalMeansIdentical ?? false }),
      isForeignKey(partner, to: target, among: tree.relations)
    else { return nil }
    var relations = tree.relations
    relations.remove(at: index)
    let rest = tree.conditions.filter { $0.columnIDs.isDisjoint(with: columns) }
    let joined = cross(relations)
    let filtered = rest.isEmpty ? joined : .filter(LogicalFilter(input: joined, conditions: rest))
    let names = target.columns.compactMap { column in
      partner[column.id].map { NamedExpression(column, $0) }
    }
    let passed = joined.columns.map { NamedExpression(passing: $0) }
    return .project(LogicalProject(input: filtered, items: passed + names))
  }

  private static func cross(_ relations: [LogicalPlan]) -> LogicalPlan {
    relations.dropFirst().reduce(relations[0]) {
      .join(LogicalJoin(kind: .inner, left: $0, right: $1, conditions: []))
    }
  }

  /// Whether the partners are, column by column, one declared foreign key to the table, never NULL.
  private static func isForeignKey(
    _ partner: [Int: Expression], to target: LogicalGet, among relations: [LogicalPlan]
  ) -> Bool {
    var pairs: [ColumnID: ColumnID] = [:]
    var source: (table: TableDefinition, alias: Int)?
    for (own, other) in partner {
      guard let id = other.columnID,
        let key = target.columns.firstIndex(where: { $0.id == own }).map({ target.sources[$0] }),
        let relation = relations.firstIndex(where: { $0.columnIDs.contains(id) }),
        let origin = relations[relation].origin(of: id),
        let index = origin.get.table.index(of: origin.column),
        !origin.get.table.columns[index].isNullable, origin.get.version == target.version
      else { return false }
      if let source, source.alias != origin.get.columns.first?.id ?? -1 { return false }
      source = (origin.get.table, origin.get.columns.first?.id ?? -1)
      pairs[key] = origin.column
    }
    guard let source else { return false }
    return source.table.foreignKeys.contains { foreign in
      foreign.isValidated && foreign.referencedTable == target.table.id
        && foreign.columns.count == pairs.count
        && zip(foreign.columns, foreign.referencedColumns).allSatisfy { pairs[$1] == $0 }
    }
  }
}
