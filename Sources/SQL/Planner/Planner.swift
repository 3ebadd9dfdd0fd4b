import Catalog
import Kernels
import Vectors

/// Logical to physical: decides which side of a join is hashed, which scan gets which predicates and runtime
/// filters, and turns column ids into positions.
///
/// Operators are planned from the root down with the set of columns wanted above, and each answers with the
/// positions at which it gives them out. A projection that only renames leaves no operator behind.
struct Planner {
  let catalog: any PlannerCatalog
  let options: OptimizerOptions
  var estimator: CardinalityEstimator
  /// Shared plans by number: where their columns stand.
  var shared: [Int: Planned] = [:]
  /// Column names that more than one table read has: EXPLAIN shows them with the table.
  var ambiguousNames: Set<String> = []
  var nextFilter = 0
  /// Numbers of runtime filters some scan uses.
  var usedFilters: Set<Int> = []

  init(catalog: any PlannerCatalog, options: OptimizerOptions) {
    self.catalog = catalog
    self.options = options
    estimator = CardinalityEstimator(catalog: catalog)
  }

  /// The physical plan of a query; its columns are `columns`, in that order, under their names.
  static func plan(
    _ logical: LogicalPlan, columns: [PlanColumn], catalog: any PlannerCatalog,
    options: OptimizerOptions
  ) throws(StoaError) -> PhysicalPlan {
    var planner = Planner(catalog: catalog, options: options)
    let logical = try JoinOrientation.oriented(logical, catalog: catalog)
    planner.qualifyNames(of: logical)
    let planned = try planner.plan(logical, wanted: Set(columns.map(\.id)), filters: [])
    return try planner.arranged(planned, columns, isRoot: true)
  }

  /// Finds the names that need their table's.
  private mutating func qualifyNames(of plan: LogicalPlan) {
    var seen: Set<String> = []
    func collect(_ plan: LogicalPlan) {
      if case .get(let node) = plan {
        for name in Set(node.columns.lazy.map { CatalogState.key($0.name) })
        where !seen.insert(name).inserted {
          ambiguousNames.insert(name)
        }
      }
      for input in plan.inputs { collect(input) }
    }
    collect(plan)
  }

  /// An operator with the places of its columns.
  struct Planned {
    var plan: PhysicalPlan
    /// Position of each column by id.
    var positions: [Int: Int]
    var estimate: RelationEstimate

    var width: Int { plan.facts.columns.count }
  }

  /// A runtime filter some join above wants on one of the columns.
  struct WantedFilter {
    var number: Int
    var column: Int
  }

  /// Plans one operator and everything below.
  /// - Parameters:
  ///   - wanted: ids of columns that must be given out.
  ///   - filters: runtime filters on columns of this operator; rows they exclude need not be given out.
  mutating func plan(
    _ logical: LogicalPlan, wanted: Set<Int>, filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    switch logical {
    case .get(let node): return planGet(node, conditions: [], wanted: wanted, filters: filters)
    case .values(let node): return try planValues(node)
    case .tableFunction(let node): return planTableFunction(node, wanted)
    case .filter(let node): return try planFilter(node, wanted, filters)
    case .project(let node): return try planProject(node, wanted, filters)
    case .join(let node): return try planJoin(node, wanted, filters)
    case .aggregate(let node): return try planAggregate(node, filters)
    case .window(let node): return try planWindow(node, wanted, filters)
    case .sort(let node): return try planSort(node, wanted, filters)
    case .limit(let node): return try planLimit(node, wanted)
    case .unionAll(let node): return try planUnion(node, wanted, filters)
    case .singleRow(let node):
      let input = try plan(node.input, wanted: wanted, filters: [])
      let facts = PlanFacts(columns: input.plan.facts.columns, estimatedRows: 1)
      return Planned(
        plan: .singleRow(SingleRowNode(facts: facts, input: input.plan)),
        positions: input.positions, estimate: input.estimate.thinned(to: 1))
    case .materialize(let node): return try planMaterialize(node, wanted, filters)
    case .reference(let node): return try planReference(node)
    case .repeated(let node): return try planRepeat(node, wanted, filters)
    case .recursion(let node): return try planRecursion(node)
    case .groupLimit(let node): return try planGroupLimit(node, wanted)
    case .sample(let node): return try planSample(node, wanted)
    case .asofJoin(let node): return try planAsofJoin(node, wanted)
    }
  }

  // MARK: expressions

  /// The expression over positions.
  func physical(
    _ expression: Expression, _ positions: [Int: Int]
  ) throws(StoaError) -> Expression {
    var missing: Int?
    let result = expression.mapColumns { id in
      guard let position = positions[id] else {
        missing = id
        return 0
      }
      return position
    }
    if let missing {
      throw StoaError(.inconsistency, "the plan lost column \(missing)")
    }
    return result
  }

  func physical(
    _ expressions: [Expression], _ positions: [Int: Int]
  ) throws(StoaError) -> [Expression] {
    var result: [Expression] = []
    for expression in expressions { result.append(try physical(expression, positions)) }
    return result
  }

  /// The operator with exactly these columns in this order; a projection is added only when needed.
  func arranged(
    _ input: Planned, _ columns: [PlanColumn], isRoot: Bool
  ) throws(StoaError) -> PhysicalPlan {
    var places: [Int] = []
    for column in columns {
      guard let position = input.positions[column.id] else {
        throw StoaError(.inconsistency, "the plan lost column \(column.name)")
      }
      places.append(position)
    }
    let outputs = columns.map { OutputColumn(name: $0.name, type: $0.type) }
    if places == Array(0..<input.width) { return isRoot ? input.plan.naming(outputs) : input.plan }
    let expressions = zip(places, columns).map { Expression.column($0, $1.type) }
    let facts = PlanFacts(columns: outputs, estimatedRows: input.plan.facts.estimatedRows)
    return .project(ProjectNode(facts: facts, input: input.plan, expressions: expressions))
  }
}

extension PhysicalPlan {
  /// The same operator with its result columns under other names.
  func naming(_ columns: [OutputColumn]) -> PhysicalPlan {
    func named<Node>(_ node: Node, _ facts: WritableKeyPath<Node, PlanFacts>) -> Node {
      var copy = node
      copy[keyPath: facts].columns = columns
      return copy
    }
    return switch self {
    case .scan(let node): .scan(named(node, \.facts))
    case .values(let node): .values(named(node, \.facts))
    case .tableFunction(let node): .tableFunction(named(node, \.facts))
    case .filter(let node): .filter(named(node, \.facts))
    case .project(let node): .project(named(node, \.facts))
    case .hashJoin(let node): .hashJoin(named(node, \.facts))
    case .nestedLoopJoin(let node): .nestedLoopJoin(named(node, \.facts))
    case .aggregate(let node): .aggregate(named(node, \.facts))
    case .window(let node): .window(named(node, \.facts))
    case .sort(let node): .sort(named(node, \.facts))
    case .topN(let node): .topN(named(node, \.facts))
    case .limit(let node): .limit(named(node, \.facts))
    case .unionAll(let node): .unionAll(named(node, \.facts))
    case .singleRow(let node): .singleRow(named(node, \.facts))
    case .materialize(let node): .materialize(named(node, \.facts))
    case .reference(let node): .reference(named(node, \.facts))
    case .repeated(let node): .repeated(named(node, \.facts))
    case .recursion(let node): .recursion(named(node, \.facts))
    case .groupLimit(let node): .groupLimit(named(node, \.facts))
    case .sample(let node): .sample(named(node, \.facts))
    case .asofJoin(let node): .asofJoin(named(node, \.facts))
    }
  }
}
