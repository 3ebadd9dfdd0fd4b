import Testing
import Vectors

@testable import Kernels

@Suite("Comparison")
struct ComparisonTests {
  private let samples: [(LogicalType, [Value])] = [
    (.boolean, [.boolean(true), .boolean(false), .null]),
    (.tinyint, [-128, 127, 0].map { .integer($0) } + [.null]),
    (.smallint, [-5, 300, 0].map { .integer($0) }),
    (.integer, [7, -7, 7].map { .integer($0) } + [.null]),
    (.bigint, [1 << 40, -(1 << 40), 0].map { .integer($0) }),
    (.hugeint, [1 << 100, -(1 << 100), 0].map { .integer($0) } + [.null]),
    (.real, [1.5, .nan, -0.0, 0, -.infinity].map { .double($0) }),
    (.double, [1.5, .nan, -0.0, 0, .infinity, .nan].map { .double($0) } + [.null]),
    (
      .varchar,
      ["", "a", "ab", "a much longer text", "a much longer text!", "é", "Z"].map { .string($0) } + [
        .null
      ]
    ),
  ]

  private func expected(_ op: ComparisonOperator, _ a: Value, _ b: Value) -> Value {
    if a.isNull || b.isNull { return .null }
    return switch op {
    case .equal: .boolean(a == b)
    case .notEqual: .boolean(a != b)
    case .less: .boolean(a < b)
    case .lessOrEqual: .boolean(!(b < a))
    case .greater: .boolean(b < a)
    case .greaterOrEqual: .boolean(!(a < b))
    }
  }

  @Test("all operators on all types, rows with rows and rows with a constant on either side")
  func operators() throws {
    for (type, values) in samples {
      let rows = Vector.make(type, values)
      for op in ComparisonOperator.allCases {
        for value in values {
          let constant = Vector(constant: value, type: type, count: values.count)
          let wanted = values.map { expected(op, $0, value) }
          #expect(try Comparison.compare(op, rows, constant).allValues == wanted, "\(type) \(op)")
          #expect(try Comparison.compare(op, rows, constant.flattened()).allValues == wanted)
          #expect(try Comparison.compare(op.mirrored, constant, rows).allValues == wanted)
        }
      }
    }
  }

  @Test("least and greatest follow the same order")
  func extremes() {
    for (type, values) in samples {
      let present = values.filter { !$0.isNull }.sorted()
      let found = Comparison.extremes(Vector.make(type, values))
      #expect(found?.least == present.first && found?.greatest == present.last, "\(type)")
    }
    #expect(Comparison.extremes(Vector.nulls(type: .integer, count: 3)) == nil)
  }
}
