/// One word, literal or mark of the text.
struct Token: Sendable {
  enum Kind: Sendable, Equatable {
    /// A word without quotes; the keyword when the grammar knows it.
    case word(Keyword?)
    /// `"name"`, decoded.
    case quotedName(String)
    /// Digits only, value below 2^128.
    case integer(UInt128)
    /// Digits with a point, or digits beyond 2^128; the text without `_`.
    case decimal(String)
    /// With an exponent.
    case double(Double)
    /// Decoded.
    case string(String)
    /// `$1`
    case numberedParameter(Int)
    /// `?`
    case nextParameter
    /// `:name`, `$name`
    case namedParameter(String)
    case mark(Mark)
    /// Rows after VALUES, from the first parenthesis to the last.
    case literalRows(LiteralRows)
    case end
  }

  /// Punctuation and operators.
  enum Mark: String, Sendable, CaseIterable {
    case openParenthesis = "(", closeParenthesis = ")", openBracket = "[", closeBracket = "]"
    case openBrace = "{", closeBrace = "}"
    case comma = ",", semicolon = ";", dot = ".", colon = ":"
    case doubleColon = "::", assign = ":=", arrow = "=>"
    case plus = "+", minus = "-", star = "*", slash = "/", doubleSlash = "//", percent = "%"
    case caret = "^", doubleStar = "**", concatenate = "||"
    case equal = "=", doubleEqual = "==", notEqual = "<>", bangEqual = "!="
    case less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
    case ampersand = "&", pipe = "|", shiftLeft = "<<", shiftRight = ">>", tilde = "~"
    case tildeStar = "~*", bangTilde = "!~", bangTildeStar = "!~*"
    case doubleTilde = "~~", doubleTildeStar = "~~*", bangDoubleTilde = "!~~"
    case bangDoubleTildeStar = "!~~*", caretAt = "^@"
  }

  var kind: Kind
  var range: Range<Int>

  var isRows: Bool { if case .literalRows = kind { true } else { false } }
}
