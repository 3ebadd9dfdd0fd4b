import Catalog
import Kernels
import Vectors

extension Binder {
  /// Binds a comma list of table references; their columns go into `scope`.
  func bindFrom(
    _ references: [TableReferenceSyntax], into scope: Scope
  ) throws(StoaError) -> LogicalPlan {
    var plan: LogicalPlan?
    for reference in references {
      let part = try bindReference(reference, around: scope, left: plan.map { ($0, scope) })
      for entry in part.entries where !entry.table.isEmpty {
        try checkUnused(entry, reference, in: scope)
      }
      for entry in part.entries { scope.add(entry) }
      plan = plan.map { crossJoin($0, part.plan) } ?? part.plan
    }
    return plan ?? .oneRow
  }

  private func checkUnused(
    _ entry: Scope.Entry, _ reference: TableReferenceSyntax, in scope: Scope
  ) throws(StoaError) {
    if scope.hasTable(entry.table) { throw duplicate(entry.table, reference.position) }
  }

  func duplicate(_ table: String, _ position: Range<Int>) -> StoaError {
    StoaError(
      .binding, "FROM has two tables called \"\(table)\"",
      hint: "Give one of them an alias", position: position)
  }

  func crossJoin(_ left: LogicalPlan, _ right: LogicalPlan) -> LogicalPlan {
    if case .values(let node) = left, node == LogicalValues(columns: [], rows: [[]]) {
      return right
    }
    let isDependent = !right.freeColumns.isDisjoint(with: left.columnIDs)
    return .join(
      LogicalJoin(
        kind: .inner, left: left, right: right, conditions: [], isDependent: isDependent))
  }

  /// Rows of one table reference and the names of their columns.
  struct FromPart {
    var plan: LogicalPlan
    var entries: [Scope.Entry]
  }

  /// - Parameters:
  ///   - scope: gives common tables and the query around.
  ///   - left: what stands to the left in FROM, for LATERAL.
  func bindReference(
    _ reference: TableReferenceSyntax, around scope: Scope, left: (plan: LogicalPlan, scope: Scope)?
  ) throws(StoaError) -> FromPart {
    if let sample = reference.sample {
      var whole = reference
      whole.sample = nil
      var part = try bindReference(whole, around: scope, left: left)
      part.plan = try sampled(part.plan, sample)
      return part
    }
    switch reference.kind {
    case .table(let name):
      return try bindTable(name, reference, scope)
    case .file(let path):
      return try bindFile(path, reference)
    case .function(let call):
      return try bindTableFunction(call, reference, scope, left: left?.scope)
    case .describe(let describe):
      return try named(try bindDescribed(describe, scope), reference, defaultName: "")
    case .subquery(let query):
      let parent = reference.isLateral ? (left?.scope ?? scope.parent) : scope.parent
      let relation = try bindQuery(query, parent: parent, commonTables: scope.commonTables)
      return try named(relation, reference, defaultName: "")
    case .join(let join):
      return try bindJoin(join, reference, around: scope, left: left)
    }
  }

  /// Gives a relation its alias and its columns their names; ids become distinct.
  func named(
    _ relation: BoundRelation, _ reference: TableReferenceSyntax, defaultName: String,
    schema: String? = nil
  ) throws(StoaError) -> FromPart {
    var columns = relation.columns
    if let alias = reference.alias { try rename(&columns, alias.columns, alias.name) }
    let table = reference.alias?.name.text ?? defaultName
    var plan = relation.plan
    let ids = Set(columns.map(\.id))
    if ids.count < columns.count || !ids.isDisjoint(with: plan.freeColumns) {
      // One column selected twice, or one of an outer query, which an outer join may make NULL here and not there:
      // names must be able to tell the two apart.
      let items = columns.map {
        NamedExpression(numbers.column($0.name, $0.type), $0.reference)
      }
      plan = .project(LogicalProject(input: plan, items: items))
      for (item, column) in zip(items, columns) {
        untypedColumns[item.column.id] = untypedColumns[column.id]
      }
      columns = items.map(\.column)
    }
    let place = reference.alias == nil ? schema : nil
    let entries = columns.map {
      Scope.Entry(table: table, name: $0.name, column: $0, schema: place)
    }
    return FromPart(plan: plan, entries: entries)
  }

