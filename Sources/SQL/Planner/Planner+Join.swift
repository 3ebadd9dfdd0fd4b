import Kernels
import Vectors

extension Planner {
  /// A join: by hash when the conditions hold an equality between the sides, else by nested loops.
  mutating func planJoin(
    _ node: LogicalJoin, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    if node.isDependent {
      throw StoaError(.unsupported, "this kind of correlated subquery is not supported yet")
    }
    var keys = JoinKeys(node)
    keys.dropNeedlessNullSafety(node)
    if node.hashesLeft, !keys.pairs.isEmpty {
      return try planTurnedJoin(node, keys, wanted, filters)
    }
    return keys.pairs.isEmpty
      ? try planNestedLoop(node, wanted, filters)
      : try planHashJoin(node, keys, wanted, filters)
  }

  private mutating func planHashJoin(
    _ node: LogicalJoin, _ keys: JoinKeys, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    var needed = wanted
    for condition in node.conditions { condition.collectColumns(into: &needed) }
    let leftIDs = node.left.columnIDs
    let published = wantedFilters(node, keys, probe: node.left, build: node.right)
    let rightIDs = node.right.columnIDs
    // The join that publishes a filter is done before either side of this one begins.
    let build = try plan(
      node.right, wanted: needed.intersection(rightIDs),
      filters: node.kind == .inner ? filters.filter { rightIDs.contains($0.column) } : [])
    let probe = try plan(
      node.left, wanted: needed.intersection(leftIDs),
      filters: passedDown(filters, node.kind, leftIDs) + published.compactMap { $0 })
    let estimate = estimator.estimate(.join(node), over: [probe.estimate, build.estimate])
    return try hashJoin(node, keys, wanted, published, probe, build, estimate)
  }

  /// A semi or anti join whose left side is hashed: its rows come out of the hash table, with or without a match.
  private mutating func planTurnedJoin(
    _ node: LogicalJoin, _ keys: JoinKeys, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    var keys = keys
    keys.pairs = keys.pairs.map {
      JoinKeys.Pair(left: $0.right, right: $0.left, isNullSafe: $0.isNullSafe)
    }
    var needed = wanted
    for condition in node.conditions { condition.collectColumns(into: &needed) }
    let leftIDs = node.left.columnIDs
    let rightIDs = node.right.columnIDs
    let published = wantedFilters(node, keys, probe: node.right, build: node.left)
    let build = try plan(
      node.left, wanted: needed.intersection(leftIDs),
      filters: filters.filter { leftIDs.contains($0.column) })
    let probe = try plan(
      node.right, wanted: needed.intersection(rightIDs), filters: published.compactMap { $0 })
    let estimate = estimator.estimate(.join(node), over: [build.estimate, probe.estimate])
    return try hashJoin(node, keys, wanted, published, probe, build, estimate)
  }

  /// The operator over its planned sides; `keys` have the probe side on the left.
  private func hashJoin(
    _ node: LogicalJoin, _ keys: JoinKeys, _ wanted: Set<Int>, _ published: [WantedFilter?],
    _ probe: Planned, _ build: Planned, _ estimate: RelationEstimate
  ) throws(StoaError) -> Planned {
    let buildSide = node.hashesLeft ? node.left : node.right
    var probeKeys: [Expression] = []
    var buildKeys: [Expression] = []
    var runtimeFilters: [Int?] = []
    for (pair, filter) in zip(keys.pairs, published) {
      let left = try physical(pair.left, probe.positions)
      let right = try physical(pair.right, build.positions)
      if pair.isNullSafe {
        // NULL equals NULL: compare whether it is NULL, and the value with a stand-in for NULL.
        probeKeys += [.isNull(left, isNegated: false), left.withoutNull]
        buildKeys += [.isNull(right, isNegated: false), right.withoutNull]
        runtimeFilters += [nil, nil]
      } else {
        probeKeys.append(left)
        buildKeys.append(right)
        runtimeFilters.append(filter.flatMap { usedFilters.contains($0.number) ? $0.number : nil })
      }
    }
    let output = joinOutput(node, wanted, probe, build)
    let residual = try keys.others.isEmpty ? nil : joinCondition(keys.others, probe, build)
    let buildKeyColumns = Set(
      keys.pairs.lazy.filter { !$0.isNullSafe }.compactMap(\.right.columnID))
    return Planned(
      plan: .hashJoin(
        HashJoinNode(
          facts: PlanFacts(columns: output.columns, estimatedRows: estimate.rows), kind: node.kind,
          probe: probe.plan, build: build.plan, probeKeys: probeKeys, buildKeys: buildKeys,
          residual: residual, buildIsUnique: buildSide.isUnique(on: buildKeyColumns),
          output: output.places, runtimeFilters: runtimeFilters,
          givesBuildRows: node.hashesLeft)),
      positions: output.positions, estimate: estimate)
  }

