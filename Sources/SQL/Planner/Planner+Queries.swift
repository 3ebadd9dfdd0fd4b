import Kernels
import Vectors

/// Recursion, repeated rows, limits per group, samples and ASOF joins.
extension Planner {
  mutating func planRepeat(
    _ node: LogicalRepeat, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    let given = wanted.subtracting(node.ordinal.map { [$0.id] } ?? [])
    let input = try plan(
      node.input, wanted: given.addingColumns(of: [node.count]), filters: filters)
    let count = try physical(node.count, input.positions)
    var facts = input.plan.facts
    var positions = input.positions
    if let ordinal = node.ordinal {
      positions[ordinal.id] = facts.columns.count
      facts.columns.append(OutputColumn(name: ordinal.name, type: ordinal.type))
    }
    return Planned(
      plan: .repeated(
        RepeatNode(
          facts: facts, input: input.plan, count: count, hasOrdinal: node.ordinal != nil)),
      positions: positions, estimate: input.estimate)
  }

  /// All columns are computed: rows of one step are read by the next.
  mutating func planRecursion(_ node: LogicalRecursion) throws(StoaError) -> Planned {
    func columns(_ ids: [Int]) -> [PlanColumn] {
      zip(ids, node.columns).map { PlanColumn(id: $0, name: $1.name, type: $1.type) }
    }
    let initial = try plan(node.initial, wanted: Set(node.initialColumns), filters: [])
    let first = try arranged(initial, columns(node.initialColumns), isRoot: false)
    let outputs = node.columns.map { OutputColumn(name: $0.name, type: $0.type) }
    let working = node.renamed(initial.estimate)
    estimator.shared[node.number] = working
    let facts = PlanFacts(columns: outputs, estimatedRows: working.rows)
    shared[node.number] = Planned(
      plan: .reference(ReferenceNode(facts: facts, number: node.number)),
      positions: places(of: node.columns), estimate: working)
    let step = try plan(node.step, wanted: Set(node.stepColumns), filters: [])
    let next = try arranged(step, columns(node.stepColumns), isRoot: false)
    let estimate = estimator.estimate(
      .recursion(node), over: [initial.estimate, step.estimate])
    return Planned(
      plan: .recursion(
        RecursionNode(
          facts: PlanFacts(columns: outputs, estimatedRows: estimate.rows), number: node.number,
          initial: first, step: next, isDistinct: node.isDistinct)),
      positions: places(of: node.columns), estimate: estimate)
  }

  /// The input sorted by group and order, then what counts rows of a group.
  mutating func planGroupLimit(
    _ node: LogicalGroupLimit, _ wanted: Set<Int>
  ) throws(StoaError) -> Planned {
    let limit = try count(node.limit, "LIMIT")
    let offset = try count(node.offset, "OFFSET") ?? 0
    let input = try plan(
      node.input, wanted: wanted.addingColumns(of: node.expressions), filters: [])
    let partition = try physical(node.partition, input.positions)
    var items: [SortItem] = []
    for item in node.items {
      var item = item
      item.expression = try physical(item.expression, input.positions)
      items.append(item)
    }
    let groups = partition.map {
      SortItem(expression: $0, isDescending: false, nullsFirst: false)
    }
    var sorted = input.plan
    let keys = (groups + items).filter { !$0.expression.columnIDs.isEmpty }
    if !keys.isEmpty {
      sorted = .sort(SortNode(facts: input.plan.facts, input: sorted, items: keys))
    }
    let estimate = estimator.estimate(.groupLimit(node), over: [input.estimate])
    let facts = PlanFacts(columns: input.plan.facts.columns, estimatedRows: estimate.rows)
    return Planned(
      plan: .groupLimit(
        GroupLimitNode(
          facts: facts, input: sorted, partition: partition, items: items, limit: limit,
          offset: offset, withTies: node.withTies)),
      positions: input.positions, estimate: estimate)
  }

  /// A LIMIT whose bounds the query itself computes.
  mutating func planDynamicLimit(
    _ node: LogicalLimit, _ wanted: Set<Int>
  ) throws(StoaError) -> Planned {
    let input = try plan(node.input, wanted: wanted, filters: [])
    var counts: Planned?
    if let plan = node.counts {
      let needed = Set<Int>().addingColumns(of: LogicalPlan.limit(node).expressions)
      counts = try self.plan(plan, wanted: needed, filters: [])
    }
    func bound(_ expression: Expression?) throws(StoaError) -> Expression? {
      guard let expression else { return nil }
      return try physical(expression, counts?.positions ?? [:])
    }
    let dynamic = DynamicLimit(
      counts: counts?.plan, limit: try bound(node.limit), offset: try bound(node.offset),
      percent: try bound(node.percent))
    return Planned(
      plan: .limit(
        LimitNode(
          facts: input.plan.facts, input: input.plan, limit: nil, offset: 0, dynamic: dynamic)),
      positions: input.positions, estimate: input.estimate)
  }

