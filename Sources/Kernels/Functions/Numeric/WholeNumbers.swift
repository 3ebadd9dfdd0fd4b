import Vectors

/// Functions of whole numbers.
enum WholeNumbers {
  /// Euclid; `nil` when it does not fit (the least number and zero).
  static func gcd<T: FixedWidthInteger & SignedInteger>(_ left: T, _ right: T) -> T? {
    var (a, b) = (left.magnitude, right.magnitude)
    while b != 0 { (a, b) = (b, a % b) }
    return T(exactly: a)
  }

  static func lcm<T: FixedWidthInteger & SignedInteger>(_ left: T, _ right: T) -> T? {
    if left == 0 || right == 0 { return 0 }
    guard let divisor = gcd(left, right) else { return nil }
    let (product, overflow) = (left / divisor).multipliedReportingOverflow(by: right)
    guard !overflow, product != .min else { return nil }
    return product < 0 ? -product : product
  }

  static func outOfRange(_ name: String, _ type: LogicalType) -> StoaError {
    StoaError(.evaluation, "\(name) is out of range for \(type)")
  }

  /// Two numbers of 64 or 128 bits.
  static func binary(
    _ name: String, aliases: [String], help: String, example: ScalarFunction.Example,
    _ narrow: @escaping @Sendable (Int64, Int64) -> Int64?,
    _ wide: @escaping @Sendable (Int128, Int128) -> Int128?
  ) -> ScalarFunction {
    ScalarFunction(
      name, aliases: aliases, .numeric, help: help, example: example,
      .overloads([
        .value([.bigint, .bigint], .bigint, zero: 0 as Int64) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
          guard let result = narrow(reader.integer(0, row), reader.integer(1, row)) else {
            throw outOfRange(name, .bigint)
          }
          return result
        },
        .value([.hugeint, .hugeint], .hugeint, zero: 0 as Int128) {
          (reader: ArgumentReader, row: Int) throws(StoaError) -> Int128 in
          guard let result = wide(reader.wide(0, row), reader.wide(1, row)) else {
            throw outOfRange(name, .hugeint)
          }
          return result
        },
      ]))
  }

  /// 0! to 33!, all that a HUGEINT holds.
  static let factorials: [Int128] = (1...33).reduce(into: [1]) { table, number in
    table.append(table[number - 1] * Int128(number))
  }

  /// `count` over `chosen`; `nil` when it does not fit a HUGEINT.
  static func binomial(_ count: Int64, _ chosen: Int64) -> Int128? {
    guard chosen >= 0, chosen <= count else { return 0 }
    var result: Int128 = 1
    let fewer = min(chosen, count - chosen)
    for step in stride(from: Int64(1), through: fewer, by: 1) {
      // result · (count - fewer + step) is divisible by step once divided by what they share.
      let (product, overflow) = result.multipliedReportingOverflow(by: Int128(count - fewer + step))
      guard !overflow else { return nil }
      result = product / Int128(step)
    }
    return result
  }

  /// How many bits are set, by width of the type.
  static let bitCounts: [ScalarFunction.Overload] = [
    .value([.tinyint], .tinyint, zero: 0 as Int8) { (reader: ArgumentReader, row: Int) in
      Int8(reader.value(0, row, Int8.self).nonzeroBitCount)
    },
    .value([.smallint], .tinyint, zero: 0 as Int8) { (reader: ArgumentReader, row: Int) in
      Int8(reader.value(0, row, Int16.self).nonzeroBitCount)
    },
    .value([.integer], .tinyint, zero: 0 as Int8) { (reader: ArgumentReader, row: Int) in
      Int8(reader.short(0, row).nonzeroBitCount)
    },
    .value([.bigint], .tinyint, zero: 0 as Int8) { (reader: ArgumentReader, row: Int) in
      Int8(reader.integer(0, row).nonzeroBitCount)
    },
    .value([.hugeint], .smallint, zero: 0 as Int16) { (reader: ArgumentReader, row: Int) in
      Int16(reader.wide(0, row).nonzeroBitCount)
    },
  ]
}

extension ScalarFunction {
  static let gcd = WholeNumbers.binary(
    "gcd", aliases: ["greatest_common_divisor"], help: "Greatest common divisor",
    example: .init(.integer(42), .integer(-57), gives: "3"),
    { WholeNumbers.gcd($0, $1) }, { WholeNumbers.gcd($0, $1) })

  static let lcm = WholeNumbers.binary(
    "lcm", aliases: ["least_common_multiple"], help: "Least common multiple",
    example: .init(.integer(4), .integer(6), gives: "12"),
    { WholeNumbers.lcm($0, $1) }, { WholeNumbers.lcm($0, $1) })

  static let factorial = ScalarFunction(
    "factorial", .numeric, help: "Product of the whole numbers up to this one, at most 33",
    example: .init(.integer(5), gives: "120"),
    .overloads([
      .value([.bigint], .hugeint, zero: 0 as Int128) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int128 in
        let number = reader.integer(0, row)
        guard number >= 0 else {
          throw StoaError(.evaluation, "factorial of a negative number (\(number))")
        }
        guard number < Int64(WholeNumbers.factorials.count) else {
          throw WholeNumbers.outOfRange("factorial", .hugeint)
        }
        return WholeNumbers.factorials[Int(number)]
      }
    ]))

  static let binomial = ScalarFunction(
    "binom", .numeric, help: "In how many ways so many can be chosen from a number of things",
    example: .init(.integer(5), .integer(2), gives: "10"),
    .overloads([
      .value([.bigint, .bigint], .hugeint, zero: 0 as Int128) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int128 in
        guard let result = WholeNumbers.binomial(reader.integer(0, row), reader.integer(1, row))
        else { throw WholeNumbers.outOfRange("binom", .hugeint) }
        return result
      }
    ]))

  static let bitCount = ScalarFunction(
    "bit_count", .numeric, help: "How many bits of an integer are set",
    example: .init(.integer(31), gives: "5"), .overloads(WholeNumbers.bitCounts))

  static let widthBucket = ScalarFunction(
    "width_bucket", .numeric,
    help:
      "Which of so many equal parts between two bounds a number lies in; 0 and one more outside",
    example: .init(
      .double(5.35), .double(0.024), .double(10.06), .integer(5), gives: "3"),
    .overloads([
      .value([.double, .double, .double, .bigint], .bigint, zero: 0 as Int64) {
        (reader: ArgumentReader, row: Int) throws(StoaError) -> Int64 in
        let (value, low, high) = (reader.real(0, row), reader.real(1, row), reader.real(2, row))
        let count = reader.integer(3, row)
        guard count > 0, count < Int64.max else {
          throw StoaError(.evaluation, "width_bucket takes a count above 0, not \(count)")
        }
        guard low.isFinite, high.isFinite, low != high, !value.isNaN else {
          throw StoaError(.evaluation, "width_bucket takes two different finite bounds and no NaN")
        }
        let isUp = low < high
        if isUp ? value < low : value > low { return 0 }
        if isUp ? value >= high : value <= high { return count + 1 }
        // Halves, because the distance of the bounds may be beyond all numbers.
        let share = (value / 2 - low / 2) / (high / 2 - low / 2)
        return min(count - 1, Int64(exactly: (share * Double(count)).rounded(.down)) ?? count) + 1
      }
    ]))
}
