import Testing
import Vectors

@testable import Kernels

@Suite("Casts")
struct CastTests {
  private static let types: [LogicalType] = [
    .boolean, .tinyint, .smallint, .integer, .bigint, .hugeint, .real, .double,
    .decimal(precision: 4, scale: 1), .decimal(precision: 9, scale: 3),
    .decimal(precision: 18, scale: 6),
    .decimal(precision: 38, scale: 10), .decimal(precision: 38, scale: 0), .varchar, .date,
    .timestamp,
    .interval, .utinyint, .usmallint, .uinteger, .ubigint, .time, .timestampTZ, .uuid, .blob,
    .enumeration(EnumType(labels: ["x", "1", "true"])),
  ]

  /// Values of a type at and near its limits, and NULL.
  private func samples(_ type: LogicalType) -> [Value] {
    func integers<T: FixedWidthInteger>(_: T.Type) -> [Value] {
      ([T.min, T.min + 1, -1, 0, 1, 99, T.max - 1, T.max] as [T]).map { .integer(Int128($0)) }
    }
    switch type {
    case .boolean, .null: return [.boolean(true), .boolean(false), .null]
    case .tinyint: return integers(Int8.self) + [.null]
    case .smallint: return integers(Int16.self) + [.null]
    case .integer, .date: return integers(Int32.self) + [.null]
    case .bigint, .timestamp: return integers(Int64.self) + [.null]
    case .hugeint, .interval: return integers(Int128.self) + [.null]
    case .real:
      return [0, 1.5, -2.5, 3.4e38, -3.4e38].map { .double(Double(Float($0))) } + [
        .double(.nan), .double(.infinity), .null,
      ]
    case .double:
      return [0, 1.5, 2.5, -2.5, 1e18, 1e39, -1e300, 0.285, .nan, -.infinity].map { .double($0) }
        + [.null]
    case .decimal(let precision, _):
      let limit = PowersOfTen.integer(Int(precision))
      return [
        .integer(limit - 1), .integer(1 - limit), .integer(0), .integer(15), .integer(-25), .null,
      ]
    case .utinyint: return integers(UInt8.self).filter { $0.integer! >= 0 } + [.null]
    case .usmallint: return [.integer(0), .integer(65_535), .null]
    case .uinteger: return [.integer(0), .integer(4_294_967_295), .null]
    case .ubigint: return [.integer(0), .integer(Int128(UInt64.max)), .null]
    case .time: return [.integer(0), .integer(86_399_999_999), .integer(86_400_000_000), .null]
    case .timestampTZ: return integers(Int64.self) + [.null]
    case .uuid: return integers(Int128.self) + [.null]
    case .blob: return [.bytes([]), .bytes([0, 255, 97]), .null]
    case .enumeration: return [.integer(0), .integer(2), .null]
    case .varchar:
      return [
        "", " 1 ", "1.5", "-128", "2024-02-29", "2024-02-29 12:34:56.789", "true", "x", "1e400",
        "3 days",
        String(repeating: "9", count: 60),
      ].map { .string($0) } + [.null]
    }
  }

  @Test(
    "every pair of types: TRY never fails, NULL stays NULL, values agree with casting one by one")
  func matrix() throws {
    for source in CastTests.types {
      let values = samples(source)
      let vector = Vector.make(source, values)
      for target in CastTests.types {
        guard Cast.isAllowed(from: source, to: target) else {
          #expect(throws: StoaError.self) { try Cast.apply(vector, to: target) }
          continue
        }
        let tried = try Cast.apply(vector, to: target, isTry: true)
        #expect(tried.type == target && tried.count == values.count)
        for (row, value) in values.enumerated() {
          let one = try? Cast.apply(value, from: source, to: target)
          #expect(tried.value(at: row) == (one ?? .null), "\(value) from \(source) to \(target)")
          if value.isNull { #expect(one?.isNull == true) }
        }
      }
    }
  }

  @Test("to text and back is the identity")
  func throughText() throws {
    for type in CastTests.types where type != .interval && type != .varchar {
      let vector = Vector.make(type, samples(type))
      let text = try Cast.apply(vector, to: .varchar)
      #expect(try Cast.apply(text, to: type).allValues == vector.allValues, "\(type)")
    }
  }

  private func cast(_ value: Value, _ source: LogicalType, _ target: LogicalType) throws -> Value {
    try Cast.apply(value, from: source, to: target)
  }

  @Test("floats round to even as integers and half away from zero as decimals")
  func floats() throws {
    #expect(try cast(.double(2.5), .double, .integer) == .integer(2))
    #expect(try cast(.double(3.5), .double, .integer) == .integer(4))
    #expect(try cast(.double(-2.5), .double, .tinyint) == .integer(-2))
    #expect(try cast(.double(0.285), .double, .decimal(precision: 9, scale: 2)) == .integer(29))
    #expect(
      try cast(.double(9.223372036854775e18), .double, .bigint)
        == .integer(9_223_372_036_854_774_784))
    #expect(throws: StoaError.self) { try cast(.double(9.3e18), .double, .bigint) }
    #expect(throws: StoaError.self) { try cast(.double(.nan), .double, .integer) }
    #expect(throws: StoaError.self) { try cast(.double(1e39), .double, .real) }
  }

  @Test("decimals round half away from zero, up to integers and to smaller scales")
  func decimals() throws {
    let type = LogicalType.decimal(precision: 9, scale: 2)
    #expect(try cast(.integer(250), type, .integer) == .integer(3))
    #expect(try cast(.integer(-250), type, .integer) == .integer(-3))
    #expect(try cast(.integer(249), type, .integer) == .integer(2))
    #expect(try cast(.integer(1995), type, .decimal(precision: 3, scale: 1)) == .integer(200))
    #expect(throws: StoaError.self) {
      try cast(.integer(99_995), type, .decimal(precision: 4, scale: 1))
    }
  }

  @Test("errors name the value and the type")
  func messages() {
    func message(_ value: Value, _ source: LogicalType, _ target: LogicalType) -> String {
      do {
        _ = try Cast.apply(value, from: source, to: target)
        return ""
      } catch { return error.message }
    }
    #expect(message(.string("x"), .varchar, .integer) == "cannot convert 'x' to INTEGER")
    #expect(
      message(.string("300"), .varchar, .tinyint) == "cannot convert '300' to TINYINT: out of range"
    )
    #expect(
      message(.integer(300), .integer, .tinyint) == "INTEGER value 300 is out of range for TINYINT")
  }

  @Test("common types of operands")
  func common() {
    #expect(ImplicitCast.commonType(.smallint, .bigint) == .bigint)
    #expect(
      ImplicitCast.commonType(.integer, .decimal(precision: 5, scale: 2))
        == .decimal(precision: 12, scale: 2))
    #expect(ImplicitCast.commonType(.real, .integer) == .double)
    #expect(ImplicitCast.commonType(.date, .timestamp) == .timestamp)
    #expect(ImplicitCast.commonType(.varchar, .integer) == nil)
    #expect(
      ImplicitCast.commonType(.varchar, literal: .string("1"), .integer, literal: nil) == .integer)
    #expect(
      ImplicitCast.commonType(.smallint, literal: nil, .integer, literal: .integer(5)) == .smallint)
    #expect(
      ImplicitCast.commonType(.smallint, literal: nil, .integer, literal: .integer(50_000))
        == .integer)
    for left in CastTests.types {
      for right in CastTests.types {
        #expect(ImplicitCast.commonType(left, right) == ImplicitCast.commonType(right, left))
      }
    }
  }
}