  // MARK: tables

  private func bindTable(
    _ name: QualifiedNameSyntax, _ reference: TableReferenceSyntax, _ scope: Scope
  ) throws(StoaError) -> FromPart {
    if let version = reference.version { return try bindVersion(version, name, reference) }
    if name.parts.count == 1, let common = scope.commonTables?.find(CatalogState.key(name.text)) {
      return try bindCommonReference(common, name, reference, scope)
    }
    if let rows = try informationTable(name, reference) { return rows }
    if let view = findView(name) { return try bindView(view, name, reference) }
    guard let table = findTable(name) else {
      if name.parts.count == 1, Binder.isFileName(name.name.text) {
        return try bindFile(name.name.text, reference)
      }
      if let list = tableList(name, reference) { return list }
      throw unknownTable(name, also: scope.commonTables?.names ?? [])
    }
    return try bindGet(table, version: nil, reference)
  }

  private func bindGet(
    _ table: TableDefinition, version: CommitNumber?, _ reference: TableReferenceSyntax
  ) throws(StoaError) -> FromPart {
    let columns = table.columns.map { numbers.column($0.name, $0.type) }
    let plan = LogicalPlan.get(
      LogicalGet(
        table: table, alias: reference.alias?.name.text ?? table.name, columns: columns,
        sources: table.columns.map(\.id), version: version))
    dependencies.insert(table.id)
    return try named(
      BoundRelation(plan: plan, columns: columns), reference, defaultName: table.name,
      schema: catalog.schemaName(table.schema))
  }

  // MARK: earlier versions

  /// A table as it was: rows, columns and name of that commit.
  private func bindVersion(
    _ version: TableVersionSyntax, _ name: QualifiedNameSyntax, _ reference: TableReferenceSyntax
  ) throws(StoaError) -> FromPart {
    guard let history else { throw unsupported("AT (VERSION => …) here", version.position) }
    do throws(StoaError) {
      let number = try bindVersionNumber(version)
      guard version.isTimestamp || number <= Int128(Int64.max) else {
        throw StoaError(.binding, "there is no version \(number) yet")
      }
      let commit =
        version.isTimestamp
        ? try history.commit(Int64(clamping: number)) : CommitNumber(clamping: number)
      let earlier = try history.catalog(commit)
      guard let table = findTable(name, in: earlier) else {
        throw StoaError(
          .binding, "there was no table \"\(name.text)\" at version \(commit)",
          hint: Suggestion.hint(for: name.name.text, among: earlier.tables.values.map(\.name)),
          position: name.position)
      }
      return try bindGet(table, version: commit, reference)
    } catch {
      throw error.at(version.position)
    }
  }

  /// The number, or microseconds, that a version stands for.
  private func bindVersionNumber(_ version: TableVersionSyntax) throws(StoaError) -> Int128 {
    let clause = Clause("AT", scope: Scope(parent: nil, commonTables: nil))
    let position = version.value.position
    let value = try bindExpression(version.value, clause)
    // Commits have times in UTC, which an instant with time zone says as well.
    let isInstant = version.isTimestamp && value.type == .timestampTZ
    let bound = try withParameterValues(
      isInstant
        ? value
        : try coerced(value, to: version.isTimestamp ? .timestamp : .hugeint, at: position),
      at: position)
    guard clause.pending.isEmpty, bound.isFoldable else {
      throw StoaError(
        .binding, "the version of a table must be a constant", position: position)
    }
    guard let number = try folded(bound, at: position).constantValue?.integer else {
      throw StoaError(.binding, "the version of a table must not be NULL", position: position)
    }
    if !version.isTimestamp, number < 0 {
      throw StoaError(.binding, "versions are not negative", position: position)
    }
    return number
  }

