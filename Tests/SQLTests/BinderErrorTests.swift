import Testing
import Vectors

@testable import SQL

/// Messages of the binder, with the part of the statement they point at in brackets.
@Suite struct BinderErrorTests {
  @Test(
    "Wrong statements are told where and why",
    arguments: [
      ("select zz from t", "there is no column \"zz\" [zz]"),
      ("select nam from u", "there is no column \"nam\". Did you mean \"name\"? [nam]"),
      ("select t.q from t", "table \"t\" has no column \"q\" [t.q]"),
      ("select x.a from t", "FROM has no table \"x\" [x]"),
      (
        "select \"abc\" from t",
        "there is no column \"abc\". Text is written in single quotes: 'abc' [\"abc\"]"
      ),
      ("select a from t, u", "column \"a\" is ambiguous. It could be \"t.a\" or \"u.a\" [a]"),
      ("select a from tt", "there is no table \"tt\" [tt]"),
      (
        "select 1 from main.t x, main.u x",
        "FROM has two tables called \"x\". Give one of them an alias [main.u x]"
      ),
      ("select foo(a) from t", "there is no function foo [foo]"),
      ("select lenght(c) from t", "there is no function lenght. Did you mean length? [lenght]"),
      ("select * from nowhere(1)", "there is no table function \"nowhere\" [nowhere]"),
      ("select * from numbers('a')", "numbers takes one integer [numbers('a')]"),
      (
        "select a from t where sum(a) > 1",
        "sum is an aggregate function, which WHERE cannot use. Conditions on aggregates go into HAVING [sum(a)]"
      ),
      ("select sum(sum(a)) from t", "aggregate functions cannot be nested [sum(a)]"),
      (
        "select b, a from t group by b",
        "column \"a\" must appear in GROUP BY or within an aggregate function. Add it to GROUP BY, or take any_value(a) or min(a) [a]"
      ),
      (
        "select * from t group by a",
        "column \"b\" must appear in GROUP BY or within an aggregate function. Add it to GROUP BY, or take any_value(b) or min(b) [*]"
      ),
      (
        "select a from t having b > 1",
        "column \"a\" must appear in GROUP BY or within an aggregate function. Add it to GROUP BY, or take any_value(a) or min(a) [a]"
      ),
      (
        "select a from t order by 3",
        "ORDER BY position 3 is not in the select list. It has 1 column, counted from 1 [3]"
      ),
      (
        "select a from t group by 0",
        "GROUP BY position 0 is not in the select list. It has 1 column, counted from 1 [0]"
      ),
      (
        "select distinct a from t order by b",
        "with SELECT DISTINCT, ORDER BY can only use the selected expressions. Add the expression to the select list [select distinct a from t]"
      ),
      ("select a from t where d = 'abc'", "cannot convert 'abc' to DATE ['abc']"),
      (
        "select a from t where d = 5",
        "DATE and INTEGER do not go together in =. Cast one of them [d = 5]"
      ),
      (
        "select a from t where c",
        "expected BOOLEAN, but this is VARCHAR. An explicit CAST may help [c]"
      ),
      ("select d::boolean from t", "DATE cannot be cast to BOOLEAN [d::boolean]"),
      (
        "select a from t union select a, b from t",
        "UNION needs queries with equally many columns, but these have 1 and 2 [select a, b from t]"
      ),
      (
        "select a from t union select d from t",
        "INTEGER and DATE do not go together in UNION. Cast one of them [select d from t]"
      ),
      (
        "select (select a, b from t)",
        "a subquery used as a value must have one column, not 2 [(select a, b from t)]"
      ),
      (
        "select a from t where a in (select a, b from u)",
        "the subquery has 2 columns, but is compared with 1 [a in (select a, b from u)]"
      ),
      (
        "select * exclude (zz) from t",
        "EXCLUDE names \"zz\", which is not among the columns of the star [zz]"
      ),
      ("select *", "SELECT * needs a FROM clause [*]"),
      ("select a from t join u using (b, q)", "the left side of the join has no column \"q\" [q]"),
      (
        "with q(x, y) as (select a from t) select * from q",
        "\"q\" has 1 columns, but 2 names are given [y]"
      ),
      ("select a from t limit -1", "LIMIT must not be negative [-1]"),
      (
        "select a from t where rank() over (order by a) = 1",
        "window functions are not allowed in WHERE. Conditions on window functions go into QUALIFY "
          + "[rank() over (order by a)]"
      ),
      (
        "select sum(rank() over (order by a)) from t",
        "aggregate function calls cannot contain window function calls. "
          + "Compute the window function in a subquery [rank() over (order by a)]"
      ),
      (
        "select sum(max(a) over ()) over () from t",
        "window function calls cannot be nested [max(a) over ()]"
      ),
      ("select ntile(2) from t", "window function ntile requires an OVER clause [ntile(2)]"),
      ("select max(a) over w from t", "window \"w\" does not exist [w]"),
      (
        "select max(a) over (order by a rows -1 preceding) from t",
        "frame starting offset must not be negative [-1]"
      ),
      (
        "select max(a) over (order by b, a range 1 preceding) from t",
        "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column "
          + "[range 1 preceding]"
      ),
      (
        "select a from t qualify a > 1",
        "QUALIFY needs a window function, in it or in the select list. "
          + "Other conditions go into WHERE or HAVING [a > 1]"
      ),
      (
        "select abs(distinct a) from t",
        "abs is no aggregate function, so it cannot take DISTINCT [abs(distinct a)]"
      ),
      ("insert into t (a, zz) values (1, 2)", "table \"t\" has no column \"zz\" [zz]"),
      ("insert into t (a, a) values (1, 2)", "column \"a\" is named twice [a]"),
      (
        "insert into t (a, b) values (1, 2, 3)",
        "2 values are needed for \"t\", but there are 3 [1]"
      ),
      ("insert into t (a, d) values (1, 'soon')", "cannot convert 'soon' to DATE ['soon']"),
      (
        "insert into t (a, b) select 1",
        "2 values are needed for \"t\", but there are 1 [select 1]"
      ),
      (
        "with d as (delete from t returning a) select a from d",
        "WITH cannot hold statements that change rows. Run the change as a statement of its own, with RETURNING where its rows are needed [delete]"
      ),
      (
        "create table t (a int)",
        "table \"t\" already exists. CREATE TABLE IF NOT EXISTS leaves it alone [t]"
      ),
      ("create table n (a int, A text)", "column \"A\" is defined twice [A]"),
      ("create table n (a int, primary key (b))", "table \"n\" has no column \"b\" [b]"),
      (
        "create table n (a int primary key, b int primary key)",
        "a table can have only one primary key [primary key]"
      ),
      (
        "create table n (a bigint references t)",
        "\"a\" is BIGINT, but the referenced \"a\" is INTEGER. Foreign key and key must have the same type [references t]"
      ),
      (
        "create table n (a int references u)",
        "table \"u\" has no primary key to refer to. Name the referenced columns, which must be UNIQUE [u]"
      ),
      (
        "create table n (a int references t (b))",
        "the referenced columns are no PRIMARY KEY or UNIQUE key of \"t\" [references t (b)]"
      ),
      (
        "create table n (a int check (b > 1))",
        "there is no column \"b\" [b]"
      ),
      ("drop table nn", "there is no table \"nn\" [nn]"),
      ("copy t (a, q) from 'x.csv'", "table \"t\" has no column \"q\" [q]"),
    ])
  func wrong(_ sql: String, _ message: String) throws {
    #expect(try FixtureCatalog.shop().failure(sql) == message)
  }
}
