import Testing
import Vectors

@testable import Kernels

@Suite("Arithmetic")
struct ArithmeticTests {
  private func call(
    _ name: String, _ type: LogicalType, _ left: Vector, _ right: Vector
  ) throws -> Vector {
    let bound = try FunctionRegistry.resolve(name, [type, type])
    return try bound.kernel([left, right], left.count)
  }

  /// The exact result, or `nil` when there is none in the type.
  private func exact<T: FixedWidthInteger>(_ name: String, _ a: T, _ b: T) -> T? {
    let (value, overflow) =
      switch name {
      case "+": a.addingReportingOverflow(b)
      case "-": a.subtractingReportingOverflow(b)
      case "*": a.multipliedReportingOverflow(by: b)
      case "/", "//": a.dividedReportingOverflow(by: b)
      default:
        b == -1 ? (partialValue: 0, overflow: false) : a.remainderReportingOverflow(dividingBy: b)
      }
    return overflow ? nil : value
  }

  @Test(
    "TINYINT: every pair of values, in every shape of operands",
    arguments: ["+", "-", "*", "/", "//", "%"])
  func allTinyIntegers(name: String) throws {
    let all = (Int8.min...Int8.max).map { $0 }
    for a in all {
      let good = all.filter { exact(name, a, $0) != nil }
      let bad = all.filter { exact(name, a, $0) == nil }
      guard !good.isEmpty else { continue }
      let right = Vector.make(.tinyint, good)
      let expected = good.map { Value.integer(Int128(exact(name, a, $0)!)) }
      let constant = Vector(constant: .integer(Int128(a)), type: .tinyint, count: good.count)
      #expect(try call(name, .tinyint, constant, right).allValues == expected)
      #expect(try call(name, .tinyint, constant.flattened(), right).allValues == expected)
      for b in bad {
        #expect(throws: StoaError.self) {
          try call(name, .tinyint, Vector.make(.tinyint, [a, 0]), Vector.make(.tinyint, [b, 1]))
        }
        #expect(throws: StoaError.self) {
          try call(
            name, .tinyint, Vector.make(.tinyint, [a, 0]),
            Vector(constant: .integer(Int128(b)), type: .tinyint, count: 2))
        }
      }
    }
  }

  private func edges<T: FixedWidthInteger & PhysicalValue>(_ type: LogicalType, _: T.Type) throws {
    let values: [T] = [.min, .min + 1, .min / 2, -3, -1, 0, 1, 2, 3, .max / 2, .max - 1, .max]
    for name in ["+", "-", "*", "/", "%"] {
      for a in values {
        for b in values {
          let (left, right) = (Vector.make(type, [a]), Vector.make(type, [b]))
          if let expected = exact(name, a, b) {
            #expect(try call(name, type, left, right).value(at: 0) == .integer(Int128(expected)))
          } else {
            #expect(throws: StoaError.self, "\(a) \(name) \(b)") {
              try call(name, type, left, right)
            }
          }
        }
      }
    }
  }

  @Test("limits of the wider integer types")
  func limits() throws {
    try edges(.smallint, Int16.self)
    try edges(.integer, Int32.self)
    try edges(.bigint, Int64.self)
    try edges(.hugeint, Int128.self)
  }

  private func text(_ name: String, _ arguments: [ScalarFunction.Literal]) throws -> String {
    let call = try FunctionRegistry.bind(name, try arguments.map { try $0.expression() })
    return "\(TextFormatter.string(try call.evaluateConstant(), call.type)) \(call.type)"
  }

  @Test("decimals: scales, precisions and quotients follow the rules")
  func decimals() throws {
    #expect(try text("+", [.decimal("1.10"), .decimal("2.2")]) == "3.30 DECIMAL(4,2)")
    #expect(try text("*", [.decimal("1.1"), .decimal("2.22")]) == "2.442 DECIMAL(5,3)")
    #expect(try text("-", [.decimal("5.00"), .integer(5)]) == "0.00 DECIMAL(4,2)")
    #expect(try text("/", [.decimal("10.0"), .integer(4)]) == "2.5 DOUBLE")
    #expect(try text("%", [.decimal("7.5"), .decimal("2.25")]) == "0.75 DECIMAL(3,2)")
    #expect(try text("//", [.decimal("-7.5"), .decimal("2.0")]) == "-3 DECIMAL(2,0)")
    #expect(try text("*", [.decimal("-0.5"), .double(2)]) == "-1.0 DOUBLE")
    #expect(
      try text("*", [.decimal("9999999999999999999.0"), .decimal("9999999999999999.0")])
        == "99999999999999989990000000000000001.00 DECIMAL(37,2)")
  }

  @Test("decimals: more digits than 38 are errors")
  func decimalOverflow() throws {
    let wide = ScalarFunction.Literal.decimal("99999999999999999999999999999999999999.")
    #expect(throws: StoaError.self) { try text("+", [wide, .decimal("1.")]) }
    #expect(throws: StoaError.self) { try text("*", [wide, .decimal("2.")]) }
    let fraction = ScalarFunction.Literal.decimal("0.00000000000000000000000000001")
    #expect(throws: StoaError.self) { try text("*", [fraction, fraction]) }
  }

  @Test("doubles: division by zero and overflow are errors, NaN and infinity are not")
  func doubles() throws {
    #expect(throws: StoaError.self) { try text("/", [.double(1), .double(0)]) }
    #expect(throws: StoaError.self) { try text("*", [.double(1e300), .double(1e300)]) }
    #expect(try text("/", [.double(.nan), .double(0)]) == "nan DOUBLE")
    #expect(try text("+", [.double(.infinity), .double(1)]) == "inf DOUBLE")
  }

  @Test("dates and intervals")
  func dates() throws {
    #expect(try text("+", [.date("2024-02-28"), .integer(2)]) == "2024-03-01 DATE")
    #expect(try text("-", [.date("2024-01-01"), .integer(1)]) == "2023-12-31 DATE")
    #expect(
      try text("+", [.date("2024-01-31"), .interval("1 month")]) == "2024-02-29 00:00:00 TIMESTAMP")
    #expect(
      try text("-", [.timestamp("2024-03-01 00:00:00"), .interval("1 second")])
        == "2024-02-29 23:59:59 TIMESTAMP")
    #expect(
      try text("-", [.timestamp("2024-03-02 06:00:00"), .timestamp("2024-02-28 00:00:00")])
        == "3 days 06:00:00 INTERVAL")
    #expect(
      try text("*", [.interval("1 month 2 days"), .integer(3)]) == "3 mons 6 days INTERVAL")
    #expect(throws: StoaError.self) {
      try text("+", [.date("5800000-01-01"), .integer(2_000_000_000)])
    }
    let month = Interval(months: 1)
    let thirty = Interval(days: 30)
    let equal = try Comparison.compare(
      .equal, Vector(constant: .integer(month.packed), type: .interval, count: 1),
      Vector(constant: .integer(thirty.packed), type: .interval, count: 1))
    #expect(equal.value(at: 0) == .boolean(true))
  }

  @Test("functions take the least and greatest integers without a trap")
  func extremes() throws {
    let least = Int(Int64.min)
    let greatest = Int(Int64.max)
    for value in [least, greatest, 0, -1] {
      for name in ["left", "right", "repeat", "lpad", "rpad", "substring"] {
        _ = try? text(name, [.text("étoile"), .integer(value)])
      }
      _ = try? text("substring", [.text("étoile"), .integer(value), .integer(greatest)])
      _ = try? text("split_part", [.text("a,b"), .text(","), .integer(value)])
      _ = try? text("make_date", [.integer(value), .integer(value), .integer(value)])
      _ = try? text("chr", [.integer(value)])
      _ = try? text("round", [.integer(value), .integer(value)])
      _ = try? text("round", [.double(2.5), .integer(value)])
      _ = try? text("round", [.decimal("2.55"), .integer(value)])
      _ = try? text("<<", [.integer(1), .integer(value)])
      _ = try? text("abs", [.integer(value)])
      _ = try? text("date_add", [.timestamp("2024-01-01"), .interval("\(value) days")])
    }
    #expect(throws: StoaError.self) { try text("repeat", [.text("ab"), .integer(greatest)]) }
    #expect(try text("substring", [.text("abc"), .integer(-1), .integer(3)]) == "a VARCHAR")
    #expect(try text("left", [.text("étoile"), .integer(-2)]) == "étoi VARCHAR")
  }
}
