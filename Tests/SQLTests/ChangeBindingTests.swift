import Catalog
import Kernels
import Testing
import Vectors

@testable import SQL

extension FixtureCatalog {
  /// A table with keys, defaults and a table that refers to it; tables to change them from.
  static func changes() throws(StoaError) -> FixtureCatalog {
    var catalog = FixtureCatalog()
    try catalog.create(
      "CREATE TABLE t (k INTEGER PRIMARY KEY, a BIGINT DEFAULT 7, s VARCHAR, UNIQUE (a, s))",
      rows: 100_000, ["k": .integers(1...100_000, distinct: 100_000)])
    try catalog.create("CREATE TABLE u (k INTEGER, x SMALLINT, s VARCHAR)", rows: 100)
    try catalog.create(
      "CREATE TABLE r (id INTEGER PRIMARY KEY, k INTEGER REFERENCES t, b DOUBLE)", rows: 1000)
    try catalog.create("CREATE TABLE free (a INTEGER, b TIMESTAMP DEFAULT now())", rows: 10)
    return catalog
  }
}

@Suite("Binding changes of rows")
struct ChangeBindingTests {
  let shop: FixtureCatalog

  init() throws { shop = try FixtureCatalog.changes() }

  /// Names and types of what a change gives out.
  private func columns(_ query: BoundQuery) -> String {
    query.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
  }

  private let head = "$row BIGINT, $action TINYINT"
  private let all = "$row BIGINT, $action TINYINT, k INTEGER, a BIGINT, s VARCHAR"

  @Test("The columns of a change stand in their order")
  func positions() throws {
    let cases: [(String, String)] = [
      ("delete from t", head),
      ("delete from t returning k, a + 1 as n", head + ", k INTEGER, n BIGINT"),
      ("delete from t returning *", head + ", k INTEGER, a BIGINT, s VARCHAR"),
      ("update t set a = 1", all),
      ("update t set a = k returning *", all + ", k INTEGER, a BIGINT, s VARCHAR"),
      (
        "update t set s = 5 from u where t.k = u.k returning u.x, t.s",
        all + ", x SMALLINT, s VARCHAR"
      ),
      ("merge into t using u on t.k = u.k when matched then delete", head),
      (
        "merge into t using u on t.k = u.k when not matched then insert values (u.k, 1, 'x') returning merge_action(), t.k, x",
        all + ", merge_action() VARCHAR, k INTEGER, x SMALLINT"
      ),
      ("insert into t values (1, 2, 'x') on conflict do nothing returning k", all + ", k INTEGER"),
      (
        "insert into t (k) values (1) on conflict (k) do update set a = t.a + excluded.a returning t.*",
        all + ", k INTEGER, a BIGINT, s VARCHAR"
      ),
    ]
    for (sql, expected) in cases {
      let change = try shop.change(sql)
      #expect(columns(change.source) == expected, "\(sql)")
      #expect(change.source.columns[BoundChange.row].name == "$row")
      #expect(change.source.columns[BoundChange.action].name == "$action")
      #expect(change.values.count == (change.hasValues ? 3 : 0))
      #expect(change.returning.upperBound == change.source.columns.count)
      _ = try shop.explain(change.source)
    }
  }

  @Test("Kinds, and whether rows may repeat")
  func kinds() throws {
    let cases: [(String, BoundChange.Kind, Bool)] = [
      ("delete from t where k = 1", .delete, false),
      ("delete from t using u where t.k = u.k", .delete, false),
      ("delete from t using u where t.k = u.k returning t.k", .delete, false),
      ("delete from t using u where t.k = u.k returning u.x", .delete, true),
      (
        "delete from t using u where t.k = (select max(k) from r where r.b = u.x + t.a)", .delete,
        true
      ),
      ("update t set a = 1", .update, false), ("update t set a = 1 from u", .update, true),
      ("merge into t using u on t.k = u.k when matched then do nothing", .merge, true),
      ("insert into t (k) values (1) on conflict do nothing", .upsert, false),
      ("insert into t (k) values (1) on conflict (k) do update set a = 1", .upsert, true),
    ]
    for (sql, kind, mayRepeat) in cases {
      let change = try shop.change(sql)
      #expect(change.kind == kind, "\(sql)")
      #expect(change.mayRepeatRows == mayRepeat, "\(sql)")
    }
  }

