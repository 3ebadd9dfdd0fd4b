import Catalog
import Kernels
import Vectors

/// The window functions a SELECT uses, each once, and its named windows.
final class WindowCollector {
  private(set) var functions: [NamedWindow] = []
  /// Where each of `functions` is written.
  private var positions: [Range<Int>] = []
  private var columns: [NamedWindow: PlanColumn] = [:]
  /// By lower-case name, with what they inherit filled in.
  private var named: [String: (syntax: WindowSyntax, name: String)] = [:]
  /// Subqueries inside window functions: they belong below them.
  var pending: [PendingJoin] = []

  /// - Throws: `.binding` when a name is defined twice or inherits what it cannot.
  init(_ windows: [NamedWindowSyntax]) throws(StoaError) {
    for window in windows {
      let key = CatalogState.key(window.name.text)
      if named[key] != nil {
        throw StoaError(
          .binding, "window \"\(window.name.text)\" is already defined",
          position: window.name.position)
      }
      named[key] = (try resolved(window.window), window.name.text)
    }
  }

  /// Named windows as written after AS, inheritance resolved.
  var definitions: [WindowSyntax] { named.keys.sorted().compactMap { named[$0]?.syntax } }

  /// `window` with what it inherits. `OVER name` has the position of its name alone.
  func resolved(_ window: WindowSyntax) throws(StoaError) -> WindowSyntax {
    guard let base = window.base else { return window }
    guard let inherited = named[CatalogState.key(base.text)]?.syntax else {
      throw StoaError(
        .binding, "window \"\(base.text)\" does not exist",
        hint: Suggestion.hint(for: base.text, among: named.values.map(\.name).sorted()),
        position: base.position)
    }
    if window.position == base.position { return inherited }
    func refused(_ what: String, hint: String? = nil) -> StoaError {
      StoaError(.binding, what, hint: hint, position: base.position)
    }
    if !window.partitionBy.isEmpty {
      throw refused("cannot override PARTITION BY clause of window \"\(base.text)\"")
    }
    if !window.orderBy.isEmpty, !inherited.orderBy.isEmpty {
      throw refused("cannot override ORDER BY clause of window \"\(base.text)\"")
    }
    if inherited.frame != nil {
      throw refused(
        "cannot copy window \"\(base.text)\" because it has a frame clause",
        hint: window.orderBy.isEmpty && window.frame == nil
          ? "Omit the parentheses in this OVER clause" : nil)
    }
    var result = window
    result.base = nil
    result.partitionBy = inherited.partitionBy
    if !inherited.orderBy.isEmpty { result.orderBy = inherited.orderBy }
    return result
  }

  /// The column that holds the function.
  func column(
    for call: WindowCall, partition: [Expression], order: [SortItem], name: String,
    at position: Range<Int>, numbers: inout PlanNumbers
  ) -> PlanColumn {
    let anonymous = NamedWindow(
      column: PlanColumn(id: -1, name: "", type: call.resultType), call: call,
      partition: partition, order: order)
    if let known = columns[anonymous] { return known }
    let column = numbers.column(name, call.resultType)
    columns[anonymous] = column
    var function = anonymous
    function.column = column
    functions.append(function)
    positions.append(position)
    return column
  }

  var columnIDs: Set<Int> { Set(functions.lazy.map(\.column.id)) }

  /// Rewrites all expressions; `transform` gets the function's position.
  func rewrite(
    _ transform: (Expression, Range<Int>) throws(StoaError) -> Expression
  ) throws(StoaError) {
    for index in functions.indices {
      functions[index] = try functions[index].mapExpressions { (expression) throws(StoaError) in
        try transform(expression, positions[index])
      }
    }
  }

  /// Puts the functions on `input`, with the subqueries they need.
  func attached(to input: LogicalPlan) -> LogicalPlan {
    guard !functions.isEmpty else { return input }
    return .window(LogicalWindow(input: input.attaching(pending), functions: functions))
  }
}

extension WindowCollector {
  /// Joins with subqueries that may come below the window functions, and those that need their columns.
  func divided(_ joins: [PendingJoin]) -> (below: [PendingJoin], above: [PendingJoin]) {
    let made = columnIDs
    if made.isEmpty { return (joins, []) }
    var below: [PendingJoin] = []
    var above: [PendingJoin] = []
    for join in joins {
      let used = join.right.freeColumns.addingColumns(of: join.conditions)
      if used.isDisjoint(with: made) { below.append(join) } else { above.append(join) }
    }
    return (below, above)
  }

  /// Puts groups' columns in place of expressions, for functions over a grouped query.
  func replaceGroups(_ grouping: Grouping) throws(StoaError) {
    try rewrite { (expression, position) throws(StoaError) in
      try grouping.replaced(expression, at: position)
    }
    pending = try grouping.replaced(pending)
  }
}