  /// The expression with the values of parameters, as far as they are known.
  private func withParameterValues(
    _ expression: Expression, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    let values = history?.parameters ?? []
    return try expression.rewrittenUp { (node) throws(StoaError) in
      guard case .parameter(let index, let type) = node, values.indices.contains(index) else {
        return node
      }
      do throws(StoaError) {
        let (value, own) = values[index]
        return .constant(try Cast.apply(value, from: own, to: type), type)
      } catch {
        throw error.at(position)
      }
    }
  }

  /// `FROM (SHOW TABLES)`, which reads like a table with an alias: the names of all tables.
  private func tableList(
    _ name: QualifiedNameSyntax, _ reference: TableReferenceSyntax
  ) -> FromPart? {
    guard name.parts.count == 1, !name.name.isQuoted, CatalogState.key(name.text) == "show",
      let alias = reference.alias, CatalogState.key(alias.name.text) == "tables"
    else { return nil }
    let column = numbers.column("name", .varchar)
    let rows = catalog.relationNames(visibleFrom: searchPath).map {
      [Expression.constant(.string($0), .varchar)]
    }
    return FromPart(
      plan: .values(LogicalValues(columns: [column], rows: rows)),
      entries: [Scope.Entry(table: "", name: column.name, column: column)])
  }

  private func bindCommonReference(
    _ common: CommonTables.Table, _ name: QualifiedNameSyntax, _ reference: TableReferenceSyntax,
    _ scope: Scope
  ) throws(StoaError) -> FromPart {
    if let relation = try bindOpenTable(common, name.position) {
      return try named(relation, reference, defaultName: name.text)
    }
    guard let shared = common.shared else {
      let relation = try bindCommonTable(common, parent: scope.parent)
      return try named(relation, reference, defaultName: name.text)
    }
    let columns = shared.columns.map { numbers.column($0.name, $0.type) }
    for (column, source) in zip(columns, shared.columns) {
      untypedColumns[column.id] = untypedColumns[source.id]
    }
    let plan = LogicalPlan.reference(
      LogicalReference(
        number: shared.number, name: common.syntax.name.text, columns: columns,
        sources: shared.columns.map(\.id), nonNullSources: shared.nonNullColumns))
    return try named(
      BoundRelation(plan: plan, columns: columns), reference, defaultName: name.text)
  }

  // MARK: table functions

  /// Whether a name in double quotes that is no table can be meant as a file.
  private static func isFileName(_ name: String) -> Bool {
    let name = name.lowercased()
    return [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".csv.zst", ".json.zst"].contains {
      name.hasSuffix($0)
    }
  }

  private func bindFile(
    _ path: String, _ reference: TableReferenceSyntax
  ) throws(StoaError) -> FromPart {
    let name = try fileFunction(path, reference)
    guard let function = tableFunctions[name] else {
      throw unsupported("reading files in FROM", reference.position)
    }
    return try bindFunction(function, [.string(path)], [:], reference, defaultName: fileName(path))
  }

  /// Which function reads a file, by its name.
  private func fileFunction(
    _ path: String, _ reference: TableReferenceSyntax
  ) throws(StoaError) -> String {
    var name = path.lowercased()
    if name.hasSuffix(".zst") { name.removeLast(4) }
    for ending in [".json", ".jsonl", ".ndjson"] where name.hasSuffix(ending) {
      return "read_json"
    }
    for ending in [".parquet", ".arrow", ".feather", ".xlsx", ".orc", ".avro"]
    where name.hasSuffix(ending) {
      throw unsupported("reading \(ending.dropFirst()) files", reference.position)
    }
    return "read_csv"
  }

  /// `dir/sales.csv.zst` is called `sales`.
  private func fileName(_ path: String) -> String {
    let last = path.split(separator: "/").last ?? "file"
    return String(last.split(separator: ".").first ?? last)
  }

