import Catalog
import Kernels
import SQL
import SSBGenerator
import Vectors

/// One query of each flight of the Star Schema Benchmark as a physical plan built by hand: what the executor and
/// the storage below it can do, whatever the SQL planner makes of the same queries.
public enum GatePlans {
  /// The plan for one of the queries Q1.1, Q2.1, Q3.1 and Q4.1 of `SSBQueries`.
  /// - Throws: `.binding` for another query, or when `catalog` does not hold the benchmark's tables.
  public static func plan(
    named name: String, _ catalog: CatalogState
  ) throws(StoaError) -> PhysicalPlan {
    var builder = PlanBuilder(catalog)
    return switch name {
    case "Q1.1": try discounts(&builder)
    case "Q2.1": try brands(&builder)
    case "Q3.1": try nations(&builder)
    case "Q4.1": try profit(&builder)
    default: throw StoaError(.binding, "there is no plan for \(name)")
    }
  }

  /// The plan for the query with this text.
  public static func plan(
    for sql: String, _ catalog: CatalogState
  ) throws(StoaError) -> PhysicalPlan {
    try plan(named: SSBQueries.all.first { $0.sql == sql }?.name ?? sql, catalog)
  }

  private static func discounts(
    _ builder: inout PlanBuilder
  ) throws(StoaError) -> PhysicalPlan {
    let fact = try builder.scan(
      "lineorder", ["lo_orderdate", "lo_extendedprice", "lo_discount"],
      where: [("lo_discount", .between(1, 3)), ("lo_quantity", .less(25))])
    let dates = try builder.scan(
      "dates", ["d_datekey"], where: [("d_year", .equal(.integer(1993)))])
    let star = try builder.star(
      fact, [("lo_orderdate", dates)], giving: ["lo_extendedprice", "lo_discount"])
    let revenue = try FunctionRegistry.bind(
      "*", [builder.column("lo_extendedprice", star), builder.column("lo_discount", star)])
    return try builder.sum(revenue, as: "revenue", by: [], star)
  }

  private static func brands(_ builder: inout PlanBuilder) throws(StoaError) -> PhysicalPlan {
    let fact = try builder.scan(
      "lineorder", ["lo_orderdate", "lo_partkey", "lo_suppkey", "lo_revenue"])
    let part = try builder.scan(
      "part", ["p_partkey", "p_brand1"], where: [("p_category", .equal(.string("MFGR#12")))])
    let supplier = try builder.scan(
      "supplier", ["s_suppkey"], where: [("s_region", .equal(.string("AMERICA")))])
    let dates = try builder.scan("dates", ["d_datekey", "d_year"])
    let star = try builder.star(
      fact, [("lo_partkey", part), ("lo_suppkey", supplier), ("lo_orderdate", dates)],
      giving: ["lo_revenue", "d_year", "p_brand1"])
    let sum = try builder.sum(
      builder.column("lo_revenue", star), as: "revenue", by: ["d_year", "p_brand1"], star)
    return try builder.answer(
      ["revenue", "d_year", "p_brand1"], orderedBy: [("d_year", false), ("p_brand1", false)], sum)
  }

  private static func nations(_ builder: inout PlanBuilder) throws(StoaError) -> PhysicalPlan {
    let fact = try builder.scan(
      "lineorder", ["lo_custkey", "lo_suppkey", "lo_orderdate", "lo_revenue"])
    let customer = try builder.scan(
      "customer", ["c_custkey", "c_nation"], where: [("c_region", .equal(.string("ASIA")))])
    let supplier = try builder.scan(
      "supplier", ["s_suppkey", "s_nation"], where: [("s_region", .equal(.string("ASIA")))])
    let dates = try builder.scan(
      "dates", ["d_datekey", "d_year"], where: [("d_year", .between(1992, 1997))])
    let star = try builder.star(
      fact, [("lo_suppkey", supplier), ("lo_custkey", customer), ("lo_orderdate", dates)],
      giving: ["lo_revenue", "c_nation", "s_nation", "d_year"])
    let sum = try builder.sum(
      builder.column("lo_revenue", star), as: "revenue", by: ["c_nation", "s_nation", "d_year"],
      star)
    return try builder.answer(
      ["c_nation", "s_nation", "d_year", "revenue"],
      orderedBy: [("d_year", false), ("revenue", true)], sum)
  }

  private static func profit(_ builder: inout PlanBuilder) throws(StoaError) -> PhysicalPlan {
    let fact = try builder.scan(
      "lineorder",
      ["lo_custkey", "lo_partkey", "lo_suppkey", "lo_orderdate", "lo_revenue", "lo_supplycost"])
    let customer = try builder.scan(
      "customer", ["c_custkey", "c_nation"], where: [("c_region", .equal(.string("AMERICA")))])
    let supplier = try builder.scan(
      "supplier", ["s_suppkey"], where: [("s_region", .equal(.string("AMERICA")))])
    let part = try builder.scan(
      "part", ["p_partkey"],
      where: [("p_mfgr", .oneOf([.string("MFGR#1"), .string("MFGR#2")]))])
    let dates = try builder.scan("dates", ["d_datekey", "d_year"])
    let star = try builder.star(
      fact,
      [
        ("lo_suppkey", supplier), ("lo_custkey", customer), ("lo_partkey", part),
        ("lo_orderdate", dates),
      ], giving: ["lo_revenue", "lo_supplycost", "d_year", "c_nation"])
    let profit = try FunctionRegistry.bind(
      "-", [builder.column("lo_revenue", star), builder.column("lo_supplycost", star)])
    let sum = try builder.sum(profit, as: "profit", by: ["d_year", "c_nation"], star)
    return try builder.answer(
      ["d_year", "c_nation", "profit"], orderedBy: [("d_year", false), ("c_nation", false)], sum)
  }
}
