import Kernels
import Vectors

// Grouping sets become plans of what is there already:
//
//     one finest grouping by all keys, which also gives out partial states, computed once (materialize)
//       → a coarser grouping per set, which adds up states of the smallest set that has its keys
//       → UNION ALL of a projection per set: its keys, NULL for the others, results, GROUPING as constants
//
// When an aggregate cannot be added up (DISTINCT, ORDER BY), the rows are kept instead and read once per set.

extension Binder {
  /// The aggregate of a SELECT over `input`.
  func aggregated(
    _ input: LogicalPlan, _ collector: AggregateCollector
  ) throws(StoaError) -> LogicalPlan {
    let calls = try groupingPlaces(collector)
    guard let sets = collector.sets else {
      let plan = LogicalPlan.aggregate(
        LogicalAggregate(
          input: input, groups: collector.groups, aggregates: collector.aggregates))
      if collector.groupingCalls.isEmpty { return plan }
      // Without sets nothing is left out.
      let zeros = collector.groupingCalls.map {
        NamedExpression($0.column, .constant(.integer(0), .integer))
      }
      let kept = plan.columns.map { NamedExpression(passing: $0) }
      return .project(LogicalProject(input: plan, items: kept + zeros))
    }
    var builder = GroupingSetsBuilder(
      groups: collector.groups, aggregates: collector.aggregates, sets: sets,
      setColumns: collector.setColumns, groupingCalls: collector.groupingCalls.map(\.column),
      groupingPlaces: calls)
    return try builder.plan(over: input, numbers: &numbers)
  }

  /// For each GROUPING call the places of its arguments among the groups.
  private func groupingPlaces(_ collector: AggregateCollector) throws(StoaError) -> [[Int]] {
    var result: [[Int]] = []
    for call in collector.groupingCalls {
      var places: [Int] = []
      for argument in call.arguments {
        guard let place = collector.groups.firstIndex(where: { $0.expression == argument }) else {
          throw StoaError(
            .binding, "arguments of GROUPING must be expressions of GROUP BY",
            position: call.position)
        }
        places.append(place)
      }
      result.append(places)
    }
    return result
  }

  /// `GROUPING(…)`.
  func bindGrouping(
    _ name: String, _ call: FunctionCallSyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    guard let collector = clause.aggregates else {
      throw StoaError(
        .binding, "\(name) can only stand beside aggregates, not in \(clause.name)",
        position: position)
    }
    guard (1...31).contains(call.arguments.count) else {
      throw StoaError(.binding, "\(name) takes 1 to 31 arguments", position: position)
    }
    let inner = Clause(clause.name, scope: clause.scope)
    inner.isInsideAggregate = true
    inner.aliases = clause.aliases
    inner.openAliases = clause.openAliases
    let arguments = try bindArguments(call, inner)
    return collector.column(forGrouping: arguments, at: position, numbers: &numbers).reference
  }
}

/// Makes the plan of one SELECT's grouping sets.
private struct GroupingSetsBuilder {
  let groups: [NamedExpression]
  let aggregates: [NamedAggregate]
  let sets: [[Int]]
  let setColumns: [PlanColumn]
  let groupingCalls: [PlanColumn]
  let groupingPlaces: [[Int]]

  /// Rows of one set and what they have in which column.
  private struct Rows {
    var plan: LogicalPlan
    /// By place among the groups.
    var keys: [Int: PlanColumn]
    /// By aggregate; empty when nothing reads them.
    var states: [[PlanColumn]] = []
    var results: [PlanColumn] = []
  }

  /// Rows that several read.
  private struct Shared {
    var rows: Rows
    var number: Int?

