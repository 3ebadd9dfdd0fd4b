import Vectors

/// Unsigned integers are computed in the signed type that stores them, which is wider: what leaves their own
/// range is found afterwards.
enum UnsignedRange {
  /// Throws for the first row of `result`, made from `arguments` by `op`, that its type does not hold.
  static func check(
    _ result: Vector, _ op: ArithmeticOperator, _ arguments: [Vector]
  ) throws(StoaError) {
    guard let range = result.type.integerRange else { return }
    switch result.type.physical {
    case .int16: try check(result, range, op, arguments, Int16.self)
    case .int32: try check(result, range, op, arguments, Int32.self)
    case .int64: try check(result, range, op, arguments, Int64.self)
    default: try check(result, range, op, arguments, Int128.self)
    }
  }

  private static func check<T: FlaggingInteger>(
    _ result: Vector, _ range: ClosedRange<Int128>, _ op: ArithmeticOperator,
    _ arguments: [Vector], _: T.Type
  ) throws(StoaError) {
    let upper = T(truncatingIfNeeded: range.upperBound)
    var isOutside = false
    result.withValues(as: T.self) { values in
      for row in 0..<result.count where values[row] < 0 || values[row] > upper {
        isOutside = isOutside || result.isValid(row)
      }
    }
    guard isOutside else { return }
    for row in 0..<result.count where result.isValid(row) {
      guard let value = result.value(at: row).integer, !range.contains(value) else { continue }
      throw .overflow(
        TextFormatter.string(arguments[0].value(at: row), arguments[0].type), op.rawValue,
        TextFormatter.string(arguments[1].value(at: row), arguments[1].type), result.type)
    }
  }

  /// The signed type that holds all values of an unsigned one and their opposites.
  static func signed(for type: LogicalType) -> LogicalType {
    switch type {
    case .utinyint: .smallint
    case .usmallint: .integer
    case .uinteger: .bigint
    default: .hugeint
    }
  }
}
