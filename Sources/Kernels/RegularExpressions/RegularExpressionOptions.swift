import Vectors

#if RegularExpressions
  import CPcre2
#endif

/// The letters that PostgreSQL and DuckDB give a regular expression as its last argument.
struct RegularExpressionOptions: OptionSet, Hashable, Sendable {
  let rawValue: UInt8

  static let ignoresCase = RegularExpressionOptions(rawValue: 1)
  /// `^` and `$` also stand at the ends of lines.
  static let anchorsAtLines = RegularExpressionOptions(rawValue: 2)
  /// A point is no line feed.
  static let pointStopsAtLines = RegularExpressionOptions(rawValue: 4)
  /// White space and comments in the pattern mean nothing.
  static let isExpanded = RegularExpressionOptions(rawValue: 8)
  /// The pattern is the text itself.
  static let isLiteral = RegularExpressionOptions(rawValue: 16)
  /// Every match is meant, not the first.
  static let isGlobal = RegularExpressionOptions(rawValue: 32)
  /// The whole text must match.
  static let isAnchored = RegularExpressionOptions(rawValue: 64)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// From letters; later ones override earlier ones.
  init(letters: UnsafeRawBufferPointer) throws(StoaError) {
    self = []
    for letter in letters {
      switch letter {
      case UInt8(ascii: "i"): insert(.ignoresCase)
      case UInt8(ascii: "c"): remove(.ignoresCase)
      case UInt8(ascii: "g"): insert(.isGlobal)
      case UInt8(ascii: "n"), UInt8(ascii: "m"):
        formUnion([.anchorsAtLines, .pointStopsAtLines])
      case UInt8(ascii: "p"): insert(.pointStopsAtLines)
      case UInt8(ascii: "w"): insert(.anchorsAtLines)
      case UInt8(ascii: "s"): subtract([.anchorsAtLines, .pointStopsAtLines])
      case UInt8(ascii: "x"): insert(.isExpanded)
      case UInt8(ascii: "t"): remove(.isExpanded)
      case UInt8(ascii: "l"), UInt8(ascii: "q"): insert(.isLiteral)
      default:
        let shown = String(decoding: letters, as: UTF8.self)
        throw StoaError(
          .evaluation, "'\(shown)' are not options of a regular expression",
          hint:
            "There are i (any case), c (case counts), g (all matches), n or m (lines), p, w, s, x"
            + " (spaces mean nothing), q or l (literal)")
      }
    }
  }

  #if RegularExpressions
    /// What PCRE2 is told.
    var flags: UInt32 {
      var flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF
      if contains(.ignoresCase) { flags |= PCRE2_CASELESS }
      if contains(.isAnchored) { flags |= PCRE2_ANCHORED | PCRE2_ENDANCHORED }
      if contains(.isLiteral) { return flags | PCRE2_LITERAL }
      flags |= PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C
      flags |= contains(.anchorsAtLines) ? PCRE2_MULTILINE : PCRE2_DOLLAR_ENDONLY
      if !contains(.pointStopsAtLines) { flags |= PCRE2_DOTALL }
      if contains(.isExpanded) { flags |= PCRE2_EXTENDED }
      return flags
    }
  #endif
}
