import Catalog
import Kernels
import Vectors

/// What the executor runs: a tree of operators, each a plain value. Expressions refer to columns by their
/// position in the operator's input (for joins: probe columns first, then build columns). EXPLAIN prints it.
public indirect enum PhysicalPlan: Sendable {
  case scan(ScanNode)
  /// Rows written in the statement; also the single empty row of a SELECT without FROM.
  case values(ValuesNode)
  /// A foreign file or system table, by name and options.
  case tableFunction(TableFunctionNode)
  case filter(FilterNode)
  case project(ProjectNode)
  case hashJoin(HashJoinNode)
  /// Cross joins and joins without an equality.
  case nestedLoopJoin(NestedLoopJoinNode)
  case aggregate(AggregateNode)
  case window(WindowNode)
  case sort(SortNode)
  /// ORDER BY with LIMIT: keeps only `limit + offset` rows.
  case topN(TopNNode)
  case limit(LimitNode)
  case unionAll(UnionAllNode)
  /// At most one row may pass (a scalar subquery); with none, one row of NULLs is made.
  case singleRow(SingleRowNode)
  /// Runs `input` once and keeps its rows for every `reference` to the same number.
  case materialize(MaterializeNode)
  case reference(ReferenceNode)
  case repeated(RepeatNode)
  case recursion(RecursionNode)
  case groupLimit(GroupLimitNode)
  case sample(SampleNode)
  case asofJoin(AsofJoinNode)
}

/// Name and type of a column an operator gives out.
public struct OutputColumn: Hashable, Sendable {
  public var name: String
  public var type: LogicalType

  public init(name: String, type: LogicalType) {
    self.name = name
    self.type = type
  }
}

/// What every operator knows about its result.
public struct PlanFacts: Hashable, Sendable {
  public var columns: [OutputColumn]
  public var estimatedRows: Double

  public init(columns: [OutputColumn], estimatedRows: Double) {
    self.columns = columns
    self.estimatedRows = estimatedRows
  }
}

/// An earlier state of a table.
public struct ScanVersion: Hashable, Sendable {
  /// Rows as of this commit.
  public var commit: CommitNumber
  /// The table as it was declared then.
  public var definition: TableDefinition

  public init(commit: CommitNumber, definition: TableDefinition) {
    self.commit = commit
    self.definition = definition
  }
}

/// Reads a table at the statement's snapshot, or at an earlier one.
public struct ScanNode: Sendable {
  public var facts: PlanFacts
  public var table: TableID
  public var tableName: String
  /// Columns given out, in order; `SystemColumn.row` may be among them.
  public var columns: [ColumnID]
  /// Deterministic predicates over one column each; `.column(0, type)` stands for that column. The scan
  /// applies all of them exactly, in the order it finds cheapest.
  public var predicates: [ScanPredicate]
  /// Filters that joins above publish at run time.
  public var runtimeFilters: [RuntimeFilterUse]
  /// `nil` for the statement's snapshot.
  public var version: ScanVersion?

  public init(
    facts: PlanFacts, table: TableID, tableName: String, columns: [ColumnID],
    predicates: [ScanPredicate] = [], runtimeFilters: [RuntimeFilterUse] = [],
    version: ScanVersion? = nil
  ) {
    self.facts = facts
    self.table = table
    self.tableName = tableName
    self.columns = columns
    self.predicates = predicates
    self.runtimeFilters = runtimeFilters
    self.version = version
  }
}

/// A predicate on one column, which need not be among the columns given out.
public struct ScanPredicate: Hashable, Sendable {
  public var column: ColumnID
  public var condition: Expression

  public init(column: ColumnID, condition: Expression) {
    self.column = column
    self.condition = condition
  }
}

/// A column of the scan that a join's build keys will restrict. `filter` numbers are unique in a plan.
public struct RuntimeFilterUse: Hashable, Sendable {
  public var filter: Int
  public var column: ColumnID

  public init(filter: Int, column: ColumnID) {
    self.filter = filter
    self.column = column
  }
}

public struct ValuesNode: Sendable {
  public var facts: PlanFacts
  /// Expressions without columns, one array per row.
  public var rows: [[Expression]]

  public init(facts: PlanFacts, rows: [[Expression]]) {
    self.facts = facts
    self.rows = rows
  }
}

public struct TableFunctionNode: Sendable {
  public var facts: PlanFacts
  public var name: String
  public var arguments: [Value]
  /// Position among the function's own columns behind each column given out.
  public var sources: [Int]

  public init(facts: PlanFacts, name: String, arguments: [Value], sources: [Int]? = nil) {
    self.sources = sources ?? Array(facts.columns.indices)
    self.facts = facts
    self.name = name
    self.arguments = arguments
  }
}

