import Vectors

/// An aggregate chosen for given argument types. Equal when name and types are.
public struct BoundAggregate: Sendable, Hashable {
  /// Lower-case SQL name; `count(*)` is `count` without arguments.
  public let name: String
  public let argumentTypes: [LogicalType]
  public let resultType: LogicalType
  /// Empty states for no group.
  public let makeAccumulator: @Sendable () -> any AggregateAccumulator

  public init(
    name: String, argumentTypes: [LogicalType], resultType: LogicalType,
    makeAccumulator: @escaping @Sendable () -> any AggregateAccumulator
  ) {
    self.name = name
    self.argumentTypes = argumentTypes
    self.resultType = resultType
    self.makeAccumulator = makeAccumulator
  }

  public static func == (left: BoundAggregate, right: BoundAggregate) -> Bool {
    left.name == right.name && left.argumentTypes == right.argumentTypes
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(argumentTypes)
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
