import Catalog
import Kernels
import Vectors

/// How a SELECT becomes a plan, from the leaves up:
///
///     from → subqueries of WHERE → WHERE → subqueries in aggregates → aggregate → HAVING
///          → subqueries of the select list → select list and sort keys → DISTINCT → ORDER BY → drop sort keys
///
/// Expressions above the aggregate are first bound over the FROM columns, with a column in place of each
/// aggregate; then every part equal to a GROUP BY expression becomes that group's column, and a FROM column
/// that is left over is an error.
extension Binder {
  /// One column of the select list.
  private struct Item {
    var name: String
    var expression: Expression
    var position: Range<Int>
    /// As written; `nil` for columns out of a star.
    var syntax: ExpressionSyntax?
    /// The bare NULL or text literal it is.
    var untyped: Expression?
  }

  func bindSelect(
    _ select: SelectSyntax, orderBy: OrderBySyntax?, parent: Scope?, commonTables: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    let scope = Scope(parent: parent, commonTables: commonTables)
    var plan = try bindFrom(select.from, into: scope)
    if let sample = select.sample { plan = try sampled(plan, sample) }
    let aliases = selectAliases(select)
    if let filter = select.filter { plan = try filtered(plan, filter, scope, aliases) }

    let collector = AggregateCollector()
    let clause = Clause("SELECT", scope: scope, aggregates: collector)
    clause.aliases = aliases
    let windows = try WindowCollector(select.windows)
    clause.windows = windows
    if let groupBy = select.groupBy, !groupBy.isAll {
      try bindGroups(groupBy, select, scope: scope, collector: collector, aliases: aliases)
    }
    scope.aggregates = collector
    var items = try bindItems(select, clause)
    if let groupBy = select.groupBy, groupBy.isAll { groupByAll(items, collector, windows) }
    let itemJoins = clause.pending
    clause.pending = []
    var having: [Expression] = []
    if let syntax = select.having {
      collector.isGrouping = true
      clause.openAliases = []
      (clause.name, clause.windows) = ("HAVING", nil)
      having = try bindConditions(syntax, clause)
      (clause.name, clause.windows) = ("SELECT", windows)
    }
    let havingJoins = clause.pending
    clause.pending = []
    var qualify = try bindQualify(select, clause)
    let qualifyJoins = clause.pending
    clause.pending = []
    var sort = try bindSortKeys(orderBy, select, items, clause)
    var distinctOn = try bindDistinctOn(select, items, clause)
    try checkWindows(windows, clause)
    let (joins, lateJoins) = windows.divided(itemJoins + clause.pending)
    var topJoins = lateJoins + qualifyJoins

    if collector.isNeeded {
      let grouping = Grouping(collector, clause)
      for index in items.indices {
        items[index].expression = try grouping.replaced(
          items[index].expression, at: items[index].position)
      }
      having = try mapped(having) { (condition) throws(StoaError) in
        try grouping.replaced(condition, at: select.having?.position ?? select.position)
      }
      for index in sort.indices {
        sort[index].expression = try grouping.replaced(
          sort[index].expression, at: orderBy?.position ?? select.position)
      }
      for index in distinctOn.indices {
        distinctOn[index] = try grouping.replaced(distinctOn[index], at: select.position)
      }
      plan = try aggregated(plan.attaching(collector.pending), collector)
      plan = plan.attaching(try grouping.replaced(havingJoins))
      if !having.isEmpty { plan = .filter(LogicalFilter(input: plan, conditions: having)) }
      plan = plan.attaching(try grouping.replaced(joins))
      try windows.replaceGroups(grouping)
      topJoins = try grouping.replaced(topJoins)
      qualify = try mapped(qualify) { (condition) throws(StoaError) in
        try grouping.replaced(condition, at: select.qualify?.position ?? select.position)
      }
    } else {
      plan = plan.attaching(joins)
    }
    plan = windows.attached(to: plan).attaching(topJoins)
    if !qualify.isEmpty { plan = .filter(LogicalFilter(input: plan, conditions: qualify)) }
    return try projected(plan, items, sort, distinctOn, select)
  }

