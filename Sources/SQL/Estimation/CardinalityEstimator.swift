import Catalog
import Kernels
import Vectors

#if canImport(Glibc)
  import Glibc
#endif

/// `base` to the power of `exponent`.
func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// Guesses how many rows each operator gives out, from table statistics: distinct counts, ranges, NULL
/// fractions. Assumes columns to be independent and values to be spread evenly; equality of a foreign key
/// with a key is exact under these.
struct CardinalityEstimator {
  let catalog: any PlannerCatalog
  /// Estimates of shared plans by number, as they become known.
  var shared: [Int: RelationEstimate] = [:]

  init(catalog: any PlannerCatalog) { self.catalog = catalog }

  /// Estimate of a whole tree.
  mutating func estimate(_ plan: LogicalPlan) -> RelationEstimate {
    if case .materialize(let node) = plan {
      shared[node.number] = estimate(node.shared)
      return estimate(node.input)
    }
    if case .recursion(let node) = plan {
      let initial = estimate(node.initial)
      shared[node.number] = node.renamed(initial)
      return estimate(plan, over: [initial, estimate(node.step)])
    }
    var inputs: [RelationEstimate] = []
    for input in plan.inputs { inputs.append(estimate(input)) }
    return estimate(plan, over: inputs)
  }

  /// Estimate of one operator over the estimates of its inputs.
  func estimate(_ plan: LogicalPlan, over inputs: [RelationEstimate]) -> RelationEstimate {
    switch plan {
    case .get(let node): return table(node)
    case .values(let node):
      return unknown(rows: Double(node.rows.count), node.columns)
    case .tableFunction(let node):
      return unknown(rows: node.estimatedRows ?? 10_000, node.columns)
    case .filter(let node): return filtered(inputs[0], by: node.conditions)
    case .project(let node): return projected(inputs[0], node.items)
    case .join(let node): return join(node, inputs[0], inputs[1])
    case .aggregate(let node): return aggregate(node, inputs[0])
    case .sort: return inputs[0]
    case .window(let node): return windowed(inputs[0], node)
    case .limit(let node): return limited(node, inputs[0])
    case .unionAll(let node): return union(node, inputs)
    case .singleRow: return inputs[0].thinned(to: 1)
    case .materialize: return inputs[1]
    case .reference(let node): return reference(node)
    case .repeated, .groupLimit, .sample, .asofJoin, .recursion:
      return query(plan, over: inputs)
    }
  }

  // MARK: leaves

  private func unknown(rows: Double, _ columns: [PlanColumn]) -> RelationEstimate {
    RelationEstimate(
      rows: rows,
      columns: Dictionary(
        columns.map { ($0.id, ColumnEstimate.unknown(rows: rows)) },
        uniquingKeysWith: { first, _ in first }))
  }

  private func table(_ node: LogicalGet) -> RelationEstimate {
    let known =
      node.version.map { catalog.statistics(of: node.table.id, at: $0) }
      ?? catalog.statistics(of: node.table.id)
    guard let statistics = known else {
      return unknown(rows: 1_000, node.columns)
    }
    let rows = Double(statistics.rowCount)
    var result = RelationEstimate(rows: rows, columns: [:])
    result.columns.reserveCapacity(node.columns.count)
    for (column, source) in zip(node.columns, node.sources) {
      let known = statistics.columns[source]
      let isKey = source == SystemColumn.row || node.table.isUnique([source])
      let ordinal = Ordinal(known?.minimum, known?.maximum)
      var distinct = known?.distinctCount ?? (isKey ? rows : nil)
      let minimum = known?.minimum.flatMap(ordinal.number)
      let maximum = known?.maximum.flatMap(ordinal.number)
      if column.type.physical.isInteger, let minimum, let maximum {
        distinct = min(distinct ?? .infinity, maximum - minimum + 1)
      }
      result.columns[column.id] = ColumnEstimate(
        distinct: max(1, min(distinct ?? rows / 10, rows)), minimum: minimum, maximum: maximum,
        nullFraction: rows > 0 ? Double(known?.nullCount ?? 0) / rows : 0, ordinal: ordinal)
    }
    return result
  }

