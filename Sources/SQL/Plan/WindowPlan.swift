import Kernels
import Vectors

/// What a window function computes for a row.
public enum WindowFunction: Hashable, Sendable {
  case rowNumber, rank, denseRank, percentRank, cumeDist, ntile
  /// Arguments: the value, how many rows away, and what stands where there is no such row (may be absent).
  case lag, lead
  case firstValue, lastValue, nthValue
  /// Any aggregate over the rows of the frame.
  case aggregate(BoundAggregate)

  /// As SQL calls it, in lower case.
  public var name: String {
    switch self {
    case .rowNumber: "row_number"
    case .rank: "rank"
    case .denseRank: "dense_rank"
    case .percentRank: "percent_rank"
    case .cumeDist: "cume_dist"
    case .ntile: "ntile"
    case .lag: "lag"
    case .lead: "lead"
    case .firstValue: "first_value"
    case .lastValue: "last_value"
    case .nthValue: "nth_value"
    case .aggregate(let function): function.name
    }
  }

  /// Whether it looks at the frame, or at the whole partition whatever the frame.
  public var usesFrame: Bool {
    switch self {
    case .rowNumber, .rank, .denseRank, .percentRank, .cumeDist, .ntile, .lag, .lead: false
    case .firstValue, .lastValue, .nthValue, .aggregate: true
    }
  }
}

/// The rows of its partition that a function sees for one row.
public struct WindowFrame: Hashable, Sendable {
  /// What offsets count: rows, values of the sort key, or groups of peers.
  public enum Unit: String, Hashable, Sendable {
    case rows = "ROWS", range = "RANGE", groups = "GROUPS"
  }

  /// One end of a frame; offsets are not negative, and may differ from row to row.
  public enum Bound: Hashable, Sendable {
    case unboundedPreceding
    case preceding(Expression)
    case currentRow
    case following(Expression)
    case unboundedFollowing

    /// The offset, where there is one.
    public var offset: Expression? {
      switch self {
      case .preceding(let offset), .following(let offset): offset
      case .unboundedPreceding, .currentRow, .unboundedFollowing: nil
      }
    }
  }

  /// Rows around the current one that are left out.
  public enum Exclusion: String, Hashable, Sendable {
    case none = "NO OTHERS", currentRow = "CURRENT ROW", group = "GROUP", ties = "TIES"
  }

  public var unit: Unit
  public var start: Bound
  public var end: Bound
  public var exclusion: Exclusion
  /// RANGE with offsets: the sort key, of a type to which offsets can be added.
  public var rangeKey: Expression?
  /// RANGE with offsets: whether the key is sorted downwards.
  public var isDescending: Bool

  public init(
    unit: Unit = .range, start: Bound = .unboundedPreceding, end: Bound = .currentRow,
    exclusion: Exclusion = .none, rangeKey: Expression? = nil, isDescending: Bool = false
  ) {
    self.unit = unit
    self.start = start
    self.end = end
    self.exclusion = exclusion
    self.rangeKey = rangeKey
    self.isDescending = isDescending
  }

  /// From the first row of the partition to the last peer of the current one.
  public static let standard = WindowFrame()

  /// Whether the ends are those of the partition for every row.
  public var isWholePartition: Bool {
    start == .unboundedPreceding && end == .unboundedFollowing && exclusion == .none
  }
}

/// A window function with its arguments and its frame, without partition and order.
public struct WindowCall: Hashable, Sendable {
  public var function: WindowFunction
  public var arguments: [Expression]
  /// Aggregates only.
  public var isDistinct: Bool
  /// FILTER (WHERE …); aggregates only.
  public var filter: Expression?
  public var ignoresNulls: Bool
  public var frame: WindowFrame
  public var resultType: LogicalType

  public init(
    function: WindowFunction, arguments: [Expression], isDistinct: Bool = false,
    filter: Expression? = nil, ignoresNulls: Bool = false, frame: WindowFrame = .standard,
    resultType: LogicalType
  ) {
    self.function = function
    self.arguments = arguments
    self.isDistinct = isDistinct
    self.filter = filter
    self.ignoresNulls = ignoresNulls
    self.frame = frame
    self.resultType = resultType
  }

  /// All expressions, in the order in which `mapExpressions` meets them.
  public var expressions: [Expression] {
    arguments
      + [filter, frame.start.offset, frame.end.offset, frame.rangeKey].compactMap { $0 }
  }

  /// The same call over other expressions of the same types.
  public func mapExpressions(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) -> WindowCall {
    func mapped(_ bound: WindowFrame.Bound) throws(StoaError) -> WindowFrame.Bound {
      switch bound {
      case .preceding(let offset): return .preceding(try transform(offset))
      case .following(let offset): return .following(try transform(offset))
      case .unboundedPreceding, .currentRow, .unboundedFollowing: return bound
      }
    }
    var copy = self
    for index in arguments.indices { copy.arguments[index] = try transform(arguments[index]) }
    if let filter { copy.filter = try transform(filter) }
    copy.frame.start = try mapped(frame.start)
    copy.frame.end = try mapped(frame.end)
    if let key = frame.rangeKey { copy.frame.rangeKey = try transform(key) }
    return copy
  }
}

/// A window function, the column it makes, and over which rows in which order.
public struct NamedWindow: Hashable, Sendable {
  public var column: PlanColumn
  public var call: WindowCall
  /// PARTITION BY; NULLs belong together.
  public var partition: [Expression]
  public var order: [SortItem]