    /// The rows under the ids of one reader.
    func reference(_ name: String, numbers: inout PlanNumbers) -> Rows {
      guard let number else { return rows }
      var columns: [PlanColumn] = []
      var sources: [Int] = []
      func renamed(_ column: PlanColumn) -> PlanColumn {
        let copy = numbers.column(column.name, column.type)
        columns.append(copy)
        sources.append(column.id)
        return copy
      }
      let keys = rows.keys.sorted { $0.key < $1.key }.map { ($0.key, renamed($0.value)) }
      let states = rows.states.map { $0.map(renamed) }
      let results = rows.results.map(renamed)
      return Rows(
        plan: .reference(
          LogicalReference(number: number, name: name, columns: columns, sources: sources)),
        keys: Dictionary(uniqueKeysWithValues: keys), states: states, results: results)
    }
  }

  /// The union of all sets.
  mutating func plan(
    over input: LogicalPlan, numbers: inout PlanNumbers
  ) throws(StoaError) -> LogicalPlan {
    let canMerge = !aggregates.contains { $0.call.needsAllRows }
    return canMerge
      ? try merged(over: input, numbers: &numbers) : try repeated(over: input, numbers: &numbers)
  }

  // MARK: states added up

  private func merged(
    over input: LogicalPlan, numbers: inout PlanNumbers
  ) throws(StoaError) -> LogicalPlan {
    let all = Array(groups.indices)
    // The finest first, then from many keys to few; each reads the one with the fewest keys among those before.
    var order = [all]
    for set in sets.sorted(by: { $0.count > $1.count }) where !order.contains(set) {
      order.append(set)
    }
    var parents: [Int] = [-1]
    for index in order.indices.dropFirst() {
      // Few enough to choose from: plans of nested shared rows must not become deep.
      let candidates = order[..<min(index, 64)].indices.filter {
        order[$0].count > order[index].count && Set(order[index]).isSubset(of: order[$0])
      }
      parents.append(candidates.last ?? 0)
    }
    let stateTypes = try self.stateTypes()
    var shared: [Shared] = []
    for (index, set) in order.enumerated() {
      let children = parents.filter { $0 == index }.count
      let outputs = sets.filter { $0 == set }.count
      let source: Rows? =
        index == 0 ? nil : shared[parents[index]].reference("groups", numbers: &numbers)
      let rows = level(
        set, over: source, input, stateTypes, givesStates: children > 0, givesResults: outputs > 0,
        &numbers)
      let isShared = children + outputs > 1
      shared.append(Shared(rows: rows, number: isShared ? numbers.take() : nil))
    }
    var union = emptyUnion
    for set in sets {
      guard let index = order.firstIndex(of: set) else { continue }
      add(shared[index].reference("groups", numbers: &numbers), set, to: &union, &numbers)
    }
    var plan = LogicalPlan.unionAll(union)
    for level in shared.reversed() {
      guard let number = level.number else { continue }
      plan = .materialize(
        LogicalMaterialize(number: number, name: "groups", shared: level.rows.plan, input: plan))
    }
    return plan
  }

  private func stateTypes() throws(StoaError) -> [[LogicalType]] {
    var result: [[LogicalType]] = []
    for item in aggregates { result.append(try item.call.function.stateTypes()) }
    return result
  }

  /// One grouping: over the input, or over the rows of a finer one.
  private func level(
    _ set: [Int], over source: Rows?, _ input: LogicalPlan, _ stateTypes: [[LogicalType]],
    givesStates: Bool, givesResults: Bool, _ numbers: inout PlanNumbers
  ) -> Rows {
    var keys: [Int: PlanColumn] = [:]
    var items: [NamedExpression] = []
    for place in set {
      let key = source?.keys[place].map { NamedExpression(passing: $0) } ?? groups[place]
      keys[place] = key.column
      items.append(key)
    }
    var calls: [NamedAggregate] = []
    var rows = Rows(plan: input, keys: keys)
    for (index, item) in aggregates.enumerated() {
      var call = item.call
      let types = stateTypes[index]
      if let source {
        call = AggregateCall(
          function: item.call.function.merging(types),
          arguments: source.states[index].map(\.reference))
      }
      if givesResults {
        let column = numbers.column(item.column.name, item.column.type)
        calls.append(NamedAggregate(column, call))
        rows.results.append(column)
      }
      guard givesStates else { continue }
      rows.states.append(
        types.indices.map { state in
          var stateCall = call
          stateCall.function = call.function.state(state, of: types)
          let column = numbers.column("\(item.column.name) state", types[state])
          calls.append(NamedAggregate(column, stateCall))
          return column
        })
    }
    rows.plan = .aggregate(
      LogicalAggregate(input: source?.plan ?? input, groups: items, aggregates: calls))
    return rows
  }

