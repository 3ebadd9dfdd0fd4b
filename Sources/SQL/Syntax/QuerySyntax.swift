import Vectors

/// A query: WITH, a body, and what applies to the whole body's rows.
public struct QuerySyntax: Sendable {
  public var with: WithSyntax?
  public var body: QueryBodySyntax
  public var orderBy: OrderBySyntax?
  public var limit: ExpressionSyntax?
  /// `LIMIT n %`
  public var isPercent = false
  public var offset: ExpressionSyntax?
  /// `FETCH FIRST n ROWS WITH TIES`
  public var withTies = false
  /// Height of the highest expression inside; bounds the recursion of everything that walks the query.
  public var height = 0
  public var position: Range<Int>

  /// A body with what surrounds it.
  public init(_ body: QueryBodySyntax, position: Range<Int>) {
    self.body = body
    self.position = position
  }
}

/// SELECT, VALUES, a set operation or a query in parentheses.
public indirect enum QueryBodySyntax: Sendable {
  case select(SelectSyntax)
  case values(ValuesSyntax)
  case setOperation(SetOperationSyntax)
  /// Parentheses; needed where the inner query has WITH, ORDER BY or LIMIT of its own.
  case nested(QuerySyntax)

  public var position: Range<Int> {
    switch self {
    case .select(let select): select.position
    case .values(let values): values.position
    case .setOperation(let operation): operation.position
    case .nested(let query): query.position
    }
  }
}

/// `VALUES (…), (…)`: at least one row; all rows have the same length.
public struct ValuesSyntax: Sendable {
  /// The first rows of an INSERT, as far as they are plain literals.
  var literals: LiteralRows?
  /// The rows after those.
  var others: [[ExpressionSyntax]]
  public var position: Range<Int>

  /// All rows as trees.
  public func rows() throws(StoaError) -> [[ExpressionSyntax]] {
    guard let literals else { return others }
    return try literals.syntax() + others
  }
}

/// Chains of the same operator are flat: `a UNION ALL b UNION ALL c` has three operands. They mean the same as
/// nested to the left (EXCEPT: the first without every other).
public struct SetOperationSyntax: Sendable {
  /// Which set operation.
  public enum Kind: String, Sendable {
    case union = "UNION", intersect = "INTERSECT", except = "EXCEPT"
  }

  public var kind: Kind
  public var isAll: Bool
  /// `UNION BY NAME`
  public var byName = false
  /// Two or more.
  public var operands: [QueryBodySyntax]
  public var position: Range<Int>
}

/// `WITH [RECURSIVE] name [(columns)] AS [[NOT] MATERIALIZED] (query), …`
public struct WithSyntax: Sendable {
  public var isRecursive: Bool
  public var tables: [CommonTableSyntax]
  public var position: Range<Int>
}

/// One table of a WITH clause.
public struct CommonTableSyntax: Sendable {
  public var name: NameSyntax
  public var columns: [NameSyntax]
  /// `nil` when not said.
  public var isMaterialized: Bool?
  public var query: QuerySyntax
  public var position: Range<Int>
}

/// One SELECT … FROM … WHERE … GROUP BY … HAVING … QUALIFY block.
public struct SelectSyntax: Sendable {
  /// Whether equal rows come once.
  public enum Quantifier: Sendable {
    case all
    case distinct
    case distinctOn([ExpressionSyntax])
  }

  public var quantifier: Quantifier = .all
  /// Never empty; `FROM t` alone has one star without position of its own.
  public var items: [SelectItemSyntax] = []
  /// Comma list; empty for SELECT without FROM.
  public var from: [TableReferenceSyntax] = []
  public var filter: ExpressionSyntax?
  public var groupBy: GroupBySyntax?
  public var having: ExpressionSyntax?
  public var windows: [NamedWindowSyntax] = []
  public var qualify: ExpressionSyntax?
  /// `USING SAMPLE …`: of the rows of FROM.
  public var sample: SampleSyntax?
  public var position: Range<Int>
}

/// One item of a select list.
public enum SelectItemSyntax: Sendable {
  case expression(ExpressionSyntax, alias: NameSyntax?)
  case star(StarSyntax)
}

/// `*`, `t.*`, `* EXCLUDE (a) REPLACE (e AS b) RENAME (c AS d)`
public struct StarSyntax: Sendable {
  public var qualifier: QualifiedNameSyntax?
  public var excluded: [QualifiedNameSyntax] = []
  public var replaced: [(expression: ExpressionSyntax, column: NameSyntax)] = []
  public var renamed: [(column: NameSyntax, name: NameSyntax)] = []
  /// `* LIKE 'a%'`, `COLUMNS('a.*')`: only columns whose names match.
  public var pattern: StarPatternSyntax?
  public var position: Range<Int>
}

/// A condition on names of columns.
public struct StarPatternSyntax: Sendable {
  public enum Kind: Sendable { case like(LikeSyntax.Kind), regex }

  public var kind: Kind
  public var text: String
  public var negated: Bool
  public var position: Range<Int>
}

