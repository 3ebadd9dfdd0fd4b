import Kernels
import Vectors

/// Bounds of a LIMIT that come from a subquery or are a part of the rows; each takes the place of the fixed one.
public struct DynamicLimit: Sendable {
  /// Gives exactly one row, over whose columns the others are; `nil` when they have no columns.
  public indirect enum Counts: Sendable {
    case plan(PhysicalPlan)
  }

  private var countsPlan: Counts?
  /// BIGINT.
  public var limit: Expression?
  public var offset: Expression?
  /// DOUBLE, of all rows of the input.
  public var percent: Expression?

  public init(
    counts: PhysicalPlan? = nil, limit: Expression? = nil, offset: Expression? = nil,
    percent: Expression? = nil
  ) {
    countsPlan = counts.map { .plan($0) }
    self.limit = limit
    self.offset = offset
    self.percent = percent
  }

  public var counts: PhysicalPlan? {
    guard case .plan(let plan)? = countsPlan else { return nil }
    return plan
  }
}

/// `probe comparison build`: an inequality between the sides of a join; positions are those of the side itself.
public struct RangeCondition: Sendable {
  public var probe: Expression
  public var build: Expression
  /// One of < <= > >=.
  public var comparison: ComparisonOperator

  public init(probe: Expression, build: Expression, comparison: ComparisonOperator) {
    self.probe = probe
    self.build = build
    self.comparison = comparison
  }
}

/// Gives each row out as often as `count` says.
public struct RepeatNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  /// BIGINT.
  public var count: Expression
  /// A last column says which time of the row it is, from 0.
  public var hasOrdinal: Bool

  public init(
    facts: PlanFacts, input: PhysicalPlan, count: Expression, hasOrdinal: Bool = false
  ) {
    self.facts = facts
    self.input = input
    self.count = count
    self.hasOrdinal = hasOrdinal
  }
}

/// Runs `initial`, then `step` again and again, over the rows added last, until it adds none.
public struct RecursionNode: Sendable {
  public var facts: PlanFacts
  /// References to it within `step` read the rows added last.
  public var number: Int
  public var initial: PhysicalPlan
  public var step: PhysicalPlan
  public var isDistinct: Bool

  public init(
    facts: PlanFacts, number: Int, initial: PhysicalPlan, step: PhysicalPlan, isDistinct: Bool
  ) {
    self.facts = facts
    self.number = number
    self.initial = initial
    self.step = step
    self.isDistinct = isDistinct
  }
}

/// LIMIT per group; the input is sorted by `partition`, then `items`.
public struct GroupLimitNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  public var partition: [Expression]
  /// Only for ties.
  public var items: [SortItem]
  public var limit: Int?
  public var offset: Int
  public var withTies: Bool

  public init(
    facts: PlanFacts, input: PhysicalPlan, partition: [Expression], items: [SortItem], limit: Int?,
    offset: Int, withTies: Bool
  ) {
    self.facts = facts
    self.input = input
    self.partition = partition
    self.items = items
    self.limit = limit
    self.offset = offset
    self.withTies = withTies
  }
}

/// Random rows, or all rows with a random number each.
public struct SampleNode: Sendable {
  public enum Mode: Sendable, Hashable {
    case rows(Double)
    case blocks(Double)
    /// All rows, and a BIGINT column last.
    case key
  }

  public var facts: PlanFacts
  public var input: PhysicalPlan
  public var mode: Mode
  public var seed: Int64?

  public init(facts: PlanFacts, input: PhysicalPlan, mode: Mode, seed: Int64?) {
    self.facts = facts
    self.input = input
    self.mode = mode
    self.seed = seed
  }
}

/// ASOF JOIN; both inputs are sorted by keys and order: ascending for `>=` and `>`, else descending in the order.
public struct AsofJoinNode: Sendable {
  public var facts: PlanFacts
  /// `.inner` or `.left`.
  public var kind: JoinKind
  public var probe: PhysicalPlan
  public var build: PhysicalPlan
  /// Keys, then the order; pairwise equal types.
  public var probeKeys: [Expression]
  public var buildKeys: [Expression]
  public var comparison: ComparisonOperator
  /// Positions in probe columns followed by build columns.
  public var output: [Int]

  public init(
    facts: PlanFacts, kind: JoinKind, probe: PhysicalPlan, build: PhysicalPlan,
    probeKeys: [Expression], buildKeys: [Expression], comparison: ComparisonOperator, output: [Int]
  ) {
    self.facts = facts
    self.kind = kind
    self.probe = probe
    self.build = build
    self.probeKeys = probeKeys
    self.buildKeys = buildKeys
    self.comparison = comparison
    self.output = output
  }
}
