import Kernels
import Vectors

/// SELECT DISTINCT ON: the first row of each group of rows that agree on some expressions, first by ORDER BY. It is a
/// grouping by those expressions that takes `first(… ORDER BY …)` of everything else.
extension Binder {
  /// - Throws: `.binding` unless the sort keys begin with the expressions, in any order.
  func distinct(
    _ input: LogicalPlan, on keys: [PlanColumn], sort: [SortItem], columns: [PlanColumn],
    at position: Range<Int>
  ) throws(StoaError) -> BoundRelation {
    let keyIDs = Set(keys.map(\.id))
    let leading = sort.prefix { $0.expression.columnID.map(keyIDs.contains) ?? false }
    let covered = Set(leading.compactMap(\.expression.columnID))
    guard leading.count == sort.count || covered == keyIDs else {
      throw StoaError(
        .binding, "SELECT DISTINCT ON: ORDER BY must begin with the expressions of DISTINCT ON",
        position: position)
    }
    let rest = Array(sort.dropFirst(leading.count))
    var groups: [NamedExpression] = []
    for key in keys where !groups.contains(where: { $0.column.id == key.id }) {
      groups.append(NamedExpression(passing: key))
    }
    var firsts: [Int: PlanColumn] = [:]
    var aggregates: [NamedAggregate] = []
    for column in columns where !keyIDs.contains(column.id) && firsts[column.id] == nil {
      let function = try aggregate("first", [column.type])
      let first = numbers.column(column.name, column.type)
      firsts[column.id] = first
      untypedColumns[first.id] = untypedColumns[column.id]
      aggregates.append(
        NamedAggregate(
          first, AggregateCall(function: function, arguments: [column.reference], orderBy: rest)))
    }
    var plan = LogicalPlan.aggregate(
      LogicalAggregate(input: input, groups: groups, aggregates: aggregates))
    // Behind these keys there is one row each.
    if !leading.isEmpty { plan = .sort(LogicalSort(input: plan, items: Array(leading))) }
    let results = columns.map { column in
      var result = firsts[column.id] ?? column
      result.name = column.name
      return result
    }
    var kept: [NamedExpression] = []
    for column in results where !kept.contains(where: { $0.column.id == column.id }) {
      kept.append(NamedExpression(passing: column))
    }
    return BoundRelation(
      plan: .project(LogicalProject(input: plan, items: kept)), columns: results)
  }
}