  private func bindTableFunction(
    _ call: FunctionCallSyntax, _ reference: TableReferenceSyntax, _ scope: Scope, left: Scope?
  ) throws(StoaError) -> FromPart {
    let name = call.name.name.text.lowercased()
    guard let function = tableFunctions[name] else {
      throw StoaError(
        .binding, "there is no table function \"\(call.name.text)\"",
        hint: Suggestion.hint(for: name, among: tableFunctions.keys), position: call.name.position)
    }
    let clause = Clause(
      "FROM", scope: Scope(parent: left ?? scope.parent, commonTables: scope.commonTables))
    var arguments: [Value] = []
    var namedArguments: [String: Value] = [:]
    var times: [Expression] = []
    for argument in call.arguments {
      let bound = try bindExpression(argument.value, clause)
      if bound.type == .date || bound.type == .timestamp || bound.type == .interval {
        times.append(try folded(bound, at: argument.value.position))
      }
      if name == "range" || name == "generate_series", argument.name == nil,
        !bound.columnIDs.isEmpty || !clause.pending.isEmpty
      {
        return try bindLateralSeries(call, name, clause, reference)
      }
      guard clause.pending.isEmpty,
        let value = try folded(bound, at: argument.value.position).constantValue
      else {
        throw StoaError(
          .binding, "arguments of \(name) must be constants", position: argument.value.position)
      }
      if let key = argument.name {
        namedArguments[CatalogState.key(key.text)] = value
      } else {
        arguments.append(value)
      }
    }
    if !times.isEmpty, name == "range" || name == "generate_series" {
      guard times.count == call.arguments.count else {
        throw StoaError(
          .binding, "\(name) takes numbers, or dates with an interval", position: call.position)
      }
      return try bindTimeSeries(name, times, reference, call.position)
    }
    return try bindFunction(function, arguments, namedArguments, reference, defaultName: name)
  }

  private func bindFunction(
    _ function: any TableFunctionBinding, _ arguments: [Value], _ namedArguments: [String: Value],
    _ reference: TableReferenceSyntax, defaultName: String
  ) throws(StoaError) -> FromPart {
    let bound: BoundTableFunction
    do throws(StoaError) {
      bound = try function.bind(arguments, named: namedArguments)
    } catch {
      throw error.at(reference.position)
    }
    let columns = bound.columns.map { numbers.column($0.name, $0.type) }
    let plan = LogicalPlan.tableFunction(
      LogicalTableFunction(
        name: function.name, arguments: bound.arguments, columns: columns,
        sources: Array(columns.indices), estimatedRows: bound.estimatedRows,
        canProject: bound.canProject))
    return try named(
      BoundRelation(plan: plan, columns: columns), reference, defaultName: defaultName)
  }

  // MARK: joins

  private func bindJoin(
    _ join: JoinSyntax, _ reference: TableReferenceSyntax, around scope: Scope,
    left outer: (plan: LogicalPlan, scope: Scope)?
  ) throws(StoaError) -> FromPart {
    let left = try bindReference(join.left, around: scope, left: outer)
    let leftScope = Scope(parent: scope.parent, commonTables: scope.commonTables)
    leftScope.replaceEntries((outer?.scope.entries ?? []) + left.entries)
    let right = try bindReference(join.right, around: scope, left: (left.plan, leftScope))
    let leftNames = Set(left.entries.lazy.filter { !$0.table.isEmpty }.map(\.tableKey))
    if let clash = right.entries.first(where: { leftNames.contains($0.tableKey) }) {
      throw duplicate(clash.table, join.right.position)
    }
    var result = try joined(join, left, right, around: scope)
    if let alias = reference.alias {
      // (a JOIN b) AS j: only j's names remain.
      var columns = result.entries.filter { !$0.isHidden }.map { entry in
        PlanColumn(id: entry.column.id, name: entry.name, type: entry.column.type)
      }
      try rename(&columns, alias.columns, alias.name)
      result.entries = columns.map {
        Scope.Entry(table: alias.name.text, name: $0.name, column: $0)
      }
    }
    return result
  }

