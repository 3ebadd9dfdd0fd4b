import Catalog
import Kernels
import Vectors

extension Planner {
  /// A table scan with what can be decided within it: predicates over one column and runtime filters.
  mutating func planGet(
    _ node: LogicalGet, conditions: [Expression], wanted: Set<Int>, filters: [WantedFilter]
  ) -> Planned {
    let whole = LogicalPlan.get(node)
    let input = estimator.estimate(whole, over: [])
    let estimate = estimator.filtered(input, by: conditions)
    var columns: [ColumnID] = []
    var outputs: [OutputColumn] = []
    var positions: [Int: Int] = [:]
    var sources: [Int: ColumnID] = [:]
    for (column, source) in zip(node.columns, node.sources) {
      sources[column.id] = source
      guard wanted.contains(column.id) else { continue }
      positions[column.id] = columns.count
      columns.append(source)
      let isAmbiguous =
        !ambiguousNames.isEmpty && ambiguousNames.contains(CatalogState.key(column.name))
      outputs.append(
        OutputColumn(
          name: isAmbiguous ? "\(node.alias).\(column.name)" : column.name, type: column.type))
    }
    var predicates: [ScanPredicate] = []
    for condition in conditions {
      guard let id = condition.columnIDs.first, let source = sources[id] else { continue }
      predicates.append(
        ScanPredicate(column: source, condition: condition.mapColumns { _ in 0 }))
    }
    var uses: [RuntimeFilterUse] = []
    for filter in filters {
      guard let source = sources[filter.column] else { continue }
      usedFilters.insert(filter.number)
      uses.append(RuntimeFilterUse(filter: filter.number, column: source))
    }
    let scan = ScanNode(
      facts: PlanFacts(columns: outputs, estimatedRows: estimate.rows), table: node.table.id,
      tableName: node.alias, columns: columns, predicates: predicates, runtimeFilters: uses,
      version: node.version.map { ScanVersion(commit: $0, definition: node.table) })
    return Planned(plan: .scan(scan), positions: positions, estimate: estimate)
  }

  /// A filter; over a scan, single-column conditions go into the scan.
  mutating func planFilter(
    _ node: LogicalFilter, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    var conditions = node.conditions.flatMap(\.conjuncts)
    if conditions.contains(where: { $0.constantValue.map { $0 != .boolean(true) } ?? false }) {
      return planNothing(node.input, wanted)
    }
    var input: Planned
    if case .get(let get) = node.input {
      let columns = get.columns.reduce(into: Set<Int>()) { $0.insert($1.id) }
      let intoScan = conditions.filter { isScanPredicate($0, columns) }
      conditions.removeAll { isScanPredicate($0, columns) }
      var needed = wanted
      for condition in conditions { condition.collectColumns(into: &needed) }
      input = planGet(get, conditions: intoScan, wanted: needed, filters: filters)
    } else {
      var needed = wanted
      for condition in conditions { condition.collectColumns(into: &needed) }
      input = try plan(node.input, wanted: needed, filters: filters)
    }
    if conditions.isEmpty { return input }
    let estimate = estimator.filtered(input.estimate, by: conditions)
    let facts = PlanFacts(columns: input.plan.facts.columns, estimatedRows: estimate.rows)
    let placed = try physical(conditions, input.positions)
    if options.allows("window_top_n") {
      input.plan = WindowTopN.limited(input.plan, by: placed)
    }
    let condition = Expression.all(of: placed)
    return Planned(
      plan: .filter(FilterNode(facts: facts, input: input.plan, condition: condition)),
      positions: input.positions, estimate: estimate)
  }

  /// Whether a scan may evaluate the condition on its own, in any order: over one column, and never an
  /// error, because a condition that can fail may be guarded by another one before it.
  private func isScanPredicate(_ condition: Expression, _ columns: Set<Int>) -> Bool {
    let used = condition.columnIDs
    guard used.count == 1, used.isSubset(of: columns) else { return false }
    return condition.isDeterministic && condition.cannotFail
  }

  /// No rows at all: below a condition that is never true.
  private func planNothing(_ input: LogicalPlan, _ wanted: Set<Int>) -> Planned {
    let columns = input.columns.filter { wanted.contains($0.id) }
    let facts = PlanFacts(
      columns: columns.map { OutputColumn(name: $0.name, type: $0.type) }, estimatedRows: 0)
    return Planned(
      plan: .values(ValuesNode(facts: facts, rows: [])), positions: places(of: columns),
      estimate: RelationEstimate(rows: 0, columns: [:]))
  }

  // MARK: other leaves

