import Catalog
import Kernels
import Vectors

/// INTERSECT ALL and EXCEPT ALL: all rows together are grouped, with the number of times each operand has them, and
/// given out as often as those numbers say. UNION BY NAME.
extension Binder {
  /// Rows as often as the operand has them that has them least often.
  func intersectAll(_ relations: [BoundRelation]) throws(StoaError) -> BoundRelation {
    let count = try aggregate("count", [.tinyint])
    var marks: [[Expression]] = []
    for index in relations.indices {
      marks.append(
        relations.indices.map { .constant($0 == index ? .integer(1) : .null, .tinyint) })
    }
    return counted(relations, marks, Array(repeating: count, count: relations.count)) { counts in
      counts.dropFirst().reduce(counts[0]) { least, next in
        .conditional(
          [ConditionalBranch(condition: .comparison(.less, next, least), result: next)],
          otherwise: least, type: .bigint)
      }
    }
  }

  /// Rows as often as the first operand has them, less the times the others do.
  func exceptAll(_ relations: [BoundRelation]) throws(StoaError) -> BoundRelation {
    let sum = try aggregate("sum", [.tinyint])
    let marks = relations.indices.map { index in
      [Expression.constant(.integer(index == 0 ? 1 : -1), .tinyint)]
    }
    var failure: StoaError?
    let result = counted(relations, marks, [sum]) { counts in
      do throws(StoaError) {
        return try explicitCast(counts[0], to: .bigint, isTry: false, at: 0..<0)
      } catch {
        failure = error
        return counts[0]
      }
    }
    if let failure { throw failure }
    return result
  }

  /// All rows, each under `marks` of its operand; grouped, with an aggregate over each mark, and repeated as often as
  /// `times` makes of those.
  private func counted(
    _ relations: [BoundRelation], _ marks: [[Expression]], _ aggregates: [BoundAggregate],
    _ times: ([Expression]) -> Expression
  ) -> BoundRelation {
    var inputs: [BoundRelation] = []
    for (relation, marks) in zip(relations, marks) {
      let passed = relation.columns.map { column in
        NamedExpression(numbers.column(column.name, column.type), column.reference)
      }
      let items = passed + marks.map { NamedExpression(numbers.column("mark", $0.type), $0) }
      inputs.append(
        BoundRelation(
          plan: .project(LogicalProject(input: relation.plan, items: items)),
          columns: items.map(\.column)))
    }
    let union = unionAll(inputs)
    let width = relations[0].columns.count
    let columns = Array(union.columns.prefix(width))
    let calls = zip(union.columns.dropFirst(width), aggregates).map { mark, function in
      NamedAggregate(
        numbers.column("count", function.resultType),
        AggregateCall(function: function, arguments: [mark.reference]))
    }
    let grouped = LogicalPlan.aggregate(
      LogicalAggregate(
        input: union.plan, groups: columns.map { NamedExpression(passing: $0) }, aggregates: calls))
    let repeated = LogicalPlan.repeated(
      LogicalRepeat(input: grouped, count: times(calls.map(\.column.reference))))
    return BoundRelation(
      plan: .project(
        LogicalProject(input: repeated, items: columns.map { NamedExpression(passing: $0) })),
      columns: columns)
  }

  /// UNION BY NAME: every operand gets all columns, in the order in which they first occur; those it has not are NULL.
  func matchedByName(
    _ relations: [BoundRelation], _ operation: SetOperationSyntax
  ) throws(StoaError) -> [BoundRelation] {
    var names: [String] = []
    var keys: [String: Int] = [:]
    for (relation, operand) in zip(relations, operation.operands) {
      var own: Set<String> = []
      for column in relation.columns {
        let key = CatalogState.key(column.name)
        guard own.insert(key).inserted else {
          throw StoaError(
            .binding, "UNION BY NAME needs different names, but \"\(column.name)\" comes twice",
            position: operand.position)
        }
        if keys[key] == nil {
          keys[key] = names.count
          names.append(column.name)
        }
      }
    }
    return relations.map { relation in
      var places = [PlanColumn?](repeating: nil, count: names.count)
      for column in relation.columns {
        if let place = keys[CatalogState.key(column.name)] { places[place] = column }
      }
      let items = zip(places, names).map { column, name in
        guard let column else {
          let missing = numbers.column(name, .integer)
          untypedColumns[missing.id] = .constant(.null, .null)
          return NamedExpression(missing, .constant(.null, .integer))
        }
        var renamed = column
        renamed.name = name
        return NamedExpression(passing: renamed)
      }
      return BoundRelation(
        plan: .project(LogicalProject(input: relation.plan, items: items)),
        columns: items.map(\.column))
    }
  }
}