  // MARK: the parts

  /// Adds a WHERE filter: subqueries among its conjuncts become joins.
  func filtered(
    _ plan: LogicalPlan, _ syntax: ExpressionSyntax, _ scope: Scope,
    _ aliases: [String: ExpressionSyntax]
  ) throws(StoaError) -> LogicalPlan {
    let clause = Clause("WHERE", scope: scope)
    clause.aliases = aliases
    let conditions = try bindConditions(syntax, clause)
    let pendingColumns = Set(
      clause.pending.flatMap { $0.right.columns.map(\.id) + ($0.mark.map { [$0.id] } ?? []) })
    // Conditions without subqueries go below them.
    let early = conditions.filter { $0.columnIDs.isDisjoint(with: pendingColumns) }
    let late = conditions.filter { !$0.columnIDs.isDisjoint(with: pendingColumns) }
    var result = plan
    if !early.isEmpty { result = .filter(LogicalFilter(input: result, conditions: early)) }
    result = result.attaching(clause.pending)
    if !late.isEmpty { result = .filter(LogicalFilter(input: result, conditions: late)) }
    return result
  }

  /// The conditions of QUALIFY, over the select list's columns and window functions.
  private func bindQualify(
    _ select: SelectSyntax, _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    guard let syntax = select.qualify else { return [] }
    clause.openAliases = []
    clause.name = "QUALIFY"
    defer { clause.name = "SELECT" }
    let conditions = try bindConditions(syntax, clause)
    if clause.windows?.functions.isEmpty ?? true {
      throw StoaError(
        .binding, "QUALIFY needs a window function, in it or in the select list",
        hint: "Other conditions go into WHERE or HAVING", position: syntax.position)
    }
    return conditions
  }

  private func selectAliases(_ select: SelectSyntax) -> [String: ExpressionSyntax] {
    var aliases: [String: ExpressionSyntax] = [:]
    for case .expression(let expression, let alias?) in select.items {
      aliases[CatalogState.key(alias.text)] = expression
    }
    return aliases
  }

  private func bindGroups(
    _ groupBy: GroupBySyntax, _ select: SelectSyntax, scope: Scope, collector: AggregateCollector,
    aliases: [String: ExpressionSyntax]
  ) throws(StoaError) {
    let clause = Clause("GROUP BY", scope: scope)
    clause.aliases = aliases
    collector.isGrouping = true
    let sets = try GroupingSets.all(groupBy) { (syntax) throws(StoaError) in
      addGroup(try bindGroupKey(syntax, select, clause, collector), collector)
    }
    if sets.count > 1 {
      collector.sets = sets
      collector.setColumns = collector.groups.map {
        numbers.column($0.column.name, $0.column.type)
      }
    }
    collector.pending += clause.pending
  }

  private func bindGroupKey(
    _ syntax: ExpressionSyntax, _ select: SelectSyntax, _ clause: Clause,
    _ collector: AggregateCollector
  ) throws(StoaError) -> (expression: Expression, name: String) {
    var syntax = syntax
    let subqueryCount = clause.pending.count
    var name: String?
    if case .literal(.integer) = syntax.kind {
      let items = try expandedItems(select, clause)
      if let index = try ordinal(syntax, count: items.count, "GROUP BY") {
        name = items[index].name
        switch items[index].source {
        case .column(let column): return (column.reference, name ?? column.name)
        case .syntax(let expression): syntax = expression
        }
      }
    }
    let bound = try known(try bindExpression(syntax, clause), at: syntax.position)
    if clause.pending.count > subqueryCount {
      // Bound again, the item's subqueries would be other ones, and the item no group.
      if case .column(let alias) = syntax.kind {
        syntax = clause.aliases[CatalogState.key(alias.text)] ?? syntax
      }
      collector.itemKeys[syntax.position] = bound
    }
    return (bound, name ?? columnName(of: syntax))
  }

