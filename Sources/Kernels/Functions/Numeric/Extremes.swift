import Vectors

/// greatest and least: arguments of one type, NULLs ignored, NULL when all are.
enum Extremes {
  static func resolve(
    _ name: String, _ arguments: ScalarFunction.Arguments, wantsGreatest: Bool
  ) -> BoundFunction? {
    guard let first = arguments.types.first else { return nil }
    var type = first
    var literal = arguments.literal(0)
    for (number, other) in arguments.types.enumerated().dropFirst() {
      guard
        let common = ImplicitCast.commonType(
          type, literal: literal, other, literal: arguments.literal(number))
      else { return nil }
      literal = nil
      type = common
    }
    let result = type
    return .make(name, arguments.types.map { _ in result }, result, propagatesNull: false) {
      (arguments: [Vector], count: Int) throws(StoaError) -> Vector in
      var best = arguments[0]
      for candidate in arguments.dropFirst() {
        best = try better(best, candidate, count, wantsGreatest)
      }
      return best
    }
  }

  /// Row by row the greater (or lesser) of two, or the one that is not NULL.
  private static func better(
    _ left: Vector, _ right: Vector, _ count: Int, _ wantsGreatest: Bool
  ) throws(StoaError) -> Vector {
    let takesRight = try Comparison.compare(wantsGreatest ? .less : .greater, left, right)
      .flattened()
    var builder = VectorBuilder(type: left.type, capacity: left.count + right.count)
    builder.append(left)
    builder.append(right)
    let both = builder.finish()
    let positions = Buffer(of: UInt32.self, count: max(1, count))
    let target = positions.typed(UInt32.self)
    takesRight.withValues(as: UInt8.self) { bytes in
      for row in 0..<count {
        let isRight = takesRight.isValid(row) ? bytes[row] != 0 : !left.isValid(row)
        target[row] = UInt32(truncatingIfNeeded: isRight ? row + count : row)
      }
    }
    return both.gather(UnsafePointer(target), count: count)
  }
}

extension ScalarFunction {
  static let greatest = ScalarFunction(
    "greatest", .conditional, help: "The greatest of its arguments, NULLs ignored",
    example: .init(.integer(1), .null, .integer(3), gives: "3"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Extremes.resolve("greatest", arguments, wantsGreatest: true)
    })

  static let least = ScalarFunction(
    "least", .conditional, help: "The least of its arguments, NULLs ignored",
    example: .init(.integer(4), .integer(2), .integer(8), gives: "2"),
    .computed { (arguments: Arguments) throws(StoaError) -> BoundFunction? in
      Extremes.resolve("least", arguments, wantsGreatest: false)
    })
}
