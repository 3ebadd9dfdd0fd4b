import Kernels
import Vectors

/// Gives each row out `count` times; NULL, zero and less mean not at all.
public struct LogicalRepeat: Hashable, Sendable {
  public var input: LogicalPlan
  /// BIGINT over the input.
  public var count: Expression
  /// BIGINT: which time of the row it is, from 0.
  public var ordinal: PlanColumn?

  /// The rows of `input`, each as often as `count` says.
  public init(input: LogicalPlan, count: Expression, ordinal: PlanColumn? = nil) {
    self.input = input
    self.count = count
    self.ordinal = ordinal
  }
}

/// WITH RECURSIVE. `step` refers by `number` to the rows that the step before has added (first: those of
/// `initial`); it is run again until it adds none. The result is all rows ever added.
public struct LogicalRecursion: Hashable, Sendable {
  /// Unique in the plan; references within `step` carry it.
  public var number: Int
  public var name: String
  public var initial: LogicalPlan
  public var step: LogicalPlan
  public var columns: [PlanColumn]
  /// Which columns of `initial` and `step`, by id, stand behind `columns`; types are the same.
  public var initialColumns: [Int]
  public var stepColumns: [Int]
  /// UNION: rows that were there before are not added.
  public var isDistinct: Bool

  /// A recursion; `initial` and `step` have columns of the same number and types.
  public init(
    number: Int, name: String, initial: LogicalPlan, step: LogicalPlan, columns: [PlanColumn],
    initialColumns: [Int], stepColumns: [Int], isDistinct: Bool
  ) {
    self.number = number
    self.name = name
    self.initial = initial
    self.step = step
    self.columns = columns
    self.initialColumns = initialColumns
    self.stepColumns = stepColumns
    self.isDistinct = isDistinct
  }
}

/// A LIMIT for each group of rows that agree on `partition` (NULL agrees with NULL), in the order of `items`.
public struct LogicalGroupLimit: Hashable, Sendable {
  public var input: LogicalPlan
  /// None: all rows are one group.
  public var partition: [Expression]
  public var items: [SortItem]
  /// BIGINT without columns; `nil` or NULL for all.
  public var limit: Expression?
  public var offset: Expression?
  /// Rows that sort like the last one also pass.
  public var withTies: Bool

  /// The first rows of each group.
  public init(
    input: LogicalPlan, partition: [Expression], items: [SortItem], limit: Expression?,
    offset: Expression?, withTies: Bool = false
  ) {
    self.input = input
    self.partition = partition
    self.items = items
    self.limit = limit
    self.offset = offset
    self.withTies = withTies
  }
}

/// How TABLESAMPLE chooses rows.
public enum SampleMethod: Hashable, Sendable {
  /// Each row with this probability.
  case rows(Double)
  /// Each batch of rows with this probability.
  case blocks(Double)
  /// This many rows.
  case count(Int)
  /// This part of the rows, exactly.
  case part(Double)
}

/// Some of the rows, at random.
public struct LogicalSample: Hashable, Sendable {
  public var input: LogicalPlan
  public var method: SampleMethod
  /// For the same rows each time.
  public var seed: Int64?

  public init(input: LogicalPlan, method: SampleMethod, seed: Int64?) {
    self.input = input
    self.method = method
    self.seed = seed
  }
}

/// ASOF JOIN: with each row of `left` the nearest row of `right` among those with equal keys: for `>=` and `>` the
/// one with the greatest `rightOrder` that is not above `leftOrder`, for `<=` and `<` the least not below.
public struct LogicalAsofJoin: Hashable, Sendable {
  /// `.inner` or `.left`.
  public var kind: JoinKind
  public var left: LogicalPlan
  public var right: LogicalPlan
  /// Pairwise equal types.
  public var leftKeys: [Expression]
  public var rightKeys: [Expression]
  public var leftOrder: Expression
  public var rightOrder: Expression
  /// Between `leftOrder` and `rightOrder`; no equality.
  public var comparison: ComparisonOperator

  public init(
    kind: JoinKind, left: LogicalPlan, right: LogicalPlan, leftKeys: [Expression],
    rightKeys: [Expression], leftOrder: Expression, rightOrder: Expression,
    comparison: ComparisonOperator
  ) {
    self.kind = kind
    self.left = left
    self.right = right
    self.leftKeys = leftKeys
    self.rightKeys = rightKeys
    self.leftOrder = leftOrder
    self.rightOrder = rightOrder
    self.comparison = comparison
  }

  var expressions: [Expression] { leftKeys + rightKeys + [leftOrder, rightOrder] }

  mutating func mapExpressions(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) {
    for index in leftKeys.indices { leftKeys[index] = try transform(leftKeys[index]) }
    for index in rightKeys.indices { rightKeys[index] = try transform(rightKeys[index]) }
    leftOrder = try transform(leftOrder)
    rightOrder = try transform(rightOrder)
  }
}

extension LogicalGroupLimit {
  var expressions: [Expression] {
    partition + items.map(\.expression) + [limit, offset].compactMap { $0 }
  }

  mutating func mapExpressions(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) {
    for index in partition.indices { partition[index] = try transform(partition[index]) }
    for index in items.indices {
      items[index].expression = try transform(items[index].expression)
    }
    if let old = limit { limit = try transform(old) }
    if let old = offset { offset = try transform(old) }
  }
}
