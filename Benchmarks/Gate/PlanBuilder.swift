import Catalog
import Kernels
import SQL
import Vectors

/// Puts physical plans together by column name: the values that `Executor` runs, without text, binder, optimizer
/// or statistics.
struct PlanBuilder {
  private let catalog: CatalogState
  private var filterCount = 0

  init(_ catalog: CatalogState) { self.catalog = catalog }

  /// One table; `conditions` are over one column each.
  func scan(
    _ name: String, _ columns: [String], where conditions: [(column: String, Condition)] = []
  ) throws(StoaError) -> ScanNode {
    guard let table = catalog.table(named: name) else {
      throw StoaError(.binding, "there is no table \(name)")
    }
    var outputs: [OutputColumn] = []
    var ids: [ColumnID] = []
    for column in columns {
      let definition = try definition(column, table)
      outputs.append(OutputColumn(name: column, type: definition.type))
      ids.append(definition.id)
    }
    var predicates: [ScanPredicate] = []
    for (column, condition) in conditions {
      let definition = try definition(column, table)
      predicates.append(
        ScanPredicate(
          column: definition.id, condition: condition.expression(on: .column(0, definition.type))))
    }
    return ScanNode(
      facts: PlanFacts(columns: outputs, estimatedRows: 0), table: table.id, tableName: name,
      columns: ids, predicates: predicates)
  }

  private func definition(
    _ name: String, _ table: TableDefinition
  ) throws(StoaError) -> ColumnDefinition {
    guard let index = table.index(ofColumnNamed: name) else {
      throw StoaError(.binding, "\(table.name) has no column \(name)")
    }
    return table.columns[index]
  }

  /// The star around `fact`: dimensions in the order in which they are joined, each with the foreign key that
  /// refers to its first column. Every dimension's keys are published to the scan of the fact.
  mutating func star(
    _ fact: ScanNode, _ dimensions: [(foreignKey: String, table: ScanNode)], giving: [String]
  ) throws(StoaError) -> PhysicalPlan {
    var fact = fact
    var joins: [(foreignKey: String, table: ScanNode, filter: Int)] = []
    guard let table = catalog.table(fact.table) else {
      throw StoaError(.binding, "there is no table \(fact.tableName)")
    }
    for (foreignKey, dimension) in dimensions {
      filterCount += 1
      let column = try definition(foreignKey, table)
      fact.runtimeFilters.append(RuntimeFilterUse(filter: filterCount, column: column.id))
      joins.append((foreignKey, dimension, filterCount))
    }
    var plan = PhysicalPlan.scan(fact)
    for (index, join) in joins.enumerated() {
      let needed = Set(giving).union(joins[(index + 1)...].map(\.foreignKey))
      plan = try self.join(plan, join.table, join.foreignKey, join.filter, needed)
    }
    return plan
  }

  private func join(
    _ probe: PhysicalPlan, _ build: ScanNode, _ key: String, _ filter: Int, _ needed: Set<String>
  ) throws(StoaError) -> PhysicalPlan {
    let columns = probe.facts.columns + build.facts.columns
    let output = columns.indices.filter { needed.contains(columns[$0].name) }
    let facts = PlanFacts(columns: output.map { columns[$0] }, estimatedRows: 0)
    return .hashJoin(
      HashJoinNode(
        facts: facts, kind: .inner, probe: probe, build: .scan(build),
        probeKeys: [try column(key, probe)],
        buildKeys: [.column(0, build.facts.columns[0].type)], residual: nil, buildIsUnique: true,
        output: output, runtimeFilters: [filter]))
  }

  /// The reference to a column that `plan` gives out.
  func column(_ name: String, _ plan: PhysicalPlan) throws(StoaError) -> Expression {
    guard let index = plan.facts.columns.firstIndex(where: { $0.name == name }) else {
      throw StoaError(.binding, "no operator gives out \(name)")
    }
    return .column(index, plan.facts.columns[index].type)
  }

  /// Groups, then the sum of `value`.
  func sum(
    _ value: Expression, as name: String, by groups: [String], _ input: PhysicalPlan
  ) throws(StoaError) -> PhysicalPlan {
    var keys: [Expression] = []
    for group in groups { keys.append(try column(group, input)) }
    guard let function = AggregateRegistry.find("sum") else {
      throw StoaError(.inconsistency, "there is no sum")
    }
    let bound = try function.resolve(argumentTypes: [value.type])
    var columns = zip(groups, keys).map { OutputColumn(name: $0, type: $1.type) }
    columns.append(OutputColumn(name: name, type: bound.resultType))
    return .aggregate(
      AggregateNode(
        facts: PlanFacts(columns: columns, estimatedRows: 0), input: input, groups: keys,
        aggregates: [AggregateCall(function: bound, arguments: [value])]))
  }

  /// ORDER BY, and the columns in the order of the answer.
  func answer(
    _ columns: [String], orderedBy items: [(column: String, isDescending: Bool)],
    _ input: PhysicalPlan
  ) throws(StoaError) -> PhysicalPlan {
    var sortItems: [SortItem] = []
    for (name, isDescending) in items {
      sortItems.append(
        SortItem(
          expression: try column(name, input), isDescending: isDescending, nullsFirst: isDescending)
      )
    }
    let sorted = PhysicalPlan.sort(
      SortNode(facts: input.facts, input: input, items: sortItems))
    var expressions: [Expression] = []
    for name in columns { expressions.append(try column(name, sorted)) }
    let outputs = zip(columns, expressions).map { OutputColumn(name: $0, type: $1.type) }
    return .project(
      ProjectNode(
        facts: PlanFacts(columns: outputs, estimatedRows: 0), input: sorted,
        expressions: expressions))
  }
}

/// A condition on one column.
enum Condition {
  case equal(Value)
  case less(Int)
  case between(Int, Int)
  case oneOf([Value])

  func expression(on column: Expression) -> Expression {
    func compare(_ op: ComparisonOperator, _ value: Value) -> Expression {
      .comparison(op, column, .constant(value, column.type))
    }
    return switch self {
    case .equal(let value): compare(.equal, value)
    case .less(let bound): compare(.less, .integer(Int128(bound)))
    case .between(let low, let high):
      .and([
        compare(.greaterOrEqual, .integer(Int128(low))),
        compare(.lessOrEqual, .integer(Int128(high))),
      ])
    case .oneOf(let values): .inSet(column, values: values, hasNull: false)
    }
  }
}
