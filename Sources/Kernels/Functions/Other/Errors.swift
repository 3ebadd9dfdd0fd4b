import Vectors

extension ScalarFunction {
  static let error = ScalarFunction(
    "error", .other, help: "Ends the statement with this message where it is evaluated",
    example: .init(.null, gives: "NULL"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      guard arguments.types.count == 1, [.varchar, .null].contains(arguments.types[0]) else {
        return nil
      }
      return .make("error", [.varchar], .null, isDeterministic: false) {
        (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
        for row in 0..<count {
          if case .string(let message) = arguments[0].value(at: row) {
            throw StoaError(.evaluation, message)
          }
        }
        return Vector(constant: .null, type: .null, count: count)
      }
    })

  /// Counts per row the arguments that are NULL, or are not.
  private static func nullCount(
    _ name: String, help: String, example: Example, ofNulls: Bool
  ) -> ScalarFunction {
    ScalarFunction(
      name, .conditional, help: help, example: example,
      .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
        guard !arguments.types.isEmpty else { return nil }
        return .make(name, arguments.types, .integer, propagatesNull: false) {
          (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
          let result = FlatResult<Int32>(count: count)
          for row in 0..<count {
            var found: Int32 = 0
            for argument in arguments where argument.isValid(row) != ofNulls { found += 1 }
            result.values[row] = found
          }
          return result.vector(.integer, count: count)
        }
      })
  }

  static let nullsCount = nullCount(
    "num_nulls", help: "How many of its arguments are NULL",
    example: .init(.integer(1), .null, .null, gives: "2"), ofNulls: true)
  static let valuesCount = nullCount(
    "num_nonnulls", help: "How many of its arguments are not NULL",
    example: .init(.integer(1), .null, .null, gives: "1"), ofNulls: false)
}
