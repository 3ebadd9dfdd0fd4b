import Vectors

/// The order of SQL over physical values: NaN equals itself and is above all, −0 = 0, text by bytes.
protocol OrderedValue: PhysicalValue {
  static func isLess(_ left: Self, _ right: Self) -> Bool
  static func isEqual(_ left: Self, _ right: Self) -> Bool
}

extension OrderedValue where Self: BinaryInteger {
  @inline(__always) static func isLess(_ left: Self, _ right: Self) -> Bool { left < right }
  @inline(__always) static func isEqual(_ left: Self, _ right: Self) -> Bool { left == right }
}

extension OrderedValue where Self: BinaryFloatingPoint {
  // Comparisons with NaN are false, so `x != x` marks NaN; `&` on purpose, without branches.
  @inline(__always) static func isLess(_ left: Self, _ right: Self) -> Bool {
    left < right || (right != right && left == left)
  }
  @inline(__always) static func isEqual(_ left: Self, _ right: Self) -> Bool {
    left == right || (left != left && right != right)
  }
}

extension UInt8: OrderedValue {}
extension Int8: OrderedValue {}
extension Int16: OrderedValue {}
extension Int32: OrderedValue {}
extension Int64: OrderedValue {}
extension Int128: OrderedValue {}
extension Float: OrderedValue {}
extension Double: OrderedValue {}
extension StringView: OrderedValue {
  @inline(__always) static func isLess(_ left: StringView, _ right: StringView) -> Bool {
    StringView.compare(left, right) < 0
  }
  @inline(__always) static func isEqual(_ left: StringView, _ right: StringView) -> Bool {
    left == right
  }
}
