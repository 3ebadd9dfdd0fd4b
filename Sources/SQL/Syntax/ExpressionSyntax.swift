/// One expression as written.
public struct ExpressionSyntax: Sendable {
  public indirect enum Kind: Sendable {
    case literal(LiteralSyntax)
    /// `a`, `t.a`, `s.t.a`
    case column(QualifiedNameSyntax)
    case parameter(ParameterSyntax)
    case unary(UnaryOperatorSyntax, ExpressionSyntax)
    case binary(BinaryOperatorSyntax, ExpressionSyntax, ExpressionSyntax)
    /// Chains are flat: two or more operands.
    case and([ExpressionSyntax])
    /// Chains are flat: two or more operands.
    case or([ExpressionSyntax])
    case not(ExpressionSyntax)
    /// `IS [NOT] NULL`
    case isNull(ExpressionSyntax, negated: Bool)
    /// `IS [NOT] TRUE|FALSE`; UNKNOWN is `isNull`.
    case isBoolean(ExpressionSyntax, Bool, negated: Bool)
    /// `IS [NOT] DISTINCT FROM`; `negated` with NOT, so true means "equal, NULLs too".
    case isDistinct(ExpressionSyntax, ExpressionSyntax, negated: Bool)
    case between(
      ExpressionSyntax, ExpressionSyntax, ExpressionSyntax, isSymmetric: Bool, negated: Bool)
    case inList(ExpressionSyntax, [ExpressionSyntax], negated: Bool)
    case inSubquery(ExpressionSyntax, QuerySyntax, negated: Bool)
    case like(LikeSyntax)
    case cast(ExpressionSyntax, TypeSyntax, isTry: Bool)
    case `case`(CaseSyntax)
    case call(FunctionCallSyntax)
    /// `EXTRACT(field FROM operand)`; the field may have been written as a word or as text.
    case extract(NameSyntax, ExpressionSyntax)
    /// `(SELECT …)` as a value.
    case subquery(QuerySyntax)
    case exists(QuerySyntax)
    /// `operand op ANY|ALL (query)`; `isAll` false for ANY and SOME.
    case quantified(ExpressionSyntax, BinaryOperatorSyntax, isAll: Bool, QuerySyntax)
    /// `(a, b)` or `ROW(a, b)`: two or more fields, or ROW with any number.
    case row([ExpressionSyntax])
    /// `DEFAULT` as a value of INSERT or UPDATE.
    case defaultValue
  }

  public let kind: Kind
  public let position: Range<Int>
  /// Levels of the tree from here down, at most `Parser.maximalHeight`.
  public let height: Int

  public init(_ kind: Kind, position: Range<Int>) {
    self.kind = kind
    self.position = position
    height = 1 + ExpressionSyntax.heightBelow(kind)
  }
}

/// A constant in the text.
public enum LiteralSyntax: Sendable, Equatable {
  case null
  case boolean(Bool)
  /// Digits only; negative when a minus stood right before. The smallest type that holds it is INTEGER.
  case integer(Int128)
  /// Digits with a point: `unscaled` / 10^scale, `precision` digits in all (1…38).
  case decimal(unscaled: Int128, precision: UInt8, scale: UInt8)
  /// Written with an exponent.
  case double(Double)
  case string(String)
  /// `DATE '2024-01-31'`, `TIMESTAMP '…'` and any other type name before a text.
  case typed(TypeSyntax, String)
  /// `INTERVAL '1' month`, `INTERVAL '1 month 2 days'`, `INTERVAL 3 days`
  case interval(months: Int32, days: Int32, microseconds: Int64)
}

/// `?` and `$n` have an index from 0; `:name` has a name and the index of its first mention.
public struct ParameterSyntax: Sendable, Hashable {
  public var index: Int
  public var name: String?
}

/// Operators before their operand.
public enum UnaryOperatorSyntax: String, Sendable {
  case minus = "-", plus = "+", bitNot = "~"
}

/// Operators between two operands, except AND and OR. The raw value is the SQL text.
public enum BinaryOperatorSyntax: String, Sendable, CaseIterable {
  case add = "+", subtract = "-", multiply = "*", divide = "/", integerDivide = "//", modulo = "%"
  case power = "^", concatenate = "||"
  case equal = "=", notEqual = "<>", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual =
    ">="
  case bitAnd = "&", bitOr = "|", shiftLeft = "<<", shiftRight = ">>"
  case matches = "~", matchesAnyCase = "~*", notMatches = "!~", notMatchesAnyCase = "!~*"
  case like = "~~", likeAnyCase = "~~*", notLike = "!~~", notLikeAnyCase = "!~~*"
  case startsWith = "^@"

