import Catalog
import Vectors

@testable import SQL

extension FixtureCatalog {
  /// The tables of TPC-H with its keys, at scale 1.
  static func orders() throws(StoaError) -> FixtureCatalog {
    var catalog = FixtureCatalog()
    try catalog.create(
      """
      CREATE TABLE region (r_regionkey INTEGER PRIMARY KEY, r_name VARCHAR NOT NULL,
        r_comment VARCHAR NOT NULL)
      """, rows: 5,
      [
        "r_regionkey": .integers(0...4, distinct: 5),
        "r_name": .texts("AFRICA", "MIDDLE EAST", distinct: 5),
      ])
    try catalog.create(
      """
      CREATE TABLE nation (n_nationkey INTEGER PRIMARY KEY, n_name VARCHAR NOT NULL,
        n_regionkey INTEGER NOT NULL, n_comment VARCHAR NOT NULL,
        FOREIGN KEY (n_regionkey) REFERENCES region)
      """, rows: 25,
      [
        "n_nationkey": .integers(0...24, distinct: 25),
        "n_regionkey": .integers(0...4, distinct: 5),
        "n_name": .texts("ALGERIA", "VIETNAM", distinct: 25),
      ])
    try catalog.create(
      """
      CREATE TABLE supplier (s_suppkey INTEGER PRIMARY KEY, s_name VARCHAR NOT NULL,
        s_address VARCHAR NOT NULL, s_nationkey INTEGER NOT NULL, s_phone VARCHAR NOT NULL,
        s_acctbal DECIMAL(15,2) NOT NULL, s_comment VARCHAR NOT NULL,
        FOREIGN KEY (s_nationkey) REFERENCES nation)
      """, rows: 10_000,
      [
        "s_suppkey": .integers(1...10_000, distinct: 10_000),
        "s_nationkey": .integers(0...24, distinct: 25),
      ])
    try catalog.create(
      """
      CREATE TABLE customer (c_custkey INTEGER PRIMARY KEY, c_name VARCHAR NOT NULL,
        c_address VARCHAR NOT NULL, c_nationkey INTEGER NOT NULL, c_phone VARCHAR NOT NULL,
        c_acctbal DECIMAL(15,2) NOT NULL, c_mktsegment VARCHAR NOT NULL, c_comment VARCHAR NOT NULL,
        FOREIGN KEY (c_nationkey) REFERENCES nation)
      """, rows: 150_000,
      [
        "c_custkey": .integers(1...150_000, distinct: 150_000),
        "c_nationkey": .integers(0...24, distinct: 25),
        "c_mktsegment": .texts("AUTOMOBILE", "MACHINERY", distinct: 5),
      ])
    try catalog.create(
      """
      CREATE TABLE part (p_partkey INTEGER PRIMARY KEY, p_name VARCHAR NOT NULL,
        p_mfgr VARCHAR NOT NULL, p_brand VARCHAR NOT NULL, p_type VARCHAR NOT NULL,
        p_size INTEGER NOT NULL, p_container VARCHAR NOT NULL, p_retailprice DECIMAL(15,2) NOT NULL,
        p_comment VARCHAR NOT NULL)
      """, rows: 200_000,
      [
        "p_partkey": .integers(1...200_000, distinct: 200_000),
        "p_size": .integers(1...50, distinct: 50),
        "p_brand": .texts("Brand#11", "Brand#55", distinct: 25),
        "p_container": .texts("JUMBO BAG", "WRAP PKG", distinct: 40),
        "p_type": .texts("ECONOMY ANODIZED BRASS", "STANDARD POLISHED TIN", distinct: 150),
      ])
    try catalog.create(
      """
      CREATE TABLE partsupp (ps_partkey INTEGER NOT NULL, ps_suppkey INTEGER NOT NULL,
        ps_availqty INTEGER NOT NULL, ps_supplycost DECIMAL(15,2) NOT NULL,
        ps_comment VARCHAR NOT NULL, PRIMARY KEY (ps_partkey, ps_suppkey),
        FOREIGN KEY (ps_partkey) REFERENCES part, FOREIGN KEY (ps_suppkey) REFERENCES supplier)
      """, rows: 800_000,
      [
        "ps_partkey": .integers(1...200_000, distinct: 200_000),
        "ps_suppkey": .integers(1...10_000, distinct: 10_000),
      ])
    try catalog.create(
      """
      CREATE TABLE orders (o_orderkey INTEGER PRIMARY KEY, o_custkey INTEGER NOT NULL,
        o_orderstatus VARCHAR NOT NULL, o_totalprice DECIMAL(15,2) NOT NULL,
        o_orderdate DATE NOT NULL, o_orderpriority VARCHAR NOT NULL, o_clerk VARCHAR NOT NULL,
        o_shippriority INTEGER NOT NULL, o_comment VARCHAR NOT NULL,
        FOREIGN KEY (o_custkey) REFERENCES customer)
      """, rows: 1_500_000,
      [
        "o_orderkey": .integers(1...6_000_000, distinct: 1_500_000),
        "o_custkey": .integers(1...149_999, distinct: 100_000),
        "o_orderdate": .integers(8035...10_440, distinct: 2406),
        "o_orderstatus": .texts("F", "P", distinct: 3),
        "o_orderpriority": .texts("1-URGENT", "5-LOW", distinct: 5),
      ])
    try catalog.create(
      """
      CREATE TABLE lineitem (l_orderkey INTEGER NOT NULL, l_partkey INTEGER NOT NULL,
        l_suppkey INTEGER NOT NULL, l_linenumber INTEGER NOT NULL, l_quantity DECIMAL(15,2) NOT NULL,
        l_extendedprice DECIMAL(15,2) NOT NULL, l_discount DECIMAL(15,2) NOT NULL,
        l_tax DECIMAL(15,2) NOT NULL, l_returnflag VARCHAR NOT NULL, l_linestatus VARCHAR NOT NULL,
        l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL, l_receiptdate DATE NOT NULL,
        l_shipinstruct VARCHAR NOT NULL, l_shipmode VARCHAR NOT NULL, l_comment VARCHAR NOT NULL,
        PRIMARY KEY (l_orderkey, l_linenumber), FOREIGN KEY (l_orderkey) REFERENCES orders,
        FOREIGN KEY (l_partkey, l_suppkey) REFERENCES partsupp)
      """, rows: 6_001_215,
      [
        "l_orderkey": .integers(1...6_000_000, distinct: 1_500_000),
        "l_partkey": .integers(1...200_000, distinct: 200_000),
        "l_suppkey": .integers(1...10_000, distinct: 10_000),
        "l_shipdate": .integers(8036...10_561, distinct: 2526),
        "l_quantity": .integers(100...5000, distinct: 50),
        "l_discount": .integers(0...10, distinct: 11),
        "l_returnflag": .texts("A", "R", distinct: 3),
        "l_shipmode": .texts("AIR", "TRUCK", distinct: 7),
      ])
    return catalog
  }
}
