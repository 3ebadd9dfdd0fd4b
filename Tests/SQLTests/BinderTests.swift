import Catalog
import Kernels
import Testing
import Vectors

@testable import SQL

/// Names, types and shapes the binder finds.
@Suite struct BinderTests {
  let shop: FixtureCatalog

  init() throws { shop = try FixtureCatalog.shop() }

  @Test(
    "Result columns have the names and types users expect",
    arguments: [
      (
        "select 1, 2147483648, 9223372036854775808, 1.50, 1e3, 'x', null, true, date '2024-01-31'",
        "1 INTEGER, 2147483648 BIGINT, 9223372036854775808 HUGEINT, 1.50 DECIMAL(3,2), 1e3 DOUBLE, 'x' VARCHAR, null INTEGER, true BOOLEAN, date '2024-01-31' DATE"
      ),
      ("select A, t.B, \"c\" from T", "a INTEGER, b BIGINT, c VARCHAR"),
      (
        "select SUM(a), avg(x), count( * ), min(d) from t",
        "sum(a) HUGEINT, avg(x) DOUBLE, count( * ) BIGINT, min(d) DATE"
      ),
      (
        "select x * x, x + 1, a / 2, x / 2, a // 2, b % 3, a + b, f + x from t",
        "x * x DECIMAL(30,4), x + 1 DECIMAL(16,2), a / 2 INTEGER, x / 2 DOUBLE, a // 2 INTEGER, b % 3 BIGINT, a + b BIGINT, f + x DOUBLE"
      ),
      (
        "select d + 1, d - d, d + interval '1' month from t",
        "d + 1 DATE, d - d BIGINT, d + interval '1' month TIMESTAMP"
      ),
      (
        "select case when a = 1 then 1 when a = 2 then 2.5 end from t",
        "case when a = 1 then 1 when a = 2 then 2.5 end DECIMAL(11,1)"
      ),
      (
        "select coalesce(b, 0), nullif(a, 1), if(a > 1, 'x', null) from t",
        "coalesce(b, 0) BIGINT, nullif(a, 1) INTEGER, if(a > 1, 'x', null) VARCHAR"
      ),
      (
        "select * exclude (c, d) replace (a + 1 as a) rename (f as g) from t",
        "a INTEGER, b BIGINT, x DECIMAL(15,2), g DOUBLE"
      ),
      ("from u", "a INTEGER, b SMALLINT, name VARCHAR"),
      (
        "select * from t join u using (a)",
        "a INTEGER, b BIGINT, c VARCHAR, d DATE, x DECIMAL(15,2), f DOUBLE, b SMALLINT, name VARCHAR"
      ),
      (
        "select * from u natural join (select 1 as a, 2 as z) y",
        "a INTEGER, b SMALLINT, name VARCHAR, z INTEGER"
      ),
      ("select u.* from t, u", "a INTEGER, b SMALLINT, name VARCHAR"),
      ("select * from (select a, b from u) as v (x)", "x INTEGER, b SMALLINT"),
      ("with q (p) as (select a, b from u) select * from q", "p INTEGER, b SMALLINT"),
      ("values (1, 'a'), (2.5, null)", "col0 DECIMAL(11,1), col1 VARCHAR"),
      ("select a from u union all select b from t", "a BIGINT"),
      ("select null union all select 1.5", "null DECIMAL(2,1)"),
      ("select a::varchar, cast(a as double) from t", "a VARCHAR, a DOUBLE"),
      (
        "select extract(year from d), substring(c from 1 for 2) from t",
        "extract(year from d) BIGINT, substring(c from 1 for 2) VARCHAR"
      ),
      ("select a as b, b as a from t order by a", "b INTEGER, a BIGINT"),
      ("select (select max(name) from u) as m", "m VARCHAR"),
      ("select a + 1 as n, n * 2 as m from t", "n INTEGER, m INTEGER"),
    ])
  func columns(_ sql: String, _ columns: String) throws {
    #expect(try shop.columns(sql) == columns)
  }

  @Test("GROUP BY takes expressions, ordinals, aliases and ALL")
  func groups() throws {
    let expected = try shop.explain("select a % 10 as m, count(*) from t group by a % 10")
    for sql in [
      "select a % 10 as m, count(*) from t group by 1",
      "select a % 10 as m, count(*) from t group by m",
      "select a % 10 as m, count(*) from t group by all",
    ] {
      #expect(try shop.explain(sql) == expected)
    }
  }