  // MARK: rows read again

  private func repeated(
    over input: LogicalPlan, numbers: inout PlanNumbers
  ) throws(StoaError) -> LogicalPlan {
    var projection = Projection()
    // Constants stay where they are.
    func kept(_ expression: Expression) -> Expression {
      if expression.columnIDs.isEmpty, expression.isDeterministic { return expression }
      return projection.add(expression, name: "value", numbers: &numbers).reference
    }
    let keys = groups.map { projection.add($0.expression, name: $0.column.name, numbers: &numbers) }
    var calls: [AggregateCall] = []
    for item in aggregates { calls.append(item.call.mapExpressions { kept($0) }) }
    let number = numbers.take()
    var union = emptyUnion
    for set in sets {
      let sources = projection.items.map(\.column)
      let columns = sources.map { numbers.column($0.name, $0.type) }
      let renaming = Dictionary(
        zip(sources, columns).map { ($0.id, $1.reference) }, uniquingKeysWith: { first, _ in first }
      )
      var rows = Rows(
        plan: .reference(
          LogicalReference(
            number: number, name: "rows", columns: columns, sources: sources.map(\.id))),
        keys: [:])
      var items: [NamedExpression] = []
      for place in set {
        guard let index = sources.firstIndex(where: { $0.id == keys[place].id }) else { continue }
        items.append(NamedExpression(passing: columns[index]))
        rows.keys[place] = columns[index]
      }
      var named: [NamedAggregate] = []
      for (item, call) in zip(aggregates, calls) {
        let column = numbers.column(item.column.name, item.column.type)
        named.append(
          NamedAggregate(column, call.mapExpressions { $0.replacingColumns(renaming) }))
        rows.results.append(column)
      }
      rows.plan = .aggregate(
        LogicalAggregate(input: rows.plan, groups: items, aggregates: named))
      add(rows, set, to: &union, &numbers)
    }
    return .materialize(
      LogicalMaterialize(
        number: number, name: "rows",
        shared: .project(LogicalProject(input: input, items: projection.items)),
        input: .unionAll(union)))
  }

  // MARK: the union

  private var emptyUnion: LogicalUnion {
    LogicalUnion(
      inputs: [], columns: setColumns + aggregates.map(\.column) + groupingCalls, inputColumns: [])
  }

  /// The rows of a set, with NULL for keys it does not have.
  private func add(
    _ rows: Rows, _ set: [Int], to union: inout LogicalUnion, _ numbers: inout PlanNumbers
  ) {
    var items: [NamedExpression] = []
    for place in groups.indices {
      if let key = rows.keys[place] {
        items.append(NamedExpression(passing: key))
      } else {
        let column = numbers.column(setColumns[place].name, setColumns[place].type)
        items.append(NamedExpression(column, .constant(.null, column.type)))
      }
    }
    items += rows.results.map { NamedExpression(passing: $0) }
    for (call, places) in zip(groupingCalls, groupingPlaces) {
      var mask: Int128 = 0
      for place in places { mask = mask << 1 | (set.contains(place) ? 0 : 1) }
      items.append(
        NamedExpression(
          numbers.column(call.name, call.type), .constant(.integer(mask), call.type)))
    }
    union.inputs.append(.project(LogicalProject(input: rows.plan, items: items)))
    union.inputColumns.append(items.map(\.column.id))
  }
}
