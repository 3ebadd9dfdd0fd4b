import Testing

@testable import SQL

@Suite("Parsing expressions")
struct ParserExpressionTests {
  @Test(
    "operators bind as in PostgreSQL",
    arguments: [
      ("1 + 2 * 3", "(1 + (2 * 3))"),
      ("1 - 2 - 3", "((1 - 2) - 3)"),
      ("2 ^ 3 ^ 2", "((2 ^ 3) ^ 2)"),
      ("2 ** 3", "(2 ^ 3)"),
      ("-2 ^ 2", "(-2 ^ 2)"),
      ("- a ^ 2", "(-a ^ 2)"),
      ("7 // 2 % 2", "((7 // 2) % 2)"),
      ("a || b || c", "((a || b) || c)"),
      ("a + 1 || b", "((a + 1) || b)"),
      ("a || b = c", "((a || b) = c)"),
      ("NOT a = b", "(NOT (a = b))"),
      ("NOT a AND b", "((NOT a) AND b)"),
      ("a OR b AND c OR d", "(a OR (b AND c) OR d)"),
      ("a = 1 IS NULL", "((a = 1) IS NULL)"),
      ("a IS NOT NULL AND b IS TRUE", "((a IS NOT NULL) AND (b IS TRUE))"),
      ("a IS NOT UNKNOWN", "(a IS NOT NULL)"),
      ("a IS NOT DISTINCT FROM b + 1", "(a IS NOT DISTINCT FROM (b + 1))"),
      ("a BETWEEN 1 AND 2 AND b", "((a BETWEEN 1 AND 2) AND b)"),
      ("a NOT BETWEEN SYMMETRIC 1 + 1 AND 2", "(a NOT BETWEEN SYMMETRIC (1 + 1) AND 2)"),
      ("a LIKE 'x%' ESCAPE '!' OR b", "((a LIKE 'x%' ESCAPE '!') OR b)"),
      ("a NOT ILIKE b || '%'", "(a NOT ILIKE (b || '%'))"),
      ("a SIMILAR TO b", "(a SIMILAR TO b)"),
      ("a IN (1, 2, )", "(a IN (1, 2))"),
      ("a NOT IN (SELECT 1)", "(a NOT IN (SELECT …))"),
      ("a IN ((SELECT 1))", "(a IN (SELECT …))"),
      ("a >= ALL (SELECT 1)", "(a >= ALL (SELECT …))"),
      ("a = SOME (VALUES (1))", "(a = ANY (SELECT …))"),
      ("-a::int", "-CAST(a AS INT)"),
      ("-1::int", "CAST(-1 AS INT)"),
      ("a::decimal(10, 2)::text", "CAST(CAST(a AS DECIMAL(10,2)) AS TEXT)"),
      ("a AT TIME ZONE 'UTC'", "timezone('UTC', a)"),
      ("a <> b", "(a <> b)"), ("a != b", "(a <> b)"), ("a == b", "(a = b)"),
      ("~a & b | c << 1", "(((~a & b) | c) << 1)"),
      ("NOT EXISTS (SELECT 1)", "(NOT EXISTS(SELECT …))"),
      ("(a, b) = (1, 2)", "((a, b) = (1, 2))"),
      ("((a))", "a"), ("((a) + (b))", "(a + b)"), ("(((SELECT 1)) + 1)", "((SELECT …) + 1)"),
      ("((SELECT 1) UNION (SELECT 2) ORDER BY 1)", "(SELECT …)"),
      ("count(*) FILTER (WHERE a > 1)", "count(*) FILTER (WHERE (a > 1))"),
      ("COUNT(DISTINCT a)", "count(DISTINCT a)"),
      ("string_agg(a, ',' ORDER BY b DESC)", "string_agg(a, ',' ORDER BY b DESC)"),
      ("lag(a, 1) IGNORE NULLS OVER w", "lag(a, 1) IGNORE NULLS OVER (w)"),
      (
        "quantile_cont(0.5) WITHIN GROUP (ORDER BY a)",
        "quantile_cont(0.5) WITHIN GROUP (ORDER BY a)"
      ),
      (
        "sum(a) OVER (PARTITION BY b, c ORDER BY d DESC NULLS LAST ROWS 2 PRECEDING)",
        "sum(a) OVER (PARTITION BY b, c ORDER BY d DESC NULLS LAST ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)"
      ),
      (
        "rank() OVER (ORDER BY a RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE TIES)",
        "rank() OVER (ORDER BY a RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE TIES)"
      ),
      ("extract(year FROM a + 1)", "EXTRACT(YEAR FROM (a + 1))"),
      ("extract('month' from d)", "EXTRACT(MONTH FROM d)"),
      ("substring(a FROM 2 FOR 3)", "substring(a, 2, 3)"),
      ("substring(a FOR 3)", "substring(a, 1, 3)"),
      ("substring(a, 2)", "substring(a, 2)"),
      ("position('x' IN a)", "strpos(a, 'x')"),
      ("trim(LEADING 'x' FROM a)", "ltrim(a, 'x')"),
      ("trim(BOTH FROM a)", "trim(a)"), ("trim(a, 'xy')", "trim(a, 'xy')"),
      ("overlay(a PLACING b FROM 1 FOR 2)", "overlay(a, b, 1, 2)"),
      ("left(a, 2)", "left(a, 2)"), ("current_date", "current_date"),
      ("CASE WHEN a THEN 1 ELSE 2 END", "CASE WHEN a THEN 1 ELSE 2 END"),
      ("CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END", "CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END"),
      ("TRY_CAST(a AS double precision)", "TRY_CAST(a AS DOUBLE PRECISION)"),
      ("f(x := 1, y => 2)", "f(x := 1, y := 2)"),
      ("s.t.\"Odd \"\"name\"", "s.t.Odd \"name"),
      ("$2 + $1", "($2 + $1)"), (":name || ?", "error"), ("a < b < c", "error"),
    ])
  func precedence(text: String, expected: String) {
    let result = Result { try Parser.parseExpression(text) }
    switch result {
    case .success(let expression): #expect(expression.text == expected)
    case .failure(let error): #expect(expected == "error", "\(text): \(error)")
    }
  }

