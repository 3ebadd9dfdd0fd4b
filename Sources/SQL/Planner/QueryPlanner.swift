import Catalog
import Kernels
import Vectors

/// From a bound query to what the executor runs.
public enum QueryPlanner {
  /// Optimizes and plans. Parameters must have been replaced by values before.
  /// - Throws: `.unsupported` for queries no operator can run, `.evaluation` for a LIMIT that is no count.
  public static func plan(
    _ query: BoundQuery, catalog: any PlannerCatalog, options: OptimizerOptions = OptimizerOptions()
  ) throws(StoaError) -> PhysicalPlan {
    let optimized = try Optimizer.optimize(query, catalog: catalog, options: options)
    return try Planner.plan(
      optimized, columns: query.columns, catalog: catalog, options: options)
  }
}

extension BoundQuery {
  /// The query with values in place of its parameters, each cast to the parameter's type.
  /// - Throws: `.usage` when there are too few values, `.evaluation` when one does not fit its type.
  public func replacingParameters(
    _ values: [(value: Value, type: LogicalType)]
  ) throws(StoaError) -> BoundQuery {
    guard !parameters.isEmpty else { return self }
    guard values.count == parameters.count else {
      throw StoaError(
        .usage,
        "the statement has \(parameters.count) parameters, but \(values.count) values are given")
    }
    var copy = self
    copy.plan = try plan.replacingParameters { (index, type) throws(StoaError) in
      let (value, source) = values[index]
      if value.isNull { return .null }
      return try Cast.apply(value, from: source, to: type)
    }
    return copy
  }
}