  func joined(
    _ join: JoinSyntax, _ left: FromPart, _ right: FromPart, around scope: Scope
  ) throws(StoaError) -> FromPart {
    switch join.condition {
    case .using(let names):
      return try joinUsing(names, join, left, right)
    case .none where join.isNatural:
      let shared = left.entries.filter { entry in
        !entry.isHidden && right.entries.contains { !$0.isHidden && $0.key == entry.key }
      }
      let names = shared.map { NameSyntax($0.name, position: join.operatorPosition) }
      return try joinUsing(names, join, left, right)
    case .none where join.isAsof:
      throw StoaError(
        .binding, "ASOF JOIN needs a condition", position: join.operatorPosition)
    case .none:
      return makeJoin(join, left, right, conditions: [])
    case .on(let syntax):
      let both = Scope(parent: scope.parent, commonTables: scope.commonTables)
      both.replaceEntries(left.entries + right.entries)
      let clause = Clause("ON", scope: both)
      let conditions = try bindExpression(syntax, clause)
      let condition = try coerced(conditions, to: .boolean, at: syntax.position)
      if join.isAsof, clause.pending.isEmpty {
        return try joinAsof(join, left, right, condition.conjuncts, at: syntax.position)
      }
      var left = left
      var right = right
      if let joined = lateralJoin(clause.pending, condition, join, left, right) { return joined }
      try attach(clause.pending, join, &left, &right, syntax.position)
      return makeJoin(join, left, right, conditions: condition.conjuncts)
    }
  }

  /// With subqueries in ON that refer to both sides: one side is filtered anew for every row of the other.
  /// - Returns: `nil` when no subquery does, or both sides keep rows without a match.
  private func lateralJoin(
    _ pending: [PendingJoin], _ condition: Expression, _ join: JoinSyntax, _ left: FromPart,
    _ right: FromPart
  ) -> FromPart? {
    let leftIDs = left.plan.columnIDs
    let rightIDs = right.plan.columnIDs
    let spansBoth = pending.contains { subquery in
      var used = subquery.right.freeColumns
      for condition in subquery.conditions { condition.collectColumns(into: &used) }
      return !used.isDisjoint(with: leftIDs) && !used.isDisjoint(with: rightIDs)
    }
    guard spansBoth, join.kind != .full else { return nil }
    var left = left
    var right = right
    func filtered(_ plan: LogicalPlan) -> LogicalPlan {
      let rows = LogicalPlan.filter(
        LogicalFilter(input: plan.attaching(pending), conditions: condition.conjuncts))
      let kept = plan.columns.map { NamedExpression(passing: $0) }
      return .project(LogicalProject(input: rows, items: kept))
    }
    if join.kind == .right {
      left.plan = filtered(left.plan)
    } else {
      right.plan = filtered(right.plan)
    }
    return makeJoin(join, left, right, conditions: [])
  }

  /// Puts subqueries of an ON condition below the join.
  private func attach(
    _ pending: [PendingJoin], _ join: JoinSyntax, _ left: inout FromPart, _ right: inout FromPart,
    _ position: Range<Int>
  ) throws(StoaError) {
    for subquery in pending {
      var used = subquery.right.freeColumns
      for condition in subquery.conditions { condition.collectColumns(into: &used) }
      let usesLeft = !used.isDisjoint(with: left.plan.columnIDs)
      let usesRight = !used.isDisjoint(with: right.plan.columnIDs)
      if usesLeft && usesRight {
        throw unsupported("a subquery in ON that refers to both sides", position)
      }
      if usesLeft || (!usesRight && join.kind == .right) {
        left.plan = subquery.attached(to: left.plan)
      } else {
        right.plan = subquery.attached(to: right.plan)
      }
    }
  }

