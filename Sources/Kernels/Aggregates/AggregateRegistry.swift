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
  /// What the example gives, as text.
  public let result: String
  private let bind: @Sendable ([LogicalType]) -> BoundAggregate?

  init(
    _ name: String, aliases: [String] = [], signature: String, help: String, example: String,
    result: String, bind: @escaping @Sendable ([LogicalType]) -> BoundAggregate?
  ) {
    self.name = name
    self.aliases = aliases
    self.signature = signature
    self.help = help
    self.example = example
    self.result = result
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
  public static let all: [AggregateFunction] =
    [
      .count, .countIf, .sum, .average, .minimum, .maximum, .argMin, .argMax, .first, .last,
      .anyValue, .stringAgg, .booleanAnd, .booleanOr, .bitAnd, .bitOr, .bitXor,
      .standardDeviation, .populationStandardDeviation, .variance, .populationVariance,
      .skewness, .kurtosis, .populationKurtosis, .median, .quantileCont, .quantileDisc, .mode,
      .medianDeviation, .entropy, .product, .geometricMean, .approximateCountDistinct,
      .approximateQuantile,
    ] + AggregateFunction.pairStatistics

  /// The version for `WITHIN GROUP (ORDER BY …)` with the fraction last, one of `percentile_cont`, `percentile_disc` and
  /// `mode`; `nil` for any other aggregate.
  public static func withinGroup(
    _ name: String, isDescending: Bool, argumentTypes: [LogicalType]
  ) -> BoundAggregate? {
    switch name {
    case "percentile_cont", "quantile_cont":
      guard argumentTypes.count == 2 else { return nil }
      return AggregateFunction.continuous(
        "quantile_cont", argumentTypes, isDescending: isDescending)
    case "percentile_disc", "quantile_disc":
      guard argumentTypes.count == 2 else { return nil }
      return AggregateFunction.discrete(
        "quantile_disc", argumentTypes, isDescending: isDescending)
    case "mode":
      guard argumentTypes.count == 1 else { return nil }
      return AggregateFunction.mode(argumentTypes[0], isDescending: isDescending)
    default: return nil
    }
  }

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
  /// Empty states; with `isDistinct` each different value of a group counts once, of an aggregate of one argument.
  public func makeAccumulator(isDistinct: Bool) -> any AggregateAccumulator {
    isDistinct && argumentTypes.count == 1 ? DistinctAccumulator(self) : makeAccumulator()
  }
}
