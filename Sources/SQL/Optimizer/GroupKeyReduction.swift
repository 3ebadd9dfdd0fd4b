import Catalog
import Kernels
import Vectors

/// Group keys that follow from other ones are not grouped by: of `GROUP BY c_custkey, c_name, n_name` the first is
/// enough when c_custkey is a key and the nation is joined through its own. The others become `first(…)`.
///
/// What follows from what: equal columns of inner joins and filters from each other, all columns of a table from a unique
/// key without NULLs, computed columns from what they are computed of, unless equal values of that can differ.
struct GroupKeyReduction: OptimizerRule {
  let name = "group_key_reduction"

  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan {
    try plan.rewrittenUp { (node) throws(StoaError) in
      guard case .aggregate(let aggregate) = node, aggregate.groups.count > 1 else { return node }
      return .aggregate(try GroupKeyReduction.reduced(aggregate))
    }
  }

  private static func reduced(_ node: LogicalAggregate) throws(StoaError) -> LogicalAggregate {
    var dependencies = ColumnDependencies()
    dependencies.collect(node.input)
    guard !dependencies.tables.isEmpty else { return node }
    let nonNull = node.input.nonNullColumns
    var kept = node.groups
    // Texts go first, as they are dearest to group by; then what was written last.
    let candidates = node.groups.indices.reversed().filter {
      node.groups[$0].expression.columnID != nil
    }
    let texts = candidates.filter { node.groups[$0].column.type.physical == .string }
    let others = candidates.filter { node.groups[$0].column.type.physical != .string }
    var dropped: Set<Int> = []
    for index in texts + others {
      guard let id = node.groups[index].expression.columnID else { continue }
      let rest = kept.filter { $0.column.id != node.groups[index].column.id }
      let known = Set(rest.compactMap(\.expression.columnID))
      guard !known.isEmpty, dependencies.closure(of: known, nonNull: nonNull).contains(id) else {
        continue
      }
      kept = rest
      dropped.insert(index)
    }
    if dropped.isEmpty { return node }
    guard let first = AggregateRegistry.find("first") else { return node }
    var result = node
    result.groups = kept
    for index in dropped.sorted() {
      let group = node.groups[index]
      let function = try first.resolve(argumentTypes: [group.column.type])
      result.aggregates.append(
        NamedAggregate(
          group.column, AggregateCall(function: function, arguments: [group.expression])))
    }
    return result
  }
}

/// Which columns of a plan's rows follow from which.
private struct ColumnDependencies {
  private(set) var tables: [LogicalGet] = []
  private var equalities: [(Int, Int)] = []
  /// Columns under another id; NULL where the other is.
  private var aliases: [(Int, Int)] = []
  private var computed: [(id: Int, from: Set<Int>)] = []

  /// Only through operators that keep what holds in their inputs for every row.
  mutating func collect(_ plan: LogicalPlan) {
    switch plan {
    case .get(let node): tables.append(node)
    case .filter(let node):
      add(node.conditions)
      collect(node.input)
    case .project(let node):
      for item in node.items where !item.isPassing && item.expression.isDeterministic {
        if !item.expression.tellsEqualApart() {
          computed.append((item.column.id, item.expression.columnIDs))
        }
        if let source = item.expression.columnID { aliases.append((item.column.id, source)) }
      }
      collect(node.input)
    case .join(let node):
      collect(node.left)
      guard node.kind == .inner, !node.isDependent else { return }
      add(node.conditions)
      collect(node.right)
    case .sort(let node): collect(node.input)
    case .limit(let node): collect(node.input)
    case .materialize(let node): collect(node.input)
    default: return
    }
  }

  private mutating func add(_ conditions: [Expression]) {
    for condition in conditions.flatMap(\.conjuncts) {
      guard case .comparison(.equal, let left, let right) = condition,
        let a = left.columnID, let b = right.columnID, left.type.equalMeansIdentical
      else { continue }
      equalities.append((a, b))
    }
  }

  /// Everything that follows from `known`.
  func closure(of known: Set<Int>, nonNull: Set<Int>) -> Set<Int> {
    var result = known
    var count = -1
    while count != result.count {
      count = result.count
      for (a, b) in equalities + aliases {
        if result.contains(a) { result.insert(b) } else if result.contains(b) { result.insert(a) }
      }
      for item in computed where !item.from.isEmpty && item.from.isSubset(of: result) {
        result.insert(item.id)
      }
      for table in tables {
        let certain = Set(
          table.columns.lazy.map(\.id).filter { result.contains($0) && isNonNull($0, nonNull) })
        guard table.table.isUnique(table.sources(of: certain)) else { continue }
        for column in table.columns { result.insert(column.id) }
      }
    }
    return result
  }

  private func isNonNull(_ id: Int, _ nonNull: Set<Int>) -> Bool {
    nonNull.contains(id)
      || tables.contains { LogicalPlan.get($0).nonNullColumns.contains(id) }
      // What an equality holds for is not NULL.
      || equalities.contains { $0.0 == id || $0.1 == id }
  }
}
