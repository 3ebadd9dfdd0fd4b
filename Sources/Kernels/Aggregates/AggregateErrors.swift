import Vectors

/// Checks and messages that aggregates share.
enum AggregateErrors {
  static let otherClass = StoaError(
    .inconsistency, "states of another aggregate cannot be combined")
  static let otherSummary = StoaError(
    .inconsistency, "an aggregate was given a summary of another kind")
  /// 10^38 − 1.
  static let largestDecimal: UInt128 = 99_999_999_999_999_999_999_999_999_999_999_999_999

  /// Throws unless `partials` are columns of these types with at least `count` rows.
  static func check(
    _ partials: [Vector], _ types: [PhysicalType], _ count: Int
  ) throws(StoaError) {
    let fits =
      partials.count == types.count
      && zip(partials, types).allSatisfy { $0.type.physical == $1 && $0.count >= count }
    guard fits else {
      throw StoaError(.corruption, "partial states of an aggregate have another shape")
    }
  }

  /// `value` + wraps × 2^128.
  static func widened(_ value: Int128, wraps: Int64) -> WideInteger {
    // As a 192-bit two's complement number: the middle and low words are the value, sign-extended.
    let high = wraps &+ (value < 0 ? -1 : 0)
    var low = UInt128(truncatingIfNeeded: value)
    var top = UInt64(bitPattern: high)
    let isNegative = high < 0
    if isNegative {
      low = ~low &+ 1
      top = ~top &+ (low == 0 ? 1 : 0)
    }
    return WideInteger(low, high: top, isNegative: isNegative)
  }

  /// The binder's error for arguments that no version of `name` takes.
  static func noSuchVersion(_ name: String, _ types: [LogicalType]) -> StoaError {
    let list = types.map { $0.description }.joined(separator: ", ")
    return StoaError(.binding, "there is no aggregate \(name)(\(list))")
  }
}