  private func makeJoin(
    _ join: JoinSyntax, _ left: FromPart, _ right: FromPart, conditions: [Expression]
  ) -> FromPart {
    let isDependent =
      join.kind == .right
      ? !left.plan.freeColumns.isDisjoint(with: right.plan.columnIDs)
      : !right.plan.freeColumns.isDisjoint(with: left.plan.columnIDs)
    func node(_ kind: JoinKind, _ left: LogicalPlan, _ right: LogicalPlan) -> LogicalPlan {
      .join(
        LogicalJoin(
          kind: kind, left: left, right: right, conditions: conditions, isDependent: isDependent))
    }
    let entries = left.entries + right.entries
    return switch join.kind {
    case .inner, .cross: FromPart(plan: node(.inner, left.plan, right.plan), entries: entries)
    case .left: FromPart(plan: node(.left, left.plan, right.plan), entries: entries)
    case .right: FromPart(plan: node(.left, right.plan, left.plan), entries: entries)
    case .full: FromPart(plan: node(.full, left.plan, right.plan), entries: entries)
    case .semi: FromPart(plan: node(.semi, left.plan, right.plan), entries: left.entries)
    case .anti: FromPart(plan: node(.anti, left.plan, right.plan), entries: left.entries)
    }
  }

  /// JOIN … USING: equality of the named columns, of which one each stays visible, in front.
  private func joinUsing(
    _ names: [NameSyntax], _ join: JoinSyntax, _ left: FromPart, _ right: FromPart
  ) throws(StoaError) -> FromPart {
    var left = left
    var right = right
    var conditions: [Expression] = []
    var merged: [Scope.Entry] = []
    var coalesced: [NamedExpression] = []
    for name in names {
      let a = try usingColumn(name, left.entries, "left")
      let b = try usingColumn(name, right.entries, "right")
      let leftColumn = left.entries[a].column
      let rightColumn = right.entries[b].column
      let sides = try unified(
        [leftColumn.reference, rightColumn.reference], at: name.position,
        for: "USING (\(name.text))")
      conditions.append(.comparison(.equal, sides[0], sides[1]))
      left.entries[a].isHidden = true
      right.entries[b].isHidden = true
      var kept = join.kind == .right ? rightColumn : leftColumn
      if join.kind == .full {
        kept = numbers.column(leftColumn.name, sides[0].type)
        coalesced.append(
          NamedExpression(
            kept,
            .conditional(
              [ConditionalBranch(condition: .isNull(sides[0], isNegated: true), result: sides[0])],
              otherwise: sides[1], type: sides[0].type)))
      }
      merged.append(Scope.Entry(table: "", name: leftColumn.name, column: kept))
    }
    var result: FromPart
    if join.isAsof {
      // All but the last are keys; that one is the order, `left >= right`.
      if let last = conditions.indices.last, case .comparison(_, let a, let b) = conditions[last] {
        conditions[last] = .comparison(.greaterOrEqual, a, b)
      }
      result = try joinAsof(join, left, right, conditions, at: join.operatorPosition)
    } else {
      result = makeJoin(join, left, right, conditions: conditions)
    }
    result.entries = merged + result.entries
    if !coalesced.isEmpty {
      let passed = result.plan.columns.map { NamedExpression(passing: $0) }
      result.plan = .project(LogicalProject(input: result.plan, items: passed + coalesced))
    }
    return result
  }

  private func usingColumn(
    _ name: NameSyntax, _ entries: [Scope.Entry], _ side: String
  ) throws(StoaError) -> Int {
    let key = CatalogState.key(name.text)
    let matches = entries.indices.filter { entries[$0].key == key && !entries[$0].isHidden }
    if matches.count == 1 { return matches[0] }
    if matches.isEmpty {
      throw StoaError(
        .binding, "the \(side) side of the join has no column \"\(name.text)\"",
        hint: Suggestion.hint(for: name.text, among: entries.map(\.name)), position: name.position)
    }
    throw StoaError(
      .binding, "column \"\(name.text)\" is ambiguous on the \(side) side of the join",
      position: name.position)
  }

  func unknownTable(_ name: String, _ scope: Scope, _ position: Range<Int>) -> StoaError {
    StoaError(
      .binding, "FROM has no table \"\(name)\"",
      hint: Suggestion.hint(for: name, among: Set(scope.entries.map(\.table)).sorted()),
      position: position)
  }
}