  private func addGroup(
    _ key: (expression: Expression, name: String), _ collector: AggregateCollector
  ) -> Int {
    if let known = collector.groups.firstIndex(where: { $0.expression == key.expression }) {
      return known
    }
    let column: PlanColumn
    if case .column(let id, let type) = key.expression {
      column = PlanColumn(id: id, name: key.name, type: type)
    } else {
      column = numbers.column(key.name, key.expression.type)
    }
    collector.groups.append(NamedExpression(column, key.expression))
    return collector.groups.count - 1
  }

  /// GROUP BY ALL: every item without an aggregate is a group.
  private func groupByAll(
    _ items: [Item], _ collector: AggregateCollector, _ windows: WindowCollector
  ) {
    collector.isGrouping = true
    let aggregates = collector.columnIDs.union(windows.columnIDs)
    for item in items where item.expression.columnIDs.isDisjoint(with: aggregates) {
      if item.expression.columnIDs.isEmpty { continue }
      _ = addGroup((item.expression, item.name), collector)
    }
  }

  // MARK: select list

  private enum ItemSource {
    case column(PlanColumn)
    case syntax(ExpressionSyntax)
  }

  private struct ExpandedItem {
    var name: String
    var source: ItemSource
    var position: Range<Int>
    var hasAlias = false
    /// What `COLUMNS(…)` stands for.
    var chosen: PlanColumn?
  }

  private func expandedItems(
    _ select: SelectSyntax, _ clause: Clause
  ) throws(StoaError) -> [ExpandedItem] {
    var result: [ExpandedItem] = []
    for item in select.items {
      switch item {
      case .expression(let syntax, let alias):
        if let star = columnsCall(in: syntax) {
          for column in try starColumns(star, clause, select) {
            result.append(
              ExpandedItem(
                name: alias?.text ?? nameOfChosen(column, syntax), source: .syntax(syntax),
                position: syntax.position, hasAlias: true, chosen: column.column))
          }
          continue
        }
        result.append(
          ExpandedItem(
            name: alias?.text ?? columnName(of: syntax), source: .syntax(syntax),
            position: syntax.position, hasAlias: alias != nil))
      case .star(let star):
        result += try expanded(star, clause, select)
      }
    }
    return result
  }

  private func expanded(
    _ star: StarSyntax, _ clause: Clause, _ select: SelectSyntax
  ) throws(StoaError) -> [ExpandedItem] {
    let position = star.position.isEmpty ? select.position : star.position
    let table = star.qualifier?.name.text
    if let table, !clause.scope.hasTable(table) {
      throw unknownTable(table, clause.scope, position)
    }
    let entries = clause.scope.starEntries(of: table)
    if entries.isEmpty {
      throw StoaError(.binding, "SELECT * needs a FROM clause", position: position)
    }
    var excluded: Set<String> = []
    var excludedColumns: Set<Int> = []
    for name in star.excluded {
      let key = try starColumn(name.name, entries, "EXCLUDE")
      let matches = entries.filter { $0.key == key }
      if name.parts.count > 1, matches.count > 1 {
        let entry = try clause.scope.resolveHere(name)
        guard let entry, entries.contains(where: { $0.column.id == entry.column.id }) else {
          throw unknownColumn(name, clause)
        }
        excludedColumns.insert(entry.column.id)
      } else {
        excluded.insert(key)
      }
    }
    var replaced: [String: ExpressionSyntax] = [:]
    for (expression, column) in star.replaced {
      replaced[try starColumn(column, entries, "REPLACE")] = expression
    }
    var renamed: [String: String] = [:]
    for (column, name) in star.renamed {
      renamed[try starColumn(column, entries, "RENAME")] = name.text
    }
    var matching: Set<String>?
    if let pattern = star.pattern { matching = try names(entries.map(\.name), matching: pattern) }
    return entries.compactMap { entry in
      if let matching, !matching.contains(entry.name) { return nil }
      if excluded.contains(entry.key) || excludedColumns.contains(entry.column.id) { return nil }
      return ExpandedItem(
        name: renamed[entry.key] ?? entry.name,
        source: replaced[entry.key].map { .syntax($0) } ?? .column(entry.column),
        position: position)
    }
  }

