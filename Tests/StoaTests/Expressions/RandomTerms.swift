import TestSupport

/// Random typed expressions over a table with a column of every kind, and random rows for it.
struct RandomTerms {
  var random: SeededGenerator
  /// One per kind, in the order of `ReferenceKind.all`.
  static let columns = ReferenceKind.all.enumerated().map { number, kind in ("c\(number)", kind) }

  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  mutating func pick<T>(_ values: [T]) -> T { values[number(0...(values.count - 1))] }
  mutating func chance(_ percent: Int) -> Bool { number(1...100) <= percent }

  // Values

  static let texts = [
    "", " ", "a", "A", "ab", "abc", "ABC", "a%b", "a_b", "äb", "ÄB", "ñ", "日本語", "🙂x", "é", "zz",
    "12", "-7", " 5 ",
    "1.255", "true", "f", "3000000000", "a long text of more than twelve bytes", "it's",
  ]
  static let dates = [
    (33, 1, 1), (1582, 10, 15), (1900, 2, 28), (1970, 1, 1), (1999, 12, 31), (2000, 2, 29),
    (2024, 1, 31), (2024, 2, 29), (2024, 12, 30), (2100, 3, 1), (9999, 12, 31),
  ]

  mutating func value(_ kind: ReferenceKind) -> ReferenceValue {
    switch kind {
    case .boolean: return .boolean(chance(50))
    case .integer:
      let bounds = kind.bounds
      let edges = [
        bounds.lowerBound, bounds.upperBound, 0, 1, bounds.upperBound - 1, bounds.upperBound / 2,
      ]
      if chance(25) { return .integer(pick(edges)) }
      return .integer(
        min(
          bounds.upperBound,
          max(
            bounds.lowerBound, Int128(pick([0, 1, 2, 3, 5, 7, 10, 100, -1, -2, -7, -100, 46_341]))))
      )
    case .decimal(let precision, let scale):
      let most = ReferenceArithmetic.power(precision) - 1
      if chance(12) { return .integer(pick([most, -most])) }
      return .integer(
        Int128(pick([0, 1, -1, 5, 50, -50, 149, 150, -150, 100, 99_999]))
          * (chance(50) ? 1 : ReferenceArithmetic.power(scale) / 100))
    case .double:
      return .double(
        pick([
          0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3, 1e10, 2_147_483_647.5, 9.3e18, 1e300, -1e300,
          .nan, .infinity, -.infinity, 0.1,
        ]))
    case .text: return .text(pick(Self.texts))
    case .date:
      let (year, month, day) = pick(Self.dates)
      return .date(ReferenceCalendar.days(year, month, day))
    case .timestamp:
      let (year, month, day) = pick(Self.dates)
      let ticks = pick([0, 1, 3_600_000_000, 43_200_500_000, 86_399_999_999])
      return .timestamp(ReferenceCalendar.days(year, month, day) * 86_400_000_000 + ticks)
    case .time:
      return .time(pick([0, 1, 3_600_000_000, 43_200_500_000, 45_296_789_000, 86_399_999_999]))
    case .interval:
      return .interval(
        months: pick([0, 0, 1, -1, 12, 13]), days: pick([0, 0, 1, 30, -30, 31]),
        microseconds: pick([0, 0, 1, 86_400_000_000, -3_600_000_000]))
    case .uuid:
      return .uuid(
        pick([
          "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
          "7fffffff-0000-0000-0000-000000000001", "80000000-0000-0000-0000-000000000000",
          "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        ]))
    }
  }

  /// Rows with a value per column: some columns constant, some almost all NULL.
  mutating func rows(_ count: Int) -> [[ReferenceValue]] {
    let columns = Self.columns.map { _, kind -> [ReferenceValue] in
      let nulls = pick([0, 0, 20, 20, 50, 95])
      let domain = (0..<pick([1, 2, 4, 12])).map { _ in value(kind) }
      return (0..<count).map { _ in chance(nulls) ? .null : pick(domain) }
    }
    return (0..<count).map { row in columns.map { $0[row] } }
  }

  // Terms

  mutating func leaf(_ kind: ReferenceKind) -> ReferenceTerm {
    let places = Self.columns.indices.filter { Self.columns[$0].1 == kind }
    if !places.isEmpty, chance(75) {
      let place = pick(places)
      return ReferenceTerm(kind, Self.columns[place].0) { $0[place] }
    }
    let constant = chance(8) ? .null : value(kind)
    return ReferenceTerm(kind, constant.literal(kind)) { _ in constant }
  }

  mutating func term(_ kind: ReferenceKind, _ depth: Int) -> ReferenceTerm {
    if depth <= 0 || chance(15) { return leaf(kind) }
    if chance(15) { return conditional(kind, depth) }
    switch kind {
    case .boolean: return condition(depth)
    case .integer: return integer(kind, depth)
    case .decimal: return decimal(kind, depth)
    case .double: return double(depth)
    case .text: return text(depth)
    case .date, .timestamp, .time, .interval: return moment(kind, depth)
    case .uuid: return leaf(kind)
    }
  }

  mutating func anyKind() -> ReferenceKind { pick(ReferenceKind.all) }

  private mutating func conditional(_ kind: ReferenceKind, _ depth: Int) -> ReferenceTerm {
    let (a, b) = (term(kind, depth - 1), term(kind, depth - 1))
    switch number(0...6) {
    case 0, 1:
      let condition = term(.boolean, depth - 1)
      if chance(30) {
        return ReferenceTerm(kind, "CASE WHEN \(condition.sql) THEN \(a.sql) END") { row in
          try condition.value(row) == .boolean(true) ? try a.value(row) : .null
        }
      }
      let second = term(.boolean, depth - 1)
      let c = term(kind, depth - 1)
      return ReferenceTerm(
        kind,
        "CASE WHEN \(condition.sql) THEN \(a.sql) WHEN \(second.sql) THEN \(b.sql) ELSE \(c.sql) END"
      ) { row in
        if try condition.value(row) == .boolean(true) { return try a.value(row) }
        return try second.value(row) == .boolean(true) ? try b.value(row) : try c.value(row)
      }
    case 2:
      let operand = leaf(anyKind())
      let wanted = leaf(operand.kind)
      return ReferenceTerm(
        kind, "CASE \(operand.sql) WHEN \(wanted.sql) THEN \(a.sql) ELSE \(b.sql) END"
      ) { row in
        let (x, y) = (try operand.value(row), try wanted.value(row))
        return !x.isNull && !y.isNull && x.order(y) == 0 ? try a.value(row) : try b.value(row)
      }
    case 3:
      return ReferenceTerm(kind, "coalesce(\(a.sql), \(b.sql))") { row in
        let value = try a.value(row)
        return value.isNull ? try b.value(row) : value
      }
    case 4:
      return ReferenceTerm(kind, "nullif(\(a.sql), \(b.sql))") { row in
        let (x, y) = (try a.value(row), try b.value(row))
        return !x.isNull && !y.isNull && x.order(y) == 0 ? .null : x
      }
    default:
      let isGreatest = chance(50)
      return ReferenceTerm(kind, "\(isGreatest ? "greatest" : "least")(\(a.sql), \(b.sql))") {
        row in
        let (x, y) = (try a.value(row), try b.value(row))
        if x.isNull || y.isNull { return x.isNull ? y : x }
        return x.order(y) * (isGreatest ? 1 : -1) >= 0 ? x : y
      }
    }
  }

  private mutating func condition(_ depth: Int) -> ReferenceTerm {
    switch number(0...11) {
    case 0, 1:
      let (a, b) = (term(.boolean, depth - 1), term(.boolean, depth - 1))
      let decisive = chance(50)  // OR
      return ReferenceTerm(.boolean, "(\(a.sql) \(decisive ? "OR" : "AND") \(b.sql))") { row in
        let x = try a.value(row)
        if x == .boolean(decisive) { return x }
        let y = try b.value(row)
        if y == .boolean(decisive) { return y }
        return x.isNull || y.isNull ? .null : .boolean(!decisive)
      }
    case 2:
      let a = term(.boolean, depth - 1)
      return .strict(.boolean, "(NOT \(a.sql))", [a]) { .boolean(!$0[0].flag) }
    case 3:
      let a = term(anyKind(), depth - 1)
      let negated = chance(50)
      return ReferenceTerm(.boolean, "(\(a.sql) IS \(negated ? "NOT " : "")NULL)") {
        .boolean(try a.value($0).isNull != negated)
      }
    case 4:
      let kind = anyKind()
      let (a, b) = (term(kind, depth - 1), term(kind, depth - 1))
      let negated = chance(50)
      return ReferenceTerm(.boolean, "(\(a.sql) IS \(negated ? "NOT " : "")DISTINCT FROM \(b.sql))")
      { row in
        let (x, y) = (try a.value(row), try b.value(row))
        let same = x.isNull || y.isNull ? x.isNull && y.isNull : x.order(y) == 0
        return .boolean(same == negated)
      }
    case 5: return membership(depth)
    case 6:
      let kind = anyKind()
      let (a, low, high) = (term(kind, depth - 1), leaf(kind), leaf(kind))
      let negated = chance(30)
      return ReferenceTerm(
        .boolean, "(\(a.sql) \(negated ? "NOT " : "")BETWEEN \(low.sql) AND \(high.sql))"
      ) { row in
        let (x, y, z) = (try a.value(row), try low.value(row), try high.value(row))
        if x.isNull { return .null }
        let above: Bool? = y.isNull ? nil : x.order(y) >= 0
        let below: Bool? = z.isNull ? nil : x.order(z) <= 0
        if above == false || below == false { return .boolean(negated) }
        return above == nil || below == nil ? .null : .boolean(!negated)
      }
    case 7:
      let (a, negated) = (term(.text, depth - 1), chance(30))
      let pattern = pick([
        "%", "", "_", "a%", "%b", "%a%b%", "a\\%b", "a\\_b", "_b", "%語", "%🙂%", "__", "%l%o%",
      ])
      let scalars = ReferenceText.scalars(pattern)
      return .strict(.boolean, "(\(a.sql) \(negated ? "NOT " : "")LIKE '\(pattern)')", [a]) {
        .boolean(
          ReferenceText.matches(ReferenceText.scalars($0[0].string)[...], scalars[...]) != negated)
      }
    case 8:
      let (a, wanted, negated) = (term(.boolean, depth - 1), chance(50), chance(50))
      return ReferenceTerm(
        .boolean, "(\(a.sql) IS \(negated ? "NOT " : "")\(wanted ? "TRUE" : "FALSE"))"
      ) {
        .boolean((try a.value($0) == .boolean(wanted)) != negated)
      }
    default:
      let kind = anyKind()
      let (a, b) = (term(kind, depth - 1), term(kind, depth - 1))
      let op = pick(["=", "<>", "<", "<=", ">", ">="])
      return .strict(.boolean, "(\(a.sql) \(op) \(b.sql))", [a, b]) { values in
        let order = values[0].order(values[1])
        switch op {
        case "=": return .boolean(order == 0)
        case "<>": return .boolean(order != 0)
        case "<": return .boolean(order < 0)
        case "<=": return .boolean(order <= 0)
        case ">": return .boolean(order > 0)
        default: return .boolean(order >= 0)
        }
      }
    }
  }

  private mutating func membership(_ depth: Int) -> ReferenceTerm {
    let a = term(anyKind(), depth - 1)
    let kind = a.kind
    let list = (0..<number(1...5)).map { _ in chance(80) ? value(kind) : .null }
    let negated = chance(40)
    let text = list.map { $0.literal(kind) }.joined(separator: ", ")
    return .strict(.boolean, "(\(a.sql) \(negated ? "NOT " : "")IN (\(text)))", [a]) { values in
      if list.contains(where: { !$0.isNull && $0.order(values[0]) == 0 }) {
        return .boolean(!negated)
      }
      return list.contains(.null) ? .null : .boolean(negated)
    }
  }

  private mutating func cast(_ a: ReferenceTerm, to kind: ReferenceKind) -> ReferenceTerm {
    let source = a.kind
    let isTry = chance(35)
    return .strict(kind, "\(isTry ? "TRY_CAST" : "CAST")(\(a.sql) AS \(kind))", [a]) { values in
      do {
        return try ReferenceCast.value(values[0], from: source, to: kind)
      } catch {
        if isTry { return .null }
        throw error
      }
    }
  }

  private mutating func integer(_ kind: ReferenceKind, _ depth: Int) -> ReferenceTerm {
    switch number(0...9) {
    case 0, 1, 2, 3:
      // Of two kinds whose common one is asked for; `/` and `%` never overflow but once.
      let inner =
        chance(70)
        ? kind
        : pick(ReferenceKind.integers.filter { ReferenceArithmetic.common($0, kind) == kind })
      let (a, b) =
        chance(50)
        ? (term(kind, depth - 1), term(inner, depth - 1))
        : (term(inner, depth - 1), term(kind, depth - 1))
      let op = pick(["+", "-", "*", "/", "%"])
      return .strict(kind, "(\(a.sql) \(op) \(b.sql))", [a, b]) {
        try ReferenceArithmetic.integer(op, $0[0].int, $0[1].int, kind)
      }
    case 4:
      guard case .integer(_, true) = kind else { return leaf(kind) }
      let a = term(kind, depth - 1)
      let isAbs = chance(50)
      return .strict(kind, isAbs ? "abs(\(a.sql))" : "(- \(a.sql))", [a]) {
        isAbs && $0[0].int >= 0 ? $0[0] : try ReferenceArithmetic.integer("-", 0, $0[0].int, kind)
      }
    case 5, 6:
      let source = pick(
        ReferenceKind.integers + ReferenceKind.decimals + [.boolean, .double, .text])
      return source == kind ? leaf(kind) : cast(term(source, depth - 1), to: kind)
    case 7:
      guard kind == .integer64 else { return cast(term(.integer64, depth - 1), to: kind) }
      return count(depth)
    case 8:
      guard kind == .integer64 else { return cast(term(.integer64, depth - 1), to: kind) }
      return field(depth)
    default:
      return cast(term(pick(ReferenceKind.decimals), depth - 1), to: kind)
    }
  }

  /// Lengths and places in texts.
  private mutating func count(_ depth: Int) -> ReferenceTerm {
    let a = term(.text, depth - 1)
    switch number(0...2) {
    case 0:
      return .strict(.integer64, "length(\(a.sql))", [a]) {
        .integer(Int128($0[0].string.unicodeScalars.count))
      }
    case 1:
      return .strict(.integer64, "octet_length(\(a.sql))", [a]) {
        .integer(Int128($0[0].string.utf8.count))
      }
    default:
      let b = leaf(.text)
      return .strict(.integer64, "strpos(\(a.sql), \(b.sql))", [a, b]) {
        .integer(Int128(ReferenceText.position(of: $0[1].string, in: $0[0].string)))
      }
    }
  }

  /// Parts of dates and distances between them.
  private mutating func field(_ depth: Int) -> ReferenceTerm {
    if chance(25) {
      let (a, b) = (term(.date, depth - 1), term(.date, depth - 1))
      return .strict(.integer64, "(\(a.sql) - \(b.sql))", [a, b]) {
        .integer(Int128($0[0].ticks - $0[1].ticks))
      }
    }
    let kind = pick([ReferenceKind.date, .timestamp])
    let a = term(kind, depth - 1)
    let name = pick([
      "year", "month", "day", "quarter", "dow", "isodow", "doy", "week", "hour", "minute",
    ])
    if kind == .date, name == "hour" || name == "minute" { return leaf(.integer64) }
    return .strict(.integer64, "extract(\(name) FROM \(a.sql))", [a]) { values in
      let ticks = values[0].ticks
      let days = kind == .date ? ticks : ReferenceCalendar.floorDivide(ticks, 86_400_000_000)
      let seconds = kind == .date ? 0 : (ticks - days * 86_400_000_000) / 1_000_000
      let (year, month, day) = ReferenceCalendar.civil(days)
      let result =
        switch name {
        case "year": year
        case "month": month
        case "day": day
        case "quarter": (month + 2) / 3
        case "dow": ReferenceCalendar.isoWeekday(days) % 7
        case "isodow": ReferenceCalendar.isoWeekday(days)
        case "doy": days - ReferenceCalendar.yearStart(year) + 1
        case "week": ReferenceCalendar.isoWeek(days)
        case "hour": seconds / 3600
        default: seconds / 60 % 60
        }
      return .integer(Int128(result))
    }
  }

  private mutating func decimal(_ kind: ReferenceKind, _ depth: Int) -> ReferenceTerm {
    switch number(0...5) {
    case 0: return cast(term(pick(ReferenceKind.integers + [.text]), depth - 1), to: kind)
    case 1:
      let source = pick(ReferenceKind.decimals)
      return source == kind ? leaf(kind) : cast(term(source, depth - 1), to: kind)
    case 2:
      let a = term(kind, depth - 1)
      let isAbs = chance(50)
      return .strict(kind, isAbs ? "abs(\(a.sql))" : "(- \(a.sql))", [a]) {
        .integer(isAbs ? Int128($0[0].int.magnitude) : -$0[0].int)
      }
    default:
      let (a, b) = (
        term(pick(ReferenceKind.decimals), depth - 1), term(pick(ReferenceKind.decimals), depth - 1)
      )
      guard case .decimal(let p, let s) = a.kind, case .decimal(let q, let t) = b.kind else {
        return leaf(kind)
      }
      let op = pick(["+", "-", "*", "%"])
      let scale = op == "*" ? s + t : max(s, t)
      let whole = max(p - s, q - t)
      let result = ReferenceKind.decimal(
        precision: min(38, op == "*" ? p + q : op == "%" ? whole + scale : whole + scale + 1),
        scale: scale)
      let exact = ReferenceTerm.strict(result, "(\(a.sql) \(op) \(b.sql))", [a, b]) { values in
        if op == "*" {
          return try ReferenceArithmetic.decimal(
            ReferenceArithmetic.times(values[0].int, values[1].int), result)
        }
        let x = try ReferenceArithmetic.times(values[0].int, ReferenceArithmetic.power(scale - s))
        let y = try ReferenceArithmetic.times(values[1].int, ReferenceArithmetic.power(scale - t))
        return try ReferenceArithmetic.decimal(
          ReferenceArithmetic.integer(op, x, y, .integer(bits: 128, isSigned: true)).int, result)
      }
      return result == kind ? exact : cast(exact, to: kind)
    }
  }

  private mutating func double(_ depth: Int) -> ReferenceTerm {
    switch number(0...5) {
    case 0:
      return cast(
        term(pick(ReferenceKind.integers + ReferenceKind.decimals), depth - 1), to: .double)
    case 1:
      let a = term(.double, depth - 1)
      let name = pick(["floor", "ceil", "round", "abs", "trunc", "-"])
      return .strict(.double, "\(name)(\(a.sql))", [a]) { values in
        let x = values[0].number
        switch name {
        case "floor": return .double(x.rounded(.down))
        case "ceil": return .double(x.rounded(.up))
        case "round": return .double(x.rounded(.toNearestOrEven))
        case "trunc": return .double(x.rounded(.towardZero))
        case "abs": return .double(x.magnitude)
        default: return .double(-x)
        }
      }
    default:
      let (a, b) = (term(.double, depth - 1), term(.double, depth - 1))
      let op = pick(["+", "-", "*", "/"])
      return .strict(.double, "(\(a.sql) \(op) \(b.sql))", [a, b]) {
        try ReferenceArithmetic.double(op, $0[0].number, $0[1].number)
      }
    }
  }

  private mutating func text(_ depth: Int) -> ReferenceTerm {
    let a = term(.text, depth - 1)
    switch number(0...10) {
    case 0:
      let b = term(.text, depth - 1)
      return .strict(.text, "(\(a.sql) || \(b.sql))", [a, b]) { .text($0[0].string + $0[1].string) }
    case 1:
      let b = term(.text, depth - 1)
      return ReferenceTerm(.text, "concat(\(a.sql), \(b.sql))") { row in
        let (x, y) = (try a.value(row), try b.value(row))
        return .text(x.string + y.string)
      }
    case 2:
      let upper = chance(50)
      return .strict(.text, "\(upper ? "upper" : "lower")(\(a.sql))", [a]) {
        .text(ReferenceText.mapped($0[0].string, upper: upper))
      }
    case 3:
      let (start, length) = (number(-2...4), number(0...4))
      return .strict(.text, "substring(\(a.sql), \(start), \(length))", [a]) {
        .text(ReferenceText.substring($0[0].string, start, length))
      }
    case 4:
      let (isLeft, count) = (chance(50), number(-3...4))
      return .strict(.text, "\(isLeft ? "left" : "right")(\(a.sql), \(count))", [a]) { values in
        let all = ReferenceText.scalars(values[0].string)
        let kept = count >= 0 ? min(count, all.count) : max(0, all.count + count)
        return .text(ReferenceText.text(isLeft ? all.prefix(kept) : all.suffix(kept)))
      }
    case 5:
      let (b, c) = (leaf(.text), leaf(.text))
      return .strict(.text, "replace(\(a.sql), \(b.sql), \(c.sql))", [a, b, c]) {
        .text(ReferenceText.replaced($0[0].string, $0[1].string, $0[2].string))
      }
    case 6:
      return .strict(.text, "reverse(\(a.sql))", [a]) {
        .text(ReferenceText.text($0[0].string.unicodeScalars.reversed()))
      }
    case 7:
      let name = pick(["trim", "ltrim", "rtrim"])
      return .strict(.text, "\(name)(\(a.sql))", [a]) { values in
        var all = ReferenceText.scalars(values[0].string)[...]
        while name != "rtrim", all.first == " " { all.removeFirst() }
        while name != "ltrim", all.last == " " { all.removeLast() }
        return .text(ReferenceText.text(all))
      }
    case 8:
      let count = number(-1...3)
      return .strict(.text, "repeat(\(a.sql), \(count))", [a]) {
        .text(String(repeating: $0[0].string, count: max(0, count)))
      }
    default:
      return cast(
        term(
          pick(
            ReferenceKind.integers + ReferenceKind.decimals + [
              .boolean, .date, .timestamp, .time, .uuid,
            ]), depth - 1), to: .text)
    }
  }

  private mutating func moment(_ kind: ReferenceKind, _ depth: Int) -> ReferenceTerm {
    switch kind {
    case .date:
      if chance(30) { return cast(term(.timestamp, depth - 1), to: .date) }
      let a = leaf(.date)
      if chance(40) { return truncated(a) }
      let count = number(-400...400)
      return .strict(.date, "(\(a.sql) + (\(count)))", [a]) { .date($0[0].ticks + count) }
    case .timestamp:
      if chance(30) { return cast(term(.date, depth - 1), to: .timestamp) }
      if chance(30) { return truncated(leaf(.timestamp)) }
      let a = leaf(pick([.date, .timestamp]))
      let b = leaf(.interval)
      let sign = chance(50) ? 1 : -1
      return .strict(.timestamp, "(\(a.sql) \(sign > 0 ? "+" : "-") \(b.sql))", [a, b]) { values in
        guard case .interval(let months, let days, let microseconds) = values[1] else {
          return .null
        }
        let ticks = a.kind == .date ? values[0].ticks * 86_400_000_000 : values[0].ticks
        let day = ReferenceCalendar.floorDivide(ticks, 86_400_000_000)
        let later = ReferenceCalendar.adding(months: sign * months, to: day) + sign * days
        return .timestamp(
          later * 86_400_000_000 + ticks - day * 86_400_000_000 + sign * microseconds)
      }
    case .time: return chance(50) ? cast(term(.timestamp, depth - 1), to: .time) : leaf(.time)
    default:
      let (a, b) = (leaf(.timestamp), leaf(.timestamp))
      return .strict(.interval, "(\(a.sql) - \(b.sql))", [a, b]) {
        let span = $0[0].ticks - $0[1].ticks
        return .interval(
          months: 0, days: span / 86_400_000_000, microseconds: span % 86_400_000_000)
      }
    }
  }

  private mutating func truncated(_ a: ReferenceTerm) -> ReferenceTerm {
    let unit = pick(["year", "quarter", "month", "week", "day"])
    return .strict(a.kind, "date_trunc('\(unit)', \(a.sql))", [a]) { values in
      let isDate = a.kind == .date
      let days =
        isDate ? values[0].ticks : ReferenceCalendar.floorDivide(values[0].ticks, 86_400_000_000)
      let (year, month, _) = ReferenceCalendar.civil(days)
      let result =
        switch unit {
        case "year": ReferenceCalendar.days(year, 1, 1)
        case "quarter": ReferenceCalendar.days(year, (month - 1) / 3 * 3 + 1, 1)
        case "month": ReferenceCalendar.days(year, month, 1)
        case "week": days - ReferenceCalendar.isoWeekday(days) + 1
        default: days
        }
      return isDate ? .date(result) : .timestamp(result * 86_400_000_000)
    }
  }
}
