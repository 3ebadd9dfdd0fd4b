import Vectors

/// The predicate of a `ColumnFilter` in the form its column's kind of value wants: integers as 128-bit
/// intervals and sets, floating point as intervals and sets of ordered keys, strings as byte bounds and sorted lists.
enum ValueTest: Sendable {
  case nothing
  /// Every value that is not NULL.
  case everything
  case nulls
  /// Bounds included; `negated` inverts.
  case integers(lower: Int128, upper: Int128, negated: Bool)
  case integerTable(KeyTable)
  case integerSet(KeySet)
  /// Sorted; used when a member does not fit 64 bits.
  case wideSet([Int128])
  /// Bounds included, as `orderedKey`s.
  case doubles(lower: Int64, upper: Int64, negated: Bool)
  case doubleSet(KeySet)
  case strings(StringInterval)
  case stringSet(StringList)
  case predicate(ColumnFilter.EntryPredicate)
  /// Literals of several kinds, which no column can match.
  case mixed

  init(_ kind: ColumnFilter.Kind) {
    switch kind {
    case .comparison(let comparison, let value): self = ValueTest.compare(comparison, value)
    case .range(let lower, let upper): self = ValueTest.interval(lower, upper)
    case .oneOf(let values): self = ValueTest.membership(values.filter { !$0.isNull })
    case .isNull: self = .nulls
    case .isNotNull: self = .everything
    case .keyTable(let table): self = .integerTable(table)
    case .keySet(let set): self = set.count == 0 ? .nothing : .integerSet(set)
    case .entries(let predicate): self = .predicate(predicate)
    }
  }

  /// A number that orders as SQL orders floating point: NaN (one of them) on top, -0 with 0.
  @inline(__always)
  static func orderedKey(_ value: Double) -> Int64 {
    let bits = Int64(bitPattern: (value + 0).bitPattern)
    let key = bits ^ ((bits &>> 63) & Int64.max)
    return value.isNaN ? Int64.max : key
  }

  private static func compare(_ comparison: ColumnFilter.Comparison, _ value: Value) -> ValueTest {
    switch value {
    case .null: return .nothing
    case .boolean(let bool): return compare(comparison, integer: bool ? 1 : 0)
    case .integer(let integer): return compare(comparison, integer: integer)
    case .double(let double): return compare(comparison, key: orderedKey(double))
    case .string, .bytes:
      let bytes = value.bytes ?? []
      switch comparison {
      case .equal, .notEqual:
        return .strings(
          StringInterval(lower: bytes, upper: bytes, negated: comparison == .notEqual))
      case .less: return .strings(StringInterval(upper: bytes, upperIncluded: false))
      case .lessOrEqual: return .strings(StringInterval(upper: bytes))
      case .greater: return .strings(StringInterval(lower: bytes, lowerIncluded: false))
      case .greaterOrEqual: return .strings(StringInterval(lower: bytes))
      }
    }
  }

  private static func compare(_ comparison: ColumnFilter.Comparison, integer: Int128) -> ValueTest {
    switch comparison {
    case .equal: return .integers(lower: integer, upper: integer, negated: false)
    case .notEqual: return .integers(lower: integer, upper: integer, negated: true)
    case .less:
      return integer == .min
        ? .nothing : .integers(lower: .min, upper: integer - 1, negated: false)
    case .lessOrEqual: return .integers(lower: .min, upper: integer, negated: false)
    case .greater:
      return integer == .max
        ? .nothing : .integers(lower: integer + 1, upper: .max, negated: false)
    case .greaterOrEqual: return .integers(lower: integer, upper: .max, negated: false)
    }
  }

  private static func compare(_ comparison: ColumnFilter.Comparison, key: Int64) -> ValueTest {
    switch comparison {
    case .equal: return .doubles(lower: key, upper: key, negated: false)
    case .notEqual: return .doubles(lower: key, upper: key, negated: true)
    case .less:
      return key == .min ? .nothing : .doubles(lower: .min, upper: key - 1, negated: false)
    case .lessOrEqual: return .doubles(lower: .min, upper: key, negated: false)
    case .greater:
      return key == .max ? .nothing : .doubles(lower: key + 1, upper: .max, negated: false)
    case .greaterOrEqual: return .doubles(lower: key, upper: .max, negated: false)
    }
  }