  private mutating func planNestedLoop(
    _ node: LogicalJoin, _ wanted: Set<Int>, _ filters: [WantedFilter]
  ) throws(StoaError) -> Planned {
    var needed = wanted
    for condition in node.conditions { condition.collectColumns(into: &needed) }
    let leftIDs = node.left.columnIDs
    let rightIDs = node.right.columnIDs
    // The join that publishes a filter is done before either side of this one begins.
    let build = try plan(
      node.right, wanted: needed.intersection(rightIDs),
      filters: node.kind == .inner ? filters.filter { rightIDs.contains($0.column) } : [])
    let probe = try plan(
      node.left, wanted: needed.intersection(leftIDs),
      filters: passedDown(filters, node.kind, leftIDs))
    let estimate = estimator.estimate(.join(node), over: [probe.estimate, build.estimate])
    let output = joinOutput(node, wanted, probe, build)
    let condition = try node.conditions.isEmpty ? nil : joinCondition(node.conditions, probe, build)
    var join = NestedLoopJoinNode(
      facts: PlanFacts(columns: output.columns, estimatedRows: estimate.rows), kind: node.kind,
      probe: probe.plan, build: build.plan, condition: condition, output: output.places)
    try findRanges(node, probe, build, &join)
    return Planned(
      plan: .nestedLoopJoin(join), positions: output.positions, estimate: estimate)
  }

  /// Inequalities between the two sides. IN's mark wants to know of unknown comparisons too, so it tries all pairs.
  private func findRanges(
    _ node: LogicalJoin, _ probe: Planned, _ build: Planned, _ join: inout NestedLoopJoinNode
  ) throws(StoaError) {
    guard node.kind != .mark, options.allows("range_joins") else { return }
    let left = node.left.columnIDs
    let right = node.right.columnIDs
    var others: [Expression] = []
    for condition in node.conditions.flatMap(\.conjuncts) {
      guard join.ranges.count < 2, case .comparison(let op, let a, let b) = condition,
        op != .equal, op != .notEqual, condition.isDeterministic, !a.columnIDs.isEmpty,
        !b.columnIDs.isEmpty
      else {
        others.append(condition)
        continue
      }
      if a.columnIDs.isSubset(of: left), b.columnIDs.isSubset(of: right) {
        join.ranges.append(
          RangeCondition(
            probe: try physical(a, probe.positions), build: try physical(b, build.positions),
            comparison: op))
      } else if a.columnIDs.isSubset(of: right), b.columnIDs.isSubset(of: left) {
        join.ranges.append(
          RangeCondition(
            probe: try physical(b, probe.positions), build: try physical(a, build.positions),
            comparison: op.mirrored))
      } else {
        others.append(condition)
      }
    }
    if !join.ranges.isEmpty, !others.isEmpty {
      join.rangeResidual = try joinCondition(others, probe, build)
    }
  }

  // MARK: parts

  /// Conditions over probe columns followed by build columns.
  private func joinCondition(
    _ conditions: [Expression], _ probe: Planned, _ build: Planned
  ) throws(StoaError) -> Expression {
    var positions = probe.positions
    for (id, position) in build.positions { positions[id] = probe.width + position }
    return .all(of: try physical(conditions, positions))
  }

