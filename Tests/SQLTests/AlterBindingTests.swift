import Catalog
import Kernels
import Testing
import Vectors

@testable import SQL

@Suite("Binding schema changes, CHECK and earlier versions")
struct AlterBindingTests {
  let shop: FixtureCatalog

  init() throws { shop = try FixtureCatalog.changes() }

  /// The plans that must have no rows, first lines only.
  private func requirements(_ sql: String) throws -> [String] {
    try shop.alteration(sql).requirements.map { requirement in
      "\(requirement.failure.message): "
        + (try shop.explain(requirement.query))
        .split(separator: "\n").map { $0.drop { $0 == " " }.split(separator: "  ~")[0] }
        .joined(separator: " | ")
    }
  }

  private func expect(_ sql: String, _ expected: [String]) throws {
    let found = try requirements(sql)
    #expect(found == expected, "\(sql)")
  }

  @Test("ADD COLUMN gives rows there are the DEFAULT of that moment")
  func addColumn() throws {
    let alter = try shop.alteration(
      "alter table t add column c decimal(9,2) default 1.5 not null, add d date default current_date"
    )
    let columns = alter.table.columns.suffix(2)
    #expect(columns.map(\.id) == [4, 5] && alter.table.nextColumnID == 6)
    #expect(
      columns.first?.defaultValue == .integer(150) && columns.first?.initialValue == .integer(150))
    #expect(columns.first?.isNullable == false)
    #expect(columns.last?.defaultText == "current_date")
    #expect((columns.last?.initialValue?.integer ?? 0) > 19_000)
    #expect(alter.requirements.isEmpty && alter.isNeeded)
    try expect(
      "alter table t add c int not null",
      [
        "the rows there are would have NULL in a NOT NULL column: LIMIT 1 | SCAN t (k)"
      ])
    #expect(try !shop.alteration("alter table t add if not exists K int").isNeeded)
    #expect(try !shop.alteration("alter table if exists nowhere add k int").isNeeded)
  }

  @Test("Columns are dropped, renamed and widened under their ids")
  func columns() throws {
    let dropped = try shop.alteration("alter table u drop x").table
    #expect(dropped.columns.map(\.id) == [1, 3] && dropped.nextColumnID == 4)
    let renamed = try shop.alteration("alter table t rename a to \"A b\"").table
    #expect(renamed.columns[1].name == "A b" && renamed.columns[1].id == 2)
    #expect(try shop.alteration("alter table t rename column a to A").table.columns[1].name == "A")
    #expect(try shop.alteration("alter table t rename to z").table.name == "z")
    let wide = try shop.alteration("alter table t alter a type hugeint").table
    #expect(wide.columns[1].type == .hugeint && wide.columns[1].defaultValue == .integer(7))
    #expect(try !shop.alteration("alter table t alter a type bigint").isNeeded)
  }

  @Test("DEFAULT and NOT NULL come and go")
  func properties() throws {
    let changed = try shop.alteration(
      "alter table t alter a drop default, alter s set default upper('x'), alter a set not null")
    #expect(changed.table.columns[1].defaultValue == nil && !changed.table.columns[1].isNullable)
    #expect(changed.table.columns[2].defaultValue == .string("X"))
    try expect(
      "alter table t alter a set not null",
      [
        "column \"a\" holds NULLs: LIMIT 1 | SCAN t (a) where a IS NULL"
      ])
    #expect(try requirements("alter table t alter k set not null").isEmpty)
    #expect(try shop.alteration("alter table r alter k drop not null").isNeeded == false)
  }

  @Test("Constraints are looked up in the rows there are, unless NOT VALID")
  func constraints() throws {
    try expect(
      "alter table u add constraint c check (x > 1 or s is null)",
      [
        "rows there are break the constraint \"c\": LIMIT 1 | FILTER (x > 1 OR s IS NULL) IS NOT DISTINCT FROM FALSE | SCAN u (x, s)"
      ])
    try expect(
      "alter table u add unique (k)",
      [
        "rows there are agree on the key \"u_k_key\": PROJECT k | LIMIT 1 | FILTER count > 1 | AGGREGATE count(*) by k | SCAN u (k) where k IS NOT NULL"
      ])
    try expect(
      "alter table u add foreign key (k) references t",
      [
        "rows there are break the constraint \"u_k_fkey\": LIMIT 1 | HASH JOIN right anti, t.k = u.k | SCAN t (k), filtered by joins on k | SCAN u (k) where k IS NOT NULL"
      ])
    let unchecked = try shop.alteration(
      "alter table u add constraint f foreign key (k) references t not valid, add check (k > 1) not valid"
    )
    #expect(unchecked.requirements.isEmpty)
    #expect(unchecked.table.foreignKeys[0].isValidated == false)
    #expect(unchecked.table.checks == [CheckDefinition(text: "k > 1", isValidated: false)])
    #expect(
      try requirements("alter table u add primary key (x, s)").map { $0.prefix(22) } == [
        "column \"x\" holds NULLs", "column \"s\" holds NULLs", "rows there are agree o",
      ])
    #expect(try shop.alteration("alter table t drop constraint t_a_s_key").table.keys.count == 1)
    #expect(try shop.alteration("alter table r drop constraint R_K_FKEY").table.foreignKeys.isEmpty)
    #expect(
      try shop.alteration("alter table r rename constraint r_k_fkey to f").table.foreignKeys[0].name
        == "f")
  }

  @Test("A foreign key to the table itself is looked up in its own rows")
  func ownKey() throws {
    let alter = try shop.alteration("alter table r add foreign key (k) references r")
    #expect(alter.table.foreignKeys.last?.referencedTable == alter.table.id)
    let plan = try shop.explain(try #require(alter.requirements.first).query)
    #expect(plan.contains("HASH JOIN anti, k = id"), "\(plan)")
    #expect(
      shop.failure("alter table r drop constraint r_pkey, add foreign key (k) references r")
        == "table \"r\" has no primary key to refer to. Name the referenced columns, which must be UNIQUE [r]"
    )
  }

  @Test("VALIDATE CONSTRAINT looks once, then the planner may rely on the key")
  func validate() throws {
    var shop = shop
    let join = "select r.b from r join t on r.k = t.k where r.k is not null"
    func add(_ sql: String) throws {
      try shop.state.apply(.alterTable(try shop.alteration(sql).table))
    }
    try add("alter table r drop constraint r_k_fkey")
    try add("alter table r alter k set not null")
    let plain = try shop.explain(join)
    try add("alter table r add constraint f foreign key (k) references t not valid")
    #expect(try shop.explain(join) == plain && plain.contains("HASH JOIN"))
    let validated = try shop.alteration("alter table r validate constraint f")
    #expect(validated.requirements.count == 1)
    try shop.state.apply(.alterTable(validated.table))
    #expect(try !shop.explain(join).contains("HASH JOIN"))
    #expect(try !shop.alteration("alter table r validate constraint f").isNeeded)
  }

  @Test("CHECK is kept as text of unqualified columns and follows their names")
  func checks() throws {
    var shop = shop
    try shop.create(
      "CREATE TABLE c (a INTEGER CHECK (c.a > 0), \"B b\" INTEGER, CONSTRAINT w CHECK (a < main.c.\"B b\" OR 'a' = 'a  b'))",
      rows: 0)
    var table = try #require(shop.state.table(named: "c"))
    #expect(table.checks.map(\.text) == ["a < \"B b\" OR 'a' = 'a  b'", "a > 0"])
    #expect(table.checks.map(\.name) == ["w", nil])
    table = try shop.alteration("alter table c rename a to \"select\"").table
    #expect(
      table.checks.map(\.text) == ["\"select\" < \"B b\" OR 'a' = 'a  b'", "\"select\" > 0"])
    try shop.state.apply(.alterTable(table))
    table = try shop.alteration("alter table c rename to d").table
    let bound = try Binder(catalog: shop.state, text: "").bindChecks(of: table)
    #expect(bound.map(\.name) == ["w", "d_check"])
    #expect(
      bound[1].condition
        == .comparison(.greater, .column(0, .integer), .constant(.integer(0), .integer)))
    #expect(
      shop.failure("alter table c drop \"B b\"")
        == "column \"B b\" is part of the constraint \"w\". ALTER TABLE c DROP CONSTRAINT w first [\"B b\"]"
    )
  }

  @Test("A table at an earlier version has the columns of then")
  func versions() throws {
    var shop = shop
    let before = shop.state
    try shop.state.apply(.alterTable(try shop.alteration("alter table u rename x to y").table))
    try shop.state.apply(.alterTable(try shop.alteration("alter table u drop s").table))
    shop.history = CatalogHistory { (commit) throws(StoaError) in
      guard commit <= 3 else { throw StoaError(.binding, "there is no version \(commit)") }
      return before
    } commit: { (time) throws(StoaError) in
      time < 0 ? 0 : 2
    }
    #expect(try shop.columns("from u at (version => 3)") == "k INTEGER, x SMALLINT, s VARCHAR")
    let plan = try shop.explain("select o.x from u at (version => 1 + 2) as o where o.s = 'a'")
    #expect(plan == "SCAN u AS o AT VERSION 3 (x) where s = 'a'  ~10 rows")
    #expect(
      try shop.explain("select x from u at (timestamp => timestamp '2024-01-01')").hasPrefix(
        "SCAN u AT VERSION 2 (x)"))
    #expect(try shop.explain("select x from u at (timestamp => now())").contains("VERSION 2"))
    // A key holds between rows of one version only.
    let join = "select r.b from r%1 join t%2 on r.k = t.k"
    for (left, right, isGone) in [
      ("", " at (version => 1)", false), (" at (version => 1)", " at (version => 1)", true),
    ] {
      var shop = shop
      try shop.state.apply(
        .alterTable(try shop.alteration("alter table r alter k set not null").table))
      let state = shop.state
      shop.history?.catalog = { (_) throws(StoaError) in state }
      var sql = join
      sql = sql.split(separator: "%1").joined(separator: left)
      sql = sql.split(separator: "%2").joined(separator: right)
      #expect(try shop.explain(sql).contains("HASH JOIN") != isGone, "\(sql)")
    }
    #expect(
      shop.failure("select * from u at (version => 4)")
        == "there is no version 4 [at (version => 4)]")
    #expect(
      shop.failure("select * from u at (version => ?)")
        == "the version of a table must be a constant [?]")
    #expect(shop.failure("select * from u at (version => -1)") == "versions are not negative [-1]")
    #expect(
      shop.failure("select * from z at (version => 1)")
        == "there was no table \"z\" at version 1 [z]")
  }

  @Test(
    "Wrong schema changes are told where and why",
    arguments: [
      ("alter table tt add a int", "there is no table \"tt\" [tt]"),
      ("alter table t add K int", "column \"K\" is defined twice [K]"),
      (
        "alter table t add c double default random()",
        "a DEFAULT that differs from row to row cannot fill the rows there are. Add the column without it, then ALTER … SET DEFAULT and UPDATE [random()]"
      ),
      ("alter table t drop zz", "table \"t\" has no column \"zz\" [zz]"),
      (
        "alter table t drop k",
        "column \"k\" is part of the constraint \"t_pkey\". ALTER TABLE t DROP CONSTRAINT t_pkey first [k]"
      ),
      ("alter table free drop a, drop b", "a table keeps at least one column [drop b]"),
      ("alter table t rename a to K", "column \"K\" is defined twice [K]"),
      ("alter table t rename to u", "table \"u\" already exists [rename to u]"),
      (
        "alter table t alter a type integer",
        "column \"a\" is BIGINT and cannot become INTEGER. \(LogicalType.wideningHint) [integer]"
      ),
      (
        "alter table t alter k type bigint",
        "a foreign key of \"r\" and its key in \"t\" would differ in type. Drop the foreign key, change both columns, and add it again [alter k type bigint]"
      ),
      ("alter table t alter k drop not null", "column \"k\" is part of the primary key [k]"),
      (
        "alter table t drop constraint t_pkey",
        "a foreign key of \"r\" needs a key of \"t\". Drop the foreign key first [drop constraint t_pkey]"
      ),
      (
        "alter table t drop constraint t_pky",
        "table \"t\" has no constraint \"t_pky\". Did you mean \"t_pkey\"? [t_pky]"
      ),
      (
        "alter table t add unique (k) not valid",
        "only FOREIGN KEY and CHECK can be NOT VALID. PRIMARY KEY and UNIQUE hold for all rows [unique (k) not valid]"
      ),
      (
        "alter table t add constraint T_PKEY check (k > 1)",
        "table \"t\" has a constraint \"T_PKEY\" already [T_PKEY]"
      ),
      (
        "alter table t add primary key (a)",
        "a table can have only one primary key [primary key (a)]"
      ),
      ("alter table t add check (k)", "no error"),
      (
        "alter table t add check (s)",
        "expected BOOLEAN, but this is VARCHAR. An explicit CAST may help [s]"
      ),
      (
        "alter table t add check (k > random())",
        "CHECK must give the same answer for the same row [k > random()]"
      ),
      (
        "alter table t add check (k > (select 1))",
        "a subquery in CHECK is not supported yet [k > (select 1)]"
      ),
      (
        "alter table t add check (sum(k) > 1)",
        "sum is an aggregate function, which CHECK cannot use [sum(k)]"
      ),
      (
        "select * from t at (version => 1)",
        "AT (VERSION => …) here is not supported yet [at (version => 1)]"
      ),
    ])
  func wrong(_ sql: String, _ message: String) throws {
    #expect(shop.failure(sql) == message)
  }
}