  private static func interval(_ lower: Value?, _ upper: Value?) -> ValueTest {
    if let lower, lower.isNull { return .nothing }
    if let upper, upper.isNull { return .nothing }
    switch (lower.map(whole), upper.map(whole)) {
    case (nil, nil): return .everything
    case (.integer(let low)?, .integer(let high)?):
      return low > high ? .nothing : .integers(lower: low, upper: high, negated: false)
    case (.integer(let low)?, nil): return compare(.greaterOrEqual, integer: low)
    case (nil, .integer(let high)?): return compare(.lessOrEqual, integer: high)
    case (.double(let low)?, .double(let high)?):
      let (from, to) = (orderedKey(low), orderedKey(high))
      return from > to ? .nothing : .doubles(lower: from, upper: to, negated: false)
    case (.double(let low)?, nil): return compare(.greaterOrEqual, key: orderedKey(low))
    case (nil, .double(let high)?): return compare(.lessOrEqual, key: orderedKey(high))
    default:
      guard lower.map({ $0.bytes != nil }) ?? true, upper.map({ $0.bytes != nil }) ?? true else {
        return .mixed
      }
      return .strings(StringInterval(lower: lower?.bytes, upper: upper?.bytes))
    }
  }

  /// Booleans are tested as 0 and 1.
  private static func whole(_ value: Value) -> Value {
    if case .boolean(let bool) = value { .integer(bool ? 1 : 0) } else { value }
  }

  private static func membership(_ values: [Value]) -> ValueTest {
    guard let first = values.first else { return .nothing }
    if values.count == 1 { return compare(.equal, first) }
    switch whole(first) {
    case .integer:
      var integers: [Int128] = []
      for value in values {
        guard case .integer(let integer) = whole(value) else { return .mixed }
        integers.append(integer)
      }
      return integerMembership(integers)
    case .double:
      var keys: [Int64] = []
      for value in values {
        guard case .double(let double) = value else { return .mixed }
        keys.append(orderedKey(double))
      }
      return .doubleSet(KeySet(keys))
    case .string, .bytes:
      var texts: [[UInt8]] = []
      for value in values {
        guard let bytes = value.bytes else { return .mixed }
        texts.append(bytes)
      }
      return .stringSet(StringList(texts))
    case .null, .boolean: return .mixed
    }
  }

  private static func integerMembership(_ values: [Int128]) -> ValueTest {
    let low = values.min()!
    let high = values.max()!
    guard let lowest = Int64(exactly: low), Int64(exactly: high) != nil else {
      return .wideSet(values.sorted())
    }
    if high - low < 1 << 20 {
      let table = KeyTable(minimum: lowest, count: Int(high - low) + 1)
      for value in values { table.insert(Int64(value)) }
      return .integerTable(table)
    }
    return .integerSet(KeySet(values.map { Int64($0) }))
  }
}

/// An interval of byte strings.
struct StringInterval: Sendable {
  var lower: [UInt8]?
  var lowerIncluded = true
  var upper: [UInt8]?
  var upperIncluded = true
  var negated = false

  init(
    lower: [UInt8]? = nil, lowerIncluded: Bool = true, upper: [UInt8]? = nil,
    upperIncluded: Bool = true, negated: Bool = false
  ) {
    self.lower = lower
    self.lowerIncluded = lowerIncluded
    self.upper = upper
    self.upperIncluded = upperIncluded
    self.negated = negated
  }
}

/// Strings in byte order, each once, as views.
final class StringList: @unchecked Sendable {
  let views: [StringView]
  private let heap: StringHeap

  init(_ texts: [[UInt8]]) {
    var list: [StringView] = []
    let heap = StringHeap()
    self.heap = heap
    for text in texts { list.append(text.withUnsafeBytes { heap.add($0) }) }
    list.sort { StringView.compare($0, $1) < 0 }
    var distinct: [StringView] = []
    for view in list where distinct.last.map({ !($0 == view) }) ?? true { distinct.append(view) }
    views = distinct
  }

  /// Whether `view` is in the list.
  func contains(_ view: StringView) -> Bool {
    var low = 0
    var high = views.count
    while low < high {
      let middle = (low + high) / 2
      let order = StringView.compare(views[middle], view)
      if order == 0 { return true }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return false
  }
}