  /// The columns that the star of `COLUMNS(…)` means.
  private func starColumns(
    _ star: StarSyntax, _ clause: Clause, _ select: SelectSyntax
  ) throws(StoaError) -> [(name: String, column: PlanColumn)] {
    if let replaced = star.replaced.first {
      throw unsupported("REPLACE within COLUMNS", replaced.column.position)
    }
    let items = try expanded(star, clause, select)
    if items.isEmpty {
      throw StoaError(.binding, "no column matches COLUMNS(…)", position: star.position)
    }
    return items.compactMap { item in
      if case .column(let column) = item.source { (item.name, column) } else { nil }
    }
  }

  private func starColumn(
    _ name: NameSyntax, _ entries: [Scope.Entry], _ word: String
  ) throws(StoaError) -> String {
    let key = CatalogState.key(name.text)
    if entries.contains(where: { $0.key == key }) { return key }
    throw StoaError(
      .binding, "\(word) names \"\(name.text)\", which is not among the columns of the star",
      hint: Suggestion.hint(for: name.text, among: entries.map(\.name)), position: name.position)
  }

  private func bindItems(_ select: SelectSyntax, _ clause: Clause) throws(StoaError) -> [Item] {
    var items: [Item] = []
    for item in try expandedItems(select, clause) {
      switch item.source {
      case .column(let column):
        clause.mentions[column.id] = clause.mentions[column.id] ?? (item.name, item.position)
        items.append(
          Item(
            name: item.name, expression: column.reference, position: item.position,
            untyped: untypedColumns[column.id]))
      case .syntax(let syntax):
        let key = CatalogState.key(item.name)
        clause.openAliases.insert(key)
        let bound: Expression
        chosenColumn = item.chosen
        defer { chosenColumn = nil }
        if let key = clause.aggregates?.itemKeys[syntax.position] {
          bound = key
        } else {
          bound = try bindExpression(syntax, clause)
        }
        let expression = try known(bound, at: syntax.position)
        clause.openAliases.remove(key)
        let name = item.hasAlias ? item.name : declaredName(expression, clause) ?? item.name
        items.append(
          Item(
            name: name, expression: expression, position: item.position, syntax: syntax,
            untyped: untyped(bound)))
      }
    }
    return items
  }

  /// What RETURNING gives out, over the names of `clause`.
  func bindReturning(
    _ items: [SelectItemSyntax], _ clause: Clause, at position: Range<Int>
  ) throws(StoaError) -> [(name: String, expression: Expression)] {
    if items.isEmpty { return [] }
    let select = SelectSyntax(items: items, position: position)
    return try bindItems(select, clause).map { ($0.name, $0.expression) }
  }

  /// The name of a column as its table spells it.
  private func declaredName(_ expression: Expression, _ clause: Clause) -> String? {
    guard let id = expression.columnID else { return nil }
    return clause.scope.entries.first { $0.column.id == id }?.name
  }

  /// The name of a result column without alias: a column's own, else the text of the expression.
  func columnName(of syntax: ExpressionSyntax) -> String {
    switch syntax.kind {
    case .column(let name): return name.name.text
    case .cast(let operand, _, _):
      if case .column = operand.kind { return columnName(of: operand) }
      return sourceText(syntax.position)
    case .call(let call):
      let text = sourceText(syntax.position)
      let name = call.name.text
      guard text.utf8.count >= name.utf8.count else { return text }
      return name.lowercased() + text.dropFirst(name.count)
    default: return sourceText(syntax.position)
    }
  }

