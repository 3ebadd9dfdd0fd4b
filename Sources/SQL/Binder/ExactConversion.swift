import Vectors

/// Numbers of one type written in another without any change of value.
enum ExactConversion {
  /// The same number as a value of `target`; `nil` when it does not fit exactly or either is no number.
  static func convert(_ value: Value, from source: LogicalType, to target: LogicalType) -> Value? {
    guard source.isNumeric, target.isNumeric else { return nil }
    if source == target { return value }
    switch value {
    case .integer(let number):
      if target.isFloatingPoint {
        guard source.isInteger, target == .double, number.magnitude < 1 << 53 else { return nil }
        return .double(Double(number))
      }
      return rescale(number, from: source.scale, to: target)
    case .double(let number):
      guard source.isFloatingPoint, target.isFloatingPoint else { return nil }
      if target == .real, Double(Float(number)) != number, !number.isNaN { return nil }
      return value
    case .null, .boolean, .string, .bytes: return nil
    }
  }

  private static func rescale(_ number: Int128, from scale: Int, to target: LogicalType) -> Value? {
    var result = number
    if target.scale >= scale {
      for _ in 0..<(target.scale - scale) {
        let (product, overflow) = result.multipliedReportingOverflow(by: 10)
        if overflow { return nil }
        result = product
      }
    } else {
      for _ in 0..<(scale - target.scale) {
        let (quotient, remainder) = result.quotientAndRemainder(dividingBy: 10)
        guard remainder == 0 else { return nil }
        result = quotient
      }
    }
    guard let range = range(of: target), range.contains(result) else { return nil }
    return .integer(result)
  }

  /// Values an integer or decimal type can hold, unscaled.
  static func range(of type: LogicalType) -> ClosedRange<Int128>? {
    switch type {
    case .decimal(let precision, _):
      var bound: Int128 = 1
      for _ in 0..<min(precision, 38) { bound *= 10 }
      return (1 - bound)...(bound - 1)
    default: return type.integerRange
    }
  }
}
