/// 10^0 … 10^38, all that an Int128 holds.
enum PowersOfTen {
  /// Index is the exponent; 39 entries.
  static let integers: [Int128] = {
    var powers: [Int128] = [1]
    while powers.count <= 38 { powers.append(powers[powers.count - 1] * 10) }
    return powers
  }()

  /// 10^0 … 10^22, exactly representable.
  static let doubles: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17,
    1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// 10^`exponent`; `exponent` is clamped to 0…38.
  static func integer(_ exponent: Int) -> Int128 { integers[max(0, min(38, exponent))] }

  /// 10^`exponent` as a double, correctly rounded.
  static func double(_ exponent: Int) -> Double {
    exponent >= 0 && exponent <= 22 ? doubles[exponent] : Double(integer(exponent))
  }

  /// Decimal digits of |value|; 1 for zero.
  static func digitCount(_ value: Int128) -> Int {
    let magnitude = value.magnitude
    var count = 1
    while count < 39, count <= 38, magnitude >= UInt128(integers[count]) {
      count += 1
      if count == 39 { break }
    }
    return count
  }
}
