import Catalog
import Kernels
import Vectors

/// MERGE becomes a join of source and target that keeps the unmatched rows some clause asks for:
///
///     source ⟕ target → which clause applies ($clause) → new values, by clause → RETURNING
///
/// The clause is found once per row; values are a CASE over it, of which only the rows that need a branch
/// evaluate it, so a clause that does not apply raises no errors.
extension Binder {
  /// One WHEN clause.
  private struct BoundClause {
    var match: MergeClauseSyntax.Match
    var condition: Expression?
    var action: RowAction
    /// All columns of the table, for clauses that insert.
    var values: [Expression] = []
  }

  func bindMerge(_ merge: MergeSyntax) throws(StoaError) -> BoundChange {
    let target = try changeTarget(merge.table, merge.alias)
    let join = try bindMergeJoin(merge, target)
    try checkReachable(merge.clauses)
    var pending: [PendingJoin] = []
    var clauses: [BoundClause] = []
    for syntax in merge.clauses {
      let clause = Clause("WHEN", scope: mergeScope(syntax.match, target, join.source))
      clauses.append(try bindMergeClause(syntax, target, clause))
      pending += clause.pending
    }
    return try mergeChange(merge, target, join, clauses, join.plan.attaching(pending))
  }

  // MARK: the join

  private struct MergeJoin {
    var plan: LogicalPlan
    var source: [Scope.Entry]
    /// Rows that every row of the plan belongs to; `nil` when there are several kinds.
    var only: MergeClauseSyntax.Match?
    /// Not NULL in rows that have a source row; `nil` when all have, or none.
    var presence: PlanColumn?
  }

  private func bindMergeJoin(
    _ merge: MergeSyntax, _ target: ChangeTarget
  ) throws(StoaError) -> MergeJoin {
    let scope = Scope(parent: nil, commonTables: statementTables)
    var source = try bindReference(merge.source, around: scope, left: nil)
    if let clash = source.entries.first(where: { $0.tableKey == CatalogState.key(target.alias) }) {
      throw duplicate(clash.table, merge.source.position)
    }
    let part = FromPart(plan: target.plan, entries: target.entries)
    func join(
      _ kind: JoinSyntax.Kind, _ left: FromPart, _ right: FromPart
    ) throws(StoaError) -> LogicalPlan {
      let syntax = JoinSyntax(
        kind: kind, isNatural: false, isAsof: false, left: merge.source, right: merge.source,
        condition: .on(merge.condition), operatorPosition: merge.condition.position)
      return try joined(syntax, left, right, around: scope).plan
    }
    let matches = merge.clauses.map(\.match)
    let keepsTarget = matches.contains(.notMatchedBySource)
    switch (matches.contains(.matched), matches.contains(.notMatched), keepsTarget) {
    case (true, false, false):
      return MergeJoin(
        plan: try join(.inner, source, part), source: source.entries, only: .matched)
    case (false, true, false):
      return MergeJoin(
        plan: try join(.anti, source, part), source: source.entries, only: .notMatched)
    case (false, false, true) where merge.returning.isEmpty:
      return MergeJoin(
        plan: try join(.anti, part, source), source: source.entries, only: .notMatchedBySource)
    case (_, let keepsSource, _):
      var presence: PlanColumn?
      if keepsTarget {
        let column = numbers.column("$source", .boolean)
        source.plan = extended(source.plan, by: [NamedExpression(column, .true_)])
        presence = column
      }
      let kind: JoinSyntax.Kind = keepsSource ? (keepsTarget ? .full : .left) : .right
      return MergeJoin(
        plan: try join(kind, source, part), source: source.entries, presence: presence)
    }
  }

  /// What a clause sees: unmatched rows have one side only.
  private func mergeScope(
    _ match: MergeClauseSyntax.Match, _ target: ChangeTarget, _ source: [Scope.Entry]
  ) -> Scope {
    switch match {
    case .matched: return target.scope(with: source)
    case .notMatchedBySource: return target.scope()
    case .notMatched:
      let scope = Scope(parent: nil, commonTables: statementTables)
      scope.replaceEntries(source)
      return scope
    }
  }

  // MARK: clauses

  private func checkReachable(_ clauses: [MergeClauseSyntax]) throws(StoaError) {
    for (index, clause) in clauses.enumerated() {
      let isHidden = clauses[..<index].contains { $0.match == clause.match && $0.condition == nil }
      if isHidden {
        throw StoaError(
          .binding, "this WHEN clause is never reached",
          hint: "One of the same kind before it has no condition", position: clause.position)
      }
    }
  }

  private func bindMergeClause(
    _ syntax: MergeClauseSyntax, _ target: ChangeTarget, _ clause: Clause
  ) throws(StoaError) -> BoundClause {
    var bound = BoundClause(match: syntax.match, action: .nothing)
    if let condition = syntax.condition { bound.condition = try bindCondition(condition, clause) }
    switch syntax.action {
    case .nothing: break
    case .delete:
      bound.action = .delete
      bound.values = target.columns.map(\.reference)
    case .update(let assignments):
      bound.action = .replace
      bound.values = target.columns.map(\.reference)
      for (index, value) in try bindAssignments(assignments, target.table, clause) {
        bound.values[index] = value
      }
    case .insert(let names, let values):
      bound.action = .insert
      bound.values = try defaults(target.table)
      guard let values else { break }
      let targets = try insertTargets(names, target.table)
      try checkCount(values.count, targets, target.table, syntax.position)
      for (value, index) in zip(values, targets) {
        bound.values[index] = try bindNewValue(value, for: target.table.columns[index], clause)
      }
    }
    return bound
  }

