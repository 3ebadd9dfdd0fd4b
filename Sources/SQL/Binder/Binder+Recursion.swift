import Catalog
import Kernels
import Vectors

// WITH RECURSIVE. The query of a recursive table is a chain of UNION [ALL]: operands up to the first that refers to
// the table are its initial rows, the others together are the step. The step is bound over a reference to the rows
// added last.
//
// Which operand is the first is found by binding: a reference to a table whose columns are not known yet fails and
// marks the table.
//
// Tables of one WITH RECURSIVE may refer to later ones, which are then bound on demand; in a circle they may not.

extension CommonTables {
  /// A table of WITH RECURSIVE while names are looked up.
  enum BindingState {
    /// Nobody has needed it yet.
    case waiting
    /// Its query is being bound.
    case open
    case bound
  }

  /// Tables of one WITH RECURSIVE.
  final class RecursiveGroup {
    /// In the order in which they were bound: none refers to one after it.
    var bound: [Table] = []
  }

  /// What a recursive table is to its own step.
  struct Working {
    var number: Int
    var columns: [PlanColumn]
  }
}

extension Binder {
  /// Binds the tables of WITH RECURSIVE, whether or not they are recursive.
  func bindRecursiveTables(
    _ with: WithSyntax, parent: Scope?, outer: CommonTables?
  ) throws(StoaError) -> [(table: CommonTables.Table, chain: CommonTables)] {
    let group = CommonTables.RecursiveGroup()
    var tables: [CommonTables.Table] = []
    var chain = outer
    for syntax in with.tables {
      let table = CommonTables.Table(syntax, environment: nil)
      if tables.contains(where: { $0.key == table.key }) { throw namedTwice(syntax) }
      tables.append(table)
      chain = CommonTables(table, outer: chain)
    }
    guard let whole = chain else { return [] }
    for table in tables {
      table.environment = whole
      table.group = group
      table.parent = parent
      table.state = .waiting
    }
    for table in tables where table.state == .waiting { try define(table) }
    // Links keep their table and what is outside the group alive.
    return group.bound.map { ($0, whole) }
  }

  func namedTwice(_ syntax: CommonTableSyntax) -> StoaError {
    StoaError(
      .binding, "WITH names \"\(syntax.name.text)\" twice", position: syntax.name.position)
  }

  /// Binds a table of WITH RECURSIVE for the first time.
  private func define(_ table: CommonTables.Table) throws(StoaError) {
    share(table, try bindCommonTable(table, parent: table.parent))
    table.group?.bound.append(table)
  }

  /// What a name that means a table of WITH RECURSIVE stands for; `nil` when it is bound like any other.
  func bindOpenTable(
    _ table: CommonTables.Table, _ position: Range<Int>
  ) throws(StoaError) -> BoundRelation? {
    switch table.state {
    case .bound: return nil
    case .waiting:
      try define(table)
      return nil
    case .open: break
    }
    let later = openTables.drop { $0 !== table }.dropFirst()
    if let other = later.first(where: { $0.group === table.group }) {
      throw StoaError(
        .unsupported,
        "\"\(table.syntax.name.text)\" and \"\(other.syntax.name.text)\" refer to each other",
        hint: "Make one recursive table of both, with a column that tells the rows apart",
        position: position)
    }
    guard let working = table.working else {
      table.isReferredToEarly = true
      throw StoaError(
        .binding,
        "\"\(table.syntax.name.text)\" may refer to itself only in the last parts of a UNION",
        hint: "A recursive table is: a query without it UNION [ALL] a query over it",
        position: position)
    }
    let columns = working.columns.map { numbers.column($0.name, $0.type) }
    let plan = LogicalPlan.reference(
      LogicalReference(
        number: working.number, name: table.syntax.name.text, columns: columns,
        sources: working.columns.map(\.id)))
    return BoundRelation(plan: plan, columns: columns)
  }

