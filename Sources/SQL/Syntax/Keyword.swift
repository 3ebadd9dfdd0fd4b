/// Words the grammar knows. Only reserved ones cannot be names without quotes.
enum Keyword: String, CaseIterable, Sendable {
  case all, analyze, and, anti, any, array, `as`, asc, asof, at, begin, between, both, by, `case`,
    cast
  case check, checkpoint, coalesce, collate, column, commit, constraint, copy, create, cross, csv,
    cube
  case current, currentDate = "current_date", currentTime = "current_time"
  case currentTimestamp = "current_timestamp", currentUser = "current_user", `default`, delete,
    delimiter
  case desc, describe, distinct, drop, `else`, encoding, end, escape, except, exclude, execute,
    exists
  case explain, extract, `false`, fetch, filter, first, following, `for`, foreign, from, full, glob,
    global
  case group, grouping, groups, having, header, `if`, ignore, ilike, `in`, inner, insert, intersect
  case interval, into, `is`, isnull, isolation, join, key, last, lateral, leading, left, level,
    like, limit
  case local, localtime, localtimestamp, materialized, name, natural, next, no, not, notnull, null,
    nulls
  case offset, on, only, or, order, ordinality, others, outer, over, overlay, overwriting, parameter
  case partition, percent, placing, position, positional, preceding, prepare, primary, qualify,
    quote
  case range, read, recursive, references, rename, repeatable, replace, reset, respect, returning
  case right, rollback
  case rollup, row, rows, select, semi, session, sets, set, show, similar, some, stdin, stdout,
    substring
  case summarize, symmetric, table, tables, tablesample, temp, temporary, then, ties, time, to,
    trailing
  case transaction, trim, `true`, tryCast = "try_cast", unbounded, union, unique, unknown, update,
    using
  case values, view, when, `where`, window, with, within, without, work, write, zone

  private static let bySpelling: [String: Keyword] = Dictionary(
    uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

  /// The keyword spelled by ASCII letters in any case; `nil` for other words.
  static func named(_ bytes: ArraySlice<UInt8>) -> Keyword? {
    guard bytes.count <= 17, bytes.count >= 2 else { return nil }
    let lower = String(
      decoding: bytes.lazy.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 }, as: UTF8.self)
    return bySpelling[lower]
  }

  /// Upper case, as messages show it.
  var display: String { rawValue.uppercased() }

  /// Cannot name a column, table or alias without quotes (after AS it can).
  var isReserved: Bool {
    switch self {
    case .all, .and, .any, .array, .as, .asc, .both, .case, .cast, .check, .collate, .column,
      .constraint, .create, .default, .desc, .distinct, .else, .end, .except, .false, .fetch, .for,
      .foreign, .from, .group, .having, .in, .intersect, .into, .lateral, .leading, .limit, .not,
      .null, .offset, .on, .only, .or, .order, .placing, .primary, .qualify, .references,
      .returning,
      .select, .some, .symmetric, .table, .then, .to, .trailing, .true, .union, .unique, .using,
      .when,
      .where, .window, .with, .tryCast, .currentDate, .currentTime, .currentTimestamp, .localtime,
      .localtimestamp, .currentUser, .analyze:
      true
    default: isOperatorWord
    }
  }

  /// Words of join and comparison operators: functions may have these names (`left('abc', 1)`), columns not.
  var isOperatorWord: Bool {
    switch self {
    case .anti, .asof, .cross, .full, .ilike, .inner, .is, .isnull, .join, .left, .like, .natural,
      .notnull, .outer, .positional, .right, .semi, .similar, .tablesample, .glob:
      true
    default: false
    }
  }

  /// Cannot be an alias without AS: it would continue the expression before it.
  var continuesExpression: Bool {
    switch self {
    case .between, .over, .filter, .within, .escape, .ignore, .respect: true
    default: isReserved
    }
  }
}

/// What printers of SQL need to know about words.
public enum SQLWord {
  /// Whether `word`, in any case, must be in double quotes to be a name.
  public static func isReserved(_ word: String) -> Bool {
    Keyword.named(Array(word.utf8)[...])?.isReserved ?? false
  }

  /// The name as SQL reads it back: in double quotes when it is no plain word or a reserved one.
  public static func quotedIfNeeded(_ name: String) -> String {
    let isPlain =
      name.utf8.allSatisfy {
        $0 == 0x5F || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 32)
      }
      && !(name.utf8.first.map { (0x30...0x39).contains($0) } ?? true) && !isReserved(name)
    if isPlain { return name }
    let parts = name.split(separator: "\"", omittingEmptySubsequences: false)
    return "\"" + parts.joined(separator: "\"\"") + "\""
  }
}
