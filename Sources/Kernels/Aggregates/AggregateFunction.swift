import Vectors

/// An aggregate chosen for given argument types. Equal when name, types and step are.
public struct BoundAggregate: Sendable, Hashable {
  /// Which part of the work it does.
  public enum Step: Sendable, Hashable {
    /// From values to the result.
    case whole
    /// From values to one column of the partial states, in place of the result.
    case state(Int)
    /// From partial states, its arguments, to the result.
    case merge
    /// From partial states to one column of the states of all of them together.
    case mergedState(Int)
  }

  /// Lower-case SQL name; `count(*)` is `count` without arguments. Of partial states: with `merge_` in front.
  public let name: String
  public let argumentTypes: [LogicalType]
  public let resultType: LogicalType
  /// Empty states for no group.
  public let makeAccumulator: @Sendable () -> any AggregateAccumulator
  public let step: Step
  /// The aggregate that the states are of, for equality.
  private let origin: [LogicalType]
  /// Accumulators that give out results and states alike: calls that differ in the column they want share one.
  public let makeShared: @Sendable () -> any AggregateAccumulator

  /// An aggregate of whole rows, to be fed with its arguments.
  public init(
    name: String, argumentTypes: [LogicalType], resultType: LogicalType,
    makeAccumulator: @escaping @Sendable () -> any AggregateAccumulator
  ) {
    self.init(
      name: name, argumentTypes: argumentTypes, resultType: resultType, step: .whole,
      origin: argumentTypes, makeShared: makeAccumulator, makeAccumulator: makeAccumulator)
  }

  private init(
    name: String, argumentTypes: [LogicalType], resultType: LogicalType, step: Step,
    origin: [LogicalType], makeShared: @escaping @Sendable () -> any AggregateAccumulator,
    makeAccumulator: @escaping @Sendable () -> any AggregateAccumulator
  ) {
    self.name = name
    self.argumentTypes = argumentTypes
    self.resultType = resultType
    self.step = step
    self.origin = origin
    self.makeShared = makeShared
    self.makeAccumulator = makeAccumulator
  }

  /// The same name, types and step; accumulators are not compared.
  public static func == (left: BoundAggregate, right: BoundAggregate) -> Bool {
    left.name == right.name && left.argumentTypes == right.argumentTypes
      && left.resultType == right.resultType && left.step == right.step
      && left.origin == right.origin
  }

  /// Name, argument types and step.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(argumentTypes)
    hasher.combine(step)
  }
}

/// Computing an aggregate in steps.
extension BoundAggregate {
  /// Types of the columns of its partial states.
  public func stateTypes() throws(StoaError) -> [LogicalType] {
    try makeShared().partialStates(0..<0).map(\.type)
  }

  /// The aggregate whose result is column `column` of the partial states.
  public func state(_ column: Int, of types: [LogicalType]) -> BoundAggregate {
    let step: Step = self.step == .merge ? .mergedState(column) : .state(column)
    return BoundAggregate(
      name: name, argumentTypes: argumentTypes, resultType: types[column], step: step,
      origin: origin, makeShared: makeShared
    ) { [makeShared] in StateColumnAccumulator(makeShared(), column) }
  }

  /// The aggregate over partial states of these types that gives the result.
  public func merging(_ types: [LogicalType]) -> BoundAggregate {
    let make: @Sendable () -> any AggregateAccumulator = { [makeShared] in
      MergingAccumulator(makeShared())
    }
    return BoundAggregate(
      name: "merge_\(name)", argumentTypes: types, resultType: resultType, step: .merge,
      origin: origin, makeShared: make, makeAccumulator: make)
  }

  /// Whether its accumulators can serve `other` as well, given the same rows.
  public func sharesStates(with other: BoundAggregate) -> Bool {
    name == other.name && argumentTypes == other.argumentTypes && origin == other.origin
  }

  /// Which column of the partial states is the result; `nil` for the result itself.
  public var stateColumn: Int? {
    switch step {
    case .whole, .merge: nil
    case .state(let column), .mergedState(let column): column
    }
  }

  /// The SQL name, also of steps.
  public var functionName: Substring {
    switch step {
    case .whole, .state: name[...]
    case .merge, .mergedState: name.dropFirst("merge_".count)
    }
  }

  /// Whether it counts: its result is never NULL, and 0 over no rows.
  public var isCount: Bool {
    ["count", "count_if", "regr_count", "approx_count_distinct"].contains(functionName)
      && stateColumn == nil
  }

  /// Whether another order of rows can give another result.
  public var dependsOnOrder: Bool {
    ["first", "last", "any_value", "string_agg", "list"].contains(functionName)
  }

  /// Whether seeing a value twice changes nothing.
  public var ignoresDuplicates: Bool {
    [
      "min", "max", "bool_and", "bool_or", "any_value", "bit_and", "bit_or",
      "approx_count_distinct", "arg_min", "arg_max",
    ].contains(functionName)
  }
}

/// The states of all groups of one aggregate, as arrays by group number. Owned by one worker; workers'
/// accumulators are combined at the end. Partial states are vectors, so that they can spill and be stored.
public protocol AggregateAccumulator: AnyObject {
  /// Makes room for groups 0..<groupCount; new ones are empty. Never shrinks.
  func resize(groupCount: Int) throws(StoaError)
  /// Adds row `i` of the arguments to group `groups[i]`.
  func update(_ arguments: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError)
  /// Adds all rows to one group.
  func updateSingle(_ arguments: [Vector], count: Int, group: Int) throws(StoaError)
  /// Adds group `i` of `other`, which has `count` groups and is of the same class, to group `groups[i]`.
  func combine(
    _ other: any AggregateAccumulator, groups: UnsafePointer<UInt32>, count: Int) throws(StoaError)
  /// Adds row `i` of partial states to group `groups[i]`.
  func combine(
    partials: [Vector], groups: UnsafePointer<UInt32>, count: Int) throws(StoaError)
  /// States as columns, one row per group of `range`.
  func partialStates(_ range: Range<Int>) throws(StoaError) -> [Vector]
  /// Results, one row per group of `range`.
  func finish(_ range: Range<Int>) throws(StoaError) -> Vector
  /// Bytes held, for the memory budget.
  var byteCount: Int { get }
}