  /// The query of a table of WITH RECURSIVE.
  func bindRecursiveQuery(
    _ table: CommonTables.Table, parent: Scope?
  ) throws(StoaError) -> BoundRelation {
    let state = table.state
    let working = table.working
    table.state = .open
    table.working = nil
    openTables.append(table)
    defer {
      openTables.removeLast()
      table.working = working
      if table.state == .open { table.state = state }
    }
    let query = table.syntax.query
    let inner = try query.with.map { (with) throws(StoaError) in
      try bindCommonTables(with, parent: parent, outer: table.environment)
    }
    let visible = inner?.last?.chain ?? table.environment
    guard case .setOperation(let operation) = query.body, operation.kind == .union,
      !operation.byName,
      var relation = try bindRecursion(table, operation, query, parent: parent, visible)
    else { return try bindQuery(query, parent: parent, commonTables: table.environment) }
    for (common, _) in (inner ?? []).reversed() {
      relation.plan = placed(common, over: relation.plan)
    }
    return relation
  }

  /// - Returns: `nil` when no operand refers to the table.
  private func bindRecursion(
    _ table: CommonTables.Table, _ operation: SetOperationSyntax, _ query: QuerySyntax,
    parent: Scope?, _ visible: CommonTables?
  ) throws(StoaError) -> BoundRelation? {
    var initial: [BoundRelation] = []
    for operand in operation.operands {
      table.isReferredToEarly = false
      do throws(StoaError) {
        initial.append(try bindBody(operand, parent: parent, commonTables: visible))
      } catch {
        guard table.isReferredToEarly, !initial.isEmpty else { throw error }
        break
      }
    }
    if initial.count == operation.operands.count { return nil }
    if query.orderBy != nil || query.limit != nil || query.offset != nil {
      throw StoaError(
        .unsupported, "ORDER BY and LIMIT cannot stand at the end of a recursive query",
        hint: "Put them into the query that uses \"\(table.syntax.name.text)\"",
        position: query.position)
    }
    try checkWidths(initial, operation)
    var first = initial[0]
    if initial.count > 1 {
      _ = try unifyColumns(&initial, operation)
      first = unionAll(initial)
    }
    try rename(&first.columns, table.syntax.columns, table.syntax.name)
    let steps = Array(operation.operands.dropFirst(initial.count))
    return try bindSteps(table, first, steps, operation, parent: parent, visible)
  }

  /// The step, over columns of the initial rows' types, or of wider ones that the step makes of them.
  private func bindSteps(
    _ table: CommonTables.Table, _ first: BoundRelation, _ operands: [QueryBodySyntax],
    _ operation: SetOperationSyntax, parent: Scope?, _ visible: CommonTables?
  ) throws(StoaError) -> BoundRelation {
    var types = first.columns.map { untypedColumns[$0.id]?.type ?? $0.type }
    for _ in 0..<3 {
      let columns = zip(first.columns, types).map {
        numbers.column($0.name, $1 == .null ? .integer : $1)
      }
      let number = numbers.take()
      table.working = CommonTables.Working(number: number, columns: columns)
      var steps: [BoundRelation] = []
      for operand in operands {
        steps.append(try bindBody(operand, parent: parent, commonTables: visible))
      }
      try checkWidths([first] + steps, operation)
      let wider = try commonTypes(types, steps, operands)
      if wider == columns.map(\.type) {
        let initial = try cast(first, to: wider, at: operation.position)
        for index in steps.indices {
          steps[index] = try cast(steps[index], to: wider, at: operands[index].position)
        }
        let step = steps.count == 1 ? steps[0] : unionAll(steps)
        return BoundRelation(
          plan: .recursion(
            LogicalRecursion(
              number: number, name: table.syntax.name.text, initial: initial.plan, step: step.plan,
              columns: columns, initialColumns: initial.columns.map(\.id),
              stepColumns: step.columns.map(\.id), isDistinct: !operation.isAll)),
          columns: columns)
      }
      types = wider
    }
    throw StoaError(
      .binding, "columns of recursive table \"\(table.syntax.name.text)\" get wider with each step",
      hint: "Cast what is computed to the type of the first query's column",
      position: operation.position)
  }

  private func commonTypes(
    _ types: [LogicalType], _ steps: [BoundRelation], _ operands: [QueryBodySyntax]
  ) throws(StoaError) -> [LogicalType] {
    var result = types
    for (step, operand) in zip(steps, operands) {
      for (index, column) in step.columns.enumerated() {
        if let literal = untypedColumns[column.id] {
          if result[index] == .null { result[index] = literal.type }
          continue
        }
        result[index] = try commonType(
          result[index], column.type, at: operand.position, for: "WITH RECURSIVE")
      }
    }
    return result.map { $0 == .null ? .integer : $0 }
  }
}
