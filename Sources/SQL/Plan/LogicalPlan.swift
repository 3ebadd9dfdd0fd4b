import Catalog
import Kernels
import Vectors

/// What a query means, before it is decided how to run it: a tree of relational operators, each a plain
/// value. The binder makes it, optimizer rules rewrite it, the planner turns it into a `PhysicalPlan`.
///
/// Columns are named by ids that are unique in the whole plan; every operator gives out `columns`.
///
/// Invariants:
/// - An expression refers only to columns its operator's inputs give out. Within the right side of a
///   dependent join it may also refer to columns of the left side, until `Decorrelator` has run.
/// - An id is made by one operator. Projections and aggregates may pass a column on under its own id.
/// - `reference` makes new ids for the columns of the shared plan, so that two references never clash.
public indirect enum LogicalPlan: Hashable, Sendable {
  case get(LogicalGet)
  case values(LogicalValues)
  case tableFunction(LogicalTableFunction)
  case filter(LogicalFilter)
  case project(LogicalProject)
  case join(LogicalJoin)
  /// GROUP BY; DISTINCT is one without aggregates.
  case aggregate(LogicalAggregate)
  case window(LogicalWindow)
  case sort(LogicalSort)
  case limit(LogicalLimit)
  case unionAll(LogicalUnion)
  case singleRow(LogicalSingleRow)
  case materialize(LogicalMaterialize)
  case reference(LogicalReference)
  case repeated(LogicalRepeat)
  case recursion(LogicalRecursion)
  case groupLimit(LogicalGroupLimit)
  case sample(LogicalSample)
  case asofJoin(LogicalAsofJoin)
}

/// A column some operator gives out.
public struct PlanColumn: Hashable, Sendable {
  /// Unique in the plan.
  public var id: Int
  /// As users know it; only for EXPLAIN and results.
  public var name: String
  public var type: LogicalType

  public init(id: Int, name: String, type: LogicalType) {
    self.id = id
    self.name = name
    self.type = type
  }

  /// The column as an expression.
  public var reference: Expression { .column(id, type) }
}

/// A column and the expression that computes it.
public struct NamedExpression: Hashable, Sendable {
  public var column: PlanColumn
  public var expression: Expression

  public init(_ column: PlanColumn, _ expression: Expression) {
    self.column = column
    self.expression = expression
  }

  /// Passes a column on.
  public init(passing column: PlanColumn) { self.init(column, column.reference) }

  /// Whether the column is passed on under its own id.
  public var isPassing: Bool {
    if case .column(let id, _) = expression { id == column.id } else { false }
  }
}

/// Reads a table.
public struct LogicalGet: Hashable, Sendable {
  public var table: TableDefinition
  /// The name the query gave the table, for EXPLAIN.
  public var alias: String
  public var columns: [PlanColumn]
  /// The table's column behind each of `columns`; `SystemColumn.row` may be among them.
  public var sources: [ColumnID]
  /// The commit whose state is read, for `AT (…)`; `nil` for the statement's snapshot. `table` is as it was.
  public var version: CommitNumber?

  public init(
    table: TableDefinition, alias: String, columns: [PlanColumn], sources: [ColumnID],
    version: CommitNumber? = nil
  ) {
    self.table = table
    self.alias = alias
    self.columns = columns
    self.sources = sources
    self.version = version
  }
}

/// Rows of expressions without columns. No columns and one row is SELECT without FROM.
public struct LogicalValues: Hashable, Sendable {
  public var columns: [PlanColumn]
  public var rows: [[Expression]]

  public init(columns: [PlanColumn], rows: [[Expression]]) {
    self.columns = columns
    self.rows = rows
  }
}

/// A foreign file or generated rows.
public struct LogicalTableFunction: Hashable, Sendable {
  public var name: String
  public var arguments: [Value]
  public var columns: [PlanColumn]
  /// Position among the function's own columns behind each of `columns`.
  public var sources: [Int]
  public var estimatedRows: Double?
  /// Columns nobody reads can be left out.
  public var canProject: Bool

  public init(
    name: String, arguments: [Value], columns: [PlanColumn], sources: [Int],
    estimatedRows: Double?, canProject: Bool = false
  ) {
    self.canProject = canProject
    self.name = name
    self.arguments = arguments
    self.columns = columns
    self.sources = sources
    self.estimatedRows = estimatedRows
  }
}