  // MARK: ORDER BY

  private func bindSortKeys(
    _ orderBy: OrderBySyntax?, _ select: SelectSyntax, _ items: [Item], _ clause: Clause
  ) throws(StoaError) -> [SortItem] {
    guard let orderBy else { return [] }
    if orderBy.isAll {
      let columns = items.map { PlanColumn(id: 0, name: $0.name, type: $0.expression.type) }
      return zip(sortItemsOfAll(columns, orderBy), items).map { sortItem, item in
        SortItem(
          expression: item.expression, isDescending: sortItem.isDescending,
          nullsFirst: sortItem.nullsFirst)
      }
    }
    var result: [SortItem] = []
    for key in orderBy.keys {
      let expression = try bindSortKey(key.expression, items, clause)
      result.append(sortItem(expression, key))
    }
    return result
  }

  private func bindSortKey(
    _ syntax: ExpressionSyntax, _ items: [Item], _ clause: Clause
  ) throws(StoaError) -> Expression {
    if let index = try ordinal(syntax, count: items.count, "ORDER BY") {
      return items[index].expression
    }
    if case .column(let name) = syntax.kind, name.parts.count == 1 {
      let key = CatalogState.key(name.name.text)
      let matches = items.filter { CatalogState.key($0.name) == key }
      if let first = matches.first {
        if matches.contains(where: { $0.expression != first.expression }) {
          throw StoaError(
            .binding, "\"\(name.text)\" in ORDER BY names several columns of the select list",
            position: syntax.position)
        }
        return first.expression
      }
    }
    return try known(try bindExpression(syntax, clause), at: syntax.position)
  }

  /// The expressions of DISTINCT ON: names and ordinals as in ORDER BY.
  private func bindDistinctOn(
    _ select: SelectSyntax, _ items: [Item], _ clause: Clause
  ) throws(StoaError) -> [Expression] {
    guard case .distinctOn(let syntaxes) = select.quantifier else { return [] }
    var result: [Expression] = []
    for syntax in syntaxes { result.append(try bindSortKey(syntax, items, clause)) }
    return result
  }

  // MARK: the top of the plan

  private func projected(
    _ input: LogicalPlan, _ items: [Item], _ sort: [SortItem], _ distinctOn: [Expression],
    _ select: SelectSyntax
  ) throws(StoaError) -> BoundRelation {
    var projection = Projection()
    let columns = items.map { item in
      var column = projection.add(item.expression, name: item.name, numbers: &numbers)
      column.name = item.name
      if let literal = item.untyped { untypedColumns[column.id] = literal }
      return column
    }
    let resultCount = projection.items.count
    var sortItems = sort
    for index in sort.indices {
      let column = projection.add(sort[index].expression, name: "sort key", numbers: &numbers)
      sortItems[index].expression = column.reference
    }
    let onColumns = distinctOn.map {
      projection.add($0, name: "distinct on", numbers: &numbers)
    }
    let hasHiddenKeys = projection.items.count > resultCount
    var plan = LogicalPlan.project(LogicalProject(input: input, items: projection.items))
    switch select.quantifier {
    case .all: break
    case .distinctOn:
      return try distinct(
        plan, on: onColumns, sort: sortItems, columns: columns, at: select.position)
    case .distinct:
      if hasHiddenKeys {
        throw StoaError(
          .binding, "with SELECT DISTINCT, ORDER BY can only use the selected expressions",
          hint: "Add the expression to the select list", position: select.position)
      }
      plan = distinct(plan)
    }
    if !sortItems.isEmpty { plan = .sort(LogicalSort(input: plan, items: sortItems)) }
    if hasHiddenKeys {
      let kept = projection.items.prefix(resultCount).map { NamedExpression(passing: $0.column) }
      // The planner drops what nobody reads; the LIMIT above does not mind.
      plan = .project(LogicalProject(input: plan, items: kept))
    }
    return BoundRelation(plan: plan, columns: columns)
  }