  /// One of = <> < <= > >=.
  public var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }
}

/// `operand [NOT] LIKE|ILIKE|SIMILAR TO|GLOB pattern [ESCAPE e]`
public struct LikeSyntax: Sendable {
  public enum Kind: String, Sendable {
    case like = "LIKE", ilike = "ILIKE", similar = "SIMILAR TO", glob = "GLOB"
  }

  public var kind: Kind
  public var operand: ExpressionSyntax
  public var pattern: ExpressionSyntax
  public var escape: ExpressionSyntax?
  public var negated: Bool
}

/// `CASE [operand] WHEN condition THEN result … [ELSE otherwise] END`
public struct CaseSyntax: Sendable {
  public var operand: ExpressionSyntax?
  public var branches: [(condition: ExpressionSyntax, result: ExpressionSyntax)]
  public var otherwise: ExpressionSyntax?
}

/// A call of a scalar, aggregate, window or table function. `substring(x FROM a FOR b)` is `substring(x, a, b)`,
/// `position(a IN b)` is `strpos(b, a)`, `trim(LEADING c FROM x)` is `ltrim(x, c)`, `x AT TIME ZONE z` is
/// `timezone(z, x)`; `current_date` and its like have `hasParentheses` false.
public struct FunctionCallSyntax: Sendable {
  public var name: QualifiedNameSyntax
  public var arguments: [ArgumentSyntax]
  /// `count(*)`
  public var isStar = false
  /// `COLUMNS(…)`: one of the columns this means.
  public var columns: StarSyntax?
  public var isDistinct = false
  /// ORDER BY within the parentheses.
  public var orderBy: [SortKeySyntax] = []
  /// ORDER BY of `WITHIN GROUP (…)`.
  public var withinGroup: [SortKeySyntax] = []
  /// `FILTER (WHERE …)`
  public var filter: ExpressionSyntax?
  /// `IGNORE NULLS` true, `RESPECT NULLS` false.
  public var ignoresNulls: Bool?
  public var over: WindowSyntax?
  public var hasParentheses = true
  public var position: Range<Int>

  public init(name: QualifiedNameSyntax, arguments: [ArgumentSyntax], position: Range<Int>) {
    self.name = name
    self.arguments = arguments
    self.position = position
  }
}

/// One argument; `name := value` or `name => value` when named.
public struct ArgumentSyntax: Sendable {
  public var name: NameSyntax?
  public var value: ExpressionSyntax

  public init(_ value: ExpressionSyntax, name: NameSyntax? = nil) {
    self.name = name
    self.value = value
  }
}

extension ExpressionSyntax {
  private static func heightBelow(_ kind: Kind) -> Int {
    func highest(_ operands: [ExpressionSyntax]) -> Int {
      operands.reduce(0) { max($0, $1.height) }
    }
    switch kind {
    case .literal, .column, .parameter, .defaultValue: return 0
    case .unary(_, let operand), .not(let operand), .isNull(let operand, _),
      .isBoolean(let operand, _, _), .cast(let operand, _, _), .extract(_, let operand):
      return operand.height
    case .binary(_, let left, let right), .isDistinct(let left, let right, _):
      return max(left.height, right.height)
    case .and(let operands), .or(let operands), .row(let operands): return highest(operands)
    case .between(let operand, let lower, let upper, _, _): return highest([operand, lower, upper])
    case .inList(let operand, let items, _): return max(operand.height, highest(items))
    case .inSubquery(let operand, let query, _), .quantified(let operand, _, _, let query):
      return max(operand.height, query.height)
    case .like(let like):
      return max(like.operand.height, like.pattern.height, like.escape?.height ?? 0)
    case .case(let parts):
      let branches = parts.branches.reduce(0) { max($0, $1.condition.height, $1.result.height) }
      return max(branches, parts.operand?.height ?? 0, parts.otherwise?.height ?? 0)
    case .subquery(let query), .exists(let query): return query.height
    case .call(let call): return call.height
    }
  }
}

extension FunctionCallSyntax {
  /// Height of the highest expression inside.
  var height: Int {
    var height = filter?.height ?? 0
    for argument in arguments { height = max(height, argument.value.height) }
    for key in orderBy + withinGroup { height = max(height, key.expression.height) }
    for key in over?.partitionBy ?? [] { height = max(height, key.height) }
    for key in over?.orderBy ?? [] { height = max(height, key.expression.height) }
    return height
  }
}