/// Keeps rows for which every condition is true.
public struct LogicalFilter: Hashable, Sendable {
  public var input: LogicalPlan
  /// BOOLEAN conjuncts; none is allowed and keeps all.
  public var conditions: [Expression]

  public init(input: LogicalPlan, conditions: [Expression]) {
    self.input = input
    self.conditions = conditions
  }
}

/// Computes columns.
public struct LogicalProject: Hashable, Sendable {
  public var input: LogicalPlan
  public var items: [NamedExpression]

  public init(input: LogicalPlan, items: [NamedExpression]) {
    self.input = input
    self.items = items
  }
}

/// Joins two inputs; a cross join is an inner one without conditions.
public struct LogicalJoin: Hashable, Sendable {
  /// `.left` keeps rows of `left`, `.semi`, `.anti`, `.mark` and `.single` give out rows of `left`.
  public var kind: JoinKind
  public var left: LogicalPlan
  public var right: LogicalPlan
  /// BOOLEAN conjuncts over both sides.
  public var conditions: [Expression]
  /// The column that `.mark` adds; `nil` for other kinds.
  public var mark: PlanColumn?
  /// The right side refers to columns of the left one: it is meant to be computed anew for every left row.
  public var isDependent: Bool
  /// Of semi and anti joins: the left side shall be hashed and the right one stream past it. Set last, by
  /// `JoinOrientation`.
  public var hashesLeft = false

  public init(
    kind: JoinKind, left: LogicalPlan, right: LogicalPlan, conditions: [Expression],
    mark: PlanColumn? = nil, isDependent: Bool = false
  ) {
    self.kind = kind
    self.left = left
    self.right = right
    self.conditions = conditions
    self.mark = mark
    self.isDependent = isDependent
  }
}

/// One aggregate with the column it makes.
public struct NamedAggregate: Hashable, Sendable {
  public var column: PlanColumn
  public var call: AggregateCall

  public init(_ column: PlanColumn, _ call: AggregateCall) {
    self.column = column
    self.call = call
  }
}

/// Groups rows that agree on `groups` (NULL agrees with NULL); without groups there is exactly one row.
public struct LogicalAggregate: Hashable, Sendable {
  public var input: LogicalPlan
  public var groups: [NamedExpression]
  public var aggregates: [NamedAggregate]

  public init(input: LogicalPlan, groups: [NamedExpression], aggregates: [NamedAggregate]) {
    self.input = input
    self.groups = groups
    self.aggregates = aggregates
  }
}

/// Orders rows.
public struct LogicalSort: Hashable, Sendable {
  public var input: LogicalPlan
  public var items: [SortItem]

  public init(input: LogicalPlan, items: [SortItem]) {
    self.input = input
    self.items = items
  }
}

/// Skips `offset` rows, then passes `limit`.
public struct LogicalLimit: Hashable, Sendable {
  public var input: LogicalPlan
  /// BIGINT without columns; `nil` or NULL for all. Constants once parameters have values.
  public var limit: Expression?
  public var offset: Expression?
  /// `LIMIT n %`: DOUBLE, instead of `limit`.
  public var percent: Expression?
  /// One row, over whose columns the expressions are when they are not constant.
  public var counts: LogicalPlan?

  public init(
    input: LogicalPlan, limit: Expression?, offset: Expression?, percent: Expression? = nil,
    counts: LogicalPlan? = nil
  ) {
    self.input = input
    self.limit = limit
    self.offset = offset
    self.percent = percent
    self.counts = counts
  }

  /// Whether rows are counted by constants alone.
  public var isPlain: Bool { percent == nil && counts == nil }
}

/// All rows of all inputs; column `i` of the result holds column `inputColumns[k][i]` of input `k`.
public struct LogicalUnion: Hashable, Sendable {
  public var inputs: [LogicalPlan]
  public var columns: [PlanColumn]
  /// For each input, which of its columns stands in each place, by id; types are those of `columns`.
  public var inputColumns: [[Int]]

  public init(inputs: [LogicalPlan], columns: [PlanColumn], inputColumns: [[Int]]) {
    self.inputs = inputs
    self.columns = columns
    self.inputColumns = inputColumns
  }
}

/// Exactly one row: the input's, or NULLs when it has none; a second row is an error.
public struct LogicalSingleRow: Hashable, Sendable {
  public var input: LogicalPlan

  public init(input: LogicalPlan) { self.input = input }
}