/// `GROUP BY …`
public struct GroupBySyntax: Sendable {
  public enum Element: Sendable {
    /// A key, or an ordinal when it is an integer literal.
    case expression(ExpressionSyntax)
    /// `GROUPING SETS (…)`: each a set of keys, or nested ROLLUP, CUBE, GROUPING SETS.
    case groupingSets([Element])
    /// `(a, b)` within GROUPING SETS; empty for `()`.
    case set([ExpressionSyntax])
    case rollup([[ExpressionSyntax]])
    case cube([[ExpressionSyntax]])
  }

  /// `GROUP BY ALL`: every select item without an aggregate; then `elements` is empty.
  public var isAll: Bool
  public var elements: [Element]
  public var position: Range<Int>
}

/// `ORDER BY …`
public struct OrderBySyntax: Sendable {
  /// `ORDER BY ALL`: every output column; then `keys` has one item whose expression is a star-like
  /// placeholder and only its direction counts.
  public var isAll: Bool
  public var keys: [SortKeySyntax]
  public var position: Range<Int>
}

/// One key of ORDER BY.
public struct SortKeySyntax: Sendable {
  /// An expression, an output name, or an ordinal when it is an integer literal.
  public var expression: ExpressionSyntax
  public var isDescending: Bool
  /// `nil` when not said: NULLs last ascending, first descending.
  public var nullsFirst: Bool?

  /// Where NULLs go, with the default applied.
  public var putsNullsFirst: Bool { nullsFirst ?? isDescending }
}

/// One thing rows come from.
public struct TableReferenceSyntax: Sendable {
  public indirect enum Kind: Sendable {
    case table(QualifiedNameSyntax)
    /// `FROM 'file.csv'`
    case file(String)
    /// A query in parentheses, VALUES included.
    case subquery(QuerySyntax)
    /// `(DESCRIBE t)`, `(SUMMARIZE t)`
    case describe(DescribeSyntax)
    /// `generate_series(1, 10)`
    case function(FunctionCallSyntax)
    case join(JoinSyntax)
  }

  public var kind: Kind
  public var alias: TableAliasSyntax?
  public var isLateral = false
  /// `AT (…)`: the table as it was.
  public var version: TableVersionSyntax?
  public var sample: SampleSyntax?
  public var position: Range<Int>

  public init(_ kind: Kind, position: Range<Int>) {
    self.kind = kind
    self.position = position
  }
}

/// `AT (VERSION => n)` or `AT (TIMESTAMP => t)`
public struct TableVersionSyntax: Sendable {
  /// TIMESTAMP when true.
  public var isTimestamp: Bool
  public var value: ExpressionSyntax
  public var position: Range<Int>
}

/// `AS name (columns)`
public struct TableAliasSyntax: Sendable {
  public var name: NameSyntax
  public var columns: [NameSyntax]
}

/// `TABLESAMPLE method (n PERCENT|ROWS) [REPEATABLE (seed)]`
public struct SampleSyntax: Sendable {
  public var method: NameSyntax?
  public var size: ExpressionSyntax
  public var isPercent: Bool
  public var seed: ExpressionSyntax?
  public var position: Range<Int>
}

/// `left JOIN right …`
public struct JoinSyntax: Sendable {
  public enum Kind: String, Sendable {
    case inner = "INNER", left = "LEFT", right = "RIGHT", full = "FULL", cross = "CROSS"
    case semi = "SEMI", anti = "ANTI"
  }
  public enum Condition: Sendable {
    /// CROSS and NATURAL joins.
    case none
    case on(ExpressionSyntax)
    case using([NameSyntax])
  }

  public var kind: Kind
  public var isNatural = false
  public var isAsof = false
  public var left: TableReferenceSyntax
  public var right: TableReferenceSyntax
  public var condition: Condition
  /// The words of the join operator, for messages.
  public var operatorPosition: Range<Int>
}

/// `WINDOW name AS (…)`
public struct NamedWindowSyntax: Sendable {
  public var name: NameSyntax
  public var window: WindowSyntax
}

/// `OVER (base PARTITION BY … ORDER BY … frame)`, or `OVER name` with only `base`.
public struct WindowSyntax: Sendable {
  public var base: NameSyntax?
  public var partitionBy: [ExpressionSyntax] = []
  public var orderBy: [SortKeySyntax] = []
  public var frame: WindowFrameSyntax?
  public var position: Range<Int>
}

/// `ROWS|RANGE|GROUPS BETWEEN … AND … [EXCLUDE …]`
public struct WindowFrameSyntax: Sendable {
  public enum Unit: String, Sendable { case rows = "ROWS", range = "RANGE", groups = "GROUPS" }
  public enum Bound: Sendable {
    case unboundedPreceding
    case preceding(ExpressionSyntax)
    case currentRow
    case following(ExpressionSyntax)
    case unboundedFollowing
  }
  public enum Exclusion: String, Sendable {
    case none = "NO OTHERS", currentRow = "CURRENT ROW", group = "GROUP", ties = "TIES"
  }

  public var unit: Unit
  public var start: Bound
  public var end: Bound
  public var exclusion: Exclusion
  public var position: Range<Int>
}