  /// A fixed number of rows are those with the least random numbers.
  mutating func planSample(
    _ node: LogicalSample, _ wanted: Set<Int>
  ) throws(StoaError) -> Planned {
    let input = try plan(node.input, wanted: wanted, filters: [])
    let estimate = estimator.estimate(.sample(node), over: [input.estimate])
    var facts = PlanFacts(columns: input.plan.facts.columns, estimatedRows: estimate.rows)
    func sampled(_ mode: SampleNode.Mode) -> PhysicalPlan {
      .sample(SampleNode(facts: facts, input: input.plan, mode: mode, seed: node.seed))
    }
    let result: PhysicalPlan
    switch node.method {
    case .rows(let part): result = sampled(.rows(part))
    case .blocks(let part): result = sampled(.blocks(part))
    case .count(let count):
      facts.columns.append(OutputColumn(name: "sample key", type: .bigint))
      result = least(sampled(.key), facts, limit: LimitBound(limit: count))
    case .part(let part):
      facts.columns.append(OutputColumn(name: "sample key", type: .bigint))
      result = least(sampled(.key), facts, limit: LimitBound(percent: part * 100))
    }
    return Planned(plan: result, positions: input.positions, estimate: estimate)
  }

  /// How many rows of a sample: a number or a part.
  private struct LimitBound {
    var limit: Int?
    var percent: Double?
  }

  /// The rows with the least values in the last column.
  private func least(
    _ input: PhysicalPlan, _ facts: PlanFacts, limit: LimitBound
  ) -> PhysicalPlan {
    let key = Expression.column(facts.columns.count - 1, .bigint)
    let items = [SortItem(expression: key, isDescending: false, nullsFirst: false)]
    if let count = limit.limit, count <= 1 << 20 {
      return .topN(TopNNode(facts: facts, input: input, items: items, limit: count, offset: 0))
    }
    let sorted = PhysicalPlan.sort(SortNode(facts: facts, input: input, items: items))
    return .limit(
      LimitNode(
        facts: facts, input: sorted, limit: limit.limit, offset: 0,
        dynamic: limit.percent.map { DynamicLimit(percent: .constant(.double($0), .double)) }))
  }

  /// Both sides sorted; the right one by the order last, so that the nearest row comes just before.
  mutating func planAsofJoin(
    _ node: LogicalAsofJoin, _ wanted: Set<Int>
  ) throws(StoaError) -> Planned {
    let needed = wanted.addingColumns(of: node.expressions)
    let probe = try plan(node.left, wanted: needed.intersection(node.left.columnIDs), filters: [])
    let build = try plan(node.right, wanted: needed.intersection(node.right.columnIDs), filters: [])
    let probeKeys = try physical(node.leftKeys + [node.leftOrder], probe.positions)
    let buildKeys = try physical(node.rightKeys + [node.rightOrder], build.positions)
    let isDescending = node.comparison == .less || node.comparison == .lessOrEqual
    func sorted(_ input: PhysicalPlan, _ keys: [Expression]) -> PhysicalPlan {
      let items = keys.enumerated().map { index, key in
        SortItem(
          expression: key, isDescending: isDescending && index == keys.count - 1,
          nullsFirst: false)
      }
      return .sort(SortNode(facts: input.facts, input: input, items: items))
    }
    var places: [Int] = []
    var columns: [OutputColumn] = []
    var positions: [Int: Int] = [:]
    for (side, offset) in [(probe, 0), (build, probe.width)] {
      for (id, place) in side.positions.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) })
      where wanted.contains(id) {
        positions[id] = places.count
        places.append(offset + place)
        columns.append(side.plan.facts.columns[place])
      }
    }
    let estimate = estimator.estimate(.asofJoin(node), over: [probe.estimate, build.estimate])
    return Planned(
      plan: .asofJoin(
        AsofJoinNode(
          facts: PlanFacts(columns: columns, estimatedRows: estimate.rows), kind: node.kind,
          probe: sorted(probe.plan, probeKeys), build: sorted(build.plan, buildKeys),
          probeKeys: probeKeys, buildKeys: buildKeys, comparison: node.comparison, output: places)),
      positions: positions, estimate: estimate)
  }
}