  @Test("Text literals take the type of what they are compared with")
  func literals() throws {
    #expect(
      try shop.explain("select a from t where d >= '1994-01-01' and x = '1.5' and a in ('1', '2')")
        .hasPrefix("SCAN t (a) where d >= DATE '1994-01-01' AND x = 1.50 AND a IN (1, 2)"))
  }

  @Test("Parameters take their type from the context, VARCHAR where there is none")
  func parameters() throws {
    let query = try shop.query("select ?, a + ? from t where d = ? and x > ? and c like ?")
    #expect(
      query.parameters == [.varchar, .integer, .date, .decimal(precision: 15, scale: 2), .varchar])
    let values: [(value: Value, type: LogicalType)] = [
      (.string("z"), .varchar), (.integer(1), .bigint), (.string("2024-01-31"), .varchar),
      (.double(1.5), .double), (.string("%"), .varchar),
    ]
    let plan = try QueryPlanner.plan(try query.replacingParameters(values), catalog: shop)
    #expect(
      ExplainPrinter(catalog: shop.state).text(of: plan).contains(
        "d = DATE '2024-01-31' AND x > 1.50"))
    #expect(throws: StoaError.self) { try query.replacingParameters([]) }
  }

  @Test("INSERT gives all columns in order, defaults filled in, cast to the columns' types")
  func insert() throws {
    var catalog = shop
    try catalog.create("CREATE TABLE w (p SMALLINT DEFAULT 7, q DECIMAL(5,2), r DATE)", rows: 0)
    guard
      case .insert(let insert) = try catalog.bind(
        "insert into w (r, q) values ('2024-01-31', 1), (default, null)"),
      case .values(let values) = insert.source.plan
    else {
      Issue.record("no insert of values")
      return
    }
    #expect(
      values.rows == [
        [
          .constant(.integer(7), .smallint),
          .constant(.integer(100), .decimal(precision: 5, scale: 2)),
          .constant(.integer(19_753), .date),
        ],
        [
          .constant(.integer(7), .smallint), .constant(.null, .decimal(precision: 5, scale: 2)),
          .constant(.null, .date),
        ],
      ])
    guard case .insert(let other) = try catalog.bind("insert into w select a, x, d from t") else {
      throw StoaError(.usage, "no insert")
    }
    #expect(
      other.source.columns.map(\.type) == [.smallint, .decimal(precision: 5, scale: 2), .date])
  }

  @Test("CREATE TABLE makes definitions with keys, defaults and sort key")
  func createTable() throws {
    let sql = """
      CREATE TABLE n (k BIGINT, a INTEGER NOT NULL REFERENCES t, s TEXT DEFAULT 'x' || 'y',
        PRIMARY KEY (k), UNIQUE (s)) ORDER BY (a, k) ENCODING (s BITMAP)
      """
    guard case .createTable(let create) = try shop.bind(sql) else {
      throw StoaError(.usage, "no table")
    }
    let table = create.table
    #expect(table.columns.map(\.name) == ["k", "a", "s"])
    #expect(table.columns.map(\.isNullable) == [false, false, true])
    #expect(table.columns[2].defaultValue == .string("xy"))
    #expect(table.columns[2].forcedEncoding == "BITMAP")
    #expect(table.keys.map(\.columns) == [[1], [3]])
    #expect(table.foreignKeys.first?.columns == [2])
    #expect(table.sortKey == [2, 1])
  }

  @Test("COPY keeps its options and the order of the file's columns")
  func copy() throws {
    guard
      case .copyFrom(let copy) = try shop.bind(
        "COPY t (b, a) FROM 'x.csv' (FORMAT csv, DELIMITER '|', HEADER)")
    else { throw StoaError(.usage, "no copy") }
    #expect(copy.columns == [1, 0])
    #expect(copy.options.map(\.name) == ["format", "delimiter", "header"])
    #expect(copy.options.map(\.values) == [["csv"], ["|"], []])
  }

  @Test("Deep nesting is planned or refused, never a crash")
  func depth() throws {
    let sum = "select " + String(repeating: "a + ", count: 150) + "a from t"
    #expect(try shop.explain(sum).hasPrefix("PROJECT"))
    let union = Array(repeating: "select a from t", count: 500).joined(separator: " union all ")
    #expect(try shop.explain(union).hasPrefix("UNION ALL of 500"))
    let list = (1...20_000).map(String.init).joined(separator: ", ")
    #expect(try shop.explain("select a from t where a in (\(list))").hasPrefix("SCAN"))
  }
}