  mutating func planValues(_ node: LogicalValues) throws(StoaError) -> Planned {
    let facts = PlanFacts(
      columns: node.columns.map { OutputColumn(name: $0.name, type: $0.type) },
      estimatedRows: Double(node.rows.count))
    return Planned(
      plan: .values(ValuesNode(facts: facts, rows: node.rows)),
      positions: places(of: node.columns),
      estimate: estimator.estimate(.values(node), over: []))
  }

  mutating func planTableFunction(_ node: LogicalTableFunction, _ wanted: Set<Int>) -> Planned {
    let estimate = estimator.estimate(.tableFunction(node), over: [])
    var node = node
    if node.canProject {
      let kept = node.columns.indices.filter { wanted.contains(node.columns[$0].id) }
      node.sources = kept.map { node.sources[$0] }
      node.columns = kept.map { node.columns[$0] }
    }
    let facts = PlanFacts(
      columns: node.columns.map { OutputColumn(name: $0.name, type: $0.type) },
      estimatedRows: estimate.rows)
    return Planned(
      plan: .tableFunction(
        TableFunctionNode(
          facts: facts, name: node.name, arguments: node.arguments, sources: node.sources)),
      positions: places(of: node.columns), estimate: estimate)
  }

  mutating func planReference(_ node: LogicalReference) throws(StoaError) -> Planned {
    guard let source = shared[node.number] else {
      throw StoaError(.inconsistency, "the plan lost the common table \(node.name)")
    }
    var positions: [Int: Int] = [:]
    for (column, id) in zip(node.columns, node.sources) {
      positions[column.id] = source.positions[id]
    }
    let facts = PlanFacts(
      columns: source.plan.facts.columns, estimatedRows: source.estimate.rows)
    return Planned(
      plan: .reference(ReferenceNode(facts: facts, number: node.number)), positions: positions,
      estimate: estimator.estimate(.reference(node), over: []))
  }

  mutating func planMaterialize(
    _ node: LogicalMaterialize, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    let source = try plan(
      node.shared, wanted: node.input.columnsRead(from: node.number), filters: [])
    shared[node.number] = source
    estimator.shared[node.number] = source.estimate
    let input = try plan(node.input, wanted: wanted, filters: filters)
    return Planned(
      plan: .materialize(
        MaterializeNode(
          facts: input.plan.facts, number: node.number, shared: source.plan, input: input.plan)),
      positions: input.positions, estimate: input.estimate)
  }

  func places(of columns: [PlanColumn]) -> [Int: Int] {
    Dictionary(
      columns.enumerated().map { ($0.element.id, $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }
}

extension LogicalPlan {
  /// Columns of the shared plan with this number that any reference gives out.
  func columnsRead(from number: Int) -> Set<Int> {
    if case .reference(let node) = self { return node.number == number ? Set(node.sources) : [] }
    return inputs.reduce(into: []) { $0.formUnion($1.columnsRead(from: number)) }
  }
}

extension Expression {
  /// Whether it gives a value for every input: no arithmetic that can overflow, no cast that can fail.
  var cannotFail: Bool {
    switch self {
    case .column, .constant: return true
    case .parameter: return false
    case .cast(let operand, let type, let isTry, _):
      return (isTry || Expression.isSafeCast(operand.type, type)) && operand.cannotFail
    case .call(let function, let arguments):
      return Expression.safeFunctions.contains(function.name) && arguments.allSatisfy(\.cannotFail)
    case .comparison, .isDistinct, .and, .or, .not, .isNull, .inSet, .conditional:
      return children.allSatisfy(\.cannotFail)
    }
  }

  /// Casts that fit every value.
  static func isSafeCast(_ source: LogicalType, _ target: LogicalType) -> Bool {
    if source == target || (target == .varchar && source != .blob) { return true }
    if source.isInteger, target.isInteger {
      return target.holdsAll(of: source)
    }
    if source.isInteger || source.isDecimal, target == .double { return true }
    if source == .real, target == .double { return true }
    if case .decimal(let precision, let scale) = target {
      let digits: Int
      switch source {
      case .tinyint, .utinyint: digits = 3
      case .smallint, .usmallint: digits = 5
      case .integer, .uinteger: digits = 10
      case .bigint: digits = 19
      case .ubigint: digits = 20
      case .decimal(let other, let otherScale):
        guard otherScale <= scale else { return false }
        digits = Int(other) - Int(otherScale)
      default: return false
      }
      return digits <= Int(precision) - Int(scale)
    }
    return false
  }

  private static let safeFunctions: Set<String> = [
    "like", "ilike", "lower", "upper", "length", "substring", "substr", "starts_with", "ends_with",
    "contains", "left", "right", "trim", "ltrim", "rtrim", "year", "month", "day", "quarter",
    "dayofweek", "isodow", "week", "dayofyear", "strlen", "||",
  ]
}