  /// The position of the first clause that applies; NULL for none.
  private func clauseNumber(
    _ clauses: [BoundClause], _ target: ChangeTarget, _ join: MergeJoin
  ) -> Expression {
    var branches: [ConditionalBranch] = []
    for (index, clause) in clauses.enumerated() {
      var conditions: [Expression] = []
      if join.only == nil {
        let hasNoTarget = clause.match == .notMatched
        let hasNoSource = clause.match == .notMatchedBySource
        if !hasNoSource {
          conditions.append(.isNull(target.row.reference, isNegated: !hasNoTarget))
        }
        if !hasNoTarget, let presence = join.presence {
          conditions.append(.isNull(presence.reference, isNegated: !hasNoSource))
        }
      }
      if let condition = clause.condition { conditions.append(condition) }
      branches.append(
        ConditionalBranch(
          condition: .all(of: conditions), result: .constant(.integer(Int128(index)), .integer)))
    }
    return .conditional(branches, otherwise: nil, type: .integer)
  }

  // MARK: what comes out

  /// CASE over the clauses, by the number of the one that applies.
  private func choice(
    _ clauses: [BoundClause], _ number: PlanColumn?, _ type: LogicalType, otherwise: Expression?,
    _ result: (BoundClause) -> Expression?
  ) -> Expression {
    guard let number else {
      return clauses.first.flatMap(result) ?? otherwise ?? .constant(.null, type)
    }
    var branches: [ConditionalBranch] = []
    for (index, clause) in clauses.enumerated() {
      guard let value = result(clause) else { continue }
      let isClause = Expression.comparison(
        .equal, number.reference, .constant(.integer(Int128(index)), .integer))
      branches.append(ConditionalBranch(condition: isClause, result: value))
    }
    return branches.isEmpty
      ? otherwise ?? .constant(.null, type)
      : .conditional(branches, otherwise: otherwise, type: type)
  }

  private func mergeChange(
    _ merge: MergeSyntax, _ target: ChangeTarget, _ join: MergeJoin, _ clauses: [BoundClause],
    _ input: LogicalPlan
  ) throws(StoaError) -> BoundChange {
    var plan = input
    // One clause for all rows needs no number.
    var number: PlanColumn?
    if join.only == nil || clauses[0].condition != nil {
      let column = numbers.column("$clause", .integer)
      plan = extended(plan, by: [NamedExpression(column, clauseNumber(clauses, target, join))])
      number = column
    }
    var action = choice(clauses, number, .tinyint, otherwise: Binder.action(.nothing)) { clause in
      clause.action == .nothing ? nil : Binder.action(clause.action)
    }
    let hasValues = clauses.contains { $0.action == .insert || $0.action == .replace }
    let returnsOld = !merge.returning.isEmpty
    var values: [Expression] = []
    for (index, column) in target.table.columns.enumerated() where hasValues || returnsOld {
      values.append(
        choice(clauses, number, column.type, otherwise: nil) { clause in
          switch clause.action {
          case .insert, .replace: clause.values[index]
          case .delete: returnsOld ? clause.values[index] : nil
          case .nothing: nil
          }
        })
    }
    var returning = Returning()
    if !merge.returning.isEmpty {
      let computed = newColumns(target.table, values)
      let actionColumn = numbers.column("$action", .tinyint)
      let whole = try withGenerated(
        extended(plan, by: computed.items + [NamedExpression(actionColumn, action)]),
        computed.columns, of: target.table,
        where: .comparison(.notEqual, actionColumn.reference, Binder.action(.nothing)))
      plan = whole.plan
      values = whole.columns.map(\.reference)
      action = actionColumn.reference
      let scope = Scope(parent: nil, commonTables: statementTables)
      scope.replaceEntries(join.source + target.entries(whole.columns))
      returning = try bindReturning(
        merge.returning, over: scope, at: merge.position, action: actionName(actionColumn))
    }
    let query = try changeQuery(
      target.table, over: plan,
      row: join.only == .notMatched ? .constant(.null, .bigint) : target.row.reference,
      action: action, values: hasValues ? values : [], returning)
    return BoundChange(
      table: target.table, kind: .merge, source: query, hasValues: hasValues,
      mayRepeatRows: join.only == nil || join.only == .matched)
  }

  /// What `merge_action()` says.
  private func actionName(_ action: PlanColumn) -> Expression {
    func branch(_ wanted: RowAction, _ name: String) -> ConditionalBranch {
      ConditionalBranch(
        condition: .comparison(.equal, action.reference, Binder.action(wanted)),
        result: .constant(.string(name), .varchar))
    }
    return .conditional(
      [branch(.insert, "INSERT"), branch(.replace, "UPDATE"), branch(.delete, "DELETE")],
      otherwise: nil, type: .varchar)
  }
}