  public init(
    column: PlanColumn, call: WindowCall, partition: [Expression], order: [SortItem]
  ) {
    self.column = column
    self.call = call
    self.partition = partition
    self.order = order
  }

  /// Every expression it reads.
  public var expressions: [Expression] {
    partition + order.map(\.expression) + call.expressions
  }

  /// The same over other expressions of the same types.
  public func mapExpressions(
    _ transform: (Expression) throws(StoaError) -> Expression
  ) throws(StoaError) -> NamedWindow {
    var copy = self
    for index in partition.indices { copy.partition[index] = try transform(partition[index]) }
    for index in order.indices {
      copy.order[index].expression = try transform(order[index].expression)
    }
    copy.call = try call.mapExpressions(transform)
    return copy
  }
}

/// Adds the columns of window functions to the rows of its input. The functions do not see each other.
public struct LogicalWindow: Hashable, Sendable {
  public var input: LogicalPlan
  public var functions: [NamedWindow]

  public init(input: LogicalPlan, functions: [NamedWindow]) {
    self.input = input
    self.functions = functions
  }

  /// Columns of the input that every function partitions by: what is said about one holds for whole partitions.
  public var commonPartition: Set<Int> {
    guard let first = functions.first else { return [] }
    return functions.dropFirst().reduce(Set(first.partition.compactMap(\.columnID))) {
      $0.intersection($1.partition.compactMap(\.columnID))
    }
  }

  /// Ids of the columns it adds.
  public var madeColumns: Set<Int> { Set(functions.lazy.map(\.column.id)) }
}

/// One window function of a `WindowNode`.
public struct WindowNodeCall: Hashable, Sendable {
  /// Over positions of the input.
  public var call: WindowCall
  /// Its partitions are rows that agree on the first `partitionCount` sort items of the node.
  public var partitionCount: Int
  /// Its order is that of the `orderCount` sort items after those.
  public var orderCount: Int

  public init(call: WindowCall, partitionCount: Int, orderCount: Int) {
    self.call = call
    self.partitionCount = partitionCount
    self.orderCount = orderCount
  }
}

/// Window functions that share one sort of the rows. Gives out the input's columns at `output`, then one column per
/// function; rows come partition by partition.
public struct WindowNode: Sendable {
  public var facts: PlanFacts
  public var input: PhysicalPlan
  /// Rows that agree on the first `sharedPartitionCount` items are in one partition of every function, or of a larger
  /// one.
  public var sort: [SortItem]
  public var functions: [WindowNodeCall]
  public var output: [Int]
  /// Rows of a partition that count: those of a larger `row_number` or `rank` are filtered out above and may be left
  /// out.
  public var limit: WindowLimit?

  public init(
    facts: PlanFacts, input: PhysicalPlan, sort: [SortItem], functions: [WindowNodeCall],
    output: [Int], limit: WindowLimit? = nil
  ) {
    self.facts = facts
    self.input = input
    self.sort = sort
    self.functions = functions
    self.output = output
    self.limit = limit
  }

  /// Sort items that are partition keys of every function.
  public var sharedPartitionCount: Int { functions.map(\.partitionCount).min() ?? 0 }
}

/// How many rows of each partition can be seen above.
public struct WindowLimit: Hashable, Sendable {
  /// Which of the node's functions numbers the rows.
  public var function: Int
  /// Rows with a greater number are not wanted; at least 0.
  public var count: Int

  public init(function: Int, count: Int) {
    self.function = function
    self.count = count
  }
}

extension LogicalWindow {
  /// Whether no two rows agree on these columns: a row number does it within its partition.
  func isUnique(on columns: Set<Int>) -> Bool {
    if input.isUnique(on: columns.subtracting(madeColumns)) { return true }
    return functions.contains { item in
      item.call.function == .rowNumber && columns.contains(item.column.id)
        && item.partition.allSatisfy { $0.columnID.map(columns.contains) ?? false }
    }
  }

  /// Columns that are never NULL.
  var nonNullColumns: Set<Int> {
    var result = input.nonNullColumns
    for item in functions {
      switch item.call.function {
      case .rowNumber, .rank, .denseRank, .percentRank, .cumeDist: result.insert(item.column.id)
      case .aggregate(let function) where function.name == "count": result.insert(item.column.id)
      case .ntile, .lag, .lead, .firstValue, .lastValue, .nthValue, .aggregate: break
      }
    }
    return result
  }
}

extension LogicalFilter {
  /// Whether it keeps only the first row of each partition by some of `columns`.
  func keepsFirst(of columns: Set<Int>) -> Bool {
    guard case .window(let window) = input else { return false }
    return window.functions.contains { item in
      guard item.call.function == .rowNumber,
        item.partition.allSatisfy({ $0.columnID.map(columns.contains) ?? false })
      else { return false }
      return conditions.contains { ($0.upperBound(of: item.column.id) ?? .max) <= 1 }
    }
  }
}

extension Expression {
  /// The greatest integer that column `id` can be where this condition holds, when it says so.
  func upperBound(of id: Int) -> Int128? {
    guard case .comparison(let op, let left, let right) = self else { return nil }
    if left.columnID == id, let bound = right.constantValue?.integer {
      switch op {
      case .equal, .lessOrEqual: return bound
      case .less: return bound &- 1
      case .notEqual, .greater, .greaterOrEqual: return nil
      }
    }
    if right.columnID == id, let bound = left.constantValue?.integer {
      switch op {
      case .equal, .greaterOrEqual: return bound
      case .greater: return bound &- 1
      case .notEqual, .less, .lessOrEqual: return nil
      }
    }
    return nil
  }
}
