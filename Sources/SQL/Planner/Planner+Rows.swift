import Kernels
import Vectors

extension Planner {
  /// A projection; plain columns keep their place in the input.
  mutating func planProject(
    _ node: LogicalProject, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    let items = node.items.filter { wanted.contains($0.column.id) }
    var needed: Set<Int> = []
    for item in items { item.expression.collectColumns(into: &needed) }
    let input = try plan(node.input, wanted: needed, filters: renamed(filters, node.sources))
    let estimate = estimator.estimate(.project(node), over: [input.estimate])
    if items.allSatisfy({ $0.expression.columnID != nil }) {
      var positions: [Int: Int] = [:]
      for item in items {
        if let id = item.expression.columnID { positions[item.column.id] = input.positions[id] }
      }
      return Planned(plan: input.plan, positions: positions, estimate: estimate)
    }
    var expressions: [Expression] = []
    for item in items { expressions.append(try physical(item.expression, input.positions)) }
    let facts = PlanFacts(
      columns: items.map { OutputColumn(name: $0.column.name, type: $0.column.type) },
      estimatedRows: estimate.rows)
    return Planned(
      plan: .project(ProjectNode(facts: facts, input: input.plan, expressions: expressions)),
      positions: places(of: items.map(\.column)), estimate: estimate)
  }

  /// An aggregate; a runtime filter on a group key drops whole groups, so it may go below.
  mutating func planAggregate(
    _ node: LogicalAggregate, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    var needed: Set<Int> = []
    for expression in LogicalPlan.aggregate(node).expressions {
      expression.collectColumns(into: &needed)
    }
    let sources = Dictionary(
      node.groups.map { ($0.column.id, $0.expression) }, uniquingKeysWith: { first, _ in first })
    let input = try plan(node.input, wanted: needed, filters: renamed(filters, sources))
    let estimate = estimator.estimate(.aggregate(node), over: [input.estimate])
    var groups: [Expression] = []
    for group in node.groups { groups.append(try physical(group.expression, input.positions)) }
    var calls: [AggregateCall] = []
    for item in node.aggregates {
      calls.append(
        try item.call.mapExpressions { (expression) throws(StoaError) in
          try physical(expression, input.positions)
        })
    }
    let columns = node.groups.map(\.column) + node.aggregates.map(\.column)
    let facts = PlanFacts(
      columns: columns.map { OutputColumn(name: $0.name, type: $0.type) },
      estimatedRows: estimate.rows)
    return Planned(
      plan: .aggregate(
        AggregateNode(
          facts: facts, input: input.plan, groups: groups, aggregates: calls,
          readsChunks: groups.isEmpty && canReadChunks(input.plan, calls))),
      positions: places(of: columns), estimate: estimate)
  }

  /// Whether zone maps and chunks may answer some of the aggregates: those over rows or plain columns of a scan.
  private func canReadChunks(_ input: PhysicalPlan, _ calls: [AggregateCall]) -> Bool {
    guard case .scan = input, options.allows("chunk_aggregates") else { return false }
    return calls.contains { call in
      let isPlain = call.arguments.allSatisfy { if case .column = $0 { true } else { false } }
      return isPlain && !call.needsAllRows && call.filter == nil && call.function.takesSummaries
    }
  }

  /// Filters under the names their columns have in the input; computed columns have none.
  private func renamed(
    _ filters: [WantedFilter], _ sources: [Int: Expression]
  ) -> [WantedFilter] {
    filters.compactMap { filter in
      sources[filter.column]?.columnID.map { WantedFilter(number: filter.number, column: $0) }
    }
  }

  mutating func planSort(
    _ node: LogicalSort, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    let (input, items) = try sorted(node, wanted, filters)
    if items.isEmpty { return input }
    return Planned(
      plan: .sort(SortNode(facts: input.plan.facts, input: input.plan, items: items)),
      positions: input.positions, estimate: input.estimate)
  }

