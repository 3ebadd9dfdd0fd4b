import Kernels
import Vectors

/// Where an expression stands: which names it sees, what is allowed in it, and what its subqueries and
/// aggregates turn into. One per clause of a query.
final class Clause {
  /// For messages: `WHERE`, `GROUP BY`, `SELECT`.
  var name: String
  let scope: Scope
  /// Collects aggregates where they are allowed.
  var aggregates: AggregateCollector?
  /// Why aggregates are not allowed, when they are not.
  var isInsideAggregate = false
  /// Collects window functions where they are allowed.
  var windows: WindowCollector?
  /// Within the arguments or the definition of a window function.
  var isInsideWindow = false
  /// Joins that make the values of the clause's subqueries; to be put on the clause's input.
  var pending: [PendingJoin] = []
  /// Expressions of the select list by lower-case alias, for names that are no columns.
  var aliases: [String: ExpressionSyntax] = [:]
  /// Aliases whose expression is being bound, so that none refers to itself.
  var openAliases: Set<String> = []
  /// What `merge_action()` gives; only RETURNING of MERGE has it.
  var mergeAction: Expression?
  /// Where each column was first mentioned, for messages about it.
  var mentions: [Int: (name: String, position: Range<Int>)] = [:]

  init(_ name: String, scope: Scope, aggregates: AggregateCollector? = nil) {
    self.name = name
    self.scope = scope
    self.aggregates = aggregates
  }
}

/// A join with a subquery, still without its left side.
struct PendingJoin {
  var kind: JoinKind
  var right: LogicalPlan
  var conditions: [Expression] = []
  var mark: PlanColumn?

  /// Puts the join on `input`.
  func attached(to input: LogicalPlan) -> LogicalPlan {
    let isDependent = !right.freeColumns.isDisjoint(with: input.columnIDs)
    var right = right
    var kind = kind
    // One that depends on a query further out stays what it is until that one is unnested.
    if kind == .single, !isDependent, right.freeColumns.isEmpty {
      kind = .inner
      if !right.hasExactlyOneRow { right = .singleRow(LogicalSingleRow(input: right)) }
    }
    return .join(
      LogicalJoin(
        kind: kind, left: input, right: right, conditions: conditions, mark: mark,
        isDependent: isDependent))
  }
}

extension LogicalPlan {
  /// Puts subqueries on top, in order.
  func attaching(_ joins: [PendingJoin]) -> LogicalPlan {
    joins.reduce(self) { $1.attached(to: $0) }
  }

  /// Whether there is always one row, neither more nor less.
  var hasExactlyOneRow: Bool {
    switch self {
    case .values(let node): node.rows.count == 1
    case .aggregate(let node): node.groups.isEmpty
    case .singleRow: true
    case .project(let node): node.input.hasExactlyOneRow
    case .sort(let node): node.input.hasExactlyOneRow
    case .window(let node): node.input.hasExactlyOneRow
    case .materialize(let node): node.input.hasExactlyOneRow
    default: false
    }
  }
}

/// The aggregates a SELECT uses, each once, and its groups.
final class AggregateCollector {
  var groups: [NamedExpression] = []
  private(set) var aggregates: [NamedAggregate] = []
  private var columns: [AggregateCall: PlanColumn] = [:]
  /// Subqueries inside aggregate arguments and group keys: they belong below the aggregate.
  var pending: [PendingJoin] = []
  /// Group keys with subqueries by where they are written in the select list.
  var itemKeys: [Range<Int>: Expression] = [:]
  var isGrouping = false
  /// Grouping sets, each a list of places in `groups`; `nil` when all groups are one set.
  var sets: [[Int]]?
  /// With sets: the columns that hold the groups above them, NULL where a set does not have them.
  var setColumns: [PlanColumn] = []
  /// What GROUPING(…) was asked for.
  private(set) var groupingCalls: [GroupingCall] = []

  /// Whether the SELECT aggregates at all.
  var isNeeded: Bool { isGrouping || !aggregates.isEmpty }

  /// The column that holds the aggregate.
  func column(
    for call: AggregateCall, name: String, numbers: inout PlanNumbers
  ) -> PlanColumn {
    if let known = columns[call] { return known }
    let column = numbers.column(name, call.function.resultType)
    columns[call] = column
    aggregates.append(NamedAggregate(column, call))
    return column
  }

  /// The column that tells which of `arguments` a row's set leaves out.
  func column(
    forGrouping arguments: [Expression], at position: Range<Int>, numbers: inout PlanNumbers
  ) -> PlanColumn {
    if let known = groupingCalls.first(where: { $0.arguments == arguments }) { return known.column }
    let column = numbers.column("grouping", .integer)
    groupingCalls.append(GroupingCall(column: column, arguments: arguments, position: position))
    return column
  }

  /// Columns that only the aggregate makes.
  var columnIDs: Set<Int> {
    Set(aggregates.lazy.map(\.column.id)).union(groupingCalls.lazy.map(\.column.id))
  }
}
