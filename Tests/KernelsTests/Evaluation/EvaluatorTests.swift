import Testing
import Vectors

@testable import Kernels

@Suite("Expression evaluator")
struct EvaluatorTests {
  private func bind(_ name: String, _ arguments: Expression...) throws -> Expression {
    try FunctionRegistry.bind(name, arguments)
  }
  private let x = Expression.column(0, .integer)
  private func int(_ value: Int) -> Expression { .constant(.integer(Int128(value)), .integer) }

  /// The same values in every form a vector can have.
  private func forms(_ values: [Value]) -> [Vector] {
    let flat = Vector.make(.integer, values)
    let entries = Vector.make(.integer, [0, 1, 2, 3, 7] as [Int32])
    let codes = Buffer(of: UInt32.self, count: values.count)
    for (row, value) in values.enumerated() {
      codes.typed(UInt32.self)[row] = UInt32(
        [0, 1, 2, 3, 7].firstIndex(of: value.integer ?? 0) ?? 0)
    }
    let dictionary = Vector(
      codes: codes, count: values.count, dictionary: entries,
      validity: .make(count: values.count) { !values[$0].isNull })
    let ends = Buffer(of: UInt32.self, count: values.count)
    for row in values.indices { ends.typed(UInt32.self)[row] = UInt32(row + 1) }
    let runs = Vector(runEnds: ends, values: flat, count: values.count)
    return [flat, dictionary, runs]
  }

  @Test("operands of AND and CASE run only for rows that need them, in every form")
  func lazy() throws {
    let values: [Value] = [.integer(2), .integer(0), .null, .integer(1), .integer(7)]
    let quotient = try bind("/", int(2), x)
    let nonzero = Expression.comparison(.notEqual, x, int(0))
    let guarded = Expression.and([nonzero, .comparison(.greater, quotient, int(0))])
    let choice = Expression.conditional(
      [ConditionalBranch(condition: nonzero, result: quotient)], otherwise: int(-1), type: .integer)
    for vector in forms(values) {
      let batch = Batch(columns: [vector], rowCount: values.count)
      #expect(try guarded.filter(batch).array == [0, 3])
      #expect(
        try guarded.evaluate(batch).allValues
          == [.boolean(true), .boolean(false), .null, .boolean(true), .boolean(false)])
      #expect(
        try choice.evaluate(batch).allValues
          == [.integer(1), .integer(-1), .integer(-1), .integer(2), .integer(0)])
      #expect(throws: StoaError.self) { try quotient.evaluate(batch) }
    }
  }

  @Test("a dictionary entry that no row uses raises no error")
  func unusedEntry() throws {
    let quotient = try bind("/", int(6), x)
    let vector = forms([.integer(2), .integer(3), .integer(2), .integer(1), .integer(3), .null])[1]
    let batch = Batch(columns: [vector], rowCount: 6)
    #expect(
      try quotient.evaluate(batch).allValues
        == [.integer(3), .integer(2), .integer(3), .integer(6), .integer(2), .null])
  }

  @Test("IS NULL, IS DISTINCT FROM and IN know three values in every form")
  func threeValues() throws {
    let values: [Value] = [.integer(2), .integer(0), .null, .integer(1), .integer(7), .integer(3)]
    for vector in forms(values) {
      let batch = Batch(columns: [vector], rowCount: values.count)
      #expect(try Expression.isNull(x, isNegated: false).filter(batch).array == [2])
      let distinct = Expression.isDistinct(x, .constant(.null, .integer), isNegated: false)
      #expect(try distinct.filter(batch).array == [0, 1, 3, 4, 5])
      let isIn = Expression.inSet(x, values: [.integer(7), .integer(2)], hasNull: true)
      #expect(
        try isIn.evaluate(batch).allValues
          == [.boolean(true), .null, .null, .null, .boolean(true), .null])
      #expect(try Expression.not(isIn).filter(batch).array == [])
    }
  }

  @Test("overflow is an error of the row, not of a NULL slot")
  func overflow() throws {
    let least = Int(Int32.min)
    let sum = try bind("+", x, x)
    let big = Batch(columns: [Vector.make(.integer, [Int32.max, 1])], rowCount: 2)
    #expect(throws: StoaError.self) { try sum.evaluate(big) }
    let quotient = try bind("/", int(least), int(-1))
    #expect(throws: StoaError.self) { try quotient.evaluateConstant() }
    #expect(try bind("%", int(least), int(-1)).evaluateConstant() == .integer(0))
    let buffer = Buffer(of: Int32.self, count: 2)
    buffer.typed(Int32.self)[0] = .max
    buffer.typed(Int32.self)[1] = 4
    let hidden = Vector(
      flat: buffer, type: .integer, count: 2, validity: .make(count: 2) { $0 == 1 })
    #expect(
      try sum.evaluate(Batch(columns: [hidden], rowCount: 2)).allValues == [.null, .integer(8)])
  }
}
