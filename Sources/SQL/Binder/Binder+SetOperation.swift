import Kernels
import Vectors

extension Binder {
  /// UNION [ALL], INTERSECT, EXCEPT. The distinct ones keep one row of each: INTERSECT by a semi join,
  /// EXCEPT by an anti join, both with NULL equal to NULL.
  func bindSetOperation(
    _ operation: SetOperationSyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    var relations: [BoundRelation] = []
    relations.reserveCapacity(operation.operands.count)
    for operand in operation.operands {
      relations.append(try bindBody(operand, parent: parent, commonTables: commonTables))
    }
    if operation.byName { relations = try matchedByName(relations, operation) }
    try checkWidths(relations, operation)
    let nulls = try unifyColumns(&relations, operation)
    switch operation.kind {
    case .union:
      let union = unionAll(relations)
      for index in nulls { untypedColumns[union.columns[index].id] = .constant(.null, .null) }
      return operation.isAll
        ? union : BoundRelation(plan: distinct(union.plan), columns: union.columns)
    case .intersect:
      return operation.isAll ? try intersectAll(relations) : fold(relations, .semi)
    case .except:
      return operation.isAll ? try exceptAll(relations) : fold(relations, .anti)
    }
  }

  /// - Throws: when the operands differ in their number of columns.
  func checkWidths(
    _ relations: [BoundRelation], _ operation: SetOperationSyntax
  ) throws(StoaError) {
    guard let first = relations.first else { return }
    for (index, relation) in relations.enumerated()
    where relation.columns.count != first.columns.count {
      throw StoaError(
        .binding,
        "\(operation.kind.rawValue) needs queries with equally many columns, but these have "
          + "\(first.columns.count) and \(relation.columns.count)",
        position: operation.operands[min(index, operation.operands.count - 1)].position)
    }
  }

  /// Casts each column to the type common to all operands. Bare NULLs and text literals follow the others.
  /// - Returns: the columns that are a bare NULL in every operand.
  func unifyColumns(
    _ relations: inout [BoundRelation], _ operation: SetOperationSyntax
  ) throws(StoaError) -> [Int] {
    guard let width = relations.first?.columns.count else { return [] }
    var types: [LogicalType] = []
    var nulls: [Int] = []
    for index in 0..<width {
      var type: LogicalType?
      var literalType = LogicalType.null
      for (number, relation) in relations.enumerated() {
        let column = relation.columns[index]
        if let literal = untypedColumns[column.id] {
          if literal.type != .null { literalType = literal.type }
        } else {
          type = try commonType(
            type, column.type, at: operation.operands[number].position,
            for: operation.kind.rawValue)
        }
      }
      if type == nil, literalType == .null { nulls.append(index) }
      types.append(type ?? (literalType == .null ? .integer : literalType))
    }
    for number in relations.indices {
      relations[number] = try cast(
        relations[number], to: types, at: operation.operands[number].position)
    }
    return nulls
  }

  /// The relation with columns of these types and distinct ids, nothing else.
  func cast(
    _ relation: BoundRelation, to types: [LogicalType], at position: Range<Int>
  ) throws(StoaError) -> BoundRelation {
    var items: [NamedExpression] = []
    for (column, type) in zip(relation.columns, types) {
      let source = untypedColumns[column.id] ?? column.reference
      let expression = try explicitCast(source, to: type, isTry: false, at: position)
      items.append(NamedExpression(numbers.column(column.name, type), expression))
    }
    let plan = LogicalPlan.project(LogicalProject(input: relation.plan, items: items))
    return BoundRelation(plan: plan, columns: items.map(\.column))
  }

  func unionAll(_ relations: [BoundRelation]) -> BoundRelation {
    let columns = relations[0].columns.map { numbers.column($0.name, $0.type) }
    let plan = LogicalPlan.unionAll(
      LogicalUnion(
        inputs: relations.map(\.plan), columns: columns,
        inputColumns: relations.map { $0.columns.map(\.id) }))
    return BoundRelation(plan: plan, columns: columns)
  }

  private func fold(_ relations: [BoundRelation], _ kind: JoinKind) -> BoundRelation {
    let first = relations[0]
    var plan = distinct(first.plan)
    for relation in relations.dropFirst() {
      let conditions = zip(first.columns, relation.columns).map {
        Expression.isDistinct($0.reference, $1.reference, isNegated: true)
      }
      plan = .join(
        LogicalJoin(kind: kind, left: plan, right: relation.plan, conditions: conditions))
    }
    return BoundRelation(plan: plan, columns: first.columns)
  }

  // MARK: VALUES

  func bindValues(
    _ values: ValuesSyntax, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    let clause = Clause("VALUES", scope: Scope(parent: parent, commonTables: commonTables))
    var rows: [[Expression]] = []
    /// Joins with the subqueries of a row, by its index.
    var subqueries: [Int: [PendingJoin]] = [:]
    let syntax = try values.rows()
    for row in syntax {
      var bound: [Expression] = []
      for item in row { bound.append(try bindExpression(item, clause)) }
      rows.append(bound)
      if !clause.pending.isEmpty {
        subqueries[rows.count - 1] = clause.pending
        clause.pending = []
      }
    }
    let width = rows[0].count
    for (index, row) in rows.enumerated() where row.count != width {
      throw StoaError(
        .binding,
        "all rows of VALUES must have \(width) fields, but row \(index + 1) has \(row.count)",
        position: syntax[index].first?.position ?? values.position)
    }
    var columns: [PlanColumn] = []
    for index in 0..<width {
      let isNull = rows.allSatisfy { isBareNull($0[index]) }
      let unifiedColumn = try unified(
        rows.map { $0[index] }, at: values.position, for: "VALUES")
      for row in rows.indices {
        rows[row][index] = try known(unifiedColumn[row], at: syntax[row][index].position)
      }
      columns.append(numbers.column("col\(index)", rows[0][index].type))
      if isNull { untypedColumns[columns[index].id] = .constant(.null, .null) }
    }
    return valuesRelation(columns, rows, subqueries)
  }

  /// VALUES as a plan; rows that refer to an outer query become a union of projections.
  func valuesRelation(
    _ columns: [PlanColumn], _ rows: [[Expression]], _ subqueries: [Int: [PendingJoin]] = [:]
  ) -> BoundRelation {
    let isConstant =
      subqueries.isEmpty && rows.allSatisfy { $0.allSatisfy { $0.columnIDs.isEmpty } }
    if isConstant {
      return BoundRelation(
        plan: .values(LogicalValues(columns: columns, rows: rows)), columns: columns)
    }
    let parts = rows.enumerated().map { index, row in
      let items = zip(columns, row).map {
        NamedExpression(numbers.column($0.name, $0.type), $1)
      }
      return BoundRelation(
        plan: .project(
          LogicalProject(
            input: LogicalPlan.oneRow.attaching(subqueries[index] ?? []), items: items)),
        columns: items.map(\.column))
    }
    return parts.count == 1 ? parts[0] : unionAll(parts)
  }
}