  private func joinOutput(
    _ node: LogicalJoin, _ wanted: Set<Int>, _ probe: Planned, _ build: Planned
  ) -> (places: [Int], columns: [OutputColumn], positions: [Int: Int]) {
    var places: [Int] = []
    var columns: [OutputColumn] = []
    var positions: [Int: Int] = [:]
    var known: [Int: Int] = [:]
    func add(_ id: Int, _ place: Int, _ column: OutputColumn) {
      if let position = known[place] {
        positions[id] = position
        return
      }
      known[place] = places.count
      positions[id] = places.count
      places.append(place)
      columns.append(column)
    }
    func addBuildColumns() {
      for (id, place) in build.positions.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) })
      where wanted.contains(id) {
        add(id, probe.width + place, build.plan.facts.columns[place])
      }
    }
    if node.hashesLeft {
      addBuildColumns()
      return (places, columns, positions)
    }
    for (id, place) in probe.positions.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) })
    where wanted.contains(id) {
      add(id, place, probe.plan.facts.columns[place])
    }
    switch node.kind {
    case .inner, .left, .right, .full, .single: addBuildColumns()
    case .mark:
      if let mark = node.mark, wanted.contains(mark.id) {
        add(
          mark.id, probe.width + build.width, OutputColumn(name: mark.name, type: mark.type))
      }
    case .semi, .anti: break
    }
    return (places, columns, positions)
  }

  // MARK: runtime filters

  /// A filter for each key that is a plain probe column, for kinds that drop probe rows without a match; `keys` have the
  /// probe side on the left.
  private mutating func wantedFilters(
    _ node: LogicalJoin, _ keys: JoinKeys, probe: LogicalPlan, build: LogicalPlan
  ) -> [WantedFilter?] {
    var result: [WantedFilter?] = []
    let canFilter =
      node.kind == .inner || node.kind == .semi || node.kind == .right || node.hashesLeft
    for pair in keys.pairs {
      guard canFilter, !pair.isNullSafe, let column = pair.left.columnID,
        !isCoveredByForeignKey(column, pair.right, probe: probe, build: build)
      else {
        result.append(nil)
        continue
      }
      result.append(WantedFilter(number: nextFilter, column: column))
      nextFilter += 1
    }
    return result
  }

  /// Whether every value of the probe column is among the keys anyway, because it is a foreign key to the
  /// whole table hashed: a filter would cost and drop nothing.
  private func isCoveredByForeignKey(
    _ column: Int, _ buildKey: Expression, probe: LogicalPlan, build: LogicalPlan
  ) -> Bool {
    guard case .get(let build) = build, let key = buildKey.columnID,
      let place = build.columns.firstIndex(where: { $0.id == key }),
      let origin = probe.origin(of: column)
    else { return false }
    guard origin.get.version == build.version else { return false }
    return origin.get.table.foreignKeys.contains {
      $0.isValidated && $0.referencedTable == build.table.id && $0.columns == [origin.column]
        && $0.referencedColumns == [build.sources[place]]
    }
  }

  /// Filters from above that may already be applied to the probe side.
  private func passedDown(
    _ filters: [WantedFilter], _ kind: JoinKind, _ probeColumns: Set<Int>
  ) -> [WantedFilter] {
    switch kind {
    case .inner, .left, .semi, .anti, .mark, .single:
      filters.filter { probeColumns.contains($0.column) }
    case .right, .full: []
    }
  }
}

extension JoinKeys {
  init(_ node: LogicalJoin) {
    self.init(node.conditions, left: node.left.columnIDs, right: node.right.columnIDs)
  }

  /// NULL can equal NULL only where both sides can be NULL.
  mutating func dropNeedlessNullSafety(_ node: LogicalJoin) {
    guard pairs.contains(where: \.isNullSafe) else { return }
    let present = node.left.nonNullColumns.union(node.right.nonNullColumns)
    for index in pairs.indices {
      if pairs[index].left.isNeverNull(given: present)
        || pairs[index].right.isNeverNull(given: present)
      {
        pairs[index].isNullSafe = false
      }
    }
  }
}

extension Expression {
  /// The value, with some fixed value of the type in place of NULL.
  fileprivate var withoutNull: Expression {
    let standIn: Value =
      switch type.physical {
      case .bool: .boolean(false)
      case .int8, .int16, .int32, .int64, .int128: .integer(0)
      case .float32, .float64: .double(0)
      case .string: type == .blob ? .bytes([]) : .string("")
      }
    return .conditional(
      [ConditionalBranch(condition: .isNull(self, isNegated: true), result: self)],
      otherwise: .constant(standIn, type), type: type)
  }
}