  /// Each row once.
  func distinct(_ plan: LogicalPlan) -> LogicalPlan {
    .aggregate(
      LogicalAggregate(
        input: plan, groups: plan.columns.map { NamedExpression(passing: $0) }, aggregates: []))
  }

  func mapped(
    _ expressions: [Expression], _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) -> [Expression] {
    var result: [Expression] = []
    for expression in expressions { result.append(try transform(expression)) }
    return result
  }
}

/// Items of a projection, each expression once; plain columns keep their ids.
struct Projection {
  private(set) var items: [NamedExpression] = []
  private var known: [Expression: PlanColumn] = [:]

  /// The column that will hold `expression`.
  mutating func add(
    _ expression: Expression, name: String, numbers: inout PlanNumbers
  ) -> PlanColumn {
    if let column = known[expression], expression.isDeterministic { return column }
    let column: PlanColumn
    if case .column(let id, let type) = expression {
      column = PlanColumn(id: id, name: name, type: type)
    } else {
      column = numbers.column(name, expression.type)
    }
    known[expression] = column
    items.append(NamedExpression(column, expression))
    return column
  }
}

/// Puts groups' columns in place of expressions above an aggregate.
struct Grouping {
  private let groups: [Expression: PlanColumn]
  /// Group columns have ids of their own then.
  private let isInSets: Bool
  private let localColumns: Set<Int>
  private let clause: Clause

  init(_ collector: AggregateCollector, _ clause: Clause) {
    let columns = collector.sets == nil ? collector.groups.map(\.column) : collector.setColumns
    groups = Dictionary(
      zip(collector.groups, columns).map { ($0.expression, $1) },
      uniquingKeysWith: { first, _ in first })
    isInSets = collector.sets != nil
    localColumns = clause.scope.columnIDs
    self.clause = clause
  }

  /// - Throws: `.binding` when a column is neither grouped nor aggregated.
  func replaced(
    _ expression: Expression, at position: Range<Int>
  ) throws(StoaError) -> Expression {
    if let column = groups[expression] { return column.reference }
    if case .column(let id, _) = expression, localColumns.contains(id) {
      throw ungrouped(id, position)
    }
    return try expression.mapChildrenThrowing { (child) throws(StoaError) in
      try replaced(child, at: position)
    }
  }

  /// The same for joins with subqueries.
  func replaced(_ joins: [PendingJoin]) throws(StoaError) -> [PendingJoin] {
    var result = joins
    let grouped = Set(groups.keys.compactMap(\.columnID))
    for index in result.indices {
      if isInSets {
        let columns = Dictionary(
          groups.compactMap { key, column in key.columnID.map { ($0, column.reference) } },
          uniquingKeysWith: { first, _ in first })
        result[index].right = try result[index].right.mapAllExpressions {
          $0.replacingColumns(columns)
        }
      }
      for free in result[index].right.freeColumns
      where localColumns.contains(free) && !grouped.contains(free) {
        throw ungrouped(free, clause.mentions[free]?.position ?? 0..<0)
      }
      for number in result[index].conditions.indices {
        result[index].conditions[number] = try replaced(
          result[index].conditions[number], at: clause.mentions.values.first?.position ?? 0..<0)
      }
    }
    return result
  }

  private func ungrouped(_ id: Int, _ position: Range<Int>) -> StoaError {
    let mention = clause.mentions[id]
    let name = mention?.name ?? clause.scope.entries.first { $0.column.id == id }?.name ?? "?"
    return StoaError(
      .binding, "column \"\(name)\" must appear in GROUP BY or within an aggregate function",
      hint: "Add it to GROUP BY, or take any_value(\(name)) or min(\(name))",
      position: mention?.position ?? position)
  }
}
