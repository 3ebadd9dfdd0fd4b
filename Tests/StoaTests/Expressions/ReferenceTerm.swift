/// An expression as text of SQL and, beside it, as its meaning for one row. Both are put together from the same
/// pieces by `RandomTerms`; the meaning uses nothing of the engine.
struct ReferenceTerm {
  typealias Meaning = (_ row: [ReferenceValue]) throws -> ReferenceValue

  let kind: ReferenceKind
  let sql: String
  let value: Meaning

  init(_ kind: ReferenceKind, _ sql: String, _ value: @escaping Meaning) {
    self.kind = kind
    self.sql = sql
    self.value = value
  }

  /// A function that is NULL when an argument is; all arguments are evaluated first. Constants that fail may fail even
  /// where no row needs them, as in PostgreSQL, so NULL stands in their place.
  static func strict(
    _ kind: ReferenceKind, _ sql: String, _ arguments: [ReferenceTerm],
    _ body: @escaping ([ReferenceValue]) throws -> ReferenceValue
  ) -> ReferenceTerm {
    let term = ReferenceTerm(kind, sql) { row in
      let values = try arguments.map { try $0.value(row) }
      return values.contains(where: \.isNull) ? .null : try body(values)
    }
    if arguments.allSatisfy(\.isConstant), (try? term.value([])) == nil {
      return ReferenceTerm(kind, ReferenceValue.null.literal(kind)) { _ in .null }
    }
    return term
  }

  /// Whether it names no column (`c` and a number).
  var isConstant: Bool {
    var before: (UInt8, UInt8) = (0, 0)
    for byte in sql.utf8 {
      let isDigit = (48...57).contains(byte)
      if isDigit, before.1 == UInt8(ascii: "c"),
        before.0 == UInt8(ascii: " ") || before.0 == UInt8(ascii: "(") || before.0 == 0
      {
        return false
      }
      before = (before.1, byte)
    }
    return true
  }
}

/// Arithmetic by PostgreSQL's rules, in 128 bits.
enum ReferenceArithmetic {
  /// The narrowest integer that holds both.
  static func common(_ a: ReferenceKind, _ b: ReferenceKind) -> ReferenceKind {
    guard case .integer(let x, let p) = a, case .integer(let y, let q) = b else { return a }
    if p == q { return .integer(bits: max(x, y), isSigned: p) }
    let signed = p ? x : y
    let unsigned = p ? y : x
    return .integer(bits: max(signed, unsigned * 2), isSigned: true)
  }

  static func integer(
    _ op: String, _ a: Int128, _ b: Int128, _ kind: ReferenceKind
  ) throws -> ReferenceValue {
    let (result, overflow): (Int128, Bool)
    switch op {
    case "+": (result, overflow) = a.addingReportingOverflow(b)
    case "-": (result, overflow) = a.subtractingReportingOverflow(b)
    case "*": (result, overflow) = a.multipliedReportingOverflow(by: b)
    default:
      guard b != 0 else { throw ReferenceValue.Failure() }
      if op == "%" { return .integer(b == -1 ? 0 : a % b) }
      (result, overflow) = a.dividedReportingOverflow(by: b)
    }
    guard !overflow, kind.bounds.contains(result) else { throw ReferenceValue.Failure() }
    return .integer(result)
  }

  static func power(_ exponent: Int) -> Int128 {
    (0..<exponent).reduce(1) { value, _ in value * 10 }
  }

  /// Checks that `value` has no more digits than the kind.
  static func decimal(_ value: Int128, _ kind: ReferenceKind) throws -> ReferenceValue {
    guard case .decimal(let precision, _) = kind, value.magnitude < power(precision).magnitude
    else { throw ReferenceValue.Failure() }
    return .integer(value)
  }

  static func times(_ a: Int128, _ b: Int128) throws -> Int128 {
    let (result, overflow) = a.multipliedReportingOverflow(by: b)
    guard !overflow else { throw ReferenceValue.Failure() }
    return result
  }

  /// Whole number nearest to value / divisor; a half goes away from zero.
  static func rounded(_ value: Int128, dividedBy divisor: Int128) -> Int128 {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest.magnitude >= divisor.magnitude - rest.magnitude
      ? quotient + (value < 0 ? -1 : 1) : quotient
  }

  static func double(_ op: String, _ a: Double, _ b: Double) throws -> ReferenceValue {
    if op == "/", b == 0, !a.isNaN { throw ReferenceValue.Failure() }
    let result = op == "+" ? a + b : op == "-" ? a - b : op == "*" ? a * b : a / b
    if result.isInfinite, a.isFinite, b.isFinite { throw ReferenceValue.Failure() }
    return .double(result)
  }
}

