import Catalog
import Kernels
import Vectors

/// One rewriting of logical plans that keeps their meaning. Adding one: its file, and a row in
/// `Optimizer.rules`.
public protocol OptimizerRule: Sendable {
  /// For `SET disabled_rules`, lower case with underscores.
  var name: String { get }
  func rewrite(
    _ plan: LogicalPlan, _ context: inout OptimizerContext
  ) throws(StoaError) -> LogicalPlan
}

/// What rules may look at, and what they hand on.
public struct OptimizerContext {
  public let catalog: any PlannerCatalog
  /// For ids of new columns.
  public var numbers: PlanNumbers
  /// Columns of the query's result.
  public let resultColumns: [PlanColumn]
}

/// Runs the rules in order.
public enum Optimizer {
  /// Rules in the order they run.
  static let rules: [any OptimizerRule] = [
    ConstantFolding(),
    CastSimplification(),
    BooleanSimplification(),
    ProjectionMerging(),
    OuterJoinSimplification(),
    MarkJoinSimplification(),
    TransitivePredicates(),
    PredicatePushdown(),
    AntiJoinDetection(),
    SemiJoinPushdown(),
    ColumnPruning(),
    JoinElimination(),
    JoinOrder(),
    DistinctRemoval(),
    GroupKeyReduction(),
    DistinctAggregation(),
    SortRemoval(),
    LimitPushdown(),
    ColumnPruning(),
    SemiJoinReduction(),
    CommonSubexpressions(),
  ]

  /// Names of all rules that can be switched off.
  public static var ruleNames: [String] {
    var names: [String] = []
    for rule in rules where !names.contains(rule.name) { names.append(rule.name) }
    return names + ["top_n", "window_top_n", "chunk_aggregates", "range_joins"]
  }

  static func optimize(
    _ query: BoundQuery, catalog: any PlannerCatalog, options: OptimizerOptions
  ) throws(StoaError) -> LogicalPlan {
    var context = OptimizerContext(
      catalog: catalog, numbers: query.numbers, resultColumns: query.columns)
    var plan = try Decorrelator.decorrelated(query.plan, numbers: &context.numbers)
    for rule in rules where options.allows(rule.name) {
      plan = try rule.rewrite(plan, &context)
    }
    return plan
  }
}