  private func reference(_ node: LogicalReference) -> RelationEstimate {
    guard let source = shared[node.number] else { return unknown(rows: 1_000, node.columns) }
    var result = RelationEstimate(rows: source.rows, columns: [:])
    for (column, id) in zip(node.columns, node.sources) {
      result.columns[column.id] = source.column(id)
    }
    return result
  }

  // MARK: one input

  private func projected(
    _ input: RelationEstimate, _ items: [NamedExpression]
  ) -> RelationEstimate {
    var result = RelationEstimate(rows: input.rows, columns: [:])
    for item in items {
      result.columns[item.column.id] = expression(item.expression, input)
    }
    return result
  }

  /// The input with columns whose values are mostly different.
  private func windowed(_ input: RelationEstimate, _ node: LogicalWindow) -> RelationEstimate {
    var result = input
    for item in node.functions {
      var column = ColumnEstimate.unknown(rows: input.rows)
      column.nullFraction = 0
      result.columns[item.column.id] = column
    }
    return result
  }

  /// What is believed of a computed column.
  func expression(_ expression: Expression, _ input: RelationEstimate) -> ColumnEstimate {
    if let id = expression.columnID { return input.column(id) }
    var result = ColumnEstimate.unknown(rows: input.rows)
    var distinct = 1.0
    for id in expression.columnIDs { distinct *= input.column(id).distinct }
    result.distinct = max(1, min(distinct, input.rows))
    result.nullFraction = 0
    return result
  }

  private func aggregate(
    _ node: LogicalAggregate, _ input: RelationEstimate
  ) -> RelationEstimate {
    var result = RelationEstimate(rows: 1, columns: [:])
    if !node.groups.isEmpty {
      let groups = node.groups.map { expression($0.expression, input) }
      result.rows = groupCount(groups.map(\.distinct), rows: input.rows)
      for (group, estimate) in zip(node.groups, groups) {
        result.columns[group.column.id] = estimate.thinned(from: input.rows, to: result.rows)
        result.columns[group.column.id]?.distinct = min(estimate.distinct, max(1, result.rows))
      }
    }
    for item in node.aggregates {
      var column = ColumnEstimate.unknown(rows: result.rows)
      column.distinct = max(1, result.rows)
      column.nullFraction = 0
      result.columns[item.column.id] = column
    }
    return result
  }

  /// Number of combinations that occur: the product, tending to the number of rows as it nears it.
  func groupCount(_ distincts: [Double], rows: Double) -> Double {
    guard rows > 0 else { return 0 }
    let combinations = distincts.reduce(1, *)
    if combinations <= 1 { return min(1, rows) }
    let expected = combinations * -expm1(-rows / combinations)
    return max(1, min(expected, rows))
  }

  private func limited(_ node: LogicalLimit, _ input: RelationEstimate) -> RelationEstimate {
    let offset = Double(node.offset?.constantValue?.integer ?? 0)
    var rows = max(0, input.rows - offset)
    if let limit = node.limit?.constantValue?.integer { rows = min(rows, Double(limit)) }
    return input.thinned(to: rows)
  }

  private func union(_ node: LogicalUnion, _ inputs: [RelationEstimate]) -> RelationEstimate {
    var result = RelationEstimate(rows: inputs.reduce(0) { $0 + $1.rows }, columns: [:])
    for (index, column) in node.columns.enumerated() {
      var estimate = ColumnEstimate.unknown(rows: result.rows)
      estimate.distinct = 0
      for (input, ids) in zip(inputs, node.inputColumns) where index < ids.count {
        estimate.distinct += input.column(ids[index]).distinct
      }
      estimate.distinct = max(1, estimate.distinct)
      result.columns[column.id] = estimate
    }
    return result
  }
}