/// A common table expression used more than once: `shared` is computed once, `input` refers to it.
public struct LogicalMaterialize: Hashable, Sendable {
  /// Unique in the plan.
  public var number: Int
  public var name: String
  public var shared: LogicalPlan
  public var input: LogicalPlan

  public init(number: Int, name: String, shared: LogicalPlan, input: LogicalPlan) {
    self.number = number
    self.name = name
    self.shared = shared
    self.input = input
  }
}

/// The rows of the shared plan with this number, under new column ids.
public struct LogicalReference: Hashable, Sendable {
  public var number: Int
  public var name: String
  public var columns: [PlanColumn]
  /// Which column of the shared plan, by id, stands behind each of `columns`.
  public var sources: [Int]
  /// Columns of the shared plan that are never NULL.
  public var nonNullSources: Set<Int>
  /// Columns of the shared plan on which no two rows agree; `nil` when none are known.
  public var uniqueSources: Set<Int>?

  public init(
    number: Int, name: String, columns: [PlanColumn], sources: [Int],
    nonNullSources: Set<Int> = [], uniqueSources: Set<Int>? = nil
  ) {
    self.number = number
    self.name = name
    self.columns = columns
    self.sources = sources
    self.nonNullSources = nonNullSources
    self.uniqueSources = uniqueSources
  }
}

extension LogicalPlan {
  /// One row without columns: the source of a SELECT without FROM.
  public static let oneRow = LogicalPlan.values(LogicalValues(columns: [], rows: [[]]))

  /// Columns given out, in order.
  public var columns: [PlanColumn] {
    switch self {
    case .get(let node): node.columns
    case .values(let node): node.columns
    case .tableFunction(let node): node.columns
    case .filter(let node): node.input.columns
    case .project(let node): node.items.map(\.column)
    case .join(let node): node.columns
    case .aggregate(let node): node.groups.map(\.column) + node.aggregates.map(\.column)
    case .window(let node): node.input.columns + node.functions.map(\.column)
    case .sort(let node): node.input.columns
    case .limit(let node): node.input.columns
    case .unionAll(let node): node.columns
    case .singleRow(let node): node.input.columns
    case .materialize(let node): node.input.columns
    case .reference(let node): node.columns
    case .repeated(let node): node.input.columns + (node.ordinal.map { [$0] } ?? [])
    case .recursion(let node): node.columns
    case .groupLimit(let node): node.input.columns
    case .sample(let node): node.input.columns
    case .asofJoin(let node): node.left.columns + node.right.columns
    }
  }

  /// Ids of `columns`.
  public var columnIDs: Set<Int> {
    var result: Set<Int> = []
    insertColumnIDs(into: &result)
    return result
  }

  /// Towers of joins ask for this at every level, so nothing but the ids is copied.
  private func insertColumnIDs(into result: inout Set<Int>) {
    switch self {
    case .filter(let node): node.input.insertColumnIDs(into: &result)
    case .sort(let node): node.input.insertColumnIDs(into: &result)
    case .limit(let node): node.input.insertColumnIDs(into: &result)
    case .singleRow(let node): node.input.insertColumnIDs(into: &result)
    case .materialize(let node): node.input.insertColumnIDs(into: &result)
    case .groupLimit(let node): node.input.insertColumnIDs(into: &result)
    case .sample(let node): node.input.insertColumnIDs(into: &result)
    case .join(let node):
      node.left.insertColumnIDs(into: &result)
      switch node.kind {
      case .inner, .left, .right, .full, .single: node.right.insertColumnIDs(into: &result)
      case .semi, .anti: break
      case .mark: if let mark = node.mark { result.insert(mark.id) }
      }
    case .asofJoin(let node):
      node.left.insertColumnIDs(into: &result)
      node.right.insertColumnIDs(into: &result)
    case .project(let node): for item in node.items { result.insert(item.column.id) }
    case .get(let node): for column in node.columns { result.insert(column.id) }
    case .values, .tableFunction, .aggregate, .window, .unionAll, .reference, .repeated, .recursion:
      for column in columns { result.insert(column.id) }
    }
  }
}

extension LogicalJoin {
  /// Columns given out: left, then right for the kinds that have it, then the mark.
  public var columns: [PlanColumn] {
    switch kind {
    case .inner, .left, .right, .full, .single: left.columns + right.columns
    case .semi, .anti: left.columns
    case .mark: left.columns + (mark.map { [$0] } ?? [])
    }
  }
}
