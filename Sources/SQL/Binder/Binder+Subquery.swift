import Catalog
import Kernels
import Vectors

/// Subqueries in expressions become joins on the clause's input. As whole conjuncts of WHERE or HAVING they
/// are semi and anti joins; elsewhere their truth value is a column: of a mark join, or of a count.
extension Binder {
  /// One conjunct; subqueries that only filter leave no expression behind.
  func bindConjunct(
    _ syntax: ExpressionSyntax, _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    switch syntax.kind {
    case .not(let operand):
      switch operand.kind {
      case .exists(let query):
        try filterByExistence(query, .anti, clause)
        return []
      case .inSubquery(let left, let query, let negated):
        return try filterByMembership(
          left, .equal, query, isNegated: !negated, clause, operand.position)
      default: break
      }
    case .exists(let query):
      try filterByExistence(query, .semi, clause)
      return []
    case .inSubquery(let operand, let query, let negated):
      return try filterByMembership(
        operand, .equal, query, isNegated: negated, clause, syntax.position)
    case .quantified(let operand, let op, let isAll, let query):
      let comparison = try comparisonOperator(op, syntax.position)
      return try filterByMembership(
        operand, isAll ? comparison.negated : comparison, query, isNegated: isAll, clause,
        syntax.position)
    default: break
    }
    return try bindCondition(syntax, clause).conjuncts
  }

  private func bindInner(
    _ query: QuerySyntax, _ clause: Clause
  ) throws(StoaError) -> BoundRelation {
    try bindQuery(query, parent: clause.scope, commonTables: clause.scope.commonTables)
  }

  // MARK: EXISTS

  private func filterByExistence(
    _ query: QuerySyntax, _ kind: JoinKind, _ clause: Clause
  ) throws(StoaError) {
    let plan = try bindInner(query, clause).plan
    let right = plan.freeColumns.isEmpty ? firstRow(of: plan) : plan
    clause.pending.append(PendingJoin(kind: kind, right: right))
  }

  private func firstRow(of plan: LogicalPlan) -> LogicalPlan {
    .limit(LogicalLimit(input: plan, limit: .constant(.integer(1), .bigint), offset: nil))
  }

  func bindExists(_ query: QuerySyntax, _ clause: Clause) throws(StoaError) -> Expression {
    try existence(of: try bindInner(query, clause).plan, clause)
  }

  /// TRUE or FALSE: whether the plan has rows.
  private func existence(of plan: LogicalPlan, _ clause: Clause) throws(StoaError) -> Expression {
    if plan.freeColumns.isEmpty {
      let count = NamedAggregate(
        numbers.column("count", .bigint),
        AggregateCall(function: try aggregate("count", []), arguments: []))
      let counted = LogicalPlan.aggregate(
        LogicalAggregate(input: firstRow(of: plan), groups: [], aggregates: [count]))
      clause.pending.append(PendingJoin(kind: .single, right: counted))
      return .comparison(.greater, count.column.reference, .constant(.integer(0), .bigint))
    }
    let mark = numbers.column("exists", .boolean)
    clause.pending.append(PendingJoin(kind: .mark, right: plan, mark: mark))
    return .isDistinct(mark.reference, .true_, isNegated: true)
  }

  // MARK: scalar subqueries

  func bindScalarSubquery(
    _ query: QuerySyntax, _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let relation = try bindInner(query, clause)
    guard relation.columns.count == 1 else {
      throw StoaError(
        .binding, "a subquery used as a value must have one column, not \(relation.columns.count)",
        position: position)
    }
    // The column may be one of the outer query's own; then it must get a name of its own.
    let (plan, columns) = isolated(relation)
    clause.pending.append(PendingJoin(kind: .single, right: plan))
    if isBareNull(relation.columns[0].reference) { return .constant(.null, .null) }
    return columns[0].reference
  }

  /// The columns of a subquery that gives at most one row.
  func bindRowSubquery(
    _ query: QuerySyntax, _ clause: Clause
  ) throws(StoaError) -> [PlanColumn] {
    let (plan, columns) = isolated(try bindInner(query, clause))
    clause.pending.append(PendingJoin(kind: .single, right: plan))
    return columns
  }

  /// A subquery's result under ids the outer query cannot have, and nothing else.
  private func isolated(_ relation: BoundRelation) -> (plan: LogicalPlan, columns: [PlanColumn]) {
    let items = relation.columns.map {
      NamedExpression(numbers.column($0.name, $0.type), $0.reference)
    }
    let plan = LogicalPlan.project(LogicalProject(input: relation.plan, items: items))
    return (plan, items.map(\.column))
  }

  // MARK: IN, ANY, ALL