public struct FilterNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  /// BOOLEAN; conjuncts are evaluated in order on the survivors of those before.
  public var condition: Expression

  public init(facts: PlanFacts, input: PhysicalPlan, condition: Expression) {
    self.facts = facts
    self.input = input
    self.condition = condition
  }
}

public struct ProjectNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  public var expressions: [Expression]

  public init(facts: PlanFacts, input: PhysicalPlan, expressions: [Expression]) {
    self.facts = facts
    self.input = input
    self.expressions = expressions
  }
}

/// Which rows of a join survive. "Left" is the probe side of `HashJoinNode`, so a right outer join is a left
/// one with its sides exchanged, or `.right`, which keeps unmatched build rows.
public enum JoinKind: String, Sendable, Hashable, CaseIterable {
  case inner, left, right, full
  /// Probe rows with (without) a match, once each; no build columns.
  case semi, anti
  /// Probe rows, plus a BOOLEAN last column: does a match exist (NULL as SQL's IN has it).
  case mark
  /// Probe rows with the one matching build row, or NULLs; a second match is an error.
  case single
}

/// Equality join by hashing the build side.
public struct HashJoinNode: Sendable {
  public var facts: PlanFacts
  public var kind: JoinKind
  public var probe: PhysicalPlan
  public var build: PhysicalPlan
  /// Pairwise equal types. Positions are those of the side itself.
  public var probeKeys: [Expression]
  public var buildKeys: [Expression]
  /// Further condition over probe columns followed by build columns.
  public var residual: Expression?
  /// A declared key guarantees that no two build rows agree on `buildKeys`.
  public var buildIsUnique: Bool
  /// Columns given out: positions in probe columns followed by build columns (followed by the mark).
  public var output: [Int]
  /// Number under which each key's values are published to a scan below `probe`; `nil` for no filter.
  /// Only for kinds that drop probe rows without a match (inner, semi, right, any that gives out build rows).
  public var runtimeFilters: [Int?]
  /// Of semi and anti joins: build rows with a match, or without one, come out, after all probe rows have passed.
  public var givesBuildRows: Bool

  public init(
    facts: PlanFacts, kind: JoinKind, probe: PhysicalPlan, build: PhysicalPlan,
    probeKeys: [Expression], buildKeys: [Expression], residual: Expression?, buildIsUnique: Bool,
    output: [Int], runtimeFilters: [Int?], givesBuildRows: Bool = false
  ) {
    self.facts = facts
    self.givesBuildRows = givesBuildRows
    self.kind = kind
    self.probe = probe
    self.build = build
    self.probeKeys = probeKeys
    self.buildKeys = buildKeys
    self.residual = residual
    self.buildIsUnique = buildIsUnique
    self.output = output
    self.runtimeFilters = runtimeFilters
  }
}

/// Join on any condition; the build side is kept in memory or spilled.
public struct NestedLoopJoinNode: Sendable {
  public var facts: PlanFacts
  public var kind: JoinKind
  public var probe: PhysicalPlan
  public var build: PhysicalPlan
  /// Over probe columns followed by build columns; `nil` for a cross join.
  public var condition: Expression?
  /// As in `HashJoinNode`.
  public var output: [Int]
  /// At most two inequalities among the condition that sorted build rows can be searched for.
  public var ranges: [RangeCondition] = []
  /// The condition without `ranges`.
  public var rangeResidual: Expression?

  public init(
    facts: PlanFacts, kind: JoinKind, probe: PhysicalPlan, build: PhysicalPlan,
    condition: Expression?, output: [Int]
  ) {
    self.facts = facts
    self.kind = kind
    self.probe = probe
    self.build = build
    self.condition = condition
    self.output = output
  }
}

/// One aggregate of an `AggregateNode`.
public struct AggregateCall: Hashable, Sendable {
  public var function: BoundAggregate
  /// Over the input; empty for `count(*)`.
  public var arguments: [Expression]
  public var isDistinct: Bool
  /// FILTER (WHERE …).
  public var filter: Expression?
  /// ORDER BY within the call: rows of a group are taken in this order. With `isDistinct` the keys are
  /// arguments, perhaps before a cast.
  public var orderBy: [SortItem]

  public init(
    function: BoundAggregate, arguments: [Expression], isDistinct: Bool = false,
    filter: Expression? = nil, orderBy: [SortItem] = []
  ) {
    self.function = function
    self.arguments = arguments
    self.isDistinct = isDistinct
    self.filter = filter
    self.orderBy = orderBy
  }

  /// Whether rows must be seen in order, or each once, so that states of parts cannot be added up.
  public var needsAllRows: Bool { !orderBy.isEmpty || (isDistinct && !arguments.isEmpty) }

  /// What it computes from the rows that pass its filter: arguments and sort keys.
  public var operands: [Expression] { arguments + orderBy.map(\.expression) }