/// CAST, each pair of kinds as PostgreSQL defines it.
enum ReferenceCast {
  static func value(
    _ value: ReferenceValue, from source: ReferenceKind, to target: ReferenceKind
  ) throws -> ReferenceValue {
    switch (source, target) {
    case (_, .text): return .text(value.text(source))
    case (.text, _): return try parsed(value.string, target)
    case (.boolean, .integer): return .integer(value.flag ? 1 : 0)
    case (.integer, .boolean): return .boolean(value.int != 0)
    case (.integer, .integer): return try integer(value.int, target)
    case (.integer, .double): return .double(Double(value.int))
    case (.integer, .decimal(_, let scale)):
      return try ReferenceArithmetic.decimal(
        ReferenceArithmetic.times(value.int, ReferenceArithmetic.power(scale)), target)
    case (.decimal(_, let scale), .integer):
      return try integer(
        ReferenceArithmetic.rounded(value.int, dividedBy: ReferenceArithmetic.power(scale)), target)
    case (.decimal, .double): return .double(Double(value.text(source))!)
    case (.decimal(_, let from), .decimal(_, let to)):
      let rescaled =
        to >= from
        ? try ReferenceArithmetic.times(value.int, ReferenceArithmetic.power(to - from))
        : ReferenceArithmetic.rounded(value.int, dividedBy: ReferenceArithmetic.power(from - to))
      return try ReferenceArithmetic.decimal(rescaled, target)
    case (.double, .integer):
      let whole = value.number.rounded(.toNearestOrEven)
      guard let exact = Int128(exactly: whole) else { throw ReferenceValue.Failure() }
      return try integer(exact, target)
    case (.date, .timestamp): return .timestamp(value.ticks * 86_400_000_000)
    case (.timestamp, .date):
      return .date(ReferenceCalendar.floorDivide(value.ticks, 86_400_000_000))
    case (.timestamp, .time):
      let days = ReferenceCalendar.floorDivide(value.ticks, 86_400_000_000)
      return .time(value.ticks - days * 86_400_000_000)
    default: return value
    }
  }

  private static func integer(_ value: Int128, _ kind: ReferenceKind) throws -> ReferenceValue {
    guard kind.bounds.contains(value) else { throw ReferenceValue.Failure() }
    return .integer(value)
  }

  /// Texts as the tests have them: surrounding spaces do not count.
  private static func parsed(_ text: String, _ kind: ReferenceKind) throws -> ReferenceValue {
    var bytes = Substring(text)
    while bytes.first == " " { bytes.removeFirst() }
    while bytes.last == " " { bytes.removeLast() }
    let isNegative = bytes.first == "-"
    let unsigned = bytes.first == "-" || bytes.first == "+" ? bytes.dropFirst() : bytes
    switch kind {
    case .boolean:
      let word = bytes.lowercased()
      if ["t", "true", "yes", "on", "1"].contains(word) { return .boolean(true) }
      if ["f", "false", "no", "off", "0"].contains(word) { return .boolean(false) }
      throw ReferenceValue.Failure()
    case .integer:
      guard !unsigned.isEmpty, unsigned.utf8.allSatisfy({ (48...57).contains($0) }),
        let value = Int128((isNegative ? "-" : "") + unsigned)
      else { throw ReferenceValue.Failure() }
      return try integer(value, kind)
    case .decimal(_, let scale):
      let parts = unsigned.split(separator: ".", omittingEmptySubsequences: false)
      guard (1...2).contains(parts.count),
        unsigned.utf8.contains(where: { (48...57).contains($0) }),
        parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } })
      else { throw ReferenceValue.Failure() }
      let fraction = parts.count > 1 ? String(parts[1]) : ""
      guard let digits = Int128(parts[0] + fraction) else { throw ReferenceValue.Failure() }
      let value =
        fraction.count <= scale
        ? try ReferenceArithmetic.times(digits, ReferenceArithmetic.power(scale - fraction.count))
        : ReferenceArithmetic.rounded(
          digits, dividedBy: ReferenceArithmetic.power(fraction.count - scale))
      return try ReferenceArithmetic.decimal(isNegative ? -value : value, kind)
    default: throw ReferenceValue.Failure()
    }
  }
}

/// Texts by code points.
enum ReferenceText {
  static func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }

  static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// `%` any text, `_` one code point, a backslash before one that stands for itself.
  static func matches(_ text: ArraySlice<Unicode.Scalar>, _ pattern: ArraySlice<Unicode.Scalar>)
    -> Bool
  {
    guard let first = pattern.first else { return text.isEmpty }
    let rest = pattern.dropFirst()
    if first == "%" {
      return matches(text, rest) || !text.isEmpty && matches(text.dropFirst(), pattern)
    }
    guard let next = text.first else { return false }
    if first == "\\", let meant = rest.first {
      return next == meant && matches(text.dropFirst(), rest.dropFirst())
    }
    return (first == "_" || first == next) && matches(text.dropFirst(), rest)
  }

  /// Where `part` begins, from 1, or 0.
  static func position(of part: String, in text: String) -> Int {
    let (a, b) = (scalars(text), scalars(part))
    guard b.count <= a.count else { return 0 }
    for start in 0...(a.count - b.count) where Array(a[start..<(start + b.count)]) == b {
      return start + 1
    }
    return 0
  }

  static func replaced(_ text: String, _ part: String, _ other: String) -> String {
    let (a, b) = (scalars(text), scalars(part))
    guard !b.isEmpty else { return text }
    var result: [Unicode.Scalar] = []
    var at = 0
    while at < a.count {
      if at + b.count <= a.count, Array(a[at..<(at + b.count)]) == b {
        result += scalars(other)
        at += b.count
      } else {
        result.append(a[at])
        at += 1
      }
    }
    return self.text(result)
  }

  /// `length` code points from `start`, counted from 1; those before 1 count and are not there.
  static func substring(_ text: String, _ start: Int, _ length: Int) -> String {
    let all = scalars(text)
    return self.text(
      all.indices.filter { $0 + 1 >= start && $0 + 1 < start + length }.map { all[$0] })
  }

  static func mapped(_ text: String, upper: Bool) -> String {
    self.text(
      text.unicodeScalars.flatMap { scalar -> [Unicode.Scalar] in
        let mapped = upper ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
        return mapped.unicodeScalars.count == 1 ? Array(mapped.unicodeScalars) : [scalar]
      })
  }
}
