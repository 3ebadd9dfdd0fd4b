import TestSupport
import Testing

/// The Star Schema Benchmark at scale 0.05 from the original generator, straight from compressed files.
@Suite struct StarSchemaTests {
  static let folder = Program.sharedData("ssb-sf0.05")

  static let tables = """
    CREATE TABLE customer (c_custkey INTEGER PRIMARY KEY, c_name VARCHAR, c_address VARCHAR,
      c_city VARCHAR, c_nation VARCHAR, c_region VARCHAR, c_phone VARCHAR, c_mktsegment VARCHAR);
    CREATE TABLE supplier (s_suppkey INTEGER PRIMARY KEY, s_name VARCHAR, s_address VARCHAR,
      s_city VARCHAR, s_nation VARCHAR, s_region VARCHAR, s_phone VARCHAR);
    CREATE TABLE part (p_partkey INTEGER PRIMARY KEY, p_name VARCHAR, p_mfgr VARCHAR,
      p_category VARCHAR, p_brand1 VARCHAR, p_color VARCHAR, p_type VARCHAR, p_size INTEGER,
      p_container VARCHAR);
    CREATE TABLE dates (d_datekey INTEGER PRIMARY KEY, d_date VARCHAR, d_dayofweek VARCHAR,
      d_month VARCHAR, d_year INTEGER, d_yearmonthnum INTEGER, d_yearmonth VARCHAR,
      d_daynuminweek INTEGER, d_daynuminmonth INTEGER, d_daynuminyear INTEGER,
      d_monthnuminyear INTEGER, d_weeknuminyear INTEGER, d_sellingseason VARCHAR,
      d_lastdayinweekfl BOOLEAN, d_lastdayinmonthfl BOOLEAN, d_holidayfl BOOLEAN,
      d_weekdayfl BOOLEAN);
    CREATE TABLE lineorder (lo_orderkey INTEGER NOT NULL, lo_linenumber INTEGER NOT NULL,
      lo_custkey INTEGER NOT NULL REFERENCES customer (c_custkey),
      lo_partkey INTEGER NOT NULL REFERENCES part (p_partkey),
      lo_suppkey INTEGER NOT NULL REFERENCES supplier (s_suppkey),
      lo_orderdate INTEGER NOT NULL REFERENCES dates (d_datekey),
      lo_orderpriority VARCHAR, lo_shippriority INTEGER, lo_quantity INTEGER,
      lo_extendedprice INTEGER, lo_ordtotalprice INTEGER, lo_discount INTEGER, lo_revenue INTEGER,
      lo_supplycost INTEGER, lo_tax INTEGER, lo_commitdate INTEGER, lo_shipmode VARCHAR)
      ORDER BY (lo_orderdate, lo_orderkey);
    """

  @Test(
    "SSB loads from compressed files and gives thirteen right answers, with keys and without",
    .enabled(if: folder != nil, "the shared data is not on this machine"),
    arguments: [true, false], [1, 2])
  func thirteen(withKeys: Bool, threads: Int) throws {
    let folder = try #require(Self.folder)
    let scratch = try TemporaryDirectory()
    let warehouse = scratch.path + "/ssb.stoa"
    var script = withKeys ? Self.tables : Self.withoutKeys(Self.tables)
    for (table, file) in [
      ("customer", "customer"), ("supplier", "supplier"), ("part", "part"), ("dates", "date"),
      ("lineorder", "lineorder"),
    ] {
      script += "COPY \(table) FROM '\(folder)/\(file).tbl.zst' (DELIMITER '|', HEADER false);\n"
    }
    let load = try Program.run([Program.stoa, warehouse, "--threads", "\(threads)"], input: script)
    #expect(load.exitCode == 0, "\(load.errorOutput)")
    try expectAnswers(
      warehouse: warehouse, queries: folder + "/queries", answers: folder + "/expected", count: 13)
  }

  /// The same tables with nothing declared, so that the planner must find out at run time.
  static func withoutKeys(_ text: String) -> String {
    var result = text
    for word in [" PRIMARY KEY", " ORDER BY (lo_orderdate, lo_orderkey)", " NOT NULL"] {
      result = result.split(separator: word, omittingEmptySubsequences: false).joined()
    }
    let parts = result.split(separator: " REFERENCES ", omittingEmptySubsequences: false)
    return parts.enumerated().map { index, part in
      index == 0 ? String(part) : String(part.drop { $0 != ")" }.dropFirst())
    }.joined()
  }
}