  @Test("literals keep their exact value")
  func literals() throws {
    func literal(_ text: String) throws -> LiteralSyntax? {
      if case .literal(let literal) = try Parser.parseExpression(text).kind { return literal }
      return nil
    }
    #expect(try literal("170141183460469231731687303715884105727") == .integer(.max))
    #expect(try literal("-170141183460469231731687303715884105728") == .integer(.min))
    #expect(throws: (any Error).self) { try literal("170141183460469231731687303715884105728") }
    #expect(try literal("1_000") == .integer(1000))
    #expect(try literal("0xFF") == .integer(255))
    #expect(try literal("0.05") == .decimal(unscaled: 5, precision: 2, scale: 2))
    #expect(try literal("-12.30") == .decimal(unscaled: -1230, precision: 4, scale: 2))
    #expect(try literal("1.") == .decimal(unscaled: 1, precision: 1, scale: 0))
    #expect(try literal(".5") == .decimal(unscaled: 5, precision: 1, scale: 1))
    #expect(try literal("1e3") == .double(1000))
    #expect(try literal("-2.5E-1") == .double(-0.25))
    #expect(try literal("'it''s'") == .string("it's"))
    #expect(try literal("E'a\\n\\u00e9\\x41'") == .string("a\né\u{41}"))
    #expect(try literal("$$it's$$") == .string("it's"))
    #expect(try literal("$q$a$$b$q$") == .string("a$$b"))
    if case .typed(let type, let text)? = try literal("DATE '2024-02-29'") {
      #expect(try type.resolved() == .date)
      #expect(text == "2024-02-29")
    } else {
      Issue.record("not a typed literal")
    }
  }

