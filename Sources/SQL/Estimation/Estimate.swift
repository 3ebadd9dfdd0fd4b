import Kernels
import Vectors

/// What the optimizer believes of a column of some operator's result.
struct ColumnEstimate {
  /// Number of distinct values, at least 1.
  var distinct: Double
  /// Bounds as numbers; `nil` when unknown. Text is mapped by its first bytes, see `Ordinal`.
  var minimum: Double?
  var maximum: Double?
  var nullFraction: Double
  /// Maps constants of the column's type onto the scale of the bounds.
  var ordinal: Ordinal

  static func unknown(rows: Double) -> ColumnEstimate {
    ColumnEstimate(
      distinct: max(1, rows / 10), minimum: nil, maximum: nil, nullFraction: 0.05,
      ordinal: Ordinal(prefix: []))
  }

  /// The column after its relation shrank from `old` to `new` rows by something unrelated to it.
  func thinned(from old: Double, to new: Double) -> ColumnEstimate {
    guard new < old, old > 0 else { return self }
    var copy = self
    // Expected number of values left when new of old rows are drawn (Yao's formula, approximated).
    let perValue = old / max(1, distinct)
    let survival = 1 - pow(1 - new / old, perValue)
    copy.distinct = max(1, min(distinct * survival, new))
    return copy
  }

  /// Powers without Foundation: `base` in 0…1, exponents of any size.
  private func pow(_ base: Double, _ exponent: Double) -> Double {
    if base <= 0 { return 0 }
    if base >= 1 { return 1 }
    return power(base, exponent)
  }
}

/// What the optimizer believes of an operator's result.
struct RelationEstimate {
  var rows: Double
  var columns: [Int: ColumnEstimate]

  func column(_ id: Int) -> ColumnEstimate { columns[id] ?? .unknown(rows: rows) }

  /// The relation with fewer rows; `touched` columns have been narrowed already.
  func thinned(to newRows: Double, except touched: Set<Int> = []) -> RelationEstimate {
    var copy = self
    copy.rows = newRows
    for (id, column) in columns where !touched.contains(id) {
      copy.columns[id] = column.thinned(from: rows, to: newRows)
    }
    return copy
  }
}

/// Where a value lies on a line, for guesses about ranges. Text is read as a number in base 256 from the
/// bytes after what minimum and maximum have in common.
struct Ordinal {
  var prefix: [UInt8]

  init(prefix: [UInt8]) { self.prefix = prefix }

  /// The scale between two bounds.
  init(_ minimum: Value?, _ maximum: Value?) {
    guard let low = minimum?.bytes, let high = maximum?.bytes else {
      prefix = []
      return
    }
    prefix = zip(low, high).prefix { $0 == $1 }.map(\.0)
  }

  func number(_ value: Value) -> Double? {
    switch value {
    case .null: return nil
    case .boolean(let flag): return flag ? 1 : 0
    case .integer(let number): return Double(number)
    case .double(let number): return number.isNaN ? .infinity : number
    case .string, .bytes:
      let bytes = value.bytes ?? []
      guard bytes.starts(with: prefix) else {
        return bytes.lexicographicallyPrecedes(prefix) ? 0 : 1
      }
      var result = 0.0
      var weight = 1.0 / 256
      for byte in bytes.dropFirst(prefix.count).prefix(6) {
        result += Double(byte) * weight
        weight /= 256
      }
      return result
    }
  }
}