  /// Everything it computes from its input.
  public var expressions: [Expression] { operands + (filter.map { [$0] } ?? []) }

  /// The same call over other expressions.
  public func mapExpressions<Failure: Error>(
    _ transform: (Expression) throws(Failure) -> Expression
  ) throws(Failure) -> AggregateCall {
    var call = self
    for index in arguments.indices { call.arguments[index] = try transform(arguments[index]) }
    if let filter { call.filter = try transform(filter) }
    for index in orderBy.indices {
      call.orderBy[index].expression = try transform(orderBy[index].expression)
    }
    return call
  }
}

/// GROUP BY (also DISTINCT, which has no aggregates). Gives out the groups, then the aggregates. Without
/// groups there is exactly one row.
public struct AggregateNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  public var groups: [Expression]
  public var aggregates: [AggregateCall]
  /// Where every row of a row group would be read, its row count, zone maps and encoded chunks are asked first. Only
  /// without groups and straight above a scan.
  public var readsChunks: Bool

  public init(
    facts: PlanFacts, input: PhysicalPlan, groups: [Expression], aggregates: [AggregateCall],
    readsChunks: Bool = false
  ) {
    self.facts = facts
    self.input = input
    self.groups = groups
    self.aggregates = aggregates
    self.readsChunks = readsChunks
  }
}

/// One ORDER BY item over the input.
public struct SortItem: Hashable, Sendable {
  public var expression: Expression
  public var isDescending: Bool
  public var nullsFirst: Bool

  public init(expression: Expression, isDescending: Bool, nullsFirst: Bool) {
    self.expression = expression
    self.isDescending = isDescending
    self.nullsFirst = nullsFirst
  }
}

public struct SortNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  public var items: [SortItem]

  public init(facts: PlanFacts, input: PhysicalPlan, items: [SortItem]) {
    self.facts = facts
    self.input = input
    self.items = items
  }
}

public struct TopNNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  public var items: [SortItem]
  public var limit: Int
  public var offset: Int

  public init(facts: PlanFacts, input: PhysicalPlan, items: [SortItem], limit: Int, offset: Int) {
    self.facts = facts
    self.input = input
    self.items = items
    self.limit = limit
    self.offset = offset
  }
}

public struct LimitNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  /// `nil` for all.
  public var limit: Int?
  public var offset: Int
  /// What is known only when the query runs.
  public var dynamic: DynamicLimit?

  public init(
    facts: PlanFacts, input: PhysicalPlan, limit: Int?, offset: Int, dynamic: DynamicLimit? = nil
  ) {
    self.facts = facts
    self.input = input
    self.limit = limit
    self.offset = offset
    self.dynamic = dynamic
  }
}

public struct UnionAllNode: Sendable {
  public var facts: PlanFacts
  /// All of the same column types.
  public var inputs: [PhysicalPlan]

  public init(facts: PlanFacts, inputs: [PhysicalPlan]) {
    self.facts = facts
    self.inputs = inputs
  }
}

public struct SingleRowNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan

  public init(facts: PlanFacts, input: PhysicalPlan) {
    self.facts = facts
    self.input = input
  }
}

/// Rows of `shared` are computed once, before `input` runs, which may refer to them by `number`.
public struct MaterializeNode: Sendable {
  public var facts: PlanFacts
  public var number: Int
  public var shared: PhysicalPlan
  public var input: PhysicalPlan

  public init(facts: PlanFacts, number: Int, shared: PhysicalPlan, input: PhysicalPlan) {
    self.facts = facts
    self.number = number
    self.shared = shared
    self.input = input
  }
}

public struct ReferenceNode: Sendable {
  public var facts: PlanFacts
  public var number: Int

  public init(facts: PlanFacts, number: Int) {
    self.facts = facts
    self.number = number
  }
}

extension PhysicalPlan {
  /// Columns and estimate of the operator at the root.
  public var facts: PlanFacts {
    switch self {
    case .scan(let node): node.facts
    case .values(let node): node.facts
    case .tableFunction(let node): node.facts
    case .filter(let node): node.facts
    case .project(let node): node.facts
    case .hashJoin(let node): node.facts
    case .nestedLoopJoin(let node): node.facts
    case .aggregate(let node): node.facts
    case .window(let node): node.facts
    case .sort(let node): node.facts
    case .topN(let node): node.facts
    case .limit(let node): node.facts
    case .unionAll(let node): node.facts
    case .singleRow(let node): node.facts
    case .materialize(let node): node.facts
    case .reference(let node): node.facts
    case .repeated(let node): node.facts
    case .recursion(let node): node.facts
    case .groupLimit(let node): node.facts
    case .sample(let node): node.facts
    case .asofJoin(let node): node.facts
    }
  }
}