  /// The values left of IN and the subquery's columns, and the condition for a match.
  private func matchConditions(
    _ operand: ExpressionSyntax, _ op: ComparisonOperator, _ query: QuerySyntax, _ clause: Clause,
    _ position: Range<Int>
  ) throws(StoaError) -> (plan: LogicalPlan, conditions: [Expression]) {
    let (plan, columns) = isolated(try bindInner(query, clause))
    var fields = [operand]
    if case .row(let parts) = operand.kind { fields = parts }
    guard fields.count == columns.count else {
      throw StoaError(
        .binding,
        "the subquery has \(columns.count) columns, but is compared with \(fields.count)",
        position: position)
    }
    if fields.count > 1, op != .equal {
      let left = try bindRow(operand, clause)
      let condition = try rowComparison(op, left, columns.map(\.reference), at: position)
      return (plan, [condition])
    }
    var conditions: [Expression] = []
    for (field, column) in zip(fields, columns) {
      let left = try bindExpression(field, clause)
      conditions.append(try comparison(op, left, column.reference, at: field.position))
    }
    return (plan, conditions)
  }

  /// Keeps rows for which `operand op ANY (query)` is true, or with `isNegated` its negation.
  private func filterByMembership(
    _ operand: ExpressionSyntax, _ op: ComparisonOperator, _ query: QuerySyntax, isNegated: Bool,
    _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> [Expression] {
    let (plan, conditions) = try matchConditions(operand, op, query, clause, position)
    if !isNegated {
      clause.pending.append(PendingJoin(kind: .semi, right: plan, conditions: conditions))
      return []
    }
    if conditions.count == 1, op == .equal, plan.freeColumns.isEmpty {
      let mark = numbers.column("in", .boolean)
      clause.pending.append(
        PendingJoin(kind: .mark, right: plan, conditions: conditions, mark: mark))
      return [.not(mark.reference)]
    }
    // NOT IN is true when no row matches or could match: an unknown comparison counts as a match.
    let mayMatch = Expression.isDistinct(
      .all(of: conditions), .false_, isNegated: false)
    clause.pending.append(PendingJoin(kind: .anti, right: plan, conditions: [mayMatch]))
    return []
  }

  /// `operand op ANY (query)` as a value, or with `isNegated` its negation.
  func bindMembership(
    _ operand: ExpressionSyntax, _ op: ComparisonOperator, _ query: QuerySyntax, isNegated: Bool,
    _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    let (plan, conditions) = try matchConditions(operand, op, query, clause, position)
    let result: Expression
    if conditions.count == 1, plan.freeColumns.isEmpty {
      let mark = numbers.column("in", .boolean)
      clause.pending.append(
        PendingJoin(kind: .mark, right: plan, conditions: conditions, mark: mark))
      result = mark.reference
    } else {
      // Two questions, each with a plan of its own: is there a match, could there be one.
      let (other, otherConditions) = try matchConditions(operand, op, query, clause, position)
      let matches = mark(plan, conditions, clause)
      let mayMatch = mark(
        other, [.isDistinct(.all(of: otherConditions), .false_, isNegated: false)], clause)
      result = .conditional(
        [
          ConditionalBranch(condition: matches, result: .true_),
          ConditionalBranch(condition: mayMatch, result: .constant(.null, .boolean)),
        ], otherwise: .false_, type: .boolean)
    }
    return isNegated ? .not(result) : result
  }

  /// TRUE or FALSE: whether some row of `plan` meets the conditions.
  private func mark(
    _ plan: LogicalPlan, _ conditions: [Expression], _ clause: Clause
  ) -> Expression {
    let mark = numbers.column("match", .boolean)
    clause.pending.append(PendingJoin(kind: .mark, right: plan, conditions: conditions, mark: mark))
    return .isDistinct(mark.reference, .true_, isNegated: true)
  }

  func bindQuantified(
    _ operand: ExpressionSyntax, _ op: BinaryOperatorSyntax, _ isAll: Bool, _ query: QuerySyntax,
    _ clause: Clause, _ position: Range<Int>
  ) throws(StoaError) -> Expression {
    // x > ALL (q) is NOT (x <= ANY (q)).
    let comparison = try comparisonOperator(op, position)
    return try bindMembership(
      operand, isAll ? comparison.negated : comparison, query, isNegated: isAll, clause, position)
  }

  private func comparisonOperator(
    _ op: BinaryOperatorSyntax, _ position: Range<Int>
  ) throws(StoaError) -> ComparisonOperator {
    switch op {
    case .equal: return .equal
    case .notEqual: return .notEqual
    case .less: return .less
    case .lessOrEqual: return .lessOrEqual
    case .greater: return .greater
    case .greaterOrEqual: return .greaterOrEqual
    default: throw unsupported("ANY and ALL with operator \(op.rawValue)", position)
    }
  }
}