  @Test("intervals are read as PostgreSQL reads them")
  func intervals() throws {
    func check(_ text: String, _ months: Int32, _ days: Int32, _ microseconds: Int64) throws {
      guard case .literal(.interval(let m, let d, let u)) = try Parser.parseExpression(text).kind
      else {
        Issue.record("\(text) is no interval")
        return
      }
      #expect((m, d, u) == (months, days, microseconds), "\(text)")
    }
    try check("INTERVAL '1' MONTH", 1, 0, 0)
    try check("INTERVAL '1 month 2 days'", 1, 2, 0)
    try check("INTERVAL 3 DAYS", 0, 3, 0)
    try check("INTERVAL -3 WEEK", 0, -21, 0)
    try check("INTERVAL '1 year 2 mons 3 days 04:05:06.5'", 14, 3, 14_706_500_000)
    try check("INTERVAL '1.5 months'", 1, 15, 0)
    try check("INTERVAL '1.5' YEAR", 18, 0, 0)
    try check("INTERVAL '-1 day'", 0, -1, 0)
    try check("INTERVAL '2-6' YEAR TO MONTH", 30, 0, 0)
    try check("INTERVAL '1 day ago'", 0, -1, 0)
    try check("INTERVAL '90' MINUTE", 0, 0, 5_400_000_000)
    try check("INTERVAL '1h30m'", 0, 0, 0 + 3_600_000_000 + 1_800_000_000)
    #expect(throws: (any Error).self) { try Parser.parseExpression("INTERVAL 'soon'") }
    #expect(throws: (any Error).self) { try Parser.parseExpression("INTERVAL '99999999999 years'") }
  }

  @Test("positions are byte ranges of the whole expression")
  func positions() throws {
    let expression = try Parser.parseExpression("  é + (b * 2) ")
    #expect(expression.position == 2..<14)
    guard case .binary(_, let left, let right) = expression.kind else { return }
    #expect(left.position == 2..<4)
    #expect(right.position == 7..<14)
  }

  @Test(
    "types have PostgreSQL's and DuckDB's names",
    arguments: [
      ("int2", "SMALLINT"), ("INT4", "INTEGER"), ("int8", "BIGINT"), ("float4", "REAL"),
      ("double precision", "DOUBLE"), ("float8", "DOUBLE"), ("float", "DOUBLE"),
      ("float(24)", "REAL"),
      ("text", "VARCHAR"), ("String", "VARCHAR"), ("varchar(10)", "VARCHAR"),
      ("char(3)", "VARCHAR"),
      ("character varying(5)", "VARCHAR"), ("numeric", "DECIMAL(18,3)"),
      ("numeric(10)", "DECIMAL(10,0)"),
      ("decimal(38, 10)", "DECIMAL(38,10)"), ("datetime", "TIMESTAMP"),
      ("timestamp(6)", "TIMESTAMP"),
      ("timestamp without time zone", "TIMESTAMP"), ("bool", "BOOLEAN"), ("int128", "HUGEINT"),
      ("decimal(39)", "error"), ("decimal(3,4)", "error"), ("int(3)", "error"), ("uuid", "UUID"),
      ("bytea", "BLOB"), ("timestamptz", "TIMESTAMP WITH TIME ZONE"), ("time(6)", "TIME"),
      ("timestamp with time zone", "TIMESTAMP WITH TIME ZONE"), ("timetz", "error"),
      ("uint4", "UINTEGER"), ("ubigint", "UBIGINT"), ("enum('a', 'b')", "ENUM('a', 'b')"),
      ("enum()", "error"), ("enum('a', 'a')", "error"), ("time with time zone", "error"),
      ("integr", "error"), ("int[]", "error"),
    ])
  func types(text: String, expected: String) {
    let result = Result { try Parser.parseType(text).resolved() }
    switch result {
    case .success(let type): #expect(type.description == expected)
    case .failure: #expect(expected == "error", "\(text)")
    }
  }
}
