import Catalog
import Vectors

@testable import SQL

extension FixtureCatalog {
  /// The star schema benchmark at scale 1, keys declared.
  static func star() throws(StoaError) -> FixtureCatalog {
    var catalog = FixtureCatalog()
    try catalog.create(
      """
      CREATE TABLE dates (d_datekey INTEGER PRIMARY KEY, d_month VARCHAR NOT NULL,
        d_year INTEGER NOT NULL, d_yearmonthnum INTEGER NOT NULL, d_yearmonth VARCHAR NOT NULL,
        d_weeknuminyear INTEGER NOT NULL)
      """, rows: 2557,
      [
        "d_datekey": .integers(19_920_101...19_981_231, distinct: 2557),
        "d_month": .texts("April", "September", distinct: 12),
        "d_year": .integers(1992...1998, distinct: 7),
        "d_yearmonthnum": .integers(199_201...199_812, distinct: 84),
        "d_yearmonth": .texts("Apr1992", "Sep1998", distinct: 84),
        "d_weeknuminyear": .integers(1...53, distinct: 53),
      ])
    try catalog.create(
      """
      CREATE TABLE customer (c_custkey INTEGER PRIMARY KEY, c_name VARCHAR NOT NULL,
        c_city VARCHAR NOT NULL, c_nation VARCHAR NOT NULL, c_region VARCHAR NOT NULL)
      """, rows: 30_000,
      [
        "c_custkey": .integers(1...30_000, distinct: 30_000),
        "c_city": .texts("ALGERIA  0", "VIETNAM  9", distinct: 250),
        "c_nation": .texts("ALGERIA", "VIETNAM", distinct: 25),
        "c_region": .texts("AFRICA", "MIDDLE EAST", distinct: 5),
      ])
    try catalog.create(
      """
      CREATE TABLE supplier (s_suppkey INTEGER PRIMARY KEY, s_city VARCHAR NOT NULL,
        s_nation VARCHAR NOT NULL, s_region VARCHAR NOT NULL)
      """, rows: 2_000,
      [
        "s_suppkey": .integers(1...2_000, distinct: 2_000),
        "s_city": .texts("ALGERIA  0", "VIETNAM  9", distinct: 250),
        "s_nation": .texts("ALGERIA", "VIETNAM", distinct: 25),
        "s_region": .texts("AFRICA", "MIDDLE EAST", distinct: 5),
      ])
    try catalog.create(
      """
      CREATE TABLE part (p_partkey INTEGER PRIMARY KEY, p_mfgr VARCHAR NOT NULL,
        p_category VARCHAR NOT NULL, p_brand1 VARCHAR NOT NULL)
      """, rows: 200_000,
      [
        "p_partkey": .integers(1...200_000, distinct: 200_000),
        "p_mfgr": .texts("MFGR#1", "MFGR#5", distinct: 5),
        "p_category": .texts("MFGR#11", "MFGR#55", distinct: 25),
        "p_brand1": .texts("MFGR#1101", "MFGR#5540", distinct: 1000),
      ])
    try catalog.create(
      """
      CREATE TABLE lineorder (lo_orderkey INTEGER NOT NULL, lo_custkey INTEGER NOT NULL,
        lo_partkey INTEGER NOT NULL, lo_suppkey INTEGER NOT NULL, lo_orderdate INTEGER NOT NULL,
        lo_quantity INTEGER NOT NULL, lo_extendedprice INTEGER NOT NULL,
        lo_discount INTEGER NOT NULL, lo_revenue INTEGER NOT NULL, lo_supplycost INTEGER NOT NULL,
        FOREIGN KEY (lo_custkey) REFERENCES customer, FOREIGN KEY (lo_partkey) REFERENCES part,
        FOREIGN KEY (lo_suppkey) REFERENCES supplier, FOREIGN KEY (lo_orderdate) REFERENCES dates)
      ORDER BY (lo_orderdate, lo_orderkey)
      """, rows: 6_001_171,
      [
        "lo_orderkey": .integers(1...6_000_000, distinct: 1_500_000),
        "lo_custkey": .integers(1...29_999, distinct: 20_000),
        "lo_partkey": .integers(1...200_000, distinct: 200_000),
        "lo_suppkey": .integers(1...2_000, distinct: 2_000),
        "lo_orderdate": .integers(19_920_101...19_980_802, distinct: 2406),
        "lo_quantity": .integers(1...50, distinct: 50),
        "lo_extendedprice": .integers(90_000...10_494_950, distinct: 1_000_000),
        "lo_discount": .integers(0...10, distinct: 11),
        "lo_revenue": .integers(81_000...10_494_950, distinct: 2_000_000),
        "lo_supplycost": .integers(54_000...126_000, distinct: 70_000),
      ])
    return catalog
  }

  /// A small shop with NULLs, no statistics worth speaking of.
  static func shop() throws(StoaError) -> FixtureCatalog {
    var catalog = FixtureCatalog()
    try catalog.create(
      "CREATE TABLE t (a INTEGER NOT NULL PRIMARY KEY, b BIGINT, c VARCHAR, d DATE, x DECIMAL(15,2), f DOUBLE)",
      rows: 1000)
    try catalog.create("CREATE TABLE u (a INTEGER, b SMALLINT, name VARCHAR)", rows: 100)
    try catalog.create("CREATE TABLE v (k BIGINT NOT NULL, w TIMESTAMP)", rows: 10)
    return catalog
  }
}