  @Test("Keys that conflict")
  func conflicts() throws {
    func conflict(_ clause: String) throws -> BoundConflict? {
      try shop.change("insert into t (k) values (1) on conflict \(clause)").conflict
    }
    #expect(try conflict("do nothing") == BoundConflict(keys: [[0], [1, 2]], keepsFirst: true))
    #expect(try conflict("(k) do nothing") == BoundConflict(keys: [[0]], keepsFirst: true))
    #expect(
      try conflict("(s, a) do update set k = 1")
        == BoundConflict(keys: [[1, 2]], keepsFirst: false))
    #expect(try shop.change("delete from t").conflict == nil)
  }

  @Test("INSERT … RETURNING stays an insert, its columns behind the table's")
  func insertReturning() throws {
    guard
      case .insert(let insert) = try shop.bind(
        "insert into t (k) select k from u returning k, s || 'x' as y, (select count(*) from u)")
    else { throw StoaError(.usage, "no INSERT") }
    #expect(insert.values == 0..<3 && insert.returning == 3..<6)
    #expect(
      columns(insert.source)
        == "k INTEGER, a BIGINT, s VARCHAR, k INTEGER, y VARCHAR, (select count(*) from u) BIGINT")
    guard case .insert(let plain) = try shop.bind("insert into t (k) values (1)") else { return }
    #expect(plain.returning.isEmpty)
  }

  @Test("A DEFAULT that asks the clock is kept as text and bound by each statement")
  func computedDefaults() throws {
    let table = try #require(shop.state.table(named: "free"))
    #expect(table.columns[1].defaultText == "now()")
    #expect(table.columns[1].defaultValue == nil && table.columns[1].hasDefault)
    guard case .insert(let insert) = try shop.bind("insert into free (a) values (1)"),
      let literals = insert.literals
    else { throw StoaError(.usage, "no INSERT of literals") }
    #expect((literals.columns[1].value(at: 0).integer ?? 0) > 1_700_000_000_000_000)
    let random = try shop.created(
      "create table n (a double default random() * 10, b int default 3)")
    #expect(random.columns.map(\.defaultText) == ["random() * 10", nil])
    #expect(random.columns.map(\.defaultValue) == [nil, .integer(3)])
  }

  @Test("Tables named in TRUNCATE come once each")
  func truncate() throws {
    guard case .truncate(let tables, _) = try shop.bind("truncate t, r, T") else {
      throw StoaError(.usage, "no TRUNCATE")
    }
    #expect(tables.map(\.name) == ["t", "r"])
  }

  @Test("Statements about the warehouse and transactions")
  func others() throws {
    guard case .savepoint("sp") = try shop.bind("SAVEPOINT Sp"),
      case .rollbackTo("sp") = try shop.bind("ROLLBACK TO sp"),
      case .release("sp") = try shop.bind("RELEASE SP"),
      case .showVersions = try shop.bind("SHOW VERSIONS"),
      case .compact(nil) = try shop.bind("VACUUM"),
      case .compact(let compacted?) = try shop.bind("COMPACT t"),
      case .verify(nil, isDeep: true) = try shop.bind("VERIFY DEEP"),
      case .verify(let verified?, isDeep: false) = try shop.bind("VERIFY TABLE u"),
      case .begin(isReadOnly: true) = try shop.bind("START TRANSACTION READ ONLY")
    else { throw StoaError(.usage, "another statement") }
    #expect(compacted.name == "t" && verified.name == "u")
  }

  @Test(
    "Wrong changes are told where and why",
    arguments: [
      ("delete from tt", "there is no table \"tt\" [tt]"),
      ("delete from t where zz = 1", "there is no column \"zz\" [zz]"),
      (
        "delete from t using t where true",
        "FROM has two tables called \"t\". Give one of them an alias [t]"
      ),
      (
        "delete from t returning sum(a)",
        "sum is an aggregate function, which RETURNING cannot use [sum(a)]"
      ),
      ("delete from t x where t.k = 1", "FROM has no table \"t\" [t]"),
      ("update t set zz = 1", "table \"t\" has no column \"zz\" [zz]"),
      ("update t set a = 1, A = 2", "column \"A\" is set twice [A]"),
      (
        "update t set (a, s) = (1, 2, 3)",
        "2 values are needed for \"t\", but there are 3 [(1, 2, 3)]"
      ),
      (
        "update t set (a, s) = (select 1)",
        "2 values are needed for \"t\", but there are 1 [(select 1)]"
      ),
      ("update t set k = 'x'", "cannot convert 'x' to INTEGER ['x']"),
      ("update t set k = date '2024-01-01'", "DATE cannot be cast to INTEGER [date '2024-01-01']"),
      (
        "update t set k = default + 1",
        "DEFAULT can only stand alone as the new value of a column [default]"
      ),
      (
        "update t set a = 1 where sum(a) > 1",
        "sum is an aggregate function, which WHERE cannot use. Conditions on aggregates go into HAVING [sum(a)]"
      ),
      ("update t set \"$row\" = 1", "table \"t\" has no column \"$row\" [\"$row\"]"),
      (
        "select \"$row\" from t",
        "there is no column \"$row\". Text is written in single quotes: '$row' [\"$row\"]"
      ),
      (
        "insert into t (k) values (1) on conflict (s) do nothing",
        "(s) is no PRIMARY KEY or UNIQUE key of \"t\". Keys of the table: (k), (a, s) [s]"
      ),
      (
        "insert into u (k) values (1) on conflict (k) do nothing",
        "(k) is no PRIMARY KEY or UNIQUE key of \"u\". The table has no keys [k]"
      ),
      (
        "insert into t (k) values (1) on conflict do update set a = 1",
        "ON CONFLICT DO UPDATE needs the columns of a key. Keys of the table: (k), (a, s) [on conflict do update set a = 1]"
      ),
      (
        "insert into t (k) values (1) returning excluded.k",
        "FROM has no table \"excluded\" [excluded]"
      ),
      (
        "merge into t using u on t.k = u.k when matched then delete when matched then do nothing",
        "this WHEN clause is never reached. One of the same kind before it has no condition [when matched then do nothing]"
      ),
      (
        "merge into t using u on t.k = u.k when not matched then insert (k) values (t.k)",
        "FROM has no table \"t\" [t]"
      ),
      (
        "merge into t using u on t.k = u.k when not matched by source then update set a = x",
        "there is no column \"x\" [x]"
      ),
      (
        "merge into t using u on t.k = u.k when not matched then insert (k, a) values (1)",
        "2 values are needed for \"t\", but there are 1 [when not matched then insert (k, a) values (1)]"
      ),
      (
        "merge into t using u as t on true when matched then delete",
        "FROM has two tables called \"t\". Give one of them an alias [u as t]"
      ),
      (
        "truncate t",
        "table \"t\" is referenced by a foreign key of \"r\". Truncate both: TRUNCATE t, r [t]"
      ),
      ("select merge_action()", "there is no function merge_action [merge_action]"),
      ("with x as (select 1) delete from y", "there is no table \"y\" [y]"),
      ("with x as (select 1 as k) delete from x", "there is no table \"x\" [x]"),
      ("compact nowhere", "there is no table \"nowhere\" [nowhere]"),
      ("create table n (a int default b)", "there is no column \"b\" [b]"),
      (
        "create table n (a int default (select 1))",
        "a subquery in DEFAULT is not supported yet [(select 1)]"
      ),
      ("create table n (a int default ?)", "DEFAULT cannot have parameters [?]"),
    ])
  func wrong(_ sql: String, _ message: String) throws {
    #expect(shop.failure(sql) == message)
  }
}