  /// The input of a sort and its keys over positions; keys that are constant sort nothing.
  private mutating func sorted(
    _ node: LogicalSort, _ wanted: Set<Int>, _ filters: [WantedFilter] = []
  ) throws(StoaError) -> (input: Planned, items: [SortItem]) {
    let keys = node.items.filter {
      !$0.expression.columnIDs.isEmpty || !$0.expression.isDeterministic
    }
    var needed = wanted
    for key in keys { key.expression.collectColumns(into: &needed) }
    let input = try plan(node.input, wanted: needed, filters: filters)
    var items: [SortItem] = []
    for key in keys {
      items.append(
        SortItem(
          expression: try physical(key.expression, input.positions),
          isDescending: key.isDescending, nullsFirst: key.nullsFirst))
    }
    return (input, items)
  }

  // MARK: LIMIT

  mutating func planLimit(
    _ node: LogicalLimit, _ wanted: Set<Int>
  ) throws(StoaError) -> Planned {
    guard node.isPlain else { return try planDynamicLimit(node, wanted) }
    let limit = try count(node.limit, "LIMIT")
    let offset = try count(node.offset, "OFFSET") ?? 0
    if let limit, case .sort(let sort) = node.input, isTopN(limit, offset) {
      let (input, items) = try sorted(sort, wanted)
      if !items.isEmpty {
        let estimate = estimator.estimate(.limit(node), over: [input.estimate])
        let facts = PlanFacts(
          columns: input.plan.facts.columns, estimatedRows: min(Double(limit), estimate.rows))
        return Planned(
          plan: .topN(
            TopNNode(facts: facts, input: input.plan, items: items, limit: limit, offset: offset)),
          positions: input.positions, estimate: estimate)
      }
    }
    let input = try plan(node.input, wanted: wanted, filters: [])
    if limit == nil, offset == 0 { return input }
    let estimate = estimator.estimate(.limit(node), over: [input.estimate])
    let facts = PlanFacts(columns: input.plan.facts.columns, estimatedRows: estimate.rows)
    return Planned(
      plan: .limit(LimitNode(facts: facts, input: input.plan, limit: limit, offset: offset)),
      positions: input.positions, estimate: estimate)
  }

  private func isTopN(_ limit: Int, _ offset: Int) -> Bool {
    let (end, overflow) = limit.addingReportingOverflow(offset)
    return !overflow && end <= 1 << 20 && options.allows("top_n")
  }

  /// The number of rows a LIMIT or OFFSET means; `nil` for all.
  func count(
    _ expression: Expression?, _ name: String
  ) throws(StoaError) -> Int? {
    guard let expression else { return nil }
    guard expression.isFoldable else {
      throw StoaError(.usage, "\(name) needs a value for its parameter")
    }
    switch try expression.evaluateConstant() {
    case .null: return nil
    case .integer(let value):
      if value < 0 { throw StoaError(.evaluation, "\(name) must not be negative") }
      return Int(clamping: value)
    case .boolean, .double, .string, .bytes:
      throw StoaError(.inconsistency, "\(name) is no integer")
    }
  }

  // MARK: UNION ALL

  mutating func planUnion(
    _ node: LogicalUnion, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    // At least one column, so that rows are counted the same way everywhere.
    let kept = node.columns.indices.filter { wanted.contains(node.columns[$0].id) }
    var inputs: [PhysicalPlan] = []
    var estimates: [RelationEstimate] = []
    for (input, ids) in zip(node.inputs, node.inputColumns) {
      let columns = kept.map { index in
        PlanColumn(id: ids[index], name: node.columns[index].name, type: node.columns[index].type)
      }
      let sources = Dictionary(
        zip(node.columns, ids).map { ($0.id, Expression.column($1, $0.type)) },
        uniquingKeysWith: { first, _ in first })
      let planned = try plan(
        input, wanted: Set(columns.map(\.id)), filters: renamed(filters, sources))
      estimates.append(planned.estimate)
      inputs.append(try arranged(planned, columns, isRoot: false))
    }
    let estimate = estimator.estimate(.unionAll(node), over: estimates)
    let columns = kept.map { node.columns[$0] }
    let facts = PlanFacts(
      columns: columns.map { OutputColumn(name: $0.name, type: $0.type) },
      estimatedRows: estimate.rows)
    return Planned(
      plan: .unionAll(UnionAllNode(facts: facts, inputs: inputs)),
      positions: places(of: columns), estimate: estimate)
  }
}
