import Vectors

/// An aggregate function as SQL names it, before argument types are known.
public struct AggregateFunction: Sendable {
  /// Lower-case SQL name.
  public let name: String
  /// Other names for the same function.
  public let aliases: [String]
  /// Arguments as help prints them, e.g. `x DOUBLE`.
  public let signature: String
  /// One sentence.
  public let help: String
  /// A query that runs without tables.
  public let example: String
  private let bind: @Sendable ([LogicalType]) -> BoundAggregate?

  init(
    _ name: String, aliases: [String] = [], signature: String, help: String, example: String,
    bind: @escaping @Sendable ([LogicalType]) -> BoundAggregate?
  ) {
    self.name = name
    self.aliases = aliases
    self.signature = signature
    self.help = help
    self.example = example
    self.bind = bind
  }

  /// The version for these argument types.
  /// - Throws: `.binding` when there is none.
  public func resolve(argumentTypes: [LogicalType]) throws(StoaError) -> BoundAggregate {
    guard let bound = bind(argumentTypes) else {
      throw AggregateErrors.noSuchVersion(name, argumentTypes)
    }
    return bound
  }
}

/// All aggregate functions by name. Adding one: its file, and a row here.
public enum AggregateRegistry {
  /// Every function, in the order help lists them.
  public static let all: [AggregateFunction] = [
    .count, .sum, .average, .minimum, .maximum, .booleanAnd, .booleanOr, .first, .anyValue,
    .standardDeviation, .populationStandardDeviation, .variance, .populationVariance,
  ]

  private static let byName: [String: AggregateFunction] = {
    var map: [String: AggregateFunction] = [:]
    for function in all {
      for name in [function.name] + function.aliases { map[name] = function }
    }
    return map
  }()

  /// The function of this lower-case name or alias.
  public static func find(_ name: String) -> AggregateFunction? { byName[name] }

  /// Names and aliases, sorted, for "did you mean".
  public static var names: [String] { byName.keys.sorted() }
}

extension BoundAggregate {
  /// Empty states; with `isDistinct` each different value of a group counts once.
  public func makeAccumulator(isDistinct: Bool) -> any AggregateAccumulator {
    isDistinct && !argumentTypes.isEmpty ? DistinctAccumulator(self) : makeAccumulator()
  }
}
